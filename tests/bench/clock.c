// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * clock.c - a QEMU TCG plugin that says what CPU time a window of trig.c took
 *
 * A guest cannot tell how much of the host it got. This can: each virtual CPU is
 * a thread of QEMU's, and has a clock of its own. A window is on each CPU what
 * lies between the first MARK_START and the last MARK_STOP there.
 *
 * Argument: turn=SOCKET. Several guests measure in turn, as somebody at the other end
 * of that Unix socket says. At each MARK_FORGET this says "ready" there, and holds the
 * CPU until it gets a byte; at each MARK_REPORT it says how many nanoseconds all CPUs
 * together had since the MARK_FORGET before.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "marks.h"
#include "qemu-plugin.h"

#define EXPORT		__attribute__((visibility("default")))
#define MAX_CPUS	64

static struct {
	_Atomic uint64_t first, last;	/* 0: not yet */
} vcpus[MAX_CPUS];
static int turn = -1;
static bool arm64;

/* Of the calling thread, which is the virtual CPU. */
static uint64_t cpu_time(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * UINT64_C(1000000000) + t.tv_nsec;
}

/* If nobody is there any more, there is nobody to wait for. */
static void await_turn(void)
{
	unsigned int cpu;
	char byte;

	dprintf(turn, "ready\n");
	while (read(turn, &byte, 1) < 0 && errno == EINTR)
		;
	for (cpu = 0; cpu < MAX_CPUS; cpu++) {
		vcpus[cpu].first = 0;
		vcpus[cpu].last = 0;
	}
}

static void report(void)
{
	uint64_t sum = 0;
	unsigned int cpu;

	for (cpu = 0; cpu < MAX_CPUS; cpu++) {
		if (vcpus[cpu].first)
			sum += vcpus[cpu].last - vcpus[cpu].first;
	}
	dprintf(turn, "%" PRIu64 "\n", sum);
}

static void mark_cb(unsigned int cpu, void *data)
{
	switch ((enum mark)(uintptr_t)data) {
	case MARK_START:
		if (!vcpus[cpu].first)
			vcpus[cpu].first = cpu_time();
		break;
	case MARK_STOP:
		vcpus[cpu].last = cpu_time();
		break;
	case MARK_REPORT:
		report();
		break;
	case MARK_FORGET:
		await_turn();
		break;
	default:
		break;
	}
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;
	struct qemu_plugin_insn *insn;
	uint8_t buffer[MAX_INSN];
	unsigned int mark;

	(void)id;
	for (i = 0; i < n; i++) {
		insn = qemu_plugin_tb_get_insn(tb, i);
		mark = mark_of(arm64, insn_bytes(insn, buffer),
			       qemu_plugin_insn_size(insn));
		if (mark)
			qemu_plugin_register_vcpu_insn_exec_cb(insn, mark_cb,
							       QEMU_PLUGIN_CB_NO_REGS,
							       (void *)(uintptr_t)mark);
	}
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0 || connect(fd, (struct sockaddr *)&address, sizeof(address))) {
		fprintf(stderr, "clock: %s: %s\n", path, strerror(errno));
		return -1;
	}
	return fd;
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info,
			       int argc, char **argv)
{
	if (argc != 1 || strncmp(argv[0], "turn=", 5) || info->system.max_vcpus > MAX_CPUS) {
		fprintf(stderr, "clock: turn=SOCKET is needed, and at most %d CPUs\n",
			MAX_CPUS);
		return 1;
	}
	plugin_begin(info);
	turn = connect_to(argv[0] + 5);
	if (turn < 0)
		return 1;
	arm64 = !strcmp(info->target_name, "aarch64");
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}
