/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * As much of the kernel as x86's uprobes.c and its companions need to compile, in
 * place of all headers but their own. What decides about an instruction works; the
 * rest, which runs at a hit, is compiled too, calls functions that nobody has, and
 * is dropped by the linker, which refuses if the deciding part needs one of them
 * that is not in ways.c.
 */
#ifndef _COVERAGE_KERNEL_H
#define _COVERAGE_KERNEL_H

#include <asm/unistd_64.h>
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

typedef uint8_t u8;
typedef uint16_t u16;
typedef uint32_t u32;
typedef uint64_t u64;
typedef int8_t s8;
typedef int16_t s16;
typedef int32_t s32;
typedef int64_t s64;

#define ENOTSUPP	524
#define ERESTART	85
#define PAGE_SIZE	4096UL
#define SZ_1G		0x40000000
#define PAGE_MASK	(~(PAGE_SIZE - 1))
#define TASK_SIZE	0x7ffffffff000UL
#define TASK_SIZE_MAX	TASK_SIZE

/* --------------------------------------------------------- compiler ---- */

#define likely(x)		(x)
#define unlikely(x)		(x)
#define fallthrough		__attribute__((fallthrough))
#define __init
#define __ro_after_init
#define __user
#define __packed		__attribute__((packed))
#define ARRAY_SIZE(a)		(sizeof(a) / sizeof((a)[0]))
#define BIT(n)			(1UL << (n))
#define min(a, b)		((a) < (b) ? (a) : (b))
#define max(a, b)		((a) > (b) ? (a) : (b))
#define __stringify(x...)	__coverage_string(x)
#define __coverage_string(x...)	#x
#define IS_ENABLED(option)	0
#define BUG_ON(cond)		do { if (cond) abort(); } while (0)
#define WARN_ON_ONCE(cond)	(cond)
#define pr_err(...)		fprintf(stderr, __VA_ARGS__)
#define pr_err_once(...)	fprintf(stderr, __VA_ARGS__)
#define WARN_ONCE(cond, ...)	({ if (cond) pr_err(__VA_ARGS__); (cond); })

/* uprobes.c has no other of them but for system calls of its own. */
#define SYSCALL_DEFINE0(name)	long coverage_sys_##name(void)
#define late_initcall(init)
#define DECLARE_STATIC_KEY_FALSE(key)	extern bool key
#define DECLARE_STATIC_KEY_TRUE(key)	extern bool key
#define static_branch_unlikely(key)	(*(key))
#define static_branch_likely(key)	(*(key))
#define VMA_ITERATOR(vmi, mm, start)	int vmi = 0
#define for_each_vma(vmi, vma)		while (((vma) = coverage_next_vma(&(vmi))))

#define check_add_overflow(a, b, to)	__builtin_add_overflow(a, b, to)
#define IS_ERR_VALUE(x)		((unsigned long)(x) >= -4095UL)
#define IS_ERR(x)		IS_ERR_VALUE((unsigned long)(x))
#define PTR_ERR(x)		((long)(x))
#define ERR_PTR(x)		((void *)(long)(x))

#define le16_to_cpu(x)		(x)
#define le32_to_cpu(x)		(x)
#define get_unaligned(p)	({ __typeof__(*(p)) _v; memcpy(&_v, p, sizeof(_v)); _v; })
#define __get_unaligned_t(type, p) \
	({ type _v; memcpy(&_v, p, sizeof(_v)); _v; })
#define put_unaligned(v, p)	({ __typeof__(*(p)) _v = (v); memcpy(p, &_v, sizeof(_v)); })

static inline bool test_bit(unsigned int nr, const volatile unsigned long *map)
{
	return map[nr / 64] >> nr % 64 & 1;
}

static inline void set_bit(unsigned int nr, unsigned long *map)
{
	map[nr / 64] |= BIT(nr % 64);
}

/* ------------------------------------------------ tasks and memory ---- */

struct pt_regs {
	unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8;
	unsigned long ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};

#define X86_EFLAGS_CF	BIT(0)
#define X86_EFLAGS_PF	BIT(2)
#define X86_EFLAGS_ZF	BIT(6)
#define X86_EFLAGS_SF	BIT(7)
#define X86_EFLAGS_TF	BIT(8)
#define X86_EFLAGS_OF	BIT(11)
#define X86_EFLAGS_AC	BIT(18)

#define __USER_CS	0x33
#define __USER32_CS	0x23
#define __USER_DS	0x2b

#define TRAP_HWBKPT	4

#define DR_STEP		BIT(14)
#define DR_TRAP_BITS	0xf
#define DR_GLOBAL_ENABLE_MASK	0xaa
#define cpu_dr7		0ul
#define raw_cpu_read(pcp)	(pcp)

struct mm_struct { bool is_64bit; };
struct page;
struct notifier_block;

/* The kind of a program; uprobes.c reads the first, a hit the second. */
#define is_64bit_mm(mm)		((mm)->is_64bit)
#define user_64bit_mode(regs)	(current->mm->is_64bit)

#include <asm/uprobes.h>

struct uprobe_task {
	struct arch_uprobe_task	autask;
	struct arch_uprobe	*auprobe;
	unsigned long		vaddr, xol_vaddr;
};

struct task_struct {
	struct mm_struct	*mm;
	struct uprobe_task	*utask;
	int			pid;
	struct { unsigned int trap_nr; unsigned long virtual_dr6; } thread;
};

extern struct task_struct *current;

struct vm_area_struct *coverage_next_vma(int *vmi);

struct vm_special_mapping {
	const char		*name;
	struct page		**pages;
	int			(*mremap)(const struct vm_special_mapping *sm,
					  struct vm_area_struct *vma);
};

struct vm_area_struct {
	struct mm_struct	*vm_mm;
	unsigned long		vm_start;
};

struct vm_unmapped_area_info {
	unsigned long		flags, length, low_limit, high_limit, align_mask;
};

struct return_instance { unsigned long stack; };
struct thread_info { int status; };
struct thread_info *current_thread_info(void);
bool test_thread_flag(int flag);
struct die_args { struct pt_regs *regs; };
enum rp_check { RP_CHECK_CALL };
enum { NOTIFY_DONE, NOTIFY_STOP, DIE_INT3, DIE_DEBUG };

enum { VM_READ, VM_EXEC, VM_MAYEXEC, VM_MAYREAD, VM_IO, VM_UNMAPPED_AREA_TOPDOWN };
enum { FOLL_FORCE, FOLL_SPLIT_PMD, UPROBE_NO_TRAMPOLINE_VADDR };
enum { TIF_BLOCKSTEP, TIF_ADDR32, TS_COMPAT };

#define CALL_INSN_SIZE		5
#define CALL_INSN_OPCODE	0xe8

#endif /* _COVERAGE_KERNEL_H */
