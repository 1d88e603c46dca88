/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's directory, tracing/uprobe_slots.
 *
 * A *knob* is a file that can be written and holds one word. A *counter* is a
 * line `name value` of the file stats; those named slot_… only grow, the others
 * are gauges. All are found by looking: a list here would be a second one beside
 * the kernel's.
 */
#ifndef SLOTS_H
#define SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct json_object;

struct pair {
	char *name;
	char *value;
};

struct pairs {
	struct pair *pair;
	size_t nr;
};

/* These return an enum exit_code, and have printed a sentence if it is not 0. */
int slots_open(void);
int slots_read(const char *file, char **text);
int slots_write(const char *file, const char *text, int flags, const char *what);
int slots_knobs(struct pairs *knobs);
int slots_counters(struct pairs *counters);
int file_error(const char *doing, const char *path);

/*
 * Writes without a word: 0 or -errno. *@before is error_log's last entry
 * before the write; slots_refused() makes a sentence of both.
 */
int slots_try_write(const char *file, const char *text, int flags, char **before);
int slots_refused(int error, const char *file, const char *what, const char *before);

/* Writes a knob that is there; says nothing if it worked. */
int knob_write(const char *name, const char *value);
int no_knob(const char *name, const struct pairs *knobs);

/*
 * Several knobs, all or none: what was written before a failure is written
 * back. A value that is there already is not written.
 */
int knobs_write(const struct pairs *want, const struct pairs *now, size_t *failed);

/* What the kernel is documented to take, "" if this tool does not know. */
const char *knob_range(const char *name);
bool knob_in_range(const char *name, const char *value);
/* The largest number that it takes. */
unsigned long knob_max(const char *name);

bool kernel_is_x86(void);

/* 0 if there is no such counter. */
uint64_t counter(const struct pairs *counters, const char *name);
bool is_gauge(const char *name);
/* Seconds that the counters cover. */
double counters_seconds(const struct pairs *counters);

int pairs_add(struct pairs *pairs, const char *name, const char *value);
const char *pairs_get(const struct pairs *pairs, const char *name);
void pairs_free(struct pairs *pairs);
/* Values that are numbers become numbers. */
struct json_object *pairs_json(const struct pairs *pairs);

char *read_all(int fd);

#endif
