// SPDX-License-Identifier: GPL-2.0
/* debuggers_watch.c - watchpoints, of ptrace and of perf, on what probed stores write */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <ucontext.h>
#include <unistd.h>

#ifdef __x86_64__
#include <cpuid.h>
#else
#include <asm/ptrace.h>
#endif

#include "debuggers.h"

/* ---- watchpoints -------------------------------------------------------------- */

#define STORES		50

typedef void store_fn(int value, int *p);

static const struct store {
	const char *name;
	store_fn *fn;
	const char *insn, *next;
	bool reads;
} stores[] = {
	{ "store", (store_fn *)ud_store, ud_store_insn, ud_store_next },
	{ "inc", (store_fn *)ud_inc, ud_inc_insn, ud_inc_next },
#ifdef __x86_64__
	{ "store, RIP-relative", (store_fn *)ud_store_rip, ud_store_rip_insn,
	  ud_store_rip_next },
#endif
}, *store;

#define for_each_store(s) for (s = stores; s < stores + ARRAY_SIZE(stores); s++)

static void do_stores(void)
{
	int i;

	for (i = 1; i <= STORES; i++)
		store->fn(i, ud_word);
}

static void probe_stores(const char *event)
{
	const struct store *s;

	for_each_store(s)
		us_probe(event, s->insn);
	us_enable(event, true);
}

/*
 * A watchpoint that is hit in a single step is one exception. QEMU's emulation (7.2) makes
 * two of it, the second one in the kernel's entry code, and that never ends.
 */
#define QEMU_SKIP	"QEMU's emulation does not survive a watchpoint hit in a single step"

static bool is_emulated(void)
{
#ifdef __x86_64__
	unsigned int eax, regs[4] = { };

	__cpuid(0x40000000, eax, regs[0], regs[1], regs[2]);
	return !strcmp((char *)regs, "TCGTCGTCGTCG");
#else
	return false;
#endif
}

/* As ud_each_exit(), but for what would be a single step there. */
static int each_exit(int (*fn)(const char *how))
{
	if (!is_emulated())
		return ud_each_exit(fn);
	if (us_mode() != US_ON)
		return us_skip(QEMU_SKIP);
	us_diag("exits trap and jump only: " QEMU_SKIP);
	return ud_run_with("trap", 1, fn) | ud_run_with("jump", 1, fn);
}

/* What the stops, signals or samples of one run say. */
struct seen {
	long n, ip_behind, ip_area, addr_ok, addr_area, other, lost;
	unsigned long ip, addr;		/* of the last one */
	int code;
};

static void print_seen(const char *how, const struct store *s, const char *what,
		       const struct seen *e)
{
	us_diag("%s, %s: %ld %s, ip behind the store %ld, in [uprobes] %ld", how, s->name, e->n,
		what, e->ip_behind, e->ip_area);
	us_diag("  si_addr as native %ld, in [uprobes] %ld; last ip %#lx, si_addr %#lx, code %d",
		e->addr_ok, e->addr_area, e->ip, e->addr, e->code);
}

/* One event a store, and each as without a probe. */
static int check_seen(const char *how, const struct store *s, const char *what,
		      const struct seen *e)
{
	int bad;

	bad = us_check(!e->ip_area && !e->addr_area,
		       "%s, %s: [uprobes] is the ip of %ld %s and the si_addr of %ld", how,
		       s->name, e->ip_area, what, e->addr_area);
	bad |= us_check(e->n == STORES && !e->other, "%s, %s: %d stores, %ld %s, %ld others",
			how, s->name, STORES, e->n, what, e->other);
	bad |= us_check(e->ip_behind == e->n && e->addr_ok == e->n,
			"%s, %s: of %ld %s %ld behind the store, %ld with the right si_addr",
			how, s->name, e->n, what, e->ip_behind, e->addr_ok);
	if (bad)
		print_seen(how, s, what, e);
	return bad;
}

#ifdef __x86_64__
#define DR(n)		((void *)(offsetof(struct user, u_debugreg) + (n) * 8))
#define DR7_WRITE_4	(1 | 0xdul << 16)	/* DR0: writes, 4 bytes */

static void watch_as(pid_t pid, const void *addr, unsigned long dr7)
{
	if (ptrace(PTRACE_POKEUSER, pid, DR(7), 0) ||
	    ptrace(PTRACE_POKEUSER, pid, DR(0), addr) ||
	    ptrace(PTRACE_POKEUSER, pid, DR(7), dr7))
		us_die("PTRACE_POKEUSER, debug registers: %s", strerror(errno));
}

static void watch(pid_t pid, const void *addr)
{
	watch_as(pid, addr, DR7_WRITE_4);
}

static void note_stop(pid_t pid, const struct store *s, struct seen *e)
{
	siginfo_t si;

	if (ptrace(PTRACE_GETSIGINFO, pid, 0, &si))
		us_die("PTRACE_GETSIGINFO: %s", strerror(errno));
	e->n++;
	e->ip = ud_get_ip(pid);
	e->addr = (unsigned long)si.si_addr;
	e->code = si.si_code;
	e->ip_behind += e->ip == (unsigned long)s->next;
	e->addr_ok += e->addr == (unsigned long)s->next && si.si_code == TRAP_HWBKPT;
	e->ip_area += ud_in_area(pid, e->ip);
	e->addr_area += ud_in_area(pid, e->addr);
	if (!(ptrace(PTRACE_PEEKUSER, pid, DR(6), 0) & 1))
		e->other++;
	ptrace(PTRACE_POKEUSER, pid, DR(6), 0);
}

/* A debugger's watchpoint on ud_word, while the tracee does its stores. */
static void watch_stores(const struct store *s, struct seen *e)
{
	pid_t pid;
	int sig;

	memset(e, 0, sizeof(*e));
	store = s;
	pid = ud_start(do_stores);
	watch(pid, ud_word);
	ptrace(PTRACE_CONT, pid, 0, 0);
	while ((sig = ud_next_stop(pid, 20)) > 0) {
		if (sig == SIGTRAP)
			note_stop(pid, s, e);
		else
			e->other++;
		if (e->n + e->other > 4 * STORES)
			break;
		ptrace(PTRACE_CONT, pid, 0, sig == SIGTRAP ? 0 : sig);
	}
	if (sig)
		ud_end(pid);
}

/*
 * A watchpoint's trap and that of a single step are one exception, which stock takes
 * for the end of the step: it stops nobody.
 */
static int ptrace_watch_kind(const char *how)
{
	const struct store *s;
	struct seen e;
	int bad = 0;

	for_each_store(s) {
		watch_stores(s, &e);
		bad |= check_seen("native", s, "stops", &e);
	}
	probe_stores("watch");
	for_each_store(s) {
		watch_stores(s, &e);
		if (us_mode() == US_STOCK && !e.n)
			us_diag("%s, %s: stock loses all %d stops", how, s->name, STORES);
		else
			bad |= check_seen(how, s, "stops", &e);
	}
	return bad | us_check(us_hits("watch") == STORES * ARRAY_SIZE(stores), "%ju hits",
			      us_hits("watch"));
}

#define DR7_EXECUTE	1		/* DR0 */
#define DR7_ACCESS_8	(1 | 0xbul << 16)

static void do_returns(void)
{
	((void (*)(int))ud_returns)(STORES);
}

/* From the first return on: how often the tracee stops for its return address. */
static long watch_returns(const char *how)
{
	struct user_regs_struct regs;
	long stops = 0;
	pid_t pid;
	int sig;

	pid = ud_start(do_returns);
	watch_as(pid, ud_leaf, DR7_EXECUTE);
	ptrace(PTRACE_CONT, pid, 0, 0);
	sig = ud_next_stop(pid, 20);
	if (sig != SIGTRAP || ud_get_ip(pid) != (unsigned long)ud_leaf)
		us_die("%s: no stop at the function, but signal %d", how, sig);
	ud_get_regs(pid, &regs);
	watch_as(pid, (void *)regs.rsp, DR7_ACCESS_8);
	ptrace(PTRACE_CONT, pid, 0, 0);
	while ((sig = ud_next_stop(pid, 20)) == SIGTRAP && stops < 4 * STORES) {
		stops++;
		if (ud_in_area(pid, ud_get_ip(pid)))
			us_diag("%s: a stop in [uprobes], at %#lx", how, ud_get_ip(pid));
		ptrace(PTRACE_CONT, pid, 0, 0);
	}
	if (sig) {
		us_diag("%s: signal %d", how, sig);
		ud_end(pid);
	}
	return stops;
}

/* A call writes the address and its ret reads it, which an emulated ret does not. */
static int return_watch_kind(const char *how)
{
	long native, stops;

	native = watch_returns("native");
	us_probe("leaf", ud_leaf_insn);
	us_enable("leaf", true);
	stops = watch_returns(how);
	return us_check(native == 2 * STORES - 1, "native: %ld stops", native) |
	       us_check(stops == native, "%s: %ld stops, native %ld", how, stops, native) |
	       us_check(us_hits("leaf") == STORES, "%s: %ju hits", how, us_hits("leaf"));
}

int ud_return_watch(void)
{
	int bad;

	if (us_mode() != US_ON)
		return each_exit(return_watch_kind);
	us_knob("emulate", 1);
	if (is_emulated()) {
		us_diag("exits jump only: " QEMU_SKIP);
		bad = ud_run_with("jump", 1, return_watch_kind);
	} else {
		bad = ud_each_exit(return_watch_kind);
	}
	us_knob("emulate", 0);
	return bad;
}

/* Who steps over a store that he watches stops once, and is told both. */
static int step_watched_store(const char *how, const struct store *s)
{
	unsigned long insn = (unsigned long)s->insn, next = (unsigned long)s->next, ip, dr6;
	int bad = 0, sig, stops = 0;
	pid_t pid;

	store = s;
	pid = ud_start(do_stores);
	watch(pid, ud_word);
	do {
		ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
		sig = ud_next_stop(pid, 20);
		ip = ud_get_ip(pid);
	} while (sig == SIGTRAP && ip != insn && ++stops < 3000);
	bad |= us_check(ip == insn, "%s, %s: no stop at the store", how, s->name);
	ptrace(PTRACE_POKEUSER, pid, DR(6), 0);
	ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
	sig = ud_next_stop(pid, 20);
	ip = ud_get_ip(pid);
	dr6 = ptrace(PTRACE_PEEKUSER, pid, DR(6), 0);
	bad |= us_check(sig == SIGTRAP && ip == next && (dr6 & 0x4001) == 0x4001,
			"%s, %s: signal %d, ip %#lx, DR6 %#lx", how, s->name, sig, ip, dr6);
	ptrace(PTRACE_POKEUSER, pid, DR(6), 0);
	ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
	sig = ud_next_stop(pid, 20);
	ip = ud_get_ip(pid);
	dr6 = ptrace(PTRACE_PEEKUSER, pid, DR(6), 0);
	bad |= us_check(sig == SIGTRAP && ip != next && !(dr6 & 1),
			"%s, %s: behind it signal %d, ip %#lx, DR6 %#lx", how, s->name, sig,
			ip, dr6);
	ud_end(pid);
	return bad;
}

static int step_watched_kind(const char *how)
{
	const struct store *s;
	int bad = 0;

	for_each_store(s)
		bad |= step_watched_store("native", s);
	probe_stores("stepwatch");
	for_each_store(s)
		bad |= step_watched_store(how, s);
	return bad;
}

int ud_step_watched(void)
{
	if (is_emulated())
		return us_skip(QEMU_SKIP);
	return ud_each_exit(step_watched_kind);
}
#else
/*
 * On arm64 a watchpoint stops before the store. The debugger takes it away, steps,
 * and puts it back.
 */
static void hw_debug(pid_t pid, int type, const void *addr, unsigned int ctrl)
{
	struct user_hwdebug_state state;
	struct iovec iov = { &state, offsetof(struct user_hwdebug_state, dbg_regs) +
				     sizeof(state.dbg_regs[0]) };

	memset(&state, 0, sizeof(state));
	state.dbg_regs[0].addr = (unsigned long)addr;
	state.dbg_regs[0].ctrl = ctrl;
	if (ptrace(PTRACE_SETREGSET, pid, type, &iov))
		us_die("PTRACE_SETREGSET %#x: %s", type, strerror(errno));
}

#define WATCH_STORE_4	(0xf << 5 | 2 << 3 | 2 << 1 | 1)
#define BREAK_4		(0xf << 5 | 0 << 3 | 2 << 1 | 1)

static void note_stop(pid_t pid, const struct store *s, struct seen *e)
{
	siginfo_t si;

	if (ptrace(PTRACE_GETSIGINFO, pid, 0, &si))
		us_die("PTRACE_GETSIGINFO: %s", strerror(errno));
	e->n++;
	e->ip = ud_get_ip(pid);
	e->addr = (unsigned long)si.si_addr;
	e->code = si.si_code;
	/* "Behind" is on arm64: at the store. */
	e->ip_behind += e->ip == (unsigned long)s->insn;
	e->addr_ok += e->addr == (unsigned long)ud_word && si.si_code == TRAP_HWBKPT;
	e->ip_area += ud_in_area(pid, e->ip);
	e->addr_area += ud_in_area(pid, e->addr);
}

/*
 * Over the store, as a debugger does it: without the watchpoint. Not by a step but with a
 * breakpoint behind, because stock does not report the end of a step over a probe.
 */
static int over_store(pid_t pid, const struct store *s, struct seen *e)
{
	int sig;

	hw_debug(pid, NT_ARM_HW_WATCH, ud_word, 0);
	hw_debug(pid, NT_ARM_HW_BREAK, s->next, BREAK_4);
	ptrace(PTRACE_CONT, pid, 0, 0);
	sig = ud_next_stop(pid, 10);
	if (sig == SIGTRAP && ud_get_ip(pid) != (unsigned long)s->next)
		e->lost++;
	if (sig != SIGTRAP)
		return sig;
	hw_debug(pid, NT_ARM_HW_BREAK, s->next, 0);
	hw_debug(pid, NT_ARM_HW_WATCH, ud_word, WATCH_STORE_4);
	return sig;
}

static void watch_stores(const struct store *s, struct seen *e)
{
	pid_t pid;
	int sig;

	memset(e, 0, sizeof(*e));
	store = s;
	pid = ud_start(do_stores);
	hw_debug(pid, NT_ARM_HW_WATCH, ud_word, WATCH_STORE_4);
	ptrace(PTRACE_CONT, pid, 0, 0);
	while ((sig = ud_next_stop(pid, 10)) > 0) {
		if (sig == SIGTRAP) {
			note_stop(pid, s, e);
			sig = over_store(pid, s, e);
		}
		if (sig <= 0)
			break;
		e->other += sig != SIGTRAP;
		if (e->n + e->other > 4 * STORES)
			break;
		ptrace(PTRACE_CONT, pid, 0, sig == SIGTRAP ? 0 : sig);
	}
	if (sig < 0)
		us_diag("%s: no stop for 10 s after %ld: it spins", s->name, e->n);
	if (sig)
		ud_end(pid);
}

static int ptrace_watch_kind(const char *how)
{
	const struct store *s;
	struct seen e;
	int bad = 0;

	for_each_store(s) {
		watch_stores(s, &e);
		bad |= check_seen("native", s, "stops", &e);
	}
	probe_stores("watch");
	for_each_store(s) {
		watch_stores(s, &e);
		print_seen(how, s, "stops", &e);
		/* There a task never gets over the store. */
		if (us_mode() == US_STOCK)
			continue;
		bad |= check_seen(how, s, "stops", &e);
		bad |= us_check(!e.lost, "%s, %s: %ld stops behind the store are elsewhere",
				how, s->name, e.lost);
	}
	return bad;
}

/*
 * From a breakpoint on a probed instruction a step, with the breakpoint away; another
 * one behind it, because stock does not report the end of a step over a probe.
 */
static int break_and_step(const char *how, pid_t pid, long *steps)
{
	unsigned long ip = ud_get_ip(pid);
	siginfo_t si = { };
	int bad, sig;

	bad = us_check(ip == (unsigned long)ud_store_insn, "%s: a stop at %#lx, not at %p", how,
		       ip, ud_store_insn);
	hw_debug(pid, NT_ARM_HW_BREAK, ud_store_next, BREAK_4);
	ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
	sig = ud_next_stop(pid, 10);
	if (sig != SIGTRAP)
		return us_fail("%s: signal %d instead of a stop behind the probe", how, sig);
	ip = ud_get_ip(pid);
	ptrace(PTRACE_GETSIGINFO, pid, 0, &si);
	*steps += si.si_code == TRAP_TRACE;
	return bad | us_check(ip == (unsigned long)ud_store_next,
			      "%s: a step from the probe ends at %#lx, not at %p", how, ip,
			      ud_store_next);
}

static int break_steps(const char *how)
{
	int bad = 0, sig, rounds;
	long steps = 0;
	pid_t pid;

	store = stores;
	pid = ud_start(do_stores);
	hw_debug(pid, NT_ARM_HW_BREAK, ud_store_insn, BREAK_4);
	ptrace(PTRACE_CONT, pid, 0, 0);
	for (rounds = 0; (sig = ud_next_stop(pid, 10)) == SIGTRAP && !bad; rounds++) {
		bad = break_and_step(how, pid, &steps);
		hw_debug(pid, NT_ARM_HW_BREAK, ud_store_insn, BREAK_4);
		ptrace(PTRACE_CONT, pid, 0, 0);
	}
	if (sig)
		ud_end(pid);
	us_diag("%s: %d breakpoints, %ld steps reported", how, rounds, steps);
	return bad | us_check(!sig && rounds == STORES, "%s: %d rounds of %d, then signal %d",
			      how, rounds, STORES, sig);
}

/* perf's breakpoint on a probed instruction: the kernel itself steps over it. */
static int perf_breaks(const char *how, bool strict)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .size = sizeof(attr),
		.bp_type = HW_BREAKPOINT_X, .bp_addr = (unsigned long)ud_store_insn,
		.bp_len = sizeof(long), .exclude_kernel = 1, .exclude_hv = 1,
	};
	uint64_t n = 0;
	pid_t pid;
	int fd, st;

	store = stores;
	pid = fork();
	if (!pid) {
		fd = syscall(__NR_perf_event_open, &attr, 0, -1, -1, 0);
		if (fd < 0)
			_exit(1);
		do_stores();
		if (*ud_word != STORES || read(fd, &n, sizeof(n)) != sizeof(n))
			_exit(2);
		if (n != STORES)
			us_diag("%s: %d calls, %ju counted", how, STORES, n);
		_exit(n != STORES);
	}
	st = ud_wait(pid);
	us_diag("%s: with perf's breakpoint status %#x", how, st);
	return strict && us_check(!st, "%s: perf's breakpoint on a probe: status %#x", how, st);
}

static int step_after_break_kind(const char *how)
{
	bool strict = us_mode() == US_ON;
	int bad;

	bad = break_steps("native") | perf_breaks("native", true);
	us_probe("hwbreak", ud_store_insn);
	us_enable("hwbreak", true);
	bad |= break_steps(how);
	bad |= us_check(us_hits("hwbreak") == STORES, "%s: %ju hits", how, us_hits("hwbreak"));
	return bad | perf_breaks(how, strict);
}

int ud_step_after_break(void)
{
	return ud_each_exit(step_after_break_kind);
}
#endif

int ud_ptrace_watch(void)
{
	return each_exit(ptrace_watch_kind);
}

/* ---- perf's watchpoints ---------------------------------------------------------- */

static int perf_watch(struct perf_event_attr *attr)
{
	attr->type = PERF_TYPE_BREAKPOINT;
	attr->size = sizeof(*attr);
	attr->bp_type = HW_BREAKPOINT_W;
	attr->bp_addr = (unsigned long)ud_word;
	attr->bp_len = HW_BREAKPOINT_LEN_4;
	attr->exclude_kernel = 1;
	attr->exclude_hv = 1;
	return syscall(__NR_perf_event_open, attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
}

/* Each store once, so that there is an area to look for. */
static void warm_up(void)
{
	for_each_store(store)
		store->fn(1, ud_word);
}

static int count_store(const char *how, const struct store *s)
{
	struct perf_event_attr attr = { };
	int fd = perf_watch(&attr);
	uint64_t n = 0;

	if (fd < 0)
		return us_skip("perf_event_open, breakpoint: %s", strerror(errno));
	store = s;
	do_stores();
	if (read(fd, &n, sizeof(n)) != sizeof(n))
		return us_fail("read of the event: %s", strerror(errno));
	close(fd);
	return us_check(n == STORES, "%s, %s: %d stores, counted %ju", how, s->name, STORES,
			n);
}

static int count_kind(const char *how)
{
	const struct store *s;
	int bad = 0;

	for_each_store(s) {
		bad |= count_store("native", s);
		if (bad & US_SKIP)
			return bad;
	}
	probe_stores("count");
	for_each_store(s)
		bad |= count_store(how, s);
	return bad;
}

int ud_perf_count(void)
{
	return each_exit(count_kind);
}

static struct seen signals;

#ifndef TRAP_PERF
#define TRAP_PERF	6
#endif

static void sigtrap_handler(int sig, siginfo_t *si, void *ctx)
{
	unsigned long ip = US_IP((ucontext_t *)ctx);
	struct seen *e = &signals;

	e->n++;
	e->ip = ip;
	e->addr = (unsigned long)si->si_addr;
	e->code = si->si_code;
#ifdef __x86_64__
	e->ip_behind += ip == (unsigned long)store->next;
#else
	/* Before the store, or behind it. */
	e->ip_behind += ip == (unsigned long)store->insn || ip == (unsigned long)store->next;
#endif
	e->addr_ok += si->si_addr == ud_word && si->si_code == TRAP_PERF;
	e->ip_area += ud_in_area(0, ip);
	e->addr_area += ud_in_area(0, e->addr);
}

static int sigtrap_store(const char *how, const struct store *s)
{
	struct perf_event_attr attr = {
		.sample_period = 1, .sigtrap = 1, .remove_on_exec = 1,
	};
	int fd;

	memset(&signals, 0, sizeof(signals));
	store = s;
	fd = perf_watch(&attr);
	if (fd < 0)
		return us_skip("perf_event_open, sigtrap: %s", strerror(errno));
	do_stores();
	close(fd);
	return check_seen(how, s, "signals", &signals);
}

static int sigtrap_kind(const char *how)
{
	const struct store *s;
	int bad = 0;

	ud_handler(SIGTRAP, sigtrap_handler);
	for_each_store(s) {
		bad |= sigtrap_store("native", s);
		if (bad & US_SKIP)
			return bad;
	}
	probe_stores("sigtrap");
	warm_up();
	for_each_store(s)
		bad |= sigtrap_store(how, s);
	return bad;
}

int ud_perf_sigtrap(void)
{
#ifndef __x86_64__
	return us_skip("x86 only: on arm64 the signal comes again and again, without a probe");
#endif
	return each_exit(sigtrap_kind);
}

/* The ips of the samples in a ring buffer of perf's. */
static void read_samples(const struct perf_event_mmap_page *m, const struct store *s,
			 struct seen *e)
{
	const char *data = (const char *)m + m->data_offset;
	const struct {
		struct perf_event_header h;
		uint64_t ip;
	} *r;
	uint64_t at;

	for (at = m->data_tail; at < m->data_head; at += r->h.size) {
		r = (const void *)(data + at % m->data_size);
		if (r->h.type != PERF_RECORD_SAMPLE)
			continue;
		e->n++;
		e->ip = r->ip;
#ifdef __x86_64__
		e->ip_behind += r->ip == (unsigned long)s->next;
#else
		e->ip_behind += r->ip == (unsigned long)s->insn;
#endif
		e->ip_area += ud_in_area(0, r->ip);
	}
}

/* A sample is taken in the slot, as on stock; there is one a store. */
static int sample_store(const char *how, const struct store *s, bool native)
{
	struct perf_event_attr attr = { .sample_period = 1, .sample_type = PERF_SAMPLE_IP };
	size_t size = 3 * getpagesize();
	struct seen e = { };
	int fd, bad;
	void *m;

	fd = perf_watch(&attr);
	if (fd < 0)
		return us_skip("perf_event_open, sampling: %s", strerror(errno));
	m = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (m == MAP_FAILED)
		return us_fail("mmap of the event: %s", strerror(errno));
	store = s;
	do_stores();
	read_samples(m, s, &e);
	munmap(m, size);
	close(fd);
	us_diag("%s, %s: %ld samples; ip behind the store %ld, in [uprobes] %ld", how, s->name,
		e.n, e.ip_behind, e.ip_area);
	bad = us_check(e.n == STORES, "%s, %s: %d stores, %ld samples", how, s->name, STORES,
		       e.n);
	return bad | us_check(e.ip_behind + (native ? 0 : e.ip_area) == e.n,
			      "%s, %s: last sample at %#lx", how, s->name, e.ip);
}

static int sample_kind(const char *how)
{
	const struct store *s;
	int bad = 0;

	for_each_store(s) {
		bad |= sample_store("native", s, true);
		if (bad & US_SKIP)
			return bad;
	}
	probe_stores("sample");
	for_each_store(s)
		bad |= sample_store(how, s, false);
	return bad;
}

int ud_perf_samples(void)
{
	return each_exit(sample_kind);
}
