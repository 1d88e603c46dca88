// SPDX-License-Identifier: GPL-2.0
/*
 * Which arm64 instructions may share a slot, what makes two of them equal, and how
 * they leave it.
 */
#include <linux/thread_info.h>
#include <linux/uprobes.h>

#include <asm/insn.h>

#include "../../../../kernel/events/uprobe_slots_internal.h"

/*
 * What depends on its address is simulated or refused, and pre_xol, post_xol
 * and abort_xol do not look at the probe: the instruction is the whole key. What
 * transfers control is simulated or refused too, so all that is left goes on to
 * the next instruction.
 */
unsigned int arch_uprobe_slot_key(const struct arch_uprobe *auprobe,
				  struct mm_struct *mm,
				  struct uprobe_slot_key *key)
{
	if (auprobe->simulate)
		return 0;

	key->arch.ixol = auprobe->ixol;
	key->exit[UPROBE_EXIT_TRAP] = UPROBE_EXIT_TRAP;
	key->exit[UPROBE_EXIT_JUMP] = UPROBE_EXIT_JUMP;
	key->near = true;
	return AARCH64_INSN_SIZE;
}

/*
 * A direct branch only: an indirect one to the middle of a function is refused by
 * BTI, and a literal cannot be read from an execute-only page.
 */
void arch_uprobe_slot_jump(const struct arch_uprobe *auprobe, void *code,
			   unsigned int len, unsigned long from, unsigned long to)
{
	*(__le32 *)(code + len) =
		cpu_to_le32(aarch64_insn_gen_branch_imm(from + len, to,
							AARCH64_INSN_BRANCH_NOLINK));
}

/* A direct branch reaches that far from whichever slot of the area. */
unsigned long arch_uprobe_slot_reach(void)
{
	return SZ_128M - UPROBE_AREA_BYTES;
}

bool arch_uprobe_must_step(struct pt_regs *regs)
{
	return test_thread_flag(TIF_SINGLESTEP);
}

/* As arch_uprobe_pre_xol(), without the single step. */
int arch_uprobe_pre_trap(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	/* UPROBE_INV_FAULT_CODE of uprobes.c */
	current->thread.fault_code = UINT_MAX;
	instruction_pointer_set(regs, current->utask->xol_vaddr);
	return 0;
}
