// SPDX-License-Identifier: GPL-2.0
/* limits_os_files.c - readers of the mapping, large writes to task_limits */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "limits_os.h"

/* ---- readers --------------------------------------------------------------------- */

/* What a reader got of the byte at @addr in @pid: 0, or an errno. */
static int read_vm(pid_t pid, unsigned long addr)
{
	char byte;
	struct iovec to = { &byte, 1 }, from = { (void *)addr, 1 };

	return process_vm_readv(pid, &to, 1, &from, 1, 0) == 1 ? 0 : errno;
}

static int read_mem(pid_t pid, unsigned long addr)
{
	char path[32], byte;
	int fd, err;

	snprintf(path, sizeof(path), "/proc/%d/mem", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno;
	err = pread(fd, &byte, 1, addr) == 1 ? 0 : errno;
	close(fd);
	return err;
}

static int read_file(pid_t pid, const char *name)
{
	static char buf[1 << 16];
	char path[32];

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	return us_read(path, buf, sizeof(buf)) < 0;
}

static void read_files(pid_t pid)
{
	static const char * const names[] = {
		"maps", "smaps", "smaps_rollup", "numa_maps", "pagemap",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++)
		read_file(pid, names[i]);
}

/* As a task of its own reads it, by its page tables. */
static int in_core(pid_t pid, unsigned long addr)
{
	uint64_t entry = 0;
	char path[32];
	int fd, err = 0;

	snprintf(path, sizeof(path), "/proc/%d/pagemap", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || pread(fd, &entry, 8, addr / 4096 * 8) != 8)
		err = errno;
	if (fd >= 0)
		close(fd);
	return err ? -err : (int)(entry >> 63);
}

static long pages_populated(void)
{
	return us_mode() == US_STOCK ? 0 : (long)us_gauge("pages");
}

static int present(pid_t pid, unsigned long start, unsigned long end)
{
	int n = 0;

	for (; start < end; start += 4096)
		n += in_core(pid, start) > 0;
	return n;
}

/* As on stock: not one byte, of no page of it. */
static int read_page(pid_t pid, unsigned long addr, int *at)
{
	int vm = read_vm(pid, addr), mem = read_mem(pid, addr);
	int bad;

	bad = us_check((vm == EFAULT || vm == ENOSYS) && mem == EIO, "%s: %#lx: %s, %s",
		       setting_name(), addr, strerror(vm), strerror(mem));
	bad |= same(at, vm, "process_vm_readv");
	return bad | same(at, mem, "/proc/PID/mem");
}

/* A task in [uprobes] that stands still: each page of it, by each reader. */
static int read_standing(pid_t pid)
{
	int bad = 0, at = 0, before;
	unsigned long start, end, addr;
	long pages = pages_populated();

	if (!us_area(pid, &start, &end))
		return us_fail("no [uprobes] in the child");
	before = present(pid, start, end);
	bad |= us_check(before > 0, "no page of [uprobes] is present");
	for (addr = start; addr < end; addr += 4096)
		bad |= read_page(pid, addr, &at);
	read_files(pid);
	bad |= us_check(present(pid, start, end) == before,
			"%s: %d pages present before, %d behind", setting_name(), before,
			present(pid, start, end));
	return bad | us_check(pages_populated() == pages, "%s: %ld pages before, %ld behind",
			      setting_name(), pages, pages_populated());
}

static int standing(void)
{
	int to[2], bad, st;
	char c;
	pid_t pid;

	if (pipe(to))
		us_die("pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		c = call_targets(1);
		if (write(to[1], &c, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	bad = us_check(read(to[0], &c, 1) == 1 && !c, "the child failed");
	bad |= read_standing(pid);
	kill(pid, SIGKILL);
	waitpid(pid, &st, 0);
	close(to[0]);
	close(to[1]);
	return bad;
}

/* The process that is read from; those who read it look at no other. */
static struct {
	pid_t pid;
	bool stop;
	long read, got;
} target;

static void *reader_main(void *arg)
{
	long what = (long)arg;
	unsigned long start, end, addr;
	pid_t pid;

	while (!READ_ONCE(target.stop)) {
		pid = READ_ONCE(target.pid);
		if (!pid) {
			usleep(200);
			continue;
		}
		if (what) {
			read_file(pid, what == 1 ? "maps" : "smaps");
		} else if (us_area(pid, &start, &end)) {
			for (addr = start; addr < end; addr += 4096)
				if (!read_vm(pid, addr) || !read_mem(pid, addr))
					target.got++;
			WRITE_ONCE(target.read, target.read + 1);
		}
	}
	return NULL;
}

/* It hits and exits, or is killed, while others read. */
static int child_to_read(long n)
{
	pid_t pid = fork();
	int st;

	if (!pid) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (call_targets(5))
			_exit(1);
		if (n % 2)
			_exit(0);
		for (;;)
			call_targets(1);
	}
	WRITE_ONCE(target.pid, pid);
	if (n % 2 == 0) {
		usleep(5000 + n * 1237 % 20000);
		kill(pid, SIGKILL);
	}
	waitpid(pid, &st, 0);
	WRITE_ONCE(target.pid, 0);
	return us_check(n % 2 ? !st : WIFSIGNALED(st) && WTERMSIG(st) == SIGKILL,
			"%s: child %ld: status %#x", setting_name(), n, st);
}

static int moving(void)
{
	long children = us_scaled(30), n;
	pthread_t threads[3];
	int bad = 0;

	for (n = 0; n < 3; n++)
		if (pthread_create(&threads[n], NULL, reader_main, (void *)n))
			us_die("pthread_create");
	for (n = 0; n < children; n++)
		bad |= child_to_read(n);
	WRITE_ONCE(target.stop, true);
	for (n = 0; n < 3; n++)
		pthread_join(threads[n], NULL);
	bad |= us_check(target.read > 0, "%s: nobody read", setting_name());
	return bad | us_check(!target.got, "%s: %ld of the pages could be read", setting_name(),
			      target.got);
}

static int readers_setting(void)
{
	int bad = us_check(read_vm(getpid(), (unsigned long)ht_page) != ENOSYS,
			   "no process_vm_readv(): CONFIG_CROSS_MEMORY_ATTACH is off");

	probe_targets("read");
	us_enable("read", true);
	return bad | standing() | moving();
}

int readers(void)
{
	return each_setting(readers_setting, 60);
}

/* ---- a large write to task_limits ------------------------------------------------------ */

#define LARGE	(1024 * 1024)

/* -1: none */
static int override_of(pid_t tid)
{
	char *buf = us_slurp(SLOTS "/task_limits"), *line, *save;
	int t, limit, found = -1;

	for (line = strtok_r(buf, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%d %d", &t, &limit) == 2 && t == tid)
			found = limit;
	free(buf);
	return found;
}

static int large_lines;

/* As many lines of @tid as there is room for, and @last, which is the last one. */
static size_t large_text(char *text, pid_t tid, const char *last)
{
	size_t len = 0, l, room = LARGE - strlen(last);
	char line[32];

	for (large_lines = 0;; large_lines++) {
		l = sprintf(line, "%d %d\n", tid, large_lines % 10);
		if (len + l > room)
			break;
		memcpy(text + len, line, l);
		len += l;
	}
	memcpy(text + len, last, strlen(last));
	return len + strlen(last);
}

/* Another process: fork, exit, wait, without an end. */
static struct forks {
	double since, longest;		/* of the round that is on; of all since then */
	long rounds;
	bool stop;
} *forks;

static void __attribute__((noreturn)) fork_main(void)
{
	double start, took;
	pid_t pid;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	while (!READ_ONCE(forks->stop)) {
		start = us_now();
		WRITE_ONCE(forks->since, start);
		pid = fork();
		if (!pid)
			_exit(0);
		waitpid(pid, NULL, 0);
		took = us_now() - start;
		if (took > forks->longest)
			forks->longest = took;
		WRITE_ONCE(forks->rounds, forks->rounds + 1);
	}
	_exit(0);
}

struct stall {
	double seconds, longest;
	long rounds;
};

static void stall_begin(struct stall *s)
{
	s->rounds = READ_ONCE(forks->rounds);
	s->seconds = us_now();
	WRITE_ONCE(forks->longest, 0);
}

/* The round that is on when it ends belongs to it. */
static void stall_end(struct stall *s)
{
	long now = READ_ONCE(forks->rounds);
	double longest = us_now() - READ_ONCE(forks->since);

	s->seconds = us_now() - s->seconds;
	s->rounds = now - s->rounds;
	while (READ_ONCE(forks->rounds) == now && !usleep(100))
		;
	s->longest = READ_ONCE(forks->longest);
	if (s->longest < longest)
		s->longest = longest;
}

static int large_writes(char *text)
{
	struct stall idle = { }, busy = { };
	int bad = 0, err, i;
	double worst = 0;
	size_t len;

	for (i = 0; i < 3; i++) {
		len = large_text(text, getpid(), "");
		len -= 2;		/* the last line's limit */
		len += sprintf(text + len, "%d\n", i + 3);
		stall_begin(&busy);
		err = us_write_mode(SLOTS "/task_limits", O_APPEND, text, len);
		stall_end(&busy);
		bad |= us_check(!err, "%zu bytes: %s", len, strerror(-err));
		bad |= us_check(override_of(getpid()) == i + 3, "override %d, not the last one, %d",
				override_of(getpid()), i + 3);
		stall_begin(&idle);
		usleep(busy.seconds * 1e6);
		stall_end(&idle);
		us_diag("%d lines in %.3f s: %ld rounds of fork and exit, the longest %.3f s; "
			"without the write %ld, %.3f s", large_lines, busy.seconds,
			busy.rounds, busy.longest, idle.rounds, idle.longest);
		if (busy.longest - idle.longest > worst)
			worst = busy.longest - idle.longest;
	}
	us_diag("stall by the write: %.3f s", worst);
	/* Of a machine that may be emulated and busy: this is far from what is right. */
	return bad | us_check(worst < 1, "a stall of %.3f s", worst);
}

/* All of them are applied or none. */
static int large_and_wrong(char *text)
{
	char last[32];
	pid_t gone;
	int err;

	gone = fork();
	if (!gone)
		_exit(0);
	waitpid(gone, NULL, 0);
	us_limit(getpid(), 33);
	snprintf(last, sizeof(last), "%d 5\n", gone);
	err = us_write_mode(SLOTS "/task_limits", O_APPEND, text,
			    large_text(text, getpid(), last));
	return us_check(err == -ESRCH, "a task that has gone: %s", strerror(-err)) |
	       us_check(override_of(getpid()) == 33, "override %d, expected 33",
			override_of(getpid()));
}

int large_write(void)
{
	char *text = malloc(LARGE + 1);
	pid_t pid;
	int bad;

	forks = mmap(NULL, sizeof(*forks), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(text, 0, LARGE + 1);
	pid = fork();
	if (!pid)
		fork_main();
	while (READ_ONCE(forks->rounds) < 10)
		usleep(1000);
	bad = large_writes(text);
	WRITE_ONCE(forks->stop, true);
	waitpid(pid, NULL, 0);
	bad |= large_and_wrong(text);
	free(text);
	return bad;
}
