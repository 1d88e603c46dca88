#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# save and restore: the knobs as a file
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin
conf=$WORK/knobs.conf

conf() {	# LINES...
	printf '%b\n' "$@" >"$conf"
}

check "save to stdout" "save -" 0 "^cache_limit 8$"
check "save to a file" "save $conf && cat $conf" 0 "^area_pages 4$"
check "all knobs, nothing else" "save - | grep -vc '^#'" 0 "^5$"
check "no limits of tasks" "save -" 0 "" "task"
check "all of them" "save - | grep -v '^#' | tr '\n' ' '" 0 "^area_pages 4 cache_limit 8 emulate 1 enable 1 exits jump $"
check "restore of save is the identity" "save $conf && $TOOL restore $conf" 0 "" "->"
check "restore of save after a change" "save $conf && $TOOL set cache_limit 3 && $TOOL set enable 0 && $TOOL restore $conf && $TOOL save - | cmp - $conf && echo same" \
	0 "^same$"
check "all five knobs" "save $conf && for k in 'area_pages 9' 'cache_limit 3' 'emulate 0' 'enable 0' 'exits step'; do $TOOL set \$k || exit; done >/dev/null && $TOOL restore $conf | wc -l && $TOOL save - | cmp - $conf && echo same" 0 "^same$"
check "exits" "save $conf && $TOOL set exits step && $TOOL restore $conf" 0 "^exits: step -> jump$"
check "it says what has changed" "save $conf && $TOOL set cache_limit 3 && $TOOL restore $conf" 0 "^cache_limit: 3 -> 8$"
check "from stdin" "save - | sed 's/cache_limit 8/cache_limit 9/' | $PRELOAD $TOOL restore -" 0 "^cache_limit: 8 -> 9$"
newer() { echo sometimes >"$fake/uprobe_slots/steps"; chmod 640 "$fake/uprobe_slots/steps"; }
SETUP=newer
check "knobs of a newer kernel" "save $conf && $TOOL set steps never && $TOOL restore $conf" 0 "^steps: never -> sometimes$"
SETUP=

conf '# a comment' '' '  cache_limit   16  # behind it' '\tenable\t0'
check "comments, spaces, empty lines" "restore $conf" 0 "^cache_limit: 8 -> 16$"
check_file "and the other knob" enable 0
conf 'cache_limit 16\r'
check "lines that end as DOS's" "restore $conf" 0 "8 -> 16"
printf 'cache_limit 16' >"$conf"
check "no line end at the end" "restore $conf" 0 "8 -> 16"
conf
check "an empty file" "restore $conf" 0 "" "->"

bad() {	# WHAT REGEX LINES...
	local what=$1 regex=$2

	shift 2
	conf "$@"
	check "bad: $what" "restore $conf" 1 "$regex"
	check "nothing was changed" "save - | grep -v '^#' | tr '\n' ' '" 0 "^area_pages 4 cache_limit 8 emulate 1 enable 1 exits jump $"
}
bad "no such knob" "line 2: this kernel has no knob 'frob'" 'cache_limit 16' 'frob 1'
bad "no value" "line 3: there is no value for 'enable'" 'cache_limit 16' '' 'enable'
bad "two values" "line 1: more than one value for 'enable'" 'enable 0 1' 'cache_limit 16'
bad "twice" "line 2: a second value for 'enable'" 'enable 0' 'enable 1'
bad "out of range" "line 2: the value is out of range: '65'" 'enable 0' 'cache_limit 65'
bad "not a number" "line 1: the value is out of range: 'many'" 'cache_limit many'
bad "no word of exits" "line 1: the value is out of range: 'none'" 'exits none'
bad "emulate out of range" "line 1: the value is out of range: '2'" 'emulate 2'
bad "every bad line is named" "line 4: " 'frob 1' 'cache_limit 16' 'enable' 'area_pages 99'
bad "the limit of a task" "no knob 'task_limits'" 'task_limits 5'
bad "a path" "no knob '../error_log'" '../error_log 1'
bad "bytes that are not UTF-8" "no knob '.377.376'" '\0377\0376 1'
bad "another format" "no knob 'cache_limit=16'" 'cache_limit=16'
bad "a very long line" "line 1: this kernel has no knob" "$(printf '%03000d' 1) 1"
conf 'enable 0' 'cache_limit 16'
AS="env FAKE_FAIL=2"
check "a failure half way" "restore $conf" 1 "cache_limit: Input/output error"
check_file "what was written before is written back" enable 1
AS="env FAKE_OPEN_ERRNO=13"
check "not permitted" "restore $conf" 4 "not permitted"
AS=
SETUP=newer
conf 'cache_limit 16' 'steps sideways'
check "a value that only the kernel can judge" "restore $conf" 0 "steps: sometimes -> sideways"
SETUP=

check "no file" "restore" 2 "one FILE"
check "two files" "restore a b" 2 "one FILE"
check "no such file" "restore /no/such" 1 "reading /no/such: No such file"
check "a directory" "restore /etc" 1 "reading /etc: Is a directory"
check "a binary file" "restore /bin/true" 1 "line 1: this kernel has no knob"
check "an endless file would be" "restore /dev/null" 0
check "save: no file" "save" 2 "one FILE"
check "save: an empty name" "save ''" 2 "one FILE"
check "save: no such directory" "save /no/such/file" 1 "writing /no/such/file: No such file"
check "save: a full disk" "save - >/dev/full" 1 "cannot write the output"
check "save leaves no temporary file" "save $conf && ls $WORK" 0 "knobs.conf$" "knobs.conf\."
check "save is readable by all" "save $conf && stat -c %a $conf" 0 "^644$"
check "restore has no such option" "restore --frob" 2 "restore --help"
check "save has no such option" "save --frob" 2 "save --help"
check "restore --help" "restore --help" 0 "^usage: uprobe-slots restore"
check "save --help" "save --help" 0 "^usage: uprobe-slots save"

test_end
