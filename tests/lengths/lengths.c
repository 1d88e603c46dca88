// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * lengths [-a] KNOWN: does each encoding that may share a slot have the length that
 * the CPU takes for it? The kernel's own code decides, see decide.c; the CPU executes,
 * see cpu.c. KNOWN lists encodings with their lengths. Writes TAP.
 *
 * -a names every encoding of a wrong length, not some. It also executes those that are
 * kept out, and counts how many of them have the decoder's length after all.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cpu.h"
#include "encodings.h"

/* Without -a: how many wrong ones to name of an opcode, and of a map. */
#define NAMED_OF_OPCODE	2
#define NAMED_OF_MAP	40

/* A map with fewer completed instructions was not really compared. */
#define LEAST_COMPLETED	200

/* Seconds after which a run that hangs is killed. */
#define TIMEOUT		280

struct tally {
	unsigned long	refused, emulated, emulated_wrong, transient, transient_right;
	unsigned long	compared, completed, undefined, wrong, no_length;
	unsigned int	named;
	unsigned char	named_of[256];
	bool		is_transient[256], is_shared[256];
};

static struct tally tally[NR_MAPS];
static unsigned int nr_cases;
static bool all, failed;

/* What executes now. If it kills the child, the parent names it. */
static struct {
	unsigned int	bits;
	unsigned char	code[CODE_BYTES];
} *now;

static void print_hex(const unsigned char *code, unsigned int n)
{
	unsigned int i;

	for (i = 0; i < n; i++)
		printf("%s%02x", i ? " " : "", code[i]);
}

static void start_case(bool ok)
{
	printf("%s %u - ", ok ? "ok" : "not ok", ++nr_cases);
	failed |= !ok;
}

static struct cpu_length length_of(unsigned int bits, const unsigned char *code,
				   unsigned int expected)
{
	now->bits = bits;
	memcpy(now->code, code, CODE_BYTES);
	return cpu_length(bits, code, expected);
}

/* ------------------------------------------------------ the whole list ---- */

static void name(struct tally *t, const char *what, const struct encoding *e,
		 const unsigned char *code, const struct cpu_length *cpu)
{
	if (!all && (t->named_of[e->opcode] >= NAMED_OF_OPCODE || t->named >= NAMED_OF_MAP))
		return;
	t->named_of[e->opcode]++;
	t->named++;
	printf("# %s, %u-bit %s %02x: ", what, e->bits, map_name[e->map], e->opcode);
	print_hex(code, CODE_BYTES);
	printf(": kernel %u, CPU %u%s\n", e->decision.length, cpu->bytes,
	       cpu->undefined ? ", undefined" : cpu->completed ? ", completes" : "");
}

/*
 * If an instruction is undefined, the CPU may say so before it has all bytes. Then it
 * has shown no length. It has shown one if it asked for as many bytes as the decoder
 * takes, or for more.
 */
static void compare(const struct encoding *e, const unsigned char *code)
{
	struct cpu_length cpu = length_of(e->bits, code, e->decision.length);
	struct tally *t = &tally[e->map];

	if (cpu.undefined && cpu.bytes && cpu.bytes < e->decision.length) {
		t->no_length++;
		return;
	}
	t->compared++;
	t->completed += cpu.completed;
	t->undefined += cpu.undefined;
	if (cpu.bytes == e->decision.length)
		return;
	t->wrong++;
	name(t, "shared", e, code, &cpu);
}

/* The kernel executes these itself and goes on behind them: by the same length. */
static void visit_emulated(const struct encoding *e, struct tally *t)
{
	struct cpu_length cpu = length_of(e->bits, e->code, e->decision.length);

	t->emulated++;
	if (cpu.bytes == e->decision.length || cpu.undefined)
		return;
	t->emulated_wrong++;
	name(t, "emulated", e, e->code, &cpu);
}

static void visit_transient(const struct encoding *e, struct tally *t)
{
	t->transient++;
	t->is_transient[e->opcode] = true;
	if (all)
		t->transient_right += length_of(e->bits, e->code, e->decision.length).bytes ==
				      e->decision.length;
}

static void visit(const struct encoding *e)
{
	struct tally *t = &tally[e->map];

	switch (e->decision.way) {
	case REFUSED:
		t->refused++;
		break;
	case EMULATED:
		visit_emulated(e, t);
		break;
	case TRANSIENT:
		visit_transient(e, t);
		break;
	case SHARED:
		t->is_shared[e->opcode] = true;
		compare(e, e->code);
		/* The copy of a RIP-relative instruction has another operand. */
		if (memcmp(e->code, e->decision.copy, CODE_BYTES))
			compare(e, e->decision.copy);
		break;
	}
}

/* Opcodes that uprobes accept and that never share. */
static unsigned int never_shared(const struct tally *t)
{
	unsigned int i, n = 0;

	for (i = 0; i < 256; i++)
		n += t->is_transient[i] && !t->is_shared[i];
	return n;
}

static void report(unsigned int bits, enum map map)
{
	const struct tally *t = &tally[map];
	bool enough = t->completed >= LEAST_COMPLETED;

	/* Where nothing shares, there is nothing to compare. */
	if (t->compared || t->emulated_wrong) {
		start_case(!t->wrong && !t->emulated_wrong && enough);
		printf("%u-bit, %s: %lu that share compared, %lu wrong; %lu emulated, %lu wrong\n",
		       bits, map_name[map], t->compared, t->wrong, t->emulated,
		       t->emulated_wrong);
	}
	printf("# %u-bit, %s: compared %lu (completed %lu, undefined here %lu), no length here %lu\n",
	       bits, map_name[map], t->compared, t->completed, t->undefined, t->no_length);
	printf("# %u-bit, %s: kept out for doubt %lu, all of %u opcodes; refused by uprobes %lu\n",
	       bits, map_name[map], t->transient, never_shared(t), t->refused);
	if (all)
		printf("# %u-bit, %s: kept out although the decoder is right: %lu\n",
		       bits, map_name[map], t->transient_right);
}

static void compare_all(unsigned int bits)
{
	enum map map;

	if (!cpu_has_mode(bits)) {
		start_case(true);
		printf("%u-bit # SKIP this machine executes no such code\n", bits);
		return;
	}
	memset(tally, 0, sizeof(tally));
	each_encoding(bits, visit);
	for (map = 0; map < NR_MAPS; map++) {
		if (cpu_has_map(map))
			report(bits, map);
		else
			printf("# %u-bit, %s: left out, this CPU has none\n", bits, map_name[map]);
	}
}

/* ------------------------------------------------------ known encodings ---- */

/* Two digits a byte; returns how many, 0 if there is something else. */
static unsigned int parse_bytes(const char *hex, unsigned char *to, unsigned int room)
{
	char digits[3] = "", *end;
	unsigned int n;

	for (n = 0; n < room && hex[2 * n]; n++) {
		memcpy(digits, hex + 2 * n, 2);
		to[n] = strtoul(digits, &end, 16);
		if (end != digits + 2)
			return 0;
	}
	return hex[2 * n] ? 0 : n;
}

/* The length of bytes, which are all of an instruction. */
static void check_known(unsigned int bits, unsigned char *code, unsigned int n, bool certain,
			const char *what)
{
	struct decision d = decide(bits, code);
	struct cpu_length cpu = length_of(bits, code, n);
	bool shares = d.way == SHARED || d.way == EMULATED;

	bool ok = (cpu.bytes == n || cpu.undefined) && shares == certain &&
		  (!shares || d.length == n);

	start_case(ok);
	printf("%u-bit ", bits);
	print_hex(code, n);
	printf(" is of %u bytes, %s: %s\n", n, certain ? "certain" : "in doubt", what);
	if (!ok)
		printf("# the CPU: %u%s, the decoder: %u, %s\n", cpu.bytes,
		       cpu.undefined ? " (undefined)" : "", d.length,
		       (const char *[]){ "refused", "emulated", "transient", "shared" }[d.way]);
}

static bool check_line(const char *line)
{
	char hex[2 * MAX_LENGTH + 1], certain[8], what[80];
	unsigned char code[CODE_BYTES];
	unsigned int bits, n;

	if (line[0] == '#' || line[0] == '\n')
		return true;
	if (sscanf(line, "%u %30[0-9a-f] %7s %79[^\n]", &bits, hex, certain, what) != 4 ||
	    (bits != 32 && bits != 64) ||
	    (strcmp(certain, "certain") && strcmp(certain, "doubt")))
		return false;
	/* Behind it is what the end of a slot holds. */
	memset(code, 0xcc, sizeof(code));
	n = parse_bytes(hex, code, MAX_LENGTH);
	if (n && cpu_has_mode(bits))
		check_known(bits, code, n, !strcmp(certain, "certain"), what);
	return n;
}

static bool check_file(const char *path)
{
	FILE *file = fopen(path, "r");
	char line[256];

	if (!file) {
		perror(path);
		return false;
	}
	while (fgets(line, sizeof(line), file)) {
		if (!check_line(line)) {
			printf("# not understood: %s", line);
			return false;
		}
	}
	return !fclose(file);
}

/* ------------------------------------------------------------------------- */

static int child(const char *known)
{
	alarm(TIMEOUT);
	if (!cpu_init()) {
		printf("Bail out! no page to execute instructions in\n");
		return 1;
	}
	if (!check_file(known))
		return 1;
	compare_all(64);
	compare_all(32);
	printf("1..%u\n", nr_cases);
	return fflush(stdout) || failed;
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	all = argc == 3 && !strcmp(argv[1], "-a");
	if (argc != 2 + all) {
		fprintf(stderr, "usage: lengths [-a] KNOWN\n");
		return 2;
	}
	now = mmap(NULL, sizeof(*now), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (now == MAP_FAILED)
		return 1;
	/* A child, as an instruction may do what nobody has thought of. */
	pid = fork();
	if (!pid)
		exit(child(argv[argc - 1]));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return 1;
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	printf("\n# signal %d at %u-bit ", WTERMSIG(status), now->bits);
	print_hex(now->code, CODE_BYTES);
	printf("\nnot ok - all encodings were compared\n");
	return 1;
}
