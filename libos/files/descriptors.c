#include "libos/files/descriptors.h"

#include <linux/close_range.h>
#include <linux/errno.h>
#include <linux/fcntl.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/dnotify.h"
#include "libos/files/inode.h"
#include "libos/files/locks.h"
#include "libos/processes/process.h"

int32_t fd_count_limit = FD_COUNT_MAX;

#define FD_COUNT_MIN 64
#define RLIMIT_NOFILE 7

static struct fd_table *current_table(void)
{
	return thread_current()->process->files;
}

/* One block: the slots, then the two bit sets. */
static bool arrays_new(struct fd_table *table, uint32_t count)
{
	size_t words = count / 64;
	struct file **slots = heap_alloc(count * sizeof(*slots) + 2 * words * sizeof(uint64_t));

	if (!slots)
		return false;
	table->count = count;
	table->slots = slots;
	table->used = (uint64_t *)(slots + count);
	table->close_on_exec = table->used + words;
	return true;
}

struct fd_table *fd_table_new(void)
{
	struct fd_table *table = heap_alloc(sizeof(*table));

	if (!table)
		return NULL;
	table->reference_count = 1;
	if (arrays_new(table, FD_COUNT_MIN))
		return table;
	heap_free(table);
	return NULL;
}

static void set_bit(uint64_t *bits, uint32_t fd, bool value)
{
	uint64_t bit = 1UL << (fd % 64);

	bits[fd / 64] = value ? bits[fd / 64] | bit : bits[fd / 64] & ~bit;
}

static bool get_bit(const uint64_t *bits, uint32_t fd)
{
	return bits[fd / 64] >> (fd % 64) & 1;
}

/* The table's lock is held. */
static int table_grow(struct fd_table *table, uint32_t least_count)
{
	struct fd_table old = *table;
	uint32_t count = old.count;

	while (count < least_count)
		count *= 2;
	if (!arrays_new(table, count))
		return -ENOMEM;
	memcpy(table->slots, old.slots, old.count * sizeof(*old.slots));
	memcpy(table->used, old.used, old.count / 8);
	memcpy(table->close_on_exec, old.close_on_exec, old.count / 8);
	heap_free(old.slots);
	return 0;
}

static uint32_t highest_used(const struct fd_table *table)
{
	for (uint32_t word = table->count / 64; word-- > 0;)
		if (table->used[word])
			return word * 64 + 63 - (uint32_t)__builtin_clzl(table->used[word]);
	return 0;
}

/* Take @fd's file out of the table (lock held). */
static struct file *slot_clear(struct fd_table *table, uint32_t fd)
{
	struct file *file = table->slots[fd];

	table->slots[fd] = NULL;
	set_bit(table->used, fd, false);
	set_bit(table->close_on_exec, fd, false);
	table->lowest_free = MIN(table->lowest_free, fd);
	return file;
}

static void slot_set(struct fd_table *table, uint32_t fd, struct file *file, bool close_on_exec)
{
	table->slots[fd] = file;
	set_bit(table->used, fd, true);
	set_bit(table->close_on_exec, fd, close_on_exec);
}

struct fd_table *fd_table_copy(struct fd_table *table)
{
	struct fd_table *copy = heap_alloc(sizeof(*copy));

	if (!copy)
		return NULL;
	copy->reference_count = 1;
	lock_acquire(&table->lock);
	if (!arrays_new(copy, ALIGN_UP(highest_used(table) + 1, 64U))) {
		lock_release(&table->lock);
		heap_free(copy);
		return NULL;
	}
	memcpy(copy->used, table->used, copy->count / 8);
	memcpy(copy->close_on_exec, table->close_on_exec, copy->count / 8);
	for (uint32_t fd = 0; fd < copy->count; fd++) {
		if (table->slots[fd])
			copy->slots[fd] = file_ref(table->slots[fd]);
		else
			slot_clear(copy, fd); /* another thread's reservation */
	}
	copy->lowest_free = 0;
	lock_release(&table->lock);
	return copy;
}

struct fd_table *fd_table_ref(struct fd_table *table)
{
	__atomic_add_fetch(&table->reference_count, 1, __ATOMIC_RELAXED);
	return table;
}

/* What close(2) does to a file whose descriptor is gone. The descriptor's reference is dropped. */
static int close_file(struct file *file)
{
	int r = 0;

	if (file->ops && file->ops->flush)
		r = file->ops->flush(file, thread_current()->process);
	if (!list_is_empty(&file->inode->posix_locks))
		locks_close(file);
	if (file->dnotify)
		dnotify_close(file);
	file_unref(file);
	return r;
}

void fd_table_unref(struct fd_table *table)
{
	if (!table || __atomic_sub_fetch(&table->reference_count, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	for (uint32_t fd = 0; fd < table->count; fd++)
		if (table->slots[fd])
			(void)close_file(table->slots[fd]);
	heap_free(table->slots);
	heap_free(table);
}

/* The next descriptor from @from on that close(2) can be called on, at most @last. */
static struct file *take_next(
	struct fd_table *table, uint32_t *from, uint32_t last, bool on_exec_only)
{
	struct file *file = NULL;

	lock_acquire(&table->lock);
	for (; *from <= last && *from < table->count && !file; (*from)++) {
		uint64_t word = (on_exec_only ? table->close_on_exec : table->used)[*from / 64];

		if (!(word >> (*from % 64)))
			*from |= 63;
		else if (table->slots[*from] && word >> (*from % 64) & 1)
			file = slot_clear(table, *from);
	}
	lock_release(&table->lock);
	return file;
}

void fd_table_close_on_exec(struct fd_table *table)
{
	struct file *file;
	uint32_t next = 0;

	while ((file = take_next(table, &next, UINT32_MAX, true)))
		(void)close_file(file);
}

static struct file *at(const struct fd_table *table, uint32_t fd)
{
	return fd < table->count ? table->slots[fd] : NULL;
}

static struct file *get_unlocked(const struct fd_table *table, uint32_t fd)
{
	struct file *file = at(table, fd);

	return file ? file_ref(file) : NULL;
}

struct file *fd_table_get(struct fd_table *table, int fd)
{
	LOCK_SCOPE(&table->lock);
	return get_unlocked(table, (uint32_t)fd);
}

/* Can nobody but this thread change it now? */
static bool is_own(struct fd_table *table)
{
	return thread_current()->process->thread_count == 1 &&
	       __atomic_load_n(&table->reference_count, __ATOMIC_ACQUIRE) == 1;
}

struct file *fd_get_any(int fd)
{
	struct fd_table *table = thread_current()->process->files;

	return is_own(table) ? get_unlocked(table, (uint32_t)fd) : fd_table_get(table, fd);
}

struct borrowed_file fd_borrow(int fd)
{
	struct fd_table *table = thread_current()->process->files;

	if (is_own(table))
		return (struct borrowed_file){at(table, (uint32_t)fd), false};
	return (struct borrowed_file){fd_table_get(table, fd), true};
}

void fd_give_back(struct borrowed_file *borrowed)
{
	if (borrowed->is_referenced)
		file_unref(borrowed->file);
}

struct file *fd_get(int fd)
{
	struct file *file = fd_get_any(fd);

	if (file && UNLIKELY(file->flags & O_PATH)) {
		file_unref(file);
		return NULL;
	}
	return file;
}

int fd_table_next(struct fd_table *table, int from, struct file **ret_file, bool *ret_cloexec)
{
	LOCK_SCOPE(&table->lock);
	for (uint32_t fd = (uint32_t)from; fd < table->count; fd++) {
		if (!table->slots[fd])
			continue;
		*ret_file = file_ref(table->slots[fd]);
		*ret_cloexec = get_bit(table->close_on_exec, fd);
		return (int)fd;
	}
	return -1;
}

static uint32_t find_free(const struct fd_table *table, uint32_t from)
{
	uint64_t mask = ~0UL << (from % 64);

	for (uint32_t word = from / 64; word < table->count / 64; word++, mask = ~0UL) {
		uint64_t free = ~table->used[word] & mask;

		if (free)
			return word * 64 + (uint32_t)__builtin_ctzl(free);
	}
	return MAX(table->count, from);
}

static uint32_t descriptor_limit(void)
{
	uint64_t limit = thread_current()->process->limits[RLIMIT_NOFILE].soft;

	return (uint32_t)MIN(limit, (uint64_t)fd_count_limit);
}

/* @file NULL: the descriptor is taken all the same. */
static int install(struct file *file, uint32_t from, bool close_on_exec)
{
	struct fd_table *table = current_table();
	uint32_t fd;

	LOCK_SCOPE(&table->lock);
	fd = find_free(table, MAX(from, table->lowest_free));
	if (fd >= descriptor_limit())
		return -EMFILE;
	if (fd >= table->count && table_grow(table, fd + 1))
		return -ENOMEM;
	slot_set(table, fd, file, close_on_exec);
	if (from <= table->lowest_free)
		table->lowest_free = fd + 1;
	return (int)fd;
}

int fd_install(struct file *file, int least, bool close_on_exec)
{
	return install(file, (uint32_t)least, close_on_exec);
}

int fd_reserve(bool close_on_exec)
{
	return install(NULL, 0, close_on_exec);
}

void fd_fill(int fd, struct file *file)
{
	struct fd_table *table = current_table();

	LOCK_SCOPE(&table->lock);
	table->slots[fd] = file;
}

void fd_release(int fd)
{
	struct fd_table *table = current_table();

	LOCK_SCOPE(&table->lock);
	(void)slot_clear(table, (uint32_t)fd);
}

int fd_table_place(struct fd_table *table, struct file *file, int fd)
{
	LOCK_SCOPE(&table->lock);
	if ((uint32_t)fd >= table->count && table_grow(table, (uint32_t)fd + 1)) {
		file_unref(file);
		return -ENOMEM;
	}
	ASSERT(!table->slots[fd]);
	slot_set(table, (uint32_t)fd, file, false);
	return 0;
}

int fd_replace(struct file *file, int fd, bool close_on_exec)
{
	struct fd_table *table = current_table();
	struct file *old;

	if ((uint32_t)fd >= descriptor_limit())
		return -EBADF;
	lock_acquire(&table->lock);
	if ((uint32_t)fd >= table->count && table_grow(table, (uint32_t)fd + 1)) {
		lock_release(&table->lock);
		return -ENOMEM;
	}
	old = table->slots[fd];
	if (!old && get_bit(table->used, (uint32_t)fd)) {
		/* Reserved by an open(2) that is under way: dup(2). */
		lock_release(&table->lock);
		return -EBUSY;
	}
	slot_set(table, (uint32_t)fd, file_ref(file), close_on_exec);
	lock_release(&table->lock);
	if (old)
		(void)close_file(old);
	return fd;
}

int fd_close(int fd)
{
	struct fd_table *table = current_table();
	struct file *file = NULL;

	lock_acquire(&table->lock);
	if ((uint32_t)fd < table->count && table->slots[fd])
		file = slot_clear(table, (uint32_t)fd);
	lock_release(&table->lock);
	return file ? close_file(file) : -EBADF;
}

int fd_get_cloexec(int fd)
{
	struct fd_table *table = current_table();

	LOCK_SCOPE(&table->lock);
	if ((uint32_t)fd >= table->count || !table->slots[fd])
		return -EBADF;
	return get_bit(table->close_on_exec, (uint32_t)fd);
}

int fd_set_cloexec(int fd, bool close_on_exec)
{
	struct fd_table *table = current_table();

	LOCK_SCOPE(&table->lock);
	if ((uint32_t)fd >= table->count || !table->slots[fd])
		return -EBADF;
	set_bit(table->close_on_exec, (uint32_t)fd, close_on_exec);
	return 0;
}

static void mark_range(struct fd_table *table, uint32_t first, uint32_t last)
{
	LOCK_SCOPE(&table->lock);
	for (uint32_t fd = first; fd <= last && fd < table->count; fd++)
		if (table->slots[fd])
			set_bit(table->close_on_exec, fd, true);
}

int fd_table_unshare(void)
{
	struct process *process = thread_current()->process;
	struct fd_table *old = process->files, *copy;

	if (__atomic_load_n(&old->reference_count, __ATOMIC_ACQUIRE) == 1)
		return 0;
	if (highest_used(old) >= (uint32_t)fd_count_limit)
		return -EMFILE;
	copy = fd_table_copy(old);
	if (!copy)
		return -ENOMEM;
	lock_acquire(&process_table_lock); /* /proc may be looking */
	process->files = copy;
	lock_release(&process_table_lock);
	fd_table_unref(old);
	return 0;
}

int fd_close_range(uint32_t first, uint32_t last, uint32_t flags)
{
	struct file *file;
	int r = 0;

	if (flags & ~(CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) || first > last)
		return -EINVAL;
	if (flags & CLOSE_RANGE_UNSHARE)
		r = fd_table_unshare();
	if (r)
		return r;
	if (flags & CLOSE_RANGE_CLOEXEC) {
		mark_range(current_table(), first, last);
		return 0;
	}
	while ((file = take_next(current_table(), &first, last, false)))
		(void)close_file(file);
	return 0;
}
