// SPDX-License-Identifier: GPL-2.0-or-later
#include "kernel.h"
#include <asm/insn.h>
#include "uprobe_slots_internal.h"
#include "uprobes.h"
#include "decide.h"

int arch_uprobe_analyze_insn(struct arch_uprobe *auprobe, struct mm_struct *mm,
			     unsigned long addr);
unsigned int arch_uprobe_slot_key(const struct arch_uprobe *auprobe,
				  struct mm_struct *mm,
				  struct uprobe_slot_key *key);

static struct mm_struct mm;
static struct task_struct task = { .mm = &mm };
struct task_struct *current = &task;
bool uprobe_emulate_key;

/* Code that runs at a hit calls these; here nothing is hit. See tests/coverage/ways.c. */
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

static enum way way_of(struct arch_uprobe *auprobe, struct uprobe_slot_key *key)
{
	if (arch_uprobe_analyze_insn(auprobe, &mm, PAGE_SIZE))
		return REFUSED;
	if (arch_uprobe_slot_key(auprobe, &mm, key))
		return SHARED;
	return auprobe->ops == &default_xol_ops ? TRANSIENT : EMULATED;
}

struct decision decide(unsigned int bits, const unsigned char *code)
{
	struct uprobe_slot_key key = { };
	struct arch_uprobe auprobe = { };
	struct decision d = { };
	struct insn insn;

	mm.is_64bit = bits == 64;
	if (insn_decode(&insn, code, CODE_BYTES, bits == 64 ? INSN_MODE_64 : INSN_MODE_32))
		return d;
	d.length = insn.length;
	d.has_modrm = insn.modrm.nbytes;
	memcpy(auprobe.insn, code, CODE_BYTES);
	d.way = way_of(&auprobe, &key);
	memcpy(d.copy, code, CODE_BYTES);
	if (d.way == SHARED)
		memcpy(d.copy, key.arch.ixol, d.length);
	return d;
}
