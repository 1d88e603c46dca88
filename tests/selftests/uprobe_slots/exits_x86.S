/* SPDX-License-Identifier: GPL-2.0 */
/*
 * exits_x86.S - instructions that leave their slots in each of the ways
 *
 * See struct target. Label 5 of each is the probed instruction, 6 is where
 * execution goes on behind it (0: the caller).
 */
#include "exits.h"

	.macro	TARGET name
	.text
	.p2align 4
ux_\name:
	.endm

	.macro	DONE name, next=0, trap=EXIT_STEP, jump=EXIT_STEP, emulate=0, counts=0
	.pushsection .rodata, "a"
8:	.asciz	"\name"
	.popsection
	.pushsection ux_table, "aw"
	.quad	8b, ux_\name, 5b, \next
	.long	\trap, \jump, \emulate, \counts
	.popsection
	.endm

	.pushsection ux_table, "aw"
	.globl	ux_targets, ux_targets_end
	.p2align 3
ux_targets:
	.popsection

	TARGET	lea
5:	lea	7(%rdi), %rax
6:	ret
	DONE	lea, 6b, EXIT_TRAP, EXIT_JUMP

	TARGET	cmp
	lea	7(%rdi), %rax
5:	cmpl	$UX_WORD, (%rsi)
6:	je	1f
	xor	%eax, %eax
1:	ret
	DONE	cmp, 6b, EXIT_TRAP, EXIT_JUMP

	TARGET	mov
5:	mov	(%rsi), %eax
6:	lea	7 - UX_WORD(%rdi, %rax), %rax
	ret
	DONE	mov, 6b, EXIT_TRAP, EXIT_JUMP

	/* Executed twice or not at all, it tells. */
	TARGET	inc
	lea	7(%rdi), %rax
5:	incl	4(%rsi)
6:	ret
	DONE	inc, 6b, EXIT_TRAP, EXIT_JUMP, 0, 1

	TARGET	rip
5:	mov	ux_page(%rip), %eax
6:	lea	7 - UX_WORD(%rdi, %rax), %rax
	ret
	DONE	rip, 6b, EXIT_TRAP, EXIT_JUMP

	/* An immediate behind the operand. */
	TARGET	cmp_rip
	lea	7(%rdi), %rax
5:	cmpl	$UX_WORD, ux_page(%rip)
6:	je	1f
	xor	%eax, %eax
1:	ret
	DONE	cmp_rip, 6b, EXIT_TRAP, EXIT_JUMP

	/* The kernel's scratch register is the one that it loads. */
	TARGET	rsi_rip
5:	mov	ux_page(%rip), %rsi
6:	lea	7 - UX_WORD(%rdi, %rsi), %rax
	ret
	DONE	rsi_rip, 6b, EXIT_TRAP, EXIT_JUMP

	TARGET	jmp_rip
5:	jmp	*ux_jmp_rip_to(%rip)
	ud2
6:	lea	7(%rdi), %rax
	ret
	.pushsection .data
	.p2align 3
ux_jmp_rip_to:
	.quad	6b
	.popsection
	DONE	jmp_rip, 6b, EXIT_STEP, EXIT_JUMP

	TARGET	lea_rip
5:	lea	ux_page(%rip), %r9
6:	mov	(%r9), %eax
	lea	7 - UX_WORD(%rdi, %rax), %rax
	ret
	DONE	lea_rip, 6b, EXIT_TRAP, EXIT_JUMP, 1

	/* 32 bits, and 0 above them */
	TARGET	lea_eip
	lea	ux_page(%rip), %rax
	mov	%eax, %eax
	mov	$-1, %rdx
5:	lea	ux_page(%rip), %edx
6:	sub	%rdx, %rax
	lea	7(%rdi, %rax), %rax
	ret
	DONE	lea_eip, 6b, EXIT_TRAP, EXIT_JUMP, 1

	TARGET	pop
	push	%rdi
5:	pop	%rax
6:	add	$7, %rax
	ret
	DONE	pop, 6b, EXIT_TRAP, EXIT_JUMP

	TARGET	sub
	lea	7(%rdi), %rax
5:	sub	$0x88, %rsp
6:	mov	%rax, (%rsp)
	mov	(%rsp), %rax
	add	$0x88, %rsp
	ret
	DONE	sub, 6b, EXIT_TRAP, EXIT_JUMP

	TARGET	sse
	movq	%rdi, %xmm0
	mov	$7, %eax
	movq	%rax, %xmm1
5:	paddq	%xmm1, %xmm0
6:	movq	%xmm0, %rax
	ret
	DONE	sse, 6b, EXIT_TRAP, EXIT_JUMP

	TARGET	ret
	lea	7(%rdi), %rax
5:	ret
	DONE	ret, 0, EXIT_STEP, EXIT_NONE, 1

	TARGET	retn
	push	%rdi
	push	%rdi
	call	1f
6:	ret
1:	lea	7(%rdi), %rax
5:	ret	$16
	DONE	retn, 6b, EXIT_STEP, EXIT_NONE, 1

	TARGET	jmp
	lea	6f(%rip), %rax
5:	jmp	*%rax
	ud2
6:	lea	7(%rdi), %rax
	ret
	DONE	jmp, 6b, EXIT_STEP, EXIT_NONE

	TARGET	endbr
5:	endbr64
6:	lea	7(%rdi), %rax
	ret
	DONE	endbr, 6b, EXIT_TRAP, EXIT_JUMP, 1

	/* What keeps the step: a repeated instruction, a flags push, a call. */
	TARGET	rep
	lea	7(%rdi), %rax
	mov	%rsi, %rdi
	xor	%ecx, %ecx
5:	rep stosb
6:	ret
	DONE	rep, 6b

	TARGET	pushf
	lea	7(%rdi), %rax
5:	pushf
6:	pop	%rcx
	ret
	DONE	pushf, 6b

	TARGET	call
	lea	6f(%rip), %rax
5:	call	*%rax
	ret
6:	lea	7(%rdi), %rax
	ret
	DONE	call, 6b

	.pushsection ux_table, "aw"
ux_targets_end:
	.popsection

/* ---- what faults ---------------------------------------------------------- */

	.globl	ux_load, ux_load_insn, ux_load_rip, ux_load_rip_insn
	.globl	ux_store, ux_store_insn, ux_div, ux_div_insn
	.globl	ux_ret_to, ux_ret_to_insn, ux_ret_to_back, ux_ret_on
	.globl	ux_ret_on_insn, ux_stop, ux_page
	.globl	ux_syscall_behind, ux_syscall_behind_insn
	.globl	ux_rseq, ux_rseq_insn, ux_rseq_abort

	.text
	.p2align 4
ux_load:			/* int f(const int *p) */
ux_load_insn:
	mov	(%rdi), %eax
	ret

	.p2align 4
ux_load_rip:			/* int f(void) */
ux_load_rip_insn:
	mov	ux_page(%rip), %eax
	ret

	.p2align 4
ux_store:			/* int f(int *p) */
	mov	$UX_WORD, %eax
ux_store_insn:
	mov	%eax, (%rdi)
	ret

	.p2align 4
ux_div:				/* int f(int a, int b): b is 6 for the handler */
	mov	%edi, %eax
	cltd
ux_div_insn:
	idiv	%esi
	ret

	.p2align 4
ux_ret_to:			/* int f(void *p): goes to p; the handler goes back */
	push	%rdi
	mov	$UX_WORD, %eax
ux_ret_to_insn:
	ret
ux_ret_to_back:
	ret

	.p2align 4
ux_ret_on:			/* int f(void *sp): on another stack */
	push	%rbp
	mov	%rsp, %rbp
	lea	1f(%rip), %rdx
	mov	$UX_WORD, %eax
	mov	%rdi, %rsp
ux_ret_on_insn:
	ret
1:	mov	%rbp, %rsp
	pop	%rbp
	ret

	/* long f(nr, a0, a1, a2): a probe, then the call; the stack is vfork's */
	.p2align 4
ux_syscall_behind:
	mov	%rdi, %rax
	mov	%rsi, %rdi
	mov	%rdx, %rsi
	mov	%rcx, %rdx
	xor	%r10d, %r10d
	pop	%r8
ux_syscall_behind_insn:
	lea	0(%r8), %r9
	syscall
	push	%r9
	ret

/*
 * long f(struct rseq *rs, long *n): in a critical section, n goes up by one, and
 * it returns 1; or the section is aborted, and it returns 0.
 */
	.p2align 4
ux_rseq:
	lea	ux_rseq_cs(%rip), %rax
	mov	%rax, 8(%rdi)
1:	mov	(%rsi), %rax
ux_rseq_insn:
	lea	1(%rax), %rax
	mov	%rax, (%rsi)
2:	mov	$1, %eax
	ret
	.byte	0x0f, 0xb9, 0x3d		/* ud1, and the signature */
	.long	0x53053053
ux_rseq_abort:
	xor	%eax, %eax
	ret

	.pushsection .data
	.p2align 5
ux_rseq_cs:
	.long	0, 0
	.quad	1b, 2b - 1b, ux_rseq_abort
	.popsection

ux_stop:
	int3

/* A page that nothing else lies on. */
	.data
	.p2align 12
ux_page:
	.long	UX_WORD
	.fill	4092, 1, 0
	.p2align 12

	.section .note.GNU-stack, "", %progbits
