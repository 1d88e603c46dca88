// SPDX-License-Identifier: GPL-2.0-only
/*
 * tasks: who hits and who misses.
 */
#include <stdlib.h>

#include "slots.h"
#include "table.h"
#include "uprobe-slots.h"
#include "utils.h"

static int tasks(const struct choice *choice, bool json)
{
	struct table table;
	int ret = slots_open();

	if (!ret)
		ret = table_read(&table, choice);
	if (ret)
		return ret;
	if (json)
		ret = print_json(table_json(&table));
	else
		table_print(&table);
	table_free(&table);
	return ret;
}

static int tasks_main(const struct verb *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION, JSON_OPTION,
		{ "by-process", no_argument, NULL, 'P' },
		{ "sort", required_argument, NULL, 's' },
		{ "pid", required_argument, NULL, 'p' },
		{ "comm", required_argument, NULL, 'c' },
		{ "limit", required_argument, NULL, 'n' },
		{ 0 }
	};
	struct choice choice = { 0 };
	unsigned long long max;
	bool json = false;
	int c, ret;

	while ((c = getopt_long(argc, argv, "+hjPs:p:c:n:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return verb_help(self);
		case 'j':
			json = true;
			break;
		case 'P':
			choice.by_process = true;
			break;
		case 's':
			choice.sort = optarg;
			break;
		case 'p':
			if (!parse_id(optarg, &choice.pid))
				return fail(EXIT_USAGE, "'%s' is no process ID", optarg);
			break;
		case 'c':
			choice.comm = optarg;
			break;
		case 'n':
			if (!parse_number(optarg, &max) || !max)
				return fail(EXIT_USAGE, "'%s' is no number of lines", optarg);
			choice.max = max;
			break;
		default:
			return verb_usage(self);
		}
	}
	ret = verb_no_more(self, argc, argv);
	if (!ret)
		ret = choice_check(&choice);
	return ret ? ret : tasks(&choice, json);
}

const struct verb tasks_verb = {
	.name = "tasks",
	.summary = "limit, hits and misses of each task or process",
	.usage =
	"uprobe-slots tasks [OPTIONS]\n"
	"\n"
	"A line for each task that has a slot cache. Hits and misses count since the\n"
	"task's first hit.\n"
	"\n"
	"  -P, --by-process     a line for each process: the sum of its tasks\n"
	"  -s, --sort ORDER     total (the default: most hits and misses first), tid, pid,\n"
	"                       tasks, limit, entries, hits, misses, ratio (worst first)\n"
	"                       or comm\n"
	"  -p, --pid N          only the tasks of this process\n"
	"  -c, --comm GLOB      only tasks whose name matches\n"
	"  -n, --limit N        only the first N lines\n"
	JSON_LINE HELP_LINE,
	.run = tasks_main,
};
