// SPDX-License-Identifier: GPL-2.0
/*
 * shots32.c - execute one instruction from a given machine state, in a 32-bit
 * process. See shots.h. No C library, as prog32.
 */
#define US_SHOTS_32BIT
#include "shots.h"

#define SYS_EXIT		1
#define SYS_READ		3
#define SYS_WRITE		4
#define SYS_GETPID		20
#define SYS_ALARM		27
#define SYS_KILL		37
#define SYS_MODIFY_LDT		123
#define SYS_RT_SIGRETURN	173
#define SYS_RT_SIGACTION	174
#define SYS_SIGALTSTACK		186
#define SYS_MMAP2		192

#define SIGILL			4
#define SIGTRAP			5
#define SIGBUS			7
#define SIGFPE			8
#define SIGUSR1			10
#define SIGSEGV			11
#define SIGALRM			14

#define SA_SIGINFO		4
#define SA_RESTORER		0x04000000
#define SA_ONSTACK		0x08000000

#define PROT_READ		1
#define PROT_RW			3
#define PROT_RX			5
#define MAP_SHARED		1
#define MAP_PRIVATE		2
#define MAP_ANONYMOUS		0x20
#define MAP_FIXED_NOREPLACE	0x100000

/* The kernel's, for a 32-bit process. */
struct siginfo {
	int32_t signo, error, code;
	uint32_t addr;
};

struct context {
	uint32_t flags, link, stack[3];
	uint32_t gs, fs, es, ds;
	uint32_t di, si, bp, sp, bx, dx, cx, ax;
	uint32_t trapno, err, ip, cs, eflags, sp_at_signal, ss;
	uint32_t fpstate, mask, cr2;
};

struct action {
	void (*fn)(int sig, struct siginfo *si, struct context *context);
	uint32_t flags;
	void (*restorer)(void);
	uint32_t mask[2];
};

struct descriptor {
	uint32_t entry, base, limit, bits;
};

void start(void);
void restorer(void);
int sys6(int nr, long a, long b, long c, long d, long e, long f);

asm("	.text\n"
"	.globl _start\n"
"_start:\n"
"	and	$-16, %esp\n"
"	call	start\n"
"restorer:\n"
"	mov	$173, %eax\n"			/* rt_sigreturn */
"	int	$0x80\n"
"sys6:\n"
"	push	%ebp\n"
"	push	%ebx\n"
"	push	%esi\n"
"	push	%edi\n"
"	mov	20(%esp), %eax\n"
"	mov	24(%esp), %ebx\n"
"	mov	28(%esp), %ecx\n"
"	mov	32(%esp), %edx\n"
"	mov	36(%esp), %esi\n"
"	mov	40(%esp), %edi\n"
"	mov	44(%esp), %ebp\n"
"	int	$0x80\n"
"	pop	%edi\n"
"	pop	%esi\n"
"	pop	%ebx\n"
"	pop	%ebp\n"
"	ret\n");

#define sys(nr, a, b, c)	sys6(nr, (long)(a), (long)(b), (long)(c), 0, 0, 0)

static struct shots *shots;
static struct shot *shot;
static struct context home;
static uint8_t stack[16384] __attribute__((aligned(16)));
static int low_page, begun;

static void copy(void *to, const void *from, int n)
{
	volatile uint8_t *t = to;
	const uint8_t *f = from;

	while (n--)
		*t++ = *f++;
}

static void clear(void *p, int n)
{
	volatile uint8_t *t = p;

	while (n--)
		*t++ = 0;
}

static int differ(const void *a, const void *b, int n)
{
	const uint8_t *x = a, *y = b;

	while (n-- && *x++ == *y++)
		;
	return n >= 0;
}

static void die(int status)
{
	for (;;)
		sys(SYS_EXIT, status, 0, 0);
}

/* Registers, segments, ip and flags; not what belongs to the frame. */
static void go_home(struct context *c)
{
	uint32_t fpstate = c->fpstate;

	copy(c, &home, sizeof(*c));
	c->fpstate = fpstate;
}

static void begin(int sig, struct siginfo *si, struct context *c)
{
	const struct shot_state *in = &shot->in;

	begun = 1;
	copy(&home, c, sizeof(home));
	c->ax = in->reg[AX];
	c->cx = in->reg[CX];
	c->dx = in->reg[DX];
	c->bx = in->reg[BX];
	c->sp = in->reg[SP];
	c->bp = in->reg[BP];
	c->si = in->reg[SI];
	c->di = in->reg[DI];
	c->ip = in->ip;
	c->eflags = in->flags;
	if (in->cs)
		c->cs = in->cs;
	if (in->ss)
		c->ss = in->ss;
}

static void record(struct shot_result *r, struct siginfo *si, struct context *c)
{
	clear(r, sizeof(*r));
	r->st.reg[AX] = c->ax;
	r->st.reg[CX] = c->cx;
	r->st.reg[DX] = c->dx;
	r->st.reg[BX] = c->bx;
	r->st.reg[SP] = c->sp;
	r->st.reg[BP] = c->bp;
	r->st.reg[SI] = c->si;
	r->st.reg[DI] = c->di;
	r->st.ip = c->ip;
	r->st.flags = c->eflags & SHOT_FLAGS;
	r->st.cs = c->cs & 0xffff;
	r->st.ss = c->ss & 0xffff;
	r->addr = si->addr;
	r->signo = si->signo;
	r->code = si->code;
	r->trapno = c->trapno;
	r->err = c->err;
	r->memory = shot_hash((void *)SHOT_DATA, SHOT_PAGE, 0);
	if (low_page)
		r->memory = shot_hash((void *)SHOT_LOW, SHOT_PAGE, r->memory);
}

static void end(int sig, struct siginfo *si, struct context *c)
{
	struct shot_result r;

	if (!begun)
		die(97);
	begun = 0;
	record(&r, si, c);
	if (shot->done++ && differ(&r, &shot->out, sizeof(r)))
		shot->unsteady = 1;
	copy(&shot->out, &r, sizeof(r));
	go_home(c);
}

static void handle(int sig, void (*fn)(int, struct siginfo *, struct context *))
{
	struct action sa = {
		.fn = fn, .flags = SA_SIGINFO | SA_ONSTACK | SA_RESTORER,
		.restorer = restorer,
	};

	if (sys6(SYS_RT_SIGACTION, sig, (long)&sa, 0, 8, 0, 0))
		die(94);
}

static void prepare_signals(void)
{
	uint32_t ss[3] = { (uint32_t)stack, 0, sizeof(stack) };

	if (sys(SYS_SIGALTSTACK, ss, 0, 0))
		die(94);
	handle(SIGUSR1, begin);
	handle(SIGILL, end);
	handle(SIGSEGV, end);
	handle(SIGBUS, end);
	handle(SIGFPE, end);
	handle(SIGTRAP, end);
	handle(SIGALRM, end);
}

static int map(uint32_t at, uint32_t size, int prot, int flags, int fd)
{
	return sys6(SYS_MMAP2, at, size, prot, flags | MAP_FIXED_NOREPLACE, fd, 0) ==
	       (int)at;
}

static void map_anonymous(uint32_t at)
{
	if (!map(at - SHOT_PAGE, 3 * SHOT_PAGE, PROT_RW, MAP_PRIVATE | MAP_ANONYMOUS, -1))
		die(96);
}

/* 64 KiB of it, with zeros behind: the shots do not go there. */
static void map_code(int prot)
{
	if (!map(SHOT_CODE, 16 * SHOT_PAGE, prot, MAP_PRIVATE, SHOT_FD_CODE))
		die(95);
	(void)*(volatile char *)SHOT_CODE;
}

static void prepare_memory(void)
{
	shots = (void *)sys6(SYS_MMAP2, 0, sizeof(*shots), PROT_RW, MAP_SHARED,
			     SHOT_FD_SHOTS, 0);
	if ((uint32_t)shots >= -4095u)
		die(96);
	map_anonymous(SHOT_DATA);
	map_anonymous(SHOT_MIRROR);
	shot_fill((void *)SHOT_MIRROR);
}

static void set_ldt(void)
{
	int i, err = 0;

	for (i = 0; i < 2 && !err; i++) {
		const struct shot_ldt *l = &shots->ldt[i];
		struct descriptor d = {
			.entry = i, .base = l->base, .limit = l->limit,
			/* 32bit, contents: data or code, limit in pages, usable */
			.bits = l->is_32bit | (l->code ? 2 << 1 : 0) | 1 << 4 | 1 << 6,
		};

		err = sys(SYS_MODIFY_LDT, 0x11, &d, sizeof(d));
	}
	shots->ldt_error = err;
	low_page = map(SHOT_LOW, SHOT_PAGE, PROT_RW, MAP_PRIVATE | MAP_ANONYMOUS, -1);
	if (!err && !low_page)
		shots->ldt_error = -1;
}

static void fire(void)
{
	int i;

	shot_fill((void *)SHOT_DATA);
	if (low_page)
		shot_fill((void *)SHOT_LOW);
	for (i = 0; i < 2; i++)
		if (shot->poke[i].addr)
			copy((void *)(uint32_t)shot->poke[i].addr,
			     &shot->poke[i].value, 8);
	sys(SYS_ALARM, 10, 0, 0);
	sys(SYS_KILL, sys(SYS_GETPID, 0, 0, 0), SIGUSR1, 0);
	sys(SYS_ALARM, 0, 0, 0);
}

static void go(void)
{
	volatile int32_t *at = &shots->at;
	int i;

	for (*at = shots->from; *at < shots->to; ++*at) {
		shot = &shots->s[*at];
		for (i = 0; i < shots->times && shot->out.signo != SIGALRM; i++)
			fire();
	}
}

static void obey(char what)
{
	switch (what) {
	case SHOT_TO_HELLO:
		return;
	case SHOT_TO_MAP_READ:
		map_code(PROT_READ);
		return;
	case SHOT_TO_MAP_EXEC:
		map_code(PROT_RX);
		return;
	case SHOT_TO_LDT:
		set_ldt();
		return;
	case SHOT_TO_GO:
		go();
		return;
	default:
		die(93);
	}
}

void start(void)
{
	char what;

	prepare_memory();
	prepare_signals();
	while (sys(SYS_READ, 0, &what, 1) == 1) {
		obey(what);
		if (sys(SYS_WRITE, 1, &what, 1) != 1)
			break;
	}
	die(0);
}
