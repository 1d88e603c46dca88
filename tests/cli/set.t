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
check "the range" "set cache_limit 65" 1 "takes 0 to 64"
check "the kernel's caret" "set cache_limit 65" 1 '^ +\^$'
check "below the range" "set cache_limit -1" 1 "out of range"
check "area_pages 0" "set area_pages 0" 1 "takes 1 to 16"
check "not a number" "set cache_limit many" 1 "does not take this value"
check "the kernel's reason for that" "set cache_limit many" 1 "Not a number"
check "a number and more" "set cache_limit 8x" 1 "does not take this value"

stale() { printf '[    1.000000] hist:sched: error: An old one\n  Command: x\n           ^\n' >"$fake/error_log"; }
SETUP=stale
check "an old line of error_log is not ours" "set --tid 77777 8" 1 "No thread with this ID" "An old one"
SETUP=

check "no such knob" "set frob 1" 2 "no knob 'frob'"
check "the knobs that there are" "set frob 1" 2 "this kernel has: area_pages cache_limit emulate enable exits$"
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
check_file "nothing is left of it" task_limits ""

others() { echo "17 3" >"$fake/uprobe_slots/task_limits"; }
SETUP=others
check "the limits of other tasks stay" "set --tid 4242 16" 0
check_file "both are there" task_limits "$(printf '17 3\n4242 16')"
SETUP=

check "a task that is gone" "set --tid 77777 8" 1 "no such task"
check "the limit of a task above the range" "set --tid 4242 65" 1 "out of range"
check "the range for that" "set --tid 4242 65" 1 "takes 0 to 64"
check_file "nothing was set" task_limits ""
check "no limit" "set --tid 4242" 2 "one LIMIT"
check "a knob and a task" "set --tid 4242 cache_limit 8" 2 "one LIMIT"
check "two tasks" "set --tid 1 --tid 2 8" 2 "one of --tid"
check "no task ID: a word" "set --tid init 8" 2 "no task ID"
check "no task ID: 0" "set --tid 0 8" 2 "no task ID"
check "no task ID: negative" "set --tid -5 8" 2 "no task ID"
check "no task ID: too large" "set --tid 4294967296 8" 2 "no task ID"
check "no task ID: two lines" "set --tid \$'1\n2' 8" 2 "no task ID"
check "no limit: a word" "set --tid 4242 lots" 2 "no limit"
check "--tid without a number" "set --tid" 2 "set --help"
check "set has no such option" "set --frob 1" 2 "set --help"
check "set --help" "set --help" 0 "^usage: uprobe-slots set .*NAME VALUE"

# Processes of this machine: the fake kernel knows them.
start_threads 3 victim
check "every thread of a process" "set --pid $pid 16" 0 "^process $pid: 3 tasks, limit 16$"
check_file "all are there" task_limits "$(thread_lines 16)"
check "-p N" "set -p $pid 16" 0 "3 tasks"
check "one process of one thread" "set --pid $$ 5" 0 "1 task, limit 5$"
with_limit() { echo "$pid 5" >"$fake/uprobe_slots/task_limits"; }
SETUP=with_limit
check "default takes it away from all" "set --pid $pid default" 0 "3 tasks, no limit of its own"
check_file "none is left" task_limits ""
check "--dry-run" "set --dry-run --pid $pid 7" 0 "^task $pid: limit 5 -> 7$"
check "--dry-run shows those without" "set -n --pid $pid 7" 0 "limit default -> 7$"
check_file "nothing was changed" task_limits "$pid 5"
check "--dry-run --json" "set -n --json --pid $pid 7" 0 '"tid":'"$pid"',"from":"5","to":"7"'
check "--dry-run refuses what the kernel would" "set -n --pid $pid 65" 1 "out of range.*0 to 64"
SETUP=
check "--dry-run of a knob" "set --dry-run cache_limit 16" 0 "^cache_limit: 8 -> 16$"
check_file "is not written" cache_limit 8
check "--dry-run of a knob out of range" "set -n area_pages 17" 1 "1 to 16"
check "--dry-run of a task that is gone" "set -n --tid 4194303 7" 1 "no such task"
check "--json" "set --json cache_limit 16" 0 '^\{"knob":"cache_limit","from":"8","to":"16"\}$'
check "--json of a limit" "set --json --pid $pid 3" 0 '"limit":"3","tasks":3'

check "--comm" "set --comm victim 9" 0 "^tasks named victim: 3 tasks, limit 9$"
check_file "those and no others" task_limits "$(thread_lines 9)"
check "--comm with a glob" "set --comm 'vic[tT]i?' 9" 0 "3 tasks"
check "--comm says what it misses" "set --comm 'victi*' 9" 0 "come later are missed"
check "--comm that matches nothing" "set --comm no-such-name 9" 1 "no task"
check "an empty --comm" "set --comm '' 9" 2 "empty --comm"

# One of them ends between the reading and the writing.
background sleep 60
other=$pid
AS="env FAKE_KILL=$other"
check "a process that ends meanwhile" "set --pid $other 9" 1 "no such process"
check_file "nothing was set" task_limits ""
cp /bin/sleep "$WORK/doomed"
background "$WORK/doomed" 60
first=$pid
background "$WORK/doomed" 60
second=$pid
AS="env FAKE_KILL=$second"
check "one of many that ends meanwhile is dropped" "set --comm doomed 9" 0 "1 task, limit 9"
check_file "the others are set" task_limits "$first 9"
start_threads 3 mortal
AS="env FAKE_KILL=$pid"
check "the task that is meant ends meanwhile" "set --tid $pid 9" 1 "no such task"
check "and is gone" "set --pid $pid 9" 1 "no such process"

# A thread that comes meanwhile is found; a failure then undoes the first round.
start_threads 3 grower
AS="env FAKE_GROW=$pid"
check "a thread that comes meanwhile" "set --pid $pid 12" 0 "4 tasks, limit 12"
check_file "has it too" task_limits "$(thread_lines 12)"
with_limit() { echo "$pid 5" >"$fake/uprobe_slots/task_limits"; }
SETUP=with_limit
AS="env FAKE_GROW=$pid FAKE_FAIL=2"
check "a failure half way" "set --pid $pid 13" 1 "task_limits: Input/output error"
check_file "all is as it was" task_limits "$pid 5"
SETUP=
AS=

fake_cgroup() {
	mkdir -p "$WORK/cgroup/app/worker"
	: >"$WORK/cgroup/app/cgroup.procs"
	echo "$$" >"$WORK/cgroup/app/cgroup.threads"
	echo 4242 >"$WORK/cgroup/app/worker/cgroup.threads"
	echo "cgroup2 $WORK/cgroup cgroup2 rw 0 0" >"$WORK/mounts"
}
fake_cgroup
AS="env FAKE_MOUNTS=$WORK/mounts"
check "--cgroup by its path in the file system" "set --cgroup $WORK/cgroup/app 4" 0 "2 tasks, limit 4"
check_file "those below it too" task_limits "$(printf '%s 4\n' 4242 $$ | sort -n)"
check "--cgroup as /proc/PID/cgroup has it" "set --cgroup /app/worker 4" 0 "1 task, limit 4"
check "--cgroup says what it misses" "set --cgroup /app/worker 4" 0 "come later are missed"
check "no such cgroup" "set --cgroup /nothing 4" 1 "no cgroup /nothing"
check "no way out of the cgroups" "set --cgroup /app/../../etc 4" 2 "no path of a cgroup"
check "an empty cgroup path" "set --cgroup '' 4" 2 "no path of a cgroup"
AS=

check "no process ID: a word" "set --pid init 8" 2 "no process ID"
check "no process ID: 0" "set --pid 0 8" 2 "no process ID"
check "a process that is gone" "set --pid 4194303 8" 1 "no such process"
check "a process and a task" "set --pid 1 --tid 1 8" 2 "one of --tid"
check "a limit for --pid that is no number" "set --pid $$ -1" 2 ""
check "a limit of many digits" "set --tid 4242 00000000008" 2 "no limit"
check "a process and a knob" "set --pid $$ cache_limit 8" 2 "one LIMIT"
check "an unknown knob with --json" "set --json frob 1" 2 "no knob"

check "a knob with words" "set exits step" 0 "^exits: jump -> step$"
check_file "is written" exits step
check "another word" "set exits trap" 0 "^exits: jump -> trap$"
check "a word that it does not take" "set exits none" 1 "exits none: the kernel does not take this value \(it takes step, trap or jump\)"
check_file "nothing changed" exits jump
check "the kernel's reason for that" "set exits 1" 1 "Expected 'step', 'trap' or 'jump'"
check "words have one case" "set exits JUMP" 1 "does not take this value"
check "--dry-run of a word" "set -n exits trap" 0 "^exits: jump -> trap$"
check "--dry-run of a word that it does not take" "set -n exits sideways" 1 "it takes step, trap or jump"
check "emulate" "set emulate 0" 0 "^emulate: 1 -> 0$"
check_file "is written" emulate 0
check "emulate above the range" "set emulate 2" 1 "takes 0 or 1"
newer() { echo sometimes >"$fake/uprobe_slots/steps"; chmod 640 "$fake/uprobe_slots/steps"; }
SETUP=newer
check "a knob with words, of a newer kernel" "set steps never" 0 "^steps: sometimes -> never$"
check_file "is written" steps never

test_end
