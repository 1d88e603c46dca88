// SPDX-License-Identifier: GPL-2.0-only
/*
 * The cache limits of tasks: all of those that are meant, or none.
 *
 * One write of task_limits is atomic, but holds 1 MiB at most, and tasks come
 * and go while we look. So: look, write what is new, and look again, until
 * there is nothing new. From then on whatever is created by these tasks
 * inherits. Tasks that end meanwhile make a write fail; they are dropped and it
 * is written again. What was before is read first, and written back if
 * something else fails.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "command.h"
#include "limits.h"
#include "slots.h"
#include "uprobe-slots.h"
#include "utils.h"

#define FILE_NAME	"task_limits"
/* The kernel takes 1 MiB in one write; a line has at most 16 bytes. */
#define LINES_MAX	50000
#define ROUNDS_MAX	100

int limit_check(const char *limit)
{
	unsigned long long value;

	if (!strcmp(limit, "default"))
		return EXIT_OK;
	if (!parse_number(limit, &value) || strlen(limit) > 10)
		return fail(EXIT_USAGE, "'%s' is no limit: a number, or `default`", limit);
	return EXIT_OK;
}

/* ------------------------------------------------------- what was before -- */

struct limits {
	struct tids has;	/* sorted: the kernel lists them so */
	int *limit;		/* of each */
};

static void limits_free(struct limits *limits)
{
	tids_free(&limits->has);
	free(limits->limit);
	limits->limit = NULL;
}

static int limits_read(struct limits *limits)
{
	char *text, *line, *rest;
	int ret, tid, limit;
	struct tids values = { 0 };

	*limits = (struct limits){ 0 };
	ret = slots_read(FILE_NAME, &text);
	if (ret)
		return ret;
	for (line = strtok_r(text, "\n", &rest); line && !ret;
	     line = strtok_r(NULL, "\n", &rest)) {
		if (sscanf(line, "%d %d", &tid, &limit) != 2)
			continue;
		ret = tids_add(&limits->has, tid);
		if (!ret)
			ret = tids_add(&values, limit);
	}
	free(text);
	limits->limit = values.tid;
	if (ret)
		limits_free(limits);
	return ret;
}

/* The task's own limit, or -1. */
static int limit_of(const struct limits *limits, int tid)
{
	const int *found = limits->has.nr ?
		bsearch(&tid, limits->has.tid, limits->has.nr, sizeof(tid), compare_ids) : NULL;

	return found ? limits->limit[found - limits->has.tid] : -1;
}

/* -------------------------------------------------------------- writing -- */

/* What is written: a limit for all, or, to undo, to each what it had. */
struct plan {
	const char *limit;
	const struct limits *before;
};

static size_t plan_line(const struct plan *plan, int tid, char *line, size_t size)
{
	int old;

	if (plan->limit)
		return snprintf(line, size, "%d %s\n", tid,
				strcmp(plan->limit, "default") ? plan->limit : "-");
	old = limit_of(plan->before, tid);
	if (old < 0)
		return snprintf(line, size, "%d -\n", tid);
	return snprintf(line, size, "%d %d\n", tid, old);
}

/* Without truncation: that would take every other task's limit away. */
static int write_lines(const struct plan *plan, const int *tid, size_t nr, char **before)
{
	char *text = malloc(nr * 32 + 1);
	size_t i, len = 0;
	int ret;

	*before = NULL;
	if (!text)
		return -ENOMEM;
	for (i = 0; i < nr; i++)
		len += plan_line(plan, tid[i], text + len, 32);
	text[len] = '\0';
	ret = slots_try_write(FILE_NAME, text, O_APPEND, before);
	free(text);
	return ret;
}

static bool exists(int tid)
{
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d", tid);
	return !access(path, F_OK);
}

static size_t drop_dead(int *tid, size_t nr)
{
	size_t i, alive = 0;

	for (i = 0; i < nr; i++)
		if (exists(tid[i]))
			tid[alive++] = tid[i];
	return alive;
}

/*
 * Writes all of @tids, chunk by chunk. Those that have ended are dropped from
 * it. 0 or -errno; @done: the first so many were written.
 */
static int write_all(const struct plan *plan, struct tids *tids, size_t *done, char **before)
{
	int tries = 0, ret = 0;
	size_t chunk, alive;

	*done = 0;
	*before = NULL;
	while (*done < tids->nr) {
		if (stopped)
			return -EINTR;
		chunk = tids->nr - *done;
		if (chunk > LINES_MAX)
			chunk = LINES_MAX;
		free(*before);
		ret = write_lines(plan, tids->tid + *done, chunk, before);
		if (!ret) {
			*done += chunk;
			continue;
		}
		if (ret != -ESRCH || tries++ == ROUNDS_MAX)
			return ret;
		alive = drop_dead(tids->tid + *done, chunk);
		memmove(tids->tid + *done + alive, tids->tid + *done + chunk,
			(tids->nr - *done - chunk) * sizeof(int));
		tids->nr -= chunk - alive;
	}
	return 0;
}

static void undo(struct tids *written, const struct limits *before)
{
	const struct plan plan = { .before = before };
	int was_stopped = stopped;
	char *unused;
	size_t done;

	stopped = 0;
	if (written->nr && write_all(&plan, written, &done, &unused))
		note("the limits of %zu tasks could not be set back", written->nr - done);
	if (!stopped)
		stopped = was_stopped;
}

static int say_why(int error, const struct target *target, const char *limit,
		   const char *before)
{
	char what[600];

	if (error == -EINTR)
		return fail(EXIT_FAILED, "interrupted: no limit was changed");
	snprintf(what, sizeof(what), "%s, limit %s", target_name(target), limit);
	return slots_refused(-error, FILE_NAME, what, before);
}

/* The tasks of @target that are not yet in @all. */
static int find_new(const struct target *target, const struct tids *all, struct tids *fresh)
{
	size_t i, nr = 0;
	int ret = target_find(target, fresh);

	if (ret) {
		tids_free(fresh);
		return ret;
	}
	for (i = 0; i < fresh->nr; i++)
		if (!tids_has(all, fresh->tid[i]))
			fresh->tid[nr++] = fresh->tid[i];
	fresh->nr = nr;
	return EXIT_OK;
}

/* Writes @fresh and adds it to @all, which is what an undo has to undo. */
static int write_round(const struct target *target, const char *limit,
		       struct tids *all, struct tids *fresh)
{
	const struct plan plan = { .limit = limit };
	char *reason = NULL;
	int error, ret = EXIT_OK;
	size_t i, done;

	error = write_all(&plan, fresh, &done, &reason);
	for (i = 0; i < done && !ret; i++)
		ret = tids_add(all, fresh->tid[i]);
	if (error)
		ret = say_why(error, target, limit, reason);
	tids_sort(all);
	free(reason);
	return ret;
}

/* One task is exactly that one: that it ends meanwhile is a failure. */
static int set_one(const struct target *target, const char *limit)
{
	const struct plan plan = { .limit = limit };
	char *reason;
	int tid, error, ret = EXIT_OK;

	parse_id(target->text, &tid);
	error = write_lines(&plan, &tid, 1, &reason);
	if (error)
		ret = say_why(error, target, limit, reason);
	free(reason);
	return ret;
}

static int set_many(const struct target *target, const char *limit, struct tids *all)
{
	struct tids fresh;
	int rounds, ret = EXIT_OK;

	for (rounds = 0; rounds < ROUNDS_MAX && !ret; rounds++) {
		ret = find_new(target, all, &fresh);
		if (ret)
			break;
		if (!fresh.nr) {
			tids_free(&fresh);
			return all->nr ? EXIT_OK : target_nobody(target);
		}
		ret = write_round(target, limit, all, &fresh);
		tids_free(&fresh);
	}
	return ret ? ret : fail(EXIT_FAILED, "%s: tasks come faster than they can be set",
				target_name(target));
}

int limits_set(const struct target *target, const char *limit, size_t *nr)
{
	struct tids all = { 0 };
	struct limits before;
	int ret;

	*nr = 1;
	if (target->whose == WHOSE_TID)
		return set_one(target, limit);
	ret = limits_read(&before);
	if (ret)
		return ret;
	ret = set_many(target, limit, &all);
	if (ret)
		undo(&all, &before);
	*nr = all.nr;
	tids_free(&all);
	limits_free(&before);
	return ret;
}

/* ---------------------------------------------------------- what if not -- */

static void dry_one(int tid, int old, const char *limit, struct json_object *changes)
{
	struct json_object *change;
	char from[16] = "default";

	if (old >= 0)
		snprintf(from, sizeof(from), "%d", old);
	if (!changes) {
		printf("task %d: limit %s -> %s\n", tid, from, limit);
		return;
	}
	change = json_object_new_object();
	json_add_number(change, "tid", tid);
	json_add_text(change, "from", from);
	json_add_text(change, "to", limit);
	json_object_array_add(changes, change);
}

int limits_dry_run(const struct target *target, const char *limit,
		   struct json_object *changes)
{
	struct limits before;
	struct tids tids;
	size_t i;
	int ret;

	if (strcmp(limit, "default") && !knob_in_range(FILE_NAME, limit))
		return fail(EXIT_FAILED, "limit %s: out of range%s", limit,
			    knob_range(FILE_NAME));
	ret = limits_read(&before);
	if (ret)
		return ret;
	ret = target_tids(target, &tids);
	if (!ret && target->whose == WHOSE_TID && !exists(tids.tid[0]))
		ret = fail(EXIT_FAILED, "%s: there is no such task", target_name(target));
	for (i = 0; !ret && i < tids.nr; i++)
		dry_one(tids.tid[i], limit_of(&before, tids.tid[i]), limit, changes);
	tids_free(&tids);
	limits_free(&before);
	return ret;
}
