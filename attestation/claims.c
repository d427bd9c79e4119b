#include "attestation/claims.h"

#include <stdio.h>
#include <string.h>

#include "attestation/snp_certificate.h"
#include "attestation/text.h"

#define HEX_MAX 64

static void put_hex(json_t *to, const char *name, const void *bytes, size_t size)
{
	char text[2 * HEX_MAX + 1];

	text_hex(bytes, MIN(size, (size_t)HEX_MAX), text);
	json_object_set_new(to, name, json_string(text));
}

static void put_value(json_t *to, const char *name, const struct attest_value *value)
{
	if (value->size)
		put_hex(to, name, value->bytes, value->size);
}

static void put_number(json_t *to, const char *name, uint64_t number)
{
	json_object_set_new(to, name, json_integer((json_int_t)number));
}

/* Bit fields and 64-bit numbers: as JSON's integers they would lose bits in many readers. */
static void put_bits(json_t *to, const char *name, uint64_t bits)
{
	char text[20];

	snprintf(text, sizeof(text), "%016llx", (unsigned long long)bits);
	json_object_set_new(to, name, json_string(text));
}

static void put_bool(json_t *to, const char *name, bool value)
{
	json_object_set_new(to, name, json_boolean(value));
}

static void put_time(json_t *to, const char *name, int64_t time)
{
	char text[TEXT_TIME_SIZE];

	if (!time)
		return;
	text_time(time, text);
	json_object_set_new(to, name, json_string(text));
}

static void put_platform(json_t *to, const struct attest_claims *claims)
{
	const struct attest_platform_claims *platform = &claims->platform;

	if (!platform->known)
		return;
	put_hex(to, "fmspc", platform->fmspc, sizeof(platform->fmspc));
	put_hex(to, "pce_id", platform->pce_id, sizeof(platform->pce_id));
	put_number(to, "pce_svn", platform->pce_svn);
	put_hex(to, "sgx_tcb_components", platform->tcb_components, 16);
	if (claims->type == ATTEST_TYPE_TDX)
		put_hex(to, "tdx_tcb_components", platform->tdx_tcb_components, 16);
	json_object_set_new(
		to, "platform_tcb_status", json_string(attest_tcb_status_name(platform->platform)));
	json_object_set_new(to, "qe_tcb_status",
		json_string(attest_tcb_status_name(platform->quoting_enclave)));
	if (platform->tdx_module)
		json_object_set_new(to, "tdx_module_tcb_status",
			json_string(attest_tcb_status_name(platform->tdx_module)));
}

static void put_sgx(json_t *to, const struct attest_claims *claims)
{
	const struct attest_sgx_claims *sgx = &claims->sgx;

	put_value(to, "mr_enclave", &claims->measurement);
	put_value(to, "mr_signer", &claims->signer);
	put_number(to, "isv_prod_id", claims->product);
	put_number(to, "isv_svn", claims->svn);
	put_hex(to, "cpu_svn", sgx->cpu_svn, 16);
	put_hex(to, "attributes", sgx->attributes, 16);
	put_number(to, "misc_select", sgx->misc_select);
	put_hex(to, "config_id", sgx->config_id, 64);
	put_number(to, "config_svn", sgx->config_svn);
	put_hex(to, "isv_family_id", sgx->family_id, 16);
	put_hex(to, "isv_ext_prod_id", sgx->ext_product_id, 16);
	put_platform(to, claims);
}

static void put_tdx(json_t *to, const struct attest_claims *claims)
{
	const struct attest_tdx_claims *tdx = &claims->tdx;

	put_number(to, "quote_version", tdx->quote_version);
	put_hex(to, "tee_tcb_svn", tdx->tee_tcb_svn, 16);
	put_hex(to, "mr_seam", tdx->mr_seam, 48);
	put_hex(to, "mr_signer_seam", tdx->mr_signer_seam, 48);
	put_bits(to, "seam_attributes", tdx->seam_attributes);
	put_bits(to, "td_attributes", tdx->td_attributes);
	put_bits(to, "xfam", tdx->xfam);
	put_hex(to, "mr_td", tdx->mr_td, 48);
	put_hex(to, "mr_config_id", tdx->mr_config_id, 48);
	put_hex(to, "mr_owner", tdx->mr_owner, 48);
	put_hex(to, "mr_owner_config", tdx->mr_owner_config, 48);
	for (unsigned int i = 0; i < 4; i++) {
		char name[8];

		snprintf(name, sizeof(name), "rtmr%u", i);
		put_hex(to, name, tdx->rtmr[i], 48);
	}
	if (tdx->is_1_5) {
		put_hex(to, "tee_tcb_svn_2", tdx->tee_tcb_svn2, 16);
		put_hex(to, "mr_service_td", tdx->mr_service_td, 48);
	}
	put_platform(to, claims);
}

/* The versions that a TCB_VERSION packs; which byte is which depends on the product. */
static void put_tcb(json_t *to, const char *name, uint64_t tcb, bool is_turin)
{
	static const struct {
		const char *name;
		int milan, turin; /* bytes; -1: there is none */
	} parts[] = {{"fmc", -1, 0}, {"boot_loader", 0, 1}, {"tee", 1, 2}, {"snp", 6, 3},
		{"microcode", 7, 7}};
	json_t *levels = json_object();

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		int byte = is_turin ? parts[i].turin : parts[i].milan;

		if (byte >= 0)
			put_number(levels, parts[i].name, tcb >> (8 * byte) & 0xff);
	}
	json_object_set_new(to, name, levels);
}

static void put_snp_levels(json_t *to, const struct attest_snp_claims *snp)
{
	bool is_turin = snp_product_is_turin(snp->product);

	if (!snp->product[0]) /* no certificate says so */
		return;
	put_tcb(to, "current_tcb_levels", snp->current_tcb, is_turin);
	put_tcb(to, "reported_tcb_levels", snp->reported_tcb, is_turin);
	put_tcb(to, "committed_tcb_levels", snp->committed_tcb, is_turin);
	put_tcb(to, "launch_tcb_levels", snp->launch_tcb, is_turin);
}

static void put_snp(json_t *to, const struct attest_claims *claims)
{
	const struct attest_snp_claims *snp = &claims->snp;

	put_number(to, "version", snp->version);
	put_number(to, "guest_svn", snp->guest_svn);
	put_bits(to, "policy", snp->policy);
	put_bool(to, "policy_smt_allowed", snp->policy >> 16 & 1);
	put_bool(to, "policy_migrate_ma", snp->policy >> 18 & 1);
	put_bool(to, "policy_debug", snp->policy >> 19 & 1);
	put_bool(to, "policy_single_socket", snp->policy >> 20 & 1);
	put_number(to, "policy_abi_major", snp->policy >> 8 & 0xff);
	put_number(to, "policy_abi_minor", snp->policy & 0xff);
	put_number(to, "vmpl", snp->vmpl);
	put_bits(to, "platform_info", snp->platform_info);
	put_bits(to, "current_tcb", snp->current_tcb);
	put_bits(to, "reported_tcb", snp->reported_tcb);
	put_bits(to, "committed_tcb", snp->committed_tcb);
	put_bits(to, "launch_tcb", snp->launch_tcb);
	put_snp_levels(to, snp);
	put_hex(to, "family_id", snp->family_id, 16);
	put_hex(to, "image_id", snp->image_id, 16);
	put_hex(to, "id_key_digest", snp->id_key_digest, 48);
	if (snp->has_author_key)
		put_hex(to, "author_key_digest", snp->author_key_digest, 48);
	put_hex(to, "report_id", snp->report_id, 32);
	put_hex(to, "report_id_ma", snp->report_id_ma, 32);
	put_hex(to, "chip_id", snp->chip_id, 64);
	put_bool(to, "chip_key_masked", snp->is_chip_key_masked);
	json_object_set_new(to, "signing_key", json_string(snp->is_vlek ? "vlek" : "vcek"));
	if (snp->product[0])
		json_object_set_new(to, "product_name", json_string(snp->product));
	if (snp->version >= 3) {
		put_number(to, "cpuid_family", snp->cpuid_family);
		put_number(to, "cpuid_model", snp->cpuid_model);
		put_number(to, "cpuid_stepping", snp->cpuid_stepping);
	}
}

static void put_tpm(json_t *to, const struct attest_claims *claims)
{
	const struct attest_tpm_claims *tpm = &claims->tpm;
	json_t *pcrs = json_object();

	put_value(to, "nonce", &claims->report_data);
	put_value(to, "pcr_digest", &claims->measurement);
	put_value(to, "ak_digest", &tpm->key_digest);
	put_number(to, "hash", tpm->hash);
	put_number(to, "quoted_pcrs", tpm->quoted);
	for (unsigned int i = 0; i < ATTEST_PCR_COUNT; i++) {
		char name[4];

		snprintf(name, sizeof(name), "%u", i);
		if (tpm->valued & 1u << i)
			put_value(pcrs, name, &tpm->pcrs[i]);
	}
	json_object_set_new(to, "pcrs", pcrs);
	put_bits(to, "firmware_version", tpm->firmware_version);
	put_number(to, "clock", tpm->clock);
	put_number(to, "reset_count", tpm->reset_count);
	put_number(to, "restart_count", tpm->restart_count);
	if (tpm->has_event_log)
		put_number(to, "event_count", tpm->event_count);
}

static void put_csv(json_t *to, const struct attest_claims *claims)
{
	const struct attest_csv_claims *csv = &claims->csv;

	put_bits(to, "policy", csv->policy);
	put_hex(to, "user_pubkey_digest", csv->user_pubkey_digest, 32);
	put_hex(to, "vm_id", csv->vm_id, 16);
	put_hex(to, "vm_version", csv->vm_version, 16);
	json_object_set_new(to, "serial_number", json_string(csv->chip_id));
}

static void put_casemate(json_t *to, const struct attest_claims *claims)
{
	put_bits(to, "flags", claims->casemate.flags);
	put_hex(to, "image_digest", claims->casemate.image_digest, 32);
}

static void put_common(json_t *to, const struct attest_claims *claims)
{
	json_t *advisories = json_array();

	json_object_set_new(to, "type", json_string(attest_type_name(claims->type)));
	put_bool(to, "debug", claims->is_debug);
	put_value(to, "measurement", &claims->measurement);
	put_value(to, "signer", &claims->signer);
	put_number(to, "product", claims->product);
	put_number(to, "svn", claims->svn);
	put_value(to, "report_data", &claims->report_data);
	put_value(to, "host_data", &claims->host_data);
	if (claims->tcb_status)
		json_object_set_new(
			to, "tcb_status", json_string(attest_tcb_status_name(claims->tcb_status)));
	put_time(to, "tcb_date", claims->tcb_date);
	for (size_t i = 0; i < claims->advisory_count; i++)
		json_array_append_new(advisories, json_string(claims->advisories[i]));
	json_object_set_new(to, "advisories", advisories);
}

json_t *claims_to_json(const struct attest_claims *claims)
{
	json_t *to = json_object();

	if (!to)
		return NULL;
	put_common(to, claims);
	switch (claims->type) {
	case ATTEST_TYPE_SGX:
		put_sgx(to, claims);
		break;
	case ATTEST_TYPE_TDX:
		put_tdx(to, claims);
		break;
	case ATTEST_TYPE_SNP:
		put_snp(to, claims);
		break;
	case ATTEST_TYPE_TPM:
		put_tpm(to, claims);
		break;
	case ATTEST_TYPE_CSV:
		put_csv(to, claims);
		break;
	case ATTEST_TYPE_SIMULATION:
	case ATTEST_TYPE_HYPERVISOR:
		put_casemate(to, claims);
		break;
	default:
		break;
	}
	return to;
}
