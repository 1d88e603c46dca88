/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the tests share: checks, a process with its tasks, fibers, memory. */
#ifndef _UNIT_H
#define _UNIT_H

#include "uprobe_slots_types.h"

void unit_fail(const char *what, const char *file, int line)
	__attribute__((noreturn));

#define CHECK(cond) do {						\
	if (!(cond))							\
		unit_fail(#cond, __FILE__, __LINE__);			\
} while (0)

/* A case runs in a process of its own: one that crashes or hangs has failed. */
struct unit_case {
	const char	*name;
	void		(*run)(void);
	bool		todo;	/* known to fail, and reported */
};

extern const struct unit_case promise_cases[], reclaim_cases[], limits_cases[],
	model_cases[], fiber_cases[], thread_cases[], exits_cases[];

extern u64 unit_seed;		/* SEED= or the clock */
extern unsigned int unit_scale;	/* SCALE=: percent of the usual steps */
extern unsigned int unit_jitter; /* a thread yields once in so many points */

struct unit_ctx *unit_cpu(unsigned int cpu);
u32 unit_random(u32 below);

/* Called in a grace period, where an interleaved task would run. */
extern void (*unit_in_grace_period)(void);
extern void (*unit_while_waiting)(void);
extern void (*unit_on_reclaim)(unsigned long slot, int result);

void unit_rcu_barrier(void);
bool unit_run_work(void);
bool unit_work_pending(void);
void unit_tick(unsigned long n);
void unit_pass(unsigned long n);
/* See core_initcall() in kernel.h. */
int unit_uprobe_slots_area_initcall(void);
int unit_uprobe_slots_reclaim_initcall(void);
extern bool unit_no_workqueue;
extern unsigned long unit_nr_queued;

/* liburcu, see urcu.c */
void unit_urcu_read_lock(void);
void unit_urcu_read_unlock(void);
void unit_urcu_synchronize(void);
void unit_urcu_register(void);
void unit_urcu_unregister(void);

/**
 * struct unit_memory - what was allocated, and what is to fail
 * @calls:	  so far
 * @fail_at:	  this call fails, counted from 1
 * @fail_from:	  this one and all after it fail
 * @fail_percent: that many fail, by chance
 * @objects:	  not yet freed
 */
struct unit_memory {
	unsigned long	calls, fail_at, fail_from;
	unsigned int	fail_percent;
	long		objects;
};

extern struct unit_memory unit_memory;

struct unit_events {
	unsigned int	hit, flush_avoided;
	unsigned int	miss[UPROBE_NR_MISSES];
	unsigned int	contention[UPROBE_NR_CONTENTIONS];
	unsigned int	reclaim[UPROBE_RECLAIM_BUSY + 1];
};

extern struct unit_events unit_events;

/* ----------------------------------------------------- a process ---- */

#define TRANSIENT_MAX	31
#define AREA_VADDR	0x7f0000000000UL

/* As struct uprobe in uprobes.c; @nr makes the instruction. */
/* Bits of arch.fixups: how an instruction may leave its slot. */
#define UNIT_TRAP	0x100
#define UNIT_JUMP	0x200
#define UNIT_NONE	0x400
#define UNIT_NEAR	0x800

struct uprobe {
	struct arch_uprobe	arch;
	struct uprobe_slot_key	slot_key;
	unsigned long		vaddr;
};

/* As mm_struct with its xol_area: page 0 is @transient slots. */
struct process {
	struct uprobe_slot_root	root;
	wait_queue_head_t	wq;
	unsigned int		transient;
	DECLARE_BITMAP(bitmap, UPROBE_TRANSIENT_SLOTS);
	u8			page0[1 + TRANSIENT_MAX][UPROBE_SLOT_BYTES];
	pid_t			tgid;
};

struct uprobe *probe_new(unsigned int nr);
struct uprobe *probe_make(const void *code, unsigned int len, u32 fixups,
			  bool shareable);
void probe_free(struct uprobe *u);
struct process *process_new(unsigned int nr_pages, unsigned int transient);
void process_free(struct process *p);
struct task_struct *task_new(struct process *p);
void task_exec(struct task_struct *t, struct process *p);
void task_exit(struct task_struct *t);

/* A hit: begin and end are pre_ssout() and handle_singlestep(). */
int step_begin(struct task_struct *t, struct uprobe *u);
void step_check(struct task_struct *t, struct uprobe *u);
void step_end(struct task_struct *t);
void step(struct task_struct *t, struct uprobe *u);
bool in_shared(struct task_struct *t);
/* Does the slot, no jump, hold what executes the probe? */
bool slot_is_of(struct uprobe_slot *s, const struct uprobe *u);
unsigned int transient_taken(struct process *p);
void be(struct task_struct *t);
void forget(struct task_struct *t);

u64 counter(unsigned int which);
u64 counter_misses(void);
void check_area(struct process *p);
void check_cache(struct uprobe_slot_cache *cache);
void check_nothing_left(void);
struct uprobe_slot *slot_of(struct process *p, unsigned long vaddr);

/* ------------------------------------------------------------ fibers ---- */

void fiber_run(unsigned int nr, void (*fn)(unsigned int me), u64 seed,
	       unsigned int switch_in);
void fiber_point(void);
void fiber_wide_point(void);
void fiber_switch(void);
void fiber_blocked(void);
unsigned int fiber_alive(void);

#endif /* _UNIT_H */
