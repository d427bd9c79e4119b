/* Each piece of real evidence gives the verdict that it must. */
#include "tests/vectors/vectors.h"

#include <dirent.h>

#include "base/test.h"

struct expectation {
	const char *what;
	const char *evidence;
	struct vector_files collateral, roots;
	const char *at;
	const char *policy; /* NULL: none */
	enum attest_verdict verdict;
	enum attest_tcb_status status;
};

#define QVL_SGX                                                                                    \
	"sgx/intel-qvl-sample/rootCaCrl.der", "sgx/intel-qvl-sample/intermediateCaCrl.der",        \
		"sgx/intel-qvl-sample/pckCert.pem", "sgx/intel-qvl-sample/pckSignChain.pem",       \
		"sgx/intel-qvl-sample/tcbInfo.json", "sgx/intel-qvl-sample/qeIdentity.json",       \
		"sgx/intel-qvl-sample/tcbSignChain.pem"
#define QVL_TDX                                                                                    \
	"tdx/intel-qvl-sample/rootCaCrl.der", "tdx/intel-qvl-sample/intermediateCaCrl.der",        \
		"tdx/intel-qvl-sample/pckCert.pem", "tdx/intel-qvl-sample/pckSignChain.pem",       \
		"tdx/intel-qvl-sample/tcbInfo.json", "tdx/intel-qvl-sample/qeIdentity.json",       \
		"tdx/intel-qvl-sample/tcbSignChain.pem"

#define PHALA_SGX_SIGNER "815f42f11cf64430c30bab7816ba596a1da0130c3b028b673133a66cf9a3e0e6"

static const struct expectation expectations[] = {
	{"SGX", "sgx/phala/sgx_quote.bin", {{"sgx/phala/sgx_quote_collateral.json"}}, {{0}},
		"2025-06-19T10:56:11Z", NULL, ATTEST_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
		ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX at its last second", "sgx/phala/sgx_quote.bin",
		{{"sgx/phala/sgx_quote_collateral.json"}}, {{0}}, "2025-07-19T10:01:18Z", NULL,
		ATTEST_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
		ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX a second later", "sgx/phala/sgx_quote.bin", {{"sgx/phala/sgx_quote_collateral.json"}},
		{{0}}, "2025-07-19T10:01:19Z", NULL, ATTEST_COLLATERAL_EXPIRED,
		ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX long after", "sgx/phala/sgx_quote.bin", {{"sgx/phala/sgx_quote_collateral.json"}},
		{{0}}, "2026-11-24T00:00:00Z", NULL, ATTEST_COLLATERAL_EXPIRED,
		ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX before", "sgx/phala/sgx_quote.bin", {{"sgx/phala/sgx_quote_collateral.json"}}, {{0}},
		"2025-06-19T10:56:10Z", NULL, ATTEST_COLLATERAL_NOT_YET_VALID,
		ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX without collateral", "sgx/phala/sgx_quote.bin", {{0}}, {{0}}, "2025-06-20T00:00:00Z",
		NULL, ATTEST_COLLATERAL_MISSING, ATTEST_TCB_NONE},
	{"SGX with another's collateral", "sgx/phala/sgx_quote.bin",
		{{"tdx/phala/tdx_quote_collateral.json"}}, {{0}}, "2025-06-20T00:00:00Z", NULL,
		ATTEST_COLLATERAL_MISSING, ATTEST_TCB_NONE},
	{"SGX by a policy that accepts its status", "sgx/phala/sgx_quote.bin",
		{{"sgx/phala/sgx_quote_collateral.json"}}, {{0}}, "2025-06-20T00:00:00Z",
		"{\"rules\": [{\"type\": \"sgx\", \"signer\": \"" PHALA_SGX_SIGNER "\","
		" \"tcb_status\": \"ConfigurationAndSWHardeningNeeded\"}]}",
		ATTEST_ACCEPTED, ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX by a policy that does not", "sgx/phala/sgx_quote.bin",
		{{"sgx/phala/sgx_quote_collateral.json"}}, {{0}}, "2025-06-20T00:00:00Z",
		"{\"rules\": [{\"type\": \"sgx\", \"signer\": \"" PHALA_SGX_SIGNER "\"}]}",
		ATTEST_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
		ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX whose chain is broken", "sgx/openenclave/sgx_report_bad.bin",
		{{"sgx/phala/sgx_quote_collateral.json"}}, {{0}}, "2025-06-20T00:00:00Z", NULL,
		ATTEST_ROOT_NOT_TRUSTED, ATTEST_TCB_NONE},
	{"SGX of a root given", "sgx/intel-qvl-sample/quote.dat", {{QVL_SGX}},
		{{"sgx/intel-qvl-sample/trustedRootCaCert.pem"}}, "2025-01-01T00:00:00Z", NULL,
		ATTEST_NO_POLICY, ATTEST_TCB_STATUS_UP_TO_DATE},
	{"SGX of a root given, its certificate expired", "sgx/intel-qvl-sample/quote.dat",
		{{QVL_SGX}}, {{"sgx/intel-qvl-sample/trustedRootCaCert.pem"}},
		"2026-11-24T00:00:00Z", NULL, ATTEST_CERTIFICATE_EXPIRED,
		ATTEST_TCB_STATUS_UP_TO_DATE},
	{"SGX of a root that is not pinned", "sgx/intel-qvl-sample/quote.dat", {{QVL_SGX}}, {{0}},
		"2025-01-01T00:00:00Z", NULL, ATTEST_ROOT_NOT_TRUSTED, ATTEST_TCB_NONE},
	{"TDX 1.0", "tdx/phala/tdx_quote.bin", {{"tdx/phala/tdx_quote_collateral.json"}}, {{0}},
		"2025-06-19T10:32:27Z", NULL, ATTEST_NO_POLICY, ATTEST_TCB_STATUS_UP_TO_DATE},
	{"TDX 1.0 expired", "tdx/phala/tdx_quote.bin", {{"tdx/phala/tdx_quote_collateral.json"}},
		{{0}}, "2025-07-19T10:00:36Z", NULL, ATTEST_COLLATERAL_EXPIRED,
		ATTEST_TCB_STATUS_UP_TO_DATE},
	{"TDX 1.0 in hexadecimal", "tdx/phala/near_quote.hex",
		{{"tdx/phala/near_quote_collateral.json"}}, {{0}}, "2025-09-02T07:41:59Z", NULL,
		ATTEST_NO_POLICY, ATTEST_TCB_STATUS_UP_TO_DATE},
	{"TDX 1.0 in hexadecimal, expired", "tdx/phala/near_quote.hex",
		{{"tdx/phala/near_quote_collateral.json"}}, {{0}}, "2025-10-02T07:03:52Z", NULL,
		ATTEST_COLLATERAL_EXPIRED, ATTEST_TCB_STATUS_UP_TO_DATE},
	{"TDX 1.5 below all levels", "tdx/phala/tdx_quote_outdated.bin",
		{{"tdx/phala/tdx_quote_outdated_collateral.json"}}, {{0}}, "2026-02-20T00:00:00Z",
		NULL, ATTEST_TCB_NOT_SUPPORTED, ATTEST_TCB_NONE},
	{"TDX of a root given, another quoting enclave", "tdx/intel-qvl-sample/quote.dat",
		{{QVL_TDX}}, {{"tdx/intel-qvl-sample/trustedRootCaCert.pem"}},
		"2025-01-01T00:00:00Z", NULL, ATTEST_QE_IDENTITY_MISMATCH, ATTEST_TCB_NONE},
	{"TDX of a root that is not pinned", "tdx/intel-qvl-sample/quote.dat", {{QVL_TDX}}, {{0}},
		"2025-01-01T00:00:00Z", NULL, ATTEST_ROOT_NOT_TRUSTED, ATTEST_TCB_NONE},
	{"SNP in debug mode", "snp/go-sev-guest/attestation.bin",
		{{"snp/go-sev-guest/vcek.der", "snp/go-sev-guest/milan_ask_ark.pem"}}, {{0}},
		"2025-01-01T00:00:00Z", NULL, ATTEST_DEBUG_ENABLED, ATTEST_TCB_NONE},
	{"SNP, AMD's keys compiled in", "snp/trustee/test-report.bin",
		{{"snp/trustee/test-vcek.der"}}, {{0}}, "2025-01-01T00:00:00Z", NULL,
		ATTEST_REVOCATION_UNKNOWN, ATTEST_TCB_NONE},
	{"SNP by a policy that does without AMD's list", "snp/trustee/test-report.bin",
		{{"snp/trustee/test-vcek.der"}}, {{0}}, "2025-01-01T00:00:00Z",
		"{\"rules\": [{\"type\": \"snp\", \"claims\": {\"product_name\": \"Milan\","
		" \"policy\": \"000000000003001f\"}, \"tolerate\": \"REVOCATION_UNKNOWN\"}]}",
		ATTEST_ACCEPTED, ATTEST_TCB_NONE},
	{"SNP, the root given", "snp/trustee/test-report.bin", {{"snp/trustee/test-vcek.der"}},
		{{"snp/amd-roots/ask_ark_milan.pem"}}, "2025-01-01T00:00:00Z", NULL,
		ATTEST_REVOCATION_UNKNOWN, ATTEST_TCB_NONE},
	{"SNP, another root given", "snp/trustee/test-report.bin", {{"snp/trustee/test-vcek.der"}},
		{{"snp/amd-roots/ask_ark_genoa.pem"}}, "2025-01-01T00:00:00Z", NULL,
		ATTEST_ROOT_NOT_TRUSTED, ATTEST_TCB_NONE},
	{"SNP with a VCEK of nobody", "snp/trustee/test-report.bin",
		{{"snp/trustee/test-vcek-invalid-legacy.der"}}, {{0}}, "2025-01-01T00:00:00Z", NULL,
		ATTEST_REPORT_SIGNATURE_INVALID, ATTEST_TCB_NONE},
	{"SNP with another VCEK of nobody", "snp/trustee/test-report.bin",
		{{"snp/trustee/test-vcek-invalid-new.der"}}, {{0}}, "2025-01-01T00:00:00Z", NULL,
		ATTEST_REPORT_SIGNATURE_INVALID, ATTEST_TCB_NONE},
	{"SNP without a VCEK", "snp/trustee/test-report.bin", {{0}}, {{0}}, "2025-01-01T00:00:00Z",
		NULL, ATTEST_COLLATERAL_MISSING, ATTEST_TCB_NONE},
	{"SNP with a VLEK", "snp/trustee/test-vlek-report.bin", {{"snp/trustee/test-vlek.der"}},
		{{0}}, "2025-06-01T00:00:00Z", NULL, ATTEST_REVOCATION_UNKNOWN, ATTEST_TCB_NONE},
	{"SNP with a VLEK that has expired", "snp/trustee/test-vlek-report.bin",
		{{"snp/trustee/test-vlek.der"}}, {{0}}, "2026-01-01T00:00:00Z", NULL,
		ATTEST_CERTIFICATE_EXPIRED, ATTEST_TCB_NONE},
	{"TPM quote, its key not known", "tpm/trustee/tpm_evidence.json", {{0}}, {{0}},
		"2025-01-01T00:00:00Z", NULL, ATTEST_KEY_NOT_CERTIFIED, ATTEST_TCB_NONE},
	{"CSV without the certificates of its chip", "csv/trustee/csv_evidence.json", {{0}}, {{0}},
		"2025-01-01T00:00:00Z", NULL, ATTEST_KEY_NOT_CERTIFIED, ATTEST_TCB_NONE},
	{"a certificate of Rats-TLS", "ratls-certs/rats-tls-cert.pem", {{0}}, {{0}},
		"2023-02-22T17:00:00Z", NULL, ATTEST_DEBUG_ENABLED, ATTEST_TCB_NONE},
	{"a certificate of Rats-TLS, expired", "ratls-certs/rats-tls-cert.pem", {{0}}, {{0}},
		"2024-03-01T00:00:00Z", NULL, ATTEST_CERTIFICATE_EXPIRED, ATTEST_TCB_NONE},
	{"a certificate of Rats-TLS by a policy", "ratls-certs/rats-tls-cert.pem", {{0}}, {{0}},
		"2023-02-22T17:00:00Z",
		"{\"rules\": [{\"type\": \"sgx\", \"claims\": {\"mr_enclave\": "
		"\"563ef734a147af6c602391fdcb4761cdc4d7fe2cc1aee6e361c533\"}}]}",
		ATTEST_POLICY_NOT_MATCHED, ATTEST_TCB_NONE},
	{"an older certificate, bound otherwise", "ratls-certs/old-rats-tls-cert-sample.pem", {{0}},
		{{0}}, "2023-02-22T17:00:00Z", NULL, ATTEST_CERTIFICATE_NOT_BOUND, ATTEST_TCB_NONE},
	{"another older certificate, bound otherwise",
		"ratls-certs/old-rats-tls-cert-openssl-sample.pem", {{0}}, {{0}},
		"2023-02-22T17:00:00Z", NULL, ATTEST_CERTIFICATE_NOT_BOUND, ATTEST_TCB_NONE},
};

static void check_expectation(const struct expectation *expected, struct attest_result *result)
{
	struct attest_bytes evidence = vectors_read(expected->evidence);
	struct attest_collateral *collateral = NULL;
	struct attest_policy *policy = NULL;
	struct attest_error error;
	bool good;

	memset(result, 0, sizeof(*result));
	if (expected->policy &&
		attest_policy_new((struct attest_bytes){expected->policy, strlen(expected->policy)},
			&policy, &error) < 0) {
		result->verdict = error.verdict;
		memcpy(result->reason, error.reason, sizeof(result->reason));
	} else if (vectors_collateral(
			   &expected->collateral, &expected->roots, &collateral, &error) < 0) {
		result->verdict = error.verdict;
		memcpy(result->reason, error.reason, sizeof(result->reason));
	} else {
		attest_verify(evidence, collateral, policy, vectors_time(expected->at), result);
	}
	good = result->verdict == expected->verdict &&
	       result->claims[0].tcb_status == expected->status;
	test_report(good, expected->what, __FILE__, __LINE__);
	if (!good)
		printf("# got %s (%s), TCB status %s\n", attest_verdict_name(result->verdict),
			result->reason, attest_tcb_status_name(result->claims[0].tcb_status));
	attest_policy_free(policy);
	attest_collateral_free(collateral);
	free((void *)evidence.data);
}

/* Open Enclave's samples, good and bad by their names. Their signatures are of no key: what parses
 * is then found to lack its signer. */
static void check_json(const char *directory, const char *name, enum attest_verdict refused)
{
	bool is_good = strstr(name, "_ok") || strstr(name, "with_") ||
		       !strcmp(name, "tcbInfo.json") || !strcmp(name, "tcbInfoAdvisoryIds.json");
	struct attest_collateral *collateral = NULL;
	struct attest_error error = {0};
	struct attest_bytes item;
	char path[VECTORS_PATH_MAX];
	bool good;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	item = vectors_read(path);
	attest_collateral_new(&item, 1, NULL, 0, &collateral, &error) < 0 ? 0 : abort();
	good = is_good ? error.verdict == ATTEST_COLLATERAL_MISSING
		       : (error.verdict == refused ||
				 error.verdict == ATTEST_COLLATERAL_MALFORMED) &&
				 *error.reason;
	test_report(good, path, __FILE__, __LINE__);
	if (!good)
		printf("# got %s: %s\n", attest_verdict_name(error.verdict), error.reason);
	free((void *)item.data);
}

static void check_json_directory(const char *directory, enum attest_verdict refused)
{
	char path[2 * VECTORS_PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/attestation/%s", vectors_directory(), directory);
	dir = opendir(path);
	CHECK(dir != NULL);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			check_json(directory, entry->d_name, refused);
	if (dir)
		closedir(dir);
}

/* A TPM's message and signature, one after the other. */
static void check_bare_tpm(struct attest_result *result)
{
	struct attest_bytes message = vectors_read("tpm/keylime/quote.out");
	struct attest_bytes signature = vectors_read("tpm/keylime/quotesig.out");
	struct vector_files none = {{0}}, key = {{"tpm/keylime/akpub.pem"}},
			    other = {{"tpm/keylime/ekpub.pem"}};
	struct attest_collateral *collateral = NULL;
	struct attest_bytes evidence = {.size = message.size + signature.size};
	uint8_t *both = malloc(evidence.size + 1);
	struct attest_error error;

	memcpy(both, message.data, message.size);
	memcpy(both + message.size, signature.data, signature.size);
	evidence.data = both;
	CHECK_EQ(vectors_collateral(&none, &key, &collateral, &error), 0);
	CHECK_EQ(attest_verify(evidence, collateral, NULL, 0, result), ATTEST_NO_POLICY);
	CHECK(result->is_authentic && result->claims[0].tpm.quoted == 0x418000);
	CHECK(!memcmp(result->claims[0].report_data.bytes, "\xdb\x1d\xb2\x98", 4));
	attest_collateral_free(collateral);
	CHECK_EQ(vectors_collateral(&none, &other, &collateral, &error), 0);
	CHECK_EQ(attest_verify(evidence, collateral, NULL, 0, result),
		ATTEST_QUOTE_SIGNATURE_INVALID);
	attest_collateral_free(collateral);
	free(both);
	free((void *)message.data);
	free((void *)signature.data);
}

/* Real evidence with a bit changed, or cut off, must not be authentic. @signed_size: what a
 * signature covers directly. */
struct damage {
	const char *evidence;
	struct vector_files collateral;
	const char *at;
	size_t signed_size;
};

static const struct damage damages[] = {
	{"sgx/phala/sgx_quote.bin", {{"sgx/phala/sgx_quote_collateral.json"}},
		"2025-06-20T00:00:00Z", 1046},
	{"tdx/phala/tdx_quote.bin", {{"tdx/phala/tdx_quote_collateral.json"}},
		"2025-06-20T00:00:00Z", 1250},
	{"snp/trustee/test-report.bin", {{"snp/trustee/test-vcek.der"}}, "2025-01-01T00:00:00Z",
		0x330},
	{"snp/trustee/test-vlek-report.bin", {{"snp/trustee/test-vlek.der"}},
		"2025-06-01T00:00:00Z", 0x330},
};

#ifdef __SANITIZE_ADDRESS__
#define DAMAGE_STEP 61
#else
#define DAMAGE_STEP 11
#endif

static void check_damage(const struct damage *damage, struct attest_result *result)
{
	struct attest_bytes evidence = vectors_read(damage->evidence);
	struct vector_files none = {{0}};
	struct attest_collateral *collateral = NULL;
	uint8_t *bytes = (uint8_t *)evidence.data;
	int64_t at = vectors_time(damage->at);
	struct attest_error error;
	size_t verified = 0;

	CHECK_EQ(vectors_collateral(&damage->collateral, &none, &collateral, &error), 0);
	attest_verify(evidence, collateral, NULL, at, result);
	CHECK(result->is_authentic);
	for (size_t bit = 0; bit < 8 * damage->signed_size; bit += DAMAGE_STEP) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		attest_verify(evidence, collateral, NULL, at, result);
		if (result->is_authentic)
			printf("# byte %zu, bit %zu does not matter\n", bit / 8, bit % 8);
		verified += result->is_authentic;
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t size = 0; size < damage->signed_size; size += DAMAGE_STEP) {
		struct attest_bytes part = {malloc(size + !size), size};

		memcpy((void *)part.data, evidence.data, size);
		attest_verify(part, collateral, NULL, at, result);
		verified += result->is_authentic;
		free((void *)part.data);
	}
	test_report(verified == 0, damage->evidence, __FILE__, __LINE__);
	attest_collateral_free(collateral);
	free((void *)evidence.data);
}

int main(void)
{
	struct attest_result *result;

	if (!*vectors_directory()) {
		test_skip(
			"real evidence", "there is none here; CASEMATE_VECTORS names where it is");
		return test_done();
	}
	result = malloc(sizeof(*result));
	for (size_t i = 0; i < ARRAY_SIZE(expectations); i++)
		check_expectation(&expectations[i], result);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++)
		check_damage(&damages[i], result);
	check_bare_tpm(result);
	check_json_directory(
		"sgx/openenclave/json-negatives/tcbinfo/data", ATTEST_TCB_INFO_MALFORMED);
	check_json_directory(
		"sgx/openenclave/json-negatives/tcbinfo/data_v2", ATTEST_TCB_INFO_MALFORMED);
	check_json_directory(
		"sgx/openenclave/json-negatives/qeidentity/data", ATTEST_QE_IDENTITY_MALFORMED);
	check_json_directory(
		"sgx/openenclave/json-negatives/qeidentity/data_v2", ATTEST_QE_IDENTITY_MALFORMED);
	free(result);
	return test_done();
}
