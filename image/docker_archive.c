/* What `docker save`, `podman save` and skopeo's docker-archive write: a tar archive of layers (tar
 * archives again) with a manifest.json. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "image/config.h"
#include "image/container_config.h"
#include "image/container_source.h"
#include "image/digest.h"
#include "image/file.h"
#include "image/layer.h"

/* An archive taken apart: its members in a tree of their own, their bytes in the spool. */
struct docker_archive {
	struct tree members;
	struct tree *tree;
	struct container_spool *spool;
	struct image_error *error;
};

static void docker_archive_done(struct docker_archive *archive)
{
	tree_done(&archive->members);
}

static int open_members(struct docker_archive *archive, const char *path)
{
	static const struct layer_options options = {.whiteouts = false};
	CLEANUP(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return image_fail_errno(archive->error, -errno, "can't be opened");
	if (!S_ISREG(st.st_mode))
		return image_fail(archive->error, -EINVAL, "not a regular file");
	if (tree_init(&archive->members) < 0)
		return image_fail_errno(archive->error, -ENOMEM, "archive");
	return layer_apply(&archive->members,
		(struct layer_region){.fd = fd, .size = (uint64_t)st.st_size}, &options,
		archive->spool, archive->error);
}

/* Old archives hold equal layers once and symbolic links to them. */
static int find_member(
	struct docker_archive *archive, const char *name, const struct tree_content **ret)
{
	struct tree_inode *inode;

	if (!name)
		return image_fail(archive->error, -EBADMSG, "manifest.json: a file has no name");
	if (tree_find(&archive->members, name, true, &inode) < 0 || !S_ISREG(inode->mode))
		return image_fail(archive->error, -EBADMSG, "%s is not in the archive", name);
	*ret = &inode->content;
	return 0;
}

static int read_member(struct docker_archive *archive, const char *name, struct buffer *ret)
{
	const struct tree_content *content;
	int r = find_member(archive, name, &content);

	if (r < 0)
		return r;
	if (content->size > CONTAINER_JSON_SIZE_MAX)
		return image_fail_errno(archive->error, -EFBIG, "%s", name);
	if (buffer_resize(ret, (size_t)content->size) < 0)
		return image_fail_errno(archive->error, -ENOMEM, "%s", name);
	return tree_content_read(content, 0, ret->data, ret->size, archive->error);
}

static int read_manifest(struct docker_archive *archive, json_t **ret)
{
	CLEANUP(buffer_done) struct buffer text = {0};
	int r = read_member(archive, "manifest.json", &text);

	if (r < 0)
		return r;
	r = container_json_parse(
		(struct span){text.data, text.size}, "manifest.json", ret, archive->error);
	if (r == 0 && json_array_size(*ret) != 1)
		return image_fail(archive->error, -EINVAL,
			"manifest.json: %zu images in one archive; save the one that is meant",
			json_array_size(*ret));
	return r;
}

/* The configuration's file is named after its digest: <hex>.json, or blobs/sha256/<hex>. */
static int check_config_name(
	struct docker_archive *archive, const char *name, const struct buffer *text)
{
	uint8_t expected[IMAGE_DIGEST_SIZE], value[IMAGE_DIGEST_SIZE];
	char hex[2 * IMAGE_DIGEST_SIZE + 1];
	const char *slash = strrchr(name, '/');
	int r;

	strncpy(hex, slash ? slash + 1 : name, sizeof(hex) - 1);
	hex[sizeof(hex) - 1] = '\0';
	if (!hex_decode(hex, expected, sizeof(expected)))
		return image_fail(
			archive->error, -EBADMSG, "%s: its name does not tell its digest", name);
	r = digest_of(text->data, text->size, value);
	if (r < 0)
		return image_fail_errno(archive->error, r, "%s", name);
	if (memcmp(value, expected, sizeof(value)))
		return image_fail(
			archive->error, -EBADMSG, "%s: damaged (its digest is wrong)", name);
	return 0;
}

static int read_config(struct docker_archive *archive, const json_t *image, json_t **ret)
{
	const char *name = json_string_value(json_object_get(image, "Config"));
	CLEANUP(buffer_done) struct buffer text = {0};
	int r = read_member(archive, name, &text);

	if (r == 0)
		r = check_config_name(archive, name, &text);
	if (r < 0)
		return r;
	return container_json_parse((struct span){text.data, text.size}, name, ret, archive->error);
}

static int apply_member(
	struct docker_archive *archive, const char *name, const json_t *config, size_t index)
{
	uint8_t diff_id[IMAGE_DIGEST_SIZE];
	struct layer_options options = {.whiteouts = true, .diff_id = diff_id};
	const struct tree_content *content;
	int r = find_member(archive, name, &content);

	if (r == 0)
		r = container_diff_id(config, index, diff_id, archive->error);
	if (r < 0)
		return r;
	r = layer_apply(archive->tree,
		(struct layer_region){content->fd, content->offset, content->size}, &options,
		archive->spool, archive->error);
	return r < 0 ? image_fail_in(archive->error, r, "%s", name) : 0;
}

int container_add_docker_archive(struct tree *tree, const char *path, struct container_spool *spool,
	json_t *config, struct image_error *error)
{
	CLEANUP(docker_archive_done)
	struct docker_archive archive = {.tree = tree, .spool = spool, .error = error};
	CLEANUP(config_json_freep) json_t *manifest = NULL, *image_config = NULL;
	const json_t *layers;
	json_t *layer;
	size_t i;
	int r = open_members(&archive, path);

	if (r == 0)
		r = read_manifest(&archive, &manifest);
	if (r == 0)
		r = read_config(&archive, json_array_get(manifest, 0), &image_config);
	if (r < 0)
		return r;
	layers = json_object_get(json_array_get(manifest, 0), "Layers");
	if (json_array_size(layers) > CONTAINER_LAYER_COUNT_MAX)
		return image_fail(error, -EBADMSG, "manifest.json: too many layers");
	json_array_foreach((json_t *)layers, i, layer)
	{
		r = apply_member(&archive, json_string_value(layer), image_config, i);
		if (r < 0)
			return r;
	}
	return container_config_take(image_config, config, error);
}
