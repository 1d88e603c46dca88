/* SPDX-License-Identifier: GPL-2.0 */
/*
 * prog32_insns.S - 32-bit instructions, none of them emulated
 *
 * Label probe_NAME is the probed instruction: content32 finds it by symbol. On
 * entry: edi = data, esi = data + 32, ecx = 3, the others known constants. The
 * shim is not reentrant for one context; %gs is of no use here, so it keeps the
 * context in memory that %ebp points at: snippets leave %ebp alone.
 */
#include "prog32.h"

	.code32
	.macro	SNIP name
	.text
	.p2align 4
snip_\name:
	.endm

	.macro	DONE name
	.globl	probe_\name
	.pushsection snips, "aw"
	.long	snip_\name, probe_\name
	.popsection
	.endm

	SNIP	mov_imm
probe_mov_imm:	mov	$0x12345678, %eax
	ret
	DONE	mov_imm

	SNIP	inc				/* a REX prefix in 64-bit mode */
probe_inc:	inc	%edx
	ret
	DONE	inc

	SNIP	dec
probe_dec:	dec	%eax
	ret
	DONE	dec

	SNIP	add
probe_add:	add	%eax, %edx
	ret
	DONE	add

	SNIP	adc
	stc
probe_adc:	adc	%eax, %edx
	ret
	DONE	adc

	SNIP	cmp
probe_cmp:	cmp	%eax, %edx
	ret
	DONE	cmp

	SNIP	imul
probe_imul:	imul	$17, %edx, %eax
	jc	1f
1:	mov	$0, %edx
	ret
	DONE	imul

	SNIP	setcc
	stc
probe_setcc:	setc	%al
	ret
	DONE	setcc

	SNIP	cmov
	cmp	%eax, %eax
probe_cmov:	cmove	%edx, %ebx
	ret
	DONE	cmov

	SNIP	mov_abs			/* 89 05: absolute here, no RIP */
	mov	%eax, %edx
probe_mov_abs:	mov	%edx, abs_word
	mov	abs_word, %ebx
	ret
	DONE	mov_abs

	SNIP	load
probe_load:	mov	4(%esi,%ecx,4), %ebx
	ret
	DONE	load

	SNIP	store
probe_store:	mov	%edx, 8(%edi)
	ret
	DONE	store

	SNIP	push_mem
probe_push_mem:	push	(%esi)
	pop	%edx
	ret
	DONE	push_mem

	SNIP	pop
	push	%eax
probe_pop:	pop	%ebx
	ret
	DONE	pop

	SNIP	pusha
	mov	%esp, %edx
probe_pusha:	pusha
	pop	%eax
	mov	%edx, %esp
	ret
	DONE	pusha

	SNIP	sub_esp
	mov	%esp, %edx
probe_sub_esp:	sub	$24, %esp
	mov	%esp, %ebx
	mov	%edx, %esp
	ret
	DONE	sub_esp

	SNIP	call_reg
	mov	$call_target, %eax
probe_call_reg:	call	*%eax
	ret
	DONE	call_reg

	SNIP	jmp_reg
	mov	$1f, %eax
probe_jmp_reg:	jmp	*%eax
	ud2
1:	mov	$7, %ebx
	ret
	DONE	jmp_reg

	SNIP	ret
	call	1f
	mov	%esp, %ebx
	ret
1:
probe_ret:	ret
	DONE	ret

	SNIP	lodsb
probe_lodsb:	lodsb
	ret
	DONE	lodsb

	SNIP	movsl
probe_movsl:	movsl
	ret
	DONE	movsl

	SNIP	xchg
probe_xchg:	xchg	%edx, 4(%edi)
	ret
	DONE	xchg

	SNIP	daa				/* no such thing in 64-bit mode */
	clc
probe_daa:	daa
	mov	$0, %edx
	add	$0, %edx
	ret
	DONE	daa

	.text
	.p2align 4
call_target:
	mov	(%esp), %ebx
	ret

	.data
	.p2align 2
abs_word: .long 0

/* void shim(void (*fn)(void), struct ctx32 *ctx) */
	.text
	.p2align 4
	.globl	shim
shim:
	push	%ebx
	push	%ebp
	push	%esi
	push	%edi
	mov	20(%esp), %eax
	mov	24(%esp), %ebp
	mov	%esp, C32_SAVED_SP(%ebp)
	lea	C32_SIZE-64(%ebp), %esp
	push	%eax
	mov	C32_IN+0(%ebp), %eax
	mov	C32_IN+4(%ebp), %ecx
	mov	C32_IN+8(%ebp), %edx
	mov	C32_IN+12(%ebp), %ebx
	mov	C32_IN+24(%ebp), %esi
	mov	C32_IN+28(%ebp), %edi
	call	*(%esp)
	mov	%eax, C32_OUT+0(%ebp)
	mov	%ecx, C32_OUT+4(%ebp)
	mov	%edx, C32_OUT+8(%ebp)
	mov	%ebx, C32_OUT+12(%ebp)
	mov	%esi, C32_OUT+24(%ebp)
	mov	%edi, C32_OUT+28(%ebp)
	mov	%esp, C32_OUT_SP(%ebp)
	mov	C32_SAVED_SP(%ebp), %esp
	pushf
	pop	C32_OUT_FLAGS(%ebp)
	pop	%edi
	pop	%esi
	pop	%ebp
	pop	%ebx
	ret

/* int sys(nr, a, b, c) */
	.globl	sys
sys:
	push	%ebx
	mov	8(%esp), %eax
	mov	12(%esp), %ebx
	mov	16(%esp), %ecx
	mov	20(%esp), %edx
	int	$0x80
	pop	%ebx
	ret

/* int spawn(flags, stack, fn): the child calls fn(), which does not return */
	.globl	spawn
spawn:
	push	%ebx
	push	%esi
	push	%edi
	mov	$120, %eax			/* clone */
	mov	16(%esp), %ebx
	mov	20(%esp), %ecx
	mov	24(%esp), %edi
	xor	%edx, %edx
	xor	%esi, %esi
	int	$0x80
	test	%eax, %eax
	jnz	1f
	call	*%edi
	ud2
1:	pop	%edi
	pop	%esi
	pop	%ebx
	ret

	.globl	_start
_start:
	mov	%esp, %eax
	and	$-16, %esp
	sub	$12, %esp
	push	%eax
	call	start
	ud2
	.section .note.GNU-stack, "", @progbits
