// SPDX-License-Identifier: GPL-2.0-only
/*
 * advise: measures, and recommends a cache limit and area_pages.
 *
 * The limit should hold a task's working set: the different instructions that
 * nearly all of its executions are of. The area should hold all different
 * instructions of a process. Both are counted by histograms of the keys.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "limits.h"
#include "session.h"
#include "slots.h"
#include "table.h"
#include "uprobe-slots.h"
#include "utils.h"

#define HOT_PERCENT	99	/* of a task's executions are of its working set */
#define LIMIT_MAX	64
#define PAGES_MAX	16

struct use {
	int tid, pid;
	unsigned long long key;
	uint64_t nr;
};

struct uses {
	struct use *use;
	size_t nr;
	struct counts names;		/* only for the names of processes */
	unsigned long long spacing;	/* of slots: 0 or unknown is one a page */
};

/* What the measurement says. */
struct finding {
	uint64_t executions;
	size_t tasks, processes;
	size_t limit;			/* the largest working set, */
	int tid, limit_pid;		/* and whose it is */
	size_t keys;			/* the most instructions in a process, */
	int keys_pid;			/* and whose they are */
	size_t page_slots;
	size_t pages;
};

struct advise_options {
	struct scope scope;
	bool json, apply;
};

/* ------------------------------------------------------------ measuring -- */

static int start_measuring(struct session *s)
{
	struct slot_event *hit = events_named(&s->events, "slot_hit");
	struct slot_event *miss = events_named(&s->events, "slot_miss");
	int ret;

	if (!hit || !miss)
		return fail(EXIT_NO_FEATURE, "this kernel has no events slot_hit and slot_miss");
	ret = session_hist(s, hit, "key", NULL, NULL);
	if (!ret)
		ret = session_hist(s, miss, miss->field ? "key,reason" : "key", NULL, NULL);
	/* Slots that were given out now tell how far they are apart. */
	if (!ret && miss->field)
		ret = session_hist(s, miss, "slot", NULL, "filled");
	return ret;
}

static unsigned long long gcd(unsigned long long a, unsigned long long b)
{
	while (b) {
		unsigned long long rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static bool is_shareable(const struct slot_event *event, const struct hist_entry *entry)
{
	int word = event->field ? event_word(event, hist_number(entry, event->field)) : -1;

	return word < 0 || strcmp(event->word[word], "unshareable");
}

static int add_use(struct session *s, const struct slot_event *event,
		   const struct hist_entry *entry, void *data)
{
	unsigned long long slot = hist_number(entry, "slot");
	struct uses *uses = data;
	struct use *more;

	if (slot) {
		uses->spacing = gcd(uses->spacing, slot % getpagesize());
		return EXIT_OK;
	}
	if (!is_shareable(event, entry))
		return EXIT_OK;
	if (!(uses->nr & (uses->nr - 1))) {
		more = realloc(uses->use, (uses->nr ? 2 * uses->nr : 1) * sizeof(*more));
		if (!more)
			return out_of_memory();
		uses->use = more;
	}
	more = &uses->use[uses->nr++];
	*more = (struct use){
		.tid = entry->tid,
		.pid = procs_pid_live(&s->procs, entry->tid),
		.key = hist_number(entry, "key"),
		.nr = hist_number(entry, "hitcount"),
	};
	return counts_add(&uses->names, more->pid, entry->tid, entry->comm, 0, -1, more->nr, 0);
}

static int read_uses(struct session *s, struct uses *uses)
{
	int ret;

	uses->spacing = getpagesize();
	ret = session_hist_read(s, events_named(&s->events, "slot_hit"), add_use, uses);
	if (!ret)
		ret = session_hist_read(s, events_named(&s->events, "slot_miss"), add_use, uses);
	return ret;
}

/* ------------------------------------------------------------- adding up -- */

static int by_task_key(const void *a, const void *b)
{
	const struct use *ua = a, *ub = b;

	if (ua->tid != ub->tid)
		return ua->tid < ub->tid ? -1 : 1;
	return (ua->key > ub->key) - (ua->key < ub->key);
}

static int by_task_number(const void *a, const void *b)
{
	const struct use *ua = a, *ub = b;

	if (ua->tid != ub->tid)
		return ua->tid < ub->tid ? -1 : 1;
	return (ua->nr < ub->nr) - (ua->nr > ub->nr);
}

static int by_process_key(const void *a, const void *b)
{
	const struct use *ua = a, *ub = b;

	if (ua->pid != ub->pid)
		return ua->pid < ub->pid ? -1 : 1;
	return (ua->key > ub->key) - (ua->key < ub->key);
}

/* Hits, and misses of each reason, are entries of their own. */
static void merge(struct uses *uses)
{
	size_t i, nr = 0;

	qsort(uses->use, uses->nr, sizeof(*uses->use), by_task_key);
	for (i = 0; i < uses->nr; i++) {
		if (nr && !by_task_key(&uses->use[nr - 1], &uses->use[i]))
			uses->use[nr - 1].nr += uses->use[i].nr;
		else
			uses->use[nr++] = uses->use[i];
	}
	uses->nr = nr;
}

/* @use: a task's, most used first. How many make up HOT_PERCENT of all? */
static size_t working_set(const struct use *use, size_t nr)
{
	uint64_t all = 0, sum = 0;
	size_t i;

	for (i = 0; i < nr; i++)
		all += use[i].nr;
	for (i = 0; i < nr && sum * 100 < all * HOT_PERCENT; i++)
		sum += use[i].nr;
	return i;
}

static void find_limit(struct uses *uses, struct finding *f)
{
	size_t i, end, set;

	qsort(uses->use, uses->nr, sizeof(*uses->use), by_task_number);
	for (i = 0; i < uses->nr; i = end) {
		for (end = i; end < uses->nr && uses->use[end].tid == uses->use[i].tid; end++)
			f->executions += uses->use[end].nr;
		f->tasks++;
		set = working_set(&uses->use[i], end - i);
		if (set <= f->limit)
			continue;
		f->limit = set;
		f->tid = uses->use[i].tid;
		f->limit_pid = uses->use[i].pid;
	}
}

static void find_keys(struct uses *uses, struct finding *f)
{
	size_t i, keys = 0;

	qsort(uses->use, uses->nr, sizeof(*uses->use), by_process_key);
	for (i = 0; i < uses->nr; i++) {
		const struct use *use = &uses->use[i];

		if (!i || use[-1].pid != use->pid) {
			f->processes++;
			keys = 0;
		}
		if (!keys || use[-1].key != use->key)
			keys++;
		if (keys > f->keys) {
			f->keys = keys;
			f->keys_pid = use->pid;
		}
	}
}

/* From the gauges, if any process has shared slots now. */
static size_t slots_of_page(const struct pairs *counters, unsigned long long spacing)
{
	uint64_t slots = counter(counters, "slots_free") + counter(counters, "slots_live") +
			 counter(counters, "slots_dying") + counter(counters, "slots_pinned");
	uint64_t pages = counter(counters, "pages"), areas = counter(counters, "areas");

	if (slots && pages > areas)
		return slots / (pages - areas);
	return spacing ? getpagesize() / spacing : 1;
}

static void find(struct uses *uses, const struct pairs *counters, struct finding *f)
{
	*f = (struct finding){ 0 };
	if (!uses->nr)
		return;
	merge(uses);
	find_limit(uses, f);
	find_keys(uses, f);
	f->page_slots = slots_of_page(counters, uses->spacing);
	f->pages = 1 + (f->keys + f->page_slots - 1) / f->page_slots;
}

/* ------------------------------------------------------- recommendations -- */

struct recommendation {
	size_t limit, pages;		/* what should be, */
	size_t limit_now, pages_now;	/* and is */
	int pid;			/* whose limit; 0: everybody's */
};

/* More than is needed does no harm: never a recommendation to lower. */
static size_t at_least(size_t needed, size_t now, size_t max)
{
	if (needed > max)
		needed = max;
	return needed > now ? needed : now;
}

/* The smallest limit in force in the process, where it has a cache already. */
static size_t limit_of(int pid, size_t limit)
{
	const struct choice choice = { .pid = pid, .by_process = true };
	struct table table;

	if (table_read(&table, &choice))
		return limit;
	if (table.nr)
		limit = table.row[0].limit;
	table_free(&table);
	return limit;
}

static void recommend(const struct finding *f, const struct pairs *knobs, int pid,
		      struct recommendation *r)
{
	const char *limit = pairs_get(knobs, "cache_limit");
	const char *pages = pairs_get(knobs, "area_pages");

	r->pid = pid;
	r->limit_now = limit ? strtoul(limit, NULL, 10) : 0;
	r->pages_now = pages ? strtoul(pages, NULL, 10) : 0;
	if (pid)
		r->limit_now = limit_of(pid, r->limit_now);
	r->limit = at_least(f->limit, r->limit_now, LIMIT_MAX);
	r->pages = at_least(f->pages, r->pages_now, PAGES_MAX);
}

static const char *verdict(size_t should, size_t is, size_t needed, size_t max)
{
	static char text[80];

	if (needed > max)
		snprintf(text, sizeof(text), "(now %zu; %zu would be needed, %zu is the most)", is,
			 needed, max);
	else if (should == is)
		snprintf(text, sizeof(text), "(as it is; %zu would do)", needed);
	else
		snprintf(text, sizeof(text), "(now %zu)", is);
	return text;
}

static const char *comm_of(struct uses *uses, int pid)
{
	struct process *process = counts_process(&uses->names, pid);

	return process ? process->comm : "";
}

static void print(struct uses *uses, const struct finding *f, const struct recommendation *r,
		  double seconds)
{
	printf("measured %ju executions of %zu tasks of %zu processes in %.3f s\n",
	       (uintmax_t)f->executions, f->tasks, f->processes, seconds);
	if (!f->executions) {
		printf("nothing to recommend\n");
		return;
	}
	printf("largest working set: %zu different instructions make %d %% of what task %d of process %d (%s) executes\n",
	       f->limit, HOT_PERCENT, f->tid, f->limit_pid, comm_of(uses, f->limit_pid));
	printf("most in one process: %zu different instructions in process %d (%s), at %zu slots a page\n\n",
	       f->keys, f->keys_pid, comm_of(uses, f->keys_pid), f->page_slots);
	if (r->pid)
		printf("limit of process %d: %zu %s\n", r->pid, r->limit,
		       verdict(r->limit, r->limit_now, f->limit, LIMIT_MAX));
	else
		printf("cache_limit: %zu %s\n", r->limit,
		       verdict(r->limit, r->limit_now, f->limit, LIMIT_MAX));
	printf("area_pages: %zu %s\n", r->pages,
	       verdict(r->pages, r->pages_now, f->pages, PAGES_MAX));
}

static int print_object(const struct session *s, const struct finding *f,
			const struct recommendation *r, double seconds)
{
	struct json_object *object = json_object_new_object();

	json_add_double(object, "seconds", seconds);
	json_add_number(object, "executions", f->executions);
	json_add_number(object, "tasks", f->tasks);
	json_add_number(object, "processes", f->processes);
	json_add_number(object, "working_set", f->limit);
	json_add_number(object, "working_set_tid", f->tid);
	json_add_number(object, "instructions", f->keys);
	json_add_number(object, "instructions_pid", f->keys_pid);
	json_add_number(object, "slots_per_page", f->page_slots);
	json_add_number(object, "limit", r->limit);
	json_add_number(object, "limit_now", r->limit_now);
	json_add_number(object, "area_pages", r->pages);
	json_add_number(object, "area_pages_now", r->pages_now);
	json_add_number(object, "lost", s->lost);
	return print_json(object);
}

/* ------------------------------------------------------------- applying -- */

static int want(struct pairs *pairs, const char *name, size_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%zu", value);
	return pairs_add(pairs, name, text);
}

static int apply_limit(const struct recommendation *r, const struct pairs *knobs)
{
	char pid[16], limit[24];
	const struct target target = { .whose = WHOSE_PID, .text = pid };
	size_t nr;
	int ret;

	snprintf(pid, sizeof(pid), "%d", r->pid);
	snprintf(limit, sizeof(limit), "%zu", r->limit);
	ret = limits_set(&target, limit, &nr);
	if (ret)
		knob_write("area_pages", pairs_get(knobs, "area_pages"));
	return ret;
}

static int apply(const struct recommendation *r, const struct pairs *knobs, bool json)
{
	struct pairs wanted = { 0 };
	size_t failed;
	int ret;

	ret = want(&wanted, "area_pages", r->pages);
	if (!ret && !r->pid)
		ret = want(&wanted, "cache_limit", r->limit);
	if (!ret)
		ret = knobs_write(&wanted, knobs, &failed);
	if (!ret && r->pid && r->limit != r->limit_now)
		ret = apply_limit(r, knobs);
	pairs_free(&wanted);
	if (!ret && !json)
		printf(r->limit == r->limit_now && r->pages == r->pages_now ?
		       "nothing to change\n" : "applied\n");
	return ret;
}

static int conclude(struct session *s, const struct advise_options *o, struct uses *uses,
		    double seconds)
{
	struct pairs knobs = { 0 }, counters = { 0 };
	struct recommendation r;
	struct finding f;
	int ret;

	ret = slots_knobs(&knobs);
	if (!ret)
		ret = slots_counters(&counters);
	if (!ret) {
		find(uses, &counters, &f);
		recommend(&f, &knobs, o->scope.pid, &r);
		if (o->json)
			ret = print_object(s, &f, &r, seconds);
		else
			print(uses, &f, &r, seconds);
		session_complain(s, &o->scope);
	}
	if (!ret && o->apply)
		ret = apply(&r, &knobs, o->json);
	pairs_free(&counters);
	pairs_free(&knobs);
	return ret;
}

static int advise(const struct advise_options *o)
{
	struct uses uses = { 0 };
	double seconds = 0;
	struct session s;
	int ret;

	ret = session_open(&s);
	if (!ret)
		ret = session_follow(&s, &o->scope);
	if (!ret)
		ret = start_measuring(&s);
	if (!ret)
		ret = session_run(&s, &o->scope);
	if (!ret) {
		seconds = session_seconds(&s);
		ret = read_uses(&s, &uses);
	}
	/* A signal ends the measuring, not what it was for. */
	stopped = 0;
	if (!ret)
		ret = conclude(&s, o, &uses, seconds);
	counts_free(&uses.names);
	free(uses.use);
	session_close(&s);
	return ret;
}

static int advise_main(const struct verb *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION, SCOPE_OPTIONS,
		{ "apply", no_argument, NULL, 'a' },
		{ 0 }
	};
	struct advise_options o = { 0 };
	int c, ret = EXIT_OK;

	while (!ret && (c = getopt_long(argc, argv, "+hjap:f:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return verb_help(self);
		case '?':
			return verb_usage(self);
		case 'j':
			o.json = true;
			break;
		case 'a':
			o.apply = true;
			break;
		default:
			ret = scope_option(&o.scope, c, optarg);
		}
	}
	if (!ret)
		ret = scope_check(self, &o.scope, argc, argv);
	return ret ? ret : advise(&o);
}

const struct verb advise_verb = {
	.name = "advise",
	.summary = "measure, and recommend a limit and area_pages",
	.usage =
	"uprobe-slots advise [OPTIONS] [[--] CMD [ARGUMENTS]]\n"
	"\n"
	"Counts the different instructions that CMD and all that it creates execute, or a\n"
	"process, or everybody until Ctrl-C, and recommends a cache limit and area_pages,\n"
	"with the figures that they rest on. It never recommends less than there is.\n"
	"\n"
	"  -a, --apply          set what is recommended: with --pid the limit of that\n"
	"                       process, else cache_limit; and area_pages\n"
	SCOPE_LINES
	JSON_LINE HELP_LINE,
	.run = advise_main,
};
