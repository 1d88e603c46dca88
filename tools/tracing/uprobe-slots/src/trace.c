// SPDX-License-Identifier: GPL-2.0-only
/*
 * trace: the slot events as they come.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event-parse.h>
#include <tracefs.h>

#include "session.h"
#include "uprobe-slots.h"
#include "utils.h"

struct trace_options {
	struct scope scope;
	const char *event[EVENTS_MAX];
	size_t nr_events;
	const char *filter;
	bool json;
};

/* Names of threads come with the records of their creation, or from /proc. */
static void name_of(struct session *s, int tid, char *comm, size_t size)
{
	char path[48], *text;

	if (!tep_is_pid_registered(s->tep, tid)) {
		snprintf(path, sizeof(path), "/proc/%d/comm", tid);
		text = read_file(path);
		if (text) {
			text[strcspn(text, "\n")] = '\0';
			tep_register_comm(s->tep, text, tid);
		}
		free(text);
	}
	clean_text(comm, size, tep_data_comm_from_pid(s->tep, tid), true);
}

static void print_text(struct session *s, struct slot_event *event, struct tep_record *record,
		       int tid, const char *comm)
{
	struct trace_seq seq;

	(void)event;
	trace_seq_init(&seq);
	tep_print_event(s->tep, &seq, record, "%s", TEP_PRINT_INFO);
	trace_seq_terminate(&seq);
	printf("%16s %7d [%03d] %6llu.%06llu: %s: %s\n", comm, tid, record->cpu,
	       record->ts / 1000000000, record->ts / 1000 % 1000000, event->name, seq.buffer);
	trace_seq_destroy(&seq);
}

struct tracing {
	struct session s;
	bool json;
};

static int print_record(struct slot_event *event, struct tep_record *record, int tid, void *data)
{
	struct tracing *t = data;
	char comm[80];

	name_of(&t->s, tid, comm, sizeof(comm));
	if (t->json)
		return print_json(record_json(event, record, tid, comm));
	print_text(&t->s, event, record, tid, comm);
	return EXIT_OK;
}

static bool is_chosen(const struct trace_options *o, const char *name)
{
	size_t i;

	for (i = 0; i < o->nr_events; i++)
		if (!strcmp(o->event[i], name))
			return true;
	return !o->nr_events;
}

static int check_events(struct session *s, const struct trace_options *o)
{
	char list[512] = "";
	size_t i, len = 0;

	for (i = 0; i < s->events.nr; i++)
		len += snprintf(list + len, sizeof(list) - len, " %s", s->events.event[i].name);
	for (i = 0; i < o->nr_events; i++)
		if (!events_named(&s->events, o->event[i]))
			return fail(EXIT_USAGE, "no event '%s'; this kernel has:%s", o->event[i],
				    list);
	return EXIT_OK;
}

/* Events that do not have the field are left out. */
static int apply_filter(struct session *s, struct slot_event *event, const char *filter,
			bool *fits, char **why)
{
	*fits = false;
	free(*why);
	*why = NULL;
	if (tracefs_filter_string_verify(event->tep, filter, why))
		return EXIT_OK;
	*fits = true;
	if (tracefs_event_filter_apply(s->instance, event->tep, filter) < 0)
		return fail(EXIT_FAILED, "the kernel does not take the filter '%s'", filter);
	return EXIT_OK;
}

static int enable_events(struct session *s, const struct trace_options *o)
{
	size_t i, nr = 0;
	int ret = check_events(s, o);
	char *why = NULL;
	bool fits = true;

	for (i = 0; i < s->events.nr && !ret; i++) {
		struct slot_event *event = &s->events.event[i];

		if (!is_chosen(o, event->name))
			continue;
		if (o->filter)
			ret = apply_filter(s, event, o->filter, &fits, &why);
		if (ret || !fits)
			continue;
		nr++;
		ret = session_enable(s, SLOT_SYSTEM, event->name);
	}
	if (!ret && !nr) {
		ret = fail(EXIT_USAGE, "the filter '%s' fits none of the events", o->filter);
		if (why)
			say_more(why);
	}
	free(why);
	return ret;
}

static int trace(const struct trace_options *o)
{
	struct tracing t = { .json = o->json };
	int ret = session_open(&t.s);

	t.s.fn = print_record;
	t.s.data = &t;
	if (!ret)
		ret = session_follow(&t.s, &o->scope);
	if (!ret)
		ret = enable_events(&t.s, o);
	if (!ret)
		ret = session_run(&t.s, &o->scope);
	if (!ret) {
		output_flush();
		session_complain(&t.s, &o->scope);
	}
	session_close(&t.s);
	return ret;
}

static int trace_main(const struct verb *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION, SCOPE_OPTIONS,
		{ "event", required_argument, NULL, 'e' },
		{ "filter", required_argument, NULL, 'F' },
		{ 0 }
	};
	struct trace_options o = { 0 };
	int c, ret = EXIT_OK;

	while (!ret && (c = getopt_long(argc, argv, "+hjp:f:e:F:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return verb_help(self);
		case '?':
			return verb_usage(self);
		case 'j':
			o.json = true;
			break;
		case 'e':
			if (o.nr_events == EVENTS_MAX)
				return fail(EXIT_USAGE, "too many events");
			o.event[o.nr_events++] = optarg;
			break;
		case 'F':
			if (o.filter)
				return fail(EXIT_USAGE, "trace takes one --filter; && and || join conditions");
			if (!*optarg)
				return fail(EXIT_USAGE, "an empty filter");
			o.filter = optarg;
			break;
		default:
			ret = scope_option(&o.scope, c, optarg);
		}
	}
	if (!ret)
		ret = scope_check(self, &o.scope, argc, argv);
	return ret ? ret : trace(&o);
}

const struct verb trace_verb = {
	.name = "trace",
	.summary = "the slot events as they come",
	.usage =
	"uprobe-slots trace [OPTIONS] [[--] CMD [ARGUMENTS]]\n"
	"\n"
	"Prints the slot events of CMD and all that it creates, or of everybody until\n"
	"Ctrl-C. They are read from a private tracing instance: other tracing goes on\n"
	"as it was.\n"
	"\n"
	"  -e, --event NAME     only this event; may be given several times\n"
	"  -F, --filter TEXT    only events for which it is true, such as 'wait_ns > 1000';\n"
	"                       events without that field are left out\n"
	SCOPE_LINES
	JSON_LINE HELP_LINE,
	.run = trace_main,
};
