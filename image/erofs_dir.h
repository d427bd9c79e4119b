/* The contents of a directory of EROFS: its names in sorted order, in blocks of their own. */
#ifndef IMAGE_EROFS_DIR_H
#define IMAGE_EROFS_DIR_H

#include "image/tree.h"

/* Set @dir's content.size: full blocks, and what the last one holds. -ENOMEM. */
MUST_CHECK int erofs_dir_measure(struct tree_inode *dir);

/* Write the contents; all nids are known.
 * @to  zeros, as long as was measured
 * -ENOMEM. */
MUST_CHECK int erofs_dir_write(const struct tree_inode *dir, uint8_t *to);

#endif
