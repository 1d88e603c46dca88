// SPDX-License-Identifier: GPL-2.0
/*
 * Description: the 32-bit program that content32 probes. No C library: it is
 * built where only the 64-bit one is installed.
 *
 *	prog32 TASKS ROUNDS
 *
 * Records what each snippet of prog32_insns.S does, writes a byte to stdout,
 * waits for a byte on stdin (the probes are in by then), and runs every snippet
 * ROUNDS times in each of TASKS tasks that share one address space. Exit status
 * 0: all as recorded; P32_WRONG: not, "name of the difference" on stderr.
 */
#include <stdint.h>
#include "prog32.h"

struct ctx32 {
	uint32_t in[8], out[8], flags, sp, saved_sp;
	uint8_t pad[C32_DATA - C32_SAVED_SP - 4];
	uint8_t data[C32_STACK - C32_DATA];
	uint8_t stack[C32_SIZE - C32_STACK];
};

_Static_assert(sizeof(struct ctx32) == C32_SIZE, "prog32.h");

struct snip32 {
	void (*fn)(void);
	void *probe;
};

extern const struct snip32 __start_snips[], __stop_snips[];
void shim(void (*fn)(void), struct ctx32 *ctx);
int sys(int nr, long a, long b, long c);
int spawn(int flags, void *stack, void (*fn)(void));
void start(uint32_t *sp);

#define SYS_EXIT	1
#define SYS_READ	3
#define SYS_WRITE	4
#define SYS_WAITPID	7
#define SYS_YIELD	158
#define CLONE_VM	0x100
#define SIGCHLD		17

#define MAX_SNIPS	40
#define FLAGS_COMPARED	0x8c5	/* OF SF ZF PF CF; AF is often undefined */

static struct ctx32 ctx[P32_TASKS], ref[P32_TASKS][MAX_SNIPS];
static char stacks[P32_TASKS][8192] __attribute__((aligned(16)));
static volatile int wrong, next_task, references_taken, go;
static int nr_snips, tasks, rounds;

static void run(const struct snip32 *s, struct ctx32 *c)
{
	volatile uint8_t *p = (uint8_t *)c;
	int i;

	for (i = 0; i < C32_SIZE; i++)
		p[i] = 31 * i + 7;
	c->in[0] = 0x11223344;
	c->in[1] = 3;
	c->in[2] = 0x0fedcba9;
	c->in[3] = 0x55667788;
	c->in[6] = (uint32_t)c->data + 32;
	c->in[7] = (uint32_t)c->data;
	shim(s->fn, c);
	c->saved_sp = 0;
	c->flags &= FLAGS_COMPARED;
}

static void copy(struct ctx32 *to, const struct ctx32 *from)
{
	volatile uint8_t *t = (uint8_t *)to;
	const uint8_t *f = (const uint8_t *)from;
	int i;

	for (i = 0; i < C32_SIZE; i++)
		t[i] = f[i];
}

static int differ(const struct ctx32 *a, const struct ctx32 *b)
{
	const uint8_t *x = (const uint8_t *)a, *y = (const uint8_t *)b;
	int i;

	for (i = 0; i < C32_SIZE; i++)
		if (x[i] != y[i])
			return i;
	return -1;
}

static void complain(int snip, int offset)
{
	char text[] = "# prog32: snippet NN differs at byte NNN\n";

	text[18] = '0' + snip / 10;
	text[19] = '0' + snip % 10;
	text[37] = '0' + offset / 100;
	text[38] = '0' + offset / 10 % 10;
	text[39] = '0' + offset % 10;
	sys(SYS_WRITE, 2, (long)text, sizeof(text) - 1);
}

static void task(void)
{
	int me = __atomic_fetch_add(&next_task, 1, __ATOMIC_SEQ_CST);
	int round, i, off;

	for (i = 0; i < nr_snips; i++) {
		run(&__start_snips[i], &ctx[me]);
		copy(&ref[me][i], &ctx[me]);
	}
	__atomic_fetch_add(&references_taken, 1, __ATOMIC_SEQ_CST);
	while (!go)
		sys(SYS_YIELD, 0, 0, 0);
	for (round = 0; round < rounds && !wrong; round++)
		for (i = 0; i < nr_snips && !wrong; i++) {
			run(&__start_snips[i], &ctx[me]);
			off = differ(&ref[me][i], &ctx[me]);
			if (off >= 0) {
				wrong = 1;
				complain(i, off);
			}
		}
	sys(SYS_EXIT, 0, 0, 0);
}

static int number(const char *s)
{
	int n = 0;

	while (*s >= '0' && *s <= '9')
		n = 10 * n + *s++ - '0';
	return n;
}

void start(uint32_t *sp)
{
	char **argv = (char **)(sp + 1), byte = 'r';
	int i, status = P32_SETUP, s;

	nr_snips = __stop_snips - __start_snips;
	tasks = number(argv[1]);
	rounds = number(argv[2]);
	if (nr_snips > MAX_SNIPS || tasks > P32_TASKS)
		sys(SYS_EXIT, P32_SETUP, 0, 0);
	for (i = 0; i < tasks; i++)
		if (spawn(CLONE_VM | SIGCHLD, stacks[i] + sizeof(stacks[i]) - 16,
			  task) < 0)
			sys(SYS_EXIT, P32_SETUP, 0, 0);
	while (references_taken < tasks)
		sys(SYS_YIELD, 0, 0, 0);
	if (sys(SYS_WRITE, 1, (long)&byte, 1) == 1 &&
	    sys(SYS_READ, 0, (long)&byte, 1) == 1)
		status = 0;
	go = 1;
	for (i = 0; i < tasks; i++)
		if (sys(SYS_WAITPID, -1, (long)&s, 0) < 0 || s)
			wrong = 1;
	if (wrong)
		status = P32_WRONG;
	sys(SYS_EXIT, status, 0, 0);
	for (;;)
		;
}
