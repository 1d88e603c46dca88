// SPDX-License-Identifier: GPL-2.0
/*
 * Which x86 instructions may share a slot, and what makes two of them equal.
 */
#include <linux/string.h>
#include <linux/uprobes.h>

#include <asm/insn.h>
#include <asm/mmu_context.h>

#include "../../../kernel/events/uprobe_slots_internal.h"

/*
 * SYSCALL and SYSENTER mask TF: the CPU executes one more instruction before it
 * traps. So the next bytes of the program have to follow in the slot, as they do
 * in a transient one, which gets MAX_UINSN_BYTES of it.
 */
static bool uprobe_traps_late(const struct insn *insn)
{
	return insn->opcode.bytes[0] == 0x0f &&
	       (insn->opcode.bytes[1] == 0x05 || insn->opcode.bytes[1] == 0x34);
}

/*
 * Only default_xol_ops share. The others come here after a failed emulation,
 * and push_xol_ops leaves ip in the slot if the push succeeds there after all.
 *
 * ops, fixups and ilen are part of the key: the pre and post functions go by
 * them, and riprel_analyze() turns "mov %eax,disp32(%rip)" into the very bytes
 * of "mov %eax,disp32(%rsi)".
 */
unsigned int arch_uprobe_slot_key(const struct arch_uprobe *auprobe,
				  struct mm_struct *mm,
				  struct arch_uprobe *key)
{
	enum insn_mode mode = is_64bit_mm(mm) ? INSN_MODE_64 : INSN_MODE_32;
	struct insn insn;

	if (auprobe->ops != &default_xol_ops ||
	    insn_decode(&insn, auprobe->ixol, MAX_UINSN_BYTES, mode) < 0 ||
	    uprobe_traps_late(&insn))
		return 0;

	memcpy(key->ixol, auprobe->ixol, auprobe->defparam.ilen);
	key->ops = auprobe->ops;
	key->defparam.ilen = auprobe->defparam.ilen;
	key->defparam.fixups = auprobe->defparam.fixups;

	return auprobe->defparam.ilen;
}
