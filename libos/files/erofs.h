/* A reader of uncompressed EROFS file systems (abi/erofs.h), without allocation and without
 * state of its own beside struct erofs: any number of threads may read at once.
 *
 * The blocks come through a function, verified: no forged byte arrives here. Yet whoever made the
 * image is not trusted to have made it well, so whatever it says is checked; what can't be right
 * ends in -EUCLEAN, never in a wild access or an endless loop. Each function uses up to 5 KiB of
 * stack beside that of @read, 9 KiB where a directory is stored in chunks (mkfs makes none).
 *
 * Errors of all: -EUCLEAN the file system is malformed; -EOPNOTSUPP it has a feature that is not
 * read here; what @read returned. */
#ifndef LIBOS_FILES_EROFS_H
#define LIBOS_FILES_EROFS_H

#include "base/compiler.h"
#include "abi/erofs.h"

#define EROFS_NAME_MAX 255

/* @read fills @to with @count blocks of EROFS_BLOCK_SIZE bytes from @first_block on and returns 0,
 * or a negative errno. */
struct erofs_blocks {
	int (*read)(void *context, uint64_t first_block, size_t count, void *to);
	void *context;
	uint64_t block_count;
};

struct erofs {
	struct erofs_blocks blocks; /* block_count: what the superblock says, if that is less */
	uint64_t root_nid, inode_count;
	int64_t build_time; /* seconds */
	uint32_t build_time_nsec;
	uint64_t meta, xattrs; /* bytes from the start */
	uint8_t uuid[16];
};

struct erofs_inode {
	const struct erofs *fs;
	uint64_t nid;
	uint32_t mode; /* as st_mode */
	uint32_t uid, gid, nlink;
	uint64_t size; /* bytes */
	int64_t mtime; /* seconds */
	uint32_t mtime_nsec;
	uint32_t rdev_major, rdev_minor; /* of devices */
	/* The rest is for erofs.c. */
	enum erofs_layout layout;
	uint32_t first_block;
	uint32_t chunk_bits; /* log2 of the bytes of a chunk */
	bool chunk_indexes;
	uint64_t xattrs; /* where they begin: bytes from the start of the file system */
	uint32_t xattrs_size;
	uint64_t tail; /* where the inline data, or the chunks' numbers, begin */
};

/* @blocks is copied; its context must outlive @fs. @what (may be NULL) gets a constant string on
 * failure. */
int erofs_open(struct erofs *fs, const struct erofs_blocks *blocks, const char **what) MUST_CHECK;

/* @fs must outlive @ret. */
int erofs_inode_read(const struct erofs *fs, uint64_t nid, struct erofs_inode *ret) MUST_CHECK;

/* The entry @name (no NUL needed) of directory @dir. @ret_type (enum erofs_file_type) may be NULL.
 * -ENOENT none; -ENOTDIR. */
int erofs_lookup(const struct erofs_inode *dir, const char *name, size_t name_size,
	uint64_t *ret_nid, uint8_t *ret_type) MUST_CHECK;

struct erofs_entry {
	const char *name; /* valid during the call only; not NUL-terminated */
	size_t name_size;
	uint64_t nid;
	uint8_t type;  /* enum erofs_file_type */
	uint64_t next; /* position of the entry after this one */
};

/* Call @each for the entries ("." and ".." too, sorted as bytes) from @position on: 0, or a `next`
 * seen before. 0: the end was reached; else what @each returned when it was not 0, which ends it.
 * -ENOTDIR; -EINVAL no such position. */
int erofs_readdir(const struct erofs_inode *dir, uint64_t position,
	int (*each)(void *context, const struct erofs_entry *entry), void *context) MUST_CHECK;

/* Up to @size bytes from @offset of a file's data (a symbolic link's and a directory's too);
 * *ret_size is how many there were: less than @size only at the end. -EINVAL: it has no data. */
int erofs_read(const struct erofs_inode *inode, uint64_t offset, void *to, size_t size,
	size_t *ret_size) MUST_CHECK;

/* The target of a symbolic link, no NUL added, cut to @size; *ret_size is what was stored.
 * -EINVAL: no symbolic link. */
int erofs_readlink(
	const struct erofs_inode *inode, char *to, size_t size, size_t *ret_size) MUST_CHECK;

enum erofs_extent_kind {
	EROFS_EXTENT_BLOCKS, /* whole blocks, from a block's start if @offset is one's */
	EROFS_EXTENT_INLINE, /* inside one block, anywhere in it */
	EROFS_EXTENT_HOLE,   /* zeros */
};

struct erofs_extent {
	enum erofs_extent_kind kind;
	uint64_t position; /* of the first byte: from the start of the file system; not of a hole */
	uint64_t size;     /* bytes of the file that lie there in one run, > 0 */
};

/* Where the data from @offset (< size) on lie. */
int erofs_data_extent(
	const struct erofs_inode *inode, uint64_t offset, struct erofs_extent *ret) MUST_CHECK;

/* As getxattr(2) and listxattr(2): @name is whole ("user.x"), @size 0 asks for the size needed,
 * which *ret_size is. -ENODATA no such attribute; -ERANGE @size is too small. */
int erofs_xattr_get(const struct erofs_inode *inode, const char *name, void *to, size_t size,
	size_t *ret_size) MUST_CHECK;
int erofs_xattr_list(
	const struct erofs_inode *inode, char *to, size_t size, size_t *ret_size) MUST_CHECK;

#endif
