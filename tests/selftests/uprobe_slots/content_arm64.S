/* SPDX-License-Identifier: GPL-2.0 */
/*
 * content_arm64.S - the table of arm64 instructions
 *
 * Label 5 of each snippet is the probed instruction. None of them is simulated
 * by the kernel (6.12; newer ones simulate nop, which is not in the table). On
 * entry: x0 = data, x1 = data + 64, x2 = 3, x3.. known constants. x28 holds the
 * context and x29 the shim's frame: snippets leave them alone.
 */
#include "content.h"

	.arch	armv8.5-a

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

	.data
	.p2align 6
	.globl	us_globals, us_globals_end
us_globals:
	.fill	64, 1, 0x5a
us_globals_end:

/* ---- loads and stores ----------------------------------------------------- */

	SNIP	stp_pre
	mov	x9, sp
5:	stp	x3, x4, [sp, #-32]!
	mov	x10, sp
	mov	sp, x9
	ret
	DONE	stp_pre

	SNIP	ldp_post
	mov	x9, sp
	stp	x3, x4, [sp, #-32]!
5:	ldp	x11, x12, [sp], #32
	mov	x10, sp
	mov	sp, x9
	ret
	DONE	ldp_post

	SNIP	ldr_imm
5:	ldr	x9, [x1, #16]
	ret
	DONE	ldr_imm

	SNIP	ldr_reg
5:	ldr	x9, [x1, x2, lsl #3]
	ret
	DONE	ldr_reg

	SNIP	ldrsw_post
5:	ldrsw	x9, [x1], #12
	ret
	DONE	ldrsw_post

	SNIP	ldrb_pre
5:	ldrb	w9, [x1, #5]!
	ret
	DONE	ldrb_pre

	SNIP	str_imm
5:	str	x3, [x0, #24]
	ret
	DONE	str_imm

	SNIP	strh_reg
5:	strh	w3, [x0, x2]
	ret
	DONE	strh_reg

	SNIP	stp_off
5:	stp	w3, w4, [x0, #48]
	ret
	DONE	stp_off

	SNIP	ldar
5:	ldar	x9, [x1]
	ret
	DONE	ldar

	SNIP	stlr
5:	stlr	x3, [x0]
	ret
	DONE	stlr

	SNIP	prfm
5:	prfm	pldl1keep, [x1]
	ret
	DONE	prfm

/* ---- arithmetic ------------------------------------------------------------- */

	SNIP	add_imm
5:	add	x9, x3, #0x123
	ret
	DONE	add_imm

	SNIP	add_shift
5:	add	x9, x3, x4, lsl #4
	ret
	DONE	add_shift

	SNIP	adds
5:	adds	x9, x4, x4
	ret
	DONE	adds

	SNIP	sub_sp
	mov	x9, sp
5:	sub	sp, sp, #64
	mov	x10, sp
	mov	sp, x9
	ret
	DONE	sub_sp

	SNIP	sub_ext
5:	sub	x9, x3, w4, sxtw #2
	ret
	DONE	sub_ext

	SNIP	adc
5:	adc	x9, x3, x4
	ret
	DONE	adc

	SNIP	sbcs
5:	sbcs	x9, x3, x4
	ret
	DONE	sbcs

	SNIP	mov_reg
5:	mov	x9, x3
	ret
	DONE	mov_reg

	SNIP	movz
5:	movz	x9, #0xbeef, lsl #16
	ret
	DONE	movz

	SNIP	movk
5:	movk	x3, #0xdead, lsl #32
	ret
	DONE	movk

	SNIP	mov_sp
5:	mov	x9, sp
	ret
	DONE	mov_sp

	SNIP	cmp
5:	cmp	x3, x4
	ret
	DONE	cmp

	SNIP	ccmp
	cmp	x3, x3
5:	ccmp	x3, x4, #0xa, ne
	ret
	DONE	ccmp

	SNIP	tst
5:	tst	x3, #0xff00
	ret
	DONE	tst

	SNIP	csel
	cmp	x3, x4
5:	csel	x9, x3, x4, lo
	ret
	DONE	csel

	SNIP	csinc
	cmp	x3, x4
5:	csinc	x9, x3, x4, hi
	ret
	DONE	csinc

	SNIP	madd
5:	madd	x9, x3, x4, x2
	ret
	DONE	madd

	SNIP	umulh
5:	umulh	x9, x3, x4
	ret
	DONE	umulh

	SNIP	udiv
5:	udiv	x9, x3, x2
	ret
	DONE	udiv

	SNIP	sdiv
5:	sdiv	w9, w4, w2
	ret
	DONE	sdiv

	SNIP	ror
5:	ror	x9, x3, #13
	ret
	DONE	ror

	SNIP	lslv
5:	lsl	x9, x3, x2
	ret
	DONE	lslv

	SNIP	ubfm
5:	ubfx	x9, x3, #12, #20
	ret
	DONE	ubfm

	SNIP	sbfm
5:	sbfx	x9, x4, #3, #9
	ret
	DONE	sbfm

	SNIP	bfi
5:	bfi	x3, x4, #8, #24
	ret
	DONE	bfi

	SNIP	extr
5:	extr	x9, x3, x4, #17
	ret
	DONE	extr

	SNIP	rev
5:	rev	x9, x3
	ret
	DONE	rev

	SNIP	clz
5:	clz	x9, x4
	ret
	DONE	clz

	SNIP	rbit
5:	rbit	x9, x3
	ret
	DONE	rbit

	SNIP	eor
5:	eor	x9, x3, x4, ror #3
	ret
	DONE	eor

/* ---- floating point and vectors ----------------------------------------------- */

	SNIP	fmov
5:	fmov	d1, x3
	ret
	DONE	fmov

	SNIP	scvtf
5:	scvtf	d1, x2
	ret
	DONE	scvtf

	SNIP	fadd
	scvtf	d0, x2
	scvtf	d1, x3
5:	fadd	d2, d0, d1
	ret
	DONE	fadd

	SNIP	fcmp
	scvtf	d0, x2
	scvtf	d1, x3
5:	fcmp	d0, d1
	ret
	DONE	fcmp

	SNIP	ld1
5:	ld1	{ v1.16b, v2.16b }, [x1]
	ret
	DONE	ld1

	SNIP	st1
5:	st1	{ v0.4s }, [x0], #16
	ret
	DONE	st1

	SNIP	add_v
5:	add	v3.4s, v0.4s, v1.4s
	ret
	DONE	add_v

	SNIP	tbl
5:	tbl	v3.16b, { v0.16b }, v1.16b
	ret
	DONE	tbl

/* ---- system --------------------------------------------------------------------- */

	SNIP	mrs_nzcv
5:	mrs	x9, nzcv
	ret
	DONE	mrs_nzcv

	SNIP	dmb
5:	dmb	ish
	ret
	DONE	dmb

	SNIP	paciasp
5:	paciasp
	mov	x9, x30
	autiasp
	ret
	DONE	paciasp

/*
 * ---- the shim ---------------------------------------------------------------
 * void us_shim(void (*fn)(void), struct us_ctx *ctx)
 */
	.text
	.p2align 4
	.globl	us_shim
us_shim:
	stp	x29, x30, [sp, #-192]!
	stp	x19, x20, [sp, #16]
	stp	x21, x22, [sp, #32]
	stp	x23, x24, [sp, #48]
	stp	x25, x26, [sp, #64]
	stp	x27, x28, [sp, #80]
	stp	d8, d9, [sp, #96]
	stp	d10, d11, [sp, #112]
	stp	d12, d13, [sp, #128]
	stp	d14, d15, [sp, #144]
	mov	x28, x1
	mov	x29, sp
	str	x29, [x28, #CTX_SAVED_SP]
	mov	x30, x0
	add	x9, x28, #CTX_STACK
	add	x9, x9, #CTX_STACK_SIZE/2
	mov	sp, x9
	add	x9, x28, #CTX_IN_V
	ld1	{ v0.16b-v3.16b }, [x9]
	ldr	x9, [x28, #CTX_IN_FLAGS]
	msr	nzcv, x9
	ldp	x0, x1, [x28, #CTX_IN+0]
	ldp	x2, x3, [x28, #CTX_IN+16]
	ldp	x4, x5, [x28, #CTX_IN+32]
	ldp	x6, x7, [x28, #CTX_IN+48]
	ldp	x8, x9, [x28, #CTX_IN+64]
	ldp	x10, x11, [x28, #CTX_IN+80]
	ldp	x12, x13, [x28, #CTX_IN+96]
	ldp	x14, x15, [x28, #CTX_IN+112]
	ldp	x16, x17, [x28, #CTX_IN+128]
	ldp	x18, x19, [x28, #CTX_IN+144]
	ldp	x20, x21, [x28, #CTX_IN+160]
	ldp	x22, x23, [x28, #CTX_IN+176]
	ldp	x24, x25, [x28, #CTX_IN+192]
	ldp	x26, x27, [x28, #CTX_IN+208]
	blr	x30
	stp	x0, x1, [x28, #CTX_OUT+0]
	stp	x2, x3, [x28, #CTX_OUT+16]
	stp	x4, x5, [x28, #CTX_OUT+32]
	stp	x6, x7, [x28, #CTX_OUT+48]
	stp	x8, x9, [x28, #CTX_OUT+64]
	stp	x10, x11, [x28, #CTX_OUT+80]
	stp	x12, x13, [x28, #CTX_OUT+96]
	stp	x14, x15, [x28, #CTX_OUT+112]
	stp	x16, x17, [x28, #CTX_OUT+128]
	stp	x18, x19, [x28, #CTX_OUT+144]
	stp	x20, x21, [x28, #CTX_OUT+160]
	stp	x22, x23, [x28, #CTX_OUT+176]
	stp	x24, x25, [x28, #CTX_OUT+192]
	stp	x26, x27, [x28, #CTX_OUT+208]
	str	x29, [x28, #CTX_OUT+232]
	str	x30, [x28, #CTX_OUT+240]
	mrs	x9, nzcv
	str	x9, [x28, #CTX_OUT_FLAGS]
	mov	x9, sp
	str	x9, [x28, #CTX_OUT_SP]
	ldr	x9, [x28, #CTX_SAVED_SP]
	mov	sp, x9
	add	x9, x28, #CTX_OUT_V
	st1	{ v0.16b-v3.16b }, [x9]
	ldp	x19, x20, [sp, #16]
	ldp	x21, x22, [sp, #32]
	ldp	x23, x24, [sp, #48]
	ldp	x25, x26, [sp, #64]
	ldp	x27, x28, [sp, #80]
	ldp	d8, d9, [sp, #96]
	ldp	d10, d11, [sp, #112]
	ldp	d12, d13, [sp, #128]
	ldp	d14, d15, [sp, #144]
	ldp	x29, x30, [sp], #192
	ret
	.section .note.GNU-stack, "", %progbits
