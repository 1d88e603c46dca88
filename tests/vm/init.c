// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * PID 1 of a test guest.
 *
 * The kernel mounts the host's root read-only over 9p and starts this. It lays
 * a tmpfs over that root, mounts what programs expect, runs the job as root,
 * and reports the job's status on a virtio-serial port of its own, because
 * the console may lose or mangle a line and the status must not.
 *
 * A static binary rather than a script: emulated, each process that a script
 * would start costs tens of milliseconds, and a 9p root of another
 * architecture need not have any tool for it.
 *
 * The kernel passes "NAME=value" words of its command line as environment:
 *   VM_JOB      the script to run
 *   VM_CHECKOUT where to mount the checkout, if the root does not contain it
 *   VM_OUT      set: mount the host's shared directory on /mnt/out
 *   VM_TMP      set: mount a tmpfs on /tmp (not set if the checkout is there)
 *   VM_SHELL    the terminal to run the job on, as a session leader
 *   VM_TIMEOUT  seconds after which the host gives up
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define P9_OPTIONS	"trans=virtio,version=9p2000.L,msize=262144"
/* Seconds before the host's time-out to show what the guest hangs in. */
#define SHOW_BEFORE	4

static const struct {
	const char *type, *dir, *options;
} mounts[] = {
	{ "proc",	"/proc",		NULL },
	{ "sysfs",	"/sys",			NULL },
	{ "devtmpfs",	"/dev",			NULL },
	{ "devpts",	"/dev/pts",		"mode=620,ptmxmode=666" },
	{ "tmpfs",	"/dev/shm",		"mode=1777" },
	{ "tmpfs",	"/run",			"mode=755" },
	{ "tracefs",	"/sys/kernel/tracing",	NULL },
	{ "debugfs",	"/sys/kernel/debug",	NULL },
	{ "securityfs",	"/sys/kernel/security",	NULL },
	{ "cgroup2",	"/sys/fs/cgroup",	NULL },
};

/* Ends the guest; QEMU runs with -no-reboot, so that a restart is an exit. */
static void restart(void)
{
	sync();
	reboot(RB_AUTOBOOT);
	for (;;)
		pause();
}

static void fail(const char *what)
{
	/* The kernel opened the console on 0, 1 and 2. */
	dprintf(2, "init: %s: %s\n", what, strerror(errno));
	restart();
}

static void mount_or_fail(const char *source, const char *dir,
			  const char *type, unsigned long flags,
			  const char *options)
{
	/* A directory that is there already is the usual case. */
	mkdir(dir, 0755);
	if (mount(source, dir, type, flags, options))
		fail(dir);
}

/* Lays a tmpfs over the read-only root and makes the two the new root. */
static void overlay_root(void)
{
	mount_or_fail("tmpfs", "/tmp", "tmpfs", 0, "mode=1777");
	mkdir("/tmp/upper", 0755);
	mkdir("/tmp/work", 0755);
	mount_or_fail("root", "/tmp/root", "overlay", 0,
		      "lowerdir=/,upperdir=/tmp/upper,workdir=/tmp/work");
	/* pivot_root(".", "."): the old root ends up below the new one. */
	if (chdir("/tmp/root") || syscall(SYS_pivot_root, ".", ".") ||
	    umount2(".", MNT_DETACH) || chdir("/"))
		fail("pivot_root");
}

static void mkdir_all(const char *path)
{
	char part[4096];
	size_t i;

	for (i = 1; path[i] && i < sizeof(part) - 1; i++)
		if (path[i] == '/') {
			memcpy(part, path, i);
			part[i] = 0;
			mkdir(part, 0755);
		}
	mkdir(path, 0755);
}

/* The checkout at its own path, writable for the guest as on a host root. */
static void mount_checkout(const char *dir)
{
	mkdir_all(dir);
	mkdir("/run/checkout", 0755);
	mount_or_fail("checkout", "/run/checkout/lower", "9p", MS_RDONLY,
		      P9_OPTIONS ",cache=loose");
	mkdir("/run/checkout/upper", 0755);
	mkdir("/run/checkout/work", 0755);
	mount_or_fail("checkout", dir, "overlay", 0,
		      "lowerdir=/run/checkout/lower,upperdir=/run/checkout/upper,workdir=/run/checkout/work");
}

static void loopback_up(void)
{
	struct ifreq req = { .ifr_name = "lo" };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || ioctl(fd, SIOCGIFFLAGS, &req))
		fail("lo");
	req.ifr_flags |= IFF_UP;
	if (ioctl(fd, SIOCSIFFLAGS, &req))
		fail("lo");
	close(fd);
}

/* There is no udev: finds a virtio-serial port by its name. */
static int open_port(const char *name)
{
	DIR *dir = opendir("/sys/class/virtio-ports");
	struct dirent *entry;
	char path[512], text[64];
	int fd = -1;

	while (dir && fd < 0 && (entry = readdir(dir))) {
		int attr;
		ssize_t n;

		snprintf(path, sizeof(path), "/sys/class/virtio-ports/%s/name",
			 entry->d_name);
		attr = open(path, O_RDONLY | O_CLOEXEC);
		if (attr < 0)
			continue;
		n = read(attr, text, sizeof(text) - 1);
		close(attr);
		if (n <= 0)
			continue;
		text[n] = 0;
		text[strcspn(text, "\n")] = 0;
		if (strcmp(text, name))
			continue;
		snprintf(path, sizeof(path), "/dev/%s", entry->d_name);
		fd = open(path, O_RDWR | O_CLOEXEC);
	}
	if (dir)
		closedir(dir);
	if (fd < 0)
		fail(name);
	return fd;
}

static void write_all(int fd, const char *data, size_t size)
{
	while (size) {
		ssize_t n = write(fd, data, size);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return;
		data += n;
		size -= n;
	}
}

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	if (fd >= 0) {
		write_all(fd, text, strlen(text));
		close(fd);
	}
}

static void run_job(const char *job, int out)
{
	const char *terminal = getenv("VM_SHELL");
	int fd;

	setsid();
	if (terminal) {
		/* 0, 1 and 2 are /dev/console, which no session can own. */
		fd = open(terminal, O_RDWR);
		ioctl(fd, TIOCSCTTY, 1);
		dup2(fd, 0);
		dup2(fd, 1);
		dup2(fd, 2);
	} else {
		fd = open("/dev/null", O_RDONLY);
		dup2(fd, 0);
		dup2(out, 1);
		dup2(out, 2);
	}
	if (fd > 2)
		close(fd);
	/* What the job gets is what the host side wrote into it. */
	clearenv();
	execl("/bin/bash", "bash", job, NULL);
	dprintf(2, "init: /bin/bash: %s\n", strerror(errno));
	_exit(127);
}

/* One second of polling more or less does not matter here. */
static int seconds_up(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec;
}

/* What the tasks hang in, for the console log of a run that times out. */
static void show_hang(void)
{
	write_file("/proc/sysrq-trigger", "l");
	write_file("/proc/sysrq-trigger", "w");
}

/*
 * Copies the job's output to the port and reaps until the job has ended. The
 * job gets a pipe and not the port itself, since a port opens only once, and
 * scripts do open /dev/stderr.
 */
static int attend(pid_t job, int from, int to)
{
	const char *limit = getenv("VM_TIMEOUT");
	int deadline = limit ? atoi(limit) - SHOW_BEFORE : 0;
	char data[65536];
	int status = 0;
	pid_t pid;

	for (;;) {
		struct pollfd in = { .fd = from, .events = POLLIN };
		ssize_t n = 0;

		poll(&in, 1, 100);
		if (in.revents)
			n = read(from, data, sizeof(data));
		if (n > 0) {
			write_all(to, data, n);
			continue;
		}
		while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
			if (pid == job)
				goto ended;
		if (deadline > 0 && seconds_up() >= deadline) {
			deadline = 0;
			show_hang();
		}
	}
ended:
	/* Background processes may keep the pipe open: take what is there. */
	fcntl(from, F_SETFL, O_NONBLOCK);
	for (;;) {
		ssize_t n = read(from, data, sizeof(data));

		if (n <= 0)
			break;
		write_all(to, data, n);
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

int main(void)
{
	const char *job = getenv("VM_JOB");
	const char *checkout = getenv("VM_CHECKOUT");
	int out[2], port, verdict, status;
	char text[16];
	size_t i;
	pid_t pid;

	overlay_root();
	for (i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++)
		mount_or_fail(mounts[i].type, mounts[i].dir, mounts[i].type, 0,
			      mounts[i].options);
	if (getenv("VM_TMP"))
		mount_or_fail("tmpfs", "/tmp", "tmpfs", 0, "mode=1777");
	if (checkout)
		mount_checkout(checkout);
	if (getenv("VM_OUT"))
		mount_or_fail("out", "/mnt/out", "9p", 0, P9_OPTIONS);
	symlink("/proc/self/fd", "/dev/fd");
	symlink("/proc/self/fd/0", "/dev/stdin");
	symlink("/proc/self/fd/1", "/dev/stdout");
	symlink("/proc/self/fd/2", "/dev/stderr");
	loopback_up();
	sethostname("uprobe-slots", strlen("uprobe-slots"));
	verdict = open_port("verdict");
	port = open_port("out");
	if (pipe2(out, O_CLOEXEC))
		fail("pipe");

	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid)
		run_job(job, out[1]);
	status = attend(pid, out[0], port);
	snprintf(text, sizeof(text), "%d\n", status);
	write_all(verdict, text, strlen(text));
	restart();
	return 0;
}
