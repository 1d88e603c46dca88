/* SPDX-License-Identifier: GPL-2.0 */
/*
 * limits_os.h - the operating system sets limits, the probed program runs into them
 *
 * limits_os.c	       the table of cases; seccomp, the time stamp counter, alignment
 * limits_os_wait.c    a stack whose page does not come
 * limits_os_space.c   where an address space has room, and how much
 * limits_os_files.c   readers of the mapping, large writes to task_limits
 * limits_os_x86.S     probed functions
 *
 * What is hit otherwise is in handlers_*.S.
 */
#ifndef _US_LIMITS_OS_H
#define _US_LIMITS_OS_H

#ifndef __ASSEMBLER__

#include "common.h"
#include "handlers.h"
#include "settings.h"

#ifdef __x86_64__
/* int f(void *sp): HT_WORD; the probed instruction has that stack pointer. */
extern char lo_ret[], lo_ret_insn[], lo_ret_back[];
extern char lo_retn[], lo_retn_insn[], lo_retn_back[];
extern char lo_lea[], lo_lea_insn[], lo_endbr[], lo_endbr_insn[];
extern char lo_push[], lo_push_insn[], lo_call[], lo_call_insn[];
/* long f(void): executes rdtsc, rdtscp */
extern char lo_rdtsc[], lo_rdtsc_insn[], lo_rdtscp[], lo_rdtscp_insn[];
/* int f(int *p): loads with EFLAGS.AC set */
extern char lo_aligned[], lo_aligned_insn[];
#endif

/* Probes on all of ht_targets; calls; how many returned wrong values. */
void probe_targets(const char *event);
int call_targets(int rounds);

/* The part of the program that is executed anew: "--hit". */
int hit_main(int argc, char **argv);

int ret_waits(void);
int push_waits(void);
int ret_faults(void);
int spaces(void);
int spaces_32(void);
int readers(void);
int large_write(void);

#endif

#endif
