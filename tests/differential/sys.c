// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * sys.c - the few system calls that the subject makes
 */
#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/mman.h>

#include "subject.h"

#ifndef SA_RESTORER
#define SA_RESTORER	0x04000000
#endif

#ifdef __x86_64__
asm(".globl _start\n_start: and $-16, %rsp\n call start\n"
    "restorer: mov $15, %eax\n syscall\n");

long sys(long nr, long a, long b, long c, long d, long e, long f)
{
	register long r10 asm("r10") = d;
	register long r8 asm("r8") = e;
	register long r9 asm("r9") = f;
	long ret;

	asm volatile("syscall" : "=a"(ret)
		     : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
		     : "rcx", "r11", "memory");
	return ret;
}
#define NR_MMAP		__NR_mmap
#else
asm(".globl _start\n_start: and $-16, %esp\n call start\n"
    "restorer: mov $173, %eax\n int $0x80\n"
    /* All six arguments, of which one is in the frame pointer. */
    ".globl sys\nsys: push %ebp\n push %ebx\n push %esi\n push %edi\n"
    "mov 20(%esp), %eax\n mov 24(%esp), %ebx\n mov 28(%esp), %ecx\n"
    "mov 32(%esp), %edx\n mov 36(%esp), %esi\n mov 40(%esp), %edi\n"
    "mov 44(%esp), %ebp\n int $0x80\n"
    "pop %edi\n pop %esi\n pop %ebx\n pop %ebp\n ret\n");
#define NR_MMAP		__NR_mmap2
#endif

extern char restorer[];

struct kernel_sigaction {
	void (*handler)(int, siginfo_t *, struct ucontext *);
	unsigned long flags;
	void *restorer;
	unsigned long mask[8 / sizeof(long)];
};

void die(int status)
{
	sys(__NR_exit_group, status, 0, 0, 0, 0, 0);
	for (;;)
		;
}

void *map_at(unsigned long addr, unsigned long size, int prot, int flags, int fd)
{
	long ret = sys(NR_MMAP, addr, size, prot, flags | MAP_FIXED_NOREPLACE, fd, 0);

	if ((unsigned long)ret != addr)
		die(END_SETUP);
	return (void *)ret;
}

/* SA_NODEFER: a fault in a handler shall be seen, and not kill. */
void catch_signal(int sig, void (*fn)(int, siginfo_t *, struct ucontext *))
{
	struct kernel_sigaction sa = {
		.handler = fn,
		.flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER | SA_RESTORER,
		.restorer = restorer,
	};

	if (sys(__NR_rt_sigaction, sig, (long)&sa, 0, 8, 0, 0))
		die(END_SETUP);
}

static unsigned long hex(const char **s)
{
	unsigned long v = 0;

	for (;; ++*s) {
		if (**s >= '0' && **s <= '9')
			v = 16 * v + **s - '0';
		else if (**s >= 'a' && **s <= 'f')
			v = 16 * v + **s - 'a' + 10;
		else
			return v;
	}
}

static int ends_with_area(const char *line, const char *end)
{
	static const char name[] = "[uprobes]";
	const char *s = end - (sizeof(name) - 1);
	unsigned int i;

	if (s < line)
		return 0;
	for (i = 0; i < sizeof(name) - 1; i++)
		if (s[i] != name[i])
			return 0;
	return 1;
}

/* Whether @ip lies in the mapping [uprobes]. */
int in_slot_area(unsigned long ip)
{
	static char maps[8192];
	long fd = sys(__NR_open, (long)"/proc/self/maps", O_RDONLY, 0, 0, 0, 0);
	long n = sys(__NR_read, fd, (long)maps, sizeof(maps) - 1, 0, 0, 0);
	const char *line = maps, *s, *end;
	unsigned long from, to;

	sys(__NR_close, fd, 0, 0, 0, 0, 0);
	maps[n > 0 ? n : 0] = '\0';
	for (; *line; line = *end ? end + 1 : end) {
		for (end = line; *end && *end != '\n'; end++)
			;
		s = line;
		from = hex(&s);
		s++;
		to = hex(&s);
		if (ip >= from && ip < to)
			return ends_with_area(line, end);
	}
	return 0;
}
