/* SPDX-License-Identifier: GPL-2.0 */
/*
 * many.S - more distinct instructions than there are slots
 *
 * us_many: US_MANY functions of US_MANY_SIZE bytes; function i begins with a
 * "load i" of its own and returns i, so that a slot which holds the wrong
 * instruction gives a wrong value. us_same: as many functions whose probed
 * instruction is the same in all of them.
 */
	.text
	.p2align 12
	.globl	us_many, us_same
us_many:
	.set	i, 0
	.rept	1024
	.p2align 4
#ifdef __x86_64__
	mov	$i, %eax
	ret
#else
	mov	w0, #i
	ret
#endif
	.set	i, i + 1
	.endr

/* Probed at +0: one and the same instruction (not emulated) 1024 times. */
	.p2align 4
us_same:
	.set	i, 0
	.rept	1024
	.p2align 4
#ifdef __x86_64__
	lea	7(%rdi), %eax
	ret
#else
	add	w0, w0, #7
	ret
#endif
	.set	i, i + 1
	.endr
	.p2align 12
	.section .note.GNU-stack, "", %progbits
