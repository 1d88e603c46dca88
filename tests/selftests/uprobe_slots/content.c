// SPDX-License-Identifier: GPL-2.0
/*
 * Description: P3 (content). Runs every snippet of content_ARCH.S first
 * without a probe, which gives the reference, then with one, and compares
 * registers, flags, stack pointer, stack and memory: with 1 and with 16
 * threads, with slots on, with limit 0 and with slots off, and while reclaim
 * rewrites slots all the time. Hits are counted exactly, and the counters'
 * laws are checked.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "common.h"
#include "content.h"

#define MAX_THREADS	16
#define MAX_SNIPS	160
#define MAX_COMPLAINTS	5

static int nr_snips;

struct worker {
	pthread_t thread;
	int index;
	struct us_ctx *ctx;
	struct us_result *ref;	/* one a snippet */
	long runs[MAX_SNIPS];
	int wrong;
};

static struct worker workers[MAX_THREADS];
static pthread_barrier_t barrier;
static int nr_workers, rounds;
static bool churning;

/*
 * The globals are everybody's: only a lone thread can reset them before a
 * call, and so see that its own store has landed. With several threads all
 * store the same values, and a store that went astray shows in `data`.
 */
static uint8_t globals_start[512], globals_ref[MAX_SNIPS][512];

static size_t globals_size(void)
{
	return us_globals_end - us_globals;
}

static int run_and_compare(struct worker *w, int i)
{
	const struct us_snip *s = &__start_snips[i];
	bool alone = nr_workers == 1;
	int bad;

	if (alone)
		memcpy(us_globals, globals_start, globals_size());
	us_snip_run(s, w->ctx);
	w->runs[i]++;
	bad = us_snip_compare(s, w->ctx, &w->ref[i]);
	if (alone)
		bad |= us_snip_differ(s->name, "globals", globals_ref[i],
				      us_globals, globals_size());
	return bad;
}

static void take_references(struct worker *w)
{
	int i;

	for (i = 0; i < nr_snips; i++) {
		if (nr_workers == 1)
			memcpy(us_globals, globals_start, globals_size());
		us_snip_run(&__start_snips[i], w->ctx);
		us_snip_save(w->ctx, &w->ref[i]);
		if (nr_workers == 1)
			memcpy(globals_ref[i], us_globals, globals_size());
	}
}

/* Each thread begins at another snippet, so that different ones meet. */
static void *work(void *arg)
{
	struct worker *w = arg;
	int round, i;

	us_snip_thread(w->ctx);
	take_references(w);
	pthread_barrier_wait(&barrier);		/* probes go on */
	pthread_barrier_wait(&barrier);
	for (round = 0; round < rounds; round++)
		for (i = 0; i < nr_snips && w->wrong < MAX_COMPLAINTS; i++)
			w->wrong += run_and_compare(w, (i + w->index * 7) % nr_snips);
	return NULL;
}

/* Keep reclaim busy: more instructions than slots, checked as well. */
static void *churn(void *arg)
{
	long *calls = arg;
	int i;

	/* Slots that are hit all the time are not reclaimed: change sides. */
	while (READ_ONCE(churning))
		for (i = calls[0] / 2048 % 2; i < US_MANY; i += 4, calls[0]++)
			if (us_many_call(i) != i)
				calls[1]++;
	return NULL;
}

static void *map(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE,
		       MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		us_die("mmap: %s", strerror(errno));
	return p;
}

static void start_workers(void)
{
	int i;

	nr_snips = __stop_snips - __start_snips;
	if (nr_snips > MAX_SNIPS || globals_size() > sizeof(globals_start))
		us_die("%d snippets: enlarge the tables", nr_snips);
	memcpy(globals_start, us_globals, globals_size());
	pthread_barrier_init(&barrier, NULL, nr_workers + 1);
	for (i = 0; i < nr_workers; i++) {
		workers[i].index = i;
		workers[i].ctx = map(CTX_SIZE);
		workers[i].ref = map(nr_snips * sizeof(struct us_result));
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]))
			us_die("pthread_create");
	}
}

static int finish_workers(void)
{
	int bad = 0, i;

	for (i = 0; i < nr_workers; i++) {
		pthread_join(workers[i].thread, NULL);
		bad += workers[i].wrong;
	}
	return bad;
}

/* They are neighbours: one look into the maps serves all. */
static uint64_t offset_of(const struct us_snip *s)
{
	static uint64_t first;

	if (!first)
		first = us_offset(__start_snips->probe);
	return first + ((const char *)s->probe - (const char *)__start_snips->probe);
}

static void add_probes(void)
{
	const struct us_snip *s;

	for (s = __start_snips; s < __stop_snips; s++)
		us_probe_file('p', "content", us_self(), offset_of(s));
}

static void take_hits(uint64_t off, uint64_t hits, void *arg)
{
	long *of_snips = arg;
	int i;

	for (i = 0; i < nr_snips; i++)
		if (offset_of(&__start_snips[i]) == off)
			of_snips[i] += hits;
}

/* Not one hit lost or doubled. @sum gets all hits. */
static int check_hits(int64_t *sum)
{
	long of_snips[MAX_SNIPS] = { };
	int bad = 0, i, j;

	*sum = 0;
	us_hits_each("content", take_hits, of_snips);
	for (i = 0; i < nr_snips; i++) {
		const struct us_snip *s = &__start_snips[i];
		long runs = 0, hits = of_snips[i];

		for (j = 0; j < nr_workers; j++)
			runs += workers[j].runs[i];
		if (s->kind == KIND_REP ? hits < runs : hits != runs)
			bad |= us_fail("%s: %ld calls, %ld hits", s->name, runs,
				       hits);
		*sum += hits;
	}
	return bad;
}

/* Every snippet goes out of line, so the sum of hits is that of the steps. */
static int check_counters(const struct us_stats *a, int64_t steps)
{
	struct us_stats b;

	us_stats(&b);
	return us_laws(a, &b, us_mode() == US_OFF ? 0 : steps);
}

static int run_content(int threads, long n)
{
	struct us_stats a;
	int64_t steps;
	int bad;

	nr_workers = threads;
	rounds = n;
	start_workers();
	add_probes();
	pthread_barrier_wait(&barrier);
	us_enable("content", true);
	if (us_mode() != US_STOCK)
		us_stats(&a);
	pthread_barrier_wait(&barrier);
	bad = finish_workers();
	bad |= check_hits(&steps);
	if (us_mode() != US_STOCK)
		bad |= check_counters(&a, steps);
	us_enable("content", false);
	us_diag("%d instructions, %d threads, %jd hits", nr_snips, threads, steps);
	return !!bad;
}

static int one_thread(void)
{
	return run_content(1, us_scaled(20));
}

static int sixteen_threads(void)
{
	return run_content(16, us_scaled(8));
}

static bool reclaimed_since(void *arg)
{
	struct us_stats b;

	us_stats(&b);
	return us_delta(arg, &b, "slot_reclaim") > 0;
}

static int under_reclaim(int n)
{
	long calls[2][2] = { };
	pthread_t t[2];
	struct us_stats a, b;
	int64_t steps, churned;
	int bad, i;

	us_knob("area_pages", 2);
	us_knob("cache_limit", 1);
	nr_workers = 4;
	rounds = n;
	start_workers();
	add_probes();
	us_probe_many("churn", 0, US_MANY);
	pthread_barrier_wait(&barrier);
	us_enable(NULL, true);
	us_stats(&a);
	churning = true;
	for (i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, churn, calls[i]);
	pthread_barrier_wait(&barrier);
	bad = finish_workers();
	us_poll(reclaimed_since, &a, 20);
	WRITE_ONCE(churning, false);
	for (i = 0; i < 2; i++)
		pthread_join(t[i], NULL);
	bad |= check_hits(&steps);
	us_stats(&b);
	churned = calls[0][0] + calls[1][0];
	bad |= us_laws(&a, &b, steps + churned);
	bad |= us_check(us_hits("churn") == (uint64_t)churned,
			"%jd churning calls, %ju hits", churned, us_hits("churn"));
	bad |= us_check(!calls[0][1] && !calls[1][1],
			"%ld churning calls gave a wrong value",
			calls[0][1] + calls[1][1]);
	bad |= us_check(us_delta(&a, &b, "slot_reclaim") > 0,
			"nothing was reclaimed: the test did not test");
	us_diag("%jd + %jd hits, %jd slots reclaimed", steps, churned,
		us_delta(&a, &b, "slot_reclaim"));
	return !!bad;
}

static int reclaim(void)
{
	return under_reclaim(us_scaled(50));
}

/*
 * The same with a window of the protocol held open. Not by chance in the order
 * of the races: without reclaim's grace period "hit" alone brings wrong results,
 * where no delay lets tens of thousands of reclaims pass.
 */
static int delayed(const char *window, int us)
{
	char set[32], clear[32];
	int bad;

	if (access(SLOTS "/delay", F_OK))
		return us_skip("no CONFIG_UPROBE_SLOTS_DEBUG");
	snprintf(set, sizeof(set), "%s %d\n", window, us);
	snprintf(clear, sizeof(clear), "%s 0\n", window);
	if (us_write(SLOTS "/delay", set))
		us_die("cannot delay %s", window);
	bad = under_reclaim(us_scaled(50));
	if (us_write(SLOTS "/delay", clear))
		us_die("cannot end the delay of %s", window);
	return bad;
}

static int delay_hit(void)
{
	return delayed("hit", 50);
}

static int delay_end(void)
{
	return delayed("end", 50);
}

static int delay_fill(void)
{
	return delayed("fill", 50);
}

static int delay_mark(void)
{
	return delayed("mark", 1000);
}

static int delay_scan(void)
{
	return delayed("scan", 1000);
}

static const struct us_case cases[] = {
	{ "content, 1 thread (P3)", one_thread, US_MODES },
	{ "content, 16 threads (P3)", sixteen_threads, US_MODES },
	{ "content, while slots are rewritten (P3)", reclaim, US_SLOTS },
	{ "the same, delay before the hazard (P3)", delay_hit, US_SLOTS },
	{ "the same, delay before its end (P3)", delay_end, US_SLOTS },
	{ "the same, delay before a slot is live (P3)", delay_fill, US_SLOTS },
	{ "the same, delay before the grace period (P3)", delay_mark, US_SLOTS },
	{ "the same, delay before the decision (P3)", delay_scan, US_SLOTS },
};

int main(void)
{
	return us_run(cases, ARRAY_SIZE(cases));
}
