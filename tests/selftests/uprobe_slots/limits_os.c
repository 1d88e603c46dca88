// SPDX-License-Identifier: GPL-2.0
/*
 * Description: limits that the operating system sets meet probed instructions
 * (P5, P6, P9): pages that do not come, address spaces without room, system calls
 * and instructions that are forbidden, readers of [uprobes], large writes.
 *
 *	limits_os [TEXT]	all cases, or those with TEXT in their names
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "limits_os.h"

void probe_targets(const char *event)
{
	const struct ht_target *t;

	for_each_ht(t)
		us_probe(event, t->insn);
}

int call_targets(int rounds)
{
	const struct ht_target *t;
	int wrong = 0, data[4] = HT_DATA;
	long r;

	for (r = 0; r < rounds; r++)
		for_each_ht(t)
			wrong += t->fn(r, data) != r + 7;
	return wrong;
}

/* ---- seccomp ----------------------------------------------------------------------- */

#define ROUNDS	20

static int good_word = HT_WORD;

/* Goes back by rt_sigreturn, one of the calls that are left. */
static void mend_load(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

#ifdef __x86_64__
	uc->uc_mcontext.gregs[REG_RDI] = (long)&good_word;
#else
	uc->uc_mcontext.regs[0] = (long)&good_word;
#endif
}

static int strict(void)
{
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
}

static int filter(void)
{
	struct sock_filter insns[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 0),		/* the number */
		/* So many further on: to the last line. */
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_read, 4, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_write, 3, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_exit, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, __NR_rt_sigreturn, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_KILL_PROCESS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog prog = { ARRAY_SIZE(insns), insns };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ?:
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &prog);
}

/* What a process does that may no more than that. @before: it has hit before, too. */
static void __attribute__((noreturn)) confined(int (*confine)(void), int before)
{
	struct sigaction sa = { .sa_sigaction = mend_load, .sa_flags = SA_SIGINFO };
	int wrong = 0, i;

	sigaction(SIGSEGV, &sa, NULL);
	wrong += call_targets(before);
	if (confine())
		_exit(99);
	wrong += call_targets(ROUNDS);
	for (i = 0; i < ROUNDS; i++)
		wrong += ((int (*)(long))ht_load)(0x10008) != HT_WORD;
	syscall(__NR_exit, wrong ? 1 : 0);
	for (;;)
		;
}

static int confine_once(const char *what, int (*confine)(void), int before)
{
	uint64_t hits = us_hits("confined"), faults = us_hits("fault");
	int st;
	pid_t pid = fork();

	if (!pid)
		confined(confine, before);
	if (!wait_for(pid, 20, &st))
		return us_fail("%s: %s: no end", setting_name(), what);
	if (WIFEXITED(st) && WEXITSTATUS(st) == 99)
		return us_skip("no seccomp in this kernel");
	hits = us_hits("confined") - hits;
	faults = us_hits("fault") - faults;
	return us_check(!st, "%s: %s: status %#x", setting_name(), what, st) |
	       us_check(hits == (uint64_t)(before + ROUNDS) * NR_HT && faults == 2 * ROUNDS,
			"%s: %s: %ju hits, %ju at loads that fault", setting_name(), what, hits,
			faults);
}

static int seccomp_setting(void)
{
	int bad = 0, before;

	probe_targets("confined");
	us_probe("fault", ht_load_insn);
	us_enable("confined", true);
	us_enable("fault", true);
	for (before = 0; before <= 1 && bad != US_SKIP; before++) {
		bad |= confine_once("strict", strict, before);
		bad |= confine_once("filter", filter, before);
	}
	return bad;
}

static int seccomp(void)
{
	return each_setting(seccomp_setting, 60);
}

/* A system call does kill such a process: else the case above says nothing. */
static int seccomp_kills(void)
{
	int bad = 0, st, i;
	pid_t pid;

	for (i = 0; i < 2; i++) {
		pid = fork();
		if (!pid) {
			if (i ? filter() : strict())
				syscall(__NR_exit, 99);
			syscall(__NR_getppid);
			syscall(__NR_exit, 0);
		}
		if (!wait_for(pid, 20, &st))
			return us_fail("no end");
		bad |= us_check(WIFSIGNALED(st), "%s: status %#x", i ? "filter" : "strict", st);
	}
	return bad;
}

#ifdef __x86_64__

/* ---- the time stamp counter, alignment ------------------------------------------------ */

static struct {
	int count, sig, code;
	unsigned long ip, addr;
} got;

static void got_signal(int sig, siginfo_t *si, ucontext_t *uc)
{
	got.count++;
	got.sig = sig;
	got.code = si->si_code;
	got.addr = (unsigned long)si->si_addr;
	got.ip = US_IP(uc);
}

static void tsc_handler(int sig, siginfo_t *si, void *ctx)
{
	got_signal(sig, si, ctx);
	prctl(PR_SET_TSC, PR_TSC_ENABLE);
	if (got.count > 100)
		_exit(1);
}

/* Once without a probe, then with it. */
static int same_signals(const char *name, void (*once)(char *fn), char *fn, void *insn, int sig)
{
	__typeof__(got) native;
	int bad = 0, i;

	memset(&got, 0, sizeof(got));
	once(fn);
	native = got;
	bad |= us_check(native.count == 1 && native.sig == sig, "%s: natively %d signals, %d",
			name, native.count, native.sig);
	us_probe(name, insn);
	us_enable(name, true);
	for (i = 0; i < 10; i++) {
		memset(&got, 0, sizeof(got));
		once(fn);
		bad |= us_check(!memcmp(&got, &native, sizeof(got)),
				"%s: %s: %d signals, %d, code %d, ip %#lx, si_addr %#lx; "
				"natively %d, %d, %d, %#lx, %#lx", setting_name(), name,
				got.count, got.sig, got.code, got.ip, got.addr, native.count,
				native.sig, native.code, native.ip, native.addr);
	}
	/* The fault, and then the instruction once more. */
	return bad | us_check(us_hits(name) == 20, "%s: %s: %ju hits", setting_name(), name,
			      us_hits(name));
}

static void tsc_once(char *fn)
{
	prctl(PR_SET_TSC, PR_TSC_SIGSEGV);
	((long (*)(void))fn)();
	prctl(PR_SET_TSC, PR_TSC_ENABLE);
}

static void set_signal(int sig, void (*fn)(int, siginfo_t *, void *))
{
	struct sigaction sa = { .sa_sigaction = fn, .sa_flags = SA_SIGINFO };

	sigaction(sig, &sa, NULL);
}

static int tsc_setting(void)
{
	int bad;

	set_signal(SIGSEGV, tsc_handler);
	bad = same_signals("rdtsc", tsc_once, lo_rdtsc, lo_rdtsc_insn, SIGSEGV);
	return bad | same_signals("rdtscp", tsc_once, lo_rdtscp, lo_rdtscp_insn, SIGSEGV);
}

static int tsc(void)
{
	return each_setting(tsc_setting, 60);
}

/* Nothing misaligned is in here before the flag is cleared. */
static void __attribute__((noinline)) align_handler(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	asm volatile("pushfq; andl $~0x40000, (%%rsp); popfq" : : : "memory", "cc");
	got_signal(sig, si, ctx);
	uc->uc_mcontext.gregs[REG_RDI] = (long)&good_word;
	if (got.count > 100)
		_exit(1);
}

static int aligned_value;

static void align_once(char *fn)
{
	static int words[4] __attribute__((aligned(16)));

	aligned_value = ((int (*)(void *))fn)((char *)words + 1);
}

static int align_setting(void)
{
	set_signal(SIGBUS, align_handler);
	memset(&got, 0, sizeof(got));
	align_once(lo_aligned);
	if (!got.count)
		return us_skip("this machine does not check alignment");
	return us_check(aligned_value == HT_WORD, "value %d", aligned_value) |
	       same_signals("aligned", align_once, lo_aligned, lo_aligned_insn, SIGBUS);
}

static int alignment(void)
{
	return each_setting(align_setting, 60);
}

#endif

/* ---- the cases ------------------------------------------------------------------------ */

static const struct us_case cases[] = {
#ifdef __x86_64__
	{ "ret on a page that does not come (P5, P6)", ret_waits, US_ON_OFF, 240 },
	{ "push and call on a page that does not come", push_waits, US_ON_OFF, 240 },
	{ "ret on a page that comes (P3)", ret_faults, US_ON_OFF },
#endif
	{ "address spaces (P9)", spaces, US_ON_OFF, 240 },
#ifdef __x86_64__
	{ "address spaces, 32-bit (P9)", spaces_32, US_ON_OFF, 240 },
#endif
	{ "seccomp kills", seccomp_kills, US_ON_OFF },
	{ "seccomp, none but four system calls (P9)", seccomp, US_ON_OFF, 240 },
#ifdef __x86_64__
	{ "rdtsc is forbidden (P9)", tsc, US_ON_OFF },
	{ "alignment is checked (P9)", alignment, US_ON_OFF },
#endif
	{ "readers of [uprobes] (P6)", readers, US_ON_OFF, 240 },
	{ "a large write to task_limits (P8)", large_write, US_SLOTS, 120 },
};

/* With an argument: the cases only that have it in their names. */
int main(int argc, char **argv)
{
	struct us_case chosen[ARRAY_SIZE(cases)];
	unsigned int i;
	int n = 0;

	if (argc > 1 && !strcmp(argv[1], "--hit"))
		return hit_main(argc - 2, argv + 2);
	for (i = 0; i < ARRAY_SIZE(cases); i++)
		if (argc < 2 || strstr(cases[i].name, argv[1]))
			chosen[n++] = cases[i];
	if (!n) {
		fprintf(stderr, "limits_os: no case has '%s' in its name\n", argv[1]);
		return 2;
	}
	return us_run(chosen, n);
}
