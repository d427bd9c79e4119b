#include "attestation/snp_report.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "attestation/reader.h"
#include "attestation/signature.h"
#include "attestation/snp_certificate.h"

#define SIGNED_SIZE 0x2a0
#define ALGORITHM_OFFSET 0x34
#define ALGORITHM_P384_SHA384 1
#define SCALAR_SIZE 48  /* of P-384 */
#define SCALAR_FIELD 72 /* little-endian */
#define VERSION_MAX 16  /* all so far keep what is read here in its place */

enum signing_key {
	SIGNING_KEY_VCEK = 0,
	SIGNING_KEY_VLEK = 1,
};

bool snp_report_is(struct span evidence)
{
	struct reader reader = reader_of(evidence);
	uint32_t version = reader_le32(&reader), algorithm;

	reader_skip(&reader, ALGORITHM_OFFSET - 4);
	algorithm = reader_le32(&reader);
	return evidence.size >= SNP_REPORT_SIZE && version >= 2 && version <= VERSION_MAX &&
	       algorithm == ALGORITHM_P384_SHA384;
}

static void read_value(struct reader *reader, struct attest_value *to, size_t size)
{
	to->size = (uint8_t)size;
	reader_copy(reader, to->bytes, size);
}

#define POLICY_DEBUG (1ULL << 19)

static void read_signer(struct reader *reader, struct attest_snp_claims *snp, uint32_t *ret_key)
{
	uint32_t info = reader_le32(reader);

	snp->has_author_key = info & 1;
	snp->is_chip_key_masked = info >> 1 & 1;
	*ret_key = info >> 2 & 7;
	snp->is_vlek = *ret_key == SIGNING_KEY_VLEK;
	reader_skip(reader, 4);
}

/* Everything up to the signature. @ret_key: which key the firmware says it signed with. */
static void read_report(struct span report, struct attest_claims *claims, uint32_t *ret_key)
{
	struct attest_snp_claims *snp = &claims->snp;
	struct reader reader = reader_of(report);

	claims->type = ATTEST_TYPE_SNP;
	snp->version = reader_le32(&reader);
	snp->guest_svn = reader_le32(&reader);
	snp->policy = reader_le64(&reader);
	reader_copy(&reader, snp->family_id, 16);
	reader_copy(&reader, snp->image_id, 16);
	snp->vmpl = reader_le32(&reader);
	reader_skip(&reader, 4);
	snp->current_tcb = reader_le64(&reader);
	snp->platform_info = reader_le64(&reader);
	read_signer(&reader, snp, ret_key);
	read_value(&reader, &claims->report_data, 64);
	read_value(&reader, &claims->measurement, 48);
	read_value(&reader, &claims->host_data, 32);
	reader_copy(&reader, snp->id_key_digest, 48);
	reader_copy(&reader, snp->author_key_digest, 48);
	reader_copy(&reader, snp->report_id, 32);
	reader_copy(&reader, snp->report_id_ma, 32);
	snp->reported_tcb = reader_le64(&reader);
	if (snp->version >= 3) {
		snp->cpuid_family = reader_u8(&reader);
		snp->cpuid_model = reader_u8(&reader);
		snp->cpuid_stepping = reader_u8(&reader);
		reader_skip(&reader, 21);
	} else {
		reader_skip(&reader, 24);
	}
	reader_copy(&reader, snp->chip_id, 64);
	snp->committed_tcb = reader_le64(&reader);
	reader_skip(&reader, 8);
	snp->launch_tcb = reader_le64(&reader);
	claims->svn = snp->guest_svn;
	claims->signer.size = 48;
	memcpy(claims->signer.bytes, snp->id_key_digest, 48);
	claims->is_debug = (snp->policy & POLICY_DEBUG) != 0;
}

/* A scalar, little-endian in a field that is larger than it. */
static bool read_scalar(struct reader *reader, uint8_t to[SCALAR_SIZE])
{
	struct span field = reader_take(reader, SCALAR_FIELD), above;

	if (reader->failed)
		return false;
	for (size_t i = 0; i < SCALAR_SIZE; i++)
		to[i] = field.data[SCALAR_SIZE - 1 - i];
	above = (struct span){field.data + SCALAR_SIZE, SCALAR_FIELD - SCALAR_SIZE};
	return span_is_zero(above);
}

static bool is_signed_by(struct span report, const X509 *certificate)
{
	struct reader reader =
		reader_of((struct span){report.data + SIGNED_SIZE, SNP_REPORT_SIZE - SIGNED_SIZE});
	uint8_t r[SCALAR_SIZE], s[SCALAR_SIZE];

	if (!read_scalar(&reader, r) || !read_scalar(&reader, s))
		return false;
	return signature_is_ecdsa(X509_get0_pubkey(certificate), "SHA384",
		(struct span){report.data, SIGNED_SIZE}, (struct span){r, SCALAR_SIZE},
		(struct span){s, SCALAR_SIZE});
}

/* Of those that are of the right kind, the one whose key has signed. */
static X509 *find_signer(
	struct span report, bool is_vlek, STACK_OF(X509) *certificates, bool *ret_met)
{
	for (int i = 0; certificates && i < sk_X509_num(certificates); i++) {
		X509 *certificate = sk_X509_value(certificates, i);
		struct snp_certificate content;

		if (snp_certificate_read(certificate, &content) < 0 || content.is_vlek != is_vlek)
			continue;
		*ret_met = true;
		if (is_signed_by(report, certificate))
			return certificate;
	}
	return NULL;
}

static int get_signer(struct span report, const struct attest_claims *claims,
	STACK_OF(X509) *others, const struct attest_collateral *collateral,
	struct attest_result *result, X509 **ret_signer)
{
	const char *name = claims->snp.is_vlek ? "VLEK" : "VCEK";
	bool met = false;

	*ret_signer = find_signer(report, claims->snp.is_vlek, others, &met);
	if (!*ret_signer)
		*ret_signer =
			find_signer(report, claims->snp.is_vlek, collateral->certificates, &met);
	if (*ret_signer)
		return 0;
	if (met)
		return verdict_find(result, ATTEST_REPORT_SIGNATURE_INVALID,
			"not the signature of the %s that was given", name);
	return verdict_find(
		result, ATTEST_COLLATERAL_MISSING, "the %s's certificate is missing", name);
}

/* AMD's lists are the root's, and name the keys between it and the chips'. */
static int check_revocation(
	const struct certificate_check *check, STACK_OF(X509) *chain, struct attest_result *result)
{
	struct certificate_check asked = *check;
	X509 *issuer = sk_X509_num(chain) > 1 ? sk_X509_value(chain, 1) : NULL;
	X509 *root =
		issuer ? collateral_anchor(check->collateral, X509_get_issuer_name(issuer)) : NULL;

	asked.need = CERTIFICATE_CRL_ASKED;
	if (!issuer || !root)
		return verdict_find(result, ATTEST_REVOCATION_UNKNOWN,
			"%s: whose list would tell is not known", check->what);
	return crl_check(&asked, issuer, root, result);
}

/* The versions in the report are read as the product says that the issuer vouches for. */
static int check_family(STACK_OF(X509) *chain, struct attest_result *result)
{
	struct snp_certificate content;

	if (sk_X509_num(chain) < 2 || snp_certificate_read(sk_X509_value(chain, 0), &content) < 0 ||
		!snp_certificate_is_issued_for(&content, sk_X509_value(chain, 1)))
		return verdict_find(result, ATTEST_CHAIN_INVALID,
			"the chip key's issuer is of another family of products");
	return 0;
}

static int check_chain(X509 *signer, STACK_OF(X509) *others,
	const struct attest_collateral *collateral, int64_t now, struct attest_result *result)
{
	CLEANUP(certificates_freep) STACK_OF(X509) *chain = NULL;
	struct certificate_check check = {.leaf = signer,
		.others = others,
		.collateral = collateral,
		.now = now,
		.need = CERTIFICATE_CRL_NONE,
		.what = "chip key's certificate"};
	int r = certificate_verify(&check, result, &chain);

	if (r == 0)
		r = check_family(chain, result);
	return r < 0 ? r : check_revocation(&check, chain, result);
}

/* The key is derived from the firmware's versions: it is certified for just those. */
static int check_content(X509 *signer, struct attest_claims *claims, struct attest_result *result)
{
	struct attest_snp_claims *snp = &claims->snp;
	struct snp_certificate content;
	struct span chip_id = {snp->chip_id, sizeof(snp->chip_id)};

	if (snp_certificate_read(signer, &content) < 0)
		return verdict_find(result, ATTEST_CERTIFICATE_MALFORMED,
			"the chip key's extensions are not as AMD has specified them");
	memcpy(snp->product, content.product, sizeof(snp->product));
	if (!snp_certificate_has_tcb(&content, snp->reported_tcb))
		return verdict_find(result, ATTEST_REPORT_TCB_MISMATCH,
			"the report's TCB, %016llx, is not the certificate's",
			(unsigned long long)snp->reported_tcb);
	/* A host can have the chip's identity left out of reports. */
	if (!content.is_vlek && !span_is_zero(chip_id) &&
		!snp_certificate_has_chip(&content, snp->chip_id))
		return verdict_find(result, ATTEST_REPORT_CHIP_MISMATCH,
			"the chip of the report is not the certificate's");
	return 0;
}

int snp_report_verify_with(struct span report, STACK_OF(X509) *others,
	const struct attest_collateral *collateral, int64_t now, struct attest_result *result)
{
	struct attest_claims *claims = &result->claims[result->claims_count++];
	X509 *signer = NULL;
	uint32_t key;
	int r;

	read_report(report, claims, &key);
	if (key != SIGNING_KEY_VCEK && key != SIGNING_KEY_VLEK)
		return verdict_find(result, ATTEST_EVIDENCE_UNSUPPORTED,
			"SNP report signed by a key of kind %u", key);
	if (claims->is_debug)
		verdict_find(
			result, ATTEST_DEBUG_ENABLED, "the guest's policy lets the host debug it");
	r = get_signer(report, claims, others, collateral, result, &signer);
	if (r < 0 || !signer)
		return r;
	r = check_content(signer, claims, result);
	if (r == 0)
		r = check_chain(signer, others, collateral, now, result);
	if (r == 0)
		result->is_authentic = true;
	return r;
}

int snp_report_verify(struct span evidence, const struct attest_collateral *collateral, int64_t now,
	struct attest_result *result)
{
	CLEANUP(certificates_freep) STACK_OF(X509) *others = sk_X509_new_null();
	struct span rest = {evidence.data + SNP_REPORT_SIZE, evidence.size - SNP_REPORT_SIZE};
	struct attest_error error;

	if (!others)
		return verdict_find(result, ATTEST_INTERNAL_ERROR, "out of memory");
	if (!span_is_zero(rest) && snp_certificate_table_read(rest, others, &error) < 0)
		return verdict_find(result, ATTEST_EVIDENCE_MALFORMED,
			"what follows the report is no table of certificates: %s", error.reason);
	return snp_report_verify_with(
		(struct span){evidence.data, SNP_REPORT_SIZE}, others, collateral, now, result);
}
