/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which tasks are meant: a task, a process, those of a name, those of a cgroup.
 */
#ifndef TARGETS_H
#define TARGETS_H

#include <stdbool.h>
#include <stddef.h>

/* One of these */
enum whose { WHOSE_NOBODY, WHOSE_TID, WHOSE_PID, WHOSE_COMM, WHOSE_CGROUP };

struct target {
	enum whose whose;
	const char *text;	/* as it was given: number, glob, path */
};

struct tids {
	int *tid;
	size_t nr;
};

int tids_add(struct tids *tids, int tid);
void tids_sort(struct tids *tids);
/* In a sorted list. */
bool tids_has(const struct tids *tids, int tid);
void tids_free(struct tids *tids);
/* For qsort() and bsearch() */
int compare_ids(const void *a, const void *b);

/* Checks what was given; EXIT_USAGE with a sentence. */
int target_check(const struct target *target);
/* "process 4242" and the like. */
const char *target_name(const struct target *target);

/* The tasks that @target means now, in any order. */
int target_find(const struct target *target, struct tids *tids);
/* The same, sorted; none is a failure. */
int target_tids(const struct target *target, struct tids *tids);
/* Says that @target means no task; EXIT_FAILED. */
int target_nobody(const struct target *target);

#endif
