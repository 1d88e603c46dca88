/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A tracing instance of our own, in which the slot events are counted or read,
 * and what a verb waits for while they are. Nothing outside of it is changed,
 * and it goes with session_close().
 */
#ifndef SESSION_H
#define SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "command.h"
#include "events.h"
#include "procs.h"

struct tracefs_instance;
struct verb;

/* Whom and how long: what CMD does, or a process, or everybody. */
struct scope {
	char **command;		/* NULL: none */
	int pid;		/* 0: all */
	double seconds;		/* 0: until a signal */
};

typedef int (*record_fn)(struct slot_event *event, struct tep_record *record, int tid,
			 void *data);

struct session {
	struct tracefs_instance *instance;
	char name[64];
	int lock;		/* of the instance's directory: this run is alive */
	struct tep_handle *tep;
	struct events events;
	struct procs procs;
	struct command command;
	bool has_command;
	double begun;
	uint64_t lost;
	bool unread;		/* somebody else reads the instance */
	record_fn fn;		/* gets the slot events that are read */
	void *data;
	int ret;
};

int session_open(struct session *s);
void session_close(struct session *s);

int session_write(struct session *s, const char *file, const char *text);
/*
 * A histogram of a slot event, by task and at most two other fields: the kernel
 * takes no more. @word: only of records with this reason, or, behind a !, with
 * any other.
 */
int session_hist(struct session *s, const struct slot_event *event, const char *keys,
		 const char *values, const char *word);
int session_enable(struct session *s, const char *system, const char *event);
bool session_has_event(struct session *s, const char *system, const char *event);

/*
 * Starts CMD and holds it, and follows it, or follows the process; then
 * session_go() lets it go, and session_wait() waits for the end of the scope and
 * hands out records meanwhile.
 */
int session_follow(struct session *s, const struct scope *scope);
int session_go(struct session *s, const struct scope *scope);
int session_wait(struct session *s, const struct scope *scope);
/* Both in one. */
int session_run(struct session *s, const struct scope *scope);
double session_seconds(const struct session *s);
/* An exit status that was not 0, and events that were lost. */
void session_complain(const struct session *s, const struct scope *scope);

/* An entry of a histogram. */
struct hist_entry {
	int tid;
	char comm[17];
	const char *rest;	/* its other keys and values, by hist_number() */
};

typedef int (*hist_fn)(struct session *s, const struct slot_event *event,
		       const struct hist_entry *entry, void *data);

/* Calls @fn for each entry; adds what did not fit to s->lost. */
int session_hist_read(struct session *s, const struct slot_event *event, hist_fn fn,
		      void *data);
uint64_t hist_number(const struct hist_entry *entry, const char *name);

/* Options that verbs with a scope share. */
#define SCOPE_OPTIONS							\
	{ "pid", required_argument, NULL, 'p' },			\
	{ "for", required_argument, NULL, 'f' }
#define SCOPE_LINES							\
	"  -p, --pid N          only process N, and what it creates\n"	\
	"  -f, --for S          end after S seconds\n"

int scope_option(struct scope *scope, int c, const char *text);
int scope_check(const struct verb *self, struct scope *scope, int argc, char **argv);

#endif
