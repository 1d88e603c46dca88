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

TRACE_DEFINE_ENUM(UPROBE_MISS_SHARED);
TRACE_DEFINE_ENUM(UPROBE_MISS_FILLED);
TRACE_DEFINE_ENUM(UPROBE_MISS_FULL);
TRACE_DEFINE_ENUM(UPROBE_MISS_LIMIT);
TRACE_DEFINE_ENUM(UPROBE_MISS_SINGLE_PAGE);
TRACE_DEFINE_ENUM(UPROBE_MISS_UNSHAREABLE);
TRACE_DEFINE_ENUM(UPROBE_MISS_NOMEM);
TRACE_DEFINE_ENUM(UPROBE_EXIT_STEP);
TRACE_DEFINE_ENUM(UPROBE_EXIT_TRAP);
TRACE_DEFINE_ENUM(UPROBE_EXIT_JUMP);
TRACE_DEFINE_ENUM(UPROBE_EXIT_NONE);
TRACE_DEFINE_ENUM(UPROBE_CONTENTION_PAGE0_FULL);
TRACE_DEFINE_ENUM(UPROBE_CONTENTION_LOCK);
TRACE_DEFINE_ENUM(UPROBE_RECLAIM_FREED);
TRACE_DEFINE_ENUM(UPROBE_RECLAIM_BUSY);

/*
 * The one list of the words for the enums: the events show them, and the file
 * `stats` makes the names of its counters of them, by another __print_symbolic().
 */
#define show_uprobe_miss(reason...)					\
	__print_symbolic(reason,					\
			 { UPROBE_MISS_SHARED,		"shared" },	\
			 { UPROBE_MISS_FILLED,		"filled" },	\
			 { UPROBE_MISS_FULL,		"full" },	\
			 { UPROBE_MISS_LIMIT,		"limit" },	\
			 { UPROBE_MISS_SINGLE_PAGE,	"single_page" },\
			 { UPROBE_MISS_UNSHAREABLE,	"unshareable" },\
			 { UPROBE_MISS_NOMEM,		"nomem" })

/* The words of the knob `exits`, too. */
#define show_uprobe_exit(exit...)					\
	__print_symbolic(exit,						\
			 { UPROBE_EXIT_STEP,		"step" },	\
			 { UPROBE_EXIT_TRAP,		"trap" },	\
			 { UPROBE_EXIT_JUMP,		"jump" },	\
			 { UPROBE_EXIT_NONE,		"none" })

#define show_uprobe_contention(reason...)				\
	__print_symbolic(reason,					\
			 { UPROBE_CONTENTION_PAGE0_FULL, "page0_full" },\
			 { UPROBE_CONTENTION_LOCK,	"lock" })

#define show_uprobe_reclaim(result...)					\
	__print_symbolic(result,					\
			 { UPROBE_RECLAIM_FREED,	"freed" },	\
			 { UPROBE_RECLAIM_BUSY,		"busy" })

/* Served from the task's own cache. */
TRACE_EVENT(slot_hit,
	    TP_PROTO(unsigned long ip, unsigned long slot, u32 key, int exit),
	    TP_ARGS(ip, slot, key, exit),

	    TP_STRUCT__entry(__field(unsigned long, ip)
			     __field(unsigned long, slot)
			     __field(u32, key)
			     __field(int, exit)),

	    TP_fast_assign(__entry->ip = ip;
			   __entry->slot = slot;
			   __entry->key = key;
			   __entry->exit = exit;),

	    TP_printk("ip=0x%lx slot=0x%lx key=0x%x exit=%s",
		      __entry->ip, __entry->slot, __entry->key,
		      show_uprobe_exit(__entry->exit))
);

/* Ran from a slot that needed no write and no flush. */
TRACE_EVENT(slot_flush_avoided,
	    TP_PROTO(unsigned long ip, unsigned long slot, u32 key),
	    TP_ARGS(ip, slot, key),

	    TP_STRUCT__entry(__field(unsigned long, ip)
			     __field(unsigned long, slot)
			     __field(u32, key)),

	    TP_fast_assign(__entry->ip = ip;
			   __entry->slot = slot;
			   __entry->key = key;),

	    TP_printk("ip=0x%lx slot=0x%lx key=0x%x",
		      __entry->ip, __entry->slot, __entry->key)
);

/* Not served from the task's own cache. */
TRACE_EVENT(slot_miss,
	    TP_PROTO(unsigned long ip, unsigned long slot, u32 key, int reason,
		     int exit),
	    TP_ARGS(ip, slot, key, reason, exit),

	    TP_STRUCT__entry(__field(unsigned long, ip)
			     __field(unsigned long, slot)
			     __field(u32, key)
			     __field(int, reason)
			     __field(int, exit)),

	    TP_fast_assign(__entry->ip = ip;
			   __entry->slot = slot;
			   __entry->key = key;
			   __entry->reason = reason;
			   __entry->exit = exit;),

	    TP_printk("ip=0x%lx slot=0x%lx key=0x%x reason=%s exit=%s",
		      __entry->ip, __entry->slot, __entry->key,
		      show_uprobe_miss(__entry->reason),
		      show_uprobe_exit(__entry->exit))
);

/* A wait ended. */
TRACE_EVENT(slot_contention,
	    TP_PROTO(unsigned long ip, unsigned long slot, int reason, u64 wait_ns),
	    TP_ARGS(ip, slot, reason, wait_ns),

	    TP_STRUCT__entry(__field(unsigned long, ip)
			     __field(unsigned long, slot)
			     __field(u64, wait_ns)
			     __field(int, reason)),

	    TP_fast_assign(__entry->ip = ip;
			   __entry->slot = slot;
			   __entry->wait_ns = wait_ns;
			   __entry->reason = reason;),

	    TP_printk("ip=0x%lx slot=0x%lx reason=%s wait_ns=%llu",
		      __entry->ip, __entry->slot,
		      show_uprobe_contention(__entry->reason), __entry->wait_ns)
);

/* Reclaim decided over a slot. */
TRACE_EVENT(slot_reclaim,
	    TP_PROTO(unsigned long slot, pid_t tgid, int result, unsigned int age_ms),
	    TP_ARGS(slot, tgid, result, age_ms),

	    TP_STRUCT__entry(__field(unsigned long, slot)
			     __field(pid_t, tgid)
			     __field(int, result)
			     __field(unsigned int, age_ms)),

	    TP_fast_assign(__entry->slot = slot;
			   __entry->tgid = tgid;
			   __entry->result = result;
			   __entry->age_ms = age_ms;),

	    TP_printk("slot=0x%lx tgid=%d result=%s age_ms=%u",
		      __entry->slot, __entry->tgid,
		      show_uprobe_reclaim(__entry->result), __entry->age_ms)
);

#endif /* _TRACE_UPROBE_SLOTS_H */

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE uprobe_slots_trace
#include <trace/define_trace.h>
