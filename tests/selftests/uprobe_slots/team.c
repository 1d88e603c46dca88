// SPDX-License-Identifier: GPL-2.0
/* team.c - threads that run rounds of probed calls in step with the test */
#define _GNU_SOURCE
#include <unistd.h>
#include "team.h"

static void call(struct member *m, int i)
{
	m->calls++;
	if (us_many_call(i) != i)
		m->wrong++;
}

static void call_cold(struct member *m)
{
	if (m->cold < m->cold_from || m->cold >= m->cold_to)
		m->cold = m->cold_from;
	call(m, m->cold++);
}

static void run_rounds(struct member *m)
{
	long r;
	int i;

	for (r = 0; r < m->rounds; r++) {
		for (i = m->from; i < m->to; i++)
			call(m, i);
		if (m->cold_to > m->cold_from)
			call_cold(m);
	}
}

static void *member_main(void *arg)
{
	struct member *m = arg;
	struct team *t = m->team;

	m->tid = gettid();
	pthread_barrier_wait(&t->end);
	for (;;) {
		pthread_barrier_wait(&t->start);
		if (t->quit)
			return NULL;
		run_rounds(m);
		pthread_barrier_wait(&t->end);
	}
}

void team_start(struct team *t, int n, int from, int to)
{
	int i;

	t->n = n;
	t->quit = false;
	pthread_barrier_init(&t->start, NULL, n + 1);
	pthread_barrier_init(&t->end, NULL, n + 1);
	for (i = 0; i < n; i++) {
		t->m[i] = (struct member){ .from = from, .to = to, .team = t };
		if (pthread_create(&t->m[i].thread, NULL, member_main, &t->m[i]))
			us_die("pthread_create");
	}
	pthread_barrier_wait(&t->end);	/* all tids are known */
}

void team_begin(struct team *t)
{
	pthread_barrier_wait(&t->start);
}

void team_wait(struct team *t)
{
	pthread_barrier_wait(&t->end);
}

void team_go_each(struct team *t)
{
	team_begin(t);
	team_wait(t);
}

void team_go(struct team *t, long rounds)
{
	int i;

	for (i = 0; i < t->n; i++)
		t->m[i].rounds = rounds;
	team_go_each(t);
}

int team_stop(struct team *t)
{
	int bad = 0, i;

	t->quit = true;
	pthread_barrier_wait(&t->start);
	for (i = 0; i < t->n; i++) {
		pthread_join(t->m[i].thread, NULL);
		bad |= us_check(!t->m[i].wrong, "thread %d: %ld wrong values", i,
				t->m[i].wrong);
	}
	return bad;
}

long team_calls(const struct team *t)
{
	long sum = 0;
	int i;

	for (i = 0; i < t->n; i++)
		sum += t->m[i].calls;
	return sum;
}

void team_go_until_reclaimed(struct team *t, const struct us_stats *a)
{
	double end = us_now() + 20 * us_scaled(1);
	struct us_stats b;
	int i;

	for (i = 0; i < t->n; i++)
		t->m[i].from = (t->m[i].from + t->m[i].to) / 2;
	do {
		team_go(t, 1);
		us_stats(&b);
	} while (us_delta(a, &b, "slot_reclaim") <= 0 && us_now() < end);
}
