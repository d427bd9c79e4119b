/* What the tests of landlock(7) share: its three calls and the numbers of ABI 7, which the system's
 * header may not know. */
#ifndef TESTS_CONFORMANCE_LANDLOCK_H
#define TESTS_CONFORMANCE_LANDLOCK_H

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/test.h"

#ifndef SYS_landlock_create_ruleset
#define SYS_landlock_create_ruleset 444
#define SYS_landlock_add_rule 445
#define SYS_landlock_restrict_self 446
#endif

enum {
	VERSION = 1,
	ERRATA = 2,
	RULE_PATH = 1,
	RULE_PORT = 2,
};

enum file_right {
	EXECUTE = 1 << 0,
	WRITE_FILE = 1 << 1,
	READ_FILE = 1 << 2,
	READ_DIR = 1 << 3,
	REMOVE_DIR = 1 << 4,
	REMOVE_FILE = 1 << 5,
	MAKE_CHAR = 1 << 6,
	MAKE_DIR = 1 << 7,
	MAKE_REG = 1 << 8,
	MAKE_SOCK = 1 << 9,
	MAKE_FIFO = 1 << 10,
	MAKE_BLOCK = 1 << 11,
	MAKE_SYM = 1 << 12,
	REFER = 1 << 13,
	TRUNCATE = 1 << 14,
	IOCTL_DEV = 1 << 15,
};

enum port_right { BIND_TCP = 1, CONNECT_TCP = 2 };
enum scope { SCOPE_SOCKET = 1, SCOPE_SIGNAL = 2 };

struct ruleset_attr {
	uint64_t files, ports, scopes;
};
struct path_attr {
	uint64_t access;
	int32_t parent_fd;
} __attribute__((packed));
struct port_attr {
	uint64_t access, port;
};

static inline int ruleset_create(const struct ruleset_attr *attr, size_t size, uint32_t flags)
{
	return (int)syscall(SYS_landlock_create_ruleset, attr, size, flags);
}

static inline int rule_add(int ruleset, int type, const void *attr, uint32_t flags)
{
	return (int)syscall(SYS_landlock_add_rule, ruleset, type, attr, flags);
}

static inline int restrict_self(int ruleset, uint32_t flags)
{
	return (int)syscall(SYS_landlock_restrict_self, ruleset, flags);
}

/* What the kernel knows: 0 if it has no Landlock. */
static inline int landlock_abi(void)
{
	int abi = ruleset_create(NULL, 0, VERSION);

	return abi < 0 ? 0 : abi;
}

/* Is there less than @abi? Then the test is skipped. */
static inline bool landlock_lacks(int abi, const char *what)
{
	static char why[80];
	int has = landlock_abi();

	if (has >= abi)
		return false;
	snprintf(why, sizeof(why), "the kernel has Landlock's ABI %d, not %d", has, abi);
	test_skip(what, why);
	return true;
}

static inline int ruleset_of_files(uint64_t files)
{
	const struct ruleset_attr attr = {.files = files};

	return ruleset_create(&attr, sizeof(attr), 0);
}

/* A rule for @path. */
static inline int rule_for(int ruleset, const char *path, uint64_t access)
{
	struct path_attr attr = {access, open(path, O_PATH | O_CLOEXEC)};
	int r = rule_add(ruleset, RULE_PATH, &attr, 0), error = errno;

	close(attr.parent_fd);
	errno = error;
	return r;
}

/* Enforce @ruleset on this thread from now on, and close it. */
static inline bool enforce(int ruleset)
{
	return ruleset >= 0 && !prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) &&
	       !restrict_self(ruleset, 0) && !close(ruleset);
}

/* One layer of @files, with one rule if @path is not NULL. */
static inline bool confine(uint64_t files, const char *path, uint64_t access)
{
	int ruleset = ruleset_of_files(files);

	return ruleset >= 0 && (!path || !rule_for(ruleset, path, access)) && enforce(ruleset);
}

#endif
