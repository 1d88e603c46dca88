// SPDX-License-Identifier: GPL-2.0
/*
 * Description: known work for the tools that trace. Each case hits probes an
 * exact number of times, holds that against the counters, and leaves what it
 * knows in the file $WORK_OUT:
 *   NAME VALUE                       a counter's difference
 *   probe SYMBOL+OFFSET HITS MISSES  what one probe got
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "stuck.h"
#include "team.h"

#define INSNS	10	/* that each thread of the exact case hits */
#define ROUNDS	5
#define WAITERS	40
/* More than page 0 has, where that is possible. */
#define WAITS	(WAITERS > US_PAGE0_SLOTS ? WAITERS - US_PAGE0_SLOTS : 0)

static struct team team;
static struct stuck stuck;
static FILE *out;

static void open_out(void)
{
	const char *path = getenv("WORK_OUT");

	out = fopen(path ? path : "/dev/null", "we");
	if (!out)
		us_die("cannot write %s", path);
}

/*
 * Enabled in an instance of its own: when a dynamic event goes, the kernel
 * clears the buffers that it was enabled in, and those others are watching.
 */
static void enable(const char *event)
{
	if (access(US_INSTANCE, F_OK))
		us_trace_start(64);
	us_trace_event(GROUP, event, true);
}

/* What is no gauge and no clock. */
static void put_counters(const struct us_stats *a, const struct us_stats *b)
{
	int i;

	for (i = 0; i < b->n; i++)
		if (!strncmp(b->e[i].name, "slot_", 5))
			fprintf(out, "%s %jd\n", b->e[i].name,
				us_delta(a, b, b->e[i].name));
}

static int is(const struct us_stats *a, const struct us_stats *b,
	      const char *name, int64_t value)
{
	return us_check(us_delta(a, b, name) == value, "%s %jd, expected %jd",
			name, us_delta(a, b, name), value);
}

static void only(int thread, int rounds)
{
	int i;

	for (i = 0; i < team.n; i++)
		team.m[i].rounds = i == thread ? rounds : 0;
	team_go_each(&team);
}

/* A process of its own whose area may have one page only. */
static int single_page(void)
{
	int i, status;
	pid_t pid;

	us_knob("area_pages", 1);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_NAME, "single");
		for (i = 0; i < INSNS; i++)
			if (us_many_call(i) != i)
				_exit(1);
		_exit(0);
	}
	waitpid(pid, &status, 0);
	us_knob("area_pages", US_AREA_PAGES_DEFAULT);
	return us_check(!status, "the process with one page: status %#x", status);
}

/* Steps into a page that is not there yet, and then hits what others have filled. */
static void *wait_and_hit(void *arg)
{
	int i = *(int *)arg;

	us_limit(gettid(), 0);
	stuck.value[i] = ((int (*)(void *))us_load)(stuck.uffd.mem + i * stuck.uffd.page_size);
	us_limit(gettid(), INSNS);
	us_many_call(0);
	us_many_call(0);
	return NULL;
}

/* More tasks in a step than page 0 has slots; the rest waits. */
static int waits(void)
{
	static int ids[WAITERS];
	int i, bad;

	bad = us_uffd_open(&stuck.uffd, WAITERS);
	if (bad)
		return bad;
	stuck.n = WAITERS;
	for (i = 0; i < WAITERS; i++) {
		ids[i] = i;
		if (pthread_create(&stuck.thread[i], NULL, wait_and_hit, &ids[i]))
			us_die("pthread_create");
	}
	bad = stuck_wait(&stuck, WAITERS < US_PAGE0_SLOTS ? WAITERS : US_PAGE0_SLOTS);
	bad |= stuck_all(&stuck);
	return bad | stuck_end(&stuck);
}

static int system_calls(void)
{
#ifdef __x86_64__
	int i;

	for (i = 0; i < 7; i++)
		((long (*)(void))us_getppid)();
	return i;
#else
	return 0;
#endif
}

/* Each reason that can be had an exact number of times. */
static int exact(void)
{
	struct us_stats a, b;
	int bad, calls, i;

	open_out();
	us_probe_many("many", 0, INSNS);
	stuck_probes(false);
	enable("many");
	enable("load");
#ifdef __x86_64__
	us_probe("syscall", us_getppid_insn);
	enable("syscall");
#endif
	us_knob("cache_limit", INSNS);
	team_start(&team, 3, 0, INSNS);
	us_limit(team.m[2].tid, 0);

	us_stats(&a);
	only(0, ROUNDS);	/* fills */
	only(1, ROUNDS);	/* finds what the first has filled */
	only(2, ROUNDS);	/* may not */
	bad = single_page();
	calls = system_calls();
	bad |= waits();
	bad |= us_check(us_quiesce(), "reclaim goes on without work");
	us_stats(&b);

	bad |= is(&a, &b, "slot_hit", 2 * (ROUNDS - 1) * INSNS + WAITERS);
	bad |= is(&a, &b, "slot_miss_filled", INSNS);
	bad |= is(&a, &b, "slot_miss_shared", INSNS + WAITERS);
	bad |= is(&a, &b, "slot_miss_limit", ROUNDS * INSNS + WAITERS);
	bad |= is(&a, &b, "slot_miss_single_page", INSNS);
	bad |= is(&a, &b, "slot_miss_unshareable", calls);
	bad |= is(&a, &b, "slot_contention_page0_full", WAITS);
	bad |= us_laws(&a, &b, (3 * ROUNDS + 1) * INSNS + calls + 3 * WAITERS);
	put_counters(&a, &b);
	for (i = 0; i < INSNS; i++)
		fprintf(out, "probe us_many+0x%x %d %d\n", i * US_MANY_SIZE,
			2 * (ROUNDS - 1) + (i ? 0 : WAITERS),
			2 + ROUNDS + 1 + (i ? 0 : WAITERS));
	fclose(out);
	return bad | team_stop(&team);
}

/*
 * A round of reclaim that was asked for may begin only a while after the last
 * one: what us_quiesce() sees before is no end yet.
 */
static int end_of_reclaim(void)
{
	struct us_stats a, b;
	int tries, bad = 0;

	for (tries = 0; tries < 50 && !bad; tries++) {
		bad = us_check(us_quiesce(), "reclaim goes on without work");
		us_stats(&a);
		usleep(500000);
		us_stats(&b);
		if (!us_delta(&a, &b, "slot_reclaim"))
			return bad;
	}
	return us_check(false, "reclaim goes on without work");
}

/* More instructions than slots: full, reclaim. How often is a matter of time. */
static int reclaim(void)
{
	struct us_stats a, b;
	int bad;

	open_out();
	us_knob("area_pages", 2);
	us_probe_many("many", 0, US_MANY);
	enable("many");
	team_start(&team, 2, 0, 3 * US_SLOTS_PER_PAGE);
	us_stats(&a);
	team_go(&team, 1);
	team_go_until_reclaimed(&team, &a);
	bad = end_of_reclaim();
	us_stats(&b);
	bad |= us_laws(&a, &b, team_calls(&team));
	bad |= us_check(us_delta(&a, &b, "slot_reclaim") > 0, "nothing reclaimed");
	put_counters(&a, &b);
	fclose(out);
	return bad | team_stop(&team);
}

static int number(const char *name, int otherwise)
{
	const char *s = getenv(name);

	return s ? atoi(s) : otherwise;
}

/* Process @i: a working set of its own, some beyond the default limit. */
static int run_process(int i, int rounds)
{
	int insns = 2 + 5 * i % 13, r, bad = 0;
	char name[24];

	snprintf(name, sizeof(name), "worker-%d", i);
	prctl(PR_SET_NAME, name);
	team_start(&team, 2, 7 * i % 100, 7 * i % 100 + insns);
	for (r = 0; r < rounds; r++) {
		team_go(&team, 2 + (r + i) % 4);
		if (r > rounds / 2 && i % 3 == 1)
			us_limit(team.m[0].tid, 0);
		usleep(2000);
	}
	return bad | team_stop(&team);
}

/* $WORK_PROCESSES that do $WORK_ROUNDS, for tables and pictures. */
static int processes(void)
{
	int n = number("WORK_PROCESSES", 2), rounds = number("WORK_ROUNDS", 20);
	struct us_stats a, b;
	int bad = 0, i, status;

	open_out();
	us_probe_many("many", 0, 120);
	enable("many");
	us_stats(&a);
	for (i = 0; i < n; i++)
		if (!fork())
			_exit(run_process(i, rounds));
	stuck_probes(false);
	enable("load");
	bad = waits();
	while (wait(&status) > 0)
		bad |= us_check(!status, "a process: status %#x", status);
	bad |= us_check(us_quiesce(), "reclaim goes on without work");
	us_stats(&b);
	bad |= us_laws(&a, &b, -1);
	put_counters(&a, &b);
	fclose(out);
	return bad;
}

static const struct us_case cases[] = {
	{ "exact", exact, US_SLOTS },
	{ "reclaim", reclaim, US_SLOTS },
	{ "processes", processes, US_SLOTS, 500 },
};

int main(int argc, char **argv)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (argc == 2 && !strcmp(argv[1], cases[i].name))
			return us_run(&cases[i], 1);
	fprintf(stderr, "usage: work exact|reclaim|processes\n");
	return 2;
}
