// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * meter.c - a QEMU TCG plugin that says what a uprobe hit costs
 *
 * Between the marks of target.c it records per virtual CPU what each hit, that
 * is all between two MARK_HIT, executes and touches. It only records: what
 * "shared" means and which symbol an address is, ./cost decides.
 *
 * A hit counts whole or not at all. One in which an interrupt came or the task
 * was switched away is *spoiled* and leaves nothing but its number; so the
 * figures do not depend on how fast the host is. The addresses where that is
 * seen come from ./cost.
 *
 * Arguments: out=FILE; spoil=FILE and enter=FILE: an address, in hexadecimal, a
 * line. At those of enter= the kernel handles an exception.
 * Output: a window for each MARK_REPORT, a line a cell, decimal but for addresses:
 *
 *	window N
 *	cpu CPU SPOILED
 *	page CPU PAGE RMWS HITS		   hits that executed out of line in PAGE, 0
 *					   if none did, and had RMWS atomic
 *					   read-modify-writes: with those of a lost
 *					   race, such hits are a class of their own
 *	line CPU LINE ACCESSED WRITTEN	   hits that did so to this cache line
 *	load|store|rmw CPU PAGE RMWS LINE PC N
 *					   how often hits of that class did so at PC
 *	cache CPU PAGE RMWS 0 PC N	   cache maintenance, likewise (arm64)
 *	enter CPU PAGE RMWS 0 PC N	   exceptions, likewise
 *	exec CPU PAGE RMWS 0 PC N	   how many instructions they executed in the
 *					   translation block at PC
 */
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "marks.h"
#include "qemu-plugin.h"

#define EXPORT		__attribute__((visibility("default")))

#define MAX_CPUS	16
#define MAX_ACTS	32768
#define MAX_ADDRESSES	64
#define LINE_SHIFT	6
#define PAGE_MASK	(~UINT64_C(4095))
#define KERNEL_BIT	(UINT64_C(1) << 63)
/* The target is linked between; what it executes elsewhere lies in a slot. */
#define IMAGE_START	UINT64_C(0x400000)
#define IMAGE_END	(UINT64_C(1) << 32)

/* The kinds of cells; all but the last two are those of what a hit does too. */
enum kind { LOAD, STORE, RMW, CACHE, ENTER, EXEC, LINE, PAGE };

static const char *const kind_name[] = {
	"load", "store", "rmw", "cache", "enter", "exec", "line", "page",
};

struct key {
	uint64_t kind, page, rmws, line, pc;
};

struct cell {
	struct key key;
	uint64_t n[2];
	uint64_t last[2];	/* LINE: the hit that was counted last in n[] */
};

struct act {
	uint64_t line, pc;
	enum kind kind;
	unsigned int n;
};

struct addresses {
	uint64_t at[MAX_ADDRESSES];
	size_t nr;
};

struct vcpu {
	unsigned int window;	/* that the rest belongs to */
	uint64_t hits, spoiled_hits;
	struct cell *cells;	/* open addressing; n[0] is 0 where empty */
	size_t nr_cells, size;
	/* of the hit in progress */
	bool started, spoiled;
	uint64_t page, rmws;
	size_t nr_acts;
	struct act act[MAX_ACTS];
};

static struct vcpu vcpus[MAX_CPUS];
static atomic_uint open_window;		/* its number, 0 if none is open */
static unsigned int nr_windows;
static FILE *out;
static bool arm64;
static struct addresses spoilers, entries;

static void die(const char *why, const char *what)
{
	fprintf(stderr, "meter: %s%s\n", why, what);
	exit(1);
}

/* ---- cells -------------------------------------------------------------- */

static size_t hash(const struct key *key)
{
	uint64_t h = key->kind;

	h = (h ^ key->page) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ key->rmws) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ key->line) * UINT64_C(0x9e3779b97f4a7c15);
	h = (h ^ key->pc) * UINT64_C(0x9e3779b97f4a7c15);
	return h >> 20;
}

static struct cell *find(struct cell *cells, size_t size, const struct key *key)
{
	struct cell *c;
	size_t i;

	for (i = hash(key) & (size - 1); ; i = (i + 1) & (size - 1)) {
		c = &cells[i];
		if (!c->n[0] || !memcmp(&c->key, key, sizeof(*key)))
			return c;
	}
}

static void grow(struct vcpu *v)
{
	size_t size = v->size ? v->size * 2 : 4096, i;
	struct cell *cells = calloc(size, sizeof(*cells));

	if (!cells)
		die("out of memory", "");
	for (i = 0; i < v->size; i++) {
		if (v->cells[i].n[0])
			*find(cells, size, &v->cells[i].key) = v->cells[i];
	}
	free(v->cells);
	v->cells = cells;
	v->size = size;
}

/* The cell of @key, which exists from now on: the caller counts in its n[0]. */
static struct cell *cell(struct vcpu *v, struct key key)
{
	struct cell *c;

	if (v->nr_cells * 2 >= v->size)
		grow(v);
	c = find(v->cells, v->size, &key);
	if (!c->n[0]) {
		c->key = key;
		v->nr_cells++;
	}
	return c;
}

/* ---- a hit -------------------------------------------------------------- */

static void commit_act(struct vcpu *v, const struct act *a)
{
	struct cell *c;

	cell(v, (struct key){ a->kind, v->page, v->rmws, a->line, a->pc })->n[0] += a->n;
	if (a->kind >= CACHE)
		return;

	c = cell(v, (struct key){ .kind = LINE, .line = a->line });
	if (c->last[0] != v->hits) {
		c->last[0] = v->hits;
		c->n[0]++;
	}
	if (a->kind != LOAD && c->last[1] != v->hits) {
		c->last[1] = v->hits;
		c->n[1]++;
	}
}

static void commit(struct vcpu *v)
{
	size_t i;

	v->hits++;
	cell(v, (struct key){ .kind = PAGE, .page = v->page, .rmws = v->rmws })->n[0]++;
	for (i = 0; i < v->nr_acts; i++)
		commit_act(v, &v->act[i]);
}

static void enter_window(struct vcpu *v, unsigned int window)
{
	v->window = window;
	v->hits = 0;
	v->spoiled_hits = 0;
	v->nr_cells = 0;
	v->started = false;
	if (v->size)
		memset(v->cells, 0, v->size * sizeof(*v->cells));
}

static void on_hit(struct vcpu *v, unsigned int window)
{
	if (v->window != window)
		enter_window(v, window);
	else if (v->started && v->spoiled)
		v->spoiled_hits++;
	else if (v->started)
		commit(v);

	v->started = true;
	v->spoiled = false;
	v->page = 0;
	v->rmws = 0;
	v->nr_acts = 0;
}

/* ---- a report ----------------------------------------------------------- */

static void report_cell(unsigned int cpu, const struct cell *c)
{
	const struct key *key = &c->key;

	fprintf(out, "%s %u ", kind_name[key->kind], cpu);
	if (key->kind == PAGE)
		fprintf(out, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n",
			key->page, key->rmws, c->n[0]);
	else if (key->kind == LINE)
		fprintf(out, "%" PRIx64 " %" PRIu64 " %" PRIu64 "\n",
			key->line, c->n[0], c->n[1]);
	else
		fprintf(out, "%" PRIx64 " %" PRIu64 " %" PRIx64 " %" PRIx64 " %" PRIu64 "\n",
			key->page, key->rmws, key->line, key->pc, c->n[0]);
}

/* No CPU records any more: the threads that hit probes have been joined. */
static void report(void)
{
	unsigned int cpu;
	struct vcpu *v;
	size_t i;

	fprintf(out, "window %u\n", nr_windows);
	for (cpu = 0; cpu < MAX_CPUS; cpu++) {
		v = &vcpus[cpu];
		if (v->window != nr_windows)
			continue;
		fprintf(out, "cpu %u %" PRIu64 "\n", cpu, v->spoiled_hits);
		for (i = 0; i < v->size; i++) {
			if (v->cells[i].n[0])
				report_cell(cpu, &v->cells[i]);
		}
	}
	fflush(out);
}

/* ---- what QEMU calls while the guest runs ------------------------------- */

static struct vcpu *recording(unsigned int cpu)
{
	struct vcpu *v = &vcpus[cpu];
	unsigned int window = atomic_load_explicit(&open_window, memory_order_relaxed);

	return window && v->window == window && v->started ? v : NULL;
}

static void mark_cb(unsigned int cpu, void *data)
{
	unsigned int window = atomic_load(&open_window);

	switch ((enum mark)(uintptr_t)data) {
	case MARK_START:
		atomic_store(&open_window, ++nr_windows);
		break;
	case MARK_HIT:
		if (window)
			on_hit(&vcpus[cpu], window);
		break;
	case MARK_STOP:
		atomic_store(&open_window, 0);
		break;
	case MARK_REPORT:
		report();
		break;
	case MARK_FORGET:
		break;
	}
}

static void spoil_cb(unsigned int cpu, void *data)
{
	(void)data;
	vcpus[cpu].spoiled = true;
}

/* An address and a small number in a pointer; addresses are sign-extended. */
static void *pack(uint64_t addr, unsigned int bits, unsigned int n)
{
	return (void *)(uintptr_t)(addr << bits | n);
}

static uint64_t unpack(const void *data, unsigned int bits)
{
	return (int64_t)(intptr_t)data >> bits;
}

#define TB_BITS		12	/* how many instructions; QEMU has 512 at most */

/* A hit that does more than there is room for is spoiled. */
static void add_act(struct vcpu *v, struct act act)
{
	if (v->nr_acts < MAX_ACTS)
		v->act[v->nr_acts++] = act;
	else
		v->spoiled = true;
	v->rmws += act.kind == RMW;
}

static void tb_cb(unsigned int cpu, void *data)
{
	struct vcpu *v = recording(cpu);
	uint64_t pc = unpack(data, TB_BITS);
	unsigned int n = (uintptr_t)data & ((1 << TB_BITS) - 1);

	if (!v)
		return;
	add_act(v, (struct act){ .kind = EXEC, .pc = pc, .n = n });
	if (!(pc & KERNEL_BIT) && (pc < IMAGE_START || pc >= IMAGE_END))
		v->page = pc & PAGE_MASK;
}

static void cache_cb(unsigned int cpu, void *data)
{
	struct vcpu *v = recording(cpu);

	if (v)
		add_act(v, (struct act){ .kind = CACHE, .pc = (uintptr_t)data, .n = 1 });
}

static void enter_cb(unsigned int cpu, void *data)
{
	struct vcpu *v = recording(cpu);

	if (v)
		add_act(v, (struct act){ .kind = ENTER, .pc = (uintptr_t)data, .n = 1 });
}

static void mem_cb(unsigned int cpu, qemu_plugin_meminfo_t info, uint64_t vaddr,
		   void *data)
{
	bool store = qemu_plugin_mem_is_store(info), atomic = (uintptr_t)data & 1;
	struct vcpu *v = recording(cpu);
	struct qemu_plugin_hwaddr *hwaddr;

	/* A read-modify-write is one act. QEMU 7.2 calls back once, as for a store; 10 twice. */
	if (!v || (atomic && !store))
		return;
	hwaddr = qemu_plugin_get_hwaddr(info, vaddr);
	if (!hwaddr || qemu_plugin_hwaddr_is_io(hwaddr))
		return;
	add_act(v, (struct act){
		.kind = !store ? LOAD : atomic ? RMW : STORE,
		.line = qemu_plugin_hwaddr_phys_addr(hwaddr) >> LINE_SHIFT,
		.pc = unpack(data, 1),
		.n = 1,
	});
}

/* ---- what QEMU calls when it translates --------------------------------- */

/* A LOCK prefix; or xchg with memory, which needs none. */
static bool atomic_x86(const uint8_t *insn, size_t size)
{
	size_t i;

	for (i = 0; i + 1 < size; i++) {
		if (insn[i] == 0xf0)
			return true;
		if ((insn[i] & 0xf0) == 0x40 || (insn[i] && strchr("\x66\x67\xf2\xf3"
				"\x2e\x36\x3e\x26\x64\x65", insn[i])))
			continue;
		return (insn[i] & 0xfe) == 0x86 && insn[i + 1] < 0xc0;
	}
	return false;
}

/* A store-exclusive, a compare-and-swap, or another of the LSE's. */
static bool atomic_arm64(uint32_t insn)
{
	return (insn & 0x3fe00000) == 0x08000000 ||	/* stxr, stlxr */
	       (insn & 0xbfe00000) == 0x88200000 ||	/* stxp, stlxp */
	       (insn & 0xbfa07c00) == 0x08207c00 ||	/* casp */
	       (insn & 0x3fa07c00) == 0x08a07c00 ||	/* cas */
	       (insn & 0x3f200c00) == 0x38200000;	/* ldadd, swp, ... */
}

/*
 * DC or IC, by address or all: SYS with CRn 7, and CRm says what. Not DC ZVA, which
 * writes zeros, nor AT.
 */
static bool maintenance_arm64(uint32_t insn)
{
	const unsigned int crms = 1 << 1 | 1 << 5 |			/* ic */
				  1 << 6 | 1 << 10 | 1 << 11 | 1 << 12 |	/* dc */
				  1 << 13 | 1 << 14;

	return (insn & 0xfff8f000) == 0xd5087000 && crms >> (insn >> 8 & 15) & 1;
}

static bool is_atomic(const void *insn, size_t size)
{
	uint32_t word;

	if (!arm64)
		return atomic_x86(insn, size);
	memcpy(&word, insn, sizeof(word));
	return atomic_arm64(word);
}

/* x86 has clflush and the like, but no use for them here. */
static bool is_maintenance(const void *insn, size_t size)
{
	uint32_t word;

	if (!arm64 || size != sizeof(word))
		return false;
	memcpy(&word, insn, sizeof(word));
	return maintenance_arm64(word);
}

static bool is_among(const struct addresses *these, uint64_t pc)
{
	size_t i;

	for (i = 0; i < these->nr; i++) {
		if (these->at[i] == pc)
			return true;
	}
	return false;
}

static void translate_insn(struct qemu_plugin_insn *insn)
{
	uint8_t buffer[MAX_INSN];
	const void *data = insn_bytes(insn, buffer);
	size_t size = qemu_plugin_insn_size(insn);
	uint64_t pc = qemu_plugin_insn_vaddr(insn);
	unsigned int n = mark_of(arm64, data, size);

	if (n)
		qemu_plugin_register_vcpu_insn_exec_cb(insn, mark_cb,
						       QEMU_PLUGIN_CB_NO_REGS,
						       (void *)(uintptr_t)n);
	if (is_among(&spoilers, pc))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, spoil_cb,
						       QEMU_PLUGIN_CB_NO_REGS, NULL);
	if (is_among(&entries, pc))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, enter_cb,
						       QEMU_PLUGIN_CB_NO_REGS,
						       (void *)(uintptr_t)pc);
	if (is_maintenance(data, size))
		qemu_plugin_register_vcpu_insn_exec_cb(insn, cache_cb,
						       QEMU_PLUGIN_CB_NO_REGS,
						       (void *)(uintptr_t)pc);
	qemu_plugin_register_vcpu_mem_cb(insn, mem_cb, QEMU_PLUGIN_CB_NO_REGS,
					 QEMU_PLUGIN_MEM_RW,
					 pack(pc, 1, is_atomic(data, size)));
}

static void translate(qemu_plugin_id_t id, struct qemu_plugin_tb *tb)
{
	size_t n = qemu_plugin_tb_n_insns(tb), i;

	(void)id;
	qemu_plugin_register_vcpu_tb_exec_cb(tb, tb_cb, QEMU_PLUGIN_CB_NO_REGS,
					     pack(qemu_plugin_tb_vaddr(tb), TB_BITS, n));
	for (i = 0; i < n; i++)
		translate_insn(qemu_plugin_tb_get_insn(tb, i));
}

/* ---- arguments ---------------------------------------------------------- */

static FILE *open_file(const char *path, const char *mode)
{
	FILE *file = fopen(path, mode);

	if (!file)
		die("cannot open ", path);
	return file;
}

static void read_addresses(struct addresses *these, const char *path)
{
	FILE *file = open_file(path, "r");
	uint64_t addr;

	while (fscanf(file, "%" SCNx64, &addr) == 1) {
		if (these->nr == MAX_ADDRESSES)
			die("too many addresses in ", path);
		these->at[these->nr++] = addr;
	}
	fclose(file);
}

EXPORT int qemu_plugin_install(qemu_plugin_id_t id, const struct qemu_info *info,
			       int argc, char **argv)
{
	int i;

	plugin_begin(info);
	for (i = 0; i < argc; i++) {
		if (!strncmp(argv[i], "out=", 4))
			out = open_file(argv[i] + 4, "w");
		else if (!strncmp(argv[i], "spoil=", 6))
			read_addresses(&spoilers, argv[i] + 6);
		else if (!strncmp(argv[i], "enter=", 6))
			read_addresses(&entries, argv[i] + 6);
		else
			die("what is ", argv[i]);
	}
	if (!out || !spoilers.nr || !entries.nr)
		die("out=, spoil= and enter= are needed", "");
	if (info->system.max_vcpus > MAX_CPUS)
		die("too many CPUs", "");

	arm64 = !strcmp(info->target_name, "aarch64");
	qemu_plugin_register_vcpu_tb_trans_cb(id, translate);
	return 0;
}
