// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * unit [-l] [WORD]: runs all cases, or those with WORD in their name, each in a
 * process of its own, and ends with "N passed, N failed".
 *
 * Environment: SEED=N replays, SCALE=N runs N percent of the usual steps.
 */
#include <stdio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "unit.h"

u64 unit_seed;
unsigned int unit_scale = 100;

static const struct unit_case * const suites[] = {
	promise_cases,
#if UNIT_PAGE_SIZE == 256	/* they fill areas, of a size that they know */
	reclaim_cases, exits_cases,
#endif
	limits_cases, model_cases, fiber_cases, thread_cases,
};

static unsigned int passed, failed;

/* Longer than any case takes, also under TSan on a busy machine. */
static unsigned int timeout(void)
{
	const char *s = getenv("TIMEOUT");

	return s ? atoi(s) : 120;
}

static void run_child(const struct unit_case *c)
{
	alarm(timeout());
	unit_me = unit_cpu(0);
	unit_me->rng = unit_seed;
	unit_uprobe_slots_area_initcall();
	unit_uprobe_slots_reclaim_initcall();
	c->run();
	/* Not _exit(): LeakSanitizer looks round now. */
	exit(0);
}

static void run(const struct unit_case *c)
{
	struct timespec start, end;
	int status;
	pid_t pid;

	fflush(stdout);
	clock_gettime(CLOCK_MONOTONIC, &start);
	pid = fork();
	if (!pid)
		run_child(c);
	waitpid(pid, &status, 0);
	clock_gettime(CLOCK_MONOTONIC, &end);

	if (WIFSIGNALED(status))
		printf("# signal %d%s\n", WTERMSIG(status),
		       WTERMSIG(status) == SIGALRM ? ", it hung" : "");
	printf("%s - %s (%ld ms)%s\n", status ? "not ok" : "ok", c->name,
	       (end.tv_sec - start.tv_sec) * 1000 +
	       (end.tv_nsec - start.tv_nsec) / 1000000,
	       c->todo ? " # TODO" : "");
	if (status)
		printf("# SEED=%llu\n", (unsigned long long)unit_seed);
	*(status && !c->todo ? &failed : &passed) += 1;
}

static bool first_failure_ends(void)
{
	return failed && getenv("FAIL_FAST");
}

int main(int argc, char **argv)
{
	const char *seed = getenv("SEED"), *scale = getenv("SCALE");
	const struct unit_case *c;
	unsigned int i;

	unit_seed = seed ? strtoull(seed, NULL, 0) : (u64)time(NULL);
	if (scale)
		unit_scale = atoi(scale);
	printf("# SEED=%llu\n", (unsigned long long)unit_seed);
	for (i = 0; i < ARRAY_SIZE(suites); i++)
		for (c = suites[i]; c->name && !first_failure_ends(); c++)
			if (argc < 2 || strstr(c->name, argv[1]))
				run(c);

	printf("%u passed, %u failed\n", passed, failed);
	return failed ? 1 : 0;
}
