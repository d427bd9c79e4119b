/* Enclave images: building, opening and verifying one file `app.enclave` (abi/image.h).
 *
 * Functions return 0 or a negative errno and then say in @error what is wrong and where, in words
 * for the user. Nothing here prints, and nothing needs privilege. */
#ifndef IMAGE_IMAGE_H
#define IMAGE_IMAGE_H

#include "abi/image.h"
#include "base/span.h"
#include "image/config.h"
#include "image/error.h"
#include "image/sigstruct.h"

/* ---- building ---- */

enum image_source_kind {
	IMAGE_SOURCE_DIR,     /* @from: a directory, which becomes the root */
	IMAGE_SOURCE_PROGRAM, /* @from: a program with what it needs; @to: NULL, or its path */
	IMAGE_SOURCE_ADD,     /* @from: a file or tree, put at @to */
	IMAGE_SOURCE_OCI,     /* @from: LAYOUT[:REF] */
	IMAGE_SOURCE_DOCKER_ARCHIVE, /* @from: a file that `docker save` wrote */
};

struct image_source {
	enum image_source_kind kind;
	const char *from;
	const char *to;
};

struct image_build_options {
	const struct image_source *sources; /* laid over each other in this order */
	size_t source_count;
	const char *config_path;   /* NULL: none */
	const char *output_path;   /* replaced only by a complete image */
	const char *sign_key_path; /* NULL: the user's development key */
	const char *libos_path;    /* the LibOS for simulation */
	int64_t source_date_epoch; /* every time in the image; -1: files keep theirs */
};

/* What was built, for the user. */
struct image_build_result {
	uint64_t size; /* bytes */
	uint8_t image_digest[IMAGE_DIGEST_SIZE];
	uint8_t measurement[IMAGE_DIGEST_SIZE]; /* on simulation */
	uint8_t signer[IMAGE_DIGEST_SIZE];
	char *development_key; /* its path if it signed, else NULL; owned by the caller */
	bool development_key_is_new;
};

MUST_CHECK int image_build(const struct image_build_options *options,
	struct image_build_result *ret, struct image_error *error);

/* ---- opening ---- */

/* One platform's half of an image. */
struct image_platform_view {
	const struct image_section *libos; /* NULL: the image is not for this platform */
	const struct image_section *sigstruct;
	struct span libos_bytes; /* the ELF file */
	struct sgx_sigstruct signature;
	struct sigstruct_claims claims;    /* measurement and what the signer says of it */
	uint8_t signer[IMAGE_DIGEST_SIZE]; /* MRSIGNER */
};

#define IMAGE_PLATFORM_COUNT 4 /* index: enum image_platform; the first is unused */

/* An open image. Everything in it has been checked against the image digest, the measurements and
 * the signatures, except for the contents of ROOTFS and HASH_TREE: whoever reads those checks them
 * against sections' digest. Owned by image_open's caller. */
struct image {
	int fd; /* read only */
	struct image_superblock superblock;
	const struct image_section *config_section;
	const struct image_section *rootfs;
	const struct image_section *hash_tree;
	const struct image_section *sites;
	struct image_config config;
	struct buffer config_text; /* canonical JSON */
	struct buffer sites_bytes; /* abi/sites.h, checked */
	struct image_platform_view platforms[IMAGE_PLATFORM_COUNT];
	struct buffer libos_bytes[IMAGE_PLATFORM_COUNT];
};

/* Errors: -EBADMSG damaged or forged, -EPROTONOSUPPORT made for a newer Casemate, -EINVAL a bad
 * configuration, those of open(2) and read(2). */
MUST_CHECK int image_open(const char *path, struct image **ret, struct image_error *error);
/* The same; takes @fd, also on failure. @name names the file in errors. */
MUST_CHECK int image_open_fd(
	int fd, const char *name, struct image **ret, struct image_error *error);
void image_close(struct image *image);
void image_closep(struct image **image);

/* Check what image_open leaves: every block of ROOTFS against HASH_TREE, HASH_TREE against its
 * root, and that the gaps between sections are zero. */
MUST_CHECK int image_verify(const struct image *image, struct image_error *error);

/* Walk the file system as its reader will, checking every structure, and find the system-call
 * sites again and compare them. Call image_verify first. */
MUST_CHECK int image_verify_deep(const struct image *image, struct image_error *error);

const char *image_section_name(uint32_t kind);
const char *image_platform_name(uint32_t platform);

#endif
