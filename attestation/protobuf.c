#include "attestation/protobuf.h"

#define VARINT_SIZE_MAX 10

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_64 = 1,
	WIRE_BYTES = 2,
	WIRE_32 = 5,
};

/* Seven bits a byte, the lowest first; the highest bit says that another follows. */
static uint64_t read_varint(struct reader *reader)
{
	uint64_t value = 0;

	for (unsigned int i = 0; i < VARINT_SIZE_MAX; i++) {
		uint8_t byte = reader_u8(reader);

		if (i == VARINT_SIZE_MAX - 1 && byte > 1)
			break;
		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (!(byte & 0x80))
			return value;
	}
	reader->failed = true;
	return 0;
}

bool protobuf_next(struct reader *reader, struct protobuf_field *ret)
{
	uint64_t tag;

	if (reader->failed || !reader_left(reader))
		return false;
	tag = read_varint(reader);
	*ret = (struct protobuf_field){.number = (uint32_t)(tag >> 3)};
	switch (tag & 7) {
	case WIRE_VARINT:
		ret->value = read_varint(reader);
		break;
	case WIRE_64:
		ret->value = reader_le64(reader);
		break;
	case WIRE_32:
		ret->value = reader_le32(reader);
		break;
	case WIRE_BYTES:
		ret->is_bytes = true;
		ret->bytes = reader_take(reader, read_varint(reader));
		break;
	default:
		reader->failed = true;
	}
	if (tag >> 3 == 0 || tag > UINT32_MAX)
		reader->failed = true;
	return !reader->failed;
}

static void put(struct protobuf_writer *writer, const void *from, size_t size)
{
	if (writer->failed || size > writer->room - writer->size) {
		writer->failed = true;
		return;
	}
	if (size)
		memcpy(writer->data + writer->size, from, size);
	writer->size += size;
}

static void put_varint(struct protobuf_writer *writer, uint64_t value)
{
	do {
		uint8_t byte = (uint8_t)((value & 0x7f) | (value > 0x7f ? 0x80 : 0));

		put(writer, &byte, 1);
		value >>= 7;
	} while (value);
}

void protobuf_put_number(struct protobuf_writer *writer, uint32_t field, uint64_t value)
{
	put_varint(writer, (uint64_t)field << 3 | WIRE_VARINT);
	put_varint(writer, value);
}

void protobuf_put_bytes(struct protobuf_writer *writer, uint32_t field, struct span bytes)
{
	put_varint(writer, (uint64_t)field << 3 | WIRE_BYTES);
	put_varint(writer, bytes.size);
	put(writer, bytes.data, bytes.size);
}
