/* Intel's TCB info (versions 1 to 3) and enclave identities (versions 1 and 2): what is known of
 * the state of repair of processors, quoting enclaves and TDX modules. Source: Intel SGX and TDX
 * Provisioning Certification Service, API v4, "Get TCB Info", "Get QE identity". */
#ifndef ATTESTATION_TCB_INFO_H
#define ATTESTATION_TCB_INFO_H

#include <openssl/x509.h>

#include "attestation/verdict.h"
#include "base/span.h"

#define TCB_COMPONENT_COUNT 16
#define TCB_LEVELS_MAX 256
#define TCB_MODULES_MAX 16

struct tcb_judgement {
	enum attest_tcb_status status;
	int64_t date;
	size_t advisory_count;
	char advisories[ATTEST_ADVISORIES_MAX][ATTEST_ADVISORY_SIZE];
};

struct tcb_level {
	uint16_t sgx[TCB_COMPONENT_COUNT], tdx[TCB_COMPONENT_COUNT];
	uint16_t pce_svn;
	struct tcb_judgement judgement;
};

/* Of an enclave or a TDX module: those with at least @svn. */
struct svn_level {
	uint16_t svn;
	struct tcb_judgement judgement;
};

struct svn_levels {
	struct svn_level *levels; /* best first */
	size_t count;
};

struct tdx_module {
	uint8_t version; /* of TDX_03: 3; 0 for the one that names no version */
	uint8_t mr_signer[48];
	uint8_t attributes[8], mask[8];
	struct svn_levels levels;
};

struct tcb_info {
	bool is_tdx;
	uint32_t version;
	int64_t issue_date, next_update;
	uint8_t fmspc[6], pce_id[2];
	struct tcb_level *levels; /* best first */
	size_t level_count;
	struct tdx_module modules[TCB_MODULES_MAX];
	size_t module_count;
	X509 *signer; /* whose key signed it; NULL until that was looked for */
};

enum enclave_identity_id {
	ENCLAVE_IDENTITY_QE,
	ENCLAVE_IDENTITY_TD_QE,
	ENCLAVE_IDENTITY_QVE,
};

struct enclave_identity {
	enum enclave_identity_id id;
	uint32_t version;
	int64_t issue_date, next_update;
	uint8_t misc_select[4],
		misc_select_mask[4]; /* as printed: the most significant byte first */
	uint8_t attributes[16], attributes_mask[16], mr_signer[32];
	uint16_t product;
	struct svn_levels levels;
	X509 *signer;
};

/* @text: the value of "tcbInfo" or "enclaveIdentity" ("qeIdentity" in version 1). -EINVAL with
 * @error. */
int tcb_info_parse(
	struct span text, struct tcb_info **ret_info, struct attest_error *error) MUST_CHECK;
void tcb_info_free(struct tcb_info *info);
int enclave_identity_parse(struct span text, struct enclave_identity **ret_identity,
	struct attest_error *error) MUST_CHECK;
void enclave_identity_free(struct enclave_identity *identity);

/* The first level that is not above these; NULL: it is below all. @tdx: NULL for SGX; @first_tdx:
 * where its comparison begins. */
const struct tcb_level *tcb_info_find(const struct tcb_info *info, const uint8_t sgx[16],
	uint16_t pce_svn, const uint8_t *tdx, size_t first_tdx);
const struct svn_level *svn_levels_find(const struct svn_levels *levels, uint32_t svn);

#endif
