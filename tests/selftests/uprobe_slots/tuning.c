// SPDX-License-Identifier: GPL-2.0
/*
 * Description: P8 (runtime tuning). Every knob is changed again and again
 * while 8 threads hit 200 probes: no hit is lost or doubled, no value wrong,
 * nobody stops.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "team.h"

#define THREADS		8
#define PROBES		200
#define ALL_SECONDS	120

/*
 * What is changed, and how often at the least. 30 writes give each of the 16 values
 * of area_pages a chance, and turn reuse off and on about 15 times. The limits of
 * tasks are all taken away in one of eight turns only: else hardly a hit would
 * ever meet one. A machine too slow for all of this fails the case.
 */
enum { ENABLE, CACHE_LIMIT, AREA_PAGES, TASK_LIMIT, STATS, TASK_LIMITS, NR_CHANGES };

static const struct {
	const char *name;
	long at_least;
} wanted[NR_CHANGES] = {
	[ENABLE] = { "enable", 30 },
	[CACHE_LIMIT] = { "cache_limit", 30 },
	[AREA_PAGES] = { "area_pages", 30 },
	[TASK_LIMIT] = { "a task's limit", 30 },
	[STATS] = { "stats", 30 },
	[TASK_LIMITS] = { "task_limits, cleared", 4 },
};

static struct team team;
static bool stop;
static long changes[NR_CHANGES];

static void change_task_limit(unsigned int r)
{
	us_limit(team.m[r % THREADS].tid, (int)(r / THREADS % 66) - 1);
}

static void clear(const char *path)
{
	int err = us_write_mode(path, O_TRUNC, NULL, 0);

	if (err)
		us_die("cannot clear %s: %s", path, strerror(-err));
}

/* All knobs in turn, values from a fixed sequence. */
static void *change_knobs(void *unused)
{
	unsigned int r = 12345, i;

	for (i = 0; !READ_ONCE(stop); i = (i + 1) % NR_CHANGES) {
		r = r * 1103515245 + 12345;
		switch (i) {
		case ENABLE:
			us_knob("enable", r >> 16 & 1);
			break;
		case CACHE_LIMIT:
			us_knob("cache_limit", (r >> 16) % 65);
			break;
		case AREA_PAGES:
			us_knob("area_pages", 1 + (r >> 16) % 16);
			break;
		case TASK_LIMIT:
			change_task_limit(r >> 16);
			break;
		case STATS:
			clear(SLOTS "/stats");
			break;
		case TASK_LIMITS:
			if (r >> 16 & 7)
				continue;
			clear(SLOTS "/task_limits");
			break;
		}
		WRITE_ONCE(changes[i], changes[i] + 1);
	}
	return NULL;
}

static bool enough(int i)
{
	return READ_ONCE(changes[i]) >= us_scaled(wanted[i].at_least);
}

static bool all_enough(void)
{
	int i;

	for (i = 0; i < NR_CHANGES; i++)
		if (!enough(i))
			return false;
	return true;
}

static int check_changes(void)
{
	int bad = 0, i;

	for (i = 0; i < NR_CHANGES; i++) {
		us_diag("%s: %ld times", wanted[i].name, changes[i]);
		bad |= us_check(enough(i), "%s: expected at least %ld times",
				wanted[i].name, us_scaled(wanted[i].at_least));
	}
	return bad;
}

static int all_knobs(void)
{
	double end = us_deadline(ALL_SECONDS - 20);
	pthread_t changer;
	int bad;

	us_probe_many("tuning", 0, PROBES);
	us_enable("tuning", true);
	team_start(&team, THREADS, 0, PROBES);
	if (pthread_create(&changer, NULL, change_knobs, NULL))
		us_die("pthread_create");
	do
		team_go(&team, 4);
	while (!all_enough() && us_now() < end);
	WRITE_ONCE(stop, true);
	pthread_join(changer, NULL);
	us_diag("%ld hits", team_calls(&team));
	bad = check_changes();
	bad |= us_check(us_hits("tuning") == (uint64_t)team_calls(&team),
			"%ld calls, %ju hits", team_calls(&team),
			us_hits("tuning"));
	return bad | team_stop(&team);
}

/* Lowering area_pages stops growth; slots that exist go on serving. */
static int area_pages_lowered(void)
{
	struct us_stats a, b;
	int bad;

	us_knob("area_pages", 3);
	us_knob("cache_limit", 64);
	us_probe_many("pages", 0, US_MANY);
	us_enable("pages", true);
	team_start(&team, 1, 0, 2 * US_SLOTS_PER_PAGE);
	team_go(&team, 1);
	us_knob("area_pages", 1);
	us_stats(&a);
	team_go(&team, 2);
	us_stats(&b);
	bad = us_laws(&a, &b, 4 * US_SLOTS_PER_PAGE);
	bad |= us_check(!us_delta(&a, &b, "slot_write") &&
			us_delta(&a, &b, "slot_flush_avoided") ==
			4 * US_SLOTS_PER_PAGE, "%jd slot writes, %jd served",
			us_delta(&a, &b, "slot_write"),
			us_delta(&a, &b, "slot_flush_avoided"));
	bad |= us_check(!us_delta(&a, &b, "pages"), "pages %+jd",
			us_delta(&a, &b, "pages"));

	/* Raised again, it grows again. */
	us_knob("area_pages", 4);
	team.m[0].to = 2 * US_SLOTS_PER_PAGE + 20;
	us_stats(&a);
	team_go(&team, 3);
	us_stats(&b);
	bad |= us_check(us_delta(&a, &b, "pages") == 1, "raised: pages %+jd",
			us_delta(&a, &b, "pages"));
	return bad | team_stop(&team);
}

static const struct us_case cases[] = {
	{ "every knob changes, 8 threads hit 200 probes (P8)", all_knobs, US_SLOTS, ALL_SECONDS },
	{ "area_pages lowered and raised (P7, P8)", area_pages_lowered, US_SLOTS },
};

int main(void)
{
	return us_run(cases, ARRAY_SIZE(cases));
}
