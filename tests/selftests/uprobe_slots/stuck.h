/* SPDX-License-Identifier: GPL-2.0 */
/* stuck.h - threads stuck in a step, on a userfaultfd page that nobody serves */
#ifndef _US_STUCK_H
#define _US_STUCK_H

#include <pthread.h>
#include "common.h"

#define STUCK_MAX	64

struct stuck {
	struct us_uffd uffd;
	int n;
	bool distinct;		/* each in an instruction of its own */
	pthread_t thread[STUCK_MAX];
	int value[STUCK_MAX];	/* 0 once the load has been done */
};

/* Probes must be there: event "load" on us_load or, if @distinct, on us_loads. */
void stuck_probes(bool distinct);
int stuck_start(struct stuck *s, int n, bool distinct);
/* Wait until @n of them are in their step. */
int stuck_wait(struct stuck *s, int n);
/* Wait until each of them, event "load", is in its step or waits for a slot. */
int stuck_all(struct stuck *s);
/* Serve the page; wait for all; each must have loaded 0. */
int stuck_end(struct stuck *s);

#endif
