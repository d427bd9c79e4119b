#include "libos/loader/text.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/file.h"
#include "libos/loader/elf.h"
#include "libos/loader/patch.h"
#include "libos/memory/mm.h"
#include "platform/platform.h"

#define TEXT_SIZE_MAX (512UL << 20)
#define SCAN_SITE_COUNT_MAX 4096

/* Text is read and patched in pieces of this size, when one is first touched. */
#define PIECE_SIZE (64UL << 10)

struct patched_text {
	int32_t reference_count;
	uint32_t count;
	uint64_t file_offset; /* of the text, page aligned */
	size_t size;          /* whole pages */
	size_t area_size;     /* whole pages */
	int64_t area_distance;
	uint8_t *text, *area; /* pool */
	struct site *sites;
	struct lock lock; /* of what changes the text, the area, the sites and the bits */
	uint64_t *loaded; /* heap; a bit a piece */
};

/* What is tried once and found wanting. */
static struct patched_text nothing_to_patch = {.reference_count = 1};

static struct lock patch_lock; /* one file is patched at a time */
static const struct sites_file *image_files;
static uint32_t image_file_count;
static const struct site *image_sites;

int text_use_sites(struct span sites)
{
	const struct sites_header *h = (const struct sites_header *)sites.data;
	uint64_t size;

	if (sites.size < sizeof(*h) || h->magic != SITES_MAGIC || h->version != SITES_VERSION)
		return -EBADMSG;
	size = sizeof(*h) + (uint64_t)h->file_count * sizeof(struct sites_file) +
	       (uint64_t)h->site_count * sizeof(struct site);
	if (size != sites.size)
		return -EBADMSG;
	image_files = (const struct sites_file *)(h + 1);
	image_sites = (const struct site *)(image_files + h->file_count);
	image_file_count = h->file_count;
	for (uint32_t i = 0; i < image_file_count; i++)
		if (!range_fits(
			    image_files[i].first_site, image_files[i].site_count, h->site_count))
			return -EBADMSG;
	return 0;
}

static const struct sites_file *sites_file_find(uint64_t nid)
{
	uint32_t low = 0, high = image_file_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (image_files[middle].nid < nid)
			low = middle + 1;
		else
			high = middle;
	}
	return low < image_file_count && image_files[low].nid == nid ? &image_files[low] : NULL;
}

struct patched_text *patched_text_ref(struct patched_text *text)
{
	if (text)
		__atomic_add_fetch(&text->reference_count, 1, __ATOMIC_RELAXED);
	return text;
}

void patched_text_unref(struct patched_text *text)
{
	if (!text || __atomic_sub_fetch(&text->reference_count, 1, __ATOMIC_ACQ_REL))
		return;
	pool_free(text->text, text->size);
	pool_free(text->area, text->area_size);
	heap_free(text->loaded);
	heap_free(text->sites);
	heap_free(text);
}

static const struct elf_segment *text_segment(const struct elf *elf)
{
	for (uint32_t i = 0; i < elf->segment_count; i++)
		if (elf->segments[i].protection & VMA_EXEC)
			return &elf->segments[i];
	return NULL;
}

static struct patch_target target_of(struct patched_text *t)
{
	return (struct patch_target){
		.text = t->text,
		.size = t->size,
		.file_offset = t->file_offset,
		.area = t->area,
		.area_size = t->area_size,
		.area_distance = t->area_distance,
		.sites = t->sites,
		.count = t->count,
	};
}

static uint64_t piece_count(const struct patched_text *t)
{
	return (t->size + PIECE_SIZE - 1) / PIECE_SIZE;
}

static bool piece_is_loaded(const struct patched_text *t, uint64_t piece)
{
	return __atomic_load_n(&t->loaded[piece / 64], __ATOMIC_ACQUIRE) >> (piece % 64) & 1;
}

static void mark_loaded(struct patched_text *t, uint64_t first, uint64_t end)
{
	/* Release: who sees a piece as loaded may show it to a program. */
	for (; first < end; first++)
		__atomic_or_fetch(&t->loaded[first / 64], 1UL << (first % 64), __ATOMIC_RELEASE);
}

/* The sites that the image lists for the file. */
static int copy_sites(struct patched_text *t, const struct sites_file *listed)
{
	t->count = listed->site_count;
	t->sites = heap_alloc(t->count * sizeof(struct site));
	if (!t->sites)
		return -ENOMEM;
	memcpy(t->sites, image_sites + listed->first_site, t->count * sizeof(struct site));
	return 0;
}

/* Those of a file that is not the image's, by a scan of its text: all of it is read. */
static int scan_sites(struct patched_text *t, struct file *file)
{
	if (file_read_kernel(file, t->text, t->size, t->file_offset) < 0)
		return -EIO;
	t->sites = heap_alloc(SCAN_SITE_COUNT_MAX * sizeof(struct site));
	if (!t->sites)
		return -ENOMEM;
	t->count = patch_scan_mov(t->text, t->size, t->file_offset, t->sites, SCAN_SITE_COUNT_MAX);
	return t->count ? 0 : -ENOENT;
}

static int allocate(struct patched_text *t, const struct elf *elf, const struct elf_segment *s)
{
	t->file_offset = ALIGN_DOWN(s->offset, PAGE_SIZE);
	t->size = ALIGN_UP(s->offset + s->file_size, PAGE_SIZE) - t->file_offset;
	t->area_distance = (int64_t)(elf->high - ALIGN_DOWN(s->vaddr, PAGE_SIZE));
	t->text = pool_alloc(t->size);
	t->loaded = heap_alloc((piece_count(t) + 63) / 64 * sizeof(*t->loaded));
	return t->text && t->loaded ? 0 : -ENOMEM;
}

static int allocate_area(struct patched_text *t)
{
	struct patch_target target;

	t->area_size = ALIGN_UP(patch_area_size(t->count), PAGE_SIZE);
	t->area = pool_alloc(t->area_size);
	if (!t->area)
		return -ENOMEM;
	target = target_of(t);
	patch_prepare(&target);
	return 0;
}

static int patched_text_init(struct patched_text *t, struct file *file)
{
	CLEANUP(heap_freep) struct elf *elf = heap_alloc(sizeof(*elf));
	const struct sites_file *listed = NULL;
	const struct elf_segment *s;
	struct patch_target target;
	uint64_t nid;
	bool is_image = file_image_nid(file, &nid);
	int r;

	if (!elf)
		return -ENOMEM;
	if (is_image) {
		listed = sites_file_find(nid);
		if (!listed || !listed->site_count)
			return -ENOENT;
	}
	r = elf_read(file, elf);
	if (r)
		return r;
	s = text_segment(elf);
	if (!s || !s->file_size || s->file_size > TEXT_SIZE_MAX)
		return -ENOENT;
	r = allocate(t, elf, s);
	if (!r)
		r = listed ? copy_sites(t, listed) : scan_sites(t, file);
	if (!r)
		r = allocate_area(t);
	if (r || listed)
		return r;
	target = target_of(t);
	mark_loaded(t, 0, piece_count(t));
	return patch_range(&target, 0, t->size) ? 0 : -ENOENT;
}

bool text_covers(const struct patched_text *t, uint64_t offset)
{
	return t && offset >= t->file_offset && offset - t->file_offset < t->size;
}

bool text_is_loaded(const struct patched_text *t, uint64_t offset, uint64_t *ret_run)
{
	uint64_t at = offset - t->file_offset, piece = at / PIECE_SIZE;
	bool loaded = piece_is_loaded(t, piece);

	do
		piece++;
	while (piece < piece_count(t) && piece_is_loaded(t, piece) == loaded);
	*ret_run = MIN(piece * PIECE_SIZE, t->size) - at;
	return loaded;
}

/* Read the pieces [first, end) past the page cache, which would hold them a second time. */
static int read_pieces(struct patched_text *t, struct file *file, uint64_t first, uint64_t end)
{
	struct patch_target target = target_of(t);
	size_t from = first * PIECE_SIZE, to = MIN(end * PIECE_SIZE, t->size);
	long n = file->ops->peek
			 ? file->ops->peek(file, t->text + from, to - from, t->file_offset + from)
			 : file_read_kernel(file, t->text + from, to - from, t->file_offset + from);

	if (n < 0)
		return (int)n;
	(void)patch_range(&target, from, to);
	mark_loaded(t, first, end);
	return 0;
}

int text_load(struct patched_text *t, struct file *file, uint64_t offset, uint64_t size)
{
	struct patch_target target = target_of(t);
	uint64_t first = (offset - t->file_offset) / PIECE_SIZE, end = first, last;
	int r = 0;

	LOCK_SCOPE(&t->lock);
	last = MIN((offset - t->file_offset + size + PIECE_SIZE - 1) / PIECE_SIZE, piece_count(t));
	/* Sites on a border: both sides come together. */
	while (first > 0 && patch_is_cut(&target, first * PIECE_SIZE))
		first--;
	while (last < piece_count(t) && patch_is_cut(&target, last * PIECE_SIZE))
		last++;
	for (; first < last && !r; first = end) {
		for (end = first + 1;
			end < last && piece_is_loaded(t, end) == piece_is_loaded(t, first);)
			end++;
		if (!piece_is_loaded(t, first))
			r = read_pieces(t, file, first, end);
	}
	return r;
}

/* The file's patched copy, made at the first call; NULL: it has none. */
static struct patched_text *patched_text_of(struct file *file)
{
	struct patched_text **place = file_patched_text(file), *t;

	if (!place)
		return NULL;
	LOCK_SCOPE(&patch_lock);
	if (!*place) {
		t = heap_alloc(sizeof(*t));
		if (!t)
			return NULL;
		t->reference_count = 1;
		if (patched_text_init(t, file)) {
			patched_text_unref(t);
			t = patched_text_ref(&nothing_to_patch);
		}
		*place = t;
	}
	return *place == &nothing_to_patch ? NULL : *place;
}

/* Only files that look like programs are worth the reading. */
static bool looks_executable(struct file *file)
{
	char magic[4];

	return file_read_kernel(file, magic, sizeof(magic), 0) == sizeof(magic) &&
	       !memcmp(magic, "\177ELF", sizeof(magic));
}

uint64_t text_slack(struct file *file, uint64_t offset)
{
	struct patched_text *t;

	if (offset || !looks_executable(file))
		return 0;
	t = patched_text_of(file);
	return t ? t->area_size : 0;
}

static int map_area(struct mm *mm, struct patched_text *t, uint64_t addr)
{
	struct vma *area;

	if (!mm_is_free(mm, addr, t->area_size))
		return -EEXIST;
	area = mm_add(
		mm, addr, addr + t->area_size, VMA_READ | VMA_EXEC | VMA_TRAMPOLINES, NULL, 0);
	if (!area)
		return -ENOMEM;
	area->memory = t->area;
	area->patched = patched_text_ref(t);
	return mm_populate(area);
}

void text_patch(struct mm *mm, struct vma *vma)
{
	struct patched_text *t;
	uint64_t size = vma->end - vma->start;
	int r;

	if ((vma->flags & (VMA_SHARED | VMA_WRITE)) || vma->patched || mm->is_translator ||
		!looks_executable(vma->file))
		return;
	t = patched_text_of(vma->file);
	if (!t || vma->offset != t->file_offset || size < t->size)
		return;
	if (map_area(mm, t, vma->start + (uint64_t)t->area_distance))
		return;
	r = platform_map_region(vma->start, t->size, 0, t->text, true);
	if (r)
		return; /* the file's own pages are still there, or the program will fault: no harm
			 */
	vma->patched = patched_text_ref(t);
	(void)!mm_protect_loaded(vma); /* what is not shown now is at the touch */
}

void text_unpatch(struct mm *mm, struct vma *vma)
{
	struct patched_text *t = vma->patched;
	uint64_t addr;
	struct vma *area;

	if (!t || (vma->flags & VMA_TRAMPOLINES) || vma->offset != t->file_offset)
		return;
	addr = vma->start + (uint64_t)t->area_distance;
	area = mm_find(mm, addr);
	if (!area || area->start != addr || area->patched != t)
		return;
	(void)!platform_unmap(area->start, area->end - area->start);
	mm_remove(mm, area);
}

uint64_t text_area_end(struct mm *mm, uint64_t end)
{
	struct vma *vma;

	LOCK_SCOPE(&mm->lock);
	vma = mm_find(mm, end);
	return vma && vma->start == end && (vma->flags & VMA_TRAMPOLINES) ? vma->end : end;
}

/* The slot of a site is filled when its piece is loaded: who is to go on in it must find it so. */
static bool is_ready(const struct vma *vma, uint64_t pc)
{
	uint64_t offset = vma->offset + (pc - vma->start);

	return !vma->file || !text_covers(vma->patched, offset) ||
	       piece_is_loaded(vma->patched, (offset - vma->patched->file_offset) / PIECE_SIZE) ||
	       !text_load(vma->patched, vma->file, offset, 1);
}

static bool view_at(struct mm *mm, uint64_t pc, struct patch_view *view)
{
	struct vma *vma;
	struct patched_text *t;

	if (!mm)
		return false;
	LOCK_SCOPE(&mm->lock);
	vma = mm_find(mm, pc);
	if (!vma || vma->start > pc || !vma->patched || !is_ready(vma, pc))
		return false;
	t = vma->patched;
	if (vma->flags & VMA_TRAMPOLINES)
		view->text = vma->start - (uint64_t)t->area_distance;
	else
		view->text = vma->start - (vma->offset - t->file_offset);
	view->file_offset = t->file_offset;
	view->area = view->text + (uint64_t)t->area_distance;
	view->sites = t->sites;
	view->count = t->count;
	return true;
}

uint64_t text_pc_to_native(struct mm *mm, uint64_t pc)
{
	struct patch_view view;

	return view_at(mm, pc, &view) ? patch_pc_to_native(&view, pc) : pc;
}

uint64_t text_pc_from_native(struct mm *mm, uint64_t pc)
{
	struct patch_view view;

	return view_at(mm, pc, &view) ? patch_pc_from_native(&view, pc) : pc;
}
