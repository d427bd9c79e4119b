/* The configuration of an image (abi/config.md): read strictly, kept in its canonical form. */
#ifndef IMAGE_CONFIG_H
#define IMAGE_CONFIG_H

#include <jansson.h>

#include "base/span.h"
#include "image/buffer.h"
#include "image/error.h"

struct image_mount {
	char *target; /* "*": any directory */
	bool read_only;
};

/* The configuration as a program uses it. Lists are NULL-terminated when not empty. */
struct image_config {
	struct strings entrypoint;
	struct strings cmd;
	struct strings env;
	char *working_dir;
	uint32_t uid, gid;
	char *hostname;
	bool allow_args;
	bool allow_programs;
	struct strings allow_env;
	struct image_mount *allow_mounts;
	size_t allow_mount_count;
	struct strings allow_ports;
	bool allow_network;
	struct strings nameservers;
	uint64_t memory_limit;  /* bytes; 0: none */
	uint32_t process_limit; /* 0: 4096 */
	bool debug;
	uint16_t product;
	uint16_t svn;
};

void image_config_done(struct image_config *config);

void config_json_freep(json_t **json);

/* Read JSON text and check every key and value. @name says in errors where the text is from.
 * -EINVAL: the error names the key, or the line. */
MUST_CHECK int config_parse(
	struct span text, const char *name, json_t **ret, struct image_error *error);

/* Check every key and value of @json. @path names it in errors. */
MUST_CHECK int config_check(const json_t *json, const char *name, struct image_error *error);

/* Lay @over's keys over @base's. As in a Dockerfile, a new Entrypoint drops the old Cmd. */
MUST_CHECK int config_merge(json_t *base, json_t *over);

/* The canonical text: sorted keys, no white space, defaults left out. */
MUST_CHECK int config_canonical(const json_t *json, struct buffer *ret);

/* @json must have been checked, and its User be numbers. -EINVAL: it is not. */
MUST_CHECK int config_read(const json_t *json, struct image_config *ret, struct image_error *error);

/* "uid:gid" or "uid" (gid 0) in decimal; false: not numbers. */
bool config_parse_ids(const char *text, uint32_t *ret_uid, uint32_t *ret_gid);

#endif
