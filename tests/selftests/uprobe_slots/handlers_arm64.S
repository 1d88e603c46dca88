/* SPDX-License-Identifier: GPL-2.0 */
/*
 * handlers_arm64.S - what BPF programs are put on
 *
 * See struct ht_target. Label 5 of each is the probed instruction, 6 is where
 * execution goes on.
 */
#include "handlers.h"

	.macro	TARGET name
	.text
	.p2align 4
hf_\name:
	.endm

	.macro	DONE name, counts=0, first=1
	.pushsection .rodata, "a"
8:	.asciz	"\name"
	.popsection
	.pushsection ht_table, "aw"
	.quad	8b, hf_\name, 5b, 6b
	.long	\counts, \first
	.popsection
	.endm

	.pushsection ht_table, "aw"
	.globl	ht_targets, ht_targets_end
	.p2align 3
ht_targets:
	.popsection

	TARGET	mov
5:	mov	x2, x0
6:	add	x0, x2, #7
	ret
	DONE	mov

	TARGET	add
5:	add	x0, x0, #7
6:	ret
	DONE	add

	TARGET	nop
5:	nop
6:	add	x0, x0, #7
	ret
	DONE	nop

	TARGET	load
	mov	w3, #HT_WORD
5:	ldr	w2, [x1]
6:	sub	w2, w2, w3
	add	x0, x0, #7
	add	x0, x0, w2, sxtw
	ret
	DONE	load

	/*
	 * The kernel simulates an address and a branch, as on stock; that it refuses a
	 * load of a literal is stock's, too.
	 */
	TARGET	address
	mov	w3, #HT_WORD
5:	adr	x2, 1f
6:	ldr	w2, [x2]
	sub	w2, w2, w3
	add	x0, x0, #7
	add	x0, x0, w2, sxtw
	ret
1:	.long	HT_WORD
	DONE	address

	/* Executed twice or not at all, it tells. */
	TARGET	inc
	ldr	w2, [x1, #4]
	add	x1, x1, #4
	add	w2, w2, #1
5:	str	w2, [x1], #4
6:	add	x0, x0, #7
	ret
	DONE	inc, 1

	TARGET	cmp
	mov	w3, #HT_WORD
	ldr	w2, [x1]
	add	x0, x0, #7
5:	cmp	w2, w3
6:	csel	x0, x0, xzr, eq
	ret
	DONE	cmp

	TARGET	branch
5:	b	6f
	brk	#0
6:	add	x0, x0, #7
	ret
	DONE	branch

	.pushsection ht_table, "aw"
ht_targets_end:
	.popsection

	.globl	ht_landing
	.text
	.p2align 4
ht_landing:
	mov	x0, #HT_LANDED
	ret

/* ---- what faults ---------------------------------------------------------- */

	.globl	ht_load, ht_load_insn, ht_store, ht_store_insn, ht_ud, ht_ud_insn
	.globl	ht_load_rip, ht_load_rip_insn, ht_page

	.p2align 4
ht_load:			/* int f(const int *p) */
ht_load_insn:
	ldr	w0, [x0]
	ret

	.p2align 4
ht_load_rip:			/* int f(void) */
	adrp	x0, ht_page
ht_load_rip_insn:
	ldr	w0, [x0]
	ret

	.p2align 4
ht_store:			/* int f(int *p) */
	mov	x1, x0
	mov	w0, #HT_WORD
ht_store_insn:
	str	w0, [x1]
	ret

	/* int f(void): undefined at EL0; what it reads, EL1 may read */
	.p2align 4
ht_ud:
	mov	w0, #HT_WORD
ht_ud_insn:
	udf	#17
	ret

/* A page that nothing else lies on. */
	.data
	.p2align 12
ht_page:
	.long	HT_WORD
	.fill	4092, 1, 0
	.p2align 12

	.section .note.GNU-stack, "", %progbits
