/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UTILS_H
#define UTILS_H

#include <stdbool.h>

int fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void say_more(const char *text);
bool is_option(const char *arg, const char *brief, const char *full);
bool is_one_word(const char *text);
bool parse_number(const char *text, unsigned long long *value);

#endif
