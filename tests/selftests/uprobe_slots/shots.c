// SPDX-License-Identifier: GPL-2.0
/*
 * shots.c - execute one instruction from a given machine state, 64-bit side.
 * See shots.h.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "common.h"
#include "shots.h"

struct shots *shots;

static int code_fd = -1, shots_fd = -1;
static char code_path[64];
static size_t code_size;

/* ---- in the child ------------------------------------------------------------ */

#define FX_XMM		160
#define FX_XMM_END	416
#define FX_SW		464		/* struct _fpx_sw_bytes */
#define FX_SIZE		512
#define XS_BV		512		/* which components follow */
#define XS_YMM		576		/* the upper halves */
#define XS_YMM_END	832
#define XFEATURE_YMM	4

static const int greg_of[NREGS] = {
	REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP, REG_RSI, REG_RDI,
	REG_R8, REG_R9, REG_R10, REG_R11, REG_R12, REG_R13, REG_R14, REG_R15,
};

static greg_t home[NGREG];		/* where a shot began, and its FPU */
static char home_fpu[FX_SIZE];
static bool begun;
static struct shot *volatile shot;	/* kill() is called in between */

static bool has_ymm(const char *fpu)
{
	const struct _fpx_sw_bytes *sw = (const void *)(fpu + FX_SW);

	return sw->magic1 == FP_XSTATE_MAGIC1 && sw->xstate_bv & XFEATURE_YMM;
}

static void fill(char *from, char *end)
{
	uint32_t v = 1;

	for (; from < end; from += 4, v++)
		*(uint32_t *)from = v * 2246822519u;
}

static void fpu_load(char *fpu)
{
	fill(fpu + FX_XMM, fpu + FX_XMM_END);
	if (has_ymm(fpu)) {
		*(uint64_t *)(fpu + XS_BV) |= 7;
		fill(fpu + XS_YMM, fpu + XS_YMM_END);
	}
}

/*
 * Leaves out the last x87 instruction's opcode and addresses: probed, it shows the
 * slot, as on stock.
 */
static uint64_t fpu_hash(const char *fpu)
{
	uint64_t h = shot_hash(fpu, 4, 0);

	h = shot_hash(fpu + 24, 4, h ^ fpu[4]);
	h = shot_hash(fpu + 32, FX_XMM_END - 32, h);
	if (has_ymm(fpu) && *(uint64_t *)(fpu + XS_BV) & XFEATURE_YMM)
		h = shot_hash(fpu + XS_YMM, XS_YMM_END - XS_YMM, h);
	return h;
}

static void begin(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;
	greg_t *g = uc->uc_mcontext.gregs;
	uint16_t *seg = (uint16_t *)&g[REG_CSGSFS];
	const struct shot_state *in = &shot->in;
	int i;

	begun = true;
	memcpy(home, g, sizeof(home));
	memcpy(home_fpu, uc->uc_mcontext.fpregs, FX_SIZE);
	fpu_load((char *)uc->uc_mcontext.fpregs);
	for (i = 0; i < NREGS; i++)
		g[greg_of[i]] = in->reg[i];
	g[REG_RIP] = in->ip;
	g[REG_EFL] = in->flags;
	if (in->cs)
		seg[0] = in->cs;
	if (in->ss)
		seg[3] = in->ss;
}

static void record(struct shot_result *r, siginfo_t *si, const ucontext_t *uc)
{
	const greg_t *g = uc->uc_mcontext.gregs;
	const uint16_t *seg = (const uint16_t *)&g[REG_CSGSFS];
	int i;

	memset(r, 0, sizeof(*r));
	for (i = 0; i < NREGS; i++)
		r->st.reg[i] = g[greg_of[i]];
	r->st.ip = g[REG_RIP];
	r->st.flags = g[REG_EFL] & SHOT_FLAGS;
	r->st.cs = seg[0];
	r->st.ss = seg[3];
	r->addr = (uintptr_t)si->si_addr;
	r->signo = si->si_signo;
	r->code = si->si_code;
	r->trapno = g[REG_TRAPNO];
	r->err = g[REG_ERR];
	r->fpu = fpu_hash((const char *)uc->uc_mcontext.fpregs);
	r->memory = shot_hash((void *)SHOT_DATA, SHOT_PAGE, 0);
}

static void end(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;
	struct shot_result r;

	if (!begun)
		_exit(97);		/* a fault of our own */
	begun = false;
	record(&r, si, uc);
	if (shot->done++ && memcmp(&r, &shot->out, sizeof(r)))
		shot->unsteady = 1;
	shot->out = r;
	memcpy(uc->uc_mcontext.gregs, home, sizeof(home));
	memcpy(uc->uc_mcontext.fpregs, home_fpu, FX_SIZE);
}

static void handle(int sig, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_flags = SA_SIGINFO | SA_ONSTACK, .sa_sigaction = fn };

	sigaction(sig, &sa, NULL);
}

static void prepare_signals(void)
{
	static const int ends[] = { SIGILL, SIGSEGV, SIGBUS, SIGFPE, SIGTRAP, SIGALRM };
	static char stack[65536];
	stack_t ss = { .ss_sp = stack, .ss_size = sizeof(stack) };
	unsigned int i;

	sigaltstack(&ss, NULL);
	handle(SIGUSR1, begin);
	for (i = 0; i < ARRAY_SIZE(ends); i++)
		handle(ends[i], end);
}

static bool map(unsigned long at, size_t size)
{
	return mmap((void *)at, size, PROT_READ | PROT_WRITE, MAP_PRIVATE |
		    MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0) == (void *)at;
}

static void prepare_memory(void)
{
	if (!map(SHOT_DATA - SHOT_PAGE, 3 * SHOT_PAGE) ||
	    !map(SHOT_MIRROR - SHOT_PAGE, 3 * SHOT_PAGE))
		_exit(96);
	shot_fill((void *)SHOT_MIRROR);
	/* 64-bit code does not need these, code of 32 bits does. */
	asm volatile("mov %0, %%ds; mov %0, %%es" : : "r" (SHOT_SELECTOR_DATA));
}

static void map_code(int prot)
{
	void *p = mmap((void *)SHOT_CODE, code_size, prot,
		       MAP_PRIVATE | MAP_FIXED_NOREPLACE, code_fd, 0);

	if (p != (void *)SHOT_CODE)
		_exit(95);
	(void)*(volatile char *)p;
}

static void fire(void)
{
	unsigned int i;

	shot_fill((void *)SHOT_DATA);
	for (i = 0; i < ARRAY_SIZE(shot->poke); i++)
		if (shot->poke[i].addr)
			memcpy((void *)shot->poke[i].addr, &shot->poke[i].value, 8);
	alarm(10);
	kill(getpid(), SIGUSR1);
	alarm(0);
}

static void go(void)
{
	int i;

	for (shots->at = shots->from; shots->at < shots->to; shots->at++) {
		shot = &shots->s[shots->at];
		for (i = 0; i < shots->times && shot->out.signo != SIGALRM; i++)
			fire();
	}
}

/* What cpuid says depends on the CPU. */
static void pin(void)
{
	cpu_set_t one;

	CPU_ZERO(&one);
	CPU_SET(0, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

static void __attribute__((noreturn)) serve(int in, int out)
{
	char what;

	pin();
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prepare_signals();
	prepare_memory();
	while (read(in, &what, 1) == 1) {
		if (what == SHOT_TO_GO)
			go();
		else
			map_code(PROT_READ | (what == SHOT_TO_MAP_EXEC ? PROT_EXEC : 0));
		if (write(out, &what, 1) != 1)
			break;
	}
	_exit(0);
}

/* ---- the knobs --------------------------------------------------------------------- */

#define KIND(e, m)	{ e, m, "exits " e ", emulate " #m }

const struct shot_kind shot_kinds[] = {
	KIND("step", 0), KIND("step", 1), KIND("trap", 0), KIND("trap", 1),
	KIND("jump", 0), KIND("jump", 1),
};

int shot_nr_kinds(void)
{
	if (us_mode() == US_ON)
		return ARRAY_SIZE(shot_kinds);
	return us_mode() == US_OFF ? 2 : 1;
}

void shot_set_kind(const struct shot_kind *k)
{
	if (us_mode() == US_STOCK)
		return;
	us_exits(k->exits);
	us_knob("emulate", k->emulate);
}

const char *shot_hex(const void *bytes, int n)
{
	static char text[3 * 17];
	const uint8_t *b = bytes;
	int i;

	for (i = 0; i < n; i++)
		sprintf(text + 3 * i, "%02x ", b[i]);
	text[3 * n - 1] = '\0';
	return text;
}

/* ---- in the parent ------------------------------------------------------------ */

static int new_file(const char *name)
{
	int fd = memfd_create(name, 0);

	if (fd < 0)
		us_die("memfd_create: %s", strerror(errno));
	return fd;
}

void shots_file(const void *code, int n)
{
	code_size = n * SHOT_SPACE;
	code_fd = new_file("us-code");
	if (pwrite(code_fd, code, code_size, 0) != (ssize_t)code_size)
		us_die("code file: %s", strerror(errno));
	snprintf(code_path, sizeof(code_path), "/proc/%d/fd/%d", getpid(), code_fd);
	shots_fd = new_file("us-shots");
	if (ftruncate(shots_fd, sizeof(*shots)))
		us_die("ftruncate: %s", strerror(errno));
	shots = mmap(NULL, sizeof(*shots), PROT_READ | PROT_WRITE, MAP_SHARED,
		     shots_fd, 0);
	if (shots == MAP_FAILED)
		us_die("mmap: %s", strerror(errno));
}

void shots_map(void)
{
	if (mmap(NULL, code_size, PROT_READ, MAP_PRIVATE, code_fd, 0) == MAP_FAILED)
		us_die("mmap: %s", strerror(errno));
}

/* ---- probes: they may be refused ------------------------------------------------ */

/*
 * One event for many probes, since a lot of events takes long to remove. An event
 * with a refused probe cannot be enabled; then each half gets its own.
 */
int shots_probe(const uint64_t *offset, int n, bool *refused)
{
	char name[32];
	int i;

	snprintf(name, sizeof(name), "at_%jx_%d", offset[0], n);
	for (i = 0; i < n; i++)
		us_probe_file('p', name, code_path, offset[i]);
	if (!us_try_enable(name, true)) {
		memset(refused, 0, n);
		return 0;
	}
	if (us_events_write("-:" GROUP "/%s\n", name))
		us_die("cannot remove %s", name);
	if (n == 1) {
		refused[0] = true;
		return 1;
	}
	return shots_probe(offset, n / 2, refused) +
	       shots_probe(offset + n / 2, n - n / 2, refused + n / 2);
}

uint64_t shots_hits(void)
{
	char *pr = us_slurp(TRACING "/uprobe_profile"), *p, *save, name[128];
	uint64_t hits, sum = 0;

	for (p = strtok_r(pr, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
		if (sscanf(p, "%*s %127s %ju", name, &hits) == 2 &&
		    !strncmp(name, "at_", 3))
			sum += hits;
	free(pr);
	return sum;
}

/* ---- children --------------------------------------------------------------------- */

static void start(struct shots_child *c, const char *program)
{
	int to[2], from[2];

	fflush(stdout);
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		us_die("pipe: %s", strerror(errno));
	c->pid = fork();
	if (c->pid < 0)
		us_die("fork: %s", strerror(errno));
	if (!c->pid) {
		close(to[1]);
		close(from[0]);
		if (!program)
			serve(to[0], from[1]);
		dup2(to[0], 0);
		dup2(from[1], 1);
		dup2(code_fd, SHOT_FD_CODE);
		dup2(shots_fd, SHOT_FD_SHOTS);
		execl(program, "shots32", NULL);
		_exit(errno == ENOEXEC ? 98 : 99);
	}
	close(to[0]);
	close(from[1]);
	c->in = to[1];
	c->out = from[0];
}

void shots_start(struct shots_child *c)
{
	start(c, NULL);
}

int shots32_start(struct shots_child *c)
{
	char program[600], *slash;
	int st;

	snprintf(program, sizeof(program) - 8, "%s", us_self());
	slash = strrchr(program, '/');
	strcpy(slash + 1, "shots32");
	start(c, program);
	if (shots_tell(c, SHOT_TO_HELLO))
		return 0;
	st = shots_end(c);
	if (WIFEXITED(st) && WEXITSTATUS(st) == 98)
		return us_skip("no CONFIG_IA32_EMULATION");
	return us_fail("shots32: status %#x before its first answer", st);
}

bool shots_tell(struct shots_child *c, char what)
{
	struct pollfd pfd = { .fd = c->out, .events = POLLIN };
	char answer = 0;

	signal(SIGPIPE, SIG_IGN);
	if (write(c->in, &what, 1) != 1 || poll(&pfd, 1, 60000) != 1)
		return false;
	return read(c->out, &answer, 1) == 1 && answer == what;
}

int shots_end(struct shots_child *c)
{
	int st = -1, i;

	close(c->in);
	close(c->out);
	for (i = 0; i < 500 && !waitpid(c->pid, &st, WNOHANG); i++)
		usleep(2000);
	if (i == 500) {
		kill(c->pid, SIGKILL);
		waitpid(c->pid, &st, 0);
	}
	return st;
}

/* How often a lost child's last shot had ended is in its done; -1 marks it. */
static void lost(int st)
{
	struct shot *s = &shots->s[shots->at];

	if (WIFEXITED(st) && WEXITSTATUS(st))
		us_die("shots: a child exited with %d", WEXITSTATUS(st));
	s->done = -1;
	memset(&s->out, 0, sizeof(s->out));
	s->out.signo = WIFSIGNALED(st) ? WTERMSIG(st) : 0;
}

static bool execute(bool is_32bit, struct shots_child *c)
{
	if (!is_32bit)
		shots_start(c);
	else if (shots32_start(c))
		us_die("shots32 does not start");
	if (is_32bit && !shots_tell(c, SHOT_TO_LDT))
		return false;
	return shots_tell(c, SHOT_TO_MAP_EXEC) && shots_tell(c, SHOT_TO_GO);
}

void shots_run(bool is_32bit, int from, int to, int times)
{
	struct shots_child c;
	int st, i;
	bool ok;

	for (i = from; i < to; i++) {
		memset(&shots->s[i].out, 0, sizeof(shots->s[i].out));
		shots->s[i].done = shots->s[i].unsteady = 0;
	}
	shots->to = to;
	shots->times = times;
	for (shots->from = from; shots->from < to; shots->from = shots->at + 1) {
		shots->at = shots->from;
		ok = execute(is_32bit, &c);
		st = shots_end(&c);
		if (ok)
			return;
		lost(st);
	}
}

const char *shot_died(int i)
{
	static char text[128];
	const struct shot *s = &shots->s[i];

	if (s->done < 0)
		snprintf(text, sizeof(text), "killed by signal %d, past its handler",
			 s->out.signo);
	else if (s->out.signo == SIGALRM)
		snprintf(text, sizeof(text), "no end, ip %#jx", s->out.st.ip);
	else if (s->done != shots->times)
		snprintf(text, sizeof(text), "executed %d times of %d", s->done,
			 shots->times);
	else if (s->unsteady)
		snprintf(text, sizeof(text), "not the same each time");
	else
		return NULL;
	return text;
}

static const char *differs(const char *what, uint64_t a, uint64_t b)
{
	static char text[128];

	if (a == b)
		return NULL;
	snprintf(text, sizeof(text), "%s %#jx, not %#jx", what, b, a);
	return text;
}

/*
 * On stock, too, number and error code of a trap may be those of the one before, if
 * the signal comes from a slot or from a breakpoint where there is no probe. -1 is what
 * marks a step: nobody has to see that.
 */
static const char *trapno_differs(const struct shot_result *a, const struct shot_result *b)
{
	return b->trapno == -1 ? differs("trapno", a->trapno, b->trapno) : NULL;
}

static const char *err_differs(const struct shot_result *a, const struct shot_result *b)
{
	return b->signo == SIGTRAP ? NULL : differs("error code", a->err, b->err);
}

const char *shot_differs(const struct shot_result *a, const struct shot_result *b)
{
	static const char * const names[NREGS] = {
		"ax", "cx", "dx", "bx", "sp", "bp", "si", "di",
		"r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15",
	};
	const char *text;
	int i;

	text = differs("signal", a->signo, b->signo) ?:
	       differs("ip", a->st.ip, b->st.ip) ?:
	       differs("flags", a->st.flags, b->st.flags) ?:
	       trapno_differs(a, b) ?:
	       differs("si_code", a->code, b->code) ?:
	       differs("si_addr", a->addr, b->addr) ?:
	       err_differs(a, b) ?:
	       differs("cs", a->st.cs, b->st.cs) ?:
	       differs("ss", a->st.ss, b->st.ss);
	for (i = 0; !text && i < NREGS; i++)
		text = differs(names[i], a->st.reg[i], b->st.reg[i]);
	return text ?: differs("hash of memory", a->memory, b->memory) ?:
	       differs("hash of the FPU", a->fpu, b->fpu);
}
