// SPDX-License-Identifier: GPL-2.0-or-later
/* The promises, one thread at a time. A name says which one would break. */
#include <stdio.h>

#include "unit.h"

#define PROBES	(64 + 2 * UPROBE_PAGE_SLOTS)

static struct process *proc;
static struct task_struct *task, *other;
static struct uprobe *probe[PROBES];

static struct uprobe_slot_gauges gauges(void)
{
	struct uprobe_slot_gauges g;

	uprobe_slots_gauges(&g);
	return g;
}

/* A process of two tasks, with @pages pages at most, and PROBES instructions. */
static void setup(unsigned int pages)
{
	unsigned int i;

	uprobe_slot_knobs.area_pages = pages;
	proc = process_new(UPROBE_AREA_PAGES, 2);
	task = task_new(proc);
	other = task_new(proc);
	for (i = 0; i < PROBES; i++)
		probe[i] = probe_new(i);
}

static void teardown(void)
{
	unsigned int i;

	check_area(proc);
	CHECK(gauges().transient == transient_taken(proc));
	task_exit(task);
	task_exit(other);
	process_free(proc);
	for (i = 0; i < PROBES; i++)
		probe_free(probe[i]);
	check_nothing_left();
}

static unsigned int capacity(void)
{
	return (uprobe_slot_knobs.area_pages - 1) * UPROBE_PAGE_SLOTS;
}

/* More instructions than the area has slots; needs fewer than a million probes. */
static struct uprobe **fill_area(struct task_struct *t)
{
	struct uprobe **u = calloc(capacity(), sizeof(*u));
	unsigned int i;

	for (i = 0; i < capacity(); i++) {
		u[i] = probe_new(1000 + i);
		step(t, u[i]);
	}
	CHECK(!proc->root.area->nr_free);
	return u;
}

static void free_probes(struct uprobe **u)
{
	unsigned int i;

	for (i = 0; i < capacity(); i++)
		probe_free(u[i]);
	free(u);
}

static void drain(void)
{
	uprobe_slots_set_enabled(false);
	unit_pass(2 * HZ);
	uprobe_slots_set_enabled(true);
}

/* ---------------------------------------------------------------- P1 ---- */

static unsigned int bad_stores;

static bool within(const volatile void *to, const void *obj, size_t bytes)
{
	return (const char *)to >= (const char *)obj &&
	       (const char *)to < (const char *)obj + bytes;
}

static void only_private(const volatile void *to)
{
	if (!within(to, task->utask->slot_cache, sizeof(struct uprobe_slot_cache)) &&
	    !within(to, unit_percpu[unit_me->cpu], sizeof(unit_percpu[0])))
		bad_stores++;
}

static void p1_writes_nothing_shared(void)
{
	size_t bytes = sizeof(struct uprobe_slot) * UPROBE_PAGE_SLOTS;
	struct uprobe_slot_area *area, *before;
	struct unit_ctx was;
	void *slots, *mem;

	setup(2);
	step(task, probe[0]);
	step(task, probe[0]);	/* and reclaim's clock has seen it */
	area = proc->root.area;
	before = aligned_alloc(64, sizeof(*area));
	memcpy(before, area, sizeof(*area));
	slots = aligned_alloc(64, bytes);
	memcpy(slots, area->page[0].slot, bytes);
	mem = malloc(PAGE_SIZE);
	memcpy(mem, area->page[0].page->mem, PAGE_SIZE);
	was = *unit_me;

	unit_me->on_store = only_private;
	step(task, probe[0]);
	unit_me->on_store = NULL;

	CHECK(!bad_stores);
	CHECK(unit_me->nr_locks == was.nr_locks);
	CHECK(unit_me->nr_rmws == was.nr_rmws);
	CHECK(unit_me->nr_allocs == was.nr_allocs);
	CHECK(unit_me->nr_copies == was.nr_copies);
	CHECK(!memcmp(before, area, sizeof(*area)));
	CHECK(!memcmp(slots, area->page[0].slot, bytes));
	CHECK(!memcmp(mem, area->page[0].page->mem, PAGE_SIZE));
	CHECK(counter(UPROBE_COUNT_HIT) == 2);
	free(before);
	free(slots);
	free(mem);
	teardown();
}

/* Also where keys collide, so that the entries lie close together. */
static void p1_working_set(void)
{
	unsigned int limit, i, round;
	u64 hits;

	unit_hash_mask = 0xf003f000;
	setup(16);
	for (limit = 1; limit <= UPROBE_CACHE_MAX && limit <= capacity(); limit++) {
		uprobe_slot_knobs.cache_limit = limit;
		/* Warm up: a clock that sees all used evicts one more of its own. */
		for (i = 0; i < limit; i++)
			step(task, probe[i]);
		hits = counter(UPROBE_COUNT_HIT);
		for (round = 0; round < 3; round++)
			for (i = 0; i < limit; i++)
				step(task, probe[i]);
		CHECK(counter(UPROBE_COUNT_HIT) - hits == 3 * limit);
		CHECK(task->utask->slot_cache->nr == limit);
		check_cache(task->utask->slot_cache);
	}
	teardown();
}

/* What is hit all the time stays, whatever comes by. */
static void p1_used_entry_stays(void)
{
	unsigned int i, n = 0, round;
	u64 hits;

	setup(16);
	uprobe_slot_knobs.cache_limit = 8;
	for (round = 0; round < 20; round++) {
		for (i = 1; i < 60; i++) {
			hits = counter(UPROBE_COUNT_HIT);
			step(task, probe[0]);
			n += counter(UPROBE_COUNT_HIT) - hits;
			step(task, probe[i]);
		}
	}
	CHECK(n > 19 * 60);
	teardown();
}

static void p1_hits_are_the_tasks(void)
{
	setup(2);
	step(task, probe[0]);
	CHECK(counter(UPROBE_COUNT_MISS + UPROBE_MISS_FILLED) == 1);
	step(other, probe[0]);
	CHECK(counter(UPROBE_COUNT_MISS + UPROBE_MISS_SHARED) == 1);
	CHECK(counter(UPROBE_COUNT_WRITE) == 1);
	step(other, probe[0]);
	CHECK(counter(UPROBE_COUNT_HIT) == 1);
	CHECK(other->utask->slot_cache->tally.hits == 1);
	CHECK(other->utask->slot_cache->tally.misses == 1);
	CHECK(unit_events.flush_avoided == 2);
	teardown();
}

/* ---------------------------------------------------------------- P2 ---- */

static void p2_off(void)
{
	setup(2);
	uprobe_slots_set_enabled(false);
	step(task, probe[0]);
	CHECK(!proc->root.area && !task->utask->slot_cache);
	CHECK(!counter_misses() && !counter(UPROBE_COUNT_HIT));
	CHECK(counter(UPROBE_COUNT_WRITE) == 1);
	teardown();
}

static void p2_limit_0(void)
{
	setup(2);
	uprobe_slot_knobs.cache_limit = 0;
	CHECK(!step_begin(task, probe[0]));
	CHECK(!in_shared(task));
	step_check(task, probe[0]);
	CHECK(gauges().transient == 1);
	step_end(task);
	CHECK(!proc->root.area);
	CHECK(counter(UPROBE_COUNT_MISS + UPROBE_MISS_LIMIT) == 1);
	teardown();
}

static void count_store(const volatile void *to)
{
	if (!within(to, unit_percpu[unit_me->cpu], sizeof(unit_percpu[0])))
		bad_stores++;
}

/* A miss for which nothing is to be had reads, and that is all. */
static void p2_full(void)
{
	struct uprobe **u;
	struct unit_ctx was;
	int miss;

	setup(2);
	u = fill_area(task);
	step(task, probe[0]);			/* kicks reclaim */
	CHECK(unit_work_pending());
	be(task);
	was = *unit_me;
	unit_me->on_store = count_store;
	miss = uprobe_slot_begin(task->utask, &probe[1]->slot_key, &task->regs,
				 &proc->root);
	unit_me->on_store = NULL;
	CHECK(miss == UPROBE_MISS_FULL && !bad_stores);
	CHECK(unit_me->nr_locks == was.nr_locks);
	CHECK(unit_me->nr_rmws == was.nr_rmws);
	CHECK(unit_me->nr_allocs == was.nr_allocs);
	step(task, probe[1]);
	CHECK(counter(UPROBE_COUNT_MISS + UPROBE_MISS_FULL) == 2);
	/* What is there still serves. */
	CHECK(!step_begin(task, u[0]) && in_shared(task));
	step_end(task);
	free_probes(u);
	teardown();
}

static void p2_unshareable(void)
{
	struct uprobe *u;

	setup(2);
	u = probe_make("\x0f\x05", 2, 0, false);
	CHECK(!u->slot_key.len);
	CHECK(!step_begin(task, u) && !in_shared(task));
	step_check(task, u);
	step_end(task);
	CHECK(counter(UPROBE_COUNT_MISS + UPROBE_MISS_UNSHAREABLE) == 1);
	probe_free(u);
	teardown();
}

static void p2_single_page(void)
{
	setup(2);
	uprobe_slot_knobs.area_pages = 1;
	step(task, probe[0]);
	CHECK(counter(UPROBE_COUNT_MISS + UPROBE_MISS_SINGLE_PAGE) == 1);
	uprobe_slot_knobs.area_pages = 2;
	teardown();

	/* Where no more was mapped, there is not even an area. */
	proc = process_new(1, 2);
	task = task_new(proc);
	probe[0] = probe_new(0);
	step(task, probe[0]);
	CHECK(!proc->root.area && !task->utask->slot_cache);
	CHECK(counter(UPROBE_COUNT_MISS + UPROBE_MISS_SINGLE_PAGE) == 2);
	task_exit(task);
	process_free(proc);
	probe_free(probe[0]);
	check_nothing_left();
}

/* ---------------------------------------------------------------- P3 ---- */

/* x86: a rewritten %rip and a plain %rsi, of equal bytes. */
static void equal_bytes(void)
{
	struct uprobe *plain, *rip;
	unsigned long vaddr;

	setup(2);
	plain = probe_make("\x89\x86\x10\x00\x00\x00", 6, 0, true);
	rip = probe_make("\x89\x86\x10\x00\x00\x00", 6, 4, true);
	CHECK(!step_begin(task, plain));
	vaddr = task->utask->xol_vaddr;
	CHECK(!step_begin(other, rip));
	CHECK(other->utask->xol_vaddr != vaddr);
	step_check(task, plain);
	step_check(other, rip);
	step_end(task);
	step_end(other);
	step(other, plain);
	CHECK(counter(UPROBE_COUNT_WRITE) == 2);
	probe_free(plain);
	probe_free(rip);
	teardown();
}

static void p3_shared_by_key(void)
{
	equal_bytes();
}

static void p3_shared_by_key_and_hash(void)
{
	unit_hash_mask = 0;
	equal_bytes();
}

/* All hashes are equal: only the comparison of keys tells them apart. */
static void p3_equal_hashes(void)
{
	unsigned int i, round;

	unit_hash_mask = 0;
	setup(16);
	uprobe_slot_knobs.cache_limit = 16;
	for (round = 0; round < 3; round++)
		for (i = 0; i < 24; i++)
			step(task, probe[i]);
	CHECK(counter(UPROBE_COUNT_WRITE) == 24);
	check_cache(task->utask->slot_cache);
	teardown();
}

/* The key leaves out what is behind the instruction and what changes. */
static void p3_key_is_exact(void)
{
	struct uprobe *a, *b;

	setup(2);
	a = probe_make("\xc3\x11", 1, 0, true);
	b = probe_make("\xc3\x22", 1, 0, true);
	memset(b->arch.ixol + 1, 0x77, 15);
	memset(&b->slot_key, 0xff, sizeof(b->slot_key));
	uprobe_slot_key_init(&b->slot_key, &b->arch, NULL);
	CHECK(!memcmp(&a->slot_key.arch, &b->slot_key.arch, sizeof(a->arch)));
	CHECK(a->slot_key.hash == b->slot_key.hash && a->slot_key.len == 1);
	step(task, a);
	step(other, b);
	CHECK(counter(UPROBE_COUNT_WRITE) == 1);
	probe_free(a);
	probe_free(b);
	teardown();
}

static void p3_pages_trap(void)
{
	unsigned int i;
	u8 *mem;

	setup(2);
	step(task, probe[0]);
	mem = proc->root.area->page[0].page->mem;
	for (i = probe[0]->arch.ilen; i < PAGE_SIZE; i++)
		CHECK(mem[i] == UPROBE_SWBP_INSN);
	CHECK(proc->root.area->page[0].vaddr == AREA_VADDR + PAGE_SIZE);
	teardown();
}

/*
 * Who sees LIVE sees all of it; and the one who fills has its hazard on the slot
 * before anybody could take it away.
 */
static struct uprobe *being_filled;
static unsigned int seen_live;

static void look_at_live(const volatile void *to)
{
	struct uprobe_slot *s = &proc->root.area->page[0].slot[0];
	u8 *mem = proc->root.area->page[0].page->mem;

	if (to != &s->state || s->state != SLOT_FREE)
		return;
	seen_live++;
	CHECK(!memcmp(mem, being_filled->arch.ixol, being_filled->arch.ilen));
	CHECK(slot_is_of(s, being_filled));
	CHECK(current->utask->slot_cache->step == s->idx + 1U);
}

static void p3_live_is_complete(void)
{
	setup(2);
	step(other, probe[0]);
	drain();
	CHECK(proc->root.area->nr_free == UPROBE_PAGE_SLOTS);

	being_filled = probe[5];
	unit_me->on_store = look_at_live;
	step(task, probe[5]);
	unit_me->on_store = NULL;
	CHECK(seen_live == 1);
	teardown();
}

/* An entry whose slot was given away is a miss, never a wrong instruction. */
static void p3_stale_entry(void)
{
	struct uprobe_slot_cache *cache;
	unsigned int round;

	unit_hash_mask = 0x00000fff;	/* home and tag tell nothing */
	setup(2);
	for (round = 0; round < 10; round++) {
		step(task, probe[round]);
		drain();
		step(other, probe[round + 20]);
		step(task, probe[round]);
		CHECK(counter(UPROBE_COUNT_WRITE) == 3 * (round + 1));
		drain();
	}
	cache = task->utask->slot_cache;
	check_cache(cache);
	teardown();
}

/* The same key, reclaimed and filled again elsewhere, takes its old entry's place. */
static void p3_stale_entry_is_replaced(void)
{
	unsigned int i;

	setup(2);
	for (i = 0; i < 20; i++) {
		if (i % 2)
			step(other, probe[1]);	/* has the first slot */
		step(task, probe[0]);
		CHECK(task->utask->slot_cache->nr == 1);
		check_cache(task->utask->slot_cache);
		drain();
	}
	teardown();
}

/* And where it is the same slot again, the entry that names it already serves. */
static void p7_one_entry_a_slot(void)
{
	unsigned int i;

	setup(2);
	for (i = 0; i < 20; i++) {
		step(task, probe[0]);
		CHECK(task->utask->slot_cache->nr == 1);
		drain();
	}
	teardown();
}

static void p3_busy_slot_stays(void)
{
	unsigned int i;

	setup(2);
	uprobe_slot_knobs.cache_limit = 1;
	CHECK(!step_begin(other, probe[0]));
	CHECK(in_shared(other));
	cache_trim(other->utask->slot_cache, 0);	/* nobody names it */
	for (i = 1; i < capacity(); i++)
		step(task, probe[i]);
	/* Round after round somebody else's instruction wants its slot. */
	for (i = 0; i < 20; i++) {
		step(task, probe[capacity() + i]);
		unit_pass(HZ);
		step_check(other, probe[0]);
	}
	CHECK(unit_events.reclaim[UPROBE_RECLAIM_BUSY]);
	CHECK(unit_events.reclaim[UPROBE_RECLAIM_FREED]);
	CHECK(unit_events.reclaim[UPROBE_RECLAIM_BUSY] +
	      unit_events.reclaim[UPROBE_RECLAIM_FREED] ==
	      counter(UPROBE_COUNT_RECLAIM));

	/* Back in the table: who looks for it finds it. */
	CHECK(!step_begin(task, probe[0]) && task->utask->slot == other->utask->slot);
	step_end(task);
	step_end(other);
	teardown();
}

/* In the grace period a victim is in nobody's reach; then it is decided. */
static unsigned int in_grace;

static void look_at_dying(void)
{
	struct uprobe_slot_area *area = proc->root.area;
	struct task_struct *me = current;

	in_grace++;
	CHECK(area->nr_dying);
	check_area(proc);
	/* A hit on a dying slot misses; there is no free one, so it is transient. */
	CHECK(!step_begin(task, probe[0]));
	CHECK(!in_shared(task));
	step_end(task);
	/* Who was in it before still is. */
	step_check(other, probe[1]);
	be(me);
}

static void p3_dying_is_not_entered(void)
{
	unsigned int i;

	setup(2);
	for (i = 0; i < capacity(); i++)
		step(task, probe[i]);
	CHECK(!step_begin(other, probe[1]));
	uprobe_slot_knobs.cache_limit = 1;
	unit_in_grace_period = look_at_dying;
	uprobe_slots_set_enabled(false);
	unit_run_work();
	unit_in_grace_period = NULL;
	CHECK(in_grace == 1);
	CHECK(slot_of(proc, other->utask->xol_vaddr)->state == SLOT_LIVE);
	CHECK(proc->root.area->nr_live == 1);
	uprobe_slots_set_enabled(true);
	step_check(other, probe[1]);
	step_end(other);
	teardown();
}

/* ---------------------------------------------------------------- P4 ---- */

static void p4_checker_sees(void)
{
	struct uprobe_slot_area *area;
	struct uprobe_slot *s;

	setup(3);
	step(task, probe[0]);
	area = proc->root.area;
	s = slot_at(area, 0);
	CHECK(!uprobe_slots_check());

	area->nr_free--;
	CHECK(strstr(uprobe_slots_check(), "P4"));
	area->nr_free++;
	area->nr_live++;
	CHECK(strstr(uprobe_slots_check(), "P4"));
	area->nr_live--;
	area->nr_dying++;
	CHECK(strstr(uprobe_slots_check(), "P4"));
	area->nr_dying--;
	__set_bit(0, area->free);
	CHECK(strstr(uprobe_slots_check(), "free"));
	__clear_bit(0, area->free);
	hlist_del_rcu(&s->link);
	CHECK(strstr(uprobe_slots_check(), "table"));
	hlist_add_head_rcu(&s->link, table_head(area, s->hash));
	other->utask = NULL;
	step(other, probe[0]);
	other->utask->slot_cache->step = 5 + 1;
	CHECK(strstr(uprobe_slots_check(), "P3"));
	other->utask->slot_cache->step = 0;
	CHECK(!uprobe_slots_check());
	teardown();
}

static void p4_gauges(void)
{
	struct uprobe_slot_gauges g;

	setup(3);
	step(task, probe[0]);
	step(task, probe[1]);
	uprobe_slots_gauges(&g);
	CHECK(g.areas == 1 && g.pages == 2 && g.live == 2 && !g.dying && !g.pinned);
	CHECK(g.free == UPROBE_PAGE_SLOTS - 2);
	teardown();
}

/* Free slots are handed out in address order, and pages one at a time. */
static void p4_address_order(void)
{
	unsigned int i;

	setup(4);
	for (i = 0; i < min(capacity(), PROBES); i++) {
		CHECK(!step_begin(task, probe[i]) && in_shared(task));
		CHECK(task->utask->slot->idx == i);
		CHECK(proc->root.area->nr_pages == i / UPROBE_PAGE_SLOTS + 1);
		step_end(task);
		check_area(proc);
	}
	teardown();
}

/* ---------------------------------------------------------------- P7 ---- */

static void p7_entries(void)
{
	unsigned int i, limit;

	setup(16);
	for (i = 0; i < 2000; i++) {
		limit = 1 + unit_random(UPROBE_CACHE_MAX);
		uprobe_slot_knobs.cache_limit = limit;
		step(task, probe[unit_random(PROBES)]);
		CHECK(task->utask->slot_cache->nr <= limit);
		check_cache(task->utask->slot_cache);
	}
	teardown();
}

static void p7_pages(void)
{
	unsigned int pages, i;
	struct uprobe *u;

	setup(2);
	for (pages = 2; pages <= UPROBE_AREA_PAGES; pages++) {
		uprobe_slot_knobs.area_pages = pages;
		for (i = 0; i < capacity() + 3; i++) {
			u = probe_new(5000 * pages + i);
			step(task, u);
			probe_free(u);
		}
		CHECK(proc->root.area->nr_pages == pages - 1);
		CHECK(gauges().pages == pages);
		check_area(proc);
	}
	teardown();
}

/* A task's cache and an area cost that many objects, whatever it probes. */
static void p7_objects(void)
{
	unsigned int round, i;
	long objects;

	setup(2);
	for (i = 0; i < PROBES; i++)
		step(task, probe[i]);
	objects = unit_memory.objects;
	CHECK(objects == 1 + 1 + 3);	/* area; cache; page with descriptors */
	for (round = 0; round < 50; round++) {
		for (i = 0; i < PROBES; i++)
			step(task, probe[i]);
		unit_pass(HZ / 10);
	}
	CHECK(unit_memory.objects == objects);
	step(other, probe[0]);
	CHECK(unit_memory.objects == objects + 1);
	teardown();
}

/* For every n: the n-th allocation fails, the hit does not. */
static void p7_allocation_fails(void)
{
	unsigned long n, fails = 0, calls;
	unsigned int i;

	for (n = 1; n <= 12; n++) {
		setup(4);
		unit_memory.calls = 0;
		unit_memory.fail_at = n;
		for (i = 0; i < min(2 * UPROBE_PAGE_SLOTS + 1, PROBES); i++) {
			step(task, probe[i]);
			check_area(proc);
		}
		fails += unit_memory.calls >= n;
		/* Memory was short: for a while nobody asks again. */
		calls = unit_memory.calls;
		if (n == calls) {
			step(task, probe[i - 1]);
			CHECK(unit_memory.calls == calls);
		}
		unit_pass(2 * HZ);
		step(task, probe[i - 1]);
		CHECK(!step_begin(task, probe[i - 1]) && in_shared(task));
		step_end(task);
		unit_memory.fail_at = 0;
		teardown();
	}
	CHECK(fails >= 5);
}

static void p7_nomem_is_not_retried(void)
{
	unsigned long calls;
	u64 misses;

	setup(2);
	unit_memory.fail_from = 1;
	step(task, probe[0]);
	calls = unit_memory.calls;
	misses = counter(UPROBE_COUNT_MISS + UPROBE_MISS_NOMEM);
	CHECK(calls == 1 && misses == 1);
	unit_pass(HZ - 1);
	step(task, probe[0]);
	CHECK(unit_memory.calls == calls);
	CHECK(counter(UPROBE_COUNT_MISS + UPROBE_MISS_NOMEM) == 2);
	unit_pass(1);
	step(task, probe[0]);
	CHECK(unit_memory.calls > calls);
	unit_memory.fail_from = 0;
	unit_pass(HZ);
	step(task, probe[0]);
	CHECK(proc->root.area->nr_live == 1);

	/* The same for a page. */
	teardown();
	setup(2);
	unit_memory.calls = 0;
	unit_memory.fail_from = 3;	/* area and cache are had */
	step(task, probe[0]);
	CHECK(proc->root.area && task->utask->slot_cache);
	CHECK(unit_memory.calls > 2);
	calls = unit_memory.calls;
	step(task, probe[0]);
	CHECK(unit_memory.calls == calls);
	CHECK(proc->root.area->nr_pages == 0);
	unit_memory.fail_from = 0;
	unit_pass(HZ);
	CHECK(!step_begin(task, probe[0]) && in_shared(task));
	step_end(task);
	teardown();
}

/* ---------------------------------------------------------------- P8 ---- */

static void p8_override(void)
{
	setup(2);
	task->uprobe_slot_limit = 3 + 1;
	CHECK(uprobe_slot_limit(task) == 3);
	CHECK(uprobe_slot_limit(other) == uprobe_slot_knobs.cache_limit);
	uprobe_slot_knobs.cache_limit = 0;
	CHECK(!step_begin(task, probe[0]) && in_shared(task));
	CHECK(!step_begin(other, probe[0]) && !in_shared(other));
	step_end(task);
	step_end(other);
	task->uprobe_slot_limit = 0 + 1;
	uprobe_slot_knobs.cache_limit = 8;
	CHECK(!step_begin(task, probe[0]) && !in_shared(task));
	step_end(task);
	CHECK(task->utask->slot_cache->nr == 0);	/* trimmed */
	teardown();
}

static void p8_lower_limit(void)
{
	unsigned int i;

	setup(16);
	uprobe_slot_knobs.cache_limit = 40;
	for (i = 0; i < 40; i++)
		step(task, probe[i]);
	CHECK(task->utask->slot_cache->nr == 40);
	uprobe_slot_knobs.cache_limit = 5;
	step(task, probe[0]);
	CHECK(task->utask->slot_cache->nr <= 5);
	uprobe_slot_knobs.cache_limit = 64;
	for (i = 0; i < 64; i++)
		step(task, probe[i]);
	CHECK(task->utask->slot_cache->nr == 64);
	teardown();
}

static void p8_off_in_a_step(void)
{
	struct uprobe_slot_area *area;

	setup(2);
	CHECK(!step_begin(task, probe[0]) && in_shared(task));
	area = proc->root.area;
	CHECK(!uprobe_slots_set_enabled(false));
	unit_pass(1);
	step_check(task, probe[0]);
	CHECK(!step_begin(other, probe[0]) && !in_shared(other));
	step_end(other);
	step_end(task);
	/* Later than the busy one was seen: drained by a round of its own. */
	CHECK(area->nr_live == 1);
	unit_pass(2 * HZ);
	CHECK(!area->nr_live && area->nr_free == UPROBE_PAGE_SLOTS);
	CHECK(!unit_work_pending());
	/* And the operator's decision makes no events. */
	CHECK(!counter(UPROBE_COUNT_RECLAIM));
	CHECK(!uprobe_slots_set_enabled(true));
	CHECK(!step_begin(task, probe[0]) && in_shared(task));
	step_end(task);
	teardown();
}

/* Off while a reclaim is in flight: it sees to the rest when it is through. */
static void turn_off(void)
{
	uprobe_slots_set_enabled(false);
}

static void p8_off_in_a_reclaim(void)
{
	struct uprobe **u;

	setup(3);
	u = fill_area(task);
	step(task, probe[0]);
	CHECK(unit_work_pending());
	unit_in_grace_period = turn_off;
	unit_run_work();
	unit_pass(0);
	unit_in_grace_period = NULL;
	unit_pass(3 * HZ);
	CHECK(proc->root.area->nr_free == capacity());
	uprobe_slots_set_enabled(true);
	free_probes(u);
	teardown();
}

/* Off while a miss is on its way to a free slot: it has to do without. */
static void off_before_lock(const volatile void *to)
{
	static unsigned int locks;

	if (to != &proc->root.area->lock)
		return;
	CHECK(locks++ < 10);
	if (locks == 1)
		uprobe_slots_set_enabled(false);
}

static void p8_off_in_a_miss(void)
{
	setup(2);
	step(task, probe[0]);
	be(task);
	unit_me->on_store = off_before_lock;
	CHECK(!step_begin(task, probe[1]));
	unit_me->on_store = NULL;
	CHECK(!in_shared(task));
	step_check(task, probe[1]);
	step_end(task);
	unit_pass(2 * HZ);
	CHECK(!proc->root.area->nr_live);
	uprobe_slots_set_enabled(true);
	teardown();
}

static void p8_one_event_a_hit(void)
{
	unsigned int i, n = 3000;

	setup(2);
	for (i = 0; i < n; i++) {
		uprobe_slot_knobs.cache_limit = unit_random(4);
		uprobe_slot_knobs.area_pages = 1 + unit_random(3);
		step(unit_random(2) ? task : other, probe[unit_random(PROBES)]);
		if (!unit_random(16))
			unit_pass(HZ / 20);
		CHECK(counter(UPROBE_COUNT_HIT) + counter_misses() == i + 1);
	}
	CHECK(unit_events.hit == counter(UPROBE_COUNT_HIT));
	CHECK(task->utask->slot_cache->tally.hits + other->utask->slot_cache->tally.hits ==
	      counter(UPROBE_COUNT_HIT));
	CHECK(unit_events.flush_avoided ==
	      unit_events.hit + unit_events.miss[UPROBE_MISS_SHARED]);
	uprobe_slot_knobs.area_pages = 3;
	teardown();
}

static void p8_lower_area_pages(void)
{
	struct uprobe **u;
	unsigned int i;

	setup(3);
	u = fill_area(task);
	uprobe_slot_knobs.area_pages = 2;
	for (i = 0; i < 2 * UPROBE_PAGE_SLOTS; i++) {
		CHECK(!step_begin(task, u[i]) && in_shared(task));
		step_end(task);
	}
	CHECK(!step_begin(task, probe[0]) && !in_shared(task));
	step_end(task);
	uprobe_slot_knobs.area_pages = 1;
	CHECK(!step_begin(task, u[0]) && in_shared(task));
	step_end(task);
	uprobe_slot_knobs.area_pages = 4;
	CHECK(!step_begin(task, probe[0]) && in_shared(task));
	step_end(task);
	uprobe_slot_knobs.area_pages = 3;
	free_probes(u);
	teardown();
}

static void p8_no_workqueue(void)
{
	setup(2);
	unit_no_workqueue = true;
	/* It warns, as it should: that is not what is tested here. */
	CHECK(uprobe_slots_set_enabled(true) == 0);
	unit_no_workqueue = false;
	teardown();
}

static unsigned int walked;

static void walk_one(struct uprobe_slot_task *t, void *data)
{
	walked++;
	CHECK(data == &walked);
	CHECK(t->task == task || t->task == other);
	CHECK(t->entries == (t->task == task ? 2 : 1));
	CHECK(t->hits == (t->task == task ? 1 : 0));
	CHECK(t->misses == (t->task == task ? 2 : 1));
}

static void p8_walk(void)
{
	setup(2);
	step(task, probe[0]);
	step(task, probe[1]);
	step(task, probe[1]);
	step(other, probe[1]);
	uprobe_slots_walk_tasks(walk_one, &walked);
	CHECK(walked == 2);
	teardown();
}

const struct unit_case promise_cases[] = {
	{ "P1 a cached hit takes no lock and writes nothing shared", p1_writes_nothing_shared },
	{ "P1 a working set within the limit never misses", p1_working_set },
	{ "P1 an entry that is used stays", p1_used_entry_stays },
	{ "P1 hits are the task's own, other finds are shared", p1_hits_are_the_tasks },
	{ "P2 off is stock's path", p2_off },
	{ "P2 limit 0 is stock's path", p2_limit_0 },
	{ "P2 a miss in a full area only reads", p2_full },
	{ "P2 an unshareable instruction is served", p2_unshareable },
	{ "P2 a single page is served", p2_single_page },
	{ "P3 equal bytes with other fix-ups have another slot", p3_shared_by_key },
	{ "P3 and so where the hashes are equal", p3_shared_by_key_and_hash },
	{ "P3 equal hashes with other keys have another slot", p3_equal_hashes },
	{ "P3 the key is exact", p3_key_is_exact },
	{ "P3 behind an instruction it traps", p3_pages_trap },
	{ "P3 a slot goes LIVE when all of it is there", p3_live_is_complete },
	{ "P3 a stale entry is a miss", p3_stale_entry },
	{ "P3 a stale entry is replaced", p3_stale_entry_is_replaced },
	{ "P3 a busy slot keeps its content and comes back", p3_busy_slot_stays },
	{ "P3 a DYING slot is not entered", p3_dying_is_not_entered },
	{ "P4 the checker sees what is wrong", p4_checker_sees },
	{ "P4 the gauges are the sums", p4_gauges },
	{ "P4 slots are given out in address order", p4_address_order },
	{ "P7 a slot has one entry", p7_one_entry_a_slot },
	{ "P7 a cache has no more entries than its limit", p7_entries },
	{ "P7 an area has no more pages than the knob says", p7_pages },
	{ "P7 objects do not get more", p7_objects },
	{ "P7 every allocation may fail", p7_allocation_fails },
	{ "P7 short memory is not asked for again at once", p7_nomem_is_not_retried },
	{ "P8 an override beats cache_limit", p8_override },
	{ "P8 a lower limit trims", p8_lower_limit },
	{ "P8 off in mid-step: the step ends, then all drains", p8_off_in_a_step },
	{ "P8 off during a reclaim drains all the same", p8_off_in_a_reclaim },
	{ "P8 off in a miss fills nothing", p8_off_in_a_miss },
	{ "P8 each execution is one hit or one miss", p8_one_event_a_hit },
	{ "P8 a lower area_pages stops growth only", p8_lower_area_pages },
	{ "P8 without a workqueue", p8_no_workqueue },
	{ "P8 the tasks are walked", p8_walk },
	{ }
};
