/* CBOR (RFC 8949), as much of it as attested certificates need: definite lengths only. */
#ifndef ATTESTATION_CBOR_H
#define ATTESTATION_CBOR_H

#include "attestation/reader.h"

enum cbor_major {
	CBOR_UNSIGNED = 0,
	CBOR_NEGATIVE = 1,
	CBOR_BYTES = 2,
	CBOR_TEXT = 3,
	CBOR_ARRAY = 4,
	CBOR_MAP = 5,
	CBOR_TAG = 6,
	CBOR_OTHER = 7,
};

#define CBOR_DEPTH_MAX 8
#define CBOR_ITEMS_MAX 64 /* of an array or map */

/* The head of the next item: its kind and its number (value, length, count or tag). What is
 * indefinite fails the reader. */
enum cbor_major cbor_head(struct reader *reader, uint64_t *ret_number);

/* The number of the next item, which must be of @major. */
uint64_t cbor_take(struct reader *reader, enum cbor_major major);

/* A string of bytes (or of text, if @major says so). */
struct span cbor_string(struct reader *reader, enum cbor_major major);

/* Go past the next item, whatever it holds; the span it takes. */
struct span cbor_skip(struct reader *reader);

#endif
