// SPDX-License-Identifier: GPL-2.0
/* exits_stops.c - who stops a task that hits probes, and looks at it */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/hw_breakpoint.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include "exits.h"

/* ---- ptrace ------------------------------------------------------------------- */

static struct shared {
	bool stop;
	long rounds, wrong;
} *shared;

static void *share(size_t size)
{
	return mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1,
		    0);
}

/* A child that hits until shared->stop. */
static pid_t start_hitting(void)
{
	int data[4] = DATA;
	pid_t pid;

	shared = share(sizeof(*shared));
	pid = fork();
	if (pid)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!READ_ONCE(shared->stop)) {
		shared->wrong += call_all(data);
		WRITE_ONCE(shared->rounds, shared->rounds + 1);
	}
	_exit(data[1] != shared->rounds);
}

static void wait_rounds(long rounds)
{
	while (READ_ONCE(shared->rounds) < rounds)
		usleep(1000);
}

static int stop_hitting(pid_t pid, const char *event)
{
	int st, bad;

	WRITE_ONCE(shared->stop, true);
	st = wait_status(pid);
	bad = us_check(!st, "status %#x", st);
	bad |= us_check(!shared->wrong, "%ld wrong values", shared->wrong);
	return bad | us_check(us_hits(event) == (uint64_t)shared->rounds * NR_TARGETS,
			      "%ld hits, %ju counted", shared->rounds * NR_TARGETS,
			      us_hits(event));
}

static void get_regs(pid_t pid, struct user_regs_struct *r)
{
	if (ptrace(PTRACE_GETREGS, pid, 0, r))
		us_die("PTRACE_GETREGS: %s", strerror(errno));
}

/* One PTRACE_INTERRUPT, and @go_on; whether @pid stopped. */
static bool sample(pid_t pid, enum __ptrace_request go_on)
{
	struct user_regs_struct r;
	int st;

	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	if (waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st))
		return false;
	get_regs(pid, &r);
	add(&handled);
	if (in_uprobes(r.rip))
		add(&in_area);
	if (r.eflags & TF)
		add(&tf_seen);
	ptrace(go_on, pid, 0, 0);
	return true;
}

/* Come, look and go, as a checkpoint does. */
static int look_at(pid_t pid)
{
	if (ptrace(PTRACE_SEIZE, pid, 0, 0))
		us_die("PTRACE_SEIZE: %s", strerror(errno));
	return us_check(sample(pid, PTRACE_DETACH), "the tracee did not stop");
}

static int interrupt_kind(void)
{
	double end = us_deadline(15);
	long samples = us_scaled(3000), spin;
	struct us_stats a;
	pid_t pid;
	int bad = 0;

	probe_targets("intr");
	us_enable("intr", true);
	stats_before(&a);
	pid = start_hitting();
	wait_rounds(1);
	if (!us_area(pid, &area_start, &area_end))
		us_die("no [uprobes]");
	if (ptrace(PTRACE_SEIZE, pid, 0, 0))
		us_die("PTRACE_SEIZE: %s", strerror(errno));
	while (handled < samples && us_now() < end && !bad) {
		bad = us_check(sample(pid, PTRACE_CONT), "the tracee is gone");
		for (spin = 0; spin < handled * 37 % 3000; spin++)
			asm volatile("" : : : "memory");
	}
	us_diag("%s, emulate %d: %ld samples, %ld rounds, %ld promoted", kind->exits,
		kind->emulate, handled, shared->rounds, promoted(&a));
	bad |= us_check(handled >= samples, "%ld samples, expected %ld", handled, samples);
	ptrace(PTRACE_INTERRUPT, pid, 0, 0);
	waitpid(pid, NULL, 0);
	ptrace(PTRACE_DETACH, pid, 0, 0);
	return bad | stop_hitting(pid, "intr") | check_contexts();
}

int interrupt(void)
{
	return each_kind(interrupt_kind);
}

/* A stopped child that will run t->fn(1, data) and then meet a breakpoint. */
static pid_t start_tracee(const struct target *t)
{
	static int data[4];
	struct user_regs_struct r;
	pid_t pid;
	int st;

	memcpy(data, (int [4])DATA, sizeof(data));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		ptrace(PTRACE_TRACEME, 0, 0, 0);
		raise(SIGSTOP);
		_exit(1);
	}
	if (waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st))
		us_die("the tracee did not stop");
	get_regs(pid, &r);
	r.rsp = (r.rsp & ~15ul) - 512 - 8;
	r.rip = (unsigned long)t->fn;
	r.orig_rax = -1;
	r.rdi = 1;
	r.rsi = (unsigned long)data;
	if (ptrace(PTRACE_SETREGS, pid, 0, &r) ||
	    ptrace(PTRACE_POKEDATA, pid, r.rsp, ux_stop))
		us_die("cannot set the tracee up: %s", strerror(errno));
	return pid;
}

#define MAX_STEPS	40

/* Step to the breakpoint; the ips on the way. */
static int step_through(const struct target *t, unsigned long *ips)
{
	pid_t pid = start_tracee(t);
	struct user_regs_struct r;
	int bad, st, n = 0;

	do {
		ptrace(PTRACE_SINGLESTEP, pid, 0, 0);
		if (waitpid(pid, &st, 0) != pid || !WIFSTOPPED(st) ||
		    WSTOPSIG(st) != SIGTRAP)
			us_die("%s, step %d: status %#x", t->name, n, st);
		get_regs(pid, &r);
		ips[n] = r.rip;
	} while (r.rip != (unsigned long)ux_stop && ++n < MAX_STEPS);
	bad = us_check(r.rax == 8, "%s: result %lld", t->name, r.rax);
	kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
	return bad;
}

/* The same stops with a probe as without. */
static int single_step_kind(void)
{
	static unsigned long without[32][MAX_STEPS], with[MAX_STEPS];
	int bad = 0, i = 0, n;
	const struct target *t;

	for_each_target(t)
		bad |= step_through(t, without[i++]);
	probe_targets("step");
	us_enable("step", true);
	i = 0;
	for_each_target(t) {
		memset(with, 0, sizeof(with));
		bad |= step_through(t, with);
		for (n = 0; n < MAX_STEPS && !bad; n++)
			bad |= us_check(with[n] == without[i][n],
					"%s: stop %d at %#lx, without a probe %#lx",
					t->name, n, with[n], without[i][n]);
		i++;
	}
	return bad | us_check(us_hits("step") == (uint64_t)NR_TARGETS, "%ju hits",
			      us_hits("step"));
}

int single_step(void)
{
	return each_kind(single_step_kind);
}

/* ---- a breakpoint behind the copy ------------------------------------------------- */

/* Where the slot is that @t was last hit in. */
static unsigned long slot_of(const struct target *t)
{
	unsigned long ip, slot, found = 0;
	char *trace = us_trace_read();
	const char *p;

	for (p = strstr(trace, ": ip="); p; p = strstr(p + 1, ": ip="))
		if (sscanf(p, ": ip=%lx slot=%lx", &ip, &slot) == 2 &&
		    ip == (unsigned long)t->insn)
			found = slot;
	free(trace);
	return found;
}

static int break_at(unsigned long addr)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_BREAKPOINT, .bp_type = HW_BREAKPOINT_X,
		.bp_addr = addr, .bp_len = sizeof(long), .sample_period = 1,
		.sigtrap = 1, .remove_on_exec = 1, .exclude_kernel = 1,
	};

	return perf_open(&attr, 0);
}

/* Each call of @t with a breakpoint at @addr: a signal, ip @expected. */
static int broken_calls(const struct target *t, unsigned long addr, const char *expected)
{
	long calls = us_scaled(50), i;
	int bad = 0, data[4] = DATA;
	struct target shown = *t;
	int fd = break_at(addr);

	if (fd < 0)
		return us_skip("no hardware breakpoint: %s", strerror(errno));
	shown.next = expected;
	pending.fd = fd;
	pending.target = &shown;
	pending.most = 2 * calls;
	handled = 0;
	pending.wrong_ip = 0;
	for (i = 0; i < calls; i++)
		bad |= us_check(!call(t, data), "%s: wrong value", t->name);
	close(fd);
	bad |= us_check(handled == calls && !pending.wrong_ip,
			"%s: %ld hits, %ld signals, %ld not at %p", t->name, calls,
			handled, pending.wrong_ip, expected);
	return bad | us_check(!t->counts || data[1] == calls, "%s: executed %d times",
			      t->name, data[1]);
}

static int breakpoint_kind(void)
{
	int bad = 0, hit = 0, data[4] = DATA;
	const struct target *t;
	unsigned long slot;

	us_trace_start(256);
	us_trace_event("uprobes", "slot_hit", true);
	us_trace_event("uprobes", "slot_miss", true);
	probe_targets("break");
	us_enable("break", true);
	set_handler(SIGTRAP, pending_handler, 0);
	call_all(data);
	find_area();
	for_each_target(t) {
		/* An indirect jump never comes to what is behind it. */
		if (target_exit(t) != EXIT_JUMP || t->trap != EXIT_TRAP)
			continue;
		slot = slot_of(t);
		if (!in_uprobes(slot))
			return bad | us_fail("%s: slot %#lx", t->name, slot);
		bad |= broken_calls(t, slot + (t->next - t->insn), t->next);
		if (bad == US_SKIP)
			return bad;
		hit++;
	}
	bad |= us_check(hit, "no target has a jump behind it");
	return bad | check_contexts();
}

int breakpoint(void)
{
	kind = &kinds[2];
	return run_kind(breakpoint_kind);
}

/* ---- the end -------------------------------------------------------------------- */

/* Stop it and let it go on, and kill it at last, each at another point. */
static int churn_once(long round)
{
	pid_t pid = start_hitting();
	int bad = 0, i, st;

	wait_rounds(1);
	if (!us_area(pid, &area_start, &area_end))
		us_die("no [uprobes]");
	for (i = 0; i < 5 && !bad; i++) {
		kill(pid, SIGSTOP);
		bad |= us_check(waitpid(pid, &st, WUNTRACED) == pid && WIFSTOPPED(st) &&
				WSTOPSIG(st) == SIGSTOP, "status %#x", st);
		bad |= look_at(pid);
		kill(pid, SIGCONT);
		usleep((round * 5 + i) * 97 % 1500);
	}
	kill(pid, SIGKILL);
	st = wait_status(pid);
	bad |= us_check(WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL, "status %#x", st);
	return bad | check_contexts() |
	       us_check(!shared->wrong, "%ld wrong values", shared->wrong);
}

static int churn_kind(void)
{
	long i, rounds = us_scaled(10);
	int bad = 0;

	probe_targets("churn");
	us_enable("churn", true);
	for (i = 0; i < rounds && !bad; i++)
		bad = churn_once(i);
	return bad;
}

int churn(void)
{
	return each_kind(churn_kind);
}

#define CORE_PATTERN	"/proc/sys/kernel/core_pattern"

/* Dies in ux_load while its other threads hit. */
static void __attribute__((noreturn)) die_with_core(unsigned long *area)
{
	struct rlimit all = { RLIM_INFINITY, RLIM_INFINITY };
	int data[4] = DATA;

	setrlimit(RLIMIT_CORE, &all);
	call_all(data);
	find_area();
	area[0] = area_start;
	area[1] = area_end;
	hitters_start();
	while (hitters_rounds() < 6)
		usleep(100);
	((int (*)(long))ux_load)(0x10008);
	_exit(1);
}

/* The note at @n is of a thread: where it was. */
static int check_thread(const Elf64_Nhdr *n, int thread)
{
	const struct elf_prstatus_like {
		char head[112];
		struct user_regs_struct regs;
	} *p = (const void *)(n + 1) + ((n->n_namesz + 3) & ~3u);
	int bad;

	bad = us_check(!in_uprobes(p->regs.rip), "core: thread %d, ip %#llx", thread,
		       p->regs.rip);
	bad |= us_check(!(p->regs.eflags & TF), "core: thread %d has TF", thread);
	if (!thread)
		bad |= us_check(p->regs.rip == (unsigned long)ux_load_insn,
				"core: ip %#llx, expected %p", p->regs.rip, ux_load_insn);
	return bad;
}

static int check_notes(const void *note, const void *end)
{
	const Elf64_Nhdr *n;
	int bad = 0, threads = 0;

	for (; note + sizeof(*n) <= end;
	     note += sizeof(*n) + ((n->n_namesz + 3) & ~3u) + ((n->n_descsz + 3) & ~3u)) {
		n = note;
		if (n->n_type == NT_PRSTATUS)
			bad |= check_thread(n, threads++);
	}
	return bad | us_check(threads == 1 + HITTERS, "%d threads in the core", threads);
}

static int check_core(const char *path)
{
	int fd = open(path, O_RDONLY), i, bad = 1;
	struct stat st;
	void *core;
	Elf64_Ehdr *e;
	Elf64_Phdr *p;

	if (fd < 0 || fstat(fd, &st))
		return us_fail("no core %s", path);
	core = mmap(NULL, st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	e = core;
	p = core + e->e_phoff;
	for (i = 0; i < e->e_phnum; i++)
		if (p[i].p_type == PT_NOTE)
			bad = check_notes(core + p[i].p_offset,
					  core + p[i].p_offset + p[i].p_filesz);
	munmap(core, st.st_size);
	close(fd);
	unlink(path);
	return bad;
}

static int core_once(const char *dir)
{
	unsigned long *area = share(4096);
	char path[128];
	int bad, st;
	pid_t pid;

	pid = fork();
	if (!pid)
		die_with_core(area);
	st = wait_status(pid);
	bad = us_check(WIFSIGNALED(st) && WTERMSIG(st) == SIGSEGV && WCOREDUMP(st),
		       "status %#x", st);
	area_start = area[0];
	area_end = area[1];
	snprintf(path, sizeof(path), "%s/core.%d", dir, pid);
	return bad | check_core(path);
}

static int core_kind(void)
{
	char dir[] = "/tmp/ustest.XXXXXX", pattern[128], old[256];
	long i, rounds = us_scaled(5);
	int bad = 0;

	if (us_read(CORE_PATTERN, old, sizeof(old)) < 0)
		return us_skip("no core dumps in this kernel");
	if (!mkdtemp(dir))
		return us_fail("mkdtemp: %s", strerror(errno));
	probe_targets("core");
	us_probe("load", ux_load_insn);
	us_enable("core", true);
	us_enable("load", true);
	snprintf(pattern, sizeof(pattern), "%s/core.%%p", dir);
	bad |= us_check(!us_write(CORE_PATTERN, pattern), "cannot set " CORE_PATTERN);
	for (i = 0; i < rounds; i++)
		bad |= core_once(dir);
	bad |= us_check(!us_write(CORE_PATTERN, old), "cannot set " CORE_PATTERN);
	rmdir(dir);
	return bad | us_check(us_hits("load") == (uint64_t)rounds, "%ju hits",
			      us_hits("load"));
}

int core(void)
{
	return each_kind(core_kind);
}

/* ---- the freezer ------------------------------------------------------------------ */

static bool is_frozen(void *dir)
{
	char path[128], text[256];

	snprintf(path, sizeof(path), "%s/cg/cgroup.events", (char *)dir);
	return us_read(path, text, sizeof(text)) > 0 && strstr(text, "frozen 1");
}

static int freeze_once(char *dir, long round, pid_t pid)
{
	char path[128];
	long rounds;
	int bad;

	snprintf(path, sizeof(path), "%s/cg/cgroup.freeze", dir);
	bad = us_check(!us_write(path, "1"), "cannot freeze");
	bad |= us_check(us_poll(is_frozen, dir, 5), "not frozen");
	rounds = READ_ONCE(shared->rounds);
	usleep(500);
	bad |= us_check(READ_ONCE(shared->rounds) == rounds, "it runs");
	bad |= look_at(pid);
	bad |= us_check(!us_write(path, "0"), "cannot thaw");
	usleep(round * 97 % 1500);
	return bad;
}

static int freezer_in(char *dir)
{
	long i, rounds = us_scaled(40);
	char path[128], text[32];
	int bad = 0;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/cg", dir);
	if (mkdir(path, 0755) && errno != EEXIST)
		return us_skip("no cgroup: %s", strerror(errno));
	probe_targets("freeze");
	us_enable("freeze", true);
	pid = start_hitting();
	wait_rounds(1);
	snprintf(path, sizeof(path), "%s/cg/cgroup.procs", dir);
	snprintf(text, sizeof(text), "%d", pid);
	bad |= us_check(!us_write(path, text), "%s is not in the cgroup", text);
	if (!us_area(pid, &area_start, &area_end))
		us_die("no [uprobes]");
	for (i = 0; i < rounds && !bad; i++)
		bad |= freeze_once(dir, i, pid);
	bad |= stop_hitting(pid, "freeze");
	snprintf(path, sizeof(path), "%s/cg", dir);
	rmdir(path);
	return bad | check_contexts();
}

static int freezer_kind(void)
{
	char dir[] = "/tmp/ustest.XXXXXX";
	int bad;

	if (!mkdtemp(dir))
		return us_fail("mkdtemp: %s", strerror(errno));
	if (mount("none", dir, "cgroup2", 0, NULL)) {
		rmdir(dir);
		return us_skip("no cgroup2: %s", strerror(errno));
	}
	bad = freezer_in(dir);
	umount2(dir, MNT_DETACH);
	rmdir(dir);
	return bad;
}

int freezer(void)
{
	return each_kind(freezer_kind);
}
