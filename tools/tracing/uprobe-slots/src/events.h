/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's slot events, as its format files (or a trace.dat) describe them,
 * and counts of them by process. What is known here is how they are told from
 * others, and fields by their names: which events there are, and which words a
 * field has, the kernel says.
 */
#ifndef EVENTS_H
#define EVENTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;
struct tep_handle;
struct tep_event;
struct tep_record;

#define SLOT_SYSTEM	"uprobes"
#define SLOT_PREFIX	"slot_"
#define EVENTS_MAX	16
#define FIELDS_MAX	2
#define WORDS_MAX	16

/* A field whose values have words. */
struct word_field {
	const char *name;
	const char *word[WORDS_MAX];
	unsigned long long value[WORDS_MAX];
	size_t nr;
};

struct slot_event {
	struct tep_event *tep;
	const char *name;
	struct word_field field[FIELDS_MAX];
	size_t nr_fields;
	bool of_task;			/* the current task is the one concerned */
	bool waits;			/* there is a wait_ns */
};

struct events {
	struct slot_event event[EVENTS_MAX];
	size_t nr;
};

/* Those of @tep, by name. */
void events_find(struct tep_handle *tep, struct events *events);
struct slot_event *events_named(struct events *events, const char *name);
/* NULL: it has no such field, or not with words. */
const struct word_field *event_field(const struct slot_event *event, const char *name);
/* The index of the word for a value; -1: none. */
int field_word(const struct word_field *field, unsigned long long value);
/* "NAME,NAME": its fields with words, as the keys of a histogram. NULL: none. */
const char *event_keys(const struct slot_event *event);
/* A record as an object: names as in the format file, words for numbers. */
struct json_object *record_json(struct slot_event *event, struct tep_record *record,
				int tid, const char *comm);
bool record_number(struct tep_event *event, struct tep_record *record, const char *field,
		   unsigned long long *value);
bool record_text(struct tep_event *event, struct tep_record *record, const char *field,
		 char *text, size_t size);

/* ------------------------------------------------------------- counts -- */

struct count {
	uint64_t nr, wait_ns;
	uint64_t of_word[FIELDS_MAX][WORDS_MAX];
};

struct process {
	int pid;
	char comm[80];
	bool named;			/* after its first thread */
	struct count count[EVENTS_MAX];
};

struct counts {
	struct process *process;
	size_t nr;
	struct process total;
};

struct process *counts_process(struct counts *counts, int pid);
/* @words: the word of each of the event's fields; NULL: none. */
int counts_add(struct counts *counts, int pid, int tid, const char *comm, size_t event,
	       const int *words, uint64_t nr, uint64_t wait_ns);
/* All that a task did, to the process that it is of. */
int counts_add_all(struct counts *counts, int pid, const struct process *task, const char *comm);
/* Most executions first. */
void counts_sort(struct counts *counts, struct events *events);
void counts_free(struct counts *counts);
uint64_t count_of(const struct process *process, struct events *events, const char *name);
/* NAN without executions. */
double process_percent(const struct process *process, struct events *events);
void process_print(const struct process *process, struct events *events);
struct json_object *process_json(const struct process *process, struct events *events);
struct json_object *counts_json(struct counts *counts, struct events *events);

#endif
