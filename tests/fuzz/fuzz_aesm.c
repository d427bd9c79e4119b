/* Any bytes as aesmd's answer: refused with a reason, or fields that lie inside it. The first byte
 * chooses the question. */
#include "attestation/aesm.h"

#include "tests/fuzz/fuzz.h"

static void check_field(struct span message, const struct protobuf_field *field)
{
	const uint8_t *end = message.data + message.size;

	FUZZ_ASSERT(field->number <= AESM_FIELDS_MAX);
	if (field->is_bytes && field->bytes.size)
		FUZZ_ASSERT(field->bytes.data >= message.data &&
			    field->bytes.size <= (size_t)(end - field->bytes.data));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct protobuf_field fields[AESM_FIELDS_MAX] = {0};
	struct attest_error error = {0};
	struct span message = {data + 1, size - 1};

	if (size < 1)
		return 0;
	if (aesm_answer_read(message, (enum aesm_kind)data[0], fields, &error) < 0) {
		FUZZ_ASSERT(*error.reason && !fields[0].number);
		return 0;
	}
	FUZZ_ASSERT(fields[0].number == 1 && fields[0].value == 0);
	for (size_t i = 0; i < AESM_FIELDS_MAX; i++)
		check_field(message, &fields[i]);
	return 0;
}
