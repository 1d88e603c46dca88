// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Races, replayable: tasks that hit, wait, exit and exec, reclaim, and an
 * operator at the knobs take turns at every marked access, as the seed says.
 */
#include <stdio.h>

#include "unit.h"

#define TASKS		4
#define KEYS		24

/* TSan knows no fibers, and sees no race in one thread. */
#if defined(__SANITIZE_THREAD__)
#define EPISODES	20
#elif defined(__SANITIZE_ADDRESS__) || UNIT_PAGE_SIZE > 256
#define EPISODES	1500
#else
#define EPISODES	4000
#endif

enum { WORKER = TASKS, OPERATOR, FIBERS };

static struct process *proc[2];
static struct uprobe *probe[KEYS];
static unsigned int hits, nr_keys, tasks_done;
static bool page0_stuck;	/* and so only reclaim helps who waits */
static u64 episode;

static void one_hit(struct task_struct *t)
{
	struct uprobe *u = probe[unit_random(1 + unit_random(nr_keys))];
	unsigned int i;

	CHECK(!step_begin(t, u));
	if (!unit_random(3))
		forget(t);
	for (i = unit_random(6); i; i--) {
		step_check(t, u);
		unit_point();
	}
	step_check(t, u);
	step_end(t);
	hits++;
}

static void task_fiber(unsigned int me)
{
	struct task_struct *t = task_new(proc[me % 2]);
	unsigned int n;

	for (n = 0; n < 12; n++) {
		one_hit(t);
		if (page0_stuck)
			continue;
		if (!unit_random(12)) {
			task_exec(t, proc[unit_random(2)]);
		} else if (!unit_random(12)) {
			task_exit(t);
			t = task_new(proc[unit_random(2)]);
		}
	}
	task_exit(t);
	tasks_done++;
}

static void worker_fiber(void)
{
	be(NULL);
	while (tasks_done < TASKS) {
		unit_tick(unit_random(HZ / 20));
		if (!unit_run_work())
			fiber_switch();
		unit_rcu_barrier();
	}
}

static void operator_fiber(void)
{
	be(NULL);
	while (tasks_done < TASKS) {
		switch (unit_random(page0_stuck ? 2 : 5)) {
		case 0:
			CHECK(!uprobe_slots_check());
			break;
		case 1:
			WRITE_ONCE(uprobe_slot_knobs.cache_limit, 1 + unit_random(3));
			break;
		case 2:
			WRITE_ONCE(uprobe_slot_knobs.cache_limit, unit_random(3));
			break;
		case 3:
			WRITE_ONCE(uprobe_slot_knobs.area_pages, 2 + unit_random(2));
			break;
		default:
			uprobe_slots_set_enabled(unit_random(2));
		}
		fiber_switch();
	}
}

static void any_fiber(unsigned int me)
{
	if (me < TASKS)
		task_fiber(me);
	else if (me == WORKER)
		worker_fiber();
	else
		operator_fiber();
}

/* Tasks that sit in page 0 until the others are through. */
static struct task_struct *stuck[2][2];

static void get_stuck(bool stick)
{
	unsigned int i, j;

	page0_stuck = stick;
	for (i = 0; i < 2; i++) {
		for (j = 0; j < 2 && stick; j++) {
			stuck[i][j] = task_new(proc[i]);
			stuck[i][j]->uprobe_slot_limit = 1;
			CHECK(!step_begin(stuck[i][j], probe[0]));
		}
	}
}

static void get_unstuck(void)
{
	unsigned int i;

	for (i = 0; i < 4 && page0_stuck; i++) {
		step_end(stuck[i / 2][i % 2]);
		task_exit(stuck[i / 2][i % 2]);
	}
}

/* P8: where it ended turned off, all that is left drains. */
static void check_drained(struct process *p)
{
	if (static_key_enabled(&uprobe_slots_key) || !p->root.area)
		return;
	unit_pass(3 * HZ);
	CHECK(!p->root.area->nr_live && !p->root.area->nr_dying);
}

static void run_episode(u64 seed)
{
	unsigned int i;

	episode = seed;
	unit_me->rng = seed;
	tasks_done = 0;
	uprobe_slot_knobs.area_pages = 2;
	uprobe_slot_knobs.cache_limit = 2;
	nr_keys = 2 + unit_random(KEYS - 2);
	unit_hash_mask = unit_random(2) ? ~0U : 0x80001000;
	unit_memory.fail_percent = 0;
	for (i = 0; i < KEYS; i++)
		probe[i] = probe_new(i);
	for (i = 0; i < 2; i++)
		proc[i] = process_new(UPROBE_AREA_PAGES, 2);
	get_stuck(!unit_random(3));
	if (!page0_stuck && !unit_random(4))
		unit_memory.fail_percent = 20;

	fiber_run(FIBERS, any_fiber, seed, 1 + unit_random(12));

	unit_memory.fail_percent = 0;
	get_unstuck();
	be(NULL);
	for (i = 0; i < 2; i++) {
		check_area(proc[i]);
		check_drained(proc[i]);
		process_free(proc[i]);
	}
	uprobe_slots_set_enabled(true);
	for (i = 0; i < KEYS; i++)
		probe_free(probe[i]);
	check_nothing_left();
}

/* A failing episode is known by its number, from which SEED= goes on. */
static void run_episodes(unsigned int nr)
{
	u64 seed = unit_seed;

	while (nr--)
		run_episode(seed++ * 0x9e3779b97f4a7c15ULL);
	printf("# %u hits, %u freed, %u busy, %u waits\n", hits,
	       unit_events.reclaim[UPROBE_RECLAIM_FREED],
	       unit_events.reclaim[UPROBE_RECLAIM_BUSY],
	       unit_events.contention[UPROBE_CONTENTION_PAGE0_FULL]);
}

static void fibers_all(void)
{
	run_episodes(EPISODES * unit_scale / 100);
}

const struct unit_case fiber_cases[] = {
	{ "P3 P4 P5 P6 interleaved at every access", fibers_all },
	{ }
};
