/* Files of the host into a tree. An ordinary user does this, so what is added belongs to 0:0, as
 * with `COPY` in a Dockerfile; modes, times, user.* attributes and capabilities are kept. */
#ifndef IMAGE_HOST_SOURCE_H
#define IMAGE_HOST_SOURCE_H

#include "image/tree.h"

/* A new inode like the host's @path (not followed); directories are empty. Contents stay on the
 * host until the tree is written. -EOPNOTSUPP: a socket, which no image can hold. */
MUST_CHECK int host_inode_new(struct tree *tree, const char *path, const struct stat *st,
	struct tree_inode **ret, struct image_error *error);

/* Lay a file or directory over the tree at @to (absolute). A symbolic link @from is followed, those
 * below it are kept. Where the tree has a link to a directory and the host has a directory, the
 * link stays and is followed, within the tree. Sockets are left out.
 * @to    "/" takes what is in a directory and leaves the root's mode; a file whose @to ends with
 * "/" keeps its name
 * @skip  a file that is left out, such as the image that is being replaced; may be NULL */
MUST_CHECK int host_add(struct tree *tree, const char *from, const char *to,
	const struct stat *skip, struct image_error *error);

#endif
