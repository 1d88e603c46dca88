// SPDX-License-Identifier: GPL-2.0
/*
 * Which arm64 instructions may share a slot, and what makes two of them equal.
 */
#include <linux/uprobes.h>

#include "../../../../kernel/events/uprobe_slots_internal.h"

/*
 * What depends on its address is simulated or refused, and pre_xol, post_xol
 * and abort_xol do not look at the probe: the instruction is the whole key.
 */
unsigned int arch_uprobe_slot_key(const struct arch_uprobe *auprobe,
				  struct mm_struct *mm,
				  struct arch_uprobe *key)
{
	if (auprobe->simulate)
		return 0;

	key->ixol = auprobe->ixol;
	return AARCH64_INSN_SIZE;
}
