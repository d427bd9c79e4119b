#include "attestation/trust_store.h"

#include <errno.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "attestation/certificate.h"
#include "attestation/signature.h"
#include "attestation/text.h"

#define KEY_SIZE_MAX 512

struct name_part {
	int nid;
	const char *value;
};

/* The order in which each vendor writes the parts; NULL: the common name. */
static const struct name_part intel_name[] = {{NID_commonName, NULL},
	{NID_organizationName, "Intel Corporation"}, {NID_localityName, "Santa Clara"},
	{NID_stateOrProvinceName, "CA"}, {NID_countryName, "US"}, {0, NULL}};
static const struct name_part amd_name[] = {{NID_organizationalUnitName, "Engineering"},
	{NID_countryName, "US"}, {NID_localityName, "Santa Clara"}, {NID_stateOrProvinceName, "CA"},
	{NID_organizationName, "Advanced Micro Devices"}, {NID_commonName, NULL}, {0, NULL}};

static int make_name(enum trust_vendor vendor, const char *common_name, X509_NAME *to)
{
	const struct name_part *part = vendor == TRUST_VENDOR_INTEL ? intel_name : amd_name;

	for (; part->nid; part++) {
		const char *value = part->value ? part->value : common_name;

		if (X509_NAME_add_entry_by_NID(to, part->nid, MBSTRING_UTF8,
			    (const unsigned char *)value, -1, -1, 0) != 1)
			return -ENOMEM;
	}
	return 0;
}

static int make_key(const struct trust_anchor *anchor, EVP_PKEY **ret_key)
{
	static const uint8_t exponent[] = {1, 0, 1};
	uint8_t bytes[KEY_SIZE_MAX];
	size_t size = strlen(anchor->key) / 2;

	if (size > sizeof(bytes) || !text_from_hex(anchor->key, 2 * size, bytes, size))
		return -EINVAL;
	if (anchor->vendor == TRUST_VENDOR_AMD)
		return signature_key_from_rsa((struct span){bytes, size},
			(struct span){exponent, sizeof(exponent)}, ret_key);
	return signature_key_from_point("P-256", (struct span){bytes, size}, ret_key);
}

static int add_extensions(const struct trust_anchor *anchor, X509 *to)
{
	BASIC_CONSTRAINTS *constraints = BASIC_CONSTRAINTS_new();
	ASN1_BIT_STRING *usage = ASN1_BIT_STRING_new();
	ASN1_OCTET_STRING *id = ASN1_OCTET_STRING_new();
	uint8_t key_id[20];
	int r = -ENOMEM;

	if (constraints && usage && id &&
		text_from_hex(anchor->key_id, strlen(anchor->key_id), key_id, sizeof(key_id)) &&
		ASN1_OCTET_STRING_set(id, key_id, sizeof(key_id)) == 1 &&
		ASN1_BIT_STRING_set_bit(usage, 5, 1) == 1 && /* keyCertSign */
		ASN1_BIT_STRING_set_bit(usage, 6, 1) == 1) { /* cRLSign */
		constraints->ca = 0xff;
		if (X509_add1_ext_i2d(to, NID_basic_constraints, constraints, 1, 0) == 1 &&
			X509_add1_ext_i2d(to, NID_key_usage, usage, 1, 0) == 1 &&
			X509_add1_ext_i2d(to, NID_subject_key_identifier, id, 0, 0) == 1)
			r = 0;
	}
	BASIC_CONSTRAINTS_free(constraints);
	ASN1_BIT_STRING_free(usage);
	ASN1_OCTET_STRING_free(id);
	return r;
}

/* An empty signature, of an algorithm that exists: what has none can't be encoded, and so not
 * compared. */
static int add_no_signature(X509 *to)
{
	const ASN1_BIT_STRING *signature;
	const X509_ALGOR *outer;

	X509_get0_signature(&signature, &outer, to);
	if (X509_ALGOR_set0((X509_ALGOR *)outer, OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF,
		    NULL) != 1 ||
		X509_ALGOR_set0((X509_ALGOR *)X509_get0_tbs_sigalg(to),
			OBJ_nid2obj(NID_ecdsa_with_SHA256), V_ASN1_UNDEF, NULL) != 1 ||
		ASN1_BIT_STRING_set((ASN1_BIT_STRING *)signature, (unsigned char *)"", 0) != 1)
		return -ENOMEM;
	return 0;
}

/* Once to DER and back, so that nothing of how it was made is left in it. */
static X509 *settle(X509 *made)
{
	uint8_t *der = NULL;
	int size = i2d_X509(made, &der);
	size_t used;
	X509 *settled =
		size > 0 ? certificate_from_der((struct span){der, (size_t)size}, &used) : NULL;

	OPENSSL_free(der);
	return settled;
}

static X509 *make_certificate(const struct trust_anchor *anchor)
{
	CLEANUP(certificate_freep) X509 *to = X509_new();
	CLEANUP(signature_key_freep) EVP_PKEY *key = NULL;

	if (!to || make_key(anchor, &key) < 0 || X509_set_version(to, X509_VERSION_3) != 1 ||
		ASN1_INTEGER_set(X509_get_serialNumber(to), anchor->serial) != 1 ||
		make_name(anchor->vendor, anchor->common_name, X509_get_subject_name(to)) < 0 ||
		make_name(anchor->vendor, anchor->issuer_name, X509_get_issuer_name(to)) < 0 ||
		!ASN1_TIME_set(X509_getm_notBefore(to), (time_t)anchor->not_before) ||
		!ASN1_TIME_set(X509_getm_notAfter(to), (time_t)anchor->not_after) ||
		X509_set_pubkey(to, key) != 1 || add_extensions(anchor, to) < 0 ||
		add_no_signature(to) < 0)
		return NULL;
	return settle(to);
}

int trust_store_add_vendors(STACK_OF(X509) *to, struct attest_error *error)
{
	for (size_t i = 0; i < trust_anchor_count; i++) {
		X509 *certificate;

		if (trust_anchors[i].vendor == TRUST_VENDOR_HYGON)
			continue;
		certificate = make_certificate(&trust_anchors[i]);
		if (!certificate || sk_X509_push(to, certificate) == 0) {
			X509_free(certificate);
			ERR_clear_error();
			return verdict_fail(
				error, ATTEST_INTERNAL_ERROR, "the vendors' keys can't be set up");
		}
	}
	return 0;
}

int trust_store_new(STACK_OF(X509) *anchors, X509_STORE **ret_store)
{
	X509_STORE *store = X509_STORE_new();

	for (int i = 0; store && i < sk_X509_num(anchors); i++) {
		if (X509_STORE_add_cert(store, sk_X509_value(anchors, i)) != 1) {
			X509_STORE_free(store);
			return -ENOMEM;
		}
	}
	if (!store)
		return -ENOMEM;
	*ret_store = store;
	return 0;
}
