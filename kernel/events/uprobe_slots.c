// SPDX-License-Identifier: GPL-2.0
/*
 * Shared, cached XOL slots for uprobes: a hit, a miss, signals.
 *
 * A uprobe on an instruction that the kernel cannot emulate executes a copy of that
 * instruction out of line (XOL). The copy stands in a slot of the process's area, the
 * mapping [uprobes]. What a slot has to hold depends on the instruction alone. All else
 * (the address of the probe, saved registers) is in the task's uprobe_task. So one slot
 * can serve every thread of the process and every probe on an equal instruction, and it
 * is written only once. A slot that ends by a jump serves every thread, but one probe.
 *
 * This file owns what current does at a probe. It calls uprobe_slots_area.c (areas,
 * pages, filling a slot) and uprobe_slots_reclaim.c on a miss only, never on a hit
 * that the task's cache serves.
 *
 * P1 to P9 are the promises of Documentation/trace/uprobe-slots-design.rst; P2 is that
 * a hit which sharing cannot help costs hardly more than on a stock kernel.
 *
 * Nouns
 * =====
 *
 * area		  [uprobes]. Page 0 is as on a stock kernel: the trampoline, and the
 *		  *transient* slots, which a task takes for one hit and gives back. The
 *		  pages behind it hold the *shared* slots. The knob area_pages says
 *		  how many pages there may be, page 0 included. With 1 no slot is
 *		  filled; those that exist still serve.
 * key		  everything that decides what executing a slot does. Equal bytes are
 *		  not enough: two instructions of equal bytes may need different
 *		  fix-ups. See struct uprobe_slot_key.
 * slot cache	  a task's own table of shared slots. Its entries are *weak*: they
 *		  pin nothing and may be out of date.
 * cache limit	  the most entries of a slot cache. Reclaim spares what the entries
 *		  name as long as it finds other slots.
 * hazard	  a word of the slot cache, @step: the shared slot that the task is
 *		  stepping in.
 * reclaim	  makes a shared slot free for another instruction.
 * exit		  how the execution leaves its slot:
 *		  step	a single step, as on a stock kernel;
 *		  trap	a breakpoint behind the copy;
 *		  jump	a jump behind the copy leads back to the program. An
 *			indirect jump with a RIP-relative operand counts as one,
 *			too: its slot also serves one probe only;
 *		  none	the instruction itself leaves the slot: ret, and all other
 *			indirect jumps.
 *		  From jump on the kernel does not see the end of the execution. To
 *		  *step* means to be in a slot whose end it sees: step or trap.
 * hit, miss	  below, a hit finds a slot, in the task's cache or in the area's
 *		  table. The counters call one in the table a miss ("shared").
 *
 * Why not a reference count per slot? Each hit would write to memory that all threads
 * share: this is what made XOL not scale. And a count of zero does not prove that no
 * CPU has just looked the slot up.
 *
 * States of a slot
 * ================
 *
 *	FREE --fill--> LIVE --mark--> DYING --+--> FREE		nobody is in it
 *	     \		^		      |
 *	      \		+---------------------+			a task is in it
 *	       +-fill--> PINNED
 *
 *	state	in the table	content may change	a hit may enter
 *	FREE	no		yes			no
 *	LIVE	yes		no			yes
 *	DYING	no		no			no
 *	PINNED	yes		no			yes
 *
 * A slot is PINNED if the kernel does not see its exit: a jump, or none. A preempted
 * task may still be inside, and no hazard records it. So the slot keeps its content
 * while the process lives. At most half of the shared slots that the area may have are
 * pinned, by the area_pages of the moment at which a slot is to be pinned. The target of
 * a jump is part of the content, and on x86 so is a RIP-relative operand, which is
 * rewritten for the slot's address: so a slot that jumps belongs to one probe.
 *
 * Rule R: memory, @arch, @hash and @exit of a slot are written only in FREE. The only
 * way from LIVE to FREE is:
 *
 *	1. mark the slot DYING and take it out of the table;
 *	2. let one RCU grace period pass;
 *	3. look at the hazards of all tasks of the area, and find none in it.
 *
 * If a task is in it, the slot goes back to LIVE with its content. A step may last for
 * ever (a page fault that nobody resolves), so reclaim never waits for a step.
 *
 * A hit writes its own task's memory (@step, or for a pinned slot the three @exit words;
 * the tally; its cache's entries; uprobe_task, pt_regs), counters of its CPU, and @ref of
 * the slot, at most once between two passes of reclaim's hand. It looks at the slot and
 * publishes its hazard in one RCU read-side section:
 *
 *	hit					reclaim
 *	F0 a slot cache, on the first hit	R0 choose victims
 *	F1 rcu_read_lock_sched()		R1 state = DYING, out of table
 *	F2 find the slot, in the cache or table	R2 synchronize_rcu()
 *	F3 state == LIVE?	(acquire)	R3 for each task: step == slot?
 *	F4 key equal?				   busy : idle
 *	F5 step = slot				R4 busy: LIVE, idle: FREE
 *	F6 rcu_read_unlock_sched()		R5 wake the waiters
 *	F7 enter it: user mode, a trap
 *	E1 the arch's post_xol, abort_xol
 *	E2 step = 0		(release)
 *
 *	miss
 *	F8 there is no slot. After F0 nothing was locked so far, and nothing written but
 *	   @step, which a fall-back from a jump clears. If the area is full, take a
 *	   transient slot, and ask for a round of reclaim unless one is in flight
 *	L0 is there a free slot, or may a page be added?
 *	L1 lock; look again, then take a free slot
 *	L2 none is free: add a page, then L1 again
 *	L3 write the slot; step = slot; state = LIVE (release); into the table
 *
 * F3 lets a hit into a PINNED slot, too. Such a slot needs no hazard: there is no F5, and
 * L3 sets no step. E1 and E2 come only if a signal makes the task step. If the task must
 * single-step (a debugger steps it) and the slot has another exit, the task clears its
 * hazard at once (E2) and takes a slot with exit step.
 *
 * Why is R4 safe?
 *
 *	a task is already stepping	its hazard is set, so R3 sees it
 *	F1..F6 began before R2's	they have ended with it, so R3 sees F5
 *	grace period
 *	F1..F6 began later		F3 reads DYING, FREE, or LIVE with new content.
 *					Barrier A makes that content visible, and it
 *					stays until another grace period has passed
 *	a miss				it sets step under area->lock, which R1 takes,
 *					too: so R3 sees it
 *
 * Hazard pointers without RCU need a full barrier between F5 and a second F3; this needs
 * none. The section never sleeps: a handler that sleeps, or a task that waits for a slot,
 * does not delay the grace period. It is a section of RCU-sched, which costs a hit two
 * instructions; the grace period of R2 waits for those as for any other.
 *
 * Who writes what, under what
 * ===========================
 *
 *	slot: state, link		area->lock
 *	slot: arch, hash, exit, memory,	area->lock, and FREE (Rule R)
 *	      struct slot_cold
 *	slot: idx			before its page is published
 *	slot: ref			a hit 0 -> 1, without a lock; reclaim and L3
 *					1 -> 0: a lost store costs one round of age
 *	area: table, free, nr_*, hand	area->lock; nr_free is read without, too
 *	area: page[], nr_pages		area->lock; each page[] entry once
 *	area: pins, pin_pages		area->lock. Read without: a stale read costs one
 *					failed look-up or one exit by breakpoint
 *	area: reach, root, tgid		written before the area is published; root is
 *					valid unless the area is dead
 *	area: tasks			area->lock; read under RCU
 *	area: dead			area->lock, once
 *	area: reclaiming		cmpxchg() and xchg(): one round at a time
 *	area: scratch, reclaimed	the one round of reclaim in flight
 *	area: ref			atomically; the last one frees
 *	area: node			slot_areas_lock; read under RCU
 *	cache: all but node		its task, without atomic read-modify-writes
 *	cache: node			area->lock
 *	root: area			slot_areas_lock, once. Read by acquire, or by
 *					READ_ONCE(): the address dependency suffices. A
 *					task with a cache may read it plainly: its cache
 *					belongs to that area
 *	root: node			slot_areas_lock
 *	root: nomem			any task; the time need not be exact
 *	root: all else			before it is on slot_roots
 *
 * Locks, in this order. Nothing sleeps under them, and a hit that its task's cache
 * serves takes none of them:
 *
 *	1. slot_areas_lock	the lists of all areas and all roots
 *	2. area->lock
 *	3. root->wq.lock	by wake_up()
 *
 * Barriers
 * ========
 *
 * herd7 (tests/litmus) checks each barrier, those named only in the code too (root->area,
 * @reclaiming), and shows what breaks without it. spin (tests/spin) checks the states and
 * the orders.
 *
 *	A  F3 smp_load_acquire(state)	L3 smp_store_release(state, LIVE): a task that
 *					sees LIVE sees arch, hash and the memory
 *	B  F1..F6			R2: see above
 *	C  R3 smp_load_acquire(step)	E2 smp_store_release(step, 0): the last use of
 *					the slot and of its arch comes before R4 frees
 *					and L3 rewrites. R3 may also see the F5 that
 *					follows this E2. A task that has left
 *					area->tasks is ordered by area->lock instead
 *	D  smp_load_acquire(nr_pages)	smp_store_release(nr_pages): a page fault, and
 *					R0, find the page of each slot below nr_pages
 *	G  smp_mb() in			smp_mb() when reuse goes off: a new area is
 *	   uprobe_slot_cache_create()	drained, or its tasks see that reuse is off
 *
 * E and F name steps, so no barrier has these letters. R4 sets a busy slot LIVE by a plain
 * store: the lock and R2 have ordered its fill before.
 *
 * Instruction fetch is not a data access. The CPU that fills a slot does what the
 * arch's arch_uprobe_copy_ixol() does for a transient slot. The CPU that executes gets
 * there by an acquire (A) and a return from exception.
 *
 * Lifetimes
 * =========
 *
 * A slot's descriptor lives as long as its area, so a stale cache entry always names
 * valid memory. The process holds a reference on its area until uprobe_slots_destroy(),
 * and a round of reclaim in flight holds another. A slot cache is on area->tasks from
 * its task's first hit until the task exits or execs, which is before the task leaves
 * the mm. No code of slots reads the uprobe_task of another task. uprobe_slots_init()
 * lists a root on slot_roots before any task can see it; uprobe_slots_destroy() unlists it
 * when no task can.
 *
 * A task in a shared slot holds no reference on its uprobe: the slot has a copy of what
 * the arch reads. If the probe is unregistered meanwhile, the slot executes what the
 * program itself has there again.
 *
 * The labels stand in the code: F, L0 and E2 here and in uprobe_slots_types.h, L1 to L3
 * in uprobe_slots_area.c, R in uprobe_slots_reclaim.c. E1 is in handle_singlestep() of
 * uprobes.c.
 */
#include "uprobe_slots_types.h"

DEFINE_STATIC_KEY_TRUE(uprobe_slots_key);
DEFINE_STATIC_KEY_TRUE(uprobe_emulate_key);	/* of the arch; independent of slots */

struct uprobe_slot_knobs uprobe_slot_knobs = {
	.cache_limit	= 8,
	.area_pages	= 4,
	.exits		= UPROBE_EXIT_JUMP,
};

DEFINE_PER_CPU(struct uprobe_slot_counters, slot_counters);

/* -------------------------------------------------------------- a hit ---- */

/*
 * The functions of a hit follow each other in the order in which it runs them, each
 * behind its small helpers. They are declared here because a hit may begin again, with
 * another exit: see slot_begin_fallback().
 *
 * A call saves no registers if it is the last thing that its caller does, and passes the
 * caller's own first parameters on (a tail call). So each part that makes a call is a
 * function of its own, and is called like that: __uprobe_slot_begin() and slot_begin_*()
 * save and move no registers (P2).
 */
static int slot_begin_step(struct uprobe_task *utask, const struct uprobe_slot_key *key,
			   struct pt_regs *regs);
static int slot_begin_trap(struct uprobe_task *utask, const struct uprobe_slot_key *key,
			   struct pt_regs *regs);
static int slot_begin_jump(struct uprobe_task *utask, const struct uprobe_slot_key *key,
			   struct pt_regs *regs);
static int slot_begin_none(struct uprobe_task *utask, const struct uprobe_slot_key *key,
			   struct pt_regs *regs);
static int slot_begin_first(struct uprobe_task *utask, const struct uprobe_slot_key *key,
			    struct pt_regs *regs, struct uprobe_slot_root *root,
			    unsigned int limit);
static int slot_begin_fallback(struct uprobe_task *utask,
			       const struct uprobe_slot_key *key, struct pt_regs *regs,
			       unsigned int exit);
static int slot_obtain_and_enter(struct uprobe_task *utask,
				 const struct uprobe_slot_key *key, struct pt_regs *regs,
				 unsigned int exit);
static int slot_enter(struct uprobe_task *utask, const struct uprobe_slot_key *key,
		      struct pt_regs *regs, struct uprobe_slot *s, int miss);

/* Is a slot pinned for this exit, or may one be? */
static __always_inline bool slot_may_be_pinned(struct uprobe_slot_root *root,
					       const struct uprobe_slot_key *key,
					       unsigned int exit, unsigned long probe)
{
	struct uprobe_slot_area *area = root->area;

	/* In a full area mostly not, so that comes first (P2). */
	if (!may_pin(area, area_page_limit()) &&
	    !test_bit(pin_bit(key, exit, probe), area->pins))
		return false;
	/* Within reach, above the area or below it: a wrap-around makes two tests one. */
	return !key->near || probe - root->vaddr + area->reach < 2 * area->reach;
}

/**
 * __uprobe_slot_begin - make current execute in a shared slot, if it can
 * @utask: current's, with the probe's address in @vaddr
 * @key:   of the probe, which can share
 * @regs:  current's
 * @root:  of current's area
 * @limit: cache limit of current, not 0
 *
 * Context: a uprobe hit of current, after the handlers, in the tasks-trace RCU section
 * of that hit: so nothing here waits for a grace period of that kind. May sleep to
 * allocate memory, on the first hit of a task and where the area grows.
 *
 * Return: as uprobe_slot_begin().
 */
int __uprobe_slot_begin(struct uprobe_task *utask, const struct uprobe_slot_key *key,
			struct pt_regs *regs, struct uprobe_slot_root *root,
			unsigned int limit)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;
	unsigned int exit;

	if (unlikely(!cache || cache->limit != limit))
		return slot_begin_first(utask, key, regs, root, limit);

	exit = key->exit[READ_ONCE(uprobe_slot_knobs.exits)];
	if (exit >= UPROBE_EXIT_JUMP) {
		if (slot_may_be_pinned(root, key, exit, utask->vaddr))
			return exit == UPROBE_EXIT_JUMP ?
			       slot_begin_jump(utask, key, regs) :
			       slot_begin_none(utask, key, regs);
		exit = key->exit[UPROBE_EXIT_TRAP];
	}
	return exit == UPROBE_EXIT_TRAP ? slot_begin_trap(utask, key, regs) :
					  slot_begin_step(utask, key, regs);
}

/*
 * Publish current's hazard on a slot that current has just seen live. A pinned slot
 * needs none.
 */
static __always_inline void hazard_set(struct uprobe_slot_cache *cache,
				       struct uprobe_slot *s,
				       const struct slot_lookup *want)
{
	if (want->exit >= UPROBE_EXIT_JUMP)
		return;
	slot_delay(UPROBE_DELAY_HIT);
	WRITE_ONCE(cache->step, s->idx + 1);			/* F5, B */
}

static void hazard_clear(struct uprobe_slot_cache *cache)
{
	smp_store_release(&cache->step, 0);			/* E2, C */
}

/*
 * Find the slot and enter it: the rest of __uprobe_slot_begin(), for one exit. For an
 * exit by jump or none: if no slot is pinned and none may be, fall back to the breakpoint,
 * or to the single step where no breakpoint fits (ret).
 */
static __always_inline int slot_begin_as(struct uprobe_task *utask,
					 const struct uprobe_slot_key *key,
					 struct pt_regs *regs, unsigned int exit,
					 unsigned long probe)
{
	struct slot_lookup want = {
		.key = key, .exit = exit, .probe = probe,
		.hash = lookup_hash(key, exit, probe),
	};
	struct uprobe_slot_cache *cache = utask->slot_cache;
	struct uprobe_slot_area *area;
	struct uprobe_slot *s;
	unsigned int pages;

	/* Two copies of the end, so that the last argument is a constant in each. */
	rcu_read_lock_sched();					/* F1 */
	s = cache_find(cache, &want);				/* F2 F3 F4 */
	if (likely(s)) {
		hazard_set(cache, s, &want);			/* F5 */
		rcu_read_unlock_sched();			/* F6 */
		return slot_enter(utask, key, regs, s, 0);	/* F7 */
	}
	s = table_find(cache->area, &want);
	if (s) {
		hazard_set(cache, s, &want);
		rcu_read_unlock_sched();
		return slot_enter(utask, key, regs, s, UPROBE_MISS_SHARED);
	}
	rcu_read_unlock_sched();

	/* F8: until here no lock was taken, and nothing shared written (P2). */
	area = cache->area;
	pages = area_page_limit();
	if (exit >= UPROBE_EXIT_JUMP) {
		if (may_pin(area, pages) && area_has_room(area, pages))	/* L0 */
			return slot_obtain_and_enter(utask, key, regs, exit);
		return slot_begin_fallback(utask, key, regs, key->exit[UPROBE_EXIT_TRAP]);
	}
	/* No new shared slots; those that exist still serve. */
	if (pages < 2)
		return UPROBE_MISS_SINGLE_PAGE;
	if (area_has_room(area, pages))				/* L0 */
		return slot_obtain_and_enter(utask, key, regs, exit);
	if (!READ_ONCE(area->reclaiming))
		return uprobe_slots_full(area);
	return UPROBE_MISS_FULL;
}

/* One function per exit makes the exit a compile-time constant and saves a register. */
static noinline int slot_begin_step(struct uprobe_task *utask,
				    const struct uprobe_slot_key *key,
				    struct pt_regs *regs)
{
	return slot_begin_as(utask, key, regs, UPROBE_EXIT_STEP, 0);
}

static noinline int slot_begin_trap(struct uprobe_task *utask,
				    const struct uprobe_slot_key *key,
				    struct pt_regs *regs)
{
	return slot_begin_as(utask, key, regs, UPROBE_EXIT_TRAP, 0);
}

static noinline int slot_begin_jump(struct uprobe_task *utask,
				    const struct uprobe_slot_key *key,
				    struct pt_regs *regs)
{
	return slot_begin_as(utask, key, regs, UPROBE_EXIT_JUMP, utask->vaddr);
}

static noinline int slot_begin_none(struct uprobe_task *utask,
				    const struct uprobe_slot_key *key,
				    struct pt_regs *regs)
{
	return slot_begin_as(utask, key, regs, UPROBE_EXIT_NONE, 0);
}

static void account_hit(struct uprobe_task *utask, struct uprobe_slot *s)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;

	WRITE_ONCE(cache->tally.hits, cache->tally.hits + 1);
	uprobe_slot_count(UPROBE_COUNT_HIT, 1);
	trace_slot_hit(utask->vaddr, utask->xol_vaddr, s->hash, s->exit);
	trace_slot_flush_avoided(utask->vaddr, utask->xol_vaddr, s->hash);
}

/* A function of its own: only a task that is traced saves registers for it. */
static noinline void trace_missed(struct uprobe_task *utask, u32 hash, int miss,
				  unsigned int exit)
{
	trace_slot_miss(utask->vaddr, utask->xol_vaddr, hash, miss, exit);
	if (miss == UPROBE_MISS_SHARED)
		trace_slot_flush_avoided(utask->vaddr, utask->xol_vaddr, hash);
}

/* The slot was found in the table, or filled. */
static __always_inline void account_miss(struct uprobe_task *utask, u32 hash,
					 int miss, unsigned int exit)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;

	/* Reuse went off meanwhile: then misses are neither counted nor traced. */
	if (!static_branch_likely(&uprobe_slots_key))
		return;
	WRITE_ONCE(cache->tally.misses, cache->tally.misses + 1);
	uprobe_slot_count(UPROBE_COUNT_MISS + miss, 1);
	if (trace_slot_miss_enabled() || trace_slot_flush_avoided_enabled())
		trace_missed(utask, hash, miss, exit);
}

/*
 * Send current to a pinned slot, which current leaves by itself. These three words tell
 * uprobe_slot_signal() where current was, should a signal come before it has left.
 */
static void slot_enter_unseen(struct uprobe_task *utask, struct pt_regs *regs,
			      unsigned int len)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;

	cache->exit_slot = utask->xol_vaddr;
	cache->exit_probe = utask->vaddr;
	cache->exit_next = utask->vaddr + len;
	instruction_pointer_set(regs, utask->xol_vaddr);
	utask->xol_vaddr = 0;
}

/* Start current's step in the slot that its hazard is on. A trap ends the step. */
static int slot_start_step(struct uprobe_task *utask, struct pt_regs *regs,
			   struct uprobe_slot *s)
{
	int err;

	if (s->exit == UPROBE_EXIT_TRAP)
		err = arch_uprobe_pre_trap(&s->arch, regs);
	else
		err = arch_uprobe_pre_xol(&s->arch, regs);
	if (unlikely(err)) {
		utask->xol_vaddr = 0;
		hazard_clear(utask->slot_cache);
		return err;
	}

	utask->slot = s;
	utask->state = UTASK_SSTEP;
	return 0;
}

/*
 * F7: redirect current to the slot that it has found; @miss is 0 for a hit.
 *
 * Asks only now whether current must single-step, so that a task that finds the area
 * full does not pay for the question (P2). Traces before it changes ip, so that a stack
 * trace begins at the probe.
 */
static noinline int slot_enter(struct uprobe_task *utask,
			       const struct uprobe_slot_key *key, struct pt_regs *regs,
			       struct uprobe_slot *s, int miss)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;
	unsigned int exit = s->exit;
	int err;

	if (exit != UPROBE_EXIT_STEP && unlikely(arch_uprobe_must_step(regs)))
		return slot_begin_fallback(utask, key, regs, UPROBE_EXIT_STEP);

	utask->xol_vaddr = slot_vaddr(cache->area, s);
	if (likely(!miss))
		account_hit(utask, s);
	else
		account_miss(utask, s->hash, miss, exit);
	uprobe_slot_count(UPROBE_COUNT_EXIT + exit, 1);

	if (exit >= UPROBE_EXIT_JUMP) {
		slot_enter_unseen(utask, regs, key->len);
	} else {
		err = slot_start_step(utask, regs, s);
		if (unlikely(err))
			return err;
	}
	/*
	 * For reclaim's clock. Only the first hit of a round writes this shared memory.
	 * A slot that was filled and not used again goes first.
	 */
	if (!READ_ONCE(s->ref) && miss != UPROBE_MISS_FILLED)
		WRITE_ONCE(s->ref, 1);
	if (unlikely(miss))
		cache_add(cache, s);
	return 0;
}

/**
 * uprobe_slot_trapped - did the breakpoint behind current's instruction trap?
 * @utask: current's, stepping
 * @regs:  current's; ip is set to what it is after a single step
 *
 * There is a breakpoint behind every copy that no jump follows. It also ends a single
 * step, if an instruction does not raise the step's own trap in time.
 *
 * Return: whether that breakpoint has stopped current.
 */
bool uprobe_slot_trapped(struct uprobe_task *utask, struct pt_regs *regs)
{
	unsigned long ip = uprobe_get_swbp_addr(regs);

	if (!utask->slot || ip - utask->xol_vaddr >= UPROBE_SLOT_BYTES)
		return false;
	instruction_pointer_set(regs, ip);
	return true;
}

/**
 * uprobe_slot_end - current has left its shared slot
 * @utask: current's, stepping in a shared slot
 *
 * The last act of a step, after the arch's post_xol or abort_xol (E1): from here on
 * reclaim may free the slot. Looks at the task only, so a step ends well whatever the
 * knobs say by now.
 */
void uprobe_slot_end(struct uprobe_task *utask)
{
	utask->slot = NULL;
	utask->xol_vaddr = 0;
	slot_delay(UPROBE_DELAY_END);
	hazard_clear(utask->slot_cache);
}

/* ------------------------------------------------------------- a miss ---- */

/*
 * As __uprobe_slot_begin(), on a task's first hit and on its first hit with another
 * limit: make the slot cache, and bring it to that limit.
 */
static noinline int slot_begin_first(struct uprobe_task *utask,
				     const struct uprobe_slot_key *key,
				     struct pt_regs *regs,
				     struct uprobe_slot_root *root,
				     unsigned int limit)
{
	if (!utask->slot_cache) {				/* F0 */
		if (root->nr_pages < 2 || (!READ_ONCE(root->area) && area_page_limit() < 2))
			return UPROBE_MISS_SINGLE_PAGE;
		utask->slot_cache = uprobe_slot_cache_create(root);
		if (!utask->slot_cache)
			return UPROBE_MISS_NOMEM;
	}

	cache_trim(utask->slot_cache, limit);
	utask->slot_cache->limit = limit;
	return __uprobe_slot_begin(utask, key, regs, root, limit);
}

/* Begin again, with another exit than the one that the key has. */
static int slot_begin_fallback(struct uprobe_task *utask,
			       const struct uprobe_slot_key *key,
			       struct pt_regs *regs, unsigned int exit)
{
	hazard_clear(utask->slot_cache);
	return exit == UPROBE_EXIT_TRAP ? slot_begin_trap(utask, key, regs) :
					  slot_begin_step(utask, key, regs);
}

/* L0 has found room: fill a slot, and enter it. Return: as uprobe_slot_begin(). */
static noinline int slot_obtain_and_enter(struct uprobe_task *utask,
					  const struct uprobe_slot_key *key,
					  struct pt_regs *regs, unsigned int exit)
{
	struct slot_lookup want = { .key = key, .exit = exit };
	struct uprobe_slot *s;
	int miss;

	if (exit != UPROBE_EXIT_STEP && arch_uprobe_must_step(regs))
		return slot_begin_fallback(utask, key, regs, UPROBE_EXIT_STEP);

	if (exit == UPROBE_EXIT_JUMP)
		want.probe = utask->vaddr;
	want.hash = lookup_hash(key, exit, want.probe);
	s = uprobe_slot_obtain(utask->slot_cache, &want, &miss);
	if (s)
		return slot_enter(utask, key, regs, s, miss);
	uprobe_slots_reclaim(utask->slot_cache->area);
	return miss;
}

/* The task's limit is 0 now. */
void uprobe_slot_cache_empty(struct uprobe_slot_cache *cache)
{
	if (cache->nr)
		cache_trim(cache, 0);
}

/* --------------------------------------------------- transient slots ---- */

/* See uprobe_slot_account_transient(), which calls this if somebody traces. */
void uprobe_slot_trace_miss(struct uprobe_task *utask,
			    const struct uprobe_slot_key *key, int miss)
{
	/* Reuse was off when current last tried to get a shared slot. */
	if (miss == UPROBE_MISS_NONE)
		return;
	trace_slot_miss(utask->vaddr, utask->xol_vaddr, key->hash, miss,
			UPROBE_EXIT_STEP);
}

/*
 * Should a task that waits for a transient slot try for a shared one again? @miss is why
 * it has none. Only if slots or memory ran out, and there is room now. If there is none,
 * or memory was short within the last second, ask for a round of reclaim, which wakes the
 * waiter: a slot that it makes free needs no memory.
 *
 * This is the condition of a wait, so it does not sleep.
 */
static bool may_retry(struct uprobe_slot_root *root, int miss)
{
	struct uprobe_slot_area *area = READ_ONCE(root->area);
	bool short_of_memory = miss == UPROBE_MISS_NOMEM && nomem_recently(root);

	if (!area || (miss != UPROBE_MISS_FULL && miss != UPROBE_MISS_NOMEM))
		return false;
	/* The missing memory may be for the task's cache: a free slot would not help. */
	if (!short_of_memory && area_has_room(area, area_page_limit()))
		return true;
	uprobe_slots_reclaim(area);
	return false;
}

/**
 * uprobe_slots_wait - wait for a slot: there is no transient one
 * @key:  of the probe
 * @root: of current's area
 * @miss: why current does not use a shared slot
 * @take: takes a transient slot of @area and returns its number, which is
 *	  UPROBE_TRANSIENT_SLOTS if there is none; does not sleep
 * @area: what @take works on
 * @nr:	  gets the number of the transient slot
 *
 * Context: a uprobe hit of current, after uprobe_slot_begin(). Sleeps.
 *
 * Return: as uprobe_slot_begin(): 0 if a shared slot came first and current executes in
 * it; a reason if current has the transient slot @nr; -ERESTARTSYS if a fatal signal
 * came; what the arch says if it refuses to step.
 */
int uprobe_slots_wait(const struct uprobe_slot_key *key, struct uprobe_slot_root *root,
		      int miss, unsigned long (*take)(struct xol_area *area),
		      struct xol_area *area, unsigned long *nr)
{
	unsigned long vaddr;
	u64 start;
	int err;

	do {
		start = ktime_get_ns();
		err = wait_event_killable(*root->wq,
					  (*nr = take(area)) < UPROBE_TRANSIENT_SLOTS ||
					  may_retry(root, miss));
		vaddr = *nr < UPROBE_TRANSIENT_SLOTS ?
			root->vaddr + *nr * UPROBE_XOL_SLOT_BYTES : 0;
		if (static_key_enabled(&uprobe_slots_key))
			uprobe_slots_contended(UPROBE_CONTENTION_PAGE0_FULL,
					       ktime_get_ns() - start, vaddr);
		if (vaddr)
			return miss;
		if (err)
			return err;
		miss = uprobe_slot_begin(current->utask, key, current_pt_regs(), root);
	} while (miss > 0);

	return miss;
}

/* ------------------------------------------------------------ signals ---- */

/* The slot at @vaddr, which is one of the area. */
static struct uprobe_slot *slot_of_vaddr(struct uprobe_slot_area *area,
					 unsigned long vaddr)
{
	unsigned long offset = vaddr - area->root->vaddr - PAGE_SIZE;

	return slot_at(area, offset / PAGE_SIZE * UPROBE_PAGE_SLOTS +
		       offset % PAGE_SIZE / UPROBE_SLOT_BYTES);
}

/**
 * uprobe_slot_leave - if current stands at the jump behind a copy, do that jump
 * @utask: current's, not stepping
 * @regs:  current's; ip is set to the next instruction of the program
 *
 * For traps that report an address at once: a debugger's watchpoint traps behind the
 * instruction that has hit it.
 *
 * Context: any, interrupts may be off.
 */
void uprobe_slot_leave(struct uprobe_task *utask, struct pt_regs *regs)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;
	unsigned long offset;

	if (!cache || !cache->exit_slot)
		return;
	offset = instruction_pointer(regs) - cache->exit_slot;
	if (offset && offset < UPROBE_SLOT_BYTES)
		instruction_pointer_set(regs, cache->exit_next);
}

/**
 * uprobe_slot_signal - keep slots out of what a signal saves
 * @utask: current's, not stepping
 *
 * Signal frames, ptrace and other stops, the freezer and core dumps show the ip of a task.
 * All of them come after get_signal() has looked at pending signals, and there
 * uprobe_deny_signal() calls this. For traps that report an address at once see
 * uprobe_slot_leave() and uprobe_slot_trap_addr(). Samples, /proc/PID/syscall and what the
 * kernel logs of a fault may show a slot, as on a stock kernel.
 *
 * Current may have gone to a pinned slot. Then:
 *
 *	ip is outside of the slot	current has left; nothing to do
 *	ip is behind the instruction	it was executed: do the jump
 *	ip is at the start		it was not executed: see below
 *
 * Not executed: with a fault of its own or a fatal signal the task goes back to the
 * probe. Otherwise the task steps now, as in a slot of another kind (without a hazard:
 * the slot is pinned), and uprobe_deny_signal() holds the signal back until the step has
 * ended. If the kernel cannot tell whether the signal is a fault, the task steps, too: a
 * real fault then happens again, and its cause is known. If the program's handler returns
 * to the probe, that is another hit, as with a fault in any slot.
 *
 * Context: current, on its way to user mode.
 *
 * Return: whether current steps now.
 */
bool uprobe_slot_signal(struct uprobe_task *utask)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;
	struct pt_regs *regs = current_pt_regs();
	struct uprobe_slot *s;

	if (!cache || !cache->exit_slot)
		return false;
	if (instruction_pointer(regs) != cache->exit_slot) {
		uprobe_slot_leave(utask, regs);
		return false;
	}
	if (__fatal_signal_pending(current) || uprobe_fault_pending()) {
		instruction_pointer_set(regs, cache->exit_probe);
		return false;
	}

	s = slot_of_vaddr(cache->area, cache->exit_slot);
	utask->vaddr = cache->exit_probe;
	utask->xol_vaddr = cache->exit_slot;
	/*
	 * In @arch a register may stand in place of RIP, while the slot has RIP. That does
	 * no harm: pre_xol loads the register, the copy does not use it, and the end of the
	 * step restores it. Instructions that trap late (system calls, too) do not share, so
	 * the step ends before the jump behind the copy.
	 */
	arch_uprobe_pre_xol(&s->arch, regs);
	utask->slot = s;
	utask->state = UTASK_SSTEP;
	uprobe_slot_count(UPROBE_COUNT_PROMOTED, 1);
	return true;
}

/**
 * uprobe_slot_trap_addr - where the program has the instruction that trapped
 * @utask: current's, not stepping
 * @ip:	   where it trapped
 *
 * Return: the address of the probe if @ip is the slot that current executes for that
 * probe; else @ip.
 */
unsigned long uprobe_slot_trap_addr(struct uprobe_task *utask, unsigned long ip)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;

	return cache && ip == cache->exit_slot ? cache->exit_probe : ip;
}
