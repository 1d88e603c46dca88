#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# record and report: exact figures, files that others read, files that are damaged
# shellcheck source=tests/cli/guest/engine.sh
. "$GUEST_ENGINE"
guest_begin
probe 0 8
dat=$WORK/trace.dat
cd "$WORK" || exit

check "a command" "record -o $dat -- $WORKER 4 8 50" 0 "^$dat: see .uprobe-slots report"
check "no temporary file is left" "report $dat >/dev/null && ls $WORK" 0 "trace.dat" "trace.dat."
check "hits, and where nothing waited no histogram" "report $dat" 0 "^ +1568  slot_hit$" "^waits"
also "misses" "^ +32  slot_miss$"
also "per reason" " 24    shared +8    filled " "tr '\n' ' '"
also "how they left their slots" "^ +1568    exit jump$"
also "per process: one, however many threads" "^1$" "grep -c '^process [0-9]* (slotwork)$'"
also "per probe" "^probes: 8$"
also "each probe's figures" "^8$" "grep -cE '^ +[0-9]+ +0x[0-9a-f]+ +196 +4 +98.00$'"
check "--limit" "report --limit 3 $dat" 0 "… and 5 more"
check "--json" "report --json $dat" 0 '"records":3192,.*"slot_hit":\{"count":1568,"exit":\{"jump":1568\}\}.*"probes":\[\{"pid":[0-9]+,"ip":"0x[0-9a-f]+","hits":196,"misses":4\}.*"lost":0'
check "trace-cmd reads it: nothing that it cannot parse" "show >/dev/null && trace-cmd report $dat 2>&1" 0 "reason=filled" "FAILED TO PARSE"
also "trace-cmd reads it: hits" "^1568$" "grep -c ' slot_hit:'"
check "an ordinary user reads it" "show >/dev/null && chmod 755 $WORK; chmod 644 $dat; setpriv --reuid=65534 --regid=65534 --clear-groups $TOOL report $dat" 0 "1568  slot_hit"

check "two processes" "record -o $dat -- sh -c '$WORKER 2 8 10; $WORKER 1 8 20' && $TOOL report $dat | grep -c ^process" 0 "^2$"
check "each by itself" "report $dat" 0 "^ +144  slot_hit$"
also "the other one" "^ +152  slot_hit$"

worker 3 8
rounds 1
check "threads that were there before are of their process" \
	"record -o $dat --for 6 & ready slot_reclaim; sleep 0.5; rounds 5; wait \$! && $TOOL report $dat | grep -c '^process $pid (slotwork)$'" 0 "^1$"
check "their figures" "report $dat" 0 "^ +120  slot_hit$"
check "--pid" "record -o $dat --pid $pid --for 6 & ready slot_reclaim; sleep 0.5; rounds 5; $WORKER 1 8 10; wait \$! && $TOOL report $dat" 0 "^ +120  slot_hit$"
worker_end

check "what trace-cmd itself recorded" "show >/dev/null && trace-cmd record -q -o $dat -B mine -e 'uprobes:slot_*' $WORKER 2 8 10 >/dev/null 2>&1 && $TOOL report $dat" 0 "^ +144  slot_hit$"
check "waits, as a histogram" "record -o $dat -- $ROOT/build/selftests/x86_64/progress >/dev/null && $TOOL report $dat" 0 "^ +FROM \(us\) +TO \(us\) +COUNT$"
check "as many as there were" "report --json $dat | grep -o '\"waits\":.*' | grep -o '\"count\":[0-9]*' | awk -F: '{ sum += \$2 } END { print sum }' >$WORK/sum && $TOOL report $dat | awk '/slot_contention/ && !n++ { print \$1 + 0 }' | diff - $WORK/sum && echo same" 0 "^same$"

for signal in INT TERM; do
	check "SIG$signal: what was recorded so far" \
		"record -o $dat -- sh -c '$WORKER 1 8 10; touch $WORK/started; exec sleep 30' >/dev/null & started; kill -$signal \$!; wait \$! && $TOOL report $dat" 0 "^ +72  slot_hit$"
done
check "the command's status is told" "record -o $dat -- sh -c 'exit 3'" 0 "sh exited with status 3"
check "no such command" "record -o $dat -- /no/such" 1 "cannot start /no/such"
check "a file that cannot be written" "record -o /no/such/dir/x.dat -- true" 1 "trace-cmd"
check "no trace-cmd" "show >/dev/null && PATH=/nowhere $TOOL record -o $dat -- true" 1 "trace-cmd, which does the recording: No such file"

# Cut off anywhere, or changed: figures or a sentence, never a crash or a hang.
damaged() {	# WHAT FILE
	check "$1" "report $2 >$WORK/said 2>&1; s=\$?; cat $WORK/said; case \$s in 0) grep -q '  slot_hit$' $WORK/said ;; 1) grep -q '^uprobe-slots: ' $WORK/said ;; *) false ;; esac" 0
}
check "one to cut" "record -o $dat -- $WORKER 1 8 20" 0
size=$(stat -c %s "$dat")
for part in 0 1 3 5 10 20 30 40 50 60 70 80 90 95 99; do
	head -c $((size * part / 100)) "$dat" >"$WORK/cut.dat"
	damaged "cut off at $part %" "$WORK/cut.dat"
done
for offset in 3 12 40 200 2000 20000; do
	cp "$dat" "$WORK/bad.dat"
	printf '\377\377\377\377\377\377\377\377' | dd of="$WORK/bad.dat" bs=1 seek=$offset conv=notrunc status=none
	damaged "wrong bytes at $offset" "$WORK/bad.dat"
done

test_end
