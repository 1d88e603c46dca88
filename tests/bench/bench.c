// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench.c - what target.c and trig.c share
 *
 * The consumer of a hit is a BPF program, attached system-wide by one link: no
 * filter by process, whose lock all CPUs would write to, no ring buffer. It
 * counts as that of the kernel's own benchmark does, on a cache line of each
 * CPU's, or does nothing at all. Measured with ./cost on 7.3: of 1603 instructions
 * of a hit the counting takes 99, without an access to shared memory; an event in
 * ftrace's buffer takes 601, and 178 while tracing_on is 0.
 */
#define _GNU_SOURCE
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bench.h"

/* A power of two, and as many as the test kernels may have. */
#define MAX_CPUS	32
#define LINE_SHIFT	6

/* Debian 12's <linux/bpf.h> does not have it; 6.6 does. */
#define TRACE_UPROBE_MULTI	48
#define MULTI_RETURN		1
struct link_uprobe_multi {
	uint32_t prog_fd, target_fd, attach_type, link_flags;
	uint64_t path, offsets, ref_ctr_offsets, cookies;
	uint32_t cnt, flags, pid, path_fd;
};

static const struct line {
	_Alignas(1 << LINE_SHIFT) uint64_t hits;
} *counters;

void die(const char *what)
{
	perror(what);
	exit(1);
}

void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
}

function function_named(const char *name)
{
#define NAMED(n)	{ #n, probed_##n },
	static const struct {
		const char *name;
		function f;
	} named[] = { FOR_EACH_PROBED(NAMED) };
	size_t i;

	for (i = 0; i < sizeof(named) / sizeof(*named); i++) {
		if (!strcmp(named[i].name, name))
			return named[i].f;
	}
	return NULL;
}

static int bpf(int cmd, void *attr, size_t size, const char *what)
{
	int fd = syscall(SYS_bpf, cmd, attr, size);

	if (fd < 0)
		die(what);
	return fd;
}

static int load(const struct bpf_insn *code, unsigned int n)
{
	static char log[4096];
	union bpf_attr attr = {
		.prog_type = BPF_PROG_TYPE_KPROBE,
		.expected_attach_type = TRACE_UPROBE_MULTI,
		.insns = (uintptr_t)code,
		.insn_cnt = n,
		.license = (uintptr_t)"GPL",
		.log_buf = (uintptr_t)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int fd = syscall(SYS_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	if (fd < 0) {
		fputs(log, stderr);
		die("BPF_PROG_LOAD");
	}
	return fd;
}

#define INSN(...)	((struct bpf_insn){ __VA_ARGS__ })
#define RETURN_0	INSN(.code = BPF_ALU64 | BPF_MOV | BPF_K),	\
			INSN(.code = BPF_JMP | BPF_EXIT)

static int load_nothing(void)
{
	const struct bpf_insn code[] = { RETURN_0 };

	return load(code, sizeof(code) / sizeof(*code));
}

static int load_counting(void)
{
	union bpf_attr attr = {
		.map_type = BPF_MAP_TYPE_ARRAY,
		.key_size = sizeof(uint32_t),
		.value_size = MAX_CPUS << LINE_SHIFT,
		.max_entries = 1,
		.map_flags = BPF_F_MMAPABLE,
	};
	int map = bpf(BPF_MAP_CREATE, &attr, sizeof(attr), "BPF_MAP_CREATE");
	const struct bpf_insn code[] = {
		/* r0 = this CPU's line */
		INSN(.code = BPF_JMP | BPF_CALL,
		     .imm = BPF_FUNC_get_smp_processor_id),
		INSN(.code = BPF_ALU64 | BPF_AND | BPF_K, .imm = MAX_CPUS - 1),
		INSN(.code = BPF_ALU64 | BPF_LSH | BPF_K, .imm = LINE_SHIFT),
		INSN(.code = BPF_LD | BPF_DW | BPF_IMM, .dst_reg = BPF_REG_1,
		     .src_reg = BPF_PSEUDO_MAP_VALUE, .imm = map),
		INSN(0),
		INSN(.code = BPF_ALU64 | BPF_ADD | BPF_X, .src_reg = BPF_REG_1),
		/* Atomic: another hit of this CPU may come in between. */
		INSN(.code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_2,
		     .imm = 1),
		INSN(.code = BPF_STX | BPF_ATOMIC | BPF_DW, .dst_reg = BPF_REG_0,
		     .src_reg = BPF_REG_2, .imm = BPF_ADD),
		RETURN_0,
	};

	counters = mmap(NULL, MAX_CPUS << LINE_SHIFT, PROT_READ, MAP_SHARED, map, 0);
	if (counters == MAP_FAILED)
		die("mmap of the counters");
	return load(code, sizeof(code) / sizeof(*code));
}

uint64_t probe_hits(void)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < MAX_CPUS; i++)
		sum += *(const volatile uint64_t *)&counters[i].hits;
	return sum;
}

extern const char __executable_start[];

/* The image is its file's first segments, one behind the other (no PIE). */
static uint64_t offset_of(function f)
{
	return (uintptr_t)f - (uintptr_t)__executable_start;
}

/*
 * All in one link: a perf event each would wait for a grace period each when
 * the process exits, half a minute in all.
 */
void probe(const function *functions, int n, bool on_return, bool count)
{
	static uint64_t offset[MAX_FUNCTIONS];
	struct link_uprobe_multi attr = {
		.prog_fd = count ? load_counting() : load_nothing(),
		.attach_type = TRACE_UPROBE_MULTI,
		.path = (uintptr_t)"/proc/self/exe",
		.offsets = (uintptr_t)offset,
		.cnt = n,
		.flags = on_return ? MULTI_RETURN : 0,
	};
	int i;

	for (i = 0; i < n; i++)
		offset[i] = offset_of(functions[i]);
	bpf(BPF_LINK_CREATE, &attr, sizeof(attr), "BPF_LINK_CREATE");
}
