/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What to do about what the counters say.
 */
#ifndef ADVICE_H
#define ADVICE_H

#include <stddef.h>

struct pairs;
struct table;

#define ADVICE_MAX	6

struct advice {
	char text[ADVICE_MAX][512];
	size_t nr;
};

/* At least one sentence. @tasks: by process. */
void advice_make(struct advice *advice, const struct pairs *knobs,
		 const struct pairs *counters, const struct table *tasks);

#endif
