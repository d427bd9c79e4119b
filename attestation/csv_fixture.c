#include "attestation/csv_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ecdsa.h>

#include "attestation/csv_certificate.h"

#define ROOT_ID "HYGON-SSD-HRK" /* which Hygon's root signs under */
#define OTHER_ID "a chip's authority"
#define ALGORITHM_SM2 4
#define CURVE_SM2 3
#define CURVE_P256 1
#define FIELD 72 /* bytes of a number of 32 */
#define NO_DEBUG 1

/* Offsets: csv_report.c and csv_certificate.c. */
#define ROOT_SIGNED_SIZE 0x240
#define CHIP_SIGNED_SIZE 0x414
#define CHIP_SIGNATURE_SIZE 520
#define REPORT_PEK_OFFSET 0x150
#define REPORT_MASKED_SIZE 180

void csv_fixture_init(struct csv_fixture *fixture)
{
	EVP_PKEY **keys[] = {&fixture->root_key, &fixture->hsk_key, &fixture->cek_key,
		&fixture->pek_key, &fixture->other_key};

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		*keys[i] = pki_key("SM2");
}

void csv_fixture_done(struct csv_fixture *fixture)
{
	EVP_PKEY_free(fixture->root_key);
	EVP_PKEY_free(fixture->hsk_key);
	EVP_PKEY_free(fixture->cek_key);
	EVP_PKEY_free(fixture->pek_key);
	EVP_PKEY_free(fixture->other_key);
}

void csv_evidence_done(struct csv_evidence *evidence)
{
	bytes_done(&evidence->root_certificate);
	bytes_done(&evidence->evidence);
	bytes_done(&evidence->report);
	bytes_done(&evidence->chain);
	bytes_done(&evidence->root);
}

static void pad_to(struct bytes *to, size_t size)
{
	bytes_put_zero(to, size - to->size);
}

static void put_number(struct bytes *to, const uint8_t number[32])
{
	for (size_t i = 32; i > 0; i--)
		bytes_put(to, &number[i - 1], 1);
	bytes_put_zero(to, FIELD - 32);
}

static void put_key(struct bytes *to, EVP_PKEY *key, uint32_t curve, const char *id)
{
	uint8_t point[64];

	pki_point(key, 32, point);
	bytes_put_le(to, curve, 4);
	put_number(to, point);
	put_number(to, point + 32);
	bytes_put_le(to, strlen(id), 2);
	bytes_put_text(to, id);
}

/* r and s over the @size bytes at @from. */
static void put_signature(struct bytes *to, EVP_PKEY *key, const char *id, size_t from, size_t size)
{
	EVP_PKEY_CTX *key_context = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[80], r[32], s[32];
	const uint8_t *at = der;
	size_t der_size = sizeof(der);
	ECDSA_SIG *parts;

	EVP_MD_CTX_set_pkey_ctx(context, key_context);
	if (EVP_PKEY_CTX_set1_id(key_context, id, (int)strlen(id)) != 1 ||
		EVP_DigestSignInit_ex(context, NULL, "SM3", NULL, NULL, key, NULL) != 1 ||
		EVP_DigestSign(context, der, &der_size, to->data + from, size) != 1)
		abort();
	parts = d2i_ECDSA_SIG(NULL, &at, (long)der_size);
	if (!parts || BN_bn2binpad(ECDSA_SIG_get0_r(parts), r, 32) != 32 ||
		BN_bn2binpad(ECDSA_SIG_get0_s(parts), s, 32) != 32)
		abort();
	put_number(to, r);
	put_number(to, s);
	ECDSA_SIG_free(parts);
	EVP_MD_CTX_free(context);
	EVP_PKEY_CTX_free(key_context);
}

/* A root's certificate, or one in its form. */
static void put_root(
	struct bytes *to, uint32_t usage, EVP_PKEY *key, const char *id, EVP_PKEY *issuer_key)
{
	size_t from = to->size;

	bytes_put_le(to, 1, 4);
	pad_to(to, from + 0x24);
	bytes_put_le(to, usage, 4);
	pad_to(to, from + 0x40);
	put_key(to, key, CURVE_SM2, id);
	pad_to(to, from + ROOT_SIGNED_SIZE);
	put_signature(to, issuer_key, ROOT_ID, from, ROOT_SIGNED_SIZE);
	pad_to(to, from + CSV_ROOT_CERTIFICATE_SIZE);
}

struct chip_request {
	EVP_PKEY *key, *issuer_key;
	uint32_t usage, issuer_usage, curve;
	bool is_second; /* of the two signatures, the first is empty */
};

static void put_chip_certificate(struct bytes *to, const struct chip_request *request)
{
	size_t from = to->size;

	bytes_put_le(to, 1, 4);
	bytes_put_zero(to, 4);
	bytes_put_le(to, request->usage, 4);
	bytes_put_le(to, ALGORITHM_SM2, 4);
	put_key(to, request->key, request->curve, OTHER_ID);
	pad_to(to, from + CHIP_SIGNED_SIZE);
	if (request->is_second)
		bytes_put_zero(to, CHIP_SIGNATURE_SIZE);
	bytes_put_le(to, request->issuer_usage, 4);
	bytes_put_le(to, ALGORITHM_SM2, 4);
	put_signature(to, request->issuer_key, OTHER_ID, from, CHIP_SIGNED_SIZE);
	pad_to(to, from + CSV_CHIP_CERTIFICATE_SIZE);
}

static void put_cek(const struct csv_fixture *fixture, const struct csv_fixture_options *options,
	struct bytes *to)
{
	struct chip_request request = {.key = fixture->cek_key,
		.issuer_key = options->is_cek_forged ? fixture->other_key : fixture->hsk_key,
		.usage = CSV_USAGE_CEK,
		.issuer_usage = CSV_USAGE_HSK,
		.curve = options->is_cek_of_another_curve ? CURVE_P256 : CURVE_SM2,
		.is_second = options->is_countersigned};

	put_chip_certificate(to, &request);
}

static void put_pek(const struct csv_fixture *fixture, const struct csv_fixture_options *options,
	struct bytes *to)
{
	struct chip_request request = {.key = fixture->pek_key,
		.issuer_key = options->is_pek_forged ? fixture->other_key : fixture->cek_key,
		.usage = options->is_pek_of_another_usage ? CSV_USAGE_OCA : CSV_USAGE_PEK,
		.issuer_usage = CSV_USAGE_CEK,
		.curve = CURVE_SM2,
		.is_second = options->is_countersigned};

	put_chip_certificate(to, &request);
}

static void put_report(const struct csv_fixture *fixture, const struct csv_fixture_options *options,
	struct bytes *to)
{
	static const uint8_t nonce[] = {0x26, 0xd7, 0xc7, 0x5d};
	uint8_t measurement[32];

	memset(measurement, 0xaa, sizeof(measurement));
	bytes_put_zero(to, 64); /* user's key, VM's id and version */
	bytes_put_text(to, "nonce");
	pad_to(to, 144);
	bytes_put(to, measurement, sizeof(measurement));
	bytes_put_le(to, options->is_debug ? 0 : NO_DEBUG, 4);
	for (size_t i = 0; i < REPORT_MASKED_SIZE; i++)
		to->data[i] ^= nonce[i % 4];
	pad_to(to, 188);
	bytes_put(to, nonce, sizeof(nonce));
	put_signature(to, options->is_report_forged ? fixture->other_key : fixture->pek_key,
		OTHER_ID, 0, REPORT_MASKED_SIZE);
	pad_to(to, REPORT_PEK_OFFSET);
	put_pek(fixture, options, to);
	bytes_put_text(to, options->is_serial_binary ? "\xff" : "A0123");
	pad_to(to, REPORT_PEK_OFFSET + CSV_CHIP_CERTIFICATE_SIZE + 64);
}

void csv_fixture_put_json(const struct bytes *report, struct bytes *to)
{
	bytes_put_text(to, "{\"attestation_report\":{\"data\":[");
	for (size_t i = 0; i < report->size; i++) {
		char number[8];

		snprintf(number, sizeof(number), "%s%u", i ? "," : "", report->data[i]);
		bytes_put_text(to, number);
	}
	bytes_put_text(to, "]}}");
}

void csv_fixture_make(const struct csv_fixture *fixture, const struct csv_fixture_options *options,
	struct csv_evidence *to)
{
	put_report(fixture, options, &to->report);
	csv_fixture_put_json(&to->report, &to->evidence);
	if (!options->is_chain_missing) {
		put_root(&to->chain, CSV_USAGE_HSK, fixture->hsk_key, OTHER_ID,
			options->is_hsk_forged ? fixture->other_key : fixture->root_key);
		put_cek(fixture, options, &to->chain);
	}
	put_root(&to->root_certificate, CSV_USAGE_HRK, fixture->root_key, ROOT_ID,
		fixture->root_key);
	bytes_put_public_pem(&to->root, fixture->root_key);
}
