# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# tap.sh - results as TAP, for the suites in shell. Those of tests/selftests go into the
# kernel's tree and have their own.

tap_nr=0
tap_bad=0

# tap_result STATUS WHAT [TEXT...]: STATUS is 0 if all is well; if not, TEXT tells more.
tap_result()
{
	local status=$1 what=$2
	shift 2
	tap_nr=$((tap_nr + 1))
	if [ "$status" -eq 0 ]; then
		echo "ok $tap_nr - $what"
		return
	fi
	tap_bad=$((tap_bad + 1))
	[ $# -eq 0 ] || printf '%s\n' "$@" | sed 's/^/# /'
	echo "not ok $tap_nr - $what"
}

# tap_skip WHAT REASON
tap_skip()
{
	tap_nr=$((tap_nr + 1))
	echo "ok $tap_nr - $1 # SKIP $2"
}

# The plan. Fails if a result was bad, or if there was none.
tap_end()
{
	echo "1..$tap_nr"
	[ "$tap_bad" -eq 0 ] && [ "$tap_nr" -gt 0 ]
}
