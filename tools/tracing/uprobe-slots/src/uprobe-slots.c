// SPDX-License-Identifier: GPL-2.0-only
/*
 * uprobe-slots: shows and tunes the kernel's cached, shared uprobe slots.
 *
 * main and the table of verbs. A verb lives in a file of its own name.
 */
#include <stdio.h>
#include <string.h>

#include "uprobe-slots.h"
#include "utils.h"

static const struct verb verbs[] = {
	{
		.name = "show",
		.summary = "the knobs and the counters (the default)",
		.usage =
		"uprobe-slots show\n"
		"\n"
		"Prints every knob with its value, then every counter of the kernel, and the\n"
		"share of the out-of-line executions that a task's own cache served.\n",
		.run = show_main,
	},
	{
		.name = "set",
		.summary = "a knob, or the cache limit of one task",
		.usage =
		"uprobe-slots set NAME VALUE\n"
		"uprobe-slots set --tid N LIMIT\n"
		"\n"
		"Sets the knob NAME. `uprobe-slots show` lists the knobs of this kernel.\n"
		"\n"
		"  -t, --tid N    give task N a cache limit of its own: 0 to 64, or `default`\n"
		"                 to take it away. The threads and children that the task\n"
		"                 creates later inherit it; exec keeps it.\n",
		.run = set_main,
	},
};

#define NR_VERBS (sizeof(verbs) / sizeof(verbs[0]))

static const char options_text[] =
	"  -h, --help     this text; after a verb: the verb's own\n"
	"  -V, --version  the version\n"
	"\n"
	"Exit status: 0 it worked, 1 it failed, 2 wrong usage, 3 this kernel has no\n"
	"uprobe slots, 4 not permitted.\n";

static int help(void)
{
	size_t i;

	printf("usage: uprobe-slots [VERB [ARGUMENTS]]\n\n"
	       "Shows and tunes the kernel's cached, shared uprobe slots.\n\n");
	for (i = 0; i < NR_VERBS; i++)
		printf("  %-13s  %s\n", verbs[i].name, verbs[i].summary);
	printf("\n%s", options_text);
	return EXIT_OK;
}

static int version(void)
{
	printf("uprobe-slots %s\n", VERSION);
	return EXIT_OK;
}

int verb_help(const struct verb *self)
{
	printf("usage: %s", self->usage);
	return EXIT_OK;
}

int verb_usage(const struct verb *self)
{
	return fail(EXIT_USAGE, "see `uprobe-slots %s --help`", self->name);
}

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < NR_VERBS; i++)
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	return NULL;
}

static int run(int argc, char **argv)
{
	char *show[] = { "show", NULL };
	const struct verb *verb;

	if (argc < 2)
		return verbs[0].run(&verbs[0], 1, show);
	if (is_option(argv[1], "-h", "--help"))
		return help();
	if (is_option(argv[1], "-V", "--version"))
		return version();
	verb = find_verb(argv[1]);
	if (!verb)
		return fail(EXIT_USAGE, "no verb '%s'; see `uprobe-slots --help`", argv[1]);
	return verb->run(verb, argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	int ret = run(argc, argv);

	/* A full disk or a closed pipe behind stdout is a failure too. */
	if ((fflush(stdout) || ferror(stdout)) && ret == EXIT_OK)
		ret = fail(EXIT_FAILED, "cannot write the output: %m");
	return ret;
}
