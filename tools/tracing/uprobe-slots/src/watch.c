// SPDX-License-Identifier: GPL-2.0-only
/*
 * watch: a line of rates per interval.
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "command.h"
#include "slots.h"
#include "uprobe-slots.h"
#include "utils.h"

#define HEAD_EVERY	20	/* lines, on a terminal */

struct sample {
	struct pairs counters;
	double when;
};

/* How long the first two words of slot_miss_full are, with what is behind them. */
static size_t stem_len(const char *name)
{
	const char *word = strchr(name, '_');
	const char *end = word ? strchr(word + 1, '_') : NULL;

	return end ? end + 1 - name : 0;
}

/* slot_miss_full is a part of slot_miss, slot_exit_jump one of several: no column. */
static bool is_part(const struct pairs *counters, const char *name)
{
	size_t i, len, stem = stem_len(name);

	for (i = 0; i < counters->nr; i++) {
		const char *other = counters->pair[i].name;

		len = strlen(other);
		if (!strncmp(name, other, len) && name[len] == '_')
			return true;
		if (stem && !strncmp(name, other, stem) && strcmp(name, other))
			return true;
	}
	return false;
}

static bool is_rate(const struct pairs *counters, const char *name)
{
	return !is_gauge(name) && !is_part(counters, name);
}

/* The gauges that tell how full the areas are. */
static bool is_shown(const char *name)
{
	return !strcmp(name, "slots_live") || !strcmp(name, "slots_free") ||
	       !strcmp(name, "pages");
}

static int column_width(const char *name)
{
	int len = (int)strlen(name);

	return len < 10 ? 10 : len;
}

static void print_head(const struct pairs *counters)
{
	char name[80];
	size_t i;

	printf("%s", colour(BOLD));
	for (i = 0; i < counters->nr; i++) {
		if (!is_rate(counters, counters->pair[i].name))
			continue;
		snprintf(name, sizeof(name), "%s/s", counters->pair[i].name + strlen("slot_"));
		printf("%*s ", column_width(name), name);
	}
	printf("%7s", "HIT%");
	for (i = 0; i < counters->nr; i++)
		if (is_shown(counters->pair[i].name))
			printf(" %10s", counters->pair[i].name);
	printf("%s\n", colour(NORMAL));
}

/* What was counted between two samples; all of it, if there was a reset. */
static uint64_t delta(const struct sample *now, const struct sample *before, const char *name)
{
	uint64_t new = counter(&now->counters, name);
	uint64_t old = counter(&before->counters, name);

	if (counter(&now->counters, "reset_ns") != counter(&before->counters, "reset_ns"))
		return new;
	return new > old ? new - old : 0;
}

static double seconds_between(const struct sample *now, const struct sample *before)
{
	if (counter(&now->counters, "reset_ns") != counter(&before->counters, "reset_ns"))
		return counters_seconds(&now->counters);
	return now->when - before->when;
}

static double hit_percent(const struct sample *now, const struct sample *before)
{
	double hits = delta(now, before, "slot_hit");
	double all = hits + delta(now, before, "slot_miss");

	return all ? percent(hits, all) : NAN;
}

static void print_line(const struct sample *now, const struct sample *before)
{
	double seconds = seconds_between(now, before);
	double ratio = hit_percent(now, before);
	const struct pair *pair;
	char name[80];

	for (pair = now->counters.pair; pair < now->counters.pair + now->counters.nr; pair++) {
		if (!is_rate(&now->counters, pair->name))
			continue;
		snprintf(name, sizeof(name), "%s/s", pair->name + strlen("slot_"));
		printf("%*.0f ", column_width(name), delta(now, before, pair->name) / seconds);
	}
	if (isnan(ratio))
		printf("%7s", "-");
	else
		printf("%7.2f", ratio);
	for (pair = now->counters.pair; pair < now->counters.pair + now->counters.nr; pair++)
		if (is_shown(pair->name))
			printf(" %10s", pair->value);
	printf("\n");
}

static void print_object(const struct sample *now, const struct sample *before)
{
	struct json_object *object = json_object_new_object();
	struct json_object *counts = json_object_new_object();
	struct json_object *rates = json_object_new_object();
	struct json_object *gauges = json_object_new_object();
	double seconds = seconds_between(now, before);
	const struct pair *pair;

	for (pair = now->counters.pair; pair < now->counters.pair + now->counters.nr; pair++) {
		if (is_gauge(pair->name)) {
			json_add_number(gauges, pair->name, counter(&now->counters, pair->name));
			continue;
		}
		json_add_number(counts, pair->name, delta(now, before, pair->name));
		json_add_double(rates, pair->name, delta(now, before, pair->name) / seconds);
	}
	json_add_double(object, "seconds", seconds);
	json_object_object_add(object, "counters", counts);
	json_object_object_add(object, "per_second", rates);
	json_object_object_add(object, "gauges", gauges);
	json_add_double(object, "hit_percent", hit_percent(now, before));
	print_json(object);
}

static int take(struct sample *sample)
{
	int ret = slots_counters(&sample->counters);

	sample->when = now_boot();
	return ret;
}

static void print(const struct sample *now, const struct sample *before, bool json,
		  unsigned long long line)
{
	if (json) {
		print_object(now, before);
		return;
	}
	if (!line || (isatty(STDOUT_FILENO) && line % HEAD_EVERY == 0))
		print_head(&now->counters);
	print_line(now, before);
}

static int watch(double interval, unsigned long long count, bool json)
{
	struct sample before, now;
	unsigned long long line;
	double start;
	int ret;

	ret = slots_open();
	if (!ret)
		ret = take(&before);
	if (ret)
		return ret;
	catch_signals();
	start = before.when;
	for (line = 0; !count || line < count; line++) {
		/* From the start, so that nothing adds up. */
		while (!stopped && now_boot() < start + (line + 1) * interval)
			sleep_seconds(start + (line + 1) * interval - now_boot());
		if (stopped)
			break;
		ret = take(&now);
		if (ret)
			break;
		print(&now, &before, json, line);
		pairs_free(&before.counters);
		before = now;
		if (!output_flush())
			break;
	}
	pairs_free(&before.counters);
	return ret;
}

static int watch_main(const struct verb *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION,
		{ "interval", required_argument, NULL, 'i' },
		{ "count", required_argument, NULL, 'n' },
		{ 0 }
	};
	unsigned long long count = 0;
	double interval = 1;
	bool json = false;
	int c, ret;

	while ((c = getopt_long(argc, argv, "+hji:n:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return verb_help(self);
		case 'j':
			json = true;
			break;
		case 'i':
			if (!parse_seconds(optarg, &interval))
				return fail(EXIT_USAGE, "'%s' is no interval: 0.01 to 86400 seconds",
					    optarg);
			break;
		case 'n':
			if (!parse_number(optarg, &count) || !count)
				return fail(EXIT_USAGE, "'%s' is no number of lines", optarg);
			break;
		default:
			return verb_usage(self);
		}
	}
	ret = verb_no_more(self, argc, argv);
	return ret ? ret : watch(interval, count, json);
}

const struct verb watch_verb = {
	.name = "watch",
	.summary = "a line of rates per interval",
	.usage =
	"uprobe-slots watch [OPTIONS]\n"
	"\n"
	"Prints what was counted in each interval, per second, like vmstat, until Ctrl-C.\n"
	"\n"
	"  -i, --interval S     seconds, 1 if not given\n"
	"  -n, --count N        end after N lines\n"
	JSON_LINE HELP_LINE,
	.run = watch_main,
};
