// SPDX-License-Identifier: GPL-2.0
/*
 * limits_os_wait.c - a probed instruction whose stack is on a page that does not come
 *
 * A task that waits for the page must not hold up whoever takes probes away, of its
 * own or another program (P5, P6).
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/userfaultfd.h>
#include <pthread.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include "limits_os.h"

#define SP_OFFSET	512		/* into the page */

struct waiting {
	const char *name;
	char *fn, *insn, *back;		/* @back: what ret finds on the stack */
	bool faults;
};

static struct us_uffd uffd;

/* ---- the task that waits -------------------------------------------------------- */

static struct {
	pthread_t thread;
	const struct waiting *what;
	int value;
} waiter;

static void *waiter_main(void *arg)
{
	int (*fn)(void *) = (int (*)(void *))waiter.what->fn;

	WRITE_ONCE(waiter.value, fn(uffd.mem + SP_OFFSET));
	return NULL;
}

static bool has_value(void *unused)
{
	return READ_ONCE(waiter.value) != -1;
}

/* Serve the page: zeros, and where ret goes to. */
static int serve(const struct waiting *w)
{
	static unsigned long page[4096 / sizeof(long)];
	struct uffdio_copy copy = {
		.dst = (unsigned long)uffd.mem, .src = (unsigned long)page,
		.len = sizeof(page),
	};

	page[SP_OFFSET / sizeof(long)] = (unsigned long)w->back;
	return us_check(!ioctl(uffd.fd, UFFDIO_COPY, &copy), "UFFDIO_COPY: %s",
			strerror(errno));
}

static void close_uffd(void)
{
	close(uffd.fd);
	munmap(uffd.mem, uffd.page_size);
}

/* ---- who takes probes away ------------------------------------------------------- */

static struct {
	pthread_t thread;
	int done, err;
	double seconds[2];
} closer;

/* A probe that nobody waits at, then that of the task. */
static void *closer_main(void *arg)
{
	static const char * const events[] = { "other", "waits" };
	double start;
	int i;

	for (i = 0; i < 2; i++) {
		start = us_now();
		closer.err |= us_try_enable(events[i], false);
		closer.seconds[i] = us_now() - start;
		WRITE_ONCE(closer.done, i + 1);
	}
	return NULL;
}

static bool has_closed(void *unused)
{
	return READ_ONCE(closer.done) == 2;
}

/* How many probes went in @seconds while the task waited: 2 are right. */
static int close_probes(double seconds)
{
	closer.done = closer.err = 0;
	if (pthread_create(&closer.thread, NULL, closer_main, NULL))
		us_die("pthread_create");
	us_poll(has_closed, NULL, seconds);
	return READ_ONCE(closer.done);
}

/* ---- one instruction -------------------------------------------------------------- */

static void start(const struct waiting *w)
{
	us_probe("waits", w->insn);
	us_probe("other", ht_add_insn);
	us_enable("waits", true);
	us_enable("other", true);
	waiter.what = w;
	waiter.value = -1;
	if (pthread_create(&waiter.thread, NULL, waiter_main, NULL))
		us_die("pthread_create");
}

static int finish(const struct waiting *w)
{
	int bad = w->faults ? serve(w) : 0;

	pthread_join(closer.thread, NULL);
	bad |= us_check(us_poll(has_value, NULL, 20), "%s: %s: no end with the page there",
			setting_name(), w->name);
	if (bad)
		return bad;
	pthread_join(waiter.thread, NULL);
	bad |= us_check(!closer.err, "%s: cannot take the probes away", w->name);
	bad |= us_check(waiter.value == HT_WORD, "%s: %s: value %d", setting_name(), w->name,
			waiter.value);
	return bad | us_check(us_hits("waits") == 1, "%s: %s: %ju hits", setting_name(),
			      w->name, us_hits("waits"));
}

/* @seconds: to wait for the closer; @closed: how many probes went. */
static int wait_once(const struct waiting *w, double seconds, int *closed)
{
	int bad = us_uffd_open(&uffd, 1);

	if (bad)
		return bad;
	start(w);
	if (w->faults)
		bad = us_check(us_uffd_wait(&uffd, 1, 20), "%s: %s: no fault", setting_name(),
			       w->name);
	else
		bad = us_check(us_poll(has_value, NULL, 20), "%s: %s: it waits",
			       setting_name(), w->name);
	*closed = close_probes(seconds);
	bad |= finish(w);
	close_uffd();
	return bad | us_probe_clear();
}

static int must_close(const struct waiting *w)
{
	int closed, bad = wait_once(w, 5, &closed);

	return bad | us_check(closed == 2,
			      "%s: %s: %d of 2 probes went within 5 s; with the page: %.2f s, %.2f s",
			      setting_name(), w->name, closed, closer.seconds[0],
			      closer.seconds[1]);
}

static int ret_setting(void)
{
	static const struct waiting list[] = {
		{ "ret", lo_ret, lo_ret_insn, lo_ret_back, true },
		{ "ret imm16", lo_retn, lo_retn_insn, lo_retn_back, true },
		{ "lea", lo_lea, lo_lea_insn, NULL, false },
		{ "endbr", lo_endbr, lo_endbr_insn, NULL, false },
	};
	unsigned int i;
	int bad = 0;

	for (i = 0; i < ARRAY_SIZE(list) && bad != US_SKIP; i++)
		bad |= must_close(&list[i]);
	return bad;
}

int ret_waits(void)
{
	return each_setting(ret_setting, 60);
}

/*
 * What stock kernels emulate too: it is said whether probes go, not judged. The task
 * has to go on rightly.
 */
static int push_setting(void)
{
	static const struct waiting list[] = {
		{ "push", lo_push, lo_push_insn, NULL, true },
		{ "call", lo_call, lo_call_insn, NULL, true },
	};
	int bad = 0, closed;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(list) && bad != US_SKIP; i++) {
		bad |= wait_once(&list[i], is_reference() ? 1 : 0.1, &closed);
		if (is_reference())
			us_diag("%s: %s: %d of 2 probes went within 1 s", setting_name(),
				list[i].name, closed);
	}
	return bad;
}

int push_waits(void)
{
	return each_setting(push_setting, 60);
}

/* ---- a page that comes ---------------------------------------------------------------- */

/* The kernel may not wait for it where it emulates; the instruction is right all the same. */
static int fault_setting(void)
{
	int fd = memfd_create("stack", 0), i, v, bad = 0, rounds = us_scaled(50);
	unsigned long *page;
	bool imm;

	if (fd < 0 || ftruncate(fd, 4096))
		us_die("memfd_create: %s", strerror(errno));
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	us_probe("faults", lo_ret_insn);
	us_probe("faults", lo_retn_insn);
	us_enable("faults", true);
	for (i = 0; i < rounds; i++) {
		imm = i & 1;
		page[SP_OFFSET / sizeof(long)] = (long)(imm ? lo_retn_back : lo_ret_back);
		/* Every third time it is there. */
		if (i % 3)
			madvise(page, 4096, MADV_DONTNEED);
		v = ((int (*)(void *))(imm ? lo_retn : lo_ret))((char *)page + SP_OFFSET);
		bad |= us_check(v == HT_WORD, "%s: round %d: value %d", setting_name(), i, v);
	}
	close(fd);
	return bad | us_check(us_hits("faults") == (uint64_t)rounds, "%s: %d calls, %ju hits",
			      setting_name(), rounds, us_hits("faults"));
}

int ret_faults(void)
{
	return each_setting(fault_setting, 60);
}
