#include "libos/syscalls/trace_filter.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "libos/syscalls/trace_value.h"

#define CALL_WORDS ((SYSCALL_NR_MAX + 63) / 64)

struct bits {
	uint64_t words[CALL_WORDS];
};

static struct bits calls = {{[0 ... CALL_WORDS - 1] = UINT64_MAX}};
static struct bits signals = {{UINT64_MAX}};

/* Classes that the arguments don't tell. */
static const struct {
	const char *name, *members;
} classes[] = {
#define CLASS(name, members) {#name, members},
#include "libos/syscalls/trace_classes.def"
#undef CLASS
};

static void bits_set(struct bits *bits, uint64_t n)
{
	bits->words[n / 64] |= 1UL << n % 64;
}

static bool bits_has(const struct bits *bits, uint64_t n)
{
	return n / 64 < CALL_WORDS && (bits->words[n / 64] >> n % 64 & 1);
}

bool trace_filter_call(uint64_t nr)
{
	return bits_has(&calls, nr);
}

bool trace_filter_signal(int signo)
{
	return signo > 0 && bits_has(&signals, (uint64_t)signo);
}

/* ---- Sets --------------------------------------------------------------------------------------
 */

static bool is_word(const char *word, size_t size, const char *name)
{
	return strlen(name) == size && !memcmp(word, name, size);
}

static bool add_call(struct bits *bits, const char *word, size_t size)
{
	for (uint64_t nr = 0; nr < SYSCALL_NR_MAX; nr++)
		if (syscall_table[nr].name && is_word(word, size, syscall_table[nr].name)) {
			bits_set(bits, nr);
			return true;
		}
	return false;
}

/* Calls with an argument of one of two kinds. */
static void add_kinds(struct bits *bits, enum trace_kind first, enum trace_kind last)
{
	for (uint64_t nr = 0; nr < SYSCALL_NR_MAX; nr++)
		for (unsigned int i = 0; i < TRACE_ARGUMENT_COUNT; i++) {
			enum trace_kind kind = trace_kinds(nr)[i];

			if (kind == TRACE_KIND_END)
				break;
			if (kind >= first && kind <= last)
				bits_set(bits, nr);
		}
}

static bool add_class(struct bits *bits, const char *word, size_t size)
{
	const char *member, *end;

	if (is_word(word, size, "file"))
		add_kinds(bits, TRACE_KIND_PATH, TRACE_KIND_PATH_OUT);
	if (is_word(word, size, "desc"))
		add_kinds(bits, TRACE_KIND_FD, TRACE_KIND_FD_PAIR);
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		if (!is_word(word, size, classes[i].name))
			continue;
		for (member = classes[i].members; *member; member = *end ? end + 1 : end) {
			end = strchr(member, ' ');
			end = end ? end : member + strlen(member);
			(void)add_call(bits, member, (size_t)(end - member));
		}
		return true;
	}
	return is_word(word, size, "file") || is_word(word, size, "desc");
}

static bool add_signal(struct bits *bits, const char *word, size_t size)
{
	struct trace_line name;
	bool is_short = size < 3 || memcmp(word, "SIG", 3) != 0;

	for (int signo = 1; signo <= 64; signo++) {
		name.length = 0;
		trace_put_signal(&name, signo);
		if (is_word(word, size, name.text + (is_short ? 3 : 0))) {
			bits_set(bits, (uint64_t)signo);
			return true;
		}
	}
	return false;
}

static bool add_word(struct bits *bits, const char *word, size_t size, bool is_signal)
{
	if (is_word(word, size, "all"))
		memset(bits, 0xff, sizeof(*bits));
	else if (is_word(word, size, "none"))
		return true;
	else if (is_signal)
		return add_signal(bits, word, size);
	else if (size && *word == '%')
		return add_class(bits, word + 1, size - 1);
	else
		return add_call(bits, word, size);
	return true;
}

static int parse_set(const char *at, const char *end, bool is_signal, char *ret_word)
{
	struct bits bits = {0};
	bool is_negated = at < end && *at == '!';
	const char *comma;
	size_t size;

	for (at += is_negated; at <= end; at = comma + 1) {
		comma = memchr(at, ',', (size_t)(end - at));
		comma = comma ? comma : end;
		size = (size_t)(comma - at);
		if (!add_word(&bits, at, size, is_signal)) {
			size = MIN(size, TRACE_WORD_SIZE - 1UL);
			memcpy(ret_word, at, size);
			ret_word[size] = '\0';
			return -EINVAL;
		}
	}
	for (size_t i = 0; is_negated && i < CALL_WORDS; i++)
		bits.words[i] = ~bits.words[i];
	if (is_signal)
		signals = bits;
	else
		calls = bits;
	return 0;
}

static bool skip_prefix(const char **at, const char *prefix)
{
	size_t size = strlen(prefix);

	if (strncmp(*at, prefix, size) != 0)
		return false;
	*at += size;
	return true;
}

int trace_filter_parse(const char *expressions, char *ret_word)
{
	const char *at = expressions, *end;
	bool is_signal;
	int r = 0;

	for (; *at && !r; at = *end ? end + 1 : end) {
		end = strchr(at, '\n');
		end = end ? end : at + strlen(at);
		is_signal = skip_prefix(&at, "signal=") || skip_prefix(&at, "signals=");
		if (!is_signal)
			(void)skip_prefix(&at, "trace=");
		r = parse_set(at, end, is_signal, ret_word);
	}
	return r;
}
