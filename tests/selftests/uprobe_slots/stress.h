/* SPDX-License-Identifier: GPL-2.0 */
/*
 * stress.h - the stress program: who works, who makes trouble, who counts
 *
 * stress.c	   the conductor: phases, children, the verdict
 * stress_work.c   processes whose threads call probed functions
 * stress_trouble.c processes that change knobs and probes, and disturb workers
 *
 * Every call of a probed function is recorded in memory that all processes
 * share and that outlives them, so that hits can be held against calls whatever
 * became of the caller: a thread that was killed has made the call that it was
 * in, or has not.
 */
#ifndef _US_STRESS_H
#define _US_STRESS_H

#include <pthread.h>
#include <stdarg.h>
#include "common.h"
#include "content.h"

#define STRESS_THREADS	64	/* at once, in all processes */
#define STRESS_CTXS	8	/* of them run snippets */
#define STRESS_SNIPS	160
#define STRESS_SAME	32	/* of us_same: these stay, the next ones */
#define STRESS_CHURN	64	/* are registered and removed */
#define STRESS_BACK	64	/* the last ones of us_many: uretprobes as well */

/* Probed instructions, all with a probe of the event "steady". */
enum {
	T_MANY,
	T_SAME = T_MANY + US_MANY,
	T_LOADS = T_SAME + STRESS_SAME,
	T_FAULT = T_LOADS + US_LOADS,
#ifdef __x86_64__
	T_DIV,
	T_PPID,
#endif
	T_SNIPS,
	T_MAX = T_SNIPS + STRESS_SNIPS
};

/* A signal handler calls probed functions while its thread is in one. */
enum { LANE_MAIN, LANE_SIGNAL, LANES };

/* What a pest may do to a worker. Single steps show in what pushf pushes. */
enum disturb { LEAVE_ALONE, DISTURB, DISTURB_AND_STEP };

struct record {
	uint64_t owner;			/* pid << 32 | tid, 0: free */
	int disturb;			/* enum disturb */
	uint32_t in[LANES];		/* the target that is called now, + 1 */
	uint32_t done[LANES][T_MAX];
};

/* What the log tells at the end, and the verdict looks whether it happened. */
enum tally {
	N_PROCESSES, N_KILLED, N_STUCK_KILLED, N_OOM_KILLED, N_EXECS, N_FORKS,
	N_SIGNALS, N_STOPS, N_PTRACE, N_KNOBS, N_PROBES, N_UNMAPPED, NR_TALLIES
};

/* Which allocations fail in this phase. */
enum faults {
	FAULTS_NONE,
	FAULTS_CACHES,	/* half of those of slot caches */
	FAULTS_PAGES,	/* half of those of slot pages */
	FAULTS_TASK,	/* one in a hundred of some workers' */
	NR_FAULTS
};

struct shared {
	uint64_t seed;
	int phase;
	bool stop;
	enum faults faults;
	long wrong, lost, hits, complaints;
	long tally[NR_TALLIES];
	/* What `stats` lost to its resets: see collect_stats() */
	uint64_t reclaimed, full, nomem[NR_FAULTS], page0_full;
	uint32_t maybe[T_MAX];	/* calls that a killed thread was in */
	struct record rec[STRESS_THREADS];
};

extern struct shared *sh;
extern int sh_fd;
extern int nr_snips;
extern struct us_ctx *snip_ctx;		/* STRESS_CTXS of them */
extern struct us_result *snip_ref;	/* [ctx][snippet] */
extern void *bad_page;

struct rng {
	uint64_t x;
};

void rng_init(struct rng *r, unsigned int a, unsigned int b);
/* 0..@n-1 */
unsigned int rnd(struct rng *r, unsigned int n);

static inline void tally(enum tally what)
{
	__atomic_fetch_add(&sh->tally[what], 1, __ATOMIC_RELAXED);
}

/* Something did not come out as it must. */
void wrong(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Records. NULL: as many threads as there may be. */
struct record *record_claim(enum disturb disturb);
void record_release(struct record *r);
/* @pid is gone, or all its threads: 0 is everybody. */
void records_sweep(pid_t pid);
const void *target_addr(int target);
int nr_targets(void);

/* A process of workers. */
enum {
	W_SNIPS	 = 1 << 0,	/* run snippets as well */
	W_FAIL	 = 1 << 1,	/* its allocations fail in FAULTS_TASK */
	W_CGROUP = 1 << 2,	/* lives in the small cgroup */
	W_STUCK	 = 1 << 3,	/* get stuck in a step, do not work */
	W_EXEC	 = 1 << 4,	/* a thread execs */
	W_VFORK	 = 1 << 5,
	W_FORK	 = 1 << 6,
	W_UNMAP	 = 1 << 7,	/* takes its own area away */
	W_ONE_PAGE = 1 << 8,	/* has no room for more than page 0 */
	W_EAT	 = 1 << 9,	/* uses the small cgroup's memory up */
};

#define STRESS_CGROUP	"/sys/fs/cgroup/ustest"

struct job {
	unsigned int id;	/* for the seed */
	unsigned int what;
	int threads;
	double life;		/* seconds; 0: until the phase ends */
};

int work_process(const struct job *job);
/* The program that workers exec: argv after "guest" */
int work_guest(char **argv);

/* Trouble-makers; each runs until the phase ends. */
int change_process(unsigned int id);	/* knobs, events, files */
int churn_process(unsigned int id);	/* probes come and go */
int pest_process(unsigned int id);	/* signals, ptrace, CPUs */
/* Add the counters to those of @sh, and reset them. */
void collect_stats(void);

#endif
