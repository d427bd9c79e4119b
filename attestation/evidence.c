#include "attestation/evidence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attestation/casemate_evidence.h"
#include "attestation/csv_report.h"
#include "attestation/dcap_quote.h"
#include "attestation/dcap_verify.h"
#include "attestation/json_fields.h"
#include "attestation/policy.h"
#include "attestation/ratls.h"
#include "attestation/reader.h"
#include "attestation/snp_report.h"
#include "attestation/tpm_evidence.h"
#include "attestation/tpm_quote.h"
#include "attestation/vtpm_evidence.h"

/* Open Enclave's header: version 1, type 2 (remote), the size of the quote that follows. */
static bool unwrap_open_enclave(struct span evidence, struct span *ret_quote)
{
	struct reader reader = reader_of(evidence);
	uint32_t version = reader_le32(&reader), type = reader_le32(&reader);
	uint64_t size = reader_le64(&reader);

	return !reader.failed && version == 1 && type == 2 &&
	       span_slice(evidence, reader.at, size, ret_quote);
}

static int verify_json(struct span text, const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result)
{
	struct attest_error error;
	CLEANUP(json_freep)
	json_t *json = json_fields_parse(text, ATTEST_EVIDENCE_MALFORMED, &error);
	struct json_fields fields = {.object = json,
		.where = "evidence",
		.verdict = ATTEST_EVIDENCE_MALFORMED,
		.error = &error};
	CLEANUP(text_buffer_done) struct text_buffer quote = {0};

	if (!json)
		return verdict_find(result, error.verdict, "%s", error.reason);
	if (json_fields_has(&fields, "tpm_quote"))
		return json_fields_has(&fields, "report") || json_fields_has(&fields, "quote")
			       ? vtpm_evidence_verify(json, collateral, now, result)
			       : tpm_evidence_verify(json, NULL, collateral, now, result);
	if (json_fields_has(&fields, "attestation_report"))
		return csv_report_verify(json, collateral, now, result);
	if (!json_fields_has(&fields, "quote"))
		return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
			"JSON without \"quote\", \"tpm_quote\" or \"attestation_report\"");
	if (json_fields_bytes(&fields, "quote", &quote) < 0)
		return verdict_find(result, error.verdict, "%s", error.reason);
	return evidence_verify(text_buffer_span(&quote), collateral, now, result);
}

int evidence_verify(struct span evidence, const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result)
{
	struct span inner;

	if (unwrap_open_enclave(evidence, &inner))
		evidence = inner;
	if (casemate_evidence_is(evidence))
		return casemate_evidence_verify(evidence, collateral, now, result);
	if (snp_report_is(evidence))
		return snp_report_verify(evidence, collateral, now, result);
	if (tpm_quote_is(evidence))
		return tpm_evidence_verify_bare(evidence, collateral, now, result);
	if (dcap_quote_is(evidence))
		return dcap_verify(evidence, collateral, now, result);
	return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED, "%s",
		attest_verdict_text(ATTEST_EVIDENCE_UNSUPPORTED));
}

static struct span unspaced(struct span text)
{
	while (text.size && strchr(" \t\r\n", text.data[0])) {
		text.data++;
		text.size--;
	}
	return text;
}

int evidence_verify_any(struct span evidence, const struct attest_collateral *collateral,
	int64_t now, struct attest_result *result)
{
	if (unspaced(evidence).size && unspaced(evidence).data[0] == '{')
		return verify_json(evidence, collateral, now, result);
	return evidence_verify(evidence, collateral, now, result);
}

/* Evidence travels as hexadecimal and base64, too: all of it must be such text. */
static void decode(struct span evidence, struct text_buffer *decoded)
{
	struct span text = unspaced(evidence);

	if (text.size < 64 || memchr("{-", text.data[0], 2))
		return;
	if (text_from_hex_any((const char *)text.data, text.size, decoded) < 0)
		(void)!text_from_base64((const char *)text.data, text.size, decoded);
}

#define TIME_MAX 253402300799 /* 9999-12-31T23:59:59Z */

static int verify(struct span evidence, const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result)
{
	struct attest_collateral *none = NULL;
	struct text_buffer decoded = {0};
	struct attest_error error;
	int r;

	if (now < 0 || now > TIME_MAX)
		return verdict_find(result, ATTEST_INTERNAL_ERROR,
			"it must be judged as of a moment between 1970 and 9999");
	if (!evidence.size)
		return verdict_find(result, ATTEST_EVIDENCE_MALFORMED, "empty");
	if (evidence.size > ATTEST_EVIDENCE_SIZE_MAX)
		return verdict_find(result, ATTEST_EVIDENCE_MALFORMED, "larger than %u bytes",
			ATTEST_EVIDENCE_SIZE_MAX);
	if (!collateral && attest_collateral_new(NULL, 0, NULL, 0, &none, &error) < 0)
		return verdict_find(result, error.verdict, "%s", error.reason);
	decode(evidence, &decoded);
	if (decoded.data)
		evidence = text_buffer_span(&decoded);
	if (!collateral)
		collateral = none;
	if (ratls_is(evidence))
		r = ratls_verify(evidence, collateral, now, result);
	else
		r = evidence_verify_any(evidence, collateral, now, result);
	text_buffer_done(&decoded);
	attest_collateral_free(none);
	return r;
}

enum attest_verdict attest_verify(struct attest_bytes evidence,
	const struct attest_collateral *collateral, const struct attest_policy *policy, int64_t now,
	struct attest_result *result)
{
	struct span span = {evidence.data, evidence.size};

	memset(result, 0, sizeof(*result));
	result->now = now;
	if (verify(span, collateral, now, result) < 0)
		result->is_authentic = false;
	policy_appraise(policy, result);
	return result->verdict;
}

bool attest_result_binds(const struct attest_result *result, struct attest_bytes data)
{
	const struct attest_value *value;
	struct span head, rest;

	if (!result->is_authentic || !result->claims_count || !data.size)
		return false;
	value = &result->claims[result->claims_count - 1].report_data;
	if (data.size > value->size)
		return false;
	head = (struct span){value->bytes, data.size};
	rest = (struct span){value->bytes + data.size, value->size - data.size};
	return span_equals(head, (struct span){data.data, data.size}) && span_is_zero(rest);
}
