// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For clang -Wthread-safety, which compiles this and no more. The kernel's files say
 * with __must_hold() and __acquires() who holds which lock; here stands who must not
 * hold it, for which the kernel has no word.
 *
 * Fields are not annotated: in C, clang 14 does not let one member of a struct name
 * another one as its lock. TSan looks at them while the harness runs.
 */
#define UNIT_ANNOTATED
#include "uprobe_slots_types.h"

#define __not(lock)	__attribute__((locks_excluded(lock)))

static bool area_grow(struct uprobe_slot_area *area) __not(area->lock);
static struct uprobe_slot *slot_claim(struct uprobe_slot_cache *cache,
				      const struct slot_lookup *want, int *miss)
	__not(cache->area->lock);
static unsigned int reclaim_mark(struct uprobe_slot_area *area) __not(area->lock);
static void reclaim_decide(struct uprobe_slot_area *area) __not(area->lock);
static bool reclaim_wake(struct uprobe_slot_area *area) __not(area->lock);

#include "uprobe_slots.c"
#include "uprobe_slots_area.c"
#include "uprobe_slots_reclaim.c"
#include "uprobe_slots_report.c"
