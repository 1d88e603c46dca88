/* SPDX-License-Identifier: GPL-2.0 */
/*
 * common.h - what the uprobe slot tests share
 *
 * A test program is a table of cases and one call of us_run(). Each case runs
 * in a child process of its own, which is also the probed process: it puts
 * uprobes on its own text by address. The parent never hits a probe; whatever
 * becomes of the child, it takes the probes away, puts the knobs back, and
 * looks that nothing is left of the child's area (promises P4 and P6).
 *
 * Environment:
 *   UPROBE_SLOTS_EXPECTED=1  a kernel without uprobe_slots/ is a failure
 *   UPROBE_SLOTS_EXITS=WORD  the knob `exits` of all cases (default step)
 *   UPROBE_SLOTS_SCALE=N     N times as many iterations (default 1)
 *   UPROBE_SLOTS_TIMEOUT=N   N times as long time limits (default 1)
 */
#ifndef _US_COMMON_H
#define _US_COMMON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define READ_ONCE(x)	(*(const volatile __typeof__(x) *)&(x))
#define WRITE_ONCE(x, v) (*(volatile __typeof__(x) *)&(x) = (v))

#define TRACING		"/sys/kernel/tracing"
#define SLOTS		TRACING "/uprobe_slots"
#define GROUP		"ustest"

/* Geometry of stock's page 0 and of a shared page, for full-area tests. */
#if defined(__x86_64__)
#define US_SLOTS_PER_PAGE	128
#define US_PAGE0_SLOTS		31
#elif defined(__aarch64__)
#define US_SLOTS_PER_PAGE	256
#define US_PAGE0_SLOTS		1023
#else
#error "no test code for this architecture"
#endif

/* The knobs' bounds and defaults. */
#define US_LIMIT_MAX		64
#define US_LIMIT_DEFAULT	8
#define US_AREA_PAGES_DEFAULT	4

/* Where a case runs. */
enum us_where {
	US_SLOTS,	/* needs slots: enable 1, default knobs */
	US_ON_OFF,	/* on any kernel; with slots: enable 1, enable 0 */
	US_MODES,	/* on any kernel; with slots: enable 1, limit 0, enable 0 */
};

/* The modes that US_ON_OFF and US_MODES go through. */
enum us_mode { US_STOCK, US_ON, US_LIMIT0, US_OFF };

struct us_case {
	const char *name;
	int (*fn)(void);	/* 0 passed, US_SKIP, else failed */
	enum us_where where;
	int seconds;		/* time limit; 0: the default */
};

#define US_SKIP		4	/* the kselftest exit code */

int us_run(const struct us_case *cases, int n);

/* Say something; say it and return 1 (failed); say why and return US_SKIP. */
void us_diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int us_fail(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
int us_skip(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/*
 * Results are combined by |, a US_SKIP too: with a failure in it the sum is no
 * longer US_SKIP, and fails. Never let a later skip take the place of @bad.
 */
/* A set-up step that must not fail: say it and leave the case as failed. */
void us_die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));

#define us_check(cond, fmt, ...)					\
	((cond) ? 0 : us_fail("%s:%d: " fmt, __func__, __LINE__, ##__VA_ARGS__))

/* How much to do. */
long us_scaled(long n);
double us_now(void);
double us_deadline(double seconds);	/* so many (scaled) from now on */
/* Poll @cond until true or @seconds (scaled) are over; the last value. */
bool us_poll(bool (*cond)(void *), void *arg, double seconds);

/* Slots. */
bool us_have_slots(void);
enum us_mode us_mode(void);
void us_knob(const char *name, long value);
void us_exits(const char *word);
long us_knob_read(const char *name);
/* @limit < 0 clears the override. */
void us_limit(pid_t tid, int limit);

struct us_stats {
	int n;
	struct {
		char name[40];
		uint64_t v;
	} e[64];
};

void us_stats(struct us_stats *s);
void us_stats_print(const struct us_stats *s);
bool us_stat_known(const struct us_stats *s, const char *name);
uint64_t us_stat(const struct us_stats *s, const char *name);
int64_t us_delta(const struct us_stats *a, const struct us_stats *b,
		 const char *name);
uint64_t us_gauge(const char *name);
/* Wait until reclaim is done; false when it never is. */
__attribute__((warn_unused_result)) bool us_quiesce(void);
/* 0 if the kernel's own checker, where it is built in, finds nothing (P4). */
int us_checker(const char *when);
/*
 * Do the deltas keep the counters' laws? hit + miss is the number of
 * out-of-line executions (-1: do not check), flush_avoided is hit + shared,
 * the reasons add up.
 */
int us_laws(const struct us_stats *a, const struct us_stats *b, int64_t xol);

/* One line of the `tasks` file. */
struct us_task_line {
	int tid, tgid, limit;
	long entries;
	uint64_t hits, misses;
	char comm[128];
};
bool us_task_line(pid_t tid, struct us_task_line *t);

/* Probes. All live in the group GROUP and go when the case ends. */
void us_probe(const char *event, const void *addr);
void us_retprobe(const char *event, const void *addr);
void us_probe_file(char type, const char *event, const char *path, uint64_t off);
int us_events_write(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
uint64_t us_offset(const void *addr);
const char *us_self(void);
void us_enable(const char *event, bool on);	/* NULL: the whole group */
int us_try_enable(const char *event, bool on);
uint64_t us_hits(const char *event);
void us_hits_each(const char *event,
		  void (*fn)(uint64_t off, uint64_t hits, void *arg), void *arg);
int us_probe_clear(void);		/* 0, or 1 if something stays */

/*
 * A trace instance of the test's own; it goes when the case ends. Counts are of
 * lines that contain @text; us_trace_lost() is what did not fit.
 */
#define US_INSTANCE	TRACING "/instances/" GROUP
void us_trace_start(int kb_per_cpu);
void us_trace_event(const char *system, const char *event, bool on);
char *us_trace_read(void);
long us_count(const char *lines, const char *text, const char *and);
long us_trace_lost(void);

/* The [uprobes] mapping of @pid (0: own). */
bool us_area(pid_t pid, unsigned long *start, unsigned long *end);
char us_task_state(pid_t pid, pid_t tid);

/* Small files. */
int us_write(const char *path, const char *text);	/* 0 or -errno */
int us_write_mode(const char *path, int oflags, const void *buf, size_t len);
ssize_t us_read(const char *path, char *buf, size_t size);
char *us_slurp(const char *path);

#ifdef __x86_64__
#define US_IP(uc)	((uc)->uc_mcontext.gregs[REG_RIP])
#else
#define US_IP(uc)	((uc)->uc_mcontext.pc)
#endif

/* Tasks stuck in a step: a userfaultfd region that nobody serves. */
struct us_uffd {
	int fd;
	char *mem;
	size_t pages, page_size;
};
int us_uffd_open(struct us_uffd *u, size_t pages);	/* 0, US_SKIP or 1 */
/* Wait until @n faults have been reported; false on a time-out. */
bool us_uffd_wait(struct us_uffd *u, int n, double seconds);
void us_uffd_resolve(struct us_uffd *u);

/* many.S: functions that return their index, the first instruction distinct. */
#define US_MANY		1024
#define US_MANY_SIZE	16
#define US_SAME		1024
extern char us_many[], us_same[];
static inline int us_many_call(int i)
{
	return ((int (*)(void))(us_many + i * US_MANY_SIZE))();
}
void us_probe_many(const char *event, int from, int to);
void us_probe_range(const char *event, const char *base, int size, int from,
		    int to);

/* targets.S */
#define US_LOADS	64
extern char us_loads[];		/* function i loads from p + 4 * i */
static inline int us_load_call(int i, const void *p)
{
	return ((int (*)(const void *))(us_loads + i * US_MANY_SIZE))(p);
}
extern char us_load[], us_load_next[];	/* one load through a pointer */
extern char us_store[], us_store_insn[], us_store_next[]; /* ... store, RIP-relative on x86 */
extern int us_store_page[];
extern char us_steps[], us_steps_end[];	/* to single-step, ends in a trap */
extern char us_step_0[], us_step_1[], us_step_2[], us_step_3[];
#ifdef __x86_64__
extern char us_div[], us_div_insn[];
extern char us_syscall_ret[], us_syscall_ret_insn[];
extern char us_getppid[], us_getppid_insn[];
#endif

#endif
