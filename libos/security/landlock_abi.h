/* The numbers and structures of landlock(7), version 7 of its ABI: the system's header may be of an
 * older one. Source: landlock_create_ruleset(2), landlock_add_rule(2), landlock_restrict_self(2).
 */
#ifndef LIBOS_SECURITY_LANDLOCK_ABI_H
#define LIBOS_SECURITY_LANDLOCK_ABI_H

#include "base/compiler.h"

#define LANDLOCK_ABI 7
/* Of what the first kernels did otherwise: TCP is told from other streams, a process may signal
 * its own threads, and directories out of a bind mount's reach are where they are. */
#define LANDLOCK_ERRATA 7

enum landlock_create_flags {
	LANDLOCK_CREATE_VERSION = 1,
	LANDLOCK_CREATE_ERRATA = 2,
};

/* What is logged: nothing is, here. */
enum landlock_restrict_flags {
	LANDLOCK_LOG_SAME_EXEC_OFF = 1,
	LANDLOCK_LOG_NEW_EXEC_ON = 2,
	LANDLOCK_LOG_SUBDOMAINS_OFF = 4,
	LANDLOCK_RESTRICT_FLAGS_ALL = 7,
};

enum landlock_rule_type {
	LANDLOCK_RULE_PATH = 1,
	LANDLOCK_RULE_PORT = 2,
};

enum landlock_file_right {
	LANDLOCK_FILE_EXECUTE = 1 << 0,
	LANDLOCK_FILE_WRITE = 1 << 1,
	LANDLOCK_FILE_READ = 1 << 2,
	LANDLOCK_READ_DIRECTORY = 1 << 3,
	LANDLOCK_REMOVE_DIRECTORY = 1 << 4,
	LANDLOCK_REMOVE_FILE = 1 << 5,
	LANDLOCK_MAKE_CHARACTER = 1 << 6,
	LANDLOCK_MAKE_DIRECTORY = 1 << 7,
	LANDLOCK_MAKE_REGULAR = 1 << 8,
	LANDLOCK_MAKE_SOCKET = 1 << 9,
	LANDLOCK_MAKE_FIFO = 1 << 10,
	LANDLOCK_MAKE_BLOCK = 1 << 11,
	LANDLOCK_MAKE_LINK = 1 << 12,
	LANDLOCK_REFER = 1 << 13,
	LANDLOCK_FILE_TRUNCATE = 1 << 14,
	LANDLOCK_DEVICE_IOCTL = 1 << 15,
	LANDLOCK_FILES_ALL = (1 << 16) - 1,
	/* What a rule for a file may say; the others are of directories. */
	LANDLOCK_FILES_OF_FILE = LANDLOCK_FILE_EXECUTE | LANDLOCK_FILE_WRITE | LANDLOCK_FILE_READ |
				 LANDLOCK_FILE_TRUNCATE | LANDLOCK_DEVICE_IOCTL,
};

enum landlock_port_right {
	LANDLOCK_BIND_TCP = 1,
	LANDLOCK_CONNECT_TCP = 2,
	LANDLOCK_PORTS_ALL = 3,
};

enum landlock_scope {
	LANDLOCK_SCOPE_SOCKET = 1, /* abstract names of AF_UNIX */
	LANDLOCK_SCOPE_SIGNAL = 2,
	LANDLOCK_SCOPES_ALL = 3,
};

struct landlock_ruleset_given {
	uint64_t files, ports, scopes;
};
#define LANDLOCK_RULESET_SIZE_MIN 8 /* the first version's */

struct landlock_path_given {
	uint64_t access;
	int32_t parent_fd;
} __attribute__((packed));
_Static_assert(sizeof(struct landlock_path_given) == 12, "ABI");

struct landlock_port_given {
	uint64_t access, port;
};

#endif
