// SPDX-License-Identifier: GPL-2.0-only
/*
 * The kernel's directory, tracing/uprobe_slots: its files, knobs and counters.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <tracefs.h>

#include "slots.h"
#include "uprobe-slots.h"
#include "utils.h"

#define DIR_NAME "uprobe_slots"

static int out_of_memory(void)
{
	return fail(EXIT_FAILED, "out of memory");
}

/* The sentence for a file of ours that could not be opened, read or written. */
static int file_error(const char *doing, const char *path)
{
	switch (errno) {
	case EACCES:
		return fail(EXIT_NOT_PERMITTED, "not permitted: %s %s needs root", doing, path);
	case EPERM:
		return fail(EXIT_NOT_PERMITTED,
			    "not permitted: the kernel refuses %s %s, even to root (locked down? see /sys/kernel/security/lockdown)",
			    doing, path);
	default:
		return fail(EXIT_FAILED, "%s %s: %m", doing, path);
	}
}

/* The directory is not there: is it the feature or all of tracefs? */
static int no_directory(const char *path)
{
	struct stat st;

	if (errno != ENOENT)
		return file_error("reading", path);
	if (stat(tracefs_tracing_dir(), &st))
		return file_error("reading", tracefs_tracing_dir());
	return fail(EXIT_NO_FEATURE,
		    "this kernel has no uprobe slots: there is no %s. It needs a kernel built with CONFIG_UPROBE_SLOTS=y",
		    path);
}

/*
 * Finds the tracing directory and looks whether the feature is there. libtracefs
 * would mount tracefs where it is not: a tool that shows must not do that, so
 * it is asked first.
 */
int slots_open(void)
{
	static const char *mounted;	/* libtracefs 1.6 allocates it and never frees */
	char *fake = getenv("UPROBE_SLOTS_TRACING_DIR");
	struct stat st;
	int ret = EXIT_OK;
	char *path;

	if (fake && *fake) {
		if (tracefs_set_tracing_dir(fake))
			return fail(EXIT_FAILED, "cannot use %s as the tracing directory", fake);
	} else if (tracefs_tracing_dir_is_mounted(false, &mounted) <= 0) {
		return fail(EXIT_FAILED,
			    "tracefs is not mounted. As root: mount -t tracefs nodev /sys/kernel/tracing");
	}

	path = tracefs_get_tracing_file(DIR_NAME);
	if (!path)
		return out_of_memory();
	if (stat(path, &st))
		ret = no_directory(path);
	tracefs_put_tracing_file(path);
	return ret;
}

static char *file_path(const char *file)
{
	char name[512];

	snprintf(name, sizeof(name), DIR_NAME "/%s", file);
	return tracefs_get_tracing_file(name);
}

static char *read_all(int fd)
{
	size_t len = 0, size = 4096;
	char *text = malloc(size), *more;
	ssize_t n;

	while (text) {
		n = read(fd, text + len, size - len - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			break;
		len += n;
		if (size - len > 1)
			continue;
		size *= 2;
		more = realloc(text, size);
		if (!more)
			free(text);
		text = more;
	}
	if (!text)
		return NULL;
	if (n < 0) {
		free(text);
		return NULL;
	}
	text[len] = '\0';
	return text;
}

/* Reads a whole file of the directory. The caller frees *text. */
int slots_read(const char *file, char **text)
{
	char *path = file_path(file);
	int ret = EXIT_OK;
	int fd;

	*text = NULL;
	if (!path)
		return out_of_memory();
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		*text = read_all(fd);
	if (!*text)
		ret = file_error("reading", path);
	if (fd >= 0)
		close(fd);
	tracefs_put_tracing_file(path);
	return ret;
}

/*
 * The kernel's own reason, from error_log: a line and a caret under the word
 * that it did not like. @before is what the log ended in before the write, so
 * that an old line of somebody else's is not taken for ours.
 */
static void say_kernel_reason(const char *before)
{
	char *after = tracefs_error_last(NULL);

	if (after && *after && (!before || strcmp(before, after)))
		say_more(after);
	free(after);
}

static int refused(const char *what, const char *path, const char *before)
{
	int ret;

	switch (errno) {
	case ERANGE:
		ret = fail(EXIT_FAILED, "%s: out of range", what);
		break;
	case EINVAL:
		ret = fail(EXIT_FAILED, "%s: the kernel does not take this value", what);
		break;
	case ESRCH:
		ret = fail(EXIT_FAILED,
			   "%s: there is no such task: it has ended, or the number is from another PID namespace",
			   what);
		break;
	default:
		return file_error("writing", path);
	}
	say_kernel_reason(before);
	return ret;
}

/*
 * Writes @text, in one write: the kernel takes a write whole or not at all.
 * @what names the change in a message. Nothing is retried.
 */
int slots_write(const char *file, const char *text, int flags, const char *what)
{
	char *path = file_path(file);
	size_t len = strlen(text);
	int ret = EXIT_OK;
	char *before;
	ssize_t n = -1;
	int fd, saved;

	if (!path)
		return out_of_memory();
	before = tracefs_error_last(NULL);
	fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	if (fd >= 0) {
		n = write(fd, text, len);
		saved = errno;
		close(fd);
		errno = saved;
	}
	if (n < 0)
		ret = refused(what, path, before);
	else if ((size_t)n != len)
		ret = fail(EXIT_FAILED, "%s: the kernel took only a part of it", what);
	free(before);
	tracefs_put_tracing_file(path);
	return ret;
}

static int pairs_add(struct pairs *pairs, const char *name, const char *value)
{
	struct pair *more = realloc(pairs->pair, (pairs->nr + 1) * sizeof(*more));
	struct pair *last;

	if (!more)
		return out_of_memory();
	pairs->pair = more;
	last = &more[pairs->nr];
	last->name = strdup(name);
	last->value = strndup(value, strcspn(value, "\n"));
	if (!last->name || !last->value) {
		free(last->name);
		free(last->value);
		return out_of_memory();
	}
	pairs->nr++;
	return EXIT_OK;
}

const char *pairs_get(const struct pairs *pairs, const char *name)
{
	size_t i;

	for (i = 0; i < pairs->nr; i++)
		if (!strcmp(pairs->pair[i].name, name))
			return pairs->pair[i].value;
	return NULL;
}

void pairs_free(struct pairs *pairs)
{
	size_t i;

	for (i = 0; i < pairs->nr; i++) {
		free(pairs->pair[i].name);
		free(pairs->pair[i].value);
	}
	free(pairs->pair);
	pairs->pair = NULL;
	pairs->nr = 0;
}

static int add_if_knob(struct pairs *knobs, const char *name)
{
	char *path = file_path(name);
	int ret = EXIT_OK;
	struct stat st;
	bool writable;
	char *text;

	if (!path)
		return out_of_memory();
	writable = !stat(path, &st) && S_ISREG(st.st_mode) && (st.st_mode & S_IWUSR);
	tracefs_put_tracing_file(path);
	if (!writable)
		return EXIT_OK;

	ret = slots_read(name, &text);
	if (!ret && is_one_word(text))
		ret = pairs_add(knobs, name, text);
	free(text);
	return ret;
}

/* Every knob with its value, by name. The caller calls pairs_free(). */
int slots_knobs(struct pairs *knobs)
{
	char *path = tracefs_get_tracing_file(DIR_NAME);
	struct dirent **entry = NULL;
	int ret = EXIT_OK;
	int i, nr;

	knobs->pair = NULL;
	knobs->nr = 0;
	if (!path)
		return out_of_memory();
	nr = scandir(path, &entry, NULL, alphasort);
	if (nr < 0)
		ret = file_error("reading", path);
	for (i = 0; i < nr; i++) {
		if (!ret)
			ret = add_if_knob(knobs, entry[i]->d_name);
		free(entry[i]);
	}
	free(entry);
	tracefs_put_tracing_file(path);
	if (ret)
		pairs_free(knobs);
	return ret;
}

/* Every counter, in the kernel's order. The caller calls pairs_free(). */
int slots_counters(struct pairs *counters)
{
	char *text, *line, *rest, *value;
	int ret;

	counters->pair = NULL;
	counters->nr = 0;
	ret = slots_read("stats", &text);
	if (ret)
		return ret;
	for (line = strtok_r(text, "\n", &rest); line && !ret;
	     line = strtok_r(NULL, "\n", &rest)) {
		value = strchr(line, ' ');
		if (!value) {
			ret = fail(EXIT_FAILED, "stats: a line without a value: %s", line);
			break;
		}
		*value++ = '\0';
		ret = pairs_add(counters, line, value + strspn(value, " "));
	}
	free(text);
	if (ret)
		pairs_free(counters);
	return ret;
}
