#include "attestation/dcap_tcb.h"

#include <errno.h>
#include <string.h>

#define STATUS(name) ATTEST_TCB_STATUS_##name

struct judge {
	const struct dcap_quote *quote;
	const struct pck_certificate *pck;
	const struct attest_collateral *collateral;
	int64_t now;
	struct attest_result *result;
	struct attest_claims *claims;
	const X509 *checked; /* one key mostly signs both */
};

/* Collateral has dates of its own, besides those of who signed it. */
static int check_dates(struct judge *judge, const char *what, int64_t issued, int64_t next)
{
	certificate_note_expiry(judge->result, next);
	if (judge->now > next)
		return verdict_find(
			judge->result, ATTEST_COLLATERAL_EXPIRED, "%s has expired", what);
	if (judge->now < issued)
		return verdict_find(judge->result, ATTEST_COLLATERAL_NOT_YET_VALID,
			"%s was not issued yet", what);
	return 0;
}

static int check_signer(struct judge *judge, X509 *signer)
{
	struct certificate_check check = {.leaf = signer,
		.collateral = judge->collateral,
		.now = judge->now,
		.need = CERTIFICATE_CRL_REQUIRED,
		.what = "TCB signing certificate"};
	int r = signer == judge->checked ? 0 : certificate_verify(&check, judge->result, NULL);

	if (r == 0)
		judge->checked = signer;
	return r;
}

static void add_advisories(struct attest_claims *claims, const struct tcb_judgement *judgement)
{
	for (size_t i = 0; i < judgement->advisory_count; i++) {
		size_t j = 0;

		while (j < claims->advisory_count &&
			strcmp(claims->advisories[j], judgement->advisories[i]))
			j++;
		if (j == claims->advisory_count && j < ATTEST_ADVISORIES_MAX)
			strcpy(claims->advisories[claims->advisory_count++],
				judgement->advisories[i]);
	}
	if (!claims->tcb_date || (judgement->date && judgement->date < claims->tcb_date))
		claims->tcb_date = judgement->date;
}

/* Of several for this processor, the newest. */
static int find_tcb_info(struct judge *judge, const struct tcb_info **ret_info)
{
	const struct attest_collateral *collateral = judge->collateral;
	const struct tcb_info *best = NULL, *other = NULL;

	for (size_t i = 0; i < collateral->tcb_info_count; i++) {
		const struct tcb_info *info = collateral->tcb_infos[i];

		if (info->is_tdx != judge->quote->is_tdx)
			continue;
		other = info;
		if (!memcmp(info->fmspc, judge->pck->fmspc, sizeof(info->fmspc)) &&
			!memcmp(info->pce_id, judge->pck->pce_id, sizeof(info->pce_id)) &&
			(!best || info->issue_date > best->issue_date))
			best = info;
	}
	if (!best && other)
		return verdict_find(judge->result, ATTEST_TCB_INFO_MISMATCH,
			"its FMSPC or PCEID is not the PCK certificate's");
	*ret_info = best;
	return best ? 0
		    : verdict_find(judge->result, ATTEST_COLLATERAL_MISSING,
			      "TCB info of this processor is missing");
}

static const struct enclave_identity *find_identity(struct judge *judge)
{
	const struct attest_collateral *collateral = judge->collateral;
	enum enclave_identity_id id =
		judge->quote->is_tdx ? ENCLAVE_IDENTITY_TD_QE : ENCLAVE_IDENTITY_QE;
	const struct enclave_identity *best = NULL;

	for (size_t i = 0; i < collateral->identity_count; i++) {
		const struct enclave_identity *identity = collateral->identities[i];

		if (identity->id == id && (!best || identity->issue_date > best->issue_date))
			best = identity;
	}
	return best;
}

static bool equals_masked(
	const uint8_t *is, const uint8_t *wanted, const uint8_t *mask, size_t size)
{
	uint8_t difference = 0;

	for (size_t i = 0; i < size; i++)
		difference |= (uint8_t)((is[i] & mask[i]) ^ (wanted[i] & mask[i]));
	return difference == 0;
}

static bool is_same_enclave(const struct enclave_identity *identity, const struct attest_claims *qe)
{
	uint8_t misc_select[4];

	for (size_t i = 0; i < 4; i++)
		misc_select[i] = (uint8_t)(qe->sgx.misc_select >> (8 * i));
	return equals_masked(misc_select, identity->misc_select, identity->misc_select_mask, 4) &&
	       equals_masked(
		       qe->sgx.attributes, identity->attributes, identity->attributes_mask, 16) &&
	       !memcmp(qe->signer.bytes, identity->mr_signer, 32) &&
	       qe->product == identity->product;
}

static int judge_quoting_enclave(struct judge *judge)
{
	const struct enclave_identity *identity = find_identity(judge);
	const struct svn_level *level;
	struct attest_claims qe = {0};
	int r;

	if (!identity)
		return verdict_find(judge->result, ATTEST_COLLATERAL_MISSING,
			"the identity of the quoting enclave is missing");
	r = check_signer(judge, identity->signer);
	if (r < 0)
		return r;
	r = check_dates(judge, "the QE identity", identity->issue_date, identity->next_update);
	if (r < 0)
		return r;
	dcap_sgx_body_read(judge->quote->qe_report, &qe);
	if (!is_same_enclave(identity, &qe))
		return verdict_find(judge->result, ATTEST_QE_IDENTITY_MISMATCH,
			"signer, product, attributes or MISCSELECT are not those of its identity");
	level = svn_levels_find(&identity->levels, qe.svn);
	if (!level)
		return verdict_find(judge->result, ATTEST_TCB_NOT_SUPPORTED,
			"the quoting enclave's SVN, %u, is below all levels", qe.svn);
	judge->claims->platform.quoting_enclave = level->judgement.status;
	add_advisories(judge->claims, &level->judgement);
	return 0;
}

/* TEE_TCB_SVN: the first byte is the module's SVN, the second its major version. Since there are
 * versions, a module of version 1 or later is judged by itself, and these two bytes are no
 * components. */
static size_t first_tdx_component(const uint8_t svn[16])
{
	return svn[1] > 0 ? 2 : 0;
}

static const struct tdx_module *find_module(const struct tcb_info *info, uint8_t version)
{
	for (size_t i = version ? 1 : 0; i < info->module_count; i++)
		if (info->modules[i].version == version)
			return &info->modules[i];
	return NULL;
}

static int judge_module(struct judge *judge, const struct tcb_info *info, const uint8_t svn[16],
	enum attest_tcb_status *ret_status)
{
	const struct attest_tdx_claims *tdx = &judge->claims->tdx;
	const struct tdx_module *module = find_module(info, svn[1]);
	const struct svn_level *level;
	uint8_t attributes[8];

	for (size_t i = 0; i < sizeof(attributes); i++)
		attributes[i] = (uint8_t)(tdx->seam_attributes >> (8 * i));
	if (!module)
		return verdict_find(judge->result, ATTEST_TDX_MODULE_MISMATCH,
			"no identity of a TDX module of version %u", svn[1]);
	if (memcmp(module->mr_signer, tdx->mr_signer_seam, sizeof(module->mr_signer)) ||
		!equals_masked(attributes, module->attributes, module->mask, sizeof(attributes)))
		return verdict_find(judge->result, ATTEST_TDX_MODULE_MISMATCH,
			"its signer or attributes are not those of its identity");
	*ret_status = STATUS(UP_TO_DATE);
	if (!module->levels.count)
		return 0;
	level = svn_levels_find(&module->levels, svn[0]);
	if (!level)
		return verdict_find(judge->result, ATTEST_TCB_NOT_SUPPORTED,
			"the TDX module's SVN, %u, is below all levels", svn[0]);
	*ret_status = level->judgement.status;
	add_advisories(judge->claims, &level->judgement);
	return 0;
}

static bool needs_configuration(enum attest_tcb_status status)
{
	return status == STATUS(CONFIGURATION_NEEDED) ||
	       status == STATUS(CONFIGURATION_AND_SW_HARDENING_NEEDED) ||
	       status == STATUS(OUT_OF_DATE_CONFIGURATION_NEEDED) ||
	       status == STATUS(RELAUNCH_ADVISED_CONFIGURATION_NEEDED);
}

/* The platform's status, made worse by that of one of its parts. */
static enum attest_tcb_status joined(enum attest_tcb_status status, enum attest_tcb_status part)
{
	if (status == STATUS(REVOKED) || part == STATUS(REVOKED))
		return STATUS(REVOKED);
	if (part != STATUS(OUT_OF_DATE))
		return status;
	return needs_configuration(status) ? STATUS(OUT_OF_DATE_CONFIGURATION_NEEDED)
					   : STATUS(OUT_OF_DATE);
}

static bool is_out_of_date(enum attest_tcb_status status)
{
	return status == STATUS(OUT_OF_DATE) || status == STATUS(OUT_OF_DATE_CONFIGURATION_NEEDED);
}

struct tdx_state {
	enum attest_tcb_status platform, module;
};

/* The processor's level, and the module's if there is one. @tdx_svn: NULL for SGX. */
static int judge_platform(struct judge *judge, const struct tcb_info *info, const uint8_t *tdx_svn,
	struct tdx_state *ret)
{
	const struct tcb_level *level = tcb_info_find(info, judge->pck->components,
		judge->pck->pce_svn, tdx_svn, tdx_svn ? first_tdx_component(tdx_svn) : 0);

	if (!level)
		return verdict_find(judge->result, ATTEST_TCB_NOT_SUPPORTED,
			"the platform's security versions are below all levels of its TCB info");
	ret->platform = level->judgement.status;
	ret->module = ATTEST_TCB_NONE;
	add_advisories(judge->claims, &level->judgement);
	return tdx_svn ? judge_module(judge, info, tdx_svn, &ret->module) : 0;
}

/* A TD that was started under an older module, which has been updated since below it: what runs now
 * is as it should be, what measured it was not. (TEE_TCB_SVN_2: of what runs now.) */
static enum attest_tcb_status relaunch_status(
	struct judge *judge, const struct tcb_info *info, enum attest_tcb_status status)
{
	struct attest_result *scratch = judge->result;
	size_t findings = scratch->finding_count, advisories = judge->claims->advisory_count;
	int64_t date = judge->claims->tcb_date;
	struct tdx_state now;
	int r;

	if (!judge->claims->tdx.is_1_5 || !is_out_of_date(status) ||
		judge->claims->platform.quoting_enclave != STATUS(UP_TO_DATE))
		return status;
	r = judge_platform(judge, info, judge->claims->tdx.tee_tcb_svn2, &now);
	scratch->finding_count = findings;
	judge->claims->advisory_count = advisories;
	judge->claims->tcb_date = date;
	if (r < 0 || is_out_of_date(joined(now.platform, now.module)) ||
		joined(now.platform, now.module) == STATUS(REVOKED))
		return status;
	return needs_configuration(now.platform) ? STATUS(RELAUNCH_ADVISED_CONFIGURATION_NEEDED)
						 : STATUS(RELAUNCH_ADVISED);
}

static void note_platform(struct judge *judge)
{
	struct attest_platform_claims *to = &judge->claims->platform;

	memcpy(to->fmspc, judge->pck->fmspc, sizeof(to->fmspc));
	memcpy(to->pce_id, judge->pck->pce_id, sizeof(to->pce_id));
	memcpy(to->tcb_components, judge->pck->components, sizeof(to->tcb_components));
	to->pce_svn = judge->pck->pce_svn;
	to->known = true;
	if (judge->quote->is_tdx)
		memcpy(to->tdx_tcb_components, judge->claims->tdx.tee_tcb_svn, 16);
}

static int judge_processor(struct judge *judge, const struct tcb_info *info)
{
	struct attest_claims *claims = judge->claims;
	bool is_tdx = judge->quote->is_tdx;
	enum attest_tcb_status status;
	struct tdx_state state;
	int r = check_signer(judge, info->signer);

	if (r == 0)
		r = check_dates(judge, "TCB info", info->issue_date, info->next_update);
	if (r == 0)
		r = judge_platform(judge, info, is_tdx ? claims->tdx.tee_tcb_svn : NULL, &state);
	if (r < 0)
		return r;
	claims->platform.platform = state.platform;
	claims->platform.tdx_module = state.module;
	status = joined(joined(state.platform, state.module), claims->platform.quoting_enclave);
	claims->tcb_status = is_tdx ? relaunch_status(judge, info, status) : status;
	return 0;
}

int dcap_tcb_judge(const struct dcap_quote *quote, const struct pck_certificate *pck,
	const struct attest_collateral *collateral, int64_t now, struct attest_result *result)
{
	struct judge judge = {quote, pck, collateral, now, result,
		&result->claims[result->claims_count - 1], NULL};
	const struct tcb_info *info = NULL;
	enum attest_tcb_status status;
	int r;

	note_platform(&judge);
	r = judge_quoting_enclave(&judge);
	if (r == 0)
		r = find_tcb_info(&judge, &info);
	if (r == 0 && info)
		r = judge_processor(&judge, info);
	if (r < 0)
		return r;
	status = judge.claims->tcb_status;
	if (judge.claims->platform.quoting_enclave == ATTEST_TCB_NONE)
		judge.claims->tcb_status = status = ATTEST_TCB_NONE; /* half of it is not known */
	if (status > STATUS(UP_TO_DATE))
		verdict_find(result, verdict_of_status(status), "TCB status %s",
			attest_tcb_status_name(status));
	return 0;
}
