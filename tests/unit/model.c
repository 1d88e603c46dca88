// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A million random steps against a model: which instruction each slot holds, and
 * whether it is free, live or dying; and who is in a transient slot. The model
 * knows nothing of hazards, grace periods or caches. Steps go on in the middle
 * of reclaim's grace periods.
 */
#include <stdio.h>

#include "unit.h"

#define TASKS		6
#define PROCESSES	2
#define KEYS		1024
#define SLOTS		AREA_MAX_SLOTS

/* One thread: TSan has nothing to see. */
#ifdef __SANITIZE_THREAD__
#define STEPS		10UL
#else
#define STEPS		100UL
#endif

static struct uprobe *probe[KEYS];
static unsigned int nr_keys;
static unsigned long steps_done, stayed;
static bool enabled;

/* What the model says of a process: key + 1 of each slot, 0 where it is free. */
static struct model {
	struct process	*p;
	unsigned int	key[SLOTS];
	bool		dying[SLOTS];
	unsigned int	pages;
} model[PROCESSES];

static struct {
	struct task_struct	*t;
	unsigned int		m;		/* model[] of its process */
	int			key;		/* stepping, or -1 */
	int			slot;		/* or -1: in a transient one */
} task[TASKS];

static unsigned int nr_slots(struct model *m)
{
	return m->pages * UPROBE_PAGE_SLOTS;
}

static int model_find(struct model *m, unsigned int key)
{
	unsigned int i;

	for (i = 0; i < nr_slots(m); i++)
		if (m->key[i] == key + 1 && !m->dying[i])
			return i;
	return -1;
}

static int model_free_slot(struct model *m)
{
	unsigned int i;

	for (i = 0; i < nr_slots(m); i++)
		if (!m->key[i])
			return i;
	return -1;
}

static bool someone_in(struct model *m, int slot)
{
	unsigned int i;

	for (i = 0; i < TASKS; i++)
		if (task[i].key >= 0 && &model[task[i].m] == m && task[i].slot == slot)
			return true;
	return false;
}

static unsigned int nr_transient(unsigned int m)
{
	unsigned int i, nr = 0;

	for (i = 0; i < TASKS; i++)
		nr += task[i].m == m && task[i].key >= 0 && task[i].slot < 0;
	return nr;
}

/* What the real one says about the same. */
static void compare(struct model *m)
{
	struct uprobe_slot_area *area = m->p->root.area;
	unsigned int i, state;
	struct uprobe_slot *s;

	CHECK(transient_taken(m->p) == nr_transient(m - model));
	if (!area)
		return;
	CHECK(area->nr_pages == m->pages);
	for (i = 0; i < nr_slots(m); i++) {
		s = slot_at(area, i);
		state = m->dying[i] ? SLOT_DYING : m->key[i] ? SLOT_LIVE : SLOT_FREE;
		CHECK(s->state == state);
		CHECK(!m->key[i] || slot_is_of(s, probe[m->key[i] - 1]));
	}
}

static void do_begin(unsigned int i)
{
	unsigned int key = unit_random(1 + unit_random(nr_keys)), limit;
	struct model *m = &model[task[i].m];
	struct task_struct *t = task[i].t;
	int found = model_find(m, key), free = model_free_slot(m);
	u64 writes = counter(UPROBE_COUNT_WRITE);
	unsigned int known = min(uprobe_slot_knobs.area_pages, m->p->root.nr_pages);
	bool may_grow = m->pages + 1 < known;

	if (nr_transient(task[i].m) == m->p->transient)
		return;		/* it might wait, and nobody would come */
	limit = uprobe_slot_limit(t);
	CHECK(!step_begin(t, probe[key]));
	step_check(t, probe[key]);
	task[i].key = key;
	task[i].slot = in_shared(t) ? t->utask->slot->idx : -1;

	if (!enabled || !limit) {
		CHECK(task[i].slot < 0);
	} else if (found >= 0) {
		/* Or a twin of it: any slot with this key. */
		CHECK(task[i].slot >= 0 && m->key[task[i].slot] == key + 1);
		CHECK(!m->dying[task[i].slot]);
		CHECK(counter(UPROBE_COUNT_WRITE) == writes);
	} else if (known > 1 && (free >= 0 || may_grow)) {
		if (free < 0)
			free = UPROBE_PAGE_SLOTS * m->pages++;
		CHECK(task[i].slot == free);
		m->key[free] = key + 1;
		CHECK(counter(UPROBE_COUNT_WRITE) == writes + 1);
	} else {
		CHECK(task[i].slot < 0);
	}
	if (enabled && t->utask->slot_cache)
		CHECK(t->utask->slot_cache->nr <= limit);
	if (!unit_random(4))
		forget(t);
}

static void do_end(unsigned int i)
{
	step_check(task[i].t, probe[task[i].key]);
	step_end(task[i].t);
	task[i].key = -1;
}

/* Exit, and a new task; or exec into the other process. */
static void do_leave(unsigned int i)
{
	unsigned int to = unit_random(PROCESSES);

	if (unit_random(2)) {
		task_exit(task[i].t);
		task[i].t = task_new(model[to].p);
	} else {
		task_exec(task[i].t, model[to].p);
	}
	task[i].m = to;
}

static void do_knob(void)
{
	unsigned int i = unit_random(TASKS);

	switch (unit_random(5)) {
	case 0:
		uprobe_slot_knobs.cache_limit = unit_random(10);
		break;
	case 1:
		task[i].t->uprobe_slot_limit = unit_random(UPROBE_CACHE_MAX + 2);
		break;
	case 2:
		uprobe_slot_knobs.area_pages = 1 + unit_random(4);
		break;
	case 3:
		nr_keys = 1 + unit_random(min(KEYS, 5 * UPROBE_PAGE_SLOTS));
		break;
	default:
		enabled = unit_random(3);
		uprobe_slots_set_enabled(enabled);
	}
}

static void do_process(void)
{
	unsigned int m = unit_random(PROCESSES), i;

	for (i = 0; i < TASKS; i++) {
		if (task[i].m != m)
			continue;
		if (task[i].key >= 0)
			do_end(i);
		task_exec(task[i].t, model[!m].p);
		task[i].m = !m;
	}
	process_free(model[m].p);
	memset(&model[m], 0, sizeof(model[m]));
	model[m].p = process_new(UPROBE_AREA_PAGES, 3);
}

static void model_step(bool in_grace_period)
{
	unsigned int i = unit_random(TASKS), what = unit_random(1000);

	steps_done++;
	if (what < 970)
		task[i].key < 0 ? do_begin(i) : do_end(i);
	else if (what < 980)
		do_knob();
	else if (what < 990 && task[i].key < 0)
		do_leave(i);
	else if (what < 999 || in_grace_period)
		unit_tick(unit_random(HZ / 10));
	else
		do_process();

	if (!(steps_done % 8)) {
		compare(&model[0]);
		compare(&model[1]);
		CHECK(!uprobe_slots_check());
	}
}

/* Which model is reclaim at work in? The one with slots that went DYING. */
static void model_mark(void)
{
	struct uprobe_slot_area *area;
	unsigned int m, i;

	for (m = 0; m < PROCESSES; m++) {
		area = model[m].p->root.area;
		for (i = 0; i < nr_slots(&model[m]); i++) {
			if (slot_at(area, i)->state != SLOT_DYING)
				continue;
			CHECK(model[m].key[i]);		/* it was live */
			model[m].dying[i] = true;
		}
	}
}

static void in_grace_period(void)
{
	struct task_struct *me = current;
	unsigned int n = unit_random(40);

	model_mark();
	while (n--)
		model_step(true);
	be(me);
}

/* After a round: what was DYING is free where nobody is in it, else live. */
static void model_decide(void)
{
	unsigned int m, i;

	for (m = 0; m < PROCESSES; m++) {
		for (i = 0; i < nr_slots(&model[m]); i++) {
			if (!model[m].dying[i])
				continue;
			model[m].dying[i] = false;
			if (someone_in(&model[m], i))
				stayed++;
			else
				model[m].key[i] = 0;
		}
	}
}

static void model_setup(void)
{
	unsigned int i;

	memset(model, 0, sizeof(model));
	enabled = true;
	nr_keys = 3 * UPROBE_PAGE_SLOTS;
	if (nr_keys > KEYS)
		nr_keys = KEYS;
	for (i = 0; i < KEYS; i++)
		probe[i] = probe_new(i);
	for (i = 0; i < PROCESSES; i++)
		model[i].p = process_new(UPROBE_AREA_PAGES, 3);
	for (i = 0; i < TASKS; i++) {
		task[i].t = task_new(model[i % 2].p);
		task[i].m = i % 2;
		task[i].key = -1;
	}
}

static void model_teardown(void)
{
	unsigned int i;

	for (i = 0; i < TASKS; i++) {
		if (task[i].key >= 0)
			do_end(i);
		task_exit(task[i].t);
	}
	for (i = 0; i < PROCESSES; i++)
		process_free(model[i].p);
	for (i = 0; i < KEYS; i++)
		probe_free(probe[i]);
	uprobe_slots_set_enabled(true);
	check_nothing_left();
}

static void run_model(u64 seed, unsigned long steps)
{
	unsigned long until = steps_done + steps;

	unit_me->rng = seed;
	model_setup();
	unit_in_grace_period = in_grace_period;
	while (steps_done < until) {
		model_step(false);
		if (unit_run_work())
			model_decide();
		if (!(steps_done % 64))
			unit_tick(1);
	}
	unit_in_grace_period = NULL;
	model_teardown();
}

static void model_plain(void)
{
	run_model(unit_seed, 70 * STEPS * unit_scale);
	printf("# %lu steps, %u hits, %u freed, %lu busy\n", steps_done, unit_events.hit,
	       unit_events.reclaim[UPROBE_RECLAIM_FREED], stayed);
}

/* Few hashes: entries crowd, chains grow, tags tell little. */
static void model_collisions(void)
{
	unit_hash_mask = 0xe0003000;
	run_model(unit_seed + 1, 20 * STEPS * unit_scale);
	unit_hash_mask = 0;
	run_model(unit_seed + 2, 10 * STEPS * unit_scale);
}

const struct unit_case model_cases[] = {
	{ "P3 P4 P8 the model agrees, step by step", model_plain },
	{ "P3 P4 P8 the model agrees where hashes collide", model_collisions },
	{ }
};
