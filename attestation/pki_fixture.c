#include "attestation/pki_fixture.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509v3.h>

#include "attestation/text.h"

static void require(bool holds)
{
	if (!holds)
		abort();
}

void bytes_done(struct bytes *bytes)
{
	free(bytes->data);
	*bytes = (struct bytes){0};
}

void bytes_put(struct bytes *to, const void *from, size_t size)
{
	to->data = realloc(to->data, to->size + size + 1);
	require(to->data != NULL);
	if (size)
		memcpy(to->data + to->size, from, size);
	to->size += size;
	to->data[to->size] = '\0';
}

void bytes_put_le(struct bytes *to, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes_put(to, &(uint8_t){(uint8_t)(value >> (8 * i))}, 1);
}

void bytes_put_be(struct bytes *to, uint64_t value, size_t size)
{
	for (size_t i = size; i > 0; i--)
		bytes_put(to, &(uint8_t){(uint8_t)(value >> (8 * (i - 1)))}, 1);
}

void bytes_put_zero(struct bytes *to, size_t size)
{
	void *zeros = calloc(1, size + 1);

	require(zeros != NULL);
	bytes_put(to, zeros, size);
	free(zeros);
}

void bytes_put_text(struct bytes *to, const char *text)
{
	bytes_put(to, text, strlen(text));
}

void bytes_put_hex(struct bytes *to, const void *from, size_t size)
{
	char *text = malloc(2 * size + 1);

	require(text != NULL);
	text_hex(from, size, text);
	bytes_put_text(to, text);
	free(text);
}

void bytes_put_base64(struct bytes *to, struct span from)
{
	char *text = text_base64(from);

	require(text != NULL);
	bytes_put_text(to, text);
	free(text);
}

void bytes_put_der(struct bytes *to, uint8_t tag, struct bytes *content)
{
	bytes_put(to, &tag, 1);
	if (content->size < 0x80) {
		bytes_put_be(to, content->size, 1);
	} else if (content->size < 0x100) {
		bytes_put_be(to, 0x8100 | content->size, 2);
	} else {
		bytes_put_be(to, 0x820000 | content->size, 3);
	}
	bytes_put(to, content->data, content->size);
	bytes_done(content);
}

void bytes_put_der_unsigned(struct bytes *to, uint32_t value)
{
	struct bytes content = {0};
	size_t size = 1;

	while (size < 4 && value >> (8 * size - 1))
		size++;
	bytes_put_be(&content, value, size);
	bytes_put_der(to, 0x02, &content);
}

EVP_PKEY *pki_key(const char *kind)
{
	EVP_PKEY *key = !strcmp(kind, "RSA")        ? EVP_RSA_gen(2048)
			: !strcmp(kind, "RSA-4096") ? EVP_RSA_gen(4096)
			: !strcmp(kind, "SM2")      ? EVP_PKEY_Q_keygen(NULL, NULL, "SM2")
						    : EVP_EC_gen(kind);

	require(key != NULL);
	return key;
}

void pki_point(EVP_PKEY *key, size_t half, uint8_t *to)
{
	uint8_t encoded[200];
	size_t size;

	require(EVP_PKEY_get_octet_string_param(
			key, OSSL_PKEY_PARAM_PUB_KEY, encoded, sizeof(encoded), &size) == 1);
	require(size == 1 + 2 * half && encoded[0] == 4);
	memcpy(to, encoded + 1, 2 * half);
}

void pki_sign(EVP_PKEY *key, const char *hash, struct span message, size_t half, uint8_t *to)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	uint8_t der[200];
	const uint8_t *at = der;
	size_t size = sizeof(der);
	ECDSA_SIG *parts;

	require(context && EVP_DigestSignInit_ex(context, NULL, hash, NULL, NULL, key, NULL) == 1 &&
		EVP_DigestSign(context, der, &size, message.data, message.size) == 1);
	parts = d2i_ECDSA_SIG(NULL, &at, (long)size);
	require(parts && BN_bn2binpad(ECDSA_SIG_get0_r(parts), to, (int)half) > 0 &&
		BN_bn2binpad(ECDSA_SIG_get0_s(parts), to + half, (int)half) > 0);
	ECDSA_SIG_free(parts);
	EVP_MD_CTX_free(context);
}

static void add_extension(X509 *to, X509 *issuer, int nid, const char *value)
{
	X509_EXTENSION *extension;
	X509V3_CTX context;

	X509V3_set_ctx(&context, issuer, to, NULL, NULL, 0);
	extension = X509V3_EXT_conf_nid(NULL, &context, nid, value);
	require(extension && X509_add_ext(to, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

static void add_own_extension(X509 *to, const struct pki_extension *from)
{
	ASN1_OBJECT *object = OBJ_txt2obj(from->oid, 1);
	ASN1_OCTET_STRING *value = ASN1_OCTET_STRING_new();
	X509_EXTENSION *extension;

	require(object && value &&
		ASN1_OCTET_STRING_set(value, from->content->data, (int)from->content->size) == 1);
	extension = X509_EXTENSION_create_by_OBJ(NULL, object, from->is_critical, value);
	require(extension && X509_add_ext(to, extension, -1) == 1);
	X509_EXTENSION_free(extension);
	ASN1_OCTET_STRING_free(value);
	ASN1_OBJECT_free(object);
	bytes_done(from->content);
}

/* What X509_sign_ctx(3) and its like take; to be freed. */
static EVP_MD_CTX *signer(EVP_PKEY *key, bool is_pss, bool is_sha1)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *key_context;

	require(context && EVP_DigestSignInit_ex(context, &key_context,
				   is_pss    ? "SHA384"
				   : is_sha1 ? "SHA1"
					     : "SHA256",
				   NULL, NULL, key, NULL) == 1);
	require(!is_pss || (EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING) == 1 &&
				   EVP_PKEY_CTX_set_rsa_pss_saltlen(
					   key_context, RSA_PSS_SALTLEN_DIGEST) == 1));
	return context;
}

X509 *pki_certificate(const struct pki_request *request)
{
	int64_t from = request->from ? request->from : PKI_FIXTURE_FROM;
	int64_t to = request->to ? request->to : PKI_FIXTURE_TO;
	X509 *certificate = X509_new();
	X509_NAME *name = certificate ? X509_get_subject_name(certificate) : NULL;
	X509 *issuer = request->issuer ? request->issuer : certificate;
	EVP_MD_CTX *context = signer(request->issuer_key, request->is_pss, request->is_sha1);

	require(certificate && X509_set_version(certificate, X509_VERSION_3) == 1 &&
		ASN1_INTEGER_set(X509_get_serialNumber(certificate), request->serial) == 1);
	require(X509_NAME_add_entry_by_NID(name, NID_commonName, MBSTRING_UTF8,
			(const unsigned char *)request->name, -1, -1, 0) == 1);
	require(X509_set_issuer_name(certificate, X509_get_subject_name(issuer)) == 1 &&
		ASN1_TIME_set(X509_getm_notBefore(certificate), (time_t)from) &&
		ASN1_TIME_set(X509_getm_notAfter(certificate), (time_t)to) &&
		X509_set_pubkey(certificate, request->key) == 1);
	add_extension(certificate, issuer, NID_basic_constraints,
		request->constraints ? request->constraints
		: request->is_ca     ? "critical,CA:TRUE"
				     : "critical,CA:FALSE");
	add_extension(certificate, issuer, NID_key_usage,
		request->usage   ? request->usage
		: request->is_ca ? "critical,keyCertSign,cRLSign"
				 : "critical,digitalSignature");
	for (size_t i = 0; i < request->extension_count; i++)
		add_own_extension(certificate, &request->extensions[i]);
	require(X509_sign_ctx(certificate, context) > 0);
	EVP_MD_CTX_free(context);
	return certificate;
}

static void revoke(X509_CRL *list, long serial_number, const ASN1_TIME *since)
{
	X509_REVOKED *entry = X509_REVOKED_new();
	ASN1_INTEGER *serial = ASN1_INTEGER_new();

	require(entry && serial && ASN1_INTEGER_set(serial, serial_number) == 1 &&
		X509_REVOKED_set_serialNumber(entry, serial) == 1 &&
		X509_REVOKED_set_revocationDate(entry, (ASN1_TIME *)since) == 1 &&
		X509_CRL_add0_revoked(list, entry) == 1);
	ASN1_INTEGER_free(serial);
}

static void restrict_to_users(X509_CRL *list)
{
	X509_EXTENSION *extension = X509V3_EXT_conf_nid(
		NULL, NULL, NID_issuing_distribution_point, "critical,onlyuser:TRUE");

	require(extension && X509_CRL_add_ext(list, extension, -1) == 1);
	X509_EXTENSION_free(extension);
}

void pki_crl(const struct pki_list *request, struct bytes *to)
{
	ASN1_TIME *from =
		ASN1_TIME_set(NULL, (time_t)(request->from ? request->from : PKI_FIXTURE_FROM));
	ASN1_TIME *until =
		ASN1_TIME_set(NULL, (time_t)(request->to ? request->to : PKI_FIXTURE_TO));
	EVP_MD_CTX *context = signer(request->key, request->is_pss, request->is_sha1);
	X509_CRL *list = X509_CRL_new();
	uint8_t *der = NULL;
	int size;

	require(list && from && until && X509_CRL_set_version(list, X509_CRL_VERSION_2) == 1 &&
		X509_CRL_set_issuer_name(list, X509_get_subject_name(request->issuer)) == 1 &&
		X509_CRL_set1_lastUpdate(list, from) == 1 &&
		X509_CRL_set1_nextUpdate(list, until) == 1);
	if (request->is_partial)
		restrict_to_users(list);
	if (request->revoked)
		revoke(list, request->revoked, from);
	require(X509_CRL_sign_ctx(list, context) > 0);
	size = i2d_X509_CRL(list, &der);
	require(size > 0);
	bytes_put(to, der, (size_t)size);
	OPENSSL_free(der);
	X509_CRL_free(list);
	EVP_MD_CTX_free(context);
	ASN1_TIME_free(from);
	ASN1_TIME_free(until);
}

/* What was written to @bio, which is used up. */
static void put_bio(struct bytes *to, BIO *bio)
{
	char *text;
	long size = BIO_get_mem_data(bio, &text);

	bytes_put(to, text, (size_t)size);
	BIO_free(bio);
}

void pki_put_pem(struct bytes *to, X509 *certificate)
{
	BIO *bio = BIO_new(BIO_s_mem());

	require(bio && PEM_write_bio_X509(bio, certificate) == 1);
	put_bio(to, bio);
}

void bytes_put_public_pem(struct bytes *to, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	require(bio && PEM_write_bio_PUBKEY(bio, key) == 1);
	put_bio(to, bio);
}

void bytes_put_private_pem(struct bytes *to, EVP_PKEY *key)
{
	BIO *bio = BIO_new(BIO_s_mem());

	require(bio && PEM_write_bio_PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) == 1);
	put_bio(to, bio);
}

void pki_put_der(struct bytes *to, X509 *certificate)
{
	uint8_t *der = NULL;
	int size = i2d_X509(certificate, &der);

	require(size > 0);
	bytes_put(to, der, (size_t)size);
	OPENSSL_free(der);
}
