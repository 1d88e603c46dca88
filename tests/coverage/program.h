/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The functions of an ELF program or library, which is read and never run.
 */
#ifndef _COVERAGE_PROGRAM_H
#define _COVERAGE_PROGRAM_H

#include <stdbool.h>
#include <stddef.h>

struct function {
	unsigned long	start, end;
	bool		entry;		/* not the cold part of another one */
};

struct code {
	unsigned long	start, end;
	const unsigned char *bytes;
};

struct program {
	const char	*source;	/* of the functions: symbols, frames, pclntab */
	struct function	*function;	/* by address; no two overlap */
	size_t		nr_functions;
	struct code	code[16];	/* executable sections */
	size_t		nr_codes;
};

/* Dies with a message where there is no such program, or none that it can read. */
void program_open(struct program *program, const char *path);

/* The code at an address, and how much there is from there on; NULL if none. */
const unsigned char *program_code(const struct program *program, unsigned long addr,
				  unsigned long *bytes);

#endif /* _COVERAGE_PROGRAM_H */
