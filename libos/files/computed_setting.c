/* Numbers under /proc/sys that can be set. */
#include "libos/files/computed.h"

#include "base/memory.h"
#include "libos/files/inode.h"

int computed_show_setting(const struct computed_entry *entry, struct text *text)
{
	text_put(text, "%d\n", __atomic_load_n(entry->node->setting->value, __ATOMIC_RELAXED));
	return 0;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\n' || c == '\t';
}

/* A decimal number with white space around it. */
static int parse(const char *from, size_t size, int64_t *ret_value)
{
	const char *end = from + size;
	bool is_negative;
	int64_t value = 0;

	while (from < end && is_space(*from))
		from++;
	is_negative = from < end && *from == '-';
	from += is_negative;
	if (from == end || *from < '0' || *from > '9')
		return -EINVAL;
	for (; from < end && *from >= '0' && *from <= '9'; from++) {
		value = 10 * value + (*from - '0');
		if (value > INT32_MAX)
			return -EINVAL;
	}
	while (from < end && (is_space(*from) || !*from))
		from++;
	if (from != end)
		return -EINVAL;
	*ret_value = is_negative ? -value : value;
	return 0;
}

int computed_store_setting(const struct computed_entry *entry, const char *from, size_t size)
{
	const struct computed_setting *setting = entry->node->setting;
	int64_t value;
	int r = parse(from, size, &value);

	if (r)
		return r;
	if (value < setting->least || value > setting->most)
		return -EINVAL;
	__atomic_store_n(setting->value, (int32_t)value, __ATOMIC_RELAXED);
	return 0;
}
