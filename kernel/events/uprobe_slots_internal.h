/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Everything that uprobe_slots*.c take from the kernel, and every difference
 * between kernel versions. The userspace harness replaces this file.
 */
#ifndef _KERNEL_EVENTS_UPROBE_SLOTS_INTERNAL_H
#define _KERNEL_EVENTS_UPROBE_SLOTS_INTERNAL_H

#include <linux/bitmap.h>
#include <linux/cache.h>
#include <linux/err.h>
#include <linux/gfp.h>
#include <linux/hash.h>
#include <linux/highmem.h>
#include <linux/init.h>
#include <linux/jhash.h>
#include <linux/jiffies.h>
#include <linux/jump_label.h>
#include <linux/log2.h>
#include <linux/math64.h>
#include <linux/minmax.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/once.h>
#include <linux/percpu.h>
#include <linux/pid.h>
#include <linux/processor.h>
#include <linux/ptrace.h>
#include <linux/rculist.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched.h>
#include <linux/sched/signal.h>
#include <linux/sched/task_stack.h>
#include <linux/security.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/timekeeping.h>
#include <linux/unroll.h>
#include <linux/uprobes.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "uprobe_slots.h"
#include "uprobe_slots_trace.h"

/* What shared slots cost is the task's cgroup's; a failure is no drama. */
#define UPROBE_SLOT_GFP	(GFP_KERNEL_ACCOUNT | __GFP_NORETRY | __GFP_NOWARN)

/* 7.3 has a type-safe form, and checkpatch wants it there. */
#ifdef kvzalloc_obj
#define uprobe_slots_kvzalloc(p)	kvzalloc_obj(*(p), UPROBE_SLOT_GFP)
#else
#define uprobe_slots_kvzalloc(p)	kvzalloc(sizeof(*(p)), UPROBE_SLOT_GFP)
#endif

/* 6.12 cannot say it; a hit takes a few instructions more there. */
#ifdef unrolled_count
#define uprobe_slots_unrolled() unrolled_count(8)
#else
#define uprobe_slots_unrolled()
#endif

/*
 * Signals that an instruction in a pinned slot may raise itself. Not SIGTRAP, but for one
 * kind, and not SIGSYS.
 */
#define UPROBE_FAULTS	(sigmask(SIGSEGV) | sigmask(SIGBUS) | sigmask(SIGILL) | \
			 sigmask(SIGFPE))

/*
 * Does the signal tell of a fault that its receiver has made, for certain? SI_KERNEL
 * is the code of some faults (#GP), and of what BPF programs and others send;
 * BUS_MCEERR_AO tells of memory that is bad somewhere. A SIGTRAP is no fault if a perf
 * event sends it, which lets the instruction go on; but where ptrace's watchpoints trap
 * before the access (arm64), the instruction traps each time that it is tried.
 */
static inline bool uprobe_is_fault(const struct kernel_siginfo *info)
{
	if (info->si_code <= SI_USER || info->si_code == SI_KERNEL)
		return false;
	if (info->si_signo == SIGBUS && info->si_code == BUS_MCEERR_AO)
		return false;
	if (info->si_signo == SIGTRAP)
		return info->si_code == TRAP_HWBKPT;
	return sigmask(info->si_signo) & UPROBE_FAULTS;
}

/*
 * Is a fault of current's own pending? One that is only in the set, because memory was
 * short, does not count; it comes again. Nor does one that current has blocked, which
 * it sent itself: a fault is forced.
 */
static inline bool uprobe_fault_pending(void)
{
	struct sigqueue *q;
	unsigned long flags;
	bool fault = false;

	if (!lock_task_sighand(current, &flags))
		return false;
	list_for_each_entry(q, &current->pending.list, list) {
		if (uprobe_is_fault(&q->info) &&
		    !sigismember(&current->blocked, q->info.si_signo))
			fault = true;
	}
	unlock_task_sighand(current, &flags);

	return fault;
}

/*
 * Compiles to nothing unless UPROBE_SLOTS_DEBUG. In a hit it counts spins: a call would
 * make the hit save registers. Reclaim waits by the clock: on emulated CPUs that take
 * turns, each cpu_relax() lets the others run, so counted spins would take thousands of
 * times too long.
 */
static inline void slot_delay(enum uprobe_slot_delay point)
{
	unsigned long wait;
	u64 start;

	if (!IS_ENABLED(CONFIG_UPROBE_SLOTS_DEBUG))
		return;
	wait = READ_ONCE(uprobe_slot_delays[point]);
	if (point < UPROBE_DELAY_MARK) {
		for (; unlikely(wait); wait--)
			cpu_relax();
	} else if (wait) {
		start = ktime_get_ns();
		while (ktime_get_ns() - start < wait)
			cpu_relax();
	}
}

#define slot_delay slot_delay

/* May be overridden by the arch; see the weak ones. */
unsigned int arch_uprobe_slot_key(const struct arch_uprobe *auprobe,
				  struct mm_struct *mm,
				  struct uprobe_slot_key *key);
unsigned long arch_uprobe_slot_reach(void);
void arch_uprobe_slot_jump(const struct arch_uprobe *auprobe, void *code,
			   unsigned int len, unsigned long from, unsigned long to);
bool arch_uprobe_must_step(struct pt_regs *regs);
int arch_uprobe_pre_trap(struct arch_uprobe *auprobe, struct pt_regs *regs);

#endif /* _KERNEL_EVENTS_UPROBE_SLOTS_INTERNAL_H */
