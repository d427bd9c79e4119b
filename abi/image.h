/* The enclave image: one file, `app.enclave`, that every platform runs. abi/SPEC.md has the format
 * to the bit; this header is the same in C. All integers little-endian, all reserved bytes zero,
 * every section starts at a multiple of IMAGE_BLOCK_SIZE, sections do not overlap, the gaps are
 * zero, and the file ends where the last section's last block does. */
#ifndef ABI_IMAGE_H
#define ABI_IMAGE_H

#include <stdint.h>

#define IMAGE_MAGIC "CASEMATE" /* 8 bytes, no NUL */
#define IMAGE_VERSION 1
#define IMAGE_BLOCK_SIZE 4096
#define IMAGE_SECTION_COUNT_MAX 24
#define IMAGE_CONFIG_SIZE_MAX (1 << 20)
#define IMAGE_DIGEST_SIZE 32 /* SHA-256 */

enum image_section_kind {
	IMAGE_SECTION_NONE = 0,
	IMAGE_SECTION_CONFIG = 1,       /* canonical JSON: sorted keys, no white space */
	IMAGE_SECTION_ROOTFS = 2,       /* an EROFS file system, 4096-byte blocks, uncompressed */
	IMAGE_SECTION_HASH_TREE = 3,    /* SHA-256 Merkle tree over ROOTFS's blocks */
	IMAGE_SECTION_SITES = 4,        /* abi/sites.h: where the programs' system calls are */
	IMAGE_SECTION_LIBOS = 5,        /* the LibOS's ELF file for one platform */
	IMAGE_SECTION_SIGSTRUCT = 6,    /* SGX SIGSTRUCT (1808 bytes) for one platform */
	IMAGE_SECTION_KEY_ENVELOPE = 7, /* reserved: how the key of an encrypted ROOTFS is had */
};

enum image_platform {
	IMAGE_PLATFORM_ANY = 0, /* sections that every platform shares */
	IMAGE_PLATFORM_SIMULATION = 1,
	IMAGE_PLATFORM_HYPERVISOR = 2,
	IMAGE_PLATFORM_SGX = 3,
};

/* What is measured is the digest: the SHA-256 of the section's bytes; for ROOTFS it is the root of
 * the hash tree; for HASH_TREE it is zero (the tree is checked by use). */
struct image_section {
	uint32_t kind;
	uint32_t platform;
	uint64_t offset; /* bytes from the start of the file */
	uint64_t size;   /* bytes, without the padding to the next block */
	uint64_t reserved;
	uint8_t digest[IMAGE_DIGEST_SIZE];
};
_Static_assert(sizeof(struct image_section) == 64, "ABI");

/* The first block of the file.
 * image_digest = SHA-256 of, in this order, the 64-byte section entries of CONFIG, ROOTFS,
 * HASH_TREE and SITES with their offsets set to 0: what runs, whatever runs it.
 * checksum = SHA-256 of the block's first 4064 bytes: tells damage from forgery, no more. */
struct image_superblock {
	uint8_t magic[8];
	uint32_t version;
	uint32_t section_count;
	uint64_t file_size; /* bytes; a multiple of IMAGE_BLOCK_SIZE */
	uint64_t flags;     /* none defined: 0. An unknown flag is an error. */
	uint8_t image_digest[IMAGE_DIGEST_SIZE];
	struct image_section sections[IMAGE_SECTION_COUNT_MAX];
	uint8_t reserved[2464];
	uint8_t checksum[IMAGE_DIGEST_SIZE];
};
_Static_assert(sizeof(struct image_superblock) == IMAGE_BLOCK_SIZE, "ABI");

/* The hash tree: level 0 holds the SHA-256 of each ROOTFS block (the last one zero-padded), 128 to
 * a block; level n + 1 holds the SHA-256 of each block of level n; a level's last block is
 * zero-padded; the first level of one block is the top, and its SHA-256 is the root. Levels are
 * stored from the top down, so that the top is the section's first block. A ROOTFS of one block
 * has one level. */
#define IMAGE_HASHES_PER_BLOCK (IMAGE_BLOCK_SIZE / IMAGE_DIGEST_SIZE)

#endif
