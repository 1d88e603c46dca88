// SPDX-License-Identifier: GPL-2.0
/*
 * Description: what probe handlers do to the task that hit the probe (P9). BPF
 * programs send signals and write registers. A signal of a handler's is not a
 * fault of the instruction, whatever its si_code says, and a fault stays one.
 *
 *	handlers [TEXT]		all cases, or those with TEXT in their names
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "common.h"
#include "handlers.h"
#include "settings.h"

#ifndef BUS_MCEERR_AO
#define BUS_MCEERR_AO	5
#endif

/* ---- contexts ----------------------------------------------------------------- */

static unsigned long area_start, area_end;
static long handled, in_area, tf_seen;

static void add(long *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
}

static bool has_tf(ucontext_t *uc)
{
#ifdef __x86_64__
	return uc->uc_mcontext.gregs[REG_EFL] & 0x100;
#else
	return uc->uc_mcontext.pstate & (1ul << 21);	/* SS */
#endif
}

static void check_context(ucontext_t *uc)
{
	unsigned long ip = US_IP(uc);

	add(&handled);
	if (ip >= area_start && ip < area_end)
		add(&in_area);
	if (has_tf(uc))
		add(&tf_seen);
}

static int check_contexts(void)
{
	return us_check(!in_area && !tf_seen,
			"%s: of %ld signals %ld with ip in [uprobes], %ld with TF",
			setting_name(), handled, in_area, tf_seen);
}

static void set_handler(int sig, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO };

	sigaction(sig, &sa, NULL);
}

/* ---- hitting ------------------------------------------------------------------- */

static void probe_targets(const char *event)
{
	const struct ht_target *t;

	for_each_ht(t)
		us_probe(event, t->insn);
}

static int call(const struct ht_target *t, int *data)
{
	static __thread long calls;
	long x = ++calls;

	return t->fn(x, data) != x + 7;
}

static int call_all(int *data)
{
	const struct ht_target *t;
	int wrong = 0;

	for_each_ht(t)
		wrong += call(t, data);
	return wrong;
}

/* Once with probes: then there is an area to look for. They stay enabled. */
static int first_hits(const char *event)
{
	int data[4] = HT_DATA, bad;

	us_enable(event, true);
	bad = us_check(!call_all(data), "%s: wrong values", setting_name());
	if (!us_area(0, &area_start, &area_end))
		us_die("no [uprobes] in /proc/self/maps after a hit");
	return bad;
}

/* An event is either for tracefs or for perf. */
static int attach_to(const char *event, int prog)
{
	int fd;

	us_enable(event, false);
	fd = bpf_attach(prog, event);
	if (fd < 0)
		us_fail("cannot attach a program to %s: %s", event, strerror(-fd));
	return fd;
}

/* ---- a handler sends a signal ------------------------------------------------------ */

/* One series of hits of one target. @most signals end it: it would not end itself. */
static struct series {
	const struct ht_target *target;
	int fd;
	long most, wrong_ip, wrong_info;
	unsigned long ip;
	bool endless;
} series;

/* It was there before the hit was over: it comes behind the instruction. */
static void series_handler(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	check_context(uc);
	if (US_IP(uc) != (__typeof__(US_IP(uc)))series.target->next) {
		series.wrong_ip++;
		series.ip = US_IP(uc);
	}
	if (si->si_code != SI_KERNEL || si->si_addr)
		series.wrong_info++;
	if (handled > series.most && series.fd >= 0) {
		series.endless = true;
		close(series.fd);
		series.fd = -1;
	}
}

static int start_series(const char *event, int sig)
{
	int prog;

	if (series.fd >= 0)
		return 0;
	prog = bpf_send(sig);
	if (prog < 0)
		return us_skip("bpf_send_signal_thread(): %s", strerror(-prog));
	series.fd = attach_to(event, prog);
	return series.fd < 0;
}

static int check_series(int sig, long calls)
{
	const char *name = series.target->name;

	if (series.endless)
		return us_fail("%s: %s, signal %d: endless: %ld signals in the first of %ld calls",
			       setting_name(), name, sig, handled, calls);
	return us_check(handled == calls, "%s: %s, signal %d: %ld calls, %ld signals",
			setting_name(), name, sig, calls, handled) |
	       us_check(!series.wrong_ip, "%s: %s, signal %d: %ld not behind it: ip %#lx",
			setting_name(), name, sig, series.wrong_ip, series.ip) |
	       us_check(!series.wrong_info, "%s: %s, signal %d: %ld not SI_KERNEL",
			setting_name(), name, sig, series.wrong_info);
}

/* An endless one leaves the rest of its calls. */
static int series_calls(const struct ht_target *t, const char *event, int sig, long calls)
{
	int bad, data[4] = HT_DATA;
	uint64_t hits;
	long i;

	bad = start_series(event, sig);
	if (bad)
		return bad;
	series.target = t;
	series.most = 2 * calls;
	series.wrong_ip = series.wrong_info = 0;
	series.endless = false;
	handled = 0;
	hits = us_hits(event);
	for (i = 0; i < calls && !series.endless; i++)
		bad |= us_check(!call(t, data), "%s: wrong value", t->name);
	hits = us_hits(event) - hits;
	bad |= check_series(sig, calls);
	bad |= us_check(hits == (uint64_t)calls, "%s: %s, signal %d: %ld calls, %ju hits",
			setting_name(), t->name, sig, calls, hits);
	return bad | us_check(!t->counts || (data[1] == i && !data[2]),
			      "%s: %s, signal %d: executed %d times in %ld calls",
			      setting_name(), t->name, sig, data[1], i);
}

static const int signals[] = { SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGUSR1 };

static int send_one(int sig)
{
	long calls = us_scaled(20);
	const struct ht_target *t;
	int bad = 0;

	set_handler(sig, series_handler);
	series.fd = -1;
	for_each_ht(t)
		bad |= series_calls(t, "send", sig, calls);
	close(series.fd);
	return bad;
}

static int sends_setting(void)
{
	unsigned int i;
	int bad, prog;

	prog = bpf_send(SIGUSR1);
	if (prog < 0)
		return us_skip("bpf_send_signal_thread(): %s", strerror(-prog));
	close(prog);
	probe_targets("send");
	bad = first_hits("send");
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		bad |= send_one(signals[i]);
	return bad | check_contexts();
}

static int sends(void)
{
	return each_setting(sends_setting, 60);
}

/* ---- a signal that looks like a fault is blocked, the handler sends another ---------- */

static void queue_blocked(int sig, int code)
{
	siginfo_t si = { .si_signo = sig, .si_code = code };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, sig);
	if (sigprocmask(SIG_BLOCK, &set, NULL) ||
	    syscall(SYS_rt_tgsigqueueinfo, getpid(), gettid(), sig, &si))
		us_die("signal %d to myself: %s", sig, strerror(errno));
}

static int blocked_setting(void)
{
	int bad, prog;

	prog = bpf_send(SIGUSR1);
	if (prog < 0)
		return us_skip("bpf_send_signal_thread(): %s", strerror(-prog));
	close(prog);
	probe_targets("send");
	bad = first_hits("send");
	queue_blocked(SIGSEGV, SI_KERNEL);
	queue_blocked(SIGBUS, BUS_MCEERR_AO);
	return bad | send_one(SIGUSR1) | check_contexts();
}

static int blocked(void)
{
	return each_setting(blocked_setting, 60);
}

/* ---- signals from elsewhere ---------------------------------------------------------- */

static void elsewhere_handler(int sig, siginfo_t *si, void *ctx)
{
	check_context(ctx);
}

static long rounds_signals, rounds_hits;	/* in all, of a setting */

/*
 * Rounds until so many signals came, at whatever points. Each call is one hit and
 * executes once, else what came between was taken for a fault.
 */
static int rounds_with(const char *event, int sig, long wanted)
{
	double end = us_deadline(4 * us_scaled(1));
	int data[4] = HT_DATA, wrong = 0;
	const struct ht_target *t;
	uint64_t hits = us_hits(event);
	long rounds = 0, counts = 0;

	handled = 0;
	for (; READ_ONCE(handled) < wanted && us_now() < end; rounds++)
		wrong += call_all(data);
	hits = us_hits(event) - hits;
	for_each_ht(t)
		counts += t->counts;
	rounds_signals += handled;
	rounds_hits += hits;
	return us_check(!wrong, "%s: signal %d: %d wrong values", setting_name(), sig, wrong) |
	       us_check(handled >= wanted / 10, "%s: signal %d: only %ld signals",
			setting_name(), sig, handled) |
	       us_check(hits == (uint64_t)rounds * NR_HT && data[1] == rounds * counts,
			"%s: signal %d: %ld rounds of %ld, %ju hits, %d times executed",
			setting_name(), sig, rounds, (long)NR_HT, hits, data[1]);
}

/* A perf event's timer runs the program, often while the kernel handles a hit. */
static int timer_one(int sig)
{
	int prog = bpf_send_from_timer(sig), fd, bad;

	if (prog < 0)
		return us_skip("a program for perf events: %s", strerror(-prog));
	set_handler(sig, elsewhere_handler);
	fd = bpf_attach_timer(prog, 1000000);
	if (fd < 0)
		return us_fail("a timer: %s", strerror(-fd));
	bad = rounds_with("timer", sig, us_scaled(100));
	close(fd);
	return bad;
}

static int timer_setting(void)
{
	unsigned int i;
	int bad, ret;

	probe_targets("timer");
	bad = first_hits("timer");
	for (i = 0; i < ARRAY_SIZE(signals); i++) {
		ret = timer_one(signals[i]);
		if (ret == US_SKIP)
			return bad | ret;
		bad |= ret;
	}
	us_diag("%s: %ld signals in %ld hits", setting_name(), rounds_signals, rounds_hits);
	return bad | check_contexts();
}

static int timer(void)
{
	return each_setting(timer_setting, 60);
}

struct sender {
	pthread_t thread;
	pid_t to;
	bool stop;
};

static void *sender_main(void *arg)
{
	struct sender *s = arg;
	sigset_t all;
	long n;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	for (n = 0; !READ_ONCE(s->stop); n++) {
		tgkill(getpid(), s->to, signals[n % ARRAY_SIZE(signals)]);
		usleep(n * 37 % 1000);
	}
	return NULL;
}

static int tgkill_setting(void)
{
	struct sender s = { .to = gettid() };
	unsigned int i;
	int bad;

	probe_targets("tgkill");
	bad = first_hits("tgkill");
	for (i = 0; i < ARRAY_SIZE(signals); i++)
		set_handler(signals[i], elsewhere_handler);
	if (pthread_create(&s.thread, NULL, sender_main, &s))
		us_die("pthread_create");
	bad |= rounds_with("tgkill", 0, us_scaled(200));
	WRITE_ONCE(s.stop, true);
	pthread_join(s.thread, NULL);
	return bad | check_contexts();
}

static int tgkills(void)
{
	return each_setting(tgkill_setting, 60);
}

/* ---- faults of the instruction ------------------------------------------------------- */

static struct fault {
	int count, sig, code;
	unsigned long ip, addr;
	enum fix { FIX_ARG, FIX_DIVISOR, FIX_MPROTECT, FIX_TRUNCATE, FIX_SKIP } fix;
	void *page;
	int fd, skip;
	int others;		/* the handler's, of the signal that is no fault */
	int at;			/* for same() */
} fault;

static int good_word = HT_WORD;

static void fix_argument(ucontext_t *uc)
{
#ifdef __x86_64__
	uc->uc_mcontext.gregs[REG_RDI] = (long)&good_word;
#else
	uc->uc_mcontext.regs[0] = (long)&good_word;
#endif
}

static void fix_divisor(ucontext_t *uc)
{
#ifdef __x86_64__
	uc->uc_mcontext.gregs[REG_RSI] = 6;
#endif
}

static void fix(ucontext_t *uc)
{
	switch (fault.fix) {
	case FIX_ARG:
		fix_argument(uc);
		break;
	case FIX_DIVISOR:
		fix_divisor(uc);
		break;
	case FIX_MPROTECT:
		mprotect(fault.page, 4096, PROT_READ | PROT_WRITE);
		break;
	case FIX_TRUNCATE:
		if (ftruncate(fault.fd, 4096))
			fault.count += 1000;
		break;
	case FIX_SKIP:
		US_IP(uc) += fault.skip;
		break;
	}
}

static void fault_handler(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	check_context(uc);
	fault.count++;
	fault.sig = sig;
	fault.code = si->si_code;
	fault.addr = (unsigned long)si->si_addr;
	fault.ip = US_IP(uc);
	fix(uc);
}

/* What the signal said: sig, ip and addr as they must be, the code as with enable 0. */
static int check_fault(const char *what, int sig, const void *ip, const void *addr)
{
	int bad;

	bad = us_check(fault.count == 1 && fault.sig == sig &&
		       fault.ip == (unsigned long)ip && fault.addr == (unsigned long)addr,
		       "%s: %s: %d signals, %d, ip %#lx, si_addr %#lx; expected %d, %p, %p",
		       setting_name(), what, fault.count, fault.sig, fault.ip, fault.addr,
		       sig, ip, addr);
	bad |= same(&fault.at, fault.code, what);
	fault.count = 0;
	return bad;
}

static int fault_loads(void)
{
	int bad, v;

	fault.fix = FIX_ARG;
	v = ((int (*)(void *))ht_load)((void *)0x10008);
	bad = us_check(v == HT_WORD, "load: %d", v);
	bad |= check_fault("load, unmapped", SIGSEGV, ht_load_insn, (void *)0x10008);
#ifdef __x86_64__
	/* A general protection: si_addr tells nothing, and si_code is SI_KERNEL. */
	v = ((int (*)(void *))ht_load)((void *)0x8000000000000000);
	bad |= us_check(v == HT_WORD && fault.code == SI_KERNEL, "load: %d, code %d", v,
			fault.code);
	bad |= check_fault("load, not canonical", SIGSEGV, ht_load_insn, NULL);
#endif
	fault.fix = FIX_MPROTECT;
	fault.page = ht_page;
	mprotect(ht_page, 4096, PROT_NONE);
	v = ((int (*)(void))ht_load_rip)();
	bad |= us_check(v == HT_WORD, "relative load: %d", v);
	return bad | check_fault("load, relative", SIGSEGV, ht_load_rip_insn, ht_page);
}

static int fault_stores(void)
{
	int bad, v, *page;

	fault.fix = FIX_MPROTECT;
	page = fault.page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	v = ((int (*)(void *))ht_store)(page + 1);
	bad = us_check(v == HT_WORD && page[1] == HT_WORD, "store: %d, %d", v, page[1]);
	bad |= check_fault("store, read-only", SIGSEGV, ht_store_insn, page + 1);
	munmap(page, 4096);

	fault.fix = FIX_TRUNCATE;
	fault.fd = memfd_create("fault", 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fault.fd, 0);
	v = ((int (*)(void *))ht_store)(page + 2);
	bad |= us_check(v == HT_WORD && page[2] == HT_WORD, "store: %d, %d", v, page[2]);
	bad |= check_fault("store, behind the file", SIGBUS, ht_store_insn, page + 2);
	munmap(page, 4096);
	close(fault.fd);
	return bad;
}

static int fault_undefined(const char *what, char *fn, const void *insn, int len)
{
	int v;

	fault.fix = FIX_SKIP;
	fault.skip = len;
	v = ((int (*)(void))fn)();
	return us_check(v == HT_WORD, "%s: %d", what, v) |
	       check_fault(what, SIGILL, insn, insn);
}

static int fault_others(void)
{
	int bad = fault_undefined("undefined", ht_ud, ht_ud_insn, 4);
#ifdef __x86_64__
	int v;

	bad |= fault_undefined("ud2", ht_ud2, ht_ud2_insn, 2);
	fault.fix = FIX_DIVISOR;
	v = ((int (*)(int, int))ht_div)(42, 0);
	bad |= us_check(v == 7, "division: %d", v);
	bad |= check_fault("division", SIGFPE, ht_div_insn, ht_div_insn);
#endif
	return bad;
}

/* Not all of them can be probed everywhere: then they fault without a probe. */
static void try_probe(const char *event, const void *insn)
{
	us_probe(event, insn);
	if (us_try_enable(event, true)) {
		us_diag("%s cannot be probed", event);
		us_events_write("-:" GROUP "/%s\n", event);
	}
}

static void probe_faults(void)
{
	us_probe("fault", ht_load_insn);
	us_probe("fault", ht_load_rip_insn);
	us_probe("fault", ht_store_insn);
	try_probe("ud", ht_ud_insn);
#ifdef __x86_64__
	us_probe("fault", ht_div_insn);
	try_probe("ud2", ht_ud2_insn);
#endif
	probe_targets("target");
	us_enable("fault", true);
}

static int fault_rounds(void)
{
	int bad = 0, i;

	set_handler(SIGSEGV, fault_handler);
	set_handler(SIGBUS, fault_handler);
	set_handler(SIGFPE, fault_handler);
	set_handler(SIGILL, fault_handler);
	for (i = 0; i < 5; i++)
		bad |= fault_loads() | fault_stores() | fault_others();
	bad |= same(&fault.at, us_hits("fault"), "hits");
	bad |= same(&fault.at, us_hits("ud"), "hits of an undefined one");
	return bad | same(&fault.at, us_hits("ud2"), "hits of ud2");
}

static int faults_setting(void)
{
	int bad;

	probe_faults();
	bad = first_hits("target");
	return bad | fault_rounds() | check_contexts();
}

static int faults(void)
{
	return each_setting(faults_setting, 60);
}

/* The handler sends SIGUSR1 too: one with each hit, the faults as before. */
static void other_handler(int sig, siginfo_t *si, void *ctx)
{
	check_context(ctx);
	fault.others++;
}

static int faults_too_setting(void)
{
	int bad, prog = bpf_send(SIGUSR1), fd;

	if (prog < 0)
		return us_skip("bpf_send_signal_thread(): %s", strerror(-prog));
	probe_faults();
	bad = first_hits("target");
	set_handler(SIGUSR1, other_handler);
	fd = attach_to("fault", prog);
	if (fd < 0)
		return 1;
	bad |= fault_rounds();
	bad |= us_check(fault.others > 0, "no SIGUSR1");
	bad |= same(&fault.at, fault.others, "SIGUSR1");
	close(fd);
	return bad | check_contexts();
}

static int faults_too(void)
{
	return each_setting(faults_too_setting, 60);
}

/*
 * The handler sends the signal that the instruction's fault sends as well. The
 * kernel keeps the first of the two. It must say where the fault was.
 */
static long faults_both;

static void both_handler(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	check_context(uc);
	if (++faults_both == 1) {
		fault.ip = US_IP(uc);
		fault.code = si->si_code;
		fault.addr = (unsigned long)si->si_addr;
		fix_argument(uc);
	}
	if (faults_both > 100 && series.fd >= 0) {
		close(series.fd);
		series.fd = -1;
	}
}

static int both_once(void)
{
	int v, bad;

	faults_both = 0;
	v = ((int (*)(void *))ht_load)((void *)0x10008);
	bad = us_check(v == HT_WORD, "load: %d", v);
	bad |= us_check(faults_both < 100, "%s: endless", setting_name());
	bad |= same(&fault.at, faults_both, "signals");
	bad |= same(&fault.at, fault.ip - (unsigned long)ht_load_insn, "ip");
	bad |= same(&fault.at, fault.code, "code");
	return bad | same(&fault.at, fault.addr, "si_addr");
}

static int both_setting(void)
{
	int bad, ret, i;

	us_probe("fault", ht_load_insn);
	us_enable("fault", true);
	probe_targets("target");
	bad = first_hits("target");
	set_handler(SIGSEGV, both_handler);
	series.fd = -1;
	for (i = 0; i < 10; i++) {
		ret = start_series("fault", SIGSEGV);
		if (ret)
			return bad | ret;
		bad |= both_once();
	}
	close(series.fd);
	bad |= same(&fault.at, us_hits("fault"), "hits");
	return bad | check_contexts();
}

static int both(void)
{
	return each_setting(both_setting, 60);
}

/* ---- a program writes registers ----------------------------------------------------------- */

#ifdef __x86_64__

/* Offsets in struct pt_regs. */
#define PT_BX	40
#define PT_SI	104
#define PT_DI	112
#define PT_IP	128
#define PT_SP	152

static int attach_writer(int prog, const char *event)
{
	if (prog == -EACCES || prog == -EINVAL)
		return us_skip("a program may not write registers in this kernel");
	if (prog < 0)
		return us_fail("a program that writes registers: %s", strerror(-prog));
	series.fd = attach_to(event, prog);
	return series.fd < 0;
}

/* Executions out of line, shared or not, of the whole system. */
static uint64_t executions(void)
{
	struct us_stats s;

	if (us_mode() == US_STOCK)
		return 0;
	us_stats(&s);
	return us_stat(&s, "slot_hit") + us_stat(&s, "slot_miss") + us_stat(&s, "slot_write");
}

/* The counts of slots at @n hits of the landing: none. */
static int ip_calls(const struct ht_target *t)
{
	int data[4] = HT_DATA, bad = 0, i, n = 20;
	uint64_t hits = us_hits(t->name), before = executions();
	long v;

	for (i = 0; i < n; i++) {
		v = t->fn(i, data);
		bad |= us_check(v == HT_LANDED, "%s: %s: returned %ld", setting_name(),
				t->name, v);
	}
	bad |= us_check(!data[1], "%s: %s: executed %d times", setting_name(), t->name, data[1]);
	bad |= us_check(us_hits(t->name) - hits == (uint64_t)n, "%s: %s: %d calls, %ju hits",
			setting_name(), t->name, n, us_hits(t->name) - hits);
	return bad | us_check(executions() == before,
			      "%s: %s: %ju executions out of line of what was left out",
			      setting_name(), t->name, executions() - before);
}

static int ip_setting(void)
{
	int data[4] = HT_DATA, bad = 0, ret;
	const struct ht_target *t;

	for_each_ht(t) {
		if (!t->first)
			continue;
		us_probe(t->name, t->insn);
		us_enable(t->name, true);
		/* In a slot already, if it ever is. */
		bad |= us_check(!call(t, data), "%s: wrong value", t->name);
		ret = attach_writer(bpf_set_reg(PT_IP, (unsigned long)ht_landing), t->name);
		if (ret)
			return bad | ret;
		bad |= ip_calls(t);
		close(series.fd);
		us_enable(t->name, true);
		bad |= us_check(!call(t, data), "%s: wrong value afterwards", t->name);
	}
	return bad;
}

static int writes_ip(void)
{
	return each_setting(ip_setting, 60);
}

/* @fn(a, b) with @prog on its instruction returns @with, before and after @without. */
static int with_writer(const char *name, char *fn, const void *insn, int prog,
		       long with, long without)
{
	long (*f)(long, long) = (long (*)(long, long))fn, v;
	int bad = 0, ret, i;
	uint64_t hits;

	us_probe(name, insn);
	us_enable(name, true);
	v = f(3, 5);
	bad |= us_check(v == without, "%s: %s: %ld without a program, not %ld",
			setting_name(), name, v, without);
	ret = attach_writer(prog, name);
	if (ret)
		return bad | ret;
	hits = us_hits(name);
	for (i = 0; i < 20; i++) {
		v = f(3, 5);
		bad |= us_check(v == with, "%s: %s: %ld, expected %ld", setting_name(), name,
				v, with);
	}
	bad |= us_check(us_hits(name) - hits == 20, "%s: %s: 20 calls, %ju hits",
			setting_name(), name, us_hits(name) - hits);
	close(series.fd);
	us_enable(name, true);
	v = f(3, 5);
	return bad | us_check(v == without, "%s: %s: %ld afterwards, not %ld", setting_name(),
			      name, v, without);
}

static int sp_setting(void)
{
	int bad, ret;

	bad = with_writer("pop", ht_pop, ht_pop_insn, bpf_add_reg(PT_SP, 8), 3, 5);
	if (bad == US_SKIP)
		return bad;
	ret = with_writer("ret", ht_ret, ht_ret_insn, bpf_add_reg(PT_SP, 8), 2, 1);
	return bad | ret;
}

static int writes_sp(void)
{
	return each_setting(sp_setting, 60);
}

/* More than 32 bits, and no address: whoever uses it as one faults. */
#define ODD	0x123456789abcdef0

static int scratch_setting(void)
{
	int bad;

	bad = with_writer("si", ht_si, ht_si_insn, bpf_set_reg(PT_SI, ODD), ODD, 1);
	if (bad == US_SKIP)
		return bad;
	bad |= with_writer("di", ht_di, ht_di_insn, bpf_set_reg(PT_DI, ODD), ODD, 1);
	if (__builtin_cpu_supports("avx"))
		bad |= with_writer("bx", ht_bx, ht_bx_insn, bpf_set_reg(PT_BX, ODD), ODD, 1);
	else
		us_diag("no AVX: nothing with rbx");
	/* And an operand. */
	return bad | with_writer("add", ht_add, ht_add_insn, bpf_set_reg(PT_DI, 40), 47, 10);
}

static int writes_scratch(void)
{
	return each_setting(scratch_setting, 60);
}

#endif

/* ---- the cases ---------------------------------------------------------------------------- */

static const struct us_case cases[] = {
	{ "a handler sends a signal (P9)", sends, US_ON_OFF, 240 },
	{ "a handler sends a signal, faults are blocked (P9)", blocked, US_ON_OFF, 240 },
	{ "a timer's program sends a signal (P9)", timer, US_ON_OFF, 360 },
	{ "a thread sends signals that mean faults (P9)", tgkills, US_ON_OFF, 240 },
	{ "faults of the instruction (P9)", faults, US_ON_OFF, 240 },
	{ "faults of the instruction, a signal with each (P9)", faults_too, US_ON_OFF, 240 },
	{ "a fault, and the same signal from a handler (P9)", both, US_ON_OFF, 240 },
#ifdef __x86_64__
	{ "a handler changes ip (P9)", writes_ip, US_ON_OFF, 240 },
	{ "a handler changes sp (P9)", writes_sp, US_ON_OFF, 240 },
	{ "a handler changes the scratch register (P9)", writes_scratch, US_ON_OFF, 240 },
#endif
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
	if (!n) {
		fprintf(stderr, "handlers: no case has '%s' in its name\n", argv[1]);
		return 2;
	}
	return us_run(chosen, n);
}
