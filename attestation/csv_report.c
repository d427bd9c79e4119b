#include "attestation/csv_report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attestation/csv_certificate.h"

#define REPORT_SIZE 4096
#define MEASURE_OFFSET 144
#define MASKED_SIZE 180 /* up to the policy; also what is signed */
#define NONCE_OFFSET 188
#define SIGNATURE_OFFSET 192
#define PEK_OFFSET 0x150
#define SERIAL_OFFSET (PEK_OFFSET + CSV_CHIP_CERTIFICATE_SIZE)
#define SERIAL_SIZE 64
#define HEAD_SIZE (SERIAL_OFFSET + SERIAL_SIZE)

#define POLICY_NO_DEBUG 1u

/* The firmware masks the report with a nonce, word by word (and signs what is masked). */
static void unmask(struct span report, uint8_t to[MASKED_SIZE])
{
	for (size_t i = 0; i < MASKED_SIZE; i++)
		to[i] = report.data[i] ^ report.data[NONCE_OFFSET + i % 4];
}

/* The serial number is text, filled up with 0. */
static int read_serial(struct span report, struct attest_csv_claims *csv)
{
	for (size_t i = 0; i < SERIAL_SIZE; i++) {
		char c = (char)report.data[SERIAL_OFFSET + i];

		if (c && (c < 0x21 || c > 0x7e))
			return -EINVAL;
		csv->chip_id[i] = c;
	}
	return 0;
}

static int read_report(
	struct span report, struct attest_claims *claims, struct attest_result *result)
{
	struct attest_csv_claims *csv = &claims->csv;
	uint8_t plain[MASKED_SIZE];
	struct reader reader = reader_of((struct span){plain, sizeof(plain)});

	unmask(report, plain);
	claims->type = ATTEST_TYPE_CSV;
	reader_copy(&reader, csv->user_pubkey_digest, 32);
	reader_copy(&reader, csv->vm_id, 16);
	reader_copy(&reader, csv->vm_version, 16);
	claims->report_data.size = 64;
	reader_copy(&reader, claims->report_data.bytes, 64);
	reader_skip(&reader, 16); /* the nonce of the request */
	claims->measurement.size = 32;
	reader_copy(&reader, claims->measurement.bytes, 32);
	csv->policy = reader_le32(&reader);
	claims->is_debug = !(csv->policy & POLICY_NO_DEBUG);
	if (read_serial(report, csv) < 0)
		return verdict_find(result, ATTEST_EVIDENCE_MALFORMED,
			"CSV report: the chip's serial number is not text");
	return 0;
}

/* An array of numbers, as it is in JSON. */
static int read_bytes(const json_t *array, struct attest_result *result, struct text_buffer *ret)
{
	size_t count = json_array_size(array), i;
	const json_t *item;

	if (count < HEAD_SIZE || count > REPORT_SIZE || !(ret->data = malloc(count)))
		return verdict_find(result, ATTEST_EVIDENCE_MALFORMED,
			"CSV report: \"data\" must be an array of up to %d numbers", REPORT_SIZE);
	json_array_foreach(array, i, item)
	{
		if (!json_is_integer(item) || json_integer_value(item) < 0 ||
			json_integer_value(item) > UINT8_MAX)
			return verdict_find(result, ATTEST_EVIDENCE_MALFORMED,
				"CSV report: \"data\" must hold bytes");
		ret->data[ret->size++] = (uint8_t)json_integer_value(item);
	}
	return 0;
}

static int verify(struct span report, const struct attest_collateral *collateral,
	struct attest_result *result)
{
	struct attest_claims *claims = &result->claims[result->claims_count++];
	struct span message = {report.data, MASKED_SIZE}, pek, signature;
	CLEANUP(csv_key_done) struct csv_key key = {0};
	int r = read_report(report, claims, result);

	if (r < 0)
		return r;
	if (claims->is_debug)
		verdict_find(
			result, ATTEST_DEBUG_ENABLED, "the guest's policy lets the host debug it");
	if (!span_slice(report, PEK_OFFSET, CSV_CHIP_CERTIFICATE_SIZE, &pek) ||
		!span_slice(report, SIGNATURE_OFFSET, PEK_OFFSET - SIGNATURE_OFFSET, &signature) ||
		csv_chip_key(pek, CSV_USAGE_PEK, &key) < 0)
		return verdict_find(result, ATTEST_CERTIFICATE_MALFORMED,
			"CSV report: its PEK certificate is not as Hygon has specified it");
	if (!csv_is_signed_by(&key, message, signature))
		return verdict_find(result, ATTEST_REPORT_SIGNATURE_INVALID,
			"not the signature of the report's PEK");
	r = csv_chain_verify(pek, collateral, result);
	if (r == 0)
		result->is_authentic = true;
	return r;
}

int csv_report_verify(const json_t *json, const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result)
{
	const json_t *report = json_object_get(json, "attestation_report");
	CLEANUP(text_buffer_done) struct text_buffer bytes = {0};
	int r = read_bytes(json_object_get(report, "data"), result, &bytes);

	(void)now; /* Hygon's certificates don't end */
	return r < 0 ? r : verify(text_buffer_span(&bytes), collateral, result);
}
