// SPDX-License-Identifier: GPL-2.0
/* stress_work.c - processes whose threads call probed functions; see stress.h */
#define _GNU_SOURCE
#include <errno.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "stress.h"

#define STACK_BYTES	(96 << 10)
#define ALT_BYTES	(24 << 10)
#define JOIN_SECONDS	60

/* A thread that works. */
struct worker {
	struct record *rec;
	struct rng rng, signal_rng;
	const struct job *job;
	double end;			/* 0: when the phase ends */
	int many;			/* of us_many, how many it may call */
	struct us_ctx *ctx;		/* NULL: no snippets */
	const struct us_result *ref;
	const void *expect;		/* a trap at this address is right */
	uintptr_t expect_addr;
	sigjmp_buf jump;
};

static __thread struct worker *me;

/* ---- one call ---------------------------------------------------------- */

static void enter(struct record *r, int lane, int target)
{
	WRITE_ONCE(r->in[lane], target + 1);
}

/* A thread that is killed in between has its call counted twice, as "maybe". */
static void leave(struct record *r, int lane, int target)
{
	WRITE_ONCE(r->done[lane][target], r->done[lane][target] + 1);
	WRITE_ONCE(r->in[lane], 0);
}

static void call_many(struct record *r, int lane, int i)
{
	int got;

	enter(r, lane, T_MANY + i);
	got = us_many_call(i);
	leave(r, lane, T_MANY + i);
	if (got != i)
		wrong("us_many %d returned %d", i, got);
}

static int same_call(int i, int arg)
{
	return ((int (*)(int))(us_same + i * US_MANY_SIZE))(arg);
}

static void call_same(struct worker *w)
{
	int i = rnd(&w->rng, STRESS_SAME + STRESS_CHURN), got, arg = w->rng.x & 0xffff;

	/* Those behind STRESS_SAME have a probe or not: nobody counts them. */
	if (i < STRESS_SAME)
		enter(w->rec, LANE_MAIN, T_SAME + i);
	got = same_call(i, arg);
	if (i < STRESS_SAME)
		leave(w->rec, LANE_MAIN, T_SAME + i);
	if (got != arg + 7)
		wrong("us_same %d: %d + 7 is %d", i, arg, got);
}

static void call_snip(struct worker *w, int i)
{
	enter(w->rec, LANE_MAIN, T_SNIPS + i);
	us_snip_run(&__start_snips[i], w->ctx);
	leave(w->rec, LANE_MAIN, T_SNIPS + i);
	if (us_snip_compare(&__start_snips[i], w->ctx, &w->ref[i]))
		wrong("the snippet above");
}

/* The probed instruction traps, at its own address, and then nothing of it remains. */
static void call_trapping(struct worker *w, int target, const void *insn,
			  const void *data)
{
	if (!sigsetjmp(w->jump, 1)) {
		w->expect_addr = (uintptr_t)data;
		WRITE_ONCE(w->expect, insn);
		enter(w->rec, LANE_MAIN, target);
#ifdef __x86_64__
		if (target == T_DIV)
			((int (*)(int, int))us_div)(1, 0);
		else
#endif
			((int (*)(const void *))us_load)(data);
		wrong("target %d did not trap", target);
	}
	WRITE_ONCE(w->expect, NULL);
	leave(w->rec, LANE_MAIN, target);
}

#ifdef __x86_64__
/* A probed system call takes stock's path. Parents may change in between. */
static void call_getppid(struct worker *w)
{
	pid_t before = getppid(), got;

	enter(w->rec, LANE_MAIN, T_PPID);
	got = ((int (*)(void))us_getppid)();
	leave(w->rec, LANE_MAIN, T_PPID);
	if (got != before && got != getppid())
		wrong("getppid() is %d, not %d", got, before);
}

static void call_odd(struct worker *w)
{
	switch (rnd(&w->rng, 3)) {
	case 0:
		call_trapping(w, T_FAULT, us_load, bad_page);
		break;
	case 1:
		call_trapping(w, T_DIV, us_div_insn, us_div_insn);
		break;
	case 2:
		call_getppid(w);
		break;
	}
}
#else
static void call_odd(struct worker *w)
{
	call_trapping(w, T_FAULT, us_load, bad_page);
}
#endif

/* ---- signals ------------------------------------------------------------- */

static void on_trap(int sig, siginfo_t *info, void *context)
{
	const void *ip = (void *)US_IP((ucontext_t *)context);
	struct worker *w = me;

	if (w && w->expect && !(w->job->what & W_UNMAP)) {
		if (ip != w->expect || (uintptr_t)info->si_addr != w->expect_addr)
			wrong("signal %d at %p, address %p; expected %p, %p", sig,
			      ip, info->si_addr, w->expect, (void *)w->expect_addr);
		siglongjmp(w->jump, 1);
	}
	/* Who unmapped its area is told so like that. */
	if (!w || !(w->job->what & W_UNMAP))
		us_diag("pid %d: signal %d at %p, address %p", getpid(), sig, ip,
			info->si_addr);
	/* Not by returning: that would be another hit. */
	signal(sig, SIG_DFL);
	raise(sig);
}

/* Anywhere, also between the two traps of a hit: that ends first. */
static void on_storm(int sig)
{
	struct worker *w = me;
	int i, n;

	if (!w)
		return;
	tally(N_SIGNALS);
	n = rnd(&w->signal_rng, 3);
	for (i = 0; i < n; i++)
		call_many(w->rec, LANE_SIGNAL, rnd(&w->signal_rng, w->many));
}

static void handle_signals(void)
{
	struct sigaction trap = { .sa_sigaction = on_trap,
				  .sa_flags = SA_SIGINFO | SA_ONSTACK };
	struct sigaction storm = { .sa_handler = on_storm,
				   .sa_flags = SA_ONSTACK | SA_RESTART };
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	trap.sa_mask = set;
	sigaction(SIGSEGV, &trap, NULL);
	sigaction(SIGFPE, &trap, NULL);
	sigaction(SIGUSR1, &storm, NULL);
	/* A program that was exec'ed has it blocked, against an early one. */
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void block_storm(bool block)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	pthread_sigmask(block ? SIG_BLOCK : SIG_UNBLOCK, &set, NULL);
}

/* ---- work ---------------------------------------------------------------- */

static bool is_over(struct worker *w)
{
	return READ_ONCE(sh->stop) || (w->end && us_now() > w->end);
}

/* A few instructions again and again: what a cache is for. */
static void burst(struct worker *w)
{
	int n = 1 + rnd(&w->rng, 12), rounds = 1 + rnd(&w->rng, 20), i;
	int first = rnd(&w->rng, w->many - n);

	while (rounds--)
		for (i = first; i < first + n; i++)
			call_many(w->rec, LANE_MAIN, i);
}

/* More than there are slots. */
static void sweep(struct worker *w)
{
	int n = 64 + rnd(&w->rng, 448), first = rnd(&w->rng, w->many - n), i;

	for (i = first; i < first + n && !READ_ONCE(sh->stop); i++)
		call_many(w->rec, LANE_MAIN, i);
}

static void run_snips(struct worker *w)
{
	int i = rnd(&w->rng, nr_snips), n = 1 + rnd(&w->rng, 24);

	for (; n; n--, i = (i + 1) % nr_snips)
		/* What a system call returns is not what it did in our parent. */
		if (strncmp(__start_snips[i].name, "syscall", 7))
			call_snip(w, i);
}

static void work_once(struct worker *w)
{
	unsigned int i;

	switch (rnd(&w->rng, 16)) {
	case 0 ... 5:
		burst(w);
		break;
	case 6 ... 8:
		sweep(w);
		break;
	case 9 ... 10:
		for (i = 0; i < 16; i++)
			call_same(w);
		break;
	case 11:
		call_odd(w);
		break;
	case 12 ... 14:
		if (w->ctx)
			run_snips(w);
		break;
	case 15:
		usleep(rnd(&w->rng, 3000));
		break;
	}
}

static enum disturb may_disturb(const struct job *job)
{
	if (job->what & (W_STUCK | W_UNMAP))
		return LEAVE_ALONE;
	return job->what & W_SNIPS ? DISTURB : DISTURB_AND_STEP;
}

/* Makes current a worker, or says that there are enough of them. */
static bool worker_begin(struct worker *w, const struct job *job, int index,
			 void *alt)
{
	stack_t ss = { .ss_sp = alt, .ss_size = ALT_BYTES };

	memset(w, 0, sizeof(*w));
	w->job = job;
	w->rec = record_claim(may_disturb(job));
	if (!w->rec)
		return false;
	rng_init(&w->rng, job->id, 2 * index);
	rng_init(&w->signal_rng, job->id, 2 * index + 1);
	w->end = job->life ? us_now() + job->life : 0;
	/* Who execs does it while the others work. */
	if (job->what & W_EXEC && index == 1)
		w->end -= job->life / 2;
	/* Stock's uretprobes lose a hit for want of memory: not where that is short. */
	w->many = US_MANY - (job->what & W_FAIL ? STRESS_BACK : 0);
	if (job->what & W_SNIPS && index < STRESS_CTXS) {
		w->ctx = &snip_ctx[index];
		w->ref = &snip_ref[index * nr_snips];
		us_snip_thread(w->ctx);
	}
	sigaltstack(&ss, NULL);
	WRITE_ONCE(me, w);
	return true;
}

static void worker_end(struct worker *w)
{
	block_storm(true);
	WRITE_ONCE(me, NULL);
	record_release(w->rec);
	block_storm(false);
}

/*
 * A thread's signal stack lies below its own: uretprobes, stock's too, take a
 * frame that lies below the stack pointer for one that was left by longjmp().
 */
struct thread {
	pthread_t thread;
	char *stack;
	bool started;
	int index;
	const struct job *job;
	struct us_uffd *uffd;
};

static void do_exec(struct worker *w, const struct job *job)
{
	char fd[16], id[16];
	char *argv[] = { (char *)us_self(), "guest", fd, id, NULL };

	snprintf(fd, sizeof(fd), "%d", sh_fd);
	snprintf(id, sizeof(id), "%u", job->id + 1);
	block_storm(true);
	record_release(w->rec);
	execv(argv[0], argv);
	/* With failing allocations it may be refused. */
	_exit(errno == ENOMEM ? 0 : 1);
}

/* Threads get stuck in different steps, on pages that nobody serves for now. */
static void get_stuck(struct worker *w, struct thread *t)
{
	int got;

	enter(w->rec, LANE_MAIN, T_LOADS + t->index);
	got = us_load_call(t->index, t->uffd->mem + t->index * t->uffd->page_size);
	leave(w->rec, LANE_MAIN, T_LOADS + t->index);
	if (got)
		wrong("us_loads %d: loaded %d from an empty page", t->index, got);
}

static void *thread_main(void *arg)
{
	struct thread *t = arg;
	struct worker w;

	if (!worker_begin(&w, t->job, t->index, t->stack))
		return NULL;
	if (t->job->what & W_STUCK) {
		get_stuck(&w, t);
	} else {
		while (!is_over(&w))
			work_once(&w);
	}
	if (t->job->what & W_EXEC && t->index == 1)
		do_exec(&w, t->job);
	worker_end(&w);
	return NULL;
}

/* ---- what else a process does ------------------------------------------------ */

static void wait_for(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	/* Who kills, kills whole processes, but the cgroup may. */
	if (status && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
		wrong("a child of pid %d ended with status %#x", getpid(), status);
}

static void fork_once(struct worker *w)
{
	struct record *r;
	pid_t pid;
	int i;

	block_storm(true);
	pid = fork();
	if (!pid) {
		me = NULL;
		r = record_claim(LEAVE_ALONE);
		for (i = 0; r && i < 20; i++)
			call_many(r, LANE_MAIN, rnd(&w->rng, w->many));
		if (r)
			record_release(r);
		_exit(0);
	}
	block_storm(false);
	if (pid < 0)
		return;
	tally(N_FORKS);
	wait_for(pid);
}

/* The child borrows our memory, and so our area, until it execs. */
static void vfork_once(struct worker *w)
{
	struct worker child = { .job = w->job };
	struct job job = *w->job;
	pid_t pid;

	job.id += rnd(&w->rng, 1000);
	block_storm(true);
	pid = vfork();
	if (!pid) {
		child.rec = record_claim(LEAVE_ALONE);
		if (!child.rec)
			_exit(0);
		call_many(child.rec, LANE_MAIN, 3);
		call_many(child.rec, LANE_MAIN, 4);
		do_exec(&child, &job);
	}
	block_storm(false);
	if (pid < 0)
		return;
	tally(N_EXECS);
	wait_for(pid);
}

/* From here on each hit that needs a slot is a SIGSEGV, as on stock. */
static void unmap_area(struct worker *w)
{
	unsigned long start, end;

	call_many(w->rec, LANE_MAIN, 0);
	if (!us_area(0, &start, &end))
		return;		/* all of it was emulated, or reuse is off */
	tally(N_UNMAPPED);
	munmap((void *)start, end - start);
}

static void leave_room_for_one_page(void)
{
	char buf[256];
	struct rlimit r;
	long pages;

	if (us_read("/proc/self/statm", buf, sizeof(buf)) <= 0)
		return;
	pages = atol(buf) + 4;
	r.rlim_cur = r.rlim_max = pages * sysconf(_SC_PAGESIZE);
	setrlimit(RLIMIT_AS, &r);
}

/* Fill the cgroup up, stay there for a moment, and go on: it will be killed. */
static void eat(const struct job *job)
{
	size_t size = 64 << 20, step = 256 << 10, at;
	double end = us_now() + job->life;
	char *mem, now[32], max[32];
	int hold = 25;

	us_write("/proc/self/oom_score_adj", "1000");
	mem = mmap(NULL, size, PROT_READ | PROT_WRITE,
		   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (mem == MAP_FAILED ||
	    us_read(STRESS_CGROUP "/memory.max", max, sizeof(max)) <= 0)
		return;
	for (at = 0; at < size; at += step) {
		memset(mem + at, 1, step);
		while (hold && us_read(STRESS_CGROUP "/memory.current", now,
				       sizeof(now)) > 0 &&
		       atol(now) > atol(max) - 2 * (long)step) {
			usleep(20000);
			hold--;
		}
		if (us_now() > end || READ_ONCE(sh->stop))
			break;
	}
}

static void fail_allocations(void)
{
	/* The first hit makes utask and area, which is stock's business. */
	us_write("/proc/thread-self/make-it-fail", "1");
}

/* ---- a process ---------------------------------------------------------------- */

static void main_thread(const struct job *job, struct worker *w)
{
	while (!is_over(w)) {
		if (job->what & W_FORK)
			fork_once(w);
		if (job->what & W_VFORK)
			vfork_once(w);
		if (job->what & W_UNMAP)
			unmap_area(w);
		work_once(w);
	}
}

static bool start_thread(struct thread *t)
{
	size_t size = ALT_BYTES + STACK_BYTES;
	pthread_attr_t attr;

	t->stack = mmap(NULL, size, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (t->stack == MAP_FAILED)
		return false;
	pthread_attr_init(&attr);
	pthread_attr_setstack(&attr, t->stack + ALT_BYTES, STACK_BYTES);
	return !pthread_create(&t->thread, &attr, thread_main, t);
}

static void start_threads(struct thread *t, const struct job *job,
			  struct us_uffd *uffd)
{
	int i;

	for (i = 1; i < job->threads; i++) {
		t[i] = (struct thread){ .index = i, .job = job, .uffd = uffd };
		t[i].started = start_thread(&t[i]);
	}
}

static void join_threads(struct thread *t, const struct job *job)
{
	int i;

	for (i = 1; i < job->threads; i++)
		if (t[i].started)
			pthread_join(t[i].thread, NULL);
}

static int stuck_process(const struct job *job, struct thread *t)
{
	double end = us_now() + job->life;
	struct us_uffd uffd;

	if (us_uffd_open(&uffd, US_LOADS))
		return 1;
	start_threads(t, job, &uffd);
	while (us_now() < end && !READ_ONCE(sh->stop))
		usleep(20000);
	us_uffd_resolve(&uffd);
	join_threads(t, job);
	return 0;
}

int work_process(const struct job *job)
{
	static struct thread threads[STRESS_THREADS];
	static char alt[ALT_BYTES] __attribute__((aligned(64)));
	static struct worker w;
	char pid[16];

	tally(N_PROCESSES);
	if (job->what & W_CGROUP) {
		snprintf(pid, sizeof(pid), "%d", getpid());
		if (us_write(STRESS_CGROUP "/cgroup.procs", pid))
			return us_fail("cannot join " STRESS_CGROUP);
	}
	if (job->what & W_EAT) {
		eat(job);
		return 0;
	}
	handle_signals();
	if (job->what & W_STUCK)
		return stuck_process(job, threads);
	if (job->what & W_ONE_PAGE)
		leave_room_for_one_page();
	if (!worker_begin(&w, job, 0, alt))
		return 0;
	call_many(w.rec, LANE_MAIN, 1);
	if (sh->faults == FAULTS_CACHES || sh->faults == FAULTS_PAGES ||
	    (sh->faults == FAULTS_TASK && job->what & W_FAIL))
		fail_allocations();
	start_threads(threads, job, NULL);
	main_thread(job, &w);
	worker_end(&w);
	join_threads(threads, job);
	return 0;
}

int work_guest(char **argv)
{
	static struct job job = { .threads = 3 };
	struct rng r;

	sh_fd = atoi(argv[0]);
	job.id = atoi(argv[1]);
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED, sh_fd, 0);
	if (sh == MAP_FAILED)
		return 1;
	bad_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	records_sweep(getpid());
	rng_init(&r, job.id, 0);
	job.life = (1 + rnd(&r, 10)) / 10.0;
	return work_process(&job);
}
