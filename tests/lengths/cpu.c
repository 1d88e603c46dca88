// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The length of an instruction, as the CPU sees it: put its first bytes at the end of
 * a page, with nothing mapped behind them, and execute them. If the CPU faults on the
 * fetch at the end of the page, it wants more bytes.
 *
 * rt_sigreturn() enters the instruction, with all registers from a frame made for it.
 * The signal for what happens next leaves it. The instruction has TF set, so that one
 * that completes goes no further, and registers that point to no memory, so that each
 * access to memory faults and no other page can change.
 */
#define _GNU_SOURCE
#include <asm/prctl.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "cpu.h"

#define PAGE		4096UL

/* The first is far from all else; the second is for 32-bit code. */
#define CODE_64		0x100000000000UL
#define CODE_32		0x20000000UL

/*
 * What registers hold. As an address of 64 bits it is not canonical; its low 32 or 16
 * bits are an address without memory. It is no selector, no shift count and no system
 * call.
 */
#define NOWHERE_64	0x4000000040001000UL
#define NOWHERE_32	0x40001000UL
/* For the bases of fs and gs: no memory there, and none in the low 4 GiB. */
#define NOWHERE_BASE	0x200000000000UL

#define CS_64		0x33UL
#define CS_32		0x23UL
#define FLAGS		0x302UL		/* TF, IF, and the bit that is always set */

enum { TRAP_DEBUG = 1, TRAP_UNDEFINED = 6, TRAP_PAGE = 14 };
#define PF_INSTR	0x10UL
#define HWCAP2_FSGS	2UL

/* The kernel's struct ucontext is the beginning of the C library's. */
#define UCONTEXT_BYTES	(offsetof(ucontext_t, uc_sigmask) + 8)

/* How an execution ended. */
struct end {
	unsigned long	trap, error, address, ip;
};

static const unsigned long nowhere_base = NOWHERE_BASE;
static unsigned char *writable;		/* the same page as at CODE_64 and CODE_32 */
static unsigned char alt_stack[65536] __attribute__((aligned(64)));
static unsigned char xsave[16384] __attribute__((aligned(64)));
static ucontext_t frame;
static unsigned long own_fs;
static bool fsgsbase;

static volatile enum { IDLE, LEARNING, RUNNING } state;
static volatile struct end end;

void cpu_enter(void *frame);
void cpu_leave(void) __attribute__((noreturn));
unsigned long cpu_own_stack;

asm(".pushsection .text\n"
    "cpu_enter:\n"
    "	push %rbx\n	push %rbp\n	push %r12\n	push %r13\n"
    "	push %r14\n	push %r15\n"
    "	mov %rsp, cpu_own_stack(%rip)\n"
    "	mov %rdi, %rsp\n"
    "	mov $15, %eax\n"	/* rt_sigreturn */
    "	syscall\n"
    "	ud2\n"
    "cpu_leave:\n"
    "	mov cpu_own_stack(%rip), %rsp\n"
    "	pop %r15\n	pop %r14\n	pop %r13\n	pop %r12\n"
    "	pop %rbp\n	pop %rbx\n"
    "	ret\n"
    ".popsection\n");

static void set_fs(unsigned long base)
{
	if (fsgsbase)
		asm volatile("wrfsbase %0" : : "r"(base));
	else
		asm volatile("syscall" : : "a"(SYS_arch_prctl), "D"(ARCH_SET_FS), "S"(base)
			     : "rcx", "r11", "memory");
}

/* --------------------------------------------------------- executing ---- */

/* Keep the frame of a signal as the one that each instruction begins with. */
static void learn_frame(const ucontext_t *uc)
{
	const unsigned char *fp = (const void *)uc->uc_mcontext.fpregs;
	uint32_t size;

	/* Where struct _fpx_sw_bytes says how much there is. */
	memcpy(&size, fp + 464 + 4, sizeof(size));
	if (size < 512 || size > sizeof(xsave))
		return;
	memcpy(xsave, fp, size);
	memcpy(&frame, uc, UCONTEXT_BYTES);
	frame.uc_mcontext.fpregs = (void *)xsave;
}

/* Uses no thread-local data: fs still holds what the instruction left there. */
static void on_signal(int sig, siginfo_t *info, void *context)
{
	const ucontext_t *uc = context;
	const greg_t *regs = uc->uc_mcontext.gregs;

	(void)info;
	switch (state) {
	case LEARNING:
		learn_frame(uc);
		return;
	case RUNNING:
		end.trap = regs[REG_TRAPNO];
		end.error = regs[REG_ERR];
		end.address = regs[REG_CR2];
		end.ip = regs[REG_RIP];
		cpu_leave();
	default:
		signal(sig, SIG_DFL);
	}
}

static void set_registers(unsigned int bits)
{
	unsigned long nowhere = bits == 64 ? NOWHERE_64 : NOWHERE_32;
	greg_t *regs = frame.uc_mcontext.gregs;
	unsigned short segments[4];
	int i;

	for (i = REG_R8; i <= REG_RSP; i++)
		regs[i] = nowhere + 0x10000 * i;
	regs[REG_EFL] = FLAGS;
	memcpy(segments, &regs[REG_CSGSFS], sizeof(segments));
	segments[0] = bits == 64 ? CS_64 : CS_32;
	memcpy(&regs[REG_CSGSFS], segments, sizeof(segments));
}

/* Execute code of which only n bytes exist. The result is in end. */
static void execute(unsigned int bits, const unsigned char *code, unsigned int n)
{
	static unsigned int last_bits;

	if (bits != last_bits)
		set_registers(bits);
	last_bits = bits;
	memcpy(writable + PAGE - n, code, n);
	frame.uc_mcontext.gregs[REG_RIP] = (bits == 64 ? CODE_64 : CODE_32) + PAGE - n;
	end.trap = 0;
	state = RUNNING;
	set_fs(nowhere_base);
	cpu_enter(&frame);
	set_fs(own_fs);
	state = IDLE;
}

/* ----------------------------------------------------------- judging ---- */

static unsigned long boundary(unsigned int bits)
{
	return (bits == 64 ? CODE_64 : CODE_32) + PAGE;
}

static bool fetch_fault(unsigned int bits)
{
	return end.trap == TRAP_PAGE && end.error & PF_INSTR && end.address == boundary(bits);
}

/* With n bytes, does the CPU want more? */
static bool wants_more(unsigned int bits, const unsigned char *code, unsigned int n)
{
	execute(bits, code, n);
	return fetch_fault(bits) && end.ip == boundary(bits) - n;
}

/*
 * Did it go on exactly at the end? If the kernel emulates an instruction (UMIP), no
 * trap follows, and the CPU fetches the next one.
 */
static bool completed(unsigned int bits)
{
	return end.ip == boundary(bits) && (end.trap == TRAP_DEBUG || fetch_fault(bits));
}

struct cpu_length cpu_length(unsigned int bits, const unsigned char *code,
			     unsigned int expected)
{
	struct cpu_length length = { .bytes = expected };
	bool enough = !wants_more(bits, code, expected);

	length.undefined = end.trap == TRAP_UNDEFINED;
	if (enough && completed(bits)) {
		length.completed = true;
		return length;
	}
	if (enough && expected > 1 && wants_more(bits, code, expected - 1))
		return length;
	if (enough && expected == 1)
		return length;

	length.bytes = 0;
	while (++length.bytes <= MAX_LENGTH && wants_more(bits, code, length.bytes))
		;
	length.undefined = end.trap == TRAP_UNDEFINED;
	length.completed = completed(bits);
	if (length.bytes > MAX_LENGTH)
		length.bytes = 0;
	return length;
}

/* ------------------------------------------------------------- setup ---- */

static bool map_code(void)
{
	int fd = memfd_create("lengths", 0), fixed = MAP_SHARED | MAP_FIXED_NOREPLACE;

	if (fd < 0 || ftruncate(fd, PAGE))
		return false;
	writable = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	return writable != MAP_FAILED &&
	       mmap((void *)CODE_64, PAGE, PROT_READ | PROT_EXEC, fixed, fd, 0) == (void *)CODE_64 &&
	       mmap((void *)CODE_32, PAGE, PROT_READ | PROT_EXEC, fixed, fd, 0) == (void *)CODE_32;
}

bool cpu_init(void)
{
	static const int signals[] = { SIGTRAP, SIGSEGV, SIGILL, SIGBUS, SIGFPE };
	const stack_t stack = { .ss_sp = alt_stack, .ss_size = sizeof(alt_stack) };
	struct sigaction action = { .sa_sigaction = on_signal };
	size_t i;

	action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
	fsgsbase = getauxval(AT_HWCAP2) & HWCAP2_FSGS;
	if (!map_code() || sigaltstack(&stack, NULL) ||
	    syscall(SYS_arch_prctl, ARCH_GET_FS, &own_fs) ||
	    syscall(SYS_arch_prctl, ARCH_SET_GS, NOWHERE_BASE))
		return false;
	for (i = 0; i < sizeof(signals) / sizeof(signals[0]); i++) {
		if (sigaction(signals[i], &action, NULL))
			return false;
	}
	state = LEARNING;
	asm volatile("int3" : : : "memory");
	state = IDLE;
	return frame.uc_mcontext.fpregs;
}

/* A nop that completes shows it. */
bool cpu_has_mode(unsigned int bits)
{
	static const unsigned char nop[1] = { 0x90 };

	execute(bits, nop, 1);
	return completed(bits);
}
