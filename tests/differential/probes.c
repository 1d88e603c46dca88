// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * probes.c - tracefs: the knobs, and one event with a probe on each station of a chunk
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "control.h"

#define GROUP	"usdiff"
#define EVENT	"station"

static void write_file(const char *path, int flags, const char *text, size_t len)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC | flags);

	errno = fd < 0 ? errno : 0;
	if (fd < 0 || write(fd, text, len) != (ssize_t)len)
		die("%s: %s", path, strerror(errno));
	close(fd);
}

static void write_text(const char *path, const char *text)
{
	write_file(path, 0, text, strlen(text));
}

static char *slurp(const char *path)
{
	size_t size = 1 << 20, n = 0;
	char *buf = malloc(size);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t r;

	if (fd < 0 || !buf)
		die("%s: %s", path, strerror(errno));
	while ((r = read(fd, buf + n, size - 1 - n)) > 0) {
		n += r;
		if (size - 1 - n < 4096)
			buf = realloc(buf, size *= 2);
	}
	if (r < 0)
		die("%s: %s", path, strerror(errno));
	close(fd);
	buf[n] = '\0';
	return buf;
}

/* ---- knobs ---- */

static const char * const knobs[] = { "enable", "emulate", "area_pages", "exits" };
static char *saved[ARRAY_SIZE(knobs)];

bool have_slots(void)
{
	return !access(SLOTS "/stats", F_OK);
}

static void knob(const char *name, const char *value)
{
	char path[128];

	snprintf(path, sizeof(path), SLOTS "/%s", name);
	write_text(path, value);
}

void knobs_save(void)
{
	char path[128];
	unsigned int i;

	write_text(TRACING "/tracing_on", "0");
	for (i = 0; have_slots() && i < ARRAY_SIZE(knobs); i++) {
		snprintf(path, sizeof(path), SLOTS "/%s", knobs[i]);
		saved[i] = slurp(path);
	}
}

void knobs_restore(void)
{
	unsigned int i;

	for (i = 0; have_slots() && i < ARRAY_SIZE(knobs); i++)
		knob(knobs[i], saved[i]);
	write_text(TRACING "/tracing_on", "1");
}

void knobs_set(const struct setting *s)
{
	static const char * const words[] = {
		[EXITS_STEP] = "step", [EXITS_TRAP] = "trap", [EXITS_JUMP] = "jump",
	};

	if (s->exits == EXITS_NATIVE || s->exits == EXITS_STOCK)
		return;
	/* A jump needs a slot for each station. */
	knob("area_pages", "16");
	knob("enable", s->exits == EXITS_OFF ? "0" : "1");
	knob("emulate", s->emulate ? "1" : "0");
	if (s->exits != EXITS_OFF)
		knob("exits", words[s->exits]);
}

void stats_read(uint64_t ended[4], uint64_t *promoted)
{
	static const char * const names[] = {
		"slot_exit_step ", "slot_exit_trap ", "slot_exit_jump ", "slot_exit_none ",
		"slot_exit_promoted ",
	};
	char *text = slurp(SLOTS "/stats"), *line;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(names); i++) {
		line = strstr(text, names[i]);
		if (!line)
			die("stats has no line %s", names[i]);
		*(i < 4 ? &ended[i] : promoted) =
			strtoull(line + strlen(names[i]), NULL, 10);
	}
	free(text);
}

/* ---- probes ---- */

void probes_add(const char *path, unsigned int nr)
{
	char *text = malloc(nr * (strlen(path) + 64)), *p = text;
	unsigned int i;

	for (i = 0; i < nr; i++)
		p += sprintf(p, "p:" GROUP "/" EVENT " %s:0x%x\n", path, station_insn(i));
	write_file(TRACING "/uprobe_events", O_APPEND, text, p - text);
	free(text);
	write_text(TRACING "/events/" GROUP "/" EVENT "/enable", "1");
}

/* The lines are in the order in which the probes were added. */
void probes_hits(unsigned int nr, uint64_t *hits)
{
	char *text = slurp(TRACING "/uprobe_profile"), *line, *save, name[64];
	unsigned int n = 0;
	uint64_t v;

	for (line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		if (sscanf(line, "%*s %63s %ju", name, &v) == 2 && !strcmp(name, EVENT) &&
		    n < nr)
			hits[n++] = v;
	if (n != nr)
		die("uprobe_profile has %u of %u probes", n, nr);
	free(text);
}

void probes_remove(void)
{
	static const char remove[] = "-:" GROUP "/\n";
	int tries, fd;

	if (access(TRACING "/events/" GROUP, F_OK))
		return;
	write_text(TRACING "/events/" GROUP "/enable", "0");
	/* Just disabled, it may be busy for a moment. */
	for (tries = 0; tries < 1000; tries++) {
		fd = open(TRACING "/uprobe_events", O_WRONLY | O_APPEND | O_CLOEXEC);
		if (fd >= 0 && write(fd, remove, sizeof(remove) - 1) > 0) {
			close(fd);
			return;
		}
		close(fd);
		usleep(10000);
	}
	die("cannot remove the probes: %s", strerror(errno));
}
