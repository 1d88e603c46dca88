// SPDX-License-Identifier: GPL-2.0
/*
 * What shared slots tell about themselves: sums for the tracefs files, and the
 * checker of the rules. Nothing here is on the way of a hit.
 */
#include "uprobe_slots_types.h"

unsigned long uprobe_slot_delays[UPROBE_NR_DELAYS];	/* see slot_delay() */

/**
 * uprobe_slots_set_delay - make tasks wait at @point (debug builds)
 * @point: between two steps of the protocol
 * @us:	   microseconds; 0: no wait. In a hit the wait is approximate: spins, by the
 *	   present speed of cpu_relax()
 */
void uprobe_slots_set_delay(enum uprobe_slot_delay point, unsigned int us)
{
	const unsigned int samples = 5, sample = 2000;
	u64 ns, best = U64_MAX;
	unsigned int i, j;

	if (point >= UPROBE_DELAY_MARK) {
		WRITE_ONCE(uprobe_slot_delays[point], us * NSEC_PER_USEC);
		return;
	}

	/* The fastest one was not interrupted. */
	for (i = 0; i < samples; i++) {
		preempt_disable();
		ns = ktime_get_ns();
		for (j = 0; j < sample; j++)
			cpu_relax();
		best = min(best, ktime_get_ns() - ns);
		preempt_enable();
	}
	WRITE_ONCE(uprobe_slot_delays[point],
		   div64_u64((u64)us * NSEC_PER_USEC * sample, max(best, 1)));
}

/* Is @s itself in the table? Under area->lock. */
static bool table_has(struct uprobe_slot_area *area, struct uprobe_slot *s)
	__must_hold(&area->lock)
{
	struct uprobe_slot *pos;

	hlist_for_each_entry(pos, table_head(area, s->hash), link) {
		if (pos == s)
			return true;
	}

	return false;
}

/**
 * uprobe_slots_counters - sum the counters over all CPUs
 * @sum: gets them
 *
 * A hit that is going on meanwhile may be in the sum or not.
 */
void uprobe_slots_counters(struct uprobe_slot_counters *sum)
{
	u64 *miss = &sum->c[UPROBE_COUNT_MISS], taken;
	unsigned int cpu, i;

	memset(sum, 0, sizeof(*sum));
	for_each_possible_cpu(cpu) {
		for (i = 0; i < UPROBE_NR_COUNTERS; i++)
			sum->c[i] += READ_ONCE(per_cpu(slot_counters.c[i], cpu));
	}

	/* With reuse off it is no miss, but a slot all the same. */
	taken = miss[UPROBE_MISS_NONE];
	miss[UPROBE_MISS_NONE] = 0;
	for (i = UPROBE_MISS_FULL; i < UPROBE_NR_MISSES; i++)
		taken += miss[i];
	sum->c[UPROBE_COUNT_WRITE] += taken;
}

/* By the bitmap itself, so that no hit counts them. One bit is the trampoline's. */
static unsigned int transient_in_use(struct uprobe_slot_root *root)
{
	unsigned int n = 0, i;

	for (i = 0; i < BITS_TO_LONGS(UPROBE_TRANSIENT_SLOTS); i++)
		n += hweight_long(READ_ONCE(root->bitmap[i]));
	return n - 1;
}

/**
 * uprobe_slots_gauges - sum what the areas hold now
 * @sum: gets it; each area's figures fit together
 */
void uprobe_slots_gauges(struct uprobe_slot_gauges *sum)
{
	struct uprobe_slot_root *root;
	struct uprobe_slot_area *area;

	memset(sum, 0, sizeof(*sum));
	spin_lock(&slot_areas_lock);
	list_for_each_entry(root, &slot_roots, node) {
		sum->areas++;
		sum->pages++;
		sum->transient += transient_in_use(root);
	}
	spin_unlock(&slot_areas_lock);

	rcu_read_lock();
	list_for_each_entry_rcu(area, &slot_areas, node) {
		spin_lock(&area->lock);
		if (!area->dead) {
			sum->free += area->nr_free;
			sum->live += area->nr_live;
			sum->dying += area->nr_dying;
			sum->pinned += area->nr_pinned;
			sum->pages += area->nr_pages;
		}
		spin_unlock(&area->lock);
	}
	rcu_read_unlock();
}

/* P3 and P4 for one area, under its lock; NULL or the rule that does not hold. */
static const char *area_check(struct uprobe_slot_area *area)
	__must_hold(&area->lock)
{
	unsigned int nr = area->nr_pages * UPROBE_PAGE_SLOTS, n[4] = { }, i;
	struct uprobe_slot_cache *cache;
	struct uprobe_slot *s;
	unsigned int step;
	bool is_free;

	for (i = 0; i < nr; i++) {
		s = slot_at(area, i);
		n[s->state]++;
		is_free = s->state == SLOT_FREE;
		if (test_bit(i, area->free) != is_free)
			return "the free slots are those in state FREE";
		if (s->state >= SLOT_LIVE && !table_has(area, s))
			return "a LIVE slot is in the table";
		if (s->state == SLOT_PINNED && s->exit < UPROBE_EXIT_JUMP)
			return "a slot is pinned because its end is not seen";
	}
	if (n[SLOT_FREE] != area->nr_free || n[SLOT_LIVE] != area->nr_live ||
	    n[SLOT_DYING] != area->nr_dying || n[SLOT_PINNED] != area->nr_pinned)
		return "P4: free + live + dying + pinned is the capacity";

	if (area->pin_pages != pages_to_pin(area->nr_pinned))
		return "P7: half of the pages that are allowed may be pinned";

	list_for_each_entry(cache, &area->tasks, node) {
		step = READ_ONCE(cache->step);
		if (step && slot_at(area, step - 1)->state == SLOT_FREE)
			return "P3: nobody steps in a FREE slot";
	}

	return NULL;
}

/**
 * uprobe_slots_check - look at every slot of every process (debug builds)
 *
 * Return: NULL, or the rule that does not hold somewhere.
 */
const char *uprobe_slots_check(void)
{
	struct uprobe_slot_area *area;
	const char *rule = NULL;

	rcu_read_lock();
	list_for_each_entry_rcu(area, &slot_areas, node) {
		spin_lock(&area->lock);
		if (!area->dead)
			rule = area_check(area);
		spin_unlock(&area->lock);
		if (rule)
			break;
	}
	rcu_read_unlock();

	return rule;
}

/**
 * uprobe_slots_walk_tasks - look at every task with a slot cache
 * @fn:	  called with each, in an RCU read-side section, in which the task and
 *	  what it says are valid
 * @data: passed on
 */
void uprobe_slots_walk_tasks(uprobe_slot_task_fn fn, void *data)
{
	struct uprobe_slot_area *area;
	struct uprobe_slot_cache *cache;
	struct uprobe_slot_task t;

	rcu_read_lock();
	list_for_each_entry_rcu(area, &slot_areas, node) {
		list_for_each_entry_rcu(cache, &area->tasks, node) {
			t.task = cache->task;
			t.entries = READ_ONCE(cache->nr);
			t.hits = READ_ONCE(cache->tally.hits);
			t.misses = READ_ONCE(cache->tally.misses);
			fn(&t, data);
		}
	}
	rcu_read_unlock();
}
