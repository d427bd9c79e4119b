/* What is mapped where: /proc/PID/maps, smaps, smaps_rollup. */
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/file.h"
#include "libos/files/mount.h"
#include "libos/files/path.h"
#include "libos/files/proc.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "platform/platform.h"

#define NAME_COLUMN 73
#define RESIDENT_CHUNK 4096UL /* pages asked about at a time */
#define KB(bytes) ((bytes) / 1024)

/* A copy of a vma; @file referenced. */
struct area {
	uint64_t start, end, offset;
	uint32_t flags;
	struct file *file;
};

struct areas {
	struct area *items; /* heap */
	uint32_t count;
	bool is_own; /* of the caller's own address space: pages can be looked at */
};

static void areas_freep(struct areas *areas)
{
	for (uint32_t i = 0; i < areas->count; i++)
		file_unref(areas->items[i].file);
	heap_free(areas->items);
}

static struct area area_of(const struct vma *vma)
{
	return (struct area){vma->start, vma->end, vma->offset, vma->flags,
		vma->file ? file_ref(vma->file) : NULL};
}

/* Copy, unless there are more than @room. Locked: the process table and @mm. */
static uint32_t copy_areas(struct mm *mm, struct areas *areas, uint32_t room)
{
	struct vma *vma;

	if (mm->vma_count > room)
		return mm->vma_count;
	LIST_FOR_EACH (vma, &mm->vmas, link)
		areas->items[areas->count++] = area_of(vma);
	return 0;
}

/* 0: done; > 0: so much room is needed; -ESRCH. */
static int64_t try_copy(const struct computed_entry *entry, struct areas *areas, uint32_t room)
{
	struct thread *thread;
	struct mm *mm;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ESRCH;
	mm = thread->process->mm;
	if (!mm)
		return 0; /* a zombie has none */
	areas->is_own = mm == thread_current()->process->mm;
	LOCK_SCOPE(&mm->lock);
	return copy_areas(mm, areas, room);
}

static int areas_take(const struct computed_entry *entry, struct areas *areas)
{
	uint32_t room = 64;
	int64_t r;

	for (;;) {
		areas->items = heap_alloc(room * sizeof(*areas->items));
		if (!areas->items)
			return -ENOMEM;
		r = try_copy(entry, areas, room);
		if (r <= 0)
			return (int)r;
		heap_free(areas->items);
		areas->items = NULL;
		room = (uint32_t)r + 16;
	}
}

static const char *special_name(uint32_t flags)
{
	if (flags & VMA_STACK)
		return "[stack]";
	if (flags & VMA_HEAP)
		return "[heap]";
	if (flags & VMA_VDSO)
		return "[vdso]";
	if (flags & VMA_VVAR)
		return "[vvar]";
	return flags & VMA_TRAMPOLINES ? "[casemate]" : NULL;
}

static void pad_to_column(struct text *text, size_t line, size_t column)
{
	while (!text->failed && text->size - line < column)
		text_put_bytes(text, " ", 1);
}

static void put_file_name(struct text *text, struct file *file)
{
	char *path = heap_alloc(PATH_SIZE + 32);

	if (path && file_path(file, path, PATH_SIZE + 32) >= 0)
		text_put_escaped(text, path, "\n");
	heap_free(path);
}

static void put_area(struct text *text, const struct area *area)
{
	const struct inode *inode = area->file ? area->file->inode : NULL;
	uint64_t device = inode && inode->mount ? inode->mount->device : 0;
	const char *name = special_name(area->flags);
	size_t line = text->size;

	text_put(text, "%08lx-%08lx %c%c%c%c %08lx %02x:%02x %lu ", area->start, area->end,
		area->flags & VMA_READ ? 'r' : '-', area->flags & VMA_WRITE ? 'w' : '-',
		area->flags & VMA_EXEC ? 'x' : '-', area->flags & VMA_SHARED ? 's' : 'p',
		inode ? area->offset : 0UL, device_major(device), device_minor(device),
		inode ? inode->number : 0UL);
	if (name || inode)
		pad_to_column(text, line, NAME_COLUMN);
	if (name)
		text_put(text, "%s", name);
	else if (inode)
		put_file_name(text, area->file);
	text_put(text, "\n");
}

int proc_show_maps(const struct computed_entry *entry, struct text *text)
{
	CLEANUP(areas_freep) struct areas areas = {0};
	int r = areas_take(entry, &areas);

	if (r)
		return r;
	for (uint32_t i = 0; i < areas.count; i++)
		put_area(text, &areas.items[i]);
	return 0;
}

/* ---- PROCMAP_QUERY: one of them, for those who would look for it in the text ---- */

/* linux/fs.h has it since Linux 6.11. */
struct maps_query {
	uint64_t size, flags, address;
	uint64_t start, end, vma_flags, page_size, offset, inode;
	uint32_t device_major, device_minor;
	uint32_t name_size, build_id_size;
	uint64_t name, build_id;
};
_Static_assert(sizeof(struct maps_query) == 104, "ABI");
#define MAPS_QUERY 0xc0686611U /* _IOWR('f', 17, struct maps_query) */
#define MAPS_QUERY_SIZE_LEAST 24U
enum maps_query_flags {
	QUERY_ACCESS = 15, /* has at least these: as VMA_PROTECTION, VMA_SHARED */
	QUERY_OR_NEXT = 16,
	QUERY_OF_FILE = 32,
	QUERY_ALL = 63,
};
_Static_assert(QUERY_ACCESS == (VMA_PROTECTION | VMA_SHARED), "the same bits");

static bool query_matches(const struct maps_query *query, const struct vma *vma)
{
	uint32_t access = (uint32_t)query->flags & QUERY_ACCESS;

	return (vma->flags & access) == access && (vma->file || !(query->flags & QUERY_OF_FILE));
}

static int query_find(struct mm *mm, const struct maps_query *query, struct area *ret_area)
{
	struct vma *vma;

	LOCK_SCOPE(&mm->lock);
	for (vma = mm_find(mm, query->address); vma; vma = mm_next(mm, vma)) {
		if (vma->start > query->address && !(query->flags & QUERY_OR_NEXT))
			break;
		if (!query_matches(query, vma))
			continue;
		*ret_area = area_of(vma);
		return 0;
	}
	return -ENOENT;
}

static int query_process(
	const struct computed_entry *entry, const struct maps_query *query, struct area *ret_area)
{
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread || !thread->process->mm)
		return -ESRCH;
	return query_find(thread->process->mm, query, ret_area);
}

/* The name with its end, at most query->name_size bytes. */
static int query_put_name(struct maps_query *query, const struct area *area)
{
	CLEANUP(heap_freep) char *path = NULL;
	const char *name = special_name(area->flags);
	size_t size;

	if (!name && area->file) {
		name = path = heap_alloc(PATH_SIZE + 32);
		if (!path)
			return -ENOMEM;
		if (file_path(area->file, path, PATH_SIZE + 32) < 0)
			return -ENAMETOOLONG;
	}
	size = name ? strlen(name) + 1 : 0;
	if (size > query->name_size)
		return -ENAMETOOLONG;
	query->name_size = (uint32_t)size;
	return user_write(query->name, name, size);
}

static int query_answer(struct maps_query *query, const struct area *area)
{
	const struct inode *inode = area->file ? area->file->inode : NULL;
	uint64_t device = inode && inode->mount ? inode->mount->device : 0;

	query->start = area->start;
	query->end = area->end;
	query->vma_flags = area->flags & QUERY_ACCESS;
	query->page_size = PAGE_SIZE;
	query->offset = inode ? area->offset : 0;
	query->inode = inode ? inode->number : 0;
	query->device_major = device_major(device);
	query->device_minor = device_minor(device);
	query->build_id_size = 0; /* nobody reads notes here: as of a file that has none */
	return query->name_size ? query_put_name(query, area) : 0;
}

static int query_read(struct maps_query *query, uint64_t from, uint64_t size)
{
	int r;

	if (size > PAGE_SIZE)
		return -E2BIG;
	if (size < MAPS_QUERY_SIZE_LEAST)
		return -EINVAL;
	r = user_read_versioned(query, sizeof(*query), from, size);
	if (r)
		return r;
	if (query->flags & ~(uint64_t)QUERY_ALL || !query->name_size != !query->name ||
		!query->build_id_size != !query->build_id)
		return -EINVAL;
	return 0;
}

long proc_maps_ioctl(const struct computed_entry *entry, uint32_t request, uint64_t argument)
{
	struct maps_query query;
	struct area area = {0};
	uint64_t size;
	int r;

	if (request != MAPS_QUERY)
		return -ENOTTY;
	if (USER_GET(&size, argument))
		return -EFAULT;
	r = query_read(&query, argument, size);
	r = r ? r : query_process(entry, &query, &area);
	if (r)
		return r;
	r = query_answer(&query, &area);
	file_unref(area.file);
	return r ? r : user_write(argument, &query, MIN(size, sizeof(query)));
}

/* ---- smaps ---- */

struct residence {
	uint64_t size, resident, anonymous, locked;
};

static uint64_t resident_pages(uint64_t start, uint64_t end, uint8_t *vector)
{
	uint64_t pages = 0;

	while (start < end) {
		uint64_t count = MIN((end - start) / PAGE_SIZE, RESIDENT_CHUNK);

		if (platform_resident(start, count * PAGE_SIZE, vector))
			break; /* unmapped meanwhile */
		for (uint64_t i = 0; i < count; i++)
			pages += vector[i] & 1;
		start += count * PAGE_SIZE;
	}
	return pages;
}

/* Of other processes only what they could have at most is known. */
static struct residence residence_of(const struct area *area, bool is_own, uint8_t *vector)
{
	struct residence r = {.size = area->end - area->start};

	if (is_own && area->flags & VMA_PROTECTION)
		r.resident = resident_pages(area->start, area->end, vector) * PAGE_SIZE;
	else if (area->flags & VMA_PROTECTION)
		r.resident = r.size;
	if (!area->file && !(area->flags & VMA_SHARED))
		r.anonymous = r.resident;
	if (area->flags & VMA_LOCKED)
		r.locked = r.resident;
	return r;
}

static void put_residence(struct text *text, const struct residence *r, bool is_shared)
{
	uint64_t file = r->resident - r->anonymous;

	text_put(text,
		"Rss:            %8lu kB\nPss:            %8lu kB\nPss_Dirty:      %8lu kB\n",
		KB(r->resident), KB(r->resident), KB(r->anonymous));
	text_put(text,
		"Shared_Clean:   %8lu kB\nShared_Dirty:   %8lu kB\n"
		"Private_Clean:  %8lu kB\nPrivate_Dirty:  %8lu kB\n"
		"Referenced:     %8lu kB\nAnonymous:      %8lu kB\n",
		0UL, is_shared ? KB(file) : 0UL, is_shared ? 0UL : KB(file), KB(r->anonymous),
		KB(r->resident), KB(r->anonymous));
	text_put(text,
		"LazyFree:       %8lu kB\nAnonHugePages:  %8lu kB\nShmemPmdMapped: %8lu kB\n"
		"FilePmdMapped:  %8lu kB\nShared_Hugetlb: %8lu kB\nPrivate_Hugetlb: %7lu kB\n"
		"Swap:           %8lu kB\nSwapPss:        %8lu kB\nLocked:         %8lu kB\n",
		0UL, 0UL, 0UL, 0UL, 0UL, 0UL, 0UL, 0UL, KB(r->locked));
}

static void put_flags(struct text *text, uint32_t flags)
{
	static const struct {
		uint32_t flag;
		char name[4];
	} names[] = {
		{VMA_READ, "rd"},
		{VMA_WRITE, "wr"},
		{VMA_EXEC, "ex"},
		{VMA_SHARED, "sh"},
		{VMA_PROTECTION, "mr"},
		{VMA_MAYWRITE, "mw"},
		{VMA_PROTECTION, "me"},
		{VMA_GROWSDOWN, "gd"},
		{VMA_LOCKED, "lo"},
		{VMA_DONTFORK, "dc"},
		{VMA_NORESERVE, "nr"},
		{VMA_WIPEONFORK, "wf"},
		{VMA_DONTDUMP, "dd"},
	};

	text_put(text, "VmFlags: ");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		/* What protections may become is the same for all: anything. */
		if (flags & names[i].flag || names[i].flag == VMA_PROTECTION)
			text_put(text, "%s ", names[i].name);
	text_put(text, "\n");
}

static void put_smaps_area(struct text *text, const struct area *area, const struct residence *r)
{
	put_area(text, area);
	text_put(text,
		"Size:           %8lu kB\nKernelPageSize: %8lu kB\nMMUPageSize:    %8lu kB\n",
		KB(r->size), KB(PAGE_SIZE), KB(PAGE_SIZE));
	put_residence(text, r, area->flags & VMA_SHARED);
	text_put(text, "THPeligible:    0\n");
	put_flags(text, area->flags);
}

int proc_show_smaps(const struct computed_entry *entry, struct text *text)
{
	CLEANUP(heap_freep) uint8_t *vector = heap_alloc(RESIDENT_CHUNK);
	CLEANUP(areas_freep) struct areas areas = {0};
	int r = vector ? areas_take(entry, &areas) : -ENOMEM;

	for (uint32_t i = 0; i < areas.count && !r; i++) {
		struct residence residence = residence_of(&areas.items[i], areas.is_own, vector);

		put_smaps_area(text, &areas.items[i], &residence);
	}
	return r;
}

int proc_show_smaps_rollup(const struct computed_entry *entry, struct text *text)
{
	CLEANUP(heap_freep) uint8_t *vector = heap_alloc(RESIDENT_CHUNK);
	CLEANUP(areas_freep) struct areas areas = {0};
	struct residence sum = {0};
	size_t line = text->size;
	int r = vector ? areas_take(entry, &areas) : -ENOMEM;

	if (r || !areas.count)
		return r ? r : -ESRCH;
	for (uint32_t i = 0; i < areas.count; i++) {
		struct residence one = residence_of(&areas.items[i], areas.is_own, vector);

		sum.resident += one.resident;
		sum.anonymous += one.anonymous;
		sum.locked += one.locked;
	}
	text_put(text, "%08lx-%08lx ---p 00000000 00:00 0 ", areas.items[0].start,
		areas.items[areas.count - 1].end);
	pad_to_column(text, line, NAME_COLUMN);
	text_put(text, "[rollup]\n");
	put_residence(text, &sum, false);
	return 0;
}
