// SPDX-License-Identifier: GPL-2.0-only
/*
 * Which tasks are meant: a task, a process, those of a name, those of a cgroup.
 */
#include <dirent.h>
#include <errno.h>
#include <fnmatch.h>
#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "slots.h"
#include "targets.h"
#include "uprobe-slots.h"
#include "utils.h"

#define DEPTH_MAX	64

/* ------------------------------------------------------- lists of tasks -- */

int tids_add(struct tids *tids, int tid)
{
	int *more = one_more(tids->tid, tids->nr, sizeof(*more));

	if (!more)
		return out_of_memory();
	tids->tid = more;
	tids->tid[tids->nr++] = tid;
	return EXIT_OK;
}

int compare_ids(const void *a, const void *b)
{
	return (*(const int *)a > *(const int *)b) - (*(const int *)a < *(const int *)b);
}

void tids_sort(struct tids *tids)
{
	if (tids->nr)
		qsort(tids->tid, tids->nr, sizeof(*tids->tid), compare_ids);
}

bool tids_has(const struct tids *tids, int tid)
{
	return tids->nr &&
	       bsearch(&tid, tids->tid, tids->nr, sizeof(tid), compare_ids);
}

void tids_free(struct tids *tids)
{
	free(tids->tid);
	*tids = (struct tids){ 0 };
}

/* -------------------------------------------------------- what is meant -- */

int target_check(const struct target *target)
{
	int id;

	switch (target->whose) {
	case WHOSE_TID:
		if (!parse_id(target->text, &id))
			return fail(EXIT_USAGE, "'%s' is no task ID", target->text);
		break;
	case WHOSE_PID:
		if (!parse_id(target->text, &id))
			return fail(EXIT_USAGE, "'%s' is no process ID", target->text);
		break;
	case WHOSE_COMM:
		if (!*target->text)
			return fail(EXIT_USAGE, "an empty --comm matches no task");
		break;
	case WHOSE_CGROUP:
		if (!*target->text || strstr(target->text, ".."))
			return fail(EXIT_USAGE, "'%s' is no path of a cgroup", target->text);
		break;
	default:
		break;
	}
	return EXIT_OK;
}

const char *target_name(const struct target *target)
{
	static const char *const kinds[] = {
		[WHOSE_NOBODY] = "nobody",
		[WHOSE_TID] = "task",
		[WHOSE_PID] = "process",
		[WHOSE_COMM] = "tasks named",
		[WHOSE_CGROUP] = "cgroup",
	};
	static char text[512];
	char clean[480];

	clean_text(clean, sizeof(clean), target->text, true);
	snprintf(text, sizeof(text), "%s %s", kinds[target->whose], clean);
	return text;
}

/* ---------------------------------------------------------- who that is -- */

/* The tasks of a process. One that is gone meanwhile has none. */
static int threads_of(int pid, struct tids *tids)
{
	struct dirent *entry;
	char path[48];
	int ret = EXIT_OK, tid;
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/task", pid);
	dir = opendir(path);
	if (!dir)
		return errno == EACCES || errno == EPERM ? file_error("reading", path) : EXIT_OK;
	while (!ret && (entry = readdir(dir)))
		if (parse_id(entry->d_name, &tid))
			ret = tids_add(tids, tid);
	closedir(dir);
	return ret;
}

static bool comm_matches(int pid, int tid, const char *glob)
{
	char path[64], *comm;
	bool yes = false;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/comm", pid, tid);
	comm = read_file(path);
	if (comm) {
		comm[strcspn(comm, "\n")] = '\0';
		yes = !fnmatch(glob, comm, 0);
	}
	free(comm);
	return yes;
}

static int named(const char *glob, struct tids *tids)
{
	DIR *dir = opendir("/proc");
	struct dirent *entry;
	int ret = EXIT_OK, pid;
	size_t i;

	if (!dir)
		return file_error("reading", "/proc");
	while (!ret && (entry = readdir(dir))) {
		struct tids threads = { 0 };

		if (!parse_id(entry->d_name, &pid))
			continue;
		ret = threads_of(pid, &threads);
		for (i = 0; i < threads.nr && !ret; i++)
			if (comm_matches(pid, threads.tid[i], glob))
				ret = tids_add(tids, threads.tid[i]);
		tids_free(&threads);
	}
	closedir(dir);
	return ret;
}

/* A path is of the file system as it is, or as /proc/PID/cgroup shows it. */
static int cgroup_dir(const char *path, char *dir, size_t size)
{
	struct mntent *mount;
	struct stat st;
	FILE *mounts;
	int n = -1;

	if (*path == '/' && !stat(path, &st) && S_ISDIR(st.st_mode) &&
	    (size_t)snprintf(dir, size, "%s/cgroup.procs", path) < size && !access(dir, F_OK)) {
		snprintf(dir, size, "%s", path);
		return EXIT_OK;
	}
	mounts = fopen("/proc/mounts", "re");
	while (mounts && (mount = getmntent(mounts))) {
		if (strncmp(mount->mnt_type, "cgroup", 6))
			continue;
		n = snprintf(dir, size, "%s/%s", mount->mnt_dir, path + (*path == '/'));
		if (n < (int)size && !stat(dir, &st) && S_ISDIR(st.st_mode))
			break;
		n = -1;
	}
	if (mounts)
		fclose(mounts);
	if (n < 0)
		return fail(EXIT_FAILED, "there is no cgroup %s", path);
	return EXIT_OK;
}

/* cgroup v2 lists threads in cgroup.threads, v1 in tasks. */
static int cgroup_own_tasks(const char *dir, struct tids *tids)
{
	static const char *const names[] = { "cgroup.threads", "tasks" };
	char path[4200], *text = NULL, *word, *rest;
	int ret = EXIT_OK, tid;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(names) && !text; i++) {
		snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
		text = read_file(path);
	}
	if (!text)
		return errno == ENODEV || errno == ENOENT ? EXIT_OK : file_error("reading", path);
	for (word = strtok_r(text, "\n", &rest); word && !ret;
	     word = strtok_r(NULL, "\n", &rest))
		if (parse_id(word, &tid))
			ret = tids_add(tids, tid);
	free(text);
	return ret;
}

static int cgroup_tasks(const char *path, struct tids *tids, int depth)
{
	struct dirent *entry;
	char child[4096];
	int ret = cgroup_own_tasks(path, tids);
	DIR *dir;

	dir = ret || depth > DEPTH_MAX ? NULL : opendir(path);
	while (dir && !ret && (entry = readdir(dir))) {
		if (entry->d_type != DT_DIR || entry->d_name[0] == '.')
			continue;
		if (snprintf(child, sizeof(child), "%s/%s", path, entry->d_name) <
		    (int)sizeof(child))
			ret = cgroup_tasks(child, tids, depth + 1);
	}
	if (dir)
		closedir(dir);
	return ret;
}

int target_find(const struct target *target, struct tids *tids)
{
	char dir[4096];
	int id = 0, ret;

	*tids = (struct tids){ 0 };
	parse_id(target->text, &id);
	switch (target->whose) {
	case WHOSE_TID:
		return tids_add(tids, id);
	case WHOSE_PID:
		return threads_of(id, tids);
	case WHOSE_COMM:
		return named(target->text, tids);
	case WHOSE_CGROUP:
		ret = cgroup_dir(target->text, dir, sizeof(dir));
		return ret ? ret : cgroup_tasks(dir, tids, 0);
	default:
		return EXIT_OK;
	}
}

int target_nobody(const struct target *target)
{
	if (target->whose == WHOSE_PID)
		return fail(EXIT_FAILED, "%s: there is no such process", target_name(target));
	return fail(EXIT_FAILED, "%s: no task", target_name(target));
}

int target_tids(const struct target *target, struct tids *tids)
{
	int ret = target_find(target, tids);

	if (!ret && !tids->nr)
		ret = target_nobody(target);
	if (ret)
		tids_free(tids);
	tids_sort(tids);
	return ret;
}
