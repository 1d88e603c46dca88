#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# names of events, counters and knobs come from the kernel: what the tool calls
# by name is in the kernel's tables
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin
source_dir=$ROOT/tools/tracing/uprobe-slots/src
events_h=$ROOT/kernel/events/uprobe_slots_trace.h
tracefs_c=$ROOT/kernel/trace/trace_uprobe_slots.c

# Events, and the words of an event's field: EVENT_WORD is a counter.
events=$(sed -nE 's/^(TRACE_EVENT|DEFINE_EVENT)\(([a-z_]+,)? ?(slot_[a-z_]+),.*/\3/p; s/^DEFINE_EVENT\(uprobe_slot_class, (slot_[a-z_]+),$/\1/p' "$events_h" | sort -u)
words() {
	sed -n "/define show_uprobe_$1(/,/})/p" "$events_h" | grep -oE '"[a-z0-9_]+"' | tr -d '"'
}
kernel_names() {
	echo "$events"
	words miss | sed 's/^/slot_miss_/'
	words contention | sed 's/^/slot_contention_/'
	words exit | sed 's/^/slot_exit_/'
	words miss
	words contention
	words reclaim
	words exit
	grep -oE 'stats_line\(m, "[a-z_]+"' "$tracefs_c" | grep -oE '"[a-z_]+"' | tr -d '"'
	sed -nE 's/^\t\{ "([a-z_]+)",[[:space:]]+[0-9].*/\1/p' "$tracefs_c"
	grep -oE 'trace_create_file\("[a-z_]+"' "$tracefs_c" | grep -oE '"[a-z_]+"' | tr -d '"'
}
names=$(kernel_names | sort -u)

has() {	# WHAT NAME
	if grep -qx -- "$2" <<<"$names"; then
		result "$1 is the kernel's: $2"
	else
		result "$1 is the kernel's: $2" "no such name in the kernel's tables"
	fi
}

# The tables were found at all.
for name in slot_hit slot_miss_full slot_contention_lock slot_exit_trap slots_live reset_ns area_pages task_limits exits; do
	has "known" "$name"
done
# A string of the tool that is such a name, whole.
for name in $(grep -ohE '"slots?_[a-z0-9_]+"' "$source_dir"/*.c | tr -d '"' | sort -u | grep -vxE 'slot_'); do
	has "in the tool" "$name"
done
for name in enable cache_limit area_pages task_limits exits emulate tasks stats areas pages reset_ns unshareable filled step trap jump none; do
	if grep -qE "\"$name\"" "$source_dir"/*.c; then
		has "in the tool" "$name"
	fi
done
# Each knob, with the bounds that messages tell.
while read -r knob min max; do
	case $max in
	UPROBE_CACHE_MAX) max=64 ;;
	UPROBE_AREA_PAGES_MAX) max=16 ;;
	esac
	if grep -qE "\"$knob\", \"$min (or|to) $max\", \{ NULL \}, $min, $max" "$source_dir/slots.c"; then
		result "bounds of $knob"
	else
		result "bounds of $knob" "not $min to $max in the tool" ""
	fi
done < <(sed -nE 's/^\t\{ "([a-z_]+)",\s+([0-9]+), ([0-9A-Z_]+),.*/\1 \2 \3/p' "$tracefs_c")
# Of a knob with words those that the kernel takes, all but the last of its words.
words=$(words exit | head -n -1 | sed 's/.*/"&"/' | paste -sd, | sed 's/,/, /g')
if grep -qF "{ \"exits\", \"step, trap or jump\", { $words }" "$source_dir/slots.c"; then
	result "words of exits"
else
	result "words of exits" "not $words in the tool" ""
fi
grep -qE '^#define UPROBE_CACHE_MAX[[:space:]]+64$' "$ROOT"/kernel/events/*.h
result "UPROBE_CACHE_MAX is 64" "$([ $? -eq 0 ] || echo 'it is another')"

# And nothing like a list of all of them.
for name in $events; do
	files=$(grep -lE "\"$name\"" "$source_dir"/*.c | wc -l)
	[ "$name" != slot_flush_avoided ] || result "slot_flush_avoided needs no mention" "$([ "$files" -eq 0 ] || echo "in $files files")"
done

test_end
