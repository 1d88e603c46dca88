// SPDX-License-Identifier: GPL-2.0-only
/*
 * advise: measures, and recommends a cache limit, area_pages, exits and emulate.
 *
 * The limit should hold a task's working set: the different instructions that
 * nearly all of its executions are of. The area should hold all different
 * instructions of a process, and be twice as large as what is pinned in it. All
 * are counted by histograms of the keys and of how executions leave their slots.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "limits.h"
#include "session.h"
#include "slots.h"
#include "table.h"
#include "uprobe-slots.h"
#include "uses.h"
#include "utils.h"

/* The most that a slot may use: one exception a hit. */
#define BEST_EXITS	"jump"

struct advise_options {
	struct scope scope;
	bool json, apply;
};

/* ------------------------------------------------------- recommendations -- */

static size_t knob_number(const struct pairs *knobs, const char *name)
{
	const char *value = pairs_get(knobs, name);

	return value ? strtoul(value, NULL, 10) : 0;
}

struct recommendation {
	size_t limit, pages;		/* what should be, */
	size_t limit_now, pages_now;	/* and is */
	const char *exits_now;		/* NULL: this kernel has no such knob, */
	const char *emulate_now;	/* or there is nothing to say about it */
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
	r->pid = pid;
	r->limit_now = knob_number(knobs, "cache_limit");
	r->pages_now = knob_number(knobs, "area_pages");
	/* Of what was not measured nothing can be said. */
	r->exits_now = f->executions ? pairs_get(knobs, "exits") : NULL;
	r->emulate_now = f->executions && kernel_is_x86() ? pairs_get(knobs, "emulate") : NULL;
	if (pid)
		r->limit_now = limit_of(pid, r->limit_now);
	r->limit = at_least(f->limit, r->limit_now, knob_max("cache_limit"));
	r->pages = at_least(f->pages, r->pages_now, knob_max("area_pages"));
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

static void print_exits(const struct uses *uses)
{
	const char *before = "how they left their slots: ";
	size_t i;

	for (i = 0; uses->exit && i < uses->exit->nr; i++) {
		if (!uses->of_exit[i])
			continue;
		printf("%s%ju %s", before, (uintmax_t)uses->of_exit[i], uses->exit->word[i]);
		before = ", ";
	}
	if (before[0] == ',')
		printf("\n");
}

static void print_exits_knob(const struct uses *uses, const struct finding *f,
			     const struct recommendation *r)
{
	uint64_t one = uses_of_exit(uses, "jump") + uses_of_exit(uses, "none");

	if (strcmp(r->exits_now, BEST_EXITS))
		printf("exits: " BEST_EXITS " (now %s: %.0f %% of the executions took two exceptions; then measure again, jumps need more slots)\n",
		       r->exits_now, percent(f->executions - one, f->executions));
	else
		printf("exits: " BEST_EXITS " (as it is: %.0f %% of the executions took one exception)\n",
		       percent(one, f->executions));
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
	printf("most in one process: %zu different instructions in process %d (%s), at %zu slots a page\n",
	       f->keys, f->keys_pid, comm_of(uses, f->keys_pid), f->page_slots);
	print_exits(uses);
	printf("\n");
	if (r->pid)
		printf("limit of process %d: %zu %s\n", r->pid, r->limit,
		       verdict(r->limit, r->limit_now, f->limit, knob_max("cache_limit")));
	else
		printf("cache_limit: %zu %s\n", r->limit,
		       verdict(r->limit, r->limit_now, f->limit, knob_max("cache_limit")));
	printf("area_pages: %zu %s\n", r->pages,
	       verdict(r->pages, r->pages_now, f->pages, knob_max("area_pages")));
	if (r->exits_now)
		print_exits_knob(uses, f, r);
	if (r->emulate_now)
		printf("emulate: 1 (%s)\n", strcmp(r->emulate_now, "1") ?
		       "now 0: ret and endbr64 are executed out of line" : "as it is");
}

static struct json_object *exits_json(const struct uses *uses)
{
	struct json_object *object = json_object_new_object();
	size_t i;

	for (i = 0; uses->exit && i < uses->exit->nr; i++)
		if (uses->of_exit[i])
			json_add_number(object, uses->exit->word[i], uses->of_exit[i]);
	return object;
}

static int print_object(const struct session *s, const struct uses *uses,
			const struct finding *f, const struct recommendation *r, double seconds)
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
	json_object_object_add(object, "left_by", exits_json(uses));
	if (r->exits_now) {
		json_add_text(object, "exits", BEST_EXITS);
		json_add_text(object, "exits_now", r->exits_now);
	}
	if (r->emulate_now) {
		json_add_number(object, "emulate", 1);
		json_add_number(object, "emulate_now", strtoul(r->emulate_now, NULL, 10));
	}
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

static int wanted_knobs(const struct recommendation *r, struct pairs *wanted)
{
	int ret = want(wanted, "area_pages", r->pages);

	if (!ret && !r->pid)
		ret = want(wanted, "cache_limit", r->limit);
	if (!ret && r->exits_now)
		ret = pairs_add(wanted, "exits", BEST_EXITS);
	if (!ret && r->emulate_now)
		ret = want(wanted, "emulate", 1);
	return ret;
}

static int apply_limit(const struct recommendation *r, const struct pairs *wanted,
		       const struct pairs *knobs)
{
	char pid[16], limit[24];
	const struct target target = { .whose = WHOSE_PID, .text = pid };
	size_t nr, i;
	int ret;

	snprintf(pid, sizeof(pid), "%d", r->pid);
	snprintf(limit, sizeof(limit), "%zu", r->limit);
	ret = limits_set(&target, limit, &nr);
	for (i = 0; ret && i < wanted->nr; i++)
		knob_write(wanted->pair[i].name, pairs_get(knobs, wanted->pair[i].name));
	return ret;
}

static bool is_change(const struct pairs *wanted, const struct pairs *knobs)
{
	size_t i;

	for (i = 0; i < wanted->nr; i++)
		if (strcmp(wanted->pair[i].value, pairs_get(knobs, wanted->pair[i].name)))
			return true;
	return false;
}

static int apply(const struct recommendation *r, const struct pairs *knobs, bool json)
{
	bool limit = r->pid && r->limit != r->limit_now;
	struct pairs wanted = { 0 };
	size_t failed;
	int ret;

	ret = wanted_knobs(r, &wanted);
	if (!ret)
		ret = knobs_write(&wanted, knobs, &failed);
	if (!ret && limit)
		ret = apply_limit(r, &wanted, knobs);
	if (!ret && !json)
		printf(limit || is_change(&wanted, knobs) ? "applied\n" : "nothing to change\n");
	pairs_free(&wanted);
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
		uses_find(uses, knob_number(&knobs, "area_pages"),
			  counter(&counters, "slots_per_page"), &f);
		recommend(&f, &knobs, o->scope.pid, &r);
		if (o->json)
			ret = print_object(s, uses, &f, &r, seconds);
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

/* Before anything is measured: without that, how many pages are needed is not known. */
static int check_kernel(void)
{
	struct pairs counters = { 0 };
	int ret = slots_counters(&counters);

	if (!ret && !counter(&counters, "slots_per_page"))
		ret = fail(EXIT_NO_FEATURE,
			   "this kernel does not say how many slots a page holds: the tool is newer than it");
	pairs_free(&counters);
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
		ret = check_kernel();
	if (!ret)
		ret = session_follow(&s, &o->scope);
	if (!ret)
		ret = uses_start(&s);
	if (!ret)
		ret = session_run(&s, &o->scope);
	if (!ret) {
		seconds = session_seconds(&s);
		ret = uses_read(&s, &uses);
	}
	/* A signal ends the measuring, not what it was for. */
	stopped = 0;
	if (!ret)
		ret = conclude(&s, o, &uses, seconds);
	uses_free(&uses);
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
	.summary = "measure, and recommend what to set",
	.usage =
	"uprobe-slots advise [OPTIONS] [[--] CMD [ARGUMENTS]]\n"
	"\n"
	"Counts the different instructions that CMD and all that it creates execute, or a\n"
	"process, or everybody until Ctrl-C, and how these left their slots, and recommends\n"
	"a cache limit, area_pages, exits and emulate, with the figures that they rest on.\n"
	"It never recommends less than there is.\n"
	"\n"
	"  -a, --apply          set what is recommended: with --pid the limit of that\n"
	"                       process, else cache_limit; and the other knobs\n"
	SCOPE_LINES
	JSON_LINE HELP_LINE,
	.run = advise_main,
};
