/* OCI image layouts (image-layout.md of the OCI image specification). */
#include "image/container_source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/config.h"
#include "image/container_config.h"
#include "image/digest.h"
#include "image/file.h"
#include "image/layer.h"

#define INDEX_DEPTH_MAX 4
#define REF_ANNOTATION "org.opencontainers.image.ref.name"

/* A layout being read. */
struct oci {
	const char *directory;
	const char *ref; /* NULL: the only image */
	struct tree *tree;
	struct container_spool *spool;
	struct image_error *error;
};

void container_spool_done(struct container_spool *spool)
{
	if (spool->fd >= 0)
		close(spool->fd);
}

/* Open the blob that a descriptor names; its size is checked, its digest is the reader's to. */
static int open_blob(struct oci *oci, const json_t *descriptor, struct layer_region *ret,
	uint8_t ret_digest[IMAGE_DIGEST_SIZE])
{
	const char *digest = json_string_value(json_object_get(descriptor, "digest"));
	const json_t *size = json_object_get(descriptor, "size");
	char path[TREE_PATH_MAX], hex[2 * IMAGE_DIGEST_SIZE + 1];
	struct stat st;

	if (!container_digest_parse(digest, ret_digest) || !json_is_integer(size))
		return image_fail(
			oci->error, -EBADMSG, "a descriptor without a size or a SHA-256 digest");
	hex_encode(ret_digest, IMAGE_DIGEST_SIZE, hex);
	if (snprintf(path, sizeof(path), "%s/blobs/sha256/%s", oci->directory, hex) >=
		(int)sizeof(path))
		return image_fail_errno(oci->error, -ENAMETOOLONG, "%s", oci->directory);
	ret->offset = 0;
	ret->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (ret->fd < 0)
		return image_fail_errno(oci->error, -errno, "blobs/sha256/%s", hex);
	if (fstat(ret->fd, &st) == 0 && S_ISREG(st.st_mode) &&
		st.st_size == json_integer_value(size)) {
		ret->size = (uint64_t)st.st_size;
		return 0;
	}
	close(ret->fd);
	return image_fail(oci->error, -EBADMSG, "blobs/sha256/%s: not %lld bytes long", hex,
		(long long)json_integer_value(size));
}

static int read_blob_text(const struct layer_region *blob, const uint8_t *digest, const char *name,
	struct buffer *text, struct image_error *error)
{
	uint8_t value[IMAGE_DIGEST_SIZE];
	int r = 0;

	if (blob->size > CONTAINER_JSON_SIZE_MAX)
		return image_fail_errno(error, -EFBIG, "%s", name);
	r = buffer_resize(text, (size_t)blob->size);
	if (r == 0)
		r = file_read_at(blob->fd, text->data, text->size, 0);
	if (r == 0)
		r = digest_of(text->data, text->size, value);
	if (r < 0)
		return image_fail_errno(error, r, "%s", name);
	if (memcmp(value, digest, sizeof(value)))
		return image_fail(error, -EBADMSG, "%s: damaged (its digest is wrong)", name);
	return 0;
}

static int read_json(struct oci *oci, const json_t *descriptor, const char *name, json_t **ret)
{
	CLEANUP(buffer_done) struct buffer text = {0};
	uint8_t digest[IMAGE_DIGEST_SIZE];
	struct layer_region blob;
	int r = open_blob(oci, descriptor, &blob, digest);

	if (r < 0)
		return image_fail_in(oci->error, r, "%s", name);
	r = read_blob_text(&blob, digest, name, &text, oci->error);
	close(blob.fd);
	if (r < 0)
		return r;
	return container_json_parse((struct span){text.data, text.size}, name, ret, oci->error);
}

static bool is_for_us(const json_t *descriptor)
{
	const json_t *platform = json_object_get(descriptor, "platform");
	const char *os = json_string_value(json_object_get(platform, "os"));
	const char *cpu = json_string_value(json_object_get(platform, "architecture"));

	return !platform || (os && cpu && !strcmp(os, "linux") && !strcmp(cpu, "amd64"));
}

static const char *descriptor_ref(const json_t *descriptor)
{
	return json_string_value(
		json_object_get(json_object_get(descriptor, "annotations"), REF_ANNOTATION));
}

static int no_choice(struct oci *oci, const json_t *manifests, size_t found)
{
	char refs[512] = "";
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)manifests, i, item)
	{
		const char *ref = descriptor_ref(item);
		size_t used = strlen(refs);

		if (ref)
			snprintf(refs + used, sizeof(refs) - used, " %s", ref);
	}
	if (oci->ref)
		return image_fail(oci->error, -ENOENT,
			"no image \"%s\" for linux/amd64; there are:%s", oci->ref,
			*refs ? refs : " none with a name");
	return image_fail(oci->error, -EINVAL, "%s for linux/amd64%s%s",
		found ? "several images" : "no image", *refs ? "; name one, as in LAYOUT:REF:" : "",
		refs);
}

/* The one descriptor of an index that is meant. @by_ref: names count (in the outermost index). */
static int choose(struct oci *oci, const json_t *index, bool by_ref, const json_t **ret)
{
	const json_t *manifests = json_object_get(index, "manifests");
	const json_t *found = NULL;
	size_t i, count = 0;
	json_t *item;

	json_array_foreach((json_t *)manifests, i, item)
	{
		const char *ref = descriptor_ref(item);

		if (!is_for_us(item))
			continue;
		if (by_ref && oci->ref && (!ref || strcmp(ref, oci->ref)))
			continue;
		found = item;
		count++;
	}
	if (count != 1)
		return no_choice(oci, manifests, count);
	*ret = found;
	return 0;
}

/* From the index down to a manifest; indexes may lie in indexes (one image, many platforms). */
static int find_manifest(struct oci *oci, json_t *index, json_t **ret)
{
	json_t *document = json_incref(index);

	for (unsigned int depth = 0; json_object_get(document, "manifests"); depth++) {
		const json_t *descriptor = NULL;
		json_t *next = NULL;
		int r = depth < INDEX_DEPTH_MAX
				? choose(oci, document, depth == 0, &descriptor)
				: image_fail(oci->error, -EBADMSG, "indexes are nested too deep");

		if (r == 0)
			r = read_json(oci, descriptor, "manifest", &next);
		json_decref(document);
		if (r < 0)
			return r;
		document = next;
	}
	*ret = document;
	return 0;
}

static int apply_layer(
	struct oci *oci, const json_t *descriptor, const json_t *image_config, size_t index)
{
	uint8_t digest[IMAGE_DIGEST_SIZE], diff_id[IMAGE_DIGEST_SIZE];
	struct layer_options options = {.whiteouts = true, .digest = digest, .diff_id = diff_id};
	struct layer_region blob;
	int r = container_diff_id(image_config, index, diff_id, oci->error);

	if (r == 0)
		r = open_blob(oci, descriptor, &blob, digest);
	if (r < 0)
		return image_fail_in(oci->error, r, "layer %zu", index + 1);
	r = layer_apply(oci->tree, blob, &options, oci->spool, oci->error);
	close(blob.fd);
	return r < 0 ? image_fail_in(oci->error, r, "layer %zu", index + 1) : 0;
}

static int apply_manifest(struct oci *oci, const json_t *manifest, json_t *config)
{
	CLEANUP(config_json_freep) json_t *image_config = NULL;
	const json_t *layers = json_object_get(manifest, "layers");
	json_t *layer;
	size_t i;
	int r;

	if (!json_is_array(layers) || json_array_size(layers) > CONTAINER_LAYER_COUNT_MAX)
		return image_fail(oci->error, -EBADMSG, "manifest: no list of layers");
	r = read_json(
		oci, json_object_get(manifest, "config"), "image configuration", &image_config);
	if (r < 0)
		return r;
	json_array_foreach((json_t *)layers, i, layer)
	{
		r = apply_layer(oci, layer, image_config, i);
		if (r < 0)
			return r;
	}
	return container_config_take(image_config, config, oci->error);
}

static int add_layout(struct oci *oci, json_t *config)
{
	CLEANUP(config_json_freep) json_t *index = NULL, *manifest = NULL;
	CLEANUP(buffer_done) struct buffer text = {0};
	CLEANUP(freep) char *path = NULL;
	int r;

	if (asprintf(&path, "%s/index.json", oci->directory) < 0)
		return image_fail_errno(oci->error, -ENOMEM, "%s", oci->directory);
	r = file_read(path, CONTAINER_JSON_SIZE_MAX, &text, oci->error);
	if (r == 0)
		r = container_json_parse(
			(struct span){text.data, text.size}, "index.json", &index, oci->error);
	if (r == 0)
		r = find_manifest(oci, index, &manifest);
	return r < 0 ? r : apply_manifest(oci, manifest, config);
}

int container_add_oci(struct tree *tree, const char *layout, struct container_spool *spool,
	json_t *config, struct image_error *error)
{
	struct oci oci = {.tree = tree, .spool = spool, .error = error};
	CLEANUP(freep) char *directory = strdup(layout);
	struct stat st;

	if (!directory)
		return image_fail_errno(error, -ENOMEM, "%s", layout);
	oci.directory = directory;
	/* A directory may have a colon in its name; a reference may, too (name:tag). */
	for (char *colon = directory; stat(directory, &st) < 0 && colon;) {
		if (oci.ref)
			*colon++ = ':';
		colon = strchr(colon, ':');
		if (!colon)
			break;
		*colon = '\0';
		oci.ref = colon + 1;
	}
	if (stat(directory, &st) < 0)
		return image_fail_errno(error, -errno, "no such layout");
	return add_layout(&oci, config);
}
