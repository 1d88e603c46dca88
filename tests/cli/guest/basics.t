#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# show, set, run, tasks, watch, save, restore, metrics on known work
# shellcheck source=tests/cli/guest/engine.sh
. "$GUEST_ENGINE"
guest_begin
probe 0 8

# 2 threads, 8 functions, 25 rounds: 400 executions, 8 filled, 8 shared.
check "show" "show >/dev/null && $WORKER 2 8 25 && $TOOL show" 0 "^  slot_hit +384 +[0-9.]+/s$"
also "show: misses" "^  slot_miss +16 "
also "show: ratio" "^hit ratio: 96.00 % of 400 out-of-line"
also "show: nothing to do" "^advice: nothing to do: 96.00 %"
also "show: how they left their slots" "^  slot_exit_jump +400 +[0-9.]+/s$"
check "show: limit 0" "set cache_limit 0 && $WORKER 2 8 25 && $TOOL show" 0 "^advice: 100 % .* cache_limit is 0"
check "show: one page" "set area_pages 1 && $WORKER 2 8 25 && $TOOL show" 0 "^advice: 100 % .* area_pages is 1"
check "show: reuse off" "set enable 0 && $TOOL show" 0 "^advice: reuse is off"
check "show: exits is step" "set exits step && $WORKER 2 8 25 && $TOOL show" 0 "^advice: exits is step: 100 % of the executions"
check "show: exits is trap" "set exits trap && $WORKER 2 8 25 && $TOOL show" 0 "^  slot_exit_trap +400 "
check "show: emulate is 0" "set emulate 0 && $WORKER 2 8 25; $TOOL show" 0 "^advice: emulate is 0: "
check "show: gauges" "show >/dev/null && $TOOL show" 0 "^  slots_live +0$"
check "every counter is shown, once, in the kernel's order" \
	"show | sed -n '/^counters/,/^hit/s/^  \([a-z0-9_]*\) .*/\1/p' | diff - <(cut -d ' ' -f 1 $SLOTS/stats) && echo same" 0 "^same$"
check "every event is known" \
	"trace -e '?' -- true 2>$WORK/said; [ \$? = 2 ] && sed 's/.*has: //' $WORK/said | tr ' ' '\n' | diff - <(cd $TRACING/events/uprobes && ls -d slot_*) && echo same" 0 "^same$"
check "every counter is in metrics" \
	"metrics >$WORK/said && { for name in \$(cut -d ' ' -f 1 $SLOTS/stats); do grep -q \"^# HELP.*The kernel's [a-z]* \$name\.\" $WORK/said || grep -q \"{reason=\\\"\${name#slot_*_}\\\"}\" $WORK/said || echo missing \$name; done; echo all \$(wc -l <$SLOTS/stats); }" 0 "^all [1-9][0-9]$" "missing"

# The bounds that messages tell are the kernel's.
for bound in enable:0:1 emulate:0:1 cache_limit:0:64 area_pages:1:16; do
	IFS=: read -r knob min max <<<"$bound"
	check "$knob: $min" "set $knob $min" 0
	check "$knob: $max" "set $knob $max" 0
	check "$knob: above" "set $knob $((max + 1))" 1 "out of range \(it takes $min (or|to) $max\)"
	check "$knob: the kernel's word" "set $knob $((max + 1))" 1 "Number out of range"
	check "$knob: below" "set $knob $((min - 1))" 1 "it takes $min"
	check "$knob: a word" "set $knob many" 1 "Not a number"
done
for word in step trap jump; do
	check "exits: $word" "set exits $word && cat $SLOTS/exits" 0 "^$word$"
done
for word in none 1 steps; do
	check "exits: not $word" "set exits $word" 1 "does not take this value \(it takes step, trap or jump\)"
	check "exits: the kernel's word for $word" "set exits $word" 1 "Expected 'step', 'trap' or 'jump'"
done
check "the knobs are those of the directory" "show --json | grep -o '\"knobs\":{[^}]*}'" 0 '^"knobs":\{"area_pages":4,"cache_limit":8,"emulate":1,"enable":1,"exits":"jump"\}'

check "run" "run --limit 5 -- sh -c 'cat $SLOTS/task_limits'" 0 "^[0-9]+ 5$"
check "run: the command misses with limit 0" "run --limit 0 -- $WORKER 1 8 10 && grep -w slot_miss_limit $SLOTS/stats" 0 "^slot_miss_limit 80$"
check "run: it hits with enough" "set cache_limit 0 && $TOOL run --limit 8 -- $WORKER 1 8 10 && grep -w slot_hit $SLOTS/stats" 0 "^slot_hit 72$"

worker 3 8
rounds 5
check "tasks" "tasks --pid $pid" 0 "^ +TID +PID +LIMIT "
also "tasks: all three have worked" "^3$" "grep -c ' 32  *8 '"
also "tasks: hits and misses of each" "^ +[0-9]+ +$pid +8 +8 +32 +8 +80.00  slotwork$"
check "tasks --by-process" "tasks -P --pid $pid" 0 "^ +$pid +3 +8 +24 +96 +24 +80.00  slotwork$"
check "tasks are those of the kernel" "tasks --sort tid | awk 'NR > 1 { print \$1, \$2, \$3, \$4, \$5, \$6, \$8 }' | diff - <(tail -n +2 $SLOTS/tasks | sort -n) && echo same" 0 "^same$"
# What happens between the first and the last look, wherever the lines fall.
check "watch" "watch -n 4 -i 1 --json >$WORK/lines & sleep 2; rounds 4; rounds 3; wait \$! && grep -o '\"counters\":{\"slot_hit\":[0-9]*' $WORK/lines | awk -F: '{ sum += \$3 } END { print sum }'" 0 "^168$"
check "watch: no miss" "watch -n 4 -i 1 --json >$WORK/lines & sleep 2; rounds 4; wait \$! && grep -c '\"slot_miss\":0,' $WORK/lines" 0 "^4$"
# 240 hits in an interval of 10 s, of which the tool takes 0.2 s at most to look twice.
check "top in a pipe" "top --json -n 1 -i 10 -p $pid & sleep 3; rounds 10; wait \$!" 0 \
	'"tasks":3,.*"entries":24,"hits":24,"misses":0,"hit_percent":100'
check "set --pid" "set --pid $pid 0 && cat /proc/$pid/comm" 0 "^process $pid: 3 tasks, limit 0$"
check "set --pid: the work feels it" "set --pid $pid 0 && rounds 2 && grep -w slot_miss_limit $SLOTS/stats" 0 "^slot_miss_limit 48$"
check "set --pid default" "set --pid $pid 0 && $TOOL set --pid $pid default && wc -l <$SLOTS/task_limits" 0 "^0$"
check "set --comm" "set --comm 'slotw*' 3 && wc -l <$SLOTS/task_limits" 0 "^3$"
mkdir -p /sys/fs/cgroup/clitest/below
echo "$pid" >/sys/fs/cgroup/clitest/below/cgroup.procs
check "set --cgroup" "set --cgroup /clitest 3 && wc -l <$SLOTS/task_limits" 0 "^3$"
check "set --cgroup by its directory" "set --cgroup /sys/fs/cgroup/clitest/below 4" 0 "3 tasks, limit 4"
check "set --cgroup --dry-run: each of its tasks" \
	"set --cgroup /clitest --dry-run 4 | grep -c '^task [0-9]*: limit default -> 4$'" 0 "^3$"
check_file "... and sets nothing" task_limits ""
echo "$pid" >/sys/fs/cgroup/cgroup.procs
check "set --cgroup: none in it" "set --cgroup /clitest 4" 1 "no task"
rmdir /sys/fs/cgroup/clitest/below /sys/fs/cgroup/clitest
worker_end

# 5,000 threads, also while they come and go.
rm -f "$WORK/out"
"$WORK/threads" 5000 crowd >"$WORK/out" &
crowd=$!
until [ -s "$WORK/out" ]; do sleep 0.1; done
check "5,000 threads" "set --pid $crowd 7 && wc -l <$SLOTS/task_limits" 0 "^5000$"
check "they said how many" "set --pid $crowd 7" 0 "5000 tasks, limit 7"
check "--comm finds them all" "set --comm crowd 7" 0 "5000 tasks, limit 7"
check "a failure changes none" "set --pid $crowd 65; wc -l <$SLOTS/task_limits" 0 "^0$"
also "... and is said" "65: out of range"
# Of the signals that come while one is pending all but one are lost.
check "threads that come meanwhile" "set --pid $crowd 9 & for i in 1 2 3 4 5 6 7 8; do kill -USR1 $crowd; done; wait \$! && sleep 1; a=\$(ls /proc/$crowd/task | wc -l) b=\$(wc -l <$SLOTS/task_limits); echo \$a = \$b; [ \$a = \$b ]" 0 "^500[1-8] = 500[1-8]$"
kill $crowd
wait $crowd 2>/dev/null
check "a process that is gone" "set --pid $crowd 5" 1 "no such process"
check "a task that is gone" "set --tid $crowd 5" 1 "no such task.*has ended"

check "restore of save is the identity" "save $WORK/a && $TOOL set cache_limit 3 && $TOOL set enable 0 && $TOOL set area_pages 16 && $TOOL set exits trap && $TOOL set emulate 0 && $TOOL restore $WORK/a >/dev/null && $TOOL save $WORK/b && cmp $WORK/a $WORK/b && echo same" 0 "^same$"
printf '%s\n' 'area_pages 7' 'cache_limit 999' >"$WORK/bad"
check "restore: a bad value changes nothing" "restore $WORK/bad; cat $SLOTS/area_pages" 0 "^4$"
also "... and is said" "999"
check "metrics" "show >/dev/null && $WORKER 2 8 25 && $TOOL metrics" 0 "^uprobe_slots_hit_total 384$"
also "metrics: how they left their slots" "^uprobe_slots_exit_jump_total 400$"
also "metrics: a knob with words" '^uprobe_slots_knob_info\{name="exits",value="jump"\} 1$'
check "metrics: promtool" "metrics | promtool check metrics && echo good" 0 "^good$"

# Not root, not mounted.
check "not root" "show >/dev/null && setpriv --reuid=65534 --regid=65534 --clear-groups $TOOL show" 4 "not permitted"
for verb in stat trace advise; do
	check "not root: $verb" "show >/dev/null && setpriv --reuid=65534 --regid=65534 --clear-groups $TOOL $verb -- true" 4 "not permitted"
done
umount $TRACING
prepare() { :; }
leftovers() { :; }
PATH_OF_DEBUG=$(awk '$3 == "debugfs" { print $2 }' /proc/mounts)
[ -z "$PATH_OF_DEBUG" ] || umount "$PATH_OF_DEBUG"
check "tracefs is not mounted" "show" 1 "tracefs is not mounted"
check "and it mounted nothing" "show; grep -c tracefs /proc/mounts" 1 "^0$"
mount -t tracefs nodev $TRACING
check "mounted again" "show" 0 "^knobs"
test_end
