#include "image/code_roots.h"

#include <elf.h>
#include <string.h>

#include "image/go_functions.h"
#include "image/unwind.h"

static bool read_section(struct span elf, const Elf64_Ehdr *header, size_t i, Elf64_Shdr *ret)
{
	struct span from;

	if (header->e_shoff > elf.size ||
		!span_slice(elf, header->e_shoff + i * sizeof(*ret), sizeof(*ret), &from))
		return false;
	memcpy(ret, from.data, sizeof(*ret));
	return true;
}

/* Labels are targets at least: hand-written code exports them to compare addresses with. */
static int add_symbol(struct code_map *map, const Elf64_Sym *symbol)
{
	switch (ELF64_ST_TYPE(symbol->st_info)) {
	case STT_FUNC:
	case STT_GNU_IFUNC:
		return code_map_add_function(map, symbol->st_value, symbol->st_size);
	case STT_NOTYPE:
		code_map_mark_target(map, symbol->st_value);
		return 0;
	default:
		return 0;
	}
}

static int add_symbols(struct code_map *map, const Elf64_Shdr *section)
{
	struct span table;
	int r = 0;

	if (!span_slice(map->elf, section->sh_offset, section->sh_size, &table))
		return 0;
	for (size_t at = 0; r == 0 && range_fits(at, sizeof(Elf64_Sym), table.size);
		at += sizeof(Elf64_Sym)) {
		Elf64_Sym symbol;

		memcpy(&symbol, table.data + at, sizeof(symbol));
		if (symbol.st_shndx != SHN_UNDEF)
			r = add_symbol(map, &symbol);
	}
	return r;
}

/* A pointer into code that the loader has to relocate was written as the address of a function or
 * of a label; nothing else makes one. */
static int add_relocations(struct code_map *map, const Elf64_Shdr *section)
{
	struct span table;
	int r = 0;

	if (!span_slice(map->elf, section->sh_offset, section->sh_size, &table))
		return 0;
	for (size_t at = 0; r == 0 && range_fits(at, sizeof(Elf64_Rela), table.size);
		at += sizeof(Elf64_Rela)) {
		Elf64_Rela relocation;

		memcpy(&relocation, table.data + at, sizeof(relocation));
		switch (ELF64_R_TYPE(relocation.r_info)) {
		case R_X86_64_RELATIVE:
		case R_X86_64_IRELATIVE:
			r = code_map_trace(map, (uint64_t)relocation.r_addend);
		}
	}
	return r;
}

static bool is_named(const struct code_map *map, const Elf64_Shdr *names, const Elf64_Shdr *section,
	const char *name)
{
	struct span from;
	uint64_t at;

	return !CHECKED_ADD(names->sh_offset, (uint64_t)section->sh_name, &at) &&
	       span_slice(map->elf, at, strlen(name) + 1, &from) &&
	       memcmp(from.data, name, strlen(name) + 1) == 0;
}

/* Tables that only their names tell. */
static int add_named(struct code_map *map, const Elf64_Shdr *names, const Elf64_Shdr *section)
{
	if (is_named(map, names, section, ".eh_frame"))
		return unwind_add(map, section->sh_addr);
	if (is_named(map, names, section, ".gopclntab") ||
		is_named(map, names, section, ".data.rel.ro.gopclntab"))
		return go_functions_add(map, section->sh_addr);
	return 0;
}

static int add_section(struct code_map *map, const Elf64_Shdr *names, const Elf64_Shdr *section)
{
	switch (section->sh_type) {
	case SHT_SYMTAB:
	case SHT_DYNSYM:
		return add_symbols(map, section);
	case SHT_RELA:
		return add_relocations(map, section);
	case SHT_NOBITS:
		return 0;
	default:
		return section->sh_flags & SHF_ALLOC ? add_named(map, names, section) : 0;
	}
}

static int add_sections(struct code_map *map, const Elf64_Ehdr *header)
{
	Elf64_Shdr names, section;
	int r = 0;

	if (header->e_shentsize != sizeof(Elf64_Shdr) ||
		!read_section(map->elf, header, header->e_shstrndx, &names))
		return 0;
	for (size_t i = 0; i < header->e_shnum && r == 0; i++) {
		if (!read_section(map->elf, header, i, &section))
			break;
		r = add_section(map, &names, &section);
	}
	return r;
}

static int add_program_headers(struct code_map *map, const Elf64_Ehdr *header)
{
	int r = 0;

	for (size_t i = 0; i < header->e_phnum && r == 0; i++) {
		struct span from;
		Elf64_Phdr program_header;

		if (!span_slice(map->elf, header->e_phoff + i * sizeof(Elf64_Phdr),
			    sizeof(Elf64_Phdr), &from))
			break;
		memcpy(&program_header, from.data, sizeof(program_header));
		if (program_header.p_type == PT_GNU_EH_FRAME)
			r = unwind_add_indexed(map, program_header.p_vaddr);
	}
	return r;
}

int code_roots_add(struct code_map *map)
{
	Elf64_Ehdr header;
	int r;

	if (map->segment_count == 0)
		return 0;
	memcpy(&header, map->elf.data, sizeof(header));
	r = add_program_headers(map, &header);
	if (r == 0)
		r = add_sections(map, &header);
	if (r == 0)
		r = code_map_trace(map, header.e_entry);
	return r;
}
