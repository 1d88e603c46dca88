// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * For clang -Wthread-safety, which compiles this and no more: who holds which
 * lock, said before the definitions, so that the kernel's files need not say it.
 *
 * What takes the lock of an area that it reached otherwise (slot_fill() and the
 * like, by cache->area) is left out: clang does not see that it is the same lock.
 */
#define UNIT_ANNOTATED
#include "uprobe_slots_types.h"

#define __takes(lock)	__attribute__((acquire_capability(lock)))
#define __holds(lock)	__attribute__((requires_capability(lock)))
#define __not(lock)	__attribute__((locks_excluded(lock)))

static u64 area_lock(struct uprobe_slot_area *area) __takes(area->lock);
static void area_add_page(struct uprobe_slot_area *area, struct slot_page *new)
	__holds(area->lock);
static unsigned int reclaim_choose(struct uprobe_slot_area *area, bool named,
				   unsigned int *chosen) __holds(area->lock);
static void reclaim_age(struct uprobe_slot_area *area, unsigned int n)
	__holds(area->lock);
static void slot_mark(struct uprobe_slot_area *area, struct uprobe_slot *s)
	__holds(area->lock);
static void slot_decide(struct uprobe_slot_area *area, struct uprobe_slot *s)
	__holds(area->lock);
static bool area_grow(struct uprobe_slot_area *area) __not(area->lock);
static unsigned int reclaim_mark(struct uprobe_slot_area *area) __not(area->lock);
static void reclaim_decide(struct uprobe_slot_area *area) __not(area->lock);
static bool reclaim_wake(struct uprobe_slot_area *area) __not(area->lock);

static bool table_has(struct uprobe_slot_area *area, struct uprobe_slot *s)
	__holds(area->lock);
static const char *area_check(struct uprobe_slot_area *area) __holds(area->lock);

#include "uprobe_slots.c"
#include "uprobe_slots_area.c"
#include "uprobe_slots_reclaim.c"
#include "uprobe_slots_report.c"
