/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the parts of x86's uprobes share.
 */
#ifndef _ARCH_X86_KERNEL_UPROBES_H
#define _ARCH_X86_KERNEL_UPROBES_H

#include <linux/bits.h>
#include <linux/jump_label.h>
#include <linux/limits.h>
#include <linux/uprobes.h>

struct insn;
struct pt_regs;

/* Post-execution fixups. */

/* Adjust IP back to vicinity of actual insn */
#define UPROBE_FIX_IP		BIT(0)

/* Adjust the return address of a call insn */
#define UPROBE_FIX_CALL		BIT(1)

/* Instruction will modify TF, don't change it */
#define UPROBE_FIX_SETF		BIT(2)

#define UPROBE_FIX_RIP_SI	BIT(3)
#define UPROBE_FIX_RIP_DI	BIT(4)
#define UPROBE_FIX_RIP_BX	BIT(5)
#define UPROBE_FIX_RIP_MASK	\
	(UPROBE_FIX_RIP_SI | UPROBE_FIX_RIP_DI | UPROBE_FIX_RIP_BX)

/* Beside these: how the kernel emulates it. Ignored for execution in a slot. */
#define UPROBE_EMULATE_RET	0x40
#define UPROBE_EMULATE_ENDBR	0x80
#define UPROBE_EMULATE_LEA	0xc0
#define UPROBE_EMULATE_MASK	0xc0

/* thread.trap_nr of a task that steps and has not trapped */
#define UPROBE_TRAP_NR		UINT_MAX

int default_pre_xol_op(struct arch_uprobe *auprobe, struct pt_regs *regs);

#ifdef CONFIG_UPROBE_SLOTS

DECLARE_STATIC_KEY_TRUE(uprobe_emulate_key);

u8 uprobe_emulation(struct insn *insn);
bool __uprobe_emulate(struct arch_uprobe *auprobe, struct pt_regs *regs);

/* For an instruction without ->emulate(): was it emulated? */
static inline bool uprobe_emulate(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	return static_branch_likely(&uprobe_emulate_key) &&
	       (auprobe->defparam.fixups & UPROBE_EMULATE_MASK) &&
	       __uprobe_emulate(auprobe, regs);
}

#else

static inline u8 uprobe_emulation(struct insn *insn)
{
	return 0;
}

static inline bool uprobe_emulate(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	return false;
}

#endif /* CONFIG_UPROBE_SLOTS */

#endif /* _ARCH_X86_KERNEL_UPROBES_H */
