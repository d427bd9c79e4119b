#include "image/container_source.h"

#include <errno.h>

#include "image/file.h"

void container_spool_done(struct container_spool *spool)
{
	if (spool->fd >= 0)
		close(spool->fd);
}

int container_add_oci(struct tree *tree, const char *layout, struct container_spool *spool,
	json_t *config, struct image_error *error)
{
	(void)tree;
	(void)layout;
	(void)spool;
	(void)config;
	return image_fail_errno(error, -EOPNOTSUPP, "not built in");
}

int container_add_docker_archive(struct tree *tree, const char *path, struct container_spool *spool,
	json_t *config, struct image_error *error)
{
	(void)tree;
	(void)path;
	(void)spool;
	(void)config;
	return image_fail_errno(error, -EOPNOTSUPP, "not built in");
}
