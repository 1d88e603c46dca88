#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# advise: the limit and the pages that known work needs
# shellcheck source=tests/cli/guest/engine.sh
. "$GUEST_ENGINE"
guest_begin
probe 0 300

# A page of x86 holds 128 shared slots.
check "executions" "advise -- $WORKER 4 20 50" 0 "^measured 4000 executions of 4 tasks of 1 processes"
also "working set" "^largest working set: 20 different instructions"
also "the limit" "^cache_limit: 20 \(now 8\)$"
also "enough pages" "^area_pages: 4 \(as it is; 2 would do\)$"
also "exits: all is well" "^exits: jump \(as it is: 100 % of the executions took one exception\)$"
also "emulate: all is well" "^emulate: 1 \(as it is\)$"
check "slots of a page" "advise -- $WORKER 1 200 3" 0 "at 128 slots a page$"
check "more pages" "set area_pages 2 && $TOOL advise -- $WORKER 1 300 5" 0 "^area_pages: 4 \(now 2\)$"
# Jumps of nearly 300 instructions (keys may collide), and half of the area may be pinned.
check "twice as many slots as are pinned" "advise -- $WORKER 1 300 5" 0 "^area_pages: 6 \(now 4\)$"
check "then there are enough" "set area_pages 6 && $TOOL advise -- $WORKER 1 300 5" 0 "^area_pages: 6 \(as it is; 6 would do\)$"
also "and all jump" "^how they left their slots: 14[0-9][05] jump$"
check "without jumps as many as there are instructions" "set exits trap && $TOOL advise -- $WORKER 1 300 5" 0 "^area_pages: 4 \(as it is; 4 would do\)$"
check "exits: step" "set exits step && $TOOL advise -- $WORKER 4 20 50" 0 "^exits: jump \(now step: 100 % of the executions took two exceptions; .*\)$"
check "exits: how they left their slots" "set exits trap && $TOOL advise -- $WORKER 4 20 50" 0 "^how they left their slots: 4000 trap$"
check "exits: --apply" "set exits step && $TOOL advise --apply -- $WORKER 4 20 50 && cat $SLOTS/exits" 0 "^jump$"
check "exits: what was not measured is not judged" "set exits step && $TOOL advise --apply -- true && cat $SLOTS/exits" 0 "^step$"
check "emulate: off" "set emulate 0 && $TOOL advise -- $WORKER 4 20 50" 0 "^emulate: 1 \(now 0: "
check "emulate: --apply" "set emulate 0 && $TOOL advise --apply -- $WORKER 4 20 50 && cat $SLOTS/emulate" 0 "^1$"
check "the most that there can be" "advise -- $WORKER 1 300 5" 0 "^cache_limit: 64 \(now 8; 297 would be needed, 64 is the most\)|\(now 8; 29[0-9] would be needed"
check "it does not recommend less" "set cache_limit 40 && $TOOL advise -- $WORKER 1 20 50" 0 "^cache_limit: 40 \(as it is; 20 would do\)$"
check "nothing was set" "advise -- $WORKER 4 20 50 && cat $SLOTS/cache_limit" 0 "^8$"
check "--apply" "advise --apply -- $WORKER 4 20 50 && cat $SLOTS/cache_limit" 0 "^20$"
check "then all hits" "advise --apply -- $WORKER 1 20 50 && $TOOL stat -- $WORKER 1 20 50" 0 "^ +980  slot_hit$"
check "--apply where all is well" "advise --apply -- $WORKER 1 5 50" 0 "^nothing to change$"
check "--json" "advise --json -- $WORKER 4 20 50" 0 \
	'"executions":4000,"tasks":4,"processes":1,"working_set":20,.*"instructions":20,.*"slots_per_page":128,"limit":20,"limit_now":8,"area_pages":4,"area_pages_now":4,"left_by":\{"jump":4000\},"exits":"jump","exits_now":"jump","emulate":1,"emulate_now":1,"lost":0'
check "a rare instruction is not in the working set" "advise -- sh -c '$WORKER 1 10 500'" 0 "^cache_limit: 10 "
check "an idle command" "advise -- true" 0 "^nothing to recommend$"

worker 3 24
check "--pid" "advise --pid $pid --for 5 & ready; rounds 40; wait \$!" 0 "^limit of process $pid: 24 \(now 8\)$"
check "--pid --apply" "advise --apply --pid $pid --for 5 >/dev/null & ready; rounds 40; wait \$! && cat $SLOTS/task_limits | sort -u -k 2 | cut -d ' ' -f 2" 0 "^24$"
check "of its threads only" "advise --apply --pid $pid --for 5 >/dev/null & ready; rounds 40; wait \$! && wc -l <$SLOTS/task_limits" 0 "^3$"
check "everybody" "advise --for 5 & ready; rounds 40; $WORKER 1 30 40; wait \$!" 0 "^cache_limit: 30 "
check "Ctrl-C ends the measuring" "advise & ready; rounds 40; kill -INT \$!; wait \$!" 0 "^cache_limit: 24 "
worker_end
worker 3 24
check "--pid --apply: the knobs, too" "set exits step && $TOOL advise --apply --pid $pid --for 5 >/dev/null & ready; rounds 40; wait \$! && cat $SLOTS/exits" 0 "^jump$"
worker_end
check "a process that is gone" "advise --apply --pid 4194303" 1 "no such process"
check "a process and a command" "advise --pid 1 -- true" 2 "--pid or a command"

# The file of a kernel with an earlier version of slots.
grep -v "^slots_per_page " $SLOTS/stats >"$WORK/older"
mount --bind "$WORK/older" $SLOTS/stats
check "an older kernel" "advise -- echo started" 3 "how many slots a page holds" "^started"
umount $SLOTS/stats

test_end
