// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of uprobe slots, one promise a case: P1 to P9 of
 * Documentation/trace/uprobe-slots-design.rst. Here the cases of one thread; those
 * with several, or with signals, are in uprobe_slots_kunit_tasks.c.
 */
#include <linux/prandom.h>

#include "uprobe_slots_kunit.h"

static struct uprobe_slot_area *area_of(struct ust_test *t)
{
	return t->process[0].root.area;
}

/* ---------------------------------------------------------------- P1 ---- */

/* What threads share, as it is now; for p1_writes_nothing_shared(). */
struct snapshot {
	struct uprobe_slot_area	area;
	struct uprobe_slot	slot[UPROBE_PAGE_SLOTS];
	u8			code[PAGE_SIZE];
};

static void snapshot(struct snapshot *to, struct ust_test *t)
{
	struct uprobe_slot_area *area = area_of(t);

	memcpy(&to->area, area, sizeof(to->area));
	memcpy(to->slot, area->page[0].slot, sizeof(to->slot));
	memcpy(to->code, page_address(area->page[0].page), sizeof(to->code));
}

static void p1_writes_nothing_shared(struct kunit *test)
{
	struct snapshot *was = kvmalloc_array(2, sizeof(*was), GFP_KERNEL);
	struct ust_test *t = test->priv;
	struct ust_probe before;

	KUNIT_ASSERT_NOT_NULL(test, was);
	UST_STEP(t, &t->task[0], ust_probe(t, 0));
	/* The second time, reclaim's clock is told that the slot is in use. */
	UST_STEP(t, &t->task[0], ust_probe(t, 0));
	before = *ust_probe(t, 0);
	snapshot(&was[0], t);
	UST_STEP(t, &t->task[0], ust_probe(t, 0));
	snapshot(&was[1], t);

	KUNIT_EXPECT_MEMEQ(test, &was[0].area, &was[1].area, sizeof(was->area));
	KUNIT_EXPECT_MEMEQ(test, &was[0].slot, &was[1].slot, sizeof(was->slot));
	KUNIT_EXPECT_MEMEQ(test, &was[0].code, &was[1].code, sizeof(was->code));
	KUNIT_EXPECT_MEMEQ(test, &before, ust_probe(t, 0), sizeof(before));
	KUNIT_EXPECT_EQ(test, 2, ust_counted(t, UPROBE_COUNT_HIT));
	KUNIT_EXPECT_EQ(test, 1, ust_counted(t, UPROBE_COUNT_WRITE));
	kvfree(was);
}

static void p1_working_set_never_misses(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_task *task = &t->task[0];
	unsigned int limit, round, i;
	u64 hits;

	for (limit = 1; limit <= UPROBE_CACHE_MAX; limit++) {
		uprobe_slot_knobs.cache_limit = limit;
		for (i = 0; i < limit; i++)
			UST_STEP(t, task, ust_probe(t, i));
		hits = ust_counted(t, UPROBE_COUNT_HIT);
		for (round = 0; round < 3; round++)
			for (i = 0; i < limit; i++)
				UST_STEP(t, task, ust_probe(t, i));
		KUNIT_EXPECT_EQ(test, 3 * limit, ust_counted(t, UPROBE_COUNT_HIT) - hits);
		KUNIT_EXPECT_EQ(test, limit, task->utask.slot_cache->nr);
		UST_EXPECT_FINE(test, ust_check_cache(task->utask.slot_cache));
	}
}

/* What is hit all the time stays, whatever else comes by. */
static void p1_used_entry_stays(struct kunit *test)
{
	unsigned int round, i, n = 0;
	struct ust_test *t = test->priv;
	u64 hits;

	for (round = 0; round < 10; round++) {
		for (i = 1; i < 60; i++) {
			hits = ust_counted(t, UPROBE_COUNT_HIT);
			UST_STEP(t, &t->task[0], ust_probe(t, 0));
			n += ust_counted(t, UPROBE_COUNT_HIT) - hits;
			UST_STEP(t, &t->task[0], ust_probe(t, i));
		}
	}
	/* All but the first, and a few that the clock took by mistake. */
	KUNIT_EXPECT_GT(test, n, 10 * 59 - 20);
}

/* One task's slot serves the others, and is written once. */
static void p1_slots_are_shared(struct kunit *test)
{
	struct ust_test *t = test->priv;

	UST_STEP(t, &t->task[0], ust_probe(t, 0));
	KUNIT_EXPECT_EQ(test, 1, ust_missed(t, UPROBE_MISS_FILLED));
	UST_STEP(t, &t->task[1], ust_probe(t, 0));
	KUNIT_EXPECT_EQ(test, 1, ust_missed(t, UPROBE_MISS_SHARED));
	UST_STEP(t, &t->task[1], ust_probe(t, 0));
	KUNIT_EXPECT_EQ(test, 1, ust_counted(t, UPROBE_COUNT_HIT));
	KUNIT_EXPECT_EQ(test, 1, ust_counted(t, UPROBE_COUNT_WRITE));
	KUNIT_EXPECT_EQ(test, 0, t->task[0].utask.slot_cache->tally.hits);
	KUNIT_EXPECT_EQ(test, 1, t->task[1].utask.slot_cache->tally.hits);
	KUNIT_EXPECT_EQ(test, 1, t->task[1].utask.slot_cache->tally.misses);
}

/* ---------------------------------------------------------------- P2 ---- */

static void p2_off_is_stocks_path(struct kunit *test)
{
	struct ust_test *t = test->priv;

	uprobe_slots_set_enabled(false);
	UST_STEP_IN(t, &t->task[0], ust_probe(t, 0), false);
	KUNIT_EXPECT_NULL(test, area_of(t));
	KUNIT_EXPECT_NULL(test, t->task[0].utask.slot_cache);
	KUNIT_EXPECT_EQ(test, 0, ust_misses(t) + ust_counted(t, UPROBE_COUNT_HIT));
	KUNIT_EXPECT_EQ(test, 1, ust_counted(t, UPROBE_COUNT_WRITE));
}

static void p2_limit_0_is_stocks_path(struct kunit *test)
{
	struct ust_test *t = test->priv;

	uprobe_slot_knobs.cache_limit = 0;
	UST_STEP_IN(t, &t->task[0], ust_probe(t, 0), false);
	KUNIT_EXPECT_NULL(test, area_of(t));
	KUNIT_EXPECT_EQ(test, 1, ust_missed(t, UPROBE_MISS_LIMIT));
}

/* Somebody else sees to it, so a miss in a full area reads, and that is all. */
static void p2_full_only_reads(struct kunit *test)
{
	struct snapshot *was = kvmalloc_array(2, sizeof(*was), GFP_KERNEL);
	struct ust_test *t = test->priv;

	KUNIT_ASSERT_NOT_NULL(test, was);
	ust_fill_area(t, &t->task[0]);
	WRITE_ONCE(area_of(t)->reclaiming, 1);
	snapshot(&was[0], t);
	UST_STEP_IN(t, &t->task[0], ust_probe(t, ust_capacity()), false);
	snapshot(&was[1], t);
	WRITE_ONCE(area_of(t)->reclaiming, 0);

	KUNIT_EXPECT_MEMEQ(test, &was[0].area, &was[1].area, sizeof(was->area));
	KUNIT_EXPECT_MEMEQ(test, &was[0].slot, &was[1].slot, sizeof(was->slot));
	KUNIT_EXPECT_MEMEQ(test, &was[0].code, &was[1].code, sizeof(was->code));
	KUNIT_EXPECT_EQ(test, 1, ust_missed(t, UPROBE_MISS_FULL));
	/* What is there serves. */
	UST_STEP_IN(t, &t->task[1], ust_probe(t, 0), true);
	kvfree(was);
}

static void p2_unshareable_is_served(struct kunit *test)
{
	struct ust_test *t = test->priv;
	u8 code[UST_CODE_MAX] = { };
	struct ust_probe p;

	ust_insn_unshareable(code);
	ust_probe_code(test, &p, code, sizeof(code), UST_TEXT);
	KUNIT_EXPECT_EQ(test, 0, p.key.len);
	KUNIT_EXPECT_EQ(test, UPROBE_MISS_UNSHAREABLE,
			uprobe_slot_begin(&t->task[0].utask, &p.key, &t->task[0].regs,
					  &t->process[0].root));
	KUNIT_EXPECT_NULL(test, area_of(t));
}

static void p2_single_page_is_served(struct kunit *test)
{
	struct ust_test *t = test->priv;

	/* By the knob, */
	uprobe_slot_knobs.area_pages = 1;
	UST_STEP_IN(t, &t->task[0], ust_probe(t, 0), false);
	KUNIT_EXPECT_EQ(test, 1, ust_missed(t, UPROBE_MISS_SINGLE_PAGE));

	/* and where no more fitted there is not even an area. */
	uprobe_slot_knobs.area_pages = 2;
	ust_process_init(&t->process[1], 1);
	t->task[4].process = &t->process[1];
	UST_STEP_IN(t, &t->task[4], ust_probe(t, 0), false);
	KUNIT_EXPECT_EQ(test, 2, ust_missed(t, UPROBE_MISS_SINGLE_PAGE));
	KUNIT_EXPECT_NULL(test, t->process[1].root.area);
	KUNIT_EXPECT_NULL(test, t->task[4].utask.slot_cache);
}

/* ---------------------------------------------------------------- P3 ---- */

/*
 * x86 rewrites mov %eax,0x10(%rip) into the very bytes of mov %eax,0x10(%rsi), with
 * other fix-ups.
 */
static void p3_equal_bytes_other_fixups(struct kunit *test)
{
#ifdef CONFIG_X86_64
	static const u8 rip_code[] = { 0x89, 0x05, 0x10, 0, 0, 0 };
	static const u8 rsi_code[] = { 0x89, 0x86, 0x10, 0, 0, 0 };
	struct ust_test *t = test->priv;
	struct ust_probe rip, rsi;

	ust_probe_code(test, &rip, rip_code, sizeof(rip_code), UST_TEXT);
	ust_probe_code(test, &rsi, rsi_code, sizeof(rsi_code), UST_TEXT + 16);
	KUNIT_EXPECT_MEMEQ(test, rip.arch.ixol, rsi.arch.ixol, sizeof(rsi_code));
	KUNIT_EXPECT_MEMNEQ(test, &rip.key.arch, &rsi.key.arch, sizeof(rip.key.arch));

	KUNIT_EXPECT_EQ(test, 0, ust_begin(&t->task[0], &rip));
	KUNIT_EXPECT_EQ(test, 0, ust_begin(&t->task[1], &rsi));
	KUNIT_EXPECT_PTR_NE(test, t->task[0].utask.slot, t->task[1].utask.slot);
	UST_EXPECT_FINE(test, ust_fault(&t->task[0], &rip));
	UST_EXPECT_FINE(test, ust_fault(&t->task[1], &rsi));
	KUNIT_EXPECT_EQ(test, rip.vaddr + sizeof(rip_code), t->task[0].regs.si);
	KUNIT_EXPECT_EQ(test, 0, t->task[1].regs.si);
	ust_end(&t->task[0]);
	ust_end(&t->task[1]);

	/* Nor if their hashes were equal by chance. */
	rsi.key.hash = rip.key.hash;
	UST_STEP(t, &t->task[2], &rsi);
	UST_STEP(t, &t->task[2], &rip);
	UST_STEP(t, &t->task[2], &rsi);
#else
	kunit_skip(test, "the arch rewrites nothing");
#endif
}

/* All hashes are equal: only the comparison of keys tells them apart. */
static void p3_equal_hashes(struct kunit *test)
{
	struct ust_test *t = test->priv;
	unsigned int i, round;

	uprobe_slot_knobs.cache_limit = 16;
	for (i = 0; i < 24; i++)
		ust_probe(t, i)->key.hash = 0x12345678;
	for (round = 0; round < 3; round++)
		for (i = 0; i < 24; i++)
			UST_STEP(t, &t->task[round], ust_probe(t, i));
	KUNIT_EXPECT_EQ(test, 24, ust_counted(t, UPROBE_COUNT_WRITE));
	UST_EXPECT_FINE(test, ust_check_cache(t->task[0].utask.slot_cache));
}

/* Neither what is behind the instruction nor where it lies is in the key. */
static void p3_key_is_exact(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_probe a, b;
	u8 code[UST_CODE_MAX];
	unsigned int len;

	memset(code, 0x11, sizeof(code));
	len = ust_insn(code, 5);
	ust_probe_code(test, &a, code, sizeof(code), UST_TEXT);
	memset(code, 0x77, sizeof(code));
	ust_insn(code, 5);
	ust_probe_code(test, &b, code, sizeof(code), UST_TEXT + 0x40);
	KUNIT_EXPECT_EQ(test, len, a.key.len);
	KUNIT_EXPECT_MEMEQ(test, &a.key, &b.key, sizeof(a.key));
	UST_STEP(t, &t->task[0], &a);
	UST_STEP(t, &t->task[1], &b);
	KUNIT_EXPECT_EQ(test, 1, ust_counted(t, UPROBE_COUNT_WRITE));
}

static void p3_all_but_instructions_traps(struct kunit *test)
{
	uprobe_opcode_t swbp = UPROBE_SWBP_INSN;
	struct ust_test *t = test->priv;
	unsigned int i, len;
	const u8 *code;

	UST_STEP(t, &t->task[0], ust_probe(t, 0));
	code = page_address(area_of(t)->page[0].page);
	len = ust_probe(t, 0)->key.len;
	KUNIT_EXPECT_MEMEQ(test, code, (u8 *)&ust_probe(t, 0)->arch.ixol, len);
	for (i = len; i < PAGE_SIZE; i += sizeof(swbp))
		KUNIT_ASSERT_MEMEQ(test, code + i, (u8 *)&swbp, sizeof(swbp));
	KUNIT_EXPECT_EQ(test, UST_AREA + PAGE_SIZE, area_of(t)->page[0].vaddr);
}

/* An entry whose slot was given away is a miss, never a wrong instruction. */
static void p3_stale_entry_is_a_miss(struct kunit *test)
{
	struct ust_test *t = test->priv;
	unsigned int round, i;

	/* Home and tag of an entry tell nothing. */
	for (i = 0; i < 30; i++)
		ust_probe(t, i)->key.hash = i;
	for (round = 0; round < 6; round++) {
		UST_STEP_IN(t, &t->task[0], ust_probe(t, round), true);
		ust_drain(&t->process[0]);
		UST_STEP_IN(t, &t->task[1], ust_probe(t, round + 20), true);
		UST_STEP_IN(t, &t->task[0], ust_probe(t, round), true);
		KUNIT_EXPECT_EQ(test, 3 * (round + 1), ust_counted(t, UPROBE_COUNT_WRITE));
		ust_drain(&t->process[0]);
	}
	KUNIT_EXPECT_EQ(test, 0, ust_counted(t, UPROBE_COUNT_HIT));
	UST_EXPECT_FINE(test, ust_check_cache(t->task[0].utask.slot_cache));
}

/* Round after round, somebody else's instruction wants the slot of task 1. */
static void p3_busy_slot_stays(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct uprobe_slot_cache *cache;
	struct uprobe_slot *s;
	unsigned int i, n;

	uprobe_slot_knobs.cache_limit = 1;
	KUNIT_ASSERT_EQ(test, 0, ust_begin(&t->task[1], ust_probe(t, 0)));
	s = t->task[1].utask.slot;
	KUNIT_ASSERT_NOT_NULL(test, s);
	/* Nobody's cache names it, and the hazard alone has to do. */
	cache_trim(t->task[1].utask.slot_cache, 0);
	WRITE_ONCE(s->ref, 0);
	n = ust_capacity();
	for (i = 1; i < 3 * n; i++) {
		UST_STEP(t, &t->task[0], ust_probe(t, i));
		if (!READ_ONCE(area_of(t)->nr_free))
			ust_reclaim(&t->process[0]);
		if (s->state != SLOT_LIVE)
			break;
	}
	KUNIT_EXPECT_EQ(test, SLOT_LIVE, s->state);
	UST_EXPECT_FINE(test, ust_fault(&t->task[1], ust_probe(t, 0)));
	KUNIT_EXPECT_GT(test, ust_counted(t, UPROBE_COUNT_RECLAIM), n);

	/* In the table again: who looks for it finds it. */
	cache = t->task[1].utask.slot_cache;
	KUNIT_EXPECT_EQ(test, 0, ust_begin(&t->task[2], ust_probe(t, 0)));
	KUNIT_EXPECT_EQ(test, cache->step, t->task[2].utask.slot_cache->step);
	ust_end(&t->task[2]);
	ust_end(&t->task[1]);
	ust_drain(&t->process[0]);
	KUNIT_EXPECT_EQ(test, SLOT_FREE, s->state);
}

/* ---------------------------------------------------------------- P4 ---- */

static void p4_gauges_are_the_sums(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct uprobe_slot_gauges g, *old = &t->old.gauges;

	uprobe_slot_knobs.area_pages = 3;
	UST_STEP(t, &t->task[0], ust_probe(t, 0));
	KUNIT_EXPECT_EQ(test, 0, ust_begin(&t->task[1], ust_probe(t, 1)));
	uprobe_slots_gauges(&g);
	KUNIT_EXPECT_EQ(test, old->areas + 1, g.areas);
	KUNIT_EXPECT_EQ(test, old->pages + 2, g.pages);
	KUNIT_EXPECT_EQ(test, old->live + 2, g.live);
	KUNIT_EXPECT_EQ(test, old->free + UPROBE_PAGE_SLOTS - 2, g.free);
	KUNIT_EXPECT_EQ(test, old->dying, g.dying);
	KUNIT_EXPECT_EQ(test, old->pinned, g.pinned);
	UST_EXPECT_FINE(test, ust_check(t));
	ust_end(&t->task[1]);
}

/* The transient slots that are taken are those in page 0's bitmap. */
static void p4_transient_slots_are_counted(struct kunit *test)
{
	struct ust_test *t = test->priv;

	uprobe_slot_knobs.cache_limit = 0;
	KUNIT_EXPECT_EQ(test, 0, ust_begin(&t->task[0], ust_probe(t, 0)));
	KUNIT_EXPECT_EQ(test, 0, ust_begin(&t->task[1], ust_probe(t, 1)));
	KUNIT_EXPECT_EQ(test, 2, ust_transient(t));
	UST_EXPECT_FINE(test, ust_check(t));
	UST_EXPECT_FINE(test, ust_fault(&t->task[0], ust_probe(t, 0)));
	ust_end(&t->task[0]);
	KUNIT_EXPECT_EQ(test, 1, ust_transient(t));
	ust_end(&t->task[1]);
	KUNIT_EXPECT_EQ(test, 0, ust_transient(t));
}

/* A checker that cannot fail is none. */
static void p4_checker_sees(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct uprobe_slot_area *area;
	struct uprobe_slot *s;

	UST_STEP(t, &t->task[0], ust_probe(t, 0));
	UST_STEP(t, &t->task[1], ust_probe(t, 0));
	area = area_of(t);
	s = slot_at(area, 0);
	KUNIT_EXPECT_NULL(test, uprobe_slots_check());
	area->nr_free--;
	KUNIT_EXPECT_NOT_NULL(test, uprobe_slots_check());
	area->nr_free++;
	area->nr_live++;
	KUNIT_EXPECT_NOT_NULL(test, uprobe_slots_check());
	area->nr_live--;
	area->nr_dying++;
	KUNIT_EXPECT_NOT_NULL(test, uprobe_slots_check());
	area->nr_dying--;
	area->nr_pinned++;
	KUNIT_EXPECT_NOT_NULL(test, uprobe_slots_check());
	area->nr_pinned--;
	__set_bit(0, area->free);
	KUNIT_EXPECT_NOT_NULL(test, uprobe_slots_check());
	__clear_bit(0, area->free);
	hlist_del_rcu(&s->link);
	KUNIT_EXPECT_NOT_NULL(test, uprobe_slots_check());
	hlist_add_head_rcu(&s->link, table_head(area, s->hash));
	t->task[1].utask.slot_cache->step = 5 + 1;
	KUNIT_EXPECT_NOT_NULL(test, uprobe_slots_check());
	t->task[1].utask.slot_cache->step = 0;
	KUNIT_EXPECT_NULL(test, uprobe_slots_check());
}

/* Free slots are handed out by address, so that pages settle, one after the other. */
static void p4_address_order(struct kunit *test)
{
	struct ust_test *t = test->priv;
	unsigned int i;

	uprobe_slot_knobs.area_pages = 4;
	for (i = 0; i < 2 * UPROBE_PAGE_SLOTS + 3; i++) {
		KUNIT_ASSERT_EQ(test, 0, ust_begin(&t->task[0], ust_probe(t, i)));
		KUNIT_ASSERT_TRUE(test, ust_in_shared(&t->task[0]));
		KUNIT_ASSERT_EQ(test, i, (unsigned int)t->task[0].utask.slot->idx);
		KUNIT_ASSERT_EQ(test, i / UPROBE_PAGE_SLOTS + 1, area_of(t)->nr_pages);
		UST_EXPECT_FINE(test, ust_check(t));
		ust_end(&t->task[0]);
	}
}

/* ---------------------------------------------------------------- P7 ---- */

static void p7_entries_within_the_limit(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct rnd_state rnd;
	unsigned int i, limit;

	prandom_seed_state(&rnd, 7);
	for (i = 0; i < 2000; i++) {
		limit = 1 + prandom_u32_state(&rnd) % UPROBE_CACHE_MAX;
		uprobe_slot_knobs.cache_limit = limit;
		UST_STEP(t, &t->task[0], ust_probe(t, prandom_u32_state(&rnd) % 100));
		KUNIT_EXPECT_LE(test, t->task[0].utask.slot_cache->nr, limit);
		UST_EXPECT_FINE(test, ust_check_cache(t->task[0].utask.slot_cache));
	}
}

/* What had a key before it was reclaimed makes room for what has it now. */
static void p7_one_entry_a_slot(struct kunit *test)
{
	struct ust_test *t = test->priv;
	unsigned int i;

	for (i = 0; i < 10; i++) {
		if (i % 2)	/* has the first slot */
			UST_STEP(t, &t->task[1], ust_probe(t, 1));
		UST_STEP(t, &t->task[0], ust_probe(t, 0));
		KUNIT_EXPECT_EQ(test, 1, t->task[0].utask.slot_cache->nr);
		UST_EXPECT_FINE(test, ust_check_cache(t->task[0].utask.slot_cache));
		ust_drain(&t->process[0]);
	}
}

static void p7_pages_within_the_knob(struct kunit *test)
{
	struct ust_test *t = test->priv;
	unsigned int pages, i;

	for (pages = 2; pages <= 3; pages++) {
		uprobe_slot_knobs.area_pages = pages;
		for (i = 0; i < ust_capacity() + 3; i++)
			UST_STEP(t, &t->task[0], ust_probe(t, i));
		KUNIT_EXPECT_EQ(test, pages - 1, area_of(t)->nr_pages);
		UST_EXPECT_FINE(test, ust_check(t));
	}
}

/* Half of the area at most is pinned; beyond it the breakpoint serves, shared. */
static void p7_half_is_pinned_at_most(struct kunit *test)
{
	unsigned int i, half = UPROBE_PAGE_SLOTS / 2;
	struct ust_test *t = test->priv;

	uprobe_slot_knobs.exits = UPROBE_EXIT_JUMP;
	for (i = 0; i < half + 10; i++) {
		KUNIT_EXPECT_EQ(test, 0, ust_begin(&t->task[0], ust_probe(t, i)));
		KUNIT_EXPECT_EQ(test, i >= half, uprobe_stepping(&t->task[0].utask));
		ust_end(&t->task[0]);
	}
	KUNIT_EXPECT_EQ(test, half, area_of(t)->nr_pinned);
	KUNIT_EXPECT_EQ(test, 10, area_of(t)->nr_live);
	KUNIT_EXPECT_EQ(test, 10, ust_counted(t, UPROBE_COUNT_EXIT + UPROBE_EXIT_TRAP));

	/* Drained is what is not pinned. */
	ust_drain(&t->process[0]);
	KUNIT_EXPECT_EQ(test, half, area_of(t)->nr_pinned);
	KUNIT_EXPECT_EQ(test, 0, area_of(t)->nr_live);
}

/* Memory was short a moment ago: nobody asks for more, and all are served. */
static void p7_short_memory_is_not_asked_for(struct kunit *test)
{
	struct ust_test *t = test->priv;

	WRITE_ONCE(t->process[0].root.nomem, jiffies);
	UST_STEP_IN(t, &t->task[0], ust_probe(t, 0), false);
	KUNIT_EXPECT_NULL(test, area_of(t));
	KUNIT_EXPECT_EQ(test, 1, ust_missed(t, UPROBE_MISS_NOMEM));
	WRITE_ONCE(t->process[0].root.nomem, jiffies - HZ);
	UST_STEP_IN(t, &t->task[0], ust_probe(t, 0), true);

	/* A task that has no cache yet, and a page that is not there yet. */
	uprobe_slot_knobs.area_pages = 3;
	ust_fill_area(t, &t->task[0]);
	uprobe_slot_knobs.area_pages = 4;
	WRITE_ONCE(t->process[0].root.nomem, jiffies);
	UST_STEP_IN(t, &t->task[1], ust_probe(t, 0), false);
	KUNIT_EXPECT_NULL(test, t->task[1].utask.slot_cache);
	UST_STEP_IN(t, &t->task[0], ust_probe(t, 2 * UPROBE_PAGE_SLOTS), false);
	KUNIT_EXPECT_EQ(test, 2, area_of(t)->nr_pages);
	UST_STEP_IN(t, &t->task[0], ust_probe(t, 0), true);
}

/* ---------------------------------------------------------------- P8 ---- */

static void p8_override_beats_cache_limit(struct kunit *test)
{
	struct ust_test *t = test->priv;

	t->task[0].limit = 3 + 1;
	uprobe_slot_knobs.cache_limit = 0;
	UST_STEP_IN(t, &t->task[0], ust_probe(t, 0), true);
	UST_STEP_IN(t, &t->task[1], ust_probe(t, 0), false);
	KUNIT_EXPECT_EQ(test, 3, t->task[0].utask.slot_cache->limit);
	t->task[0].limit = 0 + 1;
	uprobe_slot_knobs.cache_limit = 8;
	UST_STEP_IN(t, &t->task[0], ust_probe(t, 0), false);
	KUNIT_EXPECT_EQ(test, 0, t->task[0].utask.slot_cache->nr);
	UST_STEP_IN(t, &t->task[1], ust_probe(t, 0), true);
}

static void p8_lower_limit_trims(struct kunit *test)
{
	struct ust_test *t = test->priv;
	unsigned int i;

	uprobe_slot_knobs.cache_limit = 40;
	for (i = 0; i < 40; i++)
		UST_STEP(t, &t->task[0], ust_probe(t, i));
	KUNIT_EXPECT_EQ(test, 40, t->task[0].utask.slot_cache->nr);
	uprobe_slot_knobs.cache_limit = 5;
	UST_STEP(t, &t->task[0], ust_probe(t, 0));
	KUNIT_EXPECT_LE(test, t->task[0].utask.slot_cache->nr, 5);
	uprobe_slot_knobs.cache_limit = UPROBE_CACHE_MAX;
	for (i = 0; i < UPROBE_CACHE_MAX; i++)
		UST_STEP(t, &t->task[0], ust_probe(t, i));
	KUNIT_EXPECT_EQ(test, UPROBE_CACHE_MAX, t->task[0].utask.slot_cache->nr);
}

static void p8_off_in_a_step(struct kunit *test)
{
	struct ust_test *t = test->priv;

	KUNIT_EXPECT_EQ(test, 0, ust_begin(&t->task[0], ust_probe(t, 0)));
	UST_STEP(t, &t->task[1], ust_probe(t, 1));
	KUNIT_EXPECT_EQ(test, 0, uprobe_slots_set_enabled(false));
	ust_reclaim(&t->process[0]);
	/* All but the one that somebody is in. */
	KUNIT_EXPECT_EQ(test, 1, area_of(t)->nr_live);
	UST_EXPECT_FINE(test, ust_fault(&t->task[0], ust_probe(t, 0)));
	UST_STEP_IN(t, &t->task[1], ust_probe(t, 0), false);
	ust_end(&t->task[0]);
	/* Nobody comes to kick it: the round saw to the next one itself. */
	ust_reclaim(&t->process[0]);
	KUNIT_EXPECT_EQ(test, 0, area_of(t)->nr_live);
	KUNIT_EXPECT_EQ(test, UPROBE_PAGE_SLOTS, area_of(t)->nr_free);
	/* The operator decided this: no events. */
	KUNIT_EXPECT_EQ(test, 0, ust_counted(t, UPROBE_COUNT_RECLAIM));
	uprobe_slots_set_enabled(true);
	UST_STEP_IN(t, &t->task[0], ust_probe(t, 0), true);
}

static void p8_lower_area_pages_stops_growth(struct kunit *test)
{
	struct ust_test *t = test->priv;
	unsigned int i;

	uprobe_slot_knobs.area_pages = 3;
	ust_fill_area(t, &t->task[0]);
	uprobe_slot_knobs.area_pages = 2;
	for (i = 0; i < 2 * UPROBE_PAGE_SLOTS; i++)
		UST_STEP_IN(t, &t->task[0], ust_probe(t, i), true);
	uprobe_slot_knobs.area_pages = 1;
	UST_STEP_IN(t, &t->task[1], ust_probe(t, 0), true);
	UST_STEP_IN(t, &t->task[0], ust_probe(t, i), false);
	KUNIT_EXPECT_EQ(test, 1, ust_missed(t, UPROBE_MISS_SINGLE_PAGE));
	uprobe_slot_knobs.area_pages = 4;
	UST_STEP_IN(t, &t->task[0], ust_probe(t, i), true);
	KUNIT_EXPECT_EQ(test, 3, area_of(t)->nr_pages);
}

/* Whatever the knobs do, each execution is one hit or one miss. */
static void p8_one_count_a_hit(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct rnd_state rnd;
	unsigned int i;

	prandom_seed_state(&rnd, 8);
	/* Often enough that two pages are full long before the end. */
	for (i = 0; i < 12 * UPROBE_PAGE_SLOTS; i++) {
		uprobe_slot_knobs.cache_limit = prandom_u32_state(&rnd) % 4;
		uprobe_slot_knobs.area_pages = 1 + prandom_u32_state(&rnd) % 3;
		UST_STEP(t, &t->task[prandom_u32_state(&rnd) % 2],
			 ust_probe(t, prandom_u32_state(&rnd) % UST_PROBES));
		if (!(i % 64) && area_of(t))
			ust_reclaim(&t->process[0]);
		KUNIT_ASSERT_EQ(test, i + 1,
				ust_counted(t, UPROBE_COUNT_HIT) + ust_misses(t));
	}
	KUNIT_EXPECT_EQ(test, ust_counted(t, UPROBE_COUNT_HIT),
			t->task[0].utask.slot_cache->tally.hits +
			t->task[1].utask.slot_cache->tally.hits);
	KUNIT_EXPECT_GT(test, ust_counted(t, UPROBE_COUNT_RECLAIM), 0);
}

/* The knob is the most; a cached slot of a kind that is forbidden now is a miss. */
static void p8_exits_at_any_time(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_task *task = &t->task[0];
	struct ust_probe *p = ust_probe(t, 0);

	uprobe_slot_knobs.exits = UPROBE_EXIT_JUMP;
	KUNIT_EXPECT_EQ(test, 0, ust_begin(task, p));
	KUNIT_EXPECT_FALSE(test, uprobe_stepping(&task->utask));
	uprobe_slot_knobs.exits = UPROBE_EXIT_TRAP;
	UST_STEP_IN(t, task, p, true);
	UST_STEP_IN(t, task, p, true);
	KUNIT_EXPECT_EQ(test, 2, ust_counted(t, UPROBE_COUNT_EXIT + UPROBE_EXIT_TRAP));
	uprobe_slot_knobs.exits = UPROBE_EXIT_STEP;
	UST_STEP_IN(t, task, p, true);
	KUNIT_EXPECT_EQ(test, 1, ust_counted(t, UPROBE_COUNT_EXIT + UPROBE_EXIT_STEP));
	KUNIT_EXPECT_EQ(test, 1, ust_counted(t, UPROBE_COUNT_HIT));
	uprobe_slot_knobs.exits = UPROBE_EXIT_JUMP;
	KUNIT_EXPECT_EQ(test, 0, ust_begin(task, p));
	KUNIT_EXPECT_EQ(test, 2, ust_counted(t, UPROBE_COUNT_EXIT + UPROBE_EXIT_JUMP));
	KUNIT_EXPECT_EQ(test, 2, ust_counted(t, UPROBE_COUNT_HIT));
	KUNIT_EXPECT_EQ(test, 1, area_of(t)->nr_pinned);
	KUNIT_EXPECT_EQ(test, 2, area_of(t)->nr_live);
}

/* Who has a limit keeps that much of its working set while others go through. */
static void p8_limit_keeps_the_working_set(struct kunit *test)
{
	struct ust_test *t = test->priv;
	unsigned int i, n, round;
	u64 hits;

	t->task[0].limit = 4 + 1;
	t->task[1].limit = 1 + 1;
	for (i = 0; i < 4; i++)
		UST_STEP(t, &t->task[0], ust_probe(t, i));
	for (n = 4, round = 0; round < 40; round++) {
		for (i = 0; i < 40; i++, n++)
			UST_STEP(t, &t->task[1], ust_probe(t, 4 + n % (UST_PROBES - 4)));
		ust_reclaim(&t->process[0]);
	}
	/* Idle all the time, and yet nobody took them. */
	hits = ust_counted(t, UPROBE_COUNT_HIT);
	for (i = 0; i < 4; i++)
		UST_STEP(t, &t->task[0], ust_probe(t, i));
	KUNIT_EXPECT_EQ(test, 4, ust_counted(t, UPROBE_COUNT_HIT) - hits);
	KUNIT_EXPECT_GT(test, ust_counted(t, UPROBE_COUNT_RECLAIM), ust_capacity());
}

/* A round takes a part, when there is need only, and not what was just used. */
static void p8_round_is_bounded(struct kunit *test)
{
	struct ust_test *t = test->priv;
	unsigned int i, nr;

	t->task[0].limit = 1 + 1;
	ust_fill_area(t, &t->task[0]);
	nr = ust_capacity();
	for (i = 0; i < 4; i++)
		UST_STEP(t, &t->task[0], ust_probe(t, i));
	UST_STEP_IN(t, &t->task[0], ust_probe(t, nr), false);
	ust_reclaim(&t->process[0]);
	KUNIT_EXPECT_EQ(test, max(nr / 8, 16), area_of(t)->nr_free);
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_EQ(test, SLOT_LIVE, slot_at(area_of(t), i)->state);
	KUNIT_EXPECT_FALSE(test, ust_reclaim(&t->process[0]));

	/* Not used any more, they go in turn. */
	for (i = 0; i < 4 * nr; i++) {
		UST_STEP(t, &t->task[0], ust_probe(t, nr + i % (UST_PROBES - nr)));
		ust_reclaim(&t->process[0]);
	}
	for (i = 0; i < 4; i++)
		KUNIT_EXPECT_FALSE(test, slot_at(area_of(t), i)->state == SLOT_LIVE &&
				   !memcmp(&slot_at(area_of(t), i)->arch,
					   &ust_probe(t, i)->key.arch,
					   sizeof(struct arch_uprobe)));
}

static unsigned int walked, entries;

static void walk_one(struct uprobe_slot_task *task, void *data)
{
	if (task->task != current)
		return;
	walked++;
	entries += task->entries;
	*(u64 *)data += task->hits + task->misses;
}

static void p8_tasks_are_walked(struct kunit *test)
{
	struct ust_test *t = test->priv;
	u64 executions = 0;

	UST_STEP(t, &t->task[0], ust_probe(t, 0));
	UST_STEP(t, &t->task[0], ust_probe(t, 1));
	UST_STEP(t, &t->task[0], ust_probe(t, 1));
	UST_STEP(t, &t->task[1], ust_probe(t, 1));
	walked = 0;
	entries = 0;
	uprobe_slots_walk_tasks(walk_one, &executions);
	KUNIT_EXPECT_EQ(test, 2, walked);
	KUNIT_EXPECT_EQ(test, 3, entries);
	KUNIT_EXPECT_EQ(test, 4, executions);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(p1_writes_nothing_shared),
	KUNIT_CASE(p1_working_set_never_misses),
	KUNIT_CASE(p1_used_entry_stays),
	KUNIT_CASE(p1_slots_are_shared),
	KUNIT_CASE(p2_off_is_stocks_path),
	KUNIT_CASE(p2_limit_0_is_stocks_path),
	KUNIT_CASE(p2_full_only_reads),
	KUNIT_CASE(p2_unshareable_is_served),
	KUNIT_CASE(p2_single_page_is_served),
	KUNIT_CASE(p3_equal_bytes_other_fixups),
	KUNIT_CASE(p3_equal_hashes),
	KUNIT_CASE(p3_key_is_exact),
	KUNIT_CASE(p3_all_but_instructions_traps),
	KUNIT_CASE(p3_stale_entry_is_a_miss),
	KUNIT_CASE(p3_busy_slot_stays),
	KUNIT_CASE(p4_gauges_are_the_sums),
	KUNIT_CASE(p4_transient_slots_are_counted),
	KUNIT_CASE(p4_checker_sees),
	KUNIT_CASE(p4_address_order),
	KUNIT_CASE(p7_entries_within_the_limit),
	KUNIT_CASE(p7_one_entry_a_slot),
	KUNIT_CASE(p7_pages_within_the_knob),
	KUNIT_CASE(p7_half_is_pinned_at_most),
	KUNIT_CASE(p7_short_memory_is_not_asked_for),
	KUNIT_CASE(p8_override_beats_cache_limit),
	KUNIT_CASE(p8_lower_limit_trims),
	KUNIT_CASE(p8_off_in_a_step),
	KUNIT_CASE(p8_lower_area_pages_stops_growth),
	KUNIT_CASE(p8_one_count_a_hit),
	KUNIT_CASE(p8_exits_at_any_time),
	KUNIT_CASE(p8_limit_keeps_the_working_set),
	KUNIT_CASE(p8_round_is_bounded),
	KUNIT_CASE(p8_tasks_are_walked),
	{ }
};

/* By this name kunit.sh of the selftests knows what there is. */
static struct kunit_suite ust_suite_uprobe_slots = {
	.name = "uprobe_slots",
	.init = ust_init,
	.exit = ust_exit,
	.test_cases = cases,
};

kunit_test_suite(ust_suite_uprobe_slots);

MODULE_DESCRIPTION("KUnit tests of uprobe slots");
MODULE_LICENSE("GPL");
