#include "attestation/cbor.h"

enum cbor_major cbor_head(struct reader *reader, uint64_t *ret_number)
{
	uint8_t first = reader_u8(reader), low = first & 31;

	*ret_number = low;
	if (low >= 24 && low <= 27)
		*ret_number = reader_be(reader, (size_t)1 << (low - 24));
	else if (low > 27)
		reader->failed = true;
	return (enum cbor_major)(first >> 5);
}

uint64_t cbor_take(struct reader *reader, enum cbor_major major)
{
	uint64_t number;

	if (cbor_head(reader, &number) != major)
		reader->failed = true;
	return reader->failed ? 0 : number;
}

struct span cbor_string(struct reader *reader, enum cbor_major major)
{
	uint64_t size = cbor_take(reader, major);

	if (size > SIZE_MAX)
		reader->failed = true;
	return reader_take(reader, (size_t)size);
}

static void skip(struct reader *reader, unsigned int depth)
{
	uint64_t number, count;
	enum cbor_major major = cbor_head(reader, &number);

	if (reader->failed)
		return;
	if (major == CBOR_BYTES || major == CBOR_TEXT) {
		reader_take(reader, (size_t)number);
		return;
	}
	if (major != CBOR_ARRAY && major != CBOR_MAP && major != CBOR_TAG)
		return;
	count = major == CBOR_TAG ? 1 : number;
	if (depth == CBOR_DEPTH_MAX || count > CBOR_ITEMS_MAX) {
		reader->failed = true;
		return;
	}
	for (uint64_t i = 0; i < (major == CBOR_MAP ? 2 * count : count) && !reader->failed; i++)
		skip(reader, depth + 1);
}

struct span cbor_skip(struct reader *reader)
{
	size_t from = reader->at;

	skip(reader, 0);
	if (reader->failed)
		return (struct span){0};
	return (struct span){reader->span.data + from, reader->at - from};
}
