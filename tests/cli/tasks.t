#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tasks: the table, by task and by process
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin

# tid tgid limit entries hits misses comm
some() {
	printf '%s\n' "tid tgid limit entries hits misses comm" \
		"100 100 8 8 900 100 redis-server" "101 100 16 3 90 10 io thd 1" \
		"200 200 8 1 5000 0 nginx" "300 300 0 0 0 70 zero" \
		"400 400 8 0 0 0 idle" >"$fake/uprobe_slots/tasks"
}
SETUP=some
check "the head" "tasks" 0 "^ +TID +PID +LIMIT +ENTRIES +HITS +MISSES +HIT% +COMM$"
check "a row" "tasks" 0 "^ +100 +100 +8 +8 +900 +100 +90.00  redis-server$"
check "a name with spaces" "tasks" 0 " io thd 1$"
check "all misses" "tasks" 0 "^ +300 .* 0.00  zero$"
check "no execution, no ratio" "tasks" 0 "^ +400 .* -  idle$"
check "most executions first" "tasks | awk '{ print \$1 }' | tr '\n' ' '" 0 "^TID 200 100 101 300 400 $"
check "a line each" "tasks | wc -l" 0 "^6$"

check "--by-process" "tasks --by-process" 0 "^ +PID +TASKS +LIMIT"
check "the sum of a process" "tasks -P" 0 "^ +100 +2 +8-16 +11 +990 +110 +90.00  redis-server$"
check "a process of one task" "tasks -P" 0 "^ +200 +1 +8 +1 +5000 +0 +100.00  nginx$"

for order in tid:100.101.200.300.400 pid:100.101.200.300.400 hits:200.100.101.300.400 \
	misses:100.300.101.200.400 limit:101.100.200.400.300 entries:100.101.200.300.400 \
	ratio:300.400.100.101.200 comm:400.101.200.100.300 tasks:100.101.200.300.400; do
	check "--sort ${order%:*}" "tasks --sort ${order%:*} | awk 'NR > 1 { print \$1 }' | tr '\n' '.'" \
		0 "^${order#*:}.$"
done
check "no such order" "tasks --sort frob" 2 "no order 'frob'; there are: total tid"
check "--sort without a word" "tasks --sort" 2 "tasks --help"
check "--pid" "tasks --pid 100 | wc -l" 0 "^3$"
check "--pid of a process without a cache" "tasks --pid 999 | wc -l" 0 "^1$"
check "--comm" "tasks --comm 'n*' | wc -l" 0 "^2$"
check "--limit" "tasks --limit 2 | wc -l" 0 "^3$"
check "--limit beyond the end" "tasks --limit 99 | wc -l" 0 "^6$"
check "--limit 0" "tasks --limit 0" 2 "no number of lines"
check "--limit of a word" "tasks --limit few" 2 "no number of lines"
check "--pid of a word" "tasks --pid redis" 2 "no process ID"
check "an argument" "tasks redis" 2 "no argument: 'redis'"
check "tasks has no such option" "tasks --frob" 2 "tasks --help"
check "tasks --help" "tasks --help" 0 "^usage: uprobe-slots tasks"

check "--json" "tasks --json --pid 200" 0 \
	'^\[\{"tid":200,"pid":200,"limit":8,"entries":1,"hits":5000,"misses":0,"hit_percent":100,"comm":"nginx"\}\]$'
check "--json by process" "tasks --json -P --pid 100" 0 \
	'"pid":100,"tasks":2,"limit_min":8,"limit_max":16,"entries":11,"hits":990,"misses":110'
check "--json: no execution, no ratio" "tasks --json --pid 400" 0 '"hit_percent":null'
check "--json is JSON" "tasks --json | python3 -c 'import json, sys; print(len(json.load(sys.stdin)))'" 0 "^5$"

none() { :; }
SETUP=none
check "no task" "tasks | wc -l" 0 "^1$"
check "no task in JSON" "tasks --json" 0 '^\[\]$'

odd() {
	printf 'tid tgid limit entries hits misses comm\n7 7 8 1 2 3 a\\012b\n8 8 8 1 1 1 x\xff\xfey\n9 9 8 1 0 1 \n' \
		>"$fake/uprobe_slots/tasks"
}
SETUP=odd
check "a name that the kernel has escaped" "tasks" 0 '  a\\012b$'
check "a name that is not UTF-8" "tasks" 0 '  x\\377\\376y$'
check "it is JSON too" "tasks --json | python3 -c 'import json, sys; print(json.load(sys.stdin)[1][\"comm\"])'" \
	0 '^x\\377\\376y$'
check "a name that is empty" "tasks --pid 9" 0 " 0.00  $"

wider() {
	printf '%s\n' "tid tgid limit entries hits misses age comm" "7 7 8 1 2 3 99 new kernel" \
		>"$fake/uprobe_slots/tasks"
}
SETUP=wider
check "a column that a newer kernel added" "tasks" 0 "^ +7 +7 +8 +1 +2 +3 +40.00  new kernel$"

cut_off() { printf 'tid tgid limit entries hits misses comm\n7 7 8\n' >"$fake/uprobe_slots/tasks"; }
SETUP=cut_off
check "a line of another form" "tasks" 1 "a line of another form"
empty() { chmod 600 "$fake/uprobe_slots/tasks"; : >"$fake/uprobe_slots/tasks"; }
SETUP=empty
check "no head" "tasks" 1 "there is no head"
gone() { rm "$fake/uprobe_slots/tasks"; }
SETUP=gone
check "no file" "tasks" 1 "reading .*/tasks: No such file"

many() {
	{
		echo "tid tgid limit entries hits misses comm"
		seq 1000 5999 | awk '{ print $1, 1000 + $1 % 10, 8, 8, $1 * 3, $1, "worker" }'
	} >"$fake/uprobe_slots/tasks"
}
SETUP=many
check "5,000 tasks" "tasks | wc -l" 0 "^5001$"
check "5,000 tasks of 10 processes" "tasks -P | wc -l" 0 "^11$"
check "their sum" "tasks -P --json | python3 -c 'import json, sys; print(sum(p[\"misses\"] for p in json.load(sys.stdin)))'" \
	0 "^17497500$"

test_end
