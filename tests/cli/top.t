#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# top: keys in, screen out, in a tmux of its own; and without a terminal
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin
victim=

some() {
	printf '%s\n' "tid tgid limit entries hits misses comm" \
		"$victim $victim 8 8 900 100 redis-server" "101 $victim 8 3 90 10 io_thd_1" \
		"200 200 8 1 5000 0 nginx" "300 300 0 0 0 70 zero" >"$fake/uprobe_slots/tasks"
	chmod 640 "$fake/uprobe_slots/tasks"
}
background sleep 3600
victim=$pid
SETUP=some

check "no terminal: a table" "top -n 1 -i 0.05" 0 "^ +PID +TASKS"
check "no terminal: as often as asked" "top -n 3 -i 0.05 | grep -c PID" 0 "^3$"
check "nothing happens" "top -n 1 -i 0.05" 0 "^ +200 +1 +8 +1 +0 +0 +-  nginx$"
check "--tasks" "top -t -n 1 -i 0.05" 0 "^ +TID +PID"
check "--json" "top --json -n 1 -i 0.05" 0 '^\[\{"pid":[0-9]+,"tasks":'
check "--pid" "top -p 200 -n 1 -i 0.05 | grep -c ." 0 "^2$"
check "--sort" "top -s misses -n 1 -i 0.05" 0 "nginx"
check "no such order" "top -s frob" 2 "no order 'frob'"
check "no interval" "top -i 0" 2 "no interval"
check "no number of times" "top -n -1" 2 "no number of times"
check "no process" "top -p x" 2 "no process ID"
check "an argument" "top 5" 2 "no argument: '5'"
check "no such option" "top --frob" 2 "top --help"
check "top --help" "top --help" 0 "^usage: uprobe-slots top"
gone() { rm "$fake/uprobe_slots/tasks"; }
SETUP=gone
check "what is wrong is said without a screen" "top" 1 "tasks: No such file"

# On a terminal: one top for all that follows.
fake_kernel
some
moves() {	# HITS: of redis-server's first thread
	sed -i "s/^$victim $victim 8 8 [0-9]*/$victim $victim 8 8 $1/" "$fake/uprobe_slots/tasks"
}
tm new-session -d -x 100 -y 12 \
	"env $PRELOAD UPROBE_SLOTS_TRACING_DIR=$fake $TOOL top -i 0.2; echo ended with \$?; stty -a | grep -o ' icanon'; sleep 3600"

screen "the screen" "^uprobe-slots: 3 processes, per second, by total, every 0.2 s$"
screen "no row of a task" "^[ >] +$victim +2 +8 .* redis-server$"
# Until it was seen, however long top takes to look.
(hits=1000; until [ -e "$WORK/seen" ]; do moves $((hits += 200)); sleep 0.5; done) &
screen "hits per second" "^[ >] +$victim .* [1-9][0-9]+ +0 +100.00  redis-server$"
touch "$WORK/seen"
wait $!
moves 1900
keys c
screen "c: totals" "since their first hit"
screen "totals are the kernel's" "^[ >] +$victim +2 +8 +11 +1990 +110 +94.76  redis-server$"
screen "most executions first" "^> +[0-9]+ .*(nginx|redis-server)$"
keys s
screen "s: the next order" "by tid, "
keys s
screen "and the next" "by pid, "
keys s s s s s
screen "and so on" "by misses, "
screen "it is sorted by that" "HIT%  COMM"
keys k k k k
screen "k: the first row is selected" "^> +$victim .* redis-server$"
keys j
screen "j: the next row" "^> +300 .* zero$"
keys Up
screen "an arrow: the row before" "^> +$victim .* redis-server$"
keys t
screen "t: tasks" "^uprobe-slots: 4 tasks, "
screen "a row of a task" "^[ >] +101 +$victim +8 .* io_thd_1$"
keys t
screen "t: processes again" "^uprobe-slots: 3 processes, "
keys p
screen "p: pause" "PAUSED"
moves 5000
sleep 0.5
screen "what happens is not shown" " 1990 " " 5090 "
keys p
screen "p: on again" " 5090 " "PAUSED"
# While the terminal is stopped, drawing takes longer than the interval.
keys C-s
sleep 1
moves 5100
keys C-q
screen "drawing was slow: it goes on" " 5190 "
keys +
screen "+: half as often" "every 0.4 s"
keys -
screen "-: as before" "every 0.2 s"
keys '?'
screen "?: help" "^q quit  p pause"
keys '?'
keys k k k l
screen "l: asks for the limit" "^limit of process $victim \(a number or default\): _$"
keys 1 7 BSpace 6
screen "digits are shown" "default\): 16_$"
keys Enter
screen "Enter sets it" "^process $victim: limit 16, 1 task$"
check_file "the kernel has it" task_limits "$victim 16"
keys l 9 9 Enter
screen "a limit out of range is refused on the screen" "99: out of range \(it takes 0 to 64\)"
check_file "it is as it was" task_limits "$victim 16"
keys l x y Enter
screen "a word is refused" "'xy' is no limit"
keys l 5
screen "a digit" "default\): 5_$"
keys Escape
sleep 0.2
keys c
screen "Escape: no change" "per second"
check_file "none" task_limits "$victim 16"
keys l d e f a u l t Enter
screen "default takes it away" "limit default, 1 task"
check_file "it is gone" task_limits ""
tm resize-window -x 40 -y 8
screen "a smaller window" "^uprobe-slots: 3 processes, per second, b$"
tm resize-window -x 100 -y 12
screen "the larger one again" "every 0.2 s"
printf '%s\n' "tid tgid limit entries hits misses comm" >"$fake/uprobe_slots/tasks"
screen "all tasks end" "^uprobe-slots: 0 processes"
keys l
screen "nobody to give a limit" "processes" "limit of process"
keys q
screen "q: the end" "^ended with 0$"
screen "the terminal is as it was" "^ icanon$"

# Ctrl-C, SIGTERM, Ctrl-Z.
start() {
	tm kill-server
	tmux_nr=$((tmux_nr + 1))
	tm new-session -d -x 100 -y 12 bash --norc
	keys "PS1='\$ '; clear; env $PRELOAD UPROBE_SLOTS_TRACING_DIR=$fake $TOOL top -i 0.2; echo ended with \$?" Enter
	screen "it starts again" "^uprobe-slots: 3 processes"
}
some
start
keys C-c
screen "Ctrl-C" "^ended with 0$"
start
pkill -TERM -P "$(tm list-panes -F '#{pane_pid}')"
screen "SIGTERM" "^ended with 0$"
# Under valgrind ncurses' own handler of SIGTSTP does not stop the program.
if [ "${CHECKER:-}" != valgrind ]; then
	start
	keys C-z
	screen "Ctrl-Z gives the shell back" "Stopped"
	keys "fg" Enter
	screen "fg brings the screen back" "^uprobe-slots: 3 processes"
	keys q
	screen "the end" '^\$ *$'
fi
start
rm "$fake/uprobe_slots/tasks"
screen "the file goes meanwhile: the sentence is left on the terminal" "tasks: No such file"
tm kill-server

test_end
