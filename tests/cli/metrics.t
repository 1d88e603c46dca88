#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# metrics: what Prometheus reads, its alert rules
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin
extra=$ROOT/tools/tracing/uprobe-slots/extra

full() {
	printf '%s\n' "slot_contention 5" "slot_miss_full 2" "slot_contention_lock 5" "slot_contention_ns 1500000000" \
		"slots_live 5" "areas 1" >>"$fake/uprobe_slots/stats"
	sed -i 's/^reset_ns .*/reset_ns 2500000000/' "$fake/uprobe_slots/stats"
	printf '%s\n' "12 0" "13 64" >"$fake/uprobe_slots/task_limits"
}
SETUP=full
check "a counter" "metrics" 0 "^uprobe_slots_hit_total 9990$"
check "its type" "metrics" 0 "^# TYPE uprobe_slots_hit_total counter$"
check "its help" "metrics" 0 "^# HELP uprobe_slots_hit_total The kernel's counter slot_hit\.$"
check "a reason" "metrics" 0 '^uprobe_slots_miss_reason_total\{reason="filled"\} 8$'
check "reasons are together" "metrics | grep -c 'TYPE uprobe_slots_miss_reason_total'" 0 "^1$"
check "nanoseconds are seconds" "metrics" 0 "^uprobe_slots_contention_seconds_total 1.500000000$"
check "a gauge" "metrics" 0 "^uprobe_slots_slots_live 5$"
check "a gauge in seconds" "metrics" 0 "^uprobe_slots_reset_seconds 2.500000000$"
check "a knob" "metrics" 0 '^uprobe_slots_knob\{name="cache_limit"\} 8$'
check "overrides" "metrics" 0 "^uprobe_slots_task_limits 2$"
check "another" "metrics" 0 '^uprobe_slots_knob\{name="emulate"\} 1$'
check "a knob with words" "metrics" 0 '^uprobe_slots_knob_info\{name="exits",value="jump"\} 1$'
check "how executions left their slots" "metrics" 0 '^uprobe_slots_exit_jump_total 9890$'
if command -v promtool >/dev/null; then
	check "promtool check metrics" "metrics | promtool check metrics && echo good" 0 "^good$" "uprobe_slots"
	check "promtool check rules" "--version >/dev/null; promtool check rules $extra/uprobe-slots.rules.yml" 0 "SUCCESS: 4 rules"
	cp "$extra/uprobe-slots.rules.yml" "$ROOT/tests/cli/rules-test.yml" "$WORK"
	check "promtool test rules" "--version >/dev/null; promtool test rules $WORK/rules-test.yml" 0 "SUCCESS"
else
	result "promtool" "there is no promtool: make deps" ""
fi
check "rules name only metrics that there are" \
	"metrics >$WORK/m && grep -o 'uprobe_slots_[a-z_]*' $extra/uprobe-slots.rules.yml | sort -u | while read -r m; do grep -q \"^\$m[ {]\" $WORK/m || echo missing \$m; done" 0 "" "missing"

check "--textfile" "metrics --textfile $WORK/m.prom && cat $WORK/m.prom" 0 "^uprobe_slots_hit_total 9990$"
check "nothing but the file" "metrics -t $WORK/m.prom && ls $WORK | grep -c m.prom" 0 "^1$"
check "others may read it" "metrics -t $WORK/m.prom && stat -c %a $WORK/m.prom" 0 "^644$"
check "a directory that is not there" "metrics -t /no/such/m.prom" 1 "writing /no/such/m.prom: No such file"
check "a name that is a directory" "metrics -t $WORK" 1 "writing $WORK: "
check "no name" "metrics -t ''" 2 "takes a PATH"
check "no option's argument" "metrics --textfile" 2 "metrics --help"
check "an argument" "metrics all" 2 "no argument: 'all'"
check "a full disk" "metrics >/dev/full" 1 "cannot write the output"
check "metrics --help" "metrics --help" 0 "^usage: uprobe-slots metrics"
gone() { rm -r "$fake/uprobe_slots"; }
SETUP=gone
check "no feature: the old file stays" "metrics -t $WORK/m.prom; s=\$?; grep -c hit_total $WORK/m.prom; exit \$s" 3 "^3$"

test_end
