/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * In place of kernel/events/uprobe_slots_internal.h: the same, from kernel.h.
 *
 * An #include in quotes looks first where the including file lies. So the
 * Makefile lays links to the kernel's files and one to this file side by side in
 * build/unit/src/events, and they find each other there. What uprobe_slots.h
 * includes as <linux/...> are empty files: all is here before.
 */
#ifndef _KERNEL_EVENTS_UPROBE_SLOTS_INTERNAL_H
#define _KERNEL_EVENTS_UPROBE_SLOTS_INTERNAL_H

#include "kernel.h"
#include "uprobe_slots.h"

#define UPROBE_SLOT_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

#define uprobe_slots_kvzalloc(p)	kvzalloc(sizeof(*(p)), UPROBE_SLOT_GFP)
#define uprobe_slots_unrolled()

/* Where the protocol argues an order: points at which others mostly go on. */
#define slot_delay(point)	((void)(point), unit_wide_point())

unsigned int arch_uprobe_slot_key(const struct arch_uprobe *auprobe,
				  struct mm_struct *mm,
				  struct uprobe_slot_key *key);
unsigned long arch_uprobe_slot_reach(void);
void arch_uprobe_slot_jump(const struct arch_uprobe *auprobe, void *code,
			   unsigned int len, unsigned long from, unsigned long to);
bool arch_uprobe_must_step(struct pt_regs *regs);
int arch_uprobe_pre_trap(struct arch_uprobe *auprobe, struct pt_regs *regs);

#endif /* _KERNEL_EVENTS_UPROBE_SLOTS_INTERNAL_H */
