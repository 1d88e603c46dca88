/* SPDX-License-Identifier: GPL-2.0 */
/* prog32.h - what content32 and its 32-bit program tell each other */
#ifndef _US_PROG32_H
#define _US_PROG32_H

/* Offsets in struct ctx32, in bytes. */
#define C32_IN		0	/* eax ecx edx ebx esp ebp esi edi */
#define C32_OUT		32
#define C32_OUT_FLAGS	64
#define C32_OUT_SP	68
#define C32_SAVED_SP	72
#define C32_DATA	128
#define C32_STACK	256
#define C32_SIZE	512

#define P32_TASKS	16	/* argv[1]: how many tasks, at most this */

/* Exit statuses of the program, beside 0. */
#define P32_WRONG	10	/* an instruction had another effect */
#define P32_SETUP	11	/* a system call failed */

#endif
