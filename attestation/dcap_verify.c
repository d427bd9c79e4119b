#include "attestation/dcap_verify.h"

#include <errno.h>
#include <string.h>

#include "attestation/dcap_quote.h"
#include "attestation/pck_certificate.h"
#include "attestation/dcap_tcb.h"
#include "attestation/signature.h"

#define PPID_CLEAR_SIZE 34 /* PPID, CPUSVN, PCESVN; PCEID may follow */

struct verification {
	const struct dcap_quote *quote;
	const struct attest_collateral *collateral;
	int64_t now;
	struct attest_result *result;
	struct attest_claims *claims;
};

/* The quoting enclave's report is signed by the processor's key. */
static bool is_signer(const struct dcap_quote *quote, const X509 *certificate)
{
	return signature_is_p256(
		X509_get0_pubkey(certificate), quote->qe_report, quote->qe_signature);
}

static X509 *find_pck(STACK_OF(X509) *certificates)
{
	for (int i = 0; i < sk_X509_num(certificates); i++)
		if (pck_certificate_is(sk_X509_value(certificates, i)))
			return sk_X509_value(certificates, i);
	return NULL;
}

/* The quote names the processor only: which of the collateral's certificates is of it, its key
 * tells. */
static int find_pck_in_collateral(struct verification *v, X509 **ret_pck)
{
	STACK_OF(X509) *certificates = v->collateral->certificates;
	bool met = false;

	for (int i = 0; i < sk_X509_num(certificates); i++) {
		X509 *certificate = sk_X509_value(certificates, i);
		struct pck_certificate pck;

		if (pck_certificate_read(certificate, &pck) < 0)
			continue;
		if (v->quote->certification == DCAP_CERTIFICATION_PPID_CLEAR &&
			(v->quote->certification_data.size < PPID_CLEAR_SIZE ||
				memcmp(pck.ppid, v->quote->certification_data.data,
					sizeof(pck.ppid))))
			continue;
		met = true;
		if (!is_signer(v->quote, certificate))
			continue;
		*ret_pck = certificate;
		return 0;
	}
	if (met)
		return verdict_find(v->result, ATTEST_QE_REPORT_SIGNATURE_INVALID,
			"no PCK certificate of the collateral has the key that signed it");
	return verdict_find(v->result, ATTEST_PCK_CERTIFICATE_INVALID,
		"the quote carries no PCK certificate, and the collateral has none of its "
		"processor");
}

/* @others: what the quote carries besides. */
static int get_pck(struct verification *v, STACK_OF(X509) *others, X509 **ret_pck)
{
	struct attest_error error;

	switch (v->quote->certification) {
	case DCAP_CERTIFICATION_PPID_CLEAR:
	case DCAP_CERTIFICATION_PPID_RSA2048:
	case DCAP_CERTIFICATION_PPID_RSA3072:
		return find_pck_in_collateral(v, ret_pck);
	case DCAP_CERTIFICATION_PCK_LEAF:
	case DCAP_CERTIFICATION_PCK_CHAIN:
		break;
	default:
		return verdict_find(v->result, ATTEST_EVIDENCE_UNSUPPORTED,
			"quote with certification data of type %u", v->quote->certification);
	}
	if (certificates_add_known(others, v->quote->certification_data, v->collateral, &error) < 0)
		return verdict_find(v->result, error.verdict, "in the quote: %s", error.reason);
	*ret_pck = find_pck(others);
	if (!*ret_pck)
		return verdict_find(v->result, ATTEST_PCK_CERTIFICATE_INVALID,
			"none of the quote's certificates is of a processor");
	if (!is_signer(v->quote, *ret_pck))
		return verdict_find(v->result, ATTEST_QE_REPORT_SIGNATURE_INVALID,
			"not the signature of the PCK certificate's key");
	return 0;
}

/* The quoting enclave has put into its report: SHA-256 of the attestation key and what it likes,
 * then 0. */
static int check_key_binding(struct verification *v)
{
	const struct span parts[] = {v->quote->key, v->quote->authentication_data};
	struct attest_claims qe = {0};
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct span rest;

	dcap_sgx_body_read(v->quote->qe_report, &qe);
	rest = (struct span){qe.report_data.bytes + 32, 32};
	if (signature_digest("SHA256", parts, 2, digest) != 32 ||
		memcmp(digest, qe.report_data.bytes, 32) || !span_is_zero(rest))
		return verdict_find(v->result, ATTEST_ATTESTATION_KEY_NOT_BOUND,
			"the report data of the quoting enclave is not the digest of the key");
	return 0;
}

static int check_quote_signature(struct verification *v)
{
	CLEANUP(signature_key_freep) EVP_PKEY *key = NULL;

	if (signature_key_from_point("P-256", v->quote->key, &key) < 0 ||
		!signature_is_p256(key, v->quote->signed_part, v->quote->signature))
		return verdict_find(v->result, ATTEST_QUOTE_SIGNATURE_INVALID,
			"not the signature of the attestation key in the quote");
	return 0;
}

static int check_pck_chain(struct verification *v, X509 *pck, STACK_OF(X509) *others)
{
	struct certificate_check check = {.leaf = pck,
		.others = others,
		/* A quote that brings a chain must bring a good one. */
		.only_others = v->quote->certification == DCAP_CERTIFICATION_PCK_CHAIN,
		.collateral = v->collateral,
		.now = v->now,
		.need = CERTIFICATE_CRL_REQUIRED,
		.what = "PCK certificate"};

	return certificate_verify(&check, v->result, NULL);
}

static int verify_with(struct verification *v, STACK_OF(X509) *others)
{
	struct pck_certificate pck;
	X509 *certificate = NULL;
	int r = get_pck(v, others, &certificate);

	if (r < 0)
		return r;
	if (pck_certificate_read(certificate, &pck) < 0)
		return verdict_find(v->result, ATTEST_PCK_CERTIFICATE_INVALID,
			"its SGX extension is not as Intel has specified it");
	r = check_pck_chain(v, certificate, others);
	if (r == 0)
		r = check_key_binding(v);
	if (r == 0)
		r = check_quote_signature(v);
	if (r < 0)
		return r;
	v->result->is_authentic = true;
	return dcap_tcb_judge(v->quote, &pck, v->collateral, v->now, v->result);
}

int dcap_verify(struct span evidence, const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result)
{
	CLEANUP(certificates_freep) STACK_OF(X509) *others = sk_X509_new_null();
	struct dcap_quote quote;
	struct verification v = {&quote, collateral, now, result, NULL};
	int r;

	if (!others)
		return verdict_find(result, ATTEST_INTERNAL_ERROR, "out of memory");
	r = dcap_quote_parse(evidence, &quote, result);
	if (r < 0)
		return r;
	v.claims = &result->claims[result->claims_count++];
	if (quote.is_tdx)
		dcap_tdx_body_read(quote.body, v.claims);
	else
		dcap_sgx_body_read(quote.body, v.claims);
	if (quote.is_tdx)
		v.claims->tdx.quote_version = quote.version;
	if (v.claims->is_debug)
		verdict_find(result, ATTEST_DEBUG_ENABLED, "the %s is in debug mode",
			quote.is_tdx ? "TD" : "enclave");
	return verify_with(&v, others);
}
