#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# run: a command with a limit of its own
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin

check "the command has the limit" "run --limit 5 -- sh -c 'grep \"^\$\$ 5\$\" $fake/uprobe_slots/task_limits'" 0 " 5$"
check "-l N, without --" "run -l 5 echo hello" 0 "^hello$"
check "options of the command are its own" "run -l 5 printf %s --help" 0 "^--help$"
check "the exit status is the command's" "run -l 5 -- sh -c 'exit 37'" 37
check "default takes the limit away" "run -l default -- cat $fake/uprobe_slots/task_limits" 0 "" " "
check "no limit" "run -- echo hello" 2 "takes --limit" "hello"
check "no command" "run --limit 5" 2 "takes a command"
check "no command behind --" "run --limit 5 --" 2 "takes a command"
check "a limit out of range: the command does not run" "run -l 65 -- echo hello" 1 "0 to 64" "hello"
check "a limit that is a word" "run -l lots -- echo hello" 2 "no limit" "hello"
check "a negative limit" "run -l -1 -- echo hello" 2 "no limit" "hello"
check "no such command" "run -l 5 -- /no/such/command" 1 "cannot start /no/such/command: No such file"
check "not executable" "run -l 5 -- /etc/passwd" 1 "cannot start /etc/passwd: Permission denied"
check "run has no such option" "run --frob" 2 "run --help"
check "run --help" "run --help" 0 "^usage: uprobe-slots run"
AS="env FAKE_OPEN_ERRNO=13"
check "not permitted: the command does not run" "run -l 5 -- echo hello" 4 "not permitted" "hello"

test_end
