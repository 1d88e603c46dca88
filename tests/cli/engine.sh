# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
#
# The engine of the .t files, in the way of tools/tracing/rtla/tests/engine.sh.
#
#	test_begin
#	check "what" "arguments" EXIT "regex that must appear" "regex that must not"
#	also "what" "regex that must appear in what that check printed" "filter"
#	check_file "what" FILE "content"
#	screen "what" "regex that must be on the terminal" "regex that must not"
#	test_end
#
# Each check starts from a fresh, fake tracing directory, $fake; a setup function
# named in SETUP changes it first. The answers of the kernel (ranges, error_log)
# come from kernel.so, see kernel.c. $TOOL is the tool, $WORK an empty directory.

# shellcheck source=tests/tap.sh
. "${BASH_SOURCE[0]%/*}/../tap.sh"

test_begin() {
	fake=$WORK/tracing
	export UPROBE_SLOTS_TRACING_DIR=$fake
	PRELOAD=LD_PRELOAD=$WORK/kernel.so
	SETUP=
	AS=
	started=()
}

# What the kernel's directory looks like after boot.
fake_kernel() {
	if [ -d "$fake" ]; then
		chmod 700 "$fake"	# a check may have closed it
	fi
	rm -rf "$fake"
	mkdir -p "$fake/uprobe_slots"
	: >"$fake/error_log"
	echo 4 >"$fake/uprobe_slots/area_pages"
	echo 8 >"$fake/uprobe_slots/cache_limit"
	echo 1 >"$fake/uprobe_slots/emulate"
	echo 1 >"$fake/uprobe_slots/enable"
	echo jump >"$fake/uprobe_slots/exits"
	: >"$fake/uprobe_slots/task_limits"
	printf '%s\n' "slot_hit 9990" "slot_miss 10" "slot_flush_avoided 9992" \
		"slot_miss_filled 8" "slot_write 8" "slot_exit_step 10" "slot_exit_trap 0" \
		"slot_exit_jump 9890" "slot_exit_none 100" "slot_exit_promoted 1" \
		"slots_per_page 128" "reset_ns 0" >"$fake/uprobe_slots/stats"
	echo "tid tgid limit entries hits misses comm" >"$fake/uprobe_slots/tasks"
	chmod 640 "$fake"/uprobe_slots/*
	chmod 440 "$fake/uprobe_slots/tasks"
}

result() {	# WHAT FAULT OUTPUT
	local status=0
	[ -z "${2:-}" ] || status=1
	tap_result $status "$1" "${@:2}"
}

# Before each check; the engine of the guest has another.
prepare() { fake_kernel; }

# What a check must not leave behind goes to $fault; here there is nothing.
leftovers() { :; }

# has REGEX TEXT: as grep -qE. Without a process, unless there is much to read:
# in a guest, where all is emulated, one takes longer than a verb of the tool.
has() {
	local line

	if [ ${#2} -gt 4000 ]; then
		grep -qE -- "$1" <<<"$2"
		return
	fi
	while IFS= read -r line; do
		if [[ $line =~ $1 ]]; then
			return
		fi
	done <<<"$2"
	return 1
}

# Words between quotes in ARGUMENTS stay together. In a pipe each command has to end
# well: not only the last one.
check() {	# WHAT ARGUMENTS EXIT MUST MUSTNOT
	local status fault=

	prepare
	if [ -n "$SETUP" ]; then
		"$SETUP"
	fi
	out=$(set -o pipefail; eval "$PRELOAD timeout ${SECONDS_MAX:-20} $AS $TOOL $2" 2>&1)
	status=$?
	out=${out//$'\r'/}
	if [ "$status" -ne "${3:-0}" ]; then
		fault="exit status $status, not ${3:-0}; "
	fi
	if [ -n "${4:-}" ] && ! has "$4" "$out"; then
		fault+="no match: $4; "
	fi
	if [ -n "${5:-}" ] && has "$5" "$out"; then
		fault+="unwanted match: $5; "
	fi
	leftovers
	result "$1" "$fault" "$out"
}

# Of the same run as the last check: a run of its own would say nothing more.
# FILTER, such as "grep -c process", gets what the run printed.
also() {	# WHAT MUST [FILTER]
	local part=$out

	if [ $# -gt 2 ]; then
		part=$(eval "$3" <<<"$out")
	fi
	if has "$2" "$part"; then
		result "$1"
	else
		result "$1" "no match: $2" "$part"
	fi
}

# What the last check left in a file of the directory.
check_file() {	# WHAT FILE CONTENT
	local now

	now=$(cat "$fake/uprobe_slots/$2")
	if [ "$now" = "$3" ]; then
		result "$1"
	else
		result "$1" "$2 holds:" "$now"
	fi
}

# background CMD: $pid. It ends with this script; its death is not announced.
background() {
	"$@" &
	pid=$!
	disown "$pid"
	started+=("$pid")
	sleep 0.1	# until it has executed CMD
}

# start_threads N NAME: a process of N threads; $pid. It ends with this script.
start_threads() {
	: >"$WORK/threads.out"
	background "$WORK/threads" "$1" "$2" >"$WORK/threads.out"
	until [ -s "$WORK/threads.out" ]; do
		sleep 0.01
	done
}

# What task_limits holds when each thread of $pid has the limit.
thread_lines() {	# LIMIT
	local task

	for task in /proc/"$pid"/task/*; do
		echo "${task##*/} $1"
	done | sort -n
}

# A terminal: `tm` is a tmux of this script's own.
tmux_nr=0
tm() { tmux -L "uprobe-slots-$$-$tmux_nr" -f /dev/null "$@"; }
keys() { tm send-keys "$@"; }

# The screen, when it has REGEX or after 5 s.
screen() {	# WHAT REGEX [MUSTNOT]
	local i text fault=

	for ((i = 0; i < ${SCREEN_TENTHS:-50}; i++)); do
		text=$(tm capture-pane -p 2>&1)
		if grep -qE -- "$2" <<<"$text"; then
			break
		fi
		sleep 0.1
	done
	grep -qE -- "$2" <<<"$text" || fault="not on the screen: $2"
	[ -z "${3:-}" ] || ! grep -qE -- "$3" <<<"$text" || fault+=" unwanted: $3"
	result "$1" "$fault" "$text"
}

test_end() {
	[ ${#started[@]} -eq 0 ] || kill "${started[@]}" 2>/dev/null

	tap_end
}
