/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * record.h - what the subject, which executes the instructions, and the program that
 * controls it share: addresses, the layout of a chunk, and the records
 *
 * A chunk is a file of stations. A station holds one instruction; hlt, which a user may
 * not execute, fills the rest of it. Wherever an instruction ends or jumps to within its
 * station, a fault follows at once, and the signal's frame tells everything.
 *
 * 32-bit and 64-bit programs use this file, so all fields have a fixed size.
 */
#ifndef _DIFF_RECORD_H
#define _DIFF_RECORD_H

#include <stdint.h>

#define STATION_SIZE	64
#define STATION_INSN	32	/* where the instruction is in its station */
#define STATION_LAST	58	/* the same, in the last one of a page: it crosses pages */
#define STATION_FILL	0xf4
#define STATIONS_PAGE	64
#define CHUNK_STATIONS	800

/*
 * Where the subject maps things. All but far is below 4 GiB, so that an instruction with
 * an address-size prefix finds the same memory.
 */
#define NEAR_BASE	0x10000000ull
#define FAR_BASE	0x7e0000000000ull
#define DATA_OFFSET	0x20000		/* of the data page, from a chunk's base */
#define DATA_SIZE	4096
#define SCRATCH_BASE	0x30000000ul
#define SCRATCH_SIZE	8192
#define PAD_BASE	0x31000000ul	/* a page full of hlt, to jump to */
#define PAD_SIZE	4096
#define SHARED_BASE	0x50000000ul

/* The subject inherits these. */
#define SHARED_FD	3
#define CHUNK_FD	4

#define NR_STATES	6
#define MAX_MAPS	2

/* What is compared. The names are printed, and used in the file of classes. */
#define FIELDS(X)							\
	X(rax) X(rcx) X(rdx) X(rbx) X(rsp) X(rbp) X(rsi) X(rdi)		\
	X(r8) X(r9) X(r10) X(r11) X(r12) X(r13) X(r14) X(r15)		\
	X(ip) X(flags) X(segs) X(fsbase) X(gsbase)			\
	X(sig) X(code) X(addr) X(trapno) X(err) X(cr2)			\
	X(x87) X(fop) X(fip) X(fdp) X(sse) X(avx) X(xrest)			\
	X(mem) X(data) X(where) X(was)

#define X(name) F_##name,
enum field { FIELDS(X) NR_FIELDS };
#undef X

struct record {
	uint64_t f[NR_FIELDS];
};

/* The first page of what is shared. Records follow, by map, station, state. */
struct shared {
	uint32_t nr_stations;
	uint32_t nr_maps;
	uint32_t timer_us;	/* how often a signal comes; 0: never */
	/* The subject writes these. */
	uint32_t current;	/* 1 + the record that is being made */
	uint32_t alarms;
	uint32_t slot_ips;	/* alarms whose frame showed an address in a slot */
	uint32_t slot_current;	/* the last of them: current, and the address */
	uint64_t slot_ip;
	uint8_t skip[CHUNK_STATIONS];
};

#define SHARED_HEADER	4096
#define SHARED_SIZE(stations, maps) \
	(SHARED_HEADER + (stations) * (maps) * NR_STATES * sizeof(struct record))

static inline uint32_t station_insn(uint32_t i)
{
	uint32_t last = i % STATIONS_PAGE == STATIONS_PAGE - 1;

	return i * STATION_SIZE + (last ? STATION_LAST : STATION_INSN);
}

static inline uint32_t record_index(uint32_t stations, uint32_t map, uint32_t station,
				    uint32_t state)
{
	return (map * stations + station) * NR_STATES + state;
}

#endif
