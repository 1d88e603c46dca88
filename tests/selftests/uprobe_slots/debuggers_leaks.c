// SPDX-License-Identifier: GPL-2.0
/*
 * debuggers_leaks.c - who shows a program, or its debugger, an address in a slot
 *
 * A copy that executes in a slot leaves the slot's address where the CPU or the kernel
 * puts an address by itself: stock shows some of these. This asks each of those that are
 * known what it says natively, without slots, and with each exit: none may show a slot
 * where stock shows the program.
 */
#define _GNU_SOURCE
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "debuggers.h"

/* What was shown. */
struct shown {
	unsigned long v;
	bool in_area;
};

static struct shown *shown;		/* what the one that runs has to fill in */

static void show(pid_t pid, unsigned long v)
{
	shown->v = v;
	shown->in_area = ud_in_area(pid, v);
}

/* What a signal says of its place, and how far to go on behind the instruction. */
static struct {
	unsigned long addr;
	int skip, n;
} caught;

static void addr_handler(int sig, siginfo_t *si, void *ctx)
{
	caught.n++;
	caught.addr = (unsigned long)si->si_addr;
	US_IP((ucontext_t *)ctx) += caught.skip;
}

static void si_addr_of(int sig, const void *fn, int skip, unsigned long a, unsigned long b)
{
	memset(&caught, 0, sizeof(caught));
	caught.skip = skip;
	ud_handler(sig, addr_handler);
	((void (*)(unsigned long, unsigned long))fn)(a, b);
	show(0, caught.addr);
}

/* The ip of a task that sleeps in a probed instruction. */
static void proc_syscall(pid_t tid, int nr)
{
	char path[64], text[256], *last, want[16];
	double end = us_deadline(10);

	snprintf(path, sizeof(path), "/proc/%d/syscall", tid);
	snprintf(want, sizeof(want), "%d ", nr);
	do {
		usleep(20000);
		if (us_read(path, text, sizeof(text)) < 0)
			us_die("cannot read %s", path);
	} while (strncmp(text, want, strlen(want)) && us_now() < end);
	last = strrchr(text, ' ');
	if (strncmp(text, want, strlen(want)) || !last)
		us_die("%s says '%s'", path, text);
	show(tid, strtoul(last, NULL, 16));
}

static struct us_uffd uffd;
static pid_t sleeper;

static void *load_and_sleep(void *arg)
{
	WRITE_ONCE(sleeper, gettid());
	((int (*)(const void *))us_load)(uffd.mem);
	return NULL;
}

/* In a load from a page that does not come; the thread goes with the process. */
static void sleeping_load(void)
{
	pthread_t t;

	if (us_uffd_open(&uffd, 1) || pthread_create(&t, NULL, load_and_sleep, NULL))
		us_die("no userfaultfd, or no thread");
	while (!READ_ONCE(sleeper))
		usleep(1000);
	proc_syscall(sleeper, -1);
}

static void sigill(void)
{
#ifdef __x86_64__
	si_addr_of(SIGILL, ud_ill, 2, 0, 0);
#else
	si_addr_of(SIGILL, ud_ill, 4, 0, 0);
#endif
}

#ifdef __x86_64__
static void fnstenv(void)
{
	unsigned int env[7] = { };
	unsigned long start, end, v;

	((void (*)(void *))ud_fnstenv)(env);
	v = env[3];
	/* Half of an address. */
	if (us_area(0, &start, &end) && v - (unsigned int)start < end - start)
		v += start & ~0xfffffffful;
	show(0, v);
}

static void fxsave(void)
{
	static struct _libc_fpstate image __attribute__((aligned(16)));

	((void (*)(void *))ud_fxsave)(&image);
	show(0, image.rip);
}

static void frame_handler(int sig, siginfo_t *si, void *ctx)
{
	caught.addr = ((ucontext_t *)ctx)->uc_mcontext.fpregs->rip;
}

static void frame_x87(void)
{
	static struct _libc_fpstate image __attribute__((aligned(16)));

	ud_handler(SIGUSR1, frame_handler);
	((void (*)(void *))ud_fxsave)(&image);
	asm volatile("fxrstor64 %0" : : "m" (image));
	raise(SIGUSR1);
	asm volatile("fninit");
	show(0, caught.addr);
}

static void syscall_rcx(void)
{
	long r[2] = { };

	((void (*)(long *, long, long))ud_syscall)(r, __NR_getppid, 0);
	show(0, r[0]);
}

#define TF	0x100

static void syscall_r11(void)
{
	long r[2] = { };

	((void (*)(long *, long, long))ud_syscall)(r, __NR_getppid, 0);
	show(0, r[1] & TF);
}

static void pushf(void)
{
	long flags = ((long (*)(void))ud_pushf)();

	show(0, flags & TF);
}

static void call(void)
{
	show(0, ((long (*)(void))ud_call)());
}

static void ud2(void)
{
	si_addr_of(SIGILL, ud_ud2, 2, 0, 0);
}

static void division(void)
{
	si_addr_of(SIGFPE, ud_div, 2, 42, 0);
}

static void x87_fault(void)
{
	unsigned short cw = 0x37f & ~4;		/* divisions by zero trap */

	si_addr_of(SIGFPE, ud_fwait, 1, (unsigned long)&cw, 0);
}

static void icebp(void)
{
	si_addr_of(SIGTRAP, ud_icebp, 0, 0, 0);
}

static void sys_handler(int sig, siginfo_t *si, void *ctx)
{
	caught.addr = (unsigned long)si->si_call_addr;
}

static void sigsys(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_getppid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { ARRAY_SIZE(code), code };
	long r[2] = { };

	ud_handler(SIGSYS, sys_handler);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog))
		us_die("no seccomp filter");
	((void (*)(long *, long, long))ud_syscall)(r, __NR_getppid, 0);
	show(0, caught.addr);
}

static void tracee_syscall(void)
{
	long r[2] = { };

	((void (*)(long *, long, long))ud_syscall)(r, __NR_getppid, 0);
}

/* A debugger's stop on the way into a system call. */
static void ptrace_syscall(void)
{
	pid_t pid = ud_start(tracee_syscall);
	struct user_regs_struct regs;
	int sig;

	do {
		ptrace(PTRACE_SYSCALL, pid, 0, 0);
		sig = ud_next_stop(pid, 20);
		if (sig != SIGTRAP)
			us_die("signal %d", sig);
		ud_get_regs(pid, &regs);
	} while (regs.orig_rax != __NR_getppid);
	show(pid, regs.rip);
	ud_end(pid);
}

static void sleeping_syscall(void)
{
	long r[2] = { };
	pid_t pid = fork();

	if (!pid) {
		((void (*)(long *, long, long))ud_syscall)(r, __NR_pause, 0);
		_exit(0);
	}
	proc_syscall(pid, __NR_pause);
	kill(pid, SIGKILL);
	ud_wait(pid);
}
#endif

static const struct leak {
	const char *name;
	void (*fn)(void);
	const char *probe;
	bool may_be_0, may_lack;
} leaks[] = {
	{ "si_addr of SIGILL", sigill, ud_ill_insn },
	{ "/proc/PID/syscall in a page fault", sleeping_load, us_load },
#ifdef __x86_64__
	{ "si_addr of SIGFPE, division", division, ud_div_insn },
	{ "si_addr of SIGFPE, x87", x87_fault, ud_fwait_insn },
	/* Uprobes refuse these two, and QEMU's emulation does not know icebp. */
	{ "si_addr of SIGILL, ud2", ud2, ud_ud2_insn, false, true },
	{ "si_addr of SIGTRAP, icebp", icebp, ud_icebp_insn, true, true },
	{ "si_call_addr of SIGSYS", sigsys, ud_syscall_insn },
	{ "fnstenv, instruction pointer", fnstenv, ud_fnstenv_insn },
	/* AMD's CPUs save none unless an exception is pending. */
	{ "fxsave, instruction pointer", fxsave, ud_fxsave_insn, true },
	{ "signal frame, x87 instruction pointer", frame_x87, ud_fxsave_insn, true },
	{ "rcx after syscall", syscall_rcx, ud_syscall_insn },
	{ "r11 after syscall, TF", syscall_r11, ud_syscall_insn, true },
	{ "pushf, TF", pushf, ud_pushf_insn, true },
	{ "return address of a call", call, ud_call_insn },
	{ "ptrace, ip at a system call", ptrace_syscall, ud_syscall_insn },
	{ "/proc/PID/syscall in a system call", sleeping_syscall, ud_syscall_insn },
#endif
};

#define NR_LEAKS	((int)ARRAY_SIZE(leaks))

/* Natively; as on stock; by each exit. */
enum { NATIVE, STOCK, EXITS, NR_HOW = EXITS + UD_NR_EXITS };
static const char * const how_names[NR_HOW] = {
	"native", "enable 0", "step", "trap", "jump",
};

static struct shown (*table)[NR_LEAKS];		/* [NR_HOW] */
static bool *lacks;				/* what the CPU, or uprobes, do not know */

static int ask(const char *how, int row)
{
	int i, st, bad = 0;
	pid_t pid;

	for (i = 0; i < NR_LEAKS; i++) {
		if (lacks[i])
			continue;
		pid = fork();
		if (!pid) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			shown = &table[row][i];
			leaks[i].fn();
			_exit(0);
		}
		st = ud_wait(pid);
		if (row == NATIVE && leaks[i].may_lack && WIFSIGNALED(st))
			lacks[i] = true;
		else
			bad |= us_check(!st, "%s, %s: status %#x", how, leaks[i].name, st);
	}
	return bad;
}

/* Some are of one instruction. */
static int first_of_probe(int i)
{
	int j;

	for (j = 0; j < i; j++)
		if (leaks[j].probe == leaks[i].probe)
			return j;
	return i;
}

#define ENOTSUPP	524		/* the kernel's own */

/* What uprobes refuse, on stock too, can show nothing. */
static int probe_leak(int i)
{
	int first = first_of_probe(i), err;
	char event[16];

	if (first != i) {
		lacks[i] = lacks[first];
		return 0;
	}
	snprintf(event, sizeof(event), "leak%d", i);
	us_probe(event, leaks[i].probe);
	err = us_try_enable(event, true);
	if (err == -ENOTSUPP && leaks[i].may_lack)
		lacks[i] = true;
	else if (err)
		return us_fail("%s: cannot enable the probe: %s", leaks[i].name, strerror(-err));
	return 0;
}

static int leaks_kind(const char *how)
{
	int i, row = STOCK, bad = 0;

	for (i = 0; i < UD_NR_EXITS; i++)
		if (!strcmp(how, ud_exits[i]))
			row = EXITS + i;
	for (i = 0; i < NR_LEAKS; i++)
		bad |= probe_leak(i);
	return bad | ask(how, row);
}

static const char *say(const struct shown *s, const struct shown *native)
{
	static char text[4][64];
	static int n;
	char *t = text[n++ % 4];

	if (s->in_area)
		return "a slot";
	if (s->v == native->v)
		return "as native";
	snprintf(t, 64, "%#lx", s->v);
	return t;
}

static int judge(int i, int rows)
{
	const struct shown *native = &table[NATIVE][i], *stock = &table[STOCK][i], *s;
	char line[512];
	int row, n, bad = 0;

	if (lacks[i]) {
		us_diag("%s: not on this CPU, or refused by uprobes", leaks[i].name);
		return 0;
	}
	n = snprintf(line, sizeof(line), "%s: native %#lx", leaks[i].name, native->v);
	for (row = STOCK; row < rows; row++) {
		s = &table[row][i];
		n += snprintf(line + n, sizeof(line) - n, "; %s %s",
			      row == STOCK && us_mode() == US_STOCK ? "stock" : how_names[row],
			      say(s, native));
	}
	us_diag("%s", line);
	for (row = EXITS; row < rows; row++) {
		s = &table[row][i];
		if (s->in_area)
			bad |= us_check(stock->in_area, "%s: exits %s shows a slot, stock not",
					leaks[i].name, how_names[row]);
		else
			bad |= us_check(s->v == native->v || (s->v == stock->v &&
							      !stock->in_area),
					"%s: exits %s shows %#lx, native %#lx, stock %#lx",
					leaks[i].name, how_names[row], s->v, native->v,
					stock->v);
	}
	return bad;
}

int ud_leaks(void)
{
	int i, bad, rows = us_mode() == US_ON ? NR_HOW : EXITS;

	table = mmap(NULL, sizeof(*table) * NR_HOW, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	lacks = mmap(NULL, NR_LEAKS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bad = ask("native", NATIVE);
	bad |= ud_run_with("step", 0, leaks_kind);
	if (us_mode() == US_ON)
		bad |= ud_each_exit(leaks_kind);
	for (i = 0; i < NR_LEAKS; i++) {
		bad |= us_check(table[NATIVE][i].v || leaks[i].may_be_0,
				"%s: native shows nothing", leaks[i].name);
		bad |= judge(i, rows);
	}
	return bad;
}
