// SPDX-License-Identifier: GPL-2.0
/* stuck.c - threads stuck in a step, on a userfaultfd page that nobody serves */
#define _GNU_SOURCE
#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "stuck.h"

struct job {
	struct stuck *s;
	int i;
};

static struct job jobs[STUCK_MAX];

static void *get_stuck(void *arg)
{
	struct job *j = arg;
	struct us_uffd *u = &j->s->uffd;
	char *page = u->mem + j->i * u->page_size;

	if (j->s->distinct)
		j->s->value[j->i] = us_load_call(j->i, page);
	else
		j->s->value[j->i] = ((int (*)(void *))us_load)(page);
	return NULL;
}

void stuck_probes(bool distinct)
{
	if (distinct)
		us_probe_range("load", us_loads, US_MANY_SIZE, 0, US_LOADS);
	else
		us_probe("load", us_load);
}

int stuck_start(struct stuck *s, int n, bool distinct)
{
	int i, err = us_uffd_open(&s->uffd, n);

	if (err)
		return err;
	s->n = n;
	s->distinct = distinct;
	for (i = 0; i < n; i++) {
		s->value[i] = -1;
		jobs[i] = (struct job){ s, i };
		if (pthread_create(&s->thread[i], NULL, get_stuck, &jobs[i]))
			us_die("pthread_create");
	}
	return 0;
}

int stuck_wait(struct stuck *s, int n)
{
	return us_check(us_uffd_wait(&s->uffd, n, 20),
			"not all of %d tasks got into their step", n);
}

/* All have hit the probe, and none runs: each is in its step or waits for a slot. */
static bool all_blocked(void *arg)
{
	struct stuck *s = arg;
	struct dirent *entry;
	bool blocked;
	DIR *dir;
	int tid;

	blocked = us_hits("load") == (uint64_t)s->n;
	dir = opendir("/proc/self/task");
	while (dir && blocked && (entry = readdir(dir))) {
		tid = atoi(entry->d_name);
		if (tid && tid != getpid())
			blocked = strchr("DS", us_task_state(getpid(), tid));
	}
	if (dir)
		closedir(dir);
	return blocked;
}

int stuck_all(struct stuck *s)
{
	return us_check(us_poll(all_blocked, s, 20),
			"some of %d tasks neither step nor wait", s->n);
}

int stuck_end(struct stuck *s)
{
	int bad = 0, i;

	us_uffd_resolve(&s->uffd);
	for (i = 0; i < s->n; i++) {
		pthread_join(s->thread[i], NULL);
		bad |= us_check(!s->value[i], "task %d loaded %d", i, s->value[i]);
	}
	return bad;
}
