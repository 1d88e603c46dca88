// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * qemu-plugin.c - lets a plugin, once built, work with QEMU 7.2 and 10
 *
 * QEMU loads only a plugin that names a version of the interface that it supports:
 * 7.2 supports 0 and 1, 10.0 supports 2 to 4. What meter.c and clock.c use is in all of
 * them, and differs in one function.
 */
#include <dlfcn.h>

#include "qemu-plugin.h"

__attribute__((visibility("default"))) int qemu_plugin_version = 1;

static bool data_is_copied;
static void *insn_data;

/* Runs before QEMU reads the version. Scoreboards came with version 2. */
__attribute__((constructor)) static void look_around(void)
{
	insn_data = dlsym(RTLD_DEFAULT, "qemu_plugin_insn_data");
	if (dlsym(RTLD_DEFAULT, "qemu_plugin_scoreboard_new"))
		qemu_plugin_version = 2;
}

void plugin_begin(const struct qemu_info *info)
{
	data_is_copied = info->version.cur >= 3;
}

const void *insn_bytes(const struct qemu_plugin_insn *insn, uint8_t buffer[MAX_INSN])
{
	typedef const void *(*points)(const struct qemu_plugin_insn *insn);
	typedef size_t (*copies)(const struct qemu_plugin_insn *insn, void *to, size_t size);

	if (!data_is_copied)
		return ((points)insn_data)(insn);
	((copies)insn_data)(insn, buffer, MAX_INSN);
	return buffer;
}
