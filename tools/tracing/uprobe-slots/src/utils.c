// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages, words and numbers.
 */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "utils.h"

/* Prints a sentence and hands back the exit status, so: return fail(…). */
int fail(int code, const char *fmt, ...)
{
	int saved = errno;
	va_list ap;

	fflush(stdout);
	fputs("uprobe-slots: ", stderr);
	va_start(ap, fmt);
	errno = saved;			/* for %m */
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	return code;
}

/* Lines that belong to the sentence before: indented, to be told from it. */
void say_more(const char *text)
{
	while (*text) {
		size_t len = strcspn(text, "\n");

		if (len)
			fprintf(stderr, "  %.*s\n", (int)len, text);
		text += len;
		text += *text == '\n';
	}
}

bool is_option(const char *arg, const char *brief, const char *full)
{
	return !strcmp(arg, brief) || !strcmp(arg, full);
}

/* One word, and at most a newline behind it: what a knob holds. */
bool is_one_word(const char *text)
{
	size_t len = strcspn(text, " \t\n");

	return len && (!text[len] || !strcmp(text + len, "\n"));
}

/* Decimal digits only: no sign, no space, no hexadecimal. */
bool parse_number(const char *text, unsigned long long *value)
{
	const char *c;

	for (c = text; *c; c++)
		if (!isdigit((unsigned char)*c))
			return false;
	errno = 0;
	*value = strtoull(text, NULL, 10);
	return c != text && !errno;
}
