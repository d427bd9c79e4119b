#include "attestation/collateral.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "attestation/collateral_item.h"
#include "attestation/csv_certificate.h"
#include "attestation/trust_store.h"

static void collateral_freep(struct attest_collateral **collateral)
{
	attest_collateral_free(*collateral);
}

void attest_collateral_free(struct attest_collateral *collateral)
{
	if (!collateral)
		return;
	X509_STORE_free(collateral->store);
	sk_X509_pop_free(collateral->anchors, X509_free);
	sk_X509_pop_free(collateral->certificates, X509_free);
	for (size_t i = 0; i < collateral->crl_count; i++)
		crl_done(&collateral->crls[i]);
	for (size_t i = 0; i < collateral->tcb_info_count; i++)
		tcb_info_free(collateral->tcb_infos[i]);
	for (size_t i = 0; i < collateral->identity_count; i++)
		enclave_identity_free(collateral->identities[i]);
	for (size_t i = 0; i < collateral->key_count; i++)
		EVP_PKEY_free(collateral->keys[i]);
	for (size_t i = 0; i < collateral->blob_count; i++)
		text_buffer_done(&collateral->blobs[i]);
	for (size_t i = 0; i < collateral->known_count; i++) {
		text_buffer_done(&collateral->known[i].der);
		certificates_freep(&collateral->known[i].chain);
	}
	free(collateral->known);
	free(collateral);
}

static bool is_public_key(struct span text)
{
	return text.size && memmem(text.data, text.size, "-----BEGIN PUBLIC KEY-----", 26);
}

static EVP_PKEY *read_pem_key(struct span text)
{
	BIO *bio = BIO_new_mem_buf(text.data, (int)MIN(text.size, (size_t)1 << 20));
	EVP_PKEY *key = bio ? PEM_read_bio_PUBKEY(bio, NULL, NULL, NULL) : NULL;

	BIO_free(bio);
	ERR_clear_error();
	return key;
}

/* Takes over @key; NULL: it could not be read. */
static int add_key(struct attest_collateral *collateral, EVP_PKEY *key, struct attest_error *error)
{
	if (!key)
		return verdict_fail(
			error, ATTEST_COLLATERAL_MALFORMED, "a pinned public key can't be read");
	if (collateral->key_count == COLLATERAL_KEYS_MAX) {
		EVP_PKEY_free(key);
		return verdict_fail(error, ATTEST_COLLATERAL_MALFORMED, "more than %d pinned keys",
			COLLATERAL_KEYS_MAX);
	}
	collateral->keys[collateral->key_count++] = key;
	return 0;
}

static int add_root(
	struct attest_collateral *collateral, struct span root, struct attest_error *error)
{
	EVP_PKEY *key = NULL;

	if (span_is_zero(root))
		return verdict_fail(error, ATTEST_CERTIFICATE_MALFORMED, "empty");
	if (is_public_key(root))
		return add_key(collateral, read_pem_key(root), error);
	if (csv_root_is(root))
		return add_key(collateral, csv_root_read(root, &key) < 0 ? NULL : key, error);
	return certificates_add(collateral->anchors, root, error);
}

static int add_roots(struct attest_collateral *collateral, const struct attest_bytes *roots,
	size_t count, struct attest_error *error)
{
	collateral->trusts_vendors = count == 0;
	if (count == 0)
		return trust_store_add_vendors(collateral->anchors, error);
	for (size_t i = 0; i < count; i++) {
		int r = add_root(collateral, (struct span){roots[i].data, roots[i].size}, error);

		if (r < 0) {
			verdict_name_item(error, "root", i + 1);
			return r;
		}
	}
	return 0;
}

/* Now that all certificates are there: whose lists are these? (If the issuer comes with the
 * evidence only, that can't be told yet.) */
static int find_issuers(struct attest_collateral *collateral, struct attest_error *error)
{
	for (size_t i = 0; i < collateral->crl_count; i++) {
		struct crl *crl = &collateral->crls[i];
		bool met = false;

		crl_find_issuer(crl, collateral->anchors, &met);
		crl_find_issuer(crl, collateral->certificates, &met);
		if (met && !crl->verified_by)
			return verdict_fail(error, ATTEST_CRL_INVALID,
				"a revocation list is not signed by the issuer that it names");
	}
	return 0;
}

static int know(struct attest_collateral *collateral, STACK_OF(X509) *certificates)
{
	for (int i = 0; i < sk_X509_num(certificates); i++) {
		struct known_certificate *known = &collateral->known[collateral->known_count];
		uint8_t *at;
		int size;

		known->certificate = sk_X509_value(certificates, i);
		size = i2d_X509(known->certificate, NULL);
		at = size > 0 ? malloc((size_t)size) : NULL;
		if (!at)
			return -ENOMEM;
		known->der = (struct text_buffer){at, (size_t)size};
		collateral->known_count++;
		i2d_X509(known->certificate, &at);
	}
	return 0;
}

/* Of what is read once, the signatures are checked once. */
static void settle_all(struct attest_collateral *collateral)
{
	int count = sk_X509_num(collateral->certificates);

	for (int i = 0; i < count; i++)
		collateral->known[i].chain =
			certificate_settle(collateral->known[i].certificate, collateral);
}

static int know_all(struct attest_collateral *collateral, struct attest_error *error)
{
	size_t count =
		(size_t)(sk_X509_num(collateral->certificates) + sk_X509_num(collateral->anchors));

	collateral->known = calloc(count + 1, sizeof(collateral->known[0]));
	if (!collateral->known || know(collateral, collateral->certificates) < 0 ||
		know(collateral, collateral->anchors) < 0)
		return verdict_fail(error, ATTEST_INTERNAL_ERROR, "out of memory");
	settle_all(collateral);
	return 0;
}

int attest_collateral_new(const struct attest_bytes *items, size_t item_count,
	const struct attest_bytes *roots, size_t root_count,
	struct attest_collateral **ret_collateral, struct attest_error *error)
{
	CLEANUP(collateral_freep)
	struct attest_collateral *collateral = calloc(1, sizeof(*collateral));
	int r;

	if (!collateral || !(collateral->anchors = sk_X509_new_null()) ||
		!(collateral->certificates = sk_X509_new_null())) {
		verdict_fail(error, ATTEST_INTERNAL_ERROR, "out of memory");
		return -ENOMEM;
	}
	if (item_count > COLLATERAL_ITEMS_MAX)
		return verdict_fail(error, ATTEST_COLLATERAL_MALFORMED, "more than %d items",
			COLLATERAL_ITEMS_MAX);
	r = add_roots(collateral, roots, root_count, error);
	if (r < 0)
		return r;
	r = trust_store_new(collateral->anchors, &collateral->store);
	if (r < 0) {
		verdict_fail(error, ATTEST_INTERNAL_ERROR, "out of memory");
		return r;
	}
	r = collateral_add_items(collateral, items, item_count, error);
	if (r < 0)
		return r;
	r = find_issuers(collateral, error);
	if (r == 0)
		r = know_all(collateral, error);
	if (r < 0)
		return r;
	*ret_collateral = TAKE(collateral);
	return 0;
}

X509 *collateral_anchor(const struct attest_collateral *collateral, const X509_NAME *name)
{
	for (int i = 0; i < sk_X509_num(collateral->anchors); i++) {
		X509 *anchor = sk_X509_value(collateral->anchors, i);

		if (X509_NAME_cmp(X509_get_subject_name(anchor), name) == 0)
			return anchor;
	}
	return NULL;
}

bool collateral_trusts_key(const struct attest_collateral *collateral, EVP_PKEY *key)
{
	for (size_t i = 0; i < collateral->key_count; i++)
		if (EVP_PKEY_eq(collateral->keys[i], key) == 1)
			return true;
	return false;
}
