// SPDX-License-Identifier: GPL-2.0
/*
 * Description: everything at once (P1-P9), for a given time. Up to 64 threads
 * in several processes call 1,200 probed functions with more distinct
 * instructions than slots. Meanwhile knobs change, probes come and go, threads
 * and processes start, fork, exec, get stuck, are stopped, traced and killed in
 * mid-step, memory is short, and allocations fail.
 *
 * In phases of a quarter of a minute. At the end of each one all workers have
 * ended, and each probe's hits must be the calls of its function: exactly, but
 * for threads that were killed in a call. No call may return anything else than
 * without a probe. In the end nothing may be left over, also by kmemleak.
 *
 * The last lines are "hits executed N", "wrong results N", "lost hits N",
 * "leaks N".
 *
 * Environment, besides that of common.h:
 *   STRESS_SECONDS=N	how long (default 60)
 *   SEED=N		the same choices again; their timing differs
 *   STRESS_NEEDS=WORDS	fail if there is none of: faults, kmemleak
 *   STRESS_KEEP_CODE=1	change nothing for which the kernel rewrites its own code
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "stress.h"

#define PHASE_SECONDS	15
#define END_SECONDS	60	/* that the workers have to come to their end */
#define MAX_COMPLAINTS	40
#define COMERS		4
#define CGROUP_BYTES	"12582912"

struct shared *sh;
int sh_fd;
int nr_snips;
struct us_ctx *snip_ctx;
struct us_result *snip_ref;
void *bad_page;

/* ---- how long ------------------------------------------------------------- */

static double seconds(void)
{
	const char *s = getenv("STRESS_SECONDS");
	double n = s ? atof(s) : 0;

	return n > 0 ? n : 60;
}

/* A short run goes through all kinds of faults, too. */
static double phase_seconds(void)
{
	double third = seconds() / NR_FAULTS;

	return third < PHASE_SECONDS ? third : PHASE_SECONDS;
}

/* ---- choices, complaints ---------------------------------------------------- */

void rng_init(struct rng *r, unsigned int a, unsigned int b)
{
	r->x = sh->seed ^ (uint64_t)sh->phase << 56 ^ (uint64_t)a << 28 ^ b;
	r->x = (r->x ?: 1) * 0x9e3779b97f4a7c15ull;
	rnd(r, 1);
}

unsigned int rnd(struct rng *r, unsigned int n)
{
	r->x ^= r->x >> 12;
	r->x ^= r->x << 25;
	r->x ^= r->x >> 27;
	return (uint32_t)((r->x * 0x2545f4914f6cdd1dull) >> 32) % n;
}

void wrong(const char *fmt, ...)
{
	char text[256];
	va_list ap;

	__atomic_fetch_add(&sh->wrong, 1, __ATOMIC_RELAXED);
	if (__atomic_add_fetch(&sh->complaints, 1, __ATOMIC_RELAXED) > MAX_COMPLAINTS)
		return;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	us_diag("WRONG, phase %d, pid %d: %s", sh->phase, getpid(), text);
}

/* ---- records ------------------------------------------------------------------ */

struct record *record_claim(enum disturb disturb)
{
	uint64_t me = (uint64_t)getpid() << 32 | gettid(), none;
	struct record *r;

	for (r = sh->rec; r < sh->rec + STRESS_THREADS; r++) {
		none = 0;
		if (!READ_ONCE(r->owner) &&
		    __atomic_compare_exchange_n(&r->owner, &none, me, false,
						__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
			WRITE_ONCE(r->disturb, disturb);
			return r;
		}
	}
	return NULL;
}

void record_release(struct record *r)
{
	WRITE_ONCE(r->disturb, LEAVE_ALONE);
	__atomic_store_n(&r->owner, 0, __ATOMIC_SEQ_CST);
}

static void record_fold(struct record *r)
{
	int lane;

	for (lane = 0; lane < LANES; lane++) {
		if (r->in[lane])
			__atomic_fetch_add(&sh->maybe[r->in[lane] - 1], 1,
					   __ATOMIC_RELAXED);
		r->in[lane] = 0;
	}
	record_release(r);
}

void records_sweep(pid_t pid)
{
	struct record *r;

	for (r = sh->rec; r < sh->rec + STRESS_THREADS; r++)
		if (r->owner && (!pid || pid == (pid_t)(r->owner >> 32)))
			record_fold(r);
}

/* ---- targets -------------------------------------------------------------------- */

int nr_targets(void)
{
	return T_SNIPS + nr_snips;
}

const void *target_addr(int t)
{
	if (t >= T_SNIPS)
		return __start_snips[t - T_SNIPS].probe;
#ifdef __x86_64__
	if (t == T_DIV)
		return us_div_insn;
	if (t == T_PPID)
		return us_getppid_insn;
#endif
	if (t == T_FAULT)
		return us_load;
	if (t >= T_LOADS)
		return us_loads + (t - T_LOADS) * US_MANY_SIZE;
	if (t >= T_SAME)
		return us_same + (t - T_SAME) * US_MANY_SIZE;
	return us_many + (t - T_MANY) * US_MANY_SIZE;
}

/* A repeated string instruction is a hit an iteration, as on stock. */
static bool hits_are_calls(int t)
{
	return t < T_SNIPS || __start_snips[t - T_SNIPS].kind == KIND_ONE;
}

static uint64_t calls_done(int t)
{
	uint64_t sum = 0;
	int i, lane;

	for (i = 0; i < STRESS_THREADS; i++)
		for (lane = 0; lane < LANES; lane++)
			sum += sh->rec[i].done[lane][t];
	return sum;
}

static void prepare_snips(void)
{
	int ctx, i;

	nr_snips = __stop_snips - __start_snips;
	if (nr_snips > STRESS_SNIPS)
		us_die("%d snippets: enlarge STRESS_SNIPS", nr_snips);
	snip_ctx = mmap(NULL, STRESS_CTXS * sizeof(*snip_ctx),
			PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	snip_ref = calloc(STRESS_CTXS * nr_snips, sizeof(*snip_ref));
	if (snip_ctx == MAP_FAILED || !snip_ref)
		us_die("out of memory");
	/* Who is forked has them at the same addresses, so the references hold. */
	for (ctx = 0; ctx < STRESS_CTXS; ctx++) {
		us_snip_thread(&snip_ctx[ctx]);
		for (i = 0; i < nr_snips; i++) {
			us_snip_run(&__start_snips[i], &snip_ctx[ctx]);
			us_snip_save(&snip_ctx[ctx], &snip_ref[ctx * nr_snips + i]);
		}
	}
}

static void add_probes(void)
{
	int i;

	us_probe_many("steady", 0, US_MANY);
	us_probe_range("steady", us_same, US_MANY_SIZE, 0, STRESS_SAME);
	us_probe_range("steady", us_loads, US_MANY_SIZE, 0, US_LOADS);
	for (i = T_FAULT; i < nr_targets(); i++)
		us_probe("steady", target_addr(i));
	for (i = US_MANY - STRESS_BACK; i < US_MANY; i++)
		us_retprobe("back", us_many + i * US_MANY_SIZE);
	us_enable("steady", true);
	us_enable("back", true);
}

/* ---- failing allocations ------------------------------------------------------- */

static bool have_faults(void)
{
	return !access("/sys/kernel/debug/failslab", F_OK) &&
	       !access("/sys/kernel/debug/fail_page_alloc", F_OK);
}

static void fault_attr(const char *name, unsigned long value)
{
	static const char * const kinds[] = { "failslab", "fail_page_alloc" };
	char path[128], text[32];
	unsigned int i;
	int err;

	for (i = 0; i < ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), "/sys/kernel/debug/%s/%s", kinds[i],
			 name);
		snprintf(text, sizeof(text), strstr(name, "require") ? "%#lx" : "%ld",
			 value);
		err = us_write(path, text);
		if (err && err != -ENOENT)
			us_die("%s: '%s': %s", path, text, strerror(-err));
	}
}

/*
 * What allocates in a phase, and where its code begins and ends; not for the phases in
 * which any allocation may fail.
 */
static struct {
	const char *name;
	unsigned long start, end;
} functions[NR_FAULTS] = {
	[FAULTS_CACHES] = { "slot_begin_first" },
	[FAULTS_PAGES] = { "slot_obtain_and_enter" },
};

/*
 * The list is in the order of addresses: a function ends where the next one begins. To
 * read it takes a debug kernel under emulation some 20 s, longer than a phase.
 */
static void find_functions(void)
{
	FILE *f = fopen("/proc/kallsyms", "re");
	char line[512], symbol[256];
	unsigned long addr;
	int i;

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx %*c %255s", &addr, symbol) != 2)
			continue;
		for (i = 0; i < NR_FAULTS; i++) {
			if (!functions[i].name || functions[i].end)
				continue;
			if (!functions[i].start && !strcmp(symbol, functions[i].name))
				functions[i].start = addr;
			else if (functions[i].start && addr > functions[i].start)
				functions[i].end = addr;
		}
	}
	if (f)
		fclose(f);
	for (i = 0; i < NR_FAULTS; i++)
		if (functions[i].name && !functions[i].end)
			us_die("no %s in /proc/kallsyms", functions[i].name);
}

/*
 * Only allocations of tasks that ask for it fail, and of those in FAULTS_CACHES
 * and FAULTS_PAGES what one function of the slots' allocates, so that every hit
 * must come to its end. With FAULTS_TASK all kinds, of tasks that are past their
 * first hit.
 */
static void inject_faults(enum faults faults)
{
	bool named = functions[faults].name;

	sh->faults = faults;
	if (!have_faults())
		return;
	fault_attr("probability", 0);
	fault_attr("task-filter", 1);
	fault_attr("ignore-gfp-wait", 0);
	fault_attr("ignore-gfp-highmem", 0);
	fault_attr("min-order", 0);
	fault_attr("verbose", 0);
	fault_attr("interval", 1);
	fault_attr("stacktrace-depth", 32);
	fault_attr("require-start", functions[faults].start);
	fault_attr("require-end", named ? functions[faults].end : ~0ul);
	fault_attr("times", -1ul);
	if (faults != FAULTS_NONE)
		fault_attr("probability", named ? 50 : 1);
}

/* ---- the small cgroup ----------------------------------------------------------- */

static void cgroup_make(void)
{
	us_write("/sys/fs/cgroup/cgroup.subtree_control", "+memory");
	if (mkdir(STRESS_CGROUP, 0755) && errno != EEXIST)
		us_die(STRESS_CGROUP ": %s", strerror(errno));
	if (us_write(STRESS_CGROUP "/memory.max", CGROUP_BYTES))
		us_die(STRESS_CGROUP "/memory.max: cannot write");
}

static bool cgroup_gone(void *unused)
{
	return !rmdir(STRESS_CGROUP) || errno == ENOENT;
}

/* ---- children --------------------------------------------------------------------- */

struct child {
	pid_t pid;
	int kind;		/* of worker_kinds, or -1 */
	bool comes_and_goes;
	bool killed;		/* by us */
	double kill_at;		/* 0: not */
	struct job job;
};

/* Those that are there all the time, and those that come and go. */
static const struct {
	const char *name;
	unsigned int what;
	int min_threads, max_threads;
} worker_kinds[] = {
	{ "plain",	0,		12, 16 },
	{ "snippets",	W_SNIPS,	8, 8 },
	{ "failing",	W_FAIL,		6, 6 },
	{ "pressed",	W_CGROUP | W_FORK, 4, 4 },
	{ "eater",	W_CGROUP | W_EAT, 1, 1 },
#define NR_PERMANENT	5
	{ "threads",	0,		1, 8 },
	{ "stuck",	W_STUCK,	2, 30 },
	{ "exec",	W_EXEC,		3, 6 },
	{ "vfork",	W_VFORK,	1, 4 },
	{ "fork",	W_FORK,		1, 4 },
	{ "unmap",	W_UNMAP,	1, 1 },
	{ "one page",	W_ONE_PAGE,	1, 1 },
	{ "comes pressed", W_CGROUP,	1, 4 },
};

#define NR_TROUBLE	3
static int (*const trouble[NR_TROUBLE])(unsigned int id) = {
	change_process, churn_process, pest_process,
};

static struct child children[NR_TROUBLE + NR_PERMANENT + COMERS];
static struct rng conductor;
static unsigned int ids;

/* @fn or, if that is NULL, a worker with @job. */
static void start_child(struct child *c, int (*fn)(unsigned int), struct job *job)
{
	unsigned int id = ++ids;
	pid_t pid;

	pid = fork();
	if (pid < 0)
		us_die("fork: %s", strerror(errno));
	if (!pid) {
		job->id = id;
		if (job->what & W_EAT || fn)
			setpriority(PRIO_PROCESS, 0, -15);
		else
			setpriority(PRIO_PROCESS, 0, job->life ? 0 : 5);
		exit(fn ? fn(id) : work_process(job));
	}
	c->pid = pid;
}

static void start_worker(struct child *c, int kind, double life)
{
	int min = worker_kinds[kind].min_threads;

	*c = (struct child){ .kind = kind, .comes_and_goes = kind >= NR_PERMANENT };
	c->job.what = worker_kinds[kind].what;
	c->job.threads = min + rnd(&conductor, worker_kinds[kind].max_threads - min + 1);
	c->job.life = life;
	/* Of those that come and go, every second one goes before its time. */
	if (c->comes_and_goes && rnd(&conductor, 2))
		c->kill_at = us_now() + life * rnd(&conductor, 100) / 100;
	start_child(c, NULL, &c->job);
}

static void start_permanent(struct child *c, int kind)
{
	start_worker(c, kind, worker_kinds[kind].what & W_EAT ? 10 : 0);
}

static void start_comer(struct child *c)
{
	int kind = NR_PERMANENT +
		   rnd(&conductor, ARRAY_SIZE(worker_kinds) - NR_PERMANENT);

	start_worker(c, kind, 0.2 + rnd(&conductor, 300) / 100.0);
}

static struct child *find_child(pid_t pid)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(children); i++)
		if (children[i].pid == pid)
			return &children[i];
	return NULL;
}

/* May it end so? */
static bool good_end(const struct child *c, int status)
{
	if (!status)
		return true;
	if (!WIFSIGNALED(status))
		return false;
	if (c->kind < 0)
		return false;
	if (c->job.what & W_UNMAP && WTERMSIG(status) == SIGSEGV)
		return true;
	return WTERMSIG(status) == SIGKILL &&
	       (c->killed || c->job.what & W_CGROUP);
}

static void child_ended(pid_t pid, int status)
{
	struct child *c = find_child(pid);

	records_sweep(pid);
	if (!c) {
		/* An orphan: a program that a killed worker had started. */
		if (status && !(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL))
			wrong("an orphan ended with status %#x", status);
		return;
	}
	if (!good_end(c, status))
		wrong("%s ended with status %#x", c->kind < 0 ? "a trouble-maker" :
		      worker_kinds[c->kind].name, status);
	if (WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL && !c->killed)
		tally(N_OOM_KILLED);
	c->pid = 0;
}

static void reap(void)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		child_ended(pid, status);
}

static void kill_child(struct child *c)
{
	c->killed = true;
	tally(c->job.what & W_STUCK ? N_STUCK_KILLED : N_KILLED);
	kill(c->pid, SIGKILL);
}

static void start_all(void)
{
	struct child *c = children;
	int i;

	memset(children, 0, sizeof(children));
	for (i = 0; i < NR_TROUBLE; i++, c++) {
		c->kind = -1;
		start_child(c, trouble[i], &c->job);
	}
	for (i = 0; i < NR_PERMANENT; i++, c++)
		start_permanent(c, i);
}

/* Replace who has gone, kill whose time has come. */
static void conduct(void)
{
	struct child *c;
	int kind;

	reap();
	for (c = children; c < children + ARRAY_SIZE(children); c++) {
		kind = c - children - NR_TROUBLE;
		if (c->pid && c->kill_at && !c->killed && us_now() > c->kill_at)
			kill_child(c);
		if (c->pid || kind < 0)
			continue;
		if (kind < NR_PERMANENT)
			start_permanent(c, kind);
		else if (!rnd(&conductor, 4))
			start_comer(c);
	}
}

static bool all_gone(void *unused)
{
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		child_ended(pid, status);
	return pid < 0 && errno == ECHILD;
}

/* What a task that does not come to its end hangs in. */
static void show_task(pid_t pid, pid_t tid)
{
	char path[64], *stack;

	us_diag("pid %d tid %d state %c:", pid, tid, us_task_state(pid, tid));
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stack", pid, tid);
	if (access(path, R_OK))
		return;
	stack = us_slurp(path);
	us_diag("%s", stack);
	free(stack);
}

static void end_all(void)
{
	unsigned int i;

	WRITE_ONCE(sh->stop, true);
	if (us_poll(all_gone, NULL, END_SECONDS))
		return;
	wrong("not all workers came to their end");
	for (i = 0; i < ARRAY_SIZE(children); i++)
		if (children[i].pid)
			us_diag("child %u: pid %d, kind %d", i, children[i].pid,
				children[i].kind);
	for (i = 0; i < STRESS_THREADS; i++)
		if (sh->rec[i].owner)
			show_task(sh->rec[i].owner >> 32, sh->rec[i].owner);
	us_die("gave up");
}

/* ---- the verdict -------------------------------------------------------------------- */

/* Hits must lie between the calls that ended and those that began. */
struct verdict {
	const char *event;
	long lost, more, hits;
};

static int find_target(uint64_t off)
{
	static uint64_t offsets[T_MAX];
	int i, n = nr_targets();

	for (i = 0; !offsets[0] && i < n; i++)
		offsets[n - 1 - i] = us_offset(target_addr(n - 1 - i));
	for (i = 0; i < n && offsets[i] != off; i++)
		;
	return i < n ? i : -1;
}

static void judge_target(uint64_t off, uint64_t hits, void *arg)
{
	struct verdict *v = arg;
	int t = find_target(off);
	uint64_t done, most;

	if (t < 0)
		us_die("a probe at %#jx that is no target", off);
	done = calls_done(t);
	most = done + sh->maybe[t];
	v->hits += hits;
	if (hits < done) {
		v->lost += done - hits;
		us_diag("LOST, %s, target %d: %ju hits of %ju calls", v->event, t,
			hits, done);
	} else if (hits > most && hits_are_calls(t)) {
		v->more += hits - most;
		us_diag("DOUBLED, %s, target %d: %ju hits, at most %ju calls",
			v->event, t, hits, most);
	}
}

/* Counts go on from phase to phase; a fault counts once. */
static void judge(void)
{
	struct verdict steady = { "steady" }, back = { "back" };
	static long more;

	records_sweep(0);
	us_hits_each("steady", judge_target, &steady);
	us_hits_each("back", judge_target, &back);
	sh->hits = steady.hits + back.hits;
	sh->lost = steady.lost + back.lost;
	if (steady.more + back.more != more)
		wrong("%ld hits more than calls", steady.more + back.more - more);
	more = steady.more + back.more;
}

/* A trouble-maker that failed could have left one open. */
static void close_windows(void)
{
	static const char * const windows[] = { "hit", "end", "fill", "mark", "scan" };
	char text[32];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(windows); i++) {
		snprintf(text, sizeof(text), "%s 0", windows[i]);
		us_write(SLOTS "/delay", text);
	}
}

static void run_phase(double seconds)
{
	double end;

	sh->stop = false;
	rng_init(&conductor, 0, 0);
	ids = 0;
	inject_faults(sh->phase % NR_FAULTS);
	start_all();
	end = us_now() + seconds;
	while (us_now() < end) {
		conduct();
		usleep(20000);
	}
	end_all();
	collect_stats();
	inject_faults(FAULTS_NONE);
	close_windows();
	judge();
	us_diag("phase %d: %ld hits, %ld processes, wrong %ld, lost %ld", sh->phase,
		sh->hits, sh->tally[N_PROCESSES], sh->wrong, sh->lost);
	sh->phase++;
}

/* A stress that has not done what it is for has shown nothing. */
static int happened(const char *what, uint64_t n, bool must)
{
	us_diag("%-28s %ju", what, n);
	return must ? us_check(n, "%s: none", what) : 0;
}

static int report(void)
{
	int bad = 0;

	bad |= happened("processes", sh->tally[N_PROCESSES], true);
	bad |= happened("killed", sh->tally[N_KILLED], true);
	bad |= happened("killed in a step", sh->tally[N_STUCK_KILLED], true);
	bad |= happened("killed for want of memory", sh->tally[N_OOM_KILLED], true);
	bad |= happened("programs exec'ed", sh->tally[N_EXECS], true);
	bad |= happened("forks in workers", sh->tally[N_FORKS], true);
	bad |= happened("areas unmapped", sh->tally[N_UNMAPPED], false);
	bad |= happened("signals handled", sh->tally[N_SIGNALS], true);
	bad |= happened("stops and continues", sh->tally[N_STOPS], true);
	bad |= happened("ptrace stops", sh->tally[N_PTRACE], true);
	bad |= happened("changes of knobs, events", sh->tally[N_KNOBS], true);
	bad |= happened("probes added, removed", sh->tally[N_PROBES], true);
	bad |= happened("slots reclaimed", sh->reclaimed, true);
	bad |= happened("misses: full", sh->full, true);
	bad |= happened("misses: no memory: caches", sh->nomem[FAULTS_CACHES],
			have_faults());
	bad |= happened("misses: no memory: pages", sh->nomem[FAULTS_PAGES],
			have_faults());
	bad |= happened("waits for page 0", sh->page0_full, false);
	return bad;
}

static int stress(void)
{
	double end;
	int bad;

	prctl(PR_SET_CHILD_SUBREAPER, 1);
	/* Threads that work all the time must not keep trouble from coming. */
	setpriority(PRIO_PROCESS, 0, -15);
	bad_page = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	prepare_snips();
	cgroup_make();
	if (have_faults())
		find_functions();
	us_trace_start(64);
	add_probes();
	us_diag("SEED=%ju, %d probes%s", sh->seed, nr_targets() + STRESS_BACK,
		have_faults() ? ", allocations fail" : "");
	collect_stats();
	sh->reclaimed = sh->full = sh->page0_full = 0;
	memset(sh->nomem, 0, sizeof(sh->nomem));
	end = us_now() + seconds();
	while (us_now() < end || sh->phase < NR_FAULTS)
		run_phase(phase_seconds());
	bad = report();
	bad |= us_check(us_poll(cgroup_gone, NULL, 10), STRESS_CGROUP ": %s",
			strerror(errno));
	return bad || sh->wrong || sh->lost;
}

/* ---- leaks ------------------------------------------------------------------------ */

#define KMEMLEAK	"/sys/kernel/debug/kmemleak"

/* Objects younger than 5 s are none yet, and one scan may still meet a copy. */
static long find_leaks(void)
{
	char *text, *p;
	long n = 0;
	int i;

	if (access(KMEMLEAK, F_OK))
		return 0;
	for (i = 0; i < 2; i++) {
		sleep(6);
		us_write(KMEMLEAK, "scan");
	}
	text = us_slurp(KMEMLEAK);
	for (p = text; (p = strstr(p, "unreferenced object")); p++)
		n++;
	if (n)
		printf("%.20000s", text);
	free(text);
	return n;
}

/* ---- main ---------------------------------------------------------------------------- */

static bool needs(const char *what)
{
	const char *words = getenv("STRESS_NEEDS");

	return words && strstr(words, what);
}

static int check_needs(void)
{
	if (needs("faults") && !have_faults())
		return us_fail("no failing allocations in this kernel");
	if (needs("kmemleak") && access(KMEMLEAK, F_OK))
		return us_fail("no kmemleak in this kernel");
	return 0;
}

static void share(void)
{
	const char *seed = getenv("SEED");

	sh_fd = memfd_create("stress", 0);
	if (sh_fd < 0 || ftruncate(sh_fd, sizeof(*sh)))
		us_die("memfd: %s", strerror(errno));
	sh = mmap(NULL, sizeof(*sh), PROT_READ | PROT_WRITE, MAP_SHARED, sh_fd, 0);
	if (sh == MAP_FAILED)
		us_die("mmap: %s", strerror(errno));
	sh->seed = seed && *seed ? strtoull(seed, NULL, 0) : (uint64_t)time(NULL);
}

int main(int argc, char **argv)
{
	struct us_case stress_case = { "everything at once (P1-P9)", stress, US_SLOTS };
	long leaks;
	int ret;

	if (argc > 3 && !strcmp(argv[1], "guest"))
		return work_guest(argv + 2);
	share();
	stress_case.seconds = seconds() * 2 + 300;
	ret = us_run(&stress_case, 1);
	if (ret != US_SKIP && check_needs())
		ret = 1;
	leaks = find_leaks();
	/* What failed without being a result, such as a leftover, is a wrong one. */
	if (ret && ret != US_SKIP && !sh->wrong && !sh->lost)
		sh->wrong = 1;
	printf("hits executed %ld\nwrong results %ld\nlost hits %ld\nleaks %ld\n",
	       sh->hits, sh->wrong, sh->lost, leaks);
	return leaks ? 1 : ret;
}
