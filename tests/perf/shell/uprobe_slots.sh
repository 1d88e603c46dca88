#!/bin/bash
# uprobe slots: events against hits, in stat, record, script and trace
# SPDX-License-Identifier: GPL-2.0

set -u

hits=100
slots=/sys/kernel/tracing/uprobe_slots

skip() {
	echo "$1 [Skip]"
	exit 2
}

[ "$(id -u)" = 0 ] || skip "not root"
[ -e /sys/kernel/tracing/events/uprobes/slot_hit ] || skip "no events uprobes:slot_*"
[ "$(cat $slots/enable)" = 1 ] || skip "slots are not shared: $slots/enable is 0"
command -v "${CC:-cc}" > /dev/null || skip "no C compiler"

# As in the source directory, unless the scripts are installed.
perfdir=$(cd "$(dirname "$0")/../.." && pwd)
if [ -e "$perfdir/scripts/python/uprobe-slots.py" ]; then
	export PERF_EXEC_PATH=$perfdir
fi

dir=$(mktemp -d /tmp/__perf_test_uprobe_slots.XXXXX)
probe=uprobe_slots_test

cleanup() {
	perf probe -q -d "$probe:*" 2> /dev/null
	rm -rf "$dir"
	trap - EXIT TERM INT
}

trap_cleanup() {
	echo "Unexpected signal in ${FUNCNAME[1]}"
	cleanup
	exit 1
}
trap trap_cleanup TERM INT
trap cleanup EXIT

err=0
fail() {
	echo "$1 [Failed]"
	err=1
}

# A function whose first instruction is no nop, no push, no jump: few
# architectures emulate others.
build() {
	cat > "$dir/prog.c" <<- EOF
		#include <stdlib.h>
		__attribute__((noinline, noipa)) int work(int x) { return 3 * x + 1; }
		int main(void)
		{
			int i, n = 0;

			for (i = 0; i < $hits; i++)
				n += work(i);
			return n != 3 * $hits * ($hits - 1) / 2 + $hits;
		}
	EOF
	"${CC:-cc}" -O2 -fcf-protection=none -o "$dir/prog" "$dir/prog.c" 2> /dev/null ||
		"${CC:-cc}" -O2 -o "$dir/prog" "$dir/prog.c" || skip "cannot compile"
}

# The probe is on only while somebody uses it: so each records it too.

# count FILE EVENT: lines of an event
count() {
	grep -c "uprobes:$2[:(]" "$1"
}

# stat FILE EVENT: the count of an event
stat_count() {
	sed -nE "s/^([0-9]+),,$2,.*/\1/p" "$1"
}

test_stat() {
	perf stat -x "," -o "$dir/stat" -e "$probe:work" -e 'uprobes:slot_*' -- "$dir/prog" ||
		fail "perf stat: the program's status"
	local hit miss
	hit=$(stat_count "$dir/stat" uprobes:slot_hit)
	miss=$(stat_count "$dir/stat" uprobes:slot_miss)
	[ "$(stat_count "$dir/stat" $probe:work)" = $hits ] || fail "perf stat: not $hits hits"
	[ $((hit + miss)) != 0 ] || skip "the probed instruction is emulated here"
	[ $((hit + miss)) = $hits ] ||
		fail "perf stat: $hit slot_hit and $miss slot_miss of $hits hits"
}

test_script() {
	perf record -q -o "$dir/data" -e $probe:work -e 'uprobes:slot_*' -- "$dir/prog" \
		> /dev/null 2>&1 || fail "perf record"
	# perf record may write an event twice: what comes up between its two looks at
	# how far the buffer is filled. With all digits of the time no two are the same.
	perf script --ns -i "$dir/data" > "$dir/all" 2> /dev/null || fail "perf script"
	sort -u "$dir/all" > "$dir/script"
	local n=$(($(count "$dir/script" slot_hit) + $(count "$dir/script" slot_miss)))
	[ $n = $hits ] || fail "perf script: $n of $hits hits"
	if grep -q 'FAILED TO PARSE' "$dir/script"; then
		fail "perf script: an event cannot be parsed"
	fi
	if grep slot_miss: "$dir/script" | grep -vqE 'reason=[a-z_0-9]*[a-z]'; then
		fail "perf script: a reason is no word"
	fi
}

test_trace() {
	perf trace --libtraceevent_print -o "$dir/trace" -e $probe:work -e 'uprobes:slot_*' \
		-- "$dir/prog" || fail "perf trace"
	local n=$(($(count "$dir/trace" slot_hit) + $(count "$dir/trace" slot_miss)))
	[ $n = $hits ] || fail "perf trace: $n of $hits hits"
	perf trace -o "$dir/trace" -e $probe:work -e uprobes:slot_hit --filter 'ip == 0' \
		-- "$dir/prog" ||
		fail "perf trace --filter"
	[ "$(count "$dir/trace" slot_hit)" = 0 ] || fail "perf trace --filter: it lets all through"
}

test_report() {
	if ! perf script -l 2> /dev/null | grep -q uprobe-slots; then
		echo "perf script report uprobe-slots: no such script, or no Python: left out"
		return
	fi
	perf script report uprobe-slots -i "$dir/data" > "$dir/report" 2> /dev/null ||
		fail "perf script report"
	grep -q "^$hits executions out of line" "$dir/report" ||
		fail "perf script report: $(head -n 1 "$dir/report")"
}

# Whatever is in the user's file changes the output.
export PERF_CONFIG=/dev/null
build
perf probe -q -x "$dir/prog" "$probe:work=work" || skip "perf probe cannot add a probe"
test_stat
test_script
test_trace
test_report
exit $err
