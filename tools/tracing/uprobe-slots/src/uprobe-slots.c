// SPDX-License-Identifier: GPL-2.0-only
/*
 * uprobe-slots: shows and tunes the kernel's cached, shared uprobe slots.
 *
 * main and the table of verbs. A verb lives in a file of its own name.
 */
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "uprobe-slots.h"
#include "utils.h"

static const struct verb *const verbs[] = {
	&show_verb,
	&set_verb,
	&run_verb,
	&tasks_verb,
	&top_verb,
	&watch_verb,
	&stat_verb,
	&trace_verb,
	&record_verb,
	&report_verb,
	&advise_verb,
	&save_verb,
	&restore_verb,
	&metrics_verb,
};

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
	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		printf("  %-13s  %s\n", verbs[i]->name, verbs[i]->summary);
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

int verb_no_more(const struct verb *self, int argc, char **argv)
{
	if (optind < argc)
		return fail(EXIT_USAGE, "%s takes no argument: '%s'", self->name, argv[optind]);
	return EXIT_OK;
}

int verb_one_file(const struct verb *self, int argc, char **argv,
		  int (*run)(const char *path))
{
	static const struct option options[] = { HELP_OPTION, { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "+h", options, NULL)) != -1) {
		if (c == 'h')
			return verb_help(self);
		return verb_usage(self);
	}
	if (argc - optind != 1 || !*argv[optind])
		return fail(EXIT_USAGE, "%s takes one FILE", self->name);
	return run(argv[optind]);
}

static const struct verb *find_verb(const char *name)
{
	size_t i;

	for (i = 0; i < ARRAY_SIZE(verbs); i++)
		if (!strcmp(verbs[i]->name, name))
			return verbs[i];
	return NULL;
}

static int run(int argc, char **argv)
{
	char *show[] = { "show", NULL };
	const struct verb *verb;

	if (argc < 2)
		return show_verb.run(&show_verb, 1, show);
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

	/* A full disk behind stdout is a failure too. */
	return output_end(ret);
}
