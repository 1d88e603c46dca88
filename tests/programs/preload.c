// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Lets criu start on a kernel without network namespaces and nftables. Criu looks at both
 * before it does anything, and the program that it dumps here has no use for them.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

int unshare(int flags)
{
	flags &= ~CLONE_NEWNET;
	return flags ? syscall(SYS_unshare, flags) : 0;
}

/* libnftables ends its process so where the kernel has no netfilter. */
#define NO_NETLINK	3

void exit(int status)
{
	syscall(SYS_exit, status == NO_NETLINK ? 0 : status);
	__builtin_unreachable();
}
