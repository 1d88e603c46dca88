#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# trace: every event of known work, no other, with its fields
# shellcheck source=tests/cli/guest/engine.sh
. "$GUEST_ENGINE"
guest_begin
probe 0 8

check "events" "trace -- $WORKER 2 8 50" 0 " slot_hit: " "FAILED"
also "all hits" "^784$" "grep -c ' slot_hit: '"
also "all misses" "^16$" "grep -c ' slot_miss: '"
also "all avoided flushes" "^792$" "grep -c ' slot_flush_avoided: '"
check "a line" "trace -- $WORKER 1 1 1" 0 \
	"^ +slotwork +[0-9]+ \[[0-9]{3}\] +[0-9]+\.[0-9]{6}: slot_miss: ip=0x[0-9a-f]+ slot=0x[0-9a-f]+ key=0x[0-9a-f]+ reason=filled exit=(jump|trap|step)$"
check "nothing that cannot be parsed" "trace -- $WORKER 1 8 5" 0 "slot_hit" "FAILED"
check "--event" "trace --event slot_miss -- $WORKER 2 8 50 | wc -l" 0 "^16$"
check "two events" "trace -e slot_miss -e slot_hit -- $WORKER 2 8 50 | wc -l" 0 "^800$"
check "--filter" "trace --filter 'reason == 3' -- $WORKER 2 8 50 | wc -l" 0 "^8$"
check "--filter leaves events without the field out" "trace -F 'wait_ns > 1000' -- $WORKER 2 8 50 | wc -l" 0 "^0$"
check "--filter with two conditions" "trace -F 'reason == 3 || reason == 2' -- $WORKER 2 8 50 | wc -l" 0 "^16$"
check "a filter with no such field" "trace -F 'frob > 1' -- true" 2 "fits none of the events"
check "a filter that is no filter" "trace -F '&& ('  -- true" 2 "fits none of the events"
check "an event and a filter that do not fit" "trace -e slot_hit -F 'wait_ns > 1' -- true" 2 "fits none"
check "no such event" "trace -e slot_frob -- true" 2 "no event 'slot_frob'; this kernel has: slot_contention slot_flush_avoided slot_hit slot_miss slot_reclaim$"
check "--json" "trace --json -e slot_miss -- $WORKER 1 1 1" 0 \
	'^\{"event":"slot_miss","time":[0-9.]+,"cpu":[0-3],"tid":[0-9]+,"comm":"slotwork","ip":"0x[0-9a-f]+","slot":"0x[0-9a-f]+","key":"0x[0-9a-f]+","reason":"filled","exit":"jump"\}$'
check "--json, an object a line" "trace --json -e slot_hit -- $WORKER 2 8 50 | wc -l" 0 "^784$"
check "children of the command" "trace -e slot_hit -- sh -c '$WORKER 1 8 2; $WORKER 1 8 3' | wc -l" 0 "^24$"

# Somebody's own event in the same system is not one of the kernel's.
sed -n 's/^p:clitest\/f0 /p:uprobes\/slot_mine /p' $TRACING/uprobe_events >"$WORK/mine"
cat "$WORK/mine" >>$TRACING/uprobe_events
check "a dynamic event that is called slot_…" "trace -- $WORKER 1 1 3" 0 "slot_hit" "slot_mine"
check "it cannot be chosen" "trace -e slot_mine -- true" 2 "no event 'slot_mine'"
echo "-:uprobes/slot_mine" >>$TRACING/uprobe_events

worker 2 8
check "--pid: its threads and no others" "trace -e slot_hit --pid $pid --for 5 >$WORK/out & ready slot_hit; rounds 3; $WORKER 1 8 9; wait \$! && wc -l <$WORK/out" 0 "^32$"
check "again, warm" "trace -e slot_hit --pid $pid --for 5 >$WORK/out & ready slot_hit; rounds 3; $WORKER 1 8 9; wait \$! && wc -l <$WORK/out" 0 "^48$"
check "everybody" "trace -e slot_hit --for 5 >$WORK/out & ready slot_hit; rounds 3; $WORKER 1 8 9; wait \$! && wc -l <$WORK/out" 0 "^112$"
worker_end

# A reader that does not come along: what is lost is said.
check "lost events are counted" "trace -- sh -c 'kill -STOP \$PPID; $WORKER 4 8 4000; kill -CONT \$PPID' >/dev/null" 0 "[0-9]{3} events were lost"
check "the command's status is told" "trace -- sh -c 'exit 3'" 0 "sh exited with status 3"
check "no such command" "trace -- /no/such" 1 "cannot start /no/such"
check "its reader goes: the command ends as it likes" \
	"trace -- sh -c '$WORKER 1 8 500; echo \$? >$WORK/ended' | head -n 3 | wc -l; echo \${PIPESTATUS[*]}; cat $WORK/ended" 0 "^3$"
also "... so does the tool, and the command's work was done" "^141 0 0 0 $" "tail -n 2 | tr '\n' ' '"
for signal in INT TERM; do
	check "SIG$signal" "trace -- sh -c '$WORKER 1 8 10; touch $WORK/started; exec sleep 30' >$WORK/out & started; kill -$signal \$!; wait \$! && grep -c slot_hit: $WORK/out" 0 "^72$"
done

test_end
