// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * How executions leave their slots: by a breakpoint, a jump, or by themselves; what
 * is pinned for that; and what a signal saves of it.
 */
#include "unit.h"

#define NR	8

static struct process *proc;
static struct task_struct *task;
static struct uprobe *trap[2], *jump[NR], *ret[2];

/* @nr makes the instruction. */
static struct uprobe *leaving(unsigned int nr, u32 exits)
{
	u8 code[8] = { 0x8d, nr, 0, 0, 1, 2, 3, 4 };

	return probe_make(code, 4, exits, true);
}

static void setup(unsigned int exits)
{
	unsigned int i;

	uprobe_slot_knobs.area_pages = 2;
	uprobe_slot_knobs.exits = exits;
	proc = process_new(UPROBE_AREA_PAGES, 2);
	task = task_new(proc);
	for (i = 0; i < 2; i++) {
		trap[i] = leaving(1, UNIT_TRAP);
		ret[i] = leaving(3, UNIT_NONE);
	}
	for (i = 0; i < NR; i++)	/* the same instruction, at several addresses */
		jump[i] = leaving(2, UNIT_TRAP | UNIT_JUMP);
}

static void teardown(void)
{
	unsigned int i;

	check_area(proc);
	task_exit(task);
	process_free(proc);
	for (i = 0; i < 2; i++) {
		probe_free(trap[i]);
		probe_free(ret[i]);
	}
	for (i = 0; i < NR; i++)
		probe_free(jump[i]);
	check_nothing_left();
}

static struct uprobe_slot_area *area(void)
{
	return proc->root.area;
}

static u64 exits(enum uprobe_exit exit)
{
	return counter(UPROBE_COUNT_EXIT + exit);
}

/* A hit that goes to a pinned slot: nothing remains to be ended. */
static const u8 *go(struct uprobe *u)
{
	struct uprobe_slot_cache *cache;

	CHECK(!step_begin(task, u));
	cache = task->utask->slot_cache;
	CHECK(!uprobe_stepping(task->utask) && !task->utask->slot);
	CHECK(!task->utask->xol_vaddr && !cache->step);
	CHECK(cache->exit_slot == task->regs.ip && cache->exit_probe == u->vaddr);
	CHECK(cache->exit_next == u->vaddr + u->arch.ilen);
	return area()->page[0].page->mem + task->regs.ip % PAGE_SIZE;
}

static void p1_jump(void)
{
	unsigned long to;
	const u8 *code;
	u64 writes;

	setup(UPROBE_EXIT_JUMP);
	code = go(jump[0]);
	CHECK(!memcmp(code, jump[0]->arch.ixol, 4) && code[4] == 0xe9);
	memcpy(&to, code + 5, sizeof(to));
	CHECK(to == jump[0]->vaddr + 4);
	CHECK(code[13] == UPROBE_SWBP_INSN);
	writes = counter(UPROBE_COUNT_WRITE);
	CHECK(go(jump[0]) == code);
	CHECK(counter(UPROBE_COUNT_WRITE) == writes);
	CHECK(counter(UPROBE_COUNT_HIT) == 1 && exits(UPROBE_EXIT_JUMP) == 2);
	CHECK(area()->nr_pinned == 1 && !area()->nr_live);
	teardown();
}

/* Where to is in the slot, so equal instructions at two addresses need two. */
static void p3_a_jump_is_of_one_probe(void)
{
	setup(UPROBE_EXIT_JUMP);
	CHECK(go(jump[0]) != go(jump[1]));
	CHECK(go(ret[0]) == go(ret[1]));
	CHECK(exits(UPROBE_EXIT_NONE) == 2 && area()->nr_pinned == 3);
	teardown();
}

/* What has one hash by chance is told apart all the same. */
static void p3_equal_hashes(void)
{
	struct slot_lookup want;
	struct uprobe_slot *s;

	setup(UPROBE_EXIT_JUMP);
	go(jump[0]);
	s = slot_at(area(), 0);
	want = (struct slot_lookup){ &jump[0]->slot_key, jump[0]->vaddr, s->hash, s->exit };
	CHECK(key_equal(area(), s, &want));
	want.probe = jump[1]->vaddr;
	CHECK(!key_equal(area(), s, &want));
	want.probe = 0;
	want.exit = UPROBE_EXIT_TRAP;
	CHECK(!key_equal(area(), s, &want));
	teardown();
}

static void p3_trap(void)
{
	struct pt_regs *regs;

	setup(UPROBE_EXIT_TRAP);
	CHECK(!step_begin(task, trap[0]));
	regs = &task->regs;
	CHECK(in_shared(task) && task->utask->slot_cache->step);
	CHECK(regs->ip == task->utask->xol_vaddr);
	regs->ip = task->utask->xol_vaddr + 4 + UPROBE_SWBP_INSN_SIZE;
	CHECK(uprobe_slot_trapped(task->utask, regs));
	CHECK(regs->ip == task->utask->xol_vaddr + 4);
	/* A breakpoint of the program's own is none of ours. */
	regs->ip = 0x1000;
	CHECK(!uprobe_slot_trapped(task->utask, regs));
	step_end(task);
	CHECK(exits(UPROBE_EXIT_TRAP) == 1 && area()->nr_live == 1);
	/* One in a slot that is stepped ends the step, if the step's trap is late. */
	task->stepped = true;
	CHECK(!step_begin(task, trap[0]));
	CHECK(task->utask->slot->exit == UPROBE_EXIT_STEP);
	regs->ip = task->utask->xol_vaddr + 4 + UPROBE_SWBP_INSN_SIZE;
	CHECK(uprobe_slot_trapped(task->utask, regs));
	CHECK(regs->ip == task->utask->xol_vaddr + 4);
	step_end(task);
	CHECK(exits(UPROBE_EXIT_STEP) == 1 && area()->nr_live == 2);
	teardown();
}

/* The knob is the most; what is forbidden by now is a miss. */
static void p8_exits(void)
{
	setup(UPROBE_EXIT_JUMP);
	go(jump[0]);
	uprobe_slot_knobs.exits = UPROBE_EXIT_TRAP;
	step(task, jump[0]);
	step(task, jump[0]);
	CHECK(exits(UPROBE_EXIT_TRAP) == 2 && counter(UPROBE_COUNT_HIT) == 1);
	step(task, ret[0]);		/* a breakpoint is of no use to it */
	CHECK(exits(UPROBE_EXIT_STEP) == 1);
	uprobe_slot_knobs.exits = UPROBE_EXIT_STEP;
	step(task, jump[0]);
	CHECK(exits(UPROBE_EXIT_STEP) == 2);
	uprobe_slot_knobs.exits = UPROBE_EXIT_JUMP;
	go(jump[0]);
	CHECK(counter(UPROBE_COUNT_HIT) == 2);
	teardown();
}

/* Half of the area at most is pinned; beyond it the breakpoint, shared again. */
static void p7_pinned_at_most_half(void)
{
	unsigned int i;

	setup(UPROBE_EXIT_JUMP);
	task->uprobe_slot_limit = 1 + NR;
	for (i = 0; i < UPROBE_PAGE_SLOTS / 2 && i < NR; i++)
		go(jump[i]);
	CHECK(area()->nr_pinned == UPROBE_PAGE_SLOTS / 2);
	for (; i < NR; i++)
		step(task, jump[i]);
	CHECK(area()->nr_pinned == UPROBE_PAGE_SLOTS / 2 && area()->nr_live == 1);
	CHECK(exits(UPROBE_EXIT_TRAP) == NR - UPROBE_PAGE_SLOTS / 2);
	/* From the cache they come all the same. */
	i = counter(UPROBE_COUNT_HIT);
	step(task, jump[NR - 1]);
	go(jump[0]);
	CHECK(counter(UPROBE_COUNT_HIT) == i + 2);
	teardown();
}

static void p4_pinned_stay(void)
{
	struct uprobe_slot_gauges gauges;

	setup(UPROBE_EXIT_JUMP);
	go(jump[0]);
	step(task, trap[0]);
	uprobe_slots_set_enabled(false);
	while (unit_work_pending())
		unit_run_work();
	CHECK(area()->nr_pinned == 1 && !area()->nr_live);
	uprobe_slots_gauges(&gauges);
	CHECK(gauges.pinned == 1 && !uprobe_slots_check());
	uprobe_slots_set_enabled(true);
	go(jump[0]);
	CHECK(counter(UPROBE_COUNT_HIT) == 1);
	area()->page[0].slot[0].exit = UPROBE_EXIT_STEP;
	CHECK(uprobe_slots_check());
	area()->page[0].slot[0].exit = UPROBE_EXIT_JUMP;
	teardown();
}

/* What a signal finds: nothing to do, executed, a fault, the end, or neither. */
static void p9_signal(void)
{
	struct uprobe *u;
	unsigned long slot;

	setup(UPROBE_EXIT_JUMP);
	u = jump[0];
	go(u);
	slot = task->regs.ip;

	task->regs.ip = 0x1234;
	CHECK(!uprobe_slot_signal(task->utask) && task->regs.ip == 0x1234);
	CHECK(uprobe_slot_trap_addr(task->utask, 0x1234) == 0x1234);
	CHECK(uprobe_slot_trap_addr(task->utask, slot) == u->vaddr);

	task->regs.ip = slot + 4;
	CHECK(!uprobe_slot_signal(task->utask) && task->regs.ip == u->vaddr + 4);

	/* A trap of a debugger's, at once. */
	task->regs.ip = slot + 4;
	uprobe_slot_leave(task->utask, &task->regs);
	CHECK(task->regs.ip == u->vaddr + 4);
	task->regs.ip = slot;
	uprobe_slot_leave(task->utask, &task->regs);
	CHECK(task->regs.ip == slot);
	task->regs.ip = slot + UPROBE_SLOT_BYTES;
	uprobe_slot_leave(task->utask, &task->regs);
	CHECK(task->regs.ip == slot + UPROBE_SLOT_BYTES);

	task->regs.ip = slot;
	task->fault = true;
	CHECK(!uprobe_slot_signal(task->utask) && task->regs.ip == u->vaddr);
	task->fault = false;

	task->regs.ip = slot;
	task->killed = true;
	CHECK(!uprobe_slot_signal(task->utask) && task->regs.ip == u->vaddr);
	task->killed = false;

	task->regs.ip = slot;
	CHECK(uprobe_slot_signal(task->utask) && task->regs.ip == slot);
	CHECK(uprobe_stepping(task->utask) && in_shared(task));
	CHECK(task->utask->vaddr == u->vaddr && task->utask->xol_vaddr == slot);
	CHECK(counter(UPROBE_COUNT_PROMOTED) == 1);
	step_end(task);
	CHECK(exits(UPROBE_EXIT_JUMP) == 1 && counter(UPROBE_COUNT_HIT) == 0);
	teardown();
}

/* A probe is analysed for one mode; a task in another one uses no slot for it. */
static void p3_other_mode(void)
{
	setup(UPROBE_EXIT_JUMP);
	go(jump[0]);
	task->regs.cs = 7;
	be(task);
	CHECK(uprobe_slot_begin(task->utask, &jump[0]->slot_key, &task->regs,
				&task->process->root) == UPROBE_MISS_UNSHAREABLE);
	CHECK(!in_shared(task) && !task->utask->slot_cache->step);
	task->regs.cs = 0;
	go(jump[0]);
	CHECK(counter(UPROBE_COUNT_HIT) == 1);
	teardown();
}

/* Too far for a jump, it takes the breakpoint; how far, the arch says to an area. */
static void p9_far(void)
{
	struct uprobe *near = leaving(5, UNIT_TRAP | UNIT_JUMP | UNIT_NEAR);
	struct uprobe *none = leaving(6, UNIT_JUMP | UNIT_NEAR);
	unsigned long distance = AREA_VADDR - near->vaddr;

	setup(UPROBE_EXIT_JUMP);
	step(task, near);	/* without any reach nothing is near */
	step(task, none);
	CHECK(exits(UPROBE_EXIT_TRAP) == 1 && exits(UPROBE_EXIT_STEP) == 1);
	CHECK(!area()->nr_pinned);
	area()->reach = distance;
	go(near);
	area()->reach = distance - 1;
	step(task, near);
	CHECK(exits(UPROBE_EXIT_JUMP) == 1 && exits(UPROBE_EXIT_TRAP) == 2);
	CHECK(counter(UPROBE_COUNT_HIT) == 1);

	/* On the other side of the area it is one less. */
	distance = 4 * UPROBE_AREA_BYTES;
	near->vaddr = AREA_VADDR + distance;
	area()->reach = distance + 1;
	go(near);
	area()->reach = distance;
	step(task, near);
	CHECK(exits(UPROBE_EXIT_JUMP) == 2 && exits(UPROBE_EXIT_TRAP) == 3);
	probe_free(near);
	probe_free(none);
	teardown();
}

/* Near below the probe, or nowhere in particular. */
static void p9_place(void)
{
	const unsigned long size = UPROBE_AREA_BYTES, probe = 0x555555554321;
	unsigned long page = probe & PAGE_MASK;

	setup(UPROBE_EXIT_JUMP);
	task->regs.ip = probe;
	be(task);
	unit_reach = 0;
	CHECK(IS_ERR_VALUE(uprobe_slots_place(size)));
	unit_reach = 4 * size;
	CHECK(uprobe_slots_place(size) == page - size);
	unit_mapped = page - size;
	CHECK(uprobe_slots_place(size) == page - 2 * size);
	unit_mapped = probe - unit_reach + size - 1;
	CHECK(IS_ERR_VALUE(uprobe_slots_place(size)));
	unit_mapped = 0;

	/* A page alone has no shared slots; and off is off. */
	CHECK(IS_ERR_VALUE(uprobe_slots_place(PAGE_SIZE)));
	uprobe_slots_set_enabled(false);
	CHECK(IS_ERR_VALUE(uprobe_slots_place(size)));
	uprobe_slots_set_enabled(true);

	/* Nothing is mapped where a null pointer points to. */
	task->regs.ip = mmap_min_addr + size + PAGE_SIZE - 1;
	CHECK(uprobe_slots_place(size) == mmap_min_addr);
	task->regs.ip = mmap_min_addr + size - 1;
	CHECK(IS_ERR_VALUE(uprobe_slots_place(size)));
	task->regs.ip = PAGE_SIZE + 1;
	CHECK(IS_ERR_VALUE(uprobe_slots_place(size)));

	/* Nor where the kernel is, wherever a handler sent the task. */
	task->regs.ip = TASK_SIZE + 4 * size;
	CHECK(IS_ERR_VALUE(uprobe_slots_place(size)));
	task->regs.ip = TASK_SIZE + size;
	CHECK(uprobe_slots_place(size) == TASK_SIZE - size);
	task->regs.ip = -PAGE_SIZE;
	CHECK(IS_ERR_VALUE(uprobe_slots_place(size)));
	teardown();
}

const struct unit_case exits_cases[] = {
	{ "P1 a jump leaves by itself, from a slot that is written once", p1_jump },
	{ "P3 a jump is of one probe, what needs none is of all", p3_a_jump_is_of_one_probe },
	{ "P3 jumps of equal hashes are told apart", p3_equal_hashes },
	{ "P3 the breakpoint behind the copy ends a step", p3_trap },
	{ "P3 a task in another mode uses no slot", p3_other_mode },
	{ "P4 what is pinned stays, and is counted", p4_pinned_stay },
	{ "P7 half of the area is pinned at most", p7_pinned_at_most_half },
	{ "P8 exits may change at any time", p8_exits },
	{ "P9 what has to be near and is not takes the breakpoint", p9_far },
	{ "P9 an area lies near below the probe", p9_place },
	{ "P9 no signal saves the address of a slot", p9_signal },
	{ }
};
