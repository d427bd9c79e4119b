#include "attestation/text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void text_buffer_done(struct text_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct text_buffer){0};
}

void text_hex(const void *bytes, size_t size, char *to)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = bytes;

	for (size_t i = 0; i < size; i++) {
		*to++ = digits[from[i] >> 4];
		*to++ = digits[from[i] & 15];
	}
	*to = '\0';
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool text_from_hex(const char *text, size_t text_size, void *to, size_t size)
{
	uint8_t *bytes = to;

	if (text_size != 2 * size)
		return false;
	for (size_t i = 0; i < size; i++) {
		int high = hex_value(text[2 * i]), low = hex_value(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i] = (uint8_t)(high << 4 | low);
	}
	return true;
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

static int base64_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == '+' || c == '-')
		return 62;
	if (c == '/' || c == '_')
		return 63;
	return -1;
}

/* Digits of @bits bits each become bytes. -EINVAL: not such digits, or bits are left over. */
static int decode(const char *text, size_t size, unsigned int bits, int (*value_of)(char),
	struct text_buffer *ret)
{
	uint8_t *data = malloc(size * bits / 8 + 1);
	unsigned int held = 0, have = 0;
	size_t count = 0, at = 0;

	if (!data)
		return -ENOMEM;
	for (; at < size; at++) {
		int value = value_of(text[at]);

		if (is_space(text[at]))
			continue;
		if (value < 0)
			break;
		held = held << bits | (unsigned int)value;
		have += bits;
		if (have >= 8) {
			have -= 8;
			data[count++] = (uint8_t)(held >> have);
			held &= (1u << have) - 1;
		}
	}
	for (; at < size; at++)
		if (!is_space(text[at]) && !(bits == 6 && text[at] == '='))
			break;
	if (at < size || held != 0 || have >= bits) {
		free(data);
		return -EINVAL;
	}
	*ret = (struct text_buffer){data, count};
	return 0;
}

int text_from_hex_any(const char *text, size_t size, struct text_buffer *ret)
{
	while (size && is_space(*text)) {
		text++;
		size--;
	}
	if (size > 2 && text[0] == '0' && (text[1] == 'x' || text[1] == 'X'))
		return decode(text + 2, size - 2, 4, hex_value, ret);
	return decode(text, size, 4, hex_value, ret);
}

int text_from_base64(const char *text, size_t size, struct text_buffer *ret)
{
	return decode(text, size, 6, base64_value, ret);
}

char *text_base64(struct span bytes)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char *text = malloc((bytes.size + 2) / 3 * 4 + 1), *to = text;

	if (!text)
		return NULL;
	for (size_t i = 0; i < bytes.size; i += 3) {
		size_t left = bytes.size - i;
		uint32_t group = (uint32_t)bytes.data[i] << 16 |
				 (left > 1 ? (uint32_t)bytes.data[i + 1] << 8 : 0) |
				 (left > 2 ? bytes.data[i + 2] : 0);

		*to++ = digits[group >> 18];
		*to++ = digits[group >> 12 & 63];
		*to++ = left > 1 ? digits[group >> 6 & 63] : '=';
		*to++ = left > 2 ? digits[group & 63] : '=';
	}
	*to = '\0';
	return text;
}

/* Days from 1970-01-01 (Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms"). */
static int64_t days_from_date(int64_t year, unsigned int month, unsigned int day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = y / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * ((int64_t)month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool is_leap(unsigned int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

static unsigned int days_of_month(unsigned int year, unsigned int month)
{
	static const uint8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};

	return days[month - 1] + (month == 2 && is_leap(year));
}

static bool take_number(const char *text, size_t digits, unsigned int *ret)
{
	*ret = 0;
	for (size_t i = 0; i < digits; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*ret = *ret * 10 + (unsigned int)(text[i] - '0');
	}
	return true;
}

bool text_from_time(const char *text, int64_t *ret)
{
	unsigned int year, month, day, hour, minute, second;

	if (strlen(text) != 20 || text[4] != '-' || text[7] != '-' || text[10] != 'T' ||
		text[13] != ':' || text[16] != ':' || text[19] != 'Z')
		return false;
	if (!take_number(text, 4, &year) || !take_number(text + 5, 2, &month) ||
		!take_number(text + 8, 2, &day) || !take_number(text + 11, 2, &hour) ||
		!take_number(text + 14, 2, &minute) || !take_number(text + 17, 2, &second))
		return false;
	if (year < 1970 || month < 1 || month > 12 || day < 1 || day > days_of_month(year, month) ||
		hour > 23 || minute > 59 || second > 60)
		return false;
	*ret = days_from_date(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
	return true;
}

void text_time(int64_t time, char to[TEXT_TIME_SIZE])
{
	int64_t days = time / 86400, left = time % 86400;
	unsigned int year = 1970, month = 1;

	if (time < 0 || days > 2932896) { /* 9999-12-31 */
		snprintf(to, TEXT_TIME_SIZE, "%lld", (long long)time);
		return;
	}
	for (; days >= (is_leap(year) ? 366 : 365); year++)
		days -= is_leap(year) ? 366 : 365;
	for (; days >= days_of_month(year, month); month++)
		days -= days_of_month(year, month);
	snprintf(to, TEXT_TIME_SIZE, "%04u-%02u-%02dT%02d:%02d:%02dZ", year, month, (int)days + 1,
		(int)(left / 3600), (int)(left / 60 % 60), (int)(left % 60));
}
