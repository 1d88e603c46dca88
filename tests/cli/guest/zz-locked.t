#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-only
# a kernel that is locked down: there is no way back, so this is the last file
# shellcheck source=tests/cli/guest/engine.sh
. "$GUEST_ENGINE"
guest_begin
prepare() { :; }
leftovers() { :; }

echo confidentiality >/sys/kernel/security/lockdown
for verb in show tasks "stat -- true" "trace -- true" "set enable 1" "record -o $WORK/x -- true" "advise -- true" "save -" metrics; do
	check "locked down: $verb" "$verb" 4 "locked down"
done

test_end
