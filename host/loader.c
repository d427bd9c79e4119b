#include "host/loader.h"

#include <elf.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

static int place_segment(struct span libos, const Elf64_Phdr *p, uintptr_t region, size_t size,
	struct image_error *error)
{
	struct span bytes;
	uintptr_t start = ALIGN_DOWN(p->p_vaddr, PAGE_SIZE);
	size_t length;
	int prot = (p->p_flags & PF_R ? PROT_READ : 0) | (p->p_flags & PF_W ? PROT_WRITE : 0) |
		   (p->p_flags & PF_X ? PROT_EXEC : 0);

	if (!span_slice(libos, p->p_offset, p->p_filesz, &bytes) || p->p_filesz > p->p_memsz ||
		p->p_vaddr < region || !range_fits(p->p_vaddr - region, p->p_memsz, size))
		return image_fail(error, -EBADMSG, "the LibOS's segments make no sense");
	if ((prot & PROT_WRITE) && (prot & PROT_EXEC))
		return image_fail(
			error, -EBADMSG, "the LibOS has a segment both writable and executable");
	memcpy((void *)p->p_vaddr, bytes.data, bytes.size);
	length = ALIGN_UP(p->p_vaddr + p->p_memsz, PAGE_SIZE) - start;
	if (mprotect((void *)start, length, prot) < 0)
		return image_fail_errno(error, -errno, "protecting the LibOS's memory");
	return 0;
}

int loader_place(struct span libos, uintptr_t region, size_t size, uintptr_t *ret_entry,
	uintptr_t *ret_end, struct image_error *error)
{
	struct span bytes;
	const Elf64_Ehdr *h;
	const Elf64_Phdr *phdrs;
	uintptr_t end = region;
	int r;

	if (!span_slice(libos, 0, sizeof(*h), &bytes))
		return image_fail(error, -EBADMSG, "the LibOS is no ELF file");
	h = (const Elf64_Ehdr *)bytes.data;
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) != 0 || h->e_machine != EM_X86_64 ||
		h->e_phentsize != sizeof(*phdrs) ||
		!span_slice(libos, h->e_phoff, (uint64_t)h->e_phnum * sizeof(*phdrs), &bytes))
		return image_fail(error, -EBADMSG, "the LibOS is no ELF file for x86-64");
	phdrs = (const Elf64_Phdr *)bytes.data;
	for (size_t i = 0; i < h->e_phnum; i++) {
		if (phdrs[i].p_type != PT_LOAD)
			continue;
		r = place_segment(libos, &phdrs[i], region, size, error);
		if (r < 0)
			return r;
		end = MAX(end, ALIGN_UP(phdrs[i].p_vaddr + phdrs[i].p_memsz, PAGE_SIZE));
	}
	*ret_entry = h->e_entry;
	*ret_end = end;
	return 0;
}
