#include "libos/loader/elf.h"

#include <asm/errno.h>
#include <linux/elf.h>

#include "base/checked.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/file.h"
#include "libos/loader/text.h"
#include "libos/memory/mm.h"
#include "platform/platform.h"

static uint32_t protection_of(uint32_t flags)
{
	return (flags & PF_R ? VMA_READ : 0) | (flags & PF_W ? VMA_WRITE : 0) |
	       (flags & PF_X ? VMA_EXEC : 0);
}

static int check_header(const struct elf64_hdr *h)
{
	if (memcmp(h->e_ident, ELFMAG, SELFMAG) || h->e_ident[EI_CLASS] != ELFCLASS64 ||
		h->e_ident[EI_DATA] != ELFDATA2LSB || h->e_machine != EM_X86_64)
		return -ENOEXEC;
	if (h->e_type != ET_EXEC && h->e_type != ET_DYN)
		return -ENOEXEC;
	if (h->e_phentsize != sizeof(struct elf64_phdr) || !h->e_phnum || h->e_phnum > 128)
		return -ENOEXEC;
	return 0;
}

static int add_segment(struct elf *elf, const struct elf64_phdr *p)
{
	struct elf_segment *s = &elf->segments[elf->segment_count];
	uint64_t end;

	if (!p->p_memsz)
		return 0;
	if (elf->segment_count == ELF_SEGMENT_COUNT_MAX || p->p_filesz > p->p_memsz ||
		CHECKED_ADD(p->p_vaddr, p->p_memsz, &end) || end > PLATFORM_USER_END ||
		(p->p_vaddr - p->p_offset) % PAGE_SIZE)
		return -ENOEXEC;
	*s = (struct elf_segment){
		p->p_vaddr, p->p_memsz, p->p_filesz, p->p_offset, protection_of(p->p_flags)};
	if (!elf->segment_count)
		elf->low = ALIGN_DOWN(p->p_vaddr, PAGE_SIZE);
	if (ALIGN_DOWN(p->p_vaddr, PAGE_SIZE) < elf->high)
		return -ENOEXEC; /* not ascending */
	elf->high = ALIGN_UP(end, PAGE_SIZE);
	elf->align = MAX(elf->align, p->p_align);
	elf->segment_count++;
	return 0;
}

static int read_interpreter(struct file *file, struct elf *elf, const struct elf64_phdr *p)
{
	if (p->p_filesz < 2 || p->p_filesz > sizeof(elf->interpreter))
		return -ENOEXEC;
	if (file_read_kernel(file, elf->interpreter, p->p_filesz, p->p_offset) !=
			(long)p->p_filesz ||
		elf->interpreter[p->p_filesz - 1])
		return -ENOEXEC;
	elf->interpreter_size = (uint32_t)p->p_filesz;
	return 0;
}

static int read_segments(struct file *file, struct elf *elf, const struct elf64_hdr *h,
	const struct elf64_phdr *phdrs)
{
	int r = 0;

	for (uint16_t i = 0; i < h->e_phnum && !r; i++) {
		const struct elf64_phdr *p = &phdrs[i];

		if (p->p_type == PT_LOAD)
			r = add_segment(elf, p);
		else if (p->p_type == PT_INTERP && !elf->interpreter_size)
			r = read_interpreter(file, elf, p);
		else if (p->p_type == PT_GNU_STACK)
			elf->executable_stack = p->p_flags & PF_X;
		/* The headers' address: where a segment covers their place in the file. */
		if (p->p_type == PT_LOAD && h->e_phoff >= p->p_offset &&
			h->e_phoff < p->p_offset + p->p_filesz)
			elf->phdr_vaddr = h->e_phoff - p->p_offset + p->p_vaddr;
	}
	return r ? r : elf->segment_count ? 0 : -ENOEXEC;
}

int elf_read(struct file *file, struct elf *ret_elf)
{
	CLEANUP(heap_freep) struct elf64_phdr *phdrs = NULL;
	struct elf64_hdr h;
	size_t size;
	int r;

	memset(ret_elf, 0, sizeof(*ret_elf));
	if (file_read_kernel(file, &h, sizeof(h), 0) != (long)sizeof(h))
		return -ENOEXEC;
	r = check_header(&h);
	if (r)
		return r;
	size = h.e_phnum * sizeof(*phdrs);
	phdrs = heap_alloc(size);
	if (!phdrs)
		return -ENOMEM;
	if (file_read_kernel(file, phdrs, size, h.e_phoff) != (long)size)
		return -ENOEXEC;
	ret_elf->is_dynamic = h.e_type == ET_DYN;
	ret_elf->entry = h.e_entry;
	ret_elf->phdr_count = h.e_phnum;
	return read_segments(file, ret_elf, &h, phdrs);
}

static int map_segment(struct mm *mm, struct file *file, const struct elf_segment *s, uint64_t bias)
{
	uint64_t start = ALIGN_DOWN(s->vaddr, PAGE_SIZE) + bias,
		 file_end = s->vaddr + s->file_size + bias;
	uint64_t end = ALIGN_UP(s->vaddr + s->memory_size + bias, PAGE_SIZE);
	uint64_t mapped_end = ALIGN_UP(file_end, PAGE_SIZE);
	uint32_t flags = s->protection | VMA_MAYWRITE;
	long r;

	if (s->file_size) {
		r = mm_map(mm, start, file_end - start, flags, true, file,
			ALIGN_DOWN(s->offset, PAGE_SIZE));
		if (r < 0)
			return (int)r;
		if (s->memory_size > s->file_size && file_end < mapped_end &&
			(s->protection & VMA_WRITE) && user_zero(file_end, mapped_end - file_end))
			return -EFAULT;
	} else {
		mapped_end = start;
	}
	if (end > mapped_end) {
		r = mm_map(mm, mapped_end, end - mapped_end, flags, true, NULL, 0);
		if (r < 0)
			return (int)r;
	}
	return 0;
}

int elf_map(struct mm *mm, struct file *file, const struct elf *elf, uint64_t *bias)
{
	uint64_t span = elf->high - elf->low, place, align = MAX(elf->align, PAGE_SIZE);
	int r;

	if (elf->is_dynamic && !*bias) {
		lock_acquire(&mm->lock);
		place = mm_find_room(mm, 0, span + align, text_slack(file, 0));
		lock_release(&mm->lock);
		if (!place)
			return -ENOMEM;
		*bias = ALIGN_UP(place, align) - elf->low;
	}
	for (uint32_t i = 0; i < elf->segment_count; i++) {
		r = map_segment(mm, file, &elf->segments[i], *bias);
		if (r)
			return r;
	}
	return 0;
}
