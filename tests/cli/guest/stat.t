#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# stat: exact counts of known work, by process and reason
# shellcheck source=tests/cli/guest/engine.sh
. "$GUEST_ENGINE"
guest_begin
probe 0 16

# 4 threads, 8 functions, 100 rounds: 3200 executions. The first round of the
# first thread fills 8 slots, that of the other three finds them.
check "hits" "stat -- $WORKER 4 8 100" 0 "^ +3168  slot_hit$"
also "misses" "^ +32  slot_miss$"
also "filled" "^ +8    filled$"
also "shared" "^ +24    shared$"
also "flush avoided" "^ +3192  slot_flush_avoided$"
also "no wait" "^ +0  slot_contention$"
also "hit ratio" "^ +99.00 %  hit ratio$"
also "one process, however many threads" "^1$" "grep -c ^process"
also "how hits left their slots" "^ +3168    exit jump$"
also "... misses, too" "^ +32    exit jump$"
check "its name" "stat -- $WORKER 1 8 1" 0 "^process [0-9]+ \(slotwork\)$"
check "--json" "stat --json -- $WORKER 4 8 100" 0 \
	'"slot_hit":\{"count":3168,"exit":\{"jump":3168\}\},"slot_miss":\{"count":32,"reason":\{"shared":24,"filled":8\},"exit":\{"jump":32\}\}'
check "... by a step" "set exits step && $TOOL stat -- $WORKER 4 8 100" 0 "^ +3168    exit step$"
check "... by a breakpoint" "set exits trap && $TOOL stat -- $WORKER 4 8 100" 0 "^ +3168    exit trap$"
check "as many as the kernel's counters say" "stat -- $WORKER 4 8 100 >/dev/null && grep -w slot_exit_jump $SLOTS/stats" 0 "^slot_exit_jump 3200$"
check "limit 0" "set cache_limit 0 && $TOOL stat -- $WORKER 2 8 10" 0 "^ +160    limit$"
check "one page" "set area_pages 1 && $TOOL stat -- $WORKER 2 8 10" 0 "^ +160    single_page$"
check "a smaller limit, other hits" "set cache_limit 16 && $TOOL stat -- $WORKER 1 16 10" 0 "^ +144  slot_hit$"
check "two processes: the sum" "stat -- sh -c '$WORKER 1 8 10; $WORKER 1 8 20'" 0 "^ +224  slot_hit$"
also "two processes: the first" "^ +72  slot_hit$"
also "two processes: the second, and it is first" "^ +152  slot_hit$" \
	"grep -A 4 -m 1 ^process | tail -n 2"
also "they are two" "^2$" "grep -c ^process"

# Others' work is not counted, in the command's or in a process's figures.
worker 2 8
check "others are not counted" "stat -- sh -c 'sleep 0.2; $WORKER 1 8 10' & rounds 7; wait \$!" 0 "^ +72  slot_hit$"
check "--pid" "stat --pid $pid --for 4 & ready; rounds 5; $WORKER 1 8 10; wait \$!" 0 "^ +80  slot_hit$"
check "--pid: one process" "stat --pid $pid --for 4 & ready; rounds 5; $WORKER 1 8 10; wait \$!" 0 "^process $pid \(slotwork\)$"
check "everybody" "stat --for 4 & ready; rounds 5; $WORKER 1 8 10; wait \$!" 0 "^ +152  slot_hit$"
check "everybody: threads that were there are of their process" \
	"stat --for 4 >$WORK/out & ready; rounds 5; wait \$! && grep -c ^process $WORK/out" 0 "^1$"
worker_end

# Tasks that wait for page 0 and for the lock: as many as the kernel counts.
check "waits are those of the kernel's counters" \
	"stat -- $ROOT/build/selftests/x86_64/progress >$WORK/progress && a=\$(awk '/^slot_contention / { print \$2 }' $SLOTS/stats) b=\$(awk '/slot_contention/ { print \$1; exit }' $WORK/progress); echo \"\$a = \$b\"; [ \"\$a\" = \"\$b\" ] && [ \"\$a\" -gt 0 ]" 0

check "the command's status is told" "stat -- sh -c 'exit 3'" 0 "sh exited with status 3"
check "a command that is killed" "stat -- sh -c 'kill -9 \$\$'" 0 "sh was killed by signal 9"
check "no such command" "stat -- /no/such" 1 "cannot start /no/such: No such file"
check "no execution: no ratio" "stat -- true" 0 "^ +-  hit ratio$"
check "reuse off is said" "set enable 0 && $TOOL stat -- $WORKER 1 8 10" 0 "reuse is off"
check "a process that is gone" "stat --pid 4194303" 1 "no such process"

mkdir -p $TRACING/instances/uprobe-slots-4194303
check "an instance that a killed run left is named" "stat -- true; s=\$?; rmdir $TRACING/instances/uprobe-slots-4194303 && [ \$s = 0 ]" 0 \
	"rmdir $TRACING/instances/uprobe-slots-4194303"

# SIGKILL cannot be caught, all else tidies up and still says what it saw.
for signal in INT TERM HUP QUIT; do
	check "SIG$signal: the figures so far" \
		"stat -- sh -c '$WORKER 1 8 10; touch $WORK/started; exec sleep 30' & started; kill -$signal \$!; wait \$!" 0 "^ +72  slot_hit$"
done

test_end
