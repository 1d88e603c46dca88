/* SPDX-License-Identifier: GPL-2.0 */
/*
 * exits.h - one trap a hit: what the parts of the test share
 *
 * exits.c	     the knobs, who hits, what contexts say; the table of cases
 * exits_signals.c   signals and what handlers do
 * exits_stops.c     ptrace, breakpoints, stops, core files, the freezer
 * exits_faults.c    faults, system calls, munmap
 * exits_x86.S	     the probed functions
 */
#ifndef _US_EXITS_H
#define _US_EXITS_H

/* enum uprobe_exit; EMULATED only with the knob `emulate` */
#define EXIT_STEP	0
#define EXIT_TRAP	1
#define EXIT_JUMP	2
#define EXIT_NONE	3
#define EXIT_EMULATED	4

#define UX_WORD		4711

#ifndef __ASSEMBLER__

#include <linux/perf_event.h>
#include <pthread.h>
#include <signal.h>
#include <ucontext.h>
#include "common.h"

/*
 * @fn(x, data) returns x + 7, if data[0] is UX_WORD; @counts: and adds 1 to
 * data[1]. @insn is the probed instruction; @next is behind it, or where a
 * transfer goes to if that is known.
 */
struct target {
	const char *name;
	long (*fn)(long x, int *data);
	const char *insn, *next;
	int trap, jump, emulate;	/* the exit with `trap`, `jump`, and so */
	int counts;
};

extern const struct target ux_targets[], ux_targets_end[];
extern int ux_page[];			/* one page, UX_WORD first */

/* What faults; see exits_x86.S. */
extern char ux_load[], ux_load_insn[], ux_load_rip[], ux_load_rip_insn[];
extern char ux_store[], ux_store_insn[], ux_div[], ux_div_insn[];
extern char ux_ret_to[], ux_ret_to_insn[], ux_ret_to_back[];
extern char ux_ret_on[], ux_ret_on_insn[];
extern char ux_stop[];			/* a breakpoint */
extern char ux_syscall_behind[], ux_syscall_behind_insn[];
extern char ux_rseq[], ux_rseq_insn[], ux_rseq_abort[];

#define TF		0x100ul		/* of eflags */
#define NR_TARGETS	(ux_targets_end - ux_targets)
#define DATA		{ UX_WORD }
#define for_each_target(t) for (t = ux_targets; t < ux_targets_end; t++)

/* The knobs, and what is expected of them. The first kind is the reference. */
struct kind {
	const char *exits;
	int emulate;
};

extern const struct kind kinds[], *kind;	/* all, and the one that is tried */

/* Run @fn in a process of its own, for @kind or for each. */
int run_kind(int (*fn)(void));
int each_kind(int (*fn)(void));
bool is_jump(void);
int target_exit(const struct target *t);
/* Value @at is what it was for the first kind. */
int compare(int *at, unsigned long v, const char *what);
int wait_status(pid_t pid);

void probe_targets(const char *event);
/* How many calls gave wrong values. */
int call(const struct target *t, int *data);
int call_all(int *data);
void stats_before(struct us_stats *s);
/* Has each kind of exit been used as often as it must, if all ran @rounds times? */
int check_exits(const struct us_stats *a, long rounds);
long promoted(const struct us_stats *a);

/* What contexts say: see check_context(). */
extern unsigned long area_start, area_end;
extern long handled, in_area, tf_seen;

void find_area(void);
bool in_uprobes(unsigned long ip);
void add(long *n);
void check_context(ucontext_t *uc);
int check_contexts(void);
void set_handler(int sig, void (*fn)(int, siginfo_t *, void *), int flags);

/* exits_signals.c: threads that hit all targets */
#define HITTERS		3

struct hitter {
	pthread_t thread;
	pid_t tid;
	long rounds, wrong;
	int data[4];
};

extern struct hitter hitters[HITTERS];
extern long nested_wrong;

void hitters_start(void);
long hitters_rounds(void);
int hitters_stop(void);
void nested_handler(int sig, siginfo_t *si, void *ctx);

/* exits_signals.c: a signal with each hit of @target; more than @most end it */
struct pending {
	int fd;
	const struct target *target;
	long wrong_ip, most;
};

extern struct pending pending;

int perf_open(struct perf_event_attr *attr, pid_t pid);
void pending_handler(int sig, siginfo_t *si, void *ctx);

/* The cases that are not in exits.c. */
int storm(void);
int nested(void);
int with_hits_usr1(void);
int with_hits_segv(void);
int with_hits_blocked(void);
int with_hits_perf(void);
int interrupt(void);
int single_step(void);
int breakpoint(void);
int faults(void);
int churn(void);
int core(void);
int uretprobe(void);
int longjmps(void);
int rseq(void);
int behind(void);
int munmaps(void);
int freezer(void);

#endif

#endif
