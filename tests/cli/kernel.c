// SPDX-License-Identifier: GPL-2.0-only
/*
 * Preloaded by the tests: the kernel's side of a fake tracing directory.
 *
 * A write to a file of uprobe_slots/ is judged as the kernel judges it, with its
 * errno, its line in error_log and nothing changed on a refusal. Task 4242 is
 * the only one alive. FAKE_OPEN_ERRNO lets every open for writing fail so;
 * FAKE_MOUNTS stands in for /proc/mounts.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
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

static int judge_task(const char *text)
{
	char limit[16], *end;
	long value;
	int tid;

	if (sscanf(text, "%d %15s", &tid, limit) != 2)
		return refuse(EINVAL, "Expected: TID LIMIT", text);
	value = strtol(limit, &end, 10);
	if (strcmp(limit, "-") && *end)
		return refuse(EINVAL, "Expected: TID LIMIT", text);
	if (value < 0 || value > 64)
		return refuse(ERANGE, "Limit must be 0 to 64", text);
	if (tid != ALIVE)
		return refuse(ESRCH, "No such task", text);
	return 0;
}

static int judge(const char *name, const char *text)
{
	char *end, message[64], word[64];
	long value;
	size_t i;

	if (!strcmp(name, "task_limits"))
		return judge_task(text);
	snprintf(word, sizeof(word), "%.*s", (int)strcspn(text, "\n"), text);
	for (i = 0; i < sizeof(knobs) / sizeof(knobs[0]); i++) {
		if (strcmp(knobs[i].name, name))
			continue;
		value = strtol(word, &end, 10);
		if (end == word || *end)
			return refuse(EINVAL, "Not a number", word);
		snprintf(message, sizeof(message), "Value must be %ld to %ld",
			 knobs[i].min, knobs[i].max);
		if (value < knobs[i].min || value > knobs[i].max)
			return refuse(ERANGE, message, word);
	}
	return 0;
}

ssize_t write(int fd, const void *data, size_t len)
{
	ssize_t (*next)(int, const void *, size_t) = dlsym(RTLD_NEXT, "write");
	char link[64], path[PATH_MAX], text[4096];
	const char *name;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n < 0)
		return next(fd, data, len);
	path[n] = '\0';
	name = ours(path);
	if (!name || len >= sizeof(text))
		return next(fd, data, len);
	memcpy(text, data, len);
	text[len] = '\0';
	if (judge(name, text))
		return -1;
	if (strcmp(name, "task_limits") && ftruncate(fd, 0))
		return -1;
	return next(fd, data, len);
}
