# SPDX-License-Identifier: GPL-2.0-only
# shellcheck shell=bash
# bash completion. Verbs and options are those that --help lists, knobs, tasks
# and events those that there are: nothing is listed here.

_uprobe_slots_options() {
	uprobe-slots "$@" --help 2>/dev/null | grep -oE -- '(^|[ ,])--[a-z-]+' | tr -d ' ,' | sort -u
}

_uprobe_slots_verbs() {
	uprobe-slots --help 2>/dev/null | sed -n 's/^  \([a-z][a-z]*\)  .*/\1/p'
}

_uprobe_slots_knobs() {
	uprobe-slots show 2>/dev/null | sed -n '/^knobs/,/^$/s/^  \([^ ]*\) .*/\1/p'
}

# The words that a knob takes: it says so when it is offered another one.
_uprobe_slots_values() {
	uprobe-slots set --dry-run "$1" '?' 2>&1 |
		sed -n 's/.*(it takes \([a-z, ]*\)).*/\1/p' | sed 's/, / /g; s/ or / /g' | tr ' ' '\n' | sort
}

_uprobe_slots_words() {	# VERB PREVIOUS
	case $2 in
	-p|--pid|-t|--tid) (cd /proc && printf '%s\n' [0-9]*) ;;
	-c|--comm) cat /proc/[0-9]*/comm 2>/dev/null | sort -u ;;
	-e|--event) (cd /sys/kernel/tracing/events/uprobes 2>/dev/null && printf '%s\n' slot_*/ | tr -d /) ;;
	-s|--sort) uprobe-slots "$1" --sort '?' 2>&1 | sed -n 's/.*there are: *//p' | tr ' ' '\n' ;;
	set) _uprobe_slots_knobs ;;
	esac
}

_uprobe_slots() {
	local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD - 1]} verb=${COMP_WORDS[1]} i

	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_uprobe_slots_verbs) --help --version" -- "$word")
		return
	fi
	# Behind -- there is a command of somebody else's.
	for ((i = 2; i < COMP_CWORD; i++)); do
		if [ "${COMP_WORDS[i]}" = -- ]; then
			mapfile -t COMPREPLY < <(compgen -c -- "$word")
			return
		fi
	done
	case $word in
	-*) mapfile -t COMPREPLY < <(compgen -W "$(_uprobe_slots_options "$verb")" -- "$word"); return ;;
	esac
	case $verb:$COMP_CWORD:$previous in
	set:3:[a-z]*) mapfile -t COMPREPLY < <(compgen -W "$(_uprobe_slots_values "$previous")" -- "$word") ;;
	*) mapfile -t COMPREPLY < <(compgen -W "$(_uprobe_slots_words "$verb" "$previous")" -- "$word") ;;
	esac
	case $verb:$previous in
	save:*|restore:*|report:*|*:-o|*:--output|*:--textfile|set:--cgroup|set:-g)
		mapfile -t -O ${#COMPREPLY[@]} COMPREPLY < <(compgen -f -- "$word") ;;
	esac
}

complete -F _uprobe_slots uprobe-slots
