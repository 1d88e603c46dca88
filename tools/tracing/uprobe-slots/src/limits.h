/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The cache limits of tasks: all of those that are meant, or none.
 */
#ifndef LIMITS_H
#define LIMITS_H

#include <stddef.h>

#include "targets.h"

struct json_object;

/* Checks what was given; EXIT_USAGE with a sentence. */
int limit_check(const char *limit);

/*
 * Gives every task of @target the limit (`default`: takes it away). On a
 * failure, or when a signal comes, all is as it was. @nr: how many have it.
 */
int limits_set(const struct target *target, const char *limit, size_t *nr);

/* Prints what it would do, or adds it to @changes. */
int limits_dry_run(const struct target *target, const char *limit,
		   struct json_object *changes);

#endif
