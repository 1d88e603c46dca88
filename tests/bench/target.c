// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * target.c - threads that hit uprobes, with marks for meter.c
 *
 * target THREADS HITS ret|nop|COUNT
 *
 * Probes itself: a `ret`, a `nop`, or the first instruction, a different one
 * in each, of COUNT functions. Each thread, on a CPU of its own, makes HITS hits,
 * in turn where there are several probes; the first to be done stops all. The
 * consumer is a BPF program that returns 0: nothing comes cheaper, and no
 * consumer's memory is shared.
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "marks.h"
#include "probed.h"

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

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* ---- probes ------------------------------------------------------------- */

/* Debian 12's <linux/bpf.h> does not have it; 6.6 does. */
#define TRACE_UPROBE_MULTI	48
struct link_uprobe_multi {
	uint32_t prog_fd, target_fd, attach_type, link_flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, flags, pid, path_fd;
};

static int load_program(void)
{
	static const struct bpf_insn code[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K },	/* r0 = 0 */
		{ .code = BPF_JMP | BPF_EXIT },
	};
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_KPROBE,
		.expected_attach_type = TRACE_UPROBE_MULTI,
		.insns = (uintptr_t)code,
		.insn_cnt = sizeof(code) / sizeof(*code),
		.license = (uintptr_t)"GPL",
	};
	int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (fd < 0)
		die("BPF_PROG_LOAD");
	return fd;
}

extern const char __executable_start[];

/* The image is its file's first segments, one behind the other (no PIE). */
static uint64_t offset_of(function f)
{
	return (uintptr_t)f - (uintptr_t)__executable_start;
}

/*
 * All in one link: a perf event each would wait for a grace period each when
 * the process exits, half a minute in all.
 */
static void probe_all(void)
{
	static uint64_t offset[MAX_FUNCTIONS];
	struct link_uprobe_multi attr = {
		.prog_fd = load_program(),
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (uintptr_t)"/proc/self/exe",
		.offsets = (uintptr_t)offset,
		.cnt = job.nr_functions,
	};
	int i;

	/* In order of address, which is not that of the hits: see STRIDE. */
	for (i = 0; i < job.nr_functions; i++)
		offset[i * STRIDE % job.nr_functions] = offset_of(job.function[i]);
	if (syscall(SYS_bpf, BPF_LINK_CREATE, &attr, sizeof(attr)) < 0)
		die("BPF_LINK_CREATE");
}

/* ---- threads ------------------------------------------------------------ */

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

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

static void choose(const char *what)
{
	int n = atoi(what), i;

	job.nr_functions = 1;
	if (!strcmp(what, "ret"))
		job.function[0] = probed_ret;
	else if (!strcmp(what, "nop"))
		job.function[0] = probed_nop;
	else if (n > 0 && n <= MAX_FUNCTIONS && n % STRIDE)
		for (i = 0, job.nr_functions = n; i < n; i++)
			job.function[i] = probed_many[i * STRIDE % n];
	else
		job.nr_functions = 0;
}

int main(int argc, char **argv)
{
	int i;

	if (argc == 4) {
		job.nr_threads = atoi(argv[1]);
		job.hits = atol(argv[2]);
		choose(argv[3]);
	}
	if (job.nr_threads < 1 || job.nr_threads > MAX_THREADS || job.hits < 1 ||
	    !job.nr_functions) {
		fprintf(stderr, "Usage: target THREADS HITS ret|nop|COUNT\n");
		return 2;
	}

	probe_all();
	run_all();
	print_slot_pages();
	for (i = 0; i < job.nr_threads; i++)
		printf("hits %d %ld\n", i, threads[i].hits);
	return 0;
}
