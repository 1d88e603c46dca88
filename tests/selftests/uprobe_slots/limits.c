// SPDX-License-Identifier: GPL-2.0
/*
 * Description: the cache limit at work. Two threads of one process have
 * together more instructions than there are slots; the limit says whose
 * working set reclaim leaves alone.
 */
#define _GNU_SOURCE
#include <unistd.h>

#include "common.h"
#include "team.h"

#define HOT	60		/* within limit 64 */

static struct team team;

struct ratio {
	uint64_t hits, misses;
};

static struct ratio ratio_of(int i)
{
	struct us_task_line t = { };

	if (!us_task_line(team.m[i].tid, &t))
		us_die("thread %d is not in the tasks file", i);
	return (struct ratio){ t.hits, t.misses };
}

/* Percent of hits since @before. */
static double percent(int i, struct ratio before)
{
	struct ratio now = ratio_of(i);
	double hits = now.hits - before.hits;
	double misses = now.misses - before.misses;

	return hits + misses ? 100 * hits / (hits + misses) : 0;
}

static void setup(void)
{
	us_knob("area_pages", 2);
	us_probe_many("limits", 0, US_MANY);
	us_enable("limits", true);
}

/*
 * The first thread's working set fits its limit, the second one runs through
 * several times more instructions than there are slots, with limit 1.
 */
static int protected(void)
{
	struct us_stats a, b;
	struct ratio r;
	double alone, pressed;
	int bad, n = 0;
	long calls;

	setup();
	team_start(&team, 2, 0, HOT);
	team.m[1].from = HOT;
	team.m[1].to = US_MANY;
	us_limit(team.m[0].tid, 64);
	us_limit(team.m[1].tid, 1);
	team.m[0].rounds = 3;
	team.m[1].rounds = 0;
	team_go_each(&team);
	r = ratio_of(0);
	team_go_each(&team);
	alone = percent(0, r);

	r = ratio_of(0);
	us_stats(&a);
	calls = team_calls(&team);
	team.m[0].rounds = us_scaled(60);
	team.m[1].rounds = us_scaled(4);
	/* What is hit all the time is not reclaimed, so the thrasher changes. */
	do {
		team.m[1].from = n % 2 ? HOT : (HOT + US_MANY) / 2;
		team.m[1].to = n % 2 ? (HOT + US_MANY) / 2 : US_MANY;
		team_go_each(&team);
		us_stats(&b);
	} while (us_delta(&a, &b, "slot_reclaim") <= 0 && n++ < 40);
	pressed = percent(0, r);
	us_diag("hit ratio alone %.1f %%, under pressure %.1f %%; %jd slots reclaimed",
		alone, pressed, us_delta(&a, &b, "slot_reclaim"));
	bad = us_check(alone == 100, "%.1f %% hits alone", alone);
	bad |= us_check(pressed >= 95, "%.1f %% hits under pressure", pressed);
	bad |= us_check(us_delta(&a, &b, "slot_reclaim") > 0,
			"nothing was reclaimed: no pressure");
	bad |= us_laws(&a, &b, team_calls(&team) - calls);
	return bad | team_stop(&team);
}

/*
 * Both threads do the same kind of work on instructions of their own: a hot set
 * again and again, and after each pass one of a cold set; all of it together is
 * more than there are slots.
 */
#define SET_HOT		50
#define SET_COLD	200

static void hot_and_cold(int i)
{
	struct member *m = &team.m[i];

	m->from = i * (SET_HOT + SET_COLD);
	m->to = m->cold_from = m->from + SET_HOT;
	m->cold_to = m->to + SET_COLD;
}

#define HIGH_RATIO	85	/* 50 of 51 are 98 %, less some evictions */
#define LOW_RATIO	5

static int high;

/* After a swap the new limit's owner has to win its slots first. */
static bool settled(void *unused)
{
	struct ratio r = ratio_of(high);

	team_go(&team, 4);
	return percent(high, r) >= HIGH_RATIO;
}

static int measure_swap(int which)
{
	struct ratio r[2];
	double ph, pl;

	high = which;
	us_limit(team.m[high].tid, 64);
	us_limit(team.m[!high].tid, 1);
	if (!us_poll(settled, NULL, 20))
		us_diag("thread %d with limit 64 has not settled", high);
	r[0] = ratio_of(0);
	r[1] = ratio_of(1);
	team_go(&team, us_scaled(30));
	ph = percent(high, r[high]);
	pl = percent(!high, r[!high]);
	us_diag("thread %d with limit 64: %.1f %%, thread %d with limit 1: %.1f %%",
		high, ph, !high, pl);
	return us_check(ph >= HIGH_RATIO && pl <= LOW_RATIO,
			"hit ratios %.1f %% and %.1f %%", ph, pl);
}

static int swapped(void)
{
	struct us_stats a, b;
	long calls;
	int bad, n = 0;

	setup();
	team_start(&team, 2, 0, 0);
	hot_and_cold(0);
	hot_and_cold(1);
	team_go(&team, 1);
	us_stats(&a);
	calls = team_calls(&team);
	bad = measure_swap(0);
	bad |= measure_swap(1);
	bad |= measure_swap(0);
	do {
		team_go(&team, 4);
		us_stats(&b);
	} while (us_delta(&a, &b, "slot_reclaim") <= 0 && n++ < 200);
	bad |= us_check(us_delta(&a, &b, "slot_reclaim") > 0,
			"nothing was reclaimed: no pressure");
	bad |= us_laws(&a, &b, team_calls(&team) - calls);
	return bad | team_stop(&team);
}

/* A limit that is lowered takes effect on the next hits, and so does a rise. */
static int at_once(void)
{
	static const int limits[] = { 64, 8, 64, 0, 64, 1, 16 };
	struct us_task_line t;
	unsigned int i;
	int bad = 0;

	us_probe_many("atonce", 0, 64);
	us_enable("atonce", true);
	team_start(&team, 1, 0, 64);
	for (i = 0; i < ARRAY_SIZE(limits); i++) {
		us_limit(team.m[0].tid, limits[i]);
		team_go(&team, 2);
		if (!us_task_line(team.m[0].tid, &t) && limits[i])
			us_die("the thread is not in the tasks file");
		bad |= us_check(t.limit == limits[i] && t.entries == limits[i],
				"limit %d: the file says limit %d, entries %ld",
				limits[i], t.limit, t.entries);
	}
	us_limit(team.m[0].tid, -1);
	us_task_line(team.m[0].tid, &t);
	bad |= us_check(t.limit == US_LIMIT_DEFAULT, "cleared, but limit %d",
			t.limit);
	return bad | team_stop(&team);
}

/* The override beats cache_limit, also where that is 0. */
static int override_beats_default(void)
{
	struct us_stats a, b;
	int bad;

	us_knob("cache_limit", 0);
	us_probe_many("override", 0, 10);
	us_enable("override", true);
	team_start(&team, 2, 0, 10);
	us_limit(team.m[1].tid, 10);
	us_stats(&a);
	team_go(&team, 10);
	us_stats(&b);
	bad = us_laws(&a, &b, 200);
	bad |= us_check(us_delta(&a, &b, "slot_miss_limit") == 100 &&
			us_delta(&a, &b, "slot_hit") == 90,
			"slot_miss_limit %jd, slot_hit %jd",
			us_delta(&a, &b, "slot_miss_limit"),
			us_delta(&a, &b, "slot_hit"));
	return bad | team_stop(&team);
}

static const struct us_case cases[] = {
	{ "limit 64 keeps its hit ratio beside a thrasher", protected, US_SLOTS },
	{ "the hit ratios swap when the limits do", swapped, US_SLOTS },
	{ "a new limit takes effect at once (P8)", at_once, US_SLOTS },
	{ "an override beats cache_limit 0", override_beats_default, US_SLOTS },
};

int main(void)
{
	return us_run(cases, ARRAY_SIZE(cases));
}
