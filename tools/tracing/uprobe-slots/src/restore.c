// SPDX-License-Identifier: GPL-2.0-only
/*
 * restore: the knobs from a file, all or none.
 *
 * The whole file is read and checked before anything is written; and should the
 * kernel refuse a value then, those that were written are written back.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "slots.h"
#include "uprobe-slots.h"
#include "utils.h"

struct lines {
	const char *path;
	struct pairs knobs;
	size_t *nr;			/* the line of each */
	bool bad;
};

static void bad_line(struct lines *lines, size_t nr, const char *what, const char *word)
{
	char clean[128];

	clean_text(clean, sizeof(clean), word, true);
	fail(EXIT_FAILED, "%s, line %zu: %s '%s'", lines->path, nr, what, clean);
	lines->bad = true;
}

static int add_line(struct lines *lines, size_t nr, const char *name, const char *value)
{
	size_t *more = one_more(lines->nr, lines->knobs.nr, sizeof(*more));

	if (!more)
		return out_of_memory();
	lines->nr = more;
	lines->nr[lines->knobs.nr] = nr;
	return pairs_add(&lines->knobs, name, value);
}

static int parse_line(struct lines *lines, size_t nr, char *line, const struct pairs *now)
{
	char *name, *value, *more, *rest;

	line[strcspn(line, "#")] = '\0';
	name = strtok_r(line, " \t\r", &rest);
	if (!name)
		return EXIT_OK;
	value = strtok_r(NULL, " \t\r", &rest);
	more = strtok_r(NULL, " \t\r", &rest);
	if (!pairs_get(now, name))
		bad_line(lines, nr, "this kernel has no knob", name);
	else if (!value)
		bad_line(lines, nr, "there is no value for", name);
	else if (more)
		bad_line(lines, nr, "more than one value for", name);
	else if (pairs_get(&lines->knobs, name))
		bad_line(lines, nr, "a second value for", name);
	else if (!knob_in_range(name, value))
		bad_line(lines, nr, "the value is out of range:", value);
	else
		return add_line(lines, nr, name, value);
	return EXIT_OK;
}

/* Not by strtok: it would skip empty lines, and their numbers. */
static int parse(struct lines *lines, char *text, const struct pairs *now)
{
	int ret = EXIT_OK;
	char *line, *next;
	size_t nr = 1;

	for (line = text; line && !ret; line = next, nr++) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		ret = parse_line(lines, nr, line, now);
	}
	if (!ret && lines->bad)
		ret = fail(EXIT_FAILED, "%s: nothing was changed", lines->path);
	return ret;
}

static int apply(const struct lines *lines, const struct pairs *now)
{
	size_t i, failed = 0;
	int ret = knobs_write(&lines->knobs, now, &failed);

	if (ret) {
		note("%s, line %zu: nothing was changed", lines->path, lines->nr[failed]);
		return ret;
	}
	for (i = 0; i < lines->knobs.nr; i++) {
		const struct pair *pair = &lines->knobs.pair[i];

		if (strcmp(pair->value, pairs_get(now, pair->name)))
			printf("%s: %s -> %s\n", pair->name, pairs_get(now, pair->name),
			       pair->value);
	}
	return EXIT_OK;
}

static int read_text(const char *path, char **text)
{
	bool is_stdin = !strcmp(path, "-");

	*text = is_stdin ? read_all(STDIN_FILENO) : read_file(path);
	if (*text)
		return EXIT_OK;
	return fail(errno == EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED, "reading %s: %m",
		    is_stdin ? "the standard input" : path);
}

static int restore(const char *path)
{
	struct lines lines = { .path = path };
	struct pairs now = { 0 };
	char *text;
	int ret;

	ret = read_text(path, &text);
	if (!ret)
		ret = slots_open();
	if (!ret)
		ret = slots_knobs(&now);
	if (!ret)
		ret = parse(&lines, text, &now);
	if (!ret)
		ret = apply(&lines, &now);
	pairs_free(&lines.knobs);
	free(lines.nr);
	pairs_free(&now);
	free(text);
	return ret;
}

static int restore_main(const struct verb *self, int argc, char **argv)
{
	return verb_one_file(self, argc, argv, restore);
}

const struct verb restore_verb = {
	.name = "restore",
	.summary = "the knobs from a file",
	.usage =
	"uprobe-slots restore FILE\n"
	"\n"
	"Sets the knobs that FILE names, all or none, and prints what has changed; - is the\n"
	"standard input. Knobs that FILE does not name stay. uprobe-slots.service does this\n"
	"at boot with /etc/uprobe-slots.conf.\n"
	"\n"
	HELP_LINE,
	.run = restore_main,
};
