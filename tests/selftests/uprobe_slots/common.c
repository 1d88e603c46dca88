// SPDX-License-Identifier: GPL-2.0
/*
 * common.c - what the uprobe slot tests share: the case runner, knobs,
 * counters, probes. See common.h for the rules.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common.h"

#define CASE_SECONDS	60

static enum us_mode current_mode;

/* ---- saying things ---------------------------------------------------- */

static void vdiag(const char *fmt, va_list ap)
{
	char line[1024];

	vsnprintf(line, sizeof(line), fmt, ap);
	printf("# %s\n", line);
	fflush(stdout);
}

void us_diag(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdiag(fmt, ap);
	va_end(ap);
}

int us_fail(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdiag(fmt, ap);
	va_end(ap);
	return 1;
}

static char *skip_reason;	/* shared with the case's process */

int us_skip(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(skip_reason, 256, fmt, ap);
	va_end(ap);
	return US_SKIP;
}

void us_die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vdiag(fmt, ap);
	va_end(ap);
	_exit(1);
}

/* ---- how much, how long ------------------------------------------------ */

static long env_factor(const char *name)
{
	const char *s = getenv(name);
	long n = s ? atol(s) : 1;

	return n > 0 ? n : 1;
}

long us_scaled(long n)
{
	return n * env_factor("UPROBE_SLOTS_SCALE");
}

static double time_factor(void)
{
	return env_factor("UPROBE_SLOTS_TIMEOUT");
}

double us_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

double us_deadline(double seconds)
{
	return us_now() + seconds * time_factor();
}

bool us_poll(bool (*cond)(void *), void *arg, double seconds)
{
	double end = us_deadline(seconds);

	while (!cond(arg)) {
		if (us_now() > end)
			return cond(arg);
		usleep(2000);
	}
	return true;
}

/* ---- small files -------------------------------------------------------- */

int us_write_mode(const char *path, int oflags, const void *buf, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | oflags), ret = 0;

	if (fd < 0)
		return -errno;
	if (len && write(fd, buf, len) != (ssize_t)len)
		ret = errno ? -errno : -EIO;
	close(fd);
	return ret;
}

int us_write(const char *path, const char *text)
{
	errno = 0;
	return us_write_mode(path, 0, text, strlen(text));
}

ssize_t us_read(const char *path, char *buf, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = 0, r;

	if (fd < 0)
		return -errno;
	while ((size_t)n < size - 1) {
		r = read(fd, buf + n, size - 1 - n);
		if (r < 0)
			n = -errno;
		if (r <= 0)
			break;
		n += r;
	}
	close(fd);
	if (n >= 0)
		buf[n] = '\0';
	return n;
}

char *us_slurp(const char *path)
{
	size_t size = 1 << 16;
	char *buf = malloc(size);
	ssize_t n;

	while (buf) {
		n = us_read(path, buf, size);
		if (n < 0)
			break;
		if ((size_t)n < size - 1)
			return buf;
		size *= 4;
		buf = realloc(buf, size);
	}
	us_die("cannot read %s: %s", path, strerror(errno));
}

/* ---- knobs and counters ------------------------------------------------- */

bool us_have_slots(void)
{
	return !access(SLOTS "/stats", F_OK);
}

enum us_mode us_mode(void)
{
	return current_mode;
}

void us_knob(const char *name, long value)
{
	char path[128], text[32];
	int err;

	snprintf(path, sizeof(path), SLOTS "/%s", name);
	snprintf(text, sizeof(text), "%ld\n", value);
	err = us_write(path, text);
	if (err)
		us_die("%s: cannot write %ld: %s", path, value, strerror(-err));
}

void us_exits(const char *word)
{
	int err = us_write(SLOTS "/exits", word);

	if (err)
		us_die(SLOTS "/exits: cannot write '%s': %s", word, strerror(-err));
}

/* What writes nothing clears a file. */
static void clear_file(const char *path)
{
	int err = us_write_mode(path, O_TRUNC, NULL, 0);

	if (err)
		us_die("%s: cannot clear it: %s", path, strerror(-err));
}

long us_knob_read(const char *name)
{
	char path[128], text[64];

	snprintf(path, sizeof(path), SLOTS "/%s", name);
	if (us_read(path, text, sizeof(text)) < 0)
		us_die("cannot read %s", path);
	return atol(text);
}

void us_limit(pid_t tid, int limit)
{
	char text[64];
	int err;

	if (limit < 0)
		snprintf(text, sizeof(text), "%d -\n", tid);
	else
		snprintf(text, sizeof(text), "%d %d\n", tid, limit);
	err = us_write_mode(SLOTS "/task_limits", O_APPEND, text, strlen(text));
	if (err)
		us_die("task_limits: '%s': %s", text, strerror(-err));
}

void us_stats(struct us_stats *s)
{
	char buf[8192], *line, *save;

	memset(s, 0, sizeof(*s));
	if (us_read(SLOTS "/stats", buf, sizeof(buf)) < 0)
		us_die("cannot read " SLOTS "/stats");
	for (line = strtok_r(buf, "\n", &save); line && s->n < 64;
	     line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%39s %ju", s->e[s->n].name, &s->e[s->n].v) == 2)
			s->n++;
}

void us_stats_print(const struct us_stats *s)
{
	int i;

	for (i = 0; i < s->n; i++)
		us_diag("  %s %ju", s->e[i].name, s->e[i].v);
}

static int stat_index(const struct us_stats *s, const char *name)
{
	int i;

	for (i = 0; i < s->n; i++)
		if (!strcmp(s->e[i].name, name))
			return i;
	return -1;
}

bool us_stat_known(const struct us_stats *s, const char *name)
{
	return stat_index(s, name) >= 0;
}

uint64_t us_stat(const struct us_stats *s, const char *name)
{
	int i = stat_index(s, name);

	if (i < 0)
		us_die("stats has no line '%s'", name);
	return s->e[i].v;
}

int64_t us_delta(const struct us_stats *a, const struct us_stats *b,
		 const char *name)
{
	return us_stat(b, name) - us_stat(a, name);
}

uint64_t us_gauge(const char *name)
{
	struct us_stats s;

	us_stats(&s);
	return us_stat(&s, name);
}

/*
 * Two readings, farther apart than rounds of reclaim are (50 ms): nothing dying, nothing
 * reclaimed meanwhile.
 */
static bool is_quiet(void *unused)
{
	struct us_stats a, b;

	us_stats(&a);
	usleep(80000);
	us_stats(&b);
	return !us_stat(&a, "slots_dying") && !us_stat(&b, "slots_dying") &&
	       !us_delta(&a, &b, "slot_reclaim");
}

bool us_quiesce(void)
{
	return us_poll(is_quiet, NULL, 10);
}

int us_checker(const char *when)
{
	char text[512] = "";
	ssize_t n;

	/* CONFIG_UPROBE_SLOTS_DEBUG. Without it content skips cases, too, which run_all judges. */
	if (access(SLOTS "/check", F_OK))
		return 0;
	n = us_read(SLOTS "/check", text, sizeof(text));
	return us_check(n > 0 && !strncmp(text, "ok", 2), "%s: checker: %s", when,
			n < 0 ? strerror(-n) : text);
}

static const char * const miss_reasons[] = {
	"slot_miss_shared", "slot_miss_filled", "slot_miss_full",
	"slot_miss_limit", "slot_miss_single_page", "slot_miss_unshareable",
	"slot_miss_nomem",
};

int us_laws(const struct us_stats *a, const struct us_stats *b, int64_t xol)
{
	int64_t hit = us_delta(a, b, "slot_hit");
	int64_t miss = us_delta(a, b, "slot_miss");
	int64_t shared = us_delta(a, b, "slot_miss_shared");
	int64_t avoided = us_delta(a, b, "slot_flush_avoided");
	int64_t sum = 0;
	unsigned int i;
	int bad = 0;

	for (i = 0; i < ARRAY_SIZE(miss_reasons); i++)
		sum += us_delta(a, b, miss_reasons[i]);
	bad |= us_check(sum == miss, "slot_miss %jd, its reasons add up to %jd",
			miss, sum);
	bad |= us_check(avoided == hit + shared,
			"slot_flush_avoided %jd, slot_hit %jd + shared %jd",
			avoided, hit, shared);
	if (xol >= 0)
		bad |= us_check(hit + miss == xol,
				"%jd steps, slot_hit %jd + slot_miss %jd",
				xol, hit, miss);
	return bad;
}

bool us_task_line(pid_t tid, struct us_task_line *t)
{
	char *buf = us_slurp(SLOTS "/tasks"), *line, *save;
	bool found = false;
	int n;

	for (line = strtok_r(buf, "\n", &save); line && !found;
	     line = strtok_r(NULL, "\n", &save)) {
		memset(t, 0, sizeof(*t));
		n = sscanf(line, "%d %d %d %ld %ju %ju %127[^\n]", &t->tid,
			   &t->tgid, &t->limit, &t->entries, &t->hits,
			   &t->misses, t->comm);
		found = n >= 6 && t->tid == tid;
	}
	free(buf);
	return found;
}

/* ---- probes ------------------------------------------------------------- */

const char *us_self(void)
{
	static char path[512];
	ssize_t n;

	if (!path[0]) {
		n = readlink("/proc/self/exe", path, sizeof(path) - 1);
		if (n < 0)
			us_die("/proc/self/exe: %s", strerror(errno));
		path[n] = '\0';
	}
	return path;
}

/* The file offset of @addr in the file that is mapped there. */
uint64_t us_offset(const void *addr)
{
	unsigned long a = (unsigned long)addr, start, end;
	unsigned long long pgoff;
	FILE *f = fopen("/proc/self/maps", "re");
	char line[1024];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "%lx-%lx %*s %llx", &start, &end, &pgoff) != 3)
			continue;
		if (a < start || a >= end)
			continue;
		fclose(f);
		return a - start + pgoff;
	}
	us_die("address %#lx is not mapped", a);
}

int us_events_write(const char *fmt, ...)
{
	char line[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	errno = 0;
	return us_write_mode(TRACING "/uprobe_events", O_APPEND, line,
			     strlen(line));
}

void us_probe_file(char type, const char *event, const char *path, uint64_t off)
{
	int err = us_events_write("%c:" GROUP "/%s %s:0x%jx\n", type, event,
				  path, off);

	if (err)
		us_die("cannot add probe %s at %s:%#jx: %s", event, path, off,
		       strerror(-err));
}

void us_probe(const char *event, const void *addr)
{
	us_probe_file('p', event, us_self(), us_offset(addr));
}

void us_retprobe(const char *event, const void *addr)
{
	us_probe_file('r', event, us_self(), us_offset(addr));
}

void us_probe_range(const char *event, const char *base, int size, int from,
		    int to)
{
	uint64_t off = us_offset(base);
	char *text = malloc((to - from) * 600 + 1);
	int i, len = 0, err;

	for (i = from; i < to; i++)
		len += sprintf(text + len, "p:" GROUP "/%s %s:0x%jx\n", event,
			       us_self(), off + i * size);
	err = us_write_mode(TRACING "/uprobe_events", O_APPEND, text, len);
	free(text);
	if (err)
		us_die("cannot add probes %d..%d: %s", from, to, strerror(-err));
}

void us_probe_many(const char *event, int from, int to)
{
	us_probe_range(event, us_many, US_MANY_SIZE, from, to);
}

int us_try_enable(const char *event, bool on)
{
	char path[256];

	if (event)
		snprintf(path, sizeof(path), TRACING "/events/" GROUP "/%s/enable",
			 event);
	else
		snprintf(path, sizeof(path), TRACING "/events/" GROUP "/enable");
	return us_write(path, on ? "1" : "0");
}

void us_enable(const char *event, bool on)
{
	int err = us_try_enable(event, on);

	if (err)
		us_die("cannot %s %s: %s", on ? "enable" : "disable",
		       event ? event : GROUP, strerror(-err));
}

/*
 * uprobe_events and uprobe_profile walk the same list, so their lines belong
 * together one by one; that gives the hits of each probe of a shared event.
 */
void us_hits_each(const char *event,
		  void (*fn)(uint64_t off, uint64_t hits, void *arg), void *arg)
{
	char *ev = us_slurp(TRACING "/uprobe_events");
	char *pr = us_slurp(TRACING "/uprobe_profile");
	char *e, *p, *es, *ps, name[128], want[160];
	uint64_t hits;

	snprintf(want, sizeof(want), ":" GROUP "/%s ", event);
	e = strtok_r(ev, "\n", &es);
	p = strtok_r(pr, "\n", &ps);
	for (; e && p; e = strtok_r(NULL, "\n", &es), p = strtok_r(NULL, "\n", &ps)) {
		if (strncmp(e + 1, want, strlen(want)))
			continue;
		if (sscanf(p, "%*s %127s %ju", name, &hits) != 2 ||
		    strcmp(name, event))
			us_die("uprobe_profile does not match uprobe_events: '%s'", p);
		fn(strtoull(strrchr(e, ':') + 1, NULL, 0), hits, arg);
	}
	free(ev);
	free(pr);
}

static void add_hits(uint64_t off, uint64_t hits, void *arg)
{
	uint64_t *sum = arg;

	*sum += hits;
}

uint64_t us_hits(const char *event)
{
	uint64_t sum = 0;

	us_hits_each(event, add_hits, &sum);
	return sum;
}

static bool group_exists(void)
{
	return !access(TRACING "/events/" GROUP, F_OK);
}

/* An event may be busy for a moment after it was disabled. */
static bool try_clear(void *unused)
{
	if (group_exists())
		us_write(TRACING "/events/" GROUP "/enable", "0");
	return !us_write_mode(TRACING "/uprobe_events", O_APPEND,
			      "-:" GROUP "/\n", sizeof("-:" GROUP "/\n") - 1) ||
	       !group_exists();
}

static int trace_clear(void);

int us_probe_clear(void)
{
	int bad = trace_clear();

	if (!group_exists())
		return bad;
	if (!us_poll(try_clear, NULL, 10))
		bad |= us_fail("cannot remove the probes of group " GROUP);
	return bad;
}

/* ---- a trace instance ----------------------------------------------------- */

void us_trace_start(int kb_per_cpu)
{
	char kb[16];
	int err;

	if (mkdir(US_INSTANCE, 0755))
		us_die(US_INSTANCE ": %s", strerror(errno));
	snprintf(kb, sizeof(kb), "%d", kb_per_cpu);
	err = us_write(US_INSTANCE "/buffer_size_kb", kb);
	if (err)
		us_die(US_INSTANCE "/buffer_size_kb: %s", strerror(-err));
}

void us_trace_event(const char *system, const char *event, bool on)
{
	char path[256];
	int err;

	snprintf(path, sizeof(path), US_INSTANCE "/events/%s/%s/enable", system,
		 event);
	err = us_write(path, on ? "1" : "0");
	if (err)
		us_die("%s: %s", path, strerror(-err));
}

char *us_trace_read(void)
{
	return us_slurp(US_INSTANCE "/trace");
}

/* Lines with @text and, unless that is NULL, @and. */
long us_count(const char *lines, const char *text, const char *and)
{
	const char *p = lines, *end, *a;
	long n = 0;

	while ((p = strstr(p, text))) {
		end = strchrnul(p, '\n');
		a = and ? strstr(p, and) : p;
		n += a && a < end;
		p = end;
	}
	return n;
}

static long lost_on(int cpu)
{
	char path[128], buf[2048], *p;
	long n = 0;

	snprintf(path, sizeof(path), US_INSTANCE "/per_cpu/cpu%d/stats", cpu);
	if (us_read(path, buf, sizeof(buf)) < 0)
		return -1;
	p = strstr(buf, "overrun: ");
	if (p)
		n += atol(p + 9);
	p = strstr(buf, "dropped events: ");
	if (p)
		n += atol(p + 16);
	return n;
}

long us_trace_lost(void)
{
	long sum = 0, n;
	int cpu;

	for (cpu = 0; (n = lost_on(cpu)) >= 0; cpu++)
		sum += n;
	return sum;
}

static int trace_clear(void)
{
	if (access(US_INSTANCE, F_OK))
		return 0;
	us_write(US_INSTANCE "/events/enable", "0");
	return us_check(!rmdir(US_INSTANCE), "cannot remove " US_INSTANCE ": %s",
			strerror(errno));
}

/* ---- looking at processes ----------------------------------------------- */

bool us_area(pid_t pid, unsigned long *start, unsigned long *end)
{
	char path[64], line[1024];
	bool found = false;
	FILE *f;

	snprintf(path, sizeof(path), pid ? "/proc/%d/maps" : "/proc/self/maps",
		 pid);
	f = fopen(path, "re");
	while (f && !found && fgets(line, sizeof(line), f))
		found = strstr(line, "[uprobes]") &&
			sscanf(line, "%lx-%lx", start, end) == 2;
	if (f)
		fclose(f);
	return found;
}

char us_task_state(pid_t pid, pid_t tid)
{
	char path[64], buf[1024], *p;

	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, tid);
	if (us_read(path, buf, sizeof(buf)) < 0)
		return '?';
	p = strrchr(buf, ')');
	return p ? p[2] : '?';
}

/* ---- tasks stuck in a step ---------------------------------------------- */

int us_uffd_open(struct us_uffd *u, size_t pages)
{
	struct uffdio_api api = { .api = UFFD_API };
	struct uffdio_register reg = { .mode = UFFDIO_REGISTER_MODE_MISSING };

	u->page_size = sysconf(_SC_PAGESIZE);
	u->pages = pages;
	u->fd = syscall(__NR_userfaultfd, O_CLOEXEC | O_NONBLOCK);
	if (u->fd < 0 && errno == ENOSYS)
		return us_skip("no userfaultfd in this kernel");
	if (u->fd < 0 || ioctl(u->fd, UFFDIO_API, &api))
		return us_fail("userfaultfd: %s", strerror(errno));
	u->mem = mmap(NULL, pages * u->page_size, PROT_READ | PROT_WRITE,
		      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (u->mem == MAP_FAILED)
		return us_fail("mmap: %s", strerror(errno));
	reg.range.start = (unsigned long)u->mem;
	reg.range.len = pages * u->page_size;
	if (ioctl(u->fd, UFFDIO_REGISTER, &reg))
		return us_fail("UFFDIO_REGISTER: %s", strerror(errno));
	return 0;
}

bool us_uffd_wait(struct us_uffd *u, int n, double seconds)
{
	double end = us_deadline(seconds);
	struct pollfd pfd = { .fd = u->fd, .events = POLLIN };
	struct uffd_msg msg;

	while (n > 0 && us_now() < end) {
		if (poll(&pfd, 1, 100) <= 0)
			continue;
		if (read(u->fd, &msg, sizeof(msg)) == sizeof(msg) &&
		    msg.event == UFFD_EVENT_PAGEFAULT)
			n--;
	}
	return !n;
}

void us_uffd_resolve(struct us_uffd *u)
{
	struct uffdio_zeropage z = { };
	size_t i;

	for (i = 0; i < u->pages; i++) {
		z.range.start = (unsigned long)u->mem + i * u->page_size;
		z.range.len = u->page_size;
		ioctl(u->fd, UFFDIO_ZEROPAGE, &z);
	}
}

/* ---- the runner --------------------------------------------------------- */

static struct {
	long enable, cache_limit, area_pages, emulate;
	char *exits, *task_limits;
} saved;

static void save_knobs(void)
{
	if (!us_have_slots())
		return;
	saved.enable = us_knob_read("enable");
	saved.cache_limit = us_knob_read("cache_limit");
	saved.area_pages = us_knob_read("area_pages");
	saved.emulate = us_knob_read("emulate");
	saved.exits = us_slurp(SLOTS "/exits");
	saved.task_limits = us_slurp(SLOTS "/task_limits");
}

static void default_knobs(enum us_mode mode)
{
	us_knob("enable", mode != US_OFF);
	us_knob("cache_limit", mode == US_LIMIT0 ? 0 : US_LIMIT_DEFAULT);
	us_knob("area_pages", US_AREA_PAGES_DEFAULT);
	/* What counts slots wants one for each instruction, and steps in it. */
	us_knob("emulate", 0);
	us_exits(getenv("UPROBE_SLOTS_EXITS") ?: "step");
	clear_file(SLOTS "/task_limits");
}

static void restore_knobs(void)
{
	char *line, *save;

	if (!us_have_slots())
		return;
	us_knob("enable", saved.enable);
	us_knob("cache_limit", saved.cache_limit);
	us_knob("area_pages", saved.area_pages);
	us_knob("emulate", saved.emulate);
	us_exits(saved.exits);
	clear_file(SLOTS "/task_limits");
	/* Line by line: a task that has gone must not stop the others. */
	for (line = strtok_r(saved.task_limits, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save))
		us_write_mode(SLOTS "/task_limits", O_APPEND, line, strlen(line));
}

static const char * const gauges[] = {
	"areas", "pages", "slots_free", "slots_live", "slots_dying",
	"slots_pinned", "slots_transient",
};

static bool gauges_equal(void *arg)
{
	struct us_stats now;
	unsigned int i;

	us_stats(&now);
	for (i = 0; i < ARRAY_SIZE(gauges); i++)
		if (us_delta(arg, &now, gauges[i]))
			return false;
	return true;
}

/* P6: nothing is left of the child. P4: the kernel's own checker agrees. */
static int check_leftovers(struct us_stats *before)
{
	struct us_stats now;
	unsigned int i;
	int bad = 0;

	if (!us_poll(gauges_equal, before, 10)) {
		us_stats(&now);
		for (i = 0; i < ARRAY_SIZE(gauges); i++)
			if (us_delta(before, &now, gauges[i]))
				bad |= us_fail("left over: %s %+jd", gauges[i],
					       us_delta(before, &now, gauges[i]));
	}
	return bad | us_checker("at the end");
}

static int wait_child(pid_t pid, int seconds, int *status)
{
	double end = us_deadline(seconds);
	pid_t r;

	for (;;) {
		r = waitpid(pid, status, WNOHANG);
		if (r)
			return r == pid ? 0 : -1;
		if (us_now() > end)
			break;
		usleep(1000);
	}
	kill(-pid, SIGKILL);
	waitpid(pid, status, 0);
	return 1;
}

static void __attribute__((noreturn)) case_process(const struct us_case *c)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_DFL);
	exit(c->fn());
}

/* Put the child to its end, whatever it left running in its group. */
static int run_child(const struct us_case *c)
{
	int seconds = c->seconds ?: CASE_SECONDS, status = 0, late;
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (!pid)
		case_process(c);
	if (pid < 0)
		return us_fail("fork: %s", strerror(errno));
	setpgid(pid, pid);
	late = wait_child(pid, seconds, &status);
	kill(-pid, SIGKILL);
	if (late)
		return us_fail("no end after %d s", seconds);
	if (WIFSIGNALED(status))
		return us_fail("killed by signal %d (%s)", WTERMSIG(status),
			       strsignal(WTERMSIG(status)));
	return WEXITSTATUS(status);
}

static int run_case(const struct us_case *c, enum us_mode mode)
{
	struct us_stats before;
	int ret;

	current_mode = mode;
	skip_reason[0] = '\0';
	if (mode != US_STOCK) {
		default_knobs(mode);
		if (!us_quiesce())
			return us_fail("before the case: reclaim goes on without work");
		us_stats(&before);
	}
	ret = run_child(c);
	if (us_probe_clear())
		ret = 1;
	if (mode != US_STOCK) {
		default_knobs(mode);
		if (check_leftovers(&before))
			ret = 1;
	}
	return ret;
}

static const char * const mode_names[] = {
	[US_STOCK] = "stock", [US_ON] = "enable 1", [US_LIMIT0] = "limit 0",
	[US_OFF] = "enable 0",
};

static int number, failed, passed;

static void report(const struct us_case *c, const char *mode, int ret)
{
	const char *ok = ret && ret != US_SKIP ? "not ok" : "ok";

	printf("%s %d %s", ok, ++number, c->name);
	if (mode)
		printf(" [%s]", mode);
	if (ret == US_SKIP)
		printf(" # SKIP %s", skip_reason);
	printf("\n");
	fflush(stdout);
	failed += ret && ret != US_SKIP;
	passed += !ret;
}

static void run_modes(const struct us_case *c, bool slots)
{
	enum us_mode m;

	if (!slots) {
		report(c, mode_names[US_STOCK], run_case(c, US_STOCK));
		return;
	}
	for (m = US_ON; m <= US_OFF; m++)
		if (m != US_LIMIT0 || c->where == US_MODES)
			report(c, mode_names[m], run_case(c, m));
}

static void run_table_entry(const struct us_case *c, bool slots)
{
	if (c->where != US_SLOTS) {
		run_modes(c, slots);
	} else if (slots) {
		report(c, NULL, run_case(c, US_ON));
	} else {
		us_skip("this kernel has no uprobe_slots");
		report(c, NULL, getenv("UPROBE_SLOTS_EXPECTED") ? 1 : US_SKIP);
	}
}

static int count_cases(const struct us_case *cases, int n, bool slots)
{
	int i, sum = n;

	for (i = 0; slots && i < n; i++) {
		sum += cases[i].where == US_ON_OFF;
		sum += 2 * (cases[i].where == US_MODES);
	}
	return sum;
}

/* One test program at a time: they share the counters and the group. */
static void take_turn(void)
{
	int fd = open(TRACING "/uprobe_profile", O_RDONLY | O_CLOEXEC);

	if (fd < 0) {
		printf("1..0 # SKIP cannot open " TRACING "/uprobe_profile: %s\n",
		       strerror(errno));
		exit(getenv("UPROBE_SLOTS_EXPECTED") ? 1 : US_SKIP);
	}
	if (flock(fd, LOCK_EX))
		us_die("flock: %s", strerror(errno));
}

int us_run(const struct us_case *cases, int n)
{
	bool slots;
	int i;

	setvbuf(stdout, NULL, _IOLBF, 0);
	skip_reason = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	printf("TAP version 13\n");
	take_turn();
	slots = us_have_slots();
	if (us_probe_clear())
		us_die("an earlier run left what cannot be removed");
	save_knobs();
	printf("1..%d\n", count_cases(cases, n, slots));
	for (i = 0; i < n; i++)
		run_table_entry(&cases[i], slots);
	restore_knobs();
	if (failed)
		return 1;
	return passed ? 0 : US_SKIP;
}
