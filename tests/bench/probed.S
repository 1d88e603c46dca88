/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What target.c probes: each at its first instruction. */
#include "probed.h"

	.text
	.globl	probed_nop, probed_ret, probed_many
probed_nop:
	nop
probed_ret:
	ret

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
probed_many:
	.endif
	.quad	1b
	.popsection
	.set	i, i + 1
	.endr

	.section .note.GNU-stack, "", %progbits
