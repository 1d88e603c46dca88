// SPDX-License-Identifier: GPL-2.0
/*
 * Description: P5 (progress). Many threads on few slots all finish; tasks stuck
 * in a step hold nobody up but, where page 0 is full, those who wait for it;
 * these wait killably and are woken.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "stuck.h"
#include "team.h"

static struct team team;
static struct stuck stuck;

/* 64 threads, each on a window of its own: together they are 1012 instructions. */
static int crowd(void)
{
	int bad, i;

	us_probe_many("crowd", 0, US_MANY);
	us_enable("crowd", true);
	team_start(&team, 64, 0, 0);
	for (i = 0; i < 64; i++) {
		team.m[i].from = i * 12;
		team.m[i].to = i * 12 + 256;
	}
	team_go(&team, us_scaled(1));
	bad = us_check(us_hits("crowd") == (uint64_t)team_calls(&team),
		       "%ld calls, %ju hits", team_calls(&team),
		       us_hits("crowd"));
	return bad | team_stop(&team);
}

static int crowd_2_pages(void)
{
	us_knob("area_pages", 2);
	return crowd();
}

static int crowd_1_page(void)
{
	us_knob("area_pages", 1);
	return crowd();
}

/*
 * 40 tasks stuck in 40 different slots. The others thrash the rest of the area,
 * so that reclaim meets the busy slots again and again; they must not wait.
 */
static int others_go_on(bool distinct)
{
	struct us_stats a, b;
	int bad;

	us_knob("area_pages", 2);
	stuck_probes(distinct);
	us_probe_many("go_on", 0, US_MANY);
	us_enable(NULL, true);
	bad = stuck_start(&stuck, 40, distinct);
	if (bad)
		return bad;
	bad = stuck_wait(&stuck, 40);
	us_stats(&a);
	team_start(&team, 8, 0, US_MANY / 2);
	team_go(&team, us_scaled(2));
	team_go_until_reclaimed(&team, &a);
	us_stats(&b);
	bad |= us_check(!us_delta(&a, &b, "slot_contention_page0_full"),
			"page 0 was full");
	bad |= us_check(us_delta(&a, &b, "slot_reclaim") > 0,
			"nothing was reclaimed");
	bad |= us_laws(&a, &b, team_calls(&team));
	bad |= team_stop(&team);
	bad |= stuck_end(&stuck);
	bad |= us_check(us_hits("load") == 40, "%ju hits of 40 stuck tasks",
			us_hits("load"));
	return bad;
}

static int others_one_slot(void)
{
	return others_go_on(false);
}

static int others_40_slots(void)
{
	return others_go_on(true);
}

/* How many of @n tasks can be in a step at once, in this mode? */
static int steps_at_once(int n)
{
	return us_mode() != US_ON && n > US_PAGE0_SLOTS ? US_PAGE0_SLOTS : n;
}

/* More stuck tasks than page 0 has slots: the rest wait, and are woken. */
static int all_finish(void)
{
	struct us_stats a, b;
	int bad, in_step = steps_at_once(40);

	stuck_probes(false);
	us_enable("load", true);
	if (us_mode() != US_STOCK)
		us_stats(&a);
	bad = stuck_start(&stuck, 40, false);
	if (bad)
		return bad;
	bad = stuck_wait(&stuck, in_step);
	bad |= stuck_all(&stuck);
	bad |= stuck_end(&stuck);
	bad |= us_check(us_hits("load") == 40, "%ju hits of 40 tasks",
			us_hits("load"));
	if (us_mode() == US_STOCK)
		return bad;
	us_stats(&b);
	bad |= us_laws(&a, &b, us_mode() == US_OFF ? 0 : 40);
	/* With `enable` 0 there are no slot events. */
	if (us_mode() == US_LIMIT0)
		bad |= us_check(us_delta(&a, &b, "slot_contention_page0_full") ==
				40 - in_step, "slot_contention_page0_full %jd",
				us_delta(&a, &b, "slot_contention_page0_full"));
	return bad;
}

/* ---- killable waiting ------------------------------------------------------ */

/*
 * Processes that share the memory, and so the area, but die one by one. They
 * share the C library's data as well, so they call nothing of it.
 */
static int load_and_exit(void *page)
{
	((int (*)(void *))us_load)(page);
	syscall(SYS_exit, 0);
	return 0;
}

static pid_t spawn_sharer(void *page)
{
	size_t size = 16 << 10;
	char *stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	pid_t pid = clone(load_and_exit, stack + size, CLONE_VM | SIGCHLD, page);

	if (pid < 0)
		us_die("clone: %s", strerror(errno));
	return pid;
}

struct dead {
	pid_t pid;
	int status;
};

static bool is_dead(void *arg)
{
	struct dead *d = arg;

	return waitpid(d->pid, &d->status, WNOHANG) == d->pid;
}

static bool is_blocked(void *arg)
{
	struct dead *d = arg;
	char state = us_task_state(d->pid, d->pid);

	return (state == 'D' || state == 'S') && us_hits("load") ==
	       US_PAGE0_SLOTS + 1;
}

/* One task more than page 0 has slots: SIGKILL ends its wait. */
static int killable(void)
{
	struct us_uffd *u = &stuck.uffd;
	struct dead waiter, d;
	pid_t pid[US_PAGE0_SLOTS];
	int bad, i;

	us_probe("load", us_load);
	us_enable("load", true);
	bad = us_uffd_open(u, US_PAGE0_SLOTS + 1);
	if (bad)
		return bad;
	for (i = 0; i < US_PAGE0_SLOTS; i++)
		pid[i] = spawn_sharer(u->mem + i * u->page_size);
	bad |= us_check(us_uffd_wait(u, US_PAGE0_SLOTS, 20),
			"page 0 did not get full");
	waiter.pid = spawn_sharer(u->mem + i * u->page_size);
	bad |= us_check(us_poll(is_blocked, &waiter, 20),
			"the last task does not wait: state %c",
			us_task_state(waiter.pid, waiter.pid));
	bad |= us_check(!us_uffd_wait(u, 1, 0.3), "the last task is in a step");
	kill(waiter.pid, SIGKILL);
	bad |= us_check(us_poll(is_dead, &waiter, 10) &&
			WIFSIGNALED(waiter.status),
			"SIGKILL did not end the wait for a slot");
	us_uffd_resolve(u);
	for (i = 0; i < US_PAGE0_SLOTS; i++) {
		d.pid = pid[i];
		bad |= us_check(us_poll(is_dead, &d, 10) && !d.status,
				"stuck task %d: status %#x", i, d.status);
	}
	return bad;
}

static int killable_off(void)
{
	us_knob("enable", 0);
	return killable();
}

static int killable_limit0(void)
{
	us_knob("cache_limit", 0);
	return killable();
}

/* Kill a whole process with tasks in steps and tasks that wait for a slot. */
static void __attribute__((noreturn)) doomed(int pipe_fd)
{
	int bad = stuck_start(&stuck, 40, false);

	if (!bad)
		bad = stuck_wait(&stuck, steps_at_once(40));
	if (write(pipe_fd, bad ? "n" : "y", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int kill_all(void)
{
	struct dead d;
	int bad = 0, i, p[2];
	char c;

	us_probe("load", us_load);
	us_enable("load", true);
	for (i = 0; i < 5 && !bad; i++) {
		if (pipe(p))
			us_die("pipe");
		d.pid = fork();
		if (!d.pid)
			doomed(p[1]);
		close(p[1]);
		bad |= us_check(read(p[0], &c, 1) == 1 && c == 'y',
				"the tasks did not get stuck");
		close(p[0]);
		kill(d.pid, SIGKILL);
		bad |= us_check(us_poll(is_dead, &d, 20) &&
				WIFSIGNALED(d.status), "SIGKILL did not end it");
	}
	return bad;
}

static const struct us_case cases[] = {
	{ "64 threads, 1024 instructions (P5)", crowd, US_ON_OFF },
	{ "64 threads, 1024 instructions, area_pages 2 (P5)", crowd_2_pages, US_SLOTS },
	{ "64 threads, 1024 instructions, area_pages 1 (P5)", crowd_1_page, US_SLOTS },
	{ "40 tasks stuck in one slot, the rest go on (P5)", others_one_slot, US_SLOTS },
	{ "40 tasks stuck in 40 slots, the rest go on (P3, P5)", others_40_slots, US_SLOTS },
	{ "40 tasks stuck, then all finish (P5)", all_finish, US_MODES },
	{ "SIGKILL ends one task's wait, enable 0 (P5)", killable_off, US_SLOTS },
	{ "SIGKILL ends one task's wait, limit 0 (P5)", killable_limit0, US_SLOTS },
	{ "SIGKILL ends 40 tasks in steps and waits (P5, P9)", kill_all, US_ON_OFF },
};

int main(void)
{
	return us_run(cases, ARRAY_SIZE(cases));
}
