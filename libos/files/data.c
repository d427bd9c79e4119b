#include "libos/files/data.h"

#include <linux/errno.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/log.h"

/* What is read from the image at once, at least. */
#define FILL_PAGES 16UL
/* Present pages up to this many are cleared by hand, more by giving the memory back. */
#define CLEAR_PAGES_MAX 32UL

/* So many bytes are written between two looks at the memory limit. */
#define UNCOUNTED_MAX (1UL << 20)

/* Where a page lies: in which extent, and what that covers. Counted in pages. */
struct place {
	unsigned int index;
	uint64_t start, count; /* of the extent, in the file */
	uint64_t page;         /* in the extent */
};

static bool place_find(const struct data *data, uint64_t page, struct place *ret)
{
	uint64_t step = page >> data->first_order;

	if (!step) {
		*ret = (struct place){0, 0, 1UL << data->first_order, page};
		return true;
	}
	ret->index = 64U - (unsigned int)__builtin_clzl(step);
	if (ret->index >= DATA_EXTENTS_MAX || ret->index - 1 + data->first_order > DATA_ORDER_MAX)
		return false;
	ret->start = ret->count = 1UL << (ret->index - 1) << data->first_order;
	ret->page = page - ret->start;
	return true;
}

/* NULL: the table that it is in does not exist yet. */
static struct extent *extent_at(struct data *data, unsigned int index)
{
	struct extent *more;

	if (index < DATA_EXTENTS_INLINE)
		return &data->extents[index];
	more = __atomic_load_n(&data->more, __ATOMIC_ACQUIRE);
	return more ? &more[index - DATA_EXTENTS_INLINE] : NULL;
}

static uint8_t *extent_memory(const struct extent *extent)
{
	return extent ? __atomic_load_n(&extent->memory, __ATOMIC_ACQUIRE) : NULL;
}

static uint64_t *extent_bits(struct extent *extent, const struct place *place)
{
	return place->count <= 64 ? &extent->bits : extent->words;
}

/* Pages are taken out of the quota before they are written, and what turns out not to be needed is
 * given back. */
static bool quota_reserve(struct data_quota *quota, uint64_t pages)
{
	uint64_t used = __atomic_load_n(&quota->used, __ATOMIC_RELAXED);

	do {
		if (used > quota->limit || pages > quota->limit - used)
			return !pages;
	} while (!__atomic_compare_exchange_n(
		&quota->used, &used, used + pages, false, __ATOMIC_RELAXED, __ATOMIC_RELAXED));
	return true;
}

static void quota_return(struct data *data, uint64_t pages)
{
	if (data->quota)
		__atomic_sub_fetch(&data->quota->used, pages, __ATOMIC_RELAXED);
}

void data_init(struct data *data, uint64_t source_size, data_fill *fill)
{
	uint64_t pages = (source_size + PAGE_SIZE - 1) >> PAGE_SHIFT;

	*data = (struct data){.source_size = source_size, .fill = fill};
	data->source_left = pages;
	if (pages > 1)
		data->first_order = (uint8_t)(64 - __builtin_clzl(pages - 1));
}

void data_done(struct data *data)
{
	for (unsigned int i = 0; i < DATA_EXTENTS_MAX; i++) {
		struct extent *extent = extent_at(data, i);
		uint64_t count = 1UL << data->first_order << (i ? i - 1 : 0);

		if (!extent)
			break;
		if (!extent->memory)
			continue;
		pool_free(extent->memory, count << PAGE_SHIFT);
		if (count > 64)
			heap_free(extent->words);
	}
	heap_free(data->more);
	quota_return(data, data->page_count);
}

/* data->lock is held by this and by all that change extents and bits. */
static int extent_allocate(struct data *data, const struct place *place, struct extent **ret)
{
	struct extent *extent = extent_at(data, place->index);
	void *memory;

	if (!extent) {
		struct extent *more =
			heap_alloc((DATA_EXTENTS_MAX - DATA_EXTENTS_INLINE) * sizeof(*more));

		if (!more)
			return -ENOSPC;
		__atomic_store_n(&data->more, more, __ATOMIC_RELEASE);
		extent = extent_at(data, place->index);
	}
	*ret = extent;
	if (extent->memory)
		return 0;
	memory = pool_alloc(place->count << PAGE_SHIFT);
	if (!memory)
		return -ENOSPC;
	if (place->count > 64) {
		extent->words = heap_alloc(place->count / 8);
		if (!extent->words) {
			pool_free(memory, place->count << PAGE_SHIFT);
			return -ENOSPC;
		}
	}
	__atomic_store_n(&extent->memory, memory, __ATOMIC_RELEASE);
	return 0;
}

static bool is_present(const uint64_t *bits, uint64_t page)
{
	return __atomic_load_n(&bits[page / 64], __ATOMIC_ACQUIRE) >> (page % 64) & 1;
}

/* How many were not yet. */
static uint64_t mark_present(struct data *data, uint64_t *bits, uint64_t page, uint64_t count)
{
	uint64_t before = data->page_count;

	for (; count; page++, count--) {
		if (is_present(bits, page))
			continue;
		__atomic_or_fetch(&bits[page / 64], 1UL << (page % 64), __ATOMIC_RELEASE);
		data->page_count++;
	}
	return data->page_count - before;
}

static void mark_absent(struct data *data, uint64_t *bits, uint64_t page, uint64_t count)
{
	uint64_t before = data->page_count;

	for (; count; page++, count--) {
		if (!is_present(bits, page))
			continue;
		__atomic_and_fetch(&bits[page / 64], ~(1UL << (page % 64)), __ATOMIC_RELEASE);
		data->page_count--;
	}
	quota_return(data, before - data->page_count);
}

static uint64_t source_pages(const struct data *data)
{
	return (data->source_size + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

static bool is_from_source(const struct data *data, uint64_t page)
{
	return __atomic_load_n(&data->source_left, __ATOMIC_ACQUIRE) && page < source_pages(data);
}

/* Read the absent pages among [page, end) of extent 0, a run at a time. */
static int fill_runs(
	struct data *data, struct extent *extent, uint64_t *bits, uint64_t page, uint64_t end)
{
	while (page < end) {
		uint64_t first, size;
		int r;

		while (page < end && is_present(bits, page))
			page++;
		for (first = page; page < end && !is_present(bits, page);)
			page++;
		if (page == first)
			break;
		size = MIN(page << PAGE_SHIFT, data->source_size) - (first << PAGE_SHIFT);
		r = data->fill(
			data, first << PAGE_SHIFT, extent->memory + (first << PAGE_SHIFT), size);
		if (r)
			return r;
		(void)mark_present(data, bits, first, page - first);
		__atomic_sub_fetch(&data->source_left, page - first, __ATOMIC_RELEASE);
	}
	return 0;
}

/* Make [page, page + count), pages of the file, present where they come from the source. What lies
 * around them is read along, unless it is damaged: then each page answers for itself. */
static int fill(struct data *data, uint64_t page, uint64_t count)
{
	uint64_t from = ALIGN_DOWN(page, FILL_PAGES), to = ALIGN_UP(page + count, FILL_PAGES);
	struct extent *extent;
	struct place place;
	uint64_t *bits;
	int r;

	if (!is_from_source(data, page) || !place_find(data, 0, &place))
		return 0;
	LOCK_SCOPE(&data->lock);
	to = MIN(to, source_pages(data));
	if (from >= to)
		return 0;
	r = extent_allocate(data, &place, &extent);
	if (r)
		return r;
	bits = extent_bits(extent, &place);
	r = fill_runs(data, extent, bits, from, to);
	return r == -EIO ? fill_runs(data, extent, bits, page, MIN(page + count, to)) : r;
}

static uint64_t pages_of(uint64_t offset, uint64_t size)
{
	return ((offset & (PAGE_SIZE - 1)) + size + PAGE_SIZE - 1) >> PAGE_SHIFT;
}

/* [offset, offset + *size) cut to where it is in one extent and, if it comes from the source,
 * present. *ret_memory NULL: a hole. */
static int piece_to_read(
	struct data *data, uint64_t offset, uint64_t *size, const uint8_t **ret_memory)
{
	uint64_t page = offset >> PAGE_SHIFT, present;
	const uint8_t *memory;
	struct extent *extent;
	struct place place;

	*ret_memory = NULL;
	if (!place_find(data, page, &place))
		return 0;
	*size = MIN(*size, ((place.start + place.count) << PAGE_SHIFT) - offset);
	if (is_from_source(data, page)) {
		int r = fill(data, page, pages_of(offset, *size));

		if (r)
			return r;
		present = source_pages(data) << PAGE_SHIFT;
		*size = present > offset ? MIN(*size, present - offset) : *size;
	}
	extent = extent_at(data, place.index);
	memory = extent_memory(extent);
	if (memory)
		*ret_memory = memory + (place.page << PAGE_SHIFT) + (offset & (PAGE_SIZE - 1));
	return 0;
}

long data_read(struct data *data, struct io *io, uint64_t offset, size_t size)
{
	const uint8_t *memory;
	size_t done = 0;

	while (done < size) {
		uint64_t piece = size - done;
		long n = piece_to_read(data, offset + done, &piece, &memory);

		if (!n)
			n = memory ? io_put(io, memory, piece) : io_put_zeros(io, piece);
		if (n <= 0)
			return done ? (long)done : n;
		done += (size_t)n;
		if ((uint64_t)n < piece)
			break;
	}
	return (long)done;
}

/* Memory for the piece of [offset, offset + *size) in one extent, which is cut to that. */
static int piece_to_write(struct data *data, uint64_t offset, uint64_t *size,
	struct extent **ret_extent, struct place *ret_place)
{
	uint64_t page = offset >> PAGE_SHIFT;
	int r;

	if (!place_find(data, page, ret_place))
		return -ENOSPC;
	*size = MIN(*size, ((ret_place->start + ret_place->count) << PAGE_SHIFT) - offset);
	r = fill(data, page, pages_of(offset, *size));
	if (r)
		return r;
	*ret_extent = extent_at(data, ret_place->index);
	if (extent_memory(*ret_extent)) {
		if (is_present(extent_bits(*ret_extent, ret_place), ret_place->page))
			return 0;
		*size = MIN(*size, UNCOUNTED_MAX);
		return heap_has_room() ? 0 : -ENOSPC;
	}
	LOCK_SCOPE(&data->lock);
	return extent_allocate(data, ret_place, ret_extent);
}

static uint64_t count_present(const uint64_t *bits, uint64_t page, uint64_t count)
{
	uint64_t present = 0;

	for (uint64_t i = page; i < page + count; i++)
		present += is_present(bits, i);
	return present;
}

/* Reserve for what is absent of [offset, offset + *size), which is cut to what there is room for.
 * *ret_pages: to be given to mark_written. */
static int quota_take(struct data *data, struct extent *extent, const struct place *place,
	uint64_t offset, uint64_t *size, uint64_t *ret_pages)
{
	uint64_t pages = pages_of(offset, *size), absent;

	*ret_pages = 0;
	while (data->quota) {
		absent = pages - count_present(extent_bits(extent, place), place->page, pages);
		if (quota_reserve(data->quota, absent)) {
			*ret_pages = absent;
			break;
		}
		if (pages <= 1)
			return -ENOSPC;
		pages /= 2;
		*size = (pages << PAGE_SHIFT) - (offset & (PAGE_SIZE - 1));
	}
	return 0;
}

/* @reserved: for them. */
static void mark_written(struct data *data, struct extent *extent, const struct place *place,
	uint64_t count, uint64_t reserved)
{
	uint64_t *bits = extent_bits(extent, place);

	/* One page over and over: the usual case. */
	if (count != 1 || !is_present(bits, place->page)) {
		LOCK_SCOPE(&data->lock);
		reserved -= mark_present(data, bits, place->page, count);
	}
	quota_return(data, reserved);
}

long data_write(struct data *data, struct io *io, uint64_t offset, size_t size)
{
	struct extent *extent;
	struct place place;
	size_t done = 0;

	while (done < size) {
		uint64_t piece = size - done, at = offset + done, reserved = 0;
		long n = piece_to_write(data, at, &piece, &extent, &place);

		n = n ? n : quota_take(data, extent, &place, at, &piece, &reserved);
		if (!n) {
			n = io_take(io,
				extent->memory + (place.page << PAGE_SHIFT) +
					(at & (PAGE_SIZE - 1)),
				piece);
			mark_written(data, extent, &place, n > 0 ? pages_of(at, (uint64_t)n) : 0,
				reserved);
		}
		if (n <= 0)
			return done ? (long)done : n;
		done += (size_t)n;
		if ((uint64_t)n < piece)
			break;
	}
	return (long)done;
}

/* What a shared mapping may write counts as data from the start; pages of the source do when they
 * are read. */
static void mark_writable(struct data *data, struct extent *extent, const struct place *place,
	uint64_t count, uint64_t reserved)
{
	uint64_t own = data->source_left && place->start + place->page < source_pages(data)
			       ? source_pages(data) - (place->start + place->page)
			       : 0;
	struct place rest = *place;

	own = MIN(own, count);
	rest.page += own;
	mark_written(data, extent, &rest, count - own, reserved);
}

int data_map(struct data *data, uint64_t offset, uint64_t size, uint64_t end, bool write,
	void **ret_memory, uint64_t *ret_run)
{
	struct extent *extent;
	struct place place;
	uint64_t run;
	int r;

	if (offset >= end)
		return -ENXIO;
	if (!place_find(data, offset >> PAGE_SHIFT, &place))
		return -ENOMEM;
	run = MIN((place.start + place.count) << PAGE_SHIFT, end) - offset;
	if (write)
		run = MIN(run, ALIGN_UP(MAX(size, 1UL), PAGE_SIZE));
	lock_acquire(&data->lock);
	r = extent_allocate(data, &place, &extent);
	lock_release(&data->lock);
	if (r)
		return r == -ENOSPC ? -ENOMEM : r;
	data->was_mapped = true;
	if (write) {
		uint64_t reserved;

		if (quota_take(data, extent, &place, offset, &run, &reserved))
			return -ENOMEM;
		mark_writable(data, extent, &place, run >> PAGE_SHIFT, reserved);
	}
	*ret_memory = extent->memory + (place.page << PAGE_SHIFT);
	*ret_run = run;
	return 0;
}

/* The first page in [page, end) that is not @present as they say, or @end. */
static uint64_t run_end(const uint64_t *bits, uint64_t page, uint64_t end, bool present)
{
	while (page < end) {
		uint64_t word = __atomic_load_n(&bits[page / 64], __ATOMIC_ACQUIRE);

		word = (present ? ~word : word) >> (page % 64);
		if (word)
			return MIN(page + (uint64_t)__builtin_ctzl(word), end);
		page = ALIGN_DOWN(page, 64UL) + 64;
	}
	return end;
}

bool data_is_loaded(struct data *data, uint64_t offset, uint64_t *ret_run)
{
	uint64_t page = offset >> PAGE_SHIFT, pages = source_pages(data), *bits;
	struct extent *extent = &data->extents[0]; /* holds all of the source */
	struct place place;
	bool is_loaded;

	*ret_run = UINT64_MAX - offset;
	if (!is_from_source(data, page) || !place_find(data, 0, &place))
		return true;
	*ret_run = (pages - page) << PAGE_SHIFT;
	if (!extent_memory(extent))
		return false;
	bits = extent_bits(extent, &place);
	is_loaded = is_present(bits, page);
	*ret_run = (run_end(bits, page, pages, is_loaded) - page) << PAGE_SHIFT;
	return is_loaded;
}

long data_peek(struct data *data, void *to, uint64_t offset, size_t size)
{
	size_t done = 0;

	while (done < size) {
		uint64_t at = offset + done, run;
		bool loaded = data_is_loaded(data, at, &run);
		uint8_t *part = (uint8_t *)to + done;
		struct io io;
		long n;

		run = MIN(run, size - done);
		if (!loaded && at + run <= data->source_size) {
			n = data->fill(data, at, part, run);
			n = n ? n : (long)run;
		} else {
			io_init_kernel(&io, part, run);
			n = data_read(data, &io, at, run);
		}
		if (n <= 0)
			return n ? n : (long)done;
		done += (size_t)n;
	}
	return (long)done;
}

int data_load(struct data *data, uint64_t offset, uint64_t size)
{
	return fill(data, offset >> PAGE_SHIFT, pages_of(offset, size));
}

/* Zeros in @count pages of an extent from @page on. Lock held. */
static void clear_pages(
	struct data *data, struct extent *extent, uint64_t *bits, uint64_t page, uint64_t count)
{
	uint8_t *memory = extent->memory + (page << PAGE_SHIFT);
	uint64_t to_clear = data->was_mapped ? count : count_present(bits, page, count);

	if (to_clear > CLEAR_PAGES_MAX) {
		pool_discard(memory, count << PAGE_SHIFT);
		return;
	}
	for (uint64_t i = 0; i < count && to_clear; i++)
		if (data->was_mapped || is_present(bits, page + i))
			memset(memory + (i << PAGE_SHIFT), 0, PAGE_SIZE);
}

/* Clear the pages [from, to) of the file, extent by extent. Lock held. */
static void clear_range(struct data *data, uint64_t from, uint64_t to)
{
	struct place place;

	while (from < to && place_find(data, from, &place)) {
		struct extent *extent = extent_at(data, place.index);
		uint64_t count = MIN(to, place.start + place.count) - from, *bits;

		if (!extent)
			return;
		if (extent->memory) {
			bits = extent_bits(extent, &place);
			clear_pages(data, extent, bits, place.page, count);
			mark_absent(data, bits, place.page, count);
		}
		from += count;
	}
}

/* Zeros in [offset, end), which is within one page. */
static int clear_part(struct data *data, uint64_t offset, uint64_t end)
{
	struct extent *extent;
	struct place place;
	uint8_t *memory;
	int r;

	if (offset == end || !place_find(data, offset >> PAGE_SHIFT, &place))
		return 0;
	r = fill(data, offset >> PAGE_SHIFT, 1);
	if (r)
		return r;
	extent = extent_at(data, place.index);
	memory = extent_memory(extent);
	if (memory && (data->was_mapped || is_present(extent_bits(extent, &place), place.page)))
		memset(memory + (place.page << PAGE_SHIFT) + (offset & (PAGE_SIZE - 1)), 0,
			end - offset);
	return 0;
}

/* The source has only @size bytes from now on. Lock held. */
static void source_cut(struct data *data, uint64_t size)
{
	struct place place;
	uint64_t pages, left = 0;

	data->source_size = MIN(data->source_size, size);
	pages = source_pages(data);
	if (!data->source_left || !place_find(data, 0, &place))
		return;
	if (data->extents[0].memory)
		left = pages - count_present(extent_bits(&data->extents[0], &place), 0, pages);
	else
		left = pages;
	__atomic_store_n(&data->source_left, left, __ATOMIC_RELEASE);
}

int data_resize(struct data *data, uint64_t old, uint64_t size)
{
	uint64_t page_end;
	int r;

	if (size >= old) {
		page_end = ALIGN_UP(old, PAGE_SIZE);
		return data->was_mapped ? clear_part(data, old, MIN(page_end, size)) : 0;
	}
	page_end = ALIGN_UP(size, PAGE_SIZE);
	r = clear_part(data, size, MIN(page_end, old));
	if (r)
		return r;
	LOCK_SCOPE(&data->lock);
	source_cut(data, size);
	clear_range(data, page_end >> PAGE_SHIFT, (old + PAGE_SIZE - 1) >> PAGE_SHIFT);
	return 0;
}

/* How many pages of [page, page + count) are absent. */
static uint64_t count_absent(struct data *data, uint64_t page, uint64_t count)
{
	uint64_t absent = 0, end = page + count;
	struct place place;

	while (page < end && place_find(data, page, &place)) {
		uint64_t piece = MIN(end, place.start + place.count) - page;
		struct extent *extent = extent_at(data, place.index);

		absent += piece;
		if (extent_memory(extent))
			absent -= count_present(extent_bits(extent, &place), place.page, piece);
		page += piece;
	}
	return absent;
}

/* All of it or nothing. */
int data_allocate(struct data *data, uint64_t offset, uint64_t size)
{
	uint64_t reserved = 0, before = data->page_count;
	struct extent *extent;
	struct place place;
	int r = 0;

	if (data->quota) {
		reserved = count_absent(data, offset >> PAGE_SHIFT, pages_of(offset, size));
		if (!quota_reserve(data->quota, reserved))
			return -ENOSPC;
	}
	while (size && !r) {
		uint64_t piece = size;

		r = piece_to_write(data, offset, &piece, &extent, &place);
		if (!r)
			mark_written(data, extent, &place, pages_of(offset, piece), 0);
		offset += piece;
		size -= piece;
	}
	quota_return(data, reserved - (data->page_count - before));
	return r;
}

/* Pages from the source become present and zero: what is absent would be read again. */
static int punch_source(struct data *data, uint64_t from, uint64_t to)
{
	struct extent *extent;
	struct place place;

	to = MIN(to, source_pages(data));
	if (!data->source_size || from >= to || !place_find(data, from, &place))
		return 0;
	for (; from < to; from++) {
		int r = clear_part(data, from << PAGE_SHIFT, (from + 1) << PAGE_SHIFT);

		if (r)
			return r;
	}
	extent = extent_at(data, place.index);
	if (extent_memory(extent))
		pool_discard(extent->memory + (place.page << PAGE_SHIFT), (to - place.page)
										  << PAGE_SHIFT);
	return 0;
}

int data_punch(struct data *data, uint64_t offset, uint64_t size)
{
	uint64_t end = offset + size, from = ALIGN_UP(offset, PAGE_SIZE);
	uint64_t to = ALIGN_DOWN(end, PAGE_SIZE);
	int r;

	if (from > to) /* inside one page */
		return clear_part(data, offset, end);
	r = clear_part(data, offset, from);
	r = r ? r : clear_part(data, to, end);
	r = r ? r : punch_source(data, from >> PAGE_SHIFT, to >> PAGE_SHIFT);
	if (r)
		return r;
	from = MAX(from >> PAGE_SHIFT, source_pages(data));
	LOCK_SCOPE(&data->lock);
	clear_range(data, from, to >> PAGE_SHIFT);
	return 0;
}

static bool page_is_data(struct data *data, uint64_t page, uint64_t *ret_skip)
{
	struct extent *extent;
	struct place place;

	*ret_skip = 1;
	if (page < source_pages(data))
		return true;
	if (!place_find(data, page, &place)) {
		*ret_skip = UINT64_MAX >> 1;
		return false;
	}
	extent = extent_at(data, place.index);
	if (!extent_memory(extent)) {
		*ret_skip = place.count - place.page;
		return false;
	}
	return is_present(extent_bits(extent, &place), place.page);
}

uint64_t data_next(struct data *data, uint64_t offset, uint64_t size, bool is_hole)
{
	uint64_t page = offset >> PAGE_SHIFT, end = (size + PAGE_SIZE - 1) >> PAGE_SHIFT, skip;

	while (page < end && page_is_data(data, page, &skip) == is_hole)
		page = skip > end - page ? end : page + skip;
	return MIN(MAX(page << PAGE_SHIFT, offset), size);
}
