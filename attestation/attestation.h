/* Reading, verifying and appraising attestation evidence: bytes, collateral, a policy and a moment
 * in; claims and a verdict out. And making evidence, and certificates that carry it.
 *
 *	struct attest_bytes items[] = {{tcb_info, tcb_info_size}, {crl, crl_size}};
 *	struct attest_result *result = malloc(sizeof(*result));
 *
 *	attest_collateral_new(items, 2, NULL, 0, &collateral, &error);
 *	attest_policy_new(policy_text, &policy, &error);
 *	if (attest_verify(evidence, collateral, policy, time(NULL), result) == ATTEST_ACCEPTED)
 *		...
 *
 * Verifying opens no file, no socket and no clock, and leaves nothing behind. Parsed collateral and
 * policies are immutable: any number of threads may verify with the same ones. Input is untrusted;
 * evidence is at most ATTEST_EVIDENCE_SIZE_MAX bytes.
 *
 * What can fail returns 0 or a negative errno, and writes to @ret_... only if it returns 0. Names
 *end in their unit; sizes are bytes, counts are elements, times are seconds since 1970. All _free()
 * accept NULL. No pointer of the caller's is kept past the call that it was given to, but where
 *that is said.
 *
 * Needs nothing of Casemate; link with `pkg-config --libs casemate-attestation`. */
#ifndef ATTESTATION_ATTESTATION_H
#define ATTESTATION_ATTESTATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ATTEST_API __attribute__((visibility("default")))

/* Bytes of the caller's. They must stay for the call, and are not kept. */
struct attest_bytes {
	const void *data;
	size_t size;
};

#define ATTEST_EVIDENCE_SIZE_MAX (4u << 20)
#define ATTEST_REASON_SIZE 192

/* What can be said of evidence: V(name, kind, in words).
 *   GOOD    accepted
 *   FINAL   it proves nothing, whatever a policy says: forged, damaged, about something else
 *   POLICY  it is genuine; this policy does not want it
 *   OPEN    it is genuine, but: a rule can tolerate this by name ("tolerate")
 *   TCB     it is genuine, but the platform needs care: a rule can accept the status ("tcb_status")
 */
#define ATTEST_VERDICTS(V)                                                                         \
	V(ACCEPTED, GOOD, "the policy is satisfied")                                               \
	V(NO_POLICY, POLICY, "no policy says whom to accept")                                      \
	V(POLICY_NOT_MATCHED, POLICY, "no rule of the policy matches")                             \
	V(EVIDENCE_MALFORMED, FINAL, "the evidence can't be read")                                 \
	V(EVIDENCE_UNSUPPORTED, FINAL, "evidence of an unknown kind")                              \
	V(COLLATERAL_MALFORMED, FINAL, "collateral can't be read")                                 \
	V(CERTIFICATE_MALFORMED, FINAL, "a certificate can't be read")                             \
	V(CHAIN_INVALID, FINAL, "a certificate was not issued by the one above it")                \
	V(ROOT_NOT_TRUSTED, FINAL, "the certificates don't lead to a pinned root")                 \
	V(CRL_INVALID, FINAL, "a revocation list is not its issuer's")                             \
	V(PCK_CERTIFICATE_INVALID, FINAL, "not a provisioning certificate of an SGX processor")    \
	V(TCB_INFO_MALFORMED, FINAL, "TCB info can't be read")                                     \
	V(TCB_INFO_SIGNATURE_INVALID, FINAL, "TCB info is not signed by the TCB signing key")      \
	V(TCB_INFO_MISMATCH, FINAL, "TCB info is of another kind of processor")                    \
	V(TCB_NOT_SUPPORTED, FINAL, "no TCB level is as low as this platform")                     \
	V(QE_IDENTITY_MALFORMED, FINAL, "the QE identity can't be read")                           \
	V(QE_IDENTITY_SIGNATURE_INVALID, FINAL,                                                    \
		"the QE identity is not signed by the TCB signing key")                            \
	V(QE_IDENTITY_MISMATCH, FINAL, "the quoting enclave is not the vendor's")                  \
	V(QE_REPORT_SIGNATURE_INVALID, FINAL,                                                      \
		"the quoting enclave's report is not signed by the PCK key")                       \
	V(ATTESTATION_KEY_NOT_BOUND, FINAL, "the quoting enclave vouches for another key")         \
	V(QUOTE_SIGNATURE_INVALID, FINAL, "the quote is not signed by its attestation key")        \
	V(TDX_MODULE_MISMATCH, FINAL, "the TDX module is not the vendor's")                        \
	V(REPORT_SIGNATURE_INVALID, FINAL, "the report is not signed by the key certified")        \
	V(REPORT_TCB_MISMATCH, FINAL, "the key is certified for another TCB version")              \
	V(REPORT_CHIP_MISMATCH, FINAL, "the key is certified for another chip")                    \
	V(PCR_DIGEST_MISMATCH, FINAL, "the PCR values are not those quoted")                       \
	V(EVENT_LOG_MALFORMED, FINAL, "the event log can't be read")                               \
	V(EVENT_LOG_MISMATCH, FINAL, "the event log does not lead to the PCR values")              \
	V(RUNTIME_DATA_NOT_BOUND, FINAL, "the report does not vouch for the runtime data")         \
	V(CERTIFICATE_NOT_BOUND, FINAL, "the evidence does not vouch for the certificate's key")   \
	V(CLAIMS_NOT_BOUND, FINAL, "the evidence does not vouch for the claims beside it")         \
	V(POLICY_MALFORMED, FINAL, "the policy can't be read")                                     \
	V(INTERNAL_ERROR, FINAL, "out of memory, or the cryptographic library failed")             \
	V(COLLATERAL_MISSING, OPEN, "collateral is missing")                                       \
	V(COLLATERAL_EXPIRED, OPEN, "collateral has expired")                                      \
	V(COLLATERAL_NOT_YET_VALID, OPEN, "collateral is of the future")                           \
	V(CERTIFICATE_EXPIRED, OPEN, "a certificate has expired")                                  \
	V(CERTIFICATE_NOT_YET_VALID, OPEN, "a certificate is of the future")                       \
	V(CERTIFICATE_REVOKED, OPEN, "a certificate is revoked")                                   \
	V(REVOCATION_UNKNOWN, OPEN, "no revocation list was given")                                \
	V(DEBUG_ENABLED, OPEN, "a debug enclave: its owner can read its memory")                   \
	V(KEY_NOT_CERTIFIED, OPEN, "nobody known vouches for the attestation key")                 \
	V(HASH_WEAK, OPEN, "SHA-1 protects what was signed")                                       \
	V(NO_PROTECTION, OPEN, "simulation: nothing is protected")                                 \
	V(TPM_EMULATED, OPEN, "the TPM is software of the machine's owner")                        \
	V(TCB_SW_HARDENING_NEEDED, TCB, "TCB status SWHardeningNeeded")                            \
	V(TCB_CONFIGURATION_NEEDED, TCB, "TCB status ConfigurationNeeded")                         \
	V(TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED, TCB,                                          \
		"TCB status ConfigurationAndSWHardeningNeeded")                                    \
	V(TCB_OUT_OF_DATE, TCB, "TCB status OutOfDate")                                            \
	V(TCB_OUT_OF_DATE_CONFIGURATION_NEEDED, TCB, "TCB status OutOfDateConfigurationNeeded")    \
	V(TCB_RELAUNCH_ADVISED, TCB, "TCB status TDRelaunchAdvised")                               \
	V(TCB_RELAUNCH_ADVISED_CONFIGURATION_NEEDED, TCB,                                          \
		"TCB status TDRelaunchAdvisedConfigurationNeeded")                                 \
	V(TCB_REVOKED, TCB, "TCB status Revoked")

enum attest_verdict {
#define ATTEST_VERDICT_ENUM(name, kind, text) ATTEST_##name,
	ATTEST_VERDICTS(ATTEST_VERDICT_ENUM)
#undef ATTEST_VERDICT_ENUM
		ATTEST_VERDICT_COUNT
};

/* "COLLATERAL_EXPIRED", and in words. Static text. */
ATTEST_API const char *attest_verdict_name(enum attest_verdict verdict);
ATTEST_API const char *attest_verdict_text(enum attest_verdict verdict);

/* Why a call failed: @verdict, and the particulars in words. */
struct attest_error {
	enum attest_verdict verdict;
	char reason[ATTEST_REASON_SIZE];
};

/* What a platform calls its state of repair, as Intel names it. NONE: the kind of evidence has no
 * such thing, or the collateral that tells is missing. */
enum attest_tcb_status {
	ATTEST_TCB_NONE,
	ATTEST_TCB_STATUS_UP_TO_DATE,
	ATTEST_TCB_STATUS_SW_HARDENING_NEEDED,
	ATTEST_TCB_STATUS_CONFIGURATION_NEEDED,
	ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED,
	ATTEST_TCB_STATUS_OUT_OF_DATE,
	ATTEST_TCB_STATUS_OUT_OF_DATE_CONFIGURATION_NEEDED,
	ATTEST_TCB_STATUS_RELAUNCH_ADVISED,
	ATTEST_TCB_STATUS_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
	ATTEST_TCB_STATUS_REVOKED,
	ATTEST_TCB_STATUS_COUNT
};

/* "UpToDate", "SWHardeningNeeded", ...; "" for NONE. */
ATTEST_API const char *attest_tcb_status_name(enum attest_tcb_status status);

enum attest_type {
	ATTEST_TYPE_NONE,
	ATTEST_TYPE_SGX,
	ATTEST_TYPE_TDX,
	ATTEST_TYPE_SNP,
	ATTEST_TYPE_TPM,
	ATTEST_TYPE_CSV,
	ATTEST_TYPE_SIMULATION, /* Casemate's, which protects nothing */
	ATTEST_TYPE_HYPERVISOR, /* Casemate's */
	ATTEST_TYPE_COUNT
};

/* "sgx", "tdx", ... */
ATTEST_API const char *attest_type_name(enum attest_type type);

/* A run of bytes of up to 64, such as a digest. size 0: there is none. */
struct attest_value {
	uint8_t size;
	uint8_t bytes[64];
};

/* Intel SDM, volume 3D: REPORT Structure. Arrays are as they stand there. */
struct attest_sgx_claims {
	uint8_t cpu_svn[16], attributes[16], family_id[16], ext_product_id[16], config_id[64];
	uint32_t misc_select;
	uint16_t config_svn;
};

/* Intel TDX Module ABI: TDREPORT_STRUCT. Digests are SHA-384. */
struct attest_tdx_claims {
	uint8_t tee_tcb_svn[16], tee_tcb_svn2[16];
	uint8_t mr_seam[48], mr_signer_seam[48], mr_td[48], mr_config_id[48], mr_owner[48];
	uint8_t mr_owner_config[48], rtmr[4][48], mr_service_td[48];
	uint64_t seam_attributes, td_attributes, xfam; /* as stored, little-endian */
	uint16_t quote_version;
	bool is_1_5; /* tee_tcb_svn2 and mr_service_td are there */
};

/* What Intel's collateral says of the processor. */
struct attest_platform_claims {
	uint8_t fmspc[6], pce_id[2], tcb_components[16], tdx_tcb_components[16];
	uint16_t pce_svn;
	enum attest_tcb_status platform, quoting_enclave, tdx_module; /* before they are joined */
	bool known; /* a PCK certificate was read */
};

/* SEV Secure Nested Paging Firmware ABI (AMD 56860), table "ATTESTATION_REPORT structure". */
struct attest_snp_claims {
	uint32_t version, guest_svn, vmpl;
	uint64_t policy, platform_info;
	uint64_t current_tcb, reported_tcb, committed_tcb, launch_tcb;
	uint8_t family_id[16], image_id[16], id_key_digest[48], author_key_digest[48];
	uint8_t report_id[32], report_id_ma[32], chip_id[64];
	uint8_t cpuid_family, cpuid_model, cpuid_stepping; /* 0 before version 3 */
	bool is_vlek, has_author_key, is_chip_key_masked;
	char product[16]; /* "Milan", "Genoa", "Turin" */
};

#define ATTEST_PCR_COUNT 24

/* TPM 2.0 Library, part 2: TPMS_ATTEST of type TPM_ST_ATTEST_QUOTE. */
struct attest_tpm_claims {
	uint16_t hash;           /* TPM_ALG_ID of the bank: 0x000b SHA-256, 0x000c SHA-384 */
	uint16_t signature_hash; /* of the signature */
	uint32_t quoted;         /* a bit for each PCR that the quote covers */
	uint32_t valued;         /* ... and whose value is known */
	struct attest_value pcrs[ATTEST_PCR_COUNT];
	uint64_t firmware_version, clock;
	uint32_t reset_count, restart_count;
	bool has_event_log; /* and it was replayed to the PCRs */
	uint32_t event_count;
	struct attest_value key_digest; /* SHA-256 of the attestation key's SubjectPublicKeyInfo */
};

/* Hygon CSV attestation report. The layout, unmasked: attestation/csv_report.c. */
struct attest_csv_claims {
	uint32_t policy, handle;
	uint8_t user_pubkey_digest[32], vm_id[16], vm_version[16];
	char chip_id[65]; /* serial number: the host's word, for the chip does not sign it */
};

/* The report of an enclave of Casemate's: abi/evidence.md. */
struct attest_casemate_claims {
	uint32_t flags;
	uint8_t image_digest[32];
};

#define ATTEST_ADVISORIES_MAX 48
#define ATTEST_ADVISORY_SIZE 24

/* What one piece of evidence says. What its kind does not have is 0. */
struct attest_claims {
	enum attest_type type;
	bool is_debug;
	struct attest_value measurement; /* MRENCLAVE, MRTD, launch digest, PCR digest */
	struct attest_value signer;      /* MRSIGNER, ID key digest */
	uint32_t product;
	uint32_t svn;
	struct attest_value report_data; /* what the enclave had signed; of a TPM: the nonce */
	struct attest_value
		host_data; /* what the host configured: HOSTDATA, CONFIGID, MRCONFIGID */
	enum attest_tcb_status tcb_status;
	int64_t tcb_date; /* seconds since 1970; 0 unknown */
	size_t advisory_count;
	char advisories[ATTEST_ADVISORIES_MAX][ATTEST_ADVISORY_SIZE];
	struct attest_platform_claims platform; /* SGX, TDX */
	union {
		struct attest_sgx_claims sgx;
		struct attest_tdx_claims tdx;
		struct attest_snp_claims snp;
		struct attest_tpm_claims tpm;
		struct attest_csv_claims csv;
		struct attest_casemate_claims casemate;
	};
};

/* One thing found on the way, besides the claims. */
struct attest_finding {
	enum attest_verdict verdict;
	char reason[ATTEST_REASON_SIZE];
};

#define ATTEST_FINDINGS_MAX 24
#define ATTEST_CLAIMS_MAX 3

/* Some 20 KB: better on the heap. */
struct attest_result {
	enum attest_verdict verdict;
	char reason[ATTEST_REASON_SIZE];
	/* Every signature is good. Who vouches for the first key, and until when, the findings say.
	 */
	bool is_authentic;
	int64_t now;
	/* Evidence can be composed: the first is the outermost, what vouches for the others. If it
	 * is not authentic, these are mere bytes. */
	size_t claims_count;
	struct attest_claims claims[ATTEST_CLAIMS_MAX];
	size_t finding_count;
	struct attest_finding findings[ATTEST_FINDINGS_MAX];
	/* When the first of the collateral used expires (seconds since 1970); 0: nothing does. */
	int64_t expires;
};

struct attest_collateral;
struct attest_policy;

/* Read and check collateral, in any order, each item one of: X.509 certificates or revocation lists
 * (PEM, DER, hex of DER), a host's table of certificates for SEV-SNP, Hygon's HSK and CEK in one
 * file, TCB info or QE identity as Intel's service returns them (JSON), or a JSON object with the
 * members that casemate-verify-evidence(1) lists. Nothing of it is trusted for being there: it is
 * followed to a root.
 * @roots: certificates (PEM, DER) or public keys (PEM), or Hygon's HRK, to trust instead of the
 * vendors'; none: the vendors'.
 * Errors: -EINVAL with @error, whose reason names the item or root by its number from 1; -ENOMEM
 * with @error. */
ATTEST_API int attest_collateral_new(const struct attest_bytes *items, size_t item_count,
	const struct attest_bytes *roots, size_t root_count,
	struct attest_collateral **ret_collateral, struct attest_error *error)
	__attribute__((warn_unused_result));
ATTEST_API void attest_collateral_free(struct attest_collateral *collateral);

/* A policy in JSON: casemate-policy(5). Errors: -EINVAL with @error; -ENOMEM with @error. */
ATTEST_API int attest_policy_new(struct attest_bytes text, struct attest_policy **ret_policy,
	struct attest_error *error) __attribute__((warn_unused_result));
ATTEST_API void attest_policy_free(struct attest_policy *policy);

/* Verify @evidence (its kind is found out) with @collateral (NULL: none), and appraise it by
 * @policy (NULL: nothing is accepted) at the time @now, seconds since 1970, up to the year 9999.
 * Returns result->verdict. */
ATTEST_API enum attest_verdict attest_verify(struct attest_bytes evidence,
	const struct attest_collateral *collateral, const struct attest_policy *policy, int64_t now,
	struct attest_result *result);

/* Does the evidence carry just @data, be it a nonce or a digest? (The report data begins with it,
 * and the rest is 0; of a TPM quote: the nonce is it.) Of composed evidence, the innermost counts.
 */
ATTEST_API bool attest_result_binds(const struct attest_result *result, struct attest_bytes data);

/* The result as JSON, the claims in EAR's form (draft-ietf-rats-ear); NULL without memory. free(3)
 * it. */
ATTEST_API char *attest_result_to_json(const struct attest_result *result);

/* Evidence of Casemate's simulation platform: it protects nothing, and says so. Of @claims,
 * measurement, signer, product, svn, is_debug, host_data and casemate.image_digest are taken.
 * @report_data: at most 64 bytes. @ret_evidence: free(3) it. Errors: -EINVAL, -ENOMEM. */
ATTEST_API int attest_simulation_evidence_new(const struct attest_claims *claims,
	struct attest_bytes report_data, uint8_t **ret_evidence, size_t *ret_size)
	__attribute__((warn_unused_result));

/* Where evidence is made: attest_platform_*_new. One thread at a time may use it. */
struct attest_platform;

/* Simulation, as attest_simulation_evidence_new. @claims are copied. Errors: -ENOMEM. */
ATTEST_API int attest_platform_simulation_new(const struct attest_claims *claims,
	struct attest_platform **ret_platform) __attribute__((warn_unused_result));

/* Inside a TDX or SEV-SNP guest: the kernel's configfs-tsm (Linux 6.7), below @root (NULL:
 * /sys/kernel/config/tsm/report). The evidence is a TDX quote, or an SEV-SNP report with the
 * host's table of certificates behind it. @privlevel: the SEV-SNP VMPL that it is to be of, 0 to 3;
 * -1: the kernel's choice. Errors: -EINVAL @privlevel, -ENOMEM. What the machine lacks is told when
 * evidence is made: -ENOENT, -ENXIO, -EOPNOTSUPP another provider, -EAGAIN others kept writing to
 * the report, -EPROTO the kernel answered otherwise than documented. */
ATTEST_API int attest_platform_tsm_new(const char *root, int privlevel,
	struct attest_platform **ret_platform) __attribute__((warn_unused_result));

/* Inside an SGX enclave, EREPORT makes a report for the quoting enclave that @target_info
 * (TARGETINFO, 512 bytes) names, with @report_data: 0, or a negative errno. Outside, nobody can: so
 * this is the caller's. */
typedef int attest_sgx_report_fn(void *data, const uint8_t target_info[512],
	const uint8_t report_data[64], uint8_t ret_report[432]);

/* SGX: Intel's aesmd at the Unix socket @socket (NULL: /var/run/aesmd/aesm.socket) has the quoting
 * enclave make a quote of the report that @report makes. @timeout_ms: for each question to aesmd;
 * 0: a minute. Errors: -ENOMEM; when evidence is made: any errno of connect(2), -ETIMEDOUT,
 * -EREMOTEIO aesmd refuses, -EPROTO it answers otherwise than documented, and what @report returns.
 */
ATTEST_API int attest_platform_sgx_new(const char *socket, unsigned int timeout_ms,
	attest_sgx_report_fn *report, void *data, struct attest_platform **ret_platform)
	__attribute__((warn_unused_result));

ATTEST_API void attest_platform_free(struct attest_platform *platform);

/* Have evidence made that carries @report_data (1 to 64 bytes; what the platform has room for
 * beyond that is 0). @ret_evidence: free(3) it.
 * Errors: -EINVAL @report_data; -ENOMEM; any other errno of the platform, with error->reason. */
ATTEST_API int attest_evidence_new(struct attest_platform *platform,
	struct attest_bytes report_data, uint8_t **ret_evidence, size_t *ret_size,
	struct attest_error *error) __attribute__((warn_unused_result));

/* Prove by a challenge that a TPM holds an attestation key, where no certificate says so: a
 * credential for @secret (16 bytes or more, no more than the digest of the endorsement key's name)
 * that only the TPM with the endorsement key @ek_public can read, and only while it holds
 * @ak_public too. Both are TPM2B_PUBLIC. That @ek_public is a TPM's is for the caller to check, by
 * its maker's certificate; that the attestation key is one, restricted to what the TPM makes
 * itself, is checked here. The TPM's side: attest_tpm_credential_activate(), or
 * tpm2_activatecredential(1).
 * @ret_credential: TPM2B_ID_OBJECT, then TPM2B_ENCRYPTED_SECRET; free(3) it.
 * Errors: -EINVAL with @error; -ENOMEM. */
ATTEST_API int attest_tpm_credential_new(struct attest_bytes ek_public,
	struct attest_bytes ak_public, struct attest_bytes secret, uint8_t **ret_credential,
	size_t *ret_size, struct attest_error *error) __attribute__((warn_unused_result));

/* A TPM's key, TPM2B_PUBLIC, as attest_collateral_new() takes it as a root: PEM. Once it is known
 * whose it is. @ret_pem: free(3) it. Errors: -EINVAL, -ENOMEM. */
ATTEST_API int attest_tpm_key_to_pem(struct attest_bytes public_key, char **ret_pem)
	__attribute__((warn_unused_result));

/* Making evidence with a TPM 2.0: quotes, the keys that sign them, and proof that a key is a TPM's.
 * Of a library of its own, `pkg-config --libs casemate-attestation-tpm`, so that who only verifies
 * needs no TPM software. */

enum attest_tpm_key_kind {
	ATTEST_TPM_ECC, /* P-256, ECDSA with SHA-256 */
	ATTEST_TPM_RSA, /* 2048 bits, RSASSA with SHA-256 */
};

#define ATTEST_TPM_SHA1 0x0004
#define ATTEST_TPM_SHA256 0x000b
#define ATTEST_TPM_SHA384 0x000c

/* All 0: the machine's TPM, a P-256 key, no PCRs. */
struct attest_tpm_options {
	/* As tpm2-tools' TPM2TOOLS_TCTI: "device:/dev/tpmrm0", "swtpm:path=..."; NULL: the first
	 * that is there, a resource manager before the device. */
	const char *tcti;
	enum attest_tpm_key_kind key;
	uint32_t pcrs;              /* a bit for each that is to be quoted */
	uint16_t bank;              /* ATTEST_TPM_*; 0: SHA-256 */
	const char *event_log;      /* a file; NULL: the kernel's, if there is one; "": none */
	const char *ak_certificate; /* PEM, put beside the quote; NULL: none */
};

/* A TPM. The attestation key is a primary key of the endorsement hierarchy: the same each time,
 * until the TPM is cleared, without taking up room in it. Each call opens and closes the TPM. What
 * @options points at is copied.
 * Errors: -EINVAL @options, -ENOMEM. When evidence is made: -EIO, the TPM or the way to it fails,
 * with its reason; -EAGAIN, the PCRs kept changing; any errno of reading the event log. */
ATTEST_API int attest_platform_tpm_new(const struct attest_tpm_options *options,
	struct attest_platform **ret_platform) __attribute__((warn_unused_result));

/* What an enroller wants to know of a TPM: TPM2B_PUBLIC of its endorsement key (of the TCG's
 * default template) and of its attestation key, and the maker's certificate for the former (DER;
 * empty: the TPM has none). @platform: of attest_platform_tpm_new(). */
struct attest_tpm_identity {
	uint8_t *ek_public, *ak_public, *ek_certificate;
	size_t ek_public_size, ak_public_size, ek_certificate_size;
};

/* @ret: attest_tpm_identity_done() frees what it holds. Errors: -EIO with @error, -ENOMEM. */
ATTEST_API int attest_tpm_identity_read(struct attest_platform *platform,
	struct attest_tpm_identity *ret, struct attest_error *error)
	__attribute__((warn_unused_result));
ATTEST_API void attest_tpm_identity_done(struct attest_tpm_identity *identity);

/* Read the secret of attest_tpm_credential_new(), which proves that this TPM holds both keys.
 * @ret_secret: 64 bytes. Errors: -EINVAL not such bytes; -EACCES made for another endorsement key
 * or attestation key, or changed; -EIO. */
ATTEST_API int attest_tpm_credential_activate(struct attest_platform *platform,
	struct attest_bytes credential, uint8_t ret_secret[64], size_t *ret_size,
	struct attest_error *error) __attribute__((warn_unused_result));

/* An attested certificate in two steps, since the evidence has to vouch for the claims: make the
 * claims, which name the key and the nonce (may be empty, at most 64 bytes); have evidence made
 * whose report data is @ret_report_data and then zeros; make the certificate, valid from @from
 * until @until (seconds since 1970).
 * @private_key: PEM. @ret_claims, @ret_pem: free(3) them. Errors: -EINVAL, -ENOMEM. */
ATTEST_API int attest_ratls_claims_new(struct attest_bytes private_key, struct attest_bytes nonce,
	uint8_t **ret_claims, size_t *ret_size, uint8_t ret_report_data[32])
	__attribute__((warn_unused_result));
ATTEST_API int attest_ratls_certificate_new(struct attest_bytes private_key,
	struct attest_bytes evidence, struct attest_bytes claims, int64_t from, int64_t until,
	char **ret_pem) __attribute__((warn_unused_result));

/* Both steps at once: a certificate for @private_key with evidence of @platform. @ret_pem: free(3)
 * it. Errors: -EINVAL @private_key, -ENOMEM, and what attest_evidence_new() returns; all with
 * error->reason. */
ATTEST_API int attest_ratls_certificate_make(struct attest_platform *platform,
	struct attest_bytes private_key, int64_t from, int64_t until, char **ret_pem,
	struct attest_error *error) __attribute__((warn_unused_result));

/* Whom a TLS connection accepts. It must outlive the SSL_CTX; any number of connections and threads
 * may share it. */
struct attest_ratls_peer {
	const struct attest_collateral *collateral; /* NULL: none */
	const struct attest_policy *policy;
	int64_t (*now)(void *data); /* seconds since 1970 */
	/* Told of each certificate that was judged, if not NULL; may be called by many threads. */
	void (*judged)(void *data, const struct attest_result *result);
	void *data;
};

struct x509_store_ctx_st;

/* For SSL_CTX_set_cert_verify_callback(3), with SSL_VERIFY_PEER (and of a server,
 * SSL_VERIFY_FAIL_IF_NO_PEER_CERT): the peer's certificate must carry evidence that satisfies
 * @peer's policy. Nothing else of it counts, neither names nor who issued it.
 *
 *	SSL_CTX_set_verify(context, SSL_VERIFY_PEER, NULL);
 *	SSL_CTX_set_cert_verify_callback(context, attest_ratls_verify, &peer);
 *
 * A session that is resumed is not verified anew: switch resumption off, or let sessions live for
 * as long as a verdict may. A certificate says nothing of when its evidence was made: for that have
 * evidence made anew that carries a value of the connection (RFC 9266).
 * @peer: struct attest_ratls_peer. Returns 1: accepted; 0: not. */
ATTEST_API int attest_ratls_verify(struct x509_store_ctx_st *store, void *peer);

#ifdef __cplusplus
}
#endif

#endif
