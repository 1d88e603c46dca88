#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# show, and tasks with 5,000 threads that have a cache, take at most three times
# as long as cat of the same files: in pairs, by the median of the ratios
# shellcheck source=tests/cli/guest/engine.sh
. "$GUEST_ENGINE"
guest_begin
probe 0 1
worker 5000 1
rounds 1

# nanoseconds COMMAND...: "failed" if it did
nanoseconds() {
	local start end

	start=$(date +%s%N)
	"$@" >/dev/null || { echo failed; return; }
	end=$(date +%s%N)
	echo $((end - start))
}

ratio() {	# FILES -- COMMAND
	local files=() i

	while [ "$1" != -- ]; do files+=("$1"); shift; done
	shift
	for ((i = 0; i < 15; i++)); do
		echo "$(nanoseconds cat "${files[@]}") $(nanoseconds "$@")"
	done | awk '/failed/ { print "failed"; next } { printf "%.2f\n", $2 / $1 }' |
		sort -n | awk '{ line[NR] = $0 } END { print line[1] == "failed" ? "no" : line[8] }'
}

judge() {	# WHAT RATIO
	echo "# $1: $2 times cat"
	if awk -v r="$2" 'BEGIN { exit !(r > 0 && r <= 3) }'; then
		result "$1 takes at most 3 times as long as cat"
	else
		result "$1 takes at most 3 times as long as cat" "$2 times"
	fi
}

check "5,000 tasks are there" "tasks --pid $pid | wc -l" 0 "^5001$"
check "their sum" "tasks -P --pid $pid" 0 "^ +$pid +5000 +8 +5000 +0 +5000 +0.00  slotwork$"
judge "show" "$(ratio $SLOTS/{area_pages,cache_limit,enable,stats,task_limits,tasks} -- "$TOOL" show)"
judge "tasks" "$(ratio $SLOTS/tasks -- "$TOOL" tasks)"
judge "tasks --by-process" "$(ratio $SLOTS/tasks -- "$TOOL" tasks --by-process)"
# No promise, but to be seen.
echo "# tasks --json: $(ratio $SLOTS/tasks -- "$TOOL" tasks --json) times cat"
worker_end

test_end
