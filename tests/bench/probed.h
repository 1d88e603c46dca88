/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of probed.S, named for their first instruction. */
#ifndef BENCH_PROBED_H
#define BENCH_PROBED_H

#define MAX_FUNCTIONS	512

#ifndef __ASSEMBLER__
typedef void (*function)(void);

/*
 * nop, push and ret are those of the kernel's own benchmark. The others are how
 * functions begin: sub, with -fcf-protection endbr64, cmp in Go (the size of
 * the stack), mov in many a library, stp nearly everywhere on arm64.
 */
#if defined(__x86_64__)
#define FOR_EACH_PROBED(x)	\
	x(nop) x(push) x(ret) x(sub) x(endbr64) x(cmp) x(mov) x(lea)
#else
#define FOR_EACH_PROBED(x)	\
	x(nop) x(push) x(ret) x(stp) x(sub)
#endif

#define DECLARE_PROBED(name)	void probed_##name(void);
FOR_EACH_PROBED(DECLARE_PROBED)

/* No two of them begin alike. */
extern const function probed_many[MAX_FUNCTIONS];
#endif

#endif /* BENCH_PROBED_H */
