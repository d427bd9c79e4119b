/* What building and measuring need of an ELF file: x86-64, executables and shared objects. The
 * file is foreign bytes: nothing is read outside of it. */
#ifndef IMAGE_ELF_FILE_H
#define IMAGE_ELF_FILE_H

#include <elf.h>

#include "base/span.h"

#define ELF_SEGMENT_COUNT_MAX 256
#define ELF_NEEDED_COUNT_MAX 1024

struct elf_file {
	struct span bytes; /* must outlive this */
	Elf64_Ehdr header;
};

/* True if the file says that it is ELF, whatever else it is. */
bool elf_has_magic(struct span bytes);

/* -ENOEXEC: not a 64-bit little-endian x86-64 executable or shared object, or damaged. */
MUST_CHECK int elf_open(struct span bytes, struct elf_file *ret);

/* Program header @index < header.e_phnum. */
Elf64_Phdr elf_segment(const struct elf_file *elf, unsigned int index);

/* The path in PT_INTERP, in the file's own bytes; NULL: none, or damaged. */
const char *elf_interpreter(const struct elf_file *elf);

/* The dynamic section's strings, in the file's own bytes. */
struct elf_dynamic {
	const char *needed[ELF_NEEDED_COUNT_MAX];
	size_t needed_count;
	const char *rpath;   /* NULL: none */
	const char *runpath; /* NULL: none */
};

/* An ELF file without a dynamic section has an empty one. -ENOEXEC: damaged. */
MUST_CHECK int elf_read_dynamic(const struct elf_file *elf, struct elf_dynamic *ret);

#endif
