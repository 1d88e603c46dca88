/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What advise measures: which instructions the tasks execute out of line, how often, and
 * how they leave their slots; and what that adds up to.
 */
#ifndef USES_H
#define USES_H

#include <stddef.h>
#include <stdint.h>

#include "events.h"

struct session;
struct use;

#define HOT_PERCENT	99	/* of a task's executions are of its working set */

struct uses {
	struct use *use;
	size_t nr;
	const struct word_field *exit;	/* NULL: this kernel does not tell */
	uint64_t of_exit[WORDS_MAX];
	struct counts names;		/* only for the names of processes */
};

/* What the measurement says. */
struct finding {
	uint64_t executions;
	size_t tasks, processes;
	size_t limit;			/* the largest working set, */
	int tid, limit_pid;		/* and whose it is */
	size_t keys;			/* the most instructions in a process, */
	int keys_pid;			/* and whose they are */
	size_t slots;			/* the most slots that a process needs */
	size_t page_slots;		/* how many a page holds */
	size_t pages;			/* of an area that holds them */
};

/* Before the session runs. */
int uses_start(struct session *s);
/* After it. uses_free() is needed all the same. */
int uses_read(struct session *s, struct uses *uses);
void uses_free(struct uses *uses);

/* The executions that left their slot so. */
uint64_t uses_of_exit(const struct uses *uses, const char *exit);
/* @pages_now: what area_pages is; @page_slots: not 0. Sorts @uses. */
void uses_find(struct uses *uses, size_t pages_now, size_t page_slots, struct finding *f);

#endif
