/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What target.c tells meter.c: instructions that do nothing, with a number in
 * them that no other program has.
 */
#ifndef BENCH_MARKS_H
#define BENCH_MARKS_H

enum mark {
	MARK_START = 1,		/* all threads run: measure from here */
	MARK_HIT,		/* a thread is about to hit a probe */
	MARK_STOP,		/* the first thread is done: measure no more */
	MARK_REPORT,		/* all threads are done: write the figures */
	MARK_LAST = MARK_REPORT,
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

#endif /* BENCH_MARKS_H */
