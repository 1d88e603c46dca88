// SPDX-License-Identifier: GPL-2.0
/*
 * Reclaim: a work of each area that takes shared slots from instructions that were not
 * hit lately, in rounds, when a hit finds no free slot; and turning reuse off and on.
 * Steps R0 to R5 of the protocol at the top of uprobe_slots.c.
 *
 * Calls uprobe_slots_area.c. Called by uprobe_slots.c and the tracefs files.
 */
#include "uprobe_slots_types.h"

/* Rounds are at least that far apart: each costs a grace period. */
#define RECLAIM_INTERVAL	(HZ / 20)
/* A round takes at most an eighth of all slots, or 16 if that is more; it may take fewer. */
#define RECLAIM_FRACTION	8
#define RECLAIM_MIN		16

static struct workqueue_struct *reclaim_wq;

/* -------------------------------------------- R0, R1: choose and mark ---- */

/*
 * Mark in @seen each slot that a task's cache names. An entry may name a slot of a page
 * that this CPU does not see yet: it is left out, which costs the slot its protection
 * in this round.
 */
static void reclaim_see_entries(struct uprobe_slot_area *area)
{
	unsigned int nr = smp_load_acquire(&area->nr_pages) * UPROBE_PAGE_SLOTS; /* D */
	struct uprobe_slot_cache *cache;
	unsigned int i, idx;
	u32 entry;

	rcu_read_lock();
	list_for_each_entry_rcu(cache, &area->tasks, node) {
		for (i = 0; READ_ONCE(cache->nr) && i < CACHE_SIZE; i++) {
			entry = READ_ONCE(cache->entry[i]);
			idx = (entry & ENTRY_IDX) - 1;
			/* No entry is 0, and its index beyond all. */
			if (idx < nr && entry_current(area, entry))
				__set_bit(idx, area->seen);
		}
	}
	rcu_read_unlock();
}

/*
 * Choose victims from where the clock's hand stands: LIVE slots that were not hit since
 * the hand last passed by. Slots that no task's cache names go first (@named is false),
 * so that the cache limits decide whose working set survives. When draining, all go.
 * Returns how many slots the hand passed.
 */
static unsigned int reclaim_choose(struct uprobe_slot_area *area, bool named,
				   unsigned int *chosen)
	__must_hold(&area->lock)
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

/*
 * Move the hand past @n slots. A slot that is not hit before the hand comes again may
 * become a victim.
 */
static void reclaim_age(struct uprobe_slot_area *area, unsigned int n)
	__must_hold(&area->lock)
{
	unsigned int nr = area->nr_pages * UPROBE_PAGE_SLOTS;
	struct uprobe_slot *s;

	for (; n; n--, area->hand = (area->hand + 1) % nr) {
		s = slot_at(area, area->hand);
		if (READ_ONCE(s->ref))
			WRITE_ONCE(s->ref, 0);
	}
}

/* R1 for one slot */
static void slot_mark(struct uprobe_slot_area *area, struct uprobe_slot *s)
	__must_hold(&area->lock)
{
	WRITE_ONCE(s->state, SLOT_DYING);
	hlist_del_rcu(&s->link);
	area->nr_live--;
	area->nr_dying++;
}

/* R0, R1: choose victims and mark them. Returns how many. */
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

/* -------------------------------- R3, R4: who is in one, and decide ---- */

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

/* R4 for one slot */
static void slot_decide(struct uprobe_slot_area *area, struct uprobe_slot *s)
	__must_hold(&area->lock)
{
	u32 age = (u32)jiffies - slot_cold(area, s)->born;
	bool busy = test_bit(s->idx, area->seen);

	area->nr_dying--;
	if (busy) {
		/* Another slot may hold the same by now. Harmless: both are right. */
		WRITE_ONCE(s->state, SLOT_LIVE);
		hlist_add_head_rcu(&s->link, table_head(area, s->hash));
		area->nr_live++;
	} else {
		WRITE_ONCE(s->state, SLOT_FREE);
		__set_bit(s->idx, area->free);
		WRITE_ONCE(area->nr_free, area->nr_free + 1);
	}
	if (draining())
		return;		/* reuse is off: the operator gets no events */
	uprobe_slot_count(UPROBE_COUNT_RECLAIM, 1);
	trace_slot_reclaim(slot_vaddr(area, s), area->tgid,
			   busy ? UPROBE_RECLAIM_BUSY : UPROBE_RECLAIM_FREED,
			   jiffies_to_msecs(age));
}

/* R4: free the marked slots that no task steps in. */
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

/* --------------------------------------------------- rounds, and R5 ---- */

/*
 * Start a round of reclaim, if none is in flight, no sooner than @interval jiffies after
 * the last one (a full interval if jiffies has wrapped since). The caller keeps the area
 * alive.
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

/*
 * R5: wake the tasks that wait for a slot, if there is room. Returns whether another
 * round is due even if no hit asks for one.
 */
static bool reclaim_wake(struct uprobe_slot_area *area)
{
	bool again = false;

	spin_lock(&area->lock);
	if (!area->dead && draining()) {
		again = area->nr_live;
	/* After the xchg() of our caller; a waiter asks for reclaim after it has queued. */
	} else if (!area->dead && waitqueue_active(area->root->wq)) {
		if (area_has_room(area, area_page_limit()))
			wake_up(area->root->wq);
		else
			again = true;
	}
	spin_unlock(&area->lock);

	return again;
}

/* One round: the work of an area. */
void uprobe_slots_reclaim_work(struct work_struct *work)
{
	struct uprobe_slot_area *area;

	area = container_of(to_delayed_work(work), struct uprobe_slot_area, reclaim);
	if (reclaim_mark(area)) {
		slot_delay(UPROBE_DELAY_MARK);
		synchronize_rcu();				/* R2, B */
		/*
		 * A task that R3 does not find on the list came there after R1, and its F3
		 * sees DYING; or it went off the list, and has left its slot for good.
		 */
		bitmap_zero(area->seen, AREA_MAX_SLOTS);
		reclaim_see_hazards(area);			/* R3 */
		slot_delay(UPROBE_DELAY_SCAN);
		reclaim_decide(area);
	}

	WRITE_ONCE(area->reclaimed, jiffies);
	/*
	 * A full barrier. A CPU that turns reuse off, or queues to wait, first does that
	 * and then reads @reclaiming. Either it reads 0 and starts a round itself, or
	 * reclaim_wake() below sees what it did.
	 */
	xchg(&area->reclaiming, 0);
	if (reclaim_wake(area))
		reclaim_kick(area, draining() ? DRAIN_INTERVAL : RECLAIM_INTERVAL);
	uprobe_slots_area_put(area);
}

/* Ask for a round of reclaim: a hit has found no room in @area. Does not sleep. */
void uprobe_slots_reclaim(struct uprobe_slot_area *area)
{
	reclaim_kick(area, RECLAIM_INTERVAL);
}

/*
 * The end of a hit that has found the area full, with no reclaim in flight. Not inline,
 * so that the hit saves no registers for it (P2).
 */
noinline int uprobe_slots_full(struct uprobe_slot_area *area)
{
	uprobe_slots_reclaim(area);
	return UPROBE_MISS_FULL;
}

/* --------------------------------------------------------- off and on ---- */

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
	 * Off: drain. On: a task may have waited for a transient slot since before reuse
	 * went off. The drain has freed shared slots since then, so R5 of this round wakes
	 * it. If an area is so new that it is not on the list, its tasks see @on before they
	 * fill a slot.
	 */
	smp_mb();						/* G */
	rcu_read_lock();
	list_for_each_entry_rcu(area, &slot_areas, node) {
		if (refcount_inc_not_zero(&area->ref)) {
			reclaim_kick(area, 0);
			uprobe_slots_area_put(area);
		}
	}
	rcu_read_unlock();

	return 0;
}

/* uprobe_slots=off|on on the kernel's command line */
static bool on_at_boot = true;
core_param(uprobe_slots, on_at_boot, bool, 0);

static int __init uprobe_slots_reclaim_initcall(void)
{
	reclaim_wq = alloc_workqueue("uprobe_slots", WQ_UNBOUND, 0);
	if (!on_at_boot || WARN_ON(!reclaim_wq))
		static_branch_disable(&uprobe_slots_key);
	return 0;
}
core_initcall(uprobe_slots_reclaim_initcall);
