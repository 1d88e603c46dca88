/* SPDX-License-Identifier: GPL-2.0 */
/*
 * What the KUnit suites of uprobe slots share: processes and tasks that are not
 * there, on the allocator that is. A step never executes; all else of a hit is what
 * uprobes.c does, by the same calls.
 */
#ifndef _KERNEL_EVENTS_UPROBE_SLOTS_KUNIT_H
#define _KERNEL_EVENTS_UPROBE_SLOTS_KUNIT_H

#include <kunit/test.h>
#include <linux/kthread.h>
#include <linux/sched/mm.h>

#include "uprobe_slots_types.h"

#define UST_AREA	0x70000000UL	/* where each process has its area */
#define UST_TEXT	0x6ff00000UL	/* and its probes, in reach of a jump */
#define UST_TRANSIENT	2		/* transient slots of a process */
#define UST_PROCESSES	3
#define UST_TASKS	6
#define UST_WORKERS	4
#define UST_PROBES	(3 * UPROBE_PAGE_SLOTS + 64)

/* As struct uprobe: an instruction, analysed. */
struct ust_probe {
	struct arch_uprobe	arch;
	struct uprobe_slot_key	key;
	unsigned long		vaddr;
};

/* As struct xol_area: @bitmap is page 0's. */
struct ust_process {
	struct uprobe_slot_root	root;
	wait_queue_head_t	wq;
	DECLARE_BITMAP(bitmap, UPROBE_TRANSIENT_SLOTS);
	struct page		*page0;
};

/*
 * As a task that hits probes. Several of them may be played by one thread, one after
 * the other: nothing here depends on current but for as long as a call lasts.
 */
struct ust_task {
	struct uprobe_task	utask;
	struct pt_regs		regs;
	struct ust_process	*process;
	u8			limit;	/* as task_struct's */
};

/* A thread that plays a task. */
struct ust_worker {
	struct task_struct	*thread;
	int			(*fn)(struct ust_worker *w);
	struct ust_test		*t;
	struct ust_task		*task;
	struct ust_probe	*probe;
	const char		*fault;	/* the rule that it saw broken */
	unsigned int		nr;
	int			ret;
	bool			begun, locked, stop, done;
};

/*
 * Of one case. Tasks are of process 0 unless the case says otherwise; probes are on
 * different instructions, and made when ust_probe() is asked for them. What was before
 * the case is in @old.
 */
struct ust_test {
	struct kunit			*kunit;
	struct ust_process		process[UST_PROCESSES];
	struct ust_task			task[UST_TASKS];
	struct ust_worker		worker[UST_WORKERS];
	struct ust_probe		*probe;
	unsigned int			nr_probes;
	struct {
		struct uprobe_slot_knobs	knobs;
		struct uprobe_slot_gauges	gauges;
		struct uprobe_slot_counters	counters;
		bool				enabled;
	} old;
};

/* What is expected to be NULL says, if it is not, which rule does not hold. */
#define UST_EXPECT_FINE(kunit, what)					\
do {									\
	const char *rule__ = (what);					\
									\
	KUNIT_EXPECT_NULL_MSG(kunit, rule__, "%s", rule__);		\
} while (0)

/* A hit and its step, which has to go well. */
#define UST_STEP(t, task, probe)					\
	UST_EXPECT_FINE((t)->kunit, ust_step(task, probe))

/* The same, where @shared says what kind of slot it has to be. */
#define UST_STEP_IN(t, task, probe, shared)				\
	UST_EXPECT_FINE((t)->kunit, ust_step_in(task, probe, shared))

/*
 * A mm for the case's thread, for what a program's mm says of its mode; nothing is
 * mapped. It goes with the thread. (Later kernels have kunit_attach_mm().)
 */
static inline int ust_attach_mm(void)
{
	struct mm_struct *mm = mm_alloc();

	if (!mm)
		return -ENOMEM;
	kthread_use_mm(mm);
	return 0;
}

int ust_init(struct kunit *kunit);
void ust_exit(struct kunit *kunit);

void ust_process_init(struct ust_process *p, unsigned int nr_pages);
void ust_process_destroy(struct ust_process *p);
void ust_task_exit(struct ust_task *task);

void ust_probe_code(struct kunit *kunit, struct ust_probe *p, const void *code,
		    unsigned int len, unsigned long vaddr);
struct ust_probe *ust_probe(struct ust_test *t, unsigned int nr);

int ust_begin(struct ust_task *task, struct ust_probe *p);
const char *ust_fault(struct ust_task *task, struct ust_probe *p);
void ust_end(struct ust_task *task);
const char *ust_step(struct ust_task *task, struct ust_probe *p);
const char *ust_step_in(struct ust_task *task, struct ust_probe *p, bool shared);
bool ust_in_shared(struct ust_task *task);
int ust_wait(struct ust_task *task, struct ust_probe *p, int miss);
const u8 *ust_code(struct ust_process *p, unsigned long vaddr);
void ust_play(struct ust_task *task);
void ust_play_none(void);

u64 ust_counted(struct ust_test *t, unsigned int which);
unsigned long ust_transient(struct ust_test *t);
u64 ust_missed(struct ust_test *t, enum uprobe_slot_miss miss);
u64 ust_misses(struct ust_test *t);
const char *ust_check(struct ust_test *t);
const char *ust_check_cache(struct uprobe_slot_cache *cache);

unsigned int ust_capacity(void);
void ust_fill_area(struct ust_test *t, struct ust_task *task);
bool ust_reclaim(struct ust_process *p);
void ust_drain(struct ust_process *p);

struct ust_worker *ust_start(struct ust_test *t, unsigned int nr,
			     int (*fn)(struct ust_worker *w), struct ust_task *task,
			     struct ust_probe *p);
int ust_finish(struct ust_worker *w);
bool ust_until(bool (*cond)(void *data), void *data);

/* ------------------------------------------------- what an arch has ---- */

#define UST_CODE_MAX	16

#ifdef CONFIG_X86

/* lea @nr(%rax),%eax: in a slot, by any exit */
static inline unsigned int ust_insn(u8 *code, u32 nr)
{
	__le32 disp = cpu_to_le32(nr);

	code[0] = 0x8d;
	code[1] = 0x80;
	memcpy(code + 2, &disp, sizeof(disp));
	return 6;
}

/* sysenter: never shared, since the next instruction is executed there, too */
static inline unsigned int ust_insn_unshareable(u8 *code)
{
	code[0] = 0x0f;
	code[1] = 0x34;
	return 2;
}

/* As user mode of the program's usual kind. */
static inline void ust_user_regs(struct pt_regs *regs)
{
	memset(regs, 0, sizeof(*regs));
	regs->cs = __USER_CS;
}

/* Where the jump at @code leads, which lies at @vaddr; 0 if it is none. */
static inline unsigned long ust_jump_target(const u8 *code, unsigned long vaddr)
{
	s32 offset;

	if (code[0] != 0xe9)
		return 0;
	memcpy(&offset, code + 1, sizeof(offset));
	return vaddr + 5 + offset;
}

#define UST_JUMP_BYTES	5
/* By how much the breakpoint that trapped is behind ip. */
#define UST_SWBP_BEHIND	UPROBE_SWBP_INSN_SIZE

#else /* CONFIG_ARM64 */

/* movz x0, #nr */
static inline unsigned int ust_insn(u8 *code, u32 nr)
{
	__le32 insn = cpu_to_le32(0xd2800000 | (nr & 0xffff) << 5);

	memcpy(code, &insn, sizeof(insn));
	return sizeof(insn);
}

/* b . + 8: simulated */
static inline unsigned int ust_insn_unshareable(u8 *code)
{
	__le32 insn = cpu_to_le32(0x14000002);

	memcpy(code, &insn, sizeof(insn));
	return sizeof(insn);
}

static inline void ust_user_regs(struct pt_regs *regs)
{
	memset(regs, 0, sizeof(*regs));
}

static inline unsigned long ust_jump_target(const u8 *code, unsigned long vaddr)
{
	u32 insn = le32_to_cpup((const __le32 *)code);

	if (insn >> 26 != 5)
		return 0;
	return vaddr + (((s32)(insn << 6) >> 6) << 2);
}

#define UST_JUMP_BYTES	4
#define UST_SWBP_BEHIND	0

#endif

#endif /* _KERNEL_EVENTS_UPROBE_SLOTS_KUNIT_H */
