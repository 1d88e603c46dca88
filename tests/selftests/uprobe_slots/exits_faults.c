// SPDX-License-Identifier: GPL-2.0
/* exits_faults.c - probed instructions that fault, fork, exec or lose [uprobes] */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include "exits.h"

/* ---- faults ---------------------------------------------------------------------- */

static struct fault {
	int count, sig, code;
	unsigned long ip, addr;
	enum fix { FIX_RDI, FIX_RSI_6, FIX_MPROTECT, FIX_TRUNCATE, FIX_BACK } fix;
	void *page;
	int fd;
} fault;

static int good_word = UX_WORD;

static void fault_handler(int sig, siginfo_t *si, void *ctx)
{
	ucontext_t *uc = ctx;

	check_context(uc);
	fault.count++;
	fault.sig = sig;
	fault.code = si->si_code;
	fault.addr = (unsigned long)si->si_addr;
	fault.ip = US_IP(uc);
	switch (fault.fix) {
	case FIX_RDI:
		uc->uc_mcontext.gregs[REG_RDI] = (long)&good_word;
		break;
	case FIX_RSI_6:
		uc->uc_mcontext.gregs[REG_RSI] = 6;
		break;
	case FIX_MPROTECT:
		mprotect(fault.page, 4096, PROT_READ | PROT_WRITE);
		break;
	case FIX_TRUNCATE:
		if (ftruncate(fault.fd, 4096))
			fault.count += 1000;
		break;
	case FIX_BACK:
		if (US_IP(uc) == (long)ux_ret_to_insn)	/* it has popped nothing */
			uc->uc_mcontext.gregs[REG_RSP] += 8;
		US_IP(uc) = (long)ux_ret_to_back;
		break;
	}
}

/* What a signal said, as with exits=step; and as said in @ip, @addr. */
static int check_fault(int *at, const char *what, int sig, const void *ip, const void *addr)
{
	int bad;

	bad = us_check(fault.count == 1 && fault.sig == sig &&
		       fault.ip == (unsigned long)ip && fault.addr == (unsigned long)addr,
		       "%s: %d signals, %d, ip %#lx, si_addr %#lx; expected %d, %p, %p",
		       what, fault.count, fault.sig, fault.ip, fault.addr, sig, ip, addr);
	bad |= compare(at, fault.code, what);
	fault.count = 0;
	return bad;
}

static int fault_loads(int *at)
{
	int bad = 0, v;

	fault.fix = FIX_RDI;
	v = ((int (*)(void *))ux_load)((void *)0x10008);
	bad |= us_check(v == UX_WORD, "load: %d", v);
	bad |= check_fault(at, "load, unmapped", SIGSEGV, ux_load_insn, (void *)0x10008);
	/* A general protection: si_addr tells nothing. */
	v = ((int (*)(void *))ux_load)((void *)0x8000000000000000);
	bad |= us_check(v == UX_WORD, "load: %d", v);
	bad |= check_fault(at, "load, not canonical", SIGSEGV, ux_load_insn, NULL);

	fault.fix = FIX_MPROTECT;
	fault.page = ux_page;
	mprotect(ux_page, 4096, PROT_NONE);
	v = ((int (*)(void))ux_load_rip)();
	bad |= us_check(v == UX_WORD, "rip-relative load: %d", v);
	return bad | check_fault(at, "load, rip-relative", SIGSEGV, ux_load_rip_insn, ux_page);
}

static int fault_stores(int *at)
{
	int bad = 0, v;
	int *page;

	fault.fix = FIX_MPROTECT;
	page = fault.page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	v = ((int (*)(void *))ux_store)(page + 1);
	bad |= us_check(v == UX_WORD && page[1] == UX_WORD, "store: %d, %d", v, page[1]);
	bad |= check_fault(at, "store, read-only", SIGSEGV, ux_store_insn, page + 1);

	fault.fix = FIX_TRUNCATE;
	fault.fd = memfd_create("fault", 0);
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fault.fd, 0);
	v = ((int (*)(void *))ux_store)(page + 2);
	bad |= us_check(v == UX_WORD && page[2] == UX_WORD, "store: %d, %d", v, page[2]);
	return bad | check_fault(at, "store, behind the file", SIGBUS, ux_store_insn, page + 2);
}

static int fault_div(int *at)
{
	int v;

	fault.fix = FIX_RSI_6;
	v = ((int (*)(int, int))ux_div)(42, 0);
	return us_check(v == 7, "division: %d", v) |
	       check_fault(at, "division", SIGFPE, ux_div_insn, ux_div_insn);
}

/* Back from where ret went, or could not go: all as with exits=step. */
static int fault_ret_to(int *at, const char *what, unsigned long to)
{
	int v = ((int (*)(unsigned long))ux_ret_to)(to);
	int bad;

	bad = us_check(v == UX_WORD && fault.count == 1 && fault.sig == SIGSEGV,
		       "%s: %d, %d signals, %d", what, v, fault.count, fault.sig);
	bad |= compare(at, fault.ip, what);
	bad |= compare(at, fault.addr, what);
	bad |= compare(at, fault.code, what);
	fault.count = 0;
	return bad;
}

static int fault_ret(int *at)
{
	int bad;

	fault.fix = FIX_BACK;
	bad = fault_ret_to(at, "ret to no code", (unsigned long)ux_page);
	bad |= us_check(fault.ip == (unsigned long)ux_page, "ret to no code: ip %#lx",
			fault.ip);
	bad |= fault_ret_to(at, "ret to unmapped", 0x10008);
	bad |= fault_ret_to(at, "ret to the kernel", 0xffffffff81000000);
	bad |= fault_ret_to(at, "ret to the end", 0x7ffffffff000);
	return bad | fault_ret_to(at, "ret to nowhere", 0x8000000000000000);
}

static char altstack[1 << 16];

/* ret cannot read its stack. */
static int fault_ret_on(int *at)
{
	unsigned long *page = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	stack_t ss = { .ss_sp = altstack, .ss_size = sizeof(altstack) };
	int v;

	sigaltstack(&ss, NULL);
	set_handler(SIGSEGV, fault_handler, SA_ONSTACK);
	/* The function's own label, as it puts it to rdx. */
	page[8] = (unsigned long)ux_ret_on_insn + 1;
	mprotect(page, 4096, PROT_NONE);
	fault.fix = FIX_MPROTECT;
	fault.page = page;
	v = ((int (*)(void *))ux_ret_on)(page + 8);
	return us_check(v == UX_WORD, "ret: %d", v) |
	       check_fault(at, "ret, stack", SIGSEGV, ux_ret_on_insn, page + 8);
}

static int faults_kind(void)
{
	int i, bad = 0, at = 0, data[4] = DATA;
	const int rounds = 5;

	us_probe("fault", ux_load_insn);
	us_probe("fault", ux_load_rip_insn);
	us_probe("fault", ux_store_insn);
	us_probe("fault", ux_div_insn);
	us_probe("fault", ux_ret_to_insn);
	us_probe("fault", ux_ret_on_insn);
	us_probe("first", ux_targets[0].insn);
	us_enable("fault", true);
	us_enable("first", true);
	call(ux_targets, data);
	find_area();
	set_handler(SIGBUS, fault_handler, 0);
	set_handler(SIGFPE, fault_handler, 0);
	for (i = 0; i < rounds; i++) {
		set_handler(SIGSEGV, fault_handler, 0);
		bad |= fault_loads(&at) | fault_stores(&at) | fault_div(&at);
		bad |= fault_ret(&at) | fault_ret_on(&at);
	}
	bad |= compare(&at, us_hits("fault"), "hits");
	return bad | check_contexts();
}

int faults(void)
{
	return each_kind(faults_kind);
}

/* ---- system calls right behind a probe -------------------------------------------- */

typedef long behind_fn(long nr, long a0, const void *a1, const void *a2);

static behind_fn * const syscall_behind = (behind_fn *)ux_syscall_behind;

static int child_of(const char *what, long nr, long a0)
{
	int data[4] = DATA, st;
	long pid;

	pid = syscall_behind(nr, a0, NULL, NULL);
	if (!pid)
		_exit(call_all(data) || data[1] != 1);
	st = wait_status(pid);
	return us_check(pid > 0 && !st, "%s: pid %ld, status %#x", what, pid, st);
}

static int exec_behind(void)
{
	char * const argv[] = { "true", NULL }, * const envp[] = { NULL };
	pid_t pid = fork();
	int st;

	if (!pid) {
		syscall_behind(__NR_execve, (long)"/bin/true", argv, envp);
		_exit(1);
	}
	st = wait_status(pid);
	return us_check(!st, "execve: status %#x", st);
}

static int behind_kind(void)
{
	long rounds = us_scaled(5), i;
	int bad = 0, data[4] = DATA;

	probe_targets("child");
	us_probe("behind", ux_syscall_behind_insn);
	us_enable("child", true);
	us_enable("behind", true);
	for (i = 0; i < rounds; i++) {
		bad |= us_check(!call_all(data), "wrong values");
		bad |= child_of("fork", __NR_fork, 0);
		bad |= child_of("vfork", __NR_vfork, 0);
		bad |= child_of("clone", __NR_clone, SIGCHLD);
		bad |= exec_behind();
	}
	return bad | us_check(us_hits("behind") == (uint64_t)rounds * 4 &&
			      us_hits("child") == (uint64_t)rounds * 4 * NR_TARGETS,
			      "%ld rounds, %ju and %ju hits", rounds, us_hits("behind"),
			      us_hits("child"));
}

int behind(void)
{
	return each_kind(behind_kind);
}

/* ---- munmap --------------------------------------------------------------------- */

static void __attribute__((noreturn)) unmap_and_call(const struct target *t)
{
	struct rlimit none = { };
	int data[4] = DATA;

	setrlimit(RLIMIT_CORE, &none);
	call(t, data);
	/* An emulated instruction needs none. */
	if (us_area(0, &area_start, &area_end) &&
	    munmap((void *)area_start, area_end - area_start))
		_exit(77);	/* sealed */
	_exit(call(t, data));
}

static int munmap_kind(void)
{
	const struct target *t;
	int bad = 0, at = 0, st;
	pid_t pid;

	probe_targets("unmap");
	us_enable("unmap", true);
	for_each_target(t) {
		pid = fork();
		if (!pid)
			unmap_and_call(t);
		st = wait_status(pid);
		if (WIFEXITED(st) && WEXITSTATUS(st) == 77)
			return bad | us_skip("[uprobes] is sealed");
		if (target_exit(t) != EXIT_EMULATED)
			bad |= compare(&at, st, t->name);
		else if (at++, st)
			bad |= us_fail("%s: status %#x", t->name, st);
	}
	return bad;
}

int munmaps(void)
{
	return each_kind(munmap_kind);
}
