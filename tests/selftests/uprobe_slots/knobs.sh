#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Description: every file of uprobe_slots/: modes, reads, writes, ranges, bad
# input and its line in error_log, the rules of task_limits, stats, tasks.
#
# The tests are called by name, and no path here has spaces:
# shellcheck disable=SC2317,SC2086

# shellcheck source=tap.sh
. "$(dirname "$0")/tap.sh"
tap_start

old_enable=$(<$SLOTS/enable)
old_cache_limit=$(<$SLOTS/cache_limit)
old_area_pages=$(<$SLOTS/area_pages)
old_task_limits=$(<$SLOTS/task_limits)

restore() {
	put $SLOTS/enable "$old_enable"
	put $SLOTS/cache_limit "$old_cache_limit"
	put $SLOTS/area_pages "$old_area_pages"
	put $SLOTS/task_limits ""
	local line
	while read -r line; do
		[ -z "$line" ] || append $SLOTS/task_limits "$line\n"
	done <<< "$old_task_limits"
}
trap restore EXIT

files_and_modes() {
	local f mode
	for f in enable:640 cache_limit:640 area_pages:640 task_limits:640 \
		 stats:640 tasks:440; do
		mode=$(stat -c %a $SLOTS/${f%:*})
		[ "$mode" = ${f#*:} ] || bad "${f%:*}: mode '$mode', expected ${f#*:}"
		[ "$(stat -c %u $SLOTS/${f%:*})" = 0 ] || bad "${f%:*}: not root's"
	done
	grep -q uprobe_slots $TRACING/README || bad "README does not name uprobe_slots"
}

defaults() {
	case " $(</proc/cmdline) " in
	*" uprobe_slots=off "*) diag "booted with uprobe_slots=off" ;;
	*) [ "$old_enable" = 1 ] || bad "enable is $old_enable" ;;
	esac
	[ "$old_cache_limit" = 8 ] || bad "cache_limit is $old_cache_limit"
	[ "$old_area_pages" = 4 ] || bad "area_pages is $old_area_pages"
}

# accepts FILE VALUE...: each can be written and is read back
accepts() {
	local f=$1 v got
	shift
	for v; do
		put $SLOTS/$f "$v\n" || bad "$f: cannot write $v: $error"
		got=$(<$SLOTS/$f)
		[ "$got" = "$v" ] || bad "$f: wrote $v, read '$got'"
	done
}

# refuses FILE ERROR VALUE...: none can be written, nothing changes
refuses() {
	local f=$1 e=$2 v before
	shift 2
	before=$(<$SLOTS/$f)
	for v; do
		expect_error "$e" put $SLOTS/$f "$v"
		[ "$(<$SLOTS/$f)" = "$before" ] || bad "$f: '$v' changed it"
	done
}

knob_enable() {
	accepts enable 0 1 0 1
	put $SLOTS/enable "0" || bad "no newline: $error"
	put $SLOTS/enable " 1 \n" || bad "spaces: $error"
	[ "$(<$SLOTS/enable)" = 1 ] || bad "enable is $(<$SLOTS/enable)"
	refuses enable "$EITHER" 2 -1 99 99999999999999999999
	refuses enable "$EINVAL" x 1x 1.0 "1 0" "\n" "on off"
}

knob_cache_limit() {
	accepts cache_limit 0 1 8 63 64 8
	put $SLOTS/cache_limit "16" || bad "no newline: $error"
	refuses cache_limit "$ERANGE" 65 100 4294967296 99999999999999999999
	refuses cache_limit "$EITHER" -1
	refuses cache_limit "$EINVAL" x 8x "8 8" "\n" -
}

knob_area_pages() {
	accepts area_pages 1 2 4 15 16 4
	refuses area_pages "$ERANGE" 0 17 100 4294967297 99999999999999999999
	refuses area_pages "$EITHER" -1
	refuses area_pages "$EINVAL" x 4x "4 4" "\n"
}

# Each refusal leaves "uprobe_slots: error: ...", the text and a caret.
logs_error() {
	local how=$1 f=$2 text=$3 log n
	: > $TRACING/error_log
	"$how" $SLOTS/$f "$text" && bad "$f: '$text' was accepted"
	log=$(<$TRACING/error_log)
	n=$(printf '%s\n' "$log" | grep -c '^\[.*\] uprobe_slots: error: .')
	[ "$n" = 1 ] || bad "$f '$text': $n error lines: $log"
	printf '%s\n' "$log" | grep -q '^  Command: ' ||
		bad "$f '$text': no Command line: $log"
	printf '%s\n' "$log" | grep -q '^ *^$' ||
		bad "$f '$text': no caret: $log"
}

error_log() {
	logs_error put enable x
	logs_error put enable 2
	logs_error put cache_limit 65
	logs_error put cache_limit 8x
	logs_error put area_pages 0
	logs_error put area_pages seventeen
	logs_error append task_limits "$$ 65\n"
	logs_error append task_limits "$$ x\n"
	logs_error append task_limits "$$\n"
	logs_error append task_limits "nobody 5\n"
	logs_error append task_limits "4194304 5\n"
	: > $TRACING/error_log
	put $SLOTS/cache_limit 8
	append $SLOTS/task_limits "$$ 5\n"
	[ -s $TRACING/error_log ] && [ -n "$(<$TRACING/error_log)" ] &&
		bad "a good write left: $(<$TRACING/error_log)"
}

# The caret stands under the word that is wrong.
error_caret() {
	local command caret
	: > $TRACING/error_log
	append $SLOTS/task_limits "$$ 77\n"
	command=$(grep '^  Command: ' $TRACING/error_log)
	caret=$(grep '^ *^$' $TRACING/error_log)
	[ "${command:$((${#caret} - 1)):2}" = 77 ] ||
		bad "caret at column ${#caret} of '$command'"
}

# A child that reads would inherit this shell's limit and be in the list.
limits_are() {
	local got
	IFS= read -rd '' got < $SLOTS/task_limits
	got=${got%$'\n'}
	[ "$got" = "$1" ] || bad "task_limits is '$got', expected '$1'"
}

task_limits() {
	local a b
	sleep 1000 9<&- > /dev/null & a=$!
	sleep 1000 9<&- > /dev/null & b=$!
	put $SLOTS/task_limits "" || bad "truncation: $error"
	limits_are ""
	append $SLOTS/task_limits "$a 0\n" || bad "append: $error"
	limits_are "$a 0"
	append $SLOTS/task_limits "$b 64" || bad "no newline: $error"
	[ "$(sort $SLOTS/task_limits)" = "$(printf '%s\n' "$a 0" "$b 64" | sort)" ] ||
		bad "two lines: $(<$SLOTS/task_limits)"
	append $SLOTS/task_limits "$a 7\n$a 9\n" || bad "two for one: $error"
	grep -qx "$a 9" $SLOTS/task_limits || bad "the last one does not win"
	append $SLOTS/task_limits "$b -\n" || bad "clear: $error"
	limits_are "$a 9"
	append $SLOTS/task_limits "$b -\n" || bad "clear what is not there: $error"
	limits_are "$a 9"
	put $SLOTS/task_limits "$b 3\n" || bad "truncate and set: $error"
	limits_are "$b 3"
	kill $a $b
	wait $a $b 2> /dev/null
	put $SLOTS/task_limits ""
}

# All lines of one write are applied or none.
task_limits_atomic() {
	local a line
	sleep 1000 9<&- > /dev/null & a=$!
	put $SLOTS/task_limits "$a 5\n"
	for line in "4194304 3:$ESRCH" "$a 65:$ERANGE" "$a -1:$EITHER" \
		    "$a x:$EINVAL" "$a:$EINVAL" "x 3:$EINVAL" "0 3:$EITHER|$ESRCH" \
		    "$a 3 4:$EINVAL" "-1 3:$EITHER|$ESRCH" "$a --:$EINVAL"; do
		expect_error "${line#*:}" append $SLOTS/task_limits \
			"$a 6\n${line%%:*}\n$a 7\n"
		limits_are "$a 5"
	done
	kill $a
	wait $a 2> /dev/null
	put $SLOTS/task_limits ""
}

# A write of 1 MiB is taken, a longer one is not.
task_limits_long() {
	local line="$$ 11" n
	n=$((1048576 / (${#line} + 1)))
	put $SLOTS/task_limits ""
	one_write $SLOTS/task_limits append < <(yes "$line" | head -n $n) ||
		bad "$n lines: $error"
	limits_are "$$ 11"
	put $SLOTS/task_limits ""
	if one_write $SLOTS/task_limits append < <(yes "$line" | head -n $((n + 1))); then
		bad "more than 1 MiB was accepted"
	elif ! [[ $error =~ $E2BIG ]]; then
		bad "more than 1 MiB: '$error'"
	fi
	limits_are ""
}

# Nothing is left behind by a writer that has gone; forks inherit.
task_limits_inherit() {
	put $SLOTS/task_limits "$$ 12\n"
	local child
	child=$(bash -c 'grep "^$$ " /sys/kernel/tracing/uprobe_slots/task_limits')
	[ "${child#* }" = 12 ] || bad "a child by fork and exec has '$child'"
	put $SLOTS/task_limits ""
	child=$(bash -c 'grep "^$$ " /sys/kernel/tracing/uprobe_slots/task_limits')
	[ -z "$child" ] || bad "cleared, but a child has '$child'"
}

stats_format() {
	local name want
	grep -vqE '^[a-z0-9_]+ [0-9]+$' $SLOTS/stats &&
		bad "odd lines: $(grep -vE '^[a-z0-9_]+ [0-9]+$' $SLOTS/stats)"
	want="slot_hit slot_miss slot_flush_avoided slot_contention slot_reclaim
	      slot_miss_shared slot_miss_filled slot_miss_full slot_miss_limit
	      slot_miss_single_page slot_miss_unshareable slot_miss_nomem
	      slot_contention_page0_full slot_contention_lock
	      slot_contention_ns slot_write slots_free slots_live slots_dying
	      slots_pinned slots_transient areas pages slots_per_page reset_ns"
	for name in $want; do
		[ "$(grep -c "^$name " $SLOTS/stats)" = 1 ] ||
			bad "stats has no line, or several, for $name"
	done
}

stats_reset() {
	local before after
	before=$(sed -n 's/^reset_ns //p' $SLOTS/stats)
	: > $SLOTS/stats || bad "cannot truncate stats"
	after=$(sed -n 's/^reset_ns //p' $SLOTS/stats)
	[ "$after" -gt "$before" ] || bad "reset_ns $before, then $after"
	: >> $SLOTS/stats || bad "cannot open stats for append"
	[ "$(sed -n 's/^reset_ns //p' $SLOTS/stats)" = "$after" ] ||
		bad "an open without truncation has reset"
}

# Files are for root: the mode says so, and so does an open by somebody else.
others_cannot() {
	local f
	for f in enable cache_limit area_pages task_limits stats tasks; do
		setpriv --reuid 65534 --regid 65534 --clear-groups \
			cat $SLOTS/$f > /dev/null 2>&1 &&
			bad "nobody can read $f"
	done
}

tests=(
	"files_and_modes files have their modes"
	"defaults knobs have their defaults"
	"knob_enable enable: values and bad input"
	"knob_cache_limit cache_limit: values and bad input"
	"knob_area_pages area_pages: values and bad input"
	"error_log bad input leaves a line in error_log"
	"error_caret the caret is under the wrong word"
	"task_limits task_limits: set, clear, truncate, append"
	"task_limits_atomic task_limits: all lines of a write or none"
	"task_limits_long task_limits: 1 MiB and no more"
	"task_limits_inherit task_limits: a shell's children inherit"
	"stats_format stats: all names, one value each"
	"stats_reset stats: truncation resets, append does not"
	"others_cannot files are for root only"
)
echo "1..${#tests[@]}"
for t in "${tests[@]}"; do
	run_test "${t%% *}" "${t#* }"
done
exit $tap_failed
