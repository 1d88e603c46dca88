/* SPDX-License-Identifier: GPL-2.0 */
/*
 * targets.S - probed functions that the tests of behaviour share
 */
	.globl	us_loads, us_load, us_load_next, us_store, us_store_insn
	.globl	us_store_next
	.globl	us_store_page, us_steps, us_steps_end
	.globl	us_step_0, us_step_1, us_step_2, us_step_3

/* A page that nothing else lies on, to be made read-only. */
	.data
	.p2align 12
us_store_page:
	.fill	4096, 1, 0
	.p2align 12

	.text
	.p2align 4
us_loads:			/* int f(const void *p): distinct loads */
	.set	i, 0
	.rept	64
	.p2align 4
#ifdef __x86_64__
	mov	4 * i(%rdi), %eax
#else
	ldr	w0, [x0, #4 * i]
#endif
	ret
	.set	i, i + 1
	.endr
	.p2align 4

#ifdef __x86_64__
	.globl	us_div, us_div_insn, us_syscall_ret, us_syscall_ret_insn
	.globl	us_getppid, us_getppid_insn

us_load:			/* int f(const int *p) */
	mov	(%rdi), %eax
us_load_next:
	ret

	.p2align 4
us_store:			/* void f(int value) */
us_store_insn:
	mov	%edi, us_store_page(%rip)
us_store_next:
	ret

	.p2align 4
us_div:				/* int f(int a, int b) */
	mov	%edi, %eax
	cltd
us_div_insn:
	idiv	%esi
	ret

	.p2align 4
us_syscall_ret:			/* getppid(), the next one is a ret */
	mov	$110, %eax
us_syscall_ret_insn:
	syscall
	ret

	.p2align 4
us_getppid:
	mov	$110, %eax
us_getppid_insn:
	syscall
	cmp	$-4095, %rax
	ret

	.p2align 4
us_steps:			/* adds up to 42 in eax */
	mov	$20, %eax
us_step_0:
	add	$7, %eax
	nop
us_step_1:
	lea	5(%rax), %ecx
	push	%rcx
us_step_2:
	pop	%rax
	call	2f
us_step_3:
	lea	1(%rax), %eax
us_steps_end:
	int3
	.p2align 4
2:	add	$9, %eax
	ret
#else
us_load:
	ldr	w0, [x0]
us_load_next:
	ret

	.p2align 4
us_store:			/* void f(int value) */
	adrp	x1, us_store_page
us_store_insn:
	str	w0, [x1]
us_store_next:
	ret

	.p2align 4
us_steps:			/* adds up to 42 in w0 */
us_step_0:
	mov	w0, #20
us_step_1:
	add	w0, w0, #7
us_step_2:
	lsl	w1, w0, #0
us_step_3:
	add	w0, w1, #15
us_steps_end:
	brk	#0
#endif
	.section .note.GNU-stack, "", %progbits
