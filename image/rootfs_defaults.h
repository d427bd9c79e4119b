/* What every root file system needs and a source may lack, and the names of its users. */
#ifndef IMAGE_ROOTFS_DEFAULTS_H
#define IMAGE_ROOTFS_DEFAULTS_H

#include <jansson.h>

#include "image/tree.h"

/* Add the directories and small files of /etc that are missing. */
MUST_CHECK int rootfs_add_defaults(struct tree *tree, struct image_error *error);

/* Replace the configuration's User by numbers, looked up in the tree's /etc/passwd and group. A
 * user without a group gets that of /etc/passwd, or 0. -ENOENT: no such name. */
MUST_CHECK int rootfs_resolve_user(
	const struct tree *tree, json_t *config, struct image_error *error);

#endif
