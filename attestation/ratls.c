#include "attestation/ratls.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>

#include "attestation/cbor.h"
#include "attestation/evidence.h"
#include "attestation/reader.h"
#include "attestation/signature.h"

#define DICE_EVIDENCE "2.23.133.5.4.9"
#define LEGACY_QUOTE "1.2.840.113741.1337.6"

/* Tagged evidence: [evidence, claims]. 60000 is a quote of SGX or TDX; those after it are of other
 * kinds, which are told by the evidence itself. */
#define TAG_FIRST 60000
#define TAG_LAST 60009

/* IANA, "Named Information Hash Algorithm Registry". */
enum hash_id {
	HASH_SHA256 = 1,
	HASH_SHA384 = 7,
	HASH_SHA512 = 8,
};

struct content {
	struct span evidence, claims;
	bool is_legacy; /* just a quote, and no claims */
};

bool ratls_is(struct span evidence)
{
	static const char begin[] = "-----BEGIN CERTIFICATE-----";
	size_t size;
	X509 *certificate;

	while (evidence.size && strchr(" \t\r\n", evidence.data[0])) {
		evidence.data++;
		evidence.size--;
	}
	if (evidence.size >= sizeof(begin) && !memcmp(evidence.data, begin, sizeof(begin) - 1))
		return true;
	if (!evidence.size || evidence.data[0] != 0x30)
		return false;
	certificate = certificate_from_der(evidence, &size);
	X509_free(certificate);
	return certificate != NULL;
}

static int malformed(struct attest_result *result, const char *what)
{
	return verdict_find(result, ATTEST_EVIDENCE_MALFORMED, "attested certificate: %s", what);
}

static int read_tagged(struct span extension, struct content *ret, struct attest_result *result)
{
	struct reader reader = reader_of(extension);
	uint64_t tag = cbor_take(&reader, CBOR_TAG);

	if (!reader.failed && (tag < TAG_FIRST || tag > TAG_LAST))
		return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
			"attested certificate with evidence of CBOR tag %llu",
			(unsigned long long)tag);
	if (cbor_take(&reader, CBOR_ARRAY) != 2)
		reader.failed = true;
	ret->evidence = cbor_string(&reader, CBOR_BYTES);
	ret->claims = cbor_string(&reader, CBOR_BYTES);
	if (reader.failed || reader_left(&reader))
		return malformed(result, "its extension is not tagged evidence with claims");
	return 0;
}

static int read_content(const X509 *certificate, struct content *ret, struct attest_result *result)
{
	struct span extension;

	if (certificate_extension(certificate, DICE_EVIDENCE, &extension))
		return read_tagged(extension, ret, result);
	ret->is_legacy = certificate_extension(certificate, LEGACY_QUOTE, &ret->evidence);
	if (ret->is_legacy)
		return 0;
	return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
		"a certificate without evidence, or with more than one piece of it");
}

/* [hash algorithm, digest], in a string of bytes or as it is. */
static int read_key_hash(struct span value, uint64_t *ret_hash, struct span *ret_digest)
{
	struct reader reader = reader_of(value);
	uint64_t number;

	if (cbor_head(&reader, &number) == CBOR_BYTES)
		reader = reader_of(reader_take(&reader, (size_t)number));
	else
		reader = reader_of(value);
	if (cbor_take(&reader, CBOR_ARRAY) != 2)
		reader.failed = true;
	*ret_hash = cbor_take(&reader, CBOR_UNSIGNED);
	*ret_digest = cbor_string(&reader, CBOR_BYTES);
	return reader.failed || reader_left(&reader) ? -EINVAL : 0;
}

/* The value of "pubkey-hash"; the map's other members are its maker's business. */
static int find_key_hash(struct span claims, struct span *ret_value)
{
	static const char name[] = "pubkey-hash";
	struct reader reader = reader_of(claims);
	uint64_t count = cbor_take(&reader, CBOR_MAP);
	size_t met = 0;

	if (count > CBOR_ITEMS_MAX)
		return -EINVAL;
	for (uint64_t i = 0; i < count && !reader.failed; i++) {
		struct span key = cbor_string(&reader, CBOR_TEXT), value = cbor_skip(&reader);

		if (key.size == sizeof(name) - 1 && !memcmp(key.data, name, key.size)) {
			*ret_value = value;
			met++;
		}
	}
	return reader.failed || reader_left(&reader) || met != 1 ? -EINVAL : 0;
}

static const char *hash_name(uint64_t hash)
{
	switch (hash) {
	case HASH_SHA256:
		return "SHA256";
	case HASH_SHA384:
		return "SHA384";
	case HASH_SHA512:
		return "SHA512";
	default:
		return NULL;
	}
}

static bool is_key_digest(X509 *certificate, const char *hash, struct span digest)
{
	uint8_t *der = NULL, is[EVP_MAX_MD_SIZE];
	int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(certificate), &der);
	struct span key = {der, size > 0 ? (size_t)size : 0};
	size_t is_size = key.size ? signature_digest(hash, &key, 1, is) : 0;

	OPENSSL_free(der);
	return is_size && span_equals(digest, (struct span){is, is_size});
}

static int check_claims(X509 *certificate, struct span claims, struct attest_result *result)
{
	struct span value = {0}, digest = {0};
	uint64_t hash;

	if (find_key_hash(claims, &value) < 0 || read_key_hash(value, &hash, &digest) < 0)
		return malformed(result, "its claims don't hold one \"pubkey-hash\"");
	if (!hash_name(hash))
		return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
			"attested certificate with a digest of kind %llu",
			(unsigned long long)hash);
	if (!is_key_digest(certificate, hash_name(hash), digest))
		return verdict_find(result, ATTEST_CERTIFICATE_NOT_BOUND,
			"\"pubkey-hash\" is not the digest of the certificate's key");
	return 0;
}

/* What the evidence vouches for: the digest of the claims, or of old the key itself. */
static int check_binding(
	X509 *certificate, const struct content *content, struct attest_result *result)
{
	const struct attest_value *bound = &result->claims[result->claims_count - 1].report_data;
	struct span head = {bound->bytes, 32};
	uint8_t digest[EVP_MAX_MD_SIZE];

	if (bound->size < 32)
		return verdict_find(
			result, ATTEST_CLAIMS_NOT_BOUND, "the report data is too short");
	if (content->is_legacy)
		return is_key_digest(certificate, "SHA256", head)
			       ? 0
			       : verdict_find(result, ATTEST_CERTIFICATE_NOT_BOUND,
					 "the report data is not the digest of the certificate's "
					 "key");
	if (signature_digest("SHA256", &content->claims, 1, digest) != 32 ||
		memcmp(digest, head.data, 32))
		return verdict_find(result, ATTEST_CLAIMS_NOT_BOUND,
			"the report data is not the digest of the certificate's claims");
	return check_claims(certificate, content->claims, result);
}

static void check_dates(const X509 *certificate, int64_t now, struct attest_result *result)
{
	int64_t until = certificate_time(X509_get0_notAfter(certificate));

	certificate_note_expiry(result, until);
	if (now > until)
		verdict_find(
			result, ATTEST_CERTIFICATE_EXPIRED, "the attested certificate has expired");
	if (now < certificate_time(X509_get0_notBefore(certificate)))
		verdict_find(result, ATTEST_CERTIFICATE_NOT_YET_VALID,
			"the attested certificate is not valid yet");
}

static int verify(X509 *certificate, const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result)
{
	struct content content = {0};
	bool is_own = X509_verify(certificate, X509_get0_pubkey(certificate)) == 1;
	int r = read_content(certificate, &content, result);

	ERR_clear_error();
	if (r < 0)
		return r;
	if (!is_own)
		return verdict_find(result, ATTEST_CERTIFICATE_NOT_BOUND,
			"the certificate is not signed by its own key");
	/* A certificate inside a certificate would go on without end. */
	if (ratls_is(content.evidence))
		return malformed(result, "it holds no evidence, but a certificate");
	check_dates(certificate, now, result);
	r = evidence_verify_any(content.evidence, collateral, now, result);
	if (r == 0 && result->claims_count)
		r = check_binding(certificate, &content, result);
	return r;
}

int ratls_verify(struct span evidence, const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result)
{
	CLEANUP(certificates_freep) STACK_OF(X509) *certificates = sk_X509_new_null();
	struct attest_error error;

	if (!certificates)
		return verdict_find(result, ATTEST_INTERNAL_ERROR, "out of memory");
	if (certificates_add(certificates, evidence, &error) < 0)
		return verdict_find(result, error.verdict, "%s", error.reason);
	if (sk_X509_num(certificates) != 1)
		return malformed(result, "there must be one, and only one");
	return verify(sk_X509_value(certificates, 0), collateral, now, result);
}
