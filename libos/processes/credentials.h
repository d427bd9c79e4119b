/* Who a thread is inside the enclave: credentials(7), capabilities(7). Plain values: a copy is a
 * copy. */
#ifndef LIBOS_PROCESSES_CREDENTIALS_H
#define LIBOS_PROCESSES_CREDENTIALS_H

#include "base/compiler.h"

#define CREDENTIALS_GROUP_COUNT_MAX 64 /* of Linux's 65536; setgroups beyond it is EINVAL */
#define CAPABILITIES_ALL ((1ULL << 41) - 1)

struct credentials {
	uint32_t uid, euid, suid, fsuid;
	uint32_t gid, egid, sgid, fsgid;
	uint64_t effective, permitted, inheritable, bounding, ambient;
	uint32_t securebits;
	bool no_new_privs;
	uint32_t group_count;
	uint32_t groups[CREDENTIALS_GROUP_COUNT_MAX];
};

bool credentials_can(const struct credentials *credentials, unsigned int capability);
bool credentials_in_group(
	const struct credentials *credentials, uint32_t gid); /* fsgid or a group */

#endif
