/* ELF programs: reading their headers and mapping them (System V ABI; elf(5)). */
#ifndef LIBOS_LOADER_ELF_H
#define LIBOS_LOADER_ELF_H

#include "base/compiler.h"

struct file;
struct mm;

#define ELF_SEGMENT_COUNT_MAX 64
#define ELF_PATH_MAX 4096

struct elf_segment {
	uint64_t vaddr, memory_size, file_size, offset;
	uint32_t protection; /* VMA_* */
};

/* What exec needs of a file; checked. */
struct elf {
	bool is_dynamic; /* ET_DYN: may be placed anywhere */
	uint64_t entry, phdr_vaddr;
	uint16_t phdr_count;
	uint32_t segment_count;
	struct elf_segment segments[ELF_SEGMENT_COUNT_MAX];
	uint64_t low, high; /* page-aligned span of the segments */
	uint64_t align;
	bool executable_stack;
	uint32_t interpreter_size; /* 0 = none */
	char interpreter[ELF_PATH_MAX];
};

/* -ENOEXEC: not a program this LibOS runs. */
MUST_CHECK int elf_read(struct file *file, struct elf *ret_elf);
/* Map all segments, at *bias more than their addresses (*bias is chosen if @elf is dynamic and it
 * is 0). The end of the last segment in *ret_end. */
MUST_CHECK int elf_map(struct mm *mm, struct file *file, const struct elf *elf, uint64_t *bias);

#endif
