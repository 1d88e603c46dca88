#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# set: knobs and the limit of a task
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin

check "a knob" "set cache_limit 16" 0 "^cache_limit: 8 -> 16$"
check_file "is written" cache_limit 16
check "a shorter value leaves nothing behind" "set cache_limit 64 && $TOOL set cache_limit 0" 0 "64 -> 0$"
check_file "is written whole" cache_limit 0
check "reuse off" "set enable 0" 0 "^enable: 1 -> 0$"
check "the highest area_pages" "set area_pages 16" 0 "^area_pages: 4 -> 16$"

check "above the range" "set cache_limit 65" 1 "cache_limit 65: out of range"
check_file "nothing changed" cache_limit 8
check "the kernel's reason" "set cache_limit 65" 1 "Value must be 0 to 64"
check "the kernel's caret" "set cache_limit 65" 1 '^ +\^$'
check "below the range" "set cache_limit -1" 1 "out of range"
check "area_pages 0" "set area_pages 0" 1 "Value must be 1 to 16"
check "not a number" "set cache_limit many" 1 "does not take this value"
check "the kernel's reason for that" "set cache_limit many" 1 "Not a number"
check "a number and more" "set cache_limit 8x" 1 "does not take this value"

stale() { printf '[    1.000000] hist:sched: error: An old one\n  Command: x\n           ^\n' >"$fake/error_log"; }
SETUP=stale
check "an old line of error_log is not ours" "set --tid 77777 8" 1 "No such task" "An old one"
SETUP=

check "no such knob" "set frob 1" 2 "no knob 'frob'"
check "the knobs that there are" "set frob 1" 2 "this kernel has: area_pages cache_limit enable$"
check "stats is no knob" "set stats 0" 2 "no knob 'stats'"
check_file "stats was left alone" stats "$(fake_kernel; cat "$fake/uprobe_slots/stats")"
check "task_limits is no knob" "set task_limits 0" 2 "no knob"
check "no way out of the directory" "set ../error_log 1" 2 "no knob"
check "no value" "set cache_limit" 2 "a NAME and a VALUE"
check "nothing" "set" 2 "a NAME and a VALUE"
check "two values" "set cache_limit 1 2" 2 "a NAME and a VALUE"
check "an empty value" "set cache_limit ''" 2 "one word"
check "two words" "set cache_limit '1 2'" 2 "one word"
check "two lines" "set cache_limit \$'1\n2'" 2 "one word"
check "a very long value" "set cache_limit $(printf '%0200d' 1)" 2 "too long"

check "the limit of a task" "set --tid 4242 16" 0 "^task 4242: limit 16$"
check_file "is one line" task_limits "4242 16"
check "--tid=N" "set --tid=4242 0" 0 "^task 4242: limit 0$"
check "-t N" "set -t 4242 64" 0 "^task 4242: limit 64$"
check "default takes it away" "set --tid 4242 default" 0 "no limit of its own"
check_file "as the kernel wants it" task_limits "4242 -"

others() { echo "17 3" >"$fake/uprobe_slots/task_limits"; }
SETUP=others
check "the limits of other tasks stay" "set --tid 4242 16" 0
check_file "both are there" task_limits "$(printf '17 3\n4242 16')"
SETUP=

check "a task that is gone" "set --tid 77777 8" 1 "no such task"
check "the limit of a task above the range" "set --tid 4242 65" 1 "out of range"
check "the kernel's reason for that" "set --tid 4242 65" 1 "Limit must be 0 to 64"
check_file "nothing was set" task_limits ""
check "no limit" "set --tid 4242" 2 "one LIMIT"
check "a knob and a task" "set --tid 4242 cache_limit 8" 2 "one LIMIT"
check "two tasks" "set --tid 1 --tid 2 8" 2 "one --tid"
check "no task ID: a word" "set --tid init 8" 2 "no task ID"
check "no task ID: 0" "set --tid 0 8" 2 "no task ID"
check "no task ID: negative" "set --tid -5 8" 2 "no task ID"
check "no task ID: too large" "set --tid 4294967296 8" 2 "no task ID"
check "no task ID: two lines" "set --tid \$'1\n2' 8" 2 "no task ID"
check "no limit: a word" "set --tid 4242 lots" 2 "no limit"
check "--tid without a number" "set --tid" 2 "set --help"
check "set has no such option" "set --frob 1" 2 "set --help"
check "set --help" "set --help" 0 "^usage: uprobe-slots set NAME VALUE"

test_end
