/* SPDX-License-Identifier: GPL-2.0 */
/*
 * debuggers.h - debuggers beside probes: what the parts of the test share
 *
 * debuggers.c	      breakpoints, steps, blocks; the table of cases
 * debuggers_watch.c  watchpoints
 * debuggers_leaks.c  who shows an address in a slot
 * debuggers.S	      the probed functions
 */
#ifndef _US_DEBUGGERS_H
#define _US_DEBUGGERS_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/user.h>

#include "common.h"

/* Each exit that a slot may have, and how the mode without slots is called. */
extern const char * const ud_exits[];
#define UD_NR_EXITS	3

/*
 * Run @fn in a process of its own, which has an area of its own, for each exit; once
 * where there are no slots. @fn gets the name of what it runs with.
 */
int ud_each_exit(int (*fn)(const char *how));
/* One of these runs; with @enable 0 as without slots. */
int ud_run_with(const char *exit, int enable, int (*fn)(const char *how));

void ud_handler(int sig, void (*fn)(int, siginfo_t *, void *));
/* Is @ip in the [uprobes] of @pid (0: own)? False if it has none. */
bool ud_in_area(pid_t pid, unsigned long ip);
int ud_wait(pid_t pid);

/* A stopped child that will run @fn, with its parent for a debugger. */
pid_t ud_start(void (*fn)(void));
/* The signal that @pid stops with; 0: it has ended; -1: nothing for @seconds. */
int ud_next_stop(pid_t pid, int seconds);
void ud_end(pid_t pid);
void ud_get_regs(pid_t pid, struct user_regs_struct *r);
void ud_set_regs(pid_t pid, struct user_regs_struct *r);
unsigned long ud_get_ip(pid_t pid);

#ifdef __x86_64__
#define UD_IP(r)	((r)->rip)
#else
#define UD_IP(r)	((r)->pc)
#endif

/* The cases that are not in debuggers.c. */
int ud_ptrace_watch(void);
int ud_return_watch(void);
int ud_step_watched(void);
int ud_step_after_break(void);
int ud_perf_count(void);
int ud_perf_sigtrap(void);
int ud_perf_samples(void);
int ud_leaks(void);

/* debuggers.S: _insn is probed, _next is behind it. */
extern char ud_store[], ud_store_insn[], ud_store_next[];
extern char ud_inc[], ud_inc_insn[], ud_inc_next[];
extern char ud_loop[], ud_loop_probe_0[], ud_loop_probe_1[], ud_loop_probe_2[];
extern char ud_loop_break_0[], ud_loop_break_1[], ud_loop_break_2[];
extern char ud_loop_next_0[], ud_loop_next_1[], ud_loop_next_2[];
extern char ud_loop_end[], ud_stop[];
extern char ud_ill[], ud_ill_insn[];
extern int ud_word[];
#ifdef __x86_64__
extern char ud_store_rip[], ud_store_rip_insn[], ud_store_rip_next[];
extern char ud_trace[], ud_trace_0[], ud_trace_1[], ud_trace_2[], ud_trace_3[];
extern char ud_trace_end[];
extern char ud_fnstenv[], ud_fnstenv_insn[], ud_fxsave[], ud_fxsave_insn[];
extern char ud_syscall[], ud_syscall_insn[], ud_pushf[], ud_pushf_insn[];
extern char ud_ud2[], ud_ud2_insn[], ud_div[], ud_div_insn[];
extern char ud_fwait[], ud_fwait_insn[], ud_icebp[], ud_icebp_insn[];
extern char ud_call[], ud_call_insn[];
extern char ud_returns[], ud_leaf[], ud_leaf_insn[];
#endif

#endif
