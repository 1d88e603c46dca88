// SPDX-License-Identifier: GPL-2.0
/*
 * Description: one trap a hit (P9). Slots that a breakpoint ends, or that leave by
 * themselves, and emulated instructions: whatever the knobs `exits` and `emulate`
 * say, a program sees what it sees on stock, each hit is counted once, and no
 * context that is saved for anybody holds an address in [uprobes].
 *
 *	exits [TEXT]	all cases, or those with TEXT in their names
 *
 * Signals come between a copy and the jump behind it too if QEMU stops after each
 * instruction, which takes long: tests/vm/run -s -Q -singlestep (QEMU 7.2), with
 * -e UPROBE_SLOTS_SCALE=4 -e UPROBE_SLOTS_TIMEOUT=6 -- .../exits "a storm of"
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "exits.h"

/* ---- the kinds -------------------------------------------------------------- */

const struct kind kinds[] = {
	{ "step", 0 }, { "trap", 0 }, { "jump", 0 },
	{ "step", 1 }, { "trap", 1 }, { "jump", 1 },
};

const struct kind *kind;		/* the one that is tried */

/* What a case keeps of the first kind, to compare the others with. */
static struct reference {
	int n;
	unsigned long v[4096];
} *reference;

static bool kind_matters(void)
{
	return us_mode() == US_ON || (us_mode() == US_OFF && !strcmp(kind->exits, "step")) ||
	       (us_mode() == US_STOCK && kind == kinds);
}

static void set_kind(void)
{
	if (us_mode() == US_STOCK)
		return;
	us_exits(kind->exits);
	us_knob("emulate", kind->emulate);
}

bool is_jump(void)
{
	return us_mode() == US_ON && !strcmp(kind->exits, "jump");
}

int wait_status(pid_t pid)
{
	int st = -1;

	waitpid(pid, &st, 0);
	return st;
}

/* Each in a process with an area of its own. */
int run_kind(int (*fn)(void))
{
	pid_t pid;
	int st;

	fflush(stdout);
	set_kind();
	pid = fork();
	if (!pid) {
		st = fn();
		fflush(stdout);
		_exit(st);
	}
	st = wait_status(pid);
	if (st && (!WIFEXITED(st) || WEXITSTATUS(st) != US_SKIP))
		us_diag("exits %s, emulate %d: status %#x", kind->exits, kind->emulate, st);
	return us_probe_clear() | (WIFEXITED(st) ? WEXITSTATUS(st) : 1);
}

int each_kind(int (*fn)(void))
{
	int bad = 0;

	reference = mmap(NULL, sizeof(*reference), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	for (kind = kinds; kind < kinds + ARRAY_SIZE(kinds); kind++) {
		if (!kind_matters())
			continue;
		bad |= run_kind(fn);
		if (bad == US_SKIP)
			break;
	}
	return bad;
}

/*
 * The first kind, exits=step and nothing emulated, says what is right; the others
 * have to give the same values in the same order.
 */
int compare(int *at, unsigned long v, const char *what)
{
	int i = (*at)++;

	if (i >= (int)ARRAY_SIZE(reference->v))
		return us_fail("%s: too many values", what);
	if (kind == kinds) {
		reference->v[i] = v;
		reference->n = i + 1;
		return 0;
	}
	return us_check(i < reference->n && v == reference->v[i],
			"%s: value %d is %#lx, with exits=step %#lx", what, i, v,
			i < reference->n ? reference->v[i] : 0);
}

int target_exit(const struct target *t)
{
	if (kind->emulate && t->emulate)
		return EXIT_EMULATED;
	if (!strcmp(kind->exits, "trap"))
		return t->trap;
	return strcmp(kind->exits, "jump") ? EXIT_STEP : t->jump;
}

/* ---- hitting ---------------------------------------------------------------- */

void probe_targets(const char *event)
{
	const struct target *t;

	for_each_target(t)
		us_probe(event, t->insn);
}

int call(const struct target *t, int *data)
{
	static __thread long calls;
	long x = ++calls;	/* a handler may call too */

	return t->fn(x, data) != x + 7;
}

int call_all(int *data)
{
	const struct target *t;
	int wrong = 0;

	for_each_target(t)
		wrong += call(t, data);
	return wrong;
}

/* Has each kind of exit been used as often as it must, if all ran @rounds times? */
int check_exits(const struct us_stats *a, long rounds)
{
	static const char * const names[] = {
		"slot_exit_step", "slot_exit_trap", "slot_exit_jump", "slot_exit_none",
	};
	int64_t want[EXIT_EMULATED + 1] = { };
	const struct target *t;
	struct us_stats b;
	int bad = 0, i;

	if (us_mode() != US_ON)
		return 0;
	us_stats(&b);
	for_each_target(t)
		want[target_exit(t)] += rounds;
	for (i = EXIT_STEP; i <= EXIT_NONE; i++)
		bad |= us_check(us_delta(a, &b, names[i]) == want[i],
				"%s grew by %jd, expected %jd", names[i],
				us_delta(a, &b, names[i]), want[i]);
	return bad | us_laws(a, &b, NR_TARGETS * rounds - want[EXIT_EMULATED]);
}

void stats_before(struct us_stats *s)
{
	if (us_mode() != US_STOCK)
		us_stats(s);
}

long promoted(const struct us_stats *a)
{
	struct us_stats b;

	if (us_mode() == US_STOCK)
		return 0;
	us_stats(&b);
	return us_delta(a, &b, "slot_exit_promoted");
}

/* What was asked for is what is used. */
static int used_kinds(void)
{
	long rounds = us_scaled(20), r;
	int bad = 0, data[4] = DATA;
	const struct target *t;
	struct us_stats a;

	probe_targets("used");
	us_enable("used", true);
	stats_before(&a);
	for (r = 0; r < rounds; r++)
		for_each_target(t)
			bad |= us_check(!call(t, data), "%s: wrong value", t->name);
	bad |= us_check(data[1] == rounds, "inc: %d, expected %ld", data[1], rounds);
	bad |= us_check(us_hits("used") == (uint64_t)rounds * NR_TARGETS, "%ju hits",
			us_hits("used"));
	return bad | check_exits(&a, rounds);
}

static int used(void)
{
	return each_kind(used_kinds);
}

/* ---- contexts ---------------------------------------------------------------- */

unsigned long area_start, area_end;
long handled, in_area, tf_seen;

void find_area(void)
{
	if (!us_area(0, &area_start, &area_end))
		us_die("no [uprobes] in /proc/self/maps after a hit");
}

bool in_uprobes(unsigned long ip)
{
	return ip >= area_start && ip < area_end;
}

void add(long *n)
{
	__atomic_fetch_add(n, 1, __ATOMIC_RELAXED);
}

void check_context(ucontext_t *uc)
{
	add(&handled);
	if (in_uprobes(US_IP(uc)))
		add(&in_area);
	if (uc->uc_mcontext.gregs[REG_EFL] & TF)
		add(&tf_seen);
}

int check_contexts(void)
{
	return us_check(handled && !in_area && !tf_seen,
			"of %ld signals %ld with ip in [uprobes], %ld with TF", handled,
			in_area, tf_seen);
}

void set_handler(int sig, void (*fn)(int, siginfo_t *, void *), int flags)
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO | flags };

	sigaction(sig, &sa, NULL);
}

/* ---- knobs ------------------------------------------------------------------------ */

static void flip_knobs(long n)
{
	static const char * const words[] = { "step", "jump", "trap", "jump" };

	us_exits(words[n % 4]);
	us_knob("emulate", n / 4 % 2);
	us_knob("enable", n % 7 != 0);
	us_knob("area_pages", 1 + n * 5 % 16);
	us_knob("cache_limit", n * 3 % 65);
	usleep(n * 37 % 3000);
}

/* With a storm of signals all the while. */
static int flips(void)
{
	double end = us_now() + 6 * us_scaled(1);
	int bad, data[4] = DATA;
	long n, rounds;

	probe_targets("flip");
	us_enable("flip", true);
	bad = us_check(!call_all(data), "wrong values");
	find_area();
	set_handler(SIGUSR1, nested_handler, 0);
	hitters_start();
	for (n = 0; us_now() < end; n++) {
		flip_knobs(n);
		tgkill(getpid(), hitters[n % HITTERS].tid, SIGUSR1);
	}
	bad |= hitters_stop();
	rounds = hitters_rounds() + handled + 1;
	us_diag("%ld flips, %ld hits", n, rounds * NR_TARGETS);
	/* After 4 * 2 * 7 each word has met both values of the other two. */
	bad |= us_check(n >= 56 && handled, "%ld flips, %ld signals", n, handled);
	bad |= us_check(!nested_wrong, "%ld wrong in the handler", nested_wrong);
	bad |= us_check(us_hits("flip") == (uint64_t)rounds * NR_TARGETS,
			"%ld hits, %ju counted", rounds * NR_TARGETS, us_hits("flip"));
	return bad | check_contexts();
}

/* ---- pinned slots ------------------------------------------------------------------- */

#define PINNABLE	((US_AREA_PAGES_DEFAULT - 1) * US_SLOTS_PER_PAGE / 2)
#define MANY		(PINNABLE * 3)

static int call_same(int from, int to)
{
	int i, wrong = 0;

	for (i = from; i < to; i++)
		wrong += ((int (*)(int))(us_same + i * US_MANY_SIZE))(i) != i + 7;
	return us_check(!wrong, "%d wrong values", wrong);
}

static int check_pinned(const char *when, uint64_t expected)
{
	int bad;

	bad = us_check(us_gauge("slots_pinned") == expected, "%s: %ju slots pinned, not %ju",
		       when, us_gauge("slots_pinned"), expected);
	return bad | us_checker(when);
}

static int pinned_passes(int passes)
{
	struct us_stats a, b;
	int bad = 0, i;

	us_stats(&a);
	for (i = 0; i < passes; i++)
		bad |= call_same(0, MANY);
	us_stats(&b);
	bad |= us_check(us_delta(&a, &b, "slot_exit_jump") == passes * PINNABLE &&
			us_delta(&a, &b, "slot_exit_trap") == passes * (MANY - PINNABLE),
			"jump %jd, trap %jd", us_delta(&a, &b, "slot_exit_jump"),
			us_delta(&a, &b, "slot_exit_trap"));
	return bad | us_laws(&a, &b, passes * MANY) | check_pinned("on", PINNABLE);
}

/* Half of the area, and no more. They stay whatever the knobs say. */
static int pinned_kind(void)
{
	int bad;

	us_probe_range("pin", us_same, US_MANY_SIZE, 0, MANY);
	us_enable("pin", true);
	bad = pinned_passes(3);
	us_exits("step");
	bad |= call_same(0, MANY) | check_pinned("exits step", PINNABLE);
	us_exits("jump");
	us_knob("enable", 0);
	bad |= call_same(0, MANY);
	bad |= us_check(us_quiesce(), "reclaim goes on without work");
	bad |= check_pinned("enable 0", PINNABLE);
	us_knob("enable", 1);
	bad |= pinned_passes(2);
	return bad | us_check(us_hits("pin") == MANY * 7, "%ju hits", us_hits("pin"));
}

static int pinned(void)
{
	kind = &kinds[2];
	return run_kind(pinned_kind) | check_pinned("after exit", 0);
}

/* ---- the cases ---------------------------------------------------------------- */

static const struct us_case cases[] = {
	{ "each kind of exit is used (P9)", used, US_ON_OFF },
	{ "a storm of signals (P9)", storm, US_ON_OFF, 120 },
	{ "a storm, the handler hits probes (P9)", nested, US_ON_OFF, 120 },
	{ "SIGUSR1 with each hit (P9)", with_hits_usr1, US_ON_OFF },
	{ "SIGSEGV with each hit, not the instruction's (P9)", with_hits_segv, US_ON_OFF },
	{ "SIGUSR1 with each hit, a SIGSEGV blocked (P9)", with_hits_blocked, US_ON_OFF },
	{ "a perf event's SIGTRAP with each hit (P9)", with_hits_perf, US_ON_OFF },
	{ "ptrace interrupts (P9)", interrupt, US_ON_OFF, 120 },
	{ "ptrace single-steps (P9)", single_step, US_ON_OFF, 120 },
	{ "a hardware breakpoint behind the copy (P9)", breakpoint, US_SLOTS },
	{ "faults, mended (P9)", faults, US_ON_OFF },
	{ "SIGSTOP, SIGCONT, SIGKILL (P9)", churn, US_ON_OFF, 120 },
	{ "a core file's ips (P9)", core, US_ON_OFF, 120 },
	{ "probes on entry, ret and return (P9)", uretprobe, US_ON_OFF },
	{ "longjmp out of a handler (P9)", longjmps, US_ON_OFF },
	{ "a probe in a restartable sequence (P9)", rseq, US_ON_OFF },
	{ "knobs while threads hit (P8)", flips, US_SLOTS },
	{ "system calls right behind a probe (P9)", behind, US_ON_OFF },
	{ "munmap of [uprobes] (P9)", munmaps, US_ON_OFF },
	{ "pinned slots take half of the area (P4)", pinned, US_SLOTS },
	{ "the freezer (P9)", freezer, US_ON_OFF, 120 },
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
		fprintf(stderr, "exits: no case has '%s' in its name\n", argv[1]);
		return 2;
	}
	return us_run(chosen, n);
}
