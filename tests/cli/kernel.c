// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded by the tests: the kernel's side of a fake tracing directory.
 *
 * A write to a file of uprobe_slots/ is judged as the kernel judges it, with its
 * errno, its line in error_log and nothing changed on a refusal. Tasks are those
 * of this machine, and 4242, which is always alive.
 *
 *   FAKE_OPEN_ERRNO=N  every open for writing fails so
 *   FAKE_MOUNTS=FILE   stands in for /proc/mounts
 *   FAKE_KILL=PID      is killed when task_limits is written first
 *   FAKE_GROW=PID      gets SIGUSR1 then: tests/cli/threads creates a thread
 *   FAKE_FAIL=N        the Nth write fails with EIO
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ALIVE 4242

static const struct knob {
	const char *name;
	long min, max;
} knobs[] = {
	{ "enable", 0, 1 },
	{ "cache_limit", 0, 64 },
	{ "area_pages", 1, 16 },
	{ "emulate", 0, 1 },
};

static const char *dir(void)
{
	const char *d = getenv("UPROBE_SLOTS_TRACING_DIR");

	return d ? d : "/nowhere";
}

/* The part of @path behind uprobe_slots/, or NULL. */
static const char *ours(const char *path)
{
	size_t len = strlen(dir());

	if (strncmp(path, dir(), len) || strncmp(path + len, "/uprobe_slots/", 14))
		return NULL;
	return path + len + 14;
}

FILE *fopen(const char *path, const char *mode)
{
	FILE *(*next)(const char *, const char *) = dlsym(RTLD_NEXT, "fopen");
	const char *mounts = getenv("FAKE_MOUNTS");

	if (mounts && !strcmp(path, "/proc/mounts"))
		path = mounts;
	return next(path, mode);
}

/* What libtracefs, built for large files, calls. */
FILE *fopen64(const char *path, const char *mode)
{
	return fopen(path, mode);
}

int open(const char *path, int flags, ...)
{
	int (*next)(const char *, int, ...) = dlsym(RTLD_NEXT, "open");
	const char *fault = getenv("FAKE_OPEN_ERRNO");
	mode_t mode;
	va_list ap;

	va_start(ap, flags);
	mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;
	va_end(ap);
	if (ours(path) && (flags & O_ACCMODE) != O_RDONLY) {
		if (fault) {
			errno = atoi(fault);
			return -1;
		}
		if (!strcmp(ours(path), "task_limits") && !(flags & O_TRUNC))
			return next(path, flags);
		flags = (flags & ~(O_TRUNC | O_ACCMODE)) | O_RDWR;
	}
	return next(path, flags, mode);
}

static int refuse(int error, const char *text, const char *command)
{
	char path[PATH_MAX];
	FILE *log;

	snprintf(path, sizeof(path), "%s/error_log", dir());
	log = fopen(path, "a");
	if (log) {
		fprintf(log, "[   12.345678] uprobe_slots: error: %s\n  Command: %s\n           ^\n",
			text, command);
		fclose(log);
	}
	errno = error;
	return -1;
}

static int alive(int tid)
{
	return tid == ALIVE || !kill(tid, 0) || errno == EPERM;
}

/* The overrides while a write is applied to them. */
static struct { int tid, limit; } over[70000];
static size_t nr_over;

static void override(int tid, int limit)
{
	size_t i;

	for (i = 0; i < nr_over && over[i].tid != tid; i++)
		;
	if (i == nr_over && limit >= 0)
		over[nr_over++].tid = tid;
	if (limit >= 0)
		over[i].limit = limit;
	else if (i < nr_over)
		over[i] = over[--nr_over];
}

static int judge_line(const char *line)
{
	char limit[16], *end;
	long value;
	int tid;

	if (sscanf(line, "%d %15s", &tid, limit) != 2)
		return refuse(EINVAL, "Expected 'TID LIMIT' or 'TID -'", line);
	value = strtol(limit, &end, 10);
	if (strcmp(limit, "-") && *end)
		return refuse(EINVAL, "Not a number", line);
	if (value < 0 || value > 64)
		return refuse(ERANGE, "Number out of range", line);
	if (!alive(tid))
		return refuse(ESRCH, "No thread with this ID", line);
	override(tid, strcmp(limit, "-") ? (int)value : -1);
	return 0;
}

static int by_tid(const void *a, const void *b)
{
	return *(const int *)a - *(const int *)b;
}

static void happen(const char *variable, int sig)
{
	char *pid = getenv(variable);

	if (!pid)
		return;
	unsetenv(variable);
	kill(atoi(pid), sig);
	/* Until its parent has taken note, or it has its new thread. */
	while (sig == SIGKILL && !kill(atoi(pid), 0))
		usleep(1000);
	usleep(100000);
}

/* All lines or none; the file is then what the kernel would show. */
static ssize_t write_limits(int fd, const char *text, size_t len)
{
	char path[PATH_MAX], *copy = strndup(text, len), *line, *rest;
	int tid, limit;
	FILE *file;
	size_t i;

	(void)fd;
	happen("FAKE_KILL", SIGKILL);
	snprintf(path, sizeof(path), "%s/uprobe_slots/task_limits", dir());
	nr_over = 0;
	file = fopen(path, "r");
	while (file && fscanf(file, "%d %d", &tid, &limit) == 2)
		override(tid, limit);
	if (file)
		fclose(file);
	for (line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
		if (judge_line(line)) {
			free(copy);
			return -1;
		}
	free(copy);
	qsort(over, nr_over, sizeof(over[0]), by_tid);
	file = fopen(path, "w");
	for (i = 0; file && i < nr_over; i++)
		fprintf(file, "%d %d\n", over[i].tid, over[i].limit);
	if (file)
		fclose(file);
	happen("FAKE_GROW", SIGUSR1);
	return len;
}

static int judge(const char *name, const char *text)
{
	char *end, word[64];
	long value;
	size_t i;

	snprintf(word, sizeof(word), "%.*s", (int)strcspn(text, "\n"), text);
	if (!strcmp(name, "exits") && strcmp(word, "step") && strcmp(word, "trap") &&
	    strcmp(word, "jump"))
		return refuse(EINVAL, "Expected 'step', 'trap' or 'jump'", word);
	for (i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++) {
		if (strcmp(knobs[i].name, name))
			continue;
		value = strtol(word, &end, 0);
		if (end == word || *end)
			return refuse(EINVAL, "Not a number", word);
		if (value < knobs[i].min || value > knobs[i].max)
			return refuse(ERANGE, "Number out of range", word);
	}
	return 0;
}

static int failing(void)
{
	static int writes;
	const char *nth = getenv("FAKE_FAIL");

	errno = EIO;
	return nth && ++writes == atoi(nth);
}

ssize_t write(int fd, const void *data, size_t len)
{
	ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
	char link[64], path[PATH_MAX], text[128];
	const char *name;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return next(fd, data, len);
	path[n] = '\0';
	name = ours(path);
	if (!name)
		return next(fd, data, len);
	if (failing())
		return -1;
	if (!strcmp(name, "task_limits"))
		return write_limits(fd, data, len);
	snprintf(text, sizeof(text), "%.*s", (int)len, (const char *)data);
	if (judge(name, text) || ftruncate(fd, 0))
		return -1;
	return next(fd, data, len);
}
