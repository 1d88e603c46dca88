// SPDX-License-Identifier: GPL-2.0
/*
 * Description: P1 (the cached path writes nothing: no miss and no slot write
 * in the steady state) and the exact number behind each counter of `stats`:
 * each reason of a miss, slot writes, the gauges, conservation (P4).
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <string.h>
#include <unistd.h>

#include "common.h"
#include "team.h"

static struct team team;

/* @a..now: so many hits and misses with @reason, nothing else. */
static int expect(const struct us_stats *a, int64_t hits, const char *reason,
		  int64_t misses)
{
	struct us_stats b;
	int bad;

	us_stats(&b);
	bad = us_laws(a, &b, hits + misses);
	bad |= us_check(us_delta(a, &b, "slot_hit") == hits,
			"slot_hit %jd, expected %jd",
			us_delta(a, &b, "slot_hit"), hits);
	bad |= us_check(us_delta(a, &b, reason) == misses, "%s %jd, expected %jd",
			reason, us_delta(a, &b, reason), misses);
	return bad;
}

static int expect_writes(const struct us_stats *a, int64_t writes)
{
	struct us_stats b;

	us_stats(&b);
	return us_check(us_delta(a, &b, "slot_write") == writes,
			"slot_write %jd, expected %jd",
			us_delta(a, &b, "slot_write"), writes);
}

/* Threads of one process, all with the same @insns instructions. */
static int steady(int threads, int insns, long rounds)
{
	struct us_stats a;
	int bad;

	us_probe_many("steady", 0, insns);
	us_enable("steady", true);
	team_start(&team, threads, 0, insns);
	team_go(&team, 2);			/* warm up */
	us_stats(&a);
	team_go(&team, rounds);
	bad = expect(&a, (int64_t)threads * insns * rounds, "slot_miss", 0);
	bad |= expect_writes(&a, 0);
	bad |= us_check(us_hits("steady") == (uint64_t)team_calls(&team),
			"%ld calls, %ju hits", team_calls(&team),
			us_hits("steady"));
	return bad | team_stop(&team);
}

static int steady_default(void)
{
	return steady(4, US_LIMIT_DEFAULT, us_scaled(100));
}

static int steady_max(void)
{
	us_knob("cache_limit", US_LIMIT_MAX);
	return steady(4, US_LIMIT_MAX, us_scaled(15));
}

static int steady_16_threads(void)
{
	us_knob("cache_limit", 16);
	return steady(16, 16, us_scaled(10));
}

/*
 * A working set within the limit never misses after warm-up, whichever
 * instructions it is made of: a cache that is plainly direct-mapped fails here.
 */
static int within_limit(void)
{
	static const int limits[] = { 1, 2, 3, 5, 8, 13, 21, 32, 33, 48, 63, 64 };
	unsigned int l, k;
	struct us_stats a;
	int bad = 0;

	us_probe_many("within", 0, 256);
	us_enable("within", true);
	team_start(&team, 1, 0, 0);
	for (l = 0; l < ARRAY_SIZE(limits); l++) {
		us_knob("cache_limit", limits[l]);
		for (k = 0; k < 3; k++) {
			team.m[0].from = k * 64;
			team.m[0].to = k * 64 + limits[l];
			team_go(&team, 3);
			us_stats(&a);
			team_go(&team, 4);
			if (expect(&a, 4 * limits[l], "slot_miss", 0))
				bad = us_fail("limit %d, set %u", limits[l], k);
		}
	}
	return bad | team_stop(&team);
}

typedef int same_fn(int);

/* 1000 probes on equal instructions, in all threads: one slot. */
static void *call_same(void *arg)
{
	long *wrong = arg;
	int i;

	for (i = 0; i < 1000; i++)
		if (((same_fn *)(us_same + US_MANY_SIZE * i))(i) != i + 7)
			++*wrong;
	return NULL;
}

static int equal_instructions(void)
{
	struct us_stats a, b;
	long wrong[8] = { };
	pthread_t t[8];
	int i, bad;

	us_probe_range("same", us_same, US_MANY_SIZE, 0, 1000);
	us_enable("same", true);
	us_stats(&a);
	for (i = 0; i < 8; i++)
		pthread_create(&t[i], NULL, call_same, &wrong[i]);
	for (bad = 0, i = 0; i < 8; i++) {
		pthread_join(t[i], NULL);
		bad |= us_check(!wrong[i], "%ld wrong values", wrong[i]);
	}
	us_stats(&b);
	bad |= us_laws(&a, &b, 8000);
	bad |= us_check(us_delta(&a, &b, "slot_write") == 1 &&
			us_delta(&a, &b, "slots_live") == 1 &&
			us_delta(&a, &b, "slot_miss_filled") == 1 &&
			us_delta(&a, &b, "slot_miss") <= 8,
			"%jd slot writes, %jd live slots, %jd misses",
			us_delta(&a, &b, "slot_write"),
			us_delta(&a, &b, "slots_live"),
			us_delta(&a, &b, "slot_miss"));
	return bad;
}

/* The first thread fills, the second finds all in the table. */
static int filled_and_shared(void)
{
	struct us_stats a;
	int bad;

	us_knob("cache_limit", US_LIMIT_MAX);
	us_probe_many("share", 0, 50);
	us_enable("share", true);
	team_start(&team, 2, 0, 50);
	us_stats(&a);
	team.m[0].rounds = 1;
	team.m[1].rounds = 0;
	team_go_each(&team);
	bad = expect(&a, 0, "slot_miss_filled", 50);
	bad |= expect_writes(&a, 50);
	us_stats(&a);
	team.m[0].rounds = 0;
	team.m[1].rounds = 1;
	team_go_each(&team);
	bad |= expect(&a, 0, "slot_miss_shared", 50);
	bad |= expect_writes(&a, 0);
	us_stats(&a);
	team_go(&team, 1);
	bad |= expect(&a, 100, "slot_miss", 0);
	return bad | team_stop(&team);
}

/* All steps miss for @reason, each with a write into a transient slot. */
static int all_miss(const char *reason)
{
	struct us_stats a;
	int bad;

	us_probe_many("miss", 0, 20);
	us_enable("miss", true);
	team_start(&team, 2, 0, 20);
	us_stats(&a);
	team_go(&team, 10);
	bad = expect(&a, 0, reason, 400);
	bad |= expect_writes(&a, 400);
	return bad | team_stop(&team);
}

static int reason_limit(void)
{
	us_knob("cache_limit", 0);
	return all_miss("slot_miss_limit");
}

static int reason_single_page(void)
{
	us_knob("area_pages", 1);
	return all_miss("slot_miss_single_page");
}

static int reason_off(void)
{
	struct us_stats a, b;
	int bad;

	us_knob("enable", 0);
	us_probe_many("off", 0, 20);
	us_enable("off", true);
	team_start(&team, 2, 0, 20);
	us_stats(&a);
	team_go(&team, 10);
	us_stats(&b);
	bad = us_laws(&a, &b, 0);
	bad |= expect_writes(&a, 400);
	bad |= us_check(!us_gauge("slots_live"), "%ju live slots with enable 0",
			us_gauge("slots_live"));
	return bad | team_stop(&team);
}

static int reason_full(void)
{
	struct us_stats a, b;
	int bad;

	us_knob("area_pages", 2);
	us_probe_many("full", 0, US_MANY);
	us_enable("full", true);
	team_start(&team, 2, 0, US_MANY);
	us_stats(&a);
	team_go(&team, us_scaled(2));
	team_go_until_reclaimed(&team, &a);
	us_stats(&b);
	bad = us_laws(&a, &b, team_calls(&team));
	bad |= us_check(us_delta(&a, &b, "slot_miss_full") > 0,
			"the area was never full");
	bad |= us_check(us_delta(&a, &b, "slot_reclaim") > 0,
			"nothing was reclaimed");
	bad |= us_check(!us_delta(&a, &b, "slot_miss_nomem"), "no memory");
	bad |= us_check(us_hits("full") == (uint64_t)team_calls(&team),
			"%ld calls, %ju hits", team_calls(&team), us_hits("full"));
	return bad | team_stop(&team);
}

#ifdef __x86_64__
static int reason_unshareable(void)
{
	struct us_stats a;
	int i, bad = 0;

	us_probe("syscall", us_getppid_insn);
	us_enable("syscall", true);
	us_stats(&a);
	for (i = 0; i < 50; i++)
		bad |= us_check(((long (*)(void))us_getppid)() == getppid(), "wrong result");
	bad |= expect(&a, 0, "slot_miss_unshareable", 50);
	return bad | expect_writes(&a, 50);
}
#else
static int reason_unshareable(void)
{
	return us_skip("x86 only: every slot of arm64 can be shared");
}
#endif

/* Conservation, and the area grows page by page up to its bound (P4, P7). */
static int gauges(void)
{
	struct us_stats a, b;
	int64_t pages, slots;
	int bad = 0, n;

	us_knob("area_pages", 3);
	us_probe_many("gauges", 0, US_MANY);
	us_enable("gauges", true);
	us_stats(&a);
	team_start(&team, 1, 0, 10);
	for (n = 10; n <= US_MANY; n += 169) {
		team.m[0].to = n;
		team_go(&team, 1);
		bad |= us_check(us_quiesce(), "reclaim goes on without work");
		us_stats(&b);
		pages = us_delta(&a, &b, "pages");
		slots = us_delta(&a, &b, "slots_free") +
			us_delta(&a, &b, "slots_live") +
			us_delta(&a, &b, "slots_dying") +
			us_delta(&a, &b, "slots_pinned");
		bad |= us_check(us_delta(&a, &b, "areas") == 1, "areas %+jd",
				us_delta(&a, &b, "areas"));
		bad |= us_check(slots == 1 * US_SLOTS_PER_PAGE ||
				slots == 2 * US_SLOTS_PER_PAGE,
				"%d instructions: free + live + dying + pinned = %jd",
				n, slots);
		bad |= us_check(pages == slots / US_SLOTS_PER_PAGE ||
				pages == slots / US_SLOTS_PER_PAGE + 1,
				"%jd slots on %jd pages", slots, pages);
		bad |= us_check(!us_delta(&a, &b, "slots_transient"),
				"slots_transient %+jd",
				us_delta(&a, &b, "slots_transient"));
	}
	bad |= us_check(slots == 2 * US_SLOTS_PER_PAGE,
			"area_pages 3, but %jd shared slots", slots);
	return bad | team_stop(&team);
}

static bool none_live(void *unused)
{
	return !us_gauge("slots_live") && !us_gauge("slots_dying");
}

/* `enable` 0 drains; `enable` 1 begins afresh. */
static int drain(void)
{
	struct us_stats a;
	int bad, i;

	us_probe_many("drain", 0, US_LIMIT_DEFAULT);
	us_enable("drain", true);
	team_start(&team, 4, 0, US_LIMIT_DEFAULT);
	for (bad = 0, i = 0; i < 3; i++) {
		team_go(&team, 5);
		bad |= us_check(us_gauge("slots_live") == US_LIMIT_DEFAULT,
				"%ju slots live", us_gauge("slots_live"));
		us_knob("enable", 0);
		bad |= us_check(us_poll(none_live, NULL, 10),
				"enable 0 did not drain");
		us_knob("enable", 1);
		us_stats(&a);
		team_go(&team, 1);
		bad |= expect_writes(&a, US_LIMIT_DEFAULT);
	}
	return bad | team_stop(&team);
}

/* Truncation resets the counters, neither the gauges nor those of `tasks`. */
static int reset(void)
{
	struct us_task_line before = { }, after = { };
	struct us_stats a, b;
	int bad = 0, i;

	us_probe_many("reset", 0, US_LIMIT_DEFAULT);
	us_enable("reset", true);
	team_start(&team, 1, 0, US_LIMIT_DEFAULT);
	team_go(&team, 3);
	us_stats(&a);
	us_task_line(team.m[0].tid, &before);
	us_write_mode(SLOTS "/stats", O_TRUNC, NULL, 0);
	us_stats(&b);
	us_task_line(team.m[0].tid, &after);
	for (i = 0; i < b.n; i++)
		if (!strncmp(b.e[i].name, "slot_", 5))
			bad |= us_check(!b.e[i].v, "%s is %ju after the reset",
					b.e[i].name, b.e[i].v);
	bad |= us_check(us_stat(&b, "slots_live") == US_LIMIT_DEFAULT,
			"slots_live %ju", us_stat(&b, "slots_live"));
	bad |= us_check(us_stat(&b, "reset_ns") > us_stat(&a, "reset_ns"),
			"reset_ns %ju, before %ju", us_stat(&b, "reset_ns"),
			us_stat(&a, "reset_ns"));
	bad |= us_check(after.hits == before.hits && after.hits ==
			2 * US_LIMIT_DEFAULT, "tasks: hits %ju, before %ju",
			after.hits, before.hits);
	return bad | team_stop(&team);
}

/* `tasks` has each task's own figures. */
static int tasks_file(void)
{
	struct us_task_line t;
	int bad = 0;

	us_probe_many("tasks", 0, US_LIMIT_DEFAULT);
	us_enable("tasks", true);
	team_start(&team, 3, 0, US_LIMIT_DEFAULT);
	us_limit(team.m[1].tid, 3);
	us_limit(team.m[2].tid, 0);
	team_go(&team, 11);
	bad |= us_check(us_task_line(team.m[0].tid, &t) && t.tgid == getpid() &&
			t.limit == US_LIMIT_DEFAULT &&
			t.entries == US_LIMIT_DEFAULT &&
			t.hits == 10 * US_LIMIT_DEFAULT &&
			t.misses == US_LIMIT_DEFAULT,
			"thread 0: limit %d entries %ld hits %ju misses %ju",
			t.limit, t.entries, t.hits, t.misses);
	bad |= us_check(us_task_line(team.m[1].tid, &t) && t.limit == 3 &&
			t.entries == 3 &&
			t.hits + t.misses == 11 * US_LIMIT_DEFAULT,
			"thread 1: limit %d entries %ld hits %ju misses %ju",
			t.limit, t.entries, t.hits, t.misses);
	if (us_task_line(team.m[2].tid, &t))
		bad |= us_check(t.limit == 0 && t.entries == 0 && t.hits == 0,
				"thread 2: limit %d entries %ld hits %ju",
				t.limit, t.entries, t.hits);
	return bad | team_stop(&team);
}

#define REACH	(128ul << 20)		/* of an arm64 branch; x86: more */

static int call_placed(int rounds)
{
	int bad = 0, i;

	for (i = 0; i < 4 * rounds; i++)
		bad |= us_check(us_many_call(i % 4) == i % 4, "function %d", i % 4);
	return bad;
}

static int check_placed(bool near)
{
	unsigned long text = (unsigned long)us_many, start, end;

	if (!us_area(0, &start, &end))
		return us_fail("no [uprobes]");
	return us_check((end <= text && text - start < REACH) == near,
			"[uprobes] is at %#lx..%#lx, the probes at %#lx", start, end, text);
}

/* An area lies near below what is hit first, so that the jumps out of it reach. */
static int place_near(void)
{
	struct us_stats a, b;
	int bad;

	us_exits("jump");
	us_probe_many("near", 0, 4);
	us_enable("near", true);
	us_stats(&a);
	bad = call_placed(10) | check_placed(true);
	us_stats(&b);
	return bad | us_laws(&a, &b, 40) |
	       us_check(us_delta(&a, &b, "slot_exit_jump") == 40, "%jd by jump",
			us_delta(&a, &b, "slot_exit_jump"));
}

/* With reuse off it lies where it always did; a jump that is too long is none. */
static int place_off(void)
{
#ifdef __x86_64__
	const char *exit = "slot_exit_jump";	/* to an address of 64 bits */
#else
	const char *exit = "slot_exit_trap";
#endif
	struct us_stats a, b;
	int bad;

	us_knob("enable", 0);
	us_exits("jump");
	us_probe_many("far", 0, 4);
	us_enable("far", true);
	bad = call_placed(1) | check_placed(false);
	us_knob("enable", 1);
	us_stats(&a);
	bad |= call_placed(10);
	us_stats(&b);
	return bad | us_laws(&a, &b, 40) |
	       us_check(us_delta(&a, &b, exit) == 40, "%jd times %s",
			us_delta(&a, &b, exit), exit);
}

static const struct us_case cases[] = {
	{ "steady state, 4 threads, the default limit (P1)", steady_default, US_SLOTS },
	{ "steady state, 4 threads, 64 instructions (P1)", steady_max, US_SLOTS },
	{ "steady state, 16 threads (P1)", steady_16_threads, US_SLOTS },
	{ "a working set within the limit never misses (P1)", within_limit, US_SLOTS },
	{ "1000 probes on equal instructions share a slot", equal_instructions, US_SLOTS },
	{ "slot_miss filled and shared are exact", filled_and_shared, US_SLOTS },
	{ "slot_miss limit is exact (P2)", reason_limit, US_SLOTS },
	{ "slot_miss single_page is exact (P2)", reason_single_page, US_SLOTS },
	{ "slot_miss unshareable is exact (P2)", reason_unshareable, US_SLOTS },
	{ "no slot events with enable 0 (P2)", reason_off, US_SLOTS },
	{ "slot_miss full and reclaim", reason_full, US_SLOTS },
	{ "gauges conserve slots, the area is bounded (P4, P7)", gauges, US_SLOTS },
	{ "enable 0 drains, enable 1 fills again (P4, P8)", drain, US_SLOTS },
	{ "stats reset by truncation", reset, US_SLOTS },
	{ "the tasks file has each task's figures", tasks_file, US_SLOTS },
	{ "an area lies near to its probes, for jumps", place_near, US_SLOTS },
	{ "an area of a process that hit with enable 0 (P2)", place_off, US_SLOTS },
};

int main(void)
{
	return us_run(cases, ARRAY_SIZE(cases));
}
