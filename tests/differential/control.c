// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * control.c - executes instructions natively and probed, in every setting, and compares
 *
 *	control [-n] SUBJECTS CLASSES LIST64 LIST32
 *
 * SUBJECTS is the directory of subject64 and subject32. With -n everything is executed
 * natively only, for which anyone will do. See `run`.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "control.h"

#define TIMER_US	700
#define STUCK_SECONDS	6

static struct setting native = { .name = "native", .exits = EXITS_NATIVE };
static struct setting stock[] = {
	{ .name = "probed", .exits = EXITS_STOCK },
	{ .name = "probed, with a timer", .exits = EXITS_STOCK, .timer = true },
};
static struct setting slots[] = {
	{ .name = "enable 0", .exits = EXITS_OFF },
	{ .name = "exits step", .exits = EXITS_STEP },
	{ .name = "exits trap", .exits = EXITS_TRAP },
	{ .name = "exits jump", .exits = EXITS_JUMP },
	{ .name = "enable 0, emulate 1", .exits = EXITS_OFF, .emulate = true },
	{ .name = "exits step, emulate 1", .exits = EXITS_STEP, .emulate = true },
	{ .name = "exits trap, emulate 1", .exits = EXITS_TRAP, .emulate = true },
	{ .name = "exits jump, emulate 1", .exits = EXITS_JUMP, .emulate = true },
	{ .name = "enable 0, with a timer", .exits = EXITS_OFF, .timer = true },
	{ .name = "exits step, with a timer", .exits = EXITS_STEP, .timer = true },
	{ .name = "exits trap, with a timer", .exits = EXITS_TRAP, .timer = true },
	{ .name = "exits jump, with a timer", .exits = EXITS_JUMP, .timer = true },
};

static struct setting *settings = stock;
static unsigned int nr_settings = ARRAY_SIZE(stock);

static const char *subjects;
static char directory[] = "/tmp/differential.XXXXXX", chunk_path[64];

/* ---- saying things ---- */

void diag(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("# ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
}

void die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	printf("Bail out! ");
	vprintf(fmt, ap);
	printf("\n");
	va_end(ap);
	fflush(stdout);
	exit(1);
}

static double now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec + ts.tv_nsec / 1e9;
}

/* ---- lists ---- */

/* HEX[@DISPLACEMENT/LENGTH] */
static bool parse(const char *line, struct insn *insn)
{
	unsigned int byte, disp = 0, whole = 0;

	memset(insn, 0, sizeof(*insn));
	while (insn->len < 15 && sscanf(line, "%2x", &byte) == 1 && line[0] != '@') {
		insn->bytes[insn->len++] = byte;
		line += 2;
	}
	if (*line == '@' && sscanf(line, "@%u/%u", &disp, &whole) != 2)
		return false;
	insn->disp = disp;
	insn->whole = whole ? whole : insn->len;
	return insn->len && (!disp || disp + 4u <= insn->len);
}

static void read_list(struct list *l, const char *path)
{
	FILE *f = fopen(path, "re");
	char line[128];
	unsigned int room = 0;

	if (!f)
		die("%s: %s", path, strerror(errno));
	while (fgets(line, sizeof(line), f)) {
		if (l->nr == room) {
			room = room ? 2 * room : 1024;
			l->insns = realloc(l->insns, room * sizeof(*l->insns));
		}
		if (!l->insns || !parse(line, &l->insns[l->nr++]))
			die("%s: %s", path, line);
	}
	fclose(f);
}

/* ---- a chunk ---- */

struct chunk {
	const struct list *list;
	struct insn *insns;
	unsigned int nr, nr_records;
	int fd, shared_fd;
	struct shared *shared;
	struct record *records, *native;
	uint64_t *unstable;		/* of each record, the fields that are */
	uint8_t lost[CHUNK_STATIONS];	/* natively */
	int refused[CHUNK_STATIONS];	/* -1: not known */
};

/* Operands relative to the instruction pointer are in the data page. */
static void aim(struct insn *insn, unsigned int at)
{
	int32_t disp = DATA_OFFSET + DATA_SIZE / 2 - (at + insn->whole);

	if (insn->disp)
		memcpy(insn->bytes + insn->disp, &disp, 4);
}

static void write_chunk(struct chunk *c)
{
	static uint8_t file[CHUNK_STATIONS * STATION_SIZE];
	unsigned int i;

	memset(file, STATION_FILL, sizeof(file));
	for (i = 0; i < c->nr; i++) {
		aim(&c->insns[i], station_insn(i));
		memcpy(file + station_insn(i), c->insns[i].bytes, c->insns[i].len);
	}
	c->fd = open(chunk_path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0755);
	if (c->fd < 0 || write(c->fd, file, sizeof(file)) != sizeof(file))
		die("%s: %s", chunk_path, strerror(errno));
}

static void open_chunk(struct chunk *c)
{
	size_t size = SHARED_SIZE(c->nr, c->list->maps);

	write_chunk(c);
	c->nr_records = c->nr * c->list->maps * NR_STATES;
	c->shared_fd = memfd_create("shared", MFD_CLOEXEC);
	if (c->shared_fd < 0 || ftruncate(c->shared_fd, size))
		die("memfd: %s", strerror(errno));
	c->shared = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, c->shared_fd, 0);
	c->native = calloc(c->nr_records, sizeof(*c->native));
	c->unstable = calloc(c->nr_records, sizeof(*c->unstable));
	if (c->shared == MAP_FAILED || !c->native || !c->unstable)
		die("no memory");
	c->records = (void *)((char *)c->shared + SHARED_HEADER);
	c->shared->nr_stations = c->nr;
	c->shared->nr_maps = c->list->maps;
	memset(c->refused, -1, sizeof(c->refused));
}

static void close_chunk(struct chunk *c)
{
	munmap(c->shared, SHARED_SIZE(c->nr, c->list->maps));
	close(c->shared_fd);
	close(c->fd);
	unlink(chunk_path);
	free(c->native);
	free(c->unstable);
}

/* ---- the subject ---- */

static void __attribute__((noreturn)) become_subject(const struct chunk *c)
{
	char path[512], *const nothing[] = { path, NULL };
	int shared = fcntl(c->shared_fd, F_DUPFD, 10), chunk = fcntl(c->fd, F_DUPFD, 10);
	cpu_set_t first;

	/* cpuid and the like say on which CPU they are. */
	CPU_ZERO(&first);
	CPU_SET(0, &first);
	sched_setaffinity(0, sizeof(first), &first);
	personality(ADDR_NO_RANDOMIZE);
	snprintf(path, sizeof(path), "%s/subject%s", subjects, c->list->name);
	if (dup2(shared, SHARED_FD) < 0 || dup2(chunk, CHUNK_FD) < 0)
		_exit(127);
	close(shared);
	close(chunk);
	execve(path, nothing, nothing + 1);
	_exit(127);
}

/* Waits while the subject gets on. */
static int wait_subject(pid_t pid, const struct shared *shared)
{
	volatile const uint32_t *current = &shared->current;
	uint32_t last = 0;
	double since = now();
	int status;

	while (waitpid(pid, &status, WNOHANG) != pid) {
		if (*current != last) {
			last = *current;
			since = now();
		}
		if (now() - since > STUCK_SECONDS)
			kill(pid, SIGKILL);
		usleep(2000);
	}
	return status;
}

static struct insn *current_insn(struct chunk *c, uint32_t current)
{
	return &c->insns[(current - 1) / NR_STATES % c->nr];
}

static void tell_slot_ip(struct chunk *c, struct setting *s)
{
	const struct shared *sh = c->shared;

	if (sh->slot_ips && sh->slot_current)
		compare_other(s, c->list, current_insn(c, sh->slot_current), "slotip",
			      "%#jx in the frame of %u signals", sh->slot_ip, sh->slot_ips);
}

/*
 * Runs the subject until it has been through all stations. A station that it does not
 * survive is named, and skipped. Returns how many those were.
 */
static unsigned int run_subject(struct chunk *c, struct setting *s)
{
	struct shared *sh = c->shared;
	unsigned int lost = 0;
	int status;
	pid_t pid;

	memset(c->records, 0, c->nr_records * sizeof(*c->records));
	memcpy(sh->skip, c->lost, sizeof(sh->skip));
	sh->timer_us = s->timer ? TIMER_US : 0;
	for (;;) {
		sh->current = sh->alarms = sh->slot_ips = 0;
		fflush(stdout);
		pid = fork();
		if (!pid)
			become_subject(c);
		status = wait_subject(pid, sh);
		s->alarms += sh->alarms;
		tell_slot_ip(c, s);
		if (!status)
			return lost;
		if (!sh->current)
			die("subject%s cannot start: status %#x", c->list->name, status);
		compare_other(s, c->list, current_insn(c, sh->current), "end",
			      "state %u: status %#x", (sh->current - 1) % NR_STATES, status);
		s->lost++;
		lost++;
		sh->skip[(sh->current - 1) / NR_STATES % c->nr] = 1;
	}
}

/* ---- natively ---- */

static void take_pair(const struct chunk *c, unsigned int i, struct pair *p)
{
	p->list = c->list;
	p->insn = &c->insns[i / NR_STATES % c->nr];
	p->map = i / NR_STATES / c->nr;
	p->state = i % NR_STATES;
	p->native = &c->native[i];
	p->probed = &c->records[i];
	p->ignored = c->unstable[i];
}

/* Twice: what differs then says nothing later. */
static void run_native(struct chunk *c)
{
	struct pair p = { .before = NULL };
	unsigned int i, station;
	uint64_t told = 0;

	run_subject(c, &native);
	memcpy(c->lost, c->shared->skip, sizeof(c->lost));
	memcpy(c->native, c->records, c->nr_records * sizeof(*c->records));
	run_subject(c, &native);
	memcpy(c->lost, c->shared->skip, sizeof(c->lost));
	for (i = 0; i < c->nr_records; i++) {
		station = i / NR_STATES % c->nr;
		if (i % NR_STATES == 0)
			told = 0;
		native.executed++;
		c->unstable[i] = c->lost[station] ? -1ull :
				 record_differs(&c->native[i], &c->records[i]);
		if (c->lost[station] || !(c->unstable[i] & ~told))
			continue;
		told |= c->unstable[i];
		take_pair(c, i, &p);
		p.ignored = 0;
		compare_pair(&native, &p);
	}
}

/* ---- probed ---- */

static void compare_hits(struct chunk *c, struct setting *s, const uint64_t *before,
			 const uint64_t *after)
{
	uint64_t want = (uint64_t)c->list->maps * NR_STATES, hits;
	unsigned int i;

	for (i = 0; i < c->nr; i++) {
		hits = after[i] - before[i];
		if (c->lost[i])
			continue;
		if (c->refused[i] < 0)
			c->refused[i] = !hits;
		s->refused += !hits;
		s->probes++;
		if (c->refused[i] ? hits : hits != want) {
			s->wrong_hits++;
			compare_other(s, c->list, &c->insns[i],
				      hits > want ? "morehits" : "hits", "%ju, not %ju",
				      hits, c->refused[i] ? 0 : want);
		}
	}
}

static void compare_all(struct chunk *c, struct setting *s)
{
	struct pair p = { .before = NULL };
	unsigned int i, station;

	for (i = 0; i < c->nr_records; i++) {
		station = i / NR_STATES % c->nr;
		if (c->lost[station] || c->shared->skip[station])
			continue;
		s->executed++;
		take_pair(c, i, &p);
		compare_pair(s, &p);
		p.before = p.probed;
	}
}

static void add_stats(struct setting *s, const uint64_t *before, const uint64_t *after)
{
	unsigned int i;

	for (i = 0; i < 4; i++)
		s->ended[i] += after[i] - before[i];
	s->promoted += after[4] - before[4];
}

static void run_setting(struct chunk *c, struct setting *s)
{
	static uint64_t hits[2][CHUNK_STATIONS];
	uint64_t stats[2][5] = { { 0 } };
	unsigned int lost;

	knobs_set(s);
	probes_hits(c->nr, hits[0]);
	if (have_slots())
		stats_read(stats[0], &stats[0][4]);
	lost = run_subject(c, s);
	if (have_slots())
		stats_read(stats[1], &stats[1][4]);
	probes_hits(c->nr, hits[1]);
	add_stats(s, stats[0], stats[1]);
	compare_all(c, s);
	/* A subject that had to start anew hit some of them twice. */
	if (!lost)
		compare_hits(c, s, hits[0], hits[1]);
}

static void run_chunk(const struct list *l, unsigned int first)
{
	struct chunk c = { .list = l, .insns = l->insns + first };
	unsigned int i;

	c.nr = l->nr - first < CHUNK_STATIONS ? l->nr - first : CHUNK_STATIONS;
	open_chunk(&c);
	run_native(&c);
	if (nr_settings)
		probes_add(chunk_path, c.nr);
	for (i = 0; i < nr_settings; i++)
		run_setting(&c, &settings[i]);
	if (nr_settings)
		probes_remove();
	close_chunk(&c);
}

/* ---- results ---- */

static unsigned int cases, failed;

static void result(bool ok, const char *list, const char *name)
{
	printf("%sok %u - %s-bit, %s\n", ok ? "" : "not ", ++cases, list, name);
	fflush(stdout);
	failed += !ok;
}

/* An exit that nothing took was not tested. */
static bool took_its_exit(const struct setting *s)
{
	switch (s->exits) {
	case EXITS_STEP: return s->ended[0];
	case EXITS_TRAP: return s->ended[1];
	case EXITS_JUMP: return s->ended[2];
	case EXITS_OFF: return !(s->ended[0] | s->ended[1] | s->ended[2] | s->ended[3]);
	default: return true;
	}
}

static bool judge(const struct setting *s)
{
	bool ok = s->executed && !s->unexpected;

	if (!took_its_exit(s)) {
		diag("%s: this exit was not taken, or slots were", s->name);
		ok = false;
	}
	if (s->probes && s->refused * 4 > s->probes * 3) {
		diag("%s: the kernel refuses most probes", s->name);
		ok = false;
	}
	if (s->timer && !s->alarms) {
		diag("%s: no signal came", s->name);
		ok = false;
	}
	return ok;
}

static void report(struct setting *s, const char *list)
{
	diag("%s: %lu executed, %lu differ as known, %lu unexpected, %lu lost, %lu wrong counts, "
	     "%lu not probed; ended by step %ju trap %ju jump %ju itself %ju, promoted %ju; "
	     "%lu signals", s->name, s->executed, s->known, s->unexpected, s->lost,
	     s->wrong_hits, s->refused, s->ended[0], s->ended[1], s->ended[2], s->ended[3],
	     s->promoted, s->alarms);
	result(judge(s), list, s->name);
	s->executed = s->known = s->unexpected = s->lost = s->refused = s->wrong_hits = 0;
	s->alarms = s->promoted = s->probes = 0;
	memset(s->ended, 0, sizeof(s->ended));
}

static void run_list(const struct list *l)
{
	double start = now();
	unsigned int i;

	for (i = 0; i < l->nr; i += CHUNK_STATIONS)
		run_chunk(l, i);
	diag("%s-bit: %u instructions, %d states, %d mappings: %.0f s", l->name, l->nr,
	     NR_STATES, l->maps, now() - start);
	report(&native, l->name);
	for (i = 0; i < nr_settings; i++)
		report(&settings[i], l->name);
}

static void choose_settings(bool only_native)
{
	if (only_native) {
		nr_settings = 0;
	} else if (have_slots()) {
		settings = slots;
		nr_settings = ARRAY_SIZE(slots);
	} else if (getenv("UPROBE_SLOTS_EXPECTED")) {
		die("this kernel has no uprobe slots");
	}
}

static void prepare(void)
{
	if (!mkdtemp(directory))
		die("%s: %s", directory, strerror(errno));
	snprintf(chunk_path, sizeof(chunk_path), "%s/chunk", directory);
	if (!nr_settings)
		return;
	probes_remove();
	knobs_save();
}

int main(int argc, char **argv)
{
	struct list lists[] = { { .name = "64", .maps = 2 }, { .name = "32", .maps = 1 } };
	bool only_native = argc > 1 && !strcmp(argv[1], "-n");
	unsigned int i;

	argv += only_native;
	if (argc - only_native != 5)
		die("usage: control [-n] SUBJECTS CLASSES LIST64 LIST32");
	setvbuf(stdout, NULL, _IOLBF, 0);
	subjects = argv[1];
	classes_read(argv[2]);
	choose_settings(only_native);
	prepare();
	printf("1..%zu\n", (nr_settings + 1) * ARRAY_SIZE(lists));
	for (i = 0; i < ARRAY_SIZE(lists); i++) {
		read_list(&lists[i], argv[3 + i]);
		run_list(&lists[i]);
	}
	classes_print(!nr_settings ? "native" : settings == slots ?
		      "native,off,step,trap,jump,timer" : "native,stock,timer");
	if (nr_settings)
		knobs_restore();
	rmdir(directory);
	return failed != 0;
}
