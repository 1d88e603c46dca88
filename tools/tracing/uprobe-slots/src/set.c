// SPDX-License-Identifier: GPL-2.0-only
/*
 * set: a knob, or the cache limit of one task.
 *
 * The kernel judges the value; what is checked here is only what could not reach
 * it as one word of one write.
 */
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "slots.h"
#include "uprobe-slots.h"
#include "utils.h"

static int no_knob(const char *name, const struct pairs *knobs)
{
	char list[512] = "";
	size_t i, len = 0;

	for (i = 0; i < knobs->nr && len < sizeof(list); i++)
		len += snprintf(list + len, sizeof(list) - len, " %s", knobs->pair[i].name);
	return fail(EXIT_USAGE, "no knob '%s'; this kernel has:%s", name, list);
}

static int write_knob(const char *name, const char *value, const char *old)
{
	char what[128], line[64], *now;
	int ret;

	if (snprintf(line, sizeof(line), "%s\n", value) >= (int)sizeof(line))
		return fail(EXIT_USAGE, "the value for %s is too long", name);
	snprintf(what, sizeof(what), "%s %s", name, value);
	ret = slots_write(name, line, O_TRUNC, what);
	if (ret)
		return ret;
	ret = slots_read(name, &now);
	if (!ret)
		printf("%s: %s -> %s", name, old, now);
	free(now);
	return ret;
}

static int set_knob(const char *name, const char *value)
{
	struct pairs knobs;
	const char *old;
	int ret;

	if (!is_one_word(value) || strchr(value, '\n'))
		return fail(EXIT_USAGE, "the value for %s must be one word", name);
	ret = slots_open();
	if (!ret)
		ret = slots_knobs(&knobs);
	if (ret)
		return ret;
	old = pairs_get(&knobs, name);
	if (old)
		ret = write_knob(name, value, old);
	else
		ret = no_knob(name, &knobs);
	pairs_free(&knobs);
	return ret;
}

/* Without truncation: that would take every other task's limit away. */
static int set_task_limit(const char *tid, const char *limit)
{
	bool clear = !strcmp(limit, "default");
	unsigned long long nr;
	char what[128], line[64];
	int ret;

	if (!parse_number(tid, &nr) || !nr || nr > INT_MAX)
		return fail(EXIT_USAGE, "'%s' is no task ID", tid);
	if (!clear && (!parse_number(limit, &nr) || strlen(limit) > 20))
		return fail(EXIT_USAGE, "'%s' is no limit: a number, or `default`", limit);

	snprintf(line, sizeof(line), "%s %s\n", tid, clear ? "-" : limit);
	snprintf(what, sizeof(what), "task %s, limit %s", tid, limit);
	ret = slots_open();
	if (!ret)
		ret = slots_write("task_limits", line, O_APPEND, what);
	if (!ret && clear)
		printf("task %s: no limit of its own\n", tid);
	else if (!ret)
		printf("task %s: limit %s\n", tid, limit);
	return ret;
}

int set_main(const struct verb *self, int argc, char **argv)
{
	static const struct option options[] = {
		{ "help", no_argument, NULL, 'h' },
		{ "tid", required_argument, NULL, 't' },
		{ 0 }
	};
	const char *tid = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "+ht:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return verb_help(self);
		case 't':
			if (tid)
				return fail(EXIT_USAGE, "set takes one --tid");
			tid = optarg;
			break;
		default:
			return verb_usage(self);
		}
	}
	argc -= optind;
	argv += optind;
	if (argc != (tid ? 1 : 2))
		return fail(EXIT_USAGE, tid ? "set --tid N takes one LIMIT" :
					      "set takes a NAME and a VALUE");
	return tid ? set_task_limit(tid, argv[0]) : set_knob(argv[0], argv[1]);
}
