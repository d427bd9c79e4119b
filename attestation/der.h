/* DER (X.690), as much of it as vendors' certificate extensions need. */
#ifndef ATTESTATION_DER_H
#define ATTESTATION_DER_H

#include "attestation/reader.h"

enum der_tag {
	DER_INTEGER = 0x02,
	DER_OCTET_STRING = 0x04,
	DER_OID = 0x06,
	DER_UTF8_STRING = 0x0c,
	DER_IA5_STRING = 0x16,
	DER_SEQUENCE = 0x30,
};

/* The length of what follows; fails the reader on what DER does not allow. */
static inline size_t der_length(struct reader *reader)
{
	uint8_t first = reader_u8(reader);
	size_t count = first & 0x7f, length;

	if (first < 0x80)
		return first;
	if (count < 1 || count > 3) {
		reader->failed = true;
		return 0;
	}
	length = (size_t)reader_be(reader, count);
	if (length < 0x80 || length >> (8 * (count - 1)) == 0)
		reader->failed = true; /* would have fitted into less */
	return length;
}

/* The next element, whatever it is; fails the reader at the end. */
static inline struct span der_any(struct reader *reader, uint8_t *ret_tag)
{
	*ret_tag = reader_u8(reader);
	return reader_take(reader, der_length(reader));
}

/* The content of the next element, which must be of @tag. */
static inline struct span der_take(struct reader *reader, uint8_t tag)
{
	uint8_t is;
	struct span content = der_any(reader, &is);

	if (is != tag)
		reader->failed = true;
	return reader->failed ? (struct span){0} : content;
}

/* A whole number from 0 to @max. */
static inline uint32_t der_unsigned(struct reader *reader, uint32_t max)
{
	struct span content = der_take(reader, DER_INTEGER);
	uint64_t value = 0;

	if (content.size < 1 || content.size > 5 || (content.data[0] & 0x80) ||
		(content.size > 1 && content.data[0] == 0 && !(content.data[1] & 0x80))) {
		reader->failed = true;
		return 0;
	}
	for (size_t i = 0; i < content.size; i++)
		value = value << 8 | content.data[i];
	if (value > max)
		reader->failed = true;
	return reader->failed ? 0 : (uint32_t)value;
}

#endif
