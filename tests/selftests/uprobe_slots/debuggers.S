/* SPDX-License-Identifier: GPL-2.0 */
/*
 * debuggers.S - probed functions for debuggers to look at
 *
 * See debuggers.h. Each instruction that is probed executes out of line on stock too.
 */
	.globl	ud_store, ud_store_insn, ud_store_next
	.globl	ud_inc, ud_inc_insn, ud_inc_next
	.globl	ud_loop, ud_loop_probe_0, ud_loop_probe_1, ud_loop_probe_2
	.globl	ud_loop_break_0, ud_loop_break_1, ud_loop_break_2
	.globl	ud_loop_next_0, ud_loop_next_1, ud_loop_next_2
	.globl	ud_loop_end, ud_stop, ud_word, ud_ill, ud_ill_insn

/* A page that nothing else lies on. */
	.data
	.p2align 12
ud_word:
	.fill	4096, 1, 0
	.p2align 12

	.text
#ifdef __x86_64__
	.globl	ud_store_rip, ud_store_rip_insn, ud_store_rip_next
	.globl	ud_trace, ud_trace_0, ud_trace_1, ud_trace_2, ud_trace_3
	.globl	ud_trace_end
	.globl	ud_fnstenv, ud_fnstenv_insn, ud_fxsave, ud_fxsave_insn
	.globl	ud_syscall, ud_syscall_insn, ud_pushf, ud_pushf_insn
	.globl	ud_ud2, ud_ud2_insn, ud_div, ud_div_insn, ud_fwait, ud_fwait_insn
	.globl	ud_icebp, ud_icebp_insn, ud_call, ud_call_insn
	.globl	ud_returns, ud_leaf, ud_leaf_insn

	/* void f(int value, int *p): *p = value */
	.p2align 4
ud_store:
ud_store_insn:
	mov	%edi, (%rsi)
ud_store_next:
	ret

	.p2align 4
ud_store_rip:			/* p is ud_word */
ud_store_rip_insn:
	mov	%edi, ud_word(%rip)
ud_store_rip_next:
	ret

	.p2align 4
ud_inc:				/* it reads, too */
ud_inc_insn:
	incl	(%rsi)
ud_inc_next:
	ret

/*
 * long f(long n): n rounds that each add 8 to rax and take it away again, by
 * instructions of several bytes; probed ones stand beside those that a debugger
 * breaks at.
 */
	.p2align 4
ud_loop:
	xor	%eax, %eax
	push	%rbx
1:
ud_loop_break_0:
	lea	3(%rax), %rbx
ud_loop_next_0:
ud_loop_probe_0:
	lea	5(%rbx), %rax
ud_loop_break_1:
	mov	%rax, %rcx
ud_loop_next_1:
	test	%rcx, %rcx
	js	2f
ud_loop_probe_1:
	sub	$0x10, %rsp
ud_loop_break_2:
	movq	$0x12345678, (%rsp)
ud_loop_next_2:
ud_loop_probe_2:
	add	$0x10, %rsp
	sub	$8, %rax
	dec	%rdi
	jnz	1b
2:	pop	%rbx
ud_loop_end:
	ret

ud_stop:
	int3

/* long f(void): with TF from its second instruction to the last but one. */
	.p2align 4
ud_trace:
	push	%rbx
	pushf
	orl	$0x100, (%rsp)
	popf
	nop
ud_trace_0:
	mov	$20, %eax
ud_trace_1:
	lea	7(%rax), %ebx
	push	%rbx
ud_trace_2:
	pop	%rax
	mov	$3, %ebx
1:
ud_trace_3:
	lea	5(%rax), %eax
	dec	%ebx
	jnz	1b
	pushf
	andl	$~0x100, (%rsp)
	popf
ud_trace_end:
	pop	%rbx
	ret

/* ---- who shows an address ---------------------------------------------------- */

	/* void f(void *env): the instruction pointer of the last x87 instruction */
	.p2align 4
ud_fnstenv:
	fninit
	fldz
ud_fnstenv_insn:
	fld1
	fnstenv	(%rdi)
	fninit
	ret

	.p2align 4
ud_fxsave:
	fninit
	fldz
ud_fxsave_insn:
	fld1
	fxsave64 (%rdi)
	fninit
	ret

	/* void f(long *rcx_r11, long nr, long a0) */
	.p2align 4
ud_syscall:
	mov	%rdi, %r8
	mov	%rsi, %rax
	mov	%rdx, %rdi
ud_syscall_insn:
	syscall
	mov	%rcx, (%r8)
	mov	%r11, 8(%r8)
	ret

	.p2align 4
ud_pushf:			/* long f(void): flags */
ud_pushf_insn:
	pushf
	pop	%rax
	ret

	/* The handlers of these go on behind the instruction. */
	.p2align 4
ud_ill:				/* lea of a register: undefined, and straight */
ud_ill_insn:
	.byte	0x8d, 0xc0
	ret

	.p2align 4
ud_ud2:
ud_ud2_insn:
	ud2
	ret

	.p2align 4
ud_div:				/* void f(int a, int b) */
	mov	%edi, %eax
	cltd
ud_div_insn:
	idiv	%esi
	ret

	.p2align 4
ud_fwait:			/* void f(unsigned short *cw): x87 faults are late */
	fninit
	fldcw	(%rdi)
	fld1
	fldz
	fdivr	%st(1), %st
ud_fwait_insn:
	fwait
	fninit
	ret

	.p2align 4
ud_icebp:
ud_icebp_insn:
	.byte	0xf1
	ret

	.p2align 4
ud_call:			/* long f(void): the return address of a call */
	lea	1f(%rip), %rax
ud_call_insn:
	call	*%rax
	ret
1:	mov	(%rsp), %rax
	ret

	.p2align 4
ud_returns:			/* void f(int n): n calls, with one return address */
	call	ud_leaf
	dec	%edi
	jnz	ud_returns
	ret

	.p2align 4
ud_leaf:
	nop
ud_leaf_insn:
	ret

#else /* arm64 */
	/* void f(int value, int *p): *p = value */
	.p2align 4
ud_store:
ud_store_insn:
	str	w0, [x1]
ud_store_next:
	ret

	.p2align 4
ud_inc:				/* it reads and writes */
	mov	w2, #1
ud_inc_insn:
	stur	w0, [x1]
ud_inc_next:
	ret

/* long f(long n): as on x86 */
	.p2align 4
ud_loop:
	mov	x9, x0
	mov	x0, #0
1:
ud_loop_break_0:
	add	x10, x0, #3
ud_loop_next_0:
ud_loop_probe_0:
	add	x0, x10, #5
ud_loop_break_1:
	mov	x11, x0
ud_loop_next_1:
	tbnz	x11, #63, 2f
ud_loop_probe_1:
	sub	sp, sp, #16
ud_loop_break_2:
	str	x11, [sp]
ud_loop_next_2:
ud_loop_probe_2:
	add	sp, sp, #16
	sub	x0, x0, #8
	sub	x9, x9, #1
	cbnz	x9, 1b
2:
ud_loop_end:
	ret

ud_stop:
	brk	#0

	.p2align 4
ud_ill:
ud_ill_insn:
	.inst	0
	ret
#endif
	.section .note.GNU-stack, "", %progbits
