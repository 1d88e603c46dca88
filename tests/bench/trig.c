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
 * Modes are "off" and "on", which is what slot reuse is then, and "stock", for a
 * kernel that has none. At the end the probe must have counted as many hits as
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

#define ENABLE		"/sys/kernel/tracing/uprobe_slots/enable"
#define MAX_PRODUCERS	64
#define WARM_UP		3	/* that part of a window */

static function probed;
static atomic_bool stop;

static struct producer {
	_Alignas(64) _Atomic uint64_t calls;	/* since the start; only its own */
	pthread_t id;
	int cpu;
} producers[MAX_PRODUCERS];

static void *produce(void *arg)
{
	struct producer *p = arg;
	uint64_t calls = 0;

	pin(p->cpu);
	while (!atomic_load_explicit(&stop, memory_order_relaxed)) {
		probed();
		atomic_store_explicit(&p->calls, ++calls, memory_order_relaxed);
	}
	return NULL;
}

static uint64_t calls(int n)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < n; i++)
		sum += atomic_load_explicit(&producers[i].calls, memory_order_relaxed);
	return sum;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

static void set_mode(const char *mode)
{
	FILE *file;

	if (!strcmp(mode, "stock")) {
		if (!access(ENABLE, F_OK)) {
			fprintf(stderr, "trig: this kernel is not a stock one\n");
			exit(2);
		}
		return;
	}
	file = fopen(ENABLE, "w");
	if (!file || fputs(!strcmp(mode, "on") ? "1" : "0", file) < 0 || fclose(file))
		die(ENABLE);
}

/* Returns how many calls there were in all, the warm-up included. */
static uint64_t window(const char *bench, int n, const char *mode, long ms)
{
	int nr_cpus = sysconf(_SC_NPROCESSORS_ONLN), i;
	uint64_t start, start_calls;

	set_mode(mode);
	atomic_store(&stop, false);
	for (i = 0; i < n; i++) {
		atomic_store(&producers[i].calls, 0);
		producers[i].cpu = i % nr_cpus;
		if (pthread_create(&producers[i].id, NULL, produce, &producers[i]))
			die("pthread_create");
	}

	usleep(ms * 1000 / WARM_UP);
	start = now_ns();
	start_calls = calls(n);
	usleep(ms * 1000);
	printf("window %s %d %s %" PRIu64, bench, n, mode, calls(n) - start_calls);
	printf(" %" PRIu64 "\n", now_ns() - start);
	fflush(stdout);

	atomic_store(&stop, true);
	for (i = 0; i < n; i++)
		pthread_join(producers[i].id, NULL);
	return calls(n);
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
	total = windows(bench, argv[2], argv[3], atol(argv[1]));
	hits = probe_hits();
	if (hits != total) {
		fprintf(stderr, "trig: %s: %" PRIu64 " calls, %" PRIu64 " hits\n",
			bench, total, hits);
		return 1;
	}
	return 0;
}
