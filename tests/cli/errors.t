#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# the exit status and the sentence where something is missing
# shellcheck source=tests/cli/engine.sh
. "$ENGINE"
test_begin

check "--help" "--help" 0 "^usage: uprobe-slots"
check "-h" "-h" 0 "^usage: uprobe-slots"
check "--help lists the verbs" "--help" 0 "^  set +a knob"
check "--help says what the exit status means" "--help" 0 "4 not permitted"
check "--version" "--version" 0 "^uprobe-slots [0-9]"
check "-V" "-V" 0 "^uprobe-slots [0-9]"
check "no such verb" "frob" 2 "no verb 'frob'"
check "no such option" "--frob" 2 "no verb '--frob'"

no_feature() { rm -r "$fake/uprobe_slots"; }
SETUP=no_feature
check "show on a kernel without slots" "show" 3 "this kernel has no uprobe slots"
check "it names the option" "show" 3 "CONFIG_UPROBE_SLOTS"
check "set on a kernel without slots" "set enable 1" 3 "CONFIG_UPROBE_SLOTS"
check "set --tid on a kernel without slots" "set --tid 4242 1" 3 "CONFIG_UPROBE_SLOTS"
check "help works there" "set --help" 0
check "usage is checked first" "set enable" 2

no_dir() { rm -r "$fake"; }
SETUP=no_dir
check "no tracing directory" "show" 1 "No such file"
SETUP=

none() { echo "proc /proc proc rw 0 0" >"$WORK/mounts"; }
SETUP=none
AS="env -u UPROBE_SLOTS_TRACING_DIR FAKE_MOUNTS=$WORK/mounts"
check "tracefs is not mounted" "show" 1 "tracefs is not mounted"
check "it says how to mount it" "show" 1 "mount -t tracefs nodev /sys/kernel/tracing"
check "set says so too" "set enable 1" 1 "tracefs is not mounted"

SETUP=
AS="env FAKE_OPEN_ERRNO=1"
check "EPERM: lockdown" "set enable 0" 4 "not permitted.*locked down"
AS="env FAKE_OPEN_ERRNO=13"
check "EACCES on a knob" "set enable 0" 4 "not permitted: writing .*/enable needs root"
check "EACCES on task_limits" "set --tid 4242 1" 4 "not permitted"
AS="env FAKE_OPEN_ERRNO=5"
check "another error has the kernel's word" "set enable 0" 1 "writing .*/enable: Input/output error"

# As another user, with the 0700 directory that tracefs is.
private() { chmod 700 "$fake"; chmod 755 "$WORK"; }
SETUP=private
AS=
if [ "$(id -u)" -eq 0 ]; then
	AS="setpriv --reuid=65534 --regid=65534 --clear-groups"
else
	private() { chmod 000 "$fake"; }
fi
check "show as an ordinary user" "show" 4 "not permitted"
check "set as an ordinary user" "set enable 0" 4 "not permitted"
chmod 700 "$fake"

test_end
