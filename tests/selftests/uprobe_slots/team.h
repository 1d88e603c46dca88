/* SPDX-License-Identifier: GPL-2.0 */
/*
 * team.h - threads that run rounds of probed calls in step with the test
 *
 * Each member has a range of us_many; team_round() lets every member run its
 * range @rounds times and waits for all. A wrong value is counted. With a cold
 * range, one call of that follows each round, the next one in turn.
 */
#ifndef _US_TEAM_H
#define _US_TEAM_H

#include <pthread.h>
#include "common.h"

#define TEAM_MAX	64

struct member {
	pthread_t thread;
	pid_t tid;
	int from, to;		/* us_many[from..to) */
	int cold, cold_from, cold_to;
	long rounds;		/* to do in this go */
	long calls, wrong;	/* done so far */
	struct team *team;
};

struct team {
	int n;
	bool quit;
	pthread_barrier_t start, end;
	struct member m[TEAM_MAX];
};

void team_start(struct team *t, int n, int from, int to);
void team_go(struct team *t, long rounds);	/* the same for all, and wait */
void team_go_each(struct team *t);		/* m[].rounds as they are */
void team_begin(struct team *t);		/* the two halves of it */
void team_wait(struct team *t);
int team_stop(struct team *t);			/* 0, or 1: wrong values */
long team_calls(const struct team *t);

/*
 * Go on until a slot was reclaimed since @a. Slots that are hit all the time
 * are not, so the members hit one half of their instructions only, and the
 * slots of the other half get cold; each half has to be more than fits.
 */
void team_go_until_reclaimed(struct team *t, const struct us_stats *a);

#endif
