// SPDX-License-Identifier: GPL-2.0
/*
 * Description: a task in another mode than the one that the probe's instruction
 * was analysed for (P3, P9): 32-bit processes, code segments of 16 and 32 bits,
 * stack segments with a base.
 *
 * The kernel analyses an instruction for the first process that maps the file,
 * which may have another mode than the one that executes it. Where stock itself is
 * wrong then (STOCK_WRONG below), what a hit does has to be right, or as with
 * `enable` 0 and `emulate` 0. All else has to be as without a probe.
 *
 * Stock puts a register in place of ip if the first process has 64 bits, and leaves ip
 * alone if it has 32. In the other mode such a copy takes an operand that depends on
 * where the slot is (SLOT_SHOWS): only whether the task dies is compared.
 */
#define _GNU_SOURCE
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "common.h"
#include "shots.h"

#define TIMES		10
#define MAX_INSNS	64
#define MAX_SAID	16

#define STOCK_WRONG	1
#define SLOT_SHOWS	2		/* and how it is wrong depends on where the slot is */
#define REPEATS		4		/* %ecx times; each is a hit, as on stock */
#define COUNT		3

struct insn {
	uint8_t bytes[17];
	uint8_t len, what;
};

#define I_(b, w)	{ .bytes = b, .len = sizeof(b) - 1, .what = w }
#define I(b)		I_(b, 0)

/* Whose code it is, and who has it first. */
struct setting {
	const struct insn *insns;
	int n;
	bool first_32bit, runs_32bit;
	char first_maps;		/* SHOT_TO_MAP_... */
	uint32_t cs, ss;		/* selectors; 0: the usual ones */
	uint32_t ss_base;
	int what;			/* of all instructions */
};

static struct shot_result native[MAX_INSNS], off[MAX_INSNS];

/* ---- the shots --------------------------------------------------------------------- */

/* The instruction, a nop if it is odd, and ud2 for the rest. */
static void add_code(uint8_t *code, const struct insn *in)
{
	int i;

	for (i = 0; i < SHOT_SPACE; i += 2)
		memcpy(code + i, "\x0f\x0b", 2);
	memcpy(code, in->bytes, in->len);
	if (in->len & 1)
		code[in->len] = 0x90;
}

static void add_shot(const struct setting *s, int i)
{
	struct shot *shot = &shots->s[i];
	struct shot_state *in = &shot->in;
	int r;

	memset(shot, 0, sizeof(*shot));
	for (r = 0; r < NREGS; r++)
		in->reg[r] = SHOT_DATA + 0x400 + 0x40 * r;
	in->reg[CX] = COUNT;
	in->reg[SP] = SHOT_DATA + 0x800;
	in->ip = SHOT_CODE + i * SHOT_SPACE;
	in->reg[AX] = in->ip + SHOT_UD2 + 4;		/* for call *%eax */
	in->flags = 0xad7;				/* all, but DF and TF */
	in->cs = s->cs;
	in->ss = s->ss;
	/* Where ret goes to, and where it would if it took another stack. */
	shot->poke[0].addr = in->reg[SP] + 0x200;
	shot->poke[0].value = in->ip + SHOT_UD2 + 2;
	shot->poke[1].addr = in->reg[SP];
	shot->poke[1].value = in->ip + SHOT_UD2;
	if (s->ss_base)
		shot->poke[0].addr = in->reg[SP] + s->ss_base;
	else if (s->ss == SHOT_LDT(1))
		shot->poke[0].addr = SHOT_LOW + (in->reg[SP] & 0xfff);
}

static void add_shots(const struct setting *s)
{
	uint8_t *code = calloc(s->n, SHOT_SPACE);
	int i;

	for (i = 0; i < s->n; i++)
		add_code(code + i * SHOT_SPACE, &s->insns[i]);
	shots_file(code, s->n);
	free(code);
	for (i = 0; i < s->n; i++)
		add_shot(s, i);
	/* Code of 16 bits; the stack of the setting. */
	shots->ldt[0] = (struct shot_ldt){ .limit = 0xfffff, .code = 1 };
	shots->ldt[1] = (struct shot_ldt){
		.base = s->ss_base, .limit = s->ss_base ? 0xfffff : 0xf,
		.is_32bit = s->ss_base != 0,
	};
}

static const char *hex(const struct insn *e)
{
	return shot_hex(e->bytes, e->len);
}

/* ---- what is right ------------------------------------------------------------------- */

static int run_native(const struct setting *s)
{
	const char *died;
	int i, bad = 0;

	shots_run(s->runs_32bit, 0, s->n, TIMES);
	if (s->cs | s->ss && s->runs_32bit && shots->ldt_error)
		return us_skip("modify_ldt: error %d", -shots->ldt_error);
	for (i = 0; i < s->n; i++) {
		died = shot_died(i);
		if (died)
			bad |= us_fail("%s without a probe: %s", hex(&s->insns[i]), died);
		native[i] = shots->s[i].out;
	}
	return bad;
}

/* A fault in a slot may name the slot's address. */
static bool as_off(int i, int what)
{
	struct shot_result a = off[i], b = shots->s[i].out;

	if (a.signo == SIGSEGV)
		a.addr = b.addr;
	/* It dies, or goes on with a wrong value. */
	if (what & SLOT_SHOWS)
		return a.signo == b.signo || b.signo == native[i].signo;
	return !shot_differs(&a, &b);
}

static const char *wrong(const struct setting *s, int i)
{
	int what = s->insns[i].what | s->what;

	/* With enable 0 it is the reference itself, and on stock there is no other. */
	if (what & (STOCK_WRONG | SLOT_SHOWS) && !shot_died(i) &&
	    (us_mode() != US_ON || as_off(i, what)))
		return NULL;
	return shot_died(i) ?: shot_differs(&native[i], &shots->s[i].out);
}

static int compare(const struct setting *s, const struct shot_kind *k)
{
	const char *text;
	int i, nr = 0;

	for (i = 0; i < s->n; i++) {
		text = wrong(s, i);
		if (text && nr++ < MAX_SAID)
			us_fail("%s: %s: %s", k->name,
				hex(&s->insns[i]), text);
	}
	return us_check(!nr, "%s: %d of %d wrong", k->name, nr, s->n);
}

/* ---- the run ---------------------------------------------------------------------------- */

static void map_first(const struct setting *s, struct shots_child *c)
{
	if (!s->first_32bit)
		shots_start(c);
	else if (shots32_start(c))
		us_die("shots32 does not start");
	if (!shots_tell(c, s->first_maps))
		us_die("the first process does not map the code");
}

static int probe(const struct setting *s, bool *refused)
{
	uint64_t at[MAX_INSNS];
	int i, nr;

	for (i = 0; i < s->n; i++)
		at[i] = i * SHOT_SPACE;
	nr = shots_probe(at, s->n, refused);
	us_diag("%d instructions, %d of them refused by uprobes", s->n, nr);
	return us_check(nr <= s->n / 4, "%d refused", nr);
}

/* What a hit does with enable 0; it says what stock does if stock is wrong. */
static void run_off(const struct setting *s)
{
	const char *text;
	int i;

	if (us_mode() == US_ON)
		us_knob("enable", 0);
	shot_set_kind(&shot_kinds[0]);
	shots_run(s->runs_32bit, 0, s->n, TIMES);
	if (us_mode() == US_ON)
		us_knob("enable", 1);
	for (i = 0; i < s->n; i++) {
		off[i] = shots->s[i].out;
		text = shot_died(i) ?: shot_differs(&native[i], &off[i]);
		if (text && us_mode() != US_ON)
			us_diag("%s: a probe makes it wrong: %s", hex(&s->insns[i]), text);
	}
}

/* Once for each execution. Of a rep once for each round, if it does not die in the first. */
static uint64_t hits_due(const struct setting *s, const bool *refused)
{
	uint64_t due = 0;
	int i;

	for (i = 0; i < s->n; i++) {
		if (refused[i])
			continue;
		due += TIMES;
		if (s->insns[i].what & REPEATS && shots->s[i].out.signo != SIGSEGV)
			due += TIMES * (COUNT - 1);
	}
	return due;
}

static int run_kinds(const struct setting *s, const bool *refused)
{
	uint64_t before, hits, due;
	int i, bad = 0;

	for (i = 0; i < shot_nr_kinds(); i++) {
		before = shots_hits();
		shot_set_kind(&shot_kinds[i]);
		shots_run(s->runs_32bit, 0, s->n, TIMES);
		bad |= compare(s, &shot_kinds[i]);
		hits = shots_hits() - before;
		due = hits_due(s, refused);
		bad |= us_check(hits == due, "%s: %ju hits of %ju", shot_kinds[i].name,
				hits, due);
	}
	return bad;
}

static int run(const struct setting *s)
{
	bool refused[MAX_INSNS] = { };
	struct shots_child first;
	int bad;

	add_shots(s);
	if (s->first_32bit || s->runs_32bit) {
		bad = shots32_start(&first);
		if (bad)
			return bad;
		shots_end(&first);
	}
	bad = run_native(s);
	if (bad)
		return bad;
	map_first(s, &first);
	bad = probe(s, refused);
	run_off(s);
	bad |= run_kinds(s, refused);
	bad |= us_check(!shots_end(&first), "the first process died");
	return bad;
}

/* ---- the first process has another mode ---------------------------------------------------- */

/* The displacement is an address of data in either mode. */
#define DISP		"\x00\x82\x00\x30"

static const struct insn both_modes[] = {
	I("\x48\x89\xe5"),			/* mov %rsp, %rbp; dec %eax */
	I("\x89\xc0"),
	I("\x48\xff\xc0"),			/* inc %rax; dec %eax */
	I("\xff\xc0"),
	I("\xf3\x0f\x1e\xfa"),			/* endbr64 */
	I("\x90"),
	I("\x0f\x1f\x44\x00\x00"),
	I("\xc3"),
	I("\xc2\x04\x00"),
	I("\x55"),
	I("\x50"),
	I("\x58"),
	I("\x6a\xff"),
	I("\x68\x11\x22\x33\x84"),
	I("\xff\xd0"),				/* call *%rax */
	I("\xff\xe0"),
	I("\xe8\x0b\x00\x00\x00"),
	I("\xe9\x0b\x00\x00\x00"),
	I("\xeb\x0c"),
	I("\x74\x0c"),
	I("\x0f\x84\x0a\x00\x00\x00"),
	I("\x48\xb8\x11\x22\x33\x44\x55\x66\x77\x88"),
	I("\x48\x83\xec\x10"),
	I("\x4c\x89\xc0"),
	I_("\x40\x90", STOCK_WRONG),		/* inc %eax */
	I("\x63\xc1"),				/* movslq; arpl */
	I("\xc5\xf8\x57\xc1"),			/* the same one in both */
	I("\xf3\x0f\x44\xc1"),
	I("\x48\x48\x89\xc8"),
	I_("\xf3\xaa", REPEATS),
	I("\x8b\x44\x8f\x10"),
	I("\x48\xa5"),
	/* Relative to ip, or absolute; another length; another register pushed. */
	I_("\x48\x8d\x05" DISP, SLOT_SHOWS),
	I_("\x8d\x05" DISP, SLOT_SHOWS),
	I_("\x48\x8b\x05" DISP, SLOT_SHOWS),
	I_("\x8b\x05" DISP, SLOT_SHOWS),
	I_("\x89\x05" DISP, SLOT_SHOWS),
	I_("\xff\x35" DISP, SLOT_SHOWS),
	I_("\xff\x15" DISP, SLOT_SHOWS),
	I_("\xc5\xfa\x6f\x05" DISP, SLOT_SHOWS),
	I_("\x41\x55", STOCK_WRONG),
	I_("\x49\x90", STOCK_WRONG),
	I_("\x48\xc3", SLOT_SHOWS),
	I_("\x48\xeb\x0b", STOCK_WRONG),
};

#define SETTING(...)	(&(const struct setting){ __VA_ARGS__ })
#define BOTH_MODES	.insns = both_modes, .n = ARRAY_SIZE(both_modes)

static int read_32_run_64(void)
{
	return run(SETTING(BOTH_MODES, .first_32bit = true,
			   .first_maps = SHOT_TO_MAP_READ));
}

static int exec_32_run_64(void)
{
	return run(SETTING(BOTH_MODES, .first_32bit = true,
			   .first_maps = SHOT_TO_MAP_EXEC));
}

static int read_64_run_32(void)
{
	return run(SETTING(BOTH_MODES, .runs_32bit = true,
			   .first_maps = SHOT_TO_MAP_READ));
}

static int exec_64_run_32(void)
{
	return run(SETTING(BOTH_MODES, .runs_32bit = true,
			   .first_maps = SHOT_TO_MAP_EXEC));
}

static int all_64(void)
{
	return run(SETTING(BOTH_MODES, .first_maps = SHOT_TO_MAP_READ));
}

static int all_32(void)
{
	return run(SETTING(BOTH_MODES, .first_32bit = true, .runs_32bit = true,
			   .first_maps = SHOT_TO_MAP_READ));
}

/* ---- a task in another mode than its process -------------------------------------- */

/*
 * A 64-bit process has its area where code of 32 bits cannot go, unless slots have
 * put it near to the code. So stock kills whoever hits.
 */
static int segment_32_in_64(void)
{
	return run(SETTING(BOTH_MODES, .first_maps = SHOT_TO_MAP_READ,
			   .cs = SHOT_SELECTOR_32, .ss = SHOT_SELECTOR_DATA,
			   .what = STOCK_WRONG));
}

/* Immediates and addresses have half the length here. */
static int segment_16_in_32(void)
{
	static const struct insn list[] = {
		I("\xb8\x34\x12"), I("\xba\x34\x12"), I("\x05\x34\x12"),
		I("\x3d\x34\x12"), I("\xa9\x34\x12"), I("\x66\xb8\x11\x22\x33\x44"),
		I("\x89\xc8"), I("\x40"), I("\x90"), I("\x8b\x07"), I("\x8b\x47\x10"),
		I("\x8b\x87\x10\x00"), I("\xa1\x00\x84"), I("\xa3\x00\x84"),
		I("\xc7\x47\x10\x34\x12"), I("\x81\x47\x10\x34\x12"),
		I("\x69\xc1\x34\x12"), I("\x8d\x87\x10\x00"), I("\x8b\x0e\x00\x84"),
		I("\x66\x8b\x07"), I("\x67\x8b\x07"), I("\xf7\xc1\x34\x12"),
		I("\x0f\xb6\x47\x10"), I("\x0f\xaf\xc1"), I("\x98"),
		/* Stock emulates these, with 32 bits. */
		I_("\x55", STOCK_WRONG), I_("\x50", STOCK_WRONG),
		I_("\x6a\xff", STOCK_WRONG), I_("\x68\x34\x12", STOCK_WRONG),
		I_("\xeb\x0c", STOCK_WRONG), I_("\x74\x0c", STOCK_WRONG),
		I_("\xe8\x0d\x00", STOCK_WRONG), I_("\xc3", STOCK_WRONG),
	};

	return run(SETTING(.insns = list, .n = ARRAY_SIZE(list), .first_32bit = true,
			   .runs_32bit = true, .first_maps = SHOT_TO_MAP_READ,
			   .cs = SHOT_LDT(0), .ss = SHOT_SELECTOR_DATA));
}

/* ---- stack segments ------------------------------------------------------------ */

static const struct insn stack_insns[] = {
	I("\xc3"), I("\xc2\x04\x00"), I("\xf3\xc3"), I("\xf2\xc3"), I("\x55"),
	I("\x50"), I("\x54"), I("\x6a\xff"), I("\x68\x11\x22\x33\x84"), I("\x58"),
	I("\xe8\x0b\x00\x00\x00"), I("\xff\xd0"), I("\xff\x35" DISP),
	I_("\x9c", STOCK_WRONG),			/* pushes TF */
	I("\x60"), I("\x8b\x04\x24"), I("\x83\xec\x10"),
};

#define STACK_INSNS	.insns = stack_insns, .n = ARRAY_SIZE(stack_insns)

static int stack(const struct setting *s)
{
	if (us_mode() == US_STOCK)
		return us_skip("a stock kernel pushes without the base");
	return run(s);
}

static int stack_base(void)
{
	return stack(SETTING(STACK_INSNS, .first_32bit = true, .runs_32bit = true,
			     .first_maps = SHOT_TO_MAP_READ, .ss = SHOT_LDT(1),
			     .ss_base = 0x200));
}

/* The CPU takes the lower half of %esp; at all of it is other memory. */
static int stack_16(void)
{
	return stack(SETTING(STACK_INSNS, .first_32bit = true, .runs_32bit = true,
			     .first_maps = SHOT_TO_MAP_READ, .ss = SHOT_LDT(1)));
}

static const struct us_case cases[] = {
	{ "64-bit code in a 64-bit process (P3)", all_64, US_ON_OFF },
	{ "32-bit code in a 32-bit process (P3)", all_32, US_ON_OFF },
	{ "read by a 32-bit process, executed by a 64-bit one (P3)", read_32_run_64,
	  US_ON_OFF },
	{ "mapped by a 32-bit process, executed by a 64-bit one (P3)", exec_32_run_64,
	  US_ON_OFF },
	{ "read by a 64-bit process, executed by a 32-bit one (P3)", read_64_run_32,
	  US_ON_OFF },
	{ "mapped by a 64-bit process, executed by a 32-bit one (P3)", exec_64_run_32,
	  US_ON_OFF },
	{ "a segment of 32 bits in a 64-bit process (P9)", segment_32_in_64, US_ON_OFF },
	{ "a segment of 16 bits in a 32-bit process (P9)", segment_16_in_32, US_ON_OFF },
	{ "a stack segment with a base (P9)", stack_base, US_ON_OFF },
	{ "a stack segment of 16 bits (P9)", stack_16, US_ON_OFF },
};

int main(void)
{
	return us_run(cases, ARRAY_SIZE(cases));
}
