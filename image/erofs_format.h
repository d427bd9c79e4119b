/* EROFS on disk, as much of it as an image uses: uncompressed, 4096-byte blocks, extended inodes,
 * inline extended attributes, no shared attributes, no devices, no chunks.
 * Source: Linux, Documentation/filesystems/erofs.rst and fs/erofs/erofs_fs.h (the format). */
#ifndef IMAGE_EROFS_FORMAT_H
#define IMAGE_EROFS_FORMAT_H

#include <stdint.h>

#define EROFS_SUPER_OFFSET 1024
#define EROFS_SUPER_MAGIC 0xe0f5e1e2
#define EROFS_BLOCK_BITS 12
#define EROFS_SLOT_SIZE 32 /* an inode's number is its offset / 32 */
#define EROFS_FEATURE_COMPAT_CHECKSUM 0x1
#define EROFS_FEATURE_COMPAT_MTIME 0x2

struct erofs_super {
	uint32_t magic;
	uint32_t checksum; /* CRC-32C of the block from here's start, this field 0; not inverted */
	uint32_t feature_compat;
	uint8_t block_bits;
	uint8_t extra_slots;
	uint16_t root_nid;
	uint64_t inode_count;
	uint64_t build_time;
	uint32_t build_time_ns;
	uint32_t block_count;
	uint32_t meta_block;
	uint32_t xattr_block;
	uint8_t uuid[16];
	uint8_t volume_name[16];
	uint32_t feature_incompat;
	uint8_t reserved[44];
};
_Static_assert(sizeof(struct erofs_super) == 128, "EROFS");

#define EROFS_INODE_EXTENDED 1 /* bit 0 of format */
#define EROFS_LAYOUT_SHIFT 1
#define EROFS_LAYOUT_FLAT_PLAIN 0
#define EROFS_LAYOUT_FLAT_INLINE 2

struct erofs_inode {
	uint16_t format;
	uint16_t xattr_icount; /* 0: none; else 1 + bytes after the header / 4 */
	uint16_t mode;
	uint16_t reserved1;
	uint64_t size;
	uint32_t start; /* the first data block, or the device number */
	uint32_t ino;   /* for 32-bit stat; the number of its order */
	uint32_t uid;
	uint32_t gid;
	uint64_t mtime;
	uint32_t mtime_ns;
	uint32_t link_count;
	uint8_t reserved2[16];
};
_Static_assert(sizeof(struct erofs_inode) == 64, "EROFS");

struct erofs_xattr_header {
	uint32_t reserved1;
	uint8_t shared_count;
	uint8_t reserved2[7];
};
_Static_assert(sizeof(struct erofs_xattr_header) == 12, "EROFS");

enum erofs_xattr_prefix {
	EROFS_XATTR_USER = 1,
	EROFS_XATTR_ACL_ACCESS = 2,
	EROFS_XATTR_ACL_DEFAULT = 3,
	EROFS_XATTR_TRUSTED = 4,
	EROFS_XATTR_SECURITY = 6,
};

struct erofs_xattr_entry { /* then the name without its prefix, the value, zeros up to 4 bytes */
	uint8_t name_size;
	uint8_t prefix;
	uint16_t value_size;
};
_Static_assert(sizeof(struct erofs_xattr_entry) == 4, "EROFS");

struct erofs_dirent {
	uint64_t nid;
	uint16_t name_offset; /* in this block */
	uint8_t type;
	uint8_t reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct erofs_dirent) == 12, "EROFS");

enum erofs_file_type {
	EROFS_TYPE_REGULAR = 1,
	EROFS_TYPE_DIRECTORY = 2,
	EROFS_TYPE_CHAR = 3,
	EROFS_TYPE_BLOCK = 4,
	EROFS_TYPE_FIFO = 5,
	EROFS_TYPE_SOCKET = 6,
	EROFS_TYPE_SYMLINK = 7,
};

/* The value of erofs_super.checksum. @block is the rest of the first block, from the superblock
 * on; the checksum in it counts as 0. */
uint32_t erofs_checksum(const uint8_t *block, uint32_t size);

#endif
