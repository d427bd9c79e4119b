/* The wire format of Protocol Buffers, as far as flat messages of numbers and bytes need it.
 * Source: protobuf.dev, "Encoding". */
#ifndef ATTESTATION_PROTOBUF_H
#define ATTESTATION_PROTOBUF_H

#include "attestation/reader.h"

struct protobuf_field {
	uint32_t number;
	bool is_bytes;
	uint64_t value;    /* unless is_bytes */
	struct span bytes; /* in place */
};

/* The next field; false at the end, or with reader->failed if what stands there is none. */
bool protobuf_next(struct reader *reader, struct protobuf_field *ret) MUST_CHECK;

/* Writes to memory of the caller's; past its end nothing is written, which is remembered. */
struct protobuf_writer {
	uint8_t *data;
	size_t size, room;
	bool failed;
};

void protobuf_put_number(struct protobuf_writer *writer, uint32_t field, uint64_t value);
void protobuf_put_bytes(struct protobuf_writer *writer, uint32_t field, struct span bytes);

#endif
