#include "libos/time/vdso.h"

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/lock.h"
#include "libos/memory/mm.h"
#include "libos/time/clock.h"
#include "libos/time/vdso/page.h"
#include "vdso_image.h"

static struct lock code_lock;
static uint8_t *code; /* the image in pages of its own, shared by all programs */

#define CODE_SIZE ALIGN_UP(sizeof(vdso_image), PAGE_SIZE)

static const uint8_t *code_pages(void)
{
	LOCK_SCOPE(&code_lock);
	if (!code) {
		code = pool_alloc(CODE_SIZE);
		if (code)
			memcpy(code, vdso_image, sizeof(vdso_image));
	}
	return code;
}

/* Read-only memory of the LibOS's at @addr. mm is locked. */
static bool map_pages(struct mm *mm, uint64_t addr, size_t size, uint32_t flags, const void *memory)
{
	struct vma *vma = mm_add(mm, addr, addr + size, flags, NULL, 0);

	if (!vma)
		return false;
	vma->memory = memory;
	if (!mm_populate(vma))
		return true;
	mm_remove(mm, vma);
	return false;
}

uint64_t vdso_map(struct mm *mm)
{
	const struct vdso_page *page = clock_page();
	const uint8_t *text = code_pages();
	uint64_t addr;

	if (!page || !text)
		return 0;
	LOCK_SCOPE(&mm->lock);
	addr = mm_find_room(mm, 0, PAGE_SIZE + CODE_SIZE, 0);
	if (!addr || !map_pages(mm, addr, PAGE_SIZE, VMA_READ | VMA_VVAR, page) ||
		!map_pages(mm, addr + PAGE_SIZE, CODE_SIZE, VMA_READ | VMA_EXEC | VMA_VDSO, text))
		return 0;
	mm->vdso = addr + PAGE_SIZE;
	return mm->vdso;
}
