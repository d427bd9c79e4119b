#include "image/config_check.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef bool check_string_fn(const char *value);

static bool all_strings(const json_t *array, check_string_fn *check)
{
	json_t *item;
	size_t i;

	if (!json_is_array(array))
		return false;
	json_array_foreach((json_t *)array, i, item)
	{
		if (!json_is_string(item) || (check && !check(json_string_value(item))))
			return false;
	}
	return true;
}

static const char *problem_command(const json_t *value)
{
	if (!all_strings(value, NULL))
		return "must be an array of strings";
	if (json_array_size(value) && !*json_string_value(json_array_get(value, 0)))
		return "must not begin with an empty string";
	return NULL;
}

static const char *problem_args(const json_t *value)
{
	return all_strings(value, NULL) ? NULL : "must be an array of strings";
}

static bool is_assignment(const char *value)
{
	return *value != '=' && strchr(value, '=');
}

static const char *problem_env(const json_t *value)
{
	return all_strings(value, is_assignment) ? NULL
						 : "must be an array of strings \"NAME=value\"";
}

static bool is_variable_name(const char *value)
{
	return *value && !strchr(value, '=') && strcmp(value, "*");
}

/* ["*"], or only values that @check accepts. */
static bool star_or(const json_t *array, check_string_fn *check)
{
	const char *first = json_string_value(json_array_get(array, 0));

	if (json_array_size(array) == 1 && first && !strcmp(first, "*"))
		return true;
	return all_strings(array, check);
}

static const char *problem_allow_env(const json_t *value)
{
	return star_or(value, is_variable_name) ? NULL : "must be an array of names, or [\"*\"]";
}

static bool parse_number(const char *text, uint64_t max, const char **ret_end, uint64_t *ret)
{
	uint64_t number = 0;
	const char *at = text;

	for (; isdigit((unsigned char)*at); at++) {
		number = number * 10 + (uint64_t)(*at - '0');
		if (number > max)
			return false;
	}
	*ret_end = at;
	*ret = number;
	/* No leading zeros: one value, one text. */
	return at != text && (at == text + 1 || *text != '0');
}

static bool is_port(const char *value)
{
	const char *end;
	uint64_t port;

	if (!parse_number(value, 65535, &end, &port) || !port)
		return false;
	return !*end || !strcmp(end, "/tcp") || !strcmp(end, "/udp");
}

static const char *problem_ports(const json_t *value)
{
	return star_or(value, is_port)
		       ? NULL
		       : "must be an array of \"port\", \"port/tcp\" or \"port/udp\", or [\"*\"]";
}

static bool is_address(const char *value)
{
	unsigned char address[16];

	return inet_pton(AF_INET, value, address) == 1 || inet_pton(AF_INET6, value, address) == 1;
}

static const char *problem_nameservers(const json_t *value)
{
	return all_strings(value, is_address) ? NULL : "must be an array of IP addresses";
}

static bool is_absolute(const json_t *value)
{
	return json_is_string(value) && json_string_value(value)[0] == '/' &&
	       json_string_length(value) < 4096;
}

static const char *problem_path(const json_t *value)
{
	return is_absolute(value) ? NULL : "must be an absolute path";
}

static const char *problem_mount(const json_t *mount)
{
	const json_t *target = json_object_get(mount, "Target");
	const json_t *read_only = json_object_get(mount, "ReadOnly");
	size_t known = (target ? 1 : 0) + (read_only ? 1 : 0);

	if (!json_is_object(mount) || json_object_size(mount) != known || !target)
		return "must be an array of {\"Target\": path, \"ReadOnly\": true or false}";
	if (!is_absolute(target) &&
		!(json_is_string(target) && !strcmp("*", json_string_value(target))))
		return "must have absolute paths, or \"*\", as Target";
	if (read_only && !json_is_boolean(read_only))
		return "must have true or false as ReadOnly";
	return NULL;
}

static const char *problem_mounts(const json_t *value)
{
	json_t *mount;
	size_t i;

	if (!json_is_array(value))
		return "must be an array of {\"Target\": path, \"ReadOnly\": true or false}";
	json_array_foreach((json_t *)value, i, mount)
	{
		const char *problem = problem_mount(mount);

		if (problem)
			return problem;
	}
	return NULL;
}

static const char *problem_user(const json_t *value)
{
	const char *text = json_string_value(value);
	const char *colon = text ? strchr(text, ':') : NULL;

	if (!text || !*text || text[0] == ':' || (colon && (!colon[1] || strchr(colon + 1, ':'))))
		return "must be \"user\" or \"user:group\", names or numbers";
	return NULL;
}

static const char *problem_hostname(const json_t *value)
{
	const char *text = json_string_value(value);

	if (!text || !*text || strlen(text) > 64)
		return "must be a string of 1 to 64 characters";
	for (; *text; text++)
		if (!isalnum((unsigned char)*text) && !strchr("-._", *text))
			return "must have letters, digits, '-', '.' and '_' only";
	return NULL;
}

static const char *problem_bool(const json_t *value)
{
	return json_is_boolean(value) ? NULL : "must be true or false";
}

static bool in_range(const json_t *value, json_int_t max)
{
	return json_is_integer(value) && json_integer_value(value) >= 0 &&
	       json_integer_value(value) <= max;
}

static const char *problem_size(const json_t *value)
{
	return in_range(value, INT64_MAX) ? NULL : "must be a number of bytes, 0 or more";
}

static const char *problem_processes(const json_t *value)
{
	return in_range(value, CONFIG_PROCESS_LIMIT_MAX) ? NULL
							 : "must be a number from 0 to 4194304";
}

static const char *problem_u16(const json_t *value)
{
	return in_range(value, 65535) ? NULL : "must be a number from 0 to 65535";
}

static bool default_empty(const json_t *value)
{
	return json_array_size(value) == 0;
}

static bool default_false(const json_t *value)
{
	return json_is_false(value);
}

static bool default_zero(const json_t *value)
{
	return json_integer_value(value) == 0;
}

static bool default_root_dir(const json_t *value)
{
	return !strcmp(json_string_value(value), "/");
}

static bool default_user(const json_t *value)
{
	return !strcmp(json_string_value(value), "0:0");
}

static bool default_hostname(const json_t *value)
{
	return !strcmp(json_string_value(value), "casemate");
}

static const struct config_key keys[] = {
	{"AllowArgs", problem_bool, default_false},
	{"AllowEnv", problem_allow_env, default_empty},
	{"AllowMounts", problem_mounts, default_empty},
	{"AllowNetwork", problem_bool, default_false},
	{"AllowPorts", problem_ports, default_empty},
	{"AllowPrograms", problem_bool, default_false},
	{"Cmd", problem_args, default_empty},
	{"Debug", problem_bool, default_false},
	{"Entrypoint", problem_command, default_empty},
	{"Env", problem_env, default_empty},
	{"Hostname", problem_hostname, default_hostname},
	{"MemoryLimit", problem_size, default_zero},
	{"Nameservers", problem_nameservers, default_empty},
	{"ProcessLimit", problem_processes, default_zero},
	{"Product", problem_u16, default_zero},
	{"Svn", problem_u16, default_zero},
	{"User", problem_user, default_user},
	{"WorkingDir", problem_path, default_root_dir},
};

const struct config_key *config_key_find(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (!strcmp(keys[i].name, name))
			return &keys[i];
	return NULL;
}

/* Levenshtein distance without regard to case; @b is one of our short names. */
static size_t distance(const char *a, const char *b)
{
	size_t row[32], columns = strlen(b) + 1;

	for (size_t j = 0; j < columns; j++)
		row[j] = j;
	for (; *a; a++) {
		size_t diagonal = row[0]++;

		for (size_t j = 1; j < columns; j++) {
			bool same = tolower((unsigned char)*a) == tolower((unsigned char)b[j - 1]);
			size_t best = MIN(MIN(row[j], row[j - 1]) + 1, diagonal + !same);

			diagonal = row[j];
			row[j] = best;
		}
	}
	return row[columns - 1];
}

static const char *nearest_key(const char *name)
{
	size_t best = 3; /* farther than two typing errors is no resemblance */
	const char *nearest = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		size_t d = distance(name, keys[i].name);

		if (d < best) {
			best = d;
			nearest = keys[i].name;
		}
	}
	return nearest;
}

static int unknown_key(const char *name, const char *key, struct image_error *error)
{
	const char *nearest = nearest_key(key);

	if (nearest)
		return image_fail(error, -EINVAL, "%s: unknown key \"%s\"; did you mean \"%s\"?",
			name, key, nearest);
	return image_fail(error, -EINVAL, "%s: unknown key \"%s\"", name, key);
}

int config_check(const json_t *json, const char *name, struct image_error *error)
{
	const char *key;
	json_t *value;

	if (!json_is_object(json))
		return image_fail(error, -EINVAL, "%s: must be a JSON object", name);
	json_object_foreach((json_t *)json, key, value)
	{
		const struct config_key *known = config_key_find(key);
		const char *problem;

		if (!known)
			return unknown_key(name, key, error);
		problem = known->problem(value);
		if (problem)
			return image_fail(error, -EINVAL, "%s: %s %s", name, key, problem);
	}
	return 0;
}

bool config_parse_ids(const char *text, uint32_t *ret_uid, uint32_t *ret_gid)
{
	uint64_t uid, gid = 0;
	const char *end;

	/* 2^32 - 1 means "no change" to chown(2) and can't be an identity. */
	if (!parse_number(text, UINT32_MAX - 1, &end, &uid))
		return false;
	if (*end == ':' && !parse_number(end + 1, UINT32_MAX - 1, &end, &gid))
		return false;
	if (*end)
		return false;
	*ret_uid = (uint32_t)uid;
	*ret_gid = (uint32_t)gid;
	return true;
}
