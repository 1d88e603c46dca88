// SPDX-License-Identifier: GPL-2.0
/*
 * Emulation of frequent instructions that would be stepped otherwise, each by
 * one trap instead of two. What is not exactly right in a few lines is not here:
 * it returns false, and the instruction executes out of line.
 */
#include <linux/uaccess.h>
#include <linux/unaligned.h>
#include <linux/uprobes.h>

#include <asm/insn.h>
#include <asm/shstk.h>

#include "uprobes.h"

/*
 * The prefixes of ret in the wild: none, or one that is ignored (rep, for old
 * CPUs' branch predictors; bnd). An operand-size prefix makes another instruction.
 */
static bool is_ret(struct insn *insn)
{
	insn_byte_t prefix = insn->prefixes.bytes[0];

	if (insn->opcode.nbytes != 1 || insn->rex_prefix.nbytes ||
	    insn->vex_prefix.nbytes || insn->prefixes.nbytes > 1 ||
	    (insn->prefixes.nbytes && (prefix & 0xfe) != 0xf2))
		return false;
	return insn->opcode.bytes[0] == 0xc3 || insn->opcode.bytes[0] == 0xc2;
}

/**
 * uprobe_emulation - what emulates an instruction?
 * @insn: decoded
 *
 * Return: a bit for defparam.fixups; 0 if nothing does.
 */
u8 uprobe_emulation(struct insn *insn)
{
	if (is_ret(insn))
		return UPROBE_EMULATE_RET;
	/* For user mode there is no indirect branch tracking, so it is a nop. */
	if (insn->length == 4 && insn->prefixes.nbytes == 1 &&
	    insn->prefixes.bytes[0] == 0xf3 && insn->opcode.nbytes == 2 &&
	    insn->opcode.bytes[0] == 0x0f && insn->opcode.bytes[1] == 0x1e &&
	    (insn->modrm.bytes[0] & 0xfe) == 0xfa)
		return UPROBE_EMULATE_ENDBR;
	return 0;
}

/* Bytes that ret pops besides the address: the last two, if it is of 3 or more. */
static unsigned int ret_immediate(struct arch_uprobe *auprobe)
{
	unsigned int len = auprobe->defparam.ilen;

	return len < 3 ? 0 : get_unaligned((u16 *)&auprobe->ixol[len - 2]);
}

/*
 * With a shadow stack the CPU itself has to execute it. So it has if it faults:
 * the stack is not there, or the address is none that user mode may have.
 */
static bool emulate_ret(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	unsigned int size = user_64bit_mode(regs) ? 8 : 4;
	unsigned long ip = 0;

	if (shstk_is_enabled() ||
	    copy_from_user(&ip, (void __user *)regs->sp, size) ||
	    ip >= TASK_SIZE_MAX)
		return false;

	regs->sp += size + ret_immediate(auprobe);
	regs->ip = ip;
	return true;
}

bool __uprobe_emulate(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	if (auprobe->defparam.fixups & UPROBE_EMULATE_RET)
		return emulate_ret(auprobe, regs);
	regs->ip += auprobe->defparam.ilen;	/* endbr */
	return true;
}
