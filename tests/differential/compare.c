// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * compare.c - judges and prints differences
 */
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"

/* More lines of one setting help nobody. */
#define MAX_LINES	200

#define X(name) #name,
const char * const field_names[NR_FIELDS] = { FIELDS(X) };
#undef X

uint64_t record_differs(const struct record *a, const struct record *b)
{
	uint64_t bits = 0;
	unsigned int i;

	if (!memcmp(a, b, sizeof(*a)))
		return 0;
	for (i = 0; i < NR_FIELDS; i++)
		if (a->f[i] != b->f[i])
			bits |= 1ull << i;
	/* They explain mem and data, and say nothing by themselves. */
	return bits & ~(1ull << F_where | 1ull << F_was);
}

static char *put_bytes(char *p, const struct insn *insn)
{
	unsigned int i;

	for (i = 0; i < insn->len; i++)
		p += sprintf(p, "%02x ", insn->bytes[i]);
	return p;
}

static bool may_print(struct setting *s)
{
	const char *lines = getenv("DIFFERENTIAL_LINES");
	unsigned long most = lines && *lines ? strtoul(lines, NULL, 10) : MAX_LINES;

	if (s->unexpected == most)
		diag("%s: more differences are not shown", s->name);
	return s->unexpected < most;
}

/*
 * The frame says the trap number of the fault before, as a stock kernel has it: of two
 * differences this makes one, of which classes can say that nothing else may differ.
 */
static bool is_stale(const struct pair *p, uint64_t bits)
{
	uint64_t last = p->before ? p->before->f[F_trapno] : 13;

	/* -1 is the kernel's own mark, which nobody may see. */
	return bits & 1ull << F_trapno && p->probed->f[F_trapno] == last && last < 32;
}

/* Both stored a word in the same place, and it differs by TF in what are flags. */
static bool is_tf(const struct pair *p, uint64_t bits)
{
	uint64_t differ = p->native->f[F_was] ^ p->probed->f[F_was];

	return bits & 1ull << F_mem && p->native->f[F_where] == p->probed->f[F_where] &&
	       (differ == 0x100 || differ == 0x100ull << 16 || differ == 0x100ull << 32 ||
		differ == 0x100ull << 48);
}

static bool all_known(const struct setting *s, const struct pair *p, uint64_t bits)
{
	const char *list = p->list->name;
	unsigned int i;

	if (s->exits == EXITS_STOCK && is_stale(p, bits)) {
		if (!class_of(p->insn, s, list, "stale"))
			return false;
		bits &= ~(1ull << F_trapno | 1ull << F_cr2);
	}
	if (is_tf(p, bits) && class_of(p->insn, s, list, "tf"))
		bits &= ~(1ull << F_mem);
	for (i = 0; i < NR_FIELDS; i++)
		if (bits & 1ull << i && !class_of(p->insn, s, list, field_names[i]))
			return false;
	return true;
}

static char *put_memory(char *p, const struct record *r)
{
	if (!r->f[F_where])
		return p + sprintf(p, "unchanged");
	return p + sprintf(p, "*%#jx=%#jx", r->f[F_where], r->f[F_was]);
}

static char *put_field(char *p, unsigned int i, const struct record *a, const struct record *b)
{
	p += sprintf(p, " %s ", field_names[i]);
	if (i == F_mem || i == F_data) {
		p = put_memory(p, a);
		p += sprintf(p, " -> ");
		return put_memory(p, b);
	}
	if (i == F_x87 || i == F_sse || i == F_avx || i == F_xrest)
		return p + sprintf(p, "(contents)");
	return p + sprintf(p, "%#jx -> %#jx", a->f[i], b->f[i]);
}

static void print_pair(const struct setting *s, const struct pair *p, uint64_t bits)
{
	char line[4096], *to;
	unsigned int i;

	to = put_bytes(line, p->insn);
	to += sprintf(to, "| %s-bit, state %u, %s, %s:", p->list->name, p->state,
		      p->map ? "far" : "near", s->name);
	for (i = 0; i < NR_FIELDS; i++)
		if (bits & 1ull << i)
			to = put_field(to, i, p->native, p->probed);
	diag("%s", line);
}

void compare_pair(struct setting *s, const struct pair *p)
{
	uint64_t bits = record_differs(p->native, p->probed) & ~p->ignored;

	if (!bits)
		return;
	if (all_known(s, p, bits)) {
		s->known++;
		return;
	}
	if (may_print(s))
		print_pair(s, p, bits);
	s->unexpected++;
}

void compare_other(struct setting *s, const struct list *l, const struct insn *insn,
		   const char *field, const char *fmt, ...)
{
	char line[512], text[256];
	va_list ap;

	if (class_of(insn, s, l->name, field)) {
		s->known++;
		return;
	}
	if (may_print(s)) {
		va_start(ap, fmt);
		vsnprintf(text, sizeof(text), fmt, ap);
		va_end(ap);
		*put_bytes(line, insn) = '\0';
		diag("%s| %s-bit, %s: %s %s", line, l->name, s->name, field, text);
	}
	s->unexpected++;
}
