/* SPDX-License-Identifier: GPL-2.0 */
/*
 * handlers.h - probed functions for BPF programs, and the programs
 *
 * handlers.c	    the cases
 * handlers_bpf.c   programs, made by hand, loaded by bpf(2)
 * handlers_*.S	    the probed functions
 */
#ifndef _US_HANDLERS_H
#define _US_HANDLERS_H

#define HT_WORD		4711
#define HT_LANDED	1234

#ifndef __ASSEMBLER__

#include <linux/types.h>

/*
 * @fn(x, data) returns x + 7, if data[0] is HT_WORD; @counts: and adds 1 to
 * data[1]. @insn is the probed instruction, @next where execution goes on.
 * @first: @insn is the function's first, so that the stack is the caller's.
 */
struct ht_target {
	const char *name;
	long (*fn)(long x, int *data);
	const char *insn, *next;
	int counts, first;
};

extern const struct ht_target ht_targets[], ht_targets_end[];

#define NR_HT		(ht_targets_end - ht_targets)
#define HT_DATA		{ HT_WORD }
#define for_each_ht(t)	for (t = ht_targets; t < ht_targets_end; t++)

extern char ht_landing[];		/* returns HT_LANDED */

/* What faults; see the assembly. */
extern char ht_load[], ht_load_insn[], ht_store[], ht_store_insn[];
extern char ht_load_rip[], ht_load_rip_insn[], ht_ud[], ht_ud_insn[];
extern int ht_page[];			/* one page, HT_WORD first */
#ifdef __x86_64__
extern char ht_div[], ht_div_insn[], ht_ud2[], ht_ud2_insn[];

/* The probed instruction uses the register that the name says; see handlers_x86.S. */
extern char ht_si[], ht_si_insn[], ht_di[], ht_di_insn[], ht_bx[], ht_bx_insn[];
extern char ht_pop[], ht_pop_insn[], ht_ret[], ht_ret_insn[], ht_add[], ht_add_insn[];
#endif

/* A program for a uprobe event that sends @sig to the thread; for a perf event. */
int bpf_send(int sig);
int bpf_send_from_timer(int sig);
/*
 * One for a uprobe event that writes @value to the word at @offset of struct
 * pt_regs, or adds it. -EACCES or -EINVAL if the kernel does not allow it.
 */
int bpf_set_reg(int offset, unsigned long value);
int bpf_add_reg(int offset, int value);
/* Run @prog with each hit of @event by this thread; the perf event, or -errno. */
int bpf_attach(int prog, const char *event);
/* Run @prog each @ns nanoseconds of this thread. */
int bpf_attach_timer(int prog, __u64 ns);

#endif

#endif
