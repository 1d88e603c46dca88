#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# a kernel without uprobe slots: exit status 3 and its sentence, nothing left
# shellcheck source=tests/cli/guest/engine.sh
. "$GUEST_ENGINE"
guest_begin
prepare() { :; }
leftovers() { [ -z "$(ls $TRACING/instances)" ] || fault+="instances are left; "; }
echo "area_pages 4" >"$WORK/knobs"

for arguments in "" show "show --json" tasks "top -n 1" "watch -n 1" "set enable 1" "set --pid 1 8" \
	"set --comm sh 8" "run --limit 8 -- echo started" "stat -- echo started" "trace -- echo started" \
	"record -o $WORK/x.dat -- echo started" "advise -- echo started" "save $WORK/saved" \
	"restore $WORK/knobs" metrics "metrics --textfile $WORK/m"; do
	check "${arguments:-no verb}: exit status 3" "$arguments" 3 "this kernel has no uprobe slots.*CONFIG_UPROBE_SLOTS=y" "^started"
done
check "nothing was written" "--version; ls $WORK" 0 "knobs" "saved|x.dat|/m$"
check "--help works" "set --help" 0 "^usage"
check "usage is checked first" "set enable" 2
check "report needs no such kernel" "report $WORK/knobs" 1 "no trace.dat"

test_end
