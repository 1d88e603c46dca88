/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What target.c and trig.c tell the plugins, meter.c and clock.c: instructions
 * that do nothing, with a number in them that no other program has.
 */
#ifndef BENCH_MARKS_H
#define BENCH_MARKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum mark {
	MARK_START = 1,		/* measure from here */
	MARK_HIT,		/* a thread is about to hit a probe */
	MARK_STOP,		/* measure no more */
	MARK_REPORT,		/* all threads are done: write the figures */
	MARK_FORGET,		/* whatever was measured is not wanted */
	MARK_LAST = MARK_FORGET,
};

/* x86-64: an 8-byte NOP, nopl disp32(%rax,%rax,1). */
#define MARK_X86	0x5eed5100
/* arm64: movz xzr, #imm16. */
#define MARK_ARM64	0x5e00
#define MARK_ARM64_INSN(n)	(0xd280001fU | (MARK_ARM64 + (n)) << 5)

#if defined(__x86_64__)
#define mark(n) asm volatile(".byte 0x0f, 0x1f, 0x84, 0x00; .long %c0" \
			     : : "i" (MARK_X86 + (n)) : "memory")
#else
#define mark(n) asm volatile("movz xzr, #%c0" \
			     : : "i" (MARK_ARM64 + (n)) : "memory")
#endif

static inline unsigned int mark_of_x86(const uint8_t *insn, size_t size)
{
	static const uint8_t nopl[] = { 0x0f, 0x1f, 0x84, 0x00 };
	uint32_t disp;

	if (size != 8 || memcmp(insn, nopl, sizeof(nopl)))
		return 0;
	memcpy(&disp, insn + sizeof(nopl), sizeof(disp));
	return disp - MARK_X86 <= MARK_LAST ? disp - MARK_X86 : 0;
}

static inline unsigned int mark_of_arm64(uint32_t insn)
{
	unsigned int n;

	for (n = MARK_START; n <= MARK_LAST; n++) {
		if (insn == MARK_ARM64_INSN(n))
			return n;
	}
	return 0;
}

/* The mark that an instruction is, or 0. */
static inline unsigned int mark_of(bool arm64, const void *insn, size_t size)
{
	uint32_t word;

	if (!arm64)
		return mark_of_x86(insn, size);
	memcpy(&word, insn, sizeof(word));
	return mark_of_arm64(word);
}

#endif /* BENCH_MARKS_H */
