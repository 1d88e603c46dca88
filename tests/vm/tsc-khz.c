// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Prints the frequency of this machine's time stamp counter in kHz.
 *
 * A guest's counter is this one, emulated or not, but the guest has nothing to
 * calibrate it against: microvm lacks the speaker port that gates the PIT.
 * Without a frequency its clock would be the 4 ms of the timer interrupt.
 */
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#if defined(__x86_64__)
static uint64_t ticks(void)
{
	return __builtin_ia32_rdtsc();
}
#else
/* No counter that a guest would see: print nothing. */
static uint64_t ticks(void)
{
	return 0;
}
#endif

static uint64_t nanoseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_RAW, &now);
	return now.tv_sec * 1000000000ULL + now.tv_nsec;
}

int main(void)
{
	uint64_t ns = nanoseconds(), t = ticks(), elapsed;

	do
		elapsed = nanoseconds() - ns;
	while (elapsed < 40000000);
	t = ticks() - t;
	if (t)
		printf("%llu\n", (unsigned long long)(t * 1000000 / elapsed));
	return 0;
}
