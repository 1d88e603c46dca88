/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The kernel's directory, tracing/uprobe_slots.
 *
 * A *knob* is a file that can be written and holds one word. A *counter* is a
 * line `name value` of the file stats. Both are found by looking: a list here
 * would be a second one beside the kernel's.
 */
#ifndef SLOTS_H
#define SLOTS_H

#include <stddef.h>

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

const char *pairs_get(const struct pairs *pairs, const char *name);
void pairs_free(struct pairs *pairs);

#endif
