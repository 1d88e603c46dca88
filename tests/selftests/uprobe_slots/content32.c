// SPDX-License-Identifier: GPL-2.0
/*
 * Description: P3 (content) for a 32-bit program on the 64-bit kernel. Probes
 * every snippet of prog32, which judges the effect itself; counts the hits.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common.h"
#include "prog32.h"

static char prog[600];

static void find_program(void)
{
	char *slash;

	snprintf(prog, sizeof(prog) - 8, "%s", us_self());
	slash = strrchr(prog, '/');
	strcpy(slash + 1, "prog32");
}

static unsigned long file_offset(const char *elf, uint32_t vaddr)
{
	const Elf32_Ehdr *eh = (const void *)elf;
	const Elf32_Phdr *ph = (const void *)(elf + eh->e_phoff);
	int i;

	for (i = 0; i < eh->e_phnum; i++)
		if (ph[i].p_type == PT_LOAD && vaddr >= ph[i].p_vaddr &&
		    vaddr < ph[i].p_vaddr + ph[i].p_filesz)
			return vaddr - ph[i].p_vaddr + ph[i].p_offset;
	us_die("prog32: address %#x is in no segment", vaddr);
}

static const Elf32_Shdr *symbol_table(const char *elf)
{
	const Elf32_Ehdr *eh = (const void *)elf;
	const Elf32_Shdr *sh = (const void *)(elf + eh->e_shoff);
	int i;

	for (i = 0; i < eh->e_shnum; i++)
		if (sh[i].sh_type == SHT_SYMTAB)
			return &sh[i];
	us_die("prog32 has no symbol table");
}

/* A probe on every symbol probe_*; returns how many. */
static int add_probes(void)
{
	char *elf = us_slurp(prog);
	const Elf32_Ehdr *eh = (const void *)elf;
	const Elf32_Shdr *sh = (const void *)(elf + eh->e_shoff);
	const Elf32_Shdr *st = symbol_table(elf);
	const Elf32_Sym *sym = (const void *)(elf + st->sh_offset);
	const char *names = elf + sh[st->sh_link].sh_offset;
	unsigned int i;
	int n = 0;

	for (i = 0; i < st->sh_size / sizeof(*sym); i++) {
		if (strncmp(names + sym[i].st_name, "probe_", 6))
			continue;
		us_probe_file('p', "content32", prog,
			      file_offset(elf, sym[i].st_value));
		n++;
	}
	free(elf);
	return n;
}

struct program {
	pid_t pid;
	int in, out;
};

static void start_program(struct program *p, int tasks, int rounds)
{
	int to[2], from[2];
	char a[16], b[16];

	snprintf(a, sizeof(a), "%d", tasks);
	snprintf(b, sizeof(b), "%d", rounds);
	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		us_die("pipe: %s", strerror(errno));
	p->pid = fork();
	if (!p->pid) {
		dup2(to[0], 0);
		dup2(1, 2);		/* its complaints are ours */
		dup2(from[1], 1);
		execl(prog, "prog32", a, b, NULL);
		_exit(errno == ENOEXEC ? 98 : 99);
	}
	close(to[0]);
	close(from[1]);
	p->in = to[1];
	p->out = from[0];
}

/* 0 when it exits with 0, US_SKIP when the kernel runs no 32-bit programs. */
static int wait_ready(struct program *p)
{
	char c;
	int st;

	if (read(p->out, &c, 1) == 1)
		return 0;
	waitpid(p->pid, &st, 0);
	if (WIFEXITED(st) && WEXITSTATUS(st) == 98)
		return us_skip("no CONFIG_IA32_EMULATION");
	return us_fail("prog32: status %#x before its first byte", st);
}

static int run_program(int tasks, int rounds)
{
	struct us_stats a, b;
	struct program p;
	int n, st, bad;
	uint64_t hits;

	find_program();
	start_program(&p, tasks, rounds);
	bad = wait_ready(&p);
	if (bad)
		return bad;
	n = add_probes();
	us_enable("content32", true);
	if (us_mode() != US_STOCK)
		us_stats(&a);
	if (write(p.in, "g", 1) != 1)
		us_die("prog32 does not listen");
	waitpid(p.pid, &st, 0);
	hits = us_hits("content32");
	bad |= us_check(st == 0, "prog32: status %#x", st);
	bad |= us_check(n >= 10 && hits == (uint64_t)n * tasks * rounds,
			"%d probes, %d tasks, %d rounds: %ju hits", n, tasks,
			rounds, hits);
	if (us_mode() != US_STOCK) {
		us_stats(&b);
		bad |= us_laws(&a, &b, us_mode() == US_OFF ? 0 : hits);
	}
	us_diag("%d instructions, %d tasks, %ju hits", n, tasks, hits);
	return bad;
}

static int one_task(void)
{
	return run_program(1, us_scaled(40));
}

static int sixteen_tasks(void)
{
	return run_program(16, us_scaled(12));
}

static const struct us_case cases[] = {
	{ "32-bit content, 1 task (P3)", one_task, US_MODES },
	{ "32-bit content, 16 tasks (P3)", sixteen_tasks, US_MODES },
};

int main(void)
{
	return us_run(cases, ARRAY_SIZE(cases));
}
