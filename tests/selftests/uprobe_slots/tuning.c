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

static struct team team;
static bool stop;
static long changes[6];

static void change_task_limit(unsigned int r)
{
	us_limit(team.m[r % THREADS].tid, (int)(r / THREADS % 66) - 1);
}

/* All knobs in turn, values from a fixed sequence. */
static void *change_knobs(void *unused)
{
	unsigned int r = 12345, i = 0;

	while (!READ_ONCE(stop)) {
		r = r * 1103515245 + 12345;
		switch (i++ % 6) {
		case 0:
			us_knob("enable", r >> 16 & 1);
			break;
		case 1:
			us_knob("cache_limit", (r >> 16) % 65);
			break;
		case 2:
			us_knob("area_pages", 1 + (r >> 16) % 16);
			break;
		case 3:
			change_task_limit(r >> 16);
			break;
		case 4:
			us_write_mode(SLOTS "/stats", O_TRUNC, NULL, 0);
			break;
		case 5:
			if (!(r >> 16 & 7))
				us_write_mode(SLOTS "/task_limits", O_TRUNC,
					      NULL, 0);
			break;
		}
		changes[(i - 1) % 6]++;
	}
	return NULL;
}

static long fewest_changes(void)
{
	long min = changes[0];
	int i;

	for (i = 1; i < 6; i++)
		if (READ_ONCE(changes[i]) < min)
			min = changes[i];
	return min;
}

static int all_knobs(void)
{
	double end = us_now() + 40;
	pthread_t changer;
	int bad;

	us_probe_many("tuning", 0, PROBES);
	us_enable("tuning", true);
	team_start(&team, THREADS, 0, PROBES);
	pthread_create(&changer, NULL, change_knobs, NULL);
	do
		team_go(&team, 4);
	while (fewest_changes() < us_scaled(30) && us_now() < end);
	WRITE_ONCE(stop, true);
	pthread_join(changer, NULL);
	us_diag("%ld hits, each knob changed at least %ld times",
		team_calls(&team), fewest_changes());
	bad = us_check(fewest_changes() >= 5, "too few changes to mean anything");
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
	{ "every knob changes, 8 threads hit 200 probes (P8)", all_knobs, US_SLOTS, 120 },
	{ "area_pages lowered and raised (P7, P8)", area_pages_lowered, US_SLOTS },
};

int main(void)
{
	return us_run(cases, ARRAY_SIZE(cases));
}
