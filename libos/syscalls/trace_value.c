#include "libos/syscalls/trace_value.h"

#include <asm/errno.h>
#include <linux/fcntl.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/user.h"

#define STRING_SIZE_DEFAULT 32 /* as strace's -s */
#define PATH_SIZE_MAX 256
#define STRINGS_COUNT_MAX 32

static size_t string_size_max = STRING_SIZE_DEFAULT;

void trace_string_size_set(size_t size)
{
	string_size_max = MIN(size, (size_t)TRACE_STRING_SIZE_MAX);
}

void trace_put(struct trace_line *line, const char *format, ...)
{
	size_t left = sizeof(line->text) - line->length;
	va_list args;
	size_t n;

	va_start(args, format);
	n = format_string_v(line->text + line->length, left, format, args);
	va_end(args);
	line->length += MIN(n, left - 1);
}

/* @next decides whether a short octal escape could be misread. */
static void put_byte(struct trace_line *line, uint8_t byte, uint8_t next)
{
	static const char escaped[] = "\n\t\r\v\f\"\\", letters[] = "ntrvf\"\\";
	const char *at = byte ? strchr(escaped, byte) : NULL;

	if (at)
		trace_put(line, "\\%c", letters[at - escaped]);
	else if (byte >= ' ' && byte < 0x7f)
		trace_put(line, "%c", byte);
	else
		trace_put(line, next >= '0' && next <= '9' ? "\\%03o" : "\\%o", byte);
}

void trace_put_quoted(struct trace_line *line, const uint8_t *bytes, size_t size, bool is_cut)
{
	trace_put(line, "\"");
	for (size_t i = 0; i < size; i++)
		put_byte(line, bytes[i], i + 1 < size ? bytes[i + 1] : 0);
	trace_put(line, is_cut ? "\"..." : "\"");
}

void trace_put_pointer(struct trace_line *line, uint64_t value)
{
	if (value)
		trace_put(line, "%#lx", value);
	else
		trace_put(line, "NULL");
}

/* At most @max characters of it. */
static void put_string(struct trace_line *line, uint64_t address, size_t max)
{
	char text[TRACE_STRING_SIZE_MAX + 1] = {0};
	long length = user_read_string(text, address, sizeof(text));
	size_t size;

	if (length == -EFAULT) {
		trace_put_pointer(line, address);
		return;
	}
	size = length < 0 ? sizeof(text) - 1 : (size_t)length;
	trace_put_quoted(line, (const uint8_t *)text, MIN(size, max), length < 0 || size > max);
}

void trace_put_bytes(struct trace_line *line, uint64_t address, uint64_t size)
{
	uint8_t bytes[TRACE_STRING_SIZE_MAX];
	size_t shown = MIN(size, string_size_max);

	if (!address || user_read(bytes, address, shown))
		trace_put_pointer(line, address);
	else
		trace_put_quoted(line, bytes, shown, size > shown);
}

static void put_strings(struct trace_line *line, uint64_t address)
{
	uint64_t string;

	if (!address || USER_GET(&string, address)) {
		trace_put_pointer(line, address);
		return;
	}
	trace_put(line, "[");
	for (size_t i = 0; string; i++) {
		if (i == STRINGS_COUNT_MAX) {
			trace_put(line, ", ...");
			break;
		}
		trace_put(line, i ? ", " : "");
		put_string(line, string, string_size_max);
		address += sizeof(string);
		if (USER_GET(&string, address))
			break;
	}
	trace_put(line, "]");
}

static void put_fd_pair(struct trace_line *line, uint64_t address, long result)
{
	int32_t fds[2];

	if (result < 0 || user_read(fds, address, sizeof(fds)))
		trace_put_pointer(line, address);
	else
		trace_put(line, "[%d, %d]", fds[0], fds[1]);
}

static void put_time(struct trace_line *line, uint64_t address)
{
	int64_t time[2];

	if (!address || user_read(time, address, sizeof(time)))
		trace_put_pointer(line, address);
	else
		trace_put(line, "{tv_sec=%ld, tv_nsec=%ld}", time[0], time[1]);
}

static void put_status(struct trace_line *line, uint64_t address, long result)
{
	uint32_t status;

	if (!address || result <= 0 || USER_GET(&status, address)) {
		trace_put_pointer(line, address);
	} else if (!(status & 0x7f)) {
		trace_put(line, "[{WIFEXITED(s) && WEXITSTATUS(s) == %u}]", status >> 8 & 0xff);
	} else if ((status & 0xff) != 0x7f) {
		trace_put(line, "[{WIFSIGNALED(s) && WTERMSIG(s) == ");
		trace_put_signal(line, (int)(status & 0x7f));
		trace_put(line, status & 0x80 ? " && WCOREDUMP(s)}]" : "}]");
	} else {
		trace_put(line, "[%#x]", status);
	}
}

void trace_put_set(struct trace_line *line, uint64_t set)
{
	const char *separator = "";

	/* Nearly full sets are told by what is missing. */
	trace_put(line, bits_count(set) > 32 ? "~[" : "[");
	if (bits_count(set) > 32)
		set = ~set;
	for (int signo = 1; signo <= 64; signo++) {
		if (!(set & (1UL << (signo - 1))))
			continue;
		trace_put(line, "%s", separator);
		trace_put_signal_short(line, signo);
		separator = " ";
	}
	trace_put(line, "]");
}

static void put_signals(struct trace_line *line, uint64_t address)
{
	uint64_t set;

	if (!address || USER_GET(&set, address))
		trace_put_pointer(line, address);
	else
		trace_put_set(line, set);
}

/* How many variables, since they are many and long. */
static void put_environment(struct trace_line *line, uint64_t address)
{
	uint64_t string = 1;
	unsigned int count = 0;

	trace_put_pointer(line, address);
	if (!address)
		return;
	for (; !USER_GET(&string, address) && string; address += sizeof(string))
		count++;
	trace_put(line, " /* %u var%s */", count, count == 1 ? "" : "s");
}

static void put_address_out(struct trace_line *line, uint64_t address, uint64_t size_at)
{
	uint32_t size;

	if (!address || !size_at || USER_GET(&size, size_at))
		trace_put_pointer(line, address);
	else
		trace_put_address(line, address, size);
}

static void put_size_at(struct trace_line *line, uint64_t address)
{
	uint32_t size;

	if (!address || USER_GET(&size, address))
		trace_put_pointer(line, address);
	else
		trace_put(line, "[%u]", size);
}

static void put_fd(struct trace_line *line, uint64_t value, bool is_directory)
{
	if (is_directory && (int)value == AT_FDCWD)
		trace_put(line, "AT_FDCWD");
	else
		trace_put(line, "%d", (int)value);
}

/* Every byte as \xHH, as strace does where text is unlikely. */
static void put_hex(struct trace_line *line, uint64_t address, uint64_t size)
{
	uint8_t bytes[TRACE_STRING_SIZE_MAX];
	size_t shown = MIN(size, string_size_max);

	if (!address || user_read(bytes, address, shown)) {
		trace_put_pointer(line, address);
		return;
	}
	trace_put(line, "\"");
	for (size_t i = 0; i < shown; i++)
		trace_put(line, "\\x%02x", bytes[i]);
	trace_put(line, size > shown ? "\"..." : "\"");
}

/* What the call wrote is shown only if it succeeded. Returns whether @kind is a structure. */
static bool put_structure(struct trace_line *line, enum trace_kind kind,
	const uint64_t arguments[TRACE_ARGUMENT_COUNT], unsigned int i, long result)
{
	bool is_out = kind == TRACE_KIND_STAT || kind == TRACE_KIND_VECTOR_OUT ||
		      kind == TRACE_KIND_ADDRESS_OUT || kind == TRACE_KIND_SIZE_OUT ||
		      kind == TRACE_KIND_ACTION_OUT || kind == TRACE_KIND_LIMITS_OUT;
	uint64_t value = arguments[i];

	if (is_out && result < 0) {
		trace_put_pointer(line, value);
		return true;
	}
	if (kind == TRACE_KIND_STAT)
		trace_put_stat(line, value);
	else if (kind == TRACE_KIND_VECTOR_IN)
		trace_put_vector(line, value, arguments[i + 1], UINT64_MAX);
	else if (kind == TRACE_KIND_VECTOR_OUT)
		trace_put_vector(line, value, arguments[i + 1], (uint64_t)result);
	else if (kind == TRACE_KIND_ADDRESS)
		trace_put_address(line, value, arguments[i + 1]);
	else if (kind == TRACE_KIND_ADDRESS_OUT)
		put_address_out(line, value, arguments[i + 1]);
	else if (kind == TRACE_KIND_SIZE_OUT)
		put_size_at(line, value);
	else if (kind == TRACE_KIND_ACTION || kind == TRACE_KIND_ACTION_OUT)
		trace_put_action(line, value);
	else if (kind == TRACE_KIND_LIMITS || kind == TRACE_KIND_LIMITS_OUT)
		trace_put_limits(line, value);
	else if (kind == TRACE_KIND_POLLS)
		trace_put_polls(line, value, arguments[i + 1]);
	else if (kind == TRACE_KIND_RULESET)
		trace_put_ruleset(line, value, arguments[i + 1]);
	else if (kind == TRACE_KIND_RULE)
		trace_put_rule(line, value, arguments[i - 1]);
	else
		return false;
	return true;
}

/* "%#03o" of the C library. */
void trace_put_mode(struct trace_line *line, uint32_t mode)
{
	trace_put(line, mode < 0100 ? "%03o" : "0%o", mode);
}

void trace_put_argument(struct trace_line *line, enum trace_kind kind,
	const uint64_t arguments[TRACE_ARGUMENT_COUNT], unsigned int i, long result)
{
	uint64_t value = arguments[i];

	switch (kind) {
	case TRACE_KIND_END:
	case TRACE_KIND_NOTHING:
		break;
	case TRACE_KIND_INT:
		trace_put(line, "%d", (int)value);
		break;
	case TRACE_KIND_UNSIGNED:
		trace_put(line, "%u", (uint32_t)value);
		break;
	case TRACE_KIND_LONG:
		trace_put(line, "%ld", (long)value);
		break;
	case TRACE_KIND_SIZE:
		trace_put(line, "%lu", value);
		break;
	case TRACE_KIND_HEX:
		trace_put(line, value ? "%#lx" : "%lu", value);
		break;
	case TRACE_KIND_POINTER:
		trace_put_pointer(line, value);
		break;
	case TRACE_KIND_FD:
	case TRACE_KIND_DIRECTORY:
		put_fd(line, value, kind == TRACE_KIND_DIRECTORY);
		break;
	case TRACE_KIND_PATH:
		put_string(line, value, PATH_SIZE_MAX);
		break;
	case TRACE_KIND_PATH_OUT:
		if (result < 0)
			trace_put_pointer(line, value);
		else
			put_string(line, value, PATH_SIZE_MAX);
		break;
	case TRACE_KIND_STRING:
		put_string(line, value, string_size_max);
		break;
	case TRACE_KIND_STRINGS:
		put_strings(line, value);
		break;
	case TRACE_KIND_IN:
		trace_put_bytes(line, value, arguments[i + 1]);
		break;
	case TRACE_KIND_OUT:
		if (result < 0)
			trace_put_pointer(line, value);
		else
			trace_put_bytes(line, value, MIN((uint64_t)result, arguments[i + 1]));
		break;
	case TRACE_KIND_FD_PAIR:
		put_fd_pair(line, value, result);
		break;
	case TRACE_KIND_TIME:
		put_time(line, value);
		break;
	case TRACE_KIND_TIME_OUT:
		if (result < 0)
			trace_put_pointer(line, value);
		else
			put_time(line, value);
		break;
	case TRACE_KIND_STATUS:
		put_status(line, value, result);
		break;
	case TRACE_KIND_MODE:
	case TRACE_KIND_CREATE_MODE:
		trace_put_mode(line, (uint32_t)value);
		break;
	case TRACE_KIND_SIGNAL:
		trace_put_signal(line, (int)value);
		break;
	case TRACE_KIND_SIGNALS:
		put_signals(line, value);
		break;
	case TRACE_KIND_SIGNALS_OUT:
		if (result < 0)
			trace_put_pointer(line, value);
		else
			put_signals(line, value);
		break;
	case TRACE_KIND_ENVIRONMENT:
		put_environment(line, value);
		break;
	case TRACE_KIND_RANDOM:
		if (result < 0)
			trace_put_pointer(line, value);
		else
			put_hex(line, value, (uint64_t)result);
		break;
	case TRACE_KIND_SOCKET_TYPE:
		trace_put_socket_type(line, value);
		break;
	default:
		if (!put_structure(line, kind, arguments, i, result))
			trace_put_named(line, kind, value);
		break;
	case TRACE_KIND_CLONE:
		trace_put_clone(line, value);
		break;
	case TRACE_KIND_FUTEX:
		trace_put_futex(line, value);
		break;
	case TRACE_KIND_OPEN:
		trace_put_open(line, value);
		break;
	case TRACE_KIND_FANOTIFY_GROUP:
		trace_put_fanotify_group(line, value);
		break;
	}
}
