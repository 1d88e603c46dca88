/* SPDX-License-Identifier: GPL-2.0 */
/*
 * settings.h - a case under each setting of `enable`, `exits` and `emulate`
 *
 * The first setting, enable 0, is what stock kernels do. It is the reference
 * for same(). On a kernel without slots it is the only one.
 */
#ifndef _US_SETTINGS_H
#define _US_SETTINGS_H

#include <stdbool.h>
#include <sys/types.h>

struct setting {
	int enable;
	const char *exits;
	int emulate;
};

extern const struct setting *setting;		/* the one that is tried */

/* "enable 1, exits jump, emulate 0" */
const char *setting_name(void);
bool is_reference(void);

/*
 * Call @fn under each setting that the mode of the case has, in a process of
 * its own. A process that has not ended after @seconds is killed, and that is
 * a failure. A skip ends the series, but keeps a failure before it.
 */
int each_setting(int (*fn)(void), int seconds);

/* Value number *@at is what it was under the reference. Increments *@at. */
int same(int *at, unsigned long v, const char *what);

/*
 * Wait until @pid ends; kill it after @seconds. False if it had to be killed.
 */
bool wait_for(pid_t pid, double seconds, int *status);

#endif
