// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * classes.c - differences that are expected: the file `classes`, which says how its lines read
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "control.h"

struct class {
	char name[32], bits[4], settings[64], opcode[160], fields[128];
	unsigned int line;
	unsigned long used;
};

static struct class classes[128];
static unsigned int nr_classes;

void classes_read(const char *path)
{
	FILE *f = fopen(path, "re");
	unsigned int nr_lines = 0;
	char line[512];

	if (!f)
		die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		struct class *c = &classes[nr_classes];

		c->line = ++nr_lines;
		if (line[0] == '#' || line[0] == '\n')
			continue;
		if (sscanf(line, "%31s %3s %63s %159s %127s", c->name, c->bits, c->settings,
			   c->opcode, c->fields) != 5)
			die("%s: '%s'", path, line);
		if (++nr_classes == ARRAY_SIZE(classes))
			die("%s: too many classes", path);
	}
	fclose(f);
}

/* ---- what an instruction is ---- */

struct shape {
	char kind;		/* 'l'egacy, 'v'ex, 'e'vex */
	unsigned int map;	/* 0, 0x0f, 0x38, 0x3a; of vex and evex their number */
	unsigned int opcode, modrm;
	const uint8_t *prefixes;
	unsigned int nr_prefixes;
};

static bool is_prefix(uint8_t b, bool wide)
{
	switch (b) {
	case 0x26: case 0x2e: case 0x36: case 0x3e: case 0x64: case 0x65: case 0x66:
	case 0x67: case 0xf0: case 0xf2: case 0xf3:
		return true;
	}
	return wide && (b & 0xf0) == 0x40;
}

/* Whether b[0] begins a VEX or EVEX prefix, and how many bytes that has. */
static unsigned int vex_size(const uint8_t *b, bool wide)
{
	if (!wide && b[1] < 0xc0)
		return 0;
	return b[0] == 0xc5 ? 2 : b[0] == 0xc4 ? 3 : b[0] == 0x62 ? 4 : 0;
}

static void take_legacy(const uint8_t *b, struct shape *s)
{
	s->kind = 'l';
	s->map = 0;
	if (*b == 0x0f) {
		s->map = *b++;
		if (*b == 0x38 || *b == 0x3a)
			s->map = *b++;
	}
	s->opcode = b[0];
	s->modrm = b[1];
}

static void take_shape(const struct insn *insn, bool wide, struct shape *s)
{
	uint8_t bytes[32] = { 0 };
	const uint8_t *b = bytes;
	unsigned int n;

	memcpy(bytes, insn->bytes, insn->len);
	while (is_prefix(*b, wide))
		b++;
	s->prefixes = insn->bytes;
	s->nr_prefixes = b - bytes;
	n = vex_size(b, wide);
	if (!n) {
		take_legacy(b, s);
		return;
	}
	s->kind = n == 4 ? 'e' : 'v';
	s->map = n == 2 ? 1 : b[1] & (n == 4 ? 7 : 0x1f);
	s->opcode = b[n];
	s->modrm = b[n + 1];
}

/* FROM[-TO] */
static bool in_range(const char *rule, unsigned int v, char **end)
{
	unsigned long from = strtoul(rule, end, 16), to = from;

	if (**end == '-')
		to = strtoul(*end + 1, end, 16);
	return v >= from && v <= to;
}

/* A REX that is not the last prefix: the CPU ignores it. */
static bool has_misplaced_rex(const struct shape *s)
{
	unsigned int i;

	for (i = 1; i < s->nr_prefixes; i++)
		if ((s->prefixes[i - 1] & 0xf0) == 0x40)
			return true;
	return false;
}

/* See the file `classes`. */
static bool opcode_matches(const char *rule, const struct shape *s)
{
	unsigned long v;
	char *end;

	if (!strcmp(rule, "misplaced-rex"))
		return has_misplaced_rex(s);
	for (;;) {
		v = strtoul(rule, &end, 16);
		if (*end != '+')
			break;
		if (!memchr(s->prefixes, (int)v, s->nr_prefixes))
			return false;
		rule = end + 1;
	}
	if (*rule == '*')
		return true;
	if ((*rule == 'v' || *rule == 'e') != (s->kind != 'l'))
		return false;
	if (s->kind != 'l' && *rule++ != s->kind)
		return false;
	if (strtoul(rule, &end, 16) != s->map || *end != ':')
		return false;
	if (end[1] == '*')
		return true;
	if (!in_range(end + 1, s->opcode, &end))
		return false;
	if (*end == '=')
		return in_range(end + 1, s->modrm, &end);
	return *end != '/' || strtoul(end + 1, NULL, 16) == (s->modrm >> 3 & 7);
}

/* ---- finding a class ---- */

static bool has_word(const char *words, const char *word)
{
	size_t n = strlen(word);
	const char *p = words;

	if (!strcmp(words, "*"))
		return true;
	while ((p = strstr(p, word))) {
		if ((p == words || p[-1] == ',') && (!p[n] || p[n] == ','))
			return true;
		p += n;
	}
	return false;
}

static const char * const exit_words[] = {
	"native", "stock", "off", "step", "trap", "jump"
};

static bool any_opcode(const char *rules, const struct shape *s)
{
	char copy[160], *rule, *save;

	strcpy(copy, rules);
	for (rule = strtok_r(copy, ",", &save); rule; rule = strtok_r(NULL, ",", &save))
		if (opcode_matches(rule, s))
			return true;
	return false;
}

const char *class_of(const struct insn *insn, const struct setting *s, const char *list,
		     const char *field)
{
	struct shape shape;
	unsigned int i;

	take_shape(insn, !strcmp(list, "64"), &shape);
	for (i = 0; i < nr_classes; i++) {
		struct class *c = &classes[i];

		if (!has_word(c->bits, list) || !has_word(c->fields, field) ||
		    (!has_word(c->settings, exit_words[s->exits]) &&
		     !(s->timer && has_word(c->settings, "timer"))) ||
		    !any_opcode(c->opcode, &shape))
			continue;
		c->used++;
		return c->name;
	}
	return NULL;
}

/* Whether a setting that was run is one of the class's. */
static bool was_run(const struct class *c, const char *words)
{
	char copy[64], *word, *save;

	strcpy(copy, words);
	for (word = strtok_r(copy, ",", &save); word; word = strtok_r(NULL, ",", &save))
		if (has_word(c->settings, word))
			return true;
	return false;
}

/* A class that a full run has no use for hides what it should not, so it is named. */
void classes_print(const char *words)
{
	unsigned int i;

	for (i = 0; i < nr_classes; i++)
		if (classes[i].used)
			diag("class %s, line %u: %lu fields", classes[i].name, classes[i].line,
			     classes[i].used);
	for (i = 0; i < nr_classes; i++)
		if (!classes[i].used && was_run(&classes[i], words))
			diag("class %s, line %u: not needed in this run", classes[i].name, classes[i].line);
}
