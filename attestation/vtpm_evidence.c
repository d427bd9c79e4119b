#include "attestation/vtpm_evidence.h"

#include <errno.h>
#include <string.h>

#include "attestation/dcap_quote.h"
#include "attestation/dcap_verify.h"
#include "attestation/json_fields.h"
#include "attestation/reader.h"
#include "attestation/signature.h"
#include "attestation/snp_report.h"
#include "attestation/tpm_evidence.h"

/* What a paravisor keeps in its TPM: a header of 32 bytes that begins with this, the hardware's
 * report in a fixed place, and the runtime data that the report vouches for. Source: Microsoft,
 * "Azure confidential VMs: guest attestation, HCL report". */
static const char hcl_magic[4] = "HCLA";
#define HCL_HEADER_SIZE 32
#define HCL_HASH_SHA256 1

struct parts {
	struct text_buffer report, quote, certificates, runtime;
	struct span hardware, runtime_data;
};

static void parts_done(struct parts *parts)
{
	text_buffer_done(&parts->report);
	text_buffer_done(&parts->quote);
	text_buffer_done(&parts->certificates);
	text_buffer_done(&parts->runtime);
}

static int get(
	const json_t *json, const char *name, struct text_buffer *to, struct attest_result *result)
{
	struct attest_error error;
	struct json_fields fields = {.object = json,
		.where = "virtual TPM evidence",
		.verdict = ATTEST_EVIDENCE_MALFORMED,
		.error = &error};

	if (!json_fields_has(&fields, name))
		return 0;
	return json_fields_bytes(&fields, name, to) < 0
		       ? verdict_find(result, error.verdict, "%s", error.reason)
		       : 0;
}

/* -EINVAL: not such a report. */
static int open_hcl(struct span report, struct span *ret_hardware, struct span *ret_runtime)
{
	struct reader reader = reader_of(report);
	uint32_t hash, size;

	reader_skip(&reader, HCL_HEADER_SIZE);
	*ret_hardware = reader_take(&reader, SNP_REPORT_SIZE);
	reader_skip(&reader, 12); /* size of all, version, kind of report */
	hash = reader_le32(&reader);
	size = reader_le32(&reader);
	*ret_runtime = reader_take(&reader, size);
	return reader.failed || hash != HCL_HASH_SHA256 ? -EINVAL : 0;
}

static int read_parts(const json_t *json, struct parts *parts, struct attest_result *result)
{
	struct span report;

	if (get(json, "report", &parts->report, result) < 0 ||
		get(json, "quote", &parts->quote, result) < 0 ||
		get(json, "runtime_data", &parts->runtime, result) < 0)
		return -EINVAL;
	report = text_buffer_span(&parts->report);
	parts->runtime_data = text_buffer_span(&parts->runtime);
	parts->hardware = report;
	if (report.size > HCL_HEADER_SIZE && !memcmp(report.data, hcl_magic, sizeof(hcl_magic)) &&
		open_hcl(report, &parts->hardware, &parts->runtime_data) < 0)
		return verdict_find(result, ATTEST_EVIDENCE_MALFORMED,
			"virtual TPM evidence: \"report\" ends before its runtime data");
	if (parts->quote.data)
		parts->hardware = text_buffer_span(&parts->quote);
	return 0;
}

static int verify_snp(const json_t *json, struct span report,
	const struct attest_collateral *collateral, int64_t now, struct attest_result *result)
{
	const json_t *pem = json_object_get(json, "certificates");
	CLEANUP(certificates_freep) STACK_OF(X509) *others = sk_X509_new_null();
	struct span text = {(const uint8_t *)json_string_value(pem), json_string_length(pem)};
	struct attest_error error;

	if (!others)
		return verdict_find(result, ATTEST_INTERNAL_ERROR, "out of memory");
	if (pem && (!json_is_string(pem) || certificates_add(others, text, &error) < 0))
		return verdict_find(
			result, ATTEST_CERTIFICATE_MALFORMED, "\"certificates\" must be PEM");
	return snp_report_verify_with(
		(struct span){report.data, SNP_REPORT_SIZE}, others, collateral, now, result);
}

static int verify_hardware(const json_t *json, struct span hardware,
	const struct attest_collateral *collateral, int64_t now, struct attest_result *result)
{
	if (snp_report_is(hardware))
		return verify_snp(json, hardware, collateral, now, result);
	if (dcap_quote_is(hardware))
		return dcap_verify(hardware, collateral, now, result);
	return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
		"virtual TPM evidence: its hardware's evidence is of no known kind");
}

static int check_binding(struct span runtime, struct attest_result *result)
{
	const struct attest_value *bound = &result->claims[0].report_data;
	struct span rest = {bound->bytes + 32, 32};
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (bound->size != 64 || signature_digest("SHA256", &runtime, 1, digest) != 32 ||
		memcmp(digest, bound->bytes, 32) || !span_is_zero(rest))
		return verdict_find(result, ATTEST_RUNTIME_DATA_NOT_BOUND,
			"the report data is not the digest of the runtime data");
	return 0;
}

static int rsa_from_jwk(const json_t *jwk, EVP_PKEY **ret_key)
{
	const char *n_text = json_string_value(json_object_get(jwk, "n"));
	const char *e_text = json_string_value(json_object_get(jwk, "e"));
	CLEANUP(text_buffer_done) struct text_buffer n = {0}, e = {0};

	if (!n_text || !e_text || text_from_base64(n_text, strlen(n_text), &n) < 0 ||
		text_from_base64(e_text, strlen(e_text), &e) < 0)
		return -EINVAL;
	return signature_key_from_rsa(text_buffer_span(&n), text_buffer_span(&e), ret_key);
}

/* The TPM's key is one of several in the runtime data: "HCLAkPub". */
static int find_key(struct span runtime, struct attest_result *result, EVP_PKEY **ret_key)
{
	struct attest_error error;
	CLEANUP(json_freep)
	json_t *json = json_fields_parse(runtime, ATTEST_EVIDENCE_MALFORMED, &error);
	const json_t *jwk;
	size_t i;

	if (!json)
		return verdict_find(result, error.verdict, "runtime data: %s", error.reason);
	json_array_foreach(json_object_get(json, "keys"), i, jwk)
	{
		const char *id = json_string_value(json_object_get(jwk, "kid"));

		if (id && !strcmp(id, "HCLAkPub") && rsa_from_jwk(jwk, ret_key) == 0)
			return 0;
	}
	return verdict_find(result, ATTEST_EVIDENCE_MALFORMED,
		"runtime data: has no RSA key of the name HCLAkPub");
}

int vtpm_evidence_verify(const json_t *json, const struct attest_collateral *collateral,
	int64_t now, struct attest_result *result)
{
	CLEANUP(parts_done) struct parts parts = {0};
	CLEANUP(signature_key_freep) EVP_PKEY *key = NULL;
	int r = read_parts(json, &parts, result);

	if (r == 0)
		r = verify_hardware(json, parts.hardware, collateral, now, result);
	if (r < 0 || !result->is_authentic)
		return r;
	result->is_authentic = false; /* until the TPM's part is verified, too */
	r = check_binding(parts.runtime_data, result);
	if (r == 0)
		r = find_key(parts.runtime_data, result, &key);
	return r < 0 ? r : tpm_evidence_verify(json, key, collateral, now, result);
}
