# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The engine of the guest's .t files: tests/cli/engine.sh on a kernel that is
# none of ours but real. Each check starts with the knobs set, as they are by default, no
# limit of a task, the counters reset; and must leave no instance and no event.
#
# $WORKER is the program of work.c, $SLOTS the kernel's directory.
# shellcheck source=tests/cli/engine.sh
. "$(dirname "${BASH_SOURCE[0]}")/../engine.sh"

TRACING=/sys/kernel/tracing
SLOTS=$TRACING/uprobe_slots
GROUP=clitest
SECONDS_MAX=60

guest_begin() {
	test_begin
	unset UPROBE_SLOTS_TRACING_DIR
	PRELOAD=
	fake=$TRACING
	unprobe
}

prepare() {
	echo 1 >$SLOTS/enable
	echo 8 >$SLOTS/cache_limit
	echo 4 >$SLOTS/area_pages
	echo jump >$SLOTS/exits
	echo 1 >$SLOTS/emulate
	: >$SLOTS/task_limits
	: >$SLOTS/stats
}

leftovers() {
	local file now

	for file in $TRACING/instances/*; do
		[ ! -e "$file" ] || fault+="instance ${file##*/} is left; "
	done
	for file in $TRACING/events/uprobes/slot_*/enable; do
		now=
		read -r now <"$file"
		[ "$now" = 0 ] || fault+="$file is left on; "
	done
	now=
	read -r now <$TRACING/set_event_pid
	[ -z "$now" ] || fault+="set_event_pid is left; "
}

unprobe() {
	[ ! -d $TRACING/events/$GROUP ] || echo 0 >$TRACING/events/$GROUP/enable
	sed -n "s/^p:$GROUP\/\([^ ]*\) .*/-:$GROUP\/\1/p" $TRACING/uprobe_events |
		while read -r line; do
			echo "$line" >>$TRACING/uprobe_events
		done
}

# The first instructions of the worker's functions FROM to TO - 1.
probe() {	# FROM TO
	unprobe
	"$WORKER" -p $GROUP "$1" "$2" >>$TRACING/uprobe_events &&
		echo 1 >$TRACING/events/$GROUP/enable
}

# A worker that waits for work: $pid. rounds N lets each of its threads do N.
# Through FIFOs, so that checks, which run in subshells, can talk to it.
worker() {	# THREADS FUNCTIONS
	prepare
	rm -f "$WORK/ask" "$WORK/answer"
	mkfifo "$WORK/ask" "$WORK/answer"
	exec 8<>"$WORK/ask" 9<>"$WORK/answer"
	"$WORKER" -i "$1" "$2" <"$WORK/ask" >"$WORK/answer" 8>&- 9>&- &
	pid=$!
	disown "$pid"
	started+=("$pid")
	rounds 0
}

rounds() {
	echo "$1" >&8
	read -r _ <&9
}

worker_end() {
	kill "$pid"
	exec 8>&- 9>&-
}

# Until a run of the tool in the background counts or reads EVENT, the last one
# that it sets up: that takes a while.
ready() {	# [EVENT]
	local i event=${1:-slot_miss}

	for ((i = 0; i < 200; i++)); do
		if grep -qs active $TRACING/instances/*/events/uprobes/"$event"/trigger ||
		   grep -qs 1 $TRACING/instances/*/events/uprobes/"$event"/enable; then
			break
		fi
		sleep 0.05
	done
	sleep 0.3
}

# Until the command has made $WORK/started.
started() {
	local i

	for ((i = 0; i < 400; i++)); do
		[ ! -e "$WORK/started" ] || break
		sleep 0.05
	done
	rm -f "$WORK/started"
}
