/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the kernel decides about an instruction: its own code, compiled for userspace.
 */
#ifndef _LENGTHS_DECIDE_H
#define _LENGTHS_DECIDE_H

#define CODE_BYTES	16

enum way { REFUSED, EMULATED, TRANSIENT, SHARED };

struct decision {
	enum way	way;
	unsigned int	length;		/* as the kernel's decoder says; 0 if it does not know */
	unsigned int	has_modrm;
	unsigned char	copy[CODE_BYTES];	/* what a slot holds */
};

struct decision decide(unsigned int bits, const unsigned char *code);

#endif /* _LENGTHS_DECIDE_H */
