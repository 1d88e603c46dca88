#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# watch: rates per interval
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin

gauges() { printf '%s\n' "slot_miss_full 3" "slots_live 5" "slots_free 123" "pages 2" >>"$fake/uprobe_slots/stats"; }
SETUP=gauges
check "the head" "watch -n 1 -i 0.05" 0 "^ +hit/s +miss/s flush_avoided/s +write/s +HIT% slots_live slots_free +pages$"
check "parts of a counter have no column" "watch -n 1 -i 0.05" 0 "" "filled|full|exit"
check "nothing happened" "watch -n 1 -i 0.05" 0 "^ +0 +0 +0 +0 +- +5 +123 +2$"
check "--count" "watch -n 3 -i 0.05 | wc -l" 0 "^4$"
check "one head in a pipe" "watch -n 25 -i 0.01 | grep -c hit/s" 0 "^1$"
check "--json, an object a line" "watch -n 2 -i 0.05 --json | wc -l" 0 "^2$"
check "--json" "watch -n 1 -i 0.05 --json" 0 '"counters":\{"slot_hit":0,.*"gauges":\{"slots_per_page":128,"reset_ns":0,"slots_live":5'

# 500 hits and 100 misses in one of three intervals: under valgrind it starts late.
moves() {
	gauges
	(sleep 1.5; sed -i 's/^slot_hit .*/slot_hit 10490/; s/^slot_miss .*/slot_miss 110/' \
		"$fake/uprobe_slots/stats") >/dev/null 2>&1 &
}
SETUP=gauges
check "the parts are in JSON" "watch -n 1 -i 0.05 -j" 0 '"slot_exit_jump":0,'
SETUP=moves
check "what was counted" "watch -n 3 -i 1 -j" 0 '"slot_hit":500,"slot_miss":100,.*"hit_percent":83.3'
check "per second" "watch -n 3 -i 1" 0 "^ +(49[0-9]|50[0-9]) +(9[0-9]|10[01]) +0 +0 +83.33 "
resets() {
	(sleep 1.5; printf '%s\n' "slot_hit 7" "slot_miss 3" "reset_ns 1000" >"$fake/uprobe_slots/stats") &
}
SETUP=resets
check "a reset meanwhile" "watch -n 3 -i 1 -j" 0 '"slot_hit":7,"slot_miss":3\}.*"hit_percent":70'
vanishes() { (sleep 0.2; rm "$fake/uprobe_slots/stats") & }
SETUP=vanishes
check "the file goes meanwhile" "watch -i 0.1" 1 "reading .*/stats: No such file"
SETUP=
check "Ctrl-C is the normal end" "show >/dev/null && timeout --preserve-status -k 10 -s INT 2 $TOOL watch -i 0.1" 0 "hit/s"
check "its reader goes" 'watch -i 0.01 | head -n 2; echo "ended with ${PIPESTATUS[0]}"' 0 '^ended with 141$'

check "interval 0" "watch -i 0" 2 "no interval"
check "a negative interval" "watch -i -1" 2 "no interval"
check "an interval of a word" "watch -i soon" 2 "no interval"
check "an interval that is too long" "watch -i 1e9" 2 "no interval"
check "two dots" "watch -i 1.2.3" 2 "no interval"
check "count 0" "watch -n 0" 2 "no number of lines"
check "a count of a word" "watch --count many" 2 "no number of lines"
check "an argument" "watch 1 5" 2 "no argument: '1'"
check "watch has no such option" "watch --frob" 2 "watch --help"
check "watch --help" "watch --help" 0 "^usage: uprobe-slots watch"

test_end
