// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Fibers: tasks that take turns in one thread, and may be switched at every
 * point. A seed decides when and to whom, so a race that was found once is found
 * again, by SEED=. They are sequentially consistent; barriers are TSan's and the
 * litmus tests' part.
 */
#include <stdio.h>
#include <sys/mman.h>
#include <ucontext.h>

#include "unit.h"

#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>
#endif

#define FIBERS_MAX	16
#define STACK_BYTES	(128 * 1024)
#define STUCK_AFTER	200000		/* turns in which nobody got on */

static struct fiber {
	ucontext_t	context;
	void		*stack;
	bool		done;
	void		(*fn)(unsigned int me);
} fibers[FIBERS_MAX];

static ucontext_t main_context;
static void *main_stack;
static size_t main_stack_bytes;
static unsigned int nr_fibers, me, switch_one_in, blocked_turns;
static u64 schedule;

static u32 schedule_random(u32 below)
{
	schedule ^= schedule << 13;
	schedule ^= schedule >> 7;
	schedule ^= schedule << 17;
	return (schedule >> 16) % below;
}

unsigned int fiber_alive(void)
{
	unsigned int i, nr = 0;

	for (i = 0; i < nr_fibers; i++)
		nr += !fibers[i].done;
	return nr;
}

static void switch_begin(void **fake, const void *stack, size_t bytes)
{
#ifdef __SANITIZE_ADDRESS__
	__sanitizer_start_switch_fiber(fake, stack, bytes);
#endif
}

static void switch_end(void *fake)
{
#ifdef __SANITIZE_ADDRESS__
	const void *stack;
	size_t bytes;

	__sanitizer_finish_switch_fiber(fake, &stack, &bytes);
	if (!main_stack) {
		main_stack = (void *)stack;
		main_stack_bytes = bytes;
	}
#endif
}

static void switch_to(unsigned int to)
{
	unsigned int from = me;
	void *fake = NULL;

	if (to == from)
		return;
	me = to;
	unit_me = unit_cpu(to);
	switch_begin(&fake, fibers[to].stack, STACK_BYTES);
	swapcontext(&fibers[from].context, &fibers[to].context);
	switch_end(fake);
}

static unsigned int choose(void)
{
	unsigned int nr = schedule_random(nr_fibers);

	while (fibers[nr].done)
		nr = (nr + 1) % nr_fibers;
	return nr;
}

void fiber_switch(void)
{
	switch_to(choose());
}

/* Nothing to do for who calls: everybody is stuck if that goes on (P5). */
void fiber_blocked(void)
{
	CHECK(blocked_turns++ < STUCK_AFTER);
	fiber_switch();
}

void fiber_point(void)
{
	if (!schedule_random(switch_one_in))
		fiber_switch();
}

/* Away for some turns, most of the time. */
void fiber_wide_point(void)
{
	unsigned int turns = schedule_random(8);

	while (turns--)
		fiber_switch();
}

static void fiber_main(void)
{
	switch_end(NULL);
	fibers[me].fn(me);
	fibers[me].done = true;
	blocked_turns = 0;
	if (fiber_alive())
		switch_to(choose());	/* and never comes back */
	switch_begin(NULL, main_stack, main_stack_bytes);
	setcontext(&main_context);
}

static void fiber_prepare(struct fiber *f, void (*fn)(unsigned int me))
{
	if (!f->stack)
		f->stack = mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
				MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
#ifdef __SANITIZE_ADDRESS__
	__asan_unpoison_memory_region(f->stack, STACK_BYTES);
#endif
	f->done = false;
	f->fn = fn;
	getcontext(&f->context);
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = STACK_BYTES;
	makecontext(&f->context, fiber_main, 0);
}

/* Run @nr fibers of @fn to their end; they switch once in @switch_in points. */
void fiber_run(unsigned int nr, void (*fn)(unsigned int me), u64 seed,
	       unsigned int switch_in)
{
	struct unit_ctx *ctx = unit_me;
	void *fake = NULL;
	unsigned int i;

	schedule = seed | 1;
	nr_fibers = nr;
	switch_one_in = switch_in;
	blocked_turns = 0;
	for (i = 0; i < nr; i++) {
		fiber_prepare(&fibers[i], fn);
		unit_cpu(i)->rng = seed + i;
	}
	unit_mode = UNIT_FIBERS;
	me = 0;
	unit_me = unit_cpu(0);
	switch_begin(&fake, fibers[0].stack, STACK_BYTES);
	swapcontext(&main_context, &fibers[0].context);
	switch_end(fake);
	unit_mode = UNIT_PLAIN;
	unit_me = ctx;
}
