/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Tracepoints of shared uprobe slots. The system is the one in which dynamic
 * uprobe events live by default: its directory holds both kinds.
 */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM uprobes

#if !defined(_TRACE_UPROBE_SLOTS_H) || defined(TRACE_HEADER_MULTI_READ)
#define _TRACE_UPROBE_SLOTS_H

#include <linux/tracepoint.h>

#include "uprobe_slots.h"

#define X(NAME, name) TRACE_DEFINE_ENUM(UPROBE_MISS_##NAME);
UPROBE_SLOT_MISSES(X)
#undef X
#define X(NAME, name) TRACE_DEFINE_ENUM(UPROBE_CONTENTION_##NAME);
UPROBE_SLOT_CONTENTIONS(X)
#undef X
#define X(NAME, name) TRACE_DEFINE_ENUM(UPROBE_RECLAIM_##NAME);
UPROBE_SLOT_RESULTS(X)
#undef X

#ifndef UPROBE_SLOTS_SYMBOLS
#define UPROBE_SLOTS_SYMBOLS
#define UPROBE_MISS_SYMBOL(NAME, name)		{ UPROBE_MISS_##NAME, #name },
#define UPROBE_CONTENTION_SYMBOL(NAME, name)	{ UPROBE_CONTENTION_##NAME, #name },
#define UPROBE_RECLAIM_SYMBOL(NAME, name)	{ UPROBE_RECLAIM_##NAME, #name },
#endif

DECLARE_EVENT_CLASS(uprobe_slot_class,

	TP_PROTO(unsigned long ip, unsigned long slot, u32 key),

	TP_ARGS(ip, slot, key),

	TP_STRUCT__entry(
		__field(unsigned long,	ip)
		__field(unsigned long,	slot)
		__field(u32,		key)
	),

	TP_fast_assign(
		__entry->ip	= ip;
		__entry->slot	= slot;
		__entry->key	= key;
	),

	TP_printk("ip=0x%lx slot=0x%lx key=0x%x",
		  __entry->ip, __entry->slot, __entry->key)
);

/* Served from the task's own cache. */
DEFINE_EVENT(uprobe_slot_class, slot_hit,
	TP_PROTO(unsigned long ip, unsigned long slot, u32 key),
	TP_ARGS(ip, slot, key)
);

/* Ran from a slot that needed no write and no flush. */
DEFINE_EVENT(uprobe_slot_class, slot_flush_avoided,
	TP_PROTO(unsigned long ip, unsigned long slot, u32 key),
	TP_ARGS(ip, slot, key)
);

/* Not served from the task's own cache. */
TRACE_EVENT(slot_miss,

	TP_PROTO(unsigned long ip, unsigned long slot, u32 key, int reason),

	TP_ARGS(ip, slot, key, reason),

	TP_STRUCT__entry(
		__field(unsigned long,	ip)
		__field(unsigned long,	slot)
		__field(u32,		key)
		__field(int,		reason)
	),

	TP_fast_assign(
		__entry->ip	= ip;
		__entry->slot	= slot;
		__entry->key	= key;
		__entry->reason	= reason;
	),

	TP_printk("ip=0x%lx slot=0x%lx key=0x%x reason=%s",
		  __entry->ip, __entry->slot, __entry->key,
		  __print_symbolic(__entry->reason,
				   UPROBE_SLOT_MISSES(UPROBE_MISS_SYMBOL)
				   { 0, "none" }))
);

/* A wait ended. */
TRACE_EVENT(slot_contention,

	TP_PROTO(unsigned long ip, unsigned long slot, int reason, u64 wait_ns),

	TP_ARGS(ip, slot, reason, wait_ns),

	TP_STRUCT__entry(
		__field(unsigned long,	ip)
		__field(unsigned long,	slot)
		__field(u64,		wait_ns)
		__field(int,		reason)
	),

	TP_fast_assign(
		__entry->ip		= ip;
		__entry->slot		= slot;
		__entry->wait_ns	= wait_ns;
		__entry->reason		= reason;
	),

	TP_printk("ip=0x%lx slot=0x%lx reason=%s wait_ns=%llu",
		  __entry->ip, __entry->slot,
		  __print_symbolic(__entry->reason,
				   UPROBE_SLOT_CONTENTIONS(UPROBE_CONTENTION_SYMBOL)
				   { -1, "none" }),
		  __entry->wait_ns)
);

/* Reclaim decided over a slot. */
TRACE_EVENT(slot_reclaim,

	TP_PROTO(unsigned long slot, pid_t tgid, int result, unsigned int age_ms),

	TP_ARGS(slot, tgid, result, age_ms),

	TP_STRUCT__entry(
		__field(unsigned long,	slot)
		__field(pid_t,		tgid)
		__field(int,		result)
		__field(unsigned int,	age_ms)
	),

	TP_fast_assign(
		__entry->slot	= slot;
		__entry->tgid	= tgid;
		__entry->result	= result;
		__entry->age_ms	= age_ms;
	),

	TP_printk("slot=0x%lx tgid=%d result=%s age_ms=%u",
		  __entry->slot, __entry->tgid,
		  __print_symbolic(__entry->result,
				   UPROBE_SLOT_RESULTS(UPROBE_RECLAIM_SYMBOL)
				   { -1, "none" }),
		  __entry->age_ms)
);

#endif /* _TRACE_UPROBE_SLOTS_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH ../../kernel/events
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE uprobe_slots_trace
#include <trace/define_trace.h>
