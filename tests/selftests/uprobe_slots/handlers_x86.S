/* SPDX-License-Identifier: GPL-2.0 */
/*
 * handlers_x86.S - what BPF programs are put on
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
5:	mov	%rdi, %rax
6:	add	$7, %rax
	ret
	DONE	mov

	TARGET	load
5:	mov	(%rsi), %eax
6:	lea	7 - HT_WORD(%rdi, %rax), %rax
	ret
	DONE	load

	TARGET	load_rip
5:	mov	ht_page(%rip), %eax
6:	lea	7 - HT_WORD(%rdi, %rax), %rax
	ret
	DONE	load_rip

	TARGET	lea_rip
5:	lea	ht_page(%rip), %r9
6:	mov	(%r9), %eax
	lea	7 - HT_WORD(%rdi, %rax), %rax
	ret
	DONE	lea_rip

	TARGET	add
	mov	%rdi, %rax
5:	add	$7, %rax
6:	ret
	DONE	add

	/* Executed twice or not at all, it tells. */
	TARGET	inc
5:	incl	4(%rsi)
6:	lea	7(%rdi), %rax
	ret
	DONE	inc, 1

	TARGET	cmp
5:	cmpl	$HT_WORD, (%rsi)
6:	mov	$0, %eax
	jne	1f
	lea	7(%rdi), %rax
1:	ret
	DONE	cmp

	TARGET	endbr
5:	endbr64
6:	lea	7(%rdi), %rax
	ret
	DONE	endbr

	TARGET	push
5:	push	%rdi
6:	pop	%rax
	add	$7, %rax
	ret
	DONE	push

	TARGET	pop
	push	%rdi
5:	pop	%rax
6:	add	$7, %rax
	ret
	DONE	pop, 0, 0

	TARGET	ret
	lea	7(%rdi), %rax
	call	1f
6:	ret
1:	nop
5:	ret
	DONE	ret, 0, 0

	TARGET	retn
	push	%rdi
	push	%rdi
	call	1f
6:	ret
1:	lea	7(%rdi), %rax
5:	ret	$16
	DONE	retn, 0, 0

	TARGET	jmp
	lea	6f(%rip), %rax
5:	jmp	*%rax
	ud2
6:	lea	7(%rdi), %rax
	ret
	DONE	jmp

	TARGET	call
	lea	6f(%rip), %rax
5:	call	*%rax
	ret
6:	lea	7(%rdi), %rax
	ret
	DONE	call

	/* A branch that the kernel emulates, as on stock. */
	TARGET	jcc
	cmp	%rdi, %rdi
5:	je	6f
	ud2
6:	lea	7(%rdi), %rax
	ret
	DONE	jcc

	TARGET	rep
	mov	%rdi, %rdx
	mov	%rsi, %rdi
	xor	%ecx, %ecx
5:	rep stosb
6:	lea	7(%rdx), %rax
	ret
	DONE	rep

	TARGET	pushf
5:	pushf
6:	pop	%rcx
	lea	7(%rdi), %rax
	ret
	DONE	pushf

	.pushsection ht_table, "aw"
ht_targets_end:
	.popsection

	.globl	ht_landing
	.text
	.p2align 4
ht_landing:
	mov	$HT_LANDED, %eax
	ret

/* ---- what faults ---------------------------------------------------------- */

	.globl	ht_load, ht_load_insn, ht_load_rip, ht_load_rip_insn
	.globl	ht_store, ht_store_insn, ht_div, ht_div_insn
	.globl	ht_ud, ht_ud_insn, ht_ud2, ht_ud2_insn, ht_page

	.p2align 4
ht_load:			/* int f(const int *p) */
ht_load_insn:
	mov	(%rdi), %eax
	ret

	.p2align 4
ht_load_rip:			/* int f(void) */
ht_load_rip_insn:
	mov	ht_page(%rip), %eax
	ret

	.p2align 4
ht_store:			/* int f(int *p) */
	mov	$HT_WORD, %eax
ht_store_insn:
	mov	%eax, (%rdi)
	ret

	.p2align 4
ht_div:				/* int f(int a, int b) */
	mov	%edi, %eax
	cltd
ht_div_insn:
	idiv	%esi
	ret

	/* Opcode extension 0 of this group is undefined: to any slot it is a bt. */
	.p2align 4
ht_ud:				/* int f(void): undefined, of 4 bytes */
	mov	$HT_WORD, %eax
ht_ud_insn:
	.byte	0x0f, 0xba, 0xc0, 0x05
	ret

	.p2align 4
ht_ud2:				/* int f(void): undefined, of 2 bytes */
	mov	$HT_WORD, %eax
ht_ud2_insn:
	ud2
	ret

/* ---- registers that a program changes --------------------------------------- */

	.globl	ht_si, ht_si_insn, ht_di, ht_di_insn, ht_bx, ht_bx_insn
	.globl	ht_pop, ht_pop_insn, ht_ret, ht_ret_insn, ht_add, ht_add_insn

/*
 * Where the kernel puts the instruction pointer for a copy of an operand relative
 * to it: rsi, else rdi, else rbx, whichever of them is no operand. Each of these
 * returns that register, if the load was right; else 0.
 */
	.p2align 4
ht_si:				/* long f(void) */
	mov	$1, %esi
ht_si_insn:
	mov	ht_page(%rip), %edx
	mov	%rsi, %rax
	jmp	1f

	.p2align 4
ht_di:				/* long f(void) */
	mov	$1, %edi
ht_di_insn:
	mov	ht_page(%rip), %esi
	mov	%esi, %edx
	mov	%rdi, %rax
	jmp	1f

	/* An AVX instruction has two registers beside the operand. */
	.p2align 4
ht_bx:				/* long f(void) */
	push	%rbx
	mov	$1, %ebx
	vpxor	%xmm7, %xmm7, %xmm7
ht_bx_insn:
	vpaddd	ht_page(%rip), %xmm7, %xmm6
	vmovd	%xmm6, %edx
	mov	%rbx, %rax
	pop	%rbx
1:	cmp	$HT_WORD, %edx
	je	2f
	xor	%eax, %eax
2:	ret

	/* long f(long a, long b): b; a if sp was 8 more at the pop */
	.p2align 4
ht_pop:
	mov	%rsp, %rdx
	push	%rdi
	push	%rsi
ht_pop_insn:
	pop	%rax
	mov	%rdx, %rsp
	ret

	/* long f(void): 1; 2 if sp was 8 more at the ret */
	.p2align 4
ht_ret:
	mov	%rsp, %rdx
	lea	2f(%rip), %rax
	push	%rax
	lea	1f(%rip), %rax
	push	%rax
	nop
ht_ret_insn:
	ret
1:	mov	$1, %eax
	jmp	3f
2:	mov	$2, %eax
3:	mov	%rdx, %rsp
	ret

	/* long f(long x): x + 7, of what rdi is then */
	.p2align 4
ht_add:
	mov	$7, %eax
ht_add_insn:
	add	%rdi, %rax
	ret

/* A page that nothing else lies on. */
	.data
	.p2align 12
ht_page:
	.long	HT_WORD
	.fill	4092, 1, 0
	.p2align 12

	.section .note.GNU-stack, "", %progbits
