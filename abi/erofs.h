/* EROFS on disk, as far as we read and write it. Source: Linux,
 * Documentation/filesystems/erofs.rst, and erofs-docs, "Core on-disk format". All integers
 * little-endian. */
#ifndef ABI_EROFS_H
#define ABI_EROFS_H

#include <stdint.h>

#define EROFS_BLOCK_BITS 12
#define EROFS_BLOCK_SIZE 4096
#define EROFS_SUPER_OFFSET 1024
#define EROFS_SUPER_MAGIC 0xe0f5e1e2U
#define EROFS_SLOT_BITS 5 /* an inode starts at a multiple of 32 bytes */
#define EROFS_SLOT_SIZE (1 << EROFS_SLOT_BITS)

#define EROFS_FEATURE_COMPAT_CHECKSUM 0x1
#define EROFS_FEATURE_COMPAT_MTIME 0x2

/* Features without which an image can't be read. ZERO_PADDING concerns compressed data only, and
 * mkfs sets it always. */
enum erofs_feature_incompat {
	EROFS_FEATURE_ZERO_PADDING = 0x1,
	EROFS_FEATURE_COMPRESSION_CONFIG = 0x2,
	EROFS_FEATURE_CHUNKED_FILE = 0x4,
	EROFS_FEATURE_DEVICE_TABLE = 0x8,
};

struct erofs_super_disk {
	uint32_t magic;
	/* CRC-32C of the block from here's start, this field 0, not inverted. The LibOS does not
	 * read it: the image is authenticated as a whole. */
	uint32_t checksum;
	uint32_t feature_compat;
	uint8_t block_bits;
	uint8_t extra_slots;
	uint16_t root_nid;
	uint64_t inode_count;
	uint64_t build_time; /* the time of compact inodes */
	uint32_t build_time_nsec;
	uint32_t block_count;
	uint32_t meta_block;  /* nids count from here */
	uint32_t xattr_block; /* shared attributes count from here */
	uint8_t uuid[16];
	uint8_t volume_name[16];
	uint32_t feature_incompat;
	uint16_t compression;
	uint16_t extra_devices;
	uint16_t device_slot;
	uint8_t directory_block_bits;
	uint8_t xattr_prefix_count;
	uint32_t xattr_prefix_start;
	uint64_t packed_nid;
	uint8_t reserved[24];
};
_Static_assert(sizeof(struct erofs_super_disk) == 128, "ABI");

/* An inode's format: bit 0 the version (0 compact, 1 extended), bits 1 to 3 the layout. */
#define EROFS_FORMAT_EXTENDED 0x1
#define EROFS_FORMAT_LAYOUT_SHIFT 1
#define EROFS_FORMAT_LAYOUT(format) ((format) >> EROFS_FORMAT_LAYOUT_SHIFT & 7)
#define EROFS_FORMAT_KNOWN 0xf

enum erofs_layout {
	EROFS_LAYOUT_FLAT_PLAIN = 0,
	EROFS_LAYOUT_COMPRESSED_FULL = 1,
	EROFS_LAYOUT_FLAT_INLINE = 2,
	EROFS_LAYOUT_COMPRESSED_COMPACT = 3,
	EROFS_LAYOUT_CHUNK = 4,
};

struct erofs_inode_compact {
	uint16_t format;
	uint16_t xattr_count;
	uint16_t mode;
	uint16_t nlink;
	uint32_t size;
	uint32_t reserved;
	uint32_t data; /* first block, device number, or chunk format */
	uint32_t ino;
	uint16_t uid;
	uint16_t gid;
	uint32_t reserved2;
};
_Static_assert(sizeof(struct erofs_inode_compact) == 32, "ABI");

struct erofs_inode_extended {
	uint16_t format;
	uint16_t xattr_count;
	uint16_t mode;
	uint16_t reserved;
	uint64_t size;
	uint32_t data;
	uint32_t ino;
	uint32_t uid;
	uint32_t gid;
	uint64_t mtime;
	uint32_t mtime_nsec;
	uint32_t nlink;
	uint8_t reserved2[16];
};
_Static_assert(sizeof(struct erofs_inode_extended) == 64, "ABI");

/* Of a chunked inode's @data: bits 0 to 4 log2 of the blocks in a chunk; bit 5 set: 8-byte indexes,
 * clear: a map of 4-byte block numbers. */
#define EROFS_CHUNK_BITS 0x1f
#define EROFS_CHUNK_INDEXES 0x20
#define EROFS_CHUNK_KNOWN 0x3f
#define EROFS_CHUNK_HOLE 0xffffffffU

struct erofs_chunk_index {
	uint16_t advise;
	uint16_t device;
	uint32_t block;
};
_Static_assert(sizeof(struct erofs_chunk_index) == 8, "ABI");

/* A directory block: entries sorted by name (as bytes), then the names. The first entry's
 * @name_offset is where the entries end; a name ends where the next one begins, the last one at the
 * end of the block or at a NUL. */
struct erofs_dirent {
	uint64_t nid;
	uint16_t name_offset;
	uint8_t type;
	uint8_t reserved;
} __attribute__((packed));
_Static_assert(sizeof(struct erofs_dirent) == 12, "ABI");

enum erofs_file_type {
	EROFS_TYPE_UNKNOWN = 0,
	EROFS_TYPE_FILE = 1,
	EROFS_TYPE_DIRECTORY = 2,
	EROFS_TYPE_CHARACTER = 3,
	EROFS_TYPE_BLOCK = 4,
	EROFS_TYPE_FIFO = 5,
	EROFS_TYPE_SOCKET = 6,
	EROFS_TYPE_SYMLINK = 7,
};

/* After an inode whose @xattr_count is n > 0: this header, @shared_count numbers of shared
 * attributes (in units of 4 bytes from xattr_block), then inline attributes, in 12 + 4 * (n - 1)
 * bytes together. */
struct erofs_xattr_header {
	uint32_t name_filter;
	uint8_t shared_count;
	uint8_t reserved[7];
};
_Static_assert(sizeof(struct erofs_xattr_header) == 12, "ABI");

/* Then the name without its prefix, the value, and zeros to a multiple of 4 bytes. */
struct erofs_xattr_entry {
	uint8_t name_size;
	uint8_t prefix;
	uint16_t value_size;
};
_Static_assert(sizeof(struct erofs_xattr_entry) == 4, "ABI");

enum erofs_xattr_prefix {
	EROFS_XATTR_USER = 1,
	EROFS_XATTR_ACL_ACCESS = 2,
	EROFS_XATTR_ACL_DEFAULT = 3,
	EROFS_XATTR_TRUSTED = 4,
	EROFS_XATTR_LUSTRE = 5,
	EROFS_XATTR_SECURITY = 6,
};

#endif
