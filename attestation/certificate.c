#include "attestation/certificate.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "attestation/collateral.h"
#include "attestation/crl.h"
#include "attestation/pem.h"
#include "attestation/reader.h"

void certificate_freep(X509 **certificate)
{
	X509_free(*certificate);
}

void certificates_freep(STACK_OF(X509) **certificates)
{
	sk_X509_pop_free(*certificates, X509_free);
}

static void context_freep(X509_STORE_CTX **context)
{
	X509_STORE_CTX_free(*context);
}

X509 *certificate_from_der(struct span der, size_t *ret_size)
{
	const uint8_t *at = der.data;
	X509 *certificate = d2i_X509(NULL, &at, (long)MIN(der.size, (size_t)1 << 20));

	ERR_clear_error();
	if (certificate)
		*ret_size = (size_t)(at - der.data);
	return certificate;
}

/* Takes over @certificate. */
static int add(STACK_OF(X509) *to, X509 *certificate, struct attest_error *error)
{
	for (int i = 0; i < sk_X509_num(to); i++) {
		if (X509_cmp(sk_X509_value(to, i), certificate) == 0) {
			X509_free(certificate);
			return 0;
		}
	}
	if (sk_X509_num(to) >= CERTIFICATES_MAX) {
		X509_free(certificate);
		return verdict_fail(error, ATTEST_CERTIFICATE_MALFORMED,
			"more than %d certificates", CERTIFICATES_MAX);
	}
	if (sk_X509_push(to, certificate) == 0) {
		X509_free(certificate);
		return verdict_fail(error, ATTEST_INTERNAL_ERROR, "out of memory");
	}
	return 0;
}

/* Parsing costs as much as a signature; NULL: it is not known, or there is no collateral. */
static X509 *find_known(
	const struct attest_collateral *collateral, struct span der, size_t *ret_size)
{
	for (size_t i = 0; collateral && i < collateral->known_count; i++) {
		const struct known_certificate *known = &collateral->known[i];

		if (known->der.size > der.size ||
			memcmp(known->der.data, der.data, known->der.size))
			continue;
		X509_up_ref(known->certificate);
		*ret_size = known->der.size;
		return known->certificate;
	}
	return NULL;
}

static int add_der(STACK_OF(X509) *to, struct span der, const struct attest_collateral *collateral,
	struct attest_error *error)
{
	while (der.size && !span_is_zero(der)) {
		size_t size;
		X509 *certificate = find_known(collateral, der, &size);
		int r;

		if (!certificate)
			certificate = certificate_from_der(der, &size);
		if (!certificate)
			return verdict_fail(error, ATTEST_CERTIFICATE_MALFORMED,
				"neither PEM nor DER of X.509");
		r = add(to, certificate, error);
		if (r < 0)
			return r;
		der = (struct span){der.data + size, der.size - size};
	}
	return 0;
}

static int add_pem(STACK_OF(X509) *to, struct span text, const struct attest_collateral *collateral,
	struct attest_error *error)
{
	size_t count = 0;

	for (;; count++) {
		CLEANUP(text_buffer_done) struct text_buffer content = {0};
		struct span label;
		int r = pem_next(&text, &label, &content);

		if (r == -ENOENT && count)
			return 0;
		if (r < 0)
			return verdict_fail(error, ATTEST_CERTIFICATE_MALFORMED, "damaged PEM");
		if (!pem_label_is(label, "CERTIFICATE"))
			return verdict_fail(error, ATTEST_CERTIFICATE_MALFORMED,
				"a PEM block that is no certificate");
		r = add_der(to, text_buffer_span(&content), collateral, error);
		if (r < 0)
			return r;
	}
}

/* A SEQUENCE of 128 bytes or more. PEM can stand within DER, too: in a certificate that carries a
 * quote, which carries a chain. */
static bool is_der(struct span text)
{
	return text.size > 1 && text.data[0] == 0x30 && text.data[1] >= 0x80;
}

int certificates_add_known(STACK_OF(X509) *to, struct span text,
	const struct attest_collateral *collateral, struct attest_error *error)
{
	if (text.size > 1 << 20)
		return verdict_fail(error, ATTEST_CERTIFICATE_MALFORMED, "too large");
	if (!is_der(text) && text.size && memmem(text.data, text.size, "-----BEGIN ", 11))
		return add_pem(to, text, collateral, error);
	return add_der(to, text, collateral, error);
}

int certificates_add(STACK_OF(X509) *to, struct span text, struct attest_error *error)
{
	return certificates_add_known(to, text, NULL, error);
}

bool certificate_is_named(const X509 *certificate, const char *name)
{
	const X509_NAME *subject = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(subject, NID_commonName, -1);
	const ASN1_STRING *value;

	if (at < 0 || X509_NAME_get_index_by_NID(subject, NID_commonName, at) >= 0)
		return false;
	value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, at));
	return (size_t)ASN1_STRING_length(value) == strlen(name) &&
	       !memcmp(ASN1_STRING_get0_data(value), name, strlen(name));
}

bool certificate_extension(const X509 *certificate, const char *oid, struct span *ret_content)
{
	ASN1_OBJECT *object = OBJ_txt2obj(oid, 1);
	const ASN1_OCTET_STRING *value;
	int at = object ? X509_get_ext_by_OBJ(certificate, object, -1) : -1;
	bool once = at >= 0 && X509_get_ext_by_OBJ(certificate, object, at) < 0;

	ASN1_OBJECT_free(object);
	if (!once)
		return false;
	value = X509_EXTENSION_get_data(X509_get_ext(certificate, at));
	*ret_content =
		(struct span){ASN1_STRING_get0_data(value), (size_t)ASN1_STRING_length(value)};
	return true;
}

int64_t certificate_time(const ASN1_TIME *time)
{
	struct tm tm;

	return ASN1_TIME_to_tm(time, &tm) == 1 ? timegm(&tm) : -1;
}

void certificate_note_expiry(struct attest_result *result, int64_t time)
{
	if (time > 0 && (result->expires == 0 || time < result->expires))
		result->expires = time;
}

struct attempt {
	const struct certificate_check *check;
	struct attest_result *result;
};

/* Called for whatever is wrong: what a policy may tolerate is noted, and the way goes on. */
static int on_verify(int ok, X509_STORE_CTX *context)
{
	struct attempt *attempt = X509_STORE_CTX_get_app_data(context);
	int code = X509_STORE_CTX_get_error(context);
	const char *what = attempt->check->what;

	if (ok)
		return 1;
	switch (code) {
	case X509_V_ERR_CERT_HAS_EXPIRED:
		verdict_find(attempt->result, ATTEST_CERTIFICATE_EXPIRED,
			"%s: it or one above it has expired", what);
		return 1;
	case X509_V_ERR_CERT_NOT_YET_VALID:
		verdict_find(attempt->result, ATTEST_CERTIFICATE_NOT_YET_VALID,
			"%s: it or one above it is not valid yet", what);
		return 1;
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		verdict_find(attempt->result, ATTEST_ROOT_NOT_TRUSTED,
			"%s: the way up ends before a pinned root (%s)", what,
			X509_verify_cert_error_string(code));
		return 0;
	default:
		verdict_find(attempt->result, ATTEST_CHAIN_INVALID, "%s: %s", what,
			X509_verify_cert_error_string(code));
		return 0;
	}
}

/* Each but the root is looked for in its issuer's list. */
static int check_revocation(
	const struct certificate_check *check, STACK_OF(X509) *chain, struct attest_result *result)
{
	for (int i = 0; i + 1 < sk_X509_num(chain); i++) {
		int r = crl_check(
			check, sk_X509_value(chain, i), sk_X509_value(chain, i + 1), result);

		if (r < 0)
			return r;
	}
	return 0;
}

/* Issuers are sought among what came with the evidence, and in the collateral. */
static STACK_OF(X509) *candidates(const struct certificate_check *check)
{
	STACK_OF(X509) *all = check->only_others ? sk_X509_new_null()
						 : sk_X509_dup(check->collateral->certificates);

	for (int i = 0; all && check->others && i < sk_X509_num(check->others); i++)
		if (sk_X509_push(all, sk_X509_value(check->others, i)) == 0) {
			sk_X509_free(all);
			return NULL;
		}
	return all;
}

/* @chain holds, but for what changes with time. */
static int judge(
	const struct certificate_check *check, STACK_OF(X509) *chain, struct attest_result *result)
{
	for (int i = 0; i < sk_X509_num(chain); i++)
		certificate_note_expiry(
			result, certificate_time(X509_get0_notAfter(sk_X509_value(chain, i))));
	return check_revocation(check, chain, result);
}

/* 112 bits: no SHA-1, no RSA below 2048 bits. What is pinned is pinned, whoever issued it. */
#define SECURITY_LEVEL 2

static void set_demands(X509_STORE_CTX *context, unsigned long flags)
{
	X509_STORE_CTX_set_depth(context, CERTIFICATE_CHAIN_MAX);
	X509_STORE_CTX_set_flags(context, X509_V_FLAG_PARTIAL_CHAIN | flags);
	X509_VERIFY_PARAM_set_auth_level(X509_STORE_CTX_get0_param(context), SECURITY_LEVEL);
}

static int run(X509_STORE_CTX *context, const struct certificate_check *check,
	struct attest_result *result, STACK_OF(X509) **ret_chain)
{
	CLEANUP(certificates_freep) STACK_OF(X509) *chain = NULL;
	int r = X509_verify_cert(context);

	ERR_clear_error();
	if (verdict_final(result))
		return -EINVAL;
	if (r != 1)
		return verdict_find(result, ATTEST_CHAIN_INVALID, "%s: %s", check->what,
			X509_verify_cert_error_string(X509_STORE_CTX_get_error(context)));
	chain = X509_STORE_CTX_get1_chain(context);
	if (!chain)
		return verdict_find(result, ATTEST_INTERNAL_ERROR, "out of memory");
	r = judge(check, chain, result);
	if (r == 0 && ret_chain)
		*ret_chain = TAKE(chain);
	return r;
}

STACK_OF(X509) *certificate_settle(X509 *certificate, const struct attest_collateral *collateral)
{
	CLEANUP(context_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *chain = NULL;

	if (context && X509_STORE_CTX_init(context, collateral->store, certificate,
			       collateral->certificates) == 1) {
		set_demands(context, X509_V_FLAG_NO_CHECK_TIME);
		if (X509_verify_cert(context) == 1)
			chain = X509_STORE_CTX_get1_chain(context);
	}
	ERR_clear_error();
	return chain;
}

static bool holds(STACK_OF(X509) *certificates, const X509 *certificate)
{
	for (int i = 0; i < sk_X509_num(certificates); i++)
		if (sk_X509_value(certificates, i) == certificate)
			return true;
	return false;
}

static bool is_valid_at(const X509 *certificate, int64_t now)
{
	int64_t from = certificate_time(X509_get0_notBefore(certificate));

	return from != -1 && from <= now && now < certificate_time(X509_get0_notAfter(certificate));
}

/* The chain that was found when the collateral was read, if there is nothing to be said against it
 * now. Otherwise (NULL) it is sought anew: there may be a better one, and the reason is told. */
static STACK_OF(X509) *find_settled(const struct certificate_check *check)
{
	STACK_OF(X509) *chain = NULL;

	for (size_t i = 0; i < check->collateral->known_count && !chain; i++)
		if (check->collateral->known[i].certificate == check->leaf)
			chain = check->collateral->known[i].chain;
	for (int i = 0; i < sk_X509_num(chain); i++) {
		const X509 *certificate = sk_X509_value(chain, i);

		if (!is_valid_at(certificate, check->now))
			return NULL;
		if (check->only_others && i + 1 < sk_X509_num(chain) &&
			!holds(check->others, certificate))
			return NULL;
	}
	return chain;
}

static int take_settled(const struct certificate_check *check, STACK_OF(X509) *chain,
	struct attest_result *result, STACK_OF(X509) **ret_chain)
{
	STACK_OF(X509) *copy;
	int r = judge(check, chain, result);

	if (r < 0 || !ret_chain)
		return r;
	copy = X509_chain_up_ref(chain);
	if (!copy)
		return verdict_find(result, ATTEST_INTERNAL_ERROR, "out of memory");
	*ret_chain = copy;
	return 0;
}

static int seek(const struct certificate_check *check, struct attest_result *result,
	STACK_OF(X509) **ret_chain)
{
	CLEANUP(context_freep) X509_STORE_CTX *context = X509_STORE_CTX_new();
	STACK_OF(X509) *others = candidates(check);
	struct attempt attempt = {check, result};
	int r;

	if (!context || !others ||
		X509_STORE_CTX_init(context, check->collateral->store, check->leaf, others) != 1) {
		sk_X509_free(others);
		return verdict_find(result, ATTEST_INTERNAL_ERROR, "out of memory");
	}
	X509_STORE_CTX_set_app_data(context, &attempt);
	X509_STORE_CTX_set_verify_cb(context, on_verify);
	set_demands(context, 0);
	X509_STORE_CTX_set_time(context, 0, (time_t)check->now);
	r = run(context, check, result, ret_chain);
	sk_X509_free(others);
	return r;
}

int certificate_verify(const struct certificate_check *check, struct attest_result *result,
	STACK_OF(X509) **ret_chain)
{
	STACK_OF(X509) *settled = find_settled(check);

	return settled ? take_settled(check, settled, result, ret_chain)
		       : seek(check, result, ret_chain);
}
