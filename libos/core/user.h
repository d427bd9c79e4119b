/* The program's memory, as the LibOS may touch it: by copying, once. A user address is a uint64_t,
 * never a pointer, so that it cannot be dereferenced by mistake. All return 0 or -EFAULT. */
#ifndef LIBOS_CORE_USER_H
#define LIBOS_CORE_USER_H

#include "base/compiler.h"

MUST_CHECK int user_read(void *to, uint64_t from, size_t size);
MUST_CHECK int user_write(uint64_t to, const void *from, size_t size);
MUST_CHECK int user_zero(uint64_t to, size_t size);
/* A structure that later versions of a program know more of: @size bytes of it, of which @known go
 * to @to; what the program does not know is zero there. -E2BIG: what we don't know says something.
 */
MUST_CHECK int user_read_versioned(void *to, size_t known, uint64_t from, uint64_t size);
/* Copy a NUL-terminated string; returns its length (without the NUL), -EFAULT, or -ENAMETOOLONG if
 * it does not end within @size bytes. */
MUST_CHECK long user_read_string(char *to, uint64_t from, size_t size);

#define USER_GET(ret_value, from) user_read((ret_value), (from), sizeof(*(ret_value)))
#define USER_PUT(to, value)                                                                        \
	__extension__({                                                                            \
		__typeof__(value) user_put_ = (value);                                             \
		user_write((to), &user_put_, sizeof(user_put_));                                   \
	})

/* A run of buffers to fill or to empty, in the program's memory or in the LibOS's own: what read(2)
 * and readv(2) hand to a file. Copies move the iterator on. */
struct io_vector {
	uint64_t base;
	uint64_t size;
};
struct io {
	const struct io_vector *vectors; /* what is left: vectors[0] is advanced in @first */
	size_t count;
	struct io_vector first;
	size_t left;          /* bytes left over all vectors */
	bool kernel;          /* the addresses are the LibOS's own */
	struct io_vector one; /* storage for io_init_* */
};

void io_init_user(struct io *io, uint64_t base, size_t size);
void io_init_kernel(struct io *io, void *base, size_t size);
/* @vectors (copied from the program and checked; must outlive the io). */
void io_init_vectors(struct io *io, const struct io_vector *vectors, size_t count);
/* Copy min(size, io->left) bytes; return how many were copied before a fault; -EFAULT if none. */
MUST_CHECK long io_put(struct io *io, const void *from, size_t size); /* into the buffers */
MUST_CHECK long io_put_zeros(struct io *io, size_t size);
MUST_CHECK long io_take(struct io *io, void *to, size_t size); /* out of the buffers */
/* Read @count struct iovec at @address into heap memory (*ret_vectors, caller frees) and check
 * them: -EINVAL count > 1024 or the sum exceeds SSIZE_MAX, -EFAULT. */
MUST_CHECK int io_vectors_read(uint64_t address, uint64_t count, struct io_vector **ret_vectors);

#endif
