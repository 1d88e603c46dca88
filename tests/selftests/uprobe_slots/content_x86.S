/* SPDX-License-Identifier: GPL-2.0 */
/*
 * content_x86.S - the table of x86-64 instructions
 *
 * Label 5 of each snippet is the probed instruction. None of them is emulated
 * by the kernel. On entry: rdi = data, rsi = data + 64, rbx = data + 128,
 * rbp = data + 256, rcx = 3, the others known constants.
 */
#include "content.h"

	.macro	SNIP name
	.text
	.p2align 4
snip_\name:
	.endm

	.macro	DONE name, kind=KIND_ONE, undefined=0
	.pushsection .rodata, "a"
6:	.asciz	"\name"
	.popsection
	.pushsection snips, "aw"
	.quad	6b, snip_\name, 5b, \undefined, \kind
	.popsection
	.endm

	.set	OF, 0x800
	.set	SF, 0x80
	.set	ZF, 0x40
	.set	AF, 0x10
	.set	PF, 0x04
	.set	CF, 0x01

/* ---- memory that RIP-relative instructions reach ------------------------- */

	.data
	.p2align 6
	.globl	us_globals, us_globals_end
us_globals:
rip_a:	.fill	16, 1, 0x5a
rip_b:	.fill	16, 1, 0x5a
rip_c:	.quad	0x0123456789abcdef, 0x1122334455667788
rip_v:	.fill	16, 1, 0x33
rip_w:	.fill	16, 1, 0x5a
us_globals_end:
	.data
	.p2align 3
rip_call:	.quad	call_target
rip_jmp:	.quad	jmp_mem_rip_target

/*
 * ---- RIP-relative, and what the kernel rewrites it into --------------------
 *
 * `mov %eax, disp(%rip)` is rewritten into the very bytes of
 * `mov %eax, disp(%rsi)`. Both are here, with one displacement, and with %rsi
 * such that the one's wrong place is the other's right place: a slot that is
 * shared by both without their fix-ups stores to memory that is compared.
 */

	SNIP	mov_rip_si
	.byte	0x48, 0x81, 0xee		/* sub $disp, %rsi */
	.long	rip_a - rip_a_next
5:	.byte	0x89, 0x05			/* mov %eax, disp(%rip) */
	.long	rip_a - rip_a_next
rip_a_next:
	ret
	DONE	mov_rip_si

	SNIP	mov_abs_si
	.byte	0x48, 0x81, 0xee
	.long	rip_a - rip_a_next
5:	.byte	0x89, 0x86			/* mov %eax, disp(%rsi) */
	.long	rip_a - rip_a_next
	ret
	DONE	mov_abs_si

	SNIP	mov_rip_di
	mov	%eax, %esi
	.byte	0x48, 0x81, 0xef		/* sub $disp, %rdi */
	.long	rip_b - rip_b_next
5:	.byte	0x89, 0x35			/* mov %esi, disp(%rip) */
	.long	rip_b - rip_b_next
rip_b_next:
	ret
	DONE	mov_rip_di

	SNIP	mov_abs_di
	mov	%eax, %esi
	.byte	0x48, 0x81, 0xef
	.long	rip_b - rip_b_next
5:	.byte	0x89, 0xb7			/* mov %esi, disp(%rdi) */
	.long	rip_b - rip_b_next
	ret
	DONE	mov_abs_di

	SNIP	load_rip
5:	mov	rip_c(%rip), %rax
	ret
	DONE	load_rip

	SNIP	load_rip_si
5:	mov	rip_c(%rip), %rsi
	ret
	DONE	load_rip_si

	SNIP	cmp_rip
5:	cmp	%eax, rip_c(%rip)
	ret
	DONE	cmp_rip

	SNIP	cmpb_rip_imm
5:	cmpb	$0xef, rip_c(%rip)
	ret
	DONE	cmpb_rip_imm

	SNIP	add_rip
5:	add	rip_c+8(%rip), %rdx
	ret
	DONE	add_rip

	SNIP	lea_rip
5:	lea	rip_c(%rip), %rax
	ret
	DONE	lea_rip

	SNIP	lea_rip_di
5:	lea	rip_c+4(%rip), %rdi
	ret
	DONE	lea_rip_di

	SNIP	push_rip
5:	pushq	rip_c(%rip)
	pop	%r10
	ret
	DONE	push_rip

	SNIP	movaps_rip_load
5:	movaps	rip_v(%rip), %xmm2
	ret
	DONE	movaps_rip_load

	SNIP	movaps_rip_store
5:	movaps	%xmm0, rip_w(%rip)
	ret
	DONE	movaps_rip_store

	SNIP	paddd_rip
5:	paddd	rip_v(%rip), %xmm1
	ret
	DONE	paddd_rip

	SNIP	call_rip
5:	call	*rip_call(%rip)
	ret
	DONE	call_rip

	SNIP	jmp_rip
5:	jmp	*rip_jmp(%rip)
	ud2
jmp_mem_rip_target:
	mov	$0x77, %r10d
	ret
	DONE	jmp_rip

/* ---- control flow --------------------------------------------------------- */

	.p2align 4
call_target:
	mov	(%rsp), %r10		/* the return address as pushed */
	mov	%rsp, %r11
	ret

	SNIP	call_reg
	lea	call_target(%rip), %rax
5:	call	*%rax
	mov	$0x41, %r8d
	ret
	DONE	call_reg

	SNIP	call_mem
	lea	call_target(%rip), %rax
	mov	%rax, (%rsi)
5:	call	*(%rsi)
	mov	$0x42, %r8d
	ret
	DONE	call_mem

	SNIP	call_mem_sp
	lea	call_target(%rip), %rax
	push	%rax
5:	call	*(%rsp)
	pop	%rax
	ret
	DONE	call_mem_sp

	SNIP	jmp_reg
	lea	1f(%rip), %rax
5:	jmp	*%rax
	ud2
1:	mov	$0x43, %r8d
	ret
	DONE	jmp_reg

	SNIP	jmp_mem
	lea	1f(%rip), %rax
	mov	%rax, 8(%rsi)
5:	jmp	*8(%rsi)
	ud2
1:	mov	$0x44, %r8d
	ret
	DONE	jmp_mem

	SNIP	ret
	call	1f
	mov	%rsp, %r10
	ret
1:	mov	%rsp, %r11
5:	ret
	DONE	ret

	SNIP	ret_last			/* back to the shim itself */
	mov	$0x45, %r8d
5:	ret
	DONE	ret_last

	SNIP	ret_imm
	mov	%rsp, %r9
	sub	$16, %rsp
	call	1f
	mov	%rsp, %r10
	mov	%r9, %rsp
	ret
1:
5:	ret	$16
	DONE	ret_imm

	SNIP	rep_ret
	call	1f
	mov	%rsp, %r10
	ret
1:
5:	rep
	ret
	DONE	rep_ret

	SNIP	loop_taken
5:	loop	1f
	mov	$1, %r8d
1:	mov	$2, %r9d
	ret
	DONE	loop_taken

	SNIP	loop_not_taken
	mov	$1, %ecx
5:	loop	1f
	mov	$1, %r8d
1:	mov	$2, %r9d
	ret
	DONE	loop_not_taken

	SNIP	jrcxz
	mov	$0, %ecx
5:	jrcxz	1f
	mov	$1, %r8d
1:	ret
	DONE	jrcxz

	SNIP	syscall_cmp		/* the next one runs from the slot too */
	mov	$186, %eax			/* gettid */
5:	syscall
	cmp	$-4095, %rax
	mov	$0, %ecx			/* the slot's address, on stock */
	mov	$0, %r11d			/* flags, with TF */
	ret
	DONE	syscall_cmp

	SNIP	endbr64
5:	endbr64
	ret
	DONE	endbr64

/* ---- stack ------------------------------------------------------------------ */

	SNIP	push_mem
5:	pushq	(%rsi)
	mov	%rsp, %r11
	pop	%r10
	ret
	DONE	push_mem

	SNIP	push_sp_mem
	push	%rax
5:	pushq	(%rsp)
	pop	%r10
	pop	%r11
	ret
	DONE	push_sp_mem

	SNIP	push_imm
5:	pushq	$0x12345678
	pop	%r10
	ret
	DONE	push_imm

	SNIP	pop_reg
	push	%rax
5:	pop	%rbx
	ret
	DONE	pop_reg

	SNIP	pop_mem
	push	%rax
5:	popq	24(%rdi)
	ret
	DONE	pop_mem

	SNIP	pop_rsp
	push	%rsp
5:	pop	%rsp
	ret
	DONE	pop_rsp

	SNIP	sub_rsp
	mov	%rsp, %r9
5:	sub	$32, %rsp
	mov	%rsp, %r10
	mov	%r9, %rsp
	ret
	DONE	sub_rsp, KIND_ONE, AF

	SNIP	add_rsp
	mov	%rsp, %r9
	lea	-1024(%rsp), %rsp
5:	add	$0x188, %rsp
	mov	%rsp, %r10
	mov	%r9, %rsp
	ret
	DONE	add_rsp

	SNIP	lea_rsp
	mov	%rsp, %r9
5:	lea	-0x48(%rsp), %rsp
	mov	%rsp, %r10
	mov	%r9, %rsp
	ret
	DONE	lea_rsp

	SNIP	and_rsp
	mov	%rsp, %r9
	sub	$24, %rsp
5:	and	$-64, %rsp
	mov	%rsp, %r10
	mov	%r9, %rsp
	ret
	DONE	and_rsp, KIND_ONE, AF

	SNIP	mov_rsp
5:	mov	%rsp, %rax
	ret
	DONE	mov_rsp

	SNIP	leave
	push	%rbp
	mov	%rsp, %rbp
	sub	$32, %rsp
5:	leave
	mov	%rsp, %r10
	ret
	DONE	leave

	SNIP	enter
	mov	%rbp, %r9
5:	enter	$32, $0
	mov	%rsp, %r10
	leave
	ret
	DONE	enter

	SNIP	popf
	pushq	$(OF | SF | ZF | AF | PF | CF | 2)
5:	popf
	ret
	DONE	popf

	SNIP	pushf			/* stock shows TF in it: masked */
5:	pushf
	andl	$0xcd7, (%rsp)
	pop	%r10
	ret
	DONE	pushf, KIND_ONE, AF

/* ---- strings ---------------------------------------------------------------- */

	SNIP	movsb
5:	movsb
	ret
	DONE	movsb

	SNIP	movsq
5:	movsq
	ret
	DONE	movsq

	SNIP	lodsb
5:	lodsb
	ret
	DONE	lodsb

	SNIP	stosq
5:	stosq
	ret
	DONE	stosq

	SNIP	cmpsb
5:	cmpsb
	ret
	DONE	cmpsb

	SNIP	scasb
5:	scasb
	ret
	DONE	scasb

	SNIP	rep_stosb
5:	rep	stosb
	ret
	DONE	rep_stosb, KIND_REP

	SNIP	rep_movsb
5:	rep	movsb
	ret
	DONE	rep_movsb, KIND_REP

	SNIP	xlat
	mov	$9, %al
5:	xlat
	ret
	DONE	xlat

	SNIP	std
5:	std
	ret
	DONE	std

/* ---- integer ---------------------------------------------------------------- */

	SNIP	lea
5:	lea	0x40(%rsi,%rcx,4), %rax
	ret
	DONE	lea

	SNIP	mov_reg
5:	mov	%rdx, %r8
	ret
	DONE	mov_reg

	SNIP	mov_imm64
5:	movabs	$0x8877665544332211, %rax
	ret
	DONE	mov_imm64

	SNIP	mov_store
5:	mov	%r8, 16(%rdi)
	ret
	DONE	mov_store

	SNIP	mov_load
5:	mov	8(%rsi,%rcx,8), %r9
	ret
	DONE	mov_load

	SNIP	movb_imm_store
5:	movb	$0xa5, 5(%rdi)
	ret
	DONE	movb_imm_store

	SNIP	movzx
5:	movzbl	%dl, %eax
	ret
	DONE	movzx

	SNIP	movsx_mem
5:	movsbq	3(%rsi), %rax
	ret
	DONE	movsx_mem

	SNIP	cmp
5:	cmp	%rax, %rdx
	ret
	DONE	cmp

	SNIP	test
5:	test	%rax, %rax
	ret
	DONE	test, KIND_ONE, AF

	SNIP	xor
5:	xor	%eax, %eax
	ret
	DONE	xor, KIND_ONE, AF

	SNIP	or_mem
5:	orl	$0x10101010, 4(%rsi)
	ret
	DONE	or_mem, KIND_ONE, AF

	SNIP	add_mem
5:	add	%rax, (%rsi)
	ret
	DONE	add_mem

	SNIP	adc_carry
	stc
5:	adc	%rax, %rdx
	ret
	DONE	adc_carry

	SNIP	adc_no_carry
	clc
5:	adc	%rcx, %rdx
	ret
	DONE	adc_no_carry

	SNIP	sbb
	stc
5:	sbb	%rax, %rdx
	ret
	DONE	sbb

	SNIP	neg_mem
5:	negq	8(%rsi)
	ret
	DONE	neg_mem

	SNIP	not
5:	not	%rdx
	ret
	DONE	not

	SNIP	inc_mem
5:	incb	(%rsi)
	ret
	DONE	inc_mem

	SNIP	imul
5:	imul	%rdx, %rax
	ret
	DONE	imul, KIND_ONE, (SF | ZF | AF | PF)

	SNIP	mul
5:	mul	%rdx
	ret
	DONE	mul, KIND_ONE, (SF | ZF | AF | PF)

	SNIP	div
	mov	$1, %edx
5:	div	%r8
	ret
	DONE	div, KIND_ONE, (OF | SF | ZF | AF | PF | CF)

	SNIP	idiv
	cqo
5:	idiv	%r9
	ret
	DONE	idiv, KIND_ONE, (OF | SF | ZF | AF | PF | CF)

	SNIP	cqo
5:	cqo
	ret
	DONE	cqo

	SNIP	cmov_taken
	cmp	%rax, %rax
5:	cmove	%rdx, %r8
	ret
	DONE	cmov_taken

	SNIP	cmov_not_taken
	cmp	%rax, %rax
5:	cmovne	%rdx, %r8
	ret
	DONE	cmov_not_taken

	SNIP	setcc
	stc
5:	setc	%al
	ret
	DONE	setcc

	SNIP	bt
5:	bt	$6, %edx
	ret
	DONE	bt, KIND_ONE, (OF | SF | AF | PF)

	SNIP	bts_mem
5:	btsl	$17, (%rsi)
	ret
	DONE	bts_mem, KIND_ONE, (OF | SF | AF | PF)

	SNIP	bsf
5:	bsf	%rdx, %rax
	ret
	DONE	bsf, KIND_ONE, (OF | SF | AF | PF | CF)

	SNIP	xchg_reg
5:	xchg	%rdx, %r8
	ret
	DONE	xchg_reg

	SNIP	xchg_mem		/* locks without a prefix */
5:	xchg	%rdx, 8(%rsi)
	ret
	DONE	xchg_mem

	SNIP	xadd_mem		/* (the kernel refuses a lock prefix) */
5:	xadd	%rdx, 16(%rsi)
	ret
	DONE	xadd_mem

	SNIP	cmpxchg_mem
	mov	(%rsi), %rax
5:	cmpxchg	%rdx, (%rsi)
	ret
	DONE	cmpxchg_mem

	SNIP	bswap
5:	bswap	%rdx
	ret
	DONE	bswap

	SNIP	shl
5:	shl	$5, %rdx
	ret
	DONE	shl, KIND_ONE, (OF | AF)

	SNIP	sar_cl
5:	sar	%cl, %rdx
	ret
	DONE	sar_cl, KIND_ONE, (OF | AF)

	SNIP	rol
5:	rol	$7, %r8
	ret
	DONE	rol, KIND_ONE, OF

	SNIP	rcr
	stc
5:	rcr	$1, %rdx
	ret
	DONE	rcr

	SNIP	shld
5:	shld	$9, %rax, %rdx
	ret
	DONE	shld, KIND_ONE, (OF | AF)

	SNIP	lahf
	stc
5:	lahf
	ret
	DONE	lahf

	SNIP	sahf
	mov	$0xd7, %ah
5:	sahf
	ret
	DONE	sahf

	SNIP	cmc
	stc
5:	cmc
	ret
	DONE	cmc

	SNIP	cpuid
	mov	$0, %eax
5:	cpuid
	ret
	DONE	cpuid

	SNIP	rdtsc			/* only its order can be compared */
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%rax, %r8
5:	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	mov	%rax, %r9
	rdtsc
	shl	$32, %rdx
	or	%rdx, %rax
	xor	%r10d, %r10d
	xor	%r11d, %r11d
	cmp	%r8, %r9
	setae	%r10b
	cmp	%r9, %rax
	setae	%r11b
	xor	%eax, %eax
	xor	%edx, %edx
	xor	%r8d, %r8d
	xor	%r9d, %r9d
	ret
	DONE	rdtsc, KIND_ONE, AF

	SNIP	mfence
5:	mfence
	ret
	DONE	mfence

/* ---- floating point and vectors ----------------------------------------------- */

	SNIP	movaps
5:	movaps	(%rsi), %xmm1
	ret
	DONE	movaps

	SNIP	movups_store
5:	movups	%xmm1, 3(%rdi)
	ret
	DONE	movups_store

	SNIP	paddd
5:	paddd	%xmm1, %xmm0
	ret
	DONE	paddd

	SNIP	pshufd
5:	pshufd	$0x1b, %xmm0, %xmm3
	ret
	DONE	pshufd

	SNIP	movq_xmm
5:	movq	%rax, %xmm2
	ret
	DONE	movq_xmm

	SNIP	cvtsi2sd
5:	cvtsi2sd %rdx, %xmm1
	ret
	DONE	cvtsi2sd

	SNIP	ucomisd
	cvtsi2sd %rdx, %xmm0
	cvtsi2sd %rcx, %xmm1
5:	ucomisd	%xmm1, %xmm0
	ret
	DONE	ucomisd

	SNIP	fistp
	fildl	(%rsi)
5:	fistpll	8(%rdi)
	ret
	DONE	fistp

/*
 * ---- the shim ---------------------------------------------------------------
 *
 * void us_shim(void (*fn)(void), struct us_ctx *ctx): %gs points at the
 * context, so nothing that the snippet leaves in a register is relied upon.
 * Registers are stored in the order rax rcx rdx rbx rsp rbp rsi rdi r8 .. r15.
 */
	.text
	.p2align 4
	.globl	us_shim
us_shim:
	push	%rbx
	push	%rbp
	push	%r12
	push	%r13
	push	%r14
	push	%r15
	mov	%rsp, CTX_SAVED_SP(%rsi)
	mov	%rdi, CTX_FN(%rsi)
	movaps	CTX_IN_V(%rsi), %xmm0
	movaps	CTX_IN_V+16(%rsi), %xmm1
	movaps	CTX_IN_V+32(%rsi), %xmm2
	movaps	CTX_IN_V+48(%rsi), %xmm3
	lea	CTX_STACK+CTX_STACK_SIZE/2(%rsi), %rsp
	pushq	CTX_IN_FLAGS(%rsi)
	popf
	mov	CTX_IN+0(%rsi), %rax
	mov	CTX_IN+8(%rsi), %rcx
	mov	CTX_IN+16(%rsi), %rdx
	mov	CTX_IN+24(%rsi), %rbx
	mov	CTX_IN+40(%rsi), %rbp
	mov	CTX_IN+56(%rsi), %rdi
	mov	CTX_IN+64(%rsi), %r8
	mov	CTX_IN+72(%rsi), %r9
	mov	CTX_IN+80(%rsi), %r10
	mov	CTX_IN+88(%rsi), %r11
	mov	CTX_IN+96(%rsi), %r12
	mov	CTX_IN+104(%rsi), %r13
	mov	CTX_IN+112(%rsi), %r14
	mov	CTX_IN+120(%rsi), %r15
	mov	CTX_IN+48(%rsi), %rsi
	call	*%gs:CTX_FN
	mov	%rax, %gs:CTX_OUT+0
	mov	%rcx, %gs:CTX_OUT+8
	mov	%rdx, %gs:CTX_OUT+16
	mov	%rbx, %gs:CTX_OUT+24
	mov	%rbp, %gs:CTX_OUT+40
	mov	%rsi, %gs:CTX_OUT+48
	mov	%rdi, %gs:CTX_OUT+56
	mov	%r8, %gs:CTX_OUT+64
	mov	%r9, %gs:CTX_OUT+72
	mov	%r10, %gs:CTX_OUT+80
	mov	%r11, %gs:CTX_OUT+88
	mov	%r12, %gs:CTX_OUT+96
	mov	%r13, %gs:CTX_OUT+104
	mov	%r14, %gs:CTX_OUT+112
	mov	%r15, %gs:CTX_OUT+120
	mov	%rsp, %gs:CTX_OUT_SP
	mov	%gs:CTX_SAVED_SP, %rsp
	pushf
	popq	%gs:CTX_OUT_FLAGS
	cld
	movaps	%xmm0, %gs:CTX_OUT_V
	movaps	%xmm1, %gs:CTX_OUT_V+16
	movaps	%xmm2, %gs:CTX_OUT_V+32
	movaps	%xmm3, %gs:CTX_OUT_V+48
	pop	%r15
	pop	%r14
	pop	%r13
	pop	%r12
	pop	%rbp
	pop	%rbx
	ret
	.section .note.GNU-stack, "", @progbits
