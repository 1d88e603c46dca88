/* SPDX-License-Identifier: GPL-2.0 */
/*
 * shots.h - execute one instruction from a given machine state, and say what
 * became of the state
 *
 * A shot is an instruction in the code file, with a state to begin in. A signal
 * handler loads the state and goes there. ud2 follows the instruction, so each
 * shot ends by a signal, and the signal's frame holds the whole state. A probe
 * must change nothing of it.
 *
 * shots.c executes shots in a 64-bit process, shots32.c is a 32-bit program that
 * does. Both get the code file and the shots by file descriptors.
 */
#ifndef _US_SHOTS_H
#define _US_SHOTS_H

#include <stdint.h>

/* Where things are, in both sorts of process. */
#define SHOT_CODE	0x20000000
#define SHOT_DATA	0x30008000	/* the page that a shot may read and write */
#define SHOT_PAGE	0x1000
#define SHOT_LOW	0x8000		/* the same modulo 64 KiB: for 16-bit stacks */
#define SHOT_MIRROR	(SHOT_CODE + SHOT_DATA)	/* data at disp32(%rip) */

#define SHOT_SPACE	64		/* bytes of the code file for each shot */
#define SHOT_UD2	48		/* here at the latest is a ud2 */
#define SHOT_MAX	2048

enum { AX, CX, DX, BX, SP, BP, SI, DI, R8, R9, R10, R11, R12, R13, R14, R15, NREGS };

/* With the same offsets in both sorts of process. */
typedef uint64_t shot_u64 __attribute__((aligned(8)));

struct shot_state {
	shot_u64 reg[NREGS];
	shot_u64 ip, flags;
	uint32_t cs, ss;		/* 0: those of the process */
};

struct shot_result {
	struct shot_state st;
	shot_u64 addr;			/* si_addr */
	shot_u64 memory, fpu;		/* hashes; fpu: 64-bit processes only */
	int32_t signo, code, trapno, err;
};

struct shot {
	struct shot_state in;
	struct {
		shot_u64 addr, value;	/* 8 bytes put into memory first; addr 0: none */
	} poke[2];
	struct shot_result out;
	int32_t done;			/* how many executions ended */
	int32_t unsteady;		/* one gave another result than the one before */
};

struct shots {
	int32_t from, to;		/* which ones to execute */
	int32_t times;			/* how often each */
	int32_t at;			/* where the execution is */
	struct shot_ldt {		/* segments for 32-bit processes */
		uint32_t base, limit;	/* in pages */
		uint32_t is_32bit, code;
	} ldt[2];
	int32_t ldt_error;
	struct shot s[SHOT_MAX];
};

_Static_assert(sizeof(struct shot) == 384, "another layout");

/* Selectors: code of 32 bits, and data, in any process; of ldt[0] and ldt[1]. */
#define SHOT_SELECTOR_32	0x23
#define SHOT_SELECTOR_DATA	0x2b
#define SHOT_LDT(n)	((n) << 3 | 7)

/* File descriptors of shots32. */
#define SHOT_FD_CODE	60
#define SHOT_FD_SHOTS	61

/* What the executing process is told by a byte; it answers with the same one. */
#define SHOT_TO_HELLO	'h'
#define SHOT_TO_MAP_READ	'm'		/* map the code and touch it */
#define SHOT_TO_MAP_EXEC	'x'
#define SHOT_TO_LDT	'l'		/* shots32 only: set ldt[], map the page SHOT_LOW */
#define SHOT_TO_GO	'g'		/* execute the shots */

#define SHOT_TF		0x100
#define SHOT_FLAGS	0xcd5		/* DF OF SF ZF AF PF TF CF: those compared, and DF */

static inline uint64_t shot_hash(const void *p, int len, uint64_t h)
{
	const uint32_t *w = p;
	int i;

	for (i = 0; i < len / 4; i++)
		h = (h ^ w[i]) * 1099511628211ull;
	return h;
}

/* Memory before a shot: nowhere a plausible address by chance. */
static inline void shot_fill(void *page)
{
	volatile uint32_t *w = page;
	uint32_t i;

	for (i = 0; i < SHOT_PAGE / 4; i++)
		w[i] = (i + 1) * 2654435761u;
}

#ifndef US_SHOTS_32BIT

#include <stdbool.h>
#include <sys/types.h>

/* Settings of the knobs: the first two with enable 0, only the first on stock. */
struct shot_kind {
	const char *exits;
	int emulate;
	const char *name;
};

extern const struct shot_kind shot_kinds[];
int shot_nr_kinds(void);		/* how many the mode of the case has */
void shot_set_kind(const struct shot_kind *k);
const char *shot_hex(const void *bytes, int n);

extern struct shots *shots;		/* shared with who executes them */

/* The code file: @n times SHOT_SPACE bytes. Makes shots, too. */
void shots_file(const void *code, int n);
/* Have the caller map the code file, so that a probe can be refused. */
void shots_map(void);
/*
 * Put probes at offsets of the code file and enable them; returns how many are
 * refused, and which. us_probe_clear() removes them.
 */
int shots_probe(const uint64_t *offset, int n, bool *refused);
uint64_t shots_hits(void);		/* of all these */
/*
 * Execute shots [from, to), each @times, in a child of 64 or 32 bits; if it dies, the
 * rest in another one. With 32 bits, ldt[] gives what segments it has.
 */
void shots_run(bool is_32bit, int from, int to, int times);
/* What became of shot @i if it did not end each time, and the same way; or NULL. */
const char *shot_died(int i);
/* What differs between two results; NULL: nothing does. */
const char *shot_differs(const struct shot_result *a, const struct shot_result *b);
/* What shots_run() does, in pieces. */
struct shots_child {
	pid_t pid;
	int in, out;
};
void shots_start(struct shots_child *c);
bool shots_tell(struct shots_child *c, char what);	/* false: it is dead */
int shots_end(struct shots_child *c);	/* its wait status */
/* The 32-bit program; 0, or US_SKIP if this kernel runs none. */
int shots32_start(struct shots_child *c);

#endif
#endif
