// SPDX-License-Identifier: GPL-2.0
/*
 * Description: P6 (lifetime). Probes come and go, processes fork, vfork, exec
 * and exit while they hit probes and while reclaim is in flight; nothing is
 * left, nothing is delayed, no file is pinned. (After each case the runner
 * compares the gauges with those before it.)
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "stuck.h"
#include "team.h"

static struct team team;
static struct stuck stuck;

/* ---- unregister -------------------------------------------------------------- */

static bool hitting, done;

static void *hit_on_and_on(void *arg)
{
	long *wrong = arg;
	int i;

	while (!READ_ONCE(done))
		for (i = 0; i < 20; i++)
			if (us_many_call(i) != i)
				__atomic_fetch_add(wrong, 1, __ATOMIC_RELAXED);
	return NULL;
}

static bool more_hits(void *before)
{
	return us_hits("unreg") > *(uint64_t *)before + 100;
}

static int wait_for_hits(void)
{
	uint64_t before = us_hits("unreg");

	return us_check(us_poll(more_hits, &before, 20), "no hits");
}

/* Disable, enable, remove and add again under 4 threads that hit. */
static int unregister(void)
{
	pthread_t t[4];
	long wrong = 0;
	int bad = 0, i;

	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, hit_on_and_on, &wrong);
	for (i = 0; i < us_scaled(4); i++) {
		us_probe_many("unreg", 0, 20);
		us_enable("unreg", true);
		bad |= wait_for_hits();
		us_enable("unreg", false);
		us_enable("unreg", true);
		bad |= wait_for_hits();
		bad |= us_probe_clear();
	}
	WRITE_ONCE(done, true);
	for (i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	return bad | us_check(!wrong, "%ld wrong values", wrong);
}

/* A step that does not end holds up no unregistration. */
static int unregister_while_stuck(void)
{
	double start;
	int bad;

	stuck_probes(false);
	us_enable("load", true);
	bad = stuck_start(&stuck, 5, false);
	if (bad)
		return bad;
	bad = stuck_wait(&stuck, 5);
	start = us_now();
	us_enable("load", false);
	us_probe_clear();
	bad |= us_check(access(TRACING "/events/" GROUP "/load", F_OK),
			"the event is still there");
	us_diag("removed after %.3f s", us_now() - start);
	return bad | stuck_end(&stuck);
}

/* ---- a file that was probed is not pinned -------------------------------------- */

static void copy_self(const char *to)
{
	int in = open(us_self(), O_RDONLY | O_CLOEXEC);
	int out = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
	struct stat st;

	if (in < 0 || out < 0 || fstat(in, &st) ||
	    sendfile(out, in, NULL, st.st_size) != st.st_size)
		us_die("cannot copy myself to %s: %s", to, strerror(errno));
	close(in);
	close(out);
}

/* Run probed functions of the copy; then it is neither mapped nor probed. */
static int hit_in_copy(const char *path)
{
	size_t len = US_MANY * US_MANY_SIZE;
	uint64_t off = us_offset(us_many);
	int fd = open(path, O_RDONLY | O_CLOEXEC), i, bad = 0;
	char *text = mmap(NULL, len, PROT_READ | PROT_EXEC, MAP_PRIVATE, fd,
			  off & ~0xfffull);

	if (fd < 0 || text == MAP_FAILED)
		us_die("cannot map %s: %s", path, strerror(errno));
	for (i = 0; i < 8; i++)
		us_probe_file('p', "copy", path, off + i * US_MANY_SIZE);
	us_enable("copy", true);
	for (i = 0; i < 8; i++)
		bad |= us_check(((int (*)(void))(text + (off & 0xfff) +
						 i * US_MANY_SIZE))() == i,
				"function %d gave a wrong value", i);
	bad |= us_check(us_hits("copy") == 8, "%ju hits", us_hits("copy"));
	munmap(text, len);
	close(fd);
	return bad | us_probe_clear();
}

static bool can_unmount(void *dir)
{
	return !umount(dir);
}

static int file_not_pinned(void)
{
	char dir[] = "/tmp/ustest.XXXXXX", path[64];
	int bad;

	if (!mkdtemp(dir))
		us_die("%s: %s", dir, strerror(errno));
	if (mount("ustest", dir, "tmpfs", 0, NULL)) {
		rmdir(dir);
		us_die("tmpfs: %s", strerror(errno));
	}
	snprintf(path, sizeof(path), "%s/copy", dir);
	copy_self(path);
	bad = hit_in_copy(path);
	if (us_mode() == US_ON)
		bad |= us_check(us_gauge("slots_live") + us_gauge("slots_pinned") >= 8,
				"%ju live slots, %ju pinned", us_gauge("slots_live"),
				us_gauge("slots_pinned"));
	if (!us_poll(can_unmount, dir, 10)) {
		bad = us_fail("umount: %s", strerror(errno));
		umount2(dir, MNT_DETACH);
	}
	rmdir(dir);
	return bad;
}

/* ---- processes ------------------------------------------------------------------ */

static void *keep_hitting(void *arg)
{
	int i, *to = arg;

	for (;;) {
		for (i = 0; i < *to; i++)
			if (us_many_call(i) != i)
				_exit(66);
		WRITE_ONCE(hitting, true);
	}
	return NULL;
}

static bool is_hitting(void *unused)
{
	return READ_ONCE(hitting);
}

/* A process with 4 threads that hit [0, to); then its first thread does @end. */
static void __attribute__((noreturn)) hit_and(void (*end)(void), int to)
{
	pthread_t t;
	int i;

	hitting = false;
	for (i = 0; i < 4; i++)
		if (pthread_create(&t, NULL, keep_hitting, &to))
			_exit(67);
	if (!us_poll(is_hitting, NULL, 30))
		_exit(68);
	end();
	_exit(69);
}

static void end_by_exec(void)
{
	execl("/proc/self/exe", "lifetime", "noop", NULL);
}

static void end_by_exit(void)
{
	_exit(0);
}

static void end_by_signal(void)
{
	raise(SIGTERM);
}

static int run_ends(void (*end)(void), int to, int n, int expected)
{
	int bad = 0, i, st;
	pid_t pid;

	us_probe_many("ends", 0, to);
	us_enable("ends", true);
	for (i = 0; i < n && !bad; i++) {
		pid = fork();
		if (!pid)
			hit_and(end, to);
		if (waitpid(pid, &st, 0) != pid)
			us_die("waitpid: %s", strerror(errno));
		bad = us_check(st == expected, "status %#x, expected %#x", st,
			       expected);
	}
	return bad;
}

static int exec_while_hitting(void)
{
	return run_ends(end_by_exec, 50, us_scaled(8), 0);
}

static int exit_while_hitting(void)
{
	return run_ends(end_by_exit, 50, us_scaled(8), 0);
}

static int signal_while_hitting(void)
{
	return run_ends(end_by_signal, 50, us_scaled(8), SIGTERM);
}

/* More instructions than slots: at the end of each there is reclaim in flight. */
static int ends_during_reclaim(void (*end)(void))
{
	struct us_stats a, b;
	int bad, tries = 0;

	us_knob("area_pages", 2);
	us_stats(&a);
	/* Each probe is hit again by each child: a fast one may end too soon. */
	do {
		bad = us_probe_clear();
		bad |= run_ends(end, US_MANY, us_scaled(8), 0);
		us_stats(&b);
	} while (!bad && us_delta(&a, &b, "slot_reclaim") <= 0 && tries++ < 10);
	return bad | us_check(us_delta(&a, &b, "slot_miss_full") > 0 &&
			      us_delta(&a, &b, "slot_reclaim") > 0,
			      "no reclaim was in flight");
}

static int exec_during_reclaim(void)
{
	return ends_during_reclaim(end_by_exec);
}

static int exit_during_reclaim(void)
{
	return ends_during_reclaim(end_by_exit);
}

/* Threads that come, hit, and go while others hit. */
static void *hit_once(void *arg)
{
	long *wrong = arg;
	int i;

	for (i = 0; i < 20; i++)
		if (us_many_call(i) != i)
			__atomic_fetch_add(wrong, 1, __ATOMIC_RELAXED);
	return NULL;
}

static int threads_come_and_go(void)
{
	int bad, i, j, n = us_scaled(25);
	pthread_t t[8];
	long wrong = 0;

	us_probe_many("threads", 0, 50);
	us_enable("threads", true);
	team_start(&team, 2, 0, 50);
	for (i = 0; i < 2; i++)
		team.m[i].rounds = us_scaled(40);
	team_begin(&team);
	for (i = 0; i < n; i++) {
		for (j = 0; j < 8; j++)
			pthread_create(&t[j], NULL, hit_once, &wrong);
		for (j = 0; j < 8; j++)
			pthread_join(t[j], NULL);
	}
	team_wait(&team);
	bad = us_check(!wrong, "%ld wrong values", wrong);
	bad |= us_check(us_hits("threads") ==
			(uint64_t)team_calls(&team) + 8 * 20 * n,
			"%ld calls, %ju hits", team_calls(&team) + 8 * 20 * n,
			us_hits("threads"));
	return bad | team_stop(&team);
}

static void child_hits(int n)
{
	int i;

	for (i = 0; i < n; i++)
		if (us_many_call(i) != i)
			_exit(66);
}

/* Children get no slots of the parent's; both go on, and each hit counts. */
static int fork_while_hitting(void)
{
	int bad = 0, i, st, n = us_scaled(20);
	pid_t pid;

	us_probe_many("fork", 0, 50);
	us_enable("fork", true);
	team_start(&team, 2, 0, 50);
	for (i = 0; i < 2; i++)
		team.m[i].rounds = us_scaled(40);
	team_begin(&team);
	for (i = 0; i < n; i++) {
		child_hits(5);
		pid = fork();
		if (!pid) {
			child_hits(50);
			_exit(0);
		}
		child_hits(5);
		waitpid(pid, &st, 0);
		bad |= us_check(!st, "child: status %#x", st);
	}
	team_wait(&team);
	bad |= us_check(us_hits("fork") == (uint64_t)team_calls(&team) + 60 * n,
			"%ld calls, %ju hits", team_calls(&team) + 60 * n,
			us_hits("fork"));
	return bad | team_stop(&team);
}

/* A vfork child hits in its parent's memory, then leaves or executes. */
static int vfork_while_hitting(void)
{
	volatile int bad = 0, i;
	int st, n = us_scaled(20);
	volatile pid_t pid;

	us_probe_many("vfork", 0, 50);
	us_enable("vfork", true);
	team_start(&team, 2, 0, 50);
	for (i = 0; i < 2; i++)
		team.m[i].rounds = us_scaled(40);
	team_begin(&team);
	for (i = 0; i < n; i++) {
		pid = vfork();
		if (!pid) {
			child_hits(10);
			if (i & 1)
				execl("/proc/self/exe", "lifetime", "noop", NULL);
			_exit(0);
		}
		child_hits(5);
		waitpid(pid, &st, 0);
		bad |= us_check(!st, "child: status %#x", st);
	}
	team_wait(&team);
	bad |= us_check(us_hits("vfork") == (uint64_t)team_calls(&team) + 15 * n,
			"%ld calls, %ju hits", team_calls(&team) + 15 * n,
			us_hits("vfork"));
	return bad | team_stop(&team);
}

/* A process that has been executed afresh has an area of its own. */
static int exec_and_hit(void)
{
	int bad = 0, i, st;
	pid_t pid;

	us_probe_many("exec", 0, 50);
	us_enable("exec", true);
	child_hits(50);
	for (i = 0; i < 4; i++) {
		pid = fork();
		if (!pid) {
			child_hits(50);
			execl("/proc/self/exe", "lifetime", "hit", NULL);
			_exit(99);
		}
		waitpid(pid, &st, 0);
		bad |= us_check(!st, "status %#x", st);
	}
	return bad | us_check(us_hits("exec") == 50 + 4 * 100, "%ju hits",
			      us_hits("exec"));
}

static const struct us_case cases[] = {
	{ "unregister while hitting (P6)", unregister, US_ON_OFF },
	{ "unregister is not delayed by a step (P6)", unregister_while_stuck, US_ON_OFF },
	{ "a probed file is not pinned (P6)", file_not_pinned, US_ON_OFF },
	{ "exec while hitting (P6)", exec_while_hitting, US_ON_OFF },
	{ "exit while hitting (P6)", exit_while_hitting, US_ON_OFF },
	{ "a fatal signal while hitting (P6)", signal_while_hitting, US_ON_OFF },
	{ "exec while reclaim is in flight (P6)", exec_during_reclaim, US_SLOTS },
	{ "exit while reclaim is in flight (P6)", exit_during_reclaim, US_SLOTS },
	{ "threads come and go while hitting (P6)", threads_come_and_go, US_ON_OFF },
	{ "fork while hitting (P6, P9)", fork_while_hitting, US_ON_OFF },
	{ "vfork while hitting (P6, P9)", vfork_while_hitting, US_ON_OFF },
	{ "exec and hit again (P6, P9)", exec_and_hit, US_ON_OFF },
};

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "noop"))
		return 0;
	if (argc == 2 && !strcmp(argv[1], "hit")) {
		child_hits(50);
		return 0;
	}
	return us_run(cases, ARRAY_SIZE(cases));
}
