/* SPDX-License-Identifier: GPL-2.0 */
/* limits_os_x86.S - probed functions that run into limits; see limits_os.h */
#include "handlers.h"

	.globl	lo_ret, lo_ret_insn, lo_ret_back
	.globl	lo_retn, lo_retn_insn, lo_retn_back
	.globl	lo_lea, lo_lea_insn, lo_endbr, lo_endbr_insn
	.globl	lo_push, lo_push_insn, lo_call, lo_call_insn
	.globl	lo_rdtsc, lo_rdtsc_insn, lo_rdtscp, lo_rdtscp_insn
	.globl	lo_aligned, lo_aligned_insn

	/* To another stack, and back behind the probed instruction. */
	.macro	ENTER
	push	%rbp
	mov	%rsp, %rbp
	mov	$HT_WORD, %eax
	mov	%rdi, %rsp
	.endm

	.macro	LEAVE
	mov	%rbp, %rsp
	pop	%rbp
	ret
	.endm

	.text
	.p2align 4
lo_ret:
	ENTER
lo_ret_insn:
	ret
	ud2
lo_ret_back:
	LEAVE

	.p2align 4
lo_retn:
	ENTER
lo_retn_insn:
	ret	$8
	ud2
lo_retn_back:
	LEAVE

	.p2align 4
lo_lea:
	ENTER
lo_lea_insn:
	lea	ht_page(%rip), %rdx
	mov	(%rdx), %eax
	LEAVE

	.p2align 4
lo_endbr:
	ENTER
lo_endbr_insn:
	endbr64
	LEAVE

	.p2align 4
lo_push:
	ENTER
lo_push_insn:
	push	%rax
	LEAVE

	.p2align 4
lo_call:
	ENTER
lo_call_insn:
	call	1f
	ud2
1:	LEAVE

	.p2align 4
lo_rdtsc:
lo_rdtsc_insn:
	rdtsc
	ret

	.p2align 4
lo_rdtscp:
lo_rdtscp_insn:
	rdtscp
	ret

	.p2align 4
lo_aligned:
	pushf
	orl	$0x40000, (%rsp)
	popf
lo_aligned_insn:
	mov	(%rdi), %eax
	pushf
	andl	$~0x40000, (%rsp)
	popf
	ret

	.section .note.GNU-stack, "", %progbits
