#include "attestation/tpm_quote.h"

#include <errno.h>
#include <string.h>

#include "attestation/signature.h"

#define TPM_GENERATED 0xff544347
#define TPM_ST_ATTEST_QUOTE 0x8018
#define SELECTIONS_MAX 8

const char *tpm_hash_name(uint16_t algorithm, size_t *ret_size)
{
	static const struct {
		uint16_t algorithm;
		uint16_t size;
		const char *name;
	} hashes[] = {{TPM_ALG_SHA1, 20, "SHA1"}, {TPM_ALG_SHA256, 32, "SHA256"},
		{TPM_ALG_SHA384, 48, "SHA384"}, {TPM_ALG_SHA512, 64, "SHA512"}};

	for (size_t i = 0; i < ARRAY_SIZE(hashes); i++) {
		if (hashes[i].algorithm == algorithm) {
			*ret_size = hashes[i].size;
			return hashes[i].name;
		}
	}
	return NULL;
}

bool tpm_quote_is(struct span evidence)
{
	struct reader reader = reader_of(evidence);

	return reader_be32(&reader) == TPM_GENERATED && reader_be16(&reader) == TPM_ST_ATTEST_QUOTE;
}

static int malformed(struct attest_result *result, const char *what)
{
	return verdict_find(result, ATTEST_EVIDENCE_MALFORMED, "TPM quote: %s", what);
}

/* One bank: with several, one digest stands for values that nobody could tell apart. */
static int read_selections(
	struct reader *reader, struct attest_tpm_claims *tpm, struct attest_result *result)
{
	uint32_t count = reader_be32(reader);

	if (reader->failed || count > SELECTIONS_MAX)
		return malformed(result, "too many selections of PCRs");
	for (uint32_t i = 0; i < count; i++) {
		uint16_t hash = reader_be16(reader);
		struct span bitmap = reader_take(reader, reader_u8(reader));
		uint32_t quoted = 0;

		for (size_t j = 0; j < bitmap.size; j++) {
			if (j >= 3 && bitmap.data[j])
				return malformed(result, "it selects PCRs above 23");
			if (j < 3)
				quoted |= (uint32_t)bitmap.data[j] << (8 * j);
		}
		if (!quoted)
			continue;
		if (tpm->quoted)
			return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
				"TPM quote over several banks of PCRs");
		tpm->quoted = quoted;
		tpm->hash = hash;
	}
	return 0;
}

static void read_value(struct attest_value *to, struct span value)
{
	to->size = (uint8_t)MIN(value.size, sizeof(to->bytes));
	if (to->size)
		memcpy(to->bytes, value.data, to->size);
}

static int read_message(
	struct reader *reader, struct attest_claims *claims, struct attest_result *result)
{
	struct attest_tpm_claims *tpm = &claims->tpm;
	struct span nonce, digest;
	int r;

	claims->type = ATTEST_TYPE_TPM;
	if (reader_be32(reader) != TPM_GENERATED || reader_be16(reader) != TPM_ST_ATTEST_QUOTE)
		return malformed(result, "not TPM_GENERATED, or not a quote");
	reader_tpm2b(reader); /* the signer's qualified name */
	nonce = reader_tpm2b(reader);
	tpm->clock = reader_be(reader, 8);
	tpm->reset_count = reader_be32(reader);
	tpm->restart_count = reader_be32(reader);
	reader_skip(reader, 1);
	tpm->firmware_version = reader_be(reader, 8);
	r = read_selections(reader, tpm, result);
	if (r < 0)
		return r;
	digest = reader_tpm2b(reader);
	if (reader->failed || nonce.size > 64 || digest.size > 64)
		return malformed(result, "a part of it is longer than can be");
	read_value(&claims->report_data, nonce);
	read_value(&claims->measurement, digest);
	return 0;
}

static int read_signature(
	struct reader *reader, struct tpm_quote *quote, struct attest_result *result)
{
	size_t size;

	if (!reader_left(reader))
		return malformed(result, "its signature is missing");
	quote->scheme = reader_be16(reader);
	quote->hash = reader_be16(reader);
	if (reader->failed)
		return malformed(result, "its signature ends elsewhere than it says");
	switch (quote->scheme) {
	case TPM_ALG_RSASSA:
	case TPM_ALG_RSAPSS:
		quote->rsa = reader_tpm2b(reader);
		break;
	case TPM_ALG_ECDSA:
		quote->r = reader_tpm2b(reader);
		quote->s = reader_tpm2b(reader);
		break;
	default:
		return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
			"TPM quote with a signature of scheme %#x", quote->scheme);
	}
	if (reader->failed || reader_left(reader))
		return malformed(result, "its signature ends elsewhere than it says");
	if (!tpm_hash_name(quote->hash, &size))
		return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
			"TPM quote with a digest of kind %#x", quote->hash);
	return 0;
}

static void check_hashes(const struct tpm_quote *quote, const struct attest_tpm_claims *tpm,
	struct attest_result *result)
{
	if (quote->hash == TPM_ALG_SHA1)
		verdict_find(result, ATTEST_HASH_WEAK, "the TPM quote is signed over SHA-1");
	if (tpm->quoted && tpm->hash == TPM_ALG_SHA1)
		verdict_find(result, ATTEST_HASH_WEAK, "the TPM quote is over PCRs of SHA-1");
}

int tpm_quote_read(struct span message, struct span signature, struct tpm_quote *ret_quote,
	struct attest_claims *claims, struct attest_result *result)
{
	struct tpm_quote quote = {.message = message};
	struct reader reader = reader_of(message), after;
	int r = read_message(&reader, claims, result);

	if (r < 0)
		return r;
	if (signature.size == 0) {
		quote.message.size = reader.at;
		signature = reader_rest(&reader);
	} else if (reader_left(&reader)) {
		return malformed(result, "something follows it");
	}
	quote.signature = signature;
	after = reader_of(signature);
	r = read_signature(&after, &quote, result);
	if (r < 0)
		return r;
	claims->tpm.signature_hash = quote.hash;
	check_hashes(&quote, &claims->tpm, result);
	*ret_quote = quote;
	return 0;
}

bool tpm_quote_is_signed_by(const struct tpm_quote *quote, EVP_PKEY *key)
{
	size_t size;
	const char *hash = tpm_hash_name(quote->hash, &size);

	if (quote->scheme == TPM_ALG_ECDSA)
		return signature_is_ecdsa(key, hash, quote->message, quote->r, quote->s);
	return signature_is_rsa(
		key, hash, quote->scheme == TPM_ALG_RSAPSS, quote->message, quote->rsa);
}

/* The digest is over the values in the order of their numbers, with the signature's hash. */
int tpm_quote_set_pcrs(const struct tpm_quote *quote,
	const struct attest_value values[ATTEST_PCR_COUNT], struct attest_claims *claims,
	struct attest_result *result)
{
	struct attest_tpm_claims *tpm = &claims->tpm;
	struct span parts[ATTEST_PCR_COUNT],
		is = {claims->measurement.bytes, claims->measurement.size};
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t count = 0, size = 0, digest_size;
	const char *name = tpm_hash_name(tpm->hash, &size);

	if (tpm->quoted && !name)
		return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
			"PCRs of a bank of kind %#x", tpm->hash);
	for (unsigned int i = 0; i < ATTEST_PCR_COUNT; i++) {
		if (!(tpm->quoted & 1u << i))
			continue;
		if (values[i].size != size)
			return verdict_find(result, ATTEST_PCR_DIGEST_MISMATCH,
				"PCR %u is quoted, and its value is not given", i);
		parts[count++] = (struct span){values[i].bytes, values[i].size};
	}
	digest_size = signature_digest(tpm_hash_name(quote->hash, &size), parts, count, digest);
	if (!digest_size || !span_equals(is, (struct span){digest, digest_size}))
		return verdict_find(result, ATTEST_PCR_DIGEST_MISMATCH,
			"their digest is not the one in the quote");
	for (unsigned int i = 0; i < ATTEST_PCR_COUNT; i++)
		if (tpm->quoted & 1u << i)
			tpm->pcrs[i] = values[i];
	tpm->valued = tpm->quoted;
	return 0;
}

/* Keys. Of what comes between, only the sizes matter. */

/* TPMT_SYM_DEF_OBJECT, TPMT_*_SCHEME: nothing follows TPM_ALG_NULL. */
#define TPM_ALG_NULL 0x0010
#define TPM_ECC_NIST_P256 0x0003
#define TPM_ECC_NIST_P384 0x0004

static void skip_symmetric(struct reader *reader)
{
	if (reader_be16(reader) != TPM_ALG_NULL)
		reader_skip(reader, 4);
}

static void skip_scheme(struct reader *reader)
{
	if (reader_be16(reader) != TPM_ALG_NULL)
		reader_skip(reader, 2);
}

static int read_ecc(struct reader *reader, EVP_PKEY **ret_key)
{
	uint8_t point[2 * SIGNATURE_HALF_MAX] = {0};
	uint16_t curve = reader_be16(reader);
	size_t half = curve == TPM_ECC_NIST_P256 ? 32 : curve == TPM_ECC_NIST_P384 ? 48 : 0;
	struct span x, y;

	skip_scheme(reader); /* the key derivation's */
	x = reader_tpm2b(reader);
	y = reader_tpm2b(reader);
	if (reader->failed || !half || x.size > half || y.size > half || !x.size || !y.size)
		return -EINVAL;
	memcpy(point + half - x.size, x.data, x.size);
	memcpy(point + 2 * half - y.size, y.data, y.size);
	return signature_key_from_point(
		half == 32 ? "P-256" : "P-384", (struct span){point, 2 * half}, ret_key);
}

int tpm_key_from_public(struct span public, EVP_PKEY **ret_key)
{
	static const uint8_t default_exponent[] = {1, 0, 1};
	struct reader reader = reader_of(public);
	uint16_t type = reader_be16(&reader);

	/* TPM2B_PUBLIC: a size comes first. */
	if (type != TPM_ALG_RSA && type != TPM_ALG_ECC) {
		if (type != public.size - 2)
			return -EINVAL;
		type = reader_be16(&reader);
	}
	reader_skip(&reader, 6); /* nameAlg, objectAttributes */
	reader_tpm2b(&reader);   /* authPolicy */
	skip_symmetric(&reader);
	skip_scheme(&reader);
	if (type == TPM_ALG_ECC)
		return read_ecc(&reader, ret_key);
	if (type == TPM_ALG_RSA) {
		struct span exponent, modulus;

		reader_skip(&reader, 2); /* keyBits */
		exponent = reader_take(&reader, 4);
		modulus = reader_tpm2b(&reader);
		if (reader.failed || !modulus.size)
			return -EINVAL;
		if (span_is_zero(exponent)) /* the usual one */
			exponent = (struct span){default_exponent, sizeof(default_exponent)};
		return signature_key_from_rsa(modulus, exponent, ret_key);
	}
	return -EINVAL;
}
