/* Making certificates that carry evidence: the form that ratls.c reads. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>

#include "attestation/cbor.h"
#include "attestation/certificate.h"
#include "attestation/platform.h"
#include "attestation/signature.h"

#define TAG_QUOTE 60000
#define HASH_SHA256 1
#define CLAIMS_SIZE_MAX 256
#define NONCE_SIZE_MAX 64
#define HEAD_SIZE_MAX 9

struct writer {
	uint8_t *at;
};

static void put(struct writer *writer, const void *bytes, size_t size)
{
	if (size)
		memcpy(writer->at, bytes, size);
	writer->at += size;
}

/* The shortest head, as deterministic encoding wants it. */
static void put_head(struct writer *writer, enum cbor_major major, uint32_t number)
{
	uint8_t kind = (uint8_t)(major << 5);
	const uint8_t head[] = {(uint8_t)(kind | 26), (uint8_t)(number >> 24),
		(uint8_t)(number >> 16), (uint8_t)(number >> 8), (uint8_t)number};

	if (number < 24) {
		put(writer, &(uint8_t){(uint8_t)(kind | number)}, 1);
	} else if (number <= UINT8_MAX) {
		put(writer, &(uint8_t){(uint8_t)(kind | 24)}, 1);
		put(writer, head + 4, 1);
	} else if (number <= UINT16_MAX) {
		put(writer, &(uint8_t){(uint8_t)(kind | 25)}, 1);
		put(writer, head + 3, 2);
	} else {
		put(writer, head, sizeof(head));
	}
}

static void put_string(struct writer *writer, enum cbor_major major, const void *bytes, size_t size)
{
	put_head(writer, major, (uint32_t)size);
	put(writer, bytes, size);
}

static EVP_PKEY *read_key(struct attest_bytes pem)
{
	BIO *bio = pem.size <= 1 << 16 ? BIO_new_mem_buf(pem.data, (int)pem.size) : NULL;
	EVP_PKEY *key = bio ? PEM_read_bio_PrivateKey(bio, NULL, NULL, (char *)"") : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

/* {"pubkey-hash": bytes of [1, SHA-256 of the key], "nonce": bytes} */
static size_t write_claims(const uint8_t digest[32], struct attest_bytes nonce, uint8_t *to)
{
	uint8_t pair[2 + HEAD_SIZE_MAX + 32];
	struct writer inner = {pair}, writer = {to};

	put_head(&inner, CBOR_ARRAY, 2);
	put_head(&inner, CBOR_UNSIGNED, HASH_SHA256);
	put_string(&inner, CBOR_BYTES, digest, 32);
	put_head(&writer, CBOR_MAP, nonce.size ? 2 : 1);
	put_string(&writer, CBOR_TEXT, "pubkey-hash", 11);
	put_string(&writer, CBOR_BYTES, pair, (size_t)(inner.at - pair));
	if (nonce.size) {
		put_string(&writer, CBOR_TEXT, "nonce", 5);
		put_string(&writer, CBOR_BYTES, nonce.data, nonce.size);
	}
	return (size_t)(writer.at - to);
}

int attest_ratls_claims_new(struct attest_bytes private_key, struct attest_bytes nonce,
	uint8_t **ret_claims, size_t *ret_size, uint8_t ret_report_data[32])
{
	CLEANUP(signature_key_freep) EVP_PKEY *key = read_key(private_key);
	uint8_t digest[32], out[EVP_MAX_MD_SIZE], *claims;
	struct span part;

	if (!key || nonce.size > NONCE_SIZE_MAX || !signature_key_digest(key, digest))
		return -EINVAL;
	claims = malloc(CLAIMS_SIZE_MAX);
	if (!claims)
		return -ENOMEM;
	part = (struct span){claims, write_claims(digest, nonce, claims)};
	if (signature_digest("SHA256", &part, 1, out) != 32) {
		free(claims);
		return -ENOMEM;
	}
	memcpy(ret_report_data, out, 32);
	*ret_claims = claims;
	*ret_size = part.size;
	return 0;
}

static int add_evidence(X509 *to, struct attest_bytes evidence, struct attest_bytes claims)
{
	size_t size = evidence.size + claims.size + 4 * HEAD_SIZE_MAX;
	ASN1_OBJECT *oid = OBJ_txt2obj("2.23.133.5.4.9", 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension = NULL;
	uint8_t *content = malloc(size);
	struct writer writer = {content};
	int r = -ENOMEM;

	if (content) {
		put_head(&writer, CBOR_TAG, TAG_QUOTE);
		put_head(&writer, CBOR_ARRAY, 2);
		put_string(&writer, CBOR_BYTES, evidence.data, evidence.size);
		put_string(&writer, CBOR_BYTES, claims.data, claims.size);
	}
	if (content && oid && value &&
		ASN1_OCTET_STRING_set(value, content, (int)(writer.at - content)) == 1)
		extension = X509_EXTENSION_create_by_OBJ(NULL, oid, 0, value);
	if (extension && X509_add_ext(to, extension, -1) == 1)
		r = 0;
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(oid);
	free(content);
	return r;
}

static int fill(X509 *to, EVP_PKEY *key, int64_t from, int64_t until)
{
	X509_NAME *name = X509_get_subject_name(to);
	uint64_t serial;

	if (RAND_bytes((uint8_t *)&serial, sizeof(serial)) != 1 ||
		ASN1_INTEGER_set_uint64(X509_get_serialNumber(to), serial >> 1 | 1) != 1 ||
		X509_set_version(to, X509_VERSION_3) != 1 ||
		X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
			(const unsigned char *)"RA-TLS", -1, -1, 0) != 1 ||
		X509_set_issuer_name(to, name) != 1 || X509_set_pubkey(to, key) != 1 ||
		!ASN1_TIME_set(X509_getm_notBefore(to), (time_t)from) ||
		!ASN1_TIME_set(X509_getm_notAfter(to), (time_t)until))
		return -ENOMEM;
	return 0;
}

static int write_pem(X509 *certificate, char **ret_pem)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;
	long size =
		bio && PEM_write_bio_X509(bio, certificate) == 1 ? BIO_get_mem_data(bio, &text) : 0;

	*ret_pem = size > 0 ? strndup(text, (size_t)size) : NULL;
	BIO_free(bio);
	return *ret_pem ? 0 : -ENOMEM;
}

int attest_ratls_certificate_new(struct attest_bytes private_key, struct attest_bytes evidence,
	struct attest_bytes claims, int64_t from, int64_t until, char **ret_pem)
{
	CLEANUP(signature_key_freep) EVP_PKEY *key = read_key(private_key);
	CLEANUP(certificate_freep) X509 *certificate = X509_new();
	int r;

	if (!key || !evidence.size || evidence.size > ATTEST_EVIDENCE_SIZE_MAX || !claims.size ||
		claims.size > ATTEST_EVIDENCE_SIZE_MAX)
		return -EINVAL;
	if (!certificate)
		return -ENOMEM;
	r = fill(certificate, key, from, until);
	if (r == 0)
		r = add_evidence(certificate, evidence, claims);
	if (r == 0 && X509_sign(certificate, key, EVP_sha256()) <= 0)
		r = -ENOMEM;
	ERR_clear_error();
	return r < 0 ? r : write_pem(certificate, ret_pem);
}

int attest_ratls_certificate_make(struct attest_platform *platform, struct attest_bytes private_key,
	int64_t from, int64_t until, char **ret_pem, struct attest_error *error)
{
	uint8_t *claims = NULL, *evidence = NULL, report_data[32];
	size_t claims_size, evidence_size;
	int r = attest_ratls_claims_new(
		private_key, (struct attest_bytes){0}, &claims, &claims_size, report_data);

	if (r < 0)
		return platform_fail(error, r, "the private key");
	r = attest_evidence_new(platform, (struct attest_bytes){report_data, sizeof(report_data)},
		&evidence, &evidence_size, error);
	if (r == 0) {
		r = attest_ratls_certificate_new(private_key,
			(struct attest_bytes){evidence, evidence_size},
			(struct attest_bytes){claims, claims_size}, from, until, ret_pem);
		if (r < 0)
			platform_fail(error, r, "the attested certificate");
	}
	free(claims);
	free(evidence);
	return r;
}
