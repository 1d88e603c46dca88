// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Real threads: hits that look at their slot again and again while they are in
 * it, exits and execs, whole processes that come and go, knobs, reclaim.
 */
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

#define HITTERS		4
#define KEYS		(5 * UPROBE_PAGE_SLOTS)

static struct process *proc[2];
static struct uprobe **probe;
static unsigned int nr_hits, hitters_left;
static u64 all_hits;

static void enter(unsigned int cpu)
{
	unit_me = unit_cpu(cpu);
	unit_me->rng = unit_seed * 64 + cpu;
	unit_urcu_register();
}

static void leave(void)
{
	unit_urcu_unregister();
}

static bool busy(void)
{
	return __atomic_load_n(&hitters_left, __ATOMIC_ACQUIRE);
}

static void one_hit(struct task_struct *t)
{
	struct uprobe *u = probe[unit_random(1 + unit_random(KEYS))];
	unsigned int i;

	CHECK(!step_begin(t, u));
	if (!unit_random(8))
		forget(t);
	for (i = unit_random(4) ? 1 : unit_random(30); i; i--) {
		step_check(t, u);
		unit_point();
	}
	step_end(t);
}

/* In every hundredth hit, out of its process and into another one. */
static struct task_struct *wander(struct task_struct *t)
{
	struct process *p = proc[unit_random(2)];

	switch (unit_random(200)) {
	case 0:
		task_exit(t);
		return task_new(p);
	case 1:
		task_exec(t, p);
		break;
	case 2:
		WRITE_ONCE(t->uprobe_slot_limit, unit_random(UPROBE_CACHE_MAX + 2));
		break;
	}
	return t;
}

static void *hitter(void *arg)
{
	unsigned int n, me = (uintptr_t)arg;
	struct task_struct *t;

	enter(1 + me);
	t = task_new(proc[me % 2]);
	for (n = 0; n < nr_hits; n++) {
		one_hit(t);
		t = wander(t);
	}
	task_exit(t);
	__atomic_fetch_add(&all_hits, n, __ATOMIC_RELAXED);
	__atomic_fetch_sub(&hitters_left, 1, __ATOMIC_RELEASE);
	leave();
	return NULL;
}

/* Processes of one task, that go while reclaim may be at work in them. */
static void *shortlived(void *arg)
{
	struct task_struct *t;
	struct process *p;
	unsigned int n;

	enter(20);
	while (busy()) {
		p = process_new(UPROBE_AREA_PAGES, 2);
		t = task_new(p);
		for (n = unit_random(3 * KEYS); n; n--)
			one_hit(t);
		task_exit(t);
		process_free(p);
		usleep(100);
	}
	leave();
	return NULL;
}

static void *worker(void *arg)
{
	enter(30 + (uintptr_t)arg);
	while (busy()) {
		unit_tick(HZ / 100);
		if (!unit_run_work())
			usleep(20);
		unit_rcu_barrier();
	}
	leave();
	return NULL;
}

static void walk_one(struct uprobe_slot_task *t, void *data)
{
	CHECK(t->entries <= UPROBE_CACHE_MAX && t->task->pid >= 2000);
	CHECK(uprobe_slot_limit(t->task) <= UPROBE_CACHE_MAX);
}

static void operate(void)
{
	struct uprobe_slot_gauges g;

	switch (unit_random(8)) {
	case 0:
		WRITE_ONCE(uprobe_slot_knobs.cache_limit, unit_random(12));
		break;
	case 1:
		WRITE_ONCE(uprobe_slot_knobs.area_pages, unit_random(4) ? 2 : 1 + unit_random(3));
		break;
	case 2:
		uprobe_slots_set_enabled(unit_random(4));
		break;
	case 3:
		uprobe_slots_walk_tasks(walk_one, NULL);
		break;
	case 4:
		uprobe_slots_gauges(&g);
		CHECK((g.free + g.live + g.dying) % UPROBE_PAGE_SLOTS == 0);
		break;
	default:
		CHECK(!uprobe_slots_check());
	}
}

static void *operator(void *arg)
{
	enter(40);
	while (busy()) {
		operate();
		usleep(200);
	}
	leave();
	return NULL;
}

static void run_threads(void)
{
	pthread_t id[HITTERS + 4];
	unsigned long i;

	hitters_left = HITTERS;
	unit_mode = UNIT_THREADS;
	for (i = 0; i < HITTERS; i++)
		pthread_create(&id[i], NULL, hitter, (void *)i);
	pthread_create(&id[i++], NULL, shortlived, NULL);
	pthread_create(&id[i++], NULL, worker, (void *)0);
	pthread_create(&id[i++], NULL, worker, (void *)1);
	pthread_create(&id[i++], NULL, operator, NULL);
	while (i)
		pthread_join(id[--i], NULL);
	unit_mode = UNIT_PLAIN;
}

static void make_probes(void)
{
	unsigned int i;

	probe = calloc(KEYS, sizeof(*probe));
	for (i = 0; i < KEYS; i++)
		probe[i] = probe_new(i);
}

static void free_probes(void)
{
	unsigned int i;

	for (i = 0; i < KEYS; i++)
		probe_free(probe[i]);
	free(probe);
}

static void storm(unsigned int hits, unsigned int jitter)
{
	unsigned int i;

	nr_hits = hits * unit_scale;
	unit_jitter = jitter;
	uprobe_slot_knobs.area_pages = 2;
	make_probes();
	for (i = 0; i < 2; i++)
		proc[i] = process_new(UPROBE_AREA_PAGES, 2);

	run_threads();

	uprobe_slots_set_enabled(true);
	for (i = 0; i < 2; i++) {
		check_area(proc[i]);
		process_free(proc[i]);
	}
	free_probes();
	check_nothing_left();
	printf("# %llu hits, %u from the cache, %u freed, %u busy, %u waits\n",
	       (unsigned long long)all_hits, unit_events.hit,
	       unit_events.reclaim[UPROBE_RECLAIM_FREED],
	       unit_events.reclaim[UPROBE_RECLAIM_BUSY],
	       unit_events.contention[UPROBE_CONTENTION_PAGE0_FULL]);
}

#ifdef __SANITIZE_THREAD__
#define HITS	100
#else
#define HITS	600
#endif

static void threads_fast(void)
{
	storm(HITS, 0);
}

static void threads_jitter(void)
{
	storm(HITS / 2, 50);
}

/* A new process: all its threads hit for the first time, at once. */
static struct process *newborn;

static void *first_hits(void *arg)
{
	unsigned int n, me = (uintptr_t)arg;
	struct task_struct *t;

	enter(1 + me);
	t = task_new(newborn);
	if (!me)
		t->uprobe_slot_limit = 1;	/* 0: waits for page 0 alone */
	for (n = 0; n < 4; n++)
		one_hit(t);
	task_exit(t);
	leave();
	return NULL;
}

static void first_hits_once(void)
{
	pthread_t id[3];
	unsigned long i;

	newborn = process_new(UPROBE_AREA_PAGES, 1);
	unit_mode = UNIT_THREADS;
	for (i = 0; i < 3; i++)
		pthread_create(&id[i], NULL, first_hits, (void *)i);
	while (i)
		pthread_join(id[--i], NULL);
	unit_mode = UNIT_PLAIN;
	process_free(newborn);
}

static void threads_first_hits(void)
{
	unsigned int n;

	unit_jitter = 8;
	uprobe_slot_knobs.area_pages = 2;
	make_probes();
	for (n = 0; n < 2 * unit_scale; n++) {
		unit_memory.fail_percent = n % 2 ? 30 : 0;
		first_hits_once();
	}
	unit_memory.fail_percent = 0;
	free_probes();
	check_nothing_left();
}

/*
 * The barriers, for TSan: two threads in a fixed order that no barrier of ours
 * makes, so that the protocol's own have to.
 */
static unsigned int turn;

static void my_turn(unsigned int nr)
{
	while (__atomic_load_n(&turn, __ATOMIC_RELAXED) != nr)
		usleep(100);
}

static void next_turn(void)
{
	__atomic_fetch_add(&turn, 1, __ATOMIC_RELAXED);
}

static struct task_struct *first, *second;

static void barriers_begin(void)
{
	uprobe_slot_knobs.area_pages = 2;
	make_probes();
	newborn = process_new(UPROBE_AREA_PAGES, 2);
	first = task_new(newborn);
	second = task_new(newborn);
	step(first, probe[0]);
	unit_urcu_register();
	unit_mode = UNIT_THREADS;
}

static void barriers_end(void)
{
	unit_mode = UNIT_PLAIN;
	unit_urcu_unregister();
	task_exit(first);
	task_exit(second);
	process_free(newborn);
	free_probes();
	check_nothing_left();
}

/* C: the step's last look at the slot comes before another's fill. */
static void *steps_in_reclaim(void *arg)
{
	enter(1);
	CHECK(!step_begin(first, probe[0]));
	next_turn();
	my_turn(2);
	step_check(first, probe[0]);
	step_end(first);
	next_turn();
	my_turn(4);
	leave();
	return NULL;
}

static void let_it_end(void)
{
	next_turn();
	my_turn(3);
}

static void barrier_c(void)
{
	pthread_t id;

	barriers_begin();
	pthread_create(&id, NULL, steps_in_reclaim, NULL);
	my_turn(1);
	uprobe_slots_set_enabled(false);
	unit_in_grace_period = let_it_end;
	CHECK(unit_run_work());
	unit_in_grace_period = NULL;
	uprobe_slots_set_enabled(true);
	step(second, probe[1]);
	CHECK(counter(UPROBE_COUNT_WRITE) == 2);
	next_turn();
	pthread_join(id, NULL);
	barriers_end();
}

/* R3 looks at a slot of a page that came after R1, by the hazard alone. */
static void *steps_in_new_page(void *arg)
{
	unsigned int i;

	enter(1);
	my_turn(1);
	uprobe_slot_knobs.area_pages = 3;
	uprobe_slots_set_enabled(true);
	for (i = 1; i < UPROBE_PAGE_SLOTS; i++)
		step(second, probe[i]);
	CHECK(!step_begin(second, probe[i]) && in_shared(second));
	CHECK(second->utask->slot->idx >= UPROBE_PAGE_SLOTS);
	next_turn();
	my_turn(3);
	step_end(second);
	leave();
	return NULL;
}

static void let_it_grow(void)
{
	next_turn();
	my_turn(2);
}

static void barrier_new_page(void)
{
	pthread_t id;

	barriers_begin();
	step(second, probe[0]);		/* its cache is on the list */
	pthread_create(&id, NULL, steps_in_new_page, NULL);
	uprobe_slots_set_enabled(false);
	unit_in_grace_period = let_it_grow;
	CHECK(unit_run_work());
	unit_in_grace_period = NULL;
	next_turn();
	pthread_join(id, NULL);
	barriers_end();
}

/* A: who finds a slot LIVE by its old entry sees what was filled in meanwhile. */
static void *hits_refilled(void *arg)
{
	enter(1);
	my_turn(1);
	CHECK(!step_begin(first, probe[0]));
	CHECK(in_shared(first));
	step_check(first, probe[0]);
	step_end(first);
	leave();
	return NULL;
}

static void barrier_a(void)
{
	pthread_t id;

	barriers_begin();
	pthread_create(&id, NULL, hits_refilled, NULL);
	uprobe_slots_set_enabled(false);
	CHECK(unit_run_work());
	uprobe_slots_set_enabled(true);
	step(second, probe[0]);
	CHECK(counter(UPROBE_COUNT_WRITE) == 2);
	next_turn();
	pthread_join(id, NULL);
	CHECK(counter(UPROBE_COUNT_HIT) == 1);
	barriers_end();
}

/* What a hit costs here: of use only against another run on the same machine. */
static void threads_measure(void)
{
	struct process *p = process_new(UPROBE_AREA_PAGES, 2);
	struct timespec start, end;
	struct task_struct *t = task_new(p);
	struct uprobe *u = probe_new(1);
	unsigned long n = 10000UL * unit_scale, i;

	step(t, u);
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (i = 0; i < n; i++) {
		step_begin(t, u);
		step_end(t);
	}
	clock_gettime(CLOCK_MONOTONIC, &end);
	printf("# a cached hit: %.1f ns\n",
	       ((end.tv_sec - start.tv_sec) * 1e9 + (end.tv_nsec - start.tv_nsec)) / n);
	task_exit(t);
	process_free(p);
	probe_free(u);
	check_nothing_left();
}

const struct unit_case thread_cases[] = {
	{ "P3 P4 P5 P6 P8 threads", threads_fast },
	{ "P3 P4 P5 P6 P8 threads that stop anywhere", threads_jitter },
	{ "P3 barrier A: LIVE says that all is there", barrier_a },
	{ "P3 barrier: a hazard names a slot of a new page", barrier_new_page },
	{ "P3 barrier C: the fill comes after the step", barrier_c },
	{ "P5 P7 the first hits of a process, all at once", threads_first_hits },
	{ "P1 a cached hit, measured", threads_measure },
	{ }
};
