# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2034
# What every script here needs: where things are, and how to say things.

TOP=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)
BUILD=$TOP/build
LOGS=$BUILD/log
# Downloads and verdicts about this machine: they outlive a clone.
CACHE=${UPROBE_SLOTS_CACHE:-${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/uprobe-slots}

# A command substitution stops at the first command that fails, as all else does.
# What `< <(CMD)` reads from ends with a status that only `wait $!` tells.
shopt -s inherit_errexit

die()
{
	printf '%s: %s\n' "${0##*/}" "$*" >&2
	exit 1
}

note()
{
	printf '   %s\n' "$*"
}

# try CMD...: runs CMD, which may be a function, and sets status to its exit status.
# CMD stops at the first command that fails. In `CMD || status=$?` or `if CMD` it
# would not: there bash ignores set -e in all that a function does. try runs CMD in a
# subshell, so variables that CMD sets are lost.
try()
{
	set +e
	# Below a condition of the caller's, bash ignores set -e here, too.
	(set -e; false; true)
	status=$?
	if [ $status -eq 0 ]; then
		echo "internal error: a condition of the caller's hides failures of '$*'" >&2
		status=125
	else
		(set -e; "$@")
		status=$?
	fi
	set -e
}

# step LOG USUAL WHAT CMD...: runs CMD with all output in build/log/LOG.log,
# whose end it shows if CMD fails. USUAL says how long it usually takes.
step()
{
	local log=$LOGS/$1.log usual=$2 what=$3 start=$SECONDS status
	shift 3
	mkdir -p "$LOGS"
	printf '== %s (usually %s)\n' "$what" "$usual"
	try "$@" >"$log" 2>&1 </dev/null
	if [ $status -ne 0 ]; then
		printf '   the end of %s:\n' "$log" >&2
		tail -n 30 "$log" >&2
		# A parallel build goes on for a while after the error.
		if grep -qE '(error|ERROR)[:!]' "$log"; then
			printf '   and its errors:\n' >&2
			grep -nE -m 8 '(error|ERROR)[:!]' "$log" >&2
		fi
		die "$what: failed with status $status after $((SECONDS - start)) s"
	fi
	note "done in $((SECONDS - start)) s"
}
