#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# what a run that was killed leaves: the next run says so, and touches nobody's instance
# shellcheck source=tests/cli/guest/engine.sh
. "$GUEST_ENGINE"
guest_begin
probe 0 8
INSTANCES=$TRACING/instances
LEFT="an instance is left of a run that was killed: rmdir $INSTANCES/uprobe-slots-"
leftovers() { :; }	# here they are what is tested

# kill_run ARGUMENTS: $left is the instance of a run that got SIGKILL.
kill_run() {
	local i

	background "$TOOL" "$@" >/dev/null 2>&1
	for ((i = 0; i < 200; i++)); do
		if grep -qs 1 "$INSTANCES/uprobe-slots-$pid"/events/uprobes/slot_hit/enable ||
		   grep -qs active "$INSTANCES/uprobe-slots-$pid"/events/uprobes/slot_hit/trigger; then
			break
		fi
		sleep 0.05
	done
	kill -KILL "$pid"
	while [ -e "/proc/$pid" ]; do
		sleep 0.05
	done
	left=$INSTANCES/uprobe-slots-$pid
}

there() {	# WHAT INSTANCE…
	local instance fault=

	for instance in "${@:2}"; do
		[ -d "$instance" ] || fault+="no $instance; "
	done
	result "$1" "$fault" "$(ls $INSTANCES)"
}

# Nobody's business: an instance of another name, and of ours with another name.
mkdir $INSTANCES/mine $INSTANCES/uprobe-slots-mine
echo 1 >$INSTANCES/mine/events/uprobes/slot_hit/enable
for verb in stat trace advise; do
	kill_run "$verb" --for 60
	there "$verb: it is left" "$left"
	check "$verb: the next run says how to remove it" "stat -- $WORKER 1 8 10" 0 "^uprobe-slots: $LEFT$pid$"
	also "$verb: once" "^1$" "grep -c 'is left'"
	also "$verb: and counts its hits" "^ +72  slot_hit$"
	also "$verb: and its misses" "^ +8  slot_miss$"
	there "$verb: it is still there" "$left" $INSTANCES/mine $INSTANCES/uprobe-slots-mine
	check "$verb: that removes it" "show >/dev/null; \$($TOOL stat -- true 2>&1 | sed -n 's/.*killed: //p'); ls $INSTANCES" 0 "mine" "uprobe-slots-$pid"
	check "$verb: then nothing is said" "stat -- true" 0 "" "is left"
done

# trace-cmd, which records, ends and tidies up when the tool is killed.
kill_run record -o "$WORK/killed.dat" --for 60
for ((i = 0; i < 200; i++)); do
	[ -d "$left" ] || break
	sleep 0.1
done
check "record: nothing is left" "stat -- true; ls $INSTANCES" 0 "mine" "is left|uprobe-slots-[0-9]"
check "record: nor a trace-cmd" "--version; pgrep -c trace-cmd" 1 "^0$"
check "record: what it had is there" "report $WORK/killed.dat" 0 "slot_hit"

# One that runs is not left, also in another PID namespace, where its number is
# another's or nobody's.
background "$TOOL" stat --for 60 >/dev/null
ready
alive=$INSTANCES/uprobe-slots-$pid
check "one that runs" "stat -- true" 0 "" "is left"
check "seen from another PID namespace" "--version >/dev/null; unshare --pid --fork --mount-proc $TOOL stat -- true" 0 "" "is left"
there "it is untouched" "$alive"
grep -q active "$alive/events/uprobes/slot_hit/trigger" && fault= || fault="no trigger"
result "and still counts" "$fault" ""
kill "$pid"
while [ -d "$alive" ]; do sleep 0.1; done

# Two with the same process ID, in two PID namespaces: each has its own.
NS="unshare --pid --fork --kill-child --mount-proc"
$NS "$TOOL" stat --for 60 >/dev/null 2>&1 &
first=$!
ready
there "the first of its number" $INSTANCES/uprobe-slots-1
check "the second takes another name" "--version; $NS $TOOL stat -- ls $INSTANCES" 0 "^uprobe-slots-1-1$" "is left"
check "and is gone" "--version; ls $INSTANCES" 0 "^uprobe-slots-1$" "uprobe-slots-1-1"
grep -q active $INSTANCES/uprobe-slots-1/events/uprobes/slot_hit/trigger && fault= || fault="no trigger"
result "the first still counts" "$fault" ""
kill -KILL "$(pgrep -P $first)"
wait $first 2>/dev/null
check "the first is killed, its number comes again" "--version; $NS $TOOL stat -- ls $INSTANCES" 0 "^uprobe-slots: ${LEFT}1$"
also "which takes another name" "^uprobe-slots-1-1$"
there "what was left is untouched" $INSTANCES/uprobe-slots-1

rmdir $INSTANCES/uprobe-slots-1 $INSTANCES/uprobe-slots-mine
grep -qx 1 $INSTANCES/mine/events/uprobes/slot_hit/enable && fault= || fault="off"
result "somebody's own instance is as it was" "$fault" ""
rmdir $INSTANCES/mine
[ -z "$(ls $INSTANCES)" ] && fault= || fault="left"
result "nothing is left" "$fault" "$(ls $INSTANCES)"

test_end
