#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Description: the tests of uprobe_slots/ among those of ftrace, as the kernel's
# own ftracetest runs them. FTRACETEST says where that is, if not in the next
# directory.

dir=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=tap.sh
. "$dir/tap.sh"
tap_start

ftracetest=${FTRACETEST:-$dir/../ftrace/ftracetest}
cases=$(dirname "$ftracetest")/test.d/uprobe_slots
if [ ! -e "$ftracetest" ] || [ ! -e "$cases/knobs.tc" ]; then
	if [ "${UPROBE_SLOTS_EXPECTED:-}" ]; then
		echo "1..1"
		echo "not ok 1 no $ftracetest, or no $cases: set FTRACETEST"
		exit 1
	fi
	echo "1..0 # SKIP no $ftracetest, or no $cases: set FTRACETEST"
	exit 4
fi

logs=$(mktemp -d /tmp/ustest.XXXXXX)
trap 'rm -rf "$logs"' EXIT
"$ftracetest" -K --fail-unresolved -l "$logs" "$cases" |
	grep --line-buffered -v '^TAP version'
status=${PIPESTATUS[0]}

# It keeps the logs of those that failed: what the shell executed, at length.
for log in "$logs"/[0-9]*; do
	if [ -e "$log" ]; then
		diag "the end of ${log##*/}:"
		tail -n 15 "$log" | cut -c -200 | sed 's/^/#   /'
	fi
done
exit "$status"
