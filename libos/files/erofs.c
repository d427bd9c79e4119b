#include "libos/files/erofs.h"

#include <asm/errno.h>

#include "base/checked.h"
#include "base/memory.h"
#include "libos/files/erofs_window.h"

#define MODE_TYPE 0170000U
#define MODE_SOCKET 0140000U
#define MODE_SYMLINK 0120000U
#define MODE_FILE 0100000U
#define MODE_BLOCK 0060000U
#define MODE_DIRECTORY 0040000U
#define MODE_CHARACTER 0020000U
#define MODE_FIFO 0010000U

/* -- the window ------------------------------------------------------------------------------ */

int erofs_window_move(struct erofs_window *window, uint64_t block)
{
	const struct erofs_blocks *blocks = &window->fs->blocks;
	int r;

	if (window->block == block)
		return 0;
	if (block >= blocks->block_count)
		return -EUCLEAN;
	window->block = UINT64_MAX;
	r = blocks->read(blocks->context, block, 1, window->data);
	if (r == 0)
		window->block = block;
	return r;
}

int erofs_window_copy(struct erofs_window *window, uint64_t position, void *to, size_t size)
{
	uint8_t *p = to;

	while (size > 0) {
		size_t at = position % EROFS_BLOCK_SIZE, part = MIN(size, EROFS_BLOCK_SIZE - at);
		int r = erofs_window_move(window, position / EROFS_BLOCK_SIZE);

		if (r < 0)
			return r;
		memcpy(p, window->data + at, part);
		p += part;
		position += part;
		size -= part;
	}
	return 0;
}

/* -- the superblock -------------------------------------------------------------------------- */

static int fail(const char **what, int number, const char *text)
{
	if (what)
		*what = text;
	return number;
}

static int super_check(
	const struct erofs_super_disk *super, const struct erofs_blocks *blocks, const char **what)
{
	uint32_t readable = EROFS_FEATURE_ZERO_PADDING | EROFS_FEATURE_CHUNKED_FILE;

	if (super->magic != EROFS_SUPER_MAGIC)
		return fail(what, -EUCLEAN, "not an EROFS file system");
	if (super->block_bits != EROFS_BLOCK_BITS)
		return fail(what, -EOPNOTSUPP, "blocks of another size than 4096 bytes");
	if (super->feature_incompat & EROFS_FEATURE_COMPRESSION_CONFIG)
		return fail(what, -EOPNOTSUPP, "compressed files");
	if (super->feature_incompat & EROFS_FEATURE_DEVICE_TABLE)
		return fail(what, -EOPNOTSUPP, "data on other devices");
	if (super->feature_incompat & ~readable)
		return fail(what, -EOPNOTSUPP, "an unknown feature");
	if (super->directory_block_bits != 0)
		return fail(what, -EOPNOTSUPP, "directory blocks of more than 4096 bytes");
	if (super->block_count == 0 || super->block_count > blocks->block_count)
		return fail(what, -EUCLEAN, "the file system is larger than its place");
	if (super->build_time > INT64_MAX || super->build_time_nsec >= 1000000000)
		return fail(what, -EUCLEAN, "a wrong time");
	return 0;
}

static int root_check(const struct erofs *fs, const char **what)
{
	struct erofs_inode root;
	int r = erofs_inode_read(fs, fs->root_nid, &root);

	if (r < 0)
		return fail(what, r, "the root directory can't be read");
	if ((root.mode & MODE_TYPE) != MODE_DIRECTORY)
		return fail(what, -EUCLEAN, "the root is no directory");
	return 0;
}

int erofs_open(struct erofs *fs, const struct erofs_blocks *blocks, const char **what)
{
	struct erofs_super_disk super;
	struct erofs_window window;
	int r;

	memset(fs, 0, sizeof(*fs));
	fs->blocks = *blocks;
	erofs_window_init(&window, fs);
	r = erofs_window_copy(&window, EROFS_SUPER_OFFSET, &super, sizeof(super));
	if (r < 0)
		return fail(what, r, "the superblock can't be read");
	r = super_check(&super, blocks, what);
	if (r < 0)
		return r;
	fs->blocks.block_count = super.block_count;
	fs->root_nid = super.root_nid;
	fs->inode_count = super.inode_count;
	fs->build_time = (int64_t)super.build_time;
	fs->build_time_nsec = super.build_time_nsec;
	fs->meta = (uint64_t)super.meta_block * EROFS_BLOCK_SIZE;
	fs->xattrs = (uint64_t)super.xattr_block * EROFS_BLOCK_SIZE;
	memcpy(fs->uuid, super.uuid, sizeof(fs->uuid));
	return root_check(fs, what);
}

/* -- inodes ---------------------------------------------------------------------------------- */

static bool mode_has_data(uint32_t mode)
{
	uint32_t type = mode & MODE_TYPE;

	return type == MODE_FILE || type == MODE_DIRECTORY || type == MODE_SYMLINK;
}

static bool mode_is_device(uint32_t mode)
{
	uint32_t type = mode & MODE_TYPE;

	return type == MODE_CHARACTER || type == MODE_BLOCK;
}

static bool mode_is_good(uint32_t mode)
{
	uint32_t type = mode & MODE_TYPE;

	return mode_has_data(mode) || mode_is_device(mode) || type == MODE_FIFO ||
	       type == MODE_SOCKET;
}

/* What follows the inode itself: attributes, then inline data or chunk numbers. */
static void inode_place(struct erofs_inode *inode, uint64_t end, uint16_t xattr_count)
{
	inode->xattrs = end;
	inode->xattrs_size =
		xattr_count ? (uint32_t)sizeof(struct erofs_xattr_header) + 4U * (xattr_count - 1U)
			    : 0;
	inode->tail = end + inode->xattrs_size;
}

static int inode_set_chunks(struct erofs_inode *inode, uint32_t format)
{
	uint64_t unit = format & EROFS_CHUNK_INDEXES ? 8 : 4;

	if (format & ~EROFS_CHUNK_KNOWN)
		return -EOPNOTSUPP;
	inode->chunk_indexes = format & EROFS_CHUNK_INDEXES;
	inode->chunk_bits = EROFS_BLOCK_BITS + (format & EROFS_CHUNK_BITS);
	inode->tail = ALIGN_UP(inode->tail, unit);
	return 0;
}

/* Blocks of a flat file that are whole on disk; what is left is inline. */
static uint64_t flat_blocks(const struct erofs_inode *inode)
{
	uint64_t blocks = inode->size / EROFS_BLOCK_SIZE + (inode->size % EROFS_BLOCK_SIZE != 0);

	return inode->layout == EROFS_LAYOUT_FLAT_INLINE && blocks > 0 ? blocks - 1 : blocks;
}

static int inode_set_flat(struct erofs_inode *inode, uint32_t first_block)
{
	uint64_t blocks = flat_blocks(inode);
	uint64_t tail = inode->size - MIN(inode->size, blocks * EROFS_BLOCK_SIZE);

	if (blocks > 0 && !range_fits(first_block, blocks, inode->fs->blocks.block_count))
		return -EUCLEAN;
	/* The tail lies in the block that follows the inode's attributes, never across two. */
	if (tail > 0 && inode->tail % EROFS_BLOCK_SIZE + tail > EROFS_BLOCK_SIZE)
		return -EUCLEAN;
	inode->first_block = first_block;
	return 0;
}

/* Linux's encoding: 20 bits of minor number around 12 of major. */
static void inode_set_device(struct erofs_inode *inode, uint32_t rdev)
{
	inode->rdev_major = rdev >> 8 & 0xfff;
	inode->rdev_minor = (rdev & 0xff) | (rdev >> 12 & 0xfff00);
}

static int inode_set_data(struct erofs_inode *inode, uint32_t data)
{
	if (!mode_is_good(inode->mode) || inode->size > INT64_MAX)
		return -EUCLEAN;
	if (mode_is_device(inode->mode))
		inode_set_device(inode, data);
	if (!mode_has_data(inode->mode))
		return 0;
	switch (inode->layout) {
	case EROFS_LAYOUT_FLAT_PLAIN:
	case EROFS_LAYOUT_FLAT_INLINE:
		return inode_set_flat(inode, data);
	case EROFS_LAYOUT_CHUNK:
		return inode_set_chunks(inode, data);
	default:
		return -EOPNOTSUPP;
	}
}

static int inode_set_compact(
	struct erofs_inode *inode, const struct erofs_inode_compact *disk, uint64_t position)
{
	inode->mode = disk->mode;
	inode->uid = disk->uid;
	inode->gid = disk->gid;
	inode->nlink = disk->nlink;
	inode->size = disk->size;
	inode->mtime = inode->fs->build_time;
	inode->mtime_nsec = inode->fs->build_time_nsec;
	inode_place(inode, position + sizeof(*disk), disk->xattr_count);
	return inode_set_data(inode, disk->data);
}

static int inode_set_extended(
	struct erofs_inode *inode, const struct erofs_inode_extended *disk, uint64_t position)
{
	inode->mode = disk->mode;
	inode->uid = disk->uid;
	inode->gid = disk->gid;
	inode->nlink = disk->nlink;
	inode->size = disk->size;
	inode->mtime = (int64_t)disk->mtime;
	inode->mtime_nsec = disk->mtime_nsec;
	if (inode->mtime_nsec >= 1000000000)
		return -EUCLEAN;
	inode_place(inode, position + sizeof(*disk), disk->xattr_count);
	return inode_set_data(inode, disk->data);
}

static int inode_read(
	struct erofs_window *window, struct erofs_inode *inode, uint64_t position, uint64_t limit)
{
	union {
		uint16_t format;
		struct erofs_inode_compact compact;
		struct erofs_inode_extended extended;
	} disk;
	int r = erofs_window_copy(window, position, &disk.compact, sizeof(disk.compact));

	if (r < 0)
		return r;
	if (disk.format & ~EROFS_FORMAT_KNOWN)
		return -EOPNOTSUPP;
	inode->layout = EROFS_FORMAT_LAYOUT(disk.format);
	if (!(disk.format & EROFS_FORMAT_EXTENDED))
		return inode_set_compact(inode, &disk.compact, position);
	if (limit - position < sizeof(disk.extended))
		return -EUCLEAN;
	r = erofs_window_copy(window, position, &disk.extended, sizeof(disk.extended));
	return r < 0 ? r : inode_set_extended(inode, &disk.extended, position);
}

int erofs_inode_read(const struct erofs *fs, uint64_t nid, struct erofs_inode *ret)
{
	uint64_t limit = fs->blocks.block_count * EROFS_BLOCK_SIZE;
	struct erofs_window window;

	memset(ret, 0, sizeof(*ret));
	ret->fs = fs;
	ret->nid = nid;
	if (fs->meta >= limit || nid >= (limit - fs->meta) >> EROFS_SLOT_BITS)
		return -EUCLEAN;
	erofs_window_init(&window, fs);
	return inode_read(&window, ret, fs->meta + (nid << EROFS_SLOT_BITS), limit);
}

/* -- data ------------------------------------------------------------------------------------ */

static int flat_extent(const struct erofs_inode *inode, uint64_t offset, struct erofs_extent *ret)
{
	uint64_t whole = flat_blocks(inode) * EROFS_BLOCK_SIZE;

	if (offset < whole) {
		ret->kind = EROFS_EXTENT_BLOCKS;
		ret->position = (uint64_t)inode->first_block * EROFS_BLOCK_SIZE + offset;
		ret->size = MIN(whole, inode->size) - offset;
	} else {
		ret->kind = EROFS_EXTENT_INLINE;
		ret->position = inode->tail + (offset - whole);
		ret->size = inode->size - offset;
	}
	return 0;
}

/* The first block of chunk @index, or EROFS_CHUNK_HOLE. */
static NOINLINE int chunk_block(const struct erofs_inode *inode, uint64_t index, uint32_t *ret)
{
	struct erofs_chunk_index entry = {0};
	struct erofs_window window;
	uint64_t position;
	int r;

	/* A chunk is at least 4096 bytes and the size fits 63 bits: @index is below 2^51. */
	position = inode->tail + index * (inode->chunk_indexes ? sizeof(entry) : sizeof(*ret));
	erofs_window_init(&window, inode->fs);
	if (!inode->chunk_indexes)
		return erofs_window_copy(&window, position, ret, sizeof(*ret));
	r = erofs_window_copy(&window, position, &entry, sizeof(entry));
	if (r == 0 && entry.device != 0)
		return -EOPNOTSUPP;
	*ret = entry.block;
	return r;
}

static int chunk_extent(const struct erofs_inode *inode, uint64_t offset, struct erofs_extent *ret)
{
	uint64_t index = offset >> inode->chunk_bits, start = index << inode->chunk_bits;
	uint64_t size = MIN(1UL << inode->chunk_bits, inode->size - start), blocks;
	uint32_t first;
	int r = chunk_block(inode, index, &first);

	if (r < 0)
		return r;
	ret->size = size - (offset - start);
	if (first == EROFS_CHUNK_HOLE) {
		ret->kind = EROFS_EXTENT_HOLE;
		ret->position = 0;
		return 0;
	}
	blocks = ALIGN_UP(size, (uint64_t)EROFS_BLOCK_SIZE) / EROFS_BLOCK_SIZE;
	if (!range_fits(first, blocks, inode->fs->blocks.block_count))
		return -EUCLEAN;
	ret->kind = EROFS_EXTENT_BLOCKS;
	ret->position = (uint64_t)first * EROFS_BLOCK_SIZE + (offset - start);
	return 0;
}

int erofs_data_extent(const struct erofs_inode *inode, uint64_t offset, struct erofs_extent *ret)
{
	if (!mode_has_data(inode->mode) || offset >= inode->size)
		return -EINVAL;
	if (inode->layout == EROFS_LAYOUT_CHUNK)
		return chunk_extent(inode, offset, ret);
	return flat_extent(inode, offset, ret);
}

/* A part of one block, by way of a window. */
static NOINLINE int read_part(const struct erofs *fs, uint64_t position, void *to, size_t size)
{
	struct erofs_window window;

	erofs_window_init(&window, fs);
	return erofs_window_copy(&window, position, to, size);
}

/* The first bytes of [position, position + size): whole blocks straight to @to, or what lies in one
 * block. *ret_size: how many. */
static int read_some(
	const struct erofs *fs, uint64_t position, void *to, size_t size, size_t *ret_size)
{
	const struct erofs_blocks *blocks = &fs->blocks;
	size_t at = position % EROFS_BLOCK_SIZE;

	if (at == 0 && size >= EROFS_BLOCK_SIZE) {
		*ret_size = ALIGN_DOWN(size, (size_t)EROFS_BLOCK_SIZE);
		if (!range_fits(position, *ret_size, blocks->block_count * EROFS_BLOCK_SIZE))
			return -EUCLEAN;
		return blocks->read(blocks->context, position / EROFS_BLOCK_SIZE,
			*ret_size / EROFS_BLOCK_SIZE, to);
	}
	*ret_size = MIN(size, EROFS_BLOCK_SIZE - at);
	return read_part(fs, position, to, *ret_size);
}

static int read_extent(
	const struct erofs *fs, const struct erofs_extent *extent, uint8_t *to, size_t size)
{
	uint64_t position = extent->position;

	if (extent->kind == EROFS_EXTENT_HOLE) {
		memset(to, 0, size);
		return 0;
	}
	while (size > 0) {
		size_t part;
		int r = read_some(fs, position, to, size, &part);

		if (r < 0)
			return r;
		to += part;
		position += part;
		size -= part;
	}
	return 0;
}

int erofs_read(
	const struct erofs_inode *inode, uint64_t offset, void *to, size_t size, size_t *ret_size)
{
	uint8_t *p = to;

	if (!mode_has_data(inode->mode))
		return -EINVAL;
	*ret_size = 0;
	if (offset >= inode->size)
		return 0;
	size = MIN(size, inode->size - offset);
	for (size_t done = 0; done < size;) {
		struct erofs_extent extent;
		size_t part;
		int r = erofs_data_extent(inode, offset + done, &extent);

		if (r < 0)
			return r;
		part = MIN(size - done, extent.size);
		r = read_extent(inode->fs, &extent, p + done, part);
		if (r < 0)
			return r;
		done += part;
	}
	*ret_size = size;
	return 0;
}

int erofs_readlink(const struct erofs_inode *inode, char *to, size_t size, size_t *ret_size)
{
	if ((inode->mode & MODE_TYPE) != MODE_SYMLINK)
		return -EINVAL;
	return erofs_read(inode, 0, to, size, ret_size);
}
