#include "libos/image/config.h"

#include <asm/errno.h>

#include "base/json.h"
#include "base/memory.h"
#include "libos/image/address.h"

struct parser {
	struct json json;
	uint8_t *memory;
	size_t memory_left;
	const char *what; /* the first error that was not JSON's */
	size_t at;
};

static int fail(struct parser *p, const struct json_token *token, const char *what)
{
	p->what = what;
	p->at = token->at;
	return -EINVAL;
}

/* Memory for @count things of @size bytes; everything is aligned to 8. */
static void *take(struct parser *p, size_t count, size_t size)
{
	size_t bytes;
	void *ret = p->memory;

	if (CHECKED_MUL(count, size, &bytes) || CHECKED_ADD(bytes, 7, &bytes))
		return NULL;
	bytes = ALIGN_DOWN(bytes, 8UL);
	if (bytes > p->memory_left)
		return NULL;
	p->memory += bytes;
	p->memory_left -= bytes;
	return ret;
}

/* The next token, which must be of @type. */
static int expect(struct parser *p, enum json_type type, const char *what, struct json_token *ret)
{
	if (json_next(&p->json, ret) < 0)
		return -EINVAL;
	return ret->type == type ? 0 : fail(p, ret, what);
}

/* The text of @token as a C string. */
static int keep(struct parser *p, const struct json_token *token, char **ret)
{
	char *s = take(p, token->size + 1, 1);

	if (!s)
		return -ENOMEM;
	json_string_copy(token, s);
	s[token->size] = '\0';
	if (strlen(s) != token->size)
		return fail(p, token, "a string with a zero byte");
	*ret = s;
	return 0;
}

/* How many values the array has whose '[' was just met. */
static int count_items(struct parser *p, size_t *ret)
{
	struct json ahead = p->json;
	struct json_token token;

	for (*ret = 0;; (*ret)++) {
		if (json_next(&ahead, &token) == 0 && token.type == JSON_ARRAY_END)
			return 0;
		if (ahead.error || json_skip(&ahead, &token) < 0) {
			p->json = ahead;
			return -EINVAL;
		}
	}
}

static int array_begin(struct parser *p, size_t *ret_count)
{
	struct json_token token;

	if (expect(p, JSON_ARRAY, "an array was expected", &token) < 0)
		return -EINVAL;
	return count_items(p, ret_count);
}

static int array_end(struct parser *p)
{
	struct json_token token;

	return expect(p, JSON_ARRAY_END, "the end of the array was expected", &token);
}

/* -- kinds of values: each parses one at @to, a field of struct config ---------------------- */

static int parse_bool(struct parser *p, void *to)
{
	struct json_token token;
	bool *ret = to;

	if (expect(p, JSON_BOOL, "true or false was expected", &token) < 0)
		return -EINVAL;
	*ret = token.boolean;
	return 0;
}

static int parse_integer(struct parser *p, int64_t max, int64_t *ret)
{
	struct json_token token;

	if (expect(p, JSON_INTEGER, "an integer was expected", &token) < 0)
		return -EINVAL;
	if (token.integer < 0 || token.integer > max)
		return fail(p, &token, "a number out of range");
	*ret = token.integer;
	return 0;
}

static int parse_bytes(struct parser *p, void *to)
{
	uint64_t *ret = to;
	int64_t value;
	int r = parse_integer(p, INT64_MAX, &value);

	if (r == 0)
		*ret = (uint64_t)value;
	return r;
}

static int parse_process_limit(struct parser *p, void *to)
{
	uint32_t *ret = to;
	int64_t value;
	int r = parse_integer(p, INT32_MAX, &value);

	if (r == 0 && value != 0)
		*ret = (uint32_t)value;
	return r;
}

static int parse_u16(struct parser *p, void *to)
{
	uint16_t *ret = to;
	int64_t value;
	int r = parse_integer(p, UINT16_MAX, &value);

	if (r == 0)
		*ret = (uint16_t)value;
	return r;
}

static int parse_string(struct parser *p, struct json_token *token, char **ret)
{
	if (expect(p, JSON_STRING, "a string was expected", token) < 0)
		return -EINVAL;
	return keep(p, token, ret);
}

static int parse_path(struct parser *p, void *to)
{
	struct json_token token;
	char **ret = to;
	int r = parse_string(p, &token, ret);

	if (r == 0 && **ret != '/')
		return fail(p, &token, "an absolute path was expected");
	return r;
}

static int parse_hostname(struct parser *p, void *to)
{
	struct json_token token;
	char **ret = to;
	int r = parse_string(p, &token, ret);

	if (r == 0 && (token.size < 1 || token.size > CONFIG_HOSTNAME_MAX))
		return fail(p, &token, "a name of 1 to 64 bytes was expected");
	return r;
}

/* A decimal number up to @max at *@s, which is moved past it; false if there is none. */
static bool number(const char **s, uint64_t max, uint32_t *ret)
{
	uint64_t value = 0;
	const char *start = *s;

	for (; **s >= '0' && **s <= '9'; (*s)++) {
		value = value * 10 + (uint64_t)(**s - '0');
		if (value > max)
			return false;
	}
	*ret = (uint32_t)value;
	return *s != start;
}

/* "uid[:gid]". (uid_t)-1 is no user: chown(2) takes it for "as it is". */
static int parse_user(struct parser *p, void *to)
{
	struct config *config = CONTAINER_OF(to, struct config, uid);
	struct json_token token;
	const char *s;
	char *text;
	int r = parse_string(p, &token, &text);

	if (r < 0)
		return r;
	s = text;
	if (!number(&s, UINT32_MAX - 1, &config->uid))
		return fail(p, &token, "\"uid:gid\" was expected, in numbers");
	if (*s == ':') {
		s++;
		if (!number(&s, UINT32_MAX - 1, &config->gid))
			return fail(p, &token, "\"uid:gid\" was expected, in numbers");
	}
	return *s ? fail(p, &token, "\"uid:gid\" was expected, in numbers") : 0;
}

/* An array of strings, each of which @is_good accepts. */
static int parse_strings_that(struct parser *p, struct config_strings *ret,
	bool (*is_good)(const char *), const char *what)
{
	size_t count;
	int r = array_begin(p, &count);

	if (r < 0)
		return r;
	ret->items = take(p, count + 1, sizeof(ret->items[0]));
	if (!ret->items)
		return -ENOMEM;
	ret->count = count;
	for (size_t i = 0; i < count; i++) {
		struct json_token token;

		r = parse_string(p, &token, &ret->items[i]);
		if (r < 0)
			return r;
		if (!is_good(ret->items[i]))
			return fail(p, &token, what);
	}
	ret->items[count] = NULL;
	return array_end(p);
}

static bool is_any_string(const char *s)
{
	return s != NULL;
}

static int parse_strings(struct parser *p, void *to)
{
	return parse_strings_that(p, to, is_any_string, "a string was expected");
}

static bool is_assignment(const char *s)
{
	return *s != '=' && strchr(s, '=');
}

static int parse_env(struct parser *p, void *to)
{
	return parse_strings_that(p, to, is_assignment, "NAME=value was expected");
}

static bool is_name(const char *s)
{
	return *s && !strchr(s, '=');
}

/* "*" stands alone. */
static bool is_wild_among_others(const struct config_strings *strings)
{
	for (size_t i = 0; strings->count > 1 && i < strings->count; i++)
		if (!strcmp(strings->items[i], "*"))
			return true;
	return false;
}

static int parse_allow_env(struct parser *p, void *to)
{
	struct json_token token = {.at = p->json.at};
	int r = parse_strings_that(p, to, is_name, "the name of a variable was expected");

	if (r == 0 && is_wild_among_others(to))
		return fail(p, &token, "\"*\" stands alone");
	return r;
}

static int parse_nameservers(struct parser *p, void *to)
{
	return parse_strings_that(p, to, address_is_ip, "an IP address was expected");
}

static bool port_from(const char *s, struct config_port *ret)
{
	uint32_t port;

	if (!number(&s, UINT16_MAX, &port) || port == 0)
		return false;
	ret->port = (uint16_t)port;
	ret->protocol = !strcmp(s, "/udp") ? CONFIG_PROTOCOL_UDP : CONFIG_PROTOCOL_TCP;
	return !*s || !strcmp(s, "/tcp") || !strcmp(s, "/udp");
}

static int parse_ports(struct parser *p, void *to)
{
	struct config_ports *ports = to;
	size_t count;
	int r = array_begin(p, &count);

	if (r < 0)
		return r;
	ports->items = take(p, count, sizeof(ports->items[0]));
	if (!ports->items)
		return -ENOMEM;
	for (ports->count = 0; ports->count < count; ports->count++) {
		struct json_token token;
		char *s;

		r = parse_string(p, &token, &s);
		if (r < 0)
			return r;
		if (count == 1 && !strcmp(s, "*")) {
			ports->any = true;
			break;
		}
		if (!port_from(s, &ports->items[ports->count]))
			return fail(
				p, &token, "\"port\", \"port/tcp\" or \"port/udp\" was expected");
	}
	return array_end(p);
}

/* The keys of one element of AllowMounts, its '{' not yet met. */
static int parse_mount(struct parser *p, struct config_mount *ret)
{
	bool have_target = false, have_read_only = false;
	struct json_token token;
	char *target;
	int r;

	*ret = (struct config_mount){NULL, false};
	if (expect(p, JSON_OBJECT, "an object was expected", &token) < 0)
		return -EINVAL;
	for (;;) {
		if (json_next(&p->json, &token) < 0)
			return -EINVAL;
		if (token.type == JSON_OBJECT_END)
			return ret->target ? 0 : fail(p, &token, "a mount without Target");
		if (json_string_is(&token, "Target") && !have_target) {
			have_target = true;
			r = parse_string(p, &token, &target);
			if (r == 0 && *target != '/' && strcmp(target, "*"))
				r = fail(p, &token, "an absolute path or \"*\" was expected");
			ret->target = target;
		} else if (json_string_is(&token, "ReadOnly") && !have_read_only) {
			have_read_only = true;
			r = parse_bool(p, &ret->read_only);
		} else {
			r = fail(p, &token, "a mount has Target and ReadOnly, each once");
		}
		if (r < 0)
			return r;
	}
}

static int parse_mounts(struct parser *p, void *to)
{
	struct config_mounts *mounts = to;
	size_t count;
	int r = array_begin(p, &count);

	if (r < 0)
		return r;
	mounts->items = take(p, count, sizeof(mounts->items[0]));
	if (!mounts->items)
		return -ENOMEM;
	mounts->count = count;
	for (size_t i = 0; i < count; i++) {
		r = parse_mount(p, &mounts->items[i]);
		if (r < 0)
			return r;
	}
	return array_end(p);
}

/* -- the table of keys ----------------------------------------------------------------------- */

struct key {
	const char *name;
	int (*parse)(struct parser *p, void *to);
	size_t offset;
};

#define KEY(name, field, parse)                                                                    \
	{                                                                                          \
		name, parse, offsetof(struct config, field)                                        \
	}

static const struct key keys[] = {
	KEY("AllowArgs", allow_args, parse_bool),
	KEY("AllowEnv", allow_env, parse_allow_env),
	KEY("AllowMounts", allow_mounts, parse_mounts),
	KEY("AllowNetwork", allow_network, parse_bool),
	KEY("AllowPorts", allow_ports, parse_ports),
	KEY("AllowPrograms", allow_programs, parse_bool),
	KEY("Cmd", cmd, parse_strings),
	KEY("Debug", debug, parse_bool),
	KEY("Entrypoint", entrypoint, parse_strings),
	KEY("Env", env, parse_env),
	KEY("Hostname", hostname, parse_hostname),
	KEY("MemoryLimit", memory_limit, parse_bytes),
	KEY("Nameservers", nameservers, parse_nameservers),
	KEY("ProcessLimit", process_limit, parse_process_limit),
	KEY("Product", product, parse_u16),
	KEY("Svn", svn, parse_u16),
	KEY("User", uid, parse_user),
	KEY("WorkingDir", working_dir, parse_path),
};
_Static_assert(ARRAY_SIZE(keys) <= 32, "one bit each");

static const struct key *key_find(const struct json_token *token)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (json_string_is(token, keys[i].name))
			return &keys[i];
	return NULL;
}

static void error_set_key(struct config_error *error, const struct json_token *token)
{
	size_t size = MIN(token->raw.size, sizeof(error->key) - 1);

	memcpy(error->key, token->raw.data, size);
	error->key[size] = '\0';
}

static int parse_keys(struct parser *p, struct config *config, struct config_error *error)
{
	struct json_token token;
	uint32_t seen = 0;

	if (expect(p, JSON_OBJECT, "an object was expected", &token) < 0)
		return -EINVAL;
	for (;;) {
		const struct key *key;
		uint32_t bit;
		int r = json_next(&p->json, &token);

		if (r < 0 || token.type == JSON_OBJECT_END)
			return r;
		error_set_key(error, &token);
		key = key_find(&token);
		if (!key)
			return fail(p, &token, "an unknown key");
		bit = 1U << (key - keys);
		if (seen & bit)
			return fail(p, &token, "a key that is given twice");
		seen |= bit;
		r = key->parse(p, (char *)config + key->offset);
		if (r < 0)
			return r;
		error->key[0] = '\0';
	}
}

static int parse_text(struct parser *p, struct config *config, struct config_error *error)
{
	struct json_token token;
	int r = parse_keys(p, config, error);

	return r < 0 ? r : expect(p, JSON_END, "the end was expected", &token);
}

static void set_defaults(struct config *config)
{
	static char *none[1];

	memset(config, 0, sizeof(*config));
	config->entrypoint.items = config->cmd.items = config->env.items = none;
	config->allow_env.items = config->nameservers.items = none;
	config->working_dir = "/";
	config->hostname = "casemate";
	config->process_limit = CONFIG_PROCESS_LIMIT_DEFAULT;
}

/* An element is at least three bytes of text (`"",`) and takes a pointer and 8 bytes of string; a
 * mount at least 15 and takes 24. Each array has a NULL. */
size_t config_memory_size(size_t text_size)
{
	return text_size * 6 + 8 * (ARRAY_SIZE(keys) + 1);
}

int config_parse(struct config *ret, struct span text, void *memory, size_t memory_size,
	struct config_error *error)
{
	struct parser p = {.memory = memory, .memory_left = memory_size};
	struct config_error local = {0};
	int r;

	json_init(&p.json, text);
	set_defaults(ret);
	r = parse_text(&p, ret, &local);
	if (r < 0 && error) {
		*error = local;
		error->what = r == -ENOMEM ? "too little memory" : p.what ? p.what : p.json.error;
		error->offset = p.what ? p.at : p.json.at;
	}
	return r;
}

bool config_allows_env(const struct config *config, const char *name, size_t name_size)
{
	for (size_t i = 0; i < config->allow_env.count; i++) {
		const char *allowed = config->allow_env.items[i];

		if (!strcmp(allowed, "*"))
			return true;
		if (strlen(allowed) == name_size && !memcmp(allowed, name, name_size))
			return true;
	}
	return false;
}
