#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# a tracing directory that is mounted read-only, and one that is empty
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin

AS="env FAKE_OPEN_ERRNO=30"
check "read-only: a knob" "set enable 0" 4 "not permitted: writing .*/enable: tracefs is mounted read-only"
also "it says how to write" "mount -o remount,rw $fake$"
check "read-only: a task" "set --tid 4242 1" 4 "writing .*/task_limits: tracefs is mounted read-only"
check "read-only: run" "run --limit 1 -- echo started" 4 "tracefs is mounted read-only" "^started"
printf '%s\n' 'area_pages 7' >"$WORK/knobs"
check "read-only: restore" "restore $WORK/knobs" 4 "tracefs is mounted read-only"
check "read-only: --dry-run writes nothing" "set --dry-run enable 0" 0 "enable"
check "read-only: show" "show" 0 "^knobs"
check "read-only: tasks" "tasks" 0 "TID"
check "read-only: save" "save -" 0 "^area_pages 4$"
check "read-only: metrics" "metrics" 0 "^uprobe_slots_hit_total 9990$"

AS=
empty() { rm -r "$fake"; mkdir "$fake"; }
SETUP=empty
for arguments in "" show "show --json" tasks "top -n 1" "watch -n 1" "set enable 1" "set --pid 1 8" \
	"run --limit 8 -- echo started" "stat -- echo started" "trace -- echo started" \
	"record -o $WORK/x.dat -- echo started" "advise -- echo started" "save $WORK/saved" \
	"restore $WORK/knobs" metrics "metrics --textfile $WORK/m"; do
	check "empty: ${arguments:-no verb}" "$arguments" 4 "^uprobe-slots: not permitted: .* is empty.*locked down" "^started"
done
check "nothing was written" "--version; ls $WORK" 0 "knobs" "saved|x.dat|/m$"

SETUP=
for umask in 077 777 000; do
	check "umask $umask: others read what metrics wrote" \
		"--version; umask $umask; $TOOL metrics -t $WORK/m.prom; stat -c %a $WORK/m.prom" 0 "^644$"
	rm -f "$WORK/m.prom"
done

test_end
