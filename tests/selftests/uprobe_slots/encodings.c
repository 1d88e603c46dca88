// SPDX-License-Identifier: GPL-2.0
/*
 * Description: encodings that an instruction decoder takes for others (P3, P9):
 * each one executes as it does without a probe, whatever the knobs `exits` and
 * `emulate` say.
 *
 * What is compared are registers, flags, vector registers, memory and the signal
 * that ends a shot; see shots.h. The CPU says what is right, so an instruction
 * that this CPU does not have must fault as it does without a probe.
 */
#define _GNU_SOURCE
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "common.h"
#include "shots.h"

#define TIMES		3	/* each shot: a slot is made, then it is shared */
#define STATES		2
#define MAX_ENCODINGS	(SHOT_MAX / STATES)
#define MAX_SAID	16	/* complaints for each kind of exit */
#define COUNT		3	/* how often rep repeats */

#define REFUSED		1	/* uprobes refuse it, as on stock */
#define SYSCALL		2	/* rcx and r11 show where it was, as on stock */
#define RIP_DATA	4	/* the last 4 bytes become a displacement to data */
#define REPEATS		8	/* %ecx times; each is a hit, as on stock */

struct encoding {
	uint8_t bytes[17];	/* and a NUL that C appends */
	uint8_t len, what;
};

#define E_(b, w)	{ .bytes = b, .len = sizeof(b) - 1, .what = w }
#define E(b)		E_(b, 0)

/* ---- the states ------------------------------------------------------------------ */

#define FLAGS_ALL	0xad7ul		/* CF PF AF ZF SF IF OF */
#define FLAGS_NONE	0x202ul		/* IF */

/* Most registers point to data, those that are often an index or a count do not. */
static void state_pointers(struct shot_state *s)
{
	int i;

	for (i = 0; i < NREGS; i++)
		s->reg[i] = SHOT_DATA + 0x400 + 0x40 * i;
	s->reg[CX] = COUNT;
	s->reg[DX] = 5;
	s->reg[R12] = 4;
	s->reg[R15] = 0x0123456789abcdef;
	s->flags = FLAGS_ALL;
}

/* None does, so that what reads memory faults. */
static void state_numbers(struct shot_state *s)
{
	int i;

	for (i = 0; i < NREGS; i++)
		s->reg[i] = 0x1011 * i;
	s->reg[AX] = 0x8000000000000001;
	s->reg[SP] = SHOT_DATA + 0x800;
	s->flags = FLAGS_NONE;
}

static void add_shots(int i)
{
	struct shot *s = &shots->s[STATES * i];
	int state;

	memset(s, 0, STATES * sizeof(*s));
	state_pointers(&s[0].in);
	state_numbers(&s[1].in);
	for (state = 0; state < STATES; state++) {
		s[state].in.ip = SHOT_CODE + i * SHOT_SPACE;
		/* What lss may load from (%rsi): the selector that %ss has. */
		s[state].poke[0].addr = SHOT_DATA + 0x400 + 0x40 * SI;
		s[state].poke[0].value = 0x2b12345678;
	}
}

/* The instruction, inc %rbx, and ud2 for the rest. */
static void add_code(uint8_t *code, const struct encoding *e, int i)
{
	uint32_t at = SHOT_CODE + i * SHOT_SPACE + e->len, disp;

	for (int n = 0; n < SHOT_SPACE; n += 2)
		memcpy(code + n, "\x0f\x0b", 2);
	memcpy(code, e->bytes, e->len);
	memcpy(code + e->len, "\x48\xff\xc3\x0f\x0b", 5);
	if (e->what & RIP_DATA) {
		disp = SHOT_DATA + 0x200 - at;
		memcpy(code + e->len - 4, &disp, 4);
	}
}

static void add_encodings(const struct encoding *e, int n)
{
	uint8_t *code = calloc(n, SHOT_SPACE);
	int i;

	if (n > MAX_ENCODINGS)
		us_die("%d encodings are too many", n);
	for (i = 0; i < n; i++)
		add_code(code + i * SHOT_SPACE, &e[i], i);
	shots_file(code, n);
	free(code);
	for (i = 0; i < n; i++)
		add_shots(i);
}

/* ---- native against probed -------------------------------------------------------- */

static struct shot_result native[SHOT_MAX];

static const char *hex(const struct encoding *e)
{
	return shot_hex(e->bytes, e->len);
}

static int run_native(const struct encoding *e, int n)
{
	const char *died;
	int i, bad = 0;

	shots_run(false, 0, STATES * n, TIMES);
	for (i = 0; i < STATES * n; i++) {
		died = shot_died(i);
		if (died)
			bad |= us_fail("%s, state %d, without a probe: %s",
				       hex(&e[i / STATES]), i % STATES, died);
		native[i] = shots->s[i].out;
	}
	return bad;
}

static int probe(const struct encoding *e, int n, bool *refused)
{
	uint64_t *at = calloc(n, sizeof(*at));
	int i, nr, bad = 0;

	for (i = 0; i < n; i++)
		at[i] = i * SHOT_SPACE;
	shots_map();
	nr = shots_probe(at, n, refused);
	free(at);
	for (i = 0; i < n; i++)
		if (e[i].what & REFUSED)
			bad |= us_check(refused[i], "%s: not refused", hex(&e[i]));
	us_diag("%d instructions, %d of them refused by uprobes", n, nr);
	return bad | us_check(nr <= n / 2, "no more than %d probes", n - nr);
}

static const char *wrong(const struct encoding *e, int i)
{
	struct shot_result a = native[i], b = shots->s[i].out;

	if (e->what & SYSCALL) {
		a.st.reg[CX] = b.st.reg[CX];
		a.st.reg[R11] = b.st.reg[R11];
	}
	return shot_died(i) ?: shot_differs(&a, &b);
}

static int compare(const struct encoding *e, int n, const struct shot_kind *k)
{
	const char *text;
	int i, nr = 0;

	for (i = 0; i < STATES * n; i++) {
		text = wrong(&e[i / STATES], i);
		if (text && nr++ < MAX_SAID)
			us_fail("%s: %s, state %d: %s", k->name,
				hex(&e[i / STATES]), i % STATES, text);
	}
	return us_check(!nr, "%s: %d of %d wrong", k->name, nr, STATES * n);
}

static int probed(const struct encoding *e, int n, const bool *refused)
{
	uint64_t before, hits, want = 0;
	int bad = 0, i;

	for (i = 0; i < n; i++) {
		if (refused[i])
			continue;
		want += STATES * TIMES;
		if (e[i].what & REPEATS)
			want += (COUNT - 1) * TIMES;	/* the other state faults */
	}
	for (i = 0; i < shot_nr_kinds(); i++) {
		before = shots_hits();
		shot_set_kind(&shot_kinds[i]);
		shots_run(false, 0, STATES * n, TIMES);
		bad |= compare(e, n, &shot_kinds[i]);
		hits = shots_hits() - before;
		bad |= us_check(hits == want, "%s: %ju hits of %ju",
				shot_kinds[i].name, hits, want);
	}
	return bad;
}

static int run_encodings(const struct encoding *e, int n)
{
	bool refused[MAX_ENCODINGS] = { };

	add_encodings(e, n);
	return run_native(e, n) || (probe(e, n, refused) | probed(e, n, refused));
}

/* ---- lengths ---------------------------------------------------------------------- */

static int lengths(void)
{
	static const struct encoding list[] = {
		/* opcodes that have operands under each prefix */
		E("\xf3\x0f\x44\xc1"),			/* cmove %ecx, %eax */
		E("\xf2\x0f\x44\xc1"),
		E("\xf3\x48\x0f\x44\xc1"),
		E("\xf2\x0f\x41\x38"),			/* cmovno (%rax), %edi */
		E("\xf3\x0f\x4a\x47\x10"),
		E("\xf2\x0f\x4b\x44\x8f\x10"),
		E("\xf3\x0f\x98\xc1"),			/* sets %cl */
		E("\xf2\x0f\x99\x47\x10"),
		E("\xf3\x0f\x90\x44\x8f\x10"),
		E("\xf3\x0f\x2b\x77\xf0"),		/* movntss: AMD only */
		E("\xf2\x0f\x2b\x77\xf0"),		/* movntsd */
		E("\xf3\x66\x0f\xb8\xc1"),		/* popcnt %cx, %ax */
		E("\xf2\x66\x0f\x38\xf0\xc1"),		/* crc32 */
		E("\xf3\x66\x0f\x52\xc1"),
		E("\xf2\x66\x0f\x53\xc1"),
		E("\xf2\x66\x0f\xf0\x47\x10"),		/* lddqu */
		/* two REX: the CPU ignores the first */
		E("\x48\x48\x89\xc8"),
		E("\x48\x43\xd1\x44\x62\xf3"),		/* roll -13(%r10,%r12,2) */
		E("\x41\x40\x89\xc8"),
		E("\x4f\x48\x01\x47\x10"),
		E("\x48\x48\x48\x48\x48\xff\xc0"),
		/* hint nops with operands */
		E("\x0f\x19\x44\x10\x10"),
		E("\x0f\x1d\x63\x84"),
		E("\x66\x0f\x19\xc1"),
		E("\x0f\x1a\x44\x10\x10"),
		E("\x0f\x1b\x63\x84"),
		E("\x0f\x1c\x80\x11\x22\x33\x44"),
		E("\x0f\x1e\x44\x10\x10"),
		E("\xf3\x0f\x1e\x63\x84"),
		E("\x48\x0f\x1d\x84\x10\x11\x22\x33\x44"),
		E("\x0f\x18\x44\x10\x10"),
		E("\x0f\x1f\x44\x10\x10"),
		E("\x0f\x0d\x44\x10\x10"),		/* prefetch */
		/* 8f, not a pop: XOP, or undefined */
		E("\x8f\xe8\x78\xc0\xc1\x05"),
		E("\x8f\xc9"),
		/* three-byte opcodes that nobody has */
		E("\x0f\x38\x0f\xc1"),
		E("\x0f\x3a\xff\xc1\x05"),
		E("\x0f\x39\xc1"),
		/* group 3 with an operand, group 3 without */
		E("\xf6\xc8\x12"),			/* test $0x12, %al by its alias */
		E("\xf7\x4f\x10\x12\x34\x56\x78"),
		E("\x66\xf7\xc8\x12\x34"),
		E("\xd6"), E("\xd0\xf1"), E("\xc1\x77\x10\x05"),
		/* prefixes that change how long an immediate is */
		E("\x66\xb8\x34\x12"),
		E("\x48\xb8\x11\x22\x33\x44\x55\x66\x77\x88"),
		E("\x66\x48\xb8\x11\x22\x33\x44\x55\x66\x77\x88"),
		E("\x67\x8b\x47\x10"),
		E("\x67\xa1\x00\x84\x00\x30"),
		E("\xa1\x00\x84\x00\x30\x00\x00\x00\x00"),
		E("\x66\x48\x05\x11\x22\x33\x44"),
		E("\x66\xc7\x47\x10\x34\x12"),
	};

	return run_encodings(list, ARRAY_SIZE(list));
}

struct opcodes {
	uint8_t from, to;
};

static bool among(uint8_t op, const struct opcodes *list, int n)
{
	while (n--)
		if (op >= list[n].from && op <= list[n].to)
			return true;
	return false;
}

/* Opcodes behind 0f whose last byte is an immediate. */
static bool has_immediate(uint8_t op)
{
	static const struct opcodes list[] = { { 0x70, 0x73 }, { 0xc2, 0xc2 }, { 0xc4, 0xc6 } };

	return among(op, list, ARRAY_SIZE(list));
}

static void append(struct encoding *e, const char *bytes, int n)
{
	memcpy(e->bytes + e->len, bytes, n);
	e->len += n;
}

/* 0f @op behind @prefix, with an operand in a register, or two sorts in memory. */
static int add_forms(struct encoding *e, const char *prefix, uint8_t op)
{
	static const struct encoding forms[] = {
		E("\xc1"), E("\x77\xf0"), E("\x44\x8f\x10")
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(forms); i++, e++) {
		memset(e, 0, sizeof(*e));
		append(e, prefix, strlen(prefix));
		append(e, "\x0f", 1);
		append(e, (char *)&op, 1);
		append(e, (char *)forms[i].bytes, forms[i].len);
		if (has_immediate(op))
			append(e, "\x05", 1);
	}
	return i;
}

/* What the decoder's tables know under no prefix, or under another one, only. */
static const struct opcodes without_operands[] = {
	{ 0x13, 0x17 }, { 0x28, 0x28 }, { 0x2b, 0x2b }, { 0x41, 0x42 },
	{ 0x44, 0x47 }, { 0x4a, 0x4b }, { 0x50, 0x57 }, { 0x60, 0x6e },
	{ 0x90, 0x93 }, { 0x98, 0x99 }, { 0xc4, 0xc6 }, { 0xd1, 0xfe },
};

static int under_prefix(const char *prefix)
{
	static struct encoding list[MAX_ENCODINGS];
	int op, n = 0;

	for (op = 0; op < 0x100; op++)
		if (among(op, without_operands, ARRAY_SIZE(without_operands)))
			n += add_forms(&list[n], prefix, op);
	return run_encodings(list, n);
}

static int under_f3(void)
{
	return under_prefix("\xf3");
}

static int under_f2(void)
{
	return under_prefix("\xf2");
}

static int under_both(void)
{
	static const char * const prefix[] = {
		"\xf3\x66", "\xf2\x66", "\x66\xf3", "\x66\xf2", "\xf2\xf3", "\xf3\xf2",
	};
	static const uint8_t ops[] = { 0x52, 0x53, 0xb8, 0xf0, 0x10, 0x5a, 0x6f, 0xd6 };
	static struct encoding list[MAX_ENCODINGS];
	unsigned int p, o;
	int n = 0;

	for (p = 0; p < ARRAY_SIZE(prefix); p++)
		for (o = 0; o < ARRAY_SIZE(ops); o++)
			n += add_forms(&list[n], prefix[p], ops[o]);
	return run_encodings(list, n);
}

/* ---- instructions that are taken for others ---------------------------------------- */

/* What stock does wrong by itself is for no test on it. */
static int run_but_on_stock(const struct encoding *e, int n)
{
	if (us_mode() == US_STOCK)
		return us_skip("a stock kernel executes some of them wrongly");
	return run_encodings(e, n);
}

static int mistaken(void)
{
	static const struct encoding list[] = {
		/* xchg, nop, pause */
		E("\x49\x90"), E("\x41\x90"), E("\x90"), E("\xf3\x90"), E("\x66\x90"),
		E("\x48\x90"), E("\xf2\x90"), E("\xf3\x41\x90"), E("\x66\x41\x90"),
		E("\x4f\x90"), E("\x66\x49\x90"), E("\x91"), E("\x49\x91"),
		/* a REX that another prefix follows is none */
		E("\x48\x66\x89\xc8"), E("\x49\x66\x90"), E("\x41\x66\x90"),
		E("\x41\x66\x50"), E("\x41\xf3\x90"), E("\x48\x67\x8b\x47\x10"),
		E("\x48\xf3\x0f\xb8\xc1"), E("\x4c\x65\x8b\x07"),
		E("\x41\x66\x41\x50"), E("\x48\x66\x48\x89\xc8"), E("\x40\xf2\x0f\x58\xc1"),
		E("\x4a\x66\x0f\x6f\xc1"), E("\x41\x66\x58"),
		/* REX2 */
		E("\xd5\x10\x89\xc8"), E("\xd5\x08\x50"), E("\xd5\x00\x90"),
		E("\xd5\x11\x90"), E("\xd5\x80\xaf\xc1"),
		E("\xd5\x08\x8d\x05\x10\x00\x00\x00"),
		/* push, which is emulated, and pop */
		E("\x50"), E("\x41\x50"), E("\x66\x50"), E("\x54"), E("\x55"), E("\x58"),
		E("\x66\x41\x57"), E("\x6a\xff"), E("\x68\x11\x22\x33\x84"),
		E("\xff\x77\x10"), E("\x40\x50"),
		/* lea, and what is nearly one */
		E("\x48\x8d\x05\x10\x00\x00\x00"), E("\x8d\x05\xf0\xff\xff\xff"),
		E("\x66\x8d\x05\x10\x00\x00\x00"), E("\x67\x8d\x05\x10\x00\x00\x00"),
		E("\x67\x48\x8d\x05\x10\x00\x00\x00"), E("\x4c\x8d\x3d\x10\x00\x00\x00"),
		E("\x48\x8b\x05\x10\x00\x00\x00"),
		/* EVEX, of which the CPUs that QEMU has know nothing */
		E("\x62\xf1\x7d\x08\x74\xc1"), E("\x62\xf1\x7d\x08\xeb\xc1"),
		E("\x62\xf1\x75\x08\x72\xf1\x05"), E("\x62\xf1\x7c\x08\xc2\xc1\x02"),
		E("\x62\xf1\x7d\x08\xe8\xc1"), E("\x62\xf1\x7d\x08\x90\xc1"),
		E("\x62\xf1\x7c\x08\x50\xc1"), E("\x62\xf2\x7d\x08\x9d\xc1"),
	};

	return run_but_on_stock(list, ARRAY_SIZE(list));
}

/*
 * VEX of one map, in registers. Only opcodes that some CPU has: QEMU 7.2 aborts at
 * some of the others.
 */
static int vex(const char *prefix, const struct opcodes *ops, int nr_ops, bool immediate)
{
	static struct encoding list[MAX_ENCODINGS];
	struct encoding *e = list;
	int op;

	for (op = 0; op < 0x100; op++) {
		if (!among(op, ops, nr_ops))
			continue;
		memset(e, 0, sizeof(*e));
		append(e, prefix, strlen(prefix));
		append(e, (char *)&(uint8_t){ op }, 1);
		append(e, "\xd1", 1);
		if (immediate || has_immediate(op))
			append(e, "\x05", 1);
		e++;
	}
	return run_but_on_stock(list, e - list);
}

static int vex_ps(void)
{
	static const struct opcodes ops[] = {
		{ 0x10, 0x12 }, { 0x14, 0x16 }, { 0x28, 0x29 }, { 0x2e, 0x2f },
		{ 0x50, 0x5f }, { 0x77, 0x77 }, { 0xc2, 0xc2 }, { 0xc6, 0xc6 },
	};

	return vex("\xc5\xf8", ops, ARRAY_SIZE(ops), false);
}

static const struct opcodes pd_ops[] = {
	{ 0x10, 0x11 }, { 0x14, 0x15 }, { 0x28, 0x29 }, { 0x2e, 0x2f },
	{ 0x50, 0x51 }, { 0x54, 0x76 }, { 0x7c, 0x7f }, { 0xc2, 0xc2 },
	{ 0xc4, 0xc6 }, { 0xd0, 0xe6 }, { 0xe8, 0xef }, { 0xf1, 0xf6 },
	{ 0xf8, 0xfe },
};

static int vex_pd(void)
{
	return vex("\xc5\xf9", pd_ops, ARRAY_SIZE(pd_ops), false);
}

static int vex_256(void)
{
	return vex("\xc4\xe1\x7d", pd_ops, ARRAY_SIZE(pd_ops), false);
}

static int vex_ss(void)
{
	static const struct opcodes ops[] = {
		{ 0x10, 0x12 }, { 0x16, 0x16 }, { 0x2a, 0x2a }, { 0x2c, 0x2d },
		{ 0x51, 0x53 }, { 0x58, 0x5f }, { 0x6f, 0x70 }, { 0x7e, 0x7f },
		{ 0xc2, 0xc2 }, { 0xe6, 0xe6 },
	};

	return vex("\xc5\xfa", ops, ARRAY_SIZE(ops), false);
}

static int vex_0f38(void)
{
	static const struct opcodes ops[] = {
		{ 0x00, 0x0f }, { 0x17, 0x18 }, { 0x1c, 0x1e }, { 0x20, 0x25 },
		{ 0x28, 0x29 }, { 0x2b, 0x2b }, { 0x30, 0x35 }, { 0x37, 0x41 },
		{ 0x45, 0x47 }, { 0x58, 0x59 }, { 0x78, 0x79 }, { 0x96, 0x9f },
		{ 0xa6, 0xaf }, { 0xb6, 0xbf }, { 0xdb, 0xdf }, { 0xf7, 0xf7 },
	};

	return vex("\xc4\xe2\x79", ops, ARRAY_SIZE(ops), false);
}

static int vex_0f3a(void)
{
	static const struct opcodes ops[] = {
		{ 0x02, 0x02 }, { 0x04, 0x05 }, { 0x08, 0x0f }, { 0x14, 0x17 },
		{ 0x20, 0x22 }, { 0x40, 0x42 }, { 0x44, 0x44 }, { 0x4a, 0x4c },
		{ 0x60, 0x63 }, { 0xdf, 0xdf },
	};

	return vex("\xc4\xe3\x79", ops, ARRAY_SIZE(ops), true);
}

/* The same opcodes with operands in memory, where ip and the stack matter. */
static int vex_memory(void)
{
	static const struct encoding list[] = {
		E("\xc5\xf9\x74\x47\x10"), E("\xc5\xf9\x75\x47\x10"),
		E("\xc5\xf9\x76\x44\x8f\x10"), E("\xc5\xf9\xeb\x47\x10"),
		E("\xc5\xfd\xeb\x47\x20"), E("\xc5\xf9\xe8\x47\x10"),
		E("\xc5\xf9\xe9\x47\x10"), E("\xc5\xf9\xea\x47\x10"),
		E("\xc5\xf8\xc2\x47\x10\x02"), E("\xc5\xf9\x70\x47\x10\x1b"),
		E("\xc5\xfc\xc2\x47\x20\x02"), E("\xc5\xf8\x51\x47\x10"),
		E("\xc5\xf8\x54\x47\x10"), E("\xc5\xf8\x57\x47\x10"),
		E_("\xc5\xf9\x74\x05\x00\x00\x00\x00", RIP_DATA),
		E_("\xc5\xf9\xeb\x05\x00\x00\x00\x00", RIP_DATA),
		E_("\xc5\xf9\xe8\x05\x00\x00\x00\x00", RIP_DATA),
		E_("\xc5\xf9\x6f\x05\x00\x00\x00\x00", RIP_DATA),
		E_("\xc4\xe2\x79\x9d\x05\x00\x00\x00\x00", RIP_DATA),
		E_("\xc4\xe2\x79\x00\x05\x00\x00\x00\x00", RIP_DATA),
		E("\xc4\xe2\x71\x90\x04\x17"),		/* vpgatherdd */
	};

	return run_but_on_stock(list, ARRAY_SIZE(list));
}

static int repeated(void)
{
	static const struct encoding list[] = {
		E_("\xf3\xf3\xaa", REPEATS), E_("\xf2\xf3\xaa", REPEATS),
		E_("\xf3\xf2\xaa", REPEATS), E_("\xf3\xaa", REPEATS),
		E_("\xf3\xf3\xf3\xf3\xf3\xaa", REPEATS),
		E_("\x66\xf3\x66\xf3\xab", REPEATS),
		E_("\xf3\xf3\xa4", REPEATS), E_("\xf2\xf2\xae", REPEATS),
		E("\x66\x66\x66\x90"), E("\x66\x66\x66\x89\xc8"), E("\xf3\xf3\xf3\x90"),
		E("\x67\x67\x8b\x47\x10"), E("\x65\x65\x8b\x07"), E("\x66\x66\x66\x66\x66\x90"),
		E("\x66\x66\x66\x66\x66\x66\x89\xc8"), E("\x66\x66\x66\x05\x34\x12"),
		E("\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x66\x90"),
		E("\x67\x66\x67\x66\x67\x66\x48\x89\xc8"),
		/* A segment of no meaning is refused, however many of it. */
		E_("\x2e\x89\xc8", REFUSED),
		E_("\x2e\x2e\x2e\x2e\x2e\x89\xc8", REFUSED),
		E_("\x3e\x3e\x3e\x3e\x3e\x89\x47\x10", REFUSED),
		E("\x66\x66\x0f\x1f\x84\x00\x00\x00\x00\x00"),
		E("\xf2\xf2\x0f\x58\xc1"), E("\xf3\xf2\x0f\x58\xc1"),
		E("\x66\xf2\x66\x0f\x58\xc1"),
	};

	return run_encodings(list, ARRAY_SIZE(list));
}

/* ---- late traps and breakpoints ------------------------------------------------------ */

/*
 * With CONFIG_X86_UMIP the kernel emulates those that store a table's address, and
 * smsw, behind a fault; sldt and str give SIGSEGV.
 */
static int umip(void)
{
	static const struct encoding list[] = {
		E("\x0f\x01\x07"), E("\x0f\x01\x47\x10"), E("\x0f\x01\x44\x8f\x10"),
		E("\x66\x0f\x01\x07"), E("\x48\x0f\x01\x07"), E("\x0f\x01\x04\x24"),
		E("\x0f\x01\x0f"), E("\x0f\x01\x4f\x10"), E("\x48\x0f\x01\x4c\x8f\x10"),
		E("\x66\x0f\x01\x4e\x10"), E("\x41\x0f\x01\x08"),
		E("\x0f\x01\xe0"), E("\x0f\x01\xe3"), E("\x66\x0f\x01\xe1"),
		E("\x48\x0f\x01\xe0"), E("\x49\x0f\x01\xe7"), E("\x0f\x01\x67\x10"),
		E("\x0f\x01\x64\x8f\x10"), E("\x48\x0f\x01\x26"), E("\x41\x0f\x01\xe0"),
		E_("\x0f\x01\x05\x00\x00\x00\x00", RIP_DATA),
		E_("\x0f\x01\x0d\x00\x00\x00\x00", RIP_DATA),
		E_("\x0f\x01\x25\x00\x00\x00\x00", RIP_DATA),
		E("\x0f\x00\xc0"), E("\x0f\x00\x47\x10"), E("\x48\x0f\x00\xc1"),
		E("\x66\x0f\x00\xc3"), E("\x0f\x00\xc8"), E("\x0f\x00\x4f\x10"),
		E("\x48\x0f\x00\xc9"),
	};

	return run_but_on_stock(list, ARRAY_SIZE(list));
}

/* More that end late: something else follows than what ends a slot. */
static int late(void)
{
	static const struct encoding list[] = {
		E("\x0f\xb2\x06"), E("\x48\x0f\xb2\x06"), E("\x66\x0f\xb2\x06"),
		E("\x0f\xb2\x06\x89\xc8"), E("\x0f\xb2\x06\x50\x58"),
		E("\xf3\x90\x89\xc8"), E("\x0f\xa2"), E("\x0f\xa2\x48\x01\xc8"),
		E("\x0f\x01\xd0"), E("\x0f\x01\xe0\x48\x01\xc8"),
		E("\x0f\x0d\x07"), E("\x0f\xae\xe8"),
		E_("\x0f\x05\x90\x90", SYSCALL), E_("\x0f\x05\x48\x01\xd0", SYSCALL),
		E_("\x0f\x05\x0f\x05", SYSCALL),
	};

	return run_but_on_stock(list, ARRAY_SIZE(list));
}

/* The program's own breakpoint directly behind; it is not probed. */
static int breakpoints(void)
{
	static const struct encoding list[] = {
		E_("\x0f\x05\xcc", SYSCALL), E_("\x0f\x05\xcc\xcc", SYSCALL),
		E_("\x0f\x05\x90\xcc", SYSCALL),
		E_("\x0f\x05\xcd\x03", SYSCALL),
		E("\x0f\xb2\x06\xcc"), E("\x48\x0f\xb2\x06\xcc"), E("\x0f\xb2\x06\xcd\x03"),
		E("\x0f\xa2\xcc"), E("\xf3\x90\xcc"), E("\x48\x89\xc8\xcc"), E("\x90\xcc"),
		E("\x0f\x01\xe0\xcc"), E("\x0f\x01\x07\xcc"), E("\x0f\x00\xc0\xcc"),
		E("\x50\xcc"), E("\x48\x48\x89\xc8\xcc"), E("\xf3\x0f\x44\xc1\xcc"),
		E("\x0f\x19\x44\x10\x10\xcc"), E("\x49\x90\xcc"),
		E_("\xf3\xaa\xcc", REPEATS), E("\x48\x8d\x05\x10\x00\x00\x00\xcc"),
	};

	return run_but_on_stock(list, ARRAY_SIZE(list));
}

/* ---- every byte of a function -------------------------------------------------------- */

/* A little of everything; with (%rdi), (%r8) and the stack in data. */
static const struct encoding function[] = {
	E("\x55"),				/*  0 push %rbp */
	E("\x48\x89\xe5"),
	E("\x48\x83\xec\x10"),
	E("\x48\x8d\x15\x05\x00\x00\x00"),	/*  8 lea 5(%rip), %rdx */
	E("\xf3\x0f\x44\xc1"),			/* 15 cmove, with a prefix */
	E("\x31\xc9"),
	E("\xb1\x03"),				/* 21 mov $3, %cl */
	E("\xfe\xc9"),				/* 23 dec %cl: at most 256 rounds, whatever */
	E("\x75\xfc"),				/* 25 jne 23 */
	E("\xc7\x47\x10\x03\x00\x00\x00"),	/* 27 movl $3, 16(%rdi) */
	E("\xb1\x03"),
	E("\xe8\x09\x00\x00\x00"),		/* 36 call 50 */
	E("\x48\x83\xc4\x10"),
	E("\x5d"),
	E("\xf3\xaa"),				/* 46 rep stosb */
	E("\xeb\x0b"),				/* 48 jmp 61 */
	E("\x90"),				/* 50 */
	E("\x49\x89\x08"),			/* mov %rcx, (%r8) */
	E("\x8b\x05\x04\x00\x00\x00"),		/* 54 mov 4(%rip), %eax */
	E("\xc3"),
	E("\x0f\x0b"),				/* 61 */
};

/* Lays the function out; returns its length, and sets where instructions begin. */
static int lay_out(uint8_t *code, bool *begins)
{
	unsigned int i;
	int at = 0;

	for (i = 0; i < ARRAY_SIZE(function); i++) {
		begins[at] = true;
		memcpy(code + at, function[i].bytes, function[i].len);
		at += function[i].len;
	}
	return at;
}

/*
 * In mid-instruction a breakpoint makes another program of it, which is the same one
 * for each kind of exit. @ref is NULL where nothing says what is right.
 */
static int one_byte(int at, const struct shot_result *ref)
{
	struct shot_result off[STATES];
	const char *text;
	int k, i, bad = 0;

	if (!ref && us_mode() == US_ON) {
		us_knob("enable", 0);
		shots_run(false, 0, STATES, TIMES);
		us_knob("enable", 1);
		for (i = 0; i < STATES; i++)
			off[i] = shots->s[i].out;
		ref = off;
	}
	for (k = 0; k < shot_nr_kinds(); k++) {
		shot_set_kind(&shot_kinds[k]);
		shots_run(false, 0, STATES, TIMES);
		for (i = 0; i < STATES; i++) {
			text = shot_died(i);
			if (!text && ref)
				text = shot_differs(&ref[i], &shots->s[i].out);
			if (text)
				bad |= us_fail("byte %d, %s, state %d: %s", at,
					       shot_kinds[k].name, i, text);
		}
	}
	return bad;
}

static int every_byte(void)
{
	static uint8_t code[2 * SHOT_SPACE];
	bool begins[2 * SHOT_SPACE] = { }, refused;
	int len = lay_out(code, begins), i, bad = 0, hit = 0;
	uint64_t at;

	memset(code + len, 0x0b, sizeof(code) - len);
	shots_file(code, 2);
	add_shots(0);
	if (run_native(function, 1))
		return 1;
	shots_map();
	for (at = 0; at < (uint64_t)len; at++) {
		shots_probe(&at, 1, &refused);
		bad |= one_byte(at, begins[at] || refused ? native : NULL);
		i = shots_hits() > 0;
		bad |= us_check(i || !begins[at], "byte %d: no hit", (int)at);
		hit += i;
		bad |= us_probe_clear();
	}
	us_diag("%d bytes, %d of them hit", len, hit);
	return bad;
}

static const struct us_case cases[] = {
	{ "lengths (P3)", lengths, US_ON_OFF, 120 },
	{ "two-byte opcodes under f3 (P3)", under_f3, US_ON_OFF, 180 },
	{ "two-byte opcodes under f2 (P3)", under_f2, US_ON_OFF, 180 },
	{ "two-byte opcodes under two prefixes (P3)", under_both, US_ON_OFF, 180 },
	{ "prefixes, nops, pushes (P3)", mistaken, US_ON_OFF, 120 },
	{ "repeated prefixes (P3)", repeated, US_ON_OFF, 120 },
	{ "what the kernel emulates for the CPU: UMIP (P9)", umip, US_ON_OFF, 120 },
	{ "late traps (P9)", late, US_ON_OFF, 120 },
	{ "a breakpoint behind the instruction (P9)", breakpoints, US_ON_OFF, 120 },
	{ "a probe on every byte of a function (P6)", every_byte, US_ON_OFF, 300 },
	{ "VEX 0f, no prefix (P3)", vex_ps, US_ON_OFF, 120 },
	{ "VEX 0f, 66 (P3)", vex_pd, US_ON_OFF, 120 },
	{ "VEX 0f, f3 (P3)", vex_ss, US_ON_OFF, 120 },
	{ "VEX 0f, 66, 256 bits (P3)", vex_256, US_ON_OFF, 120 },
	{ "VEX 0f 38 (P3)", vex_0f38, US_ON_OFF, 120 },
	{ "VEX 0f 3a (P3)", vex_0f3a, US_ON_OFF, 120 },
	{ "VEX with memory (P3)", vex_memory, US_ON_OFF, 120 },
};

int main(void)
{
	return us_run(cases, ARRAY_SIZE(cases));
}
