// SPDX-License-Identifier: GPL-2.0-only
/*
 * A tracing instance of our own, and what a verb waits for while it is used.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include <tracefs.h>

#include "limits.h"
#include "slots.h"
#include "uprobe-slots.h"
#include "session.h"
#include "utils.h"

#define NAME_PREFIX	"uprobe-slots-"
#define INSTANCES_MAX	100	/* of one process ID */
#define POLL_SECONDS	0.05
/* Entries of a histogram. They are allocated when it is made. */
#define HIST_SIZE	16384

/* ------------------------------------------------------------ instance -- */

/*
 * A run keeps its instance's directory locked until it ends, also by SIGKILL. A
 * process ID in the name proves nothing: it may be of another PID namespace, or
 * have a new owner. @how: LOCK_NB, or 0 to wait for a run that is only looking.
 * -1: there is no such instance, or it is locked.
 */
static int lock_instance(const char *name, int how)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), "%s/instances/%s", tracefs_tracing_dir(), name);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0 && flock(fd, LOCK_EX | how)) {
		close(fd);
		return -1;
	}
	return fd;
}

/* Is @name one that session_open() makes? */
static bool is_ours(const char *name)
{
	const char *rest = name + strlen(NAME_PREFIX);

	return !strncmp(name, NAME_PREFIX, strlen(NAME_PREFIX)) && *rest &&
	       strspn(rest, "0123456789-") == strlen(rest);
}

/* A run that was killed could not tidy up. */
static int note_left_over(const char *name, void *unused)
{
	int fd;

	(void)unused;
	if (!is_ours(name))
		return 0;
	fd = lock_instance(name, LOCK_NB);
	if (fd < 0)
		return 0;
	close(fd);
	note("an instance is left of a run that was killed: rmdir %s/instances/%s",
	     tracefs_tracing_dir(), name);
	return 0;
}

static int no_instance(const char *name)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/instances/%s", tracefs_tracing_dir(), name);
	return file_error("creating", path);
}

/* NAME-PID, or NAME-PID-NR where another run, alive or killed, has that one. */
static int make_instance(struct session *s)
{
	int nr;

	for (nr = 0; nr < INSTANCES_MAX; nr++) {
		int len = snprintf(s->name, sizeof(s->name), NAME_PREFIX "%d", getpid());

		if (nr)
			snprintf(s->name + len, sizeof(s->name) - len, "-%d", nr);
		errno = 0;
		s->instance = tracefs_instance_create(s->name);
		if (!s->instance)
			return no_instance(s->name);
		if (tracefs_instance_is_new(s->instance)) {
			s->lock = lock_instance(s->name, 0);
			return EXIT_OK;
		}
		tracefs_instance_free(s->instance);
		s->instance = NULL;
	}
	return fail(EXIT_FAILED, "too many instances are left in %s/instances",
		    tracefs_tracing_dir());
}

/* Reading the knobs also tells whether we may, and whether there is anything. */
static int check_kernel(void)
{
	struct pairs knobs;
	const char *enable;
	int ret;

	ret = slots_open();
	if (!ret)
		ret = slots_knobs(&knobs);
	if (ret)
		return ret;
	enable = pairs_get(&knobs, "enable");
	if (enable && !strcmp(enable, "0"))
		note("reuse is off, so there are no slot events: uprobe-slots set enable 1");
	pairs_free(&knobs);
	return EXIT_OK;
}

/* They tell who is created, in which process, under which name: procs_learn(). */
static const char *const task_events[] = { "task_newtask", "task_rename" };

static void load_event(struct session *s, const char *system, const char *event)
{
	int size;
	char *format = tracefs_event_file_read(NULL, system, event, "format", &size);

	if (format)
		tep_parse_event(s->tep, format, size, system);
	free(format);
}

/*
 * Not with tracefs_local_events_system(): that reads and sorts all symbols of the
 * kernel, which no slot event names, and each uprobe that somebody has defined.
 */
static void load_events(struct session *s)
{
	char **events = tracefs_system_events(NULL, SLOT_SYSTEM);
	size_t i;

	for (i = 0; events && events[i]; i++)
		if (!strncmp(events[i], SLOT_PREFIX, strlen(SLOT_PREFIX)))
			load_event(s, SLOT_SYSTEM, events[i]);
	tracefs_list_free(events);
	for (i = 0; i < ARRAY_SIZE(task_events); i++)
		load_event(s, "task", task_events[i]);
	/* Names of tasks that were seen before and may be gone. */
	tracefs_load_cmdlines(NULL, s->tep);
}

static int find_events(struct session *s)
{
	int size;
	char *header = tracefs_instance_file_read(NULL, "events/header_page", &size);

	s->tep = header ? tep_alloc() : NULL;
	if (s->tep) {
		tep_parse_header_page(s->tep, header, size, sizeof(long));
		load_events(s);
		events_find(s->tep, &s->events);
	}
	free(header);
	if (s->events.nr)
		return EXIT_OK;
	return fail(EXIT_NO_FEATURE,
		    "this kernel has no slot events in %s/events/" SLOT_SYSTEM
		    ". It needs a kernel built with CONFIG_UPROBE_SLOTS=y",
		    tracefs_tracing_dir());
}

int session_open(struct session *s)
{
	int ret;

	*s = (struct session){ .lock = -1, .command = { .go = -1, .failed = -1 } };
	ret = check_kernel();
	if (!ret)
		ret = find_events(s);
	if (ret)
		return ret;
	tracefs_instances_walk(note_left_over, NULL);
	/* Before there is anything that a signal could leave behind. */
	catch_signals();
	return make_instance(s);
}

void session_close(struct session *s)
{
	if (s->has_command)
		command_finish(&s->command);
	if (s->instance) {
		tracefs_trace_off(s->instance);
		/* It takes its events and triggers along. record's is gone by now. */
		if (tracefs_instance_destroy(s->instance) && tracefs_instance_exists(s->name))
			note("cannot remove %s/instances/%s: %m", tracefs_tracing_dir(), s->name);
		tracefs_instance_free(s->instance);
	}
	if (s->lock >= 0)
		close(s->lock);
	s->lock = -1;
	procs_free(&s->procs);
	tep_free(s->tep);
	s->instance = NULL;
	s->tep = NULL;
}

static int instance_error(struct session *s, const char *file)
{
	char *path = tracefs_instance_get_file(s->instance, file);
	int ret = file_error("writing", path ? path : file);

	tracefs_put_tracing_file(path);
	return ret;
}

int session_write(struct session *s, const char *file, const char *text)
{
	errno = 0;
	if (tracefs_instance_file_write(s->instance, file, text) >= 0)
		return EXIT_OK;
	return instance_error(s, file);
}

bool session_has_event(struct session *s, const char *system, const char *event)
{
	return tracefs_event_file_exists(s->instance, system, event, "enable");
}

int session_enable(struct session *s, const char *system, const char *event)
{
	char file[256];

	snprintf(file, sizeof(file), "events/%s/%s/enable", system, event);
	return session_write(s, file, "1");
}

/* " if reason == NUMBER", or "" */
static void condition(const struct slot_event *event, const char *word, char *text, size_t size)
{
	const struct word_field *reason = event_field(event, "reason");
	bool not = word && *word == '!';
	size_t i;

	*text = '\0';
	for (i = 0; word && reason && i < reason->nr; i++)
		if (!strcmp(reason->word[i], word + not))
			snprintf(text, size, " if reason %s %llu", not ? "!=" : "==",
				 reason->value[i]);
}

int session_hist(struct session *s, const struct slot_event *event, const char *keys,
		 const char *values, const char *word)
{
	char text[256], only[64], *path;
	int n, ret = EXIT_OK;

	if (!tracefs_event_file_exists(s->instance, SLOT_SYSTEM, event->name, "hist"))
		return fail(EXIT_FAILED,
			    "this kernel has no histograms: it needs CONFIG_HIST_TRIGGERS=y");
	condition(event, word, only, sizeof(only));
	snprintf(text, sizeof(text),
		 "hist:keys=common_pid.execname%s%s:vals=hitcount%s%s:size=%d%s",
		 keys ? "," : "", keys ? keys : "", values ? "," : "", values ? values : "",
		 HIST_SIZE, only);
	/* Appended: one trigger does not take the place of another. */
	n = tracefs_event_file_append(s->instance, SLOT_SYSTEM, event->name, "trigger", text);
	if (n < 0) {
		path = tracefs_event_get_file(s->instance, SLOT_SYSTEM, event->name, "trigger");
		ret = file_error("writing", path ? path : "trigger");
		tracefs_put_tracing_file(path);
	}
	return ret;
}

/* -------------------------------------------------------------- scope -- */

static int follow_tids(struct session *s, const struct tids *tids)
{
	char *text = malloc(tids->nr * 12 + 1);
	size_t i, len = 0;
	int ret;

	if (!text)
		return out_of_memory();
	for (i = 0; i < tids->nr; i++)
		len += sprintf(text + len, "%d ", tids->tid[i]);
	/* First the option: who is created in between is followed as well. */
	ret = session_write(s, "options/event-fork", "1");
	if (!ret)
		ret = session_write(s, "set_event_pid", text);
	free(text);
	return ret;
}

static int follow_process(struct session *s, int pid)
{
	char text[16];
	const struct target target = { .whose = WHOSE_PID, .text = text };
	struct tids tids;
	size_t i;
	int ret;

	snprintf(text, sizeof(text), "%d", pid);
	ret = target_tids(&target, &tids);
	if (ret)
		return ret;
	for (i = 0; i < tids.nr; i++)
		procs_set(&s->procs, tids.tid[i], pid);
	ret = follow_tids(s, &tids);
	tids_free(&tids);
	return ret;
}

static int follow_command(struct session *s, char **argv)
{
	struct tids tids = { .tid = &s->command.pid, .nr = 1 };
	int ret = command_start(&s->command, argv, 0);

	s->has_command = true;
	if (ret)
		return ret;
	procs_set(&s->procs, s->command.pid, s->command.pid);
	return follow_tids(s, &tids);
}

int session_follow(struct session *s, const struct scope *scope)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(task_events); i++)
		if (session_has_event(s, "task", task_events[i]))
			session_enable(s, "task", task_events[i]);
	if (scope->command)
		return follow_command(s, scope->command);
	return scope->pid ? follow_process(s, scope->pid) : EXIT_OK;
}

int session_go(struct session *s, const struct scope *scope)
{
	s->begun = now_boot();
	return scope->command ? command_go(&s->command, scope->command[0]) : EXIT_OK;
}

/* -------------------------------------------------------------- records -- */

static int on_record(struct tep_event *event, struct tep_record *record, int cpu, void *data)
{
	struct session *s = data;
	int tid = tep_data_pid(s->tep, record);
	size_t i;

	(void)cpu;
	if (procs_learn(&s->procs, event, record, tid))
		return 0;
	for (i = 0; s->fn && i < s->events.nr; i++)
		if (s->events.event[i].tep->id == event->id)
			s->ret = s->fn(&s->events.event[i], record, tid, s->data);
	return s->ret;
}

static int on_missed(struct tep_event *event, struct tep_record *record, int cpu, void *data)
{
	struct session *s = data;

	(void)event;
	(void)cpu;
	s->lost += record->missed_events > 0 ? record->missed_events : 1;
	return 0;
}

static int read_records(struct session *s)
{
	if (s->unread)
		return EXIT_OK;
	if (tracefs_iterate_raw_events(s->tep, s->instance, NULL, 0, on_record, s) < 0 && !s->ret)
		return fail(EXIT_FAILED, "reading the events: %m");
	return s->ret;
}

static bool over(struct session *s, const struct scope *scope)
{
	/* First, so that a signal reaches the command. */
	if (s->has_command && command_ended(&s->command))
		return true;
	if (stopped)
		return true;
	if (scope->seconds && session_seconds(s) >= scope->seconds)
		return true;
	if (scope->pid && kill(scope->pid, 0) && errno == ESRCH)
		return true;
	return false;
}

int session_wait(struct session *s, const struct scope *scope)
{
	int ret = EXIT_OK;

	tracefs_follow_missed_events(s->instance, on_missed, s);
	while (!ret && !over(s, scope)) {
		ret = read_records(s);
		if (!output_flush())
			break;
		sleep_seconds(POLL_SECONDS);
	}
	/* What is left of it when the time is up belongs to somebody else. */
	if (s->has_command && (stopped || ret))
		command_finish(&s->command);
	if (!s->unread)
		tracefs_trace_off(s->instance);
	if (!ret)
		ret = read_records(s);
	return ret;
}

int session_run(struct session *s, const struct scope *scope)
{
	int ret = session_go(s, scope);

	return ret ? ret : session_wait(s, scope);
}

double session_seconds(const struct session *s)
{
	return now_boot() - s->begun;
}

void session_complain(const struct session *s, const struct scope *scope)
{
	const char *complaint = s->has_command ? command_complaint(&s->command) : NULL;

	if (complaint)
		note("%s %s", scope->command[0], complaint);
	if (s->lost)
		note("%ju events were lost: the figures are too low", (uintmax_t)s->lost);
}

/* ----------------------------------------------------------- histograms -- */

#define ENTRY		"{ common_pid: "
#define COMM_WIDTH	16

/* The comm has a fixed width: it may contain anything, a line end too. */
static bool parse_entry(const char *text, struct hist_entry *entry)
{
	int len;

	if (strlen(text) < strlen(ENTRY) + COMM_WIDTH)
		return false;
	text += strlen(ENTRY);
	memcpy(entry->comm, text, COMM_WIDTH);
	entry->comm[COMM_WIDTH] = '\0';
	for (len = COMM_WIDTH; len && entry->comm[len - 1] == ' '; len--)
		entry->comm[len - 1] = '\0';
	if (sscanf(text + COMM_WIDTH, "[%d]", &entry->tid) != 1)
		return false;
	entry->rest = strchr(text + COMM_WIDTH, ']');
	return entry->rest;
}

uint64_t hist_number(const struct hist_entry *entry, const char *name)
{
	size_t end = strcspn(entry->rest, "\n");
	const char *at = entry->rest;
	size_t len = strlen(name);

	while ((at = strstr(at, name)) && at < entry->rest + end) {
		if (at[-1] == ' ' && at[len] == ':')
			return strtoull(at + len + 1, NULL, 10);
		at += len;
	}
	return 0;
}

#define DROPPED		"\n    Dropped: "

static uint64_t dropped(const char *text)
{
	uint64_t sum = 0;

	while ((text = strstr(text, DROPPED))) {
		text += strlen(DROPPED);
		sum += strtoull(text, NULL, 10);
	}
	return sum;
}

int session_hist_read(struct session *s, const struct slot_event *event, hist_fn fn,
		      void *data)
{
	char *text = tracefs_event_file_read(s->instance, SLOT_SYSTEM, event->name, "hist", NULL);
	struct hist_entry entry;
	int ret = EXIT_OK;
	const char *at;

	if (!text)
		return fail(EXIT_FAILED, "reading the histogram of %s: %m", event->name);
	for (at = strstr(text, ENTRY); at && !ret; at = strstr(at, ENTRY)) {
		if (parse_entry(at, &entry)) {
			ret = fn(s, event, &entry, data);
			at = entry.rest;
		} else {
			at++;
		}
	}
	s->lost += dropped(text);
	free(text);
	return ret;
}

/* -------------------------------------------------------------- options -- */

int scope_option(struct scope *scope, int c, const char *text)
{
	if (c == 'p' && !parse_id(text, &scope->pid))
		return fail(EXIT_USAGE, "'%s' is no process ID", text);
	if (c == 'f' && !parse_seconds(text, &scope->seconds))
		return fail(EXIT_USAGE, "'%s' is no time: 0.01 to 86400 seconds", text);
	return EXIT_OK;
}

/* Options end at the first word that is none; what is left is CMD. */
int scope_check(const struct verb *self, struct scope *scope, int argc, char **argv)
{
	scope->command = optind < argc ? argv + optind : NULL;
	if (scope->command && scope->pid)
		return fail(EXIT_USAGE, "%s takes --pid or a command", self->name);
	if (!scope->command && optind > 1 && !strcmp(argv[optind - 1], "--"))
		return fail(EXIT_USAGE, "there is no command behind --");
	return EXIT_OK;
}
