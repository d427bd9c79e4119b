#include "libos/core/heap.h"

#include "base/memory.h"
#include "libos/core/lock.h"
#include "libos/core/log.h"
#include "platform/platform.h"

/* The memory range is cut in two at start-up. The pool has one arena for each power of two, so that
 * an address tells its own size; free runs of an arena form a stack, linked through their first
 * word. The heap takes 64 KiB slabs from the pool; a slab serves one size class and is found from
 * an object's address by masking. Slabs are never given back: the peak of small objects stays. */
#define ARENA_SIZE (128UL << 30)
#define ORDER_COUNT 26 /* 4 KiB … 128 GiB */
#define SLAB_SIZE (64UL * 1024)
#define SLAB_ORDER 4
#define SLAB_MAGIC 0x626c6173U

/* Up to this many bytes of freed runs keep their memory for quick reuse. */
#define RETAINED_MAX (32UL << 20)
#define RETAINED_RUN_MAX (2 * SLAB_SIZE) /* a buffer of 64 KiB is one: run_size() */

/* Of the limit, this part is not given out here. */
#define LEFT_PART 32

struct free_run {
	struct free_run *next;
	bool dirty; /* more than this header may be non-zero */
};

struct arena {
	struct lock lock;
	uint32_t reserved;
	uintptr_t start, next_fresh, end;
	struct free_run *free;
};

struct slab {
	uint32_t magic;
	uint32_t class_index;
};

struct free_object {
	struct free_object *next;
};

struct size_class {
	struct lock lock;
	uint32_t size;
	struct free_object *free;
	uintptr_t fresh, fresh_end; /* the untouched rest of the newest slab */
};

static struct arena arenas[ORDER_COUNT];
static struct size_class classes[] = {
	{.size = 32},
	{.size = 64},
	{.size = 96},
	{.size = 128},
	{.size = 192},
	{.size = 256},
	{.size = 384},
	{.size = 512},
	{.size = 768},
	{.size = 1024},
	{.size = 1536},
};
static uintptr_t pool_start;
static uint64_t used_bytes, retained_bytes;
static uint64_t limit_bytes = UINT64_MAX, own_limit_bytes = UINT64_MAX;
static uint64_t programs_bytes; /* what counts besides */

void heap_limit_set(uint64_t bytes)
{
	limit_bytes = bytes ? bytes : UINT64_MAX;
}

void heap_own_limit_set(uint64_t bytes)
{
	own_limit_bytes = bytes ? bytes : UINT64_MAX;
}

void heap_limit_note(uint64_t bytes)
{
	__atomic_store_n(&programs_bytes, bytes, __ATOMIC_RELAXED);
}

uint64_t heap_limit(void)
{
	return limit_bytes;
}

void heap_init(void)
{
	uintptr_t start;
	size_t size;

	platform_memory_range(&start, &size);
	/* Slabs are found by masking. */
	pool_start = ALIGN_UP(start, SLAB_SIZE);
	ASSERT(size >= ORDER_COUNT * ARENA_SIZE + SLAB_SIZE);
	for (unsigned int order = 0; order < ORDER_COUNT; order++) {
		arenas[order].start = pool_start + order * ARENA_SIZE;
		arenas[order].next_fresh = arenas[order].start;
		arenas[order].end = arenas[order].start + ARENA_SIZE;
	}
}

static unsigned int order_of(size_t size)
{
	return size <= PAGE_SIZE ? 0 : 64U - (unsigned int)__builtin_clzl(size - 1) - PAGE_SHIFT;
}

static unsigned int order_at(const void *run)
{
	uintptr_t offset = (uintptr_t)run - pool_start;

	ASSERT(offset < ORDER_COUNT * ARENA_SIZE);
	return (unsigned int)(offset / ARENA_SIZE);
}

static void *arena_take(struct arena *arena, size_t size, bool *ret_dirty)
{
	struct free_run *run;

	LOCK_SCOPE(&arena->lock);
	*ret_dirty = false;
	run = arena->free;
	if (run) {
		arena->free = run->next;
		*ret_dirty = run->dirty;
		run->next = NULL;
		run->dirty = false;
		return run;
	}
	if (arena->end - arena->next_fresh < size)
		return NULL;
	arena->next_fresh += size;
	return (void *)(arena->next_fresh - size);
}

/* What is handed out is counted in powers of two and may never be touched: only where that passes
 * the limit is it worth asking what is there. A little is left to programs: they can't be refused.
 */
bool heap_has_room(void)
{
	uint64_t programs = __atomic_load_n(&programs_bytes, __ATOMIC_RELAXED);
	uint64_t room = limit_bytes - limit_bytes / LEFT_PART;

	room = MIN(room - MIN(room, programs), own_limit_bytes);
	return __atomic_load_n(&used_bytes, __ATOMIC_RELAXED) < room ||
	       platform_memory_used() < room;
}

static void *pool_alloc_uncleared(size_t size, bool *ret_dirty)
{
	unsigned int order = order_of(size);
	size_t rounded = PAGE_SIZE << order;
	void *run;

	if (order >= ORDER_COUNT || !heap_has_room())
		return NULL;
	run = arena_take(&arenas[order], rounded, ret_dirty);
	if (!run)
		return NULL;
	if (*ret_dirty)
		__atomic_sub_fetch(&retained_bytes, rounded, __ATOMIC_RELAXED);
	__atomic_add_fetch(&used_bytes, rounded, __ATOMIC_RELAXED);
	return run;
}

void *pool_alloc(size_t size)
{
	bool dirty;
	void *run = pool_alloc_uncleared(size, &dirty);

	if (run && dirty)
		memset(run, 0, PAGE_SIZE << order_of(size));
	return run;
}

void pool_free(void *memory, size_t size)
{
	struct free_run *run = memory;
	unsigned int order;
	size_t rounded;
	bool keep;

	if (!memory)
		return;
	order = order_of(size);
	rounded = PAGE_SIZE << order;
	ASSERT(order_at(memory) == order && IS_ALIGNED((uintptr_t)memory, PAGE_SIZE));
	keep = rounded <= RETAINED_RUN_MAX &&
	       __atomic_load_n(&retained_bytes, __ATOMIC_RELAXED) < RETAINED_MAX;
	if (keep)
		__atomic_add_fetch(&retained_bytes, rounded, __ATOMIC_RELAXED);
	else
		platform_memory_discard(memory, rounded);
	__atomic_sub_fetch(&used_bytes, rounded, __ATOMIC_RELAXED);
	LOCK_SCOPE(&arenas[order].lock);
	run->dirty = keep;
	run->next = arenas[order].free;
	arenas[order].free = run;
}

void pool_discard(void *start, size_t size)
{
	platform_memory_discard(start, size);
}

static struct size_class *class_of(size_t size)
{
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
		if (size <= classes[i].size)
			return &classes[i];
	return NULL;
}

/* The class's lock is held. */
static bool class_grow(struct size_class *class)
{
	struct slab *slab = pool_alloc(SLAB_SIZE);

	if (!slab)
		return false;
	slab->magic = SLAB_MAGIC;
	slab->class_index = (uint32_t)(class - classes);
	class->fresh = (uintptr_t)slab + 64;
	class->fresh_end = (uintptr_t)slab + SLAB_SIZE;
	return true;
}

static void *class_take(struct size_class *class)
{
	struct free_object *object;

	LOCK_SCOPE(&class->lock);
	object = class->free;
	if (object) {
		class->free = object->next;
		return object;
	}
	if (class->fresh_end - class->fresh < class->size && !class_grow(class))
		return NULL;
	class->fresh += class->size;
	return (void *)(class->fresh - class->size);
}

/* Slabs are the only runs of their order: larger objects must not look like one. */
static size_t run_size(size_t size)
{
	return order_of(size) == SLAB_ORDER ? 2 * SLAB_SIZE : size;
}

void *heap_alloc(size_t size)
{
	struct size_class *class = class_of(size);
	void *object;

	if (!class)
		return pool_alloc(run_size(size));
	object = class_take(class);
	if (object)
		memset(object, 0, class->size);
	return object;
}

void *heap_alloc_uncleared(size_t size)
{
	struct size_class *class = class_of(size);
	bool dirty;

	return class ? class_take(class) : pool_alloc_uncleared(run_size(size), &dirty);
}

void heap_free(void *memory)
{
	struct free_object *object = memory;
	struct size_class *class;
	struct slab *slab;
	unsigned int order;

	if (!memory)
		return;
	order = order_at(memory);
	if (order != SLAB_ORDER) {
		pool_free(memory, PAGE_SIZE << order);
		return;
	}
	slab = (struct slab *)ALIGN_DOWN((uintptr_t)memory, SLAB_SIZE);
	ASSERT(slab->magic == SLAB_MAGIC && slab->class_index < ARRAY_SIZE(classes));
	class = &classes[slab->class_index];
	LOCK_SCOPE(&class->lock);
	object->next = class->free;
	class->free = object;
}

uint64_t heap_used(void)
{
	return __atomic_load_n(&used_bytes, __ATOMIC_RELAXED);
}
