/* Container images into a tree: OCI layouts and the archives of `docker save`. Their bytes are
 * hostile: digests are checked, and no name or link in them leads out of the tree. */
#ifndef IMAGE_CONTAINER_SOURCE_H
#define IMAGE_CONTAINER_SOURCE_H

#include <jansson.h>

#include "image/tree.h"

/* A file without a name that holds the contents of archives until the tree is written. */
struct container_spool {
	int fd; /* -1: not open yet */
	uint64_t size;
};

void container_spool_done(struct container_spool *spool);

/* @layout  LAYOUT[:REF], a directory and a reference in its index
 * @config  gets Entrypoint, Cmd, Env, WorkingDir and User */
MUST_CHECK int container_add_oci(struct tree *tree, const char *layout,
	struct container_spool *spool, json_t *config, struct image_error *error);

/* @path  the archive, possibly compressed, of one image */
MUST_CHECK int container_add_docker_archive(struct tree *tree, const char *path,
	struct container_spool *spool, json_t *config, struct image_error *error);

#endif
