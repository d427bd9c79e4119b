/* The SITES section (abi/sites.h) of an image, read and verified by image_section_read(). */
#ifndef LIBOS_IMAGE_SITES_H
#define LIBOS_IMAGE_SITES_H

#include "abi/sites.h"
#include "base/span.h"

struct image_sites {
	const struct sites_file *files;
	const struct site *sites;
	uint32_t file_count, site_count;
};

/* Check the whole section: counts that fill it to the byte, files sorted by nid, each one's sites
 * inside the array and sorted by offset, known kinds. @section must outlive @ret and be aligned
 * to 8. -EBADMSG: it is not so, and *ret_what (may be NULL) is a constant string that says how. */
int image_sites_open(
	struct image_sites *ret, struct span section, const char **ret_what) MUST_CHECK;

/* The sites of the file with that inode number, sorted; NULL and 0 where it has none. */
const struct site *image_sites_find(
	const struct image_sites *sites, uint64_t nid, uint32_t *ret_count);

#endif
