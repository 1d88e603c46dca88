// SPDX-License-Identifier: GPL-2.0-only
/*
 * metrics: knobs and counters in the text format of Prometheus, 0.0.4.
 *
 * The names are made of the kernel's:
 *	slot_hit			uprobe_slots_hit_total
 *	slot_miss_full			uprobe_slots_miss_reason_total{reason="full"}
 *	slot_contention_ns		uprobe_slots_contention_seconds_total
 *	slots_live			uprobe_slots_slots_live
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slots.h"
#include "uprobe-slots.h"
#include "utils.h"

#define PREFIX	"uprobe_slots_"

static bool ends_in_ns(const char *name)
{
	size_t len = strlen(name);

	return len > 3 && !strcmp(name + len - 3, "_ns");
}

/* slot_miss_full is a reason of slot_miss, which is a counter itself. */
static const char *reason_of(const struct pairs *counters, const char *name, size_t *len)
{
	size_t i;

	for (i = 0; i < counters->nr; i++) {
		*len = strlen(counters->pair[i].name);
		if (!strncmp(name, counters->pair[i].name, *len) && name[*len] == '_' &&
		    !ends_in_ns(name))
			return name + *len + 1;
	}
	return NULL;
}

static void head(FILE *f, const char *name, const char *type, const char *help)
{
	fprintf(f, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_reasons(FILE *f, const struct pairs *counters, const char *of)
{
	char name[160], help[160];
	const char *reason;
	bool first = true;
	size_t i, len;

	snprintf(name, sizeof(name), PREFIX "%s_reason_total", of + strlen("slot_"));
	snprintf(help, sizeof(help), "The kernel's counters %s_REASON.", of);
	for (i = 0; i < counters->nr; i++) {
		reason = reason_of(counters, counters->pair[i].name, &len);
		if (!reason || len != strlen(of) || strncmp(counters->pair[i].name, of, len))
			continue;
		if (first)
			head(f, name, "counter", help);
		first = false;
		fprintf(f, "%s{reason=\"%s\"} %s\n", name, reason, counters->pair[i].value);
	}
}

static void put_counter(FILE *f, const struct pairs *counters, const struct pair *pair)
{
	const char *stem = pair->name + strlen("slot_");
	char name[160], help[160];
	size_t len;

	if (reason_of(counters, pair->name, &len))
		return;
	snprintf(help, sizeof(help), "The kernel's counter %s.", pair->name);
	if (ends_in_ns(pair->name)) {
		snprintf(name, sizeof(name), PREFIX "%.*s_seconds_total", (int)strlen(stem) - 3,
			 stem);
		head(f, name, "counter", help);
		fprintf(f, "%s %.9f\n", name, strtod(pair->value, NULL) / 1e9);
		return;
	}
	snprintf(name, sizeof(name), PREFIX "%s_total", stem);
	head(f, name, "counter", help);
	fprintf(f, "%s %s\n", name, pair->value);
	put_reasons(f, counters, pair->name);
}

static void put_gauge(FILE *f, const struct pair *pair)
{
	char name[160], help[160];

	snprintf(help, sizeof(help), "The kernel's gauge %s.", pair->name);
	if (ends_in_ns(pair->name)) {
		snprintf(name, sizeof(name), PREFIX "%.*s_seconds", (int)strlen(pair->name) - 3,
			 pair->name);
		head(f, name, "gauge", help);
		fprintf(f, "%s %.9f\n", name, strtod(pair->value, NULL) / 1e9);
		return;
	}
	snprintf(name, sizeof(name), PREFIX "%s", pair->name);
	head(f, name, "gauge", help);
	fprintf(f, "%s %s\n", name, pair->value);
}

/* Knobs that are words have the value in a label. */
static void put_knobs(FILE *f, const struct pairs *knobs)
{
	unsigned long long value;
	bool first = true;
	size_t i;

	head(f, PREFIX "knob", "gauge", "The value of a knob.");
	for (i = 0; i < knobs->nr; i++)
		if (parse_number(knobs->pair[i].value, &value))
			fprintf(f, PREFIX "knob{name=\"%s\"} %llu\n", knobs->pair[i].name, value);
	for (i = 0; i < knobs->nr; i++) {
		if (parse_number(knobs->pair[i].value, &value))
			continue;
		if (first)
			head(f, PREFIX "knob_info", "gauge", "A knob whose value is a word.");
		first = false;
		fprintf(f, PREFIX "knob_info{name=\"%s\",value=\"%s\"} 1\n", knobs->pair[i].name,
			knobs->pair[i].value);
	}
}

static void put_overrides(FILE *f, const char *text)
{
	unsigned long nr = 0;

	for (; *text; text++)
		nr += *text == '\n';
	head(f, PREFIX "task_limits", "gauge", "Tasks with a limit of their own.");
	fprintf(f, PREFIX "task_limits %lu\n", nr);
}

static int make_text(char **text)
{
	struct pairs knobs = { 0 }, counters = { 0 };
	char *overrides = NULL;
	size_t size, i;
	FILE *f;
	int ret;

	ret = slots_knobs(&knobs);
	if (!ret)
		ret = slots_read("task_limits", &overrides);
	if (!ret)
		ret = slots_counters(&counters);
	f = ret ? NULL : open_memstream(text, &size);
	if (!ret && !f)
		ret = out_of_memory();
	if (!ret) {
		put_knobs(f, &knobs);
		put_overrides(f, overrides);
		for (i = 0; i < counters.nr; i++)
			if (is_gauge(counters.pair[i].name))
				put_gauge(f, &counters.pair[i]);
			else
				put_counter(f, &counters, &counters.pair[i]);
		if (fclose(f))
			ret = out_of_memory();
	}
	free(overrides);
	pairs_free(&counters);
	pairs_free(&knobs);
	return ret;
}

static int metrics(const char *path)
{
	char *text = NULL;
	int ret = slots_open();

	if (!ret)
		ret = make_text(&text);
	if (!ret && path)
		ret = replace_file(path, text);
	else if (!ret)
		fputs(text, stdout);
	free(text);
	return ret;
}

static int metrics_main(const struct verb *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION,
		{ "textfile", required_argument, NULL, 't' },
		{ 0 }
	};
	const char *path = NULL;
	int c, ret;

	while ((c = getopt_long(argc, argv, "+ht:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return verb_help(self);
		case 't':
			if (!*optarg)
				return fail(EXIT_USAGE, "--textfile takes a PATH");
			path = optarg;
			break;
		default:
			return verb_usage(self);
		}
	}
	ret = verb_no_more(self, argc, argv);
	return ret ? ret : metrics(path);
}

const struct verb metrics_verb = {
	.name = "metrics",
	.summary = "knobs and counters for Prometheus",
	.usage =
	"uprobe-slots metrics [OPTIONS]\n"
	"\n"
	"Prints knobs and counters in the text format of Prometheus, version 0.0.4, for the\n"
	"textfile collector of node_exporter.\n"
	"\n"
	"  -t, --textfile PATH  write there, so that a reader sees the old text or the new\n"
	HELP_LINE,
	.run = metrics_main,
};
