// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * state.c - the machine states in which each instruction is executed
 */
#include "subject.h"

#define M	(SCRATCH_BASE + SCRATCH_SIZE / 2)
#define END	(SCRATCH_BASE + SCRATCH_SIZE)
#define STACK	(SCRATCH_BASE + SCRATCH_SIZE * 3 / 4)
#define PAD	(PAD_BASE + PAD_SIZE / 2)
#define NONE	0x3fff0000ul		/* nothing is mapped there */
#define WIDE(v)	((unsigned long)(v ## ull))

enum { CF = 1, PF = 4, AF = 0x10, ZF = 0x40, SF = 0x80, IF = 0x200, DF = 0x400, OF = 0x800,
       ID = 0x200000 };

struct state {
	unsigned long reg[16];		/* in the order of their numbers */
	unsigned long flags;
	int fpu;			/* which state of it */
};

/* Repeated instructions run a fault into the end of the scratch memory, or count little. */
static const struct state states[NR_STATES] = {
	/* pointers */
	{ { M, M + 0x40, M + 0x80, M + 0xc0, STACK, M + 0x140, END - 0x20, END - 0x40,
	    M + 0x200, M + 0x240, M + 0x280, M + 0x2c0, M + 0x300, M + 0x340, M + 0x380,
	    M + 0x3c0 }, IF | CF, 0 },
	/* pointers and small numbers */
	{ { 5, 3, 0, M, STACK + 8, M + 0x300, M + 0x100, M + 0x200, 1, M + 0x400, 7,
	    M + 0x480, 2, M + 0x500, 0x1f, 0x40 }, IF | ZF | PF, 1 },
	/* misaligned pointers, high bits, backwards */
	{ { WIDE(0x8000000080000000), 2, -1ul, M + 1, STACK + 0x38, M + 0x103, M + 0x221,
	    M + 0x311, M + 0x405, WIDE(0x7fffffffffffffff), WIDE(0xfedcba9876543210),
	    M + 0x507, M + 0x60b, WIDE(0x00ff00ff00ff00ff), WIDE(0xaaaaaaaa55555555),
	    M + 0x70d }, IF | CF | AF | SF | DF | OF, 0 },
	/* small numbers: null pointers, divisions by zero */
	{ { 0, 0, 0, 0, STACK + 0x10, 1, 2, 3, 0, 0, 8, 9, 10, 11, 12, 13 }, IF, 1 },
	/* no memory there, no stack, unmasked exceptions */
	{ { NONE, 2, NONE + 0x100, WIDE(0x8000123400000000), NONE + 0x800,
	    WIDE(0x0000800000000000), NONE + 0x200, NONE + 0x300, NONE + 0x400,
	    WIDE(0xffffffff81000000), NONE + 0x500, WIDE(0x00007fffffffffff), 4,
	    WIDE(0xffffffffff600000), 6, NONE + 0x600 },
	  IF | CF | PF | AF | ZF | SF | OF, 2 },
	/* code: somewhere to jump to */
	{ { PAD, PAD + 0x10, PAD + 0x20, PAD + 0x30, STACK + 0x80, PAD + 0x50, M + 0x600,
	    M + 0x700, PAD + 0x80, PAD + 0x90, PAD + 0xa0, PAD + 0xb0, PAD + 0xc0, PAD + 0xd0,
	    PAD + 0xe0, PAD + 0xf0 }, IF | ZF | ID, 0 },
};

/* ---- memory ---- */

uint64_t pristine(unsigned int offset)
{
	uint64_t i = offset / 8;

	switch (i % 8) {
	case 0: return PAD_BASE + i % 256;
	case 1: return M + 64 * (i % 16);
	case 2: return 0x3ff8000000000000ull + (i << 44);
	case 3: return i;
	case 4: return 0x0123456789abcdefull * (i | 1);
	case 5: return 0xffffffff80000000ull | i;
	case 6: return 0x40490fdb3f800000ull + (i << 16);
	default: return 0x346;		/* popped into the flags it has TF */
	}
}

/* ---- FPU, SSE, AVX ---- */

#define MAX_XSAVE	8192
#define NR_FPU		3

/* The frame's own, with the registers filled: one for each state of the FPU. */
static uint8_t images[NR_FPU][MAX_XSAVE] __attribute__((aligned(64)));
static unsigned int fsave_size, image_size;

static const uint64_t st_values[4][2] = {
	{ 0x8000000000000000ull, 0x3fff },	/* 1.0 */
	{ 0xa000000000000000ull, 0x4000 },	/* 2.5 */
	{ 0xc90fdaa22168c235ull, 0xc000 },	/* -pi */
	{ 0x8000000000000000ull, 0x403e },	/* 2^63 */
};

static const uint64_t sane[4] = {
	0x3ff8000000000000ull, 0x400921fb54442d18ull, 0x3f80000040000000ull, 0xc0f0000000000000ull
};
static const uint64_t odd[4] = {
	0x7ff8000000000001ull, 0x0000000000000001ull, 0xff80000080000000ull, 0x123456789abcdef0ull
};

static uint64_t vector_word(int fpu, unsigned int i)
{
	return fpu ? odd[i % 4] + 0x1000100010001ull * i : sane[i % 4] + ((uint64_t)i << 32);
}

/* Two controls (x87, SSE) for each state of the FPU; unmasked in the last. */
static const uint16_t fcw[NR_FPU] = { 0x37f, 0x27f, 0x340 };
static const uint16_t mxcsr[NR_FPU] = { 0x1f80, 0x9fc0, 0x0000 };

static void fill_x87(uint8_t *fsave, uint8_t *fx, int fpu)
{
	unsigned int i;

	*(uint16_t *)fx = fcw[fpu];
	*(uint16_t *)(fx + 2) = 4 << 11;	/* the top is register 4 */
	*(uint16_t *)(fx + 4) = 0xf0;		/* 4 to 7 are in use */
	*(uint16_t *)(fx + 6) = 0;
	store64(fx + 8, 0);
	store64(fx + 16, 0);
	for (i = 0; i < 4; i++) {
		store64(fx + 32 + 16 * i, st_values[i][0]);
		store64(fx + 40 + 16 * i, st_values[i][1]);
	}
	if (!fsave_size)
		return;
	*(uint32_t *)fsave = fcw[fpu];
	*(uint32_t *)(fsave + 4) = 4 << 11;
	*(uint32_t *)(fsave + 8) = 0x00ff;
	for (i = 12; i < 28; i += 4)
		*(uint32_t *)(fsave + i) = 0;
	for (i = 0; i < 4; i++) {
		store64(fsave + 28 + 10 * i, st_values[i][0]);
		*(uint16_t *)(fsave + 36 + 10 * i) = st_values[i][1];
	}
}

static void fill_vectors(uint8_t *fx, int fpu, uint64_t features)
{
	unsigned int i;

	*(uint32_t *)(fx + 24) = mxcsr[fpu];
	for (i = 0; i < 32; i++)
		store64(fx + 160 + 8 * i, vector_word(fpu, i));
	if (features & 4)
		for (i = 0; i < 32; i++)
			store64(fx + 576 + 8 * i, vector_word(fpu, i + 40));
	store64(fx + XFEATURES, load64(fx + XFEATURES) | (features & 7));
}

/* Takes the frame of the first signal as the pattern of all others. */
void state_prepare(const struct ucontext *uc)
{
	const uint8_t *fx = frame_fx(uc), *from = (uint8_t *)uc->uc_mcontext.fpstate;
	const struct _fpx_sw_bytes *sw = (const void *)(fx + FX_SW);
	unsigned int i, fpu;

	fsave_size = fx - from;
	/* The second magic number follows. */
	image_size = fsave_size + sw->xstate_size + 4;
	if (sw->magic1 != FP_XSTATE_MAGIC1 || image_size > MAX_XSAVE)
		die(END_TEMPLATE);
	for (fpu = 0; fpu < NR_FPU; fpu++) {
		for (i = 0; i < image_size; i++)
			images[fpu][i] = from[i];
		fill_x87(images[fpu], images[fpu] + fsave_size, fpu);
		fill_vectors(images[fpu] + fsave_size, fpu, sw->xfeatures);
	}
}

static void set_fpu(struct ucontext *uc, int fpu)
{
	uint8_t *to = (uint8_t *)uc->uc_mcontext.fpstate;
	const uint8_t *from = images[fpu];
	unsigned long words = image_size / 4;

	asm volatile("rep movsl" : "+D"(to), "+S"(from), "+c"(words) : : "memory");
}

/* ---- registers ---- */

static void set_registers(struct sigcontext *sc, const struct state *s)
{
#ifdef __x86_64__
	sc->rax = s->reg[0];
	sc->rcx = s->reg[1];
	sc->rdx = s->reg[2];
	sc->rbx = s->reg[3];
	sc->rsp = s->reg[4];
	sc->rbp = s->reg[5];
	sc->rsi = s->reg[6];
	sc->rdi = s->reg[7];
	sc->r8 = s->reg[8];
	sc->r9 = s->reg[9];
	sc->r10 = s->reg[10];
	sc->r11 = s->reg[11];
	sc->r12 = s->reg[12];
	sc->r13 = s->reg[13];
	sc->r14 = s->reg[14];
	sc->r15 = s->reg[15];
	sc->eflags = s->flags;
#else
	sc->eax = s->reg[0];
	sc->ecx = s->reg[1];
	sc->edx = s->reg[2];
	sc->ebx = s->reg[3];
	sc->esp = s->reg[4];
	sc->ebp = s->reg[5];
	sc->esi = s->reg[6];
	sc->edi = s->reg[7];
	sc->eflags = s->flags;
#endif
}

/* What the frame does not restore is put back here; the handler has recorded it. */
static void set_segments(struct sigcontext *sc)
{
#ifdef __x86_64__
	unsigned int zero = 0, sel[4];

	asm volatile("mov %%ds, %0\n mov %%es, %1\n mov %%fs, %2\n mov %%gs, %3"
		     : "=r"(sel[0]), "=r"(sel[1]), "=r"(sel[2]), "=r"(sel[3]));
	if (sel[0] | sel[1] | sel[2] | sel[3])
		asm volatile("mov %0, %%ds\n mov %0, %%es\n mov %0, %%fs\n mov %0, %%gs"
			     : : "r"(zero));
	sc->cs = 0x33;
	sc->ss = 0x2b;
#else
	sc->cs = 0x23;
	sc->ds = sc->es = sc->ss = 0x2b;
	sc->fs = sc->gs = 0;
#endif
}

void state_set(struct ucontext *uc, unsigned int state, unsigned long ip)
{
	struct sigcontext *sc = (struct sigcontext *)&uc->uc_mcontext;
	const struct state *s = &states[state];

	set_registers(sc, s);
	set_segments(sc);
	set_fpu(uc, s->fpu);
#ifdef __x86_64__
	sc->rip = ip;
#else
	sc->eip = ip;
#endif
}
