// SPDX-License-Identifier: GPL-2.0-only
/*
 * show: the knobs, the counters, the share of the hits, and what to do.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "advice.h"
#include "slots.h"
#include "table.h"
#include "uprobe-slots.h"
#include "utils.h"

struct state {
	struct pairs knobs, counters;
	struct table tasks;
	unsigned long overrides;
};

static int width(const struct pairs *pairs)
{
	size_t i, max = 0;

	for (i = 0; i < pairs->nr; i++)
		if (strlen(pairs->pair[i].name) > max)
			max = strlen(pairs->pair[i].name);
	return (int)max;
}

static void print_head(const char *text)
{
	printf("%s%s%s\n", colour(BOLD), text, colour(NORMAL));
}

static void print_knobs(const struct state *s)
{
	int w = width(&s->knobs);
	size_t i;

	print_head("knobs");
	for (i = 0; i < s->knobs.nr; i++)
		printf("  %-*s  %s\n", w, s->knobs.pair[i].name, s->knobs.pair[i].value);
	if (s->overrides)
		printf("tasks with a limit of their own: %lu (see task_limits)\n", s->overrides);
}

/* A gauge has no rate, and zero needs none. */
static void print_counter(const struct pair *pair, int w, double seconds)
{
	double value = strtod(pair->value, NULL);

	if (is_gauge(pair->name) || !value || seconds <= 0)
		printf("  %-*s  %s\n", w, pair->name, pair->value);
	else
		printf("  %-*s  %-14s  %.1f/s\n", w, pair->name, pair->value, value / seconds);
}

static void print_counters(const struct state *s)
{
	double seconds = counters_seconds(&s->counters);
	int w = width(&s->counters);
	char head[64];
	size_t i;

	if (counter(&s->counters, "reset_ns"))
		snprintf(head, sizeof(head), "counters, since their reset %.1f s ago", seconds);
	else
		snprintf(head, sizeof(head), "counters, since boot");
	print_head(head);
	for (i = 0; i < s->counters.nr; i++)
		print_counter(&s->counters.pair[i], w, seconds);
}

/* Every out-of-line execution with reuse on is one of hit and miss. */
static void print_hit_ratio(const struct pairs *counters)
{
	unsigned long long hit = counter(counters, "slot_hit");
	unsigned long long all = hit + counter(counters, "slot_miss");

	if (all)
		printf("hit ratio: %.2f %% of %llu out-of-line executions with reuse on\n",
		       percent(hit, all), all);
	else
		printf("hit ratio: none yet (no out-of-line execution with reuse on)\n");
}

static struct json_object *rates_json(const struct pairs *counters)
{
	struct json_object *rates = json_object_new_object();
	double seconds = counters_seconds(counters);
	size_t i;

	for (i = 0; i < counters->nr; i++)
		if (!is_gauge(counters->pair[i].name) && seconds > 0)
			json_add_double(rates, counters->pair[i].name,
					strtod(counters->pair[i].value, NULL) / seconds);
	return rates;
}

static int show_json(const struct state *s, const struct advice *advice)
{
	struct json_object *object = json_object_new_object();
	struct json_object *list = json_object_new_array();
	uint64_t hit = counter(&s->counters, "slot_hit");
	uint64_t all = hit + counter(&s->counters, "slot_miss");
	size_t i;

	for (i = 0; i < advice->nr; i++)
		json_object_array_add(list, json_object_new_string(advice->text[i]));
	json_object_object_add(object, "knobs", pairs_json(&s->knobs));
	json_add_number(object, "task_limits", s->overrides);
	json_object_object_add(object, "counters", pairs_json(&s->counters));
	json_add_double(object, "seconds", counters_seconds(&s->counters));
	json_object_object_add(object, "per_second", rates_json(&s->counters));
	json_add_double(object, "hit_percent", all ? percent(hit, all) : NAN);
	json_object_object_add(object, "advice", list);
	return print_json(object);
}

static int count_overrides(unsigned long *nr)
{
	char *text, *c;
	int ret = slots_read("task_limits", &text);

	*nr = 0;
	for (c = text; !ret && *c; c++)
		*nr += *c == '\n';
	free(text);
	return ret;
}

static int state_read(struct state *s)
{
	static const struct choice by_process = { .by_process = true };
	int ret;

	ret = slots_knobs(&s->knobs);
	if (!ret)
		ret = count_overrides(&s->overrides);
	if (!ret)
		ret = slots_counters(&s->counters);
	if (!ret)
		ret = table_read(&s->tasks, &by_process);
	return ret;
}

static int show(bool json)
{
	struct advice advice;
	struct state s = { 0 };
	size_t i;
	int ret;

	ret = state_read(&s);
	if (!ret)
		advice_make(&advice, &s.knobs, &s.counters, &s.tasks);
	if (!ret && json) {
		ret = show_json(&s, &advice);
	} else if (!ret) {
		print_knobs(&s);
		printf("\n");
		print_counters(&s);
		print_hit_ratio(&s.counters);
		for (i = 0; i < advice.nr; i++)
			printf("advice: %s\n", advice.text[i]);
	}
	table_free(&s.tasks);
	pairs_free(&s.counters);
	pairs_free(&s.knobs);
	return ret;
}

static int show_main(const struct verb *self, int argc, char **argv)
{
	static const struct option options[] = { HELP_OPTION, JSON_OPTION, { 0 } };
	bool json = false;
	int c, ret;

	while ((c = getopt_long(argc, argv, "+hj", options, NULL)) != -1) {
		if (c == 'h')
			return verb_help(self);
		if (c != 'j')
			return verb_usage(self);
		json = true;
	}
	ret = verb_no_more(self, argc, argv);
	if (!ret)
		ret = slots_open();
	return ret ? ret : show(json);
}

const struct verb show_verb = {
	.name = "show",
	.summary = "the knobs and the counters (the default)",
	.usage =
	"uprobe-slots show [OPTIONS]\n"
	"\n"
	"Prints every knob with its value, every counter of the kernel with its rate since\n"
	"boot or the last reset, the share of the out-of-line executions that a task's own\n"
	"cache served, and what to do if something is off.\n"
	"\n"
	JSON_LINE HELP_LINE,
	.run = show_main,
};
