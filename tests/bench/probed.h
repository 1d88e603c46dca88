/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions of probed.S. */
#ifndef BENCH_PROBED_H
#define BENCH_PROBED_H

#define MAX_FUNCTIONS	512

#ifndef __ASSEMBLER__
typedef void (*function)(void);

void probed_ret(void);			/* a ret */
void probed_nop(void);			/* a nop, then a ret */
extern const function probed_many[MAX_FUNCTIONS];	/* no two begin alike */
#endif

#endif /* BENCH_PROBED_H */
