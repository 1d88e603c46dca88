// SPDX-License-Identifier: GPL-2.0
/* snips.c - run a snippet of content_ARCH.S and compare what comes out of it */
#define _GNU_SOURCE
#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"
#include "content.h"

#ifdef __x86_64__
#include <asm/prctl.h>
#endif

_Static_assert(offsetof(struct us_ctx, out) == CTX_OUT, "content.h");
_Static_assert(offsetof(struct us_ctx, in_v) == CTX_IN_V, "content.h");
_Static_assert(offsetof(struct us_ctx, out_v) == CTX_OUT_V, "content.h");
_Static_assert(offsetof(struct us_ctx, in_flags) == CTX_IN_FLAGS, "content.h");
_Static_assert(offsetof(struct us_ctx, out_sp) == CTX_OUT_SP, "content.h");
_Static_assert(offsetof(struct us_ctx, fn) == CTX_FN, "content.h");
_Static_assert(offsetof(struct us_ctx, saved_sp) == CTX_SAVED_SP, "content.h");
_Static_assert(offsetof(struct us_ctx, data) == CTX_DATA, "content.h");
_Static_assert(offsetof(struct us_ctx, stack) == CTX_STACK, "content.h");
_Static_assert(sizeof(struct us_ctx) == CTX_SIZE, "content.h");

#ifdef __x86_64__
#define FLAGS_COMPARED	0xcd5ull	/* the status flags and DF */

void us_snip_thread(struct us_ctx *ctx)
{
	if (syscall(SYS_arch_prctl, ARCH_SET_GS, ctx))
		us_die("ARCH_SET_GS: %s", strerror(errno));
}

static void arch_registers(struct us_ctx *c)
{
	c->in[0] = 0x1122334455667788;
	c->in[1] = 3;
	c->in[2] = 0x0fedcba987654321;
	c->in[3] = (uint64_t)c->data + 128;
	c->in[5] = (uint64_t)c->data + 256;
	c->in[6] = (uint64_t)c->data + 64;
	c->in[7] = (uint64_t)c->data;
	c->in_flags = 0x202;
}
#else
#define FLAGS_COMPARED	0xf0000000ull	/* NZCV */

void us_snip_thread(struct us_ctx *ctx)
{
}

static void arch_registers(struct us_ctx *c)
{
	c->in[0] = (uint64_t)c->data;
	c->in[1] = (uint64_t)c->data + 64;
	c->in[2] = 3;
	c->in[3] = 0x1122334455667788;
	c->in[4] = 0x0fedcba987654321;
	c->in_flags = 0x20000000;
}
#endif

static void prepare(struct us_ctx *c)
{
	unsigned int i;

	memset(c, 0, offsetof(struct us_ctx, data));
	for (i = 0; i < 32; i++)
		c->in[i] = 0x1000100010001ull * (i + 1);
	for (i = 0; i < sizeof(c->in_v); i++)
		c->in_v[i] = 17 * i + 5;
	for (i = 0; i < sizeof(c->data); i++)
		c->data[i] = 31 * i + 7;
	memset(c->stack, 0xcc, sizeof(c->stack));
	arch_registers(c);
}

void us_snip_run(const struct us_snip *s, struct us_ctx *c)
{
	prepare(c);
	us_shim(s->fn, c);
}

void us_snip_save(const struct us_ctx *c, struct us_result *r)
{
	memcpy(r->out, c->out, sizeof(r->out));
	memcpy(r->v, c->out_v, sizeof(r->v));
	memcpy(r->data, c->data, sizeof(r->data));
	memcpy(r->stack, c->stack, sizeof(r->stack));
	r->flags = c->out_flags;
	r->sp = c->out_sp;
}

static int first_difference(const void *a, const void *b, int n)
{
	const uint8_t *x = a, *y = b;
	int i;

	for (i = 0; i < n && x[i] == y[i]; i++)
		;
	return i;
}

int us_snip_differ(const char *snip, const char *what, const void *ref,
		   const void *now, int n)
{
	int i = first_difference(ref, now, n);

	if (i == n)
		return 0;
	return us_fail("%s: %s+%d is %02x, unprobed %02x", snip, what, i,
		       ((uint8_t *)now)[i], ((uint8_t *)ref)[i]);
}

int us_snip_compare(const struct us_snip *s, const struct us_ctx *c,
		    const struct us_result *r)
{
	uint64_t mask = FLAGS_COMPARED & ~s->undefined;
	int bad = 0, i;

	for (i = 0; i < 32; i++)
		if (c->out[i] != r->out[i])
			bad |= us_fail("%s: register %d is %#jx, unprobed %#jx",
				       s->name, i, c->out[i], r->out[i]);
	if ((c->out_flags ^ r->flags) & mask)
		bad |= us_fail("%s: flags %#jx, unprobed %#jx", s->name,
			       c->out_flags & mask, r->flags & mask);
	if (c->out_sp != r->sp)
		bad |= us_fail("%s: stack pointer %#jx, unprobed %#jx",
			       s->name, c->out_sp, r->sp);
	bad |= us_snip_differ(s->name, "vectors", r->v, c->out_v, sizeof(r->v));
	bad |= us_snip_differ(s->name, "data", r->data, c->data, sizeof(r->data));
	bad |= us_snip_differ(s->name, "stack", r->stack, c->stack,
			      sizeof(r->stack));
	return bad;
}
