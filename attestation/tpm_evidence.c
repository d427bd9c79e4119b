#include "attestation/tpm_evidence.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "attestation/event_log.h"
#include "attestation/json_fields.h"
#include "attestation/signature.h"
#include "attestation/tpm_quote.h"

static int find_pinned(const struct tpm_quote *quote, const struct attest_collateral *collateral,
	struct attest_result *result, EVP_PKEY **ret_key)
{
	for (size_t i = 0; i < collateral->key_count; i++)
		if (tpm_quote_is_signed_by(quote, collateral->keys[i])) {
			EVP_PKEY_up_ref(collateral->keys[i]);
			*ret_key = collateral->keys[i];
			return 0;
		}
	return verdict_find(result, ATTEST_QUOTE_SIGNATURE_INVALID,
		collateral->key_count ? "not the signature of a pinned key"
				      : "no key was given that the quote could be signed by");
}

static int finish(EVP_PKEY *key, struct attest_claims *claims, struct attest_result *result)
{
	struct attest_value *digest = &claims->tpm.key_digest;

	if (!signature_key_digest(key, digest->bytes))
		return verdict_find(result, ATTEST_INTERNAL_ERROR, "a digest failed");
	digest->size = 32;
	result->is_authentic = true;
	return 0;
}

int tpm_evidence_verify_bare(struct span evidence, const struct attest_collateral *collateral,
	int64_t now, struct attest_result *result)
{
	struct attest_claims *claims = &result->claims[result->claims_count++];
	CLEANUP(signature_key_freep) EVP_PKEY *key = NULL;
	struct tpm_quote quote;
	int r = tpm_quote_read(evidence, (struct span){0}, &quote, claims, result);

	(void)now;
	if (r == 0)
		r = find_pinned(&quote, collateral, result, &key);
	return r < 0 ? r : finish(key, claims, result);
}

/* The evidence's members */

static int get_bytes(const json_t *object, const char *where, const char *name,
	struct attest_result *result, struct text_buffer *ret)
{
	struct attest_error error;
	struct json_fields fields = {.object = object,
		.where = where,
		.verdict = ATTEST_EVIDENCE_MALFORMED,
		.error = &error};

	if (json_fields_bytes(&fields, name, ret) < 0)
		return verdict_find(result, error.verdict, "%s", error.reason);
	return 0;
}

/* PEM, DER, TPM2B_PUBLIC or TPMT_PUBLIC. */
static int parse_key(struct span bytes, EVP_PKEY **ret_key)
{
	if (bytes.size && bytes.data[0] == 0x30)
		return signature_key_from_spki(bytes, ret_key);
	return tpm_key_from_public(bytes, ret_key);
}

static int read_key(const json_t *json, struct attest_result *result, EVP_PKEY **ret_key)
{
	const char *text = json_string_value(json_object_get(json, "ak_public"));
	CLEANUP(text_buffer_done) struct text_buffer bytes = {0};
	int r;

	if (text && strstr(text, "-----BEGIN PUBLIC KEY-----")) {
		BIO *bio = BIO_new_mem_buf(text, -1);

		*ret_key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;
		BIO_free(bio);
		ERR_clear_error();
		r = *ret_key ? 0 : -EINVAL;
	} else {
		r = get_bytes(json, "TPM evidence", "ak_public", result, &bytes);
		if (r == 0)
			r = parse_key(text_buffer_span(&bytes), ret_key);
	}
	return r < 0 ? verdict_find(result, ATTEST_EVIDENCE_MALFORMED, "\"ak_public\" is no key")
		     : 0;
}

static bool take_pcr(const json_t *value, struct attest_value *to)
{
	const char *text = json_string_value(value);
	size_t size = text ? strlen(text) / 2 : 0;

	if (!size || size > sizeof(to->bytes) || !text_from_hex(text, 2 * size, to->bytes, size))
		return false;
	to->size = (uint8_t)size;
	return strlen(text) == 2 * size;
}

/* An array of all, in order, or an object of some, by their numbers. */
static int read_pcrs(const json_t *pcrs, struct attest_value values[ATTEST_PCR_COUNT],
	struct attest_result *result)
{
	bool good = json_is_array(pcrs) || json_is_object(pcrs);
	const json_t *value;
	const char *name;
	size_t i;

	json_array_foreach(pcrs, i, value) good =
		good && i < ATTEST_PCR_COUNT && take_pcr(value, &values[i]);
	json_object_foreach((json_t *)pcrs, name, value)
	{
		char *end;
		unsigned long number = strtoul(name, &end, 10);

		good = good && *name && !*end && number < ATTEST_PCR_COUNT &&
		       take_pcr(value, &values[number]);
	}
	return good ? 0
		    : verdict_find(result, ATTEST_EVIDENCE_MALFORMED,
			      "\"pcrs\" must be digests in hexadecimal, of PCRs 0 to 23");
}

static int check_certificate(const json_t *json, EVP_PKEY *key,
	const struct attest_collateral *collateral, int64_t now, struct attest_result *result)
{
	const json_t *text = json_object_get(json, "ak_certificate");
	CLEANUP(certificates_freep) STACK_OF(X509) *chain = sk_X509_new_null();
	struct certificate_check check = {.others = chain,
		.collateral = collateral,
		.now = now,
		.need = CERTIFICATE_CRL_ASKED,
		.what = "attestation key's certificate"};
	struct span bytes = {(const uint8_t *)json_string_value(text), json_string_length(text)};
	struct attest_error error;

	if (!chain || !json_is_string(text) || certificates_add(chain, bytes, &error) < 0 ||
		sk_X509_num(chain) < 1)
		return verdict_find(result, ATTEST_CERTIFICATE_MALFORMED,
			"\"ak_certificate\" must be PEM, the key's own first");
	check.leaf = sk_X509_value(chain, 0);
	if (EVP_PKEY_eq(X509_get0_pubkey(check.leaf), key) != 1)
		return verdict_find(result, ATTEST_ATTESTATION_KEY_NOT_BOUND,
			"\"ak_certificate\" is of another key");
	return certificate_verify(&check, result, NULL);
}

/* Who vouches for the key: the user, a certificate, or nobody. */
static int check_key(const json_t *json, EVP_PKEY *key, const struct attest_collateral *collateral,
	int64_t now, struct attest_result *result)
{
	if (collateral_trusts_key(collateral, key))
		return 0;
	if (json_object_get(json, "ak_certificate"))
		return check_certificate(json, key, collateral, now, result);
	return verdict_find(result, ATTEST_KEY_NOT_CERTIFIED,
		"the TPM's key is not pinned, and has no certificate");
}

static int read_quote(const json_t *json, struct text_buffer parts[2], struct tpm_quote *quote,
	struct attest_claims *claims, struct attest_result *result)
{
	const json_t *object = json_object_get(json, "tpm_quote");
	int r = get_bytes(object, "tpm_quote", "message", result, &parts[0]);

	if (r == 0)
		r = get_bytes(object, "tpm_quote", "signature", result, &parts[1]);
	if (r < 0)
		return r;
	if (!parts[1].size)
		return verdict_find(result, ATTEST_EVIDENCE_MALFORMED, "\"signature\" is empty");
	return tpm_quote_read(
		text_buffer_span(&parts[0]), text_buffer_span(&parts[1]), quote, claims, result);
}

static int check_contents(const json_t *json, const struct tpm_quote *quote,
	struct attest_claims *claims, struct attest_result *result)
{
	const json_t *pcrs = json_object_get(json_object_get(json, "tpm_quote"), "pcrs");
	CLEANUP(text_buffer_done) struct text_buffer log = {0};
	struct attest_value values[ATTEST_PCR_COUNT] = {0};
	int r = 0;

	if (pcrs) {
		r = read_pcrs(pcrs, values, result);
		if (r == 0)
			r = tpm_quote_set_pcrs(quote, values, claims, result);
	}
	if (r < 0 || !json_object_get(json, "event_log"))
		return r;
	r = get_bytes(json, "TPM evidence", "event_log", result, &log);
	return r < 0 ? r : event_log_check(text_buffer_span(&log), claims, result);
}

static int verify_quote(const json_t *json, EVP_PKEY *key, struct text_buffer parts[2],
	struct attest_result *result)
{
	struct attest_claims *claims = &result->claims[result->claims_count++];
	struct tpm_quote quote;
	int r = read_quote(json, parts, &quote, claims, result);

	if (r < 0)
		return r;
	if (!tpm_quote_is_signed_by(&quote, key))
		return verdict_find(result, ATTEST_QUOTE_SIGNATURE_INVALID,
			"not the signature of the TPM's key");
	r = check_contents(json, &quote, claims, result);
	return r < 0 ? r : finish(key, claims, result);
}

int tpm_evidence_verify(const json_t *json, EVP_PKEY *key,
	const struct attest_collateral *collateral, int64_t now, struct attest_result *result)
{
	CLEANUP(signature_key_freep) EVP_PKEY *own = NULL;
	struct text_buffer parts[2] = {{0}};
	int r = key ? 0 : read_key(json, result, &own);

	if (r == 0 && !key)
		r = check_key(json, own, collateral, now, result);
	if (r == 0)
		r = verify_quote(json, key ? key : own, parts, result);
	text_buffer_done(&parts[0]);
	text_buffer_done(&parts[1]);
	return r;
}
