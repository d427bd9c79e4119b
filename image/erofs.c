#include "image/erofs.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "abi/image.h"
#include "base/checked.h"
#include "image/erofs_dir.h"
#include "abi/erofs.h"
#include "image/file.h"

#define BLOCK IMAGE_BLOCK_SIZE
#define META_START (EROFS_SUPER_OFFSET + sizeof(struct erofs_super_disk))
#define INODE_ALIGN 64 /* an inode never crosses a block */
#define COPY_BLOCKS 64 /* of file data at a time */

_Static_assert(META_START % INODE_ALIGN == 0, "the first inode follows the superblock");

/* The layout: block 0 with the superblock, then all inodes with what lies inline, then the data
 * blocks of directories and files in the order of the inodes. */
struct writer {
	struct tree *tree;
	struct tree_inode **inodes; /* in the order they are written */
	size_t inode_count;
	uint64_t meta_size; /* bytes from the start of the file system */
	uint64_t size;
	struct buffer meta;
	erofs_sink_fn *sink;
	void *context;
	struct image_error *error;
};

static void writer_done(struct writer *writer)
{
	free(writer->inodes);
	buffer_done(&writer->meta);
}

uint32_t erofs_checksum(const uint8_t *block, size_t size)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < size; i++) {
		crc ^= i >= 4 && i < 8 ? 0 : block[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return crc;
}

static const struct {
	const char *text;
	uint8_t prefix;
	bool whole; /* the prefix is the name */
} xattr_prefixes[] = {
	{"user.", EROFS_XATTR_USER, false},
	{"system.posix_acl_access", EROFS_XATTR_ACL_ACCESS, true},
	{"system.posix_acl_default", EROFS_XATTR_ACL_DEFAULT, true},
	{"trusted.", EROFS_XATTR_TRUSTED, false},
	{"security.", EROFS_XATTR_SECURITY, false},
};

/* Split a name; false if EROFS has no prefix for it. */
static bool xattr_split(const char *name, uint8_t *ret_prefix, const char **ret_rest)
{
	for (size_t i = 0; i < ARRAY_SIZE(xattr_prefixes); i++) {
		size_t size = strlen(xattr_prefixes[i].text);

		if (strncmp(name, xattr_prefixes[i].text, size))
			continue;
		if (xattr_prefixes[i].whole ? name[size] : !name[size])
			continue;
		*ret_prefix = xattr_prefixes[i].prefix;
		*ret_rest = name + size;
		return strlen(*ret_rest) <= UINT8_MAX;
	}
	return false;
}

/* Bytes that an inode's attributes take behind it; those of other name spaces are left out. */
static size_t xattrs_size(const struct tree_inode *inode)
{
	size_t size = 0;

	for (size_t i = 0; i < inode->xattr_count; i++) {
		const struct tree_xattr *x = &inode->xattrs[i];
		const char *rest;
		uint8_t prefix;

		if (xattr_split(x->name, &prefix, &rest))
			size += ALIGN_UP(
				sizeof(struct erofs_xattr_entry) + strlen(rest) + x->size, 4);
	}
	return size ? size + sizeof(struct erofs_xattr_header) : 0;
}

static bool has_content(const struct tree_inode *inode)
{
	return S_ISREG(inode->mode) || S_ISLNK(inode->mode) || S_ISDIR(inode->mode);
}

static bool is_inline(const struct tree_inode *inode)
{
	uint64_t behind =
		sizeof(struct erofs_inode_extended) + xattrs_size(inode) + inode->content.size;

	if (!has_content(inode) || !inode->content.size || behind > BLOCK)
		return false;
	return !S_ISREG(inode->mode) || inode->content.size <= EROFS_INLINE_MAX;
}

/* Choose the inode's place. What lies inline may not cross a block (the kernel's rule). */
static int place_inode(struct writer *writer, struct tree_inode *inode)
{
	size_t xattrs = xattrs_size(inode);
	uint64_t size = sizeof(struct erofs_inode_extended) + xattrs;
	uint64_t at = ALIGN_UP(writer->meta_size, INODE_ALIGN);

	if (xattrs > UINT16_MAX)
		return image_fail(
			writer->error, -E2BIG, "extended attributes of %zu bytes", xattrs);
	if (is_inline(inode)) {
		size += inode->content.size;
		if (at % BLOCK + size > BLOCK)
			at = ALIGN_UP(at, BLOCK);
		inode->data_offset = at + size - inode->content.size;
	}
	inode->nid = at / EROFS_SLOT_SIZE;
	inode->placed = true;
	writer->meta_size = at + size;
	writer->inodes[writer->inode_count++] = inode;
	return 0;
}

static int place_visit(void *context, const char *path, struct tree_inode *inode)
{
	struct writer *writer = context;
	int r = 0;

	if (inode->placed)
		return 0;
	if (S_ISDIR(inode->mode))
		r = erofs_dir_measure(inode);
	if (r == 0)
		r = place_inode(writer, inode);
	if (r == -E2BIG)
		return image_fail_in(writer->error, r, "/%s", path);
	if (r < 0)
		return image_fail_errno(writer->error, r, "/%s", path);
	return 0;
}

static int clear_visit(void *context, const char *path, struct tree_inode *inode)
{
	(void)context;
	(void)path;
	inode->placed = false;
	return 0;
}

static int place_inodes(struct writer *writer)
{
	int r;

	writer->inodes = calloc(writer->tree->inode_count, sizeof(struct tree_inode *));
	if (!writer->inodes)
		return image_fail_errno(writer->error, -ENOMEM, "inodes");
	writer->meta_size = META_START;
	writer->tree->root->placed = false;
	r = tree_walk(writer->tree, clear_visit, NULL);
	if (r < 0)
		return image_fail_errno(writer->error, r, "the tree");
	/* The root comes first: its number must fit 16 bits. */
	r = place_visit(writer, "", writer->tree->root);
	if (r < 0)
		return r;
	return tree_walk(writer->tree, place_visit, writer);
}

static int place_data(struct writer *writer)
{
	writer->size = ALIGN_UP(writer->meta_size, BLOCK);
	for (size_t i = 0; i < writer->inode_count; i++) {
		struct tree_inode *inode = writer->inodes[i];

		if (!has_content(inode) || is_inline(inode) || !inode->content.size)
			continue;
		inode->data_offset = writer->size;
		if (CHECKED_ADD(writer->size, ALIGN_UP(inode->content.size, BLOCK), &writer->size))
			return image_fail(
				writer->error, -EFBIG, "the root file system is too large");
	}
	if (writer->size / BLOCK > UINT32_MAX)
		return image_fail(writer->error, -EFBIG, "the root file system is too large");
	return 0;
}

static void write_super(struct writer *writer, uint64_t build_time)
{
	struct erofs_super_disk super = {
		.magic = EROFS_SUPER_MAGIC,
		.feature_compat = EROFS_FEATURE_COMPAT_CHECKSUM | EROFS_FEATURE_COMPAT_MTIME,
		.block_bits = EROFS_BLOCK_BITS,
		.root_nid = (uint16_t)writer->tree->root->nid,
		.inode_count = writer->inode_count,
		.build_time = build_time,
		.block_count = (uint32_t)(writer->size / BLOCK),
	};
	uint8_t *to = writer->meta.data + EROFS_SUPER_OFFSET;

	memcpy(to, &super, sizeof(super));
	super.checksum = erofs_checksum(to, BLOCK - EROFS_SUPER_OFFSET);
	memcpy(to, &super, sizeof(super));
}

static void write_xattrs(const struct tree_inode *inode, uint8_t *to)
{
	to += sizeof(struct erofs_xattr_header);
	for (size_t i = 0; i < inode->xattr_count; i++) {
		const struct tree_xattr *x = &inode->xattrs[i];
		struct erofs_xattr_entry entry = {.value_size = (uint16_t)x->size};
		const char *rest;
		size_t size;

		if (!xattr_split(x->name, &entry.prefix, &rest))
			continue;
		size = strlen(rest);
		entry.name_size = (uint8_t)size;
		memcpy(to, &entry, sizeof(entry));
		memcpy(to + sizeof(entry), rest, size);
		memcpy(to + sizeof(entry) + size, x->value, x->size);
		to += ALIGN_UP(sizeof(entry) + size + x->size, 4);
	}
}

/* Also sees that a host file is still as long as it was when it was found. */
static int content_open(const struct tree_inode *inode, struct image_error *error)
{
	const char *path = inode->content.path;
	struct stat st;
	int fd;

	if (!path)
		return inode->content.fd;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return image_fail_errno(error, -errno, "%s", path);
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
		(uint64_t)st.st_size != inode->content.size) {
		close(fd);
		return image_fail(error, -ESTALE, "%s: changed while it was being read", path);
	}
	return fd;
}

static int write_inline(const struct tree_inode *inode, uint8_t *to, struct image_error *error)
{
	if (S_ISDIR(inode->mode))
		return erofs_dir_write(inode, to);
	return tree_content_read(&inode->content, 0, to, (size_t)inode->content.size, error);
}

static int write_inode(struct writer *writer, size_t index)
{
	const struct tree_inode *inode = writer->inodes[index];
	size_t xattrs = xattrs_size(inode);
	bool inlined = is_inline(inode);
	struct erofs_inode_extended disk = {
		.format = (uint16_t)(EROFS_FORMAT_EXTENDED |
				     (inlined ? EROFS_LAYOUT_FLAT_INLINE : EROFS_LAYOUT_FLAT_PLAIN)
					     << EROFS_FORMAT_LAYOUT_SHIFT),
		.mode = (uint16_t)inode->mode,
		.size = has_content(inode) ? inode->content.size : 0,
		.ino = (uint32_t)(index + 1),
		.uid = inode->uid,
		.gid = inode->gid,
		.mtime = (uint64_t)inode->mtime,
		.mtime_nsec = inode->mtime_ns,
		.nlink = inode->link_count,
	};
	uint8_t *to = writer->meta.data + inode->nid * EROFS_SLOT_SIZE;

	if (xattrs)
		disk.xattr_count = (uint16_t)(1 + (xattrs - sizeof(struct erofs_xattr_header)) / 4);
	if (!has_content(inode))
		disk.data = inode->rdev;
	else if (!inlined && inode->content.size)
		disk.data = (uint32_t)(inode->data_offset / BLOCK);
	else if (inlined)
		disk.data = UINT32_MAX; /* no block of its own */
	memcpy(to, &disk, sizeof(disk));
	if (xattrs)
		write_xattrs(inode, to + sizeof(disk));
	if (!inlined)
		return 0;
	return write_inline(inode, writer->meta.data + inode->data_offset, writer->error);
}

static int write_meta(struct writer *writer, uint64_t build_time)
{
	int r = buffer_resize(&writer->meta, (size_t)ALIGN_UP(writer->meta_size, BLOCK));

	if (r < 0)
		return image_fail_errno(writer->error, r, "metadata");
	for (size_t i = 0; i < writer->inode_count; i++) {
		r = write_inode(writer, i);
		if (r < 0)
			return r;
	}
	write_super(writer, build_time);
	return writer->sink(
		writer->context, writer->meta.data, writer->meta.size / BLOCK, writer->error);
}

static int copy_data(struct writer *writer, const struct tree_inode *inode, int fd)
{
	static const size_t chunk = COPY_BLOCKS * BLOCK;
	CLEANUP(freep) uint8_t *data = malloc(chunk);
	uint64_t start = inode->content.path ? 0 : inode->content.offset;
	int r = 0;

	if (!data)
		return image_fail_errno(writer->error, -ENOMEM, "file data");
	for (uint64_t at = 0; r == 0 && at < inode->content.size; at += chunk) {
		size_t size = (size_t)MIN(inode->content.size - at, (uint64_t)chunk);
		size_t padded = ALIGN_UP(size, BLOCK);

		r = file_read_at(fd, data, size, start + at);
		if (r < 0)
			return image_fail_errno(writer->error, r, "%s",
				inode->content.path ? inode->content.path : "temporary file");
		memset(data + size, 0, padded - size);
		r = writer->sink(writer->context, data, padded / BLOCK, writer->error);
	}
	return r;
}

/* A directory, or bytes held in memory. */
static int write_from_memory(struct writer *writer, const struct tree_inode *inode)
{
	CLEANUP(buffer_done) struct buffer data = {0};
	int r = buffer_resize(&data, (size_t)ALIGN_UP(inode->content.size, BLOCK));

	if (r < 0)
		return image_fail_errno(writer->error, r, "file data");
	r = write_inline(inode, data.data, writer->error);
	if (r < 0)
		return r;
	return writer->sink(writer->context, data.data, data.size / BLOCK, writer->error);
}

static int write_data(struct writer *writer, const struct tree_inode *inode)
{
	CLEANUP(close_fdp) int opened = -1;
	int fd;

	if (!has_content(inode) || is_inline(inode) || !inode->content.size)
		return 0;
	if (S_ISDIR(inode->mode) || inode->content.bytes)
		return write_from_memory(writer, inode);
	fd = content_open(inode, writer->error);
	if (fd < 0)
		return fd;
	if (inode->content.path)
		opened = fd;
	return copy_data(writer, inode, fd);
}

int erofs_write(struct tree *tree, uint64_t build_time, erofs_sink_fn *sink, void *context,
	struct image_error *error)
{
	CLEANUP(writer_done)
	struct writer writer = {.tree = tree, .sink = sink, .context = context, .error = error};
	int r = place_inodes(&writer);

	if (r == 0)
		r = place_data(&writer);
	if (r == 0)
		r = write_meta(&writer, build_time);
	for (size_t i = 0; r == 0 && i < writer.inode_count; i++)
		r = write_data(&writer, writer.inodes[i]);
	return r;
}
