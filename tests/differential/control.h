/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * control.h - what the parts of the control program share
 */
#ifndef _DIFF_CONTROL_H
#define _DIFF_CONTROL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "record.h"

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define TRACING		"/sys/kernel/tracing"
#define SLOTS		TRACING "/uprobe_slots"

struct insn {
	uint8_t bytes[15];
	uint8_t len;
	/* Where a displacement from the instruction pointer is, or 0; how long the
	 * instruction is, if the list knows.
	 */
	uint8_t disp, whole;
};

struct list {
	const char *name;	/* "64" or "32" */
	int maps;
	struct insn *insns;
	unsigned int nr;
};

enum exits { EXITS_NATIVE, EXITS_STOCK, EXITS_OFF, EXITS_STEP, EXITS_TRAP, EXITS_JUMP };

struct setting {
	const char *name;
	enum exits exits;
	bool emulate, timer;
	/* What came of it. */
	unsigned long executed, known, unexpected, lost, refused, wrong_hits;
	unsigned long alarms, probes;
	uint64_t ended[4];	/* slot_exit_step, _trap, _jump, _none */
	uint64_t promoted;
};

void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void diag(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* probes.c */
bool have_slots(void);
void knobs_save(void);
void knobs_restore(void);
void knobs_set(const struct setting *s);
void stats_read(uint64_t ended[4], uint64_t *promoted);
void probes_add(const char *path, unsigned int nr);
void probes_hits(unsigned int nr, uint64_t *hits);
void probes_remove(void);

/* classes.c */
void classes_read(const char *path);
/* The class that allows @field to differ; NULL if none does. */
const char *class_of(const struct insn *insn, const struct setting *s, const char *list,
		     const char *field);
void classes_print(const char *words);

/* compare.c */
extern const char * const field_names[NR_FIELDS];
/* Fields in which @a and @b differ, as bits. */
uint64_t record_differs(const struct record *a, const struct record *b);
/* Two executions of one instruction. */
struct pair {
	const struct list *list;
	const struct insn *insn;
	unsigned int map, state;
	const struct record *native, *probed;
	const struct record *before;	/* what was executed before probed */
	uint64_t ignored;		/* fields that say nothing, as bits */
};
void compare_pair(struct setting *s, const struct pair *p);
/* One that is no field of the record, such as the number of hits. */
void compare_other(struct setting *s, const struct list *l, const struct insn *insn,
		   const char *field, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#endif
