/* The keys of a configuration: one table that reading, checking and the canonical form share. */
#ifndef IMAGE_CONFIG_CHECK_H
#define IMAGE_CONFIG_CHECK_H

#include "image/config.h"

#define CONFIG_PROCESS_LIMIT_MAX (1 << 22) /* Linux's PID_MAX_LIMIT */

struct config_key {
	const char *name;
	/* NULL, or what is wrong: "must be ..." */
	const char *(*problem)(const json_t *value);
	/* So that the canonical form leaves it out; the value has been checked. */
	bool (*is_default)(const json_t *value);
};

/* NULL: no such key. */
const struct config_key *config_key_find(const char *name);

#endif
