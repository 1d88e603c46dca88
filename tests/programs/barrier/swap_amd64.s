// SPDX-License-Identifier: GPL-2.0-or-later
#include "textflag.h"

// func swap(a, b uintptr) (uintptr, uintptr)
TEXT ·swap(SB), NOSPLIT, $0-32
	MOVQ	a+0(FP), AX
	MOVQ	b+8(FP), R8
	// xchg %rax,%r8 as compilers and runtimes have it: 49 90, with the REX
	// prefix's bit that makes it no nop.
	BYTE	$0x49; BYTE $0x90
	MOVQ	AX, ret+16(FP)
	MOVQ	R8, ret1+24(FP)
	RET
