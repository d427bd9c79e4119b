#include "image/container_config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "image/config.h"
#include "image/file.h"

int container_json_parse(
	struct span text, const char *name, json_t **ret, struct image_error *error)
{
	json_error_t why;

	if (!text.size)
		return image_fail(error, -EBADMSG, "%s: empty", name);
	*ret = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &why);
	if (!*ret)
		return image_fail(error, -EBADMSG, "%s: line %d: %s", name, why.line, why.text);
	return 0;
}

bool container_digest_parse(const char *text, uint8_t ret_digest[IMAGE_DIGEST_SIZE])
{
	static const char prefix[] = "sha256:";

	return text && !strncmp(text, prefix, strlen(prefix)) &&
	       hex_decode(text + strlen(prefix), ret_digest, IMAGE_DIGEST_SIZE);
}

int container_diff_id(const json_t *image_config, size_t index,
	uint8_t ret_digest[IMAGE_DIGEST_SIZE], struct image_error *error)
{
	const json_t *rootfs = json_object_get(image_config, "rootfs");
	const json_t *ids = json_object_get(rootfs, "diff_ids");

	if (!container_digest_parse(json_string_value(json_array_get(ids, index)), ret_digest))
		return image_fail(error, -EBADMSG,
			"image configuration: no SHA-256 diff_id for layer %zu", index + 1);
	return 0;
}

static int check_platform(const json_t *image_config, struct image_error *error)
{
	const char *os = json_string_value(json_object_get(image_config, "os"));
	const char *cpu = json_string_value(json_object_get(image_config, "architecture"));

	if (os && strcmp(os, "linux"))
		return image_fail(error, -EBADMSG, "the image is for %s, not linux", os);
	if (cpu && strcmp(cpu, "amd64"))
		return image_fail(error, -EBADMSG, "the image is for %s, not amd64", cpu);
	return 0;
}

/* An absent or empty value means the default, and is left out. */
static bool is_empty(const json_t *value)
{
	return !value || json_is_null(value) ||
	       (json_is_string(value) && !json_string_length(value)) ||
	       (json_is_array(value) && !json_array_size(value));
}

/* A relative working directory is relative to the root, as container runtimes take it. */
static json_t *working_dir(json_t *value)
{
	const char *text = json_string_value(value);

	return text && *text != '/' ? json_sprintf("/%s", text) : json_incref(value);
}

/* What an image says it serves may be published: {"80/tcp": {}} as ["80/tcp"]. */
static json_t *exposed_ports(json_t *value)
{
	json_t *ports = json_array(), *ignored;
	const char *port;

	json_object_foreach(value, port, ignored)
	{
		if (json_array_append_new(ports, json_string(port)) < 0) {
			json_decref(ports);
			return NULL;
		}
	}
	return ports;
}

static int take_ports(const json_t *from, json_t *taken)
{
	json_t *value = json_object_get(from, "ExposedPorts");

	if (!json_object_size(value))
		return 0;
	return json_object_set_new(taken, "AllowPorts", exposed_ports(value));
}

int container_config_take(const json_t *image_config, json_t *config, struct image_error *error)
{
	static const char *const keys[] = {"Entrypoint", "Cmd", "Env", "WorkingDir", "User"};
	const json_t *from = json_object_get(image_config, "config");
	CLEANUP(config_json_freep) json_t *taken = json_object();
	int r = check_platform(image_config, error);

	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		json_t *value = json_object_get(from, keys[i]);

		if (is_empty(value))
			continue;
		value = strcmp(keys[i], "WorkingDir") ? json_incref(value) : working_dir(value);
		if (json_object_set_new(taken, keys[i], value) < 0)
			return image_fail_errno(error, -ENOMEM, "image configuration");
	}
	if (take_ports(from, taken) < 0)
		return image_fail_errno(error, -ENOMEM, "image configuration");
	if (config_check(taken, "image configuration", error) < 0)
		return -EBADMSG;
	r = config_merge(config, taken);
	return r < 0 ? image_fail_errno(error, r, "image configuration") : 0;
}
