#include "attestation/casemate_evidence.h"

#include <errno.h>
#include <string.h>

#include <openssl/x509.h>

#include "abi/evidence.h"
#include "attestation/event_log.h"
#include "attestation/reader.h"
#include "attestation/signature.h"
#include "attestation/simulation_key.h"
#include "attestation/tpm_quote.h"

struct parts {
	struct span of[EVIDENCE_PARTS_MAX + 1]; /* by kind; .data NULL: not there */
};

bool casemate_evidence_is(struct span evidence)
{
	return evidence.size >= sizeof(struct evidence_header) &&
	       !memcmp(evidence.data, EVIDENCE_MAGIC, 8);
}

static int malformed(struct attest_result *result, const char *what)
{
	return verdict_find(result, ATTEST_EVIDENCE_MALFORMED, "Casemate evidence: %s", what);
}

static int read_parts(struct span evidence, struct parts *parts, struct attest_result *result)
{
	struct reader reader = reader_of(evidence);
	uint16_t version, count;

	reader_skip(&reader, 8);
	version = reader_le16(&reader);
	count = reader_le16(&reader);
	if (reader_le32(&reader) != 0 || reader.failed)
		return malformed(result, "damaged header");
	if (version != EVIDENCE_VERSION)
		return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
			"Casemate evidence of version %u", version);
	for (uint16_t i = 0; i < count; i++) {
		uint16_t kind = reader_le16(&reader), reserved = reader_le16(&reader);
		struct span part = reader_take(&reader, reader_le32(&reader));

		if (reader.failed || kind == 0 || kind > EVIDENCE_PARTS_MAX || reserved ||
			parts->of[kind].data)
			return malformed(
				result, "a part that is not known, stands twice, or does not end");
		parts->of[kind] = part;
	}
	return reader_left(&reader) ? malformed(result, "something follows its parts") : 0;
}

static int read_report(struct span bytes, struct evidence_report *ret, struct attest_result *result)
{
	if (bytes.size != sizeof(*ret))
		return malformed(result, "its report is missing, or has another size");
	memcpy(ret, bytes.data, sizeof(*ret));
	if (memcmp(ret->magic, EVIDENCE_REPORT_MAGIC, 8) || ret->version != EVIDENCE_VERSION ||
		(ret->flags & ~EVIDENCE_FLAGS_KNOWN) ||
		!span_is_zero((struct span){ret->reserved, sizeof(ret->reserved)}))
		return malformed(result, "its report is not of this version");
	if (ret->platform != EVIDENCE_PLATFORM_SIMULATION &&
		ret->platform != EVIDENCE_PLATFORM_HYPERVISOR)
		return malformed(result, "its report is of a platform that is not known");
	return 0;
}

static void set_value(struct attest_value *to, const uint8_t *bytes, size_t size)
{
	to->size = (uint8_t)size;
	memcpy(to->bytes, bytes, size);
}

static void add_claims(const struct evidence_report *report, struct attest_result *result)
{
	struct attest_claims *claims = &result->claims[result->claims_count++];

	claims->type = report->platform == EVIDENCE_PLATFORM_SIMULATION ? ATTEST_TYPE_SIMULATION
									: ATTEST_TYPE_HYPERVISOR;
	claims->is_debug = report->flags & EVIDENCE_FLAG_DEBUG;
	set_value(&claims->measurement, report->measurement, 32);
	set_value(&claims->signer, report->signer, 32);
	set_value(&claims->report_data, report->report_data, 64);
	set_value(&claims->host_data, report->host_data, 64);
	claims->product = report->product;
	claims->svn = report->svn;
	claims->casemate.flags = report->flags;
	memcpy(claims->casemate.image_digest, report->image_digest, 32);
	if (claims->is_debug)
		verdict_find(result, ATTEST_DEBUG_ENABLED, "the enclave is in debug mode");
}

static int check_signature(
	const struct parts *parts, EVP_PKEY **ret_key, struct attest_result *result)
{
	if (parts->of[EVIDENCE_PART_KEY].size != 64 ||
		signature_key_from_point("P-256", parts->of[EVIDENCE_PART_KEY], ret_key) < 0)
		return malformed(result, "its key is no point of P-256");
	if (!signature_is_p256(
		    *ret_key, parts->of[EVIDENCE_PART_REPORT], parts->of[EVIDENCE_PART_SIGNATURE]))
		return verdict_find(result, ATTEST_REPORT_SIGNATURE_INVALID,
			"not the signature of the quoting key");
	return 0;
}

static int verify_simulation(const struct parts *parts, const struct evidence_report *report,
	const struct attest_collateral *collateral, struct attest_result *result)
{
	CLEANUP(signature_key_freep) EVP_PKEY *key = NULL;
	int r;

	add_claims(report, result);
	r = check_signature(parts, &key, result);
	if (r < 0)
		return r;
	verdict_find(result, ATTEST_NO_PROTECTION,
		"the simulation platform protects nothing from the owner of the machine");
	if (!simulation_key_is(parts->of[EVIDENCE_PART_KEY]) &&
		!collateral_trusts_key(collateral, key))
		verdict_find(result, ATTEST_KEY_NOT_CERTIFIED,
			"neither the development key nor a pinned one has signed");
	result->is_authentic = true;
	return 0;
}

/* TPM2B_PUBLIC or DER. */
static int get_tpm_key(struct span bytes, EVP_PKEY **ret_key, struct attest_result *result)
{
	int r = bytes.size && bytes.data[0] == 0x30 ? signature_key_from_spki(bytes, ret_key)
						    : tpm_key_from_public(bytes, ret_key);

	return r < 0 ? malformed(result, "its TPM's key can't be read") : 0;
}

static int check_tpm_key(const struct parts *parts, EVP_PKEY *key,
	const struct attest_collateral *collateral, int64_t now, struct attest_result *result)
{
	CLEANUP(certificates_freep) STACK_OF(X509) *chain = sk_X509_new_null();
	struct certificate_check check = {.others = chain,
		.collateral = collateral,
		.now = now,
		.need = CERTIFICATE_CRL_ASKED,
		.what = "TPM key's certificate"};
	struct attest_error error;

	if (collateral_trusts_key(collateral, key))
		return 0;
	if (!parts->of[EVIDENCE_PART_TPM_CERTIFICATES].size)
		return verdict_find(result, ATTEST_KEY_NOT_CERTIFIED,
			"the TPM's key is not pinned, and has no certificate");
	if (!chain ||
		certificates_add(chain, parts->of[EVIDENCE_PART_TPM_CERTIFICATES], &error) < 0)
		return verdict_find(result, ATTEST_CERTIFICATE_MALFORMED,
			"the certificates of the TPM's key can't be read");
	check.leaf = sk_X509_value(chain, 0);
	if (!check.leaf || EVP_PKEY_eq(X509_get0_pubkey(check.leaf), key) != 1)
		return verdict_find(result, ATTEST_ATTESTATION_KEY_NOT_BOUND,
			"the TPM's certificate is of another key");
	return certificate_verify(&check, result, NULL);
}

static int set_pcrs(const struct tpm_quote *quote, struct span bytes, struct attest_claims *claims,
	struct attest_result *result)
{
	struct attest_value values[ATTEST_PCR_COUNT] = {0};
	struct reader reader = reader_of(bytes);
	size_t size = 0;

	if (!tpm_hash_name(claims->tpm.hash, &size))
		return malformed(result, "its TPM has quoted a bank that is not known");
	for (unsigned int i = 0; i < ATTEST_PCR_COUNT; i++) {
		if (!(claims->tpm.quoted & 1u << i))
			continue;
		values[i].size = (uint8_t)size;
		reader_copy(&reader, values[i].bytes, size);
	}
	if (reader.failed || reader_left(&reader))
		return malformed(result, "it has other PCR values than were quoted");
	return tpm_quote_set_pcrs(quote, values, claims, result);
}

/* The nonce of the TPM quote is the digest of the key that signs reports. */
static int check_key_binding(
	const struct parts *parts, const struct attest_claims *tpm, struct attest_result *result)
{
	struct span label = {(const uint8_t *)EVIDENCE_KEY_LABEL, sizeof(EVIDENCE_KEY_LABEL) - 1};
	struct span is = {tpm->report_data.bytes, tpm->report_data.size};
	const struct span hashed[] = {label, parts->of[EVIDENCE_PART_KEY]};
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (signature_digest("SHA256", hashed, 2, digest) != 32 ||
		!span_equals(is, (struct span){digest, 32}))
		return verdict_find(result, ATTEST_ATTESTATION_KEY_NOT_BOUND,
			"the TPM vouches for another quoting key");
	return 0;
}

static int verify_tpm(const struct parts *parts, const struct attest_collateral *collateral,
	int64_t now, struct attest_result *result)
{
	struct attest_claims *claims = &result->claims[result->claims_count++];
	CLEANUP(signature_key_freep) EVP_PKEY *key = NULL;
	struct tpm_quote quote;
	int r;

	if (!parts->of[EVIDENCE_PART_TPM_SIGNATURE].size)
		return malformed(result, "the TPM's signature is missing");
	r = tpm_quote_read(parts->of[EVIDENCE_PART_TPM_QUOTE],
		parts->of[EVIDENCE_PART_TPM_SIGNATURE], &quote, claims, result);
	if (r == 0)
		r = get_tpm_key(parts->of[EVIDENCE_PART_TPM_KEY], &key, result);
	if (r < 0)
		return r;
	if (!tpm_quote_is_signed_by(&quote, key))
		return verdict_find(result, ATTEST_QUOTE_SIGNATURE_INVALID,
			"not the signature of the TPM's key");
	r = check_tpm_key(parts, key, collateral, now, result);
	if (r == 0)
		r = set_pcrs(&quote, parts->of[EVIDENCE_PART_PCRS], claims, result);
	if (r == 0 && parts->of[EVIDENCE_PART_EVENT_LOG].data)
		r = event_log_check(parts->of[EVIDENCE_PART_EVENT_LOG], claims, result);
	if (r == 0)
		r = check_key_binding(parts, claims, result);
	if (r < 0 || !signature_key_digest(key, claims->tpm.key_digest.bytes))
		return r < 0 ? r : verdict_find(result, ATTEST_INTERNAL_ERROR, "a digest failed");
	claims->tpm.key_digest.size = 32;
	return 0;
}

static int verify_hypervisor(const struct parts *parts, const struct evidence_report *report,
	const struct attest_collateral *collateral, int64_t now, struct attest_result *result)
{
	CLEANUP(signature_key_freep) EVP_PKEY *key = NULL;
	int r = verify_tpm(parts, collateral, now, result);

	if (r < 0)
		return r;
	add_claims(report, result);
	if (report->flags & EVIDENCE_FLAG_TPM_EMULATED)
		verdict_find(result, ATTEST_TPM_EMULATED,
			"the hypervisor was started on a machine whose TPM is software");
	r = check_signature(parts, &key, result);
	if (r == 0)
		result->is_authentic = true;
	return r;
}

int casemate_evidence_verify(struct span evidence, const struct attest_collateral *collateral,
	int64_t now, struct attest_result *result)
{
	struct evidence_report report;
	struct parts parts = {0};
	int r = read_parts(evidence, &parts, result);

	if (r == 0)
		r = read_report(parts.of[EVIDENCE_PART_REPORT], &report, result);
	if (r < 0)
		return r;
	return report.platform == EVIDENCE_PLATFORM_SIMULATION
		       ? verify_simulation(&parts, &report, collateral, result)
		       : verify_hypervisor(&parts, &report, collateral, now, result);
}
