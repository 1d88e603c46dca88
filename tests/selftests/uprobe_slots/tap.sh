# SPDX-License-Identifier: GPL-2.0
# shellcheck shell=bash
#
# tap.sh - what the tests in shell share: results, turns, expectations
#
# Much of it is used only by those who read it in:
# shellcheck disable=SC2034

export LC_ALL=C
TRACING=/sys/kernel/tracing
SLOTS=$TRACING/uprobe_slots

tap_number=0
tap_failed=0
tap_bad=0

diag() { printf '# %s\n' "$*"; }

# bad TEXT: the running test has failed
bad() {
	diag "$@"
	tap_bad=1
}

# run_test FUNCTION DESCRIPTION
run_test() {
	tap_bad=0
	tap_number=$((tap_number + 1))
	"$1"
	if [ $tap_bad = 0 ]; then
		echo "ok $tap_number $2"
	else
		echo "not ok $tap_number $2"
		tap_failed=1
	fi
}

# Start: one test program at a time, and only where there are slots.
tap_start() {
	echo "TAP version 13"
	if ! exec 9< $TRACING/uprobe_profile; then
		echo "1..0 # SKIP cannot open $TRACING/uprobe_profile"
		exit 4
	fi
	flock 9
	if [ -e $SLOTS/stats ]; then
		return
	fi
	if [ "${UPROBE_SLOTS_EXPECTED:-}" ]; then
		echo "1..1"
		echo "not ok 1 this kernel has no uprobe_slots"
		exit 1
	fi
	echo "1..0 # SKIP this kernel has no uprobe_slots"
	exit 4
}

# one_write FILE MODE: stdin goes to the file in one write, whatever is in it
# (bash writes line by line); MODE is trunc or append.
one_write() {
	local how="oflag=append conv=notrunc"
	[ "$2" = append ] || how=
	# shellcheck disable=SC2086
	error=$( { dd bs=4M iflag=fullblock $how status=none of="$1"; } 2>&1)
	[ -z "$error" ]
}

# put FILE TEXT: one write; the error's text is left in $error
put() {
	if [[ $2 == *'\n'?* ]]; then
		one_write "$1" trunc < <(printf '%b' "$2")
		return
	fi
	error=$( { printf '%b' "$2" > "$1"; } 2>&1)
	[ -z "$error" ]
}

# append FILE TEXT: the same, without truncation
append() {
	if [[ $2 == *'\n'?* ]]; then
		one_write "$1" append < <(printf '%b' "$2")
		return
	fi
	error=$( { printf '%b' "$2" >> "$1"; } 2>&1)
	[ -z "$error" ]
}

# expect_error ERROR-PATTERN COMMAND...: it fails, and so
expect_error() {
	local pattern=$1
	shift
	if "$@"; then
		bad "$*: accepted"
	elif ! [[ $error =~ $pattern ]]; then
		bad "$*: '$error', expected '$pattern'"
	fi
}

EINVAL='Invalid argument'
ERANGE='out of range'
ESRCH='No such process'
E2BIG='Argument list too long'
EEXIST='File exists'
EITHER="$EINVAL|$ERANGE"
