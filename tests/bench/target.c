// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * target.c - threads that hit uprobes, with marks for meter.c
 *
 * target THREADS HITS NAME|COUNT
 *
 * Probes itself: the function NAME of probed.S, or COUNT functions, which begin
 * with a different instruction each. Each thread, on a CPU of its own, makes HITS
 * hits, in turn where there are several probes; the first to be done stops all.
 * The consumer does nothing, so its memory is not shared either.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench.h"
#include "marks.h"

#define MAX_THREADS	16
/*
 * A prime, and so a way through all COUNT functions unless that is a multiple of
 * it. The hits are not in order of address or of the probes' making, so that
 * those which find the area full are a fair sample: what it takes to look up a
 * probe depends on where it is in a tree.
 */
#define STRIDE		107
#define WARM_UP		16	/* rounds: reclaim settles, caches fill */
#define MIN_WARM_UP	64	/* hits */

static struct {
	int nr_threads;
	long hits;		/* wanted, of each thread */
	int nr_functions;
	function function[MAX_FUNCTIONS];
	_Alignas(64) atomic_int ready;
	_Alignas(64) atomic_bool stop;
} job;

static struct thread {
	_Alignas(64) pthread_t id;
	int cpu;
	long hits;
} threads[MAX_THREADS];

/* ---- threads ------------------------------------------------------------ */

static long warm_up_hits(void)
{
	long hits = (long)job.nr_functions * WARM_UP;

	return hits > MIN_WARM_UP ? hits : MIN_WARM_UP;
}

/* The loop does the same for each number of functions and threads. */
static long hit(long hits)
{
	const function *f = job.function, *end = f + job.nr_functions;
	long i;

	for (i = 0; i < hits && !atomic_load_explicit(&job.stop, memory_order_relaxed);
	     i++) {
		mark(MARK_HIT);
		(*f)();
		if (++f == end)
			f = job.function;
	}
	return i;
}

static void *run(void *arg)
{
	struct thread *t = arg;

	pin(t->cpu);
	hit(warm_up_hits());
	atomic_fetch_add(&job.ready, 1);
	while (atomic_load(&job.ready) <= job.nr_threads) {
		/* Sees that all others wait here, and lets them go. */
		if (t->cpu == 0 && atomic_load(&job.ready) == job.nr_threads) {
			mark(MARK_START);
			atomic_fetch_add(&job.ready, 1);
		}
	}
	t->hits = hit(job.hits);
	if (!atomic_exchange(&job.stop, true))
		mark(MARK_STOP);
	return NULL;
}

static void run_all(void)
{
	int i;

	for (i = 0; i < job.nr_threads; i++) {
		threads[i].cpu = i;
		if (pthread_create(&threads[i].id, NULL, run, &threads[i]))
			die("pthread_create");
	}
	for (i = 0; i < job.nr_threads; i++)
		pthread_join(threads[i].id, NULL);
	mark(MARK_REPORT);
}

/* ---- what is said ------------------------------------------------------- */

static uint64_t frame_of(uint64_t vaddr)
{
	FILE *file = fopen("/proc/self/pagemap", "r");
	uint64_t entry;

	if (!file || fseek(file, vaddr / 4096 * sizeof(entry), SEEK_SET) ||
	    fread(&entry, sizeof(entry), 1, file) != 1)
		die("/proc/self/pagemap");
	fclose(file);
	return entry >> 63 ? entry & ((UINT64_C(1) << 55) - 1) : 0;
}

/* "area VADDR", and "slots VADDR FRAME": the populated pages of [uprobes]. */
static void print_slot_pages(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	uint64_t start, end, frame;
	char line[512];

	if (!file)
		die("/proc/self/maps");
	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, "[uprobes]") ||
		    sscanf(line, "%lx-%lx", &start, &end) != 2)
			continue;
		printf("area %lx\n", start);
		for (; start < end; start += 4096) {
			frame = frame_of(start);
			if (frame)
				printf("slots %lx %lx\n", start, frame);
		}
	}
	fclose(file);
}

/* Chooses the functions, and probes them. */
static bool probe_what(const char *what)
{
	int n = atoi(what), i;

	job.function[0] = function_named(what);
	if (job.function[0]) {
		job.nr_functions = 1;
		probe(job.function, 1, false, false);
		return true;
	}
	if (n < 1 || n > MAX_FUNCTIONS || n % STRIDE == 0)
		return false;

	job.nr_functions = n;
	for (i = 0; i < n; i++)
		job.function[i] = probed_many[i * STRIDE % n];
	/* In order of address, which is not that of the hits: see STRIDE. */
	probe(probed_many, n, false, false);
	return true;
}

int main(int argc, char **argv)
{
	int i;

	if (argc == 4) {
		job.nr_threads = atoi(argv[1]);
		job.hits = atol(argv[2]);
	}
	if (job.nr_threads < 1 || job.nr_threads > MAX_THREADS || job.hits < 1 ||
	    !probe_what(argv[3])) {
		fprintf(stderr, "Usage: target THREADS HITS NAME|COUNT\n");
		return 2;
	}

	run_all();
	print_slot_pages();
	for (i = 0; i < job.nr_threads; i++)
		printf("hits %d %ld\n", i, threads[i].hits);
	return 0;
}
