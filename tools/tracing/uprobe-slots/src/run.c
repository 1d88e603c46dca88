// SPDX-License-Identifier: GPL-2.0-only
/*
 * run: a command with a cache limit of its own.
 *
 * The limit is given to this task, which then becomes the command: it survives
 * exec, and what the command creates inherits it.
 */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "limits.h"
#include "slots.h"
#include "uprobe-slots.h"
#include "utils.h"

static int run(const char *limit, char **argv)
{
	char tid[16];
	const struct target self = { .whose = WHOSE_TID, .text = tid };
	size_t nr;
	int ret;

	snprintf(tid, sizeof(tid), "%d", getpid());
	ret = limit_check(limit);
	if (!ret)
		ret = slots_open();
	if (!ret)
		ret = limits_set(&self, limit, &nr);
	if (ret)
		return ret;
	execvp(argv[0], argv);
	return fail(EXIT_FAILED, "cannot start %s: %m", argv[0]);
}

static int run_main(const struct verb *self, int argc, char **argv)
{
	static const struct option options[] = {
		HELP_OPTION,
		{ "limit", required_argument, NULL, 'l' },
		{ 0 }
	};
	const char *limit = NULL;
	int c;

	while ((c = getopt_long(argc, argv, "+hl:", options, NULL)) != -1) {
		switch (c) {
		case 'h':
			return verb_help(self);
		case 'l':
			limit = optarg;
			break;
		default:
			return verb_usage(self);
		}
	}
	if (!limit)
		return fail(EXIT_USAGE, "run takes --limit N");
	if (optind == argc)
		return fail(EXIT_USAGE, "run takes a command");
	return run(limit, argv + optind);
}

const struct verb run_verb = {
	.name = "run",
	.summary = "start a command with a cache limit",
	.usage =
	"uprobe-slots run --limit N [--] CMD [ARGUMENTS]\n"
	"\n"
	"Starts CMD with the cache limit N. It stays across exec, and all that CMD\n"
	"creates inherits it. The exit status is that of CMD once it has started.\n"
	"\n"
	"  -l, --limit N        0 to 64, or `default`: none of its own\n"
	HELP_LINE,
	.run = run_main,
};
