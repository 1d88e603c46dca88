#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# every example of the man pages, page by page, in the order in which it is
# there; where a page shows output, its form is compared: digits aside
# shellcheck source=tests/cli/guest/engine.sh
. "$GUEST_ENGINE"
guest_begin
probe 0 8
worker 2 8
rounds 5

# What the pages call by name: the tool, a program with known hits, a process.
mkdir "$WORK/bin"
ln -s "$TOOL" "$WORK/bin/uprobe-slots"
ln -s "$WORKER" "$WORK/bin/slotwork"
export PATH=$WORK/bin:$PATH PID=$pid

# The commands of a page, "N<TAB>command", and for each the output that it shows.
examples_of() {	# PAGE
	awk '
		/^EXAMPLES/ { on = 1 }
		/^\.\. include:: common_appendix/ { on = 0 }
		on && /^  [#$] / { nr++; print nr "\tcommand\t" substr($0, 5) }
		on && nr && /^  [^#$ ]|^    / { print nr "\toutput\t" substr($0, 3) }
		on && /^[^ ]/ { shown = 0 }' "$1"
}

# Figures, their width and a unit before them are no part of the form.
form() { sed -E 's/[0-9][0-9.]*/N/g; s/ +/ /g; s/^ //; /^$/d'; }

total=0
for page in "$ROOT"/Documentation/tools/uprobe-slots/uprobe-slots*.rst; do
	examples_of "$page" >"$WORK/examples"
	name=${page##*/}
	numbers=$(cut -f 1 "$WORK/examples" | sort -un)
	if [ -z "$numbers" ]; then
		result "${name%.rst} has an example" "none"
		continue
	fi
	prepare
	for number in $numbers; do
		total=$((total + 1))
		command=$(awk -F '\t' -v n="$number" '$1 == n && $2 == "command" { print $3 }' "$WORK/examples")
		status=0 fault=
		out=$(eval "timeout 30 bash -o pipefail -c \"\$command\"" 2>&1) || status=$?
		# What writes to head may die of SIGPIPE, and of nothing else.
		[ $status -eq 0 ] || [[ $status -eq 141 && $command == *'| head' ]] || fault="status $status; "
		leftovers
		grep "^$number	output	" "$WORK/examples" | cut -f 3 | form >"$WORK/shown"
		if [ -s "$WORK/shown" ] && ! form <<<"$out" | cmp -s - "$WORK/shown"; then
			fault+="other output than shown: $(form <<<"$out" | diff - "$WORK/shown" | head -n 5)"
		fi
		result "${name%.rst}: $command" "$fault" "$out"
	done
done
result "there are examples" "$([ "$total" -ge 30 ] || echo "$total")"
worker_end
rm -f /etc/uprobe-slots.conf /tmp/knobs /tmp/slots.dat /tmp/uprobe-slots.prom

test_end
