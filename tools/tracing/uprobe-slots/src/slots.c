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
#include <sys/utsname.h>
#include <unistd.h>

#include <json-c/json.h>
#include <tracefs.h>

#include "slots.h"
#include "uprobe-slots.h"
#include "utils.h"

#define DIR_NAME "uprobe_slots"

/* The sentence for a file that could not be opened, read or written. */
int file_error(const char *doing, const char *path)
{
	switch (errno) {
	case EACCES:
		return fail(EXIT_NOT_PERMITTED, "not permitted: %s %s needs root", doing, path);
	case EPERM:
		return fail(EXIT_NOT_PERMITTED,
			    "not permitted: the kernel refuses %s %s, even to root (locked down? see /sys/kernel/security/lockdown)",
			    doing, path);
	case EROFS:
		return fail(EXIT_NOT_PERMITTED,
			    "not permitted: %s %s: tracefs is mounted read-only here, as in many containers. The host can write; so can root after: mount -o remount,rw %s",
			    doing, path, tracefs_tracing_dir());
	default:
		return fail(EXIT_FAILED, "%s %s: %m", doing, path);
	}
}

/*
 * A kernel that is locked down while it boots makes no file in tracefs, so that
 * its directory is empty. Later, the files are there and cannot be opened.
 */
static bool is_empty(const char *path)
{
	struct dirent *entry;
	DIR *dir = opendir(path);

	if (!dir)
		return false;
	do
		entry = readdir(dir);
	while (entry && (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..")));
	closedir(dir);
	return !entry;
}

/* The directory is not there: is it the feature or all of tracefs? */
static int no_directory(const char *path)
{
	const char *tracing = tracefs_tracing_dir();
	struct stat st;

	if (errno != ENOENT)
		return file_error("reading", path);
	if (stat(tracing, &st))
		return file_error("reading", tracing);
	if (is_empty(tracing))
		return fail(EXIT_NOT_PERMITTED,
			    "not permitted: %s is empty, so the kernel was locked down when it booted (see /sys/kernel/security/lockdown). Tracing needs a boot without lockdown=confidentiality",
			    tracing);
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

char *read_all(int fd)
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

int slots_refused(int error, const char *file, const char *what, const char *before)
{
	char *path = file_path(file);
	int ret;

	errno = error;
	switch (error) {
	case ERANGE:
		ret = fail(EXIT_FAILED, "%s: out of range%s", what, knob_range(file));
		break;
	case EINVAL:
		ret = fail(EXIT_FAILED, "%s: the kernel does not take this value%s", what,
			   knob_range(file));
		break;
	case ESRCH:
		ret = fail(EXIT_FAILED,
			   "%s: there is no such task: it has ended, or the number is from another PID namespace",
			   what);
		break;
	default:
		ret = file_error("writing", path ? path : file);
		error = 0;
		break;
	}
	if (error)
		say_kernel_reason(before);
	tracefs_put_tracing_file(path);
	return ret;
}

/* One write: the kernel takes it whole or not at all. Nothing is retried. */
int slots_try_write(const char *file, const char *text, int flags, char **before)
{
	char *path = file_path(file);
	size_t len = strlen(text);
	int ret = 0;
	ssize_t n;
	int fd;

	*before = NULL;
	if (!path)
		return -ENOMEM;
	*before = tracefs_error_last(NULL);
	fd = open(path, O_WRONLY | O_CLOEXEC | flags);
	tracefs_put_tracing_file(path);
	if (fd < 0)
		return -errno;
	n = write(fd, text, len);
	if (n < 0)
		ret = -errno;
	else if ((size_t)n != len)
		ret = -EIO;
	close(fd);
	return ret;
}

/* The same with a sentence. @what names the change in it. */
int slots_write(const char *file, const char *text, int flags, const char *what)
{
	char *before;
	int ret = slots_try_write(file, text, flags, &before);

	if (ret)
		ret = slots_refused(-ret, file, what, before);
	free(before);
	return ret;
}

/*
 * The ranges that the documentation promises. Only for messages and advice: the kernel
 * is the one that judges, and a knob that is not here works all the same.
 */
static const struct range {
	const char *name, *text;
	const char *words[4];		/* or, if there are none, */
	unsigned long long min, max;
} ranges[] = {
	{ "enable", "0 or 1", { NULL }, 0, 1 },
	{ "cache_limit", "0 to 64", { NULL }, 0, 64 },
	{ "task_limits", "0 to 64", { NULL }, 0, 64 },
	{ "area_pages", "1 to 16", { NULL }, 1, 16 },
	{ "emulate", "0 or 1", { NULL }, 0, 1 },
	{ "exits", "step, trap or jump", { "step", "trap", "jump" }, 0, 0 },
};

static const struct range *find_range(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(ranges); i++)
		if (!strcmp(ranges[i].name, name))
			return &ranges[i];
	return NULL;
}

const char *knob_range(const char *name)
{
	const struct range *range = find_range(name);
	static char text[64];

	if (!range)
		return "";
	snprintf(text, sizeof(text), " (it takes %s)", range->text);
	return text;
}

bool knob_in_range(const char *name, const char *value)
{
	const struct range *range = find_range(name);
	unsigned long long number;
	size_t i;

	if (!range)
		return true;
	for (i = 0; range->words[i]; i++)
		if (!strcmp(range->words[i], value))
			return true;
	if (i)
		return false;
	return parse_number(value, &number) && number >= range->min && number <= range->max;
}

unsigned long knob_max(const char *name)
{
	return find_range(name)->max;
}

int knob_write(const char *name, const char *value)
{
	char what[256], line[128];

	if (snprintf(line, sizeof(line), "%s\n", value) >= (int)sizeof(line))
		return fail(EXIT_USAGE, "the value for %s is too long", name);
	snprintf(what, sizeof(what), "%s %s", name, value);
	return slots_write(name, line, O_TRUNC, what);
}

int no_knob(const char *name, const struct pairs *knobs)
{
	char list[512] = "";
	size_t i, len = 0;

	for (i = 0; i < knobs->nr && len < sizeof(list); i++)
		len += snprintf(list + len, sizeof(list) - len, " %s", knobs->pair[i].name);
	return fail(EXIT_USAGE, "no knob '%s'; this kernel has:%s", name, list);
}

/* The first @nr of @want get back what @now says. */
static void knobs_undo(const struct pairs *want, const struct pairs *now, size_t nr)
{
	while (nr--) {
		const char *name = want->pair[nr].name;

		if (strcmp(pairs_get(now, name), want->pair[nr].value) &&
		    knob_write(name, pairs_get(now, name)))
			note("%s could not be set back", name);
	}
}

int knobs_write(const struct pairs *want, const struct pairs *now, size_t *failed)
{
	int ret = EXIT_OK;
	size_t i;

	for (i = 0; i < want->nr && !ret; i++) {
		const char *old = pairs_get(now, want->pair[i].name);

		*failed = i;
		if (!old)
			ret = no_knob(want->pair[i].name, now);
		else if (strcmp(old, want->pair[i].value))
			ret = knob_write(want->pair[i].name, want->pair[i].value);
		if (ret)
			knobs_undo(want, now, i);
	}
	return ret;
}

int pairs_add(struct pairs *pairs, const char *name, const char *value)
{
	struct pair *more = one_more(pairs->pair, pairs->nr, sizeof(*more));
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

bool kernel_is_x86(void)
{
	struct utsname name;

	return !uname(&name) && strstr(name.machine, "86");
}

uint64_t counter(const struct pairs *counters, const char *name)
{
	const char *text = pairs_get(counters, name);
	unsigned long long value;

	return text && parse_number(text, &value) ? value : 0;
}

bool is_gauge(const char *name)
{
	return strncmp(name, "slot_", 5);
}

double counters_seconds(const struct pairs *counters)
{
	return now_boot() - counter(counters, "reset_ns") / 1e9;
}

struct json_object *pairs_json(const struct pairs *pairs)
{
	struct json_object *object = json_object_new_object();
	unsigned long long number;
	size_t i;

	for (i = 0; object && i < pairs->nr; i++) {
		const struct pair *pair = &pairs->pair[i];

		if (parse_number(pair->value, &number))
			json_add_number(object, pair->name, number);
		else
			json_add_text(object, pair->name, pair->value);
	}
	return object;
}
