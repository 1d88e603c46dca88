// SPDX-License-Identifier: GPL-2.0
/*
 * Description: task_limits over the life of tasks: threads, children and exec
 * inherit an override, it dies with its task, TIDs are those of the writer's
 * PID namespace; odd names in `tasks` are escaped.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"

/* The override of @tid in task_limits, -1: none. */
static int override_of(pid_t tid)
{
	char *buf = us_slurp(SLOTS "/task_limits"), *line, *save;
	int t, limit, found = -1;

	for (line = strtok_r(buf, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%d %d", &t, &limit) == 2 && t == tid)
			found = limit;
	free(buf);
	return found;
}

#define expect(tid, limit)						\
	us_check(override_of(tid) == (limit), "override %d, expected %d", \
		 override_of(tid), limit)

/* ---- threads ---------------------------------------------------------------- */

struct sleeper {
	pthread_t thread;
	pthread_barrier_t born, die;
	pid_t tid;
};

static void *sleeper_main(void *arg)
{
	struct sleeper *s = arg;

	s->tid = gettid();
	pthread_barrier_wait(&s->born);
	pthread_barrier_wait(&s->die);
	return NULL;
}

static void sleeper_start(struct sleeper *s)
{
	pthread_barrier_init(&s->born, NULL, 2);
	pthread_barrier_init(&s->die, NULL, 2);
	if (pthread_create(&s->thread, NULL, sleeper_main, s))
		us_die("pthread_create");
	pthread_barrier_wait(&s->born);
}

static void sleeper_end(struct sleeper *s)
{
	pthread_barrier_wait(&s->die);
	pthread_join(s->thread, NULL);
}

/* Threads created later inherit; those that exist do not change. */
static int threads(void)
{
	struct sleeper before, after, cleared;
	int bad;

	sleeper_start(&before);
	us_limit(gettid(), 17);
	sleeper_start(&after);
	us_limit(gettid(), -1);
	sleeper_start(&cleared);
	bad = expect(gettid(), -1);
	bad |= expect(before.tid, -1);
	bad |= expect(after.tid, 17);
	bad |= expect(cleared.tid, -1);
	us_limit(before.tid, 0);
	us_limit(after.tid, 64);
	bad |= expect(before.tid, 0);
	bad |= expect(after.tid, 64);
	sleeper_end(&before);
	sleeper_end(&after);
	sleeper_end(&cleared);
	return bad;
}

static bool has_gone(void *tid)
{
	return override_of(*(pid_t *)tid) == -1;
}

static int dies_with_task(void)
{
	struct sleeper s;
	char text[32];
	int err, bad;

	us_limit(gettid(), 5);
	sleeper_start(&s);
	us_limit(gettid(), -1);
	bad = expect(s.tid, 5);
	sleeper_end(&s);
	bad |= us_check(us_poll(has_gone, &s.tid, 10), "the line is still there");
	snprintf(text, sizeof(text), "%d 3\n", s.tid);
	err = us_write_mode(SLOTS "/task_limits", O_APPEND, text, strlen(text));
	return bad | us_check(err == -ESRCH, "a dead TID: error %d", err);
}

/* ---- children and exec ------------------------------------------------------------ */

/* A child, optionally executed afresh, that waits for a byte and ends. */
static pid_t child_start(int *to_child, bool exec)
{
	int in[2], out[2];
	char c, fds[2][16];
	pid_t pid;

	if (pipe(in) || pipe(out))
		us_die("pipe");
	pid = fork();
	if (!pid) {
		close(in[1]);
		snprintf(fds[0], sizeof(fds[0]), "%d", in[0]);
		snprintf(fds[1], sizeof(fds[1]), "%d", out[1]);
		if (exec)
			execl("/proc/self/exe", "inherit", fds[0], fds[1], NULL);
		if (write(out[1], "x", 1) != 1 || read(in[0], &c, 1) < 0)
			_exit(1);
		_exit(0);
	}
	close(in[0]);
	close(out[1]);
	if (read(out[0], &c, 1) != 1)
		us_die("the child does not answer");
	close(out[0]);
	*to_child = in[1];
	return pid;
}

static void child_end(pid_t pid, int to_child)
{
	close(to_child);
	waitpid(pid, NULL, 0);
}

static int children(bool exec)
{
	int fd, bad;
	pid_t pid;

	us_limit(gettid(), 23);
	pid = child_start(&fd, exec);
	bad = expect(pid, 23);
	us_limit(gettid(), 24);
	bad |= expect(pid, 23);
	us_limit(gettid(), -1);
	bad |= expect(pid, 23);
	us_limit(pid, -1);
	bad |= expect(pid, -1);
	child_end(pid, fd);
	return bad;
}

static int forked(void)
{
	return children(false);
}

static int executed(void)
{
	return children(true);
}

static int truncation(void)
{
	int fd, bad;
	pid_t pid;

	us_limit(gettid(), 9);
	pid = child_start(&fd, false);
	us_write_mode(SLOTS "/task_limits", O_TRUNC, NULL, 0);
	bad = expect(gettid(), -1);
	bad |= expect(pid, -1);
	us_limit(pid, 2);		/* appends: the other one stays */
	us_limit(gettid(), 3);
	bad |= expect(pid, 2);
	bad |= expect(gettid(), 3);
	child_end(pid, fd);
	return bad;
}

/* ---- namespaces --------------------------------------------------------------------- */

/* In a PID namespace of its own: "1" is this task, init is not to be seen. */
static int in_namespace(void)
{
	char *text;
	int bad;

	if (getpid() != 1)
		return us_fail("pid %d in a new namespace", getpid());
	us_limit(1, 6);
	text = us_slurp(SLOTS "/task_limits");
	bad = us_check(!strcmp(text, "1 6\n"), "task_limits is '%s'", text);
	bad |= us_check(us_write_mode(SLOTS "/task_limits", O_APPEND, "2 5\n", 4)
			== -ESRCH, "TID 2 does not exist here");
	return bad;
}

static int namespaces(void)
{
	int p[2], st, bad;
	char c;
	pid_t pid;

	if (pipe(p))
		us_die("pipe");
	if (unshare(CLONE_NEWPID))
		return errno == EINVAL ? us_skip("no PID namespaces") :
		       us_fail("unshare: %s", strerror(errno));
	us_limit(gettid(), 4);
	pid = fork();
	if (!pid) {
		us_limit(1, -1);
		st = in_namespace();
		if (write(p[1], "x", 1) != 1)
			_exit(1);
		pause();
		_exit(st);
	}
	if (read(p[0], &c, 1) != 1)
		us_die("the child does not answer");
	bad = expect(pid, 6);
	bad |= expect(gettid(), 4);
	kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
	return bad;
}

/* The same, for what the child itself has to say. */
static int namespace_child(void)
{
	pid_t pid;
	int st;

	if (unshare(CLONE_NEWPID))
		return errno == EINVAL ? us_skip("no PID namespaces") :
		       us_fail("unshare: %s", strerror(errno));
	us_limit(gettid(), 4);
	pid = fork();
	if (!pid)
		_exit(in_namespace());
	waitpid(pid, &st, 0);
	return us_check(!st, "child: status %#x", st);
}

/* ---- the tasks file -------------------------------------------------------------------- */

static int comm(const char *name, bool odd)
{
	struct us_task_line t;
	char *file, *p;
	int bad;

	prctl(PR_SET_NAME, name);
	bad = us_check(us_task_line(gettid(), &t), "no line for '%s'", name);
	if (bad)
		return bad;
	if (!odd)
		return us_check(!strcmp(t.comm, name), "comm is '%s'", t.comm);
	file = us_slurp(SLOTS "/tasks");
	for (p = file; *p; p++)
		if (*p != '\n' && (*p < ' ' || *p == 0x7f))
			bad |= us_fail("a raw character %#x in tasks", *p);
	free(file);
	return bad | us_check(strchr(t.comm, '\\'), "comm is '%s': not escaped",
			      t.comm);
}

static int odd_names(void)
{
	int bad;

	us_probe_many("comm", 0, 1);
	us_enable("comm", true);
	us_many_call(0);
	bad = comm("plain-name", false);
	bad |= comm("new\nline", true);
	bad |= comm("tab\tand\033[31m", true);
	bad |= comm("back\\slash", true);
	return bad;
}

static int header(void)
{
	char *file = us_slurp(SLOTS "/tasks"), *end = strchr(file, '\n');
	const char *names[] = { "tid", "tgid", "limit", "entries", "hits",
				"misses", "comm" };
	char *word, *save;
	unsigned int i = 0;
	int bad = 0;

	if (end)
		*end = '\0';
	for (word = strtok_r(file, " \t", &save); word;
	     word = strtok_r(NULL, " \t", &save), i++)
		bad |= us_check(i < ARRAY_SIZE(names) && !strcmp(word, names[i]),
				"column %u is '%s'", i + 1, word);
	free(file);
	return bad | us_check(i == ARRAY_SIZE(names), "%u columns", i);
}

static const struct us_case cases[] = {
	{ "threads inherit an override", threads, US_SLOTS },
	{ "an override dies with its task", dies_with_task, US_SLOTS },
	{ "children inherit an override", forked, US_SLOTS },
	{ "exec keeps an override", executed, US_SLOTS },
	{ "truncation clears all overrides, appending none", truncation, US_SLOTS },
	{ "PID namespaces, seen from outside", namespaces, US_SLOTS },
	{ "PID namespaces, seen from inside", namespace_child, US_SLOTS },
	{ "the header of tasks", header, US_SLOTS },
	{ "odd names in tasks are escaped", odd_names, US_SLOTS },
};

/* Executed by child_start(): argv holds the two descriptors. */
static int exec_child(char **argv)
{
	char c;

	if (write(atoi(argv[2]), "x", 1) != 1 || read(atoi(argv[1]), &c, 1) < 0)
		return 1;
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 3)
		return exec_child(argv);
	return us_run(cases, ARRAY_SIZE(cases));
}
