// SPDX-License-Identifier: GPL-2.0
/*
 * Description: P9 (stock behaviour). Signals, traps, ptrace, munmap of the
 * area, uretprobes and forks from them are as on a stock kernel: the same cases
 * run there, and with slots on, limit 0 and slots off.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "common.h"
#include "stuck.h"

static struct stuck stuck;

typedef int load_fn(const void *);
typedef void store_fn(int);

/* ---- the instruction traps ------------------------------------------------------ */

static struct {
	volatile int count;
	void *addr;
	unsigned long ip, scratch;
	int code;
} trapped;

static int good_word = 4711;

static void note_trap(siginfo_t *si, ucontext_t *uc)
{
	trapped.count++;
	trapped.addr = si->si_addr;
	trapped.code = si->si_code;
	trapped.ip = US_IP(uc);
}

static void set_handler(int sig, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO };

	sigaction(sig, &sa, NULL);
}

/* Let the load succeed when it is executed again. */
static void load_handler(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	note_trap(si, uc);
#ifdef __x86_64__
	uc->uc_mcontext.gregs[REG_RDI] = (long)&good_word;
#else
	uc->uc_mcontext.regs[0] = (long)&good_word;
#endif
}

/* Hits: the one that traps and the one after the handler, each time. */
static int segv_load(void)
{
	void *hole = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS,
			  -1, 0);
	int bad = 0, i, v;

	set_handler(SIGSEGV, load_handler);
	us_probe("load", us_load);
	us_enable("load", true);
	for (i = 0; i < 10; i++) {
		v = ((load_fn *)us_load)(hole + 8 * i);
		bad |= us_check(v == 4711 && trapped.count == i + 1,
				"value %d, %d signals", v, trapped.count);
		bad |= us_check(trapped.addr == hole + 8 * i,
				"si_addr %p, expected %p", trapped.addr,
				hole + 8 * i);
		bad |= us_check(trapped.ip == (unsigned long)us_load,
				"ip %#lx, expected %p", trapped.ip, us_load);
		bad |= us_check(trapped.code == SEGV_ACCERR, "si_code %d",
				trapped.code);
	}
	return bad | us_check(us_hits("load") == 20, "%ju hits, expected 20",
			      us_hits("load"));
}

/*
 * A store that faults: on x86 it is RIP-relative, and the scratch register that
 * the kernel borrows for it must be back in the handler's context.
 */
#define SCRATCH	0x5c5c5c5c5c5c5c5cul

static void store_handler(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	note_trap(si, uc);
#ifdef __x86_64__
	trapped.scratch = uc->uc_mcontext.gregs[REG_RSI];
#else
	trapped.scratch = SCRATCH;
#endif
	mprotect(us_store_page, 4096, PROT_READ | PROT_WRITE);
}

static void call_store(int value)
{
#ifdef __x86_64__
	unsigned long si = SCRATCH, di = value;

	asm volatile("call us_store" : "+S"(si), "+D"(di) : : "memory", "cc");
	if (si != SCRATCH)
		us_die("%%rsi is %#lx after the store", si);
#else
	((store_fn *)us_store)(value);
#endif
}

static int segv_store(void)
{
	int bad = 0, i;

	set_handler(SIGSEGV, store_handler);
	us_probe("store", us_store_insn);
	us_enable("store", true);
	for (i = 1; i <= 10; i++) {
		mprotect(us_store_page, 4096, PROT_READ);
		call_store(i);
		bad |= us_check(*us_store_page == i && trapped.count == i,
				"stored %d, %d signals", *us_store_page,
				trapped.count);
		bad |= us_check(trapped.addr == us_store_page &&
				trapped.ip == (unsigned long)us_store_insn,
				"si_addr %p, ip %#lx; expected %p, %p",
				trapped.addr, trapped.ip, us_store_page,
				us_store_insn);
		bad |= us_check(trapped.scratch == SCRATCH,
				"the scratch register is %#lx", trapped.scratch);
	}
	return bad | us_check(us_hits("store") == 20, "%ju hits, expected 20",
			      us_hits("store"));
}

static int wait_status(pid_t pid)
{
	int st = -1;

	waitpid(pid, &st, 0);
	return st;
}

/* These die of a signal on purpose. */
static void no_core(void)
{
	struct rlimit none = { };

	setrlimit(RLIMIT_CORE, &none);
}

/* Without a handler the trap kills, as it does without a probe. */
static int segv_kills(void)
{
	int st, i, bad = 0;
	pid_t pid;

	us_probe("load", us_load);
	us_enable("load", true);
	for (i = 0; i < 5; i++) {
		pid = fork();
		if (!pid) {
			no_core();
			_exit(((load_fn *)us_load)((void *)16));
		}
		st = wait_status(pid);
		bad |= us_check(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV,
				"status %#x", st);
	}
	return bad | us_check(us_hits("load") == 5, "%ju hits", us_hits("load"));
}

#ifdef __x86_64__
static void div_handler(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	note_trap(si, uc);
	uc->uc_mcontext.gregs[REG_RSI] = 6;
}

static int fpe(void)
{
	int bad = 0, i, v;

	set_handler(SIGFPE, div_handler);
	us_probe("div", us_div_insn);
	us_enable("div", true);
	for (i = 0; i < 10; i++) {
		v = ((int (*)(int, int))us_div)(42, 0);
		bad |= us_check(v == 7 && trapped.count == i + 1 &&
				trapped.ip == (unsigned long)us_div_insn &&
				trapped.addr == us_div_insn,
				"value %d, %d signals, ip %#lx, si_addr %p", v,
				trapped.count, trapped.ip, trapped.addr);
	}
	return bad | us_check(us_hits("div") == 20, "%ju hits", us_hits("div"));
}

/*
 * `syscall` and the instruction behind it run from the slot: with a `ret` there
 * the program dies on stock as well (and `cmp` works: see content_x86.S).
 */
static int syscall_ret(void)
{
	pid_t pid;
	int st;

	us_probe("sysret", us_syscall_ret_insn);
	us_enable("sysret", true);
	pid = fork();
	if (!pid) {
		no_core();
		_exit(((int (*)(void))us_syscall_ret)() != getppid());
	}
	st = wait_status(pid);
	us_diag("status %#x", st);
	return us_check(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV,
			"status %#x, on stock it is SIGSEGV", st);
}
#else
static int fpe(void)
{
	return us_skip("x86 only: arm64 does not trap on a division");
}

static int syscall_ret(void)
{
	return us_skip("x86 only: arm64 refuses probes on svc");
}
#endif

/* ---- asynchronous signals --------------------------------------------------------- */

static unsigned long area_start, area_end;
static volatile long handled, in_area, handler_wrong;

/* No handler ever sees the area in its context. It hits probes itself. */
static void storm_handler(int sig, siginfo_t *si, void *ctx)
{
	unsigned long ip = US_IP((ucontext_t *)ctx);

	handled++;
	if (ip >= area_start && ip < area_end)
		in_area++;
	if (us_many_call(50) != 50 || us_many_call(51) != 51)
		handler_wrong++;
}

static int storm_result(long hits_outside)
{
	int bad;

	us_diag("%ld signals, %ju hits", handled, us_hits("storm"));
	bad = us_check(!in_area, "%ld signals with ip in [uprobes]", in_area);
	bad |= us_check(!handler_wrong, "%ld wrong values in the handler",
			handler_wrong);
	bad |= us_check(us_hits("storm") == (uint64_t)hits_outside + 2 * handled,
			"%ld calls, %ld signals, %ju hits", hits_outside,
			handled, us_hits("storm"));
	return bad;
}

static void storm_setup(int sig)
{
	us_probe_many("storm", 0, 52);
	us_enable("storm", true);
	us_many_call(0);
	if (!us_area(0, &area_start, &area_end))
		us_die("no [uprobes] in /proc/self/maps after a hit");
	set_handler(sig, storm_handler);
}

static int alarm_storm(void)
{
	struct itimerval it = { { 0, 2000 }, { 0, 2000 } }, off = { };
	long calls = 1, wrong = 0;
	double end = us_deadline(40);
	int i;

	storm_setup(SIGALRM);
	setitimer(ITIMER_REAL, &it, NULL);
	while (handled < us_scaled(200) && us_now() < end)
		for (i = 0; i < 50; i++, calls++)
			if (us_many_call(i) != i)
				wrong++;
	setitimer(ITIMER_REAL, &off, NULL);
	return us_check(!wrong && handled >= us_scaled(200),
			"%ld wrong values, %ld signals", wrong, handled) |
	       storm_result(calls);
}

/* Signals sent as fast as they are taken, to a thread that only hits probes. */
static bool storming;

static void *storm_target(void *arg)
{
	long *n = arg;
	int i;

	while (READ_ONCE(storming))
		for (i = 0; i < 50; i++, n[0]++)
			if (us_many_call(i) != i)
				n[1]++;
	return NULL;
}

static int thread_storm(void)
{
	long n[2] = { };
	long target = us_scaled(400), seen, calls, spin;
	double end = us_deadline(40);
	pthread_t t;

	storm_setup(SIGUSR1);
	storming = true;
	pthread_create(&t, NULL, storm_target, n);
	while (handled < target && us_now() < end) {
		seen = handled;
		calls = READ_ONCE(n[0]);
		pthread_kill(t, SIGUSR1);
		while ((handled == seen || READ_ONCE(n[0]) == calls) &&
		       us_now() < end)
			sched_yield();
		/* Meet the target at another point each time. */
		for (spin = 0; spin < handled * 37 % 20000; spin++)
			asm volatile("" : : : "memory");
	}
	WRITE_ONCE(storming, false);
	pthread_join(t, NULL);
	return us_check(!n[1] && handled >= target, "%ld wrong values, %ld signals",
			n[1], handled) | storm_result(n[0] + 1);
}

static int child_hitting(long rounds)
{
	long r;
	int i;

	for (r = 0; r < rounds; r++)
		for (i = 0; i < 50; i++)
			if (us_many_call(i) != i)
				return 66;
	return 0;
}

static int stop_and_continue(void)
{
	long rounds = us_scaled(150), stops = 0;
	int st, bad;
	pid_t pid;

	us_probe_many("stop", 0, 50);
	us_enable("stop", true);
	pid = fork();
	if (!pid)
		_exit(child_hitting(rounds));
	for (;;) {
		kill(pid, SIGSTOP);
		if (waitpid(pid, &st, WUNTRACED) != pid || !WIFSTOPPED(st))
			break;
		stops++;
		kill(pid, SIGCONT);
		usleep(500);
	}
	us_diag("%ld stops", stops);
	bad = us_check(!st, "status %#x", st);
	bad |= us_check(stops >= 10, "it was over after %ld stops", stops);
	return bad | us_check(us_hits("stop") == (uint64_t)rounds * 50,
			      "%ld calls, %ju hits", rounds * 50,
			      us_hits("stop"));
}

/* SIGKILL while a task is in a step that does not end. */
static int kill_in_step(void)
{
	int bad = 0, i, p[2], st;
	pid_t pid;
	char c;

	stuck_probes(true);
	us_enable("load", true);
	for (i = 0; i < 5 && !bad; i++) {
		if (pipe(p))
			us_die("pipe");
		pid = fork();
		if (!pid) {
			if (stuck_start(&stuck, 3, true) || stuck_wait(&stuck, 3))
				_exit(1);
			if (write(p[1], "x", 1) == 1)
				for (;;)
					pause();
			_exit(1);
		}
		close(p[1]);
		bad = us_check(read(p[0], &c, 1) == 1, "not stuck");
		close(p[0]);
		kill(pid, SIGKILL);
		st = wait_status(pid);
		bad |= us_check(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL,
				"status %#x", st);
	}
	return bad;
}

/* ---- ptrace ------------------------------------------------------------------------- */

static unsigned long get_ip(pid_t pid, unsigned long *value)
{
	struct user_regs_struct r;
	struct iovec iov = { &r, sizeof(r) };

	if (ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov))
		us_die("PTRACE_GETREGSET: %s", strerror(errno));
#ifdef __x86_64__
	*value = r.rax;
	return r.rip;
#else
	*value = r.regs[0];
	return r.pc;
#endif
}

static void set_ip(pid_t pid, const void *ip)
{
	struct user_regs_struct r;
	struct iovec iov = { &r, sizeof(r) };

	ptrace(PTRACE_GETREGSET, pid, NT_PRSTATUS, &iov);
#ifdef __x86_64__
	r.rip = (unsigned long)ip;
	r.orig_rax = -1;
	r.rsp = (r.rsp & ~15ul) - 256;
#else
	r.pc = (unsigned long)ip;
#endif
	if (ptrace(PTRACE_SETREGSET, pid, NT_PRSTATUS, &iov))
		us_die("PTRACE_SETREGSET: %s", strerror(errno));
}

static pid_t start_tracee(void)
{
	pid_t pid = fork();
	int st;

	if (!pid) {
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(1);
	}
	if (waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st))
		us_die("the tracee did not stop");
	set_ip(pid, us_steps);
	return pid;
}

/*
 * Step from us_steps to us_steps_end; the addresses of the stops. On x86 there
 * is one behind each instruction. Stock's arm64 does not report the end of an
 * out-of-line step, there the tracee runs on to the trap at the end.
 */
static int step_through(unsigned long *ips, int max, unsigned long *result)
{
	pid_t pid = start_tracee();
	int n = 0, st;

	do {
		ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
		if (waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st) ||
		    WSTOPSIG(st) != SIGTRAP)
			us_die("step %d: status %#x", n, st);
		ips[n] = get_ip(pid, result);
	} while (ips[n++] != (unsigned long)us_steps_end && n < max);
	kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
	return n;
}

static int single_step(void)
{
	unsigned long ref[32], ips[32], value;
	int bad = 0, i, n, nref;

	us_probe("step", us_step_0);
	us_probe("step", us_step_1);
	us_probe("step", us_step_2);
	us_probe("step", us_step_3);
#ifdef __x86_64__
	nref = step_through(ref, 32, &value);
	bad |= us_check(value == 42, "without probes: result %lu", value);
#else
	/* Ending a plain step in a task that has hit a probe WARNs on stock. */
	ref[0] = (unsigned long)us_steps_end;
	nref = 1;
#endif
	us_enable("step", true);
	n = step_through(ips, 32, &value);
	bad |= us_check(value == 42, "result %lu, expected 42", value);
	bad |= us_check(n == nref, "%d stops, expected %d", n, nref);
	for (i = 0; i < n && i < nref; i++)
		bad |= us_check(ips[i] == ref[i], "stop %d: ip %#lx, expected %#lx",
				i, ips[i], ref[i]);
	return bad | us_check(us_hits("step") == 4, "%ju hits", us_hits("step"));
}

/* PTRACE_INTERRUPT again and again: never an ip in the area. */
static int interrupt(void)
{
	unsigned long start, end, ip, value;
	long n = 0, seen = 0, rounds = us_scaled(30);
	int st, bad = 0;
	pid_t pid;

	us_probe_many("intr", 0, 50);
	us_enable("intr", true);
	pid = fork();
	if (!pid)
		_exit(child_hitting(rounds));
	if (ptrace(PTRACE_SEIZE, pid, 0, 0))
		us_die("PTRACE_SEIZE: %s", strerror(errno));
	for (;;) {
		ptrace(PTRACE_INTERRUPT, pid, 0, 0);
		if (waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st))
			break;
		ip = get_ip(pid, &value);
		if (us_area(pid, &start, &end)) {
			n++;
			seen += ip >= start && ip < end;
		}
		ptrace(PTRACE_CONT, pid, 0, 0);
	}
	us_diag("%ld stops after the first hit", n);
	bad |= us_check(!st, "status %#x", st);
	bad |= us_check(n >= 10, "it was over after %ld stops", n);
	bad |= us_check(!seen, "%ld stops with ip in [uprobes]", seen);
	return bad | us_check(us_hits("intr") == (uint64_t)rounds * 50,
			      "%ld calls, %ju hits", rounds * 50,
			      us_hits("intr"));
}

/* ---- the mapping ----------------------------------------------------------------------- */

/* 0: munmap worked; 77: it is refused (sealed), and hits go on. */
static void __attribute__((noreturn)) unmap_and_hit(void)
{
	unsigned long start, end;

	no_core();
	if (us_many_call(1) != 1 || !us_area(0, &start, &end))
		_exit(1);
	if (munmap((void *)start, end - start)) {
		if (errno != EPERM)
			_exit(2);
		_exit(us_many_call(1) == 1 && us_many_call(2) == 2 ? 77 : 3);
	}
	if (us_area(0, &start, &end))
		_exit(4);
	_exit(us_many_call(1) == 1 ? 5 : 6);
}

static int munmap_area(void)
{
	pid_t pid;
	int st;

	us_probe_many("unmap", 0, 8);
	us_enable("unmap", true);
	pid = fork();
	if (!pid)
		unmap_and_hit();
	st = wait_status(pid);
	if (WIFEXITED(st) && WEXITSTATUS(st) == 77)
		return us_skip("[uprobes] is sealed");
	return us_check(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV,
			"status %#x, on stock the next hit is a SIGSEGV", st);
}

/* Dropped page tables fault back in with the same content. */
static int dontneed(void)
{
	unsigned long start, end;
	int bad = 0, i;

	us_probe_many("dontneed", 0, 8);
	us_enable("dontneed", true);
	for (i = 0; i < 40; i++) {
		bad |= us_check(us_many_call(i % 8) == i % 8, "wrong value");
		bad |= us_check(us_area(0, &start, &end) &&
				!madvise((void *)start, end - start, MADV_DONTNEED),
				"[uprobes] cannot be dropped: %s", strerror(errno));
	}
	return bad | us_check(us_hits("dontneed") == 40, "%ju hits",
			      us_hits("dontneed"));
}

/* ---- uretprobes -------------------------------------------------------------------------- */

__attribute__((noinline, noclone)) int us_recurse(int n);

int us_recurse(int n)
{
	if (us_many_call(n) != n)
		return -1000;
	if (n)
		n += us_recurse(n - 1);
	asm volatile("" : : : "memory");
	return n;
}

static void *recurse(void *arg)
{
	long *wrong = arg, i;

	for (i = 0; i < us_scaled(30); i++)
		if (us_recurse(9) != 45)
			++*wrong;
	return NULL;
}

/* uprobe_profile counts a return probe's entries; the returns are in the trace. */
static long returns_traced(void)
{
	char *trace = us_trace_read();
	long n = us_count(trace, " return: ", NULL);

	free(trace);
	if (us_trace_lost())
		us_die("the trace has lost events");
	return n;
}

/* Nested return probes, with probes that go out of line in between. */
static int uretprobes(void)
{
	long wrong[4] = { }, calls = us_scaled(30) * 4 * 10;
	pthread_t t[4];
	int bad = 0, i;

	us_trace_start(4096);

	us_probe("entry", us_recurse);
	us_retprobe("return", us_recurse);
	us_probe_many("inside", 0, 10);
	us_trace_event(GROUP, "return", true);
	us_enable("entry", true);
	us_enable("inside", true);
	for (i = 0; i < 4; i++)
		pthread_create(&t[i], NULL, recurse, &wrong[i]);
	for (i = 0; i < 4; i++) {
		pthread_join(t[i], NULL);
		bad |= us_check(!wrong[i], "%ld wrong values", wrong[i]);
	}
	bad |= us_check(us_hits("entry") == (uint64_t)calls &&
			us_hits("return") == (uint64_t)calls &&
			us_hits("inside") == (uint64_t)calls &&
			returns_traced() == calls,
			"%ld calls; entry %ju, %ju, inside %ju, %ld returns",
			calls, us_hits("entry"), us_hits("return"),
			us_hits("inside"), returns_traced());
	return bad;
}

__attribute__((noinline, noclone)) pid_t us_fork_inside(int n);

pid_t us_fork_inside(int n)
{
	pid_t pid;

	if (n) {
		pid = us_fork_inside(n - 1);
		asm volatile("" : : : "memory");
		return pid;
	}
	us_many_call(3);
	pid = fork();
	us_many_call(4);
	return pid;
}

/* Both sides of a fork return through the parent's pending return probes. */
static int fork_in_uretprobe(void)
{
	int bad = 0, i, st;
	pid_t pid;

	us_trace_start(1024);
	us_retprobe("return", us_fork_inside);
	us_probe_many("inside", 0, 10);
	us_trace_event(GROUP, "return", true);
	us_enable("inside", true);
	for (i = 0; i < 5; i++) {
		pid = us_fork_inside(3);
		if (!pid)
			_exit(us_many_call(5) != 5);
		st = wait_status(pid);
		bad |= us_check(!st, "child: status %#x", st);
	}
	return bad | us_check(returns_traced() == 5 * 8 &&
			      us_hits("inside") == 5 * 4,
			      "returns %ld, expected 40; inside %ju, expected 20",
			      returns_traced(), us_hits("inside"));
}

static const struct us_case cases[] = {
	{ "SIGSEGV in a probed load: address and ip (P9)", segv_load, US_ON_OFF },
	{ "SIGSEGV in a probed store: address, ip, registers (P9)", segv_store, US_ON_OFF },
	{ "SIGSEGV without a handler kills (P9)", segv_kills, US_ON_OFF },
	{ "SIGFPE in a probed division (P9)", fpe, US_ON_OFF },
	{ "syscall followed by ret (P9)", syscall_ret, US_ON_OFF },
	{ "a storm of SIGALRM (P9)", alarm_storm, US_ON_OFF },
	{ "a storm of signals to a thread (P9)", thread_storm, US_ON_OFF },
	{ "SIGSTOP and SIGCONT (P9)", stop_and_continue, US_ON_OFF },
	{ "SIGKILL in a step (P9)", kill_in_step, US_ON_OFF },
	{ "ptrace single-steps over probes (P9)", single_step, US_ON_OFF },
	{ "ptrace interrupts (P9)", interrupt, US_ON_OFF },
	{ "munmap of [uprobes] (P9)", munmap_area, US_ON_OFF },
	{ "MADV_DONTNEED on [uprobes] (P9)", dontneed, US_ON_OFF },
	{ "uretprobes and probes inside (P9)", uretprobes, US_ON_OFF },
	{ "fork inside a uretprobe (P9)", fork_in_uretprobe, US_ON_OFF },
};

int main(void)
{
	return us_run(cases, ARRAY_SIZE(cases));
}
