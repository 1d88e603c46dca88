/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache limits of tasks: which tasks are meant, and all of them or none.
 */
#ifndef LIMITS_H
#define LIMITS_H

#include <stdbool.h>
#include <stddef.h>

struct json_object;

/* Whose limit: one of these. */
enum whose { WHOSE_NOBODY, WHOSE_TID, WHOSE_PID, WHOSE_COMM, WHOSE_CGROUP };

struct target {
	enum whose whose;
	const char *text;	/* as it was given: number, glob, path */
};

struct tids {
	int *tid;
	size_t nr;
};

/* Checks what was given; EXIT_USAGE with a sentence. */
int target_check(const struct target *target);
int limit_check(const char *limit);

int tids_add(struct tids *tids, int tid);
bool tids_has(const struct tids *tids, int tid);
void tids_free(struct tids *tids);
/* The tasks that @target means now. None is a failure. */
int target_tids(const struct target *target, struct tids *tids);

/*
 * Gives every task of @target the limit (`default`: takes it away). On a
 * failure, or when a signal comes, all is as it was. @nr: how many have it.
 */
int limits_set(const struct target *target, const char *limit, size_t *nr);

/* Prints what it would do, or adds it to @changes. */
int limits_dry_run(const struct target *target, const char *limit,
		   struct json_object *changes);

/* "process 4242" and the like. */
const char *target_name(const struct target *target);

#endif
