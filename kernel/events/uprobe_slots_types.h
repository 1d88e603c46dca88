/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What shared slots are made of, how a hit looks one up, and the task's own cache of
 * them. Only for uprobe_slots*.c; the comment at the top of uprobe_slots.c has the
 * rules.
 */
#ifndef _KERNEL_EVENTS_UPROBE_SLOTS_TYPES_H
#define _KERNEL_EVENTS_UPROBE_SLOTS_TYPES_H

#include "uprobe_slots_internal.h"

#ifndef slot_delay
#define slot_delay(point)	((void)(point))
#endif

/* Which a hit may enter: those from LIVE on. */
enum { SLOT_FREE, SLOT_DYING, SLOT_LIVE, SLOT_PINNED };

#define AREA_MAX_SLOTS	((UPROBE_AREA_PAGES - 1) * UPROBE_PAGE_SLOTS)
#define TABLE_BITS	9
#define PIN_BITS	12

#define NOMEM_INTERVAL	HZ		/* between failed allocations */
#define DRAIN_INTERVAL	HZ		/* between rounds of reclaim, while reuse is off */

/**
 * struct uprobe_slot - one shared slot
 * @arch:  the instruction with its fix-ups: zero but for what the key holds
 * @link:  in the area's table
 * @hash:  lookup_hash()
 * @idx:   which of the area's slots it is
 * @exit:  enum uprobe_exit
 * @state: FREE, LIVE, DYING or PINNED
 * @ref:   1 if it was hit since reclaim's hand passed by
 *
 * A hit reads it and, but for @ref, does not write to it.
 */
struct uprobe_slot {
	struct arch_uprobe	arch;
	struct hlist_node	link;
	u32			hash;
	u16			idx : 12;
	u16			exit : 4;
	u8			state;
	u8			ref;
} ____cacheline_aligned;

static_assert(!offsetof(struct uprobe_slot, arch));	/* uprobe_slot_arch() */

/* What hits that jump (@probe, which they jump back behind) and reclaim read of a slot. */
struct slot_cold {
	unsigned long		probe;
	u32			born;		/* jiffies when it was filled */
};

/* A populated page of shared slots; constant once it is published (D). */
struct slot_page {
	struct page		*page;
	unsigned long		vaddr;
	struct uprobe_slot	*slot;
	struct slot_cold	*cold;
};

/*
 * A cache entry is a word: the upper bits of the slot's @hash; whether it was hit
 * since the hand of the cache's clock passed by; and, so that 0 is no entry, the
 * slot's index + 1. The topmost bits are the entry's home in the table; it
 * stands there or in the next free place behind, as usual with linear probing.
 * The table is never more than half full.
 */
#define CACHE_BITS	7
#define CACHE_SIZE	BIT(CACHE_BITS)
#define ENTRY_IDX	GENMASK(11, 0)
#define ENTRY_USED	BIT(12)
#define ENTRY_TAG	GENMASK(31, 13)

static_assert(CACHE_SIZE >= 2 * UPROBE_CACHE_MAX);
static_assert(AREA_MAX_SLOTS < ENTRY_IDX && AREA_MAX_SLOTS < U16_MAX);

/**
 * struct uprobe_slot_cache - a task's slot cache, and its hazard
 * @tally:  hits and misses
 * @step:   which shared slot the task is stepping in, its index + 1, or 0
 * @area:   of the task's mm
 * @task:   whose it is
 * @nr:     entries in use
 * @limit:  how many there may be, as the task last knew; 0 at first
 * @hand:   of the clock that chooses what to evict
 * @exit_slot:  the pinned slot that the task last went to; 0 before the first. It stays
 *		when the task has left: ip tells
 * @exit_probe: the address that the task had come from,
 * @exit_next:  and the one behind it. See uprobe_slot_signal()
 * @node:   on area->tasks
 * @rcu:    frees it
 * @taken:  which of @entry are
 * @entry:  see above
 */
struct uprobe_slot_cache {
	struct uprobe_slot_tally tally;
	u16			step;
	struct uprobe_slot_area	*area;
	struct task_struct	*task;
	unsigned int		nr;
	unsigned int		limit;
	unsigned int		hand;
	unsigned long		exit_slot;
	unsigned long		exit_probe;
	unsigned long		exit_next;
	struct list_head	node;
	struct rcu_head		rcu;
	DECLARE_BITMAP(taken, CACHE_SIZE);
	u32			entry[CACHE_SIZE];
};

static_assert(!offsetof(struct uprobe_slot_cache, tally)); /* uprobe_slot_account_transient() */

/*
 * The shared slots of a process.
 *
 * free + live + dying + pinned == nr_pages * UPROBE_PAGE_SLOTS whenever the lock
 * is free. Hits read the first part, which is written only when a page or a pinned
 * slot is added, or, a word of the table, a slot filled or taken out.
 */
struct uprobe_slot_area {
	unsigned int		nr_pages;	/* page 0 not counted */
	unsigned int		pin_pages;	/* fewer allow no more pinned slots */
	unsigned long		reach;		/* of what has to be near */
	DECLARE_BITMAP(pins, 1 << PIN_BITS);	/* pin_bit() of all pinned slots */
	struct slot_page	page[UPROBE_AREA_PAGES - 1];
	struct hlist_head	table[1 << TABLE_BITS];

	spinlock_t		lock ____cacheline_aligned_in_smp;
	bool			dead;
	unsigned int		nr_free;
	unsigned int		nr_live;
	unsigned int		nr_dying;
	unsigned int		nr_pinned;
	unsigned int		hand;		/* of reclaim's clock */
	struct list_head	tasks;
	DECLARE_BITMAP(free, AREA_MAX_SLOTS);

	struct uprobe_slot_root	*root;		/* valid unless dead */
	pid_t			tgid;
	struct list_head	node;		/* on slot_areas */
	refcount_t		ref;
	struct rcu_head		rcu;

	int			reclaiming;
	unsigned long		reclaimed;	/* jiffies */
	struct delayed_work	reclaim;
	/* Reclaim's scratch: what it marked; whom a task names or steps in. */
	DECLARE_BITMAP(dying, AREA_MAX_SLOTS);
	DECLARE_BITMAP(seen, AREA_MAX_SLOTS);
};

/* It holds a pointer, or longs, wherever slots are shared. */
static_assert(UPROBE_AREA_PAGES == 1 ||
	      !(sizeof(struct arch_uprobe) % sizeof(long)));

extern spinlock_t slot_areas_lock;
extern struct list_head slot_areas, slot_roots;

struct slot_lookup;

/* uprobe_slots_area.c */
void uprobe_slots_area_put(struct uprobe_slot_area *area);
void uprobe_slots_contended(int reason, u64 wait_ns, unsigned long vaddr);
struct uprobe_slot_cache *uprobe_slot_cache_create(struct uprobe_slot_root *root);
struct uprobe_slot *uprobe_slot_obtain(struct uprobe_slot_cache *cache,
				       const struct slot_lookup *want, int *miss);

/* uprobe_slots_reclaim.c */
void uprobe_slots_reclaim(struct uprobe_slot_area *area);
int uprobe_slots_full(struct uprobe_slot_area *area);
void uprobe_slots_reclaim_work(struct work_struct *work);

/* Reuse is off: no slot is filled any more, and reclaim takes all there are. */
static inline bool draining(void)
{
	return !static_key_enabled(&uprobe_slots_key);
}

/* Memory was short a moment ago: do not try again yet what failed then. */
static inline bool nomem_recently(struct uprobe_slot_root *root)
{
	return jiffies - READ_ONCE(root->nomem) < NOMEM_INTERVAL;
}

/* How many pages an area may have, page 0 included. The mapping has room for the most. */
static inline unsigned int area_page_limit(void)
{
	static_assert(UPROBE_AREA_PAGES == 1 ||
		      UPROBE_AREA_PAGES >= UPROBE_AREA_PAGES_MAX);

	return READ_ONCE(uprobe_slot_knobs.area_pages);
}

static inline bool area_may_grow(struct uprobe_slot_area *area, unsigned int limit)
{
	return READ_ONCE(area->nr_pages) + 1 < limit && !nomem_recently(area->root);
}

/* Is there a free slot, or a page that may be added? */
static inline bool area_has_room(struct uprobe_slot_area *area, unsigned int limit)
{
	return READ_ONCE(area->nr_free) || area_may_grow(area, limit);
}

/* May one more slot be pinned, with so many pages allowed? */
static inline bool may_pin(struct uprobe_slot_area *area, unsigned int limit)
{
	return limit >= READ_ONCE(area->pin_pages);
}

/* Only to be called for a slot whose page the caller has seen published. */
static inline struct uprobe_slot *slot_at(struct uprobe_slot_area *area,
					  unsigned int idx)
{
	return &area->page[idx / UPROBE_PAGE_SLOTS].slot[idx % UPROBE_PAGE_SLOTS];
}

static inline unsigned long slot_vaddr(struct uprobe_slot_area *area,
				       struct uprobe_slot *s)
{
	return area->page[s->idx / UPROBE_PAGE_SLOTS].vaddr +
	       s->idx % UPROBE_PAGE_SLOTS * UPROBE_SLOT_BYTES;
}

static inline struct hlist_head *table_head(struct uprobe_slot_area *area, u32 hash)
{
	return &area->table[hash % BIT(TABLE_BITS)];
}

static inline struct slot_cold *slot_cold(struct uprobe_slot_area *area,
					  struct uprobe_slot *s)
{
	return &area->page[s->idx / UPROBE_PAGE_SLOTS].cold[s->idx % UPROBE_PAGE_SLOTS];
}

/*
 * What a hit looks for: the probe's key, and how the execution leaves the slot.
 * @probe is the probe's address for an exit by jump, else 0.
 */
struct slot_lookup {
	const struct uprobe_slot_key	*key;
	unsigned long			probe;
	u32				hash;
	u8				exit;
};

/* Slots that differ in their exit only have different hashes. */
static inline u32 lookup_hash(const struct uprobe_slot_key *key, unsigned int exit,
			      unsigned long probe)
{
	return key->hash ^ exit ^ hash_long(probe, 32);
}

/*
 * If the bit is clear, no slot is pinned for this. The hash is cheap on purpose: a miss
 * in a full area computes it (P2). Functions are mostly aligned to 16 bytes, so it drops
 * those bits.
 */
static inline unsigned int pin_bit(const struct uprobe_slot_key *key, unsigned int exit,
				   unsigned long probe)
{
	return (key->hash ^ (exit == UPROBE_EXIT_JUMP ? probe / 16 : 0)) % BIT(PIN_BITS);
}

/*
 * The smallest `area_pages` that allows one more pinned slot. At most half of an area
 * may be pinned: pinned slots come back only when the process ends.
 */
static inline unsigned int pages_to_pin(unsigned int nr_pinned)
{
	return 2 * nr_pinned / UPROBE_PAGE_SLOTS + 2;
}

/*
 * Does the slot hold what @want looks for? The caller has seen the slot LIVE, and its
 * content stays by the lock, by a hazard, or until the caller's RCU section ends. Both
 * keys are zero where the arch wrote nothing.
 */
static inline bool key_equal(struct uprobe_slot_area *area, struct uprobe_slot *s,
			     const struct slot_lookup *want)
{
	const unsigned long *a = (void *)&s->arch, *b = (void *)&want->key->arch;
	unsigned long differ = 0;
	size_t i;

	if (s->hash != want->hash || s->exit != want->exit)
		return false;
	if (want->probe && slot_cold(area, s)->probe != want->probe)
		return false;
	/* By words: as a function, memcmp() was half of what a hit costs here. */
	uprobe_slots_unrolled()
	for (i = 0; i < sizeof(s->arch) / sizeof(long); i++)
		differ |= a[i] ^ b[i];
	return !differ;
}

static inline bool slot_usable(struct uprobe_slot_area *area, struct uprobe_slot *s,
			       const struct slot_lookup *want)
{
	return smp_load_acquire(&s->state) >= SLOT_LIVE &&	/* F3, A */
	       key_equal(area, s, want);			/* F4 */
}

/* Under RCU or area->lock. */
static __always_inline struct uprobe_slot *table_find(struct uprobe_slot_area *area,
						      const struct slot_lookup *want)
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

/* ---------------------------------------------------- the task's cache ---- */

static inline unsigned int cache_home(u32 hash)
{
	return hash >> (32 - CACHE_BITS);
}

static inline unsigned int cache_next(unsigned int pos)
{
	return (pos + 1) % CACHE_SIZE;
}

/* Is the entry still about the slot that it names? */
static inline bool entry_current(struct uprobe_slot_area *area, u32 entry)
{
	struct uprobe_slot *s = slot_at(area, (entry & ENTRY_IDX) - 1);

	return READ_ONCE(s->state) != SLOT_FREE &&
	       !((READ_ONCE(s->hash) ^ entry) & ENTRY_TAG);
}

static __always_inline struct uprobe_slot *cache_find(struct uprobe_slot_cache *cache,
						      const struct slot_lookup *want)
{
	unsigned long pos = cache_home(want->hash);
	struct uprobe_slot *s;
	u32 entry;

	for (; (entry = cache->entry[pos]); pos = cache_next(pos)) {
		if ((entry ^ want->hash) & ENTRY_TAG)
			continue;
		s = slot_at(cache->area, (entry & ENTRY_IDX) - 1);
		if (!slot_usable(cache->area, s, want))
			continue;
		/* Read again: one register less is in use meanwhile. */
		if (unlikely(!(cache->entry[pos] & ENTRY_USED)))
			WRITE_ONCE(cache->entry[pos], cache->entry[pos] | ENTRY_USED);
		return s;
	}

	return NULL;
}

/* Take out the entry at @pos and close the gap, so that all are still found. */
static inline void cache_remove(struct uprobe_slot_cache *cache, unsigned int pos)
{
	unsigned int gap = pos;
	u32 entry;

	while ((entry = cache->entry[pos = cache_next(pos)])) {
		/* Moves if the gap is between its home and where it stands. */
		if ((pos - cache_home(entry)) % CACHE_SIZE >=
		    (pos - gap) % CACHE_SIZE) {
			WRITE_ONCE(cache->entry[gap], entry);
			gap = pos;
		}
	}

	WRITE_ONCE(cache->entry[gap], 0);
	__clear_bit(gap, cache->taken);
	WRITE_ONCE(cache->nr, cache->nr - 1);
}

/* Evict what was not hit since the hand last passed by. */
static inline void cache_evict(struct uprobe_slot_cache *cache)
{
	u32 entry;

	for (;;) {
		cache->hand = find_next_bit_wrap(cache->taken, CACHE_SIZE,
						 cache->hand + 1);
		entry = cache->entry[cache->hand];
		if (!(entry & ENTRY_USED))
			break;
		WRITE_ONCE(cache->entry[cache->hand], entry & ~ENTRY_USED);
	}

	cache_remove(cache, cache->hand);
}

static inline void cache_trim(struct uprobe_slot_cache *cache, unsigned int limit)
{
	while (cache->nr > limit)
		cache_evict(cache);
}

/* Have the task's cache, whose limit is not 0, name @s, which cannot become free now. */
static inline void cache_add(struct uprobe_slot_cache *cache, struct uprobe_slot *s)
{
	u32 entry, new = (s->hash & ENTRY_TAG) | ENTRY_USED | (s->idx + 1);
	unsigned int pos = cache_home(new);

	/*
	 * Replace an entry with the same tag if its slot was reclaimed, or if it names
	 * @s already: @s was DYING when the task looked, and went back to LIVE, or was FREE
	 * and has been filled with the same again.
	 */
	for (; (entry = cache->entry[pos]); pos = cache_next(pos)) {
		if ((entry ^ new) & ENTRY_TAG)
			continue;
		if (!((entry ^ new) & ENTRY_IDX) ||
		    !entry_current(cache->area, entry)) {
			WRITE_ONCE(cache->entry[pos], new);
			return;
		}
	}

	cache_trim(cache, cache->limit - 1);
	for (pos = cache_home(new); cache->entry[pos]; pos = cache_next(pos))
		;
	__set_bit(pos, cache->taken);
	WRITE_ONCE(cache->entry[pos], new);
	WRITE_ONCE(cache->nr, cache->nr + 1);
}

#endif /* _KERNEL_EVENTS_UPROBE_SLOTS_TYPES_H */
