/* Reads fields one after another from foreign bytes. Reading past the end gives zeros and is
 * remembered: check reader_failed() once, when all is read and before anything is used. */
#ifndef ATTESTATION_READER_H
#define ATTESTATION_READER_H

#include <string.h>

#include "base/span.h"

struct reader {
	struct span span;
	size_t at;
	bool failed;
};

static inline struct reader reader_of(struct span span)
{
	return (struct reader){.span = span};
}

static inline bool reader_failed(const struct reader *reader)
{
	return reader->failed;
}

static inline size_t reader_left(const struct reader *reader)
{
	return reader->span.size - reader->at;
}

/* The next @size bytes, in place; an empty span past the end. */
static inline struct span reader_take(struct reader *reader, size_t size)
{
	struct span part = {0};

	if (reader->failed || !span_slice(reader->span, reader->at, size, &part)) {
		reader->failed = true;
		return (struct span){0};
	}
	reader->at += size;
	return part;
}

static inline void reader_copy(struct reader *reader, void *to, size_t size)
{
	struct span part = reader_take(reader, size);

	if (part.data)
		memcpy(to, part.data, size);
	else
		memset(to, 0, size);
}

static inline void reader_skip(struct reader *reader, size_t size)
{
	reader_take(reader, size);
}

/* An unsigned integer of @size bytes, little or big endian. */
static inline uint64_t reader_le(struct reader *reader, size_t size)
{
	struct span part = reader_take(reader, size);
	uint64_t value = 0;

	for (size_t i = part.size; i > 0; i--)
		value = value << 8 | part.data[i - 1];
	return value;
}

static inline uint64_t reader_be(struct reader *reader, size_t size)
{
	struct span part = reader_take(reader, size);
	uint64_t value = 0;

	for (size_t i = 0; i < part.size; i++)
		value = value << 8 | part.data[i];
	return value;
}

static inline uint8_t reader_u8(struct reader *reader)
{
	return (uint8_t)reader_le(reader, 1);
}

static inline uint16_t reader_le16(struct reader *reader)
{
	return (uint16_t)reader_le(reader, 2);
}

static inline uint32_t reader_le32(struct reader *reader)
{
	return (uint32_t)reader_le(reader, 4);
}

static inline uint64_t reader_le64(struct reader *reader)
{
	return reader_le(reader, 8);
}

static inline uint16_t reader_be16(struct reader *reader)
{
	return (uint16_t)reader_be(reader, 2);
}

static inline uint32_t reader_be32(struct reader *reader)
{
	return (uint32_t)reader_be(reader, 4);
}

/* TPM2B: a size of two bytes, big endian, and as many bytes. */
static inline struct span reader_tpm2b(struct reader *reader)
{
	return reader_take(reader, reader_be16(reader));
}

/* All that is left. */
static inline struct span reader_rest(struct reader *reader)
{
	return reader_take(reader, reader->failed ? 0 : reader_left(reader));
}

static inline bool span_is_zero(struct span span)
{
	uint8_t any = 0;

	for (size_t i = 0; i < span.size; i++)
		any |= span.data[i];
	return any == 0;
}

static inline bool span_equals(struct span a, struct span b)
{
	return a.size == b.size && (a.size == 0 || memcmp(a.data, b.data, a.size) == 0);
}

#endif
