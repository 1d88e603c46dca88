// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * ways PROGRAM...: how a kernel with shared slots executes what is at the function
 * entries and rets of programs, and how many traps that takes. What decides is the
 * kernel's own code; see kernel.h. Writes JSON.
 *
 * ways -i: the same for the instructions in the input, each a line: 64 or 32 for the
 * kind of program, and bytes in hexadecimal. Writes these lines, with a way for each
 * setting; what is in the input behind the bytes is ignored.
 */
#include "kernel.h"
#include <asm/insn.h>
#include "uprobe_slots_internal.h"
#include "uprobes.h"
#include "program.h"

/* emulated, jump and none take one trap; trap and step two; refused gets no probe. */
enum way { EMULATED, JUMP, NONE, TRAP, STEP, REFUSED, NR_WAYS };

static const char *const way_name[] = {
	"emulated", "jump", "none", "trap", "step", "refused",
};

/* The two knobs. With the first of these settings, what is missed is reported. */
static const struct setting {
	const char	*name;
	unsigned int	exits;
	bool		emulate;
} settings[] = {
	{ "exits=jump emulate=1", UPROBE_EXIT_JUMP, true },
	{ "exits=jump emulate=0", UPROBE_EXIT_JUMP, false },
	{ "exits=step emulate=0", UPROBE_EXIT_STEP, false },
};

/* The settings of -i: what can differ. */
static const struct setting insn_settings[] = {
	{ "", UPROBE_EXIT_JUMP, true },
	{ "", UPROBE_EXIT_JUMP, false },
	{ "", UPROBE_EXIT_TRAP, false },
};

enum place { ENTRY, RET, NR_PLACES };

static const char *const place_name[] = { "entries", "rets" };

/* What does not take one trap, by kind of instruction. */
struct missed {
	enum place	place;
	enum way	way;
	bool		riprel;
	char		opcode[32];
	unsigned char	example[MAX_INSN_SIZE];
	unsigned int	len;
	unsigned long	count;
};

static struct missed missed[1024];
static size_t nr_missed;
static unsigned long count[NR_PLACES][ARRAY_SIZE(settings)][NR_WAYS];

/* ------------------------------------------- what the kernel decides ---- */

int arch_uprobe_analyze_insn(struct arch_uprobe *auprobe, struct mm_struct *mm,
			     unsigned long addr);
unsigned int arch_uprobe_slot_key(const struct arch_uprobe *auprobe,
				  struct mm_struct *mm,
				  struct uprobe_slot_key *key);
void arch_uprobe_slot_jump(const struct arch_uprobe *auprobe, void *code,
			   unsigned int len, unsigned long from, unsigned long to);

static struct mm_struct mm = { .is_64bit = true };
static struct task_struct task = { .mm = &mm };
struct task_struct *current = &task;
bool uprobe_emulate_key;

/* The tables of functions name what uses these; that is for a hit, and there is none. */
int copy_to_user(void)
{
	abort();
}

unsigned long insn_get_seg_base(void)
{
	abort();
}

int shstk_push(void)
{
	abort();
}

int shstk_update_last_frame(void)
{
	abort();
}

struct verdict {
	int	error;
	bool	always, emulate, riprel;
	u8	exit[UPROBE_EXIT_JUMP + 1];
};

/* The longest jump, behind the instruction, has to leave room for a breakpoint. */
static void check_room(const struct arch_uprobe *key, unsigned int len)
{
	u8 code[UPROBE_SLOT_BYTES + 16];

	memset(code, UPROBE_SWBP_INSN, sizeof(code));
	memcpy(code, key->ixol, len);
	arch_uprobe_slot_jump(key, code, len, 0x7fff00000000, 0x400000);
	if (code[UPROBE_SLOT_BYTES - 1] != UPROBE_SWBP_INSN ||
	    code[UPROBE_SLOT_BYTES] != UPROBE_SWBP_INSN)
		abort();
}

static struct verdict judge(const unsigned char *code, unsigned long bytes,
			    unsigned long addr)
{
	struct uprobe_slot_key key = { };
	struct arch_uprobe auprobe = { };
	struct verdict v = { };
	unsigned int len;

	memcpy(auprobe.insn, code, min(bytes, sizeof(auprobe.insn)));
	v.error = arch_uprobe_analyze_insn(&auprobe, &mm, addr);
	if (v.error)
		return v;
	v.always = auprobe.ops != &default_xol_ops;
	if (v.always)
		return v;
	v.emulate = auprobe.defparam.fixups & UPROBE_EMULATE_MASK;
	v.riprel = auprobe.defparam.fixups & UPROBE_FIX_RIP_MASK;
	len = arch_uprobe_slot_key(&auprobe, &mm, &key);
	memcpy(v.exit, key.exit, sizeof(v.exit));
	if (v.exit[UPROBE_EXIT_JUMP] == UPROBE_EXIT_JUMP)
		check_room(&key.arch, len);
	return v;
}

/* As uprobes.c and __uprobe_slot_begin() go on with that. */
static enum way way_of(const struct verdict *v, const struct setting *s)
{
	static const enum way by_exit[] = {
		[UPROBE_EXIT_STEP] = STEP, [UPROBE_EXIT_TRAP] = TRAP,
		[UPROBE_EXIT_JUMP] = JUMP, [UPROBE_EXIT_NONE] = NONE,
	};

	if (v->error)
		return REFUSED;
	if (v->always || (v->emulate && s->emulate))
		return EMULATED;
	return by_exit[v->exit[s->exits]];
}

/* ---------------------------------------------------------- counting ---- */

/* The opcode as the manuals write it. */
static void name_opcode(char *to, size_t size, struct insn *insn)
{
	int n = 0, i;

	if (insn->vex_prefix.nbytes)
		n = snprintf(to, size, "%s%d ", insn_is_evex(insn) ? "evex" : "vex",
			     insn_vex_m_bits(insn));
	else if (insn->opcode.nbytes > 1 && insn->prefixes.nbytes)
		n = snprintf(to, size, "%02x ", insn->prefixes.bytes[0]);
	for (i = 0; i < insn->opcode.nbytes; i++)
		n += snprintf(to + n, size - n, "%s%02x", i ? " " : "", insn->opcode.bytes[i]);
	if (inat_is_group(insn->attr))
		snprintf(to + n, size - n, " /%d", X86_MODRM_REG(insn->modrm.value));
}

static void note_missed(enum place place, enum way way, bool riprel,
			const unsigned char *code, unsigned long bytes)
{
	struct missed new = { .place = place, .way = way, .riprel = riprel, .count = 1 };
	struct insn insn;
	size_t i;

	if (insn_decode(&insn, code, min(bytes, MAX_INSN_SIZE), INSN_MODE_64) < 0) {
		strcpy(new.opcode, "unknown");
		new.len = 1;
	} else {
		name_opcode(new.opcode, sizeof(new.opcode), &insn);
		new.len = insn.length;
	}
	memcpy(new.example, code, new.len);

	for (i = 0; i < nr_missed; i++) {
		if (missed[i].place == place && missed[i].way == way &&
		    missed[i].riprel == riprel && !strcmp(missed[i].opcode, new.opcode)) {
			missed[i].count++;
			return;
		}
	}
	if (nr_missed < ARRAY_SIZE(missed))
		missed[nr_missed++] = new;
	else
		abort();
}

static void count_at(enum place place, const unsigned char *code, unsigned long bytes,
		     unsigned long addr)
{
	struct verdict v = judge(code, bytes, addr);
	enum way way;
	size_t i;

	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		way = way_of(&v, &settings[i]);
		count[place][i][way]++;
		if (!i && way >= TRAP)
			note_missed(place, way, v.riprel, code, bytes);
	}
}

static bool is_ret(const struct insn *insn)
{
	return insn->opcode.nbytes == 1 && !insn->vex_prefix.nbytes &&
	       (insn->opcode.bytes[0] == 0xc2 || insn->opcode.bytes[0] == 0xc3);
}

/* Returns how many bytes of the function the kernel's decoder does not know. */
static unsigned long count_rets(const struct program *p, const struct function *f)
{
	unsigned long addr = f->start, bytes, unknown = 0;
	const unsigned char *code;
	struct insn insn;

	while (addr < f->end) {
		code = program_code(p, addr, &bytes);
		if (insn_decode(&insn, code, min(bytes, MAX_INSN_SIZE), INSN_MODE_64) < 0) {
			unknown++;
			addr++;
			continue;
		}
		if (is_ret(&insn))
			count_at(RET, code, bytes, addr);
		addr += insn.length;
	}
	return unknown;
}

/* ------------------------------------------------------------ output ---- */

static void print_counts(enum place place)
{
	size_t i, w;

	printf("    \"%s\": {\n", place_name[place]);
	for (i = 0; i < ARRAY_SIZE(settings); i++) {
		printf("      \"%s\": {", settings[i].name);
		for (w = 0; w < NR_WAYS; w++)
			printf("%s\"%s\": %lu", w ? ", " : "", way_name[w], count[place][i][w]);
		printf("}%s\n", i + 1 < ARRAY_SIZE(settings) ? "," : "");
	}
	printf("    },\n");
}

static void print_missed(void)
{
	const struct missed *m;
	unsigned int i;

	printf("    \"missed\": [");
	for (m = missed; m < missed + nr_missed; m++) {
		printf("%s\n      {\"place\": \"%s\", \"way\": \"%s\", \"riprel\": %s, "
		       "\"opcode\": \"%s\", \"count\": %lu, \"example\": \"",
		       m > missed ? "," : "", place_name[m->place], way_name[m->way],
		       m->riprel ? "true" : "false", m->opcode, m->count);
		for (i = 0; i < m->len; i++)
			printf("%02x", m->example[i]);
		printf("\"}");
	}
	printf("\n    ]\n");
}

static void measure(const char *path, bool last)
{
	unsigned long bytes, unknown = 0, functions = 0;
	const struct function *f;
	const unsigned char *code;
	struct program p;

	memset(count, 0, sizeof(count));
	nr_missed = 0;
	program_open(&p, path);
	for (f = p.function; f < p.function + p.nr_functions; f++) {
		if (f->entry) {
			code = program_code(&p, f->start, &bytes);
			count_at(ENTRY, code, bytes, f->start);
			functions++;
		}
		unknown += count_rets(&p, f);
	}

	printf("  {\n    \"path\": \"%s\",\n    \"source\": \"%s\",\n", path, p.source);
	printf("    \"functions\": %lu,\n    \"parts\": %lu,\n    \"unknown_bytes\": %lu,\n",
	       functions, p.nr_functions - functions, unknown);
	print_counts(ENTRY);
	print_counts(RET);
	print_missed();
	printf("  }%s\n", last ? "" : ",");
}

/* Two digits a byte; returns how many bytes, 0 if there is something else. */
static unsigned int parse_bytes(const char *hex, unsigned char *to, unsigned int room)
{
	unsigned int n, digits;

	for (n = 0; n < room && hex[2 * n]; n++) {
		if (sscanf(&hex[2 * n], "%2hhx%n", &to[n], &digits) != 1 || digits != 2)
			return 0;
	}
	return n;
}

static int judge_insns(void)
{
	char line[256], hex[2 * MAX_UINSN_BYTES + 1];
	unsigned char code[MAX_UINSN_BYTES];
	unsigned int bits, bytes;
	struct verdict v;
	size_t i;

	while (fgets(line, sizeof(line), stdin)) {
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (sscanf(line, "%u %32[0-9a-f]", &bits, hex) != 2 ||
		    !(bytes = parse_bytes(hex, code, sizeof(code)))) {
			fprintf(stderr, "ways: not understood: %s", line);
			return 1;
		}
		mm.is_64bit = bits == 64;
		v = judge(code, bytes, 0x1000);
		printf("%u %s", bits, hex);
		for (i = 0; i < ARRAY_SIZE(insn_settings); i++)
			printf(" %s", way_name[way_of(&v, &insn_settings[i])]);
		printf("\n");
	}
	return 0;
}

int main(int argc, char **argv)
{
	int i;

	if (argc == 2 && !strcmp(argv[1], "-i"))
		return judge_insns();
	printf("[\n");
	for (i = 1; i < argc; i++)
		measure(argv[i], i == argc - 1);
	printf("]\n");
	return fflush(stdout) || ferror(stdout);
}
