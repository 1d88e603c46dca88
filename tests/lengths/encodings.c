// SPDX-License-Identifier: GPL-2.0-or-later
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "encodings.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define NR_RANDOM	200000

const char *const map_name[NR_MAPS] = {
	"one-byte", "0f", "0f 38", "0f 3a",
	"VEX map 1", "VEX map 2", "VEX map 3", "XOP", "EVEX", "at random",
};

struct bytes {
	unsigned int	n;
	unsigned char	b[6];
};

#define B(...) { sizeof((unsigned char[]){ __VA_ARGS__ }), { __VA_ARGS__ } }

/* In front of the opcodes of the old maps. */
static const struct bytes prefixes[] = {
	{ 0, { 0 } },
	B(0x66), B(0x67), B(0xf2), B(0xf3), B(0xf0),
	B(0x2e), B(0x36), B(0x3e), B(0x26), B(0x64), B(0x65),
	B(0x66, 0x66), B(0xf2, 0xf2), B(0xf3, 0xf3), B(0x67, 0x67),
	B(0x66, 0xf2), B(0xf2, 0x66), B(0x66, 0xf3), B(0xf3, 0x66),
	B(0xf2, 0xf3), B(0xf3, 0xf2), B(0x66, 0x67), B(0x67, 0x66),
	B(0x67, 0xf2), B(0xf3, 0x67), B(0x64, 0x66), B(0x66, 0x65), B(0x65, 0xf3),
	B(0x66, 0x66, 0x66), B(0x66, 0xf2, 0x66), B(0xf2, 0x66, 0xf3), B(0xf3, 0x66, 0xf2),
	B(0x66, 0xf3, 0x66), B(0x66, 0x67, 0xf2, 0x64), B(0x66, 0x67, 0xf3, 0x64, 0x65),
};

/* The same with a REX prefix in them, in the last place and before. */
static const struct bytes rex_prefixes[] = {
	B(0x40), B(0x41), B(0x42), B(0x44), B(0x48), B(0x4c), B(0x4f),
	B(0x66, 0x40), B(0x66, 0x48), B(0xf2, 0x41), B(0xf2, 0x48), B(0xf3, 0x44), B(0xf3, 0x48),
	B(0x67, 0x48), B(0x64, 0x48), B(0x66, 0xf3, 0x48), B(0xf2, 0x66, 0x49),
	B(0x66, 0x67, 0x48), B(0x66, 0x67, 0xf2, 0x64, 0x48),
	B(0x48, 0x66), B(0x48, 0xf2), B(0x48, 0xf3), B(0x41, 0x67), B(0x48, 0x64), B(0x40, 0x66),
	B(0x48, 0x66, 0xf3), B(0x66, 0x48, 0xf3), B(0x66, 0x48, 0x66, 0x48),
	B(0x48, 0x48), B(0x48, 0x43), B(0x40, 0x48), B(0x66, 0x48, 0x43), B(0x48, 0x48, 0x48),
	B(0x48, 0x66, 0x48),
};

/* In front of VEX and its kin, where most are undefined. */
static const struct bytes vex_prefixes[] = {
	{ 0, { 0 } }, B(0x67), B(0x64), B(0x67, 0x65), B(0x66), B(0xf2), B(0xf3),
};

static const struct bytes escapes[] = {
	[MAP_1] = { 0, { 0 } }, [MAP_0F] = B(0x0f),
	[MAP_0F38] = B(0x0f, 0x38), [MAP_0F3A] = B(0x0f, 0x3a),
};

/* Behind the opcode: ModRM without its reg, and SIB. Bytes of one value follow. */
static const struct bytes operands[] = {
	B(0xc1), B(0x00), B(0x43), B(0x83), B(0x05), B(0x06), B(0xc6),
	B(0x04, 0x08), B(0x04, 0x25), B(0x44, 0x24), B(0x84, 0x05),
};

static const unsigned char fills[] = { 0x10, 0x44 };

static void append(struct encoding *e, unsigned int *at, const struct bytes *bytes)
{
	memcpy(e->code + *at, bytes->b, bytes->n);
	*at += bytes->n;
}

/*
 * Visit an opcode with operands. reg may select an instruction with an immediate, so
 * all values of reg are tried: in all forms if thorough, else in the first two. If the
 * decoder sees no ModRM, these bytes are an immediate, and a few values suffice.
 */
static void each_operand(struct encoding *e, unsigned int at, bool thorough,
			 void (*visit)(const struct encoding *e))
{
	unsigned int form, reg, n;

	for (form = 0; form < ARRAY_SIZE(operands); form++) {
		for (reg = 0; reg < 8; reg++) {
			if (form >= 2 && !thorough && reg != form % 8)
				continue;
			n = at;
			memset(e->code + at, fills[(form + reg) % 2], CODE_BYTES - at);
			append(e, &n, &operands[form]);
			e->code[at] |= reg << 3;
			e->decision = decide(e->bits, e->code);
			if (e->decision.has_modrm || (form < 2 && reg < 2))
				visit(e);
		}
	}
}

static void each_opcode(struct encoding *e, unsigned int at, bool thorough,
			void (*visit)(const struct encoding *e))
{
	unsigned int opcode;

	for (opcode = 0; opcode < 0x100; opcode++) {
		e->opcode = opcode;
		e->code[at] = opcode;
		each_operand(e, at + 1, thorough, visit);
	}
}

static void each_legacy(struct encoding *e, const struct bytes *prefix, size_t nr,
			void (*visit)(const struct encoding *e))
{
	unsigned int at;
	size_t i;

	for (i = 0; i < nr; i++) {
		for (e->map = MAP_1; e->map <= MAP_0F3A; e->map++) {
			at = 0;
			append(e, &at, &prefix[i]);
			append(e, &at, &escapes[e->map]);
			each_opcode(e, at, prefix[i].n < 2, visit);
		}
	}
}

/* Prefixes of two, three and four bytes; w is W and vvvv, l is L. */
static struct bytes vex(enum map map, unsigned int rxb, unsigned int w, unsigned int l_pp)
{
	unsigned char m = map - MAP_VEX1 + 1;

	return (struct bytes)B(0xc4, rxb << 5 | m, w << 3 | l_pp);
}

static struct bytes xop(unsigned int m, unsigned int rxb, unsigned int w, unsigned int l_pp)
{
	return (struct bytes)B(0x8f, rxb << 5 | m, w << 3 | l_pp);
}

static struct bytes evex(unsigned int m, unsigned int w, unsigned int l, unsigned int pp)
{
	return (struct bytes)B(0x62, 0xf0 | m, w << 3 | 4 | pp, l << 5 | 8);
}

static void each_of_head(struct encoding *e, const struct bytes *head,
			 void (*visit)(const struct encoding *e))
{
	unsigned int at;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(vex_prefixes); i++) {
		/* These prefixes change nothing, or make it undefined: try them with one pp and L. */
		if (i > 0 && (head->b[head->n - 1] & 7) != 1)
			continue;
		at = 0;
		append(e, &at, &vex_prefixes[i]);
		append(e, &at, head);
		each_opcode(e, at, false, visit);
	}
}

/* W, and vvvv for none and for one register. */
static const unsigned int ws[] = { 0x0f, 0x1f, 0x0d };

static void each_vex(struct encoding *e, void (*visit)(const struct encoding *e))
{
	unsigned int l_pp, w;
	struct bytes head;

	for (l_pp = 0; l_pp < 8; l_pp++) {
		e->map = MAP_VEX1;
		head = (struct bytes)B(0xc5, 0xf8 | l_pp);
		each_of_head(e, &head, visit);
		for (w = 0; w < ARRAY_SIZE(ws); w++) {
			for (e->map = MAP_VEX1; e->map <= MAP_VEX3; e->map++) {
				head = vex(e->map, 7, ws[w], l_pp);
				each_of_head(e, &head, visit);
			}
		}
	}
	if (e->bits == 64) {
		for (e->map = MAP_VEX1; e->map <= MAP_VEX3; e->map++) {
			head = vex(e->map, 0, 0x0f, 1);
			each_of_head(e, &head, visit);
		}
	}
}

static void each_xop(struct encoding *e, void (*visit)(const struct encoding *e))
{
	struct bytes head;
	unsigned int m;

	e->map = MAP_XOP;
	for (m = 8; m <= 10; m++) {
		head = xop(m, 7, 0x0f, 0);
		each_of_head(e, &head, visit);
		head = xop(m, 7, 0x1f, 4);
		each_of_head(e, &head, visit);
	}
}

static void each_evex(struct encoding *e, void (*visit)(const struct encoding *e))
{
	static const unsigned char maps[] = { 1, 2, 3, 5, 6 };
	unsigned int w, l, pp;
	struct bytes head;
	size_t m;

	e->map = MAP_EVEX;
	for (m = 0; m < ARRAY_SIZE(maps); m++) {
		for (pp = 0; pp < 4; pp++) {
			for (w = 0x0f; w <= 0x1f; w += 0x10) {
				for (l = 0; l < 3; l += 2) {
					head = evex(maps[m], w, l, pp);
					each_of_head(e, &head, visit);
				}
			}
		}
	}
}

/* ---------------------------------------------------------- at random ---- */

/* The same in each run, so that a failure comes again. */
static unsigned int random_word(void)
{
	static unsigned long state;

	state = state * 6364136223846793005UL + 1442695040888963407UL;
	return state >> 33;
}

static void append_random_prefixes(struct encoding *e, unsigned int *at)
{
	static const unsigned char any[] = {
		0x66, 0x67, 0xf2, 0xf3, 0x64, 0x65, 0x66, 0xf2, 0xf3, 0x48, 0x4f,
	};
	unsigned int n = random_word() % 6, of = ARRAY_SIZE(any) - (e->bits == 64 ? 0 : 2);

	while (n--)
		e->code[(*at)++] = any[random_word() % of];
}

static void each_random(struct encoding *e, void (*visit)(const struct encoding *e))
{
	unsigned int i, at, n;

	e->map = MAP_ANY;
	for (n = 0; n < NR_RANDOM; n++) {
		for (i = 0; i < CODE_BYTES; i++)
			e->code[i] = random_word();
		at = 0;
		append_random_prefixes(e, &at);
		append(e, &at, &escapes[random_word() % ARRAY_SIZE(escapes)]);
		e->opcode = e->code[at];
		e->decision = decide(e->bits, e->code);
		visit(e);
	}
}

/* --------------------------------------------------------------- all ---- */

/* All CPUs have the old maps. XOP needs none that has it, as it must not share. */
bool cpu_has_map(enum map map)
{
	switch (map) {
	case MAP_VEX1: case MAP_VEX2: case MAP_VEX3:
		return __builtin_cpu_supports("avx2");
	case MAP_EVEX:
		return __builtin_cpu_supports("avx512f");
	default:
		return true;
	}
}

void each_encoding(unsigned int bits, void (*visit)(const struct encoding *e))
{
	struct encoding e = { .bits = bits };

	each_legacy(&e, prefixes, ARRAY_SIZE(prefixes), visit);
	if (bits == 64)
		each_legacy(&e, rex_prefixes, ARRAY_SIZE(rex_prefixes), visit);
	each_vex(&e, visit);
	each_xop(&e, visit);
	if (cpu_has_map(MAP_EVEX))
		each_evex(&e, visit);
	each_random(&e, visit);
}
