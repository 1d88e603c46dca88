// SPDX-License-Identifier: GPL-2.0-only
/*
 * What to do about what the counters say.
 *
 * A sentence names the figure that it rests on, and a command. Where a tenth of
 * the executions or less miss there is nothing to do: a miss that finds the
 * slot in the table is nearly as cheap as a hit.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "slots.h"
#include "table.h"
#include "utils.h"

#define GOOD_PERCENT	90.0	/* hits */
#define MAIN_PERCENT	30.0	/* of the misses have one reason */
#define WAIT_PERCENT	0.1	/* of the executions waited */
#define EXIT_PERCENT	10.0	/* of the executions took two exceptions */

/* What the sentences look at. */
struct view {
	const struct pairs *knobs, *counters;
	const struct table *tasks;
	double all, misses;
};

static void __attribute__((format(printf, 2, 3)))
say(struct advice *advice, const char *fmt, ...)
{
	va_list ap;

	if (advice->nr == ADVICE_MAX)
		return;
	va_start(ap, fmt);
	vsnprintf(advice->text[advice->nr++], sizeof(advice->text[0]), fmt, ap);
	va_end(ap);
}

static unsigned long knob(const struct view *v, const char *name)
{
	const char *value = pairs_get(v->knobs, name);

	return value ? strtoul(value, NULL, 10) : 0;
}

/* The process that misses most; the table is sorted by what it executes. */
static const struct row *worst(const struct view *v)
{
	const struct row *worst = NULL;
	size_t i;

	for (i = 0; i < v->tasks->nr; i++)
		if (v->tasks->row[i].misses && (!worst || v->tasks->row[i].misses > worst->misses))
			worst = &v->tasks->row[i];
	return worst;
}

static const char *example(const struct view *v, unsigned long limit)
{
	const struct row *row = worst(v);
	static char text[256];
	char comm[128];

	text[0] = '\0';
	if (row) {
		clean_text(comm, sizeof(comm), row->comm, false);
		snprintf(text, sizeof(text),
			 ", or only that of process %d (%s), which misses most: uprobe-slots set --pid %d %lu",
			 row->tgid, comm, row->tgid, limit);
	}
	return text;
}

static unsigned long doubled(unsigned long value, unsigned long max)
{
	return value * 2 > max ? max : value ? value * 2 : 1;
}

static void about_full(struct advice *advice, const struct view *v, double part)
{
	unsigned long pages = knob(v, "area_pages"), max = knob_max("area_pages");

	if (pages < max)
		say(advice,
		    "%.0f %% of the misses found no free slot: there are more different instructions than slots. Raise area_pages: uprobe-slots set area_pages %lu",
		    part, doubled(pages, max));
	else
		say(advice,
		    "%.0f %% of the misses found no free slot, and area_pages is at its maximum. Raise the limit of the tasks that matter, so that reclaim leaves their slots alone: uprobe-slots set --pid N %lu",
		    part, knob_max("task_limits"));
}

static void about_shared(struct advice *advice, const struct view *v, double part)
{
	unsigned long limit = knob(v, "cache_limit"), max = knob_max("cache_limit");

	if (limit < max)
		say(advice,
		    "%.0f %% of the misses are in the table but not in the task's cache: working sets are larger than the limit. Raise cache_limit: uprobe-slots set cache_limit %lu%s",
		    part, doubled(limit, max), example(v, doubled(limit, max)));
	else
		say(advice,
		    "%.0f %% of the misses are in the table but not in the task's cache, and cache_limit is at its maximum: little is lost, such a miss writes nothing",
		    part);
}

static void about_limit(struct advice *advice, const struct view *v, double part)
{
	if (!knob(v, "cache_limit"))
		say(advice,
		    "%.0f %% of the misses are because cache_limit is 0: uprobe-slots set cache_limit 8",
		    part);
	else
		say(advice,
		    "%.0f %% of the misses are of tasks whose own limit is 0 (uprobe-slots tasks --sort misses shows them): uprobe-slots set --pid N default",
		    part);
}

static void about_single_page(struct advice *advice, const struct view *v, double part)
{
	if (knob(v, "area_pages") == 1)
		say(advice,
		    "%.0f %% of the misses are because area_pages is 1: uprobe-slots set area_pages 4",
		    part);
	else
		say(advice,
		    "%.0f %% of the misses are of processes whose address space had no room for more than one page (start them again), or of the time when area_pages was 1",
		    part);
}

static void about_unshareable(struct advice *advice, const struct view *v, double part)
{
	(void)v;
	say(advice,
	    "%.0f %% of the misses are instructions that cannot be shared: no knob helps, move the probes to a neighbouring instruction",
	    part);
}

static void about_nomem(struct advice *advice, const struct view *v, double part)
{
	(void)v;
	say(advice,
	    "%.0f %% of the misses are for want of memory: look at the limits of the processes' memory cgroups",
	    part);
}

static void about_filled(struct advice *advice, const struct view *v, double part)
{
	if (counter(v->counters, "slot_reclaim") * 2 > counter(v->counters, "slot_miss_filled"))
		say(advice,
		    "%.0f %% of the misses write a slot that was reclaimed from another instruction. Raise area_pages (it is %lu), or the limit of the tasks that matter%s",
		    part, knob(v, "area_pages"), example(v, knob_max("task_limits")));
	else
		say(advice,
		    "%.0f %% of the misses are first executions, which cannot hit: look again when the probes have been hit for a while",
		    part);
}

/* The reasons that this tool has a word for. Others are shown, not judged. */
static const struct {
	const char *counter;
	void (*say)(struct advice *advice, const struct view *v, double part);
} reasons[] = {
	{ "slot_miss_full", about_full },
	{ "slot_miss_shared", about_shared },
	{ "slot_miss_limit", about_limit },
	{ "slot_miss_single_page", about_single_page },
	{ "slot_miss_unshareable", about_unshareable },
	{ "slot_miss_nomem", about_nomem },
	{ "slot_miss_filled", about_filled },
};

static void about_misses(struct advice *advice, const struct view *v)
{
	double part;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(reasons); i++) {
		part = percent(counter(v->counters, reasons[i].counter), v->misses);
		if (part >= MAIN_PERCENT)
			reasons[i].say(advice, v, part);
	}
	if (!advice->nr)
		say(advice, "%.0f %% of the executions miss, for several reasons: see slot_miss_* above",
		    percent(v->misses, v->all));
}

static void about_waits(struct advice *advice, const struct view *v)
{
	double page0 = counter(v->counters, "slot_contention_page0_full");
	double lock = counter(v->counters, "slot_contention_lock");
	bool low = knob(v, "area_pages") < knob_max("area_pages");

	if (percent(page0, v->all) > WAIT_PERCENT)
		say(advice,
		    "%.0f waits for a transient slot: more tasks than page 0 has slots miss at once%s",
		    page0, low ?
		    ". area_pages is low: raise it, or the limit of the tasks that miss" :
		    "; see why they miss");
	if (percent(lock, v->all) > WAIT_PERCENT)
		say(advice,
		    "%.0f waits for an area's lock: slots are filled and reclaimed all the time%s",
		    lock, low ? ", because area_pages is low. Raise it" :
		    ". Raise the limit of the tasks that matter");
}

/*
 * How many slots a process can pin: half of what area_pages allows. 0 if an earlier
 * version of the kernel part does not tell.
 */
static double most_pinned(const struct view *v)
{
	/* Page 0 has no shared slots. */
	return counter(v->counters, "slots_per_page") * (knob(v, "area_pages") - 1.0) / 2;
}

/* May some process be unable to pin more? The kernel tells the sum of all only. */
static bool all_pinned(const struct view *v)
{
	double most = most_pinned(v);

	return most > 0 && counter(v->counters, "slots_pinned") >= most;
}

static void about_exits(struct advice *advice, const struct view *v)
{
	double traps = counter(v->counters, "slot_exit_trap");
	double two = counter(v->counters, "slot_exit_step") + traps;
	const char *exits = pairs_get(v->knobs, "exits");
	unsigned long pages = knob(v, "area_pages"), max = knob_max("area_pages");

	if (!exits || percent(two, v->all) <= EXIT_PERCENT)
		return;
	if (strcmp(exits, "jump"))
		say(advice,
		    "exits is %s: %.0f %% of the executions took a second exception, which most need not. To save it: uprobe-slots set exits jump",
		    exits, percent(two, v->all));
	else if (percent(traps, v->all) > EXIT_PERCENT && all_pinned(v) && pages < max)
		say(advice,
		    "%.0f %% of the executions end by a second exception, and %.0f slots are pinned; a process can pin %.0f. Raise area_pages: uprobe-slots set area_pages %lu",
		    percent(traps, v->all), (double)counter(v->counters, "slots_pinned"),
		    most_pinned(v), doubled(pages, max));
}

static void about_emulate(struct advice *advice, const struct view *v)
{
	/* Elsewhere nothing is emulated by it. */
	if (kernel_is_x86() && pairs_get(v->knobs, "emulate") && !knob(v, "emulate"))
		say(advice,
		    "emulate is 0: each ret and endbr64 that is probed is executed in a slot. To emulate them: uprobe-slots set emulate 1");
}

void advice_make(struct advice *advice, const struct pairs *knobs,
		 const struct pairs *counters, const struct table *tasks)
{
	struct view v = { .knobs = knobs, .counters = counters, .tasks = tasks };

	advice->nr = 0;
	v.misses = counter(counters, "slot_miss");
	v.all = counter(counters, "slot_hit") + v.misses;
	if (pairs_get(knobs, "enable") && !knob(&v, "enable")) {
		say(advice, "reuse is off: every execution takes a transient slot. To turn it on: uprobe-slots set enable 1");
		return;
	}
	if (!v.all) {
		say(advice, "nothing to do: no out-of-line execution was counted");
		return;
	}
	if (percent(v.misses, v.all) > 100 - GOOD_PERCENT)
		about_misses(advice, &v);
	about_waits(advice, &v);
	about_exits(advice, &v);
	about_emulate(advice, &v);
	if (!advice->nr)
		say(advice, "nothing to do: %.2f %% of the executions hit the task's own cache",
		    percent(v.all - v.misses, v.all));
}
