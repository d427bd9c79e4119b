/* The section that tells where the programs' system calls are (abi/sites.h). */
#ifndef IMAGE_SITES_SECTION_H
#define IMAGE_SITES_SECTION_H

#include "abi/sites.h"
#include "base/span.h"
#include "image/buffer.h"
#include "image/error.h"

/* Find the sites of every ELF executable and shared object of an EROFS file system, whose every
 * structure is checked on the way (image/rootfs_walk.h).
 * @ret  owned by the caller */
MUST_CHECK int image_sites_section(
	struct span rootfs, struct buffer *ret, struct image_error *error);

/* Order, bounds, kinds. -EBADMSG: the error says what is wrong. */
MUST_CHECK int sites_section_check(struct span section, struct image_error *error);

#endif
