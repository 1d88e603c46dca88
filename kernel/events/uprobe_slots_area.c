// SPDX-License-Identifier: GPL-2.0
/*
 * The areas of shared slots: what a probe's key is, where an area lies, its pages,
 * the tasks' slot caches, and how a slot is filled. Most of this allocates or takes a
 * lock. A hit that its task's cache serves runs nothing here but the weak functions of an
 * arch that has none of its own.
 *
 * Calls the arch and the kernel only; of reclaim it knows the work function. Called by
 * uprobe_slots.c, uprobe_slots_reclaim.c and uprobes.c. The protocol, its labels and the
 * rules are at the top of uprobe_slots.c.
 */
#include "uprobe_slots_types.h"

DEFINE_SPINLOCK(slot_areas_lock);
LIST_HEAD(slot_areas);
LIST_HEAD(slot_roots);
static struct kmem_cache *cache_slab;
static u32 hash_seed;

/* -------------------------------------------------------------- keys ---- */

/**
 * arch_uprobe_slot_key - may an instruction share a slot, and with which?
 * @auprobe: an analysed probe
 * @mm:	     the one it was analysed for
 * @key:     zero on entry. Set @arch (what pre_xol, post_xol and abort_xol read, and
 *	     the bytes to execute), @exit (the best exit for each value of the knob;
 *	     preset to UPROBE_EXIT_STEP) and @near
 *
 * Do not override this if the arch stores anything of a hit in struct arch_uprobe, or if
 * the copy depends on the slot's address. (A jump's slot may depend on it:
 * arch_uprobe_slot_jump() writes that part.)
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
 * Return: the largest distance in bytes between a @near probe and any slot of the area,
 * for current's program; 0 if it has no @near probes.
 */
unsigned long __weak arch_uprobe_slot_reach(void)
{
	return 0;
}

/**
 * arch_uprobe_slot_jump - make of an instruction what leaves a slot by a jump
 * @auprobe: of the key
 * @code:    what the slot will hold, with the instruction; gets a jump behind it,
 *	     and a RIP-relative operand is put right
 * @len:     of the instruction
 * @from:    where the slot lies, near to the probe if the key says so
 * @to:	     where to jump
 */
void __weak arch_uprobe_slot_jump(const struct arch_uprobe *auprobe, void *code,
				  unsigned int len, unsigned long from, unsigned long to)
{
}

/**
 * arch_uprobe_must_step - must current leave its slot by a single step?
 * @regs: current's, at the probe
 *
 * Return: true if a debugger steps current and must see each step; also, where programs
 * have several modes, if a jump could not be right in current's.
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

/* ---------------------------------------------------------- lifetime ---- */

/* After a grace period: nobody looks at the area or its slots any more. */
static void area_free(struct rcu_head *rcu)
{
	struct uprobe_slot_area *area;
	unsigned int i;

	area = container_of(rcu, struct uprobe_slot_area, rcu);
	for (i = 0; i < area->nr_pages; i++) {
		kvfree(area->page[i].slot);
		kfree(area->page[i].cold);
	}
	kvfree(area);
}

/* Give back a reference on an area. The last one frees it. Does not sleep. */
void uprobe_slots_area_put(struct uprobe_slot_area *area)
{
	if (!refcount_dec_and_test(&area->ref))
		return;

	spin_lock(&slot_areas_lock);
	list_del_rcu(&area->node);
	spin_unlock(&slot_areas_lock);
	call_rcu(&area->rcu, area_free);
}

/* Get the area of current's process, made if there is none; NULL without memory. */
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
	INIT_DELAYED_WORK(&area->reclaim, uprobe_slots_reclaim_work);
	refcount_set(&area->ref, 1);
	area->root = root;
	area->reach = arch_uprobe_slot_reach();
	area->pin_pages = pages_to_pin(0);
	area->tgid = current->tgid;
	area->reclaimed = jiffies - DRAIN_INTERVAL;

	/* Another thread of the process may do the same at once: the first one wins. */
	spin_lock(&slot_areas_lock);
	if (!root->area) {
		list_add_tail_rcu(&area->node, &slot_areas);
		/* Pairs with the two acquires of root->area. */
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
 * Near to the probe that current has hit, so that a slot's jump back reaches on every
 * arch, and so do RIP-relative operands. Below the probe: above it the program's heap
 * may grow.
 *
 * Context: a uprobe hit of current, with the mmap lock held for writing. Current's
 * instruction pointer is at the probe unless a handler has changed it.
 *
 * Return: an address; an error value if there is no gap near the probe, if reuse is off,
 * or if the arch needs none near. The area then lies where a stock kernel puts it.
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
 * uprobe_slots_destroy - a process gives up its area
 * @root: of the area
 *
 * Called when no task uses the mm any more, before @root is freed. Does not
 * sleep, and does not wait for a round of reclaim in flight.
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
		uprobe_slots_area_put(area);
	uprobe_slots_area_put(area);
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

/* ------------------------------------------------------------- pages ---- */

static void nomem_now(struct uprobe_slot_root *root)
{
	WRITE_ONCE(root->nomem, jiffies);
}

/* Take area->lock. Returns the nanoseconds that current waited; 0 if the lock was free. */
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

/*
 * Account and trace a wait of current's in a hit: for enum uprobe_slot_contention, so
 * many ns long. @vaddr is the slot that current got, 0 if none. Without area->lock.
 */
void uprobe_slots_contended(int reason, u64 wait_ns, unsigned long vaddr)
{
	uprobe_slot_count(UPROBE_COUNT_CONTENTION + reason, 1);
	uprobe_slot_count(UPROBE_COUNT_CONTENTION_NS, wait_ns);
	trace_slot_contention(current->utask->vaddr, vaddr, reason, wait_ns);
}

static void fill_with_breakpoints(void *to, size_t bytes)
{
	uprobe_opcode_t swbp = UPROBE_SWBP_INSN;
	size_t i;

	for (i = 0; i + UPROBE_SWBP_INSN_SIZE <= bytes; i += UPROBE_SWBP_INSN_SIZE)
		memcpy(to + i, &swbp, UPROBE_SWBP_INSN_SIZE);
}

/* Allocate what a page of slots needs. On failure the caller frees what there is. */
static bool slot_page_alloc(struct slot_page *new)
{
	void *kaddr;

	new->slot = kvcalloc(UPROBE_PAGE_SLOTS, sizeof(*new->slot),
			     UPROBE_SLOT_GFP);
	new->cold = kcalloc(UPROBE_PAGE_SLOTS, sizeof(*new->cold),
			    UPROBE_SLOT_GFP);
	new->page = alloc_page(__GFP_HIGHMEM | UPROBE_SLOT_GFP);
	if (!new->slot || !new->cold || !new->page)
		return false;

	/* The page is in no page table yet: set_pte_at() will flush the caches. */
	kaddr = kmap_local_page(new->page);
	fill_with_breakpoints(kaddr, PAGE_SIZE);
	kunmap_local(kaddr);
	flush_dcache_page(new->page);

	return true;
}

static void slot_page_free(struct slot_page *unused)
{
	kvfree(unused->slot);
	kfree(unused->cold);
	if (unused->page)
		put_page(unused->page);
}

/* Publish @new as the area's next page, and take it over. */
static void area_add_page(struct uprobe_slot_area *area, struct slot_page *new)
	__must_hold(&area->lock)
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

/*
 * Add a page, unless another task has done so or a slot is free by now. Returns false
 * only if there was no memory. Sleeps.
 */
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
		uprobe_slots_contended(UPROBE_CONTENTION_LOCK, wait_ns, 0);
	return ret;
}

/* ------------------------------------------------- the tasks' caches ---- */

/*
 * Make a slot cache for current and put it on the list of its process's area; NULL
 * without memory. Sleeps.
 */
struct uprobe_slot_cache *uprobe_slot_cache_create(struct uprobe_slot_root *root)
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
		uprobe_slots_contended(UPROBE_CONTENTION_LOCK, wait_ns, 0);
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

/* ------------------------------------------- filling a slot, for a miss ---- */

/* Write the instruction and its exit, and breakpoints behind them: an overrun traps. */
static void slot_write(struct uprobe_slot_area *area, struct uprobe_slot *s,
		       const struct slot_lookup *want)
	__must_hold(&area->lock)
{
	struct slot_page *page = &area->page[s->idx / UPROBE_PAGE_SLOTS];
	const struct uprobe_slot_key *key = want->key;
	u8 code[UPROBE_SLOT_BYTES] __aligned(sizeof(long));
	unsigned long vaddr = slot_vaddr(area, s);
	struct slot_cold *cold = slot_cold(area, s);

	fill_with_breakpoints(code, sizeof(code));
	memcpy(code, &key->arch.ixol, key->len);
	if (want->exit == UPROBE_EXIT_JUMP)
		arch_uprobe_slot_jump(&key->arch, code, key->len, vaddr,
				      want->probe + key->len);
	arch_uprobe_copy_ixol(page->page, vaddr, code, sizeof(code));

	memcpy(&s->arch, &key->arch, sizeof(s->arch));
	WRITE_ONCE(s->hash, want->hash);
	s->exit = want->exit;
	cold->probe = want->probe;
	cold->born = jiffies;
	uprobe_slot_count(UPROBE_COUNT_WRITE, 1);
}

/* P3, where it is checked: nobody steps in a slot that is about to be written. */
static void slot_assert_idle(struct uprobe_slot_area *area, struct uprobe_slot *s)
	__must_hold(&area->lock)
{
	struct uprobe_slot_cache *cache;

	if (!IS_ENABLED(CONFIG_UPROBE_SLOTS_DEBUG))
		return;

	WARN_ON_ONCE(s->state != SLOT_FREE);
	list_for_each_entry(cache, &area->tasks, node)
		WARN_ON_ONCE(READ_ONCE(cache->step) == s->idx + 1);
}

/* Count one more pinned slot, before it is in the table. */
static void account_pinned(struct uprobe_slot_area *area, const struct slot_lookup *want)
	__must_hold(&area->lock)
{
	unsigned int pages = pages_to_pin(++area->nr_pinned);

	set_bit(pin_bit(want->key, want->exit, want->probe), area->pins);
	if (area->pin_pages != pages)
		WRITE_ONCE(area->pin_pages, pages);
}

/*
 * Fill the lowest free slot, so that pages settle, and set current's hazard on it, unless
 * it is pinned. NULL if it would have to be pinned and may not. A slot is free.
 */
static struct uprobe_slot *slot_fill(struct uprobe_slot_area *area,
				     struct uprobe_slot_cache *cache,
				     const struct slot_lookup *want)
	__must_hold(&area->lock)
{
	bool pin = want->exit >= UPROBE_EXIT_JUMP;
	struct uprobe_slot *s;

	if (pin && !may_pin(area, area_page_limit()))
		return NULL;
	s = slot_at(area, find_first_bit(area->free, AREA_MAX_SLOTS));
	slot_assert_idle(area, s);

	__clear_bit(s->idx, area->free);			/* L3 */
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
 * Get a slot that is in the table after all, or fill a free one. On success current's
 * hazard is on it, unless it is pinned; if not, NULL and the reason. Reclaim marks slots
 * under the lock, so there is no window here as in a hit.
 */
static struct uprobe_slot *slot_claim(struct uprobe_slot_cache *cache,
				      const struct slot_lookup *want, int *miss)
{
	struct uprobe_slot_area *area = cache->area;
	struct uprobe_slot *s;
	u64 wait_ns;

	wait_ns = area_lock(area);				/* L1 */
	s = table_find(area, want);
	*miss = UPROBE_MISS_FULL;
	if (s) {
		if (want->exit < UPROBE_EXIT_JUMP)
			WRITE_ONCE(cache->step, s->idx + 1);
		*miss = UPROBE_MISS_SHARED;
	} else if (area->nr_free && !draining()) {
		s = slot_fill(area, cache, want);
		if (s)
			*miss = UPROBE_MISS_FILLED;
	}
	spin_unlock(&area->lock);

	if (wait_ns)
		uprobe_slots_contended(UPROBE_CONTENTION_LOCK, wait_ns,
				       s ? slot_vaddr(area, s) : 0);
	return s;
}

/**
 * uprobe_slot_obtain - get a free slot filled, or add a page for it
 * @cache: current's
 * @want:  what the slot has to hold, and its exit
 * @miss:  gets an enum uprobe_slot_miss: how the slot was got, or why there is none
 *
 * Context: a uprobe hit of current that has found room (L0). May sleep.
 *
 * Return: the slot, with current's hazard on it unless it is pinned; NULL and the reason
 * in @miss.
 */
struct uprobe_slot *uprobe_slot_obtain(struct uprobe_slot_cache *cache,
				       const struct slot_lookup *want, int *miss)
{
	struct uprobe_slot_area *area = cache->area;
	unsigned int limit = area_page_limit();
	struct uprobe_slot *s;

	*miss = UPROBE_MISS_FULL;
	while (area_has_room(area, limit) && !draining()) {
		if (!READ_ONCE(area->nr_free) && !area_grow(area)) {	/* L2 */
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

static int __init uprobe_slots_area_initcall(void)
{
	cache_slab = KMEM_CACHE(uprobe_slot_cache, SLAB_HWCACHE_ALIGN | SLAB_PANIC);
	return 0;
}
core_initcall(uprobe_slots_area_initcall);
