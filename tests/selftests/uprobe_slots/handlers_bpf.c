// SPDX-License-Identifier: GPL-2.0
/* handlers_bpf.c - BPF programs, made by hand, loaded by bpf(2) */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/bpf.h>
#include <linux/perf_event.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "common.h"
#include "handlers.h"

#define INSN(op, dst, src, offset, value)				\
	((struct bpf_insn){ .code = (op), .dst_reg = (dst),		\
			    .src_reg = (src), .off = (offset), .imm = (value) })

#define MOV_IMM(dst, v)	   INSN(BPF_ALU64 | BPF_MOV | BPF_K, dst, 0, 0, v)
#define ADD_IMM(dst, v)	   INSN(BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, v)
#define LOAD(dst, src, o)  INSN(BPF_LDX | BPF_MEM | BPF_DW, dst, src, o, 0)
#define STORE(dst, o, src) INSN(BPF_STX | BPF_MEM | BPF_DW, dst, src, o, 0)
#define CALL(helper)	   INSN(BPF_JMP | BPF_CALL, 0, 0, 0, helper)
#define EXIT()		   INSN(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)
/* A load of 64 bits takes two. */
#define IMM64_LOW(dst, v)  INSN(BPF_LD | BPF_IMM | BPF_DW, dst, 0, 0, (__u32)(v))
#define IMM64_HIGH(v)	   INSN(0, 0, 0, 0, (__u32)((v) >> 32))

static int load(enum bpf_prog_type type, const struct bpf_insn *insns, int n)
{
	static char log[4096];
	union bpf_attr attr = {
		.prog_type = type,
		.insns = (unsigned long)insns,
		.insn_cnt = n,
		.license = (unsigned long)"GPL",
		.log_buf = (unsigned long)log,
		.log_size = sizeof(log),
		.log_level = 1,
	};
	int fd = syscall(__NR_bpf, BPF_PROG_LOAD, &attr, sizeof(attr));

	return fd < 0 ? -errno : fd;
}

static int load_send(enum bpf_prog_type type, int sig)
{
	const struct bpf_insn insns[] = {
		MOV_IMM(BPF_REG_1, sig),
		CALL(BPF_FUNC_send_signal_thread),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};

	return load(type, insns, ARRAY_SIZE(insns));
}

int bpf_send(int sig)
{
	return load_send(BPF_PROG_TYPE_KPROBE, sig);
}

int bpf_send_from_timer(int sig)
{
	return load_send(BPF_PROG_TYPE_PERF_EVENT, sig);
}

int bpf_set_reg(int offset, unsigned long value)
{
	const struct bpf_insn insns[] = {
		IMM64_LOW(BPF_REG_2, value),
		IMM64_HIGH(value),
		STORE(BPF_REG_1, offset, BPF_REG_2),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};

	return load(BPF_PROG_TYPE_KPROBE, insns, ARRAY_SIZE(insns));
}

int bpf_add_reg(int offset, int value)
{
	const struct bpf_insn insns[] = {
		LOAD(BPF_REG_2, BPF_REG_1, offset),
		ADD_IMM(BPF_REG_2, value),
		STORE(BPF_REG_1, offset, BPF_REG_2),
		MOV_IMM(BPF_REG_0, 0),
		EXIT(),
	};

	return load(BPF_PROG_TYPE_KPROBE, insns, ARRAY_SIZE(insns));
}

/* Closes @prog: the perf event holds it. */
static int attach(struct perf_event_attr *attr, int prog)
{
	int fd, err;

	attr->size = sizeof(*attr);
	fd = syscall(__NR_perf_event_open, attr, 0, -1, -1, PERF_FLAG_FD_CLOEXEC);
	if (fd < 0) {
		err = -errno;
		close(prog);
		return err;
	}
	err = ioctl(fd, PERF_EVENT_IOC_SET_BPF, prog) ? -errno : 0;
	close(prog);
	if (!err && ioctl(fd, PERF_EVENT_IOC_ENABLE, 0))
		err = -errno;
	if (err)
		close(fd);
	return err ?: fd;
}

/*
 * The program runs with each hit from here on until the perf event is closed:
 * to disable the event does not stop it.
 */
int bpf_attach(int prog, const char *event)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_TRACEPOINT, .sample_period = 1, .disabled = 1,
	};
	char path[128], id[32];

	snprintf(path, sizeof(path), TRACING "/events/" GROUP "/%s/id", event);
	if (us_read(path, id, sizeof(id)) < 0)
		us_die("cannot read %s", path);
	attr.config = atol(id);
	return attach(&attr, prog);
}

int bpf_attach_timer(int prog, __u64 ns)
{
	struct perf_event_attr attr = {
		.type = PERF_TYPE_SOFTWARE, .config = PERF_COUNT_SW_CPU_CLOCK,
		.sample_period = ns, .disabled = 1,
	};

	return attach(&attr, prog);
}
