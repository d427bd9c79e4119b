#include "libos/core/user.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user_copy.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "platform/platform.h"

#define IO_VECTOR_COUNT_MAX 1024 /* UIO_MAXIOV */

/* A copy stopped at the program's address @at: can the page be made present? */
static bool fault_in(uint64_t at, bool write)
{
	struct mm *mm = thread_current()->process->mm;
	int signo, code;

	return mm && !mm_fault(mm, at, write ? VMA_WRITE : VMA_READ, &signo, &code);
}

/* Returns how many bytes were copied. */
static size_t copy(uintptr_t to, uintptr_t from, size_t size, bool to_user)
{
	size_t done = 0, left;

	for (;;) {
		left = user_copy((void *)(to + done), (const void *)(from + done), size - done);
		done = size - left;
		if (!left || !fault_in((to_user ? to : from) + done, to_user))
			return done;
	}
}

int user_read(void *to, uint64_t from, size_t size)
{
	if (!platform_is_user(from, size))
		return -EFAULT;
	return copy((uintptr_t)to, from, size, false) == size ? 0 : -EFAULT;
}

int user_write(uint64_t to, const void *from, size_t size)
{
	if (!platform_is_user(to, size))
		return -EFAULT;
	return copy(to, (uintptr_t)from, size, true) == size ? 0 : -EFAULT;
}

static const uint8_t zeros[PAGE_SIZE];

int user_zero(uint64_t to, size_t size)
{
	for (size_t n; size; to += n, size -= n) {
		n = MIN(size, sizeof(zeros));
		if (user_write(to, zeros, n))
			return -EFAULT;
	}
	return 0;
}

int user_read_versioned(void *to, size_t known, uint64_t from, uint64_t size)
{
	uint8_t rest[64];

	for (uint64_t at = known; at < size; at += sizeof(rest)) {
		size_t n = MIN(size - at, sizeof(rest));

		if (user_read(rest, from + at, n))
			return -EFAULT;
		for (size_t i = 0; i < n; i++)
			if (rest[i])
				return -E2BIG;
	}
	memset(to, 0, known);
	return user_read(to, from, MIN(size, (uint64_t)known));
}

long user_read_string(char *to, uint64_t from, size_t size)
{
	size_t done = 0;

	while (done < size) {
		/* Never across a page: the string may end before an unmapped one. */
		size_t n = MIN(size - done, PAGE_SIZE - ((from + done) & (PAGE_SIZE - 1)));
		char *end;

		n = MIN(n, 64);
		if (user_read(to + done, from + done, n))
			return -EFAULT;
		end = memchr(to + done, '\0', n);
		if (end)
			return end - to;
		done += n;
	}
	return -ENAMETOOLONG;
}

void io_init_user(struct io *io, uint64_t base, size_t size)
{
	*io = (struct io){.first = {base, size}, .count = 1, .left = size};
	io->one = io->first;
	io->vectors = &io->one;
}

void io_init_kernel(struct io *io, void *base, size_t size)
{
	io_init_user(io, (uintptr_t)base, size);
	io->kernel = true;
}

void io_init_vectors(struct io *io, const struct io_vector *vectors, size_t count)
{
	*io = (struct io){.vectors = vectors, .count = count};
	if (count)
		io->first = vectors[0];
	for (size_t i = 0; i < count; i++)
		io->left += vectors[i].size;
}

/* The next contiguous piece of at most @size bytes. */
static size_t io_piece(struct io *io, size_t size)
{
	while (io->count && !io->first.size) {
		io->count--;
		io->vectors++;
		if (io->count)
			io->first = io->vectors[0];
	}
	return io->count ? MIN(size, io->first.size) : 0;
}

static void io_advance(struct io *io, size_t size)
{
	io->first.base += size;
	io->first.size -= size;
	io->left -= size;
}

/* @memory NULL: zeros (only when putting). */
static size_t io_copy_piece(struct io *io, uint8_t *memory, size_t size, bool put)
{
	uint64_t base = io->first.base;

	if (put && !memory) {
		size = MIN(size, sizeof(zeros));
		memory = (uint8_t *)(uintptr_t)zeros;
	}
	if (io->kernel) {
		memcpy(put ? (void *)base : memory, put ? memory : (void *)base, size);
		return size;
	}
	if (!platform_is_user(base, size))
		return 0;
	return put ? copy(base, (uintptr_t)memory, size, true)
		   : copy((uintptr_t)memory, base, size, false);
}

static long io_copy(struct io *io, uint8_t *memory, size_t size, bool put)
{
	size_t done = 0, piece, copied;

	while (done < size && (piece = io_piece(io, size - done))) {
		copied = io_copy_piece(io, memory ? memory + done : NULL, piece, put);
		io_advance(io, copied);
		done += copied;
		if (!copied)
			return done ? (long)done : -EFAULT;
	}
	return (long)done;
}

long io_put(struct io *io, const void *from, size_t size)
{
	return io_copy(io, (uint8_t *)(uintptr_t)from, size, true);
}

long io_put_zeros(struct io *io, size_t size)
{
	return io_copy(io, NULL, size, true);
}

long io_take(struct io *io, void *to, size_t size)
{
	return io_copy(io, to, size, false);
}

int io_vectors_read(uint64_t address, uint64_t count, struct io_vector **ret_vectors)
{
	CLEANUP(heap_freep) struct io_vector *vectors = NULL;
	uint64_t sum = 0;

	if (count > IO_VECTOR_COUNT_MAX)
		return -EINVAL;
	vectors = heap_alloc(MAX(count, 1UL) * sizeof(*vectors));
	if (!vectors)
		return -ENOMEM;
	if (count && user_read(vectors, address, count * sizeof(*vectors)))
		return -EFAULT;
	for (size_t i = 0; i < count; i++) {
		if (vectors[i].size > INT64_MAX || sum + vectors[i].size > INT64_MAX)
			return -EINVAL;
		sum += vectors[i].size;
	}
	*ret_vectors = TAKE(vectors);
	return 0;
}
