/* The system-call sites of an image's programs, found at build time by decoding them, so that the
 * LibOS need not decode at load. Part of the image (IMAGE_SECTION_SITES) and measured with it.
 *
 *	struct sites_header
 *	struct sites_file   [file_count]   sorted by nid
 *	struct site         [site_count]   each file's run sorted by offset
 */
#ifndef ABI_SITES_H
#define ABI_SITES_H

#include <stdint.h>

#define SITES_MAGIC 0x53455449 /* "ITES" */
#define SITES_VERSION 1

struct sites_header {
	uint32_t magic;
	uint32_t version;
	uint32_t file_count;
	uint32_t site_count;
};
_Static_assert(sizeof(struct sites_header) == 16, "ABI");

/* One executable file that has sites. */
struct sites_file {
	uint64_t nid;        /* its EROFS inode number */
	uint32_t first_site; /* index into the array of sites */
	uint32_t site_count;
};
_Static_assert(sizeof(struct sites_file) == 16, "ABI");

enum site_kind {
	/* `mov $nr,%eax` (5 bytes, b8 imm32) right before the `syscall`: the mov is replaced by
	 * a jmp rel32, the `syscall` stays in place. @offset is the mov's. */
	SITE_MOV = 1,
	/* `syscall` and at least 3 bytes of whole, position-independent instructions after it,
	 * none of them the target of a jump: the first 5 bytes are replaced by jmp rel32.
	 * @offset is the syscall's; @displaced is how many bytes after the syscall are moved to
	 * the trampoline (3..16). */
	SITE_AFTER = 2,
	/* Straight-line position-independent instructions before the `syscall`, with it at least 5
	 * bytes; nothing jumps to the syscall or to any of them but the first, where the patch
	 * begins. @offset is the first one's, @displaced the bytes moved before the syscall
	 * (3..16). */
	SITE_BEFORE = 3,
};

struct site {
	uint32_t offset; /* bytes from the start of the file */
	uint8_t kind;
	uint8_t displaced;
	uint16_t reserved;
};
_Static_assert(sizeof(struct site) == 8, "ABI");

#endif
