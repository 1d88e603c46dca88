#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
# Description: the events slot_* live in the group "uprobes" together with the
# dynamic events that go there by default.
#
# The tests are called by name, and no path here has spaces:
# shellcheck disable=SC2317,SC2086

dir=$(dirname "$0")
# shellcheck source=tap.sh
. "$dir/tap.sh"
tap_start

EVENTS=$TRACING/events/uprobes
STATIC="slot_hit slot_miss slot_flush_avoided slot_contention slot_reclaim"
# Nobody maps this file, so that nothing is ever hit.
target=$(mktemp /tmp/ustest.XXXXXX)
cp "$dir/content" "$target"

cleanup() {
	echo 0 > $EVENTS/enable
	echo 0 > $EVENTS/filter
	echo '-:uprobes/ustest_foo' >> $TRACING/uprobe_events
	echo '-:uprobes/ustest_bar' >> $TRACING/uprobe_events
	rm -f "$target"
} 2> /dev/null
trap cleanup EXIT

all_static() {
	local e
	for e in $STATIC; do
		[ -e $EVENTS/$e/enable ] || bad "$e is missing: $1"
	done
}

static_events() {
	all_static "at start"
	local e
	for e in $STATIC; do
		grep -qx "uprobes:$e" $TRACING/available_events ||
			bad "available_events lacks uprobes:$e"
	done
}

default_group() {
	append $TRACING/uprobe_events "p:ustest_foo $target:0x1000\n" ||
		bad "create: $error"
	append $TRACING/uprobe_events "p:uprobes/ustest_bar $target:0x1010\n" ||
		bad "create: $error"
	[ -e $EVENTS/ustest_foo ] || bad "ustest_foo is not in uprobes/"
	[ -e $EVENTS/ustest_bar ] || bad "ustest_bar is not in uprobes/"
	all_static "beside dynamic ones"
}

name_clash() {
	local e
	for e in $STATIC; do
		expect_error "$EEXIST" append $TRACING/uprobe_events \
			"p:uprobes/$e $target:0x1020\n"
	done
	append $TRACING/uprobe_events "-:uprobes/slot_hit\n" &&
		bad "a static event can be removed as a dynamic one"
	all_static "after name clashes"
}

# state: the enable files' values, static and dynamic
state() {
	local e s=
	for e in $STATIC ustest_foo ustest_bar; do
		s="$s$(cat $EVENTS/$e/enable)"
	done
	echo "$s"
}

system_enable() {
	put $EVENTS/enable 1 || bad "enable: $error"
	[ "$(state)" = 1111111 ] || bad "events/uprobes/enable 1: $(state)"
	[ "$(cat $EVENTS/enable)" = 1 ] || bad "reads $(cat $EVENTS/enable)"
	put $EVENTS/enable 0 || bad "disable: $error"
	[ "$(state)" = 0000000 ] || bad "events/uprobes/enable 0: $(state)"
	put $EVENTS/slot_miss/enable 1
	[ "$(cat $EVENTS/enable)" = X ] || bad "one on: reads $(cat $EVENTS/enable)"
	put $EVENTS/slot_miss/enable 0
	append $TRACING/set_event "uprobes:*\n" || bad "set_event: $error"
	[ "$(state)" = 1111111 ] || bad "set_event uprobes:*: $(state)"
	append $TRACING/set_event "!uprobes:*\n" || bad "set_event: $error"
	[ "$(state)" = 0000000 ] || bad "set_event !uprobes:*: $(state)"
}

system_filter() {
	put $EVENTS/filter "common_pid == 0" || bad "filter: $error"
	grep -q 'common_pid == 0' $EVENTS/slot_hit/filter ||
		bad "slot_hit: filter '$(cat $EVENTS/slot_hit/filter)'"
	grep -q 'common_pid == 0' $EVENTS/ustest_foo/filter ||
		bad "ustest_foo: filter '$(cat $EVENTS/ustest_foo/filter)'"
	put $EVENTS/filter 0 || bad "clear the filter: $error"
	grep -q none $EVENTS/slot_hit/filter || bad "slot_hit keeps its filter"
}

remove_last() {
	append $TRACING/uprobe_events "-:uprobes/ustest_foo\n" || bad "$error"
	append $TRACING/uprobe_events "-:uprobes/ustest_bar\n" || bad "$error"
	[ -e $EVENTS/ustest_foo ] && bad "ustest_foo is still there"
	all_static "after the last dynamic one has gone"
	[ "$(cat $EVENTS/slot_hit/enable)" = 0 ] || bad "slot_hit cannot be read"
}

clear_all() {
	append $TRACING/uprobe_events "p:ustest_foo $target:0x1000\n"
	put $TRACING/uprobe_events "" || bad "clear: $error"
	[ -e $EVENTS/ustest_foo ] && bad "ustest_foo is still there"
	all_static "after uprobe_events was truncated"
	put $EVENTS/enable 1 || bad "enable: $error"
	put $EVENTS/enable 0
}

tests=(
	"static_events the static events are there"
	"default_group dynamic events beside them"
	"name_clash a name clash is EEXIST"
	"system_enable enable and set_event reach both"
	"system_filter a system's filter reaches both"
	"remove_last the last dynamic event goes, the static ones stay"
	"clear_all truncating uprobe_events keeps the static ones"
)
echo "1..${#tests[@]}"
for t in "${tests[@]}"; do
	run_test "${t%% *}" "${t#* }"
done
exit $tap_failed
