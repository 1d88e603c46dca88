// SPDX-License-Identifier: GPL-2.0
/*
 * KUnit tests of which x86 instructions share a slot, and how they leave it (P9):
 * every opcode of the maps, against what the manuals say that it does.
 */
#include <linux/unaligned.h>
#include <linux/uprobes.h>

#include <asm/insn.h>
#include <asm/mmu.h>

#include "../../../kernel/events/uprobe_slots_kunit.h"
#include "uprobes.h"

/* What becomes of an instruction if the knob `exits` says jump. */
enum kind { REFUSED, UNSHARED, STEP, TRAP, JUMP, LEAVES, NR_KINDS };

static const char * const kind_name[] = {
	"refused by uprobes", "not shared", "step", "trap", "jump", "none",
};

#define ANY	(BIT(UNSHARED) | BIT(STEP) | BIT(TRAP) | BIT(JUMP))

/*
 * What an instruction does, by the manuals of Intel and AMD, and what may become of
 * it therefore. RIP-relative instructions are of one place, so there is a column for
 * these: here all operands are near. What uprobes refuse is always right.
 */
static const struct behaviour {
	char		letter;
	const char	*what;
	unsigned int	may, may_rip;
} behaviours[] = {
	{ '.', "straight", BIT(JUMP), BIT(JUMP) },
	{ 'r', "leaves by itself", BIT(LEAVES), BIT(JUMP) },
	{ 'c', "transfers control", BIT(STEP), BIT(STEP) },
	{ 'b', "branch, emulated", BIT(UNSHARED), BIT(UNSHARED) },
	{ 'n', "nop, emulated or not", BIT(UNSHARED) | BIT(STEP) | BIT(JUMP),
	  BIT(UNSHARED) | BIT(JUMP) },
	{ 'p', "push, emulated or not", BIT(UNSHARED) | BIT(STEP), BIT(STEP) },
	{ 's', "may trap late, or is not as long as decoded", BIT(UNSHARED), BIT(UNSHARED) },
	{ 'f', "reads or sets TF or IF", BIT(STEP), BIT(STEP) },
	{ 'g', "segment", BIT(STEP), BIT(STEP) },
	{ 'o', "port, privileged, of virtual machines", BIT(STEP), BIT(STEP) },
	{ 'i', "interrupt, always faults", BIT(STEP), BIT(STEP) },
	{ 'q', "string, may repeat", BIT(JUMP), BIT(JUMP) },
	{ 'Q', "string, repeats", BIT(STEP), BIT(STEP) },
	{ 'l', "rare, left to the step", BIT(STEP), BIT(STEP) },
	{ 'v', "VEX, straight", BIT(JUMP), BIT(JUMP) },
	/* It never executes, wherever it lies. */
	{ 'u', "undefined", ANY, ANY },
};

/*
 * A letter an opcode: one of those above; G is a group, see there; x is a prefix, or
 * the way to another map.
 */
static const char * const one_byte_64[16] = {
/*	 0123456789abcdef */
	"......uu......ux",	/* 0 */
	"......uu......uu",
	"......xu......xu",
	"......xu......xu",
	"xxxxxxxxxxxxxxxx",	/* 4 */
	"pppppppp........",
	"uux.xxxx....oooo",
	"bbbbbbbbbbbbbbbb",
	"..u.........gGgG",	/* 8 */
	"n.........u.ff..",
	"....qqqq..qqqqqq",
	"................",
	"..rrxxGGl.cciiuc",	/* c */
	"....uxul........",
	"ccccoooobbuboooo",
	"xixxo.....ff..GG",
};

static const char * const one_byte_32[16] = {
/*	 0123456789abcdef */
	"......gg......gx",	/* 0 */
	"......gg......gg",
	"......xl......xl",
	"......xl......xl",
	"................",	/* 4 */
	"pppppppp........",
	"llx.xxxx....oooo",
	"bbbbbbbbbbbbbbbb",
	"..l.........gGgG",	/* 8 */
	"n.........c.ff..",
	"....qqqq..qqqqqq",
	"................",
	"..rrxxGGl.cciiic",	/* c */
	"....llul........",
	"ccccoooobbcboooo",
	"xixxo.....ff..GG",
};

static const char * const two_byte[16] = {
/*  0f	 0123456789abcdef */
	"ssggusocoouiu.ls",	/* 0 */
	".........slllsnn",
	"ssssuuuu........",
	"ososscuoxuxuuuuu",
	"................",	/* 4 */
	"................",
	"................",
	".uuu....ssuu....",
	"bbbbbbbbbbbbbbbb",	/* 8 */
	"................",
	"ggs...uuggo.....",
	"..s.gg...iG.....",
	".......l........",	/* c */
	"................",
	"................",
	"...............s",
};

/* Groups of which not all do the same: /0 to /7 in memory, and in registers. */
static const struct group {
	const char	*map;
	u8		opcode;
	char		mem[9], reg[9];
} groups[] = {
	{ "", 0x8d, "........", "uuuuuuuu" },	/* lea */
	{ "", 0x8f, "luuuuuuu", "luuuuuuu" },	/* pop */
	{ "", 0xc6, ".uuuuuuu", ".uuuuuuu" },	/* mov; xabort is below */
	{ "", 0xc7, ".uuuuuuu", ".uuuuuuu" },	/* mov; xbegin is below */
	{ "", 0xfe, "..uuuuuu", "..uuuuuu" },	/* inc, dec */
	{ "", 0xff, "..ccrclu", "..curuulu" },	/* and call, jmp, far ones, push */
	{ "\x0f", 0xba, "uuuu....", "uuuu...." },
};

/* An opcode map: how to get there, and what is in it. */
static const struct map {
	const char	*name, *escape;
	const char	* const *letters; /* NULL: all of it is straight, if anything */
	bool		ia32;
} maps[] = {
	{ "one-byte", "", one_byte_64 },
	{ "0f", "\x0f", two_byte },
	{ "0f 38", "\x0f\x38" },
	{ "0f 3a", "\x0f\x3a" },
	{ "32-bit one-byte", "", one_byte_32, true },
	{ "32-bit 0f", "\x0f", two_byte, true },
};

enum { PFX_66 = 1, PFX_REP = 2 };

static const struct prefix {
	const char	*bytes;
	unsigned int	what;
	bool		only_64;
} prefixes[] = {
	{ "" },
	{ "\x66", PFX_66 },
	{ "\xf3", PFX_REP },
	{ "\xf2", PFX_REP },
	{ "\x48", 0, true },
	{ "\xf3\x48", PFX_REP, true },
	{ "\x66\x48", PFX_66, true },
};

enum form { MEMORY, REGISTER, RIP };

static const u8 modrm_of[] = { 0x80, 0xc1, 0x05 };

static const struct behaviour *behaviour_of(char letter)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(behaviours); i++)
		if (behaviours[i].letter == letter)
			return &behaviours[i];

	return NULL;
}

static char group_letter(const char *map, u8 opcode, u8 modrm)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		if (strcmp(groups[i].map, map) || groups[i].opcode != opcode)
			continue;
		return modrm >= 0xc0 ? groups[i].reg[X86_MODRM_REG(modrm)] :
				       groups[i].mem[X86_MODRM_REG(modrm)];
	}

	return 'x';
}

/* ------------------------------------------------------ what happens ---- */

/* As prepare_uprobe() does it, and a hit decides. */
static enum kind kind_and_key_of(const u8 *code, struct uprobe_slot_key *key)
{
	static const u8 kind[] = {
		[UPROBE_EXIT_STEP] = STEP, [UPROBE_EXIT_TRAP] = TRAP,
		[UPROBE_EXIT_JUMP] = JUMP, [UPROBE_EXIT_NONE] = LEAVES,
	};
	struct arch_uprobe auprobe = { };

	memcpy(auprobe.insn, code, MAX_UINSN_BYTES);
	if (arch_uprobe_analyze_insn(&auprobe, current->mm, 0x70000000))
		return REFUSED;
	uprobe_slot_key_init(key, &auprobe, current->mm);
	return key->len ? kind[key->exit[UPROBE_EXIT_JUMP]] : UNSHARED;
}

static enum kind kind_of(const u8 *code)
{
	struct uprobe_slot_key key;

	return kind_and_key_of(code, &key);
}

/*
 * A slot of its own, far below the probe: does it hold the instruction that the
 * program has, with the same operand?
 */
static bool moves_well(const u8 *code, const struct uprobe_slot_key *key)
{
	const unsigned long probe = 0x555555554000, from = probe - 0x3ff00020;
	struct insn here, there;
	u8 slot[UPROBE_SLOT_BYTES];
	int modrm, rest;

	memset(slot, 0xcc, sizeof(slot));
	memcpy(slot, key->arch.ixol, key->len);
	arch_uprobe_slot_jump(&key->arch, slot, key->len, from, probe + key->len);
	if (insn_decode(&here, code, MAX_UINSN_BYTES, INSN_MODE_64) < 0 ||
	    insn_decode(&there, slot, sizeof(slot), INSN_MODE_64) < 0 ||
	    here.length != key->len || there.length != key->len ||
	    !insn_rip_relative(&here) || !insn_rip_relative(&there))
		return false;

	modrm = insn_offset_modrm(&here);
	rest = insn_offset_immediate(&here);
	return modrm == insn_offset_modrm(&there) && slot[modrm] == code[modrm] &&
	       !memcmp(slot, key->arch.ixol, modrm) &&
	       !memcmp(&slot[rest], &code[rest], key->len - rest) &&
	       from + there.displacement.value == probe + here.displacement.value;
}

static void set_ia32(bool on)
{
#ifdef CONFIG_IA32_EMULATION
	if (on)
		set_bit(MM_CONTEXT_UPROBE_IA32, &current->mm->context.flags);
	else
		clear_bit(MM_CONTEXT_UPROBE_IA32, &current->mm->context.flags);
#endif
}

struct tally {
	unsigned int	nr[NR_KINDS];
	unsigned int	what[ARRAY_SIZE(behaviours)];	/* of what is not a jump */
	unsigned int	failed;
};

/* Is what becomes of @code what may become of an instruction that does @letter? */
static void judge(struct kunit *test, struct tally *tally, const u8 *code, char letter,
		  bool rip)
{
	const struct behaviour *behaviour = behaviour_of(letter);
	unsigned int may = rip ? behaviour->may_rip : behaviour->may;
	struct uprobe_slot_key key;
	enum kind kind = kind_and_key_of(code, &key);

	tally->nr[kind]++;
	if (kind != JUMP)
		tally->what[behaviour - behaviours]++;
	if (kind == JUMP && (rip != key.near || (rip && !moves_well(code, &key))) &&
	    tally->failed++ < 20)
		KUNIT_FAIL(test, "%*ph: another operand", MAX_UINSN_BYTES, code);
	if (kind == REFUSED || may & BIT(kind))
		return;
	/* The first ones tell enough. */
	if (tally->failed++ < 20)
		KUNIT_FAIL(test, "%*ph: %s; it is: %s", MAX_UINSN_BYTES, code,
			   kind_name[kind], behaviour->what);
}

static void tell(struct kunit *test, const char *name, const struct tally *t)
{
	unsigned int i;

	kunit_info(test, "%s: jump %u, none %u, trap %u, step %u, not shared %u, refused %u",
		   name, t->nr[JUMP], t->nr[LEAVES], t->nr[TRAP], t->nr[STEP],
		   t->nr[UNSHARED], t->nr[REFUSED]);
	for (i = 0; i < ARRAY_SIZE(behaviours); i++)
		if (t->what[i])
			kunit_info(test, "  no jump: %u %s", t->what[i], behaviours[i].what);
	KUNIT_EXPECT_EQ(test, 0, t->failed);
}

/* ---------------------------------------------------------- the maps ---- */

static u8 *put(u8 *to, const char *bytes)
{
	while (*bytes)
		*to++ = *bytes++;
	return to;
}

/* Of the two-byte opcodes that are straight, those without ModRM. */
static bool has_no_modrm(u8 opcode)
{
	return opcode == 0x0e || opcode == 0x77 || (opcode & 0xf8) == 0xc8;
}

static void judge_opcode(struct kunit *test, struct tally *tally, const struct map *map,
			 const struct prefix *pfx, u8 opcode, enum form form, u8 reg)
{
	char letter = map->letters ? map->letters[opcode / 16][opcode % 16] : '.';
	enum insn_mode mode = map->ia32 ? INSN_MODE_32 : INSN_MODE_64;
	u8 code[MAX_UINSN_BYTES], *p = code;
	u8 modrm = modrm_of[form] | reg << 3;
	struct insn insn;

	/* Any other number makes a nop of what adds or moves nothing. */
	memset(code, 0x10, sizeof(code));
	p = put(put(p, pfx->bytes), map->escape);
	*p++ = opcode;
	*p = modrm;

	if (letter == 'G')
		letter = group_letter(map->escape, opcode, modrm);
	if (letter == 'x')
		return;
	/*
	 * The decoder's map does not know it, with this prefix, nor that it has operands.
	 * The CPU does: 0f 38 and 0f 3a have nothing else.
	 */
	if (!insn_decode(&insn, code, MAX_UINSN_BYTES, mode) && insn.opcode.nbytes > 1 &&
	    !insn.modrm.nbytes && (insn.opcode.nbytes > 2 || letter == '.') &&
	    !(insn.opcode.nbytes == 2 && has_no_modrm(opcode)))
		letter = 's';
	if (letter == 'q' && pfx->what == PFX_REP)
		letter = 'Q';
	/* mov of a register to itself */
	if (opcode == 0x89 && modrm == 0xc9 && !*map->escape)
		letter = 'n';
	/* An opcode without operands has none that is RIP-relative. */
	if (insn_decode(&insn, code, MAX_UINSN_BYTES, mode) < 0 || !insn.modrm.nbytes) {
		if (form || reg)
			return;
	}
	judge(test, tally, code, letter, form == RIP && !map->ia32 && insn.modrm.nbytes);
}

static void p9_opcode_maps(struct kunit *test)
{
	const struct map *map = test->param_value;
	struct tally tally = { };
	unsigned int i, opcode, reg;
	enum form form;

	set_ia32(map->ia32);
	for (i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (map->ia32 && prefixes[i].only_64)
			continue;
		for (opcode = 0; opcode < 256; opcode++)
			for (form = MEMORY; form <= RIP; form++)
				for (reg = 0; reg < 8; reg++)
					judge_opcode(test, &tally, map, &prefixes[i],
						     opcode, form, reg);
		cond_resched();
	}
	set_ia32(false);
	tell(test, map->name, &tally);
	/* Straight, in whatever way, is what most are. */
	KUNIT_EXPECT_GT(test, tally.nr[JUMP], tally.nr[REFUSED]);
}

static void map_name(const struct map *map, char *desc)
{
	strscpy(desc, map->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(map, maps, map_name);

/*
 * None of VEX's transfers control, though some opcodes are those of branches, pushes or
 * returns in the one-byte map. The length of two is not certain.
 */
static char vex_letter(unsigned int map, unsigned int opcode)
{
	return map == 1 && (opcode & 0xfe) == 0x78 ? 's' : 'v';
}

static void p9_vex(struct kunit *test)
{
	u8 code[MAX_UINSN_BYTES] = { 0xc4 };
	unsigned int map, p, opcode;
	struct tally tally = { };
	enum form form;

	for (map = 1; map <= 3; map++)
		for (p = 0; p < 4; p++)
			for (opcode = 0; opcode < 256; opcode++)
				for (form = MEMORY; form <= RIP; form++) {
					code[1] = 0xe0 | map;
					code[2] = 0x78 | p;	/* no third register */
					code[3] = opcode;
					code[4] = modrm_of[form];
					/* vzeroupper has no operand. */
					judge(test, &tally, code, vex_letter(map, opcode),
					      form == RIP && opcode != 0x77);
				}
	tell(test, "VEX", &tally);
}

/* ------------------------------------------------------ some by name ---- */

static void p9_some_by_name(struct kunit *test)
{
	static const struct named {
		const char	*name;
		u8		code[MAX_UINSN_BYTES];
		enum kind	kind;
	} some[] = {
		{ "ret", { 0xc3 }, LEAVES },
		{ "ret $8", { 0xc2, 8, 0 }, LEAVES },
		{ "rep ret", { 0xf3, 0xc3 }, LEAVES },
		{ "bnd ret", { 0xf2, 0xc3 }, LEAVES },
		{ "lret", { 0xcb }, STEP },
		{ "jmp *%rax", { 0xff, 0xe0 }, LEAVES },
		{ "jmp *8(%rip)", { 0xff, 0x25, 8 }, JUMP },
		{ "jmp *-2G(%rip)", { 0xff, 0x25, 0, 0, 0, 0x80 }, STEP },
		{ "call *%rax", { 0xff, 0xd0 }, STEP },
		{ "call *8(%rip)", { 0xff, 0x15, 8 }, STEP },
		{ "call .+5", { 0xe8 }, UNSHARED },
		{ "loop", { 0xe2, 0x10 }, STEP },
		{ "xbegin", { 0xc7, 0xf8 }, STEP },
		{ "xabort", { 0xc6, 0xf8 }, STEP },
		{ "syscall", { 0x0f, 0x05 }, UNSHARED },
		{ "sysenter", { 0x0f, 0x34 }, UNSHARED },
		{ "pushf", { 0x9c }, STEP },
		{ "popf", { 0x9d }, STEP },
		{ "rep stosb", { 0xf3, 0xaa }, STEP },
		{ "stosb", { 0xaa }, JUMP },
		/* The kernel may emulate these behind a fault, whatever TF is. */
		{ "enclu", { 0x0f, 0x01, 0xd7 }, UNSHARED },
		{ "rdtsc", { 0x0f, 0x31 }, UNSHARED },
		{ "cpuid", { 0x0f, 0xa2 }, UNSHARED },
		{ "sgdt (%rax)", { 0x0f, 0x01, 0x00 }, UNSHARED },
		{ "smsw %eax", { 0x0f, 0x01, 0xe0 }, UNSHARED },
		{ "sldt (%rax)", { 0x0f, 0x00, 0x00 }, UNSHARED },
		{ "lss (%rax),%eax", { 0x0f, 0xb2, 0x00 }, UNSHARED },
		{ "mov %eax,16(%rip)", { 0x89, 0x05, 0x10 }, JUMP },
		{ "mov %eax,1G(%rip)", { 0x89, 0x05, 0, 0, 0, 0x40 }, TRAP },
		{ "mov %eax,-1G(%rip)", { 0x89, 0x05, 0, 0, 0, 0xc0 }, TRAP },
		{ "mov %eax,16(%eip)", { 0x67, 0x89, 0x05, 0x10 }, JUMP },
		{ "mov %eax,16(%rsi)", { 0x89, 0x86, 0x10 }, JUMP },
		{ "lea 8(%rip),%rax", { 0x48, 0x8d, 0x05, 8 }, JUMP },
		{ "cmp (%rsp),%rsp", { 0x48, 0x3b, 0x24, 0x24 }, JUMP },
		{ "lock incl (%rax)", { 0xf0, 0xff, 0x00 }, REFUSED },
		{ "int3", { 0xcc }, REFUSED },
		{ "hlt", { 0xf4 }, REFUSED },
		{ "in", { 0xec }, REFUSED },
		{ "mov %eax,%ss", { 0x8e, 0xd0 }, REFUSED },
		{ "vmovaps %ymm0,%ymm1", { 0xc5, 0xfc, 0x28, 0xc8 }, JUMP },
		{ "vaddps 8(%rip),%ymm0,%ymm0", { 0xc5, 0xfc, 0x58, 0x05, 8 }, JUMP },
		/* No ret, popf, call, whatever the opcode is without VEX. */
		{ "vcmpps", { 0xc5, 0xf8, 0xc2, 0xc1, 0 }, JUMP },
		{ "vfnmadd132ss", { 0xc4, 0xe2, 0x79, 0x9d, 0xc1 }, JUMP },
		{ "vfmsub132ps", { 0xc4, 0xe2, 0x79, 0x9a, 0xc1 }, JUMP },
		{ "vpcmpeqb", { 0xc5, 0xf9, 0x74, 0xc1 }, JUMP },
		{ "vpor", { 0xc5, 0xf9, 0xeb, 0xc1 }, JUMP },
		{ "vpslld $5", { 0xc5, 0xf1, 0x72, 0xf1, 5 }, JUMP },
		{ "vpsubsb", { 0xc5, 0xf9, 0xe8, 0xc1 }, JUMP },
		{ "syscall, by REX2", { 0xd5, 0x80, 0x05 }, UNSHARED },
		{ "xchg %rax,%r8", { 0x49, 0x90 }, JUMP },
		/* Longer than the decoder says, or than it may say for the next CPU. */
		{ "cmove, rep", { 0xf3, 0x0f, 0x44, 0xc1 }, UNSHARED },
		{ "setns, rep", { 0xf3, 0x0f, 0x98, 0xc1 }, UNSHARED },
		{ "cmovno, repne", { 0xf2, 0x0f, 0x41, 0x38 }, UNSHARED },
		{ "movntss", { 0xf3, 0x0f, 0x2b, 0x77, 0xf0 }, UNSHARED },
		{ "nop with operands", { 0x0f, 0x19, 0x44, 0x10, 0x10 }, UNSHARED },
		{ "another one", { 0x0f, 0x1d, 0x63, 0x84 }, UNSHARED },
		{ "rcpps, rep and 66", { 0xf3, 0x66, 0x0f, 0x53, 0xc1 }, UNSHARED },
		{ "mov, two REX", { 0x48, 0x48, 0x89, 0xc8 }, UNSHARED },
		{ "rcl, two REX", { 0x48, 0x43, 0xd1, 0x44, 0x62, 0xf3 }, UNSHARED },
		{ "ret, with a REX that is none", { 0x48, 0xf3, 0xc3 }, REFUSED },
		{ "mov %fs:40,%eax, with a REX that is none",
		  { 0x48, 0x64, 0x8b, 0x04, 0x25, 0x28 }, UNSHARED },
		{ "movntdqa, with a REX that is none",
		  { 0x48, 0x66, 0x0f, 0x38, 0x2a, 0x00 }, UNSHARED },
		{ "0f 38 8b, not in the map", { 0x0f, 0x38, 0x8b, 0xc8 }, UNSHARED },
		{ "pop (%rax)", { 0x8f, 0x00 }, STEP },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(some); i++)
		KUNIT_EXPECT_EQ_MSG(test, some[i].kind, kind_of(some[i].code), "%s",
				    some[i].name);
}

/*
 * How many bytes a CPU takes, and whether the decoder is trusted with it: then that many
 * are in the slot, or the instruction is emulated. tests/lengths has the same list, and
 * holds it against the CPU that it runs on.
 */
static const struct length {
	u8		bits, len;
	bool		certain;
	const char	*bytes;
} lengths[] = {
	{ 64, 4, false, "\xf3\x0f\x44\xc1" }, /* cmove %ecx,%eax behind f3 */
	{ 64, 4, false, "\xf2\x0f\x41\x38" }, /* cmovno (%rax),%edi behind f2 */
	{ 64, 4, false, "\xf3\x0f\x98\xc1" }, /* sets %cl behind f3 */
	{ 64, 5, false, "\xf3\x0f\x2b\x77\xf0" }, /* movntss %xmm6,-16(%rdi) of SSE4a */
	{ 64, 5, false, "\x0f\x19\x44\x10\x10" }, /* nop 16(%rax,%rdx) */
	{ 64, 4, false, "\x0f\x1d\x63\x84" }, /* nop -124(%rbx) */
	{ 64, 4, false, "\x66\x0f\x19\xc1" }, /* nop %cx */
	{ 64, 4, false, "\x48\x48\x89\xc8" }, /* mov %rcx,%rax behind two REX */
	{ 64, 6, false, "\x48\x43\xd1\x44\x62\xf3" }, /* roll -13(%r10,%r12,2) behind two REX */
	{ 64, 4, false, "\x40\x48\x89\xc8" }, /* mov %rcx,%rax behind two REX */
	{ 64, 4, false, "\x48\x66\x89\xc8" }, /* mov %cx,%ax, REX before 66 */
	{ 64, 5, false, "\x48\xf3\x0f\xb8\xc1" }, /* popcnt %ecx,%eax, REX before f3 */
	{ 64, 4, false, "\x48\x64\x8b\x00" }, /* mov %fs:(%rax),%eax, REX before 64 */
	{ 64, 5, false, "\xf3\x66\x0f\xb8\xc1" }, /* popcnt %cx,%ax, f3 before 66 */
	{ 64, 6, false, "\xf2\x66\x0f\x38\xf0\xc1" }, /* crc32 %cl,%eax, f2 before 66 */
	{ 64, 5, false, "\xf3\x67\x0f\xb8\xc1" }, /* popcnt %ecx,%eax, f3 before 67 */
	{ 64, 5, false, "\x66\x65\x0f\xd6\xc1" }, /* movq %xmm0,%xmm1, 66 before 65 */
	{ 64, 5, true, "\x66\xf2\x0f\x7d\xc1" }, /* hsubps %xmm1,%xmm0, 66 before f2 */
	{ 64, 5, false, "\xf2\xf3\x0f\xb8\xc1" }, /* popcnt %ecx,%eax, f2 before f3 */
	{ 64, 3, false, "\x0f\x20\x43" }, /* mov %cr0,%rbx, mod ignored */
	{ 64, 4, true, "\x0f\x71\xf1\x10" }, /* psllw $16,%mm1 */
	{ 64, 4, false, "\x0f\x0f\xc1\x9e" }, /* pfadd %mm1,%mm0 */
	{ 64, 5, false, "\x8f\xe9\x78\x01\xc8" }, /* blcfill %eax,%eax of XOP */
	{ 32, 2, false, "\x8f\x08" }, /* no pop, and XOP if mod were 3 */
	{ 64, 6, false, "\xc5\xf8\x78\xc1\x10\x10" }, /* undefined, but long on AMD */
	{ 64, 2, false, "\x0f\x05" }, /* syscall */
	{ 64, 2, false, "\x0f\xa2" }, /* cpuid */
	{ 64, 2, false, "\x0f\x31" }, /* rdtsc */
	{ 32, 4, false, "\xf3\x0f\x44\xc1" }, /* cmove %ecx,%eax behind f3 */
	{ 32, 4, false, "\x0f\x1d\x63\x84" }, /* nop -124(%ebx) */
	{ 32, 5, false, "\xf3\x0f\x2b\x77\xf0" }, /* movntss %xmm6,-16(%edi) of SSE4a */
	{ 32, 4, false, "\xf2\x0f\x41\x38" }, /* cmovno (%eax),%edi behind f2 */
	{ 32, 6, false, "\x66\xf3\x66\x0f\xb8\xc1" }, /* popcnt %cx,%ax, f3 between two 66 */
	{ 64, 3, true, "\x48\x89\xe5" }, /* mov %rsp,%rbp */
	{ 64, 2, true, "\x31\xc0" }, /* xor %eax,%eax */
	{ 64, 6, true, "\x8b\x05\x10\x10\x10\x10" }, /* mov 0x10101010(%rip),%eax */
	{ 64, 4, true, "\x8d\x44\x24\x10" }, /* lea 16(%rsp),%eax */
	{ 64, 7, true, "\x8b\x84\x24\x10\x10\x10\x10" }, /* mov 0x10101010(%rsp),%eax */
	{ 64, 7, true, "\x8b\x04\x25\x10\x10\x10\x10" }, /* mov 0x10101010,%eax */
	{ 64, 7, true, "\x67\x8b\x05\x10\x10\x10\x10" }, /* mov 0x10101010(%eip),%eax */
	{ 64, 3, true, "\x83\xc1\x10" }, /* add $16,%ecx */
	{ 64, 6, true, "\x81\xc1\x10\x10\x10\x10" }, /* add $0x10101010,%ecx */
	{ 64, 5, true, "\x66\x81\xc1\x10\x10" }, /* add $0x1010,%cx */
	{ 64, 8, true, "\x66\x48\x81\xc1\x10\x10\x10\x10" }, /* add $0x10101010,%rcx */
	{ 64, 5, true, "\xb8\x10\x10\x10\x10" }, /* mov $0x10101010,%eax */
	{ 64, 10, true, "\x48\xb8\x10\x10\x10\x10\x10\x10\x10\x10" }, /* movabs to %rax */
	{ 64, 9, true, "\xa1\x10\x10\x10\x10\x10\x10\x10\x10" }, /* movabs to %eax from memory */
	{ 64, 6, true, "\x67\xa1\x10\x10\x10\x10" }, /* mov 0x10101010,%eax */
	{ 64, 3, true, "\xf6\xc1\x10" }, /* test $16,%cl */
	{ 64, 2, true, "\xf7\xd9" }, /* neg %ecx */
	{ 64, 5, true, "\x66\xf7\xc1\x10\x10" }, /* test $0x1010,%cx */
	{ 64, 4, true, "\xc8\x10\x10\x10" }, /* enter */
	{ 64, 3, true, "\xc2\x10\x10" }, /* ret $0x1010 */
	{ 64, 2, true, "\x66\x90" }, /* nop */
	{ 64, 1, true, "\x5b" }, /* pop %rbx */
	{ 64, 2, true, "\x8f\x00" }, /* pop (%rax) */
	{ 64, 2, true, "\xd8\xc1" }, /* fadd %st(1),%st */
	{ 64, 9, true, "\x64\x48\x8b\x04\x25\x10\x10\x10\x10" }, /* mov %fs:0x10101010,%rax */
	{ 64, 2, true, "\xf3\xa4" }, /* rep movsb */
	{ 64, 3, true, "\x0f\x44\xc1" }, /* cmove %ecx,%eax */
	{ 64, 4, true, "\x0f\xa4\xc1\x10" }, /* shld $16,%eax,%ecx */
	{ 64, 2, true, "\x0f\xc8" }, /* bswap %eax */
	{ 64, 2, true, "\x0f\x77" }, /* emms */
	{ 64, 4, true, "\x0f\xba\xe1\x10" }, /* bt $16,%ecx */
	{ 64, 4, true, "\xf3\x0f\xb8\xc1" }, /* popcnt %ecx,%eax */
	{ 64, 4, true, "\xf3\x0f\x1e\xfa" }, /* endbr64 */
	{ 64, 5, true, "\x66\x0f\x70\xc1\x10" }, /* pshufd $16,%xmm1,%xmm0 */
	{ 64, 4, true, "\xf2\x0f\x10\xc1" }, /* movsd %xmm1,%xmm0 */
	{ 64, 5, true, "\x66\x0f\x38\x00\xc1" }, /* pshufb %xmm1,%xmm0 */
	{ 64, 6, true, "\x66\x0f\x3a\x0f\xc1\x10" }, /* palignr $16,%xmm1,%xmm0 */
	{ 64, 3, true, "\xc5\xf8\x77" }, /* vzeroupper */
	{ 64, 4, true, "\xc5\xf9\xfe\xc1" }, /* vpaddd %xmm1,%xmm0,%xmm0 */
	{ 64, 5, true, "\xc5\xf9\x70\xc1\x10" }, /* vpshufd $16,%xmm1,%xmm0 */
	{ 64, 5, true, "\xc4\xe2\x79\x18\xc1" }, /* vbroadcastss %xmm1,%xmm0 */
	{ 64, 6, true, "\xc4\xe3\x7d\x39\xc1\x10" }, /* vextracti128 $16,%ymm0,%xmm1 */
	{ 64, 8, true, "\xc5\xfb\x10\x05\x10\x10\x10\x10" }, /* vmovsd 0x10101010(%rip),%xmm0 */
	{ 32, 1, true, "\x40" }, /* inc %eax */
	{ 32, 2, true, "\x89\xe5" }, /* mov %esp,%ebp */
	{ 32, 6, true, "\x8b\x05\x10\x10\x10\x10" }, /* mov 0x10101010,%eax */
	{ 32, 5, true, "\x67\x8b\x06\x10\x10" }, /* mov 0x1010,%eax */
	{ 32, 4, true, "\x67\xa1\x10\x10" }, /* mov 0x1010,%eax */
	{ 32, 4, true, "\x66\xb8\x10\x10" }, /* mov $0x1010,%ax */
	{ 32, 2, true, "\xd4\x10" }, /* aam $16 */
	{ 32, 2, true, "\xc5\x08" }, /* lds (%eax),%ecx */
	{ 32, 4, true, "\xc5\xf9\xfe\xc1" }, /* vpaddd %xmm1,%xmm0,%xmm0 */
	{ 32, 4, true, "\xf3\x0f\xb8\xc1" }, /* popcnt %ecx,%eax */
};

static void p9_lengths(struct kunit *test)
{
	struct uprobe_slot_key key;
	u8 code[MAX_UINSN_BYTES];
	enum kind kind;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(lengths); i++) {
		memset(code, 0xcc, sizeof(code));
		memcpy(code, lengths[i].bytes, lengths[i].len);
		set_ia32(lengths[i].bits == 32);
		kind = kind_and_key_of(code, &key);
		set_ia32(false);
		if (kind == REFUSED || kind == UNSHARED)
			continue;
		KUNIT_EXPECT_TRUE_MSG(test, lengths[i].certain, "%*ph: shared",
				      lengths[i].len, code);
		KUNIT_EXPECT_EQ_MSG(test, lengths[i].len, key.len, "%*ph",
				    lengths[i].len, code);
	}
}

/* What the knob `emulate` emulates, and nothing else. */
static void p9_emulates_no_other(struct kunit *test)
{
	static const struct emulated {
		const char	*name;
		u8		code[MAX_UINSN_BYTES];
		u8		by;
	} some[] = {
		{ "ret", { 0xc3 }, UPROBE_EMULATE_RET },
		{ "ret $8", { 0xc2, 8, 0 }, UPROBE_EMULATE_RET },
		{ "rep ret", { 0xf3, 0xc3 }, UPROBE_EMULATE_RET },
		{ "bnd ret", { 0xf2, 0xc3 }, UPROBE_EMULATE_RET },
		{ "endbr64", { 0xf3, 0x0f, 0x1e, 0xfa }, UPROBE_EMULATE_ENDBR },
		{ "endbr32", { 0xf3, 0x0f, 0x1e, 0xfb }, UPROBE_EMULATE_ENDBR },
		{ "lea 8(%rip),%rax", { 0x48, 0x8d, 0x05, 8 }, UPROBE_EMULATE_LEA },
		{ "lea 8(%rip),%r9d", { 0x44, 0x8d, 0x0d, 8 }, UPROBE_EMULATE_LEA },
		{ "lea 8(%rip),%ax", { 0x66, 0x8d, 0x05, 8 } },
		{ "lea 8(%eip),%rax", { 0x67, 0x48, 0x8d, 0x05, 8 } },
		{ "lea 8(%rsi),%rax", { 0x48, 0x8d, 0x46, 8 } },
		{ "mov 8(%rip),%rax", { 0x48, 0x8b, 0x05, 8 } },
		{ "retw", { 0x66, 0xc3 } },
		{ "lret", { 0xcb } },
		{ "rdsspq %rax", { 0xf3, 0x48, 0x0f, 0x1e, 0xc8 } },
		{ "cmpps", { 0x0f, 0xc2, 0xc1, 0 } },
		{ "movnti", { 0x0f, 0xc3, 0x00 } },
		{ "vcmpps", { 0xc5, 0xf8, 0xc2, 0xc1, 0 } },
	};
	struct insn insn;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(some); i++) {
		KUNIT_EXPECT_EQ_MSG(test, 0, insn_decode(&insn, some[i].code,
							 MAX_UINSN_BYTES, INSN_MODE_64),
				    "%s", some[i].name);
		KUNIT_EXPECT_EQ_MSG(test, some[i].by, uprobe_emulation(&insn), "%s",
				    some[i].name);
	}
}

/* ----------------------------------------------------------- the jump ---- */

/* Near by a displacement; to wherever else by an address behind the jump. */
static void p9_jump_reaches(struct kunit *test)
{
	unsigned long from = 0x7ffff7ff0000, to[] = {
		from + 0x1000, from - 0x7ffff000, from + 0x7ffff000,
		from - 0x100000000, 0x401000,
	};
	struct arch_uprobe auprobe = { };
	u8 code[UPROBE_SLOT_BYTES];
	unsigned int i, len = 7;
	unsigned long target;

	for (i = 0; i < ARRAY_SIZE(to); i++) {
		memset(code, 0xcc, sizeof(code));
		arch_uprobe_slot_jump(&auprobe, code, len, from, to[i]);
		if (code[len] == 0xe9) {
			target = from + len + 5 +
				 (s32)get_unaligned_le32(&code[len + 1]);
			KUNIT_EXPECT_EQ(test, 0xcc, code[len + 5]);
		} else {
			KUNIT_EXPECT_EQ(test, 0x25ff, get_unaligned_le16(&code[len]));
			KUNIT_EXPECT_EQ(test, 0, get_unaligned_le32(&code[len + 2]));
			target = get_unaligned_le64(&code[len + 6]);
			KUNIT_EXPECT_EQ(test, 0xcc, code[len + 14]);
		}
		KUNIT_EXPECT_EQ(test, to[i], target);
	}

	/* The longest instruction leaves room for the longest jump. */
	KUNIT_EXPECT_LE(test, MAX_UINSN_BYTES - 1 + 14, UPROBE_SLOT_BYTES);
}

/* Whom a debugger steps sees each step; so does who is in another mode. */
static void p9_exit_of_a_stepped_task(struct kunit *test)
{
	struct pt_regs regs = { .cs = __USER_CS };

	KUNIT_EXPECT_FALSE(test, arch_uprobe_must_step(&regs));
	regs.flags = X86_EFLAGS_TF;
	KUNIT_EXPECT_TRUE(test, arch_uprobe_must_step(&regs));
#ifdef CONFIG_IA32_EMULATION
	regs.flags = 0;
	regs.cs = __USER32_CS;
	KUNIT_EXPECT_TRUE(test, arch_uprobe_must_step(&regs));
#endif
}

/* A probe is analysed for one mode, and may be hit in another. */
static void p9_other_mode(struct kunit *test)
{
	static const u8 mov[MAX_UINSN_BYTES] = { 0x48, 0x89, 0xe5 };
	struct pt_regs regs = { .cs = __USER_CS };
	struct uprobe_slot_key key;

	KUNIT_EXPECT_EQ(test, JUMP, kind_and_key_of(mov, &key));
	KUNIT_EXPECT_EQ(test, 3, key.len);
	KUNIT_EXPECT_TRUE(test, arch_uprobe_mode_fits(&key.arch, &regs));
	regs.cs = 7;	/* of the LDT */
	KUNIT_EXPECT_FALSE(test, arch_uprobe_mode_fits(&key.arch, &regs));
#ifdef CONFIG_IA32_EMULATION
	regs.cs = __USER32_CS;
	KUNIT_EXPECT_FALSE(test, arch_uprobe_mode_fits(&key.arch, &regs));
	set_ia32(true);
	KUNIT_EXPECT_EQ(test, JUMP, kind_and_key_of(mov, &key));
	set_ia32(false);
	KUNIT_EXPECT_EQ(test, 1, key.len);	/* dec %eax */
	KUNIT_EXPECT_TRUE(test, arch_uprobe_mode_fits(&key.arch, &regs));
	regs.cs = __USER_CS;
	KUNIT_EXPECT_FALSE(test, arch_uprobe_mode_fits(&key.arch, &regs));
#endif
}

static int init(struct kunit *test)
{
	return ust_attach_mm();
}

static struct kunit_case cases[] = {
	KUNIT_CASE_PARAM_ATTR(p9_opcode_maps, map_gen_params, { .speed = KUNIT_SPEED_SLOW }),
	KUNIT_CASE(p9_vex),
	KUNIT_CASE(p9_some_by_name),
	KUNIT_CASE(p9_lengths),
	KUNIT_CASE(p9_emulates_no_other),
	KUNIT_CASE(p9_jump_reaches),
	KUNIT_CASE(p9_exit_of_a_stepped_task),
	KUNIT_CASE(p9_other_mode),
	{ }
};

/* By this name kunit.sh of the selftests knows what there is. */
static struct kunit_suite ust_suite_uprobe_slots_x86 = {
	.name = "uprobe_slots_x86",
	.init = init,
	.test_cases = cases,
};

kunit_test_suite(ust_suite_uprobe_slots_x86);

MODULE_DESCRIPTION("KUnit tests of the slots of x86 instructions");
MODULE_LICENSE("GPL");
