// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which process a task belongs to.
 */
#include <sched.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <event-parse.h>

#include "events.h"
#include "procs.h"
#include "utils.h"

struct task {
	int tid, pid;
};

static int by_tid(const void *a, const void *b)
{
	return ((const struct task *)a)->tid - ((const struct task *)b)->tid;
}

static struct task *find(const struct procs *procs, int tid)
{
	const struct task key = { .tid = tid };
	void *node = tfind(&key, &procs->tree, by_tid);

	return node ? *(struct task **)node : NULL;
}

/* Without memory nothing is learned, and a thread counts as a process. */
void procs_set(struct procs *procs, int tid, int pid)
{
	struct task *task = find(procs, tid);

	if (!task) {
		task = malloc(sizeof(*task));
		if (!task)
			return;
		task->tid = tid;
		if (!tsearch(task, &procs->tree, by_tid)) {
			free(task);
			return;
		}
	}
	task->pid = pid;
}

int procs_pid(const struct procs *procs, int tid)
{
	const struct task *task = find(procs, tid);

	return task ? task->pid : tid;
}

int procs_pid_live(struct procs *procs, int tid)
{
	char path[48], *status, *line;
	int pid;

	if (find(procs, tid))
		return procs_pid(procs, tid);
	snprintf(path, sizeof(path), "/proc/%d/status", tid);
	status = read_file(path);
	line = status ? strstr(status, "\nTgid:") : NULL;
	if (line && sscanf(line, "\nTgid: %d", &pid) == 1)
		procs_set(procs, tid, pid);
	free(status);
	return procs_pid(procs, tid);
}

static void newtask(struct procs *procs, struct tep_event *event, struct tep_record *record,
		    int parent)
{
	unsigned long long tid, flags;
	char comm[32];

	if (!record_number(event, record, "pid", &tid) ||
	    !record_number(event, record, "clone_flags", &flags))
		return;
	procs_set(procs, (int)tid, flags & CLONE_THREAD ? procs_pid_live(procs, parent) :
							   (int)tid);
	if (record_text(event, record, "comm", comm, sizeof(comm)))
		tep_override_comm(event->tep, comm, (int)tid);
}

/* By exec, and by prctl(). */
static void renamed(struct tep_event *event, struct tep_record *record, int tid)
{
	unsigned long long other;
	char comm[32];

	if (record_number(event, record, "pid", &other))
		tid = (int)other;
	if (record_text(event, record, "newcomm", comm, sizeof(comm)))
		tep_override_comm(event->tep, comm, tid);
}

bool procs_learn(struct procs *procs, struct tep_event *event, struct tep_record *record,
		 int tid)
{
	if (!strcmp(event->name, "task_newtask"))
		newtask(procs, event, record, tid);
	else if (!strcmp(event->name, "task_rename"))
		renamed(event, record, tid);
	else
		return false;
	return true;
}

void procs_free(struct procs *procs)
{
	tdestroy(procs->tree, free);
	procs->tree = NULL;
}
