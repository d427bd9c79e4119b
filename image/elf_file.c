#include "image/elf_file.h"

#include <errno.h>
#include <string.h>

bool elf_has_magic(struct span bytes)
{
	return bytes.size >= SELFMAG && !memcmp(bytes.data, ELFMAG, SELFMAG);
}

int elf_open(struct span bytes, struct elf_file *ret)
{
	struct elf_file elf = {.bytes = bytes};
	const Elf64_Ehdr *h = &elf.header;

	if (bytes.size < sizeof(elf.header) || !elf_has_magic(bytes))
		return -ENOEXEC;
	memcpy(&elf.header, bytes.data, sizeof(elf.header));
	if (h->e_ident[EI_CLASS] != ELFCLASS64 || h->e_ident[EI_DATA] != ELFDATA2LSB ||
		h->e_machine != EM_X86_64)
		return -ENOEXEC;
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return -ENOEXEC;
	if (h->e_phentsize != sizeof(Elf64_Phdr) || h->e_phnum > ELF_SEGMENT_COUNT_MAX)
		return -ENOEXEC;
	if (!range_fits(h->e_phoff, h->e_phnum * sizeof(Elf64_Phdr), bytes.size))
		return -ENOEXEC;
	*ret = elf;
	return 0;
}

Elf64_Phdr elf_segment(const struct elf_file *elf, unsigned int index)
{
	Elf64_Phdr segment;

	memcpy(&segment, elf->bytes.data + elf->header.e_phoff + index * sizeof(segment),
		sizeof(segment));
	return segment;
}

static bool find_segment(const struct elf_file *elf, uint32_t type, Elf64_Phdr *ret)
{
	for (unsigned int i = 0; i < elf->header.e_phnum; i++) {
		*ret = elf_segment(elf, i);
		if (ret->p_type == type)
			return true;
	}
	return false;
}

/* The string that starts at @offset of @span; NULL if it doesn't end inside. */
static const char *string_at(struct span span, uint64_t offset)
{
	if (offset >= span.size || !memchr(span.data + offset, 0, span.size - offset))
		return NULL;
	return (const char *)span.data + offset;
}

const char *elf_interpreter(const struct elf_file *elf)
{
	Elf64_Phdr segment;
	struct span path;

	if (!find_segment(elf, PT_INTERP, &segment))
		return NULL;
	if (!span_slice(elf->bytes, segment.p_offset, segment.p_filesz, &path))
		return NULL;
	return string_at(path, 0);
}

/* The bytes of the file that are loaded at @address, to the end of their segment. */
static bool loaded_at(const struct elf_file *elf, uint64_t address, struct span *ret)
{
	for (unsigned int i = 0; i < elf->header.e_phnum; i++) {
		Elf64_Phdr segment = elf_segment(elf, i);
		struct span bytes;

		if (segment.p_type != PT_LOAD || address < segment.p_vaddr)
			continue;
		if (address - segment.p_vaddr >= segment.p_filesz)
			continue;
		if (!span_slice(elf->bytes, segment.p_offset, segment.p_filesz, &bytes))
			return false;
		address -= segment.p_vaddr;
		return span_slice(bytes, address, bytes.size - address, ret);
	}
	return false;
}

static Elf64_Dyn dynamic_at(struct span dynamic, size_t index)
{
	Elf64_Dyn dyn;

	memcpy(&dyn, dynamic.data + index * sizeof(dyn), sizeof(dyn));
	return dyn;
}

static bool find_strings(const struct elf_file *elf, struct span dynamic, struct span *ret)
{
	for (size_t i = 0; i < dynamic.size / sizeof(Elf64_Dyn); i++) {
		Elf64_Dyn dyn = dynamic_at(dynamic, i);

		if (dyn.d_tag == DT_NULL)
			return false;
		if (dyn.d_tag == DT_STRTAB)
			return loaded_at(elf, dyn.d_un.d_ptr, ret);
	}
	return false;
}

static int add_dynamic(struct elf_dynamic *to, Elf64_Dyn dyn, struct span strings)
{
	const char *string;

	if (dyn.d_tag != DT_NEEDED && dyn.d_tag != DT_RPATH && dyn.d_tag != DT_RUNPATH)
		return 0;
	string = string_at(strings, dyn.d_un.d_val);
	if (!string)
		return -ENOEXEC;
	if (dyn.d_tag == DT_RPATH)
		to->rpath = string;
	else if (dyn.d_tag == DT_RUNPATH)
		to->runpath = string;
	else if (to->needed_count == ELF_NEEDED_COUNT_MAX)
		return -ENOEXEC;
	else
		to->needed[to->needed_count++] = string;
	return 0;
}

int elf_read_dynamic(const struct elf_file *elf, struct elf_dynamic *ret)
{
	struct span dynamic, strings = {0};
	Elf64_Phdr segment;

	*ret = (struct elf_dynamic){0};
	if (!find_segment(elf, PT_DYNAMIC, &segment))
		return 0;
	if (!span_slice(elf->bytes, segment.p_offset, segment.p_filesz, &dynamic))
		return -ENOEXEC;
	find_strings(elf, dynamic, &strings);
	for (size_t i = 0; i < dynamic.size / sizeof(Elf64_Dyn); i++) {
		Elf64_Dyn dyn = dynamic_at(dynamic, i);
		int r;

		if (dyn.d_tag == DT_NULL)
			break;
		r = add_dynamic(ret, dyn, strings);
		if (r < 0)
			return r;
	}
	return 0;
}
