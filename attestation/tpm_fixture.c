#include "attestation/tpm_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/rsa.h>

#include "attestation/signature.h"
#include "attestation/tpm_quote.h"

#define PCRS_QUOTED 0x11 /* 0 and 4 */
#define RSA_MAX 512

void tpm_fixture_quote_done(struct tpm_fixture_quote *quote)
{
	bytes_done(&quote->message);
	bytes_done(&quote->signature);
	bytes_done(&quote->pcrs);
}

static uint16_t or_default(uint16_t value, uint16_t usual)
{
	return value ? value : usual;
}

static uint32_t quoted(const struct tpm_fixture_options *options)
{
	return options->quoted ? options->quoted : PCRS_QUOTED;
}

/* Each PCR is full of its own number. */
static void put_pcrs(struct tpm_fixture_quote *to, const struct tpm_fixture_options *options)
{
	uint8_t value[64];
	size_t size;

	if (!tpm_hash_name(or_default(options->bank, TPM_ALG_SHA256), &size))
		abort();
	for (int i = 0; i < 24; i++) {
		memset(value, i + 1, sizeof(value));
		if (quoted(options) >> i & 1)
			bytes_put(&to->pcrs, value, size);
	}
}

/* TPM 2.0 Library, part 2, 10.12.8: TPMS_ATTEST. */
static void put_message(struct tpm_fixture_quote *to, const struct tpm_fixture_options *options,
	const char *hash_name)
{
	const char *nonce = options->is_nonce_absent ? ""
			    : options->nonce         ? options->nonce
						     : "nonce";
	struct span pcrs = bytes_span(&to->pcrs);
	struct bytes *message = &to->message;
	uint8_t digest[EVP_MAX_MD_SIZE];
	size_t size = signature_digest(hash_name, &pcrs, 1, digest);

	digest[0] ^= options->is_digest_wrong;
	bytes_put_be(message, 0xff544347, 4);
	bytes_put_be(message, 0x8018, 2);
	bytes_put_be(message, 0, 2);
	bytes_put_be(message, strlen(nonce), 2);
	bytes_put_text(message, nonce);
	bytes_put_zero(message, 8 + 4 + 4 + 1 + 8);
	bytes_put_be(message, 1, 4);
	bytes_put_be(message, or_default(options->bank, TPM_ALG_SHA256), 2);
	bytes_put_be(message, 3, 1);
	bytes_put_le(message, quoted(options), 3);
	bytes_put_be(message, size, 2);
	bytes_put(message, digest, size);
}

static size_t sign_rsa(
	EVP_PKEY *key, const char *hash_name, bool is_pss, struct span message, uint8_t to[RSA_MAX])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context;
	size_t size = RSA_MAX;

	if (!context ||
		EVP_DigestSignInit_ex(context, &key_context, hash_name, NULL, NULL, key, NULL) !=
			1 ||
		(is_pss && EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) != 1) ||
		EVP_DigestSign(context, to, &size, message.data, message.size) != 1)
		abort();
	EVP_MD_CTX_free(context);
	return size;
}

/* The same, 11.3.4: TPMT_SIGNATURE. */
static void put_signature(EVP_PKEY *key, struct tpm_fixture_quote *to, uint16_t scheme,
	uint16_t hash, const char *hash_name)
{
	size_t half = EVP_PKEY_get_bits(key) == 384 ? 48 : 32, size;
	struct bytes *signature = &to->signature;
	uint8_t bytes[RSA_MAX];

	bytes_put_be(signature, scheme, 2);
	bytes_put_be(signature, hash, 2);
	if (scheme != TPM_ALG_ECDSA) {
		size = sign_rsa(
			key, hash_name, scheme == TPM_ALG_RSAPSS, bytes_span(&to->message), bytes);
		bytes_put_be(signature, size, 2);
		bytes_put(signature, bytes, size);
		return;
	}
	pki_sign(key, hash_name, bytes_span(&to->message), half, bytes);
	bytes_put_be(signature, half, 2);
	bytes_put(signature, bytes, half);
	bytes_put_be(signature, half, 2);
	bytes_put(signature, bytes + half, half);
}

void tpm_fixture_make(
	EVP_PKEY *key, const struct tpm_fixture_options *options, struct tpm_fixture_quote *to)
{
	uint16_t hash = or_default(options->hash, TPM_ALG_SHA256);
	size_t size;
	const char *name = tpm_hash_name(hash, &size);

	put_pcrs(to, options);
	put_message(to, options, name);
	put_signature(key, to, or_default(options->scheme, TPM_ALG_RSASSA), hash, name);
}

void tpm_fixture_put_json(const struct tpm_fixture_quote *quote,
	const struct tpm_fixture_options *options, struct bytes *to)
{
	const char *separator = "";
	size_t size, at = 0;

	if (!tpm_hash_name(or_default(options->bank, TPM_ALG_SHA256), &size))
		abort();
	bytes_put_text(to, "{\"message\":\"");
	bytes_put_base64(to, bytes_span(&quote->message));
	bytes_put_text(to, "\",\"signature\":\"");
	bytes_put_base64(to, bytes_span(&quote->signature));
	bytes_put_text(to, "\",\"pcrs\":{");
	for (int i = 0; i < 24; i++) {
		char name[16];

		if (!(quoted(options) >> i & 1))
			continue;
		snprintf(name, sizeof(name), "%s\"%d\":\"", separator, i);
		bytes_put_text(to, name);
		bytes_put_hex(to, quote->pcrs.data + at, size);
		bytes_put_text(to, "\"");
		at += size;
		separator = ",";
	}
	bytes_put_text(to, "}}");
}

static void extend(uint8_t pcr[32], const char *what)
{
	uint8_t digest[EVP_MAX_MD_SIZE], out[EVP_MAX_MD_SIZE];
	struct span name = {(const uint8_t *)what, strlen(what)},
		    parts[2] = {{pcr, 32}, {digest, 32}};

	if (signature_digest("SHA256", &name, 1, digest) != 32 ||
		signature_digest("SHA256", parts, 2, out) != 32)
		abort();
	memcpy(pcr, out, 32);
}

static void log_event(struct bytes *log, uint32_t pcr, const char *what)
{
	struct span name = {(const uint8_t *)what, strlen(what)};
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (signature_digest("SHA256", &name, 1, digest) != 32)
		abort();
	bytes_put_le(log, pcr, 4);
	bytes_put_le(log, 0x80000008, 4);
	bytes_put_le(log, 1, 4);
	bytes_put_le(log, 0x000b, 2);
	bytes_put(log, digest, 32);
	bytes_put_le(log, strlen(what), 4);
	bytes_put_text(log, what);
}

void tpm_fixture_put_log(struct bytes *log, uint8_t ret_pcrs[2][32])
{
	bytes_put_le(log, 0, 4);
	bytes_put_le(log, 3, 4);
	bytes_put_zero(log, 20);
	bytes_put_le(log, 16 + 8 + 4 + 4 + 1, 4);
	bytes_put(log, "Spec ID Event03", 16);
	bytes_put_zero(log, 8);
	bytes_put_le(log, 1, 4);
	bytes_put_le(log, 0x000b, 2);
	bytes_put_le(log, 32, 2);
	bytes_put_zero(log, 1);
	log_event(log, 0, "firmware");
	log_event(log, 4, "hypervisor");
	memset(ret_pcrs, 0, 2 * sizeof(ret_pcrs[0]));
	extend(ret_pcrs[0], "firmware");
	extend(ret_pcrs[1], "hypervisor");
}

void tpm_fixture_put_modulus(EVP_PKEY *key, struct bytes *to)
{
	BIGNUM *number = NULL;
	uint8_t bytes[RSA_MAX];

	if (EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &number) != 1)
		abort();
	bytes_put_base64(to, (struct span){bytes, (size_t)BN_bn2bin(number, bytes)});
	BN_free(number);
}
