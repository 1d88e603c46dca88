// SPDX-License-Identifier: GPL-2.0
/*
 * stress_trouble.c - processes that change knobs and probes all the time, and
 * disturb the workers; see stress.h
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "stress.h"

static void nap(struct rng *r, unsigned int ms)
{
	usleep(rnd(r, ms * 1000));
}

/* A worker that may be disturbed, and how, if a look finds one. */
static enum disturb pick_worker(struct rng *r, pid_t *pid, pid_t *tid)
{
	struct record *rec = &sh->rec[rnd(r, STRESS_THREADS)];
	uint64_t owner = READ_ONCE(rec->owner);
	enum disturb disturb = READ_ONCE(rec->disturb);

	*pid = owner >> 32;
	*tid = (uint32_t)owner;
	return owner && READ_ONCE(rec->owner) == owner ? disturb : LEAVE_ALONE;
}

/* ---- knobs ------------------------------------------------------------------ */

static void change_enable(struct rng *r)
{
	us_knob("enable", 0);
	nap(r, 40);
	us_knob("enable", 1);
}

static void change_cache_limit(struct rng *r)
{
	us_knob("cache_limit", rnd(r, 4) ? rnd(r, 17) : rnd(r, US_LIMIT_MAX + 1));
}

/* Mostly so few that there are more instructions than slots. */
static void change_area_pages(struct rng *r)
{
	us_knob("area_pages", 1 + rnd(r, rnd(r, 8) ? 5 : 16));
}

static void change_exits(struct rng *r)
{
	static const char * const words[] = { "step", "trap", "jump" };

	us_exits(words[rnd(r, ARRAY_SIZE(words))]);
}

static void change_emulate(struct rng *r)
{
	us_knob("emulate", rnd(r, 2));
}

/* A TID may be gone by the time: then nothing changes. */
static void change_task_limits(struct rng *r)
{
	char text[256];
	pid_t pid, tid;
	int len = 0, i, err;

	for (i = rnd(r, 4); i >= 0; i--) {
		if (pick_worker(r, &pid, &tid) == LEAVE_ALONE)
			continue;
		if (rnd(r, 3))
			len += sprintf(text + len, "%d %u\n", tid,
				       rnd(r, US_LIMIT_MAX + 1));
		else
			len += sprintf(text + len, "%d -\n", tid);
	}
	if (!len)
		return;
	err = us_write_mode(SLOTS "/task_limits", O_APPEND, text, len);
	if (err && err != -ESRCH)
		wrong("task_limits: '%s': %s", text, strerror(-err));
}

static void clear_task_limits(struct rng *r)
{
	if (!rnd(r, 4))
		us_write_mode(SLOTS "/task_limits", O_TRUNC, NULL, 0);
}

static void refuse_bad_input(struct rng *r)
{
	static const char * const bad[][2] = {
		{ "enable", "2" }, { "cache_limit", "65" }, { "area_pages", "0" },
		{ "area_pages", "x" }, { "exits", "none" }, { "emulate", "2" },
		{ "task_limits", "1 65" },
		{ "task_limits", "0 1" }, { "task_limits", "what" },
	};
	int i = rnd(r, ARRAY_SIZE(bad));
	char path[128];

	snprintf(path, sizeof(path), SLOTS "/%s", bad[i][0]);
	if (!us_write_mode(path, O_APPEND, bad[i][1], strlen(bad[i][1])))
		wrong("%s took '%s'", bad[i][0], bad[i][1]);
}

void collect_stats(void)
{
	struct us_stats s;

	us_stats(&s);
	sh->reclaimed += us_stat(&s, "slot_reclaim");
	sh->full += us_stat(&s, "slot_miss_full");
	sh->nomem[sh->faults] += us_stat(&s, "slot_miss_nomem");
	sh->page0_full += us_stat(&s, "slot_contention_page0_full");
	us_write_mode(SLOTS "/stats", O_TRUNC, NULL, 0);
}

static void reset_stats(struct rng *r)
{
	collect_stats();
}

static void read_files(struct rng *r)
{
	free(us_slurp(SLOTS "/tasks"));
	free(us_slurp(SLOTS "/task_limits"));
	free(us_slurp(SLOTS "/stats"));
}

static void read_check(struct rng *r)
{
	char buf[256];

	if (us_read(SLOTS "/check", buf, sizeof(buf)) >= 0 &&
	    strncmp(buf, "ok", 2))
		wrong("the checker: %s", buf);
}

/* Open one of the protocol's windows, for a while. */
static void change_delay(struct rng *r)
{
	static const struct {
		const char *name;
		unsigned int max;
	} windows[] = {
		{ "hit", 60 }, { "end", 60 }, { "fill", 200 }, { "mark", 1000 },
		{ "scan", 1000 },
	};
	int i = rnd(r, ARRAY_SIZE(windows)), open;
	char text[32];

	for (open = 1; open >= 0; open--) {
		snprintf(text, sizeof(text), "%s %u", windows[i].name,
			 open ? 1 + rnd(r, windows[i].max) : 0);
		us_write(SLOTS "/delay", text);
		if (open)
			nap(r, 100);
	}
}

static const char * const events[] = {
	"slot_hit", "slot_miss", "slot_flush_avoided", "slot_contention",
	"slot_reclaim",
};

static void event_file(const char *event, const char *file, const char *text)
{
	char path[256];

	snprintf(path, sizeof(path), US_INSTANCE "/events/uprobes/%s/%s", event,
		 file);
	/* A trigger may be there already, or not be there. */
	us_write_mode(path, O_APPEND, text, strlen(text));
}

static void change_events(struct rng *r)
{
	const char *event = events[rnd(r, ARRAY_SIZE(events))];
	static const char * const words[] = {
		"hist:keys=slot", "!hist:keys=slot", "hist:keys=common_pid:size=256",
		"!hist:keys=common_pid:size=256", "stacktrace:3", "!stacktrace:3",
	};

	switch (rnd(r, 6)) {
	case 0 ... 2:
		us_trace_event("uprobes", event, rnd(r, 2));
		break;
	case 3:
		event_file(event, "filter", rnd(r, 2) ? "slot & 64" : "0");
		break;
	case 4:
		event_file(event, "trigger", words[rnd(r, ARRAY_SIZE(words))]);
		break;
	case 5:
		us_write_mode(US_INSTANCE "/trace", O_TRUNC, NULL, 0);
		break;
	}
}

static void calm_events(void)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(events); i++) {
		us_trace_event("uprobes", events[i], false);
		event_file(events[i], "filter", "0");
		event_file(events[i], "trigger", "!hist:keys=slot");
		event_file(events[i], "trigger", "!hist:keys=common_pid:size=256");
		event_file(events[i], "trigger", "!stacktrace:3");
	}
}

int change_process(unsigned int id)
{
	static void (*const changes[])(struct rng *) = {
		/* Those of static keys first. */
		change_enable, change_emulate, change_events, change_events,
#define NR_PATCHING	4
		change_cache_limit, change_area_pages, change_area_pages,
		change_exits, change_exits, change_task_limits, clear_task_limits,
		refuse_bad_input, reset_stats, read_files, read_check, change_delay,
	};
	unsigned int first = getenv("STRESS_KEEP_CODE") ? NR_PATCHING : 0;
	struct rng r;

	rng_init(&r, id, 0);
	while (!READ_ONCE(sh->stop)) {
		changes[first + rnd(&r, ARRAY_SIZE(changes) - first)](&r);
		tally(N_KNOBS);
		nap(&r, 10);
	}
	calm_events();
	return 0;
}

/* ---- probes -------------------------------------------------------------------- */

static void remove_event(const char *event)
{
	double end = us_now() + us_scaled(20);
	int err;

	us_enable(event, false);
	/* It may be busy for a moment after it was disabled. */
	do
		err = us_events_write("-:" GROUP "/%s\n", event);
	while (err == -EBUSY && !usleep(1000) && us_now() < end);
	if (err)
		wrong("cannot remove the event %s: %s", event, strerror(-err));
}

/* Probes that nobody else has, on instructions that others have. */
static void churn_probes(struct rng *r)
{
	int from = STRESS_SAME + rnd(r, STRESS_CHURN - 1);
	int to = from + 1 + rnd(r, STRESS_SAME + STRESS_CHURN - from);

	us_probe_range("churn", us_same, US_MANY_SIZE, from, to);
	us_enable("churn", true);
	__atomic_fetch_add(&sh->tally[N_PROBES], to - from, __ATOMIC_RELAXED);
	nap(r, 300);
	remove_event("churn");
}

/* A second consumer of probes that stay, and uretprobes. */
static void churn_consumers(struct rng *r)
{
	int from = rnd(r, US_MANY - 16), i;

	us_probe_many("again", from, from + 16);
	for (i = 0; i < 4; i++)
		us_retprobe("again_back", us_many + (from + i) * US_MANY_SIZE);
	us_enable("again", true);
	us_enable("again_back", true);
	__atomic_fetch_add(&sh->tally[N_PROBES], 20, __ATOMIC_RELAXED);
	nap(r, 300);
	remove_event("again_back");
	remove_event("again");
}

int churn_process(unsigned int id)
{
	struct rng r;

	rng_init(&r, id, 0);
	while (!READ_ONCE(sh->stop)) {
		if (rnd(&r, 2))
			churn_probes(&r);
		else
			churn_consumers(&r);
		nap(&r, 200);
	}
	return 0;
}

/* ---- signals, ptrace, CPUs -------------------------------------------------------- */

static void storm(struct rng *r, pid_t pid, pid_t tid)
{
	int n = 1 + rnd(r, 20);

	while (n--)
		syscall(SYS_tgkill, pid, tid, SIGUSR1);
}

static void stop_process(struct rng *r, pid_t pid)
{
	if (kill(pid, SIGSTOP))
		return;
	nap(r, 20);
	kill(pid, SIGCONT);
	tally(N_STOPS);
}

/*
 * Stop a thread as gdb does, let it go on for a few single steps, and let go. A
 * thread that execs changes its name meanwhile, so wait for any.
 */
static void trace(struct rng *r, pid_t tid, bool may_step)
{
	int steps = may_step && rnd(r, 2) ? rnd(r, 6) : 0, status, sig;
	pid_t pid;

#ifndef __x86_64__
	/* arm64 warns of it, with the stock kernel too. */
	steps = 0;
#endif

	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) ||
	    ptrace(PTRACE_INTERRUPT, tid, NULL, NULL))
		steps = 0;
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status))
			continue;
		tally(N_PTRACE);
		/* A signal of the worker's goes on to it, a trap of ours does not. */
		sig = WSTOPSIG(status);
		if (sig == SIGTRAP || status >> 16)
			sig = 0;
		if (steps-- > 0 && !ptrace(PTRACE_SINGLESTEP, pid, NULL, sig))
			continue;
		ptrace(PTRACE_DETACH, pid, NULL, sig);
	}
}

static void move(struct rng *r, pid_t tid)
{
	int n = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(rnd(r, n), &set);
	if (rnd(r, 2))
		memset(&set, 0xff, sizeof(set));
	sched_setaffinity(tid, sizeof(set), &set);
}

int pest_process(unsigned int id)
{
	enum disturb disturb;
	pid_t pid, tid;
	struct rng r;

	rng_init(&r, id, 0);
	while (!READ_ONCE(sh->stop)) {
		nap(&r, 20);
		disturb = pick_worker(&r, &pid, &tid);
		if (disturb == LEAVE_ALONE)
			continue;
		switch (rnd(&r, 8)) {
		case 0 ... 3:
			storm(&r, pid, tid);
			break;
		case 4:
			stop_process(&r, pid);
			break;
		case 5:
			trace(&r, tid, disturb == DISTURB_AND_STEP);
			break;
		case 6 ... 7:
			move(&r, tid);
			break;
		}
	}
	return 0;
}
