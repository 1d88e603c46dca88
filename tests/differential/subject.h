/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * subject.h - what the parts of the subject share
 *
 * The subject has no C library: it is built for 32 bit where only the 64-bit library is
 * installed, and nothing in it may use a segment base or a register of the FPU.
 */
#ifndef _DIFF_SUBJECT_H
#define _DIFF_SUBJECT_H

#include <asm/sigcontext.h>
#include <asm/signal.h>
#include <asm/ucontext.h>
#include <asm/siginfo.h>

#include "record.h"

/* sys.c */
long sys(long nr, long a, long b, long c, long d, long e, long f);
void die(int status) __attribute__((noreturn));
void *map_at(unsigned long addr, unsigned long size, int prot, int flags, int fd);
void catch_signal(int sig, void (*fn)(int, siginfo_t *, struct ucontext *));
int in_slot_area(unsigned long ip);

/* How the subject ends if all is not well. */
enum { END_SETUP = 90, END_NESTED, END_TEMPLATE };

/* state.c: what the machine is before an instruction */
void state_prepare(const struct ucontext *uc);
void state_set(struct ucontext *uc, unsigned int state, unsigned long ip);

/* capture.c: what it is afterwards */
void capture_prepare(void);
void capture(struct record *r, const siginfo_t *info, const struct ucontext *uc,
	     unsigned long data);

/* The extended state in a frame. */
#define FX_SIZE		512
static inline uint8_t *frame_fx(const struct ucontext *uc)
{
	uint8_t *fp = (uint8_t *)uc->uc_mcontext.fpstate;

	return sizeof(long) == 4 ? fp + 112 : fp;
}

#define FX_SW		464	/* struct _fpx_sw_bytes in it */
#define XFEATURES	512	/* the xsave header */

static inline uint64_t load64(const void *p)
{
	return *(const uint64_t *)p;
}

static inline void store64(void *p, uint64_t v)
{
	*(uint64_t *)p = v;
}

/* The word of memory at @offset before each instruction. */
uint64_t pristine(unsigned int offset);

#endif
