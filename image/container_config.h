/* The JSON documents of container images. */
#ifndef IMAGE_CONTAINER_CONFIG_H
#define IMAGE_CONTAINER_CONFIG_H

#include <jansson.h>

#include "abi/image.h"
#include "base/span.h"
#include "image/error.h"

#define CONTAINER_JSON_SIZE_MAX (4u << 20)
#define CONTAINER_LAYER_COUNT_MAX 1024

/* @name says in errors what the document is. -EBADMSG: not JSON. */
MUST_CHECK int container_json_parse(
	struct span text, const char *name, json_t **ret, struct image_error *error);

/* "sha256:" and 64 hexadecimal digits; false: anything else. */
bool container_digest_parse(const char *text, uint8_t ret_digest[IMAGE_DIGEST_SIZE]);

/* The uncompressed digest of layer @index of an image configuration; -EBADMSG: none. */
MUST_CHECK int container_diff_id(const json_t *image_config, size_t index,
	uint8_t ret_digest[IMAGE_DIGEST_SIZE], struct image_error *error);

/* Take Entrypoint, Cmd, Env, WorkingDir and User over to @config.
 * -EBADMSG: made for another processor or system, or of a wrong type. */
MUST_CHECK int container_config_take(
	const json_t *image_config, json_t *config, struct image_error *error);

#endif
