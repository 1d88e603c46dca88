/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What target.c and trig.c share: probes on themselves, threads on CPUs. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stdint.h>

#include "probed.h"

void die(const char *what) __attribute__((noreturn));

/* Have the calling thread run on @cpu alone. */
void pin(int cpu);

/* The probed function of that name, or NULL. */
function function_named(const char *name);

/*
 * Probe the first instruction of each of @n functions, or where they return, for
 * as long as this process lives. With @count, probe_hits() says how often the
 * probes were hit; without, nothing could cost less.
 */
void probe(const function *functions, int n, bool on_return, bool count);
uint64_t probe_hits(void);

#endif /* BENCH_BENCH_H */
