#include "base/format.h"

#include "base/memory.h"

struct output {
	char *to;
	size_t size;   /* room, with the NUL */
	size_t length; /* what would have been written */
};

struct conversion {
	bool left, zero, alternate;
	size_t width;
	size_t precision;   /* SIZE_MAX: none given */
	unsigned int longs; /* 0 int, 1 long or size_t, 2 long long; all 64-bit but 0 */
};

static void put(struct output *out, char c)
{
	if (out->length + 1 < out->size)
		out->to[out->length] = c;
	out->length++;
}

static void put_padded(
	struct output *out, const struct conversion *c, const char *text, size_t length)
{
	size_t pad = c->width > length ? c->width - length : 0;

	for (; !c->left && pad; pad--)
		put(out, ' ');
	for (size_t i = 0; i < length; i++)
		put(out, text[i]);
	for (; pad; pad--)
		put(out, ' ');
}

static void put_number(struct output *out, struct conversion *c, uint64_t value, unsigned int base,
	bool negative, bool upper)
{
	const char *digits = upper ? "0123456789ABCDEF" : "0123456789abcdef";
	char text[32];
	size_t at = sizeof(text);
	size_t prefix = (negative ? 1 : 0) + (c->alternate && base == 16 ? 2 : 0);
	size_t least = c->precision != SIZE_MAX ? c->precision : 1;

	if (c->zero && !c->left && c->precision == SIZE_MAX && c->width > prefix)
		least = c->width - prefix;
	least = MIN(least, sizeof(text) - 4);
	for (; value || sizeof(text) - at < least; value /= base)
		text[--at] = digits[value % base];
	if (c->alternate && base == 16) {
		text[--at] = upper ? 'X' : 'x';
		text[--at] = '0';
	}
	if (negative)
		text[--at] = '-';
	put_padded(out, c, text + at, sizeof(text) - at);
}

static int64_t take_signed(const struct conversion *c, va_list *args)
{
	return c->longs ? va_arg(*args, long) : va_arg(*args, int);
}

static uint64_t take_unsigned(const struct conversion *c, va_list *args)
{
	return c->longs ? va_arg(*args, unsigned long) : va_arg(*args, unsigned int);
}

static const char *parse_number(const char *f, size_t *ret, va_list *args)
{
	size_t n = 0;

	if (*f == '*') {
		int given = va_arg(*args, int);

		*ret = given < 0 ? 0 : (size_t)given;
		return f + 1;
	}
	for (; *f >= '0' && *f <= '9'; f++)
		n = n * 10 + (size_t)(*f - '0');
	*ret = n;
	return f;
}

static const char *parse_conversion(const char *f, struct conversion *c, va_list *args)
{
	*c = (struct conversion){.precision = SIZE_MAX};
	for (;; f++) {
		if (*f == '-')
			c->left = true;
		else if (*f == '0')
			c->zero = true;
		else if (*f == '#')
			c->alternate = true;
		else
			break;
	}
	f = parse_number(f, &c->width, args);
	if (*f == '.')
		f = parse_number(f + 1, &c->precision, args);
	for (; *f == 'h' || *f == 'l' || *f == 'z' || *f == 't'; f++)
		if (*f != 'h')
			c->longs++;
	return f;
}

static void put_conversion(struct output *out, char kind, struct conversion *c, va_list *args)
{
	const char *s;
	char one;
	int64_t v;

	switch (kind) {
	case 'c':
		one = (char)va_arg(*args, int);
		put_padded(out, c, &one, 1);
		break;
	case 's':
		s = va_arg(*args, const char *);
		s = s ? s : "(null)";
		put_padded(out, c, s, strnlen(s, c->precision));
		break;
	case 'd':
	case 'i':
		v = take_signed(c, args);
		put_number(out, c, v < 0 ? 0 - (uint64_t)v : (uint64_t)v, 10, v < 0, false);
		break;
	case 'u':
		put_number(out, c, take_unsigned(c, args), 10, false, false);
		break;
	case 'o':
		put_number(out, c, take_unsigned(c, args), 8, false, false);
		break;
	case 'x':
	case 'X':
		put_number(out, c, take_unsigned(c, args), 16, false, kind == 'X');
		break;
	case 'p':
		c->alternate = true;
		put_number(out, c, (uintptr_t)va_arg(*args, void *), 16, false, false);
		break;
	default:
		put(out, '%');
		if (kind != '%')
			put(out, kind);
	}
}

size_t format_string_v(char *to, size_t size, const char *format, va_list args)
{
	struct output out = {to, size, 0};
	struct conversion c;
	va_list copy;

	va_copy(copy, args);
	for (const char *f = format; *f; f++) {
		if (*f != '%') {
			put(&out, *f);
			continue;
		}
		f = parse_conversion(f + 1, &c, &copy);
		if (!*f)
			break;
		put_conversion(&out, *f, &c, &copy);
	}
	va_end(copy);
	if (size)
		to[MIN(out.length, size - 1)] = '\0';
	return out.length;
}

size_t format_string(char *to, size_t size, const char *format, ...)
{
	va_list args;
	size_t length;

	va_start(args, format);
	length = format_string_v(to, size, format, args);
	va_end(args);
	return length;
}
