/* Structures that arguments point to, as strace(1) writes them. */
#include <asm/posix_types.h>
#include <asm/stat.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/poll.h>
#include <linux/resource.h>
#include <linux/socket.h>
#include <linux/stat.h>
#include <linux/un.h>

#include "base/memory.h"
#include "libos/core/user.h"
#include "libos/signals/signal.h"
#include "libos/syscalls/trace_value.h"

#define AF_UNIX 1
#define AF_INET 2
#define AF_INET6 10
#define ELEMENT_COUNT_MAX 32
#define ADDRESS_SIZE_MAX 128

/* Print @address as a number if nothing can be read there; else whether it can. */
static bool read_or_put(struct trace_line *line, void *to, uint64_t address, size_t size)
{
	if (address && !user_read(to, address, size))
		return true;
	trace_put_pointer(line, address);
	return false;
}

/* ---- Files ----
 */

static void put_file_mode(struct trace_line *line, uint32_t mode)
{
	static const char *const types[16] = {[1] = "S_IFIFO",
		[2] = "S_IFCHR",
		[4] = "S_IFDIR",
		[6] = "S_IFBLK",
		[8] = "S_IFREG",
		[10] = "S_IFLNK",
		[12] = "S_IFSOCK"};
	static const struct {
		uint32_t bit;
		const char *name;
	} bits[] = {{S_ISUID, "S_ISUID"}, {S_ISGID, "S_ISGID"}, {S_ISVTX, "S_ISVTX"}};

	trace_put(line, "%s", types[mode >> 12 & 15] ? types[mode >> 12 & 15] : "0");
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++)
		if (mode & bits[i].bit)
			trace_put(line, "|%s", bits[i].name);
	trace_put(line, "|");
	trace_put_mode(line, mode & 0777);
}

void trace_put_stat(struct trace_line *line, uint64_t address)
{
	struct stat st;
	uint32_t type;

	if (!read_or_put(line, &st, address, sizeof(st)))
		return;
	type = st.st_mode & S_IFMT;
	trace_put(line, "{st_mode=");
	put_file_mode(line, st.st_mode);
	if (type == S_IFCHR || type == S_IFBLK)
		trace_put(line, ", st_rdev=makedev(%#lx, %#lx)", st.st_rdev >> 8 & 0xfff,
			(st.st_rdev & 0xff) | (st.st_rdev >> 12 & 0xfff00));
	else
		trace_put(line, ", st_size=%ld", (long)st.st_size);
	trace_put(line, ", ...}");
}

void trace_put_vector(struct trace_line *line, uint64_t address, uint64_t count, uint64_t valid)
{
	struct {
		uint64_t base, size;
	} part;

	if (!address) {
		trace_put_pointer(line, address);
		return;
	}
	trace_put(line, "[");
	for (uint64_t i = 0; i < count; i++, address += sizeof(part)) {
		trace_put(line, i ? ", " : "");
		if (i == ELEMENT_COUNT_MAX) {
			trace_put(line, "...");
			break;
		}
		if (!read_or_put(line, &part, address, sizeof(part)))
			break;
		trace_put(line, "{iov_base=");
		trace_put_bytes(line, part.base, MIN(part.size, valid));
		trace_put(line, ", iov_len=%lu}", part.size);
		valid -= MIN(part.size, valid);
	}
	trace_put(line, "]");
}

/* ---- Addresses ----
 */

static uint32_t swapped(uint16_t value)
{
	return (uint32_t)(value >> 8 | (value & 0xff) << 8);
}

static void put_unix(struct trace_line *line, const uint8_t *bytes, uint32_t size)
{
	uint32_t length = size - 2;

	if (!length) {
		trace_put(line, "{sa_family=AF_UNIX}");
		return;
	}
	trace_put(line, "{sa_family=AF_UNIX, sun_path=%s", bytes[2] ? "" : "@");
	if (bytes[2])
		trace_put_quoted(line, bytes + 2, strnlen((const char *)bytes + 2, length), false);
	else
		trace_put_quoted(line, bytes + 3, length - 1, false);
	trace_put(line, "}");
}

static void put_inet(struct trace_line *line, const uint8_t *bytes)
{
	struct sockaddr_in address;
	const uint8_t *ip = (const uint8_t *)&address.sin_addr;

	memcpy(&address, bytes, sizeof(address));
	trace_put(line,
		"{sa_family=AF_INET, sin_port=htons(%u), sin_addr=inet_addr(\"%u.%u.%u.%u\")}",
		swapped(address.sin_port), ip[0], ip[1], ip[2], ip[3]);
}

/* The longest run of zero groups, of two at least, becomes "::" (RFC 5952). */
static void put_inet6_groups(struct trace_line *line, const uint16_t groups[8])
{
	int best = 8, best_count = 1, count;

	for (int i = 0; i < 8; i += count + 1) {
		for (count = 0; i + count < 8 && !groups[i + count]; count++)
			continue;
		if (count > best_count) {
			best = i;
			best_count = count;
		}
	}
	for (int i = 0; i < 8; i++) {
		if (i == best) {
			trace_put(line, "::");
			i += best_count - 1;
			continue;
		}
		trace_put(line, "%s%x", i && i != best + best_count ? ":" : "", swapped(groups[i]));
	}
}

static void put_inet6(struct trace_line *line, const uint8_t *bytes)
{
	struct sockaddr_in6 address;
	uint16_t groups[8];

	memcpy(&address, bytes, sizeof(address));
	memcpy(groups, &address.sin6_addr, sizeof(groups));
	trace_put(line,
		"{sa_family=AF_INET6, sin6_port=htons(%u), sin6_flowinfo=htonl(%u), "
		"inet_pton(AF_INET6, \"",
		swapped(address.sin6_port), address.sin6_flowinfo);
	put_inet6_groups(line, groups);
	trace_put(line, "\", &sin6_addr), sin6_scope_id=%u}", address.sin6_scope_id);
}

void trace_put_address(struct trace_line *line, uint64_t address, uint64_t size)
{
	uint8_t bytes[ADDRESS_SIZE_MAX] = {0};
	uint16_t family;

	size = MIN(size, sizeof(bytes));
	if (size < sizeof(family)) {
		trace_put_pointer(line, address);
		return;
	}
	if (!read_or_put(line, bytes, address, size))
		return;
	memcpy(&family, bytes, sizeof(family));
	if (family == AF_UNIX)
		put_unix(line, bytes, (uint32_t)size);
	else if (family == AF_INET && size >= sizeof(struct sockaddr_in))
		put_inet(line, bytes);
	else if (family == AF_INET6 && size >= sizeof(struct sockaddr_in6))
		put_inet6(line, bytes);
	else
		trace_put(line, "{sa_family=%#x, ...}", family);
}

/* ---- Signals ----
 */

static void put_handler(struct trace_line *line, uint64_t handler)
{
	if (handler == 0)
		trace_put(line, "SIG_DFL");
	else if (handler == 1)
		trace_put(line, "SIG_IGN");
	else
		trace_put(line, "%#lx", handler);
}

void trace_put_action(struct trace_line *line, uint64_t address)
{
	const uint64_t has_restorer = 0x04000000;
	struct signal_action action;

	if (!read_or_put(line, &action, address, sizeof(action)))
		return;
	trace_put(line, "{sa_handler=");
	put_handler(line, action.handler);
	trace_put(line, ", sa_mask=");
	trace_put_set(line, action.mask);
	trace_put(line, ", sa_flags=");
	trace_put_named(line, TRACE_KIND_ACTION_FLAGS, action.flags);
	if (action.flags & has_restorer)
		trace_put(line, ", sa_restorer=%#lx", action.restorer);
	trace_put(line, "}");
}

/* ---- Limits and waiting ----
 */

static void put_limit(struct trace_line *line, uint64_t value)
{
	if (value == UINT64_MAX)
		trace_put(line, "RLIM64_INFINITY");
	else if (value > 1024 && value % 1024 == 0)
		trace_put(line, "%lu*1024", value / 1024);
	else
		trace_put(line, "%lu", value);
}

void trace_put_limits(struct trace_line *line, uint64_t address)
{
	uint64_t limits[2];

	if (!read_or_put(line, limits, address, sizeof(limits)))
		return;
	trace_put(line, "{rlim_cur=");
	put_limit(line, limits[0]);
	trace_put(line, ", rlim_max=");
	put_limit(line, limits[1]);
	trace_put(line, "}");
}

void trace_put_polls(struct trace_line *line, uint64_t address, uint64_t count)
{
	struct pollfd one;

	if (!address) {
		trace_put_pointer(line, address);
		return;
	}
	trace_put(line, "[");
	for (uint64_t i = 0; i < count; i++, address += sizeof(one)) {
		trace_put(line, i ? ", " : "");
		if (i == ELEMENT_COUNT_MAX) {
			trace_put(line, "...");
			break;
		}
		if (!read_or_put(line, &one, address, sizeof(one)))
			break;
		trace_put(line, "{fd=%d", one.fd);
		if (one.fd >= 0) {
			trace_put(line, ", events=");
			trace_put_named(line, TRACE_KIND_POLL_EVENTS, (uint16_t)one.events);
		}
		trace_put(line, "}");
	}
	trace_put(line, "]");
}
