// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Where functions begin and end. Of these the first that a program has:
 *
 *	Go's own table (.gopclntab), which a stripped program keeps;
 *	a symbol table;
 *	unwind tables (.eh_frame) together with the dynamic symbols.
 */
#include <dwarf.h>
#include <elfutils/libdw.h>
#include <err.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "program.h"

static const char *path;

static void add(struct program *p, unsigned long start, unsigned long end, bool entry)
{
	unsigned long bytes;

	if (!program_code(p, start, &bytes))
		return;
	if (!(p->nr_functions & (p->nr_functions - 1))) {
		size_t room = p->nr_functions ? 2 * p->nr_functions : 1;

		p->function = realloc(p->function, room * sizeof(*p->function));
		if (!p->function)
			err(1, NULL);
	}
	if (end > start + bytes || end < start)
		end = start + bytes;
	p->function[p->nr_functions++] = (struct function){ start, end, entry };
}

/* By address; of those at one address an entry first. */
static int compare(const void *a, const void *b)
{
	const struct function *f = a, *g = b;

	if (f->start != g->start)
		return f->start < g->start ? -1 : 1;
	return g->entry - f->entry;
}

/* One function an address; and each ends where the next one begins, at the latest. */
static void settle(struct program *p)
{
	struct function *f;
	size_t i, nr = 0;

	qsort(p->function, p->nr_functions, sizeof(*p->function), compare);
	for (i = 0; i < p->nr_functions; i++) {
		f = &p->function[i];
		if (nr && p->function[nr - 1].start == f->start) {
			if (p->function[nr - 1].end < f->end)
				p->function[nr - 1].end = f->end;
			continue;
		}
		if (nr && p->function[nr - 1].end > f->start)
			p->function[nr - 1].end = f->start;
		p->function[nr++] = *f;
	}
	p->nr_functions = nr;
}

/* ---------------------------------------------------------- sections ---- */

static Elf_Scn *find_section(Elf *elf, const char *name, GElf_Shdr *shdr)
{
	Elf_Scn *scn = NULL;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		errx(1, "%s: %s", path, elf_errmsg(-1));
	while ((scn = elf_nextscn(elf, scn))) {
		if (gelf_getshdr(scn, shdr) &&
		    !strcmp(elf_strptr(elf, names, shdr->sh_name), name))
			return scn;
	}
	return NULL;
}

static Elf_Data *section_data(Elf_Scn *scn)
{
	Elf_Data *data = elf_rawdata(scn, NULL);

	if (!data || !data->d_buf)
		errx(1, "%s: %s", path, elf_errmsg(-1));
	return data;
}

/* Stubs that lead to other programs are no functions of this one. */
static void read_code(struct program *p, Elf *elf)
{
	Elf_Scn *scn = NULL;
	GElf_Shdr shdr;
	size_t names;

	if (elf_getshdrstrndx(elf, &names))
		errx(1, "%s: %s", path, elf_errmsg(-1));
	while ((scn = elf_nextscn(elf, scn))) {
		if (!gelf_getshdr(scn, &shdr) || shdr.sh_type != SHT_PROGBITS ||
		    !(shdr.sh_flags & SHF_EXECINSTR) ||
		    !strncmp(elf_strptr(elf, names, shdr.sh_name), ".plt", 4))
			continue;
		if (p->nr_codes == sizeof(p->code) / sizeof(*p->code))
			errx(1, "%s: too many sections of code", path);
		p->code[p->nr_codes++] = (struct code){
			shdr.sh_addr, shdr.sh_addr + shdr.sh_size,
			section_data(scn)->d_buf,
		};
	}
}

const unsigned char *program_code(const struct program *p, unsigned long addr,
				  unsigned long *bytes)
{
	size_t i;

	for (i = 0; i < p->nr_codes; i++) {
		if (addr >= p->code[i].start && addr < p->code[i].end) {
			*bytes = p->code[i].end - addr;
			return p->code[i].bytes + (addr - p->code[i].start);
		}
	}
	return NULL;
}

/* ----------------------------------------------------------- symbols ---- */

static void read_symbols(struct program *p, Elf *elf, const char *section)
{
	GElf_Shdr shdr;
	GElf_Sym sym;
	Elf_Scn *scn = find_section(elf, section, &shdr);
	Elf_Data *data = scn ? elf_getdata(scn, NULL) : NULL;
	int i;

	for (i = 0; data && gelf_getsym(data, i, &sym); i++) {
		unsigned int type = GELF_ST_TYPE(sym.st_info);

		if (sym.st_shndx != SHN_UNDEF && (type == STT_FUNC || type == STT_GNU_IFUNC))
			add(p, sym.st_value, sym.st_value + sym.st_size, true);
	}
}

/* ---------------------------------------------------------- pclntab ---- */

/* The header of Go 1.18 and later, on 64-bit machines. */
struct pclntab {
	uint32_t	magic;
	uint16_t	zero;
	uint8_t		min_instruction, pointer;
	uint64_t	nr_functions, nr_files, text;
	uint64_t	names, units, files, pcs, functions;
};

/* The last entry has no function: it is the end of the one before. */
struct pclntab_entry {
	uint32_t	start, function;
};

static bool read_pclntab(struct program *p, Elf *elf)
{
	GElf_Shdr shdr;
	Elf_Scn *scn = find_section(elf, ".gopclntab", &shdr);
	const struct pclntab_entry *entry;
	const struct pclntab *table;
	Elf_Data *data;
	uint64_t i;

	if (!scn)
		return false;
	data = section_data(scn);
	table = data->d_buf;
	if (data->d_size < sizeof(*table) || table->pointer != 8 || !table->text ||
	    (table->magic != 0xfffffff0 && table->magic != 0xfffffff1) ||
	    table->functions > data->d_size ||
	    table->nr_functions >= (data->d_size - table->functions) / sizeof(*entry))
		errx(1, "%s: a .gopclntab of another format than Go 1.18's or 1.20's", path);
	entry = (const void *)((const char *)table + table->functions);
	for (i = 0; i < table->nr_functions; i++)
		add(p, table->text + entry[i].start, table->text + entry[i + 1].start, true);
	return true;
}

/* ------------------------------------------------------ unwind tables ---- */

/*
 * A function is entered by a call, and its frame is what a call makes. What begins
 * with another frame is a part of a function that was put elsewhere.
 */
static bool begins_function(Dwarf_CFI *cfi, unsigned long start)
{
	Dwarf_Frame *frame;
	Dwarf_Op *ops;
	size_t nr;
	bool ret;

	if (dwarf_cfi_addrframe(cfi, start, &frame))
		errx(1, "%s: %#lx: %s", path, start, dwarf_errmsg(-1));
	ret = !dwarf_frame_cfa(frame, &ops, &nr) && nr == 1 &&
	      ops->atom == DW_OP_bregx && ops->number == 7 && ops->number2 == 8;
	free(frame);
	return ret;
}

/* How the CIE says that its FDEs write addresses: the letter R of its augmentation. */
static uint8_t encoding_of(const Dwarf_CIE *cie)
{
	const uint8_t *data = cie->augmentation_data;
	const char *letter;

	for (letter = cie->augmentation; *letter; letter++) {
		switch (*letter) {
		case 'R':
			return *data;
		case 'L':
			data++;
			break;
		case 'P':	/* an address of 4 bytes behind its encoding, as gcc writes it */
			if ((*data & 0x0f) != DW_EH_PE_sdata4 && (*data & 0x0f) != DW_EH_PE_udata4)
				errx(1, "%s: an unknown encoding in .eh_frame", path);
			data += 5;
			break;
		}
	}
	return DW_EH_PE_absptr;
}

static bool read_frames(struct program *p, Elf *elf)
{
	GElf_Shdr shdr;
	Elf_Scn *scn = find_section(elf, ".eh_frame", &shdr);
	Dwarf_CFI *cfi = dwarf_getcfi_elf(elf);
	unsigned char ident[EI_NIDENT];
	Dwarf_Off offset = 0, next;
	Dwarf_CFI_Entry entry, cie;
	Elf_Data *data;
	int status;

	if (!scn || !cfi)
		return false;
	data = section_data(scn);
	memcpy(ident, elf_getident(elf, NULL), sizeof(ident));
	for (; (status = dwarf_next_cfi(ident, data, true, offset, &next, &entry)) == 0;
	     offset = next) {
		int32_t start;
		uint32_t bytes;
		unsigned long addr;
		Dwarf_Off unused;

		if (dwarf_cfi_cie_p(&entry))
			continue;
		if (dwarf_next_cfi(ident, data, true, entry.fde.CIE_pointer, &unused, &cie) ||
		    encoding_of(&cie.cie) != (DW_EH_PE_pcrel | DW_EH_PE_sdata4))
			errx(1, "%s: an unknown encoding in .eh_frame", path);
		memcpy(&start, entry.fde.start, sizeof(start));
		memcpy(&bytes, entry.fde.start + sizeof(start), sizeof(bytes));
		addr = shdr.sh_addr + (entry.fde.start - (const uint8_t *)data->d_buf) + start;
		add(p, addr, addr + bytes, begins_function(cfi, addr));
	}
	if (status < 0)
		errx(1, "%s: %s", path, dwarf_errmsg(-1));
	dwarf_cfi_end(cfi);
	return true;
}

void program_open(struct program *p, const char *name)
{
	GElf_Ehdr ehdr;
	int fd;
	Elf *elf;

	path = name;
	memset(p, 0, sizeof(*p));
	elf_version(EV_CURRENT);
	fd = open(path, O_RDONLY);
	if (fd < 0)
		err(1, "%s", path);
	elf = elf_begin(fd, ELF_C_READ, NULL);
	if (!elf || !gelf_getehdr(elf, &ehdr) || ehdr.e_machine != EM_X86_64 ||
	    ehdr.e_ident[EI_CLASS] != ELFCLASS64)
		errx(1, "%s: no 64-bit x86 program", path);
	read_code(p, elf);

	p->source = "Go's table";
	if (!read_pclntab(p, elf)) {
		p->source = "symbols";
		read_symbols(p, elf, ".symtab");
	}
	if (!p->nr_functions) {
		p->source = "unwind tables";
		if (!read_frames(p, elf))
			errx(1, "%s: nothing says where its functions are", path);
		read_symbols(p, elf, ".dynsym");
	}
	settle(p);
	/* The code is in elf's memory, which stays. */
}
