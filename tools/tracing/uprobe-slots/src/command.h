/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Signals, and the command that a verb starts and waits for.
 */
#ifndef COMMAND_H
#define COMMAND_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

/* The signal that asked us to end, or 0. */
extern volatile sig_atomic_t stopped;

/* From here on Ctrl-C, SIGTERM and SIGHUP only set @stopped. */
void catch_signals(void);
/* Flushes stdout; false when nobody reads it any more: also a reason to stop. */
bool output_flush(void);
/* What is left to do for main: a failure if the output did not get through. */
int output_end(int ret);
/* Sleeps, at most until a signal. */
void sleep_seconds(double seconds);

struct command {
	pid_t pid;
	int go;			/* a byte here lets it start */
	int failed;		/* the errno of exec comes from here */
	int status;		/* as of wait(), once it has ended */
	bool ended;
	bool told;
};

/*
 * A child that will execute @argv, held back until command_go(). It gets
 * @if_we_die, if that is a signal, when this process ends first.
 */
int command_start(struct command *c, char **argv, int if_we_die);
int command_go(struct command *c, const char *name);
/* Has it ended? Passes on a signal that came for us only. */
bool command_ended(struct command *c);
/* Waits for it; what never ran is killed. */
void command_finish(struct command *c);
/* "exited with status 3", "was killed by signal 9": NULL if all was well. */
const char *command_complaint(const struct command *c);

#endif
