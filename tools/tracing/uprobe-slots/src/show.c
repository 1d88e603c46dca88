// SPDX-License-Identifier: GPL-2.0-only
/*
 * show: the knobs, the counters, and the share of the hits.
 */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "slots.h"
#include "uprobe-slots.h"
#include "utils.h"

static int width(const struct pairs *pairs)
{
	size_t i, max = 0;

	for (i = 0; i < pairs->nr; i++)
		if (strlen(pairs->pair[i].name) > max)
			max = strlen(pairs->pair[i].name);
	return (int)max;
}

static void print_pairs(const struct pairs *pairs)
{
	int w = width(pairs);
	size_t i;

	for (i = 0; i < pairs->nr; i++)
		printf("  %-*s  %s\n", w, pairs->pair[i].name, pairs->pair[i].value);
}

static unsigned long long number(const struct pairs *counters, const char *name)
{
	const char *text = pairs_get(counters, name);
	unsigned long long value;

	return text && parse_number(text, &value) ? value : 0;
}

/* Every out-of-line execution with reuse on is one of hit and miss. */
static void print_hit_ratio(const struct pairs *counters)
{
	unsigned long long hit = number(counters, "slot_hit");
	unsigned long long all = hit + number(counters, "slot_miss");

	if (all)
		printf("hit ratio: %.2f %% of %llu out-of-line executions with reuse on\n",
		       100.0 * hit / all, all);
	else
		printf("hit ratio: none yet (no out-of-line execution with reuse on)\n");
}

static void print_counters_head(const struct pairs *counters)
{
	unsigned long long reset = number(counters, "reset_ns");
	struct timespec now;

	if (!reset || clock_gettime(CLOCK_BOOTTIME, &now))
		printf("counters, since boot\n");
	else
		printf("counters, since their reset %.1f s ago\n",
		       now.tv_sec + now.tv_nsec / 1e9 - reset / 1e9);
}

static void print_overrides(const char *text)
{
	unsigned long nr = 0;

	for (; *text; text++)
		nr += *text == '\n';
	if (nr)
		printf("tasks with a limit of their own: %lu (see task_limits)\n", nr);
}

static int show(void)
{
	struct pairs knobs = { 0 }, counters = { 0 };
	char *overrides = NULL;
	int ret;

	ret = slots_knobs(&knobs);
	if (!ret)
		ret = slots_read("task_limits", &overrides);
	if (!ret)
		ret = slots_counters(&counters);
	if (!ret) {
		printf("knobs\n");
		print_pairs(&knobs);
		print_overrides(overrides);
		printf("\n");
		print_counters_head(&counters);
		print_pairs(&counters);
		print_hit_ratio(&counters);
	}
	free(overrides);
	pairs_free(&counters);
	pairs_free(&knobs);
	return ret;
}

int show_main(const struct verb *self, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int c, ret;

	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (c == 'h')
			return verb_help(self);
		return verb_usage(self);
	}
	if (optind < argc)
		return fail(EXIT_USAGE, "show takes no argument: '%s'", argv[optind]);

	ret = slots_open();
	return ret ? ret : show();
}
