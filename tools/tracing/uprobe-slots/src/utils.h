/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef UTILS_H
#define UTILS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <json-c/json.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))

int fail(int code, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int out_of_memory(void);
void note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void say_more(const char *text);
/* Messages go to @text (the last one wins) in place of stderr; NULL: back. */
void messages_to(char *text, size_t size);

bool is_option(const char *arg, const char *brief, const char *full);
bool is_one_word(const char *text);
bool parse_number(const char *text, unsigned long long *value);
bool parse_id(const char *text, int *id);
bool parse_seconds(const char *text, double *seconds);

double now_boot(void);

/* A line end is added. Takes over @object. */
int print_json(struct json_object *object);
void json_add_text(struct json_object *object, const char *name, const char *text);
void json_add_number(struct json_object *object, const char *name, uint64_t value);
void json_add_double(struct json_object *object, const char *name, double value);

/*
 * @out gets @text in printable UTF-8: what is not so becomes \ooo, and with
 * @raw a backslash too, as the kernel writes names in its files.
 */
void clean_text(char *out, size_t size, const char *text, bool raw);

#define BOLD	"\033[1m"
#define NORMAL	"\033[m"
/* @code where colour is wanted, else "". */
const char *colour(const char *code);

/*
 * @array, with room behind its @nr elements of @size bytes for one more. NULL without
 * memory: then @array is as it was.
 */
void *one_more(void *array, size_t nr, size_t size);

double percent(double part, double whole);
char *read_file(const char *path);
/* A reader sees the old text or the new one. A failure has said why. */
int replace_file(const char *path, const char *text);

#endif
