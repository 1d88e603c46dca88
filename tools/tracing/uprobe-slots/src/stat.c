// SPDX-License-Identifier: GPL-2.0-only
/*
 * stat: what is counted while a command runs, by process.
 *
 * The file `tasks` forgets a task when it ends, so the kernel counts for us: a
 * histogram by task on each event.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "events.h"
#include "session.h"
#include "uprobe-slots.h"
#include "utils.h"

static int start_counting(struct session *s)
{
	int ret = EXIT_OK;
	size_t i;

	for (i = 0; i < s->events.nr && !ret; i++) {
		const struct slot_event *event = &s->events.event[i];

		/* Reclaim runs in a worker: no command's. */
		if (event->of_task)
			ret = session_hist(s, event, event_keys(event),
					   event->waits ? "wait_ns" : NULL, NULL);
	}
	return ret;
}

static int add_entry(struct session *s, const struct slot_event *event,
		     const struct hist_entry *entry, void *counts)
{
	int words[FIELDS_MAX] = { -1, -1 };
	size_t i;

	for (i = 0; i < event->nr_fields; i++)
		words[i] = field_word(&event->field[i], hist_number(entry, event->field[i].name));
	return counts_add(counts, procs_pid_live(&s->procs, entry->tid), entry->tid,
			  entry->comm, event - s->events.event, words,
			  hist_number(entry, "hitcount"),
			  event->waits ? hist_number(entry, "wait_ns") : 0);
}

static int read_counts(struct session *s, struct counts *counts)
{
	int ret = EXIT_OK;
	size_t i;

	for (i = 0; i < s->events.nr && !ret; i++)
		if (s->events.event[i].of_task)
			ret = session_hist_read(s, &s->events.event[i], add_entry, counts);
	counts_sort(counts, &s->events);
	return ret;
}

static void print_counts(struct session *s, struct counts *counts, double seconds)
{
	size_t i;

	printf("in %.3f s:\n", seconds);
	process_print(&counts->total, &s->events);
	for (i = 0; i < counts->nr; i++) {
		printf("\n%sprocess %d (%s)%s\n", colour(BOLD), counts->process[i].pid,
		       counts->process[i].comm, colour(NORMAL));
		process_print(&counts->process[i], &s->events);
	}
}

static int print_object(struct session *s, struct counts *counts, double seconds)
{
	struct json_object *object = json_object_new_object();

	json_add_double(object, "seconds", seconds);
	if (s->has_command)
		json_add_number(object, "wait_status", s->command.status);
	json_object_object_add(object, "total", process_json(&counts->total, &s->events));
	json_object_object_add(object, "processes", counts_json(counts, &s->events));
	json_add_number(object, "lost", s->lost);
	return print_json(object);
}

static int stat_run(const struct scope *scope, bool json)
{
	struct counts counts = { 0 };
	double seconds = 0;
	struct session s;
	int ret;

	ret = session_open(&s);
	if (!ret)
		ret = session_follow(&s, scope);
	if (!ret)
		ret = start_counting(&s);
	if (!ret)
		ret = session_run(&s, scope);
	if (!ret) {
		seconds = session_seconds(&s);
		ret = read_counts(&s, &counts);
	}
	if (!ret && json)
		ret = print_object(&s, &counts, seconds);
	else if (!ret)
		print_counts(&s, &counts, seconds);
	if (!ret)
		session_complain(&s, scope);
	counts_free(&counts);
	session_close(&s);
	return ret;
}

static int stat_main(const struct verb *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION, SCOPE_OPTIONS, { 0 }
	};
	struct scope scope = { 0 };
	bool json = false;
	int c, ret = EXIT_OK;

	while (!ret && (c = getopt_long(argc, argv, "+hjp:f:", options, NULL)) != -1) {
		if (c == 'h')
			return verb_help(self);
		if (c == '?')
			return verb_usage(self);
		if (c == 'j')
			json = true;
		else
			ret = scope_option(&scope, c, optarg);
	}
	if (!ret)
		ret = scope_check(self, &scope, argc, argv);
	return ret ? ret : stat_run(&scope, json);
}

const struct verb stat_verb = {
	.name = "stat",
	.summary = "count what a command does, by process",
	.usage =
	"uprobe-slots stat [OPTIONS] [[--] CMD [ARGUMENTS]]\n"
	"\n"
	"Counts hits, misses and their reasons, how executions left their slots, avoided\n"
	"flushes and waits while CMD runs, of CMD and all that it creates. Without CMD: of\n"
	"everybody, until Ctrl-C.\n"
	"\n"
	SCOPE_LINES
	JSON_LINE HELP_LINE,
	.run = stat_main,
};
