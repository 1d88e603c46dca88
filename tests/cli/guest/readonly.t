#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# tracefs mounted read-only, as in containers: what writes says so, what reads works
# shellcheck source=tests/cli/guest/engine.sh
. "$GUEST_ENGINE"
guest_begin
probe 0 8

cat >"$WORK/container" <<END
#!/bin/sh
mount --bind $TRACING $TRACING && mount -o remount,bind,ro $TRACING && exec "\$@"
END
chmod 755 "$WORK/container"
$TOOL record -o "$WORK/before.dat" -- "$WORKER" 1 8 10 >/dev/null
printf '%s\n' 'area_pages 7' >"$WORK/knobs"

AS="unshare --mount $WORK/container"
for arguments in "set enable 0" "set --tid \$\$ 4" "set --pid \$\$ 4" "set --comm 'bas*' 4" \
	"run --limit 4 -- echo started" "restore $WORK/knobs" "stat -- echo started" \
	"trace -- echo started" "record -o $WORK/x.dat -- echo started" "advise -- echo started"; do
	check "$arguments" "$arguments" 4 "not permitted: (writing|creating) .*: tracefs is mounted read-only.* mount -o remount,rw $TRACING$" "^started"
	if grep -qvx 1 $SLOTS/enable || grep -qvx 4 $SLOTS/area_pages || [ -s $SLOTS/task_limits ]; then
		result "$arguments: nothing is changed" "changed" "$(head $SLOTS/{enable,area_pages,task_limits})"
	else
		result "$arguments: nothing is changed"
	fi
done
check "no file is left" "show; ls $WORK" 0 "before.dat" "x.dat"

for arguments in show "top -n 1" "watch -n 1 -i 0.1" tasks "save -" metrics; do
	check "$arguments" "$arguments" 0 "(knobs|HIT|hit|TID|area_pages 4|uprobe_slots_hit_total)" "not permitted"
done
check "metrics --textfile" "metrics --textfile $WORK/m.prom && cat $WORK/m.prom" 0 "^uprobe_slots_hit_total 0$"
check "report" "report $WORK/before.dat" 0 "^ +72  slot_hit$"

AS="sh -c 'umask 077; exec \"\$@\"' sh"
check "umask 077: another user reads what metrics wrote" \
	"metrics --textfile $WORK/n.prom; chmod 755 $WORK; setpriv --reuid=65534 --regid=65534 --clear-groups cat $WORK/n.prom" 0 "^uprobe_slots_hit_total 0$"

test_end
