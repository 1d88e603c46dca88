/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What is probed, each at its first instruction: see probed.h. */
#include "probed.h"

#define PROBED(name)	.globl probed_##name; probed_##name:

	.text
PROBED(nop)
	nop
PROBED(ret)
	ret
#ifdef __x86_64__
PROBED(push)
	push	%rbp
	pop	%rbp
	ret
PROBED(sub)
	sub	$24, %rsp
	add	$24, %rsp
	ret
PROBED(endbr64)
	endbr64
	ret
PROBED(cmp)
	cmp	16(%rsp), %rsp
	ret
PROBED(mov)
	mov	8(%rsp), %rax
	ret
PROBED(lea)
	lea	8(%rsp), %rax
	ret
#else
PROBED(push)
	str	x29, [sp, #-16]!
	ldr	x29, [sp], #16
	ret
PROBED(stp)
	stp	x29, x30, [sp, #-16]!
	ldp	x29, x30, [sp], #16
	ret
PROBED(sub)
	sub	sp, sp, #32
	add	sp, sp, #32
	ret
#endif

	.set	i, 0
	.rept	MAX_FUNCTIONS
1:
#ifdef __x86_64__
	mov	$i, %eax
#else
	mov	w0, #i
#endif
	ret
	.pushsection .rodata.probed_many, "a"
	.if	i == 0
	.balign	8
	.globl	probed_many
probed_many:
	.endif
	.quad	1b
	.popsection
	.set	i, i + 1
	.endr

	.section .note.GNU-stack, "", %progbits
