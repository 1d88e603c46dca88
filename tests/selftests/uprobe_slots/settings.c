// SPDX-License-Identifier: GPL-2.0
/* settings.c - a case under each setting of `enable`, `exits` and `emulate` */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "settings.h"

static const struct setting settings[] = {
	{ 0, "step", 0 },		/* the reference */
	{ 0, "jump", 1 },		/* emulation does not depend on enable */
	{ 1, "step", 0 }, { 1, "trap", 0 }, { 1, "jump", 0 },
	{ 1, "step", 1 }, { 1, "trap", 1 }, { 1, "jump", 1 },
};

const struct setting *setting;

static struct reference {
	int n;
	unsigned long v[8192];
} *reference;

const char *setting_name(void)
{
	static char name[64];

	if (us_mode() == US_STOCK)
		return "stock";
	snprintf(name, sizeof(name), "enable %d, exits %s, emulate %d",
		 setting->enable, setting->exits, setting->emulate);
	return name;
}

bool is_reference(void)
{
	return setting == settings;
}

/* The reference comes first in each mode. */
static bool setting_matters(void)
{
	if (is_reference())
		return true;
	if (us_mode() == US_STOCK)
		return false;
	return setting->enable == (us_mode() != US_OFF);
}

static void apply_setting(void)
{
	if (us_mode() == US_STOCK)
		return;
	us_knob("enable", setting->enable);
	us_knob("emulate", setting->emulate);
	us_exits(setting->exits);
}

struct waited {
	pid_t pid;
	int *status;
};

static bool has_ended(void *arg)
{
	struct waited *w = arg;

	return waitpid(w->pid, w->status, WNOHANG) == w->pid;
}

bool wait_for(pid_t pid, double seconds, int *status)
{
	struct waited w = { pid, status };

	if (us_poll(has_ended, &w, seconds))
		return true;
	kill(pid, SIGKILL);
	waitpid(pid, status, 0);
	return false;
}

static int run_setting(int (*fn)(void), int seconds)
{
	int st, ret;
	pid_t pid;

	fflush(stdout);
	apply_setting();
	pid = fork();
	if (pid < 0)
		us_die("fork: %s", strerror(errno));
	if (!pid) {
		ret = fn();
		fflush(stdout);
		_exit(ret);
	}
	if (!wait_for(pid, seconds, &st))
		ret = us_fail("%s: no end after %d s", setting_name(), seconds);
	else if (!WIFEXITED(st))
		ret = us_fail("%s: status %#x", setting_name(), st);
	else if (WEXITSTATUS(st) && WEXITSTATUS(st) != US_SKIP)
		ret = us_fail("%s: failed", setting_name());
	else
		ret = WEXITSTATUS(st);
	return us_probe_clear() | ret;
}

int each_setting(int (*fn)(void), int seconds)
{
	int bad = 0;

	reference = mmap(NULL, sizeof(*reference), PROT_READ | PROT_WRITE,
			 MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (reference == MAP_FAILED)
		us_die("mmap: %s", strerror(errno));
	for (setting = settings; setting < settings + ARRAY_SIZE(settings); setting++) {
		if (!setting_matters())
			continue;
		bad |= run_setting(fn, seconds);
		if (bad == US_SKIP)
			break;
	}
	return bad;
}

int same(int *at, unsigned long v, const char *what)
{
	int i = (*at)++;

	if (i >= (int)ARRAY_SIZE(reference->v))
		return us_fail("%s: too many values", what);
	if (is_reference()) {
		reference->v[i] = v;
		reference->n = i + 1;
		return 0;
	}
	if (i >= reference->n)
		return us_fail("%s: the reference has no value %d", what, i);
	return us_check(v == reference->v[i], "%s: %s: value %d is %#lx, with enable 0 %#lx",
			setting_name(), what, i, v, reference->v[i]);
}
