// SPDX-License-Identifier: GPL-2.0-only
/*
 * record: slot events into a trace.dat, by trace-cmd.
 *
 * trace-cmd writes what the private instance collects, and gets a signal when
 * the scope is over. Which process a task belongs to is written into the trace:
 * for tasks that were there before, as marks.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tracefs.h>

#include "marks.h"
#include "session.h"
#include "table.h"
#include "uprobe-slots.h"
#include "utils.h"

#define START_SECONDS	60	/* for trace-cmd to be ready */
#define MARK_MAX	1000

struct recording {
	struct session s;
	struct command tracecmd;
	const char *file;
};

/* Marks of those that have a slot cache; others have no events. */
static void mark_tasks(struct session *s)
{
	static const struct choice all = { 0 };
	char text[MARK_MAX] = MARK;
	size_t i, len = strlen(MARK);
	struct table table;

	if (table_read(&table, &all))
		return;
	for (i = 0; i < table.nr; i++) {
		len += snprintf(text + len, sizeof(text) - len, " %d=%d", table.row[i].tid,
				table.row[i].tgid);
		if (len < sizeof(text) - 32 && i + 1 < table.nr)
			continue;
		session_write(s, "trace_marker", text);
		len = strlen(MARK);
	}
	table_free(&table);
}

static int add_event(char **argv, int argc, const char *system, const char *event)
{
	argv[argc] = "-e";
	if (asprintf(&argv[argc + 1], "%s:%s", system, event) < 0)
		argv[argc + 1] = NULL;
	return argc + 2;
}

static int start_tracecmd(struct recording *r)
{
	char *argv[16 + 2 * EVENTS_MAX] = {
		"trace-cmd", "record", "-q", "-B", r->s.name, "-o", (char *)r->file,
	};
	int argc = 7, ret;
	size_t i;

	argc = add_event(argv, argc, "task", "task_newtask");
	argc = add_event(argv, argc, "task", "task_rename");
	for (i = 0; i < r->s.events.nr; i++)
		argc = add_event(argv, argc, SLOT_SYSTEM, r->s.events.event[i].name);
	/* It ends, and tidies up, also when we are killed. */
	ret = command_start(&r->tracecmd, argv, SIGINT);
	/* Signals are for us: trace-cmd goes on until the command has ended. */
	r->tracecmd.told = true;
	if (!ret) {
		setpgid(r->tracecmd.pid, r->tracecmd.pid);
		ret = command_go(&r->tracecmd, "trace-cmd, which does the recording");
	}
	for (argc = 8; argv[argc]; argc += 2)
		free(argv[argc]);
	return ret;
}

static bool is_ready(struct session *s)
{
	size_t i;

	for (i = 0; i < s->events.nr; i++)
		if (tracefs_event_is_enabled(s->instance, SLOT_SYSTEM,
					     s->events.event[i].name) != TRACEFS_ALL_ENABLED)
			return false;
	return tracefs_trace_is_on(s->instance) == 1;
}

static int wait_ready(struct recording *r)
{
	double end = now_boot() + START_SECONDS;

	while (!is_ready(&r->s)) {
		if (command_ended(&r->tracecmd))
			return fail(EXIT_FAILED, "trace-cmd %s before it recorded anything",
				    command_complaint(&r->tracecmd) ? : "ended");
		if (stopped)
			return fail(EXIT_FAILED, "interrupted before anything was recorded");
		if (now_boot() > end)
			return fail(EXIT_FAILED, "trace-cmd was not ready in %d s", START_SECONDS);
		sleep_seconds(0.02);
	}
	return EXIT_OK;
}

/* It takes the instance away as well. */
static int stop_tracecmd(struct recording *r)
{
	int was_stopped = stopped;
	struct stat st;

	if (r->tracecmd.pid <= 0)
		return EXIT_OK;
	if (!command_ended(&r->tracecmd))
		kill(r->tracecmd.pid, SIGINT);
	stopped = 0;
	command_finish(&r->tracecmd);
	stopped = was_stopped;
	if (command_complaint(&r->tracecmd)) {
		/* Its readers, a process for each CPU, hold the instance. */
		kill(-r->tracecmd.pid, SIGKILL);
		return fail(EXIT_FAILED, "trace-cmd %s", command_complaint(&r->tracecmd));
	}
	if (stat(r->file, &st) || !st.st_size)
		return fail(EXIT_FAILED, "trace-cmd did not write %s", r->file);
	return EXIT_OK;
}

static int record(const struct scope *scope, const char *file)
{
	struct recording r = { .file = file, .tracecmd = { .go = -1, .failed = -1 } };
	int ret = session_open(&r.s), end;

	r.s.unread = true;
	if (!ret)
		ret = start_tracecmd(&r);
	if (!ret)
		ret = wait_ready(&r);
	if (!ret)
		ret = session_follow(&r.s, scope);
	if (!ret) {
		mark_tasks(&r.s);
		ret = session_run(&r.s, scope);
	}
	if (!ret)
		mark_tasks(&r.s);
	end = stop_tracecmd(&r);
	if (!ret)
		ret = end;
	if (!ret) {
		session_complain(&r.s, scope);
		printf("%s: see `uprobe-slots report %s`\n", file, file);
	}
	session_close(&r.s);
	return ret;
}

static int record_main(const struct verb *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, SCOPE_OPTIONS,
		{ "output", required_argument, NULL, 'o' },
		{ 0 }
	};
	struct scope scope = { 0 };
	const char *file = NULL;
	int c, ret = EXIT_OK;

	while (!ret && (c = getopt_long(argc, argv, "+ho:p:f:", options, NULL)) != -1) {
		if (c == 'h')
			return verb_help(self);
		if (c == '?')
			return verb_usage(self);
		if (c == 'o')
			file = optarg;
		else
			ret = scope_option(&scope, c, optarg);
	}
	if (!ret)
		ret = scope_check(self, &scope, argc, argv);
	if (!ret && (!file || !*file))
		ret = fail(EXIT_USAGE, "record takes -o FILE");
	return ret ? ret : record(&scope, file);
}

const struct verb record_verb = {
	.name = "record",
	.summary = "slot events into a trace.dat, by trace-cmd",
	.usage =
	"uprobe-slots record -o FILE [OPTIONS] [[--] CMD [ARGUMENTS]]\n"
	"\n"
	"Runs trace-cmd to record the slot events of CMD and all that it creates, or of\n"
	"everybody until Ctrl-C. `uprobe-slots report`, `trace-cmd report` and KernelShark\n"
	"read FILE.\n"
	"\n"
	"  -o, --output FILE    the file\n"
	SCOPE_LINES
	HELP_LINE,
	.run = record_main,
};
