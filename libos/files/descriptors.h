/* Descriptor tables. fd_get and fd_install are in file.h. */
#ifndef LIBOS_FILES_DESCRIPTORS_H
#define LIBOS_FILES_DESCRIPTORS_H

#include "libos/files/file.h"

#define FD_COUNT_MAX 1048576 /* fs.nr_open at most, */
#define FD_COUNT_LEAST 64    /* and at least */
extern int32_t fd_count_limit;

struct fd_table {
	int32_t reference_count;
	struct lock lock;    /* whoever changes holds it; the only thread of the only process reads
				without */
	uint32_t count;      /* of slots; a multiple of 64 */
	struct file **slots; /* NULL: free */
	uint64_t *used;      /* one bit a slot */
	uint64_t *close_on_exec;
	uint32_t lowest_free; /* no free slot below */
};

/* The calling process gets a table of its own: -EMFILE (a descriptor is beyond fd_count_limit),
 * -ENOMEM. */
MUST_CHECK int fd_table_unshare(void);

/* As fd_get, but O_PATH files too (fd_get answers NULL for them: EBADF). */
struct file *fd_get_any(int fd);
/* As fd_get_any, for no longer than the call that asks: where nobody else can close it meanwhile,
 * no reference is taken. */
struct borrowed_file {
	struct file *file; /* NULL: EBADF */
	bool is_referenced;
};
struct borrowed_file fd_borrow(int fd);
void fd_give_back(struct borrowed_file *borrowed);
/* Of any table, O_PATH files too: referenced, or NULL. */
struct file *fd_table_get(struct fd_table *table, int fd);
/* The lowest descriptor >= @from in use, or -1: for /proc/PID/fd. *ret_file referenced. */
int fd_table_next(struct fd_table *table, int from, struct file **ret_file, bool *ret_cloexec);

/* Put @file (taken over) at @fd of a table that nobody uses yet: 0 or -ENOMEM. */
MUST_CHECK int fd_table_place(struct fd_table *table, struct file *file, int fd);

/* The lowest free descriptor, kept for fd_fill or fd_release: so that nothing is created for which
 * there is no descriptor. */
MUST_CHECK int fd_reserve(bool close_on_exec);
void fd_fill(int fd, struct file *file); /* the reference is taken over */
void fd_release(int fd);

MUST_CHECK int fd_close(int fd);
/* At exactly @fd, closing what is there (dup2): @fd or -errno. A reference is taken. */
MUST_CHECK int fd_replace(struct file *file, int fd, bool close_on_exec);
MUST_CHECK int fd_get_cloexec(int fd);
MUST_CHECK int fd_set_cloexec(int fd, bool close_on_exec);
MUST_CHECK int fd_close_range(uint32_t first, uint32_t last, uint32_t flags);

/* May a read or write of @fd with the RWF_* @flags go on? -EOPNOTSUPP: flags that it does not take;
 * -EAGAIN: RWF_NOWAIT, and it would wait; -EBADF. */
MUST_CHECK int io_flags_check(uint64_t fd, uint64_t flags, bool is_write);

#endif
