#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# top on a terminal, on known work: keys in, screen out, and what the kernel has then
# shellcheck source=tests/cli/guest/engine.sh
. "$GUEST_ENGINE"
guest_begin
probe 0 8
SCREEN_TENTHS=300

limits() {	# WHAT LINES
	local now

	now=$(cut -d ' ' -f 2 $SLOTS/task_limits | tr '\n' ' ')
	if [ "$now" = "$2" ]; then
		result "$1"
	else
		result "$1" "task_limits holds:" "$(<$SLOTS/task_limits)"
	fi
}

# 3 threads, 8 functions, 5 rounds: 120 executions, 8 filled, 16 shared.
worker 3 8
rounds 5
tm new-session -d -x 100 -y 12 "$TOOL top -i 0.5; echo ended with \$?; sleep 600"
screen "the screen" "^uprobe-slots: 1 processes, per second, by total, every 0.5 s$"
keys c
screen "c: the totals are exact" "^> +$pid +3 +8 +24 +96 +24 +80.00  slotwork$"
rounds 10
screen "they follow: all hits" "^> +$pid +3 +8 +24 +336 +24 +93.33  slotwork$"
keys t
screen "t: each task" "^> +[0-9]+ +$pid +8 +8 +112 +8 +93.33  slotwork$"
screen "t: the main thread, too" "^[ >] +$pid +$pid +8 +8 +112 +8 +93.33  slotwork$"
keys t
screen "t: processes again" "^> +$pid +3 +8 "
keys l 0 Enter
screen "l: the limit of the selected process" "process $pid: limit 0, 3 tasks"
limits "the kernel has it, for each thread" "0 0 0 "
rounds 2
screen "the work feels it: misses only" "^> +$pid +3 +0 +[0-9]+ +336 +72 +82.35  slotwork$"
keys l d e f a u l t Enter
screen "default takes it away" "process $pid: limit default, 3 tasks"
limits "it is gone" ""
rounds 2
rounds 2
screen "hits again" "^> +$pid +3 +8 +24 +4[0-9]+ +[0-9]+ "
keys l 6 5 Enter
screen "a limit out of range is refused" "65: out of range"
limits "and changes nothing" ""
keys q
screen "q: the end" "^ended with 0$"
worker_end
tm kill-server

test_end
