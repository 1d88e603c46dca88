// SPDX-License-Identifier: GPL-2.0
/*
 * Which x86 instructions may share a slot, what makes two of them equal, and how
 * they leave it.
 */
#include <linux/sizes.h>
#include <linux/string.h>
#include <linux/unaligned.h>
#include <linux/uprobes.h>

#include <asm/insn.h>
#include <asm/mmu_context.h>

#include "../../../kernel/events/uprobe_slots_internal.h"
#include "uprobes.h"

/* One bit an opcode; a row of this has 16. */
#define W(row, b0, b1, b2, b3, b4, b5, b6, b7, b8, b9, ba, bb, bc, bd, be, bf) \
	(((b0) << 0 | (b1) << 1 | (b2) << 2 | (b3) << 3 | (b4) << 4 | \
	  (b5) << 5 | (b6) << 6 | (b7) << 7 | (b8) << 8 | (b9) << 9 | \
	  (ba) << 10 | (bb) << 11 | (bc) << 12 | (bd) << 13 | \
	  (be) << 14 | (bf) << 15) << ((row) % 0x20))

static bool in_set(const u32 *set, u8 opcode)
{
	return set[opcode / 32] & BIT(opcode % 32);
}

/* ----------------------------------------------------- what may share ---- */

/*
 * A slot holds as many bytes as the decoder says, so it has to say what the CPU
 * takes. Sharing goes by what is known to be right; the rest uses a transient slot,
 * which has the program's next bytes behind the instruction. tests/lengths holds
 * these rules against a CPU.
 */

/* Two-byte opcodes without ModRM. To all others the CPU gives one. */
static const u32 no_modrm_2byte[256 / 32] = {
	/*       0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f */
	W(0x00, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0) |
	W(0x10, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	W(0x20, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) |
	W(0x30, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0),
	0,
	W(0x60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) |
	W(0x70, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0),
	W(0x80, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) |
	W(0x90, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	W(0xa0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0) |
	W(0xb0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	W(0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1) |
	W(0xd0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	0,
};

static bool has_prefix(struct insn *insn, u8 prefix)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(insn->prefixes.bytes); i++) {
		if (insn->prefixes.bytes[i] == prefix)
			return true;
	}

	return false;
}

static bool has_rep(struct insn *insn)
{
	return has_prefix(insn, 0xf2) || has_prefix(insn, 0xf3);
}

/*
 * Behind 0f a prefix selects the instruction: for the decoder the last prefix, for the
 * CPU f2 or f3, else 66, wherever it stands.
 */
static bool prefix_certain(struct insn *insn)
{
	u8 last = insn->prefixes.bytes[3];

	if (has_rep(insn))
		return (last & 0xfe) == 0xf2 && !has_prefix(insn, last ^ 1);
	return !has_prefix(insn, 0x66) || last == 0x66;
}

static bool length_certain_2byte(struct insn *insn)
{
	switch (insn->opcode.bytes[1]) {
	case 0x0f:		/* 3DNow: its opcode comes last */
	case 0x20 ... 0x27:	/* control registers: mod is ignored */
	case 0x78: case 0x79:	/* vmread; with a prefix SSE4a, and immediates */
	case 0xa6: case 0xa7:	/* VIA's own */
	case 0xff:		/* ud0: with ModRM or without */
		return false;
	case 0x71 ... 0x73:	/* shifts: an immediate, even where undefined */
		return insn->immediate.nbytes;
	default:
		return !insn->modrm.nbytes ==
		       in_set(no_modrm_2byte, insn->opcode.bytes[1]);
	}
}

#define EVEX_PREFIX	0x62
#define XOP_PREFIX	0x8f
#define VEX3_PREFIX	0xc4
#define VEX2_PREFIX	0xc5

static bool length_certain_1byte(struct insn *insn)
{
	insn_attr_t attr = inat_get_opcode_attribute(insn->opcode.bytes[0]);

	/* A REX in front of another prefix is none, and that prefix no opcode. */
	if (inat_is_legacy_prefix(attr) ||
	    (insn->x86_64 && (inat_is_rex_prefix(attr) || inat_is_rex2_prefix(attr))))
		return false;

	switch (insn->opcode.bytes[0]) {
	case EVEX_PREFIX: case VEX3_PREFIX: case VEX2_PREFIX:
		return !insn->x86_64;	/* bound, les, lds; not behind a REX */
	case XOP_PREFIX:		/* or pop */
		return !X86_MODRM_REG(insn->modrm.value);
	default:
		return true;
	}
}

static bool length_certain_vex(struct insn *insn)
{
	u8 map = insn->vex_prefix.bytes[1];

	if (insn->vex_prefix.bytes[0] == XOP_PREFIX)
		return false;
	/* The maps of AVX: 1 to 3, of AVX512-FP16: 5 and 6 */
	if (insn->vex_prefix.bytes[0] == EVEX_PREFIX && ((map & 7) == 4 || (map & 7) == 7))
		return false;
	/* Only EVEX has these, but AMD's CPUs take immediates for VEX, too. */
	if (insn->vex_prefix.bytes[0] != EVEX_PREFIX &&
	    insn_vex_m_bits(insn) == 1 && (insn->opcode.bytes[0] & 0xfe) == 0x78)
		return false;
	/* vzeroupper is the only one without ModRM. */
	return insn->modrm.nbytes || insn->opcode.bytes[0] == 0x77;
}

static bool uprobe_length_certain(struct insn *insn)
{
	/* REX2 is newer than the CPUs at hand; ud2 in front means Xen or KVM. */
	if (insn->rex_prefix.nbytes > 1 || insn->emulate_prefix_size)
		return false;
	if (insn->vex_prefix.nbytes)
		return length_certain_vex(insn);

	switch (insn->opcode.nbytes) {
	case 1:
		return length_certain_1byte(insn);
	case 2:
		return prefix_certain(insn) && length_certain_2byte(insn);
	case 3:	/* 0f 38 and 0f 3a: all have ModRM */
		return prefix_certain(insn) && insn->modrm.nbytes;
	default:
		return false;
	}
}

/*
 * With these the bytes behind the copy may run before the single step ends: the CPU masks
 * TF (syscall, sysenter) or holds the trap back (lss), or the kernel emulates the
 * instruction after a fault and only advances ip (sgdt and its kin for UMIP; cpuid, rdtsc,
 * rdpmc and rdtscp in a confidential VM). So the program's own next bytes have to stand
 * there, as in a transient slot.
 */
static bool uprobe_traps_late(struct insn *insn)
{
	if (insn->vex_prefix.nbytes || insn->opcode.nbytes != 2)
		return false;

	switch (insn->opcode.bytes[1]) {
	case 0x00:	/* sldt, str, ... */
	case 0x01:	/* sgdt, sidt, smsw, rdtscp, ... */
	case 0x05:	/* syscall */
	case 0x31:	/* rdtsc */
	case 0x33:	/* rdpmc */
	case 0x34:	/* sysenter */
	case 0xa2:	/* cpuid */
	case 0xb2:	/* lss */
		return true;
	default:
		return false;
	}
}

/* -------------------------------------------------------------- exits ---- */

/*
 * Opcodes that go on to the next instruction or fault, and do the same at any address and
 * with any TF. If an opcode stands for several instructions and some of them do not fit,
 * straight_group() decides. Left out: push of a register (emulated, or not shared). Left
 * to the single step: what reads or sets TF, IF or a segment, transfers control, talks to
 * ports or repeats.
 */
static const u32 straight_1byte[256 / 32] = {
	/*       0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f */
	W(0x00, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0) |
	W(0x10, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0),
	W(0x20, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0) |
	W(0x30, 1, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0),
	W(0x40, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) |
	W(0x50, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1),
	W(0x60, 0, 0, 0, 1, 0, 0, 0, 0, 1, 1, 1, 1, 0, 0, 0, 0) |
	W(0x70, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	W(0x80, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0) |
	W(0x90, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1, 0, 0, 1, 1),
	W(0xa0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) |
	W(0xb0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
	W(0xc0, 1, 1, 0, 0, 0, 0, 1, 1, 0, 1, 0, 0, 0, 0, 0, 0) |
	W(0xd0, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1),
	W(0xe0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) |
	W(0xf0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 0, 0, 1, 1, 1, 1),
};

static const u32 straight_2byte[256 / 32] = {
	/*       0  1  2  3  4  5  6  7  8  9  a  b  c  d  e  f */
	W(0x00, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0) |
	W(0x10, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1),
	W(0x20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1) |
	W(0x30, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0),
	W(0x40, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) |
	W(0x50, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
	W(0x60, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) |
	W(0x70, 1, 1, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 1, 1, 1, 1),
	W(0x80, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0) |
	W(0x90, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
	W(0xa0, 0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1) |
	W(0xb0, 1, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1),
	W(0xc0, 1, 1, 1, 1, 1, 1, 1, 0, 1, 1, 1, 1, 1, 1, 1, 1) |
	W(0xd0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1),
	W(0xe0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1) |
	W(0xf0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 0),
};

/* Of the one-byte opcodes that are in the set, those that are straight after all. */
static bool straight_group(struct insn *insn)
{
	unsigned int reg = X86_MODRM_REG(insn->modrm.value);

	switch (insn->opcode.bytes[0]) {
	case 0x40 ... 0x4f:	/* REX in 64-bit mode, where it is no opcode */
		return !insn->x86_64;
	case 0xa4 ... 0xa7:	/* movs, cmps: how often is for the step to show */
	case 0xaa ... 0xaf:	/* stos, lods, scas */
		return !has_rep(insn);
	case 0xc6: case 0xc7:	/* mov; 7 is xabort, xbegin */
		return !reg;
	case 0xfe: case 0xff:	/* inc, dec */
		return reg < 2;
	default:
		return true;
	}
}

static bool is_straight(struct insn *insn)
{
	/* AVX and its kin have no transfer of control. */
	if (insn->vex_prefix.nbytes)
		return true;

	switch (insn->opcode.nbytes) {
	case 1:
		return in_set(straight_1byte, insn->opcode.bytes[0]) &&
		       straight_group(insn);
	case 2:
		return in_set(straight_2byte, insn->opcode.bytes[1]);
	default:
		return true;	/* 0f 38 and 0f 3a */
	}
}

/* ret, and jmp to what a register or memory says */
static bool leaves_by_itself(struct insn *insn)
{
	if (insn->opcode.nbytes != 1 || insn->vex_prefix.nbytes)
		return false;

	switch (insn->opcode.bytes[0]) {
	case 0xc2: case 0xc3:
		return true;
	case 0xff:
		return X86_MODRM_REG(insn->modrm.value) == 4;
	default:
		return false;
	}
}

/*
 * If the slot and the operand are each within 1 GiB of the probe, the operand is within
 * 2 GiB of the slot, so its displacement fits.
 */
#define RIPREL_REACH	SZ_1G

static bool riprel_reaches(const struct insn *insn)
{
	return insn->displacement.value > -RIPREL_REACH &&
	       insn->displacement.value < RIPREL_REACH;
}

/*
 * In a slot that several probes share, a register replaces RIP. The kernel restores the
 * register, so it must see the exit. A jump's slot has one probe, so it keeps RIP with a
 * new displacement. An indirect jump does so, too; it never reaches the jump behind it.
 */
static void choose_exits(struct insn *insn, bool riprel, struct uprobe_slot_key *key)
{
	bool straight = is_straight(insn);

	if (!straight && !leaves_by_itself(insn))
		return;
	if (straight)
		key->exit[UPROBE_EXIT_TRAP] = UPROBE_EXIT_TRAP;
	if (!riprel)
		key->exit[UPROBE_EXIT_JUMP] = straight ? UPROBE_EXIT_JUMP : UPROBE_EXIT_NONE;
	else if (riprel_reaches(insn))
		key->exit[UPROBE_EXIT_JUMP] = UPROBE_EXIT_JUMP;
	else
		key->exit[UPROBE_EXIT_JUMP] = key->exit[UPROBE_EXIT_TRAP];
	key->near = riprel;
}

/*
 * The code segment of a mode. A task in any other one, of the LDT or of Xen's, does not
 * share.
 */
static u16 usual_cs(enum insn_mode mode)
{
#ifdef CONFIG_IA32_EMULATION
	if (mode == INSN_MODE_32)
		return __USER32_CS;
#endif
	return __USER_CS;
}

/*
 * Only default_xol_ops share. The others come here after a failed emulation, and use
 * other members of the union that fixups and cs are in.
 *
 * ops, fixups and ilen are part of the key: the pre and post functions go by
 * them, and riprel_analyze() turns "mov %eax,disp32(%rip)" into the very bytes
 * of "mov %eax,disp32(%rsi)". So is the mode, for which length and exits hold.
 */
unsigned int arch_uprobe_slot_key(const struct arch_uprobe *auprobe,
				  struct mm_struct *mm,
				  struct uprobe_slot_key *key)
{
	enum insn_mode mode = is_64bit_mm(mm) ? INSN_MODE_64 : INSN_MODE_32;
	struct insn insn;

	if (auprobe->ops != &default_xol_ops ||
	    insn_decode(&insn, auprobe->ixol, MAX_UINSN_BYTES, mode) < 0 ||
	    !uprobe_length_certain(&insn) || uprobe_traps_late(&insn))
		return 0;

	memcpy(key->arch.ixol, auprobe->ixol, auprobe->defparam.ilen);
	key->arch.ops = auprobe->ops;
	key->arch.defparam.ilen = auprobe->defparam.ilen;
	key->arch.defparam.fixups = auprobe->defparam.fixups & ~UPROBE_EMULATE_MASK;
	key->arch.defparam.cs = usual_cs(mode);
	choose_exits(&insn, auprobe->defparam.fixups & UPROBE_FIX_RIP_MASK, key);

	return auprobe->defparam.ilen;
}

/* A 32-bit program has no operand relative to ip, and its jumps reach everywhere. */
unsigned long arch_uprobe_slot_reach(void)
{
	if (!IS_ENABLED(CONFIG_X86_64) || test_thread_flag(TIF_ADDR32))
		return 0;
	return RIPREL_REACH - UPROBE_AREA_BYTES;
}

/*
 * Undo what riprel_analyze() did, which put a register in place of ip, and give the
 * operand another displacement: that from the slot, which is @distance behind the
 * probe. Prefix bits that it has changed are of no meaning to such an operand.
 */
static void riprel_move(u8 *code, long distance)
{
	struct insn insn;
	s32 *disp;

	if (WARN_ON_ONCE(insn_decode(&insn, code, MAX_UINSN_BYTES, INSN_MODE_64) < 0)) {
		*code = UPROBE_SWBP_INSN;
		return;
	}
	code[insn_offset_modrm(&insn)] = (insn.modrm.bytes[0] & 0x38) | 0x05;
	disp = (s32 *)&code[insn_offset_displacement(&insn)];
	put_unaligned(get_unaligned(disp) - (s32)distance, disp);
}

/* jmp rel32 where that reaches, which is everywhere in a 32-bit program. */
void arch_uprobe_slot_jump(const struct arch_uprobe *auprobe, void *code,
			   unsigned int len, unsigned long from, unsigned long to)
{
	long offset = to - (from + len + 5);
	u8 *jump = code + len;

	if (auprobe->defparam.fixups & UPROBE_FIX_RIP_MASK)
		riprel_move(code, from + len - to);
	if (!is_64bit_mm(current->mm) || offset == (s32)offset) {
		jump[0] = 0xe9;
		put_unaligned((s32)offset, (s32 *)&jump[1]);
	} else {
		/* jmp *0(%rip) */
		jump[0] = 0xff;
		jump[1] = 0x25;
		put_unaligned(0, (s32 *)&jump[2]);
		put_unaligned(to, (unsigned long *)&jump[6]);
	}
}

/* The jump was written for the program's usual mode. */
bool arch_uprobe_must_step(struct pt_regs *regs)
{
	return regs->flags & X86_EFLAGS_TF ||
	       user_64bit_mode(regs) != is_64bit_mm(current->mm);
}

int arch_uprobe_pre_trap(struct arch_uprobe *auprobe, struct pt_regs *regs)
{
	struct uprobe_task *utask = current->utask;

	default_pre_xol_op(auprobe, regs);
	regs->ip = utask->xol_vaddr;
	utask->autask.saved_trap_nr = current->thread.trap_nr;
	current->thread.trap_nr = UPROBE_TRAP_NR;
	utask->autask.saved_tf = false;

	return 0;
}
