// SPDX-License-Identifier: GPL-2.0-or-later
/* Progress, lifetime and what reclaim chooses: P5, P6, and P8's cache limit. */
#include <semaphore.h>
#include <stdio.h>
#include <unistd.h>

#include "unit.h"

#define NR	256

static struct process *proc;
static struct task_struct *task[4];
static struct uprobe *probe[NR];

static void setup(unsigned int pages)
{
	unsigned int i;

	uprobe_slot_knobs.area_pages = pages;
	proc = process_new(UPROBE_AREA_PAGES, 2);
	for (i = 0; i < 4; i++)
		task[i] = task_new(proc);
	for (i = 0; i < NR; i++)
		probe[i] = probe_new(i);
}

static void teardown_tasks(void)
{
	unsigned int i;

	check_area(proc);
	for (i = 0; i < 4; i++)
		if (task[i])
			task_exit(task[i]);
}

static void free_probes(void)
{
	unsigned int i;

	for (i = 0; i < NR; i++)
		probe_free(probe[i]);
}

static void teardown(void)
{
	teardown_tasks();
	process_free(proc);
	free_probes();
	check_nothing_left();
}

static unsigned int capacity(void)
{
	return (uprobe_slot_knobs.area_pages - 1) * UPROBE_PAGE_SLOTS;
}

static bool shared_step(struct task_struct *t, struct uprobe *u)
{
	bool shared;

	CHECK(!step_begin(t, u));
	step_check(t, u);
	shared = in_shared(t);
	step_end(t);
	return shared;
}

/* ---------------------------------------------------------------- P5 ---- */

/* Tasks 2 and 3 sit in the two transient slots; @first is what they execute. */
static void occupy_page0(void)
{
	u8 was[2] = { task[2]->uprobe_slot_limit, task[3]->uprobe_slot_limit };

	task[2]->uprobe_slot_limit = task[3]->uprobe_slot_limit = 1;
	CHECK(!step_begin(task[2], probe[NR - 1]) && !in_shared(task[2]));
	CHECK(!step_begin(task[3], probe[NR - 2]) && !in_shared(task[3]));
	task[2]->uprobe_slot_limit = was[0];
	task[3]->uprobe_slot_limit = was[1];
}

static unsigned int waited;

static void end_task2(void)
{
	waited++;
	step_end(task[2]);
	be(task[0]);
}

static void p5_woken_by_transient(void)
{
	setup(2);
	occupy_page0();
	task[0]->uprobe_slot_limit = 1;
	unit_while_waiting = end_task2;
	CHECK(!step_begin(task[0], probe[0]));
	CHECK(waited == 1 && !in_shared(task[0]));
	CHECK(unit_events.contention[UPROBE_CONTENTION_PAGE0_FULL] == 1);
	step_check(task[0], probe[0]);
	step_check(task[3], probe[NR - 2]);
	step_end(task[0]);
	step_end(task[3]);
	teardown();
}

static void only_time_passes(void)
{
	CHECK(waited++ < 2 * HZ);
	be(NULL);
	unit_pass(1);
	be(task[0]);
}

/* Page 0 is stuck for ever: a reclaimed slot serves who waits. */
static void p5_woken_by_reclaim(void)
{
	unsigned int i;

	setup(2);
	for (i = 0; i < capacity(); i++)
		step(task[1], probe[i]);
	occupy_page0();
	unit_while_waiting = only_time_passes;
	CHECK(!step_begin(task[0], probe[50]));
	CHECK(waited && in_shared(task[0]));
	step_end(task[0]);
	step_end(task[2]);
	step_end(task[3]);
	teardown();
}

/* All slots busy, and one of them ends: nobody may come to kick a reclaim. */
static void end_task1_later(void)
{
	only_time_passes();
	if (waited == HZ) {
		step_end(task[1]);
		be(task[0]);
	}
}

static void p5_reclaim_goes_on_for_waiters(void)
{
	struct task_struct *t[300];
	unsigned int i;

	setup(2);
	for (i = 0; i < capacity() - 1; i++) {
		t[i] = task_new(proc);
		CHECK(!step_begin(t[i], probe[i]) && in_shared(t[i]));
	}
	CHECK(!step_begin(task[1], probe[i]) && in_shared(task[1]));
	occupy_page0();
	unit_while_waiting = end_task1_later;
	CHECK(!step_begin(task[0], probe[200]));
	CHECK(in_shared(task[0]) && waited >= HZ);
	step_end(task[0]);
	for (i = 0; i < capacity() - 1; i++) {
		step_check(t[i], probe[i]);
		step_end(t[i]);
		task_exit(t[i]);
	}
	step_end(task[2]);
	step_end(task[3]);
	teardown();
}

/* Off, drained, and on again: there are free slots, and nobody who gives one back. */
static void off_and_on(void)
{
	CHECK(waited++ < 4);
	be(NULL);
	uprobe_slots_set_enabled(false);
	unit_pass(3 * HZ);
	uprobe_slots_set_enabled(true);
	unit_pass(1);
	be(task[0]);
}

static void p5_woken_by_on(void)
{
	unsigned int i;

	setup(2);
	for (i = 0; i < capacity(); i++)
		step(task[1], probe[i]);
	occupy_page0();
	unit_while_waiting = off_and_on;
	CHECK(!step_begin(task[0], probe[50]));
	CHECK(in_shared(task[0]) && waited == 1);
	step_end(task[0]);
	step_end(task[2]);
	step_end(task[3]);
	teardown();
}

/* A free slot is of no use to who has no memory for a cache: it has to sleep. */
static void p5_no_memory_sleeps(void)
{
	setup(2);
	step(task[1], probe[0]);
	occupy_page0();
	unit_memory.calls = 0;
	unit_memory.fail_from = 1;
	unit_while_waiting = end_task2;
	CHECK(!step_begin(task[0], probe[1]));
	CHECK(waited == 1 && !in_shared(task[0]));
	unit_memory.fail_from = 0;
	step_end(task[0]);
	step_end(task[3]);
	teardown();
}

static void kill_task0(void)
{
	task[0]->killed = true;
	wake_up(&proc->wq);
}

static void p5_fatal_signal(void)
{
	setup(2);
	occupy_page0();
	task[0]->uprobe_slot_limit = 1;
	unit_while_waiting = kill_task0;
	CHECK(step_begin(task[0], probe[0]) == -ERESTARTSYS);
	CHECK(!uprobe_stepping(task[0]->utask) && !task[0]->utask->xol_vaddr);
	CHECK(unit_events.contention[UPROBE_CONTENTION_PAGE0_FULL] == 1);
	step_end(task[2]);
	step_end(task[3]);
	teardown();
}

/* A wait for what cannot come is stock's wait: no reclaim is kicked for it. */
static unsigned long no_transient(struct xol_area *area)
{
	return UPROBE_TRANSIENT_SLOTS;
}

static int wait_of_task0(int miss)
{
	unsigned long nr;

	be(task[0]);
	task[0]->killed = false;
	unit_while_waiting = kill_task0;
	return uprobe_slots_wait(&probe[0]->slot_key, &proc->root, miss, no_transient, NULL,
				 &nr);
}

static void p5_retry_only_helps(void)
{
	static const int cannot[] = {
		UPROBE_MISS_NONE, UPROBE_MISS_LIMIT, UPROBE_MISS_SINGLE_PAGE,
		UPROBE_MISS_UNSHAREABLE,
	};
	static const int can[] = { UPROBE_MISS_FULL, UPROBE_MISS_NOMEM };
	unsigned int i;

	setup(2);
	step(task[0], probe[0]);
	for (i = 0; i < ARRAY_SIZE(cannot); i++)
		CHECK(wait_of_task0(cannot[i]) == -ERESTARTSYS);
	for (i = 0; i < ARRAY_SIZE(can); i++) {
		CHECK(!wait_of_task0(can[i]));
		CHECK(in_shared(task[0]));
		step_end(task[0]);
	}
	for (i = 0; i < capacity(); i++)
		step(task[0], probe[i]);
	CHECK(!unit_work_pending());
	CHECK(wait_of_task0(UPROBE_MISS_LIMIT) == -ERESTARTSYS);
	CHECK(!unit_work_pending());
	CHECK(wait_of_task0(UPROBE_MISS_FULL) == -ERESTARTSYS);
	CHECK(unit_work_pending());
	teardown();
}

/* A slot that went while the lock was waited for is no reason to say "full". */
static struct uprobe *racing;

static void race_for_lock(const volatile void *to)
{
	struct uprobe *u = racing;

	if (to != &proc->root.area->lock || !u)
		return;
	racing = NULL;
	step(task[1], u);
	be(task[0]);
}

static void p5_lost_race(void)
{
	unsigned int i;

	setup(3);
	for (i = 0; i < UPROBE_PAGE_SLOTS - 1; i++)
		step(task[1], probe[i]);
	step(task[0], probe[0]);
	be(task[0]);
	/* The last one of the page goes to task 1; task 0 gets the next page's. */
	racing = probe[100];
	unit_me->on_store = race_for_lock;
	CHECK(!step_begin(task[0], probe[101]));
	unit_me->on_store = NULL;
	CHECK(in_shared(task[0]) && !racing);
	CHECK(task[0]->utask->slot->idx == UPROBE_PAGE_SLOTS);
	step_end(task[0]);

	/* Two that want the same instruction need one slot. */
	be(task[0]);
	racing = probe[102];
	unit_me->on_store = race_for_lock;
	CHECK(!step_begin(task[0], probe[102]));
	unit_me->on_store = NULL;
	CHECK(counter(UPROBE_COUNT_MISS + UPROBE_MISS_SHARED) == 2);
	step_check(task[0], probe[102]);
	step_end(task[0]);
	teardown();
}

/* ------------------------------------------- between F3 and F5 ---- */

static sem_t seen_live_sem, go_on_sem;

static void stop_before_hazard(const volatile void *to)
{
	struct uprobe_slot_cache *cache = current->utask->slot_cache;

	if (!cache || to != &cache->step || !unit_me->rcu_nest)
		return;
	unit_me->on_store = NULL;
	sem_post(&seen_live_sem);
	sem_wait(&go_on_sem);
}

static void *hit_in_thread(void *arg)
{
	unit_me = unit_cpu(1);
	unit_urcu_register();
	unit_me->on_store = stop_before_hazard;
	CHECK(!step_begin(task[1], probe[0]));
	step_check(task[1], probe[0]);
	unit_urcu_unregister();
	return NULL;
}

static void *reclaim_in_thread(void *done)
{
	unit_me = unit_cpu(2);
	unit_urcu_register();
	CHECK(unit_run_work());
	__atomic_store_n((bool *)done, true, __ATOMIC_SEQ_CST);
	unit_urcu_unregister();
	return NULL;
}

static unsigned int nr_dying(void)
{
	struct uprobe_slot_area *area = proc->root.area;
	unsigned int nr;

	spin_lock(&area->lock);
	nr = area->nr_dying;
	spin_unlock(&area->lock);
	return nr;
}

/* P3, the heart of it: seen LIVE, not yet published, and reclaim comes. */
static void p3_grace_period(void)
{
	pthread_t hit, reclaim;
	bool done = false;

	setup(2);
	step(task[1], probe[0]);
	sem_init(&seen_live_sem, 0, 0);
	sem_init(&go_on_sem, 0, 0);
	unit_mode = UNIT_THREADS;
	unit_urcu_register();
	pthread_create(&hit, NULL, hit_in_thread, NULL);
	sem_wait(&seen_live_sem);

	uprobe_slots_set_enabled(false);
	pthread_create(&reclaim, NULL, reclaim_in_thread, &done);
	while (!nr_dying())
		usleep(1000);
	/* A grace period that does not wait has all the time to end. */
	usleep(50000);
	CHECK(!__atomic_load_n(&done, __ATOMIC_SEQ_CST));
	CHECK(nr_dying() == 1);
	sem_post(&go_on_sem);
	pthread_join(hit, NULL);
	pthread_join(reclaim, NULL);
	CHECK(done);
	unit_urcu_unregister();
	unit_mode = UNIT_PLAIN;

	/* Busy, then: it is still the first one's. */
	CHECK(task[1]->utask->slot->state == SLOT_LIVE);
	uprobe_slots_set_enabled(true);
	step(task[0], probe[1]);
	step_check(task[1], probe[0]);
	step_end(task[1]);
	teardown();
}

/* ------------------------------------------------ what reclaim takes ---- */

/* Who has a limit keeps that much of its working set while others go through. */
static void p8_limit_keeps_working_set(void)
{
	unsigned int round, i, n = 200;
	u64 hits;

	setup(3);
	task[0]->uprobe_slot_limit = 4 + 1;
	task[1]->uprobe_slot_limit = 1 + 1;
	for (i = 0; i < 4; i++)
		step(task[0], probe[i]);
	for (i = 0, round = 0; round < 60; round++) {
		for (; i < n * (round + 1) / 10; i++)
			step(task[1], probe[4 + i % (NR - 10)]);
		hits = task[0]->utask->slot_cache->tally.hits;
		/* Idle for a few rounds, and yet nobody took them. */
		if (!(round % 5)) {
			step(task[0], probe[round % 4]);
			CHECK(task[0]->utask->slot_cache->tally.hits == hits + 1);
		}
		unit_pass(HZ / 10);
	}
	CHECK(counter(UPROBE_COUNT_RECLAIM) > capacity());
	teardown();
}

static unsigned int marked;

static void count_marked(void)
{
	marked = proc->root.area->nr_dying;
}

/* A round takes a part, and at least some. */
static void p8_round_is_bounded(void)
{
	unsigned int i, nr;
	struct uprobe *u;

	setup(16);
	nr = capacity();
	for (i = 0; i < nr; i++) {
		u = probe_new(3000 + i);
		step(task[0], u);
		probe_free(u);
	}
	CHECK(!unit_work_pending());
	step(task[0], probe[0]);
	unit_in_grace_period = count_marked;
	CHECK(unit_run_work());
	unit_in_grace_period = NULL;
	CHECK(marked == max(nr / 8, 16));
	CHECK(proc->root.area->nr_free == marked);
	/* None before one is needed. */
	unit_pass(HZ);
	CHECK(!unit_work_pending());
	CHECK(proc->root.area->nr_free == marked);
	teardown();
}

/* A round that finds a free slot leaves all as it is. */
static void p8_not_without_need(void)
{
	unsigned int i;

	setup(2);
	for (i = 0; i < capacity() + 1; i++)
		step(task[0], probe[i]);
	CHECK(unit_work_pending());
	uprobe_slot_knobs.area_pages = 3;
	step(task[0], probe[100]);
	CHECK(proc->root.area->nr_free);
	CHECK(unit_run_work());
	CHECK(!counter(UPROBE_COUNT_RECLAIM));
	CHECK(proc->root.area->nr_live == UPROBE_PAGE_SLOTS + 1);
	teardown();
}

/* What was hit since the hand came by stays for this round. */
static void p8_used_ones_stay(void)
{
	unsigned int i;

	setup(2);
	task[0]->uprobe_slot_limit = 1 + 1;
	for (i = 0; i < capacity(); i++)
		step(task[0], probe[i]);
	for (i = 0; i < 4; i++)
		step(task[0], probe[i]);	/* shared: used again */
	step(task[0], probe[100]);
	unit_run_work();
	for (i = 0; i < 4; i++)
		CHECK(slot_at(proc->root.area, i)->state == SLOT_LIVE);
	CHECK(proc->root.area->nr_free);
	/* Not used any more, they go in turn. */
	for (i = 0; i < 4 * capacity(); i++) {
		step(task[0], probe[101 + i % 100]);
		unit_pass(HZ / 20);
	}
	i = counter(UPROBE_COUNT_WRITE);
	step(task[0], probe[0]);
	CHECK(counter(UPROBE_COUNT_WRITE) == i + 1);
	teardown();
}

/* Named by a cache goes last, but it goes where all are named. */
static void p8_all_named(void)
{
	unsigned int i;

	if (UPROBE_PAGE_SLOTS > UPROBE_CACHE_MAX)
		return;
	setup(2);
	task[0]->uprobe_slot_limit = UPROBE_CACHE_MAX + 1;
	for (i = 0; i < capacity(); i++)
		step(task[0], probe[i]);
	step(task[1], probe[100]);
	CHECK(unit_run_work());
	unit_pass(HZ);
	CHECK(shared_step(task[1], probe[100]));
	teardown();
}

static void p8_interval(void)
{
	unsigned int i;

	setup(2);
	for (i = 0; i < capacity(); i++)
		step(task[0], probe[i]);
	step(task[0], probe[100]);
	unit_pass(0);			/* the first comes at once */
	CHECK(proc->root.area->nr_free);
	for (i = 101; !unit_work_pending(); i++)
		step(task[0], probe[i]);
	unit_pass(HZ / 20 - 1);
	CHECK(unit_work_pending() && !proc->root.area->nr_free);
	unit_pass(1);
	CHECK(!unit_work_pending());
	teardown();
}

/* A busy slot goes back to the table, and its twin does no harm. */
static void fill_twin(void)
{
	CHECK(proc->root.area->nr_dying == 2);
	CHECK(shared_step(task[0], probe[0]));
}

static void on_again_and_twin(void)
{
	static_branch_enable(&uprobe_slots_key);
	be(task[0]);
	fill_twin();
	be(NULL);
}

static void p3_twin_of_busy(void)
{
	setup(2);
	CHECK(!step_begin(task[1], probe[0]));
	step(task[2], probe[1]);
	uprobe_slots_set_enabled(false);
	unit_in_grace_period = on_again_and_twin;
	CHECK(unit_run_work());
	unit_in_grace_period = NULL;
	CHECK(proc->root.area->nr_live == 2);
	check_area(proc);
	step_check(task[1], probe[0]);
	CHECK(shared_step(task[3], probe[0]));
	step_end(task[1]);
	CHECK(shared_step(task[1], probe[0]));
	teardown();
}

/* ---------------------------------------------------------------- P6 ---- */

static void p6_exit_and_exec(void)
{
	struct process *next;

	setup(2);
	step(task[0], probe[0]);
	step(task[1], probe[0]);
	next = process_new(UPROBE_AREA_PAGES, 2);
	task_exec(task[0], next);
	CHECK(!task[0]->utask);
	step(task[0], probe[1]);
	CHECK(next->root.area != proc->root.area);
	CHECK(counter(UPROBE_COUNT_WRITE) == 2);
	task_exit(task[0]);
	task[0] = NULL;
	process_free(next);
	unit_rcu_barrier();
	step(task[1], probe[0]);
	teardown();
}

static void p6_no_area(void)
{
	setup(2);
	teardown();
}

/* A reclaim that is queued when the process goes. */
static void p6_queued_reclaim(void)
{
	unsigned int i;

	setup(2);
	for (i = 0; i < capacity() + 1; i++)
		step(task[0], probe[i]);
	CHECK(unit_work_pending());
	teardown_tasks();
	process_free(proc);
	CHECK(!unit_work_pending());
	free_probes();
	check_nothing_left();
}

static void go_away(void)
{
	unsigned int i;

	unit_in_grace_period = NULL;
	for (i = 0; i < 4; i++)
		task_exit(task[i]);
	process_free(proc);
	/* Others turn reuse off: the area is there, and its process is not. */
	uprobe_slots_set_enabled(false);
	uprobe_slots_set_enabled(true);
	CHECK(!uprobe_slots_check());
}

/* A reclaim that is in its grace period when the process goes. */
static void p6_reclaim_in_flight(void)
{
	unsigned int i;

	setup(2);
	for (i = 0; i < capacity() + 1; i++)
		step(task[0], probe[i]);
	unit_in_grace_period = go_away;
	CHECK(unit_run_work());
	free_probes();
	check_nothing_left();
}

static void p6_refused_step(void)
{
	setup(2);
	task[0]->refuse_step = true;
	CHECK(step_begin(task[0], probe[0]) == -EFAULT);
	CHECK(!in_shared(task[0]) && !task[0]->utask->xol_vaddr);
	CHECK(!task[0]->utask->slot_cache->step);
	CHECK(step_begin(task[0], probe[0]) == -EFAULT);
	task[0]->uprobe_slot_limit = 1;
	CHECK(step_begin(task[0], probe[0]) == -EFAULT);
	CHECK(!transient_taken(proc));
	teardown();
}

/* No uprobe is needed to end a step in a shared slot. */
static void p6_unregistered_in_a_step(void)
{
	struct uprobe *u, copy;

	setup(2);
	u = probe_new(77);
	copy = *u;
	CHECK(!step_begin(task[0], u) && in_shared(task[0]));
	CHECK(!task[0]->utask->active_uprobe);
	memset(u, 0x6b, sizeof(*u));
	probe_free(u);
	step_check(task[0], &copy);
	step_end(task[0]);
	teardown();
}

/* Who walks the lists stands on what goes away under them. */
static void go_on_the_walk(struct uprobe_slot_task *t, void *data)
{
	if (t->task != task[0])
		return;
	task_exit(task[0]);
	task[0] = NULL;
	process_free(proc);
	proc = NULL;
}

static void p6_goes_on_a_walk(void)
{
	struct process *next;

	setup(2);
	next = process_new(UPROBE_AREA_PAGES, 2);
	task_exec(task[1], next);
	task_exec(task[2], next);
	task_exec(task[3], next);
	step(task[0], probe[0]);
	step(task[1], probe[0]);
	uprobe_slots_walk_tasks(go_on_the_walk, NULL);
	CHECK(!proc);
	proc = next;
	teardown();
}

static void p6_many_areas(void)
{
	struct process *p[20];
	struct task_struct *t[20];
	unsigned int i, j;

	setup(2);
	for (i = 0; i < 20; i++) {
		p[i] = process_new(UPROBE_AREA_PAGES, 2);
		t[i] = task_new(p[i]);
		for (j = 0; j < capacity(); j++)
			step(t[i], probe[j % NR]);
	}
	uprobe_slots_set_enabled(false);
	for (i = 0; i < 10; i++) {
		task_exit(t[i]);
		process_free(p[i]);
	}
	unit_pass(3 * HZ);
	for (; i < 20; i++) {
		CHECK(!p[i]->root.area->nr_live);
		task_exit(t[i]);
		process_free(p[i]);
	}
	uprobe_slots_set_enabled(true);
	teardown();
}

const struct unit_case reclaim_cases[] = {
	{ "P5 a freed transient slot wakes who waits", p5_woken_by_transient },
	{ "P5 a reclaimed slot wakes who waits", p5_woken_by_reclaim },
	{ "P5 reclaim goes on while somebody waits", p5_reclaim_goes_on_for_waiters },
	{ "P5 reuse that comes back wakes who waits", p5_woken_by_on },
	{ "P5 a wait without memory sleeps", p5_no_memory_sleeps },
	{ "P5 a fatal signal ends the wait", p5_fatal_signal },
	{ "P5 who cannot be helped by reclaim does not ask", p5_retry_only_helps },
	{ "P5 a lost race is not full", p5_lost_race },
	{ "P3 between seeing LIVE and the hazard, the grace period waits", p3_grace_period },
	{ "P3 a busy slot's twin does no harm", p3_twin_of_busy },
	{ "P8 the limit says whose working set stays", p8_limit_keeps_working_set },
	{ "P8 a round of reclaim is bounded", p8_round_is_bounded },
	{ "P8 no slot is taken without need", p8_not_without_need },
	{ "P8 a slot that was used stays for a round", p8_used_ones_stay },
	{ "P8 named slots go where all are named", p8_all_named },
	{ "P8 rounds keep their distance", p8_interval },
	{ "P6 exit and exec leave the area", p6_exit_and_exec },
	{ "P6 a process without an area", p6_no_area },
	{ "P6 the process goes, a reclaim is queued", p6_queued_reclaim },
	{ "P6 the process goes, a reclaim is in its grace period", p6_reclaim_in_flight },
	{ "P6 a step that the arch refuses leaves no hazard", p6_refused_step },
	{ "P6 a step needs no uprobe", p6_unregistered_in_a_step },
	{ "P6 the process goes while its tasks are walked", p6_goes_on_a_walk },
	{ "P6 many areas, some go while all drain", p6_many_areas },
	{ }
};
