// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A hot, probed loop that knows what it computes, for those who look at it from
 * outside: perf, gdb, gcore, criu.
 *
 *	hot FILE THREADS PAUSE MILLISECONDS
 *
 * Each thread calls probed() through caller(), 100 times, looks at the result and
 * sleeps for PAUSE microseconds, if that is not 0. FILE gets the number of calls
 * that were right so far, or "wrong" and what it was. It ends after that many
 * milliseconds of its own time, 0: never; with status 0 if all were right.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define CALLS	100

static atomic_long calls;
static atomic_bool over;
static long pause_us;
static int file;

static void put(const char *text)
{
	char line[64];
	int len = snprintf(line, sizeof(line), "%-40s\n", text);

	if (pwrite(file, line, len, 0) != len)
		_exit(4);
}

static void wrong(long got, long wanted)
{
	char text[64];

	snprintf(text, sizeof(text), "wrong %ld %ld", got, wanted);
	put(text);
	_exit(3);
}

/*
 * Adds 3. The instruction that is probed, at probed+7, has a frame around it and
 * call frame information, so that whoever unwinds from there finds the caller.
 */
long probed(long x);
asm(".pushsection .text\n"
    ".globl probed\n"
    ".type probed, @function\n"
    "probed:\n"
    "	.cfi_startproc\n"
    "	push	%rbp\n"
    "	.cfi_def_cfa_offset 16\n"
    "	.cfi_offset %rbp, -16\n"
    "	mov	%rsp, %rbp\n"
    "	.cfi_def_cfa_register %rbp\n"
    "	mov	%rdi, %rax\n"
    "	add	$3, %rax\n"
    "	pop	%rbp\n"
    "	.cfi_def_cfa %rsp, 8\n"
    "	ret\n"
    "	.cfi_endproc\n"
    ".size probed, . - probed\n"
    ".popsection");

/* Not a tail call: there is something to do after each. */
__attribute__((noinline, noclone)) long caller(long from);
long caller(long from)
{
	long x = from;
	int i;

	for (i = 0; i < CALLS; i++) {
		x = probed(x);
		asm volatile("" : "+r" (x));
	}
	return x;
}

static void *work(void *arg)
{
	long from = (long)arg, x;

	while (!over) {
		x = caller(from);
		if (x != from + 3 * CALLS)
			wrong(x, from + 3 * CALLS);
		from = x;
		calls += CALLS;
		if (pause_us)
			usleep(pause_us);
	}
	return NULL;
}

static void watch(long milliseconds)
{
	const struct timespec tick = { .tv_nsec = 20 * 1000 * 1000 };
	char text[32];
	long ticks;

	/* Own time: what passes while it is stopped, or dumped, does not count. */
	for (ticks = 0; !milliseconds || ticks * 20 < milliseconds; ticks++) {
		nanosleep(&tick, NULL);
		snprintf(text, sizeof(text), "%ld", (long)calls);
		put(text);
	}
}

int main(int argc, char **argv)
{
	pthread_t thread[64];
	char text[32];
	int i, threads;

	if (argc != 5 || (threads = atoi(argv[2])) < 1 || threads > 64) {
		fprintf(stderr, "usage: hot FILE THREADS PAUSE MILLISECONDS\n");
		return 2;
	}
	pause_us = atol(argv[3]);
	file = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0644);
	if (file < 0)
		return 2;
	for (i = 0; i < threads; i++)
		if (pthread_create(&thread[i], NULL, work, (void *)(long)i))
			return 2;
	watch(atol(argv[4]));
	over = true;
	for (i = 0; i < threads; i++)
		pthread_join(thread[i], NULL);
	snprintf(text, sizeof(text), "%ld", (long)calls);
	put(text);
	return 0;
}
