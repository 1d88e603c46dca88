/* SPDX-License-Identifier: GPL-2.0 */
/*
 * content.h - the instruction table's layout, for C and assembly
 *
 * A snippet is a small function that contains one probed instruction. The shim
 * loads a known register file, calls it on a stack of its own and stores the
 * register file that comes out. All of it lies in one context a thread.
 */
#ifndef _US_CONTENT_H
#define _US_CONTENT_H

/* Offsets in struct us_ctx, in bytes. */
#define CTX_IN		0	/* 32 general registers */
#define CTX_OUT		256
#define CTX_IN_V	512	/* 4 vector registers */
#define CTX_OUT_V	576
#define CTX_IN_FLAGS	640
#define CTX_OUT_FLAGS	648
#define CTX_OUT_SP	656
#define CTX_FN		664
#define CTX_SAVED_SP	672
#define CTX_DATA	1024
#define CTX_STACK	2048
#define CTX_SIZE	4096
#define CTX_DATA_SIZE	(CTX_STACK - CTX_DATA)
#define CTX_STACK_SIZE	(CTX_SIZE - CTX_STACK)

/* What a snippet's probe is, for the counters. */
#define KIND_ONE	0	/* one hit a call */
#define KIND_REP	1	/* a hit an iteration, as on stock */

#ifndef __ASSEMBLER__
#include <stdint.h>

struct us_ctx {
	uint64_t in[32], out[32];
	uint8_t in_v[64], out_v[64];
	uint64_t in_flags, out_flags, out_sp;
	uint64_t fn, saved_sp;
	uint8_t pad[CTX_DATA - CTX_SAVED_SP - 8];
	uint8_t data[CTX_DATA_SIZE];
	uint8_t stack[CTX_STACK_SIZE];
} __attribute__((aligned(64)));

struct us_snip {
	const char *name;
	void (*fn)(void);
	const void *probe;
	uint64_t undefined;	/* flags that the manual leaves undefined */
	uint64_t kind;
};

extern const struct us_snip __start_snips[], __stop_snips[];
/* Memory that position-dependent instructions reach. */
extern uint8_t us_globals[], us_globals_end[];

void us_shim(void (*fn)(void), struct us_ctx *ctx);

/* The part of a context that a run's result consists of. */
struct us_result {
	uint64_t out[32], flags, sp;
	uint8_t v[64], data[CTX_DATA_SIZE], stack[CTX_STACK_SIZE];
};

/* snips.c. Once in each thread; then as often as one likes. */
void us_snip_thread(struct us_ctx *ctx);
void us_snip_run(const struct us_snip *s, struct us_ctx *c);
void us_snip_save(const struct us_ctx *c, struct us_result *r);
/* 0 if it came out as it did for @r, else it says what did not, and is 1. */
int us_snip_compare(const struct us_snip *s, const struct us_ctx *c,
		    const struct us_result *r);
int us_snip_differ(const char *snip, const char *what, const void *ref,
		   const void *now, int n);
#endif
#endif
