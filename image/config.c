#include "image/config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "abi/image.h"
#include "image/config_check.h"

void config_json_freep(json_t **json)
{
	json_decref(*json);
}

void image_config_done(struct image_config *config)
{
	strings_done(&config->entrypoint);
	strings_done(&config->cmd);
	strings_done(&config->env);
	free(config->working_dir);
	free(config->hostname);
	strings_done(&config->allow_env);
	for (size_t i = 0; i < config->allow_mount_count; i++)
		free(config->allow_mounts[i].target);
	free(config->allow_mounts);
	strings_done(&config->allow_ports);
	strings_done(&config->nameservers);
	*config = (struct image_config){0};
}

int config_parse(struct span text, const char *name, json_t **ret, struct image_error *error)
{
	CLEANUP(config_json_freep) json_t *json = NULL;
	json_error_t why;
	int r;

	if (text.size > IMAGE_CONFIG_SIZE_MAX)
		return image_fail(
			error, -EINVAL, "%s: larger than %u bytes", name, IMAGE_CONFIG_SIZE_MAX);
	if (!text.size)
		return image_fail(error, -EINVAL, "%s: empty; {} is a configuration", name);
	json = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, &why);
	if (!json)
		return image_fail(error, -EINVAL, "%s: line %d: %s", name, why.line, why.text);
	r = config_check(json, name, error);
	if (r == 0)
		*ret = TAKE(json);
	return r;
}

int config_merge(json_t *base, json_t *over)
{
	const char *key;
	json_t *value;

	if (json_object_get(over, "Entrypoint"))
		json_object_del(base, "Cmd");
	json_object_foreach(over, key, value)
	{
		if (json_object_set(base, key, value) < 0)
			return -ENOMEM;
	}
	return 0;
}

/* Members of AllowMounts have a default too. */
static json_t *canonical_mounts(const json_t *mounts)
{
	json_t *result = json_deep_copy(mounts), *mount;
	size_t i;

	json_array_foreach(result, i, mount)
	{
		if (!json_is_true(json_object_get(mount, "ReadOnly")))
			json_object_del(mount, "ReadOnly");
	}
	return result;
}

static int canonical_object(const json_t *json, json_t *to)
{
	const char *key;
	json_t *value;

	json_object_foreach((json_t *)json, key, value)
	{
		const struct config_key *known = config_key_find(key);
		int r;

		if (known->is_default(value))
			continue;
		if (!strcmp(key, "AllowMounts"))
			r = json_object_set_new(to, key, canonical_mounts(value));
		else
			r = json_object_set(to, key, value);
		if (r < 0)
			return -ENOMEM;
	}
	return 0;
}

static int dump_to_buffer(const char *text, size_t size, void *buffer)
{
	return buffer_append(buffer, text, size) < 0 ? -1 : 0;
}

int config_canonical(const json_t *json, struct buffer *ret)
{
	CLEANUP(config_json_freep) json_t *object = json_object();
	CLEANUP(buffer_done) struct buffer text = {0};

	if (!object || canonical_object(json, object) < 0)
		return -ENOMEM;
	if (json_dump_callback(object, dump_to_buffer, &text, JSON_COMPACT | JSON_SORT_KEYS) < 0)
		return -ENOMEM;
	*ret = text;
	text = (struct buffer){0};
	return 0;
}

static int read_strings(const json_t *json, const char *key, struct strings *to)
{
	const json_t *array = json_object_get(json, key);
	json_t *item;
	size_t i;

	json_array_foreach((json_t *)array, i, item)
	{
		int r = strings_add(to, json_string_value(item));

		if (r < 0)
			return r;
	}
	return 0;
}

static int read_string(const json_t *json, const char *key, const char *other, char **to)
{
	const json_t *value = json_object_get(json, key);

	*to = strdup(value ? json_string_value(value) : other);
	return *to ? 0 : -ENOMEM;
}

static uint64_t read_integer(const json_t *json, const char *key)
{
	return (uint64_t)json_integer_value(json_object_get(json, key));
}

static bool read_bool(const json_t *json, const char *key)
{
	return json_is_true(json_object_get(json, key));
}

static int read_mounts(const json_t *json, struct image_config *to)
{
	const json_t *array = json_object_get(json, "AllowMounts");
	json_t *item;
	size_t i;

	to->allow_mounts = calloc(json_array_size(array) + 1, sizeof(*to->allow_mounts));
	if (!to->allow_mounts)
		return -ENOMEM;
	json_array_foreach((json_t *)array, i, item)
	{
		struct image_mount *mount = &to->allow_mounts[to->allow_mount_count++];

		mount->read_only = read_bool(item, "ReadOnly");
		if (read_string(item, "Target", "", &mount->target) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int read_all(const json_t *json, struct image_config *to)
{
	int r = 0;

	r = r ?: read_strings(json, "Entrypoint", &to->entrypoint);
	r = r ?: read_strings(json, "Cmd", &to->cmd);
	r = r ?: read_strings(json, "Env", &to->env);
	r = r ?: read_string(json, "WorkingDir", "/", &to->working_dir);
	r = r ?: read_string(json, "Hostname", "casemate", &to->hostname);
	r = r ?: read_strings(json, "AllowEnv", &to->allow_env);
	r = r ?: read_mounts(json, to);
	r = r ?: read_strings(json, "AllowPorts", &to->allow_ports);
	r = r ?: read_strings(json, "Nameservers", &to->nameservers);
	to->allow_args = read_bool(json, "AllowArgs");
	to->allow_programs = read_bool(json, "AllowPrograms");
	to->allow_network = read_bool(json, "AllowNetwork");
	to->debug = read_bool(json, "Debug");
	to->memory_limit = read_integer(json, "MemoryLimit");
	to->process_limit = (uint32_t)read_integer(json, "ProcessLimit");
	to->product = (uint16_t)read_integer(json, "Product");
	to->svn = (uint16_t)read_integer(json, "Svn");
	return r;
}

int config_read(const json_t *json, struct image_config *ret, struct image_error *error)
{
	CLEANUP(image_config_done) struct image_config config = {0};
	const json_t *user = json_object_get(json, "User");

	if (user && !config_parse_ids(json_string_value(user), &config.uid, &config.gid))
		return image_fail(error, -EINVAL, "User: \"%s\" is not \"uid:gid\" in numbers",
			json_string_value(user));
	if (read_all(json, &config) < 0)
		return image_fail_errno(error, -ENOMEM, "configuration");
	*ret = config;
	config = (struct image_config){0};
	return 0;
}
