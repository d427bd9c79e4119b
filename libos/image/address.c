#include "libos/image/address.h"

#include "base/memory.h"

/* One part of an IPv4 address; false if it is none. A leading zero is refused: some readers take
 * it for octal. */
static bool octet(const char **s)
{
	const char *start = *s;
	unsigned int value = 0;

	while (**s >= '0' && **s <= '9' && *s - start < 3)
		value = value * 10 + (unsigned int)(*(*s)++ - '0');
	return *s != start && value <= 255 && (*start != '0' || *s == start + 1);
}

bool address_is_ipv4(const char *s)
{
	for (int i = 0; i < 4; i++) {
		if (i > 0 && *s++ != '.')
			return false;
		if (!octet(&s))
			return false;
	}
	return !*s;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* Hexadecimal digits at *@s, at most four. */
static size_t hex_digits(const char **s)
{
	size_t count = 0;

	for (; count < 4 && is_hex(**s); count++)
		(*s)++;
	return count;
}

/* Eight groups, or fewer and one `::` for the rest; the last two may be an IPv4 address. */
bool address_is_ipv6(const char *s)
{
	unsigned int groups = 0;
	bool gap = false, colon_due = false;

	while (*s && groups < 8) {
		const char *start;

		if (s[0] == ':' && s[1] == ':') {
			if (gap)
				return false;
			gap = true;
			colon_due = false;
			s += 2;
			continue;
		}
		if (colon_due && *s++ != ':')
			return false;
		start = s;
		if (hex_digits(&s) == 0)
			return false;
		if (*s == '.')
			return address_is_ipv4(start) && (gap ? groups <= 5 : groups == 6);
		colon_due = true;
		groups++;
	}
	return !*s && (gap ? groups < 8 : groups == 8);
}

bool address_is_ip(const char *s)
{
	return address_is_ipv4(s) || address_is_ipv6(s);
}
