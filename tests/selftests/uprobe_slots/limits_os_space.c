// SPDX-License-Identifier: GPL-2.0
/*
 * limits_os_space.c - where an address space has room, and how much (P9)
 *
 * A probed instruction executes, wherever [uprobes] finds a place, and hits count
 * once. Without any place it is as on stock, whatever that is, and the program can
 * be killed.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "limits_os.h"

#define HIT_ROUNDS	20
#define MAP_COUNT	"/proc/sys/vm/max_map_count"
#define LOW_MAP_COUNT	1000

/* ---- limits --------------------------------------------------------------------- */

static void limit(int what, rlim_t value)
{
	struct rlimit r = { value, value };

	if (setrlimit(what, &r))
		us_die("setrlimit: %s", strerror(errno));
}

/* No page more than there is. */
static void limit_as(void)
{
	static char line[4096];
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);

	if (fd < 0 || read(fd, line, sizeof(line) - 1) <= 0)
		us_die("/proc/self/statm: %s", strerror(errno));
	close(fd);
	limit(RLIMIT_AS, atol(line) * sysconf(_SC_PAGESIZE));
	if (mmap(NULL, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED)
		us_die("RLIMIT_AS does nothing");
}

/* Map until no mapping more is allowed: page by page, each unlike the one before. */
static void reach_map_count(void)
{
	long page = sysconf(_SC_PAGESIZE);
	char *mem;
	int i;

	mem = mmap(NULL, 2 * LOW_MAP_COUNT * page, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (mem == MAP_FAILED)
		us_die("mmap: %s", strerror(errno));
	for (i = 0; i < LOW_MAP_COUNT; i++)
		if (mprotect(mem + 2 * i * page, page, PROT_NONE))
			return;
	us_die(MAP_COUNT " does nothing");
}

/* Take all room there is, and give @pages of it back. */
static void fill(int pages)
{
	long page = sysconf(_SC_PAGESIZE);
	size_t size = 1ul << 46;
	char *last = NULL, *p;

	while (size >= (size_t)page) {
		p = mmap(NULL, size, PROT_NONE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (p == MAP_FAILED)
			size /= 2;
		else if (size >= 64 * (size_t)page || !last)
			last = p;
	}
	if (pages && munmap(last + 8 * page, pages * page))
		us_die("munmap: %s", strerror(errno));
}

/* ---- the program that is hit ------------------------------------------------------ */

static const char *word;

static bool asked_for(const char *text)
{
	return !strcmp(word, text);
}

/* "--hit LIMIT": after exec, in an address space that has not been hit yet. */
int hit_main(int argc, char **argv)
{
	word = argc ? argv[0] : "";
	if (asked_for("as"))
		limit_as();
	else if (asked_for("map_count"))
		reach_map_count();
	else if (asked_for("one page"))
		fill(1);
	else if (asked_for("three pages"))
		fill(3);
	else if (asked_for("no page"))
		fill(0);
	_exit(call_targets(HIT_ROUNDS) ? 1 : 0);
}

/* ---- before exec ------------------------------------------------------------------- */

static void none(void)
{
}

static void no_randomize(void)
{
	if (personality(ADDR_NO_RANDOMIZE) == -1)
		us_die("personality: %s", strerror(errno));
}

static void unlimited_stack(void)
{
	limit(RLIMIT_STACK, RLIM_INFINITY);
}

static void both(void)
{
	no_randomize();
	unlimited_stack();
}

static void compat_layout(void)
{
	if (personality(ADDR_COMPAT_LAYOUT | ADDR_NO_RANDOMIZE | READ_IMPLIES_EXEC) == -1)
		us_die("personality: %s", strerror(errno));
}

static void small_stack(void)
{
	limit(RLIMIT_STACK, 256 << 10);
}

static const struct space {
	const char *name, *word;	/* @word: for hit_main() */
	void (*before)(void);
} list[] = {
	{ "as ever", "", none },
	{ "not randomized", "", no_randomize },
	{ "unlimited stack", "", unlimited_stack },
	{ "not randomized, unlimited stack", "", both },
	{ "compat layout", "", compat_layout },
	{ "a small stack", "", small_stack },
	{ "RLIMIT_AS reached", "as", none },
	{ "max_map_count reached", "map_count", none },
	{ "one page is free", "one page", none },
	{ "three pages are free", "three pages", none },
};

/* ---- 64 bits ------------------------------------------------------------------------- */

static pid_t start_hits(const struct space *s)
{
	pid_t pid = fork();

	if (pid < 0)
		us_die("fork: %s", strerror(errno));
	if (!pid) {
		s->before();
		execl(us_self(), "limits_os", "--hit", s->word, NULL);
		_exit(99);
	}
	return pid;
}

static int hits_in(const struct space *s)
{
	uint64_t hits = us_hits("space");
	pid_t pid = start_hits(s);
	int st;

	if (!wait_for(pid, 20, &st))
		return us_fail("%s: %s: no end; %ju hits, expected %ld", setting_name(), s->name,
			       us_hits("space") - hits, HIT_ROUNDS * NR_HT);
	hits = us_hits("space") - hits;
	return us_check(!st, "%s: %s: status %#x", setting_name(), s->name, st) |
	       us_check(hits == HIT_ROUNDS * (uint64_t)NR_HT, "%s: %s: %ju hits, expected %ld",
			setting_name(), s->name, hits, HIT_ROUNDS * NR_HT);
}

/* Without a place for [uprobes]: the same end, or none, as with enable 0. */
static int no_room(int *at)
{
	static const struct space s = { "no page is free", "no page", none };
	int st = 0, bad;
	bool ended;

	ended = wait_for(start_hits(&s), 3, &st);
	bad = same(at, ended, "no page is free, an end") | same(at, st, "no page is free");
	us_diag("%s: no page is free: %s, status %#x", setting_name(),
		ended ? "it ended" : "no end, killed", st);
	return bad;
}

static int spaces_setting(void)
{
	char old[32], low[32];
	unsigned int i;
	int bad = 0, at = 0;

	if (us_read(MAP_COUNT, old, sizeof(old)) < 0)
		us_die("cannot read " MAP_COUNT);
	snprintf(low, sizeof(low), "%d\n", LOW_MAP_COUNT);
	probe_targets("space");
	us_enable("space", true);
	for (i = 0; i < ARRAY_SIZE(list); i++) {
		if (!strcmp(list[i].word, "map_count"))
			us_write(MAP_COUNT, low);
		bad |= hits_in(&list[i]);
		us_write(MAP_COUNT, old);
	}
	return bad | no_room(&at);
}

int spaces(void)
{
	return each_setting(spaces_setting, 120);
}

/* ---- 32 bits ---------------------------------------------------------------------------- */

#ifdef __x86_64__

/* content32 looks at its program's instructions closely; here they have to execute. */
static char prog[600];

static int probe_symbols(void)
{
	char *elf, *slash;
	const Elf32_Ehdr *eh;
	const Elf32_Shdr *sh, *table, *s;
	const Elf32_Sym *sym, *end;
	int n = 0;

	snprintf(prog, sizeof(prog) - 8, "%s", us_self());
	slash = strrchr(prog, '/');
	strcpy(slash + 1, "prog32");
	elf = us_slurp(prog);
	eh = (const void *)elf;
	sh = (const void *)(elf + eh->e_shoff);
	for (table = sh; table->sh_type != SHT_SYMTAB; table++)
		if (table + 1 == sh + eh->e_shnum)
			us_die("prog32 has no symbols");
	end = (const void *)(elf + table->sh_offset + table->sh_size);
	for (sym = (const void *)(elf + table->sh_offset); sym < end; sym++) {
		if (strncmp(elf + sh[table->sh_link].sh_offset + sym->st_name, "probe_", 6))
			continue;
		s = &sh[sym->st_shndx];
		us_probe_file('p', "space", prog,
			      sym->st_value - s->sh_addr + s->sh_offset);
		n++;
	}
	free(elf);
	return n;
}

/* Its tasks that hit are children, which share its memory but not its limits. */
static void limit_child(pid_t pid)
{
	struct rlimit page = { 4096, 4096 };
	char path[64], text[64];

	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", pid, pid);
	if (us_read(path, text, sizeof(text)) <= 0)
		us_diag("no %s", path);
	else if (prlimit(atoi(text), RLIMIT_AS, &page, NULL))
		us_die("prlimit: %s", strerror(errno));
}

/* What hit_main() does to itself, from outside: it has more than that already. */
static void limit_32(const struct space *s, pid_t pid)
{
	if (!strcmp(s->word, "as"))
		limit_child(pid);
	if (!strcmp(s->word, "map_count") && us_write(MAP_COUNT, "1\n"))
		us_die("cannot write " MAP_COUNT);
}

static bool is_for_32(const struct space *s)
{
	return !s->word[0] || !strcmp(s->word, "as") || !strcmp(s->word, "map_count");
}

/* It records what is right, says so by a byte, and waits for one: then come the probes. */
static int run_32(const struct space *s, const char *rounds, int *st)
{
	int to[2], from[2];
	pid_t pid;
	char c;

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		us_die("pipe: %s", strerror(errno));
	pid = fork();
	if (!pid) {
		s->before();
		dup2(to[0], 0);
		dup2(1, 2);
		dup2(from[1], 1);
		execl(prog, "prog32", "1", rounds, NULL);
		_exit(errno == ENOEXEC ? 98 : 99);
	}
	close(to[0]);
	close(from[1]);
	if (read(from[0], &c, 1) != 1) {
		waitpid(pid, st, 0);
		if (WIFEXITED(*st) && WEXITSTATUS(*st) == 98)
			return us_skip("no CONFIG_IA32_EMULATION");
		return us_fail("%s: prog32: status %#x", s->name, *st);
	}
	limit_32(s, pid);
	us_enable("space", true);
	if (write(to[1], "g", 1) != 1)
		us_die("prog32 does not listen");
	close(to[1]);
	close(from[0]);
	return us_check(wait_for(pid, 20, st), "%s: %s: no end", setting_name(), s->name);
}

static int spaces_32_setting(void)
{
	int bad = 0, n = probe_symbols(), st = 0;
	unsigned int i;
	uint64_t hits;
	char rounds[8], old[32];

	if (us_read(MAP_COUNT, old, sizeof(old)) < 0)
		us_die("cannot read " MAP_COUNT);
	snprintf(rounds, sizeof(rounds), "%d", HIT_ROUNDS);
	for (i = 0; i < ARRAY_SIZE(list) && bad != US_SKIP; i++) {
		if (!is_for_32(&list[i]))
			continue;
		us_enable("space", false);
		hits = us_hits("space");
		bad |= run_32(&list[i], rounds, &st);
		us_write(MAP_COUNT, old);
		hits = us_hits("space") - hits;
		bad |= us_check(!st, "%s: %s: status %#x", setting_name(), list[i].name, st);
		bad |= us_check(n >= 10 && hits == (uint64_t)n * HIT_ROUNDS,
				"%s: %s: %d probes, %ju hits", setting_name(), list[i].name, n,
				hits);
	}
	return bad;
}

int spaces_32(void)
{
	return each_setting(spaces_32_setting, 60);
}

#endif
