/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which process a task belongs to, also when both are gone: from task_newtask
 * events, and from /proc while they live.
 */
#ifndef PROCS_H
#define PROCS_H

#include <stddef.h>

struct tep_event;
struct tep_record;

struct task {
	int tid, pid;
};

struct procs {
	void *tree;
};

void procs_set(struct procs *procs, int tid, int pid);
/* The process of @tid: as was learned; itself, if nothing was. */
int procs_pid(const struct procs *procs, int tid);
/* The same, and asks /proc about one that is not known. */
int procs_pid_live(struct procs *procs, int tid);
/* A task_newtask event. */
void procs_newtask(struct procs *procs, struct tep_event *event, struct tep_record *record,
		   int parent);
void procs_free(struct procs *procs);

#endif
