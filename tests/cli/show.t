#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# show: knobs, counters, hit ratio
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin

check "without a verb it shows" "" 0 "^knobs"
check "show is the verb" "show" 0 "^knobs"
check "a knob with its value" "show" 0 "^  cache_limit +8$"
check "the knobs by name" "show | tr '\n' ' '" 0 "area_pages +4 +cache_limit +8 +emulate +1 +enable +1 +exits +jump"
check "a table is no knob" "show" 0 "" "^  (stats|tasks|task_limits) "
check "a counter with its value" "show" 0 "^  slot_hit +9990 +[0-9.]+/s$"
check "the counters in the kernel's order" "show | tr '\n' ' '" 0 "slot_hit.*slot_miss .*slot_write.*reset_ns"
check "how executions left their slots" "show" 0 "^  slot_exit_jump +9890 +[0-9.]+/s$"
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
	echo sometimes >"$fake/uprobe_slots/steps"
	chmod 640 "$fake/uprobe_slots/steps"
	echo "slot_new_thing 7" >>"$fake/uprobe_slots/stats"
}
SETUP=newer
check "a knob that a newer kernel added" "show" 0 "^  steps +sometimes$"
check "a counter that a newer kernel added" "show" 0 "^  slot_new_thing +7 "

many() { seq -f "slot_made_up_%g 1" 1 500 >>"$fake/uprobe_slots/stats"; }
SETUP=many
check "stats longer than a page" "show" 0 "slot_made_up_500 +1 "

broken() { echo "slot_hit" >"$fake/uprobe_slots/stats"; }
SETUP=broken
check "a line without a value" "show" 1 "a line without a value: slot_hit"

# What it says to do. stats NAME=VALUE… and knobs KNOB=VALUE… replace lines.
with() {
	local word

	fake_kernel
	for word; do
		case ${word%%=*} in
		slot* | areas | pages)
		       sed -i "/^${word%%=*} /d" "$fake/uprobe_slots/stats"
		       echo "${word%%=*} ${word#*=}" >>"$fake/uprobe_slots/stats" ;;
		*) echo "${word#*=}" >"$fake/uprobe_slots/${word%%=*}" ;;
		esac
	done
	printf '%s\n' "500 500 8 8 10 600 ruby" "501 501 8 8 10 60 perl" >>"$fake/uprobe_slots/tasks"
}
advises() {	# WHAT REGEX WORDS...
	local what=$1 regex=$2

	shift 2
	words=("$@")
	with_words() { with "${words[@]}"; }
	SETUP=with_words
	check "advice: $what" "show" 0 "^advice: .*$regex"
}
advises "all is well" "nothing to do: 99.90 %"
advises "reuse is off" "reuse is off.*set enable 1$" enable=0
advises "nothing happened" "nothing to do: no out-of-line" slot_hit=0 slot_miss=0
advises "full" "60 % of the misses found no free slot.*set area_pages 8$" slot_miss=9990 slot_miss_full=5994
advises "full, one page" "set area_pages 2$" slot_miss=9990 slot_miss_full=9000 area_pages=1
advises "full, 12 pages" "set area_pages 16$" slot_miss=9990 slot_miss_full=9000 area_pages=12
advises "full, no more pages" "area_pages is at its maximum.*limit of the tasks that matter" \
	slot_miss=9990 slot_miss_full=9000 area_pages=16
advises "limit too small, and whose" "set cache_limit 16, or only that of process 500 \(ruby\).*set --pid 500 16$" \
	slot_miss=9990 slot_miss_shared=9990
advises "limit at its maximum" "cache_limit is at its maximum" slot_miss=9990 slot_miss_shared=9990 cache_limit=64
advises "limit 0" "cache_limit is 0: .*set cache_limit 8" slot_miss=9990 slot_miss_limit=9990 cache_limit=0
advises "tasks with limit 0" "own limit is 0.*--pid N default" slot_miss=9990 slot_miss_limit=9990
advises "one page" "area_pages is 1: .*set area_pages 4" slot_miss=9990 slot_miss_single_page=9990 area_pages=1
advises "no room" "start them again" slot_miss=9990 slot_miss_single_page=9990
advises "unshareable" "cannot be shared" slot_miss=9990 slot_miss_unshareable=9990
advises "no memory" "want of memory" slot_miss=9990 slot_miss_nomem=9990
advises "a cold start" "first executions" slot_miss=9990 slot_miss_filled=9990
advises "thrashing" "reclaimed.*area_pages \(it is 4\)" slot_miss=9990 slot_miss_filled=9990 slot_reclaim=9000
advises "many reasons" "for several reasons" slot_miss=9990 slot_miss_filled=2000 slot_miss_full=2000
advises "waits for page 0" "500 waits for a transient slot.*area_pages is low" slot_contention_page0_full=500
advises "waits for the lock" "500 waits for an area.*area_pages is low" slot_contention_lock=500
advises "waits, not for want of pages" "see why they miss" slot_contention_page0_full=500 area_pages=16
advises "exits is step" "exits is step: 100 % of the executions took a second exception.*set exits jump$" \
	exits=step slot_exit_step=10000 slot_exit_jump=0
advises "exits is trap" "exits is trap: 99 % .*set exits jump$" exits=trap slot_exit_trap=9890 slot_exit_jump=0
advises "half is pinned" "30 % of the executions end by a second exception, and 192 slots are pinned; a process can pin 192\. .*set area_pages 8$" \
	slot_exit_trap=3000 slot_exit_jump=7000 slots_pinned=192 slots_live=100 slots_free=92 areas=1 pages=4
# Pages come only when no slot is free: half of those that there are is not half of those allowed.
advises "half of the first page is pinned" "nothing to do" \
	slot_exit_trap=3000 slot_exit_jump=7000 slots_pinned=100 slots_live=8 slots_free=20 areas=1 pages=2
advises "half is pinned, and no more pages" "nothing to do" area_pages=16 \
	slot_exit_trap=3000 slot_exit_jump=7000 slots_pinned=192 slots_live=100 slots_free=92 areas=1 pages=4
advises "traps that no page helps" "nothing to do" slot_exit_trap=3000 slot_exit_jump=7000 slots_pinned=2 slots_live=382
[ "$(uname -m)" != x86_64 ] ||
	advises "emulate is 0" "emulate is 0: .*set emulate 1$" emulate=0

SETUP=
check "--json" "show --json" 0 '"knobs":\{"area_pages":4,"cache_limit":8,"emulate":1,"enable":1,"exits":"jump"\}'
check "--json: counters" "show --json" 0 '"slot_hit":9990,.*"hit_percent":99.9,'
check "--json: advice" "show --json" 0 '"advice":\["nothing to do'
check "--json: no ratio yet" "show --json" 0 '"hit_percent":99.9'
check "--json is JSON" "show -j | python3 -c 'import json, sys; d = json.load(sys.stdin); print(round(d[\"per_second\"][\"slot_hit\"] * d[\"seconds\"]))'" 0 "^9990$"
check "no colour in a pipe" "show" 0 "" "\["
check "colour on a terminal" "--version >/dev/null; TERM=xterm script -qec '$TOOL show' /dev/null" 0 "\[1mknobs"
check "NO_COLOR" "--version >/dev/null; NO_COLOR=1 TERM=xterm script -qec '$TOOL show' /dev/null" 0 "^knobs" "\["
check "a dumb terminal" "--version >/dev/null; TERM=dumb script -qec '$TOOL show' /dev/null" 0 "^knobs" "\["
check "show takes no argument" "show enable" 2 "no argument"
check "show has no such option" "show --frob" 2 "show --help"
check "show --help" "show --help" 0 "^usage: uprobe-slots show"
check "a full disk behind stdout" "show >/dev/full" 1 "cannot write the output"

test_end
