/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What main and the verbs share.
 */
#ifndef UPROBE_SLOTS_H
#define UPROBE_SLOTS_H

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
 * a sentence when that is not EXIT_OK.
 */
struct verb {
	const char *name;
	const char *summary;
	const char *usage;
	int (*run)(const struct verb *self, int argc, char **argv);
};

int show_main(const struct verb *self, int argc, char **argv);
int set_main(const struct verb *self, int argc, char **argv);

int verb_help(const struct verb *self);
int verb_usage(const struct verb *self);

#endif
