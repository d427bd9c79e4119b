#include "attestation/crl.h"

#include <errno.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "attestation/collateral.h"

void crl_done(struct crl *crl)
{
	X509_CRL_free(crl->list);
	EVP_PKEY_free(crl->verified_by);
	*crl = (struct crl){0};
}

/* A list that says of itself that it is only for some certificates, or a change to another list,
 * says so in an extension that must be understood (RFC 5280, section 5.2). */
static bool has_critical_extension(const X509_CRL *list)
{
	for (int i = 0; i < X509_CRL_get_ext_count(list); i++)
		if (X509_EXTENSION_get_critical(X509_CRL_get_ext(list, i)))
			return true;
	return false;
}

static bool has_weak_digest(const X509_CRL *list)
{
	int digest = NID_undef;

	return OBJ_find_sigid_algs(X509_CRL_get_signature_nid(list), &digest, NULL) == 1 &&
	       (digest == NID_sha1 || digest == NID_md5);
}

int crl_init(struct crl *crl, X509_CRL *list, struct attest_error *error)
{
	const ASN1_TIME *next = X509_CRL_get0_nextUpdate(list);

	*crl = (struct crl){.list = list};
	crl->this_update = certificate_time(X509_CRL_get0_lastUpdate(list));
	crl->next_update = next ? certificate_time(next) : -1;
	if (crl->this_update < 0 || crl->next_update < 0)
		return verdict_fail(error, ATTEST_CRL_INVALID,
			"a revocation list does not say until when it is valid");
	if (has_critical_extension(list))
		return verdict_fail(error, ATTEST_CRL_INVALID,
			"a revocation list has a critical extension that is not understood");
	if (has_weak_digest(list))
		return verdict_fail(
			error, ATTEST_CRL_INVALID, "a revocation list is signed over SHA-1 or MD5");
	return 0;
}

static bool may_sign_crls(X509 *issuer)
{
	return X509_check_ca(issuer) && (X509_get_key_usage(issuer) & KU_CRL_SIGN);
}

static bool is_issuer(const struct crl *crl, X509 *issuer)
{
	return X509_NAME_cmp(X509_CRL_get_issuer(crl->list), X509_get_subject_name(issuer)) == 0;
}

static bool is_signed_by(const struct crl *crl, X509 *issuer)
{
	bool good = X509_CRL_verify(crl->list, X509_get0_pubkey(issuer)) == 1;

	ERR_clear_error();
	return good;
}

void crl_find_issuer(struct crl *crl, STACK_OF(X509) *certificates, bool *ret_met)
{
	for (int i = 0; i < sk_X509_num(certificates) && !crl->verified_by; i++) {
		X509 *issuer = sk_X509_value(certificates, i);

		if (!is_issuer(crl, issuer) || !may_sign_crls(issuer))
			continue;
		*ret_met = true;
		if (is_signed_by(crl, issuer))
			crl->verified_by = X509_get_pubkey(issuer);
	}
}

/* Of several, the newest counts. */
static const struct crl *find(const struct attest_collateral *collateral, X509 *issuer)
{
	const struct crl *best = NULL;

	for (size_t i = 0; i < collateral->crl_count; i++) {
		const struct crl *crl = &collateral->crls[i];

		if (!is_issuer(crl, issuer))
			continue;
		if (crl->verified_by ? EVP_PKEY_eq(crl->verified_by, X509_get0_pubkey(issuer)) != 1
				     : !is_signed_by(crl, issuer) || !may_sign_crls(issuer))
			continue;
		if (!best || crl->this_update > best->this_update)
			best = crl;
	}
	return best;
}

int crl_check(const struct certificate_check *check, X509 *certificate, X509 *issuer,
	struct attest_result *result)
{
	const struct crl *crl;
	X509_REVOKED *entry;

	if (check->need == CERTIFICATE_CRL_NONE)
		return 0;
	crl = find(check->collateral, issuer);
	if (!crl)
		return check->need == CERTIFICATE_CRL_REQUIRED
			       ? verdict_find(result, ATTEST_COLLATERAL_MISSING,
					 "%s: a revocation list of its issuers is missing",
					 check->what)
			       : verdict_find(result, ATTEST_REVOCATION_UNKNOWN,
					 "%s: no revocation list was given for it", check->what);
	certificate_note_expiry(result, crl->next_update);
	if (check->now > crl->next_update)
		verdict_find(result, ATTEST_COLLATERAL_EXPIRED,
			"%s: the revocation list has expired", check->what);
	if (check->now < crl->this_update)
		verdict_find(result, ATTEST_COLLATERAL_NOT_YET_VALID,
			"%s: the revocation list is of the future", check->what);
	if (X509_CRL_get0_by_cert(crl->list, &entry, certificate) == 1)
		return verdict_find(result, ATTEST_CERTIFICATE_REVOKED, "%s: revoked by its issuer",
			check->what);
	return 0;
}
