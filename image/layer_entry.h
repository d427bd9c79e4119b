/* One entry of a layer's tar archive. */
#ifndef IMAGE_LAYER_ENTRY_H
#define IMAGE_LAYER_ENTRY_H

#include <archive.h>
#include <archive_entry.h>

#include "image/container_source.h"

/* -EBADMSG: a name or link that leads out of the root, or what no file system holds. */
MUST_CHECK int layer_entry_apply(struct tree *tree, struct archive *archive,
	struct archive_entry *entry, bool whiteouts, struct container_spool *spool,
	struct image_error *error);

#endif
