// SPDX-License-Identifier: GPL-2.0
/*
 * Shared, cached XOL slots for uprobes.
 *
 * A uprobe on an instruction that cannot be emulated executes a copy of it out
 * of line (XOL): between two traps the task runs in a slot of the process's
 * area, the mapping [uprobes]. What a slot has to hold depends on the
 * instruction alone; the address of the probe, saved registers and the like are
 * in the task's uprobe_task. So one slot can serve every thread of the process
 * and every probe on an equal instruction, and need be written only once. (One
 * that ends by a jump serves every thread, and one probe: see exit.)
 *
 * Nouns
 * =====
 *
 * area		  [uprobes]. Page 0 is as it always was: the trampoline, and the
 *		  *transient* slots, taken for one hit and given back. Pages
 *		  behind it hold the *shared* slots that this file is about.
 * key		  all that decides what executing a slot does. Equal bytes are
 *		  not enough: two instructions of equal bytes may need different
 *		  fix-ups. See struct uprobe_slot_key.
 * slot cache	  a task's own table of shared slots. Its entries are *weak*:
 *		  they pin nothing and may be out of date.
 * cache limit	  how many entries that is, and so how much of the task's
 *		  working set reclaim leaves alone while it can.
 * hazard	  the word in the slot cache, @step, that says which shared slot
 *		  the task is stepping in.
 * reclaim	  giving a shared slot another instruction.
 * exit		  how an execution ends in its slot: by a single step, by a
 *		  breakpoint behind the copy (trap), by a jump behind it back to
 *		  the program (jump; also an indirect jump by an operand relative
 *		  to the instruction pointer), or because the instruction itself
 *		  goes elsewhere (none).
 *
 * Why not a reference count per slot? Each hit would write to memory that all
 * threads share, which is what made XOL not scale. And a count that drops to 0
 * does not tell that nobody has just looked the slot up.
 *
 * States of a slot
 * ================
 *
 *	FREE --fill--> LIVE --mark--> DYING --+--> FREE		nobody in it
 *	     \		^		      |
 *	      \		+---------------------+			somebody in it
 *	       +-fill--> PINNED
 *
 *	state	in the table	content may change	a hit may enter
 *	FREE	no		yes			no
 *	LIVE	yes		no			yes
 *	DYING	no		no			no
 *	PINNED	yes		no			yes
 *
 * A slot is PINNED if its exit is one that the kernel does not see: a jump, or
 * none. Who was preempted in there may come back at any time, and no hazard tells.
 * So it keeps its content while the process lives; at most half of the pages that
 * the area may have can be pinned. Where a jump goes to is part of the content, and
 * on x86 an operand relative to the instruction pointer is given for the slot: a slot
 * that jumps is of one probe.
 *
 * Rule R: memory, @arch, @hash and @exit of a slot are written only in FREE, and
 * there is no way from LIVE to FREE but this: mark it DYING and take it out of
 * the table; let one RCU grace period pass; look at all hazards of the area and
 * find nobody in it. Somebody in it: back to LIVE, with its content. A step may
 * last for ever (a page fault that is never resolved), so nobody waits for one.
 *
 * A hit looks at the slot and publishes its hazard within one RCU read-side
 * section. That is all that it takes:
 *
 *	hit					reclaim
 *	F1 rcu_read_lock_sched()		R1 state = DYING, out of table
 *	F3 state == LIVE?	(acquire)	R2 synchronize_rcu()
 *	F4 key equal?				R3 for each task: step == slot?
 *	F5 step = slot				   busy : idle
 *	F6 rcu_read_unlock_sched()		R4 busy: LIVE, idle: FREE
 *	   the trap, user mode, the trap
 *	E2 step = 0		(release)
 *
 * (E2 comes at once if current, whom a debugger steps, may not leave the slot that it
 * has found as that is to be left: then it takes another.)
 *
 * If F1..F6 began before the grace period of R2, it has ended with it, and R3
 * sees F5. If it began later, F3 sees DYING. In neither case does R4 free a slot
 * that somebody enters. F3 and F5 need no full barrier between them, as hazard
 * pointers do without RCU. The section sleeps nowhere: neither a handler that
 * sleeps nor a task that waits for a slot can hold the grace period up. It is one
 * of RCU-sched, because that costs a hit two instructions and is short; the grace
 * period of R2 waits for these as for any other.
 *
 * Who writes what, under what
 * ===========================
 *
 *	slot: state, link		area->lock
 *	slot: arch, hash, exit, memory,	area->lock, and FREE (Rule R)
 *	      struct slot_more
 *	slot: ref			a hit, only 0 -> 1; reclaim 1 -> 0, no lock:
 *					a lost store costs one round of age
 *	area: table, free, nr_*, hand	area->lock
 *	area: page[], nr_pages		area->lock; written once a page
 *	area: pins, pin_pages		area->lock; read without. Who sees them too old
 *					looks for a pinned slot in vain, or has a
 *					breakpoint end the execution this time
 *	area: reach, root, tgid		before it is published; root is valid
 *					unless the area is dead
 *	area: tasks			area->lock; read under RCU
 *	area: dead			area->lock, once
 *	area: scratch			the one reclaim in flight (@reclaiming)
 *	cache: all but node		its task, with plain stores
 *	cache: node			area->lock
 *	root: area			slot_areas_lock, once; read by acquire, or
 *					plainly by who has a cache, which is of it
 *	root: node			slot_areas_lock
 *	root: nomem			anybody, a time that need not be exact
 *	root: all else			before it is on slot_roots
 *
 * Locks, in this order; nothing sleeps under them, none is taken by a hit that
 * its task's cache serves:
 *
 *	1. slot_areas_lock	the lists of all areas and all roots
 *	2. area->lock
 *	3. root->wq.lock	by wake_up()
 *
 * Barriers
 * ========
 *
 * Checked by herd7, with what each is needed for, in tests/litmus; the states and
 * orders by spin, in tests/spin.
 *
 *	A  F3 smp_load_acquire(state)	L4 smp_store_release(state, LIVE): who
 *					sees LIVE sees arch, hash and the memory
 *	B  F1..F6			R2: see above
 *	C  R3 smp_load_acquire(step)	E2 smp_store_release(step, 0): the
 *					last use of the slot and of its arch
 *					comes before R4 frees and L4 rewrites.
 *					R3 may also see the F5 behind that E2.
 *					Who has left area->tasks is ordered by
 *					area->lock instead
 *	D  smp_load_acquire(nr_pages)	smp_store_release(nr_pages): a fault
 *					finds the page whose slots are given out
 *	G  smp_mb() in cache_create()	smp_mb() when reuse goes off: a new area is
 *					drained, or its tasks see that it is off
 *
 * Instruction fetch is no data access. The CPU that fills a slot does what the
 * arch's arch_uprobe_copy_ixol() does for a transient slot; the one that
 * executes gets there by acquire (A) and a return from exception.
 *
 * Lifetimes
 * =========
 *
 * A slot's descriptor lives as long as its area, so a stale cache entry can
 * always be looked at. The area has a reference of its process, until
 * uprobe_slots_destroy(), and one of a reclaim in flight. A slot cache is on
 * area->tasks from its task's first hit until the task exits or execs, which is
 * before it leaves the mm; nobody looks at another task's uprobe_task. A root is on
 * slot_roots from uprobe_slots_init() to uprobe_slots_destroy(), which come before it
 * can be seen, and after the last task that could.
 *
 * No hit holds a reference on its uprobe while it steps in a shared slot: the
 * slot has a copy of what the arch reads. An unregistered probe's slot executes
 * what the program itself has there again.
 *
 * The labels F, L, E, R and the letters A to D and G stand in the code below.
 */
#include "uprobe_slots_types.h"

/* Reclaim rounds are at least that far apart: a grace period each. */
#define RECLAIM_INTERVAL	(HZ / 20)
#define DRAIN_INTERVAL		HZ	/* for slots that somebody is stuck in */
#define NOMEM_INTERVAL		HZ	/* between failed allocations */
/* Of all slots, how many a round takes at most; and at least, if it can. */
#define RECLAIM_FRACTION	8
#define RECLAIM_MIN		16

DEFINE_STATIC_KEY_TRUE(uprobe_slots_key);
DEFINE_STATIC_KEY_TRUE(uprobe_emulate_key);	/* of the arch; independent of slots */

struct uprobe_slot_knobs uprobe_slot_knobs = {
	.cache_limit	= 8,
	.area_pages	= 4,
	.exits		= UPROBE_EXIT_JUMP,
};

DEFINE_SPINLOCK(slot_areas_lock);
LIST_HEAD(slot_areas);
LIST_HEAD(slot_roots);
static struct kmem_cache *cache_slab;
static struct workqueue_struct *reclaim_wq;
static u32 hash_seed;
DEFINE_PER_CPU(struct uprobe_slot_counters, slot_counters);

/* Reuse is off: nothing is filled any more, and reclaim takes all there is. */
static bool draining(void)
{
	return !static_key_enabled(&uprobe_slots_key);
}

/* -------------------------------------------------------------- keys ---- */

/**
 * arch_uprobe_slot_key - may an instruction share a slot, and with which?
 * @auprobe: an analysed probe
 * @mm:	     the one it was analysed for
 * @key:     all zero; gets in @arch what pre_xol, post_xol and abort_xol read and
 *	     the bytes to execute; in @exit, which says UPROBE_EXIT_STEP, what the
 *	     instruction can do at most; and @near
 *
 * An arch that keeps something of a hit in struct arch_uprobe, or whose copy
 * depends on where it lies (but for a jump's slot, which arch_uprobe_slot_jump()
 * finishes), must not override this one.
 *
 * Return: how many bytes of key->ixol to execute; 0 to use transient slots.
 */
unsigned int __weak arch_uprobe_slot_key(const struct arch_uprobe *auprobe,
					 struct mm_struct *mm,
					 struct uprobe_slot_key *key)
{
	return 0;
}

/**
 * arch_uprobe_slot_reach - how near does a jump's slot have to be to its probe?
 *
 * Return: so many bytes, or less, may lie between a probe whose key says @near and the
 * area, from whichever of its slots it jumps, for current's program; 0 if there are no
 * such probes.
 */
unsigned long __weak arch_uprobe_slot_reach(void)
{
	return 0;
}

/**
 * arch_uprobe_slot_jump - make of an instruction what leaves a slot by a jump
 * @auprobe: of the key
 * @code:    what the slot will hold, with the instruction; gets a jump behind it,
 *	     and an operand relative to the instruction pointer is put right
 * @len:     of the instruction
 * @from:    where the slot lies, near to the probe if the key says so
 * @to:	     where to jump
 */
void __weak arch_uprobe_slot_jump(const struct arch_uprobe *auprobe, void *code,
				  unsigned int len, unsigned long from, unsigned long to)
{
}

/**
 * arch_uprobe_must_step - has current to leave its slot by a single step?
 * @regs: current's, at the probe
 *
 * Return: whether; so if somebody steps current, who is to see each step.
 */
bool __weak arch_uprobe_must_step(struct pt_regs *regs)
{
	return true;
}

/**
 * arch_uprobe_pre_trap - as arch_uprobe_pre_xol(), but a breakpoint ends the step
 * @auprobe: the slot's
 * @regs:    current's
 *
 * Return: 0, or an error that keeps current at the probe.
 */
int __weak arch_uprobe_pre_trap(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	return -EOPNOTSUPP;
}

/**
 * uprobe_slot_key_init - compute a probe's key
 * @key:     the probe's
 * @auprobe: the probe's, analysed
 * @mm:	     the one it was analysed for
 *
 * Called once per probe, before it can be hit.
 */
void uprobe_slot_key_init(struct uprobe_slot_key *key,
			  const struct arch_uprobe *auprobe,
			  struct mm_struct *mm)
{
	unsigned int len;

	memset(key, 0, sizeof(*key));
	len = arch_uprobe_slot_key(auprobe, mm, key);
	if (WARN_ON_ONCE(len > UPROBE_SLOT_BYTES))
		return;

	/* The hash is shown in traces: it shall not tell the address of ->ops. */
	get_random_once(&hash_seed, sizeof(hash_seed));
	key->len = len;
	key->hash = jhash(&key->arch, sizeof(key->arch), hash_seed);
}

/* ----------------------------------------------------- areas and pages ---- */

static void area_free(struct rcu_head *rcu)
{
	struct uprobe_slot_area *area;
	unsigned int i;

	area = container_of(rcu, struct uprobe_slot_area, rcu);
	for (i = 0; i < area->nr_pages; i++) {
		kvfree(area->page[i].slot);
		kfree(area->page[i].more);
	}
	kvfree(area);
}

static void area_put(struct uprobe_slot_area *area)
{
	if (!refcount_dec_and_test(&area->ref))
		return;

	spin_lock(&slot_areas_lock);
	list_del_rcu(&area->node);
	spin_unlock(&slot_areas_lock);
	call_rcu(&area->rcu, area_free);
}

static void reclaim_work(struct work_struct *work);

/* The area of current's process, made if there is none; NULL if out of memory. */
static struct uprobe_slot_area *area_get(struct uprobe_slot_root *root)
{
	struct uprobe_slot_area *area;

	/* Pairs with the release below: the area is initialised. */
	area = smp_load_acquire(&root->area);
	if (area)
		return area;

	area = uprobe_slots_kvzalloc(area);
	if (!area)
		return NULL;

	spin_lock_init(&area->lock);
	INIT_LIST_HEAD(&area->tasks);
	INIT_DELAYED_WORK(&area->reclaim, reclaim_work);
	refcount_set(&area->ref, 1);
	area->root = root;
	area->reach = arch_uprobe_slot_reach();
	area->pin_pages = pages_to_pin(0);
	area->tgid = current->tgid;
	area->reclaimed = jiffies - DRAIN_INTERVAL;

	/* Another thread of the process may do the same: the first one wins. */
	spin_lock(&slot_areas_lock);
	if (!root->area) {
		list_add_tail_rcu(&area->node, &slot_areas);
		/* Pairs with the two acquires of it. */
		smp_store_release(&root->area, area);
		area = NULL;
	}
	spin_unlock(&slot_areas_lock);
	kvfree(area);

	return root->area;
}

/**
 * uprobe_slots_place - where is an area to be mapped?
 * @size: of the mapping
 *
 * Near to the probe that current has hit: then a slot's jump back reaches on every
 * arch, and operands relative to the instruction pointer do. Below it, not above,
 * where the program's heap may grow.
 *
 * Context: a uprobe hit of current, whose instruction pointer is at the probe unless
 * a handler has changed it; with the mmap lock held for writing.
 *
 * Return: an address; an error value if any other place is as good.
 */
unsigned long uprobe_slots_place(unsigned long size)
{
	unsigned long probe = instruction_pointer(current_pt_regs());
	unsigned long reach = arch_uprobe_slot_reach();
	struct vm_unmapped_area_info info = {
		.flags = VM_UNMAPPED_AREA_TOPDOWN,
		.length = size,
		.low_limit = max(probe - min(probe, reach), max(mmap_min_addr, PAGE_SIZE)),
		/* A handler may have sent current anywhere. */
		.high_limit = min(probe & PAGE_MASK, TASK_SIZE),
	};

	if (size <= PAGE_SIZE || !reach || !static_key_enabled(&uprobe_slots_key) ||
	    info.low_limit >= info.high_limit)
		return -ENOMEM;
	return vm_unmapped_area(&info);
}

/**
 * uprobe_slots_init - a process gets an area
 * @root:     in its xol_area, not yet visible to others
 * @vaddr:    where the area lies
 * @nr_pages: how many pages the mapping has
 * @bitmap:   of the xol_area, with the bits of page 0's slots that are taken
 * @wq:	      of the xol_area
 */
void uprobe_slots_init(struct uprobe_slot_root *root, unsigned long vaddr,
		       unsigned int nr_pages, unsigned long *bitmap,
		       wait_queue_head_t *wq)
{
	root->area = NULL;
	root->vaddr = vaddr;
	root->nr_pages = nr_pages;
	root->nomem = jiffies - NOMEM_INTERVAL;
	root->bitmap = bitmap;
	root->wq = wq;
	spin_lock(&slot_areas_lock);
	list_add_tail(&root->node, &slot_roots);
	spin_unlock(&slot_areas_lock);
}

/**
 * uprobe_slots_destroy - a process's area goes
 * @root: of the area
 *
 * Called when no task uses the mm any more, before @root is freed. Does not
 * sleep and does not wait for a reclaim in flight.
 */
void uprobe_slots_destroy(struct uprobe_slot_root *root)
{
	struct uprobe_slot_area *area = root->area;
	unsigned int i;

	spin_lock(&slot_areas_lock);
	list_del(&root->node);
	spin_unlock(&slot_areas_lock);
	if (!area)
		return;

	spin_lock(&area->lock);
	area->dead = true;
	spin_unlock(&area->lock);

	for (i = 0; i < area->nr_pages; i++)
		put_page(area->page[i].page);

	if (cancel_delayed_work(&area->reclaim))
		area_put(area);
	area_put(area);
}

/**
 * uprobe_slots_page - the page of shared slots at @pgoff of the mapping
 * @root:  of the area
 * @pgoff: page offset in the mapping, not 0
 *
 * For the fault handler, with the mmap lock or the VMA's held.
 *
 * Return: the page, without a reference; NULL if it is not populated.
 */
struct page *uprobe_slots_page(struct uprobe_slot_root *root, pgoff_t pgoff)
{
	struct uprobe_slot_area *area;

	/* Pairs with the release in area_get(). */
	area = smp_load_acquire(&root->area);
	if (!area || pgoff > smp_load_acquire(&area->nr_pages))	/* D */
		return NULL;
	return area->page[pgoff - 1].page;
}

/* Memory was short a moment ago: what failed then is not tried again yet. */
static bool nomem_recently(struct uprobe_slot_root *root)
{
	return jiffies - READ_ONCE(root->nomem) < NOMEM_INTERVAL;
}

static void nomem_now(struct uprobe_slot_root *root)
{
	WRITE_ONCE(root->nomem, jiffies);
}

static void fill_with_breakpoints(void *to, size_t bytes)
{
	uprobe_opcode_t swbp = UPROBE_SWBP_INSN;
	size_t i;

	for (i = 0; i + UPROBE_SWBP_INSN_SIZE <= bytes; i += UPROBE_SWBP_INSN_SIZE)
		memcpy(to + i, &swbp, UPROBE_SWBP_INSN_SIZE);
}

static bool slot_page_alloc(struct slot_page *new)
{
	void *kaddr;

	new->slot = kvcalloc(UPROBE_PAGE_SLOTS, sizeof(*new->slot),
			     UPROBE_SLOT_GFP);
	new->more = kcalloc(UPROBE_PAGE_SLOTS, sizeof(*new->more),
			    UPROBE_SLOT_GFP);
	new->page = alloc_page(__GFP_HIGHMEM | UPROBE_SLOT_GFP);
	if (!new->slot || !new->more || !new->page)
		return false;

	/* It is in no page table yet: set_pte_at() will see to the caches. */
	kaddr = kmap_local_page(new->page);
	fill_with_breakpoints(kaddr, PAGE_SIZE);
	kunmap_local(kaddr);
	flush_dcache_page(new->page);

	return true;
}

static void slot_page_free(struct slot_page *unused)
{
	kvfree(unused->slot);
	kfree(unused->more);
	if (unused->page)
		put_page(unused->page);
}

/* Take area->lock; says how long that took if the lock was not free. */
static u64 area_lock(struct uprobe_slot_area *area)
	__acquires(&area->lock)
{
	u64 start;

	if (spin_trylock(&area->lock))
		return 0;

	start = ktime_get_ns();
	spin_lock(&area->lock);
	return max(ktime_get_ns() - start, 1);
}

/* A wait of current's ended, in a hit, with the slot at @vaddr or without (0). */
static void contended(int reason, u64 wait_ns, unsigned long vaddr)
{
	uprobe_slot_count(UPROBE_COUNT_CONTENTION + reason, 1);
	uprobe_slot_count(UPROBE_COUNT_CONTENTION_NS, wait_ns);
	trace_slot_contention(current->utask->vaddr, vaddr, reason, wait_ns);
}

/* How many pages an area may have, page 0 included: that many are mapped. */
static unsigned int area_page_limit(void)
{
	static_assert(UPROBE_AREA_PAGES == 1 ||
		      UPROBE_AREA_PAGES >= UPROBE_AREA_PAGES_MAX);

	return READ_ONCE(uprobe_slot_knobs.area_pages);
}

static bool area_may_grow(struct uprobe_slot_area *area, unsigned int limit)
{
	return READ_ONCE(area->nr_pages) + 1 < limit && !nomem_recently(area->root);
}

/* A free slot, or a page that may be added. */
static bool area_has_room(struct uprobe_slot_area *area, unsigned int limit)
{
	return READ_ONCE(area->nr_free) || area_may_grow(area, limit);
}

static void area_add_page(struct uprobe_slot_area *area, struct slot_page *new)
{
	unsigned int nr = area->nr_pages, i;

	new->vaddr = area->root->vaddr + (nr + 1) * PAGE_SIZE;
	for (i = 0; i < UPROBE_PAGE_SLOTS; i++)
		new->slot[i].idx = nr * UPROBE_PAGE_SLOTS + i;

	area->page[nr] = *new;
	memset(new, 0, sizeof(*new));
	bitmap_set(area->free, nr * UPROBE_PAGE_SLOTS, UPROBE_PAGE_SLOTS);
	smp_store_release(&area->nr_pages, nr + 1);		/* D */
	WRITE_ONCE(area->nr_free, area->nr_free + UPROBE_PAGE_SLOTS);
}

/* Sleeps. False if there was no memory; a page may have come from another task. */
static bool area_grow(struct uprobe_slot_area *area)
{
	struct slot_page new = { };
	u64 wait_ns;
	bool ret;

	ret = slot_page_alloc(&new);
	if (!ret)
		nomem_now(area->root);
	wait_ns = area_lock(area);
	if (ret && !area->nr_free && area_may_grow(area, area_page_limit()))
		area_add_page(area, &new);
	spin_unlock(&area->lock);
	slot_page_free(&new);

	if (wait_ns)
		contended(UPROBE_CONTENTION_LOCK, wait_ns, 0);
	return ret;
}

/* Link a slot cache for current to its process's area; NULL if out of memory. */
static struct uprobe_slot_cache *cache_create(struct uprobe_slot_root *root)
{
	struct uprobe_slot_cache *cache = NULL;
	struct uprobe_slot_area *area;
	u64 wait_ns;

	if (nomem_recently(root))
		return NULL;
	area = area_get(root);
	smp_mb();						/* G */
	if (area)
		cache = kmem_cache_zalloc(cache_slab, UPROBE_SLOT_GFP);
	if (!cache) {
		nomem_now(root);
		return NULL;
	}

	cache->area = area;
	cache->task = current;
	wait_ns = area_lock(area);
	list_add_tail_rcu(&cache->node, &area->tasks);
	spin_unlock(&area->lock);

	if (wait_ns)
		contended(UPROBE_CONTENTION_LOCK, wait_ns, 0);
	return cache;
}

/**
 * uprobe_slot_cache_free - current gives up its slot cache, if it has one
 * @utask: current's, about to be freed
 *
 * Called on exit and exec, while current still uses its old mm.
 */
void uprobe_slot_cache_free(struct uprobe_task *utask)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;

	if (!cache)
		return;

	WARN_ON_ONCE(cache->step);
	utask->slot_cache = NULL;
	spin_lock(&cache->area->lock);
	list_del_rcu(&cache->node);
	spin_unlock(&cache->area->lock);
	kfree_rcu(cache, rcu);
}

/* ------------------------------------------------------------- a miss ---- */

/* Under RCU or area->lock. */
static __always_inline struct uprobe_slot *table_find(struct uprobe_slot_area *area,
						      const struct slot_want *want)
{
	struct uprobe_slot *s;

	hlist_for_each_entry_rcu(s, table_head(area, want->hash), link,
				 rcu_read_lock_sched_held() ||
				 lockdep_is_held(&area->lock)) {
		if (slot_usable(area, s, want))
			return s;
	}

	return NULL;
}

/*
 * Write the instruction and, behind it, its exit, and breakpoints: an overrun
 * traps.
 */
static void slot_write(struct uprobe_slot_area *area, struct uprobe_slot *s,
		       const struct slot_want *want)
{
	struct slot_page *page = &area->page[s->idx / UPROBE_PAGE_SLOTS];
	const struct uprobe_slot_key *key = want->key;
	u8 code[UPROBE_SLOT_BYTES] __aligned(sizeof(long));
	unsigned long vaddr = slot_vaddr(area, s);
	struct slot_more *more = slot_more(area, s);

	fill_with_breakpoints(code, sizeof(code));
	memcpy(code, &key->arch.ixol, key->len);
	if (want->exit == UPROBE_EXIT_JUMP)
		arch_uprobe_slot_jump(&key->arch, code, key->len, vaddr,
				      want->probe + key->len);
	arch_uprobe_copy_ixol(page->page, vaddr, code, sizeof(code));

	memcpy(&s->arch, &key->arch, sizeof(s->arch));
	WRITE_ONCE(s->hash, want->hash);
	s->exit = want->exit;
	more->probe = want->probe;
	more->born = jiffies;
	uprobe_slot_count(UPROBE_COUNT_WRITE, 1);
}

/* P3, where it is checked: nobody steps in a slot that is about to be written. */
static void slot_assert_idle(struct uprobe_slot_area *area, struct uprobe_slot *s)
{
	struct uprobe_slot_cache *cache;

	if (!IS_ENABLED(CONFIG_UPROBE_SLOTS_DEBUG))
		return;

	WARN_ON_ONCE(s->state != SLOT_FREE);
	list_for_each_entry(cache, &area->tasks, node)
		WARN_ON_ONCE(READ_ONCE(cache->step) == s->idx + 1);
}

/* May one more slot be pinned, with so many pages allowed? */
static bool may_pin(struct uprobe_slot_area *area, unsigned int limit)
{
	return limit >= READ_ONCE(area->pin_pages);
}

/* With area->lock held, before the slot is in the table. */
static void account_pinned(struct uprobe_slot_area *area, const struct slot_want *want)
{
	unsigned int pages = pages_to_pin(++area->nr_pinned);

	set_bit(pin_bit(want->key, want->exit, want->probe), area->pins);
	if (area->pin_pages != pages)
		WRITE_ONCE(area->pin_pages, pages);
}

/* With area->lock held and a free slot there: the lowest, so that pages settle. */
static struct uprobe_slot *slot_fill(struct uprobe_slot_cache *cache,
				     const struct slot_want *want)
{
	struct uprobe_slot_area *area = cache->area;
	bool pin = want->exit >= UPROBE_EXIT_JUMP;
	struct uprobe_slot *s;

	if (pin && !may_pin(area, area_page_limit()))
		return NULL;
	s = slot_at(area, find_first_bit(area->free, AREA_MAX_SLOTS));
	slot_assert_idle(area, s);

	__clear_bit(s->idx, area->free);			/* L4 */
	slot_write(area, s, want);
	slot_delay(UPROBE_DELAY_FILL);
	WRITE_ONCE(s->ref, 0);
	if (!pin)
		WRITE_ONCE(cache->step, s->idx + 1);
	else
		account_pinned(area, want);
	smp_store_release(&s->state, pin ? SLOT_PINNED : SLOT_LIVE);	/* A */
	hlist_add_head_rcu(&s->link, table_head(area, want->hash));
	WRITE_ONCE(area->nr_free, area->nr_free - 1);
	if (!pin)
		area->nr_live++;

	return s;
}

/*
 * A slot that is in the table after all, or a free one, filled. On success
 * current's hazard is on it. The lock keeps it from being marked meanwhile, so
 * there is no window as in a hit.
 */
static struct uprobe_slot *slot_claim(struct uprobe_slot_cache *cache,
				      const struct slot_want *want, int *miss)
{
	struct uprobe_slot_area *area = cache->area;
	struct uprobe_slot *s;
	u64 wait_ns;

	wait_ns = area_lock(area);				/* L2 */
	s = table_find(area, want);
	*miss = UPROBE_MISS_FULL;
	if (s) {
		if (want->exit < UPROBE_EXIT_JUMP)
			WRITE_ONCE(cache->step, s->idx + 1);
		*miss = UPROBE_MISS_SHARED;
	} else if (area->nr_free && !draining()) {
		s = slot_fill(cache, want);
		if (s)
			*miss = UPROBE_MISS_FILLED;
	}
	spin_unlock(&area->lock);

	if (wait_ns)
		contended(UPROBE_CONTENTION_LOCK, wait_ns,
			  s ? slot_vaddr(area, s) : 0);
	return s;
}

static void reclaim_kick(struct uprobe_slot_area *area, unsigned long interval);

/*
 * There may be something to be had: have it, with current's hazard on it; or NULL
 * and the reason. May sleep.
 */
static struct uprobe_slot *slot_make(struct uprobe_slot_cache *cache,
				     const struct slot_want *want, int *miss)
{
	struct uprobe_slot_area *area = cache->area;
	unsigned int limit = area_page_limit();
	struct uprobe_slot *s;

	*miss = UPROBE_MISS_FULL;
	while (area_has_room(area, limit) && !draining()) {
		if (!READ_ONCE(area->nr_free) && !area_grow(area)) {	/* L3 */
			*miss = UPROBE_MISS_NOMEM;
			break;
		}
		s = slot_claim(cache, want, miss);
		if (s)
			return s;
		limit = area_page_limit();
		if (want->exit >= UPROBE_EXIT_JUMP && !may_pin(area, limit))
			break;
	}

	return NULL;
}

/* -------------------------------------------------------------- a hit ---- */

/* The hazard of current on a slot that it has just seen live. A pinned one needs none. */
static __always_inline void hazard_set(struct uprobe_slot_cache *cache,
				       struct uprobe_slot *s,
				       const struct slot_want *want)
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

static void account_hit(struct uprobe_task *utask, struct uprobe_slot *s)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;

	WRITE_ONCE(cache->tally.hits, cache->tally.hits + 1);
	uprobe_slot_count(UPROBE_COUNT_HIT, 1);
	trace_slot_hit(utask->vaddr, utask->xol_vaddr, s->hash, s->exit);
	trace_slot_flush_avoided(utask->vaddr, utask->xol_vaddr, s->hash);
}

/* Somebody traces; apart, so that nobody else saves registers for it. */
static noinline void trace_missed(struct uprobe_task *utask, u32 hash, int miss,
				  unsigned int exit)
{
	trace_slot_miss(utask->vaddr, utask->xol_vaddr, hash, miss, exit);
	if (miss == UPROBE_MISS_SHARED)
		trace_slot_flush_avoided(utask->vaddr, utask->xol_vaddr, hash);
}

/* The task's cache did not serve it: the slot was found elsewhere, or filled. */
static __always_inline void account_miss(struct uprobe_task *utask, u32 hash,
					 int miss, unsigned int exit)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;

	/* Turned off while current waited: there are no events any more. */
	if (!static_branch_likely(&uprobe_slots_key))
		return;
	WRITE_ONCE(cache->tally.misses, cache->tally.misses + 1);
	uprobe_slot_count(UPROBE_COUNT_MISS + miss, 1);
	if (trace_slot_miss_enabled() || trace_slot_flush_avoided_enabled())
		trace_missed(utask, hash, miss, exit);
}

/* See uprobe_slot_taken(), which calls it if somebody traces. */
void uprobe_slot_missed(struct uprobe_task *utask,
			const struct uprobe_slot_key *key, int miss)
{
	/* It began with reuse off. */
	if (miss == UPROBE_MISS_NONE)
		return;
	trace_slot_miss(utask->vaddr, utask->xol_vaddr, key->hash, miss,
			UPROBE_EXIT_STEP);
}

/*
 * Current goes to a pinned slot, and that is all: it leaves by itself. If a
 * signal comes before it has, uprobe_slot_signal() needs these three words.
 */
static void slot_go(struct uprobe_task *utask, unsigned int len, struct pt_regs *regs)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;

	cache->exit_slot = utask->xol_vaddr;
	cache->exit_probe = utask->vaddr;
	cache->exit_next = utask->vaddr + len;
	instruction_pointer_set(regs, utask->xol_vaddr);
	utask->xol_vaddr = 0;
}

/* Current steps in the slot, on which its hazard is, until it traps. */
static int slot_stay(struct uprobe_task *utask, struct uprobe_slot *s,
		     struct pt_regs *regs)
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

static int slot_begin_less(struct uprobe_task *utask,
			   const struct uprobe_slot_key *key,
			   unsigned int exit, struct pt_regs *regs);

/*
 * Redirect current to the slot that it has; @miss is 0 for a hit. Whether current
 * may leave it like this is asked only now: who finds no slot does not pay for the
 * question (P2). The events come first, so that a stack trace begins at the probe.
 */
static noinline int slot_step(struct uprobe_task *utask, struct uprobe_slot *s,
			      const struct uprobe_slot_key *key, int miss,
			      struct pt_regs *regs)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;
	unsigned int exit = s->exit;
	int err;

	if (exit != UPROBE_EXIT_STEP && unlikely(arch_uprobe_must_step(regs)))
		return slot_begin_less(utask, key, UPROBE_EXIT_STEP, regs);

	utask->xol_vaddr = slot_vaddr(cache->area, s);
	if (likely(!miss))
		account_hit(utask, s);
	else
		account_miss(utask, s->hash, miss, exit);
	uprobe_slot_count(UPROBE_COUNT_EXIT + exit, 1);

	if (exit >= UPROBE_EXIT_JUMP) {
		slot_go(utask, key->len, regs);
	} else {
		err = slot_stay(utask, s, regs);
		if (unlikely(err))
			return err;
	}
	/*
	 * For reclaim's clock: shared memory is written once a round only. A slot
	 * that was filled and not used again goes first.
	 */
	if (!READ_ONCE(s->ref) && miss != UPROBE_MISS_FILLED)
		WRITE_ONCE(s->ref, 1);
	if (unlikely(miss))
		cache_add(cache, s);
	return 0;
}

/* As __uprobe_slot_begin(), where the slot has to be made. */
static noinline int slot_make_step(struct uprobe_task *utask,
				   const struct uprobe_slot_key *key,
				   unsigned int exit, struct pt_regs *regs)
{
	struct slot_want want = { .key = key, .exit = exit };
	struct uprobe_slot *s;
	int miss;

	if (exit != UPROBE_EXIT_STEP && arch_uprobe_must_step(regs))
		return slot_begin_less(utask, key, UPROBE_EXIT_STEP, regs);

	if (exit == UPROBE_EXIT_JUMP)
		want.probe = utask->vaddr;
	want.hash = want_hash(key, exit, want.probe);
	s = slot_make(utask->slot_cache, &want, &miss);
	if (s)
		return slot_step(utask, s, key, miss, regs);
	reclaim_kick(utask->slot_cache->area, RECLAIM_INTERVAL);
	return miss;
}

/* The area is full, and nobody is about to change that. */
static noinline int slot_full(struct uprobe_slot_area *area)
{
	reclaim_kick(area, RECLAIM_INTERVAL);
	return UPROBE_MISS_FULL;
}

/*
 * As __uprobe_slot_begin(), on a task's first hit, and the first one with another
 * limit: gets the slot cache into shape.
 */
static noinline int slot_begin_first(struct uprobe_task *utask,
				     const struct uprobe_slot_key *key,
				     struct pt_regs *regs,
				     struct uprobe_slot_root *root,
				     unsigned int limit)
{
	if (!utask->slot_cache) {				/* F0 */
		if (root->nr_pages < 2)
			return UPROBE_MISS_SINGLE_PAGE;
		utask->slot_cache = cache_create(root);
		if (!utask->slot_cache)
			return UPROBE_MISS_NOMEM;
	}

	cache_trim(utask->slot_cache, limit);
	utask->slot_cache->limit = limit;
	return __uprobe_slot_begin(utask, key, regs, root, limit);
}

/*
 * The end of __uprobe_slot_begin(), for one kind of exit. If the kernel does not see
 * that, and no slot is pinned for it and none can be, the breakpoint is next best.
 */
static __always_inline int slot_begin_as(struct uprobe_task *utask,
					 const struct uprobe_slot_key *key,
					 unsigned int exit, unsigned long probe,
					 struct pt_regs *regs)
{
	struct slot_want want = {
		.key = key, .exit = exit, .probe = probe,
		.hash = want_hash(key, exit, probe),
	};
	struct uprobe_slot_cache *cache = utask->slot_cache;
	struct uprobe_slot_area *area;
	struct uprobe_slot *s;
	unsigned int pages;

	/* The two ends are written out, so that which it was takes no register. */
	rcu_read_lock_sched();					/* F1 */
	s = cache_find(cache, &want);				/* F2 F3 F4 */
	if (likely(s)) {
		hazard_set(cache, s, &want);			/* F5 */
		rcu_read_unlock_sched();			/* F6 */
		return slot_step(utask, s, key, 0, regs);	/* F7 */
	}
	s = table_find(cache->area, &want);
	if (s) {
		hazard_set(cache, s, &want);
		rcu_read_unlock_sched();
		return slot_step(utask, s, key, UPROBE_MISS_SHARED, regs);
	}
	rcu_read_unlock_sched();

	/* F8: if the area is full, no lock was taken and nothing written (P2). */
	area = cache->area;
	pages = area_page_limit();
	if (exit >= UPROBE_EXIT_JUMP) {
		if (may_pin(area, pages) && area_has_room(area, pages))
			return slot_make_step(utask, key, exit, regs);
		return slot_begin_less(utask, key, key->exit[UPROBE_EXIT_TRAP], regs);
	}
	if (pages < 2)
		return UPROBE_MISS_SINGLE_PAGE;
	if (area_has_room(area, pages))				/* L0 */
		return slot_make_step(utask, key, exit, regs);
	if (!READ_ONCE(area->reclaiming))
		return slot_full(area);
	return UPROBE_MISS_FULL;
}

/* For each exit a function, so that it is no variable, which would take a register. */
static noinline int slot_begin_step(struct uprobe_task *utask,
				    const struct uprobe_slot_key *key,
				    struct pt_regs *regs)
{
	return slot_begin_as(utask, key, UPROBE_EXIT_STEP, 0, regs);
}

static noinline int slot_begin_trap(struct uprobe_task *utask,
				    const struct uprobe_slot_key *key,
				    struct pt_regs *regs)
{
	return slot_begin_as(utask, key, UPROBE_EXIT_TRAP, 0, regs);
}

static noinline int slot_begin_jump(struct uprobe_task *utask,
				    const struct uprobe_slot_key *key,
				    struct pt_regs *regs)
{
	return slot_begin_as(utask, key, UPROBE_EXIT_JUMP, utask->vaddr, regs);
}

static noinline int slot_begin_none(struct uprobe_task *utask,
				    const struct uprobe_slot_key *key,
				    struct pt_regs *regs)
{
	return slot_begin_as(utask, key, UPROBE_EXIT_NONE, 0, regs);
}

/* Begin again, with an exit that current has to make do with. */
static int slot_begin_less(struct uprobe_task *utask,
			   const struct uprobe_slot_key *key,
			   unsigned int exit, struct pt_regs *regs)
{
	hazard_clear(utask->slot_cache);
	return exit == UPROBE_EXIT_TRAP ? slot_begin_trap(utask, key, regs) :
					  slot_begin_step(utask, key, regs);
}

/* Is there a slot that is pinned for this, or may there be one? */
static __always_inline bool slot_may_be_pinned(struct uprobe_slot_root *root,
					       const struct uprobe_slot_key *key,
					       unsigned int exit, unsigned long probe)
{
	struct uprobe_slot_area *area = root->area;

	/* In a full area mostly not: the first question is that, for P2. */
	if (!may_pin(area, area_page_limit()) &&
	    !test_bit(pin_bit(key, exit, probe), area->pins))
		return false;
	return !key->near || probe - root->vaddr + area->reach < 2 * area->reach;
}

/**
 * __uprobe_slot_begin - make current step in a shared slot, if it can
 * @utask: current's, with the probe's address in @vaddr
 * @key:   of the probe, which can share
 * @regs:  current's
 * @root:  of current's area
 * @limit: of current, not 0
 *
 * Context: a uprobe hit of current, after the handlers; in the tasks-trace RCU
 * section of it, so no grace period of that kind is waited for. May sleep to
 * allocate memory, on the first hit of a task and where the area grows.
 *
 * What takes a call to do is done in functions of their own, at the end, with the
 * same first parameters: so neither a hit nor a miss in a full area saves registers
 * here, or moves them about (P2).
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

/* The task's limit is 0 now. */
void uprobe_slot_cache_empty(struct uprobe_slot_cache *cache)
{
	if (cache->nr)
		cache_trim(cache, 0);
}

/**
 * uprobe_slot_end - current has left its shared slot
 * @utask: current's, stepping in a shared slot
 *
 * The last thing of a step: the slot may be rewritten from here on. Looks at
 * the task only, so a step ends well whatever the knobs say by now.
 */
void uprobe_slot_end(struct uprobe_task *utask)
{
	utask->slot = NULL;
	utask->xol_vaddr = 0;
	slot_delay(UPROBE_DELAY_END);
	hazard_clear(utask->slot_cache);
}

/* -------------------------------------------------------------- exits ---- */

/**
 * uprobe_slot_trapped - did the breakpoint behind current's instruction trap?
 * @utask: current's, stepping
 * @regs:  current's; ip is made what it is after a single step
 *
 * Behind every copy there is one. It ends a single step, too, if an instruction does
 * not raise the step's own trap in time.
 *
 * Return: whether it was that which stopped current.
 */
bool uprobe_slot_trapped(struct uprobe_task *utask, struct pt_regs *regs)
{
	unsigned long ip = uprobe_get_swbp_addr(regs);

	if (!utask->slot || ip - utask->xol_vaddr >= UPROBE_SLOT_BYTES)
		return false;
	instruction_pointer_set(regs, ip);
	return true;
}

/* The slot at @vaddr, which is one of the area. */
static struct uprobe_slot *slot_of_vaddr(struct uprobe_slot_area *area,
					 unsigned long vaddr)
{
	unsigned long offset = vaddr - area->root->vaddr - PAGE_SIZE;

	return slot_at(area, offset / PAGE_SIZE * UPROBE_PAGE_SLOTS +
		       offset % PAGE_SIZE / UPROBE_SLOT_BYTES);
}

/**
 * uprobe_slot_leave - do for current the jump behind an instruction, if it stands there
 * @utask: current's, not stepping
 * @regs:  current's; ip is made that of the next instruction of the program
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
 * The one place where an ip of user mode leaves a task: signal frames, ptrace and
 * other stops, the freezer and core dumps all come behind get_signal()'s look at
 * pending signals, which calls this. The ip of a task that went to a pinned slot
 * is outside of it, and nothing is to be done; or at its start, and the
 * instruction was not executed; or behind the instruction, and it was.
 *
 * Not executed: a task with a fault of its own or a fatal signal goes back to the
 * probe. Any other steps now, as in a slot of another kind, and the signal waits
 * for the end of that. So does a task whose signal may be a fault's or may not: if the
 * instruction faults, it faults again, and then that is known.
 *
 * Context: current, on its way to user mode.
 *
 * Return: whether current steps now.
 */
bool uprobe_slot_signal(struct uprobe_task *utask)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;
	struct pt_regs *regs = current_pt_regs();
	unsigned long offset;
	struct uprobe_slot *s;

	if (!cache || !cache->exit_slot)
		return false;
	offset = instruction_pointer(regs) - cache->exit_slot;
	if (offset >= UPROBE_SLOT_BYTES)
		return false;
	if (offset) {
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
	 * Right also where the slot holds an operand relative to ip, as @arch does
	 * not: a register is loaded that the instruction does not use, and restored.
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
 * Return: the address of the probe if @ip is in a slot that stands for it; @ip.
 */
unsigned long uprobe_slot_trap_addr(struct uprobe_task *utask, unsigned long ip)
{
	struct uprobe_slot_cache *cache = utask->slot_cache;

	return cache && ip == cache->exit_slot ? cache->exit_probe : ip;
}

/* --------------------------------------------------- transient slots ---- */

/*
 * May who waits for a transient slot try a shared one? @miss is why current has
 * none: if it is not that there was no room, a free one does not help. The
 * condition of a wait, so it does not sleep; it sees to it that reclaim, if that
 * can help, comes and wakes the waiter.
 */
static bool may_retry(struct uprobe_slot_root *root, int miss)
{
	struct uprobe_slot_area *area = READ_ONCE(root->area);
	bool short_of_memory = miss == UPROBE_MISS_NOMEM && nomem_recently(root);

	if (!area || (miss != UPROBE_MISS_FULL && miss != UPROBE_MISS_NOMEM))
		return false;
	/* Without memory a free slot may be of no use, and a wait has to sleep. */
	if (!short_of_memory && area_has_room(area, area_page_limit()))
		return true;
	reclaim_kick(area, RECLAIM_INTERVAL);
	return false;
}

/**
 * uprobe_slots_wait - wait for a slot: there was no transient one
 * @root: of current's area
 * @key:  of the probe
 * @miss: why current does not use a shared slot
 * @take: takes a transient slot of @area and returns its number, which is
 *	  UPROBE_TRANSIENT_SLOTS if there is none; does not sleep
 * @area: what @take works on
 *
 * Context: a uprobe hit of current, after uprobe_slot_begin(). Sleeps.
 *
 * Return: the number; or, as an error value, -EALREADY if a shared slot came
 * first and current steps in it; -ERESTARTSYS if a fatal signal came; what the
 * arch says if it refuses to step.
 */
unsigned long uprobe_slots_wait(struct uprobe_slot_root *root,
				const struct uprobe_slot_key *key, int miss,
				unsigned long (*take)(struct xol_area *area),
				struct xol_area *area)
{
	unsigned long nr = UPROBE_TRANSIENT_SLOTS, vaddr;
	u64 start;
	int err;

	do {
		start = ktime_get_ns();
		err = wait_event_killable(*root->wq,
					  (nr = take(area)) < UPROBE_TRANSIENT_SLOTS ||
					  may_retry(root, miss));
		vaddr = nr < UPROBE_TRANSIENT_SLOTS ?
			root->vaddr + nr * UPROBE_XOL_SLOT_BYTES : 0;
		if (static_key_enabled(&uprobe_slots_key))
			contended(UPROBE_CONTENTION_PAGE0_FULL,
				  ktime_get_ns() - start, vaddr);
		if (vaddr)
			return nr;
		if (err)
			return err;
		miss = uprobe_slot_begin(current->utask, root, key,
					 current_pt_regs());
	} while (miss > 0);

	return miss ?: -EALREADY;
}

/* ------------------------------------------------------------ reclaim ---- */

/* Mark in @seen each slot that a task's cache names. */
static void reclaim_see_entries(struct uprobe_slot_area *area)
{
	struct uprobe_slot_cache *cache;
	unsigned int i;
	u32 entry;

	rcu_read_lock();
	list_for_each_entry_rcu(cache, &area->tasks, node) {
		for (i = 0; READ_ONCE(cache->nr) && i < CACHE_SIZE; i++) {
			entry = READ_ONCE(cache->entry[i]);
			if (entry && entry_current(area, entry))
				__set_bit((entry & ENTRY_IDX) - 1, area->seen);
		}
	}
	rcu_read_unlock();
}

/* Mark in @seen each slot that a task steps in. */
static void reclaim_see_hazards(struct uprobe_slot_area *area)
{
	struct uprobe_slot_cache *cache;
	unsigned int step;

	rcu_read_lock();
	list_for_each_entry_rcu(cache, &area->tasks, node) {
		step = smp_load_acquire(&cache->step);		/* C */
		if (step)
			__set_bit(step - 1, area->seen);
	}
	rcu_read_unlock();
}

/*
 * Choose victims: LIVE slots that were not hit since the hand last passed by,
 * from where it stands. Those that nobody's cache names go first (@named is
 * false), so that the caches' limits decide whose working set survives. When
 * draining, all go. Returns how far the hand went.
 */
static unsigned int reclaim_choose(struct uprobe_slot_area *area, bool named,
				   unsigned int *chosen)
{
	unsigned int nr = area->nr_pages * UPROBE_PAGE_SLOTS, n;
	unsigned int batch = max(nr / RECLAIM_FRACTION, RECLAIM_MIN);
	struct uprobe_slot *s;

	for (n = 0; n < nr && (draining() || *chosen < batch); n++) {
		s = slot_at(area, (area->hand + n) % nr);
		if (s->state != SLOT_LIVE)
			continue;
		if (!draining() &&
		    (READ_ONCE(s->ref) ||
		     (!named && test_bit(s->idx, area->seen))))
			continue;
		__set_bit(s->idx, area->dying);
		(*chosen)++;
	}

	return n;
}

/* The hand passes by @n slots: what is not hit before it comes again may go. */
static void reclaim_age(struct uprobe_slot_area *area, unsigned int n)
{
	unsigned int nr = area->nr_pages * UPROBE_PAGE_SLOTS;
	struct uprobe_slot *s;

	for (; n; n--, area->hand = (area->hand + 1) % nr) {
		s = slot_at(area, area->hand);
		if (READ_ONCE(s->ref))
			WRITE_ONCE(s->ref, 0);
	}
}

static void slot_mark(struct uprobe_slot_area *area, struct uprobe_slot *s)
{
	WRITE_ONCE(s->state, SLOT_DYING);
	hlist_del_rcu(&s->link);
	area->nr_live--;
	area->nr_dying++;
}

/* R0, R1. Returns how many slots were marked. */
static unsigned int reclaim_mark(struct uprobe_slot_area *area)
{
	unsigned int idx, passed, chosen = 0;

	bitmap_zero(area->dying, AREA_MAX_SLOTS);
	bitmap_zero(area->seen, AREA_MAX_SLOTS);
	reclaim_see_entries(area);

	spin_lock(&area->lock);
	if (!area->dead && (draining() || !area->nr_free)) {
		passed = reclaim_choose(area, false, &chosen);
		if (!chosen)
			passed = reclaim_choose(area, true, &chosen);
		reclaim_age(area, passed);
	}
	for_each_set_bit(idx, area->dying, AREA_MAX_SLOTS)
		slot_mark(area, slot_at(area, idx));
	spin_unlock(&area->lock);

	return chosen;
}

static void slot_decide(struct uprobe_slot_area *area, struct uprobe_slot *s)
{
	u32 age = (u32)jiffies - slot_more(area, s)->born;
	bool busy = test_bit(s->idx, area->seen);

	area->nr_dying--;
	if (busy) {
		/* Its twin may be there by now: harmless, both are right. */
		WRITE_ONCE(s->state, SLOT_LIVE);
		hlist_add_head_rcu(&s->link, table_head(area, s->hash));
		area->nr_live++;
	} else {
		WRITE_ONCE(s->state, SLOT_FREE);
		__set_bit(s->idx, area->free);
		WRITE_ONCE(area->nr_free, area->nr_free + 1);
	}
	if (draining())
		return;		/* the operator decided, and gets no events */
	uprobe_slot_count(UPROBE_COUNT_RECLAIM, 1);
	trace_slot_reclaim(slot_vaddr(area, s), area->tgid,
			   busy ? UPROBE_RECLAIM_BUSY : UPROBE_RECLAIM_FREED,
			   jiffies_to_msecs(age));
}

/* R4 */
static void reclaim_decide(struct uprobe_slot_area *area)
{
	unsigned int idx;

	spin_lock(&area->lock);
	if (!area->dead) {
		for_each_set_bit(idx, area->dying, AREA_MAX_SLOTS)
			slot_decide(area, slot_at(area, idx));
	}
	spin_unlock(&area->lock);
}

/*
 * R5: wake who waits, if there is something to be had. Returns whether another
 * round is due though nobody may come to kick it.
 */
static bool reclaim_wake(struct uprobe_slot_area *area)
{
	bool again = false;

	spin_lock(&area->lock);
	if (!area->dead && draining()) {
		again = area->nr_live;
	/* After the xchg() of our caller; the waiter kicks after it has queued. */
	} else if (!area->dead && waitqueue_active(area->root->wq)) {
		if (area_has_room(area, area_page_limit()))
			wake_up(area->root->wq);
		else
			again = true;
	}
	spin_unlock(&area->lock);

	return again;
}

static void reclaim_work(struct work_struct *work)
{
	struct uprobe_slot_area *area;

	area = container_of(to_delayed_work(work), struct uprobe_slot_area, reclaim);
	if (reclaim_mark(area)) {
		slot_delay(UPROBE_DELAY_MARK);
		synchronize_rcu();				/* R2, B */
		/*
		 * Who came on the list since R1 saw DYING, or did not look; who
		 * went off it has left its slot for good.
		 */
		bitmap_zero(area->seen, AREA_MAX_SLOTS);
		reclaim_see_hazards(area);			/* R3 */
		slot_delay(UPROBE_DELAY_SCAN);
		reclaim_decide(area);
	}

	WRITE_ONCE(area->reclaimed, jiffies);
	/*
	 * A full barrier, against who turns reuse off, or goes to wait, and then
	 * finds a reclaim in flight: one of us sees what the other wrote.
	 */
	xchg(&area->reclaiming, 0);
	if (reclaim_wake(area))
		reclaim_kick(area, draining() ? DRAIN_INTERVAL : RECLAIM_INTERVAL);
	area_put(area);
}

/*
 * See that a round of reclaim comes, no sooner than @interval after the last one
 * (a full interval if that was before jiffies wrapped). The caller knows that the
 * area lives.
 */
static void reclaim_kick(struct uprobe_slot_area *area, unsigned long interval)
{
	unsigned long passed;

	if (READ_ONCE(area->reclaiming) || cmpxchg(&area->reclaiming, 0, 1))
		return;

	passed = jiffies - READ_ONCE(area->reclaimed);
	refcount_inc(&area->ref);
	queue_delayed_work(reclaim_wq, &area->reclaim,
			   passed < interval ? interval - passed : 0);
}

/* ------------------------------------------------- the tracefs side ---- */

/**
 * uprobe_slots_set_enabled - turn slot reuse on or off
 * @on: whether
 *
 * Off: new hits take transient slots, and the shared ones drain; a step in one
 * of them ends as it began. Serialised by the caller. May sleep.
 *
 * Return: 0, or -ENOMEM if booting was too short of memory for reclaim's queue.
 */
int uprobe_slots_set_enabled(bool on)
{
	struct uprobe_slot_area *area;

	if (!reclaim_wq)
		return on ? -ENOMEM : 0;
	if (on)
		static_branch_enable(&uprobe_slots_key);
	else
		static_branch_disable(&uprobe_slots_key);

	/*
	 * Off: drain. On: wake who has waited for a transient slot since before
	 * the drain, which left free ones. Who makes an area that is not met here
	 * sees @on before it fills a slot.
	 */
	smp_mb();						/* G */
	rcu_read_lock();
	list_for_each_entry_rcu(area, &slot_areas, node) {
		if (refcount_inc_not_zero(&area->ref)) {
			reclaim_kick(area, 0);
			area_put(area);
		}
	}
	rcu_read_unlock();

	return 0;
}

/* uprobe_slots=off|on on the kernel's command line */
static bool on_at_boot = true;
core_param(uprobe_slots, on_at_boot, bool, 0);

static int __init uprobe_slots_initcall(void)
{
	cache_slab = KMEM_CACHE(uprobe_slot_cache, SLAB_HWCACHE_ALIGN | SLAB_PANIC);
	reclaim_wq = alloc_workqueue("uprobe_slots", WQ_UNBOUND, 0);
	if (!on_at_boot || WARN_ON(!reclaim_wq))
		static_branch_disable(&uprobe_slots_key);
	return 0;
}
core_initcall(uprobe_slots_initcall);
