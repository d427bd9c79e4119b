/* Rulesets and rules of landlock(7), as strace(1) writes them. */
#include "libos/core/user.h"
#include "libos/security/landlock_abi.h"
#include "libos/syscalls/trace_value.h"

static void put_rights(
	struct trace_line *line, const char *name, enum trace_kind kind, uint64_t rights)
{
	trace_put(line, "%s=", name);
	if (rights >> 32)
		trace_put(line, "%#lx", rights);
	else
		trace_put_named(line, kind, rights);
}

void trace_put_ruleset(struct trace_line *line, uint64_t address, uint64_t size)
{
	struct landlock_ruleset_given given = {0};

	if (!address || size < LANDLOCK_RULESET_SIZE_MIN ||
		user_read(&given, address, MIN(size, sizeof(given)))) {
		trace_put_pointer(line, address);
		return;
	}
	put_rights(line, "{handled_access_fs", TRACE_KIND_LANDLOCK_FILES, given.files);
	if (size >= 2 * sizeof(uint64_t))
		put_rights(line, ", handled_access_net", TRACE_KIND_LANDLOCK_PORTS, given.ports);
	if (size >= sizeof(given))
		put_rights(line, ", scoped", TRACE_KIND_LANDLOCK_SCOPES, given.scopes);
	trace_put(line, size > sizeof(given) ? ", ...}" : "}");
}

void trace_put_rule(struct trace_line *line, uint64_t address, uint64_t type)
{
	struct landlock_path_given path;
	struct landlock_port_given port;

	if (type == LANDLOCK_RULE_PATH && address && !USER_GET(&path, address)) {
		put_rights(line, "{allowed_access", TRACE_KIND_LANDLOCK_FILES, path.access);
		trace_put(line, ", parent_fd=%d}", path.parent_fd);
	} else if (type == LANDLOCK_RULE_PORT && address && !USER_GET(&port, address)) {
		put_rights(line, "{allowed_access", TRACE_KIND_LANDLOCK_PORTS, port.access);
		trace_put(line, ", port=%lu}", port.port);
	} else {
		trace_put_pointer(line, address);
	}
}
