// SPDX-License-Identifier: GPL-2.0
/* exits_signals.c - signals while probes are hit, and what handlers do */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <sched.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/rseq.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "exits.h"

/* ---- a storm of signals ------------------------------------------------------- */

struct hitter hitters[HITTERS];
static bool storming;

static void *hitter_main(void *arg)
{
	struct hitter *h = arg;
	sigset_t none;

	sigemptyset(&none);
	pthread_sigmask(SIG_SETMASK, &none, NULL);
	WRITE_ONCE(h->tid, gettid());
	while (READ_ONCE(storming)) {
		h->wrong += call_all(h->data);
		WRITE_ONCE(h->rounds, h->rounds + 1);
	}
	return NULL;
}

/* Signals to this thread would not meet a hit: it has none. */
void hitters_start(void)
{
	sigset_t all;
	int i;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	storming = true;
	for (i = 0; i < HITTERS; i++) {
		hitters[i] = (struct hitter){ .data = DATA };
		if (pthread_create(&hitters[i].thread, NULL, hitter_main, &hitters[i]))
			us_die("pthread_create");
	}
	for (i = 0; i < HITTERS; i++)
		while (!READ_ONCE(hitters[i].rounds))
			sched_yield();
}

long hitters_rounds(void)
{
	long sum = 0;
	int i;

	for (i = 0; i < HITTERS; i++)
		sum += READ_ONCE(hitters[i].rounds);
	return sum;
}

int hitters_stop(void)
{
	int bad = 0, i;

	WRITE_ONCE(storming, false);
	for (i = 0; i < HITTERS; i++) {
		pthread_join(hitters[i].thread, NULL);
		bad |= us_check(!hitters[i].wrong, "%ld wrong values", hitters[i].wrong);
		bad |= us_check(hitters[i].data[1] == hitters[i].rounds,
				"inc: %d in %ld rounds", hitters[i].data[1],
				hitters[i].rounds);
	}
	return bad;
}

static void storm_handler(int sig, siginfo_t *si, void *ctx)
{
	check_context(ctx);
}

long nested_wrong;

/* It hits all probes itself. */
void nested_handler(int sig, siginfo_t *si, void *ctx)
{
	int data[4] = DATA;

	check_context(ctx);
	if (call_all(data) || data[1] != 1)
		add(&nested_wrong);
}

/* As fast as they are taken, at another point each time. */
static void send_signals(long signals)
{
	/* Six kinds have 120 s: a machine too slow for all signals fails the case. */
	double end = us_deadline(15);
	long n, spin;

	for (n = 0; READ_ONCE(handled) < signals && us_now() < end; n++) {
		tgkill(getpid(), hitters[n % HITTERS].tid, SIGUSR1);
		for (spin = 0; spin < n * 37 % 3000; spin++)
			asm volatile("" : : : "memory");
	}
}

static void send_storm(long signals)
{
	struct itimerval it = { { 0, 1000 }, { 0, 1000 } }, off = { };

	setitimer(ITIMER_REAL, &it, NULL);
	send_signals(us_scaled(signals));
	setitimer(ITIMER_REAL, &off, NULL);
}

static int storm_results(const struct us_stats *a, long rounds, long signals)
{
	int bad;

	us_diag("%s, emulate %d: %ld signals, %ld hits, %ld promoted", kind->exits,
		kind->emulate, handled, rounds * NR_TARGETS, promoted(a));
	bad = us_check(handled >= us_scaled(signals), "%ld signals, expected %ld", handled,
		       us_scaled(signals));
	bad |= us_check(us_hits("storm") == (uint64_t)(rounds + 1) * NR_TARGETS,
			"%ld hits, %ju counted", (rounds + 1) * NR_TARGETS,
			us_hits("storm"));
	bad |= us_check(is_jump() ? promoted(a) > 0 : !promoted(a), "%ld promoted",
			promoted(a));
	return bad | check_contexts() | check_exits(a, rounds);
}

static int storm_with(void (*handler)(int, siginfo_t *, void *), bool nested)
{
	long signals = nested ? 500 : 2000;
	int bad, data[4] = DATA;
	struct us_stats a;

	probe_targets("storm");
	us_enable("storm", true);
	bad = us_check(!call_all(data), "wrong values");
	find_area();
	set_handler(SIGUSR1, handler, 0);
	set_handler(SIGALRM, handler, 0);
	stats_before(&a);
	hitters_start();
	send_storm(signals);
	bad |= hitters_stop();
	bad |= us_check(!nested_wrong, "%ld wrong in the handler", nested_wrong);
	return bad | storm_results(&a, hitters_rounds() + (nested ? handled : 0), signals);
}

static int storm_kind(void)
{
	return storm_with(storm_handler, false);
}

static int nested_kind(void)
{
	return storm_with(nested_handler, true);
}

int storm(void)
{
	return each_kind(storm_kind);
}

int nested(void)
{
	return each_kind(nested_kind);
}

/* ---- a signal with each hit ----------------------------------------------------- */

int perf_open(struct perf_event_attr *attr, pid_t pid)
{
	attr->size = sizeof(*attr);
	return syscall(__NR_perf_event_open, attr, pid, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* A perf event on the probes of @event, in this task. */
static int perf_on_event(const char *event, bool sigtrap)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .sample_period = 1, .disabled = 1,
		.wakeup_events = 1, .sigtrap = sigtrap, .remove_on_exec = sigtrap,
	};
	char path[128], id[32];

	snprintf(path, sizeof(path), TRACING "/events/" GROUP "/%s/id", event);
	if (us_read(path, id, sizeof(id)) < 0)
		us_die("cannot read %s", path);
	attr.config = atol(id);
	return perf_open(&attr, 0);
}

struct pending pending;

/* The signal was there before the hit was over: it comes behind the instruction. */
void pending_handler(int sig, siginfo_t *si, void *ctx)
{
	const struct target *t = pending.target;
	ucontext_t *uc = ctx;

	check_context(uc);
	if (t->next && US_IP(uc) != (long)t->next)
		pending.wrong_ip++;
	if (handled > pending.most)	/* a hit without an end: let it go on */
		ioctl(pending.fd, PERF_EVENT_IOC_DISABLE, 0);
}

static int check_pending(const struct target *t, long calls, long promotions)
{
	int exit = target_exit(t);
	bool leaves = us_mode() == US_ON && (exit == EXIT_JUMP || exit == EXIT_NONE);
	int bad;

	bad = us_check(handled == calls, "%s: %ld hits, %ld signals", t->name, calls,
		       handled);
	bad |= us_check(!pending.wrong_ip, "%s: %ld signals not behind it", t->name,
			pending.wrong_ip);
	return bad | us_check(promotions == (leaves ? calls : 0), "%s: %ld promoted",
			      t->name, promotions);
}

static int pending_calls(const struct target *t, long calls)
{
	int bad = 0, data[4] = DATA;
	struct us_stats a;
	long i;

	stats_before(&a);
	pending.target = t;
	pending.most = 2 * calls;
	handled = 0;
	pending.wrong_ip = 0;
	ioctl(pending.fd, PERF_EVENT_IOC_ENABLE, 0);
	for (i = 0; i < calls; i++)
		bad |= us_check(!call(t, data), "%s: wrong value", t->name);
	ioctl(pending.fd, PERF_EVENT_IOC_DISABLE, 0);
	bad |= us_check(!t->counts || data[1] == calls, "%s: executed %d times",
			t->name, data[1]);
	return bad | check_pending(t, calls, promoted(&a));
}

static void send_with_hits(int fd, int sig)
{
	struct f_owner_ex owner = { F_OWNER_TID, gettid() };

	if (fcntl(fd, F_SETOWN_EX, &owner) || fcntl(fd, F_SETSIG, sig) ||
	    fcntl(fd, F_SETFL, O_ASYNC))
		us_die("fcntl: %s", strerror(errno));
}

/* Each hit sends its own thread @sig, or a perf event's SIGTRAP (0). */
static int pending_with(int sig)
{
	int bad = 0, data[4] = DATA;
	long calls = us_scaled(20);
	const struct target *t;

	probe_targets("pending");
	pending.fd = perf_on_event("pending", !sig);
	if (pending.fd < 0)
		return us_skip("perf_event_open: %s", strerror(errno));
	set_handler(sig ?: SIGTRAP, pending_handler, 0);
	pending.target = ux_targets;
	ioctl(pending.fd, PERF_EVENT_IOC_ENABLE, 0);
	call(ux_targets, data);
	ioctl(pending.fd, PERF_EVENT_IOC_DISABLE, 0);
	find_area();
	if (sig)
		send_with_hits(pending.fd, sig);
	for_each_target(t)
		bad |= pending_calls(t, calls);
	bad |= us_check(us_hits("pending") == (uint64_t)calls * NR_TARGETS + 1,
			"%ju hits, expected %ld", us_hits("pending"),
			calls * NR_TARGETS + 1);
	return bad | check_contexts();
}

static int pending_usr1(void)
{
	return pending_with(SIGUSR1);
}

static int pending_segv(void)
{
	return pending_with(SIGSEGV);
}

/* A SIGSEGV that looks like a fault, and is never delivered. */
static int pending_blocked(void)
{
	siginfo_t si = { .si_signo = SIGSEGV, .si_code = SEGV_MAPERR };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGSEGV);
	if (sigprocmask(SIG_BLOCK, &set, NULL) ||
	    syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), SIGSEGV, &si))
		us_die("SIGSEGV to myself: %s", strerror(errno));
	return pending_with(SIGUSR1);
}

static int pending_perf(void)
{
	return pending_with(0);
}

int with_hits_usr1(void)
{
	return each_kind(pending_usr1);
}

/* Synchronous signals that are not the instruction's own. */
int with_hits_segv(void)
{
	return each_kind(pending_segv);
}

/* A fault has a way of its own; this is none. */
int with_hits_blocked(void)
{
	return each_kind(pending_blocked);
}

int with_hits_perf(void)
{
	return each_kind(pending_perf);
}

/* ---- out of a function, and of a handler ------------------------------------------- */

static const struct target *find_target(const char *name)
{
	const struct target *t;

	for_each_target(t)
		if (!strcmp(t->name, name))
			return t;
	us_die("no target %s", name);
}

/* A function with probes on its entry, its ret and its return. */
static int uretprobe_kind(void)
{
	const struct target *t = find_target("ret");
	long calls = us_scaled(100), i, returns;
	int bad = 0, data[4] = DATA;
	char *trace;

	us_trace_start(1024);
	us_probe("entry", t->fn);
	us_probe("ret", t->insn);
	us_retprobe("return", t->fn);
	us_trace_event(GROUP, "return", true);
	us_enable("entry", true);
	us_enable("ret", true);
	for (i = 0; i < calls; i++)
		bad |= us_check(!call(t, data), "wrong value");
	trace = us_trace_read();
	returns = us_count(trace, " return: ", NULL);
	free(trace);
	return bad | us_check(us_hits("entry") == (uint64_t)calls &&
			      us_hits("ret") == (uint64_t)calls && returns == calls,
			      "%ld calls; entry %ju, ret %ju, %ld returns", calls,
			      us_hits("entry"), us_hits("ret"), returns);
}

int uretprobe(void)
{
	return each_kind(uretprobe_kind);
}

static sigjmp_buf jump_env;

static void jump_handler(int sig, siginfo_t *si, void *ctx)
{
	check_context(ctx);
	siglongjmp(jump_env, 1);
}

/* Nobody comes back to what the signal interrupted: no trace of it is left. */
static int longjmp_kind(void)
{
	long calls = us_scaled(10), hits = 0;
	int bad = 0, data[4] = DATA;
	const struct target *t;
	volatile long i;

	probe_targets("jump");
	us_probe("load", ux_load_insn);
	us_enable("load", true);
	pending.fd = perf_on_event("jump", false);
	if (pending.fd < 0)
		return us_skip("perf_event_open: %s", strerror(errno));
	set_handler(SIGUSR1, jump_handler, 0);
	set_handler(SIGSEGV, jump_handler, 0);
	ioctl(pending.fd, PERF_EVENT_IOC_ENABLE, 0);
	call(ux_targets, data);
	find_area();
	send_with_hits(pending.fd, SIGUSR1);
	for_each_target(t) {
		for (i = 0; i < calls; i++, hits++)
			if (!sigsetjmp(jump_env, 1))
				bad |= us_check(call(t, data) && false, "no signal");
		if (!sigsetjmp(jump_env, 1))
			((int (*)(long))ux_load)(0x10008);
	}
	bad |= us_check(handled == hits + NR_TARGETS, "%ld hits, %ld signals", hits, handled);
	bad |= us_check(data[1] == calls, "inc: executed %d times", data[1]);
	bad |= us_check(us_hits("jump") == (uint64_t)hits + 1 &&
			us_hits("load") == (uint64_t)NR_TARGETS, "%ju, %ju hits",
			us_hits("jump"), us_hits("load"));
	return bad | check_contexts();
}

int longjmps(void)
{
	return each_kind(longjmp_kind);
}

/* ---- restartable sequences ----------------------------------------------------- */

static long aborted;

static void rseq_handler(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	check_context(uc);
	aborted += US_IP(uc) == (long)ux_rseq_abort;
}

/*
 * A signal right behind the probed instruction aborts the critical section that it
 * is in. Not always: a task that is preempted while it executes a copy is taken
 * for one that is outside, on stock too.
 */
static int rseq_kind(void)
{
	void *rs = (char *)__builtin_thread_pointer() + __rseq_offset;
	long calls = us_scaled(100), n = 0, done = 0, i;
	int bad;

	if (!__rseq_size)
		return us_skip("no rseq in this kernel, or in libc");
	us_probe("rseq", ux_rseq_insn);
	pending.fd = perf_on_event("rseq", false);
	if (pending.fd < 0)
		return us_skip("perf_event_open: %s", strerror(errno));
	set_handler(SIGUSR1, rseq_handler, 0);
	ioctl(pending.fd, PERF_EVENT_IOC_ENABLE, 0);
	done += ((long (*)(void *, long *))ux_rseq)(rs, &n);
	find_area();
	send_with_hits(pending.fd, SIGUSR1);
	for (i = 0; i < calls; i++)
		done += ((long (*)(void *, long *))ux_rseq)(rs, &n);
	us_diag("%s, emulate %d: %ld of %ld aborted", kind->exits, kind->emulate,
		aborted, calls);
	bad = us_check(n == done && handled == calls &&
		       us_hits("rseq") == (uint64_t)calls + 1,
		       "n %ld, %ld done, %ld signals, %ju hits", n, done, handled,
		       us_hits("rseq"));
	bad |= us_check(aborted >= calls / 2, "%ld of %ld aborted", aborted, calls);
	return bad | check_contexts();
}

int rseq(void)
{
	return each_kind(rseq_kind);
}
