// SPDX-License-Identifier: GPL-2.0
/*
 * Emulation of frequent instructions that would be stepped otherwise, each by
 * one trap instead of two. What is not exactly right in a few lines is not here:
 * it returns false, and the instruction executes out of line.
 */
#include <linux/percpu.h>
#include <linux/uaccess.h>
#include <linux/unaligned.h>
#include <linux/uprobes.h>

#include <asm/debugreg.h>
#include <asm/insn.h>
#include <asm/insn-eval.h>
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

/* lea DISP(%rip), REG: in a slot the address would be another one. */
static bool is_lea_riprel(struct insn *insn)
{
	return insn->opcode.nbytes == 1 && insn->opcode.bytes[0] == 0x8d &&
	       !insn->prefixes.nbytes && !insn->vex_prefix.nbytes &&
	       insn->rex_prefix.nbytes < 2 && insn_rip_relative(insn);
}

/**
 * uprobe_emulation - what emulates an instruction?
 * @insn: decoded
 *
 * Return: a value of UPROBE_EMULATE_MASK for defparam.fixups; 0 if nothing does.
 */
u8 uprobe_emulation(struct insn *insn)
{
	if (is_ret(insn))
		return UPROBE_EMULATE_RET;
	if (is_lea_riprel(insn))
		return UPROBE_EMULATE_LEA;
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

/* In the usual 32-bit mode: no segment has a base, a limit or 16 bits. */
static bool is_flat_32(struct pt_regs *regs)
{
#ifdef CONFIG_IA32_EMULATION
	return (u16)regs->cs == __USER32_CS && (u16)regs->ss == __USER_DS;
#else
	return (u16)regs->cs == __USER_CS && (u16)regs->ss == __USER_DS;
#endif
}

/*
 * Must the CPU itself read the return address? It checks more than the kernel does: a
 * shadow stack; a segment that is not flat; a watchpoint on the address; alignment, if
 * the program asked for that.
 */
static bool cpu_checks_stack(struct pt_regs *regs, bool is_64)
{
	/*
	 * hw_breakpoint_active(), of whichever CPU this is: current's own breakpoints move
	 * along.
	 */
	return (regs->flags & X86_EFLAGS_AC) ||
	       (raw_cpu_read(cpu_dr7) & DR_GLOBAL_ENABLE_MASK) ||
	       shstk_is_enabled() || (!is_64 && !is_flat_32(regs));
}

/*
 * Leaves it to the CPU if ret faults: the stack is not there, or the address is none that
 * user mode may have. The kernel waits for no fault here: the hit is in a tasks-trace RCU
 * section, and whoever unregisters a probe waits for its end.
 */
static bool emulate_ret(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	bool is_64 = user_64bit_mode(regs);
	unsigned int size = is_64 ? 8 : 4;
	unsigned long sp, ip = 0;

	if (cpu_checks_stack(regs, is_64) ||
	    copy_from_user_nofault(&ip, (void __user *)regs->sp, size) ||
	    ip >= TASK_SIZE_MAX)
		return false;

	sp = regs->sp + size + ret_immediate(auprobe);
	regs->sp = is_64 ? sp : (u32)sp;
	regs->ip = ip;
	return true;
}

/*
 * It is [REX,] 8d, modrm and 4 bytes. Of these riprel_analyze() has changed the base
 * register, which is in modrm and REX.B. Without REX.W the upper half gets 0.
 */
static bool emulate_lea(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	unsigned int len = auprobe->defparam.ilen;
	u8 rex = len > 6 ? auprobe->ixol[0] : 0;
	u8 reg = X86_MODRM_REG(auprobe->ixol[len - 5]) + (X86_REX_R(rex) ? 8 : 0);
	unsigned long address;

	/* For a 32-bit segment it is another instruction. */
	if (!user_64bit_mode(regs))
		return false;

	regs->ip += len;
	address = regs->ip + get_unaligned((s32 *)&auprobe->ixol[len - 4]);
	*(unsigned long *)((void *)regs + pt_regs_offset(regs, reg)) =
		X86_REX_W(rex) ? address : (u32)address;
	return true;
}

bool __uprobe_emulate(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	switch (auprobe->defparam.fixups & UPROBE_EMULATE_MASK) {
	case UPROBE_EMULATE_RET:
		return emulate_ret(auprobe, regs);
	case UPROBE_EMULATE_LEA:
		return emulate_lea(auprobe, regs);
	default:
		regs->ip += auprobe->defparam.ilen;	/* endbr */
		return true;
	}
}
