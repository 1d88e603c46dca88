/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * How many bytes the CPU takes for an instruction.
 */
#ifndef _LENGTHS_CPU_H
#define _LENGTHS_CPU_H

#include <stdbool.h>

#define MAX_LENGTH	15

/* What the CPU says about an encoding whose expected length was given. */
struct cpu_length {
	/* The fewest bytes with which the CPU asks for no more. 0: it always asks. */
	unsigned int	bytes;
	/* The CPU executed it, and went on behind these bytes. */
	bool		completed;
	/* The CPU knows no such instruction, whatever follows. */
	bool		undefined;
};

/* Map the page that instructions end at. False if this machine does not allow it. */
bool cpu_init(void);

/* Can this kernel execute 32-bit code? */
bool cpu_has_mode(unsigned int bits);

struct cpu_length cpu_length(unsigned int bits, const unsigned char *code,
			     unsigned int expected);

#endif /* _LENGTHS_CPU_H */
