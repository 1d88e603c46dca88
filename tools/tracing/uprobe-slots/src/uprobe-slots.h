/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What main and the verbs share.
 */
#ifndef UPROBE_SLOTS_H
#define UPROBE_SLOTS_H

#include <getopt.h>

/* The exit status: scripts rely on it, so a number never changes its meaning. */
enum exit_code {
	EXIT_OK,
	EXIT_FAILED,
	EXIT_USAGE,
	EXIT_NO_FEATURE,
	EXIT_NOT_PERMITTED,
};

/*
 * A verb: argv[0] is its name. run() returns an enum exit_code and has printed
 * a sentence when that is not EXIT_OK. Every usage ends with the line for
 * --help.
 */
struct verb {
	const char *name;
	const char *summary;
	const char *usage;
	int (*run)(const struct verb *self, int argc, char **argv);
};

extern const struct verb show_verb, set_verb, run_verb, tasks_verb, top_verb, watch_verb,
			 stat_verb, trace_verb, record_verb, report_verb, advise_verb,
			 save_verb, restore_verb, metrics_verb;

#define HELP_OPTION	{ "help", no_argument, NULL, 'h' }
#define JSON_OPTION	{ "json", no_argument, NULL, 'j' }
#define HELP_LINE	"  -h, --help           this text\n"
#define JSON_LINE	"  -j, --json           JSON, with stable names\n"

int verb_help(const struct verb *self);
int verb_usage(const struct verb *self);
/* No argument may be left. */
int verb_no_more(const struct verb *self, int argc, char **argv);
/* The main() of a verb that takes one FILE, and no option but --help. */
int verb_one_file(const struct verb *self, int argc, char **argv,
		  int (*run)(const char *path));

#endif
