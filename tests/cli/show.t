#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# show: knobs, counters, hit ratio
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin

check "without a verb it shows" "" 0 "^knobs"
check "show is the verb" "show" 0 "^knobs"
check "a knob with its value" "show" 0 "^  cache_limit +8$"
check "the knobs by name" "show | tr '\n' ' '" 0 "area_pages.*cache_limit.*enable"
check "a table is no knob" "show" 0 "" "^  (stats|tasks|task_limits) "
check "a counter with its value" "show" 0 "^  slot_hit +9990$"
check "the counters in the kernel's order" "show | tr '\n' ' '" 0 "slot_hit.*slot_miss .*slot_write.*reset_ns"
check "the hit ratio" "show" 0 "^hit ratio: 99.90 % of 10000 "
check "counters since boot" "show" 0 "^counters, since boot$"
check "no override, no line about them" "show" 0 "" "limit of their own"
check "what set wrote is shown" "set cache_limit 16 && $TOOL show" 0 "^  cache_limit +16$"

reset() { echo "reset_ns 1000000" >>"$fake/uprobe_slots/stats"; sed -i '/reset_ns 0/d' "$fake/uprobe_slots/stats"; }
SETUP=reset
check "counters since their reset" "show" 0 "^counters, since their reset [0-9.]+ s ago$"

idle() { sed -i 's/ [0-9]*$/ 0/' "$fake/uprobe_slots/stats"; }
SETUP=idle
check "no execution yet: no ratio" "show" 0 "hit ratio: none yet" "nan"

overrides() { printf '%s\n' "12 0" "13 64" >"$fake/uprobe_slots/task_limits"; }
SETUP=overrides
check "the number of overrides" "show" 0 "limit of their own: 2 "

newer() {
	echo trap >"$fake/uprobe_slots/exits"
	chmod 640 "$fake/uprobe_slots/exits"
	echo "slot_new_thing 7" >>"$fake/uprobe_slots/stats"
}
SETUP=newer
check "a knob that a newer kernel added" "show" 0 "^  exits +trap$"
check "a counter that a newer kernel added" "show" 0 "^  slot_new_thing +7$"

many() { seq -f "slot_made_up_%g 1" 1 500 >>"$fake/uprobe_slots/stats"; }
SETUP=many
check "stats longer than a page" "show" 0 "slot_made_up_500 +1$"

broken() { echo "slot_hit" >"$fake/uprobe_slots/stats"; }
SETUP=broken
check "a line without a value" "show" 1 "a line without a value: slot_hit"

SETUP=
check "show takes no argument" "show enable" 2 "no argument"
check "show has no such option" "show --frob" 2 "show --help"
check "show --help" "show --help" 0 "^usage: uprobe-slots show"
check "a full disk behind stdout" "show >/dev/full" 1 "cannot write the output"

test_end
