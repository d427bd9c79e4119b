/* Pages of files come in as they are touched. The platform is given all of a file's memory at once,
 * without access where it is not loaded yet: a touch there faults, some pages around it are loaded,
 * and all that are loaded get the mapping's protection. To give a page the protection that it has
 * already changes nothing, so nobody needs to remember which pages an address space shows. */
#include <asm/errno.h>

#include "libos/files/file.h"
#include "libos/loader/text.h"
#include "libos/memory/mm.h"
#include "platform/platform.h"

/* Mappings up to this size are loaded at once: a fault costs about as much as two pages. */
#define LOAD_WHOLE_MAX (64UL << 10)
/* A touch loads so much, aligned in the file; twice as much after each so many touches. */
#define LOAD_WINDOW_MIN (64UL << 10)
#define LOAD_WINDOW_DOUBLINGS 5
#define LOADS_PER_WINDOW 8U
/* At mmap, so many runs of loaded pages are shown; others at their first touch. */
#define SHOWN_RUNS_MAX 16

static bool is_loaded(const struct vma *vma, uint64_t at, uint64_t *ret_run)
{
	const struct file_ops *ops = vma->file->ops;
	uint64_t offset = vma->offset + at;

	if (text_covers(vma->patched, offset))
		return text_is_loaded(vma->patched, offset, ret_run);
	if (ops->is_loaded)
		return ops->is_loaded(vma->file, offset, ret_run);
	*ret_run = UINT64_MAX - offset;
	return true;
}

static int load(struct vma *vma, uint64_t at, uint64_t size)
{
	const struct file_ops *ops = vma->file->ops;
	uint64_t end = at + size, run;
	int r = 0;

	for (; at < end && !r; at += run) {
		if (is_loaded(vma, at, &run))
			continue;
		run = MIN(run, end - at);
		if (text_covers(vma->patched, vma->offset + at))
			r = text_load(vma->patched, vma->file, vma->offset + at, run);
		else
			r = ops->load(vma->file, vma->offset + at, run);
	}
	return r;
}

/* Give up to @runs_max runs of loaded pages in [at, at + size) the mapping's protection. */
static int show(const struct vma *vma, uint64_t at, uint64_t size, unsigned int runs_max)
{
	uint64_t end = at + size, run;
	int r = 0;

	for (; at < end && runs_max && !r; at += run) {
		bool loaded = is_loaded(vma, at, &run);

		run = MIN(run, end - at);
		if (!loaded)
			continue;
		r = platform_protect(vma->start + at, run, vma->flags & VMA_PROTECTION);
		runs_max--;
	}
	return r;
}

bool mm_is_loaded(const struct vma *vma, uint64_t at, uint64_t size)
{
	uint64_t run;

	return is_loaded(vma, at, &run) && run >= size;
}

int mm_map_loaded(struct vma *vma, uint64_t at, uint64_t size, const void *memory)
{
	uint32_t protection = vma->flags & VMA_PROTECTION;
	bool copy_on_write = !(vma->flags & VMA_SHARED);
	int r;

	/* Text may still be exchanged for its patched copy. */
	if (protection && !(protection & VMA_EXEC) && size <= LOAD_WHOLE_MAX)
		(void)!load(vma, at, size); /* what is damaged tells at the touch */
	if (mm_is_loaded(vma, at, size))
		return platform_map_region(
			vma->start + at, size, protection, memory, copy_on_write);
	r = platform_map_region(vma->start + at, size, 0, memory, copy_on_write);
	return r || !protection ? r : show(vma, at, size, SHOWN_RUNS_MAX);
}

int mm_protect_loaded(const struct vma *vma)
{
	if (!vma->mapped)
		return 0;
	if (!(vma->flags & VMA_PROTECTION))
		return platform_protect(vma->start, vma->mapped, 0);
	return show(vma, 0, vma->mapped, UINT32_MAX);
}

int mm_load(struct vma *vma)
{
	int r = load(vma, 0, vma->mapped);

	return r || !(vma->flags & VMA_PROTECTION) ? r : show(vma, 0, vma->mapped, UINT32_MAX);
}

int mm_load_touched(struct vma *vma, uint64_t at)
{
	unsigned int doublings = MIN(vma->loads / LOADS_PER_WINDOW, LOAD_WINDOW_DOUBLINGS);
	uint64_t window = LOAD_WINDOW_MIN << doublings, first, end, run;
	int r;

	at = ALIGN_DOWN(at, PAGE_SIZE);
	if (is_loaded(vma, at, &run)) /* for another address space, or another thread was quicker */
		return show(vma, at, MIN(run, vma->mapped - at), 1);
	first = ALIGN_DOWN(vma->offset + at, window);
	end = MIN(first + window - vma->offset, vma->mapped);
	first = first > vma->offset ? first - vma->offset : 0;
	vma->loads++;
	r = load(vma, first, end - first);
	if (r) {
		first = at;
		end = at + PAGE_SIZE;
		r = load(vma, first, PAGE_SIZE);
	}
	return r ? r : show(vma, first, end - first, UINT32_MAX);
}

uint64_t mm_loaded_bytes(const struct vma *vma)
{
	uint64_t bytes = 0, run;

	for (uint64_t at = 0; at < vma->mapped; at += run) {
		bool loaded = is_loaded(vma, at, &run);

		run = MIN(run, vma->mapped - at);
		bytes += loaded ? run : 0;
	}
	return bytes;
}
