/* module_elf.c - see module_elf.h. */
#include "module_elf.h"

#include <elf.h>
#include <link.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <policypool/handler.h>

#define SYMBOL "ppool_handler_"
/* What a handler of this ABI has at least. */
#define HANDLER_SIZE sizeof(struct ppool_handler)

struct elf {
	struct span file;
	ElfW(Ehdr) header;
	char *why;
	size_t room; /* of why */
};

static int say(const struct elf *, const char *fmt, ...) PRINTF_LIKE(2, 3);

static int
say(const struct elf *e, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(e->why, e->room, fmt, ap);
	va_end(ap);
	return -1;
}

/* n bytes at an offset, into *out: they need not be aligned there.  False: outside of the file. */
static bool
copy(const struct elf *e, uint64_t at, void *out, size_t n)
{
	if (at > e->file.n || n > e->file.n - at)
		return false;
	memcpy(out, e->file.p + at, n);
	return true;
}

static bool
program_header(const struct elf *e, unsigned i, ElfW(Phdr) * out)
{
	return i < e->header.e_phnum &&
	       copy(e, e->header.e_phoff + (uint64_t)i * sizeof *out, out, sizeof *out);
}

static bool
section_header(const struct elf *e, unsigned i, ElfW(Shdr) * out)
{
	return i < e->header.e_shnum &&
	       copy(e, e->header.e_shoff + (uint64_t)i * sizeof *out, out, sizeof *out);
}

/* ---- the header ---- */

#if defined(__x86_64__)
#define MACHINE EM_X86_64
#elif defined(__i386__)
#define MACHINE EM_386
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
#elif defined(__arm__)
#define MACHINE EM_ARM
#elif defined(__riscv)
#define MACHINE EM_RISCV
#elif defined(__powerpc64__)
#define MACHINE EM_PPC64
#elif defined(__s390x__)
#define MACHINE EM_S390
#else
#define MACHINE e->header.e_machine /* the loader tells */
#endif
#define CLASS (sizeof(void *) == 8 ? ELFCLASS64 : ELFCLASS32)
#define ORDER (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? ELFDATA2LSB : ELFDATA2MSB)

static int
judge_header(struct elf *e)
{
	const unsigned char *ident = e->header.e_ident;

	if (!copy(e, 0, &e->header, sizeof e->header) || memcmp(ident, ELFMAG, SELFMAG) != 0)
		return say(e, "it is no shared object: it does not begin as an ELF file does");
	if (ident[EI_CLASS] != CLASS || ident[EI_DATA] != ORDER || e->header.e_machine != MACHINE)
		return say(e, "it is made for another machine");
	if (e->header.e_type != ET_DYN)
		return say(e, "it is no shared object: link it with -shared");
	if ((e->header.e_phnum > 0 && e->header.e_phentsize != sizeof(ElfW(Phdr))) ||
	    (e->header.e_shnum > 0 && e->header.e_shentsize != sizeof(ElfW(Shdr))))
		return say(e, "its ELF header is damaged");
	return 0;
}

/* ---- text relocations ---- */

/* The code would have to be written to while it is loaded. */
static bool
relocates_text(const struct elf *e, const ElfW(Phdr) * dynamic)
{
	ElfW(Dyn) d;

	for (uint64_t at = 0; at + sizeof d <= dynamic->p_filesz; at += sizeof d) {
		if (!copy(e, dynamic->p_offset + at, &d, sizeof d) || d.d_tag == DT_NULL)
			return false;
		if (d.d_tag == DT_TEXTREL || (d.d_tag == DT_FLAGS && (d.d_un.d_val & DF_TEXTREL)))
			return true;
	}
	return false;
}

static int
judge_text(const struct elf *e)
{
	ElfW(Phdr) p;
	bool dynamic = false;

	for (unsigned i = 0; program_header(e, i, &p); i++)
		if (p.p_type == PT_DYNAMIC) {
			dynamic = true;
			if (relocates_text(e, &p))
				return say(e, "it has text relocations: compile it with -fPIC");
		}
	return dynamic ? 0 : say(e, "its ELF header is damaged: it has no dynamic section");
}

/* ---- the symbol ---- */

/* The ABI by the name of a symbol that begins as ours does; 0: another symbol. */
static unsigned
abi_of_name(const struct elf *e, const ElfW(Shdr) * names, const ElfW(Sym) * symbol)
{
	char text[sizeof SYMBOL + 3] = "";
	size_t n = 0;
	unsigned abi = 0;

	if (symbol->st_shndx == SHN_UNDEF || symbol->st_name >= names->sh_size)
		return 0;
	while (n < sizeof text && copy(e, names->sh_offset + symbol->st_name + n, &text[n], 1) &&
	       text[n] != '\0')
		n++;
	if (n == sizeof text || strncmp(text, SYMBOL, strlen(SYMBOL)) != 0)
		return 0;
	for (const char *p = text + strlen(SYMBOL); *p >= '0' && *p <= '9'; p++)
		abi = abi * 10 + (unsigned)(*p - '0');
	return abi;
}

/* The first words of what the symbol names, before any relocation: they are numbers. */
static bool
read_handler(const struct elf *e, const ElfW(Sym) * symbol, uint32_t word[2])
{
	ElfW(Phdr) p;

	for (unsigned i = 0; program_header(e, i, &p); i++)
		if (p.p_type == PT_LOAD && symbol->st_value >= p.p_vaddr &&
		    symbol->st_value - p.p_vaddr < p.p_filesz)
			return copy(e, p.p_offset + (symbol->st_value - p.p_vaddr), word,
				    2 * sizeof *word);
	return false;
}

static int
judge_handler(const struct elf *e, const ElfW(Sym) * symbol)
{
	uint32_t word[2];

	if (!read_handler(e, symbol, word))
		return 0; /* the loader tells */
	return module_elf_abi(word[0], word[1], e->why, e->room);
}

static int
judge_symbols(const struct elf *e, const ElfW(Shdr) * symbols, const ElfW(Shdr) * names)
{
	unsigned other = 0;
	ElfW(Sym) s;

	for (uint64_t at = 0; at + sizeof s <= symbols->sh_size; at += sizeof s) {
		unsigned abi;
		if (!copy(e, symbols->sh_offset + at, &s, sizeof s))
			return say(e, "its ELF header is damaged");
		abi = abi_of_name(e, names, &s);
		if (abi == PPOOL_ABI)
			return judge_handler(e, &s);
		if (abi > 0)
			other = abi;
	}
	if (other > 0)
		return say(e, "it is made for ABI %u: this program has ABI %d", other, PPOOL_ABI);
	return say(e, "it does not export " SYMBOL "%d", PPOOL_ABI);
}

/* A file without section headers is left to the loader. */
static int
judge_sections(const struct elf *e)
{
	ElfW(Shdr) symbols, names;

	for (unsigned i = 0; section_header(e, i, &symbols); i++)
		if (symbols.sh_type == SHT_DYNSYM)
			return section_header(e, symbols.sh_link, &names)
				       ? judge_symbols(e, &symbols, &names)
				       : say(e, "its ELF header is damaged");
	return 0;
}

int
module_elf_judge(struct span file, char *why, size_t size)
{
	struct elf e = {.file = file, .why = why, .room = size};

	return judge_header(&e) < 0 || judge_text(&e) < 0 || judge_sections(&e) < 0 ? -1 : 0;
}

int
module_elf_abi(uint32_t abi, uint32_t size, char *why, size_t room)
{
	struct elf e = {.why = why, .room = room};

	if (abi != PPOOL_ABI)
		return say(&e, "it is made for ABI %u: this program has ABI %d", abi, PPOOL_ABI);
	if (size < HANDLER_SIZE)
		return say(&e, SYMBOL "%d has %u bytes: ABI %d has %zu", PPOOL_ABI, size, PPOOL_ABI,
			   HANDLER_SIZE);
	return 0;
}
