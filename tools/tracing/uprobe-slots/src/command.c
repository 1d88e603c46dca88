// SPDX-License-Identifier: GPL-2.0-only
/*
 * Signals, and the command that a verb starts and waits for.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "command.h"
#include "uprobe-slots.h"
#include "utils.h"

volatile sig_atomic_t stopped;

/* A signal of the terminal reaches the command too; kill(1)'s reaches only us. */
static volatile sig_atomic_t only_us;
static int output_errno;

static void on_signal(int sig, siginfo_t *info, void *context)
{
	(void)context;
	stopped = sig;
	only_us = info->si_code <= 0;
}

void catch_signals(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };
	struct sigaction sa = { .sa_sigaction = on_signal, .sa_flags = SA_SIGINFO };
	struct sigaction old;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		/* nohup stays nohup, and a shell's background job too. */
		if (!sigaction(signals[i], NULL, &old) && old.sa_handler == SIG_IGN)
			continue;
		sigaction(signals[i], &sa, NULL);
	}
	signal(SIGPIPE, SIG_IGN);
}

/*
 * Why a printf() failed that wrote in the middle of a record: its errno may be gone by
 * now, but the pipe knows whether its reader has.
 */
static int lost_errno(void)
{
	struct pollfd out = { .fd = STDOUT_FILENO, .events = POLLOUT };
	int lost = errno ? errno : EIO;

	if (poll(&out, 1, 0) == 1 && out.revents & POLLERR)
		lost = EPIPE;
	return lost;
}

bool output_flush(void)
{
	bool failed = fflush(stdout);

	if (!failed && !ferror(stdout))
		return true;
	if (!output_errno)
		output_errno = failed ? errno : lost_errno();
	return false;
}

int output_end(int ret)
{
	if (output_flush())
		return ret;
	if (output_errno == EPIPE) {
		/* Like every program whose reader has gone, but tidied up. */
		signal(SIGPIPE, SIG_DFL);
		raise(SIGPIPE);
	}
	errno = output_errno;
	return ret ? ret : fail(EXIT_FAILED, "cannot write the output: %m");
}

void sleep_seconds(double seconds)
{
	struct timespec ts = { .tv_sec = (time_t)seconds };

	ts.tv_nsec = (long)((seconds - ts.tv_sec) * 1e9);
	if (!stopped)
		nanosleep(&ts, NULL);
}

static void child_main(char **argv, int go, int failed, pid_t parent, int if_we_die)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE };
	int error;
	char byte;
	size_t i;

	if (if_we_die)
		prctl(PR_SET_PDEATHSIG, if_we_die);
	/* If our parent dies before it lets us go, read() sees the end. */
	if (read(go, &byte, 1) != 1 || getppid() != parent)
		_exit(127);
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		struct sigaction old;

		if (!sigaction(signals[i], NULL, &old) &&
		    (old.sa_handler != SIG_IGN || signals[i] == SIGPIPE))
			signal(signals[i], SIG_DFL);
	}
	execvp(argv[0], argv);
	error = errno;
	if (write(failed, &error, sizeof(error)) < 0)
		_exit(126);
	_exit(127);
}

int command_start(struct command *c, char **argv, int if_we_die)
{
	int go[2], failed[2];
	pid_t us = getpid();

	*c = (struct command){ .pid = -1, .go = -1, .failed = -1 };
	if (pipe2(go, O_CLOEXEC))
		return fail(EXIT_FAILED, "cannot start %s: %m", argv[0]);
	if (pipe2(failed, O_CLOEXEC)) {
		close(go[0]);
		close(go[1]);
		return fail(EXIT_FAILED, "cannot start %s: %m", argv[0]);
	}
	fflush(stdout);
	c->pid = fork();
	if (!c->pid) {
		close(go[1]);
		child_main(argv, go[0], failed[1], us, if_we_die);
	}
	close(go[0]);
	close(failed[1]);
	c->go = go[1];
	c->failed = failed[0];
	if (c->pid < 0) {
		c->ended = true;
		return fail(EXIT_FAILED, "cannot start %s: %m", argv[0]);
	}
	return EXIT_OK;
}

int command_go(struct command *c, const char *name)
{
	int error = 0;
	ssize_t n;

	n = write(c->go, "", 1);
	close(c->go);
	c->go = -1;
	if (n == 1)
		do
			n = read(c->failed, &error, sizeof(error));
		while (n < 0 && errno == EINTR);
	close(c->failed);
	c->failed = -1;
	if (!error)
		return EXIT_OK;
	command_finish(c);
	errno = error;
	return fail(EXIT_FAILED, "cannot start %s: %m", name);
}

bool command_ended(struct command *c)
{
	if (c->ended)
		return true;
	if (stopped && only_us && !c->told) {
		c->told = true;
		kill(c->pid, stopped);
	}
	if (waitpid(c->pid, &c->status, WNOHANG) == c->pid)
		c->ended = true;
	return c->ended;
}

void command_finish(struct command *c)
{
	if (c->go >= 0) {
		close(c->go);
		c->go = -1;
	}
	if (c->failed >= 0) {
		close(c->failed);
		c->failed = -1;
	}
	/* A second signal ends the wait, not the command. */
	while (!command_ended(c)) {
		int before = stopped;

		if (before)
			stopped = 0;
		sleep_seconds(0.01);
		if (before && stopped)
			break;
		stopped = stopped ? stopped : before;
	}
}

const char *command_complaint(const struct command *c)
{
	static char text[64];

	if (!c->ended)
		return "goes on";
	if (WIFSIGNALED(c->status))
		snprintf(text, sizeof(text), "was killed by signal %d", WTERMSIG(c->status));
	else if (WEXITSTATUS(c->status))
		snprintf(text, sizeof(text), "exited with status %d", WEXITSTATUS(c->status));
	else
		return NULL;
	return text;
}
