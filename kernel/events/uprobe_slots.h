/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Shared XOL slots for uprobes: what uprobes.c and the tracefs files see.
 *
 * With CONFIG_UPROBE_SLOTS off each function here is a stub that leaves
 * uprobes.c as it is without them.
 */
#ifndef _KERNEL_EVENTS_UPROBE_SLOTS_H
#define _KERNEL_EVENTS_UPROBE_SLOTS_H

#include <linux/err.h>
#include <linux/jump_label.h>
#include <linux/mm_types.h>
#include <linux/percpu.h>
#include <linux/sched.h>
#include <linux/tracepoint-defs.h>
#include <linux/uprobes.h>
#include <linux/wait.h>

struct pt_regs;
struct seq_file;
struct uprobe_slot_area;
struct xol_area;

/* Bits of the bitmap of page 0. */
#define UPROBE_TRANSIENT_SLOTS	(PAGE_SIZE / UPROBE_XOL_SLOT_BYTES)

/*
 * Why an out-of-line execution was not served from the task's own cache. SHARED
 * and FILLED ran from a shared slot all the same, the others from a transient
 * one. The words for these enums are in uprobe_slots_trace.h.
 */
enum uprobe_slot_miss {
	UPROBE_MISS_NONE = 1,		/* reuse is off: that is no miss */
	UPROBE_MISS_SHARED,		/* found in the area's table */
	UPROBE_MISS_FILLED,		/* a free slot was written */
	UPROBE_MISS_FULL,		/* no free slot, no new page */
	UPROBE_MISS_LIMIT,		/* the task's limit is 0 */
	UPROBE_MISS_SINGLE_PAGE,	/* the area may have one page only */
	UPROBE_MISS_UNSHAREABLE,	/* the arch refuses to share */
	UPROBE_MISS_NOMEM,
	UPROBE_NR_MISSES
};

enum uprobe_slot_contention {
	UPROBE_CONTENTION_PAGE0_FULL = 1, /* waited for a transient slot */
	UPROBE_CONTENTION_LOCK,		/* waited for the area's lock */
	UPROBE_NR_CONTENTIONS
};

enum uprobe_slot_result {
	UPROBE_RECLAIM_FREED = 1,
	UPROBE_RECLAIM_BUSY,		/* somebody steps in the slot */
};

/*
 * How an execution ends in a shared slot. A program that a debugger steps, and an
 * instruction that fits none of the others, is stepped, as on stock. The words
 * for these are in uprobe_slots_trace.h.
 */
enum uprobe_exit {
	UPROBE_EXIT_STEP,		/* single step */
	UPROBE_EXIT_TRAP,		/* a breakpoint behind the copy */
	UPROBE_EXIT_JUMP,		/* a jump, mostly behind it: nobody sees the end */
	UPROBE_EXIT_NONE,		/* it leaves by itself: nor here */
	UPROBE_NR_EXITS
};

#ifdef CONFIG_UPROBE_SLOTS

/*
 * May current execute the slot that this key describes? The kernel analyses a probe once,
 * for the mode of the first process that maps it, and any process may hit it: an arch
 * with several modes compares.
 */
#ifndef arch_uprobe_mode_fits
#define arch_uprobe_mode_fits(auprobe, regs)	((void)(auprobe), (void)(regs), true)
#endif

/*
 * Pages of the mapping, page 0 included: always the same, since the mapping
 * cannot change its size later. An arch that shares slots says how large they are; the
 * others never fill one, and need no more pages.
 */
#ifdef UPROBE_SLOT_BYTES
#define UPROBE_AREA_PAGES	16
#else
#define UPROBE_AREA_PAGES	1
#define UPROBE_SLOT_BYTES	UPROBE_XOL_SLOT_BYTES
#endif
/* A task's cache names a slot by 12 bits, so large pages are not used up. */
#define UPROBE_PAGE_SLOTS \
	(PAGE_SIZE / UPROBE_SLOT_BYTES > 256 ? 256 : PAGE_SIZE / UPROBE_SLOT_BYTES)
#define UPROBE_AREA_PAGES_MAX	16	/* of the knob */
#define UPROBE_CACHE_MAX	64

/**
 * struct uprobe_slot_key - everything that decides what executing a slot does
 * @arch:  what the arch's pre_xol, post_xol and abort_xol read, and the bytes
 *	   to execute; the rest is zero, so that equal keys are equal memory
 * @hash:  of @arch
 * @len:   bytes of @arch.ixol to execute, 0 where the probe cannot share
 * @exit:  for each value of the knob `exits` the enum uprobe_exit to use
 * @near:  UPROBE_EXIT_JUMP takes a slot near to the probe
 *
 * Made once per probe by uprobe_slot_key_init(), constant afterwards. An exit by
 * jump adds the address to jump to, which is another one in each process.
 */
struct uprobe_slot_key {
	struct arch_uprobe	arch;
	u32			hash;
	u8			len;
	u8			exit[UPROBE_EXIT_JUMP + 1];
	bool			near;
};

/**
 * struct uprobe_slot_root - where a process's shared slots hang
 * @area:     the shared slots; NULL until the first hit that wants one
 * @vaddr:    user address of page 0 of the mapping
 * @nr_pages: pages of the mapping, 1 where no more fitted
 * @nomem:    jiffies when memory was short: for a while none is asked for
 * @bitmap:   of page 0's slots, transient ones and the trampoline's
 * @wq:       who waits for a transient slot waits here
 * @node:     on slot_roots
 *
 * A member of the process's xol_area; lives as long as that.
 */
struct uprobe_slot_root {
	struct uprobe_slot_area	*area;
	unsigned long		vaddr;
	unsigned int		nr_pages;
	unsigned long		nomem;
	unsigned long		*bitmap;
	wait_queue_head_t	*wq;
	struct list_head	node;
};

/**
 * struct uprobe_slot_knobs - what an operator sets; read with READ_ONCE()
 * @cache_limit: entries of a task's slot cache, where it has no override
 * @area_pages:  most pages of an area that get populated, page 0 included
 * @exits:	 the most that a slot may use: UPROBE_EXIT_STEP, TRAP or JUMP; with JUMP
 *		 also UPROBE_EXIT_NONE
 */
struct uprobe_slot_knobs {
	unsigned int cache_limit;
	unsigned int area_pages;
	unsigned int exits;
};

extern struct uprobe_slot_knobs uprobe_slot_knobs;

static inline unsigned int uprobe_slot_limit(struct task_struct *t)
{
	u8 override = READ_ONCE(t->uprobe_slot_limit);

	return override ? override - 1U :
			  READ_ONCE(uprobe_slot_knobs.cache_limit);
}

/**
 * struct uprobe_slot_tally - what a task's slot cache counts: its first part
 * @hits:   executions that it served
 * @misses: other out-of-line executions
 */
struct uprobe_slot_tally {
	unsigned long hits, misses;
};

enum uprobe_slot_counter {
	UPROBE_COUNT_HIT,
	UPROBE_COUNT_MISS,		/* + enum uprobe_slot_miss; of a CPU also NONE */
	UPROBE_COUNT_CONTENTION = UPROBE_COUNT_MISS + UPROBE_NR_MISSES,
					/* + enum uprobe_slot_contention */
	UPROBE_COUNT_CONTENTION_NS =
		UPROBE_COUNT_CONTENTION + UPROBE_NR_CONTENTIONS,
	UPROBE_COUNT_EXIT,		/* + enum uprobe_exit */
	UPROBE_COUNT_PROMOTED = UPROBE_COUNT_EXIT + UPROBE_NR_EXITS,
	UPROBE_COUNT_RECLAIM,
	UPROBE_COUNT_WRITE,		/* of a CPU: of shared slots only */
	UPROBE_NR_COUNTERS
};

/*
 * Counters of one CPU, or the sum. A transient slot is counted once, under the reason for
 * taking it; uprobe_slots_counters() derives the other totals. Page 0's bitmaps tell how
 * many are taken now.
 */
struct uprobe_slot_counters {
	u64 c[UPROBE_NR_COUNTERS];
};

DECLARE_PER_CPU(struct uprobe_slot_counters, slot_counters);

/* Count on this CPU: no atomic access, no memory that others write. */
static inline void uprobe_slot_count(enum uprobe_slot_counter what, s64 n)
{
	this_cpu_add(slot_counters.c[what], n);
}

DECLARE_TRACEPOINT(slot_miss);

DECLARE_STATIC_KEY_TRUE(uprobe_slots_key);
DECLARE_STATIC_KEY_TRUE(uprobe_emulate_key);

void uprobe_slot_key_init(struct uprobe_slot_key *key,
			  const struct arch_uprobe *auprobe,
			  struct mm_struct *mm);
unsigned long uprobe_slots_place(unsigned long size);
void uprobe_slots_init(struct uprobe_slot_root *root, unsigned long vaddr,
		       unsigned int nr_pages, unsigned long *bitmap,
		       wait_queue_head_t *wq);
void uprobe_slots_destroy(struct uprobe_slot_root *root);
struct page *uprobe_slots_page(struct uprobe_slot_root *root, pgoff_t pgoff);
int __uprobe_slot_begin(struct uprobe_task *utask, const struct uprobe_slot_key *key,
			struct pt_regs *regs, struct uprobe_slot_root *root,
			unsigned int limit);
void uprobe_slot_cache_empty(struct uprobe_slot_cache *cache);
void uprobe_slot_end(struct uprobe_task *utask);
bool uprobe_slot_trapped(struct uprobe_task *utask, struct pt_regs *regs);
void uprobe_slot_leave(struct uprobe_task *utask, struct pt_regs *regs);
bool uprobe_slot_signal(struct uprobe_task *utask);
unsigned long uprobe_slot_trap_addr(struct uprobe_task *utask, unsigned long ip);
void uprobe_slot_cache_free(struct uprobe_task *utask);
void uprobe_slot_trace_miss(struct uprobe_task *utask,
			    const struct uprobe_slot_key *key, int miss);
int uprobe_slots_wait(const struct uprobe_slot_key *key, struct uprobe_slot_root *root,
		      int miss, unsigned long (*take)(struct xol_area *area),
		      struct xol_area *area, unsigned long *nr);

/* current may use no shared slots; it may have used some before. */
static inline int uprobe_slot_limit_0(struct uprobe_task *utask)
{
	if (utask->slot_cache)
		uprobe_slot_cache_empty(utask->slot_cache);
	return UPROBE_MISS_LIMIT;
}

/**
 * uprobe_slot_begin - make current execute in a shared slot, if it can
 * @utask: current's, with the probe's address in @vaddr
 * @key:   of the probe
 * @regs:  current's
 * @root:  of current's area
 *
 * The hook of a hit: see __uprobe_slot_begin(), which it calls if reuse is on.
 *
 * Return: 0 if current executes in a shared slot; a negative errno if the arch
 * refused to step; else an enum uprobe_slot_miss, the reason for which the caller
 * has to take a transient slot, for uprobe_slot_account_transient().
 */
static inline int uprobe_slot_begin(struct uprobe_task *utask,
				    const struct uprobe_slot_key *key,
				    struct pt_regs *regs,
				    struct uprobe_slot_root *root)
{
	unsigned int limit;

	if (!static_branch_likely(&uprobe_slots_key))
		return UPROBE_MISS_NONE;
	limit = uprobe_slot_limit(current);
	if (unlikely(!limit))
		return uprobe_slot_limit_0(utask);
	if (unlikely(!key->len || !arch_uprobe_mode_fits(&key->arch, regs)))
		return UPROBE_MISS_UNSHAREABLE;
	return __uprobe_slot_begin(utask, key, regs, root, limit);
}

/**
 * uprobe_slot_arch - what post_xol and abort_xol work on
 * @utask: current's
 *
 * Return: the slot's copy, or NULL if current does not step in a shared slot.
 */
static inline struct arch_uprobe *uprobe_slot_arch(struct uprobe_task *utask)
{
	return (struct arch_uprobe *)utask->slot;	/* its first member */
}

/**
 * uprobe_slot_account_transient - account a transient slot that was taken and written
 * @utask: current's, with the addresses of the probe and of the slot
 * @key:   of the probe
 * @miss:  why current does not use a shared slot
 */
static inline void uprobe_slot_account_transient(struct uprobe_task *utask,
						 const struct uprobe_slot_key *key, int miss)
{
	struct uprobe_slot_tally *tally = (void *)utask->slot_cache;

	if (!static_branch_likely(&uprobe_slots_key)) {
		/* If it is since current waited: there are no events any more. */
		uprobe_slot_count(UPROBE_COUNT_MISS + UPROBE_MISS_NONE, 1);
		return;
	}
	uprobe_slot_count(UPROBE_COUNT_MISS + miss, 1);
	/* Not if reuse was off when current last tried to get a shared slot. */
	if (tally && miss != UPROBE_MISS_NONE)
		WRITE_ONCE(tally->misses, tally->misses + 1);
	if (tracepoint_enabled(slot_miss))
		uprobe_slot_trace_miss(utask, key, miss);
}

/* Is the task between the two traps of an out-of-line execution? */
static inline bool uprobe_stepping(struct uprobe_task *utask)
{
	return utask->state != UTASK_RUNNING;
}

/* What the tracefs files and the tools use. */

/* Summed over all areas. */
struct uprobe_slot_gauges {
	unsigned long free, live, dying, pinned, transient;
	unsigned long areas, pages;
};

/* One line of the file `tasks`. */
struct uprobe_slot_task {
	struct task_struct	*task;
	unsigned int		entries;
	unsigned long		hits, misses;
};

typedef void (*uprobe_slot_task_fn)(struct uprobe_slot_task *t, void *data);

/*
 * Where a debug build waits if told to, to make a window between two steps of
 * the protocol wide. The names are those of the file `delay`.
 */
enum uprobe_slot_delay {
	UPROBE_DELAY_HIT,		/* F3 seen LIVE, F5 not published */
	UPROBE_DELAY_END,		/* E1 done, E2 not */
	UPROBE_DELAY_FILL,		/* L3 memory written, not LIVE */
	UPROBE_DELAY_MARK,		/* R1 marked, R2 not begun */
	UPROBE_DELAY_SCAN,		/* R3 scanned, R4 not begun */
	UPROBE_NR_DELAYS
};

extern unsigned long uprobe_slot_delays[UPROBE_NR_DELAYS];

void uprobe_slots_set_delay(enum uprobe_slot_delay point, unsigned int us);
int uprobe_slots_set_enabled(bool on);
void uprobe_slots_counters(struct uprobe_slot_counters *sum);
void uprobe_slots_gauges(struct uprobe_slot_gauges *sum);
const char *uprobe_slots_check(void);
void uprobe_slots_walk_tasks(uprobe_slot_task_fn fn, void *data);

#else /* !CONFIG_UPROBE_SLOTS */

#define UPROBE_AREA_PAGES	1

struct uprobe_slot_key { };

struct uprobe_slot_root {
	wait_queue_head_t *wq;
};

static inline void uprobe_slot_key_init(struct uprobe_slot_key *key,
					const struct arch_uprobe *auprobe,
					struct mm_struct *mm)
{
}

static inline unsigned long uprobe_slots_place(unsigned long size)
{
	return -ENOMEM;
}

static inline void uprobe_slots_init(struct uprobe_slot_root *root,
				     unsigned long vaddr, unsigned int nr_pages,
				     unsigned long *bitmap, wait_queue_head_t *wq)
{
	root->wq = wq;
}

static inline void uprobe_slots_destroy(struct uprobe_slot_root *root)
{
}

static inline struct page *uprobe_slots_page(struct uprobe_slot_root *root,
					     pgoff_t pgoff)
{
	return NULL;
}

static inline int uprobe_slot_begin(struct uprobe_task *utask,
				    const struct uprobe_slot_key *key,
				    struct pt_regs *regs,
				    struct uprobe_slot_root *root)
{
	return UPROBE_MISS_NONE;
}

static inline void uprobe_slot_end(struct uprobe_task *utask)
{
}

static inline bool uprobe_slot_trapped(struct uprobe_task *utask, struct pt_regs *regs)
{
	return false;
}

static inline void uprobe_slot_leave(struct uprobe_task *utask, struct pt_regs *regs)
{
}

static inline bool uprobe_slot_signal(struct uprobe_task *utask)
{
	return false;
}

static inline unsigned long uprobe_slot_trap_addr(struct uprobe_task *utask,
						  unsigned long ip)
{
	return ip;
}

static inline struct arch_uprobe *uprobe_slot_arch(struct uprobe_task *utask)
{
	return NULL;
}

static inline void uprobe_slot_cache_free(struct uprobe_task *utask)
{
}

static inline void uprobe_slot_account_transient(struct uprobe_task *utask,
						 const struct uprobe_slot_key *key, int miss)
{
}

static inline bool uprobe_stepping(struct uprobe_task *utask)
{
	return utask->state != UTASK_RUNNING;
}

static inline int
uprobe_slots_wait(const struct uprobe_slot_key *key, struct uprobe_slot_root *root,
		  int miss, unsigned long (*take)(struct xol_area *area),
		  struct xol_area *area, unsigned long *nr)
{
	wait_event(*root->wq, (*nr = take(area)) < UPROBE_TRANSIENT_SLOTS);
	return miss;
}

#endif /* CONFIG_UPROBE_SLOTS */

#define UPROBE_AREA_BYTES	(UPROBE_AREA_PAGES * PAGE_SIZE)

#endif /* _KERNEL_EVENTS_UPROBE_SLOTS_H */
