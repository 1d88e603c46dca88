#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Description: what the KUnit suites of uprobe slots found when this kernel booted
# with kunit.enable=1, from the kernel's log. They are built in by
# CONFIG_UPROBE_SLOTS_KUNIT_TEST.

export LC_ALL=C

# skip REASON: and if there should have been results, that is a failure
skip() {
	if [ "${UPROBE_SLOTS_EXPECTED:-}" ] && [ "$2" ]; then
		echo "1..1"
		echo "not ok 1 $1"
		exit 1
	fi
	echo "1..0 # SKIP $1"
	exit 4
}

echo "TAP version 13"
if ! grep -qw 'kunit.enable=1' /proc/cmdline; then
	skip "not booted with kunit.enable=1" ''
fi

# The suites that there are, by the kernel's own list.
suites=$(sed -nE 's/.* ust_suite_(uprobe_slots[a-z0-9_]*)$/\1/p' /proc/kallsyms)

# A case is indented once, its suite not at all; what a case said stands before its
# result. A suite that has not come to its end has failed.
dmesg -t | awk -v suites="$suites" '
BEGIN {
	nr = split(suites, name, "\n")
	for (i = 1; i <= nr; i++)
		missing[name[i]] = 1
}
/^ +# Subtest: uprobe_slots/ {
	suite = $3
	plan = seen = 0
	said = ""
	next
}
!suite { next }
/^    1\.\.[0-9]+$/ {
	plan = substr($1, 4) + 0
	next
}
/^    (not )?ok [0-9]+ / {
	sub(/^    /, "")
	result = /^not / ? "not ok" : "ok"
	sub(/^(not )?ok [0-9]+ /, "")
	printf "%s", said
	printf "%s %d %s: %s\n", result, ++number, suite, $0
	failed += result != "ok"
	seen++
	said = ""
	next
}
/^(not )?ok [0-9]+ / && $NF == suite {
	if (seen != plan) {
		printf "# %d of %d cases were run\n", seen, plan
		printf "not ok %d %s: all cases\n", ++number, suite
		failed++
	}
	delete missing[suite]
	suite = ""
	next
}
# What KUnit says of itself is of no use here.
/^ +(KTAP version|# (module|Subtest):|# [a-z0-9_]+\.speed:)/ { next }
/^    / {
	sub(/^ +(# )?/, "")
	said = said "# " $0 "\n"
}
END {
	if (!number)
		exit 4
	for (suite in missing) {
		printf "not ok %d %s: comes to its end\n", ++number, suite
		failed++
	}
	printf "1..%d\n", number
	exit failed != 0
}'
status=$?
[ $status != 4 ] || skip "the log has no results of the suites" 1
exit $status
