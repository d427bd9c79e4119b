/* A file of the host, put into a tree at the same path, with the symbolic links that lead to it. */
#ifndef IMAGE_HOST_PATH_H
#define IMAGE_HOST_PATH_H

#include "image/tree.h"

/* @path     absolute
 * @keep     what the tree has there already stays
 * @ret_real the path without links, on the host; owned by the caller; may be NULL */
MUST_CHECK int host_path_add(
	struct tree *tree, const char *path, bool keep, char **ret_real, struct image_error *error);

/* Where the host's /bin, /lib and the like are links (a merged /usr), make the same links, so that
 * the paths that scripts and programs hold are good. */
MUST_CHECK int host_path_add_merged_usr(struct tree *tree, struct image_error *error);

#endif
