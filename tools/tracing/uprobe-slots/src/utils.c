// SPDX-License-Identifier: GPL-2.0-only
/*
 * Messages, words, numbers, JSON.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "slots.h"
#include "uprobe-slots.h"
#include "utils.h"

static char *sink;
static size_t sink_size;

void messages_to(char *text, size_t size)
{
	sink = text;
	sink_size = size;
}

static void message(const char *fmt, va_list ap)
{
	if (sink) {
		vsnprintf(sink, sink_size, fmt, ap);
		return;
	}
	fflush(stdout);
	fputs("uprobe-slots: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
}

/* Prints a sentence and hands back the exit status, so: return fail(…). */
int fail(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
	return code;
}

int out_of_memory(void)
{
	return fail(EXIT_FAILED, "out of memory");
}

void note(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	message(fmt, ap);
	va_end(ap);
}

/* Lines that belong to the sentence before: indented, to be told from it. */
void say_more(const char *text)
{
	while (*text && !sink) {
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

/* The number of a task or process. */
bool parse_id(const char *text, int *id)
{
	unsigned long long value;

	if (!parse_number(text, &value) || !value || value > INT_MAX)
		return false;
	*id = (int)value;
	return true;
}

/* 1, 0.5: at most a day, so that no sum overflows. */
bool parse_seconds(const char *text, double *seconds)
{
	char *end;

	if (!isdigit((unsigned char)*text) || strspn(text, "0123456789.") != strlen(text))
		return false;
	*seconds = strtod(text, &end);
	return !*end && *seconds >= 0.01 && *seconds <= 86400;
}

/* The clock of reset_ns: it goes on in suspend. */
double now_boot(void)
{
	struct timespec now;

	clock_gettime(CLOCK_BOOTTIME, &now);
	return now.tv_sec + now.tv_nsec / 1e9;
}

int print_json(struct json_object *object)
{
	const char *text;

	if (!object)
		return out_of_memory();
	text = json_object_to_json_string_ext(object, JSON_C_TO_STRING_PLAIN |
						      JSON_C_TO_STRING_NOSLASHESCAPE);
	printf("%s\n", text);
	json_object_put(object);
	return EXIT_OK;
}

void json_add_text(struct json_object *object, const char *name, const char *text)
{
	char clean[1024];

	clean_text(clean, sizeof(clean), text, false);
	json_object_object_add(object, name, json_object_new_string(clean));
}

void json_add_number(struct json_object *object, const char *name, uint64_t value)
{
	json_object_object_add(object, name, json_object_new_uint64(value));
}

/* Not 17 digits. NAN becomes null. */
void json_add_double(struct json_object *object, const char *name, double value)
{
	struct json_object *number = NULL;
	char text[32];

	if (!isnan(value)) {
		snprintf(text, sizeof(text), "%.9g", value);
		number = json_object_new_double_s(value, text);
	}
	json_object_object_add(object, name, number);
}

/* How many bytes of a valid UTF-8 character start at @s; 0: none. */
static int utf8_len(const unsigned char *s)
{
	int len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 :
		  s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	int i;

	for (i = 1; i < len; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	/* C1 controls, overlong forms, surrogates, beyond U+10FFFF. */
	if ((len == 2 && s[0] == 0xc2 && s[1] < 0xa0) ||
	    (len == 3 && s[0] == 0xe0 && s[1] < 0xa0) ||
	    (len == 3 && s[0] == 0xed && s[1] > 0x9f) ||
	    (len == 4 && s[0] == 0xf0 && s[1] < 0x90) ||
	    (len == 4 && s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return len;
}

void clean_text(char *out, size_t size, const char *text, bool raw)
{
	const unsigned char *s = (const unsigned char *)text;
	size_t used = 0;
	int len;

	while (*s && used + 5 <= size) {
		len = utf8_len(s);
		if (len && *s >= ' ' && *s != 0x7f && !(raw && *s == '\\')) {
			memcpy(out + used, s, len);
		} else {
			sprintf(out + used, "\\%03o", *s);
			used += 4;
			s++;
			continue;
		}
		used += len;
		s += len;
	}
	out[used] = '\0';
}

const char *colour(const char *code)
{
	static int wanted = -1;
	const char *no = getenv("NO_COLOR");
	const char *term = getenv("TERM");

	if (wanted < 0)
		wanted = isatty(STDOUT_FILENO) && !(no && *no) &&
			 !(term && !strcmp(term, "dumb"));
	return wanted ? code : "";
}

/* It has grown to a power of two, so it is full where @nr is one. */
void *one_more(void *array, size_t nr, size_t size)
{
	if (nr & (nr - 1))
		return array;
	return reallocarray(array, nr ? 2 * nr : 1, size);
}

double percent(double part, double whole)
{
	return whole ? 100 * part / whole : 0;
}

/* A whole file, or NULL with errno. The caller frees it. */
char *read_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	char *text;
	int saved;

	if (fd < 0)
		return NULL;
	text = read_all(fd);
	saved = errno;
	close(fd);
	errno = saved;
	return text;
}

/* Also on a full disk, and with all of it on the disk before it has the name. */
static bool write_all(int fd, const char *text)
{
	size_t len = strlen(text);
	ssize_t n;

	while (len) {
		n = write(fd, text, len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text += n;
		len -= n;
	}
	return !fsync(fd) || errno == EINVAL || errno == EROFS;
}

int replace_file(const char *path, const char *text)
{
	char *temporary;
	bool ok;
	int fd, ret = EXIT_OK;

	if (asprintf(&temporary, "%s.XXXXXX", path) < 0)
		return out_of_memory();
	fd = mkstemp(temporary);
	ok = fd >= 0 && write_all(fd, text) && !fchmod(fd, 0644);
	if (fd >= 0 && close(fd))
		ok = false;
	if (ok && rename(temporary, path))
		ok = false;
	if (!ok) {
		ret = fail(errno == EACCES ? EXIT_NOT_PERMITTED : EXIT_FAILED, "writing %s: %m",
			   path);
		if (fd >= 0)
			unlink(temporary);
	}
	free(temporary);
	return ret;
}
