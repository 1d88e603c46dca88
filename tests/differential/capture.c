// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * capture.c - everything that an instruction left behind, from the signal that followed
 */
#include <asm/prctl.h>
#include <asm/unistd.h>

#include "subject.h"

static uint64_t scratch_words[SCRATCH_SIZE / 8];	/* as they ought to be */

static uint64_t mix(uint64_t h, uint64_t v)
{
	h = (h << 7 | h >> 57) ^ v;
	return h * 0x9e3779b97f4a7c15ull;
}

static uint64_t hash(const uint8_t *p, unsigned int size)
{
	uint64_t h = 1;
	unsigned int i;

	for (i = 0; i < size; i += 8)
		h = mix(h, load64(p + i));
	return h;
}

static uint64_t hash_zeros(unsigned int size)
{
	uint64_t h = 1;
	unsigned int i;

	for (i = 0; i < size; i += 8)
		h = mix(h, 0);
	return h;
}

void capture_prepare(void)
{
	unsigned int i;

	for (i = 0; i < SCRATCH_SIZE / 8; i++) {
		scratch_words[i] = pristine(8 * i);
		store64((void *)(SCRATCH_BASE + 8 * i), scratch_words[i]);
	}
}

/* ---- memory ---- */

/*
 * The words that differ from what they were are the result, and are put back. The
 * first of them is recorded for people to read.
 */
static uint64_t take_changes(uint64_t *words, unsigned int n, struct record *r)
{
	uint64_t h = 0;
	unsigned int i;

	for (i = 0; i < n; i++) {
		if (words[i] == scratch_words[i])
			continue;
		if (!h && !r->f[F_where]) {
			r->f[F_where] = (unsigned long)&words[i];
			r->f[F_was] = words[i];
		}
		h = mix(mix(h, i + 1), words[i]);
		words[i] = scratch_words[i];
	}
	return h;
}

static void take_memory(struct record *r, unsigned long data)
{
	r->f[F_where] = r->f[F_was] = 0;
	r->f[F_mem] = take_changes((uint64_t *)SCRATCH_BASE, SCRATCH_SIZE / 8, r);
	r->f[F_data] = take_changes((uint64_t *)data, DATA_SIZE / 8, r);
}

/* ---- FPU, SSE, AVX ---- */

/*
 * A component that is in its initial state need not be in the frame: what stands in
 * its place then is of an earlier signal. All initial states are zeros but the
 * control words'.
 */
static void take_x87(struct record *r, const uint8_t *fx, const uint8_t *fsave, int there)
{
	uint64_t h;

	if (!there) {
		r->f[F_x87] = mix(mix(hash_zeros(128), 0x37f), 0);
		r->f[F_fop] = r->f[F_fip] = r->f[F_fdp] = 0;
		return;
	}
	h = hash(fx + 32, 128);
	/* Control, status, tags. */
	r->f[F_x87] = mix(h, load64(fx) & 0x000000ffffffffffull);
	r->f[F_fop] = *(const uint16_t *)(fx + 6);
	r->f[F_fip] = load64(fx + 8);
	r->f[F_fdp] = load64(fx + 16);
	if (fsave != fx) {
		r->f[F_fip] = *(const uint32_t *)(fsave + 12);
		r->f[F_fdp] = *(const uint32_t *)(fsave + 20);
	}
}

static void take_fpu(struct record *r, const struct ucontext *uc)
{
	const uint8_t *fx = frame_fx(uc), *fsave = (uint8_t *)uc->uc_mcontext.fpstate;
	const struct _fpx_sw_bytes *sw = (const void *)(fx + FX_SW);
	uint64_t there = load64(fx + XFEATURES);
	/* 8 or 16 registers, each in two halves. */
	unsigned int i, half = sizeof(long) == 4 ? 128 : 256, size = sw->xstate_size;

	take_x87(r, fx, fsave, there & 1);
	r->f[F_sse] = mix(there & 2 ? hash(fx + 160, half) : hash_zeros(half),
			  *(const uint32_t *)(fx + 24));
	r->f[F_avx] = there & 4 ? hash(fx + 576, half) : hash_zeros(half);
	r->f[F_xrest] = 0;
	if (!(there & ~7ull))
		return;
	for (i = 832; i + 8 <= size; i += 8)
		r->f[F_xrest] = mix(r->f[F_xrest], load64(fx + i));
}

/* ---- registers ---- */

#ifdef __x86_64__
static uint64_t segment_base(int get, int set)
{
	uint64_t base = 0;

	sys(__NR_arch_prctl, get, (long)&base, 0, 0, 0, 0);
	if (base)
		sys(__NR_arch_prctl, set, 0, 0, 0, 0, 0);
	return base;
}

static void take_registers(struct record *r, const struct sigcontext *sc)
{
	uint64_t ds, es, fs, gs;

	r->f[F_rax] = sc->rax;
	r->f[F_rcx] = sc->rcx;
	r->f[F_rdx] = sc->rdx;
	r->f[F_rbx] = sc->rbx;
	r->f[F_rsp] = sc->rsp;
	r->f[F_rbp] = sc->rbp;
	r->f[F_rsi] = sc->rsi;
	r->f[F_rdi] = sc->rdi;
	r->f[F_r8] = sc->r8;
	r->f[F_r9] = sc->r9;
	r->f[F_r10] = sc->r10;
	r->f[F_r11] = sc->r11;
	r->f[F_r12] = sc->r12;
	r->f[F_r13] = sc->r13;
	r->f[F_r14] = sc->r14;
	r->f[F_r15] = sc->r15;
	r->f[F_ip] = sc->rip;
	r->f[F_flags] = sc->eflags;
	r->f[F_err] = sc->err;
	r->f[F_trapno] = sc->trapno;
	r->f[F_cr2] = sc->cr2;
	asm volatile("mov %%ds, %k0\n mov %%es, %k1\n mov %%fs, %k2\n mov %%gs, %k3"
		     : "=r"(ds), "=r"(es), "=r"(fs), "=r"(gs));
	r->f[F_segs] = ds | es << 8 | fs << 16 | gs << 24 | (uint64_t)sc->cs << 32 |
		       (uint64_t)sc->ss << 48;
	r->f[F_fsbase] = segment_base(ARCH_GET_FS, ARCH_SET_FS);
	r->f[F_gsbase] = segment_base(ARCH_GET_GS, ARCH_SET_GS);
}
#else
static void take_registers(struct record *r, const struct sigcontext *sc)
{
	unsigned int i;

	for (i = F_r8; i <= F_r15; i++)
		r->f[i] = 0;
	r->f[F_rax] = sc->eax;
	r->f[F_rcx] = sc->ecx;
	r->f[F_rdx] = sc->edx;
	r->f[F_rbx] = sc->ebx;
	r->f[F_rsp] = sc->esp;
	r->f[F_rbp] = sc->ebp;
	r->f[F_rsi] = sc->esi;
	r->f[F_rdi] = sc->edi;
	r->f[F_ip] = sc->eip;
	r->f[F_flags] = sc->eflags;
	r->f[F_err] = sc->err;
	r->f[F_trapno] = sc->trapno;
	r->f[F_cr2] = sc->cr2;
	r->f[F_segs] = sc->ds | sc->es << 8 | sc->fs << 16 | (uint64_t)sc->gs << 24 |
		       (uint64_t)sc->cs << 32 | (uint64_t)sc->ss << 48;
	r->f[F_fsbase] = r->f[F_gsbase] = 0;
}
#endif

void capture(struct record *r, const siginfo_t *info, const struct ucontext *uc,
	     unsigned long data)
{
	take_registers(r, (const struct sigcontext *)&uc->uc_mcontext);
	/* That of the last page fault, which may be of another instruction. */
	if (r->f[F_trapno] != 14)
		r->f[F_cr2] = 0;
	r->f[F_sig] = info->si_signo;
	r->f[F_code] = (unsigned int)info->si_code;
	r->f[F_addr] = (unsigned long)info->si_addr;
	take_fpu(r, uc);
	take_memory(r, data);
}
