/* Reads the root file system of an image, as foreign bytes: every structure is checked. */
#ifndef IMAGE_ROOTFS_WALK_H
#define IMAGE_ROOTFS_WALK_H

#include "base/span.h"
#include "image/error.h"

/* One file, directory or other inode. */
struct rootfs_file {
	const char *path; /* its first name, from the root on; "" for the root */
	uint64_t nid;
	uint32_t mode;    /* as st_mode */
	struct span data; /* contents, link target or directory; in the file system's bytes */
};

/* A negative answer ends the walk and is returned. */
typedef int rootfs_visit_fn(
	void *context, const struct rootfs_file *file, struct image_error *error);

/* Call @visit once for every inode, directories before what they hold, in sorted order.
 * -EBADMSG: not as abi/SPEC.md wants it; the error names the file and what is wrong with it. */
MUST_CHECK int rootfs_walk(
	struct span rootfs, rootfs_visit_fn *visit, void *context, struct image_error *error);

#endif
