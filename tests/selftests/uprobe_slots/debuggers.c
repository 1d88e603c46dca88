// SPDX-License-Identifier: GPL-2.0
/*
 * Description: debuggers beside probes (P9). Watchpoints on what probed instructions
 * write, a debugger's own breakpoints, steps and blocks, a program that traces itself:
 * whatever the knob `exits` says, all of them stop where they stop without probes, and
 * nobody is shown an address in [uprobes] that stock does not show.
 *
 *	debuggers [TEXT]	all cases, or those with TEXT in their names
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "debuggers.h"

/* ---- the exits --------------------------------------------------------------- */

const char * const ud_exits[UD_NR_EXITS] = { "step", "trap", "jump" };

int ud_wait(pid_t pid)
{
	int st = -1;

	waitpid(pid, &st, 0);
	return st;
}

static int run(int (*fn)(const char *how), const char *how)
{
	pid_t pid;
	int st;

	fflush(stdout);
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		st = fn(how);
		fflush(stdout);
		_exit(st);
	}
	st = ud_wait(pid);
	if (us_probe_clear())
		return us_fail("%s: a probe stays", how);
	if (st && !(WIFEXITED(st) && WEXITSTATUS(st) == US_SKIP))
		return us_fail("%s: status %#x", how, st);
	return WEXITSTATUS(st);
}

int ud_run_with(const char *exit, int enable, int (*fn)(const char *how))
{
	if (us_mode() == US_STOCK)
		return run(fn, "stock");
	us_exits(exit);
	us_knob("enable", enable);
	return run(fn, enable ? exit : "enable 0");
}

int ud_each_exit(int (*fn)(const char *how))
{
	int bad = 0, i;

	if (us_mode() != US_ON)
		return ud_run_with("step", 0, fn);
	for (i = 0; i < UD_NR_EXITS; i++)
		bad |= ud_run_with(ud_exits[i], 1, fn);
	return bad;
}

void ud_handler(int sig, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO };

	sigaction(sig, &sa, NULL);
}

bool ud_in_area(pid_t pid, unsigned long ip)
{
	unsigned long start, end;

	return us_area(pid, &start, &end) && ip >= start && ip < end;
}

/* ---- a tracee ------------------------------------------------------------------ */

void ud_get_regs(pid_t pid, struct user_regs_struct *r)
{
	struct iovec iov = { r, sizeof(*r) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov))
		us_die("PTRACE_GETREGSET: %s", strerror(errno));
}

void ud_set_regs(pid_t pid, struct user_regs_struct *r)
{
	struct iovec iov = { r, sizeof(*r) };

	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov))
		us_die("PTRACE_SETREGSET: %s", strerror(errno));
}

unsigned long ud_get_ip(pid_t pid)
{
	struct user_regs_struct r;

	ud_get_regs(pid, &r);
	return UD_IP(&r);
}

pid_t ud_start(void (*fn)(void))
{
	pid_t pid = fork();
	int st;

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (ptrace(PTRACE_TRACEME, 0, 0, 0))
			us_die("PTRACE_TRACEME: %s", strerror(errno));
		raise(SIGSTOP);
		fn();
		_exit(0);
	}
	if (waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st))
		us_die("the tracee did not stop");
	return pid;
}

static void on_alarm(int sig)
{
}

int ud_next_stop(pid_t pid, int seconds)
{
	struct sigaction sa = { .sa_handler = on_alarm };
	int st;
	pid_t r;

	sigaction(SIGALRM, &sa, NULL);
	alarm(us_deadline(seconds) - us_now() + 1);
	r = waitpid(pid, &st, __WALL);
	alarm(0);
	if (r == pid)
		return WIFSTOPPED(st) ? WSTOPSIG(st) : 0;
	return -1;
}

void ud_end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, __WALL);
}

/* ---- a debugger's own breakpoints ------------------------------------------------ */

static struct shared {
	unsigned long area_start, area_end;
	long signals, in_area, calls, wrong;
	bool stop;
	pid_t tid;
} *shared;

static void loop_handler(int sig, siginfo_t *si, void *ctx)
{
	unsigned long ip = US_IP((ucontext_t *)ctx);

	shared->signals++;
	if (ip >= shared->area_start && ip < shared->area_end)
		shared->in_area++;
}

/* Another signal when the last one was handled, and then not at once. */
static void *send_signals(void *arg)
{
	long seen, spin, n = 0;
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	while (!READ_ONCE(shared->stop)) {
		seen = READ_ONCE(shared->signals);
		tgkill(getpid(), shared->tid, SIGUSR1);
		while (READ_ONCE(shared->signals) == seen && !READ_ONCE(shared->stop))
			sched_yield();
		for (spin = 0; spin < n * 37 % 3000; spin++)
			asm volatile("" : : : "memory");
		n++;
	}
	return NULL;
}

/* The tracee: it runs the loop until it is told to stop. */
static void loop_under_storm(void)
{
	pthread_t t;

	shared->tid = gettid();
	ud_handler(SIGUSR1, loop_handler);
	shared->wrong += ((long (*)(long))ud_loop)(1) != 0;
	us_area(0, &shared->area_start, &shared->area_end);
	shared->calls = 1;
	if (pthread_create(&t, NULL, send_signals, NULL))
		_exit(1);
	while (!READ_ONCE(shared->stop)) {
		shared->wrong += ((long (*)(long))ud_loop)(10) != 0;
		shared->calls++;
	}
	pthread_join(t, NULL);
	_exit(0);
}

static void loop_once(void)
{
	((long (*)(long))ud_loop)(2);
}

#ifdef __x86_64__
#define BREAK_BYTES	1
#define BREAK_MASK	0xfful
#define BREAK_INSN	0xccul
#define BREAK_BEHIND	1	/* where ip is at the stop */
#else
#define BREAK_BYTES	4
#define BREAK_MASK	0xfffffffful
#define BREAK_INSN	0xd4200000ul
#define BREAK_BEHIND	0
#endif

static struct breakpoint {
	const char *at, *next;
	unsigned long insn;		/* what of the program it replaces */
	long stops;
} breaks[] = {
	{ ud_loop_break_0, ud_loop_next_0 },
	{ ud_loop_break_1, ud_loop_next_1 },
	{ ud_loop_break_2, ud_loop_next_2 },
};

/* Of a word that other breakpoints, and probes, are in too: the instruction only. */
static void break_poke(pid_t pid, const struct breakpoint *b, unsigned long insn)
{
	unsigned long word;

	errno = 0;
	word = ptrace(PTRACE_PEEKDATA, pid, b->at, 0);
	if (errno || ptrace(PTRACE_POKEDATA, pid, b->at, (word & ~BREAK_MASK) | insn))
		us_die("PTRACE_PEEKDATA, PTRACE_POKEDATA: %s", strerror(errno));
}

static void break_insert(pid_t pid, const struct breakpoint *b)
{
	break_poke(pid, b, BREAK_INSN);
}

static void break_remove(pid_t pid, const struct breakpoint *b)
{
	break_poke(pid, b, b->insn);
}

static struct breakpoint *break_at(unsigned long ip)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(breaks); i++)
		if (ip == (unsigned long)breaks[i].at + BREAK_BEHIND)
			return &breaks[i];
	return NULL;
}

/* Where the loop's instructions begin, as the CPU steps through it. */
static bool begins[256];

static void find_begins(void)
{
	pid_t pid = ud_start(loop_once);
	unsigned long at;
	int n;

	for (n = 0; n < 5000; n++) {
		ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
		if (ud_next_stop(pid, 20) != SIGTRAP)
			break;
		at = ud_get_ip(pid) - (unsigned long)ud_loop;
		if (at <= (unsigned long)(ud_loop_end - ud_loop) && at < sizeof(begins))
			begins[at] = true;
		if (ud_get_ip(pid) == (unsigned long)ud_loop_end)
			break;
	}
	ud_end(pid);
	if (!begins[0] || !begins[ud_loop_end - ud_loop])
		us_die("the loop was not stepped through");
}

/* An address that a stop may show. */
static int check_ip(const char *how, const char *what, pid_t pid, unsigned long ip)
{
	unsigned long at = ip - (unsigned long)ud_loop;
	int bad;

	bad = us_check(ip < shared->area_start || ip >= shared->area_end,
		       "%s: %s with ip %#lx in [uprobes]", how, what, ip);
	if (at <= (unsigned long)(ud_loop_end - ud_loop))
		bad |= us_check(begins[at], "%s: %s in mid-instruction, at the loop + %#lx",
				how, what, at);
	return bad;
}

static long withheld, delivered;

/* Go on to a breakpoint; signals come to the tracee meanwhile. */
static int go_to_break(const char *how, pid_t pid, int sig, struct breakpoint **b)
{
	unsigned long ip;
	int bad = 0;

	*b = NULL;
	for (;;) {
		ptrace(PTRACE_CONT, pid, 0, sig);
		sig = ud_next_stop(pid, 20);
		if (sig <= 0)
			return us_fail("%s: signal %d, no stop at a breakpoint", how, sig);
		ip = ud_get_ip(pid);
		if (sig == SIGTRAP)
			break;
		bad |= us_check(sig == SIGUSR1, "%s: signal %d at %#lx", how, sig, ip);
		bad |= check_ip(how, "a signal", pid, ip);
		if (bad)
			return bad;
		delivered++;
	}
	*b = break_at(ip);
	return bad | us_check(*b, "%s: SIGTRAP at %#lx, the loop + %#lx, is no breakpoint", how,
			      ip, ip - (unsigned long)ud_loop);
}

/* One step over what the breakpoint stood for. @sig gets a signal that came. */
static int step_over(const char *how, pid_t pid, struct breakpoint *b, int *sig)
{
	unsigned long ip;
	int bad = 0, got;

	*sig = 0;
	for (;;) {
		ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
		got = ud_next_stop(pid, 20);
		if (got <= 0)
			return us_fail("%s: signal %d, no stop behind a step", how, got);
		ip = ud_get_ip(pid);
		bad |= check_ip(how, "a step", pid, ip);
		if (got == SIGTRAP || bad)
			break;
		*sig = got;
		withheld++;
	}
	return bad | us_check(ip == (unsigned long)b->next,
			      "%s: a step over the loop + %#tx ends at the loop + %#lx", how,
			      b->at - ud_loop, ip - (unsigned long)ud_loop);
}

static int break_round(const char *how, pid_t pid, int *sig)
{
	struct user_regs_struct r;
	struct breakpoint *b;
	int bad;

	bad = go_to_break(how, pid, *sig, &b);
	if (bad)
		return bad;
	b->stops++;
	break_remove(pid, b);
	ud_get_regs(pid, &r);
	UD_IP(&r) = (unsigned long)b->at;
	ud_set_regs(pid, &r);
	bad = step_over(how, pid, b, sig);
	if (!bad)
		break_insert(pid, b);
	return bad;
}

static void probe_loop(const char *event)
{
	us_probe(event, ud_loop_probe_0);
	us_probe(event, ud_loop_probe_1);
	us_probe(event, ud_loop_probe_2);
	us_enable(event, true);
}

static int breaks_end(const char *how, pid_t pid)
{
	unsigned int i;
	int bad = 0;

	for (i = 0; i < ARRAY_SIZE(breaks); i++) {
		bad |= us_check(breaks[i].stops > 0, "%s: no stop at breakpoint %u", how, i);
		break_remove(pid, &breaks[i]);
	}
	WRITE_ONCE(shared->stop, true);
	ptrace(PTRACE_DETACH, pid, 0, 0);
	i = ud_wait(pid);
	us_diag("%s: %ld, %ld, %ld stops; %ld signals, %ld stopped a run, %ld a step", how,
		breaks[0].stops, breaks[1].stops, breaks[2].stops, shared->signals, delivered,
		withheld);
	bad |= us_check(!i, "%s: status %#x", how, i);
	bad |= us_check(!shared->wrong && shared->calls > 1, "%s: %ld calls, %ld wrong", how,
			shared->calls, shared->wrong);
	bad |= us_check(shared->signals > 30 && withheld > 3, "%s: %ld signals, %ld met a step",
			how, shared->signals, withheld);
	return bad | us_check(!shared->in_area, "%s: %ld signals with ip in [uprobes]", how,
			      shared->in_area);
}

/* Wait until the area is there and the storm has begun. */
static void start_storm(pid_t pid)
{
	int sig = 0;

	while (READ_ONCE(shared->signals) < 3) {
		ptrace(PTRACE_CONT, pid, 0, sig);
		sig = ud_next_stop(pid, 20);
		if (sig != SIGUSR1)
			us_die("signal %d before the storm", sig);
	}
	/* It is stopped, with a signal that it does not get. */
	if (!shared->area_start)
		us_die("no [uprobes] after a hit");
}

static int break_kind(const char *how)
{
	long rounds = us_scaled(10000 / UD_NR_EXITS), n;
	int bad = 0, sig = SIGUSR1;
	unsigned int i;
	pid_t pid;

	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	find_begins();
	for (i = 0; i < ARRAY_SIZE(breaks); i++)
		memcpy(&breaks[i].insn, breaks[i].at, BREAK_BYTES);
	probe_loop("break");
	pid = ud_start(loop_under_storm);
	start_storm(pid);
	for (i = 0; i < ARRAY_SIZE(breaks); i++)
		break_insert(pid, &breaks[i]);
	for (n = 0; n < rounds && !bad; n++)
		bad = break_round(how, pid, &sig);
	if (bad) {
		us_diag("%s: in round %ld of %ld", how, n, rounds);
		ud_end(pid);
		return bad;
	}
	return breaks_end(how, pid);
}

static int own_breaks(void)
{
#ifdef __aarch64__
	return us_skip("x86 only: stock's arm64 warns of a step in a task that has hit a probe");
#endif
	return ud_each_exit(break_kind);
}

/* ---- blocks, and a program that traces itself ------------------------------------- */

#ifdef __x86_64__
#ifndef PTRACE_SINGLEBLOCK
#define PTRACE_SINGLEBLOCK	33
#endif

#define MAX_STOPS	512

/* What the runs leave for each other. */
static struct record {
	int n;
	unsigned long ip[MAX_STOPS];
} *record, *reference;

static void *share(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
}

static int compare(const char *how, const char *with)
{
	int bad, i;

	bad = us_check(record->n == reference->n, "%s: %d stops, %s %d", how, record->n, with,
		       reference->n);
	for (i = 0; i < record->n && i < reference->n && !bad; i++)
		bad |= us_check(record->ip[i] == reference->ip[i],
				"%s: stop %d at %#lx, %s at %#lx", how, i, record->ip[i], with,
				reference->ip[i]);
	return bad;
}

static __attribute__((noinline, noclone)) void loop_thrice(void)
{
	asm volatile("call ud_loop" : : "D" (3L) : "rax", "rcx", "rbx", "memory");
	asm volatile("jmp ud_stop");
}

/* From the loop's begin to ud_stop by blocks. */
static int block_through(const char *how)
{
	struct user_regs_struct r;
	pid_t pid = ud_start(loop_thrice);
	int sig;

	ud_get_regs(pid, &r);
	r.rip = (unsigned long)loop_thrice;
	r.rsp = (r.rsp & ~15ul) - 512;
	r.orig_rax = -1;
	ud_set_regs(pid, &r);
	record->n = 0;
	do {
		if (ptrace(PTRACE_SINGLEBLOCK, pid, 0, 0))
			us_die("PTRACE_SINGLEBLOCK: %s", strerror(errno));
		sig = ud_next_stop(pid, 20);
		if (sig != SIGTRAP)
			us_die("%s: block %d: signal %d", how, record->n, sig);
		record->ip[record->n] = ud_get_ip(pid);
	} while (++record->n < MAX_STOPS &&
		 record->ip[record->n - 1] - 1 != (unsigned long)ud_stop);
	ud_end(pid);
	return us_check(record->n < MAX_STOPS, "%s: no end after %d blocks", how, record->n);
}

/* Where there are slots: as with enable 0, for which the CPU's own blocks are cut up. */
static int block_kind(const char *how)
{
	int bad;

	probe_loop("block");
	bad = block_through(how);
	us_diag("%s: %d stops", how, record->n);
	bad |= us_check(us_hits("block") == 9, "%s: %ju hits", how, us_hits("block"));
	if (!reference->n)
		*reference = *record;
	return bad | compare(how, "with enable 0");
}

static int single_block(void)
{
	int bad;

	record = share(sizeof(*record));
	reference = share(sizeof(*reference));
	bad = block_through("native");
	us_diag("native: %d stops", record->n);
	if (us_mode() == US_ON)
		bad |= ud_run_with("step", 0, block_kind);
	return bad | ud_each_exit(block_kind);
}

static void trace_handler(int sig, siginfo_t *si, void *ctx)
{
	unsigned long ip = US_IP((ucontext_t *)ctx);

	if (record->n < MAX_STOPS)
		record->ip[record->n++] = ip;
}

static int trace_self(const char *how)
{
	long value;

	record->n = 0;
	value = ((long (*)(void))ud_trace)();
	return us_check(value == 42, "%s: value %ld", how, value) |
	       us_check(record->n > 15 && record->n < MAX_STOPS, "%s: %d traps", how,
			record->n);
}

static int trace_kind(const char *how)
{
	int bad;

	ud_handler(SIGTRAP, trace_handler);
	bad = trace_self("native");
	*reference = *record;
	us_probe("trace", ud_trace_0);
	us_probe("trace", ud_trace_1);
	us_probe("trace", ud_trace_2);
	us_probe("trace", ud_trace_3);
	us_enable("trace", true);
	bad |= trace_self(how) | compare(how, "without probes");
	/* And once more: what was promoted or pinned meanwhile steps now. */
	bad |= trace_self(how) | compare(how, "without probes, again");
	return bad | us_check(us_hits("trace") == 12, "%s: %ju hits", how, us_hits("trace"));
}

static int trace_itself(void)
{
	record = share(sizeof(*record));
	reference = share(sizeof(*reference));
	return ud_each_exit(trace_kind);
}
#endif

/* ---- the cases ---------------------------------------------------------------- */

static const struct us_case cases[] = {
	{ "ptrace's watchpoint on what a probe writes (P9)", ud_ptrace_watch, US_ON_OFF, 120 },
#ifdef __x86_64__
	{ "ptrace's watchpoint on the address that a probed ret reads (P9)", ud_return_watch,
	  US_ON_OFF },
	{ "a step over a watched store (P9)", ud_step_watched, US_ON_OFF },
#else
	{ "a step after a hardware breakpoint (P9)", ud_step_after_break, US_ON_OFF },
#endif
	{ "perf counts writes of probes (P9)", ud_perf_count, US_ON_OFF },
	{ "perf's SIGTRAP with writes of probes (P9)", ud_perf_sigtrap, US_ON_OFF },
	{ "perf samples writes of probes (P9)", ud_perf_samples, US_ON_OFF },
	{ "a debugger's breakpoints under a storm (P9)", own_breaks, US_ON_OFF, 240 },
#ifdef __x86_64__
	{ "PTRACE_SINGLEBLOCK (P9)", single_block, US_ON_OFF },
	{ "a program that traces itself (P9)", trace_itself, US_ON_OFF },
#endif
	{ "who shows an address in a slot (P9)", ud_leaks, US_ON_OFF },
};

/* With an argument: the cases only that have it in their names. */
int main(int argc, char **argv)
{
	struct us_case chosen[ARRAY_SIZE(cases)];
	unsigned int i;
	int n = 0;

	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (argc < 2 || strstr(cases[i].name, argv[1]))
			chosen[n++] = cases[i];
	return us_run(chosen, n);
}
