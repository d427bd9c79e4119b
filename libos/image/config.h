/* The configuration of an image (abi/config.md) as C structures. Strict: a key that the table there
 * does not have, a key given twice, or a value of the wrong form is an error that names the key. */
#ifndef LIBOS_IMAGE_CONFIG_H
#define LIBOS_IMAGE_CONFIG_H

#include "base/span.h"

#define CONFIG_HOSTNAME_MAX 64
#define CONFIG_PROCESS_LIMIT_DEFAULT 4096

/* As argv: @count pointers, then NULL. */
struct config_strings {
	char **items;
	size_t count;
};

struct config_mount {
	const char *target; /* an absolute path, or "*" for any */
	bool read_only;
};

struct config_mounts {
	struct config_mount *items;
	size_t count;
};

enum config_protocol {
	CONFIG_PROTOCOL_TCP,
	CONFIG_PROTOCOL_UDP,
};

struct config_port {
	uint16_t port;
	uint8_t protocol; /* enum config_protocol */
};

struct config_ports {
	struct config_port *items;
	size_t count;
	bool any; /* then there are no items */
};

/* Every pointer points into the memory given to config_parse(). */
struct config {
	struct config_strings entrypoint, cmd;
	struct config_strings env; /* each NAME=value */
	const char *working_dir;
	uint32_t uid, gid;
	const char *hostname;
	bool allow_args, allow_programs, allow_network, debug;
	struct config_strings allow_env; /* names, or "*" alone */
	struct config_mounts allow_mounts;
	struct config_ports allow_ports;
	struct config_strings nameservers; /* IPv4 or IPv6 addresses */
	uint64_t memory_limit;             /* bytes, 0 = none */
	uint32_t process_limit;            /* never 0 */
	uint16_t product, svn;
};

/* @what is a constant string; @key the key it happened in, cut if long, or "". @offset: bytes from
 * the start of the text. */
struct config_error {
	const char *what;
	char key[32];
	size_t offset;
};

/* Bytes of memory that the strings and arrays of a text of that size take at most. */
size_t config_memory_size(size_t text_size);

/* @memory: config_memory_size(text.size) bytes, aligned to 16; it and @ret are written whatever the
 * result. @text may go afterwards. @error may be NULL.
 * Errors: -EINVAL the text is wrong, and @error says how; -ENOMEM @memory is too small. */
int config_parse(struct config *ret, struct span text, void *memory, size_t memory_size,
	struct config_error *error) MUST_CHECK;

/* May the host give the variable @name (@name_size bytes, no '=')? */
bool config_allows_env(const struct config *config, const char *name, size_t name_size);

#endif
