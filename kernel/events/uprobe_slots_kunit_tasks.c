// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of uprobe slots, one promise a case: those with several threads, with
 * signals, with the end of processes, and of what the arch does in a step.
 */
#include <linux/delay.h>
#include <linux/mman.h>
#include <linux/prandom.h>

#include "uprobe_slots_kunit.h"

static struct uprobe_slot_area *area_of(struct ust_test *t)
{
	return t->process[0].root.area;
}

/* Without these the window is a few instructions wide. */
static void need_delay(struct kunit *test, enum uprobe_slot_delay point, unsigned int us)
{
	if (!IS_ENABLED(CONFIG_UPROBE_SLOTS_DEBUG))
		kunit_skip(test, "needs CONFIG_UPROBE_SLOTS_DEBUG");
	uprobe_slots_set_delay(point, us);
}

static void need_cpus(struct kunit *test)
{
	if (num_online_cpus() < 2)
		kunit_skip(test, "needs two CPUs");
}

static bool has_begun(void *data)
{
	struct ust_worker *w = data;

	return smp_load_acquire(&w->begun);	/* with what it wrote */
}

static void begun(struct ust_worker *w)
{
	smp_store_release(&w->begun, true);	/* for has_begun() */
}

/* The worker's task hits its probe, and stays in the slot. */
static int hit(struct ust_worker *w)
{
	begun(w);
	return ust_begin(w->task, w->probe);
}

/* ------------------------------------------------ P1, P2: the lock ---- */

#define HOLD_US		50000

/* Holds the area's lock until told to stop, but not for ever. */
static int hold_lock(struct ust_worker *w)
{
	spinlock_t *lock = &w->t->process[0].root.area->lock;
	unsigned int us;

	spin_lock(lock);
	begun(w);
	for (us = 0; us < HOLD_US && !READ_ONCE(w->stop); us += 5)
		udelay(5);
	spin_unlock(lock);

	return us < HOLD_US;
}

/*
 * Does task 0 make a step for @p without the lock? Another CPU holds it meanwhile, for at
 * most 50 ms. A step that takes the lock outlasts that: then the answer is always no. On a
 * slow machine the time may end first without fault of the step, so callers try ten times.
 */
static bool steps_without_lock(struct ust_test *t, struct ust_probe *p)
{
	struct ust_worker *w;
	unsigned int i;
	bool held;

	for (i = 0; i < 10; i++) {
		w = ust_start(t, 0, hold_lock, NULL, NULL);
		held = ust_until(has_begun, w);
		UST_STEP(t, &t->task[0], p);
		if (ust_finish(w) && held)
			return true;
	}

	return false;
}

static void p1_hit_takes_no_lock(struct kunit *test)
{
	struct ust_test *t = test->priv;

	need_cpus(test);
	UST_STEP(t, &t->task[0], ust_probe(t, 0));
	KUNIT_EXPECT_TRUE(test, steps_without_lock(t, ust_probe(t, 0)));
	KUNIT_EXPECT_EQ(test, 0, ust_counted(t, UPROBE_COUNT_CONTENTION +
					     UPROBE_CONTENTION_LOCK));
}

static void p2_full_takes_no_lock(struct kunit *test)
{
	struct ust_test *t = test->priv;

	need_cpus(test);
	ust_fill_area(t, &t->task[0]);
	WRITE_ONCE(area_of(t)->reclaiming, 1);
	KUNIT_EXPECT_TRUE(test, steps_without_lock(t, ust_probe(t, ust_capacity())));
	WRITE_ONCE(area_of(t)->reclaiming, 0);
	KUNIT_EXPECT_EQ(test, 0, ust_counted(t, UPROBE_COUNT_CONTENTION +
					     UPROBE_CONTENTION_LOCK));
}

/* ---------------------------------------------------------------- P3 ---- */

/* Task 1's hit has seen its slot LIVE, the hazard is not published, and reclaim comes. */
static void hit_during_drain(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_worker *w;

	UST_STEP(t, &t->task[1], ust_probe(t, 0));
	uprobe_slots_set_delay(UPROBE_DELAY_HIT, 100000);
	w = ust_start(t, 0, hit, &t->task[1], ust_probe(t, 0));
	KUNIT_EXPECT_TRUE(test, ust_until(has_begun, w));
	msleep(20);
	uprobe_slots_set_enabled(false);
	ust_reclaim(&t->process[0]);
	KUNIT_EXPECT_EQ(test, 0, ust_finish(w));
	uprobe_slots_set_delay(UPROBE_DELAY_HIT, 0);
	uprobe_slots_set_enabled(true);
}

/* It has to wait for that hit, and finds the slot busy. */
static void p3_grace_period_waits_for_a_hit(struct kunit *test)
{
	struct ust_test *t = test->priv;
	unsigned int i;

	need_cpus(test);
	need_delay(test, UPROBE_DELAY_HIT, 0);
	for (i = 0; i < 5; i++) {
		hit_during_drain(test);
		if (ust_in_shared(&t->task[1]))
			break;
		/* The machine was slow: reuse was off before the hit looked. */
		ust_end(&t->task[1]);
	}

	KUNIT_ASSERT_TRUE(test, ust_in_shared(&t->task[1]));
	KUNIT_EXPECT_EQ(test, SLOT_LIVE, t->task[1].utask.slot->state);
	UST_STEP(t, &t->task[0], ust_probe(t, 1));
	UST_EXPECT_FINE(test, ust_fault(&t->task[1], ust_probe(t, 0)));
}

static bool is_dying(void *data)
{
	struct uprobe_slot_area *area = data;
	bool dying;

	spin_lock(&area->lock);
	dying = area->nr_dying;
	spin_unlock(&area->lock);

	return dying;
}

/*
 * Task 0 hits @p while a round of reclaim, which was to drain all, waits for its grace
 * period. Was that so for all of the hit? If not the machine was slow, and nothing is
 * known. Whether the slot was shared goes to @shared.
 */
static bool hit_of_dying(struct ust_test *t, struct ust_probe *p, bool *shared)
{
	bool dying;

	uprobe_slots_set_enabled(false);
	dying = ust_until(is_dying, area_of(t));
	static_branch_enable(&uprobe_slots_key);
	KUNIT_EXPECT_EQ(t->kunit, 0, ust_begin(&t->task[0], p));
	*shared = ust_in_shared(&t->task[0]);
	UST_EXPECT_FINE(t->kunit, ust_fault(&t->task[0], p));
	UST_EXPECT_FINE(t->kunit, ust_check(t));
	ust_end(&t->task[0]);

	return dying && is_dying(area_of(t));
}

/* In the grace period a victim is in nobody's reach; then it is decided. */
static void p3_dying_is_not_entered(struct kunit *test)
{
	struct ust_test *t = test->priv;
	bool shared, known;
	unsigned int i;

	need_delay(test, UPROBE_DELAY_MARK, 200000);
	for (i = 0, known = false; i < 5 && !known; i++) {
		/* Task 0 has the last one in its cache; there will be no free one. */
		ust_fill_area(t, &t->task[0]);
		KUNIT_EXPECT_EQ(test, 0, ust_begin(&t->task[1], ust_probe(t, 1)));
		known = hit_of_dying(t, ust_probe(t, ust_capacity() - 1), &shared);
		UST_EXPECT_FINE(test, ust_fault(&t->task[1], ust_probe(t, 1)));
		uprobe_slots_set_enabled(false);
		ust_reclaim(&t->process[0]);
		KUNIT_EXPECT_EQ(test, SLOT_LIVE, t->task[1].utask.slot->state);
		UST_EXPECT_FINE(test, ust_fault(&t->task[1], ust_probe(t, 1)));
		ust_end(&t->task[1]);
		ust_drain(&t->process[0]);
	}
	KUNIT_EXPECT_TRUE(test, known);
	KUNIT_EXPECT_FALSE(test, shared);
}

/* A busy slot comes back, and its twin, filled meanwhile, does no harm. */
static void p3_twin_does_no_harm(struct kunit *test)
{
	struct ust_test *t = test->priv;
	bool shared, known;
	unsigned int i;

	need_delay(test, UPROBE_DELAY_MARK, 200000);
	for (i = 0, known = false; i < 5 && !known; i++) {
		KUNIT_EXPECT_EQ(test, 0, ust_begin(&t->task[1], ust_probe(t, 0)));
		known = hit_of_dying(t, ust_probe(t, 0), &shared);
		ust_reclaim(&t->process[0]);
		KUNIT_EXPECT_EQ(test, known ? 2 : 1, area_of(t)->nr_live);
		UST_EXPECT_FINE(test, ust_check(t));
		UST_EXPECT_FINE(test, ust_fault(&t->task[1], ust_probe(t, 0)));
		UST_STEP_IN(t, &t->task[2], ust_probe(t, 0), true);
		ust_end(&t->task[1]);
		ust_drain(&t->process[0]);
	}
	KUNIT_EXPECT_TRUE(test, known);
	KUNIT_EXPECT_TRUE(test, shared);
}

/* Steps that others interrupt anywhere. */
static int storm(struct ust_worker *w)
{
	unsigned int first = w->nr * UPROBE_PAGE_SLOTS / 3;
	struct rnd_state rnd;
	struct ust_probe *p;
	const char *rule;

	prandom_seed_state(&rnd, w->nr);
	while (!READ_ONCE(w->stop) && !w->fault) {
		p = &w->t->probe[first + prandom_u32_state(&rnd) % UPROBE_PAGE_SLOTS];
		if (ust_begin(w->task, p)) {
			w->fault = "P2: no hit fails";
			break;
		}
		rule = ust_fault(w->task, p);
		if (!(prandom_u32_state(&rnd) % 16))
			usleep_range(50, 100);
		else
			cond_resched();
		w->fault = rule ?: ust_fault(w->task, p);
		ust_end(w->task);
		w->ret++;
	}

	return w->ret;
}

/* Tasks with more instructions than there are slots, and reclaim all the time. */
static void p3_storm(struct kunit *test)
{
	struct ust_test *t = test->priv;
	u64 hits, misses, steps = 0;
	struct ust_worker *w;
	unsigned long end;
	unsigned int i;

	ust_probe(t, UST_PROBES - 1);
	UST_STEP(t, &t->task[4], ust_probe(t, 0));
	if (IS_ENABLED(CONFIG_UPROBE_SLOTS_DEBUG)) {
		uprobe_slots_set_delay(UPROBE_DELAY_HIT, 2);
		uprobe_slots_set_delay(UPROBE_DELAY_FILL, 2);
	}
	for (i = 0; i < UST_WORKERS; i++)
		ust_start(t, i, storm, &t->task[i], NULL);
	for (end = jiffies + 2 * HZ; time_before(jiffies, end);) {
		ust_reclaim(&t->process[0]);
		usleep_range(100, 200);
	}
	for (i = 0; i < UST_WORKERS; i++) {
		w = &t->worker[i];
		steps += ust_finish(w);
		UST_EXPECT_FINE(test, w->fault);
	}

	hits = ust_counted(t, UPROBE_COUNT_HIT);
	misses = ust_misses(t);
	kunit_info(test, "%llu steps, %llu hits, %llu reclaimed", steps, hits,
		   ust_counted(t, UPROBE_COUNT_RECLAIM));
	KUNIT_EXPECT_EQ(test, steps + 1, hits + misses);
	KUNIT_EXPECT_GT(test, ust_counted(t, UPROBE_COUNT_RECLAIM), 0);
}

/* ---------------------------------------------------------------- P5 ---- */

/* Tasks 4 and 5 sit in the transient slots, and stay there. */
static void occupy_page0(struct ust_test *t)
{
	t->task[4].limit = 0 + 1;
	t->task[5].limit = 0 + 1;
	KUNIT_EXPECT_EQ(t->kunit, 0, ust_begin(&t->task[4], ust_probe(t, 0)));
	KUNIT_EXPECT_EQ(t->kunit, 0, ust_begin(&t->task[5], ust_probe(t, 1)));
	KUNIT_EXPECT_EQ(t->kunit, UST_TRANSIENT, ust_transient(t));
}

static bool somebody_waits(void *data)
{
	struct ust_process *p = data;

	/* No barrier: it is asked for again and again. */
	return waitqueue_active(&p->wq);
}

static void p5_woken_by_a_transient_slot(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_worker *w;

	occupy_page0(t);
	t->task[0].limit = 0 + 1;
	w = ust_start(t, 0, hit, &t->task[0], ust_probe(t, 2));
	KUNIT_EXPECT_TRUE(test, ust_until(somebody_waits, &t->process[0]));
	KUNIT_EXPECT_FALSE(test, READ_ONCE(w->done));
	ust_end(&t->task[4]);
	KUNIT_EXPECT_EQ(test, 0, ust_finish(w));
	UST_EXPECT_FINE(test, w->fault);
	UST_EXPECT_FINE(test, ust_fault(&t->task[0], ust_probe(t, 2)));
	UST_EXPECT_FINE(test, ust_fault(&t->task[5], ust_probe(t, 1)));
	KUNIT_EXPECT_EQ(test, 1, ust_counted(t, UPROBE_COUNT_CONTENTION +
					     UPROBE_CONTENTION_PAGE0_FULL));
}

/* Nobody leaves page 0: a slot that is reclaimed serves who waits. */
static void p5_woken_by_reclaim(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_worker *w;

	ust_fill_area(t, &t->task[1]);
	occupy_page0(t);
	w = ust_start(t, 0, hit, &t->task[0], ust_probe(t, ust_capacity()));
	KUNIT_EXPECT_EQ(test, 0, ust_finish(w));
	UST_EXPECT_FINE(test, w->fault);
	KUNIT_EXPECT_TRUE(test, ust_in_shared(&t->task[0]));
	UST_EXPECT_FINE(test, ust_fault(&t->task[0], ust_probe(t, ust_capacity())));
}

/* All slots are busy, and nobody comes any more who could kick a reclaim. */
static void p5_reclaim_goes_on_for_who_waits(struct kunit *test)
{
	struct ust_test *t = test->priv;
	unsigned int i, nr = ust_capacity();
	struct ust_worker *w;

	ust_fill_area(t, &t->task[1]);
	occupy_page0(t);
	/* As if somebody were in each, whom a round would find; here it is passed by. */
	spin_lock(&area_of(t)->lock);
	for (i = 0; i < nr; i++)
		slot_at(area_of(t), i)->state = SLOT_PINNED;
	spin_unlock(&area_of(t)->lock);
	w = ust_start(t, 0, hit, &t->task[0], ust_probe(t, nr));
	KUNIT_EXPECT_TRUE(test, ust_until(somebody_waits, &t->process[0]));
	msleep(300);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(w->done));
	spin_lock(&area_of(t)->lock);
	for (i = 0; i < nr; i++)
		slot_at(area_of(t), i)->state = SLOT_LIVE;
	spin_unlock(&area_of(t)->lock);
	KUNIT_EXPECT_EQ(test, 0, ust_finish(w));
	UST_EXPECT_FINE(test, w->fault);
	KUNIT_EXPECT_TRUE(test, ust_in_shared(&t->task[0]));
}

/* Off, drained, and on: there are free slots, and nobody who gives one back. */
static void p5_woken_by_on(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_worker *w;

	ust_fill_area(t, &t->task[1]);
	occupy_page0(t);
	/* Who waits has seen it full, and reclaim in flight. */
	WRITE_ONCE(area_of(t)->reclaiming, 1);
	w = ust_start(t, 0, hit, &t->task[0], ust_probe(t, ust_capacity()));
	KUNIT_EXPECT_TRUE(test, ust_until(somebody_waits, &t->process[0]));
	WRITE_ONCE(area_of(t)->reclaiming, 0);
	ust_drain(&t->process[0]);
	KUNIT_EXPECT_EQ(test, 0, ust_finish(w));
	UST_EXPECT_FINE(test, w->fault);
	KUNIT_EXPECT_TRUE(test, ust_in_shared(&t->task[0]));
}

static void p5_fatal_signal_ends_the_wait(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_worker *w;

	occupy_page0(t);
	t->task[0].limit = 0 + 1;
	w = ust_start(t, 0, hit, &t->task[0], ust_probe(t, 2));
	KUNIT_EXPECT_TRUE(test, ust_until(somebody_waits, &t->process[0]));
	send_sig(SIGKILL, w->thread, 1);
	KUNIT_EXPECT_EQ(test, -ERESTARTSYS, ust_finish(w));
	UST_EXPECT_FINE(test, w->fault);
	KUNIT_EXPECT_FALSE(test, uprobe_stepping(&t->task[0].utask));
	KUNIT_EXPECT_EQ(test, 0, t->task[0].utask.xol_vaddr);
	/* The task goes back to the probe, and dies there. */
	KUNIT_EXPECT_EQ(test, ust_probe(t, 2)->vaddr,
			instruction_pointer(&t->task[0].regs));
}

static int wait_for_nothing(struct ust_worker *w)
{
	return ust_wait(w->task, w->probe, w->nr ? UPROBE_MISS_LIMIT : UPROBE_MISS_FULL);
}

/* Whom reclaim cannot help does not ask for it, and waits as on stock. */
static void p5_retries_only_if_that_helps(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_worker *w;

	UST_STEP(t, &t->task[1], ust_probe(t, 0));
	occupy_page0(t);
	w = ust_start(t, 1, wait_for_nothing, &t->task[0], ust_probe(t, 2));
	KUNIT_EXPECT_TRUE(test, ust_until(somebody_waits, &t->process[0]));
	/* There are free slots. */
	msleep(50);
	KUNIT_EXPECT_FALSE(test, READ_ONCE(w->done));
	KUNIT_EXPECT_FALSE(test, delayed_work_pending(&area_of(t)->reclaim));
	ust_end(&t->task[4]);
	KUNIT_EXPECT_EQ(test, 0, ust_finish(w));
	UST_EXPECT_FINE(test, w->fault);
	KUNIT_EXPECT_FALSE(test, ust_in_shared(&t->task[0]));
	ust_end(&t->task[0]);
	KUNIT_EXPECT_EQ(test, 0, ust_begin(&t->task[4], ust_probe(t, 0)));

	/* And whom they do help gets one. */
	w = ust_start(t, 0, wait_for_nothing, &t->task[0], ust_probe(t, 2));
	KUNIT_EXPECT_EQ(test, 0, ust_finish(w));
	UST_EXPECT_FINE(test, w->fault);
	KUNIT_EXPECT_TRUE(test, ust_in_shared(&t->task[0]));
}

/* All want all slots of all pages at once. */
static int want_slots(struct ust_worker *w)
{
	unsigned int i, nr = 3 * UPROBE_PAGE_SLOTS / UST_WORKERS;

	begun(w);
	for (i = 0; i < nr && !w->fault; i++)
		w->fault = ust_step(w->task, &w->t->probe[i * UST_WORKERS + w->nr]);

	return 0;
}

/* A slot that went to another while the lock was waited for is no reason to say full. */
static void p5_lost_race_is_not_full(struct kunit *test)
{
	struct ust_test *t = test->priv;
	unsigned int i;

	uprobe_slot_knobs.area_pages = 4;
	ust_probe(t, UST_PROBES - 1);
	for (i = 0; i < UST_WORKERS; i++)
		ust_start(t, i, want_slots, &t->task[i], NULL);
	for (i = 0; i < UST_WORKERS; i++) {
		ust_finish(&t->worker[i]);
		UST_EXPECT_FINE(test, t->worker[i].fault);
	}
	KUNIT_EXPECT_EQ(test, 0, ust_missed(t, UPROBE_MISS_FULL));
	KUNIT_EXPECT_EQ(test, 3 * UPROBE_PAGE_SLOTS, ust_missed(t, UPROBE_MISS_FILLED));
	KUNIT_EXPECT_EQ(test, 0, area_of(t)->nr_free);
}

/* Hits as soon as somebody else holds the area's lock. */
static int hit_when_locked(struct ust_worker *w)
{
	unsigned long end = jiffies + HZ;

	while (!READ_ONCE(w->locked) && time_before(jiffies, end))
		cpu_relax();
	return hit(w);
}

/* The last free slot goes while the lock is waited for; there may be another page. */
static void p5_slot_lost_at_the_lock(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct uprobe_slot_area *area;
	struct ust_worker *w;
	unsigned int i;

	need_cpus(test);
	uprobe_slot_knobs.area_pages = 3;
	UST_STEP(t, &t->task[0], ust_probe(t, 0));
	for (i = 0; i < UPROBE_PAGE_SLOTS - 1; i++)
		UST_STEP(t, &t->task[1], ust_probe(t, i));
	area = area_of(t);
	KUNIT_ASSERT_EQ(test, 1, area->nr_free);
	w = ust_start(t, 0, hit_when_locked, &t->task[0], ust_probe(t, i));
	msleep(20);

	spin_lock(&area->lock);
	WRITE_ONCE(w->locked, true);
	for (i = 0; i < HOLD_US && !has_begun(w); i += 5)
		udelay(5);
	/* By now it has seen the slot, and waits. */
	for (i = 0; i < HOLD_US / 10; i += 5)
		udelay(5);
	WRITE_ONCE(area->nr_free, 0);
	spin_unlock(&area->lock);
	KUNIT_EXPECT_EQ(test, 0, ust_finish(w));
	spin_lock(&area->lock);
	WRITE_ONCE(area->nr_free, area->nr_free + 1);
	spin_unlock(&area->lock);

	UST_EXPECT_FINE(test, w->fault);
	KUNIT_EXPECT_TRUE(test, ust_in_shared(&t->task[0]));
	KUNIT_EXPECT_EQ(test, 0, ust_missed(t, UPROBE_MISS_FULL));
	KUNIT_EXPECT_EQ(test, 2, area->nr_pages);
}

/* ---------------------------------------------------------------- P6 ---- */

static bool area_is_gone(void *data)
{
	struct uprobe_slot_area *area;
	bool gone = true;

	rcu_read_lock();
	list_for_each_entry_rcu(area, &slot_areas, node)
		if (area == data)
			gone = false;
	rcu_read_unlock();

	return gone;
}

/* The tasks of process 0 exit, and it goes; whether its area and page go with it. */
static void goes_away(struct ust_test *t)
{
	struct uprobe_slot_area *area = area_of(t);
	struct page *page = area->page[0].page;
	unsigned int i;

	get_page(page);
	for (i = 0; i < UST_TASKS; i++)
		ust_task_exit(&t->task[i]);
	ust_process_destroy(&t->process[0]);
	KUNIT_EXPECT_TRUE(t->kunit, ust_until(area_is_gone, area));
	KUNIT_EXPECT_EQ(t->kunit, 1, page_count(page));
	put_page(page);
}

static void p6_exit_leaves_nothing(struct kunit *test)
{
	struct ust_test *t = test->priv;

	UST_STEP(t, &t->task[0], ust_probe(t, 0));
	UST_STEP(t, &t->task[1], ust_probe(t, 0));
	ust_task_exit(&t->task[0]);
	UST_STEP(t, &t->task[1], ust_probe(t, 0));
	KUNIT_EXPECT_TRUE(test, list_is_singular(&area_of(t)->tasks));
	goes_away(t);
}

static void p6_exec_gets_another_area(struct kunit *test)
{
	struct ust_test *t = test->priv;

	UST_STEP(t, &t->task[0], ust_probe(t, 0));
	UST_STEP(t, &t->task[1], ust_probe(t, 0));
	ust_process_init(&t->process[1], UPROBE_AREA_PAGES);
	ust_task_exit(&t->task[0]);
	t->task[0].process = &t->process[1];
	UST_STEP_IN(t, &t->task[0], ust_probe(t, 0), true);
	KUNIT_EXPECT_PTR_NE(test, area_of(t), t->process[1].root.area);
	KUNIT_EXPECT_EQ(test, 2, ust_counted(t, UPROBE_COUNT_WRITE));
	ust_task_exit(&t->task[0]);
	ust_process_destroy(&t->process[1]);
	UST_STEP(t, &t->task[1], ust_probe(t, 0));
	KUNIT_EXPECT_EQ(test, 1, ust_counted(t, UPROBE_COUNT_HIT));
}

/* A round is queued when the process goes. */
static void p6_goes_with_reclaim_queued(struct kunit *test)
{
	struct ust_test *t = test->priv;

	ust_fill_area(t, &t->task[0]);
	/* The round before was just now, so that the next one waits a while. */
	WRITE_ONCE(area_of(t)->reclaimed, jiffies);
	UST_STEP_IN(t, &t->task[0], ust_probe(t, ust_capacity()), false);
	goes_away(t);
}

/* A round is in its grace period when the process goes, and others turn reuse off. */
static void p6_goes_during_reclaim(struct kunit *test)
{
	struct ust_test *t = test->priv;

	ust_fill_area(t, &t->task[0]);
	need_delay(test, UPROBE_DELAY_MARK, 200000);
	UST_STEP_IN(t, &t->task[0], ust_probe(t, ust_capacity()), false);
	KUNIT_ASSERT_TRUE(test, ust_until(is_dying, area_of(t)));
	goes_away(t);
	uprobe_slots_set_enabled(false);
	uprobe_slots_set_enabled(true);
	UST_EXPECT_FINE(test, uprobe_slots_check());
}

/* No hit holds a uprobe: unregistered and gone in mid-step, it is not missed. */
static void p6_step_needs_no_uprobe(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_probe *p = ust_probe(t, 0), copy = *p;

	KUNIT_EXPECT_EQ(test, 0, ust_begin(&t->task[0], p));
	KUNIT_EXPECT_NULL(test, t->task[0].utask.active_uprobe);
	memset(p, 0x6b, sizeof(*p));
	UST_EXPECT_FINE(test, ust_fault(&t->task[0], &copy));
	ust_end(&t->task[0]);
	KUNIT_EXPECT_EQ(test, 0, t->task[0].utask.slot_cache->step);
}

/* ---------------------------------------------------------------- P9 ---- */

/* As the single step left it, the program goes on behind its instruction. */
static void p9_step_ends_behind_the_instruction(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_probe *p = ust_probe(t, 3);
	struct ust_task *task = &t->task[0];
	struct pt_regs *regs = &task->regs;

	KUNIT_ASSERT_EQ(test, 0, ust_begin(task, p));
	KUNIT_ASSERT_TRUE(test, ust_in_shared(task));
	instruction_pointer_set(regs, task->utask.xol_vaddr + p->key.len);
	ust_play(task);
	KUNIT_EXPECT_EQ(test, 0, arch_uprobe_post_xol(uprobe_slot_arch(&task->utask), regs));
	ust_play_none();
	KUNIT_EXPECT_EQ(test, p->vaddr + p->key.len, instruction_pointer(regs));
	ust_end(task);

	/* Or, if it trapped there, at it. */
	KUNIT_ASSERT_EQ(test, 0, ust_begin(task, p));
	ust_play(task);
	arch_uprobe_abort_xol(uprobe_slot_arch(&task->utask), regs);
	ust_play_none();
	KUNIT_EXPECT_EQ(test, p->vaddr, instruction_pointer(regs));
	ust_end(task);
}

/* The breakpoint behind the copy ends a step; no other does. */
static void p9_breakpoint_behind_ends_a_step(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_probe *p = ust_probe(t, 0);
	struct ust_task *task = &t->task[0];
	struct pt_regs *regs = &task->regs;
	unsigned long behind;

	uprobe_slot_knobs.exits = UPROBE_EXIT_TRAP;
	KUNIT_ASSERT_EQ(test, 0, ust_begin(task, p));
	UST_EXPECT_FINE(test, ust_fault(task, p));
	behind = task->utask.xol_vaddr + p->key.len;
	instruction_pointer_set(regs, behind + UST_SWBP_BEHIND);
	KUNIT_EXPECT_TRUE(test, uprobe_slot_trapped(&task->utask, regs));
	KUNIT_EXPECT_EQ(test, behind, instruction_pointer(regs));
	/* A breakpoint of the program's own. */
	instruction_pointer_set(regs, UST_TEXT);
	KUNIT_EXPECT_FALSE(test, uprobe_slot_trapped(&task->utask, regs));
	ust_end(task);

	/* One in a slot that is stepped, if the step's own trap is late. */
	uprobe_slot_knobs.exits = UPROBE_EXIT_STEP;
	KUNIT_ASSERT_EQ(test, 0, ust_begin(task, p));
	behind = task->utask.xol_vaddr + p->key.len;
	instruction_pointer_set(regs, behind + UST_SWBP_BEHIND);
	KUNIT_EXPECT_TRUE(test, uprobe_slot_trapped(&task->utask, regs));
	KUNIT_EXPECT_EQ(test, behind, instruction_pointer(regs));
	ust_end(task);
}

/* A hit that goes to a pinned slot: the address of that. Nothing remains to be ended. */
static unsigned long goes(struct ust_test *t, struct ust_task *task, struct ust_probe *p)
{
	uprobe_slot_knobs.exits = UPROBE_EXIT_JUMP;
	KUNIT_EXPECT_EQ(t->kunit, 0, ust_begin(task, p));
	KUNIT_EXPECT_FALSE(t->kunit, uprobe_stepping(&task->utask));
	KUNIT_EXPECT_FALSE(t->kunit, ust_in_shared(task));
	KUNIT_EXPECT_EQ(t->kunit, 0, task->utask.xol_vaddr);
	KUNIT_EXPECT_EQ(t->kunit, 0, task->utask.slot_cache->step);
	return instruction_pointer(&task->regs);
}

/* A jump goes on behind the probe, so equal instructions at two places need two. */
static void p9_jump_goes_on_behind_the_probe(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_probe a = *ust_probe(t, 0), b = a;
	unsigned long slot_a, slot_b;
	uprobe_opcode_t swbp = UPROBE_SWBP_INSN;
	const u8 *code;

	b.vaddr += 0x1000;
	slot_a = goes(t, &t->task[0], &a);
	slot_b = goes(t, &t->task[1], &b);
	KUNIT_EXPECT_NE(test, slot_a, slot_b);
	code = ust_code(&t->process[0], slot_a);
	KUNIT_EXPECT_MEMEQ(test, code, (u8 *)&a.arch.ixol, a.key.len);
	KUNIT_EXPECT_EQ(test, a.vaddr + a.key.len,
			ust_jump_target(code + a.key.len, slot_a + a.key.len));
	KUNIT_EXPECT_MEMEQ(test, code + a.key.len + UST_JUMP_BYTES, (u8 *)&swbp, sizeof(swbp));
	code = ust_code(&t->process[0], slot_b);
	KUNIT_EXPECT_EQ(test, b.vaddr + b.key.len,
			ust_jump_target(code + b.key.len, slot_b + b.key.len));
	KUNIT_EXPECT_EQ(test, 2, area_of(t)->nr_pinned);
	/* Written once, then hit. */
	KUNIT_EXPECT_EQ(test, slot_a, goes(t, &t->task[0], &a));
	KUNIT_EXPECT_EQ(test, 2, ust_counted(t, UPROBE_COUNT_WRITE));
	KUNIT_EXPECT_EQ(test, 1, ust_counted(t, UPROBE_COUNT_HIT));
}

/* What get_signal() does to a task with its ip at @ip; where the ip is then. */
static unsigned long signal_at(struct ust_task *task, unsigned long ip, bool *steps)
{
	struct pt_regs *regs = current_pt_regs(), was = *regs;

	ust_user_regs(regs);
	instruction_pointer_set(regs, ip);
	ust_play(task);
	*steps = uprobe_slot_signal(&task->utask);
	ust_play_none();
	ip = instruction_pointer(regs);
	*regs = was;

	return ip;
}

/* The same with @sig pending, as the task's own instruction raises it, or a kill. */
static unsigned long signal_at_with(struct ust_task *task, unsigned long ip, int sig,
				    bool *steps)
{
	spinlock_t *lock = &current->sighand->siglock;
	struct sigpending *pending = &current->pending;
	struct sigqueue q = { };

	q.info.si_signo = sig;
	q.info.si_code = SEGV_MAPERR;
	/* By hand: what is sent to a kernel thread comes without its siginfo. */
	spin_lock_irq(lock);
	list_add(&q.list, &pending->list);
	sigaddset(&pending->signal, sig);
	spin_unlock_irq(lock);
	ip = signal_at(task, ip, steps);
	spin_lock_irq(lock);
	sigdelset(&pending->signal, sig);
	list_del(&q.list);
	spin_unlock_irq(lock);

	return ip;
}

/* What tells for certain that the instruction has faulted, and what may be sent. */
static void p9_faults_are_certain(struct kunit *test)
{
	static const struct {
		int	signo, code;
		bool	fault;
	} some[] = {
		{ SIGSEGV, SEGV_MAPERR, true },
		{ SIGBUS, BUS_ADRERR, true },
		{ SIGBUS, BUS_MCEERR_AR, true },
		{ SIGILL, ILL_ILLOPN, true },
		{ SIGFPE, FPE_INTDIV, true },
		{ SIGSEGV, SI_KERNEL },		/* #GP, or a BPF program's */
		{ SIGFPE, SI_KERNEL },
		{ SIGSEGV, SI_USER },
		{ SIGSEGV, SI_TKILL },
		{ SIGBUS, BUS_MCEERR_AO },
		{ SIGTRAP, TRAP_HWBKPT, true },
		{ SIGTRAP, TRAP_PERF },
		{ SIGSYS, SYS_SECCOMP },
	};
	struct kernel_siginfo info = { };
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(some); i++) {
		info.si_signo = some[i].signo;
		info.si_code = some[i].code;
		KUNIT_EXPECT_EQ_MSG(test, some[i].fault, uprobe_is_fault(&info),
				    "signal %d, code %d", info.si_signo, info.si_code);
	}
}

static void p9_signal_sees_no_slot(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_probe *p = ust_probe(t, 0);
	struct ust_task *task = &t->task[0];
	unsigned long slot = goes(t, task, p);
	bool steps;

	/* Left long ago. */
	KUNIT_EXPECT_EQ(test, 0x1234, signal_at(task, 0x1234, &steps));
	KUNIT_EXPECT_FALSE(test, steps);
	/* Executed: the program is behind its instruction. */
	KUNIT_EXPECT_EQ(test, p->vaddr + p->key.len,
			signal_at(task, slot + p->key.len, &steps));
	KUNIT_EXPECT_FALSE(test, steps);
	instruction_pointer_set(&task->regs, slot + p->key.len);
	uprobe_slot_leave(&task->utask, &task->regs);
	KUNIT_EXPECT_EQ(test, p->vaddr + p->key.len, instruction_pointer(&task->regs));
	instruction_pointer_set(&task->regs, slot);
	uprobe_slot_leave(&task->utask, &task->regs);
	KUNIT_EXPECT_EQ(test, slot, instruction_pointer(&task->regs));
	/* Not executed, and it faults or ends: the program is at its instruction. */
	KUNIT_EXPECT_EQ(test, p->vaddr, signal_at_with(task, slot, SIGSEGV, &steps));
	KUNIT_EXPECT_FALSE(test, steps);
	KUNIT_EXPECT_EQ(test, p->vaddr, signal_at_with(task, slot, SIGKILL, &steps));
	KUNIT_EXPECT_FALSE(test, steps);
	KUNIT_EXPECT_EQ(test, 0, ust_counted(t, UPROBE_COUNT_PROMOTED));
	/* Nor any of that: it is stepped, and the signal waits. */
	KUNIT_EXPECT_EQ(test, slot, signal_at(task, slot, &steps));
	KUNIT_EXPECT_TRUE(test, steps);
	KUNIT_EXPECT_TRUE(test, uprobe_stepping(&task->utask));
	KUNIT_EXPECT_EQ(test, p->vaddr, task->utask.vaddr);
	KUNIT_EXPECT_EQ(test, slot, task->utask.xol_vaddr);
	KUNIT_EXPECT_EQ(test, 1, ust_counted(t, UPROBE_COUNT_PROMOTED));
	ust_end(task);
}

/* si_addr of what traps in a slot is where the program has the instruction. */
static void p9_trap_address(struct kunit *test)
{
	struct ust_test *t = test->priv;
	struct ust_probe *p = ust_probe(t, 0);
	struct uprobe_task *utask = &t->task[0].utask;
	unsigned long slot;

	KUNIT_EXPECT_EQ(test, 0x1234, uprobe_slot_trap_addr(utask, 0x1234));
	slot = goes(t, &t->task[0], p);
	KUNIT_EXPECT_EQ(test, 0x1234, uprobe_slot_trap_addr(utask, 0x1234));
	KUNIT_EXPECT_EQ(test, p->vaddr, uprobe_slot_trap_addr(utask, slot));
}

#ifndef NUM_MM_FLAG_BITS
#define mm_flags_set(flag, mm)		set_bit(flag, &(mm)->flags)
#define mm_flags_clear(flag, mm)	clear_bit(flag, &(mm)->flags)
#endif

/* What current's thread is told of the breakpoint at @vaddr, which it met. */
static int told_of_breakpoint(unsigned long vaddr)
{
	struct pt_regs regs = { };
	int ret;

	instruction_pointer_set(&regs, vaddr);
	/* x86 reports where the instruction ends. */
	instruction_pointer_set(&regs, 2 * vaddr - uprobe_get_swbp_addr(&regs));
	ret = uprobe_pre_sstep_notifier(&regs);
	if (ret)
		clear_thread_flag(TIF_UPROBE);
	return ret;
}

/*
 * A task has met a breakpoint, and then the last probe of its process went: it is a
 * uprobe's no more, but if the breakpoint has gone, too, the task is not to die of it.
 */
static void p6_last_probe_goes(struct kunit *test)
{
	uprobe_opcode_t swbp = UPROBE_SWBP_INSN, insn = 0;
	unsigned long text = UST_TEXT & PAGE_MASK;
	void __user *to = (void __user *)text;

	KUNIT_ASSERT_EQ(test, text,
			vm_mmap(NULL, text, PAGE_SIZE, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, 0));
	KUNIT_ASSERT_EQ(test, 0, copy_to_user(to, &insn, sizeof(insn)));
	/* A process that had no probe: the signal is a debugger's. */
	KUNIT_EXPECT_EQ(test, 0, told_of_breakpoint(text));

	/* As mmf_recalc_uprobes() leaves the flags. */
	mm_flags_set(MMF_RECALC_UPROBES, current->mm);
	KUNIT_EXPECT_EQ(test, 1, told_of_breakpoint(text));
	KUNIT_ASSERT_EQ(test, 0, copy_to_user(to, &swbp, sizeof(swbp)));
	KUNIT_EXPECT_EQ(test, 0, told_of_breakpoint(text));
	KUNIT_ASSERT_EQ(test, 0, vm_munmap(text, PAGE_SIZE));
	KUNIT_EXPECT_EQ(test, 1, told_of_breakpoint(text));
	mm_flags_clear(MMF_RECALC_UPROBES, current->mm);
}

static struct kunit_case cases[] = {
	KUNIT_CASE(p1_hit_takes_no_lock),
	KUNIT_CASE(p2_full_takes_no_lock),
	KUNIT_CASE(p3_grace_period_waits_for_a_hit),
	KUNIT_CASE(p3_dying_is_not_entered),
	KUNIT_CASE(p3_twin_does_no_harm),
	KUNIT_CASE_SLOW(p3_storm),
	KUNIT_CASE(p5_woken_by_a_transient_slot),
	KUNIT_CASE(p5_woken_by_reclaim),
	KUNIT_CASE(p5_reclaim_goes_on_for_who_waits),
	KUNIT_CASE(p5_woken_by_on),
	KUNIT_CASE(p5_fatal_signal_ends_the_wait),
	KUNIT_CASE(p5_retries_only_if_that_helps),
	KUNIT_CASE(p5_lost_race_is_not_full),
	KUNIT_CASE(p5_slot_lost_at_the_lock),
	KUNIT_CASE(p6_exit_leaves_nothing),
	KUNIT_CASE(p6_exec_gets_another_area),
	KUNIT_CASE(p6_goes_with_reclaim_queued),
	KUNIT_CASE(p6_goes_during_reclaim),
	KUNIT_CASE(p6_step_needs_no_uprobe),
	KUNIT_CASE(p6_last_probe_goes),
	KUNIT_CASE(p9_step_ends_behind_the_instruction),
	KUNIT_CASE(p9_breakpoint_behind_ends_a_step),
	KUNIT_CASE(p9_jump_goes_on_behind_the_probe),
	KUNIT_CASE(p9_faults_are_certain),
	KUNIT_CASE(p9_signal_sees_no_slot),
	KUNIT_CASE(p9_trap_address),
	{ }
};

/* By this name kunit.sh of the selftests knows what there is. */
static struct kunit_suite ust_suite_uprobe_slots_tasks = {
	.name = "uprobe_slots_tasks",
	.init = ust_init,
	.exit = ust_exit,
	.test_cases = cases,
};

kunit_test_suite(ust_suite_uprobe_slots_tasks);

MODULE_DESCRIPTION("KUnit tests of uprobe slots with several tasks");
MODULE_LICENSE("GPL");
