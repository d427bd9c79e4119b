/* The contents of a regular file in memory: runs of pool pages ("extents") that never move and are
 * given back only with the file, so whoever holds a reference to the file may read them without a
 * lock, and map them into programs.
 *
 * Extent 0 has 2^first_order pages, extent i > 0 as many as all before it: an offset tells its
 * extent by its logarithm. Untouched pages cost nothing. A bit a page says what is present: for the
 * part that comes from the image (bytes below source_size) the rest must be read from it first;
 * else the rest is a hole. Bytes behind the end of the file are zero, except where a program that
 * maps the last page writes them; they are cleared when the file grows over them.
 *
 * Writers and those who change the size are serialised by the caller (inode->write_lock); data.lock
 * orders allocation and reading from the image, and may be taken with mm->lock held. */
#ifndef LIBOS_FILES_DATA_H
#define LIBOS_FILES_DATA_H

#include "libos/core/lock.h"
#include "libos/core/user.h"

#define DATA_EXTENTS_INLINE 4
#define DATA_EXTENTS_MAX 27
#define DATA_ORDER_MAX 25 /* of one extent: 128 GiB */

struct extent {
	uint8_t *memory; /* NULL: nothing there yet */
	union {
		uint64_t bits;   /* present pages, up to 64 pages */
		uint64_t *words; /* heap; more */
	};
};

/* Where pages come from: bytes [offset, offset + size) to @to, all of them. Negative errno. */
struct data;
typedef int data_fill(struct data *data, uint64_t offset, void *to, size_t size);

/* What the files of a file system may hold together. */
struct data_quota {
	uint64_t limit, used; /* pages; used is atomic */
};

struct data {
	struct lock lock;
	struct data_quota *quota; /* NULL: none. Set after data_init, before the first write. */
	uint8_t first_order;
	bool was_mapped;      /* pages and bytes behind the end may have been written unseen */
	uint64_t page_count;  /* present */
	uint64_t source_left; /* absent pages that come from the source; read without the lock */
	uint64_t source_size; /* bytes; only ever shrinks */
	data_fill *fill;
	struct extent extents[DATA_EXTENTS_INLINE];
	struct extent *more; /* heap: the others, DATA_EXTENTS_MAX - DATA_EXTENTS_INLINE */
};

/* @source_size 0: no source. */
void data_init(struct data *data, uint64_t source_size, data_fill *fill);
void data_done(struct data *data);

/* Copy [offset, offset + size) out (the caller has cut it to the file's size): bytes or -errno. */
MUST_CHECK long data_read(struct data *data, struct io *io, uint64_t offset, size_t size);
/* The same into LibOS memory, keeping nothing that was not present. @offset is page aligned. */
MUST_CHECK long data_peek(struct data *data, void *to, uint64_t offset, size_t size);
/* Copy in: bytes, or -EFAULT, -ENOSPC, -EIO. The caller keeps the file's size. */
MUST_CHECK long data_write(struct data *data, struct io *io, uint64_t offset, size_t size);
/* Memory at @offset (page aligned) for at least a page and at most what file_ops.map says; holes
 * get memory, pages of the source are not read yet. @end: the file's size rounded up. */
MUST_CHECK int data_map(struct data *data, uint64_t offset, uint64_t size, uint64_t end, bool write,
	void **ret_memory, uint64_t *ret_run);
/* As file_ops.is_loaded and .load have it. */
bool data_is_loaded(struct data *data, uint64_t offset, uint64_t *ret_run);
MUST_CHECK int data_load(struct data *data, uint64_t offset, uint64_t size);
/* The file shrinks from @old to @size, or grows: what lies behind is zero afterwards. */
MUST_CHECK int data_resize(struct data *data, uint64_t old, uint64_t size);
/* Zeros in [offset, offset + size), their memory given back where whole pages are. */
MUST_CHECK int data_punch(struct data *data, uint64_t offset, uint64_t size);
/* Memory for [offset, offset + size). */
MUST_CHECK int data_allocate(struct data *data, uint64_t offset, uint64_t size);
/* The first offset >= @offset that is data (or a hole), at most @size. */
uint64_t data_next(struct data *data, uint64_t offset, uint64_t size, bool is_hole);

#endif
