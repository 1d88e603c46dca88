#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# instances: what a killed run leaves is named, and each run takes its own only
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin
LEFT="an instance is left of a run that was killed: rmdir $fake/instances/"

# As much of tracefs as it takes to come to an instance, and no further: there is
# nothing in it to write to.
instances() {
	mkdir -p "$fake/events/uprobes/slot_hit" "$fake/instances"
	printf '\tfield: %s;\toffset:%d;\tsize:%d;\tsigned:%d;\n' "u64 timestamp" 0 8 0 \
		"local_t commit" 8 8 1 "int overwrite" 8 1 1 "char data" 16 4080 1 >"$fake/events/header_page"
	{
		printf 'name: slot_hit\nID: 1000\nformat:\n'
		printf '\tfield:%s;\toffset:%d;\tsize:%d;\tsigned:%d;\n' \
			"unsigned short common_type" 0 2 0 "unsigned char common_flags" 2 1 0 \
			"unsigned char common_preempt_count" 3 1 0 "int common_pid" 4 4 1
		printf '\n'
		printf '\tfield:%s;\toffset:%d;\tsize:%d;\tsigned:%d;\n' "unsigned long ip" 8 8 0
		printf '\nprint fmt: "ip=%%lx", REC->ip\n'
	} >"$fake/events/uprobes/slot_hit/format"
	echo 0 >"$fake/events/uprobes/slot_hit/enable"
	mkdir "$fake/instances/mine" "$fake/instances/uprobe-slots-mine" "$fake/instances/uprobe-slots-$$" \
		"$fake/instances/uprobe-slots-1-2"
}
SETUP=instances
WRITES="writing $fake/instances/uprobe-slots-[0-9]+/"
for verb in stat trace advise; do
	words="$verb -- true"
	check "$verb: it comes to its instance" "$words" 1 "$WRITES"
	# The process of that number, this one, is alive: that says nothing.
	also "$verb: one is left" "^uprobe-slots: ${LEFT}uprobe-slots-$$$"
	also "$verb: and another" "^uprobe-slots: ${LEFT}uprobe-slots-1-2$"
	also "$verb: those are all" "^2$" "grep -c 'is left'"
	check "$verb: none goes but its own" "$words; ls $fake/instances | tr '\n' ' '" 0 \
		"^mine uprobe-slots-1-2 uprobe-slots-$$ uprobe-slots-mine $"
done
check "one that is held is not left" "--version; flock $fake/instances/uprobe-slots-$$ -c '$TOOL stat -- true'" 1 \
	"left.*uprobe-slots-1-2$" "left.*uprobe-slots-$$$"

# exec keeps the number: a run finds that another has taken its name.
check "its name is taken" \
	"--version; sh -c 'mkdir $fake/instances/uprobe-slots-\$\$; exec $TOOL stat -- true'; ls $fake/instances | wc -l" 0 \
	"^uprobe-slots: writing $fake/instances/uprobe-slots-[0-9]+-1/" "writing $fake/instances/uprobe-slots-[0-9]+/"
also "that one stays" "^5$"

test_end
