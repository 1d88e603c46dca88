/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A list of encodings: opcodes of all maps, with prefixes, with operands; and some at
 * random.
 */
#ifndef _LENGTHS_ENCODINGS_H
#define _LENGTHS_ENCODINGS_H

#include <stdbool.h>

#include "decide.h"

enum map {
	MAP_1, MAP_0F, MAP_0F38, MAP_0F3A,
	MAP_VEX1, MAP_VEX2, MAP_VEX3, MAP_XOP, MAP_EVEX,
	MAP_ANY,	/* at random */
	NR_MAPS
};

extern const char *const map_name[NR_MAPS];

struct encoding {
	unsigned int	bits;
	enum map	map;
	unsigned char	opcode;
	unsigned char	code[CODE_BYTES];
	struct decision	decision;
};

/* Does this CPU know any instruction of a map? */
bool cpu_has_map(enum map map);

/* Call visit() for each, with the kernel's decision. */
void each_encoding(unsigned int bits, void (*visit)(const struct encoding *e));

#endif /* _LENGTHS_ENCODINGS_H */
