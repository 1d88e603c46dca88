// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * trig.c - how many hits a second producers get through
 *
 * trig MILLISECONDS PRODUCERS,... MODE,... [uprobe|uretprobe]-NAME
 *
 * Probes the function NAME of probed.S, or its return. For each number of
 * producers and each mode, in the order given, that many threads, spread over
 * the CPUs, call it as fast as they can; their calls of MILLISECONDS, after some
 * time to warm up, are a line of output:
 *
 *	window BENCH PRODUCERS MODE CALLS NANOSECONDS
 *
 * and marks tell clock.c when they began and ended.
 *
 * Modes are "off" and "on", which is what slot reuse is then, with single steps and
 * nothing newly emulated; "jump", which is on with one exception a hit; and "stock",
 * for a kernel that has none. At the end the probe must have counted as many hits as
 * there were calls.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"
#include "marks.h"

#define SLOTS		"/sys/kernel/tracing/uprobe_slots/"
#define MAX_PRODUCERS	64
#define WARM_UP		3	/* that part of a window */

static function probed;
static _Atomic enum { WARMING_UP, MEASURING, DONE } phase;
static atomic_int running;

static struct producer {
	_Alignas(64) pthread_t id;
	int cpu;
	uint64_t warm_up, calls;
} producers[MAX_PRODUCERS];

static uint64_t call_while(unsigned int in_phase)
{
	uint64_t n = 0;

	for (; atomic_load_explicit(&phase, memory_order_relaxed) == in_phase; n++)
		probed();
	return n;
}

static void *produce(void *arg)
{
	struct producer *p = arg;

	pin(p->cpu);
	atomic_fetch_add(&running, 1);
	p->warm_up = call_while(WARMING_UP);
	mark(MARK_START);
	p->calls = call_while(MEASURING);
	mark(MARK_STOP);
	return NULL;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

static void set_knob(const char *path, const char *value)
{
	FILE *file = fopen(path, "w");

	if (!file || fputs(value, file) < 0 || fclose(file))
		die(path);
}

static void set_mode(const char *mode)
{
	bool jump = !strcmp(mode, "jump");

	if (!strcmp(mode, "stock")) {
		if (!access(SLOTS "enable", F_OK)) {
			fprintf(stderr, "trig: this kernel is not a stock one\n");
			exit(2);
		}
		return;
	}
	set_knob(SLOTS "enable", strcmp(mode, "off") ? "1" : "0");
	set_knob(SLOTS "exits", jump ? "jump" : "step");
	set_knob(SLOTS "emulate", jump ? "1" : "0");
}

/* Returns how many calls there were in all, the warm-up included. */
static uint64_t window(const char *bench, int n, const char *mode, long ms)
{
	int nr_cpus = sysconf(_SC_NPROCESSORS_ONLN), i;
	uint64_t ns, calls = 0, warm_up = 0;

	set_mode(mode);
	mark(MARK_FORGET);
	phase = WARMING_UP;
	running = 0;
	for (i = 0; i < n; i++) {
		producers[i].cpu = i % nr_cpus;
		if (pthread_create(&producers[i].id, NULL, produce, &producers[i]))
			die("pthread_create");
	}
	/* A busy host may let them wait for long. */
	while (running < n)
		usleep(1000);
	usleep(ms * 1000 / WARM_UP);
	ns = now_ns();
	phase = MEASURING;
	usleep(ms * 1000);
	ns = now_ns() - ns;
	phase = DONE;

	for (i = 0; i < n; i++) {
		pthread_join(producers[i].id, NULL);
		calls += producers[i].calls;
		warm_up += producers[i].warm_up;
	}
	mark(MARK_REPORT);
	printf("window %s %d %s %" PRIu64 " %" PRIu64 "\n", bench, n, mode, calls, ns);
	fflush(stdout);
	return warm_up + calls;
}

static uint64_t windows(const char *bench, char *counts, const char *modes, long ms)
{
	char *count, *save, *mode, *save_mode, copy[64];
	uint64_t total = 0;
	int n;

	for (count = strtok_r(counts, ",", &save); count;
	     count = strtok_r(NULL, ",", &save)) {
		n = atoi(count);
		if (n < 1 || n > MAX_PRODUCERS) {
			fprintf(stderr, "trig: %s producers?\n", count);
			exit(2);
		}
		snprintf(copy, sizeof(copy), "%s", modes);
		for (mode = strtok_r(copy, ",", &save_mode); mode;
		     mode = strtok_r(NULL, ",", &save_mode))
			total += window(bench, n, mode, ms);
	}
	return total;
}

int main(int argc, char **argv)
{
	const char *bench = argc == 5 ? argv[4] : "", *name = strchr(bench, '-');
	uint64_t total, hits;

	if (name)
		probed = function_named(name + 1);
	if (!probed || (strncmp(bench, "uprobe-", 7) && strncmp(bench, "uretprobe-", 10))) {
		fprintf(stderr, "Usage: trig MILLISECONDS PRODUCERS,... MODE,... "
			"[uprobe|uretprobe]-NAME\n");
		return 2;
	}

	probe(&probed, 1, bench[1] == 'r', true);
	/* Where the area lies for good depends on whether reuse is on at the first hit. */
	if (!access(SLOTS "enable", F_OK))
		set_knob(SLOTS "enable", "1");
	probed();
	total = 1 + windows(bench, argv[2], argv[3], atol(argv[1]));
	hits = probe_hits();
	if (hits != total) {
		fprintf(stderr, "trig: %s: %" PRIu64 " calls, %" PRIu64 " hits\n",
			bench, total, hits);
		return 1;
	}
	return 0;
}
