// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Linked into the programs of a kernel build: asks for huge pages where a program has
 * megabytes of zeroed variables.
 *
 * objtool clears a hash table of 8 MiB for each object, page after page. Where page
 * faults are dear, as on a machine that is itself a guest, that is half of its time.
 */
#define _DEFAULT_SOURCE
#include <stdint.h>
#include <sys/mman.h>

#define HUGE_PAGE	((uintptr_t)2 << 20)

/* Of the linker. */
extern char __bss_start[], _end[];

__attribute__((constructor)) static void ask_for_huge_pages(void)
{
	uintptr_t from = ((uintptr_t)__bss_start + HUGE_PAGE - 1) & -HUGE_PAGE;
	uintptr_t to = (uintptr_t)_end & -HUGE_PAGE;

	/* It only gets quicker by it: without is as good. */
	if (from < to)
		madvise((void *)from, to - from, MADV_HUGEPAGE);
}
