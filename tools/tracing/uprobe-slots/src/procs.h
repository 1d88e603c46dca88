/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Which process a task belongs to, also when both are gone: from task_newtask
 * events, and from /proc while they live. Names go to the tep_handle.
 */
#ifndef PROCS_H
#define PROCS_H

#include <stdbool.h>
#include <stddef.h>

struct tep_event;
struct tep_record;

struct procs {
	void *tree;
};

void procs_set(struct procs *procs, int tid, int pid);
/* The process of @tid: as was learned; itself, if nothing was. */
int procs_pid(const struct procs *procs, int tid);
/* The same, and asks /proc about one that is not known. */
int procs_pid_live(struct procs *procs, int tid);
/* From an event of the system "task": who is created, and new names. Is it one? */
bool procs_learn(struct procs *procs, struct tep_event *event, struct tep_record *record,
		 int tid);
void procs_free(struct procs *procs);

#endif
