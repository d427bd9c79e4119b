#include "attestation/dcap_fixture.h"

#include "attestation/evidence_fixture.h"
#include "base/compiler.h"
#include "base/test.h"

struct expectation {
	const char *what;
	struct dcap_fixture_options options;
	enum attest_verdict verdict;
	enum attest_tcb_status status;
};

#define STATUS(name) ATTEST_TCB_STATUS_##name
#define TDX_15 .version = 5, .is_tdx = true, .is_1_5 = true

static const struct expectation expectations[] = {
	{"SGX, version 3", {0}, ATTEST_NO_POLICY, STATUS(UP_TO_DATE)},
	{"SGX, version 4", {.version = 4}, ATTEST_NO_POLICY, STATUS(UP_TO_DATE)},
	{"SGX, version 5", {.version = 5}, ATTEST_NO_POLICY, STATUS(UP_TO_DATE)},
	{"TDX 1.0, version 4", {.version = 4, .is_tdx = true}, ATTEST_NO_POLICY,
		STATUS(UP_TO_DATE)},
	{"TDX 1.0, version 5", {.version = 5, .is_tdx = true}, ATTEST_NO_POLICY,
		STATUS(UP_TO_DATE)},
	{"TDX 1.5, version 5", {TDX_15}, ATTEST_NO_POLICY, STATUS(UP_TO_DATE)},
	{"named by its PPID", {.certification = 1}, ATTEST_NO_POLICY, STATUS(UP_TO_DATE)},
	{"named by its PPID, version 4", {.version = 4, .certification = 1}, ATTEST_NO_POLICY,
		STATUS(UP_TO_DATE)},
	{"named by its PPID, encrypted", {.certification = 2}, ATTEST_NO_POLICY,
		STATUS(UP_TO_DATE)},
	{"named by its PPID, encrypted with more", {.certification = 3}, ATTEST_NO_POLICY,
		STATUS(UP_TO_DATE)},
	{"named by another PPID", {.certification = 1, .is_another_ppid = true},
		ATTEST_PCK_CERTIFICATE_INVALID, ATTEST_TCB_NONE},
	{"with the PCK certificate alone", {.certification = 4}, ATTEST_NO_POLICY,
		STATUS(UP_TO_DATE)},
	{"with the PCK certificate alone, in DER", {.certification = 4, .is_der = true},
		ATTEST_NO_POLICY, STATUS(UP_TO_DATE)},
	{"with the PCK certificate alone, TDX 1.5", {TDX_15, .certification = 4}, ATTEST_NO_POLICY,
		STATUS(UP_TO_DATE)},
	{"with a chain in DER", {.is_der = true}, ATTEST_NO_POLICY, STATUS(UP_TO_DATE)},
	{"with a chain in DER, TDX 1.0", {.version = 4, .is_tdx = true, .is_der = true},
		ATTEST_NO_POLICY, STATUS(UP_TO_DATE)},
	{"with a chain that lacks the CA", {.is_ca_missing = true}, ATTEST_ROOT_NOT_TRUSTED,
		ATTEST_TCB_NONE},
	{"certification data of a report", {.certification = 6}, ATTEST_EVIDENCE_UNSUPPORTED,
		ATTEST_TCB_NONE},
	{"certification data of a later type", {.version = 4, .certification = 7},
		ATTEST_EVIDENCE_UNSUPPORTED, ATTEST_TCB_NONE},
	{"TCB info of version 2", {.tcb_version = 2}, ATTEST_NO_POLICY, STATUS(UP_TO_DATE)},
	{"TCB info of version 2, below all levels", {.tcb_version = 2, .needed_component = 6},
		ATTEST_TCB_NOT_SUPPORTED, ATTEST_TCB_NONE},
	{"TCB info of version 1", {.tcb_version = 1, .status = "OutOfDate"}, ATTEST_TCB_OUT_OF_DATE,
		STATUS(OUT_OF_DATE)},
	{"a QE identity of version 1", {.identity_version = 1}, ATTEST_NO_POLICY,
		STATUS(UP_TO_DATE)},
	{"a QE identity of version 1, and an older enclave",
		{.identity_version = 1, .identity_svn = 9}, ATTEST_TCB_OUT_OF_DATE,
		STATUS(OUT_OF_DATE)},
	{"a quoting enclave below all levels", {.identity_svn = 9}, ATTEST_TCB_NOT_SUPPORTED,
		ATTEST_TCB_NONE},
	{"SGX's TCB info for a TD", {.version = 4, .is_tdx = true, .tcb_version = 2},
		ATTEST_COLLATERAL_MISSING, ATTEST_TCB_NONE},
	{"SGX's QE identity for a TD", {.version = 4, .is_tdx = true, .identity_version = 1},
		ATTEST_COLLATERAL_MISSING, ATTEST_TCB_NONE},
	{"a TDX module of version 0", {TDX_15, .module_version = FIXTURE_NO_VERSION},
		ATTEST_NO_POLICY, STATUS(UP_TO_DATE)},
	{"a TDX module of version 0, below all levels",
		{TDX_15, .module_version = FIXTURE_NO_VERSION, .needed_tdx_component = 4},
		ATTEST_TCB_NOT_SUPPORTED, ATTEST_TCB_NONE},
	{"a TDX module that is judged by itself alone", {TDX_15, .needed_tdx_component = 4},
		ATTEST_NO_POLICY, STATUS(UP_TO_DATE)},
	{"a TDX module of a version that is not known", {TDX_15, .module_version = 2},
		ATTEST_TDX_MODULE_MISMATCH, ATTEST_TCB_NONE},
	{"a debug enclave", {.is_debug = true}, ATTEST_DEBUG_ENABLED, STATUS(UP_TO_DATE)},
	{"a debug TD", {TDX_15, .is_debug = true}, ATTEST_DEBUG_ENABLED, STATUS(UP_TO_DATE)},
	{"a revoked processor", {.is_pck_revoked = true}, ATTEST_CERTIFICATE_REVOKED,
		STATUS(UP_TO_DATE)},
	{"a quoting enclave in debug mode", {.is_qe_debug = true}, ATTEST_QE_IDENTITY_MISMATCH,
		ATTEST_TCB_NONE},
	{"TCB info of another processor", {.is_another_processor = true}, ATTEST_TCB_INFO_MISMATCH,
		ATTEST_TCB_NONE},
	{"below all levels", {.needed_component = 6}, ATTEST_TCB_NOT_SUPPORTED, ATTEST_TCB_NONE},
	{"SWHardeningNeeded", {.status = "SWHardeningNeeded"}, ATTEST_TCB_SW_HARDENING_NEEDED,
		STATUS(SW_HARDENING_NEEDED)},
	{"ConfigurationNeeded", {.status = "ConfigurationNeeded"}, ATTEST_TCB_CONFIGURATION_NEEDED,
		STATUS(CONFIGURATION_NEEDED)},
	{"OutOfDate", {.status = "OutOfDate"}, ATTEST_TCB_OUT_OF_DATE, STATUS(OUT_OF_DATE)},
	{"Revoked", {.status = "Revoked"}, ATTEST_TCB_REVOKED, STATUS(REVOKED)},
	{"a quoting enclave out of date", {.qe_status = "OutOfDate"}, ATTEST_TCB_OUT_OF_DATE,
		STATUS(OUT_OF_DATE)},
	{"a revoked quoting enclave", {.qe_status = "Revoked"}, ATTEST_TCB_REVOKED,
		STATUS(REVOKED)},
	{"both", {.status = "ConfigurationNeeded", .qe_status = "OutOfDate"},
		ATTEST_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED,
		STATUS(OUT_OF_DATE_CONFIGURATION_NEEDED)},
	{"a TDX module out of date", {TDX_15, .module_status = "OutOfDate"}, ATTEST_TCB_OUT_OF_DATE,
		STATUS(OUT_OF_DATE)},
	{"a TD older than its module", {TDX_15, .is_relaunch_needed = true},
		ATTEST_TCB_RELAUNCH_ADVISED, STATUS(RELAUNCH_ADVISED)},
	{"a TD older than its module, to be configured",
		{TDX_15, .is_relaunch_needed = true, .status = "ConfigurationNeeded"},
		ATTEST_TCB_RELAUNCH_ADVISED_CONFIGURATION_NEEDED,
		STATUS(RELAUNCH_ADVISED_CONFIGURATION_NEEDED)},
};

static void check_expectation(const struct dcap_fixture *fixture, const struct bytes *root,
	const struct expectation *expected, struct attest_result *result)
{
	struct bytes quote = {0}, collateral_text = {0};
	struct attest_collateral *collateral;

	dcap_fixture_quote(fixture, &expected->options, &quote);
	dcap_fixture_collateral(fixture, &expected->options, &collateral_text);
	collateral = fixture_collateral(&collateral_text, root);
	attest_verify(given(&quote), collateral, NULL, PKI_FIXTURE_NOW, result);
	test_report(result->verdict == expected->verdict &&
			    result->claims[0].tcb_status == expected->status,
		expected->what, __FILE__, __LINE__);
	if (result->verdict != expected->verdict)
		printf("# got %s: %s\n", attest_verdict_name(result->verdict), result->reason);
	/* Zeros may follow a quote, and nothing else. */
	bytes_put_zero(&quote, 70);
	CHECK_EQ(attest_verify(given(&quote), collateral, NULL, PKI_FIXTURE_NOW, result),
		expected->verdict);
	bytes_put_text(&quote, "x");
	CHECK_EQ(attest_verify(given(&quote), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_EVIDENCE_MALFORMED);
	attest_collateral_free(collateral);
	bytes_done(&quote);
	bytes_done(&collateral_text);
}

static void check_times(const struct dcap_fixture *fixture, const struct bytes *root,
	const struct dcap_fixture_options *options, struct attest_result *result)
{
	struct bytes quote = {0}, text = {0};
	struct attest_collateral *collateral;

	dcap_fixture_quote(fixture, options, &quote);
	dcap_fixture_collateral(fixture, options, &text);
	collateral = fixture_collateral(&text, root);
	CHECK_EQ(attest_verify(given(&quote), collateral, NULL, PKI_FIXTURE_TO + 1, result),
		ATTEST_CERTIFICATE_EXPIRED);
	CHECK_EQ(attest_verify(given(&quote), collateral, NULL, PKI_FIXTURE_FROM - 1, result),
		ATTEST_CERTIFICATE_NOT_YET_VALID);
	CHECK_EQ(attest_verify(given(&quote), NULL, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_ROOT_NOT_TRUSTED);
	attest_collateral_free(collateral);
	collateral = fixture_collateral(&text, NULL);
	CHECK_EQ(attest_verify(given(&quote), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_ROOT_NOT_TRUSTED);
	attest_collateral_free(collateral);
	collateral = fixture_collateral(NULL, root);
	CHECK_EQ(attest_verify(given(&quote), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_COLLATERAL_MISSING);
	attest_collateral_free(collateral);
	bytes_done(&quote);
	bytes_done(&text);
}

/* Moments that no calendar has are no moments to judge by; the first and the last are. */
static void check_edges_of_time(
	const struct dcap_fixture *fixture, const struct bytes *root, struct attest_result *result)
{
	static const int64_t none[] = {INT64_MIN, -1, 253402300800, INT64_MAX};
	static const struct dcap_fixture_options options = {.status = "OutOfDate"};
	struct attest_policy *policy = fixture_policy(
		"{\"rules\":[{\"type\":\"sgx\",\"product\":7,\"claims\":{\"debug\":false},"
		"\"tcb_grace_s\":2147483647,\"collateral_grace_s\":2147483647}]}");
	struct bytes quote = {0}, text = {0};
	struct attest_collateral *collateral;

	dcap_fixture_quote(fixture, &options, &quote);
	dcap_fixture_collateral(fixture, &options, &text);
	collateral = fixture_collateral(&text, root);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		CHECK_EQ(attest_verify(given(&quote), collateral, policy, none[i], result),
			ATTEST_INTERNAL_ERROR);
	CHECK_EQ(attest_verify(given(&quote), collateral, policy, 0, result),
		ATTEST_CERTIFICATE_NOT_YET_VALID);
	CHECK_EQ(attest_verify(given(&quote), collateral, policy, 253402300799, result),
		ATTEST_CERTIFICATE_EXPIRED);
	CHECK_EQ(attest_verify(given(&quote), collateral, policy, PKI_FIXTURE_NOW, result),
		ATTEST_ACCEPTED);
	attest_collateral_free(collateral);
	attest_policy_free(policy);
	bytes_done(&quote);
	bytes_done(&text);
}

/* A changed bit anywhere before the certificates, and a quote that ends early, are noticed. */
static void check_damage(const struct dcap_fixture *fixture, const struct bytes *root,
	const struct dcap_fixture_options *options, struct attest_result *result)
{
	struct bytes quote = {0}, text = {0};
	struct attest_collateral *collateral;
	size_t head;

	dcap_fixture_quote(fixture, options, &quote);
	dcap_fixture_collateral(fixture, options, &text);
	head = (size_t)((uint8_t *)memmem(quote.data, quote.size, "-----BEGIN", 10) - quote.data);
	collateral = fixture_collateral(&text, root);
	CHECK_EQ(fixture_flips_that_verify(&quote, head - 6, FIXTURE_STEP, collateral, result), 0);
	CHECK_EQ(fixture_beginnings_that_verify(&quote, collateral, result), 0);
	attest_collateral_free(collateral);
	bytes_done(&quote);
	bytes_done(&text);
}

/* Every changed character of signed collateral is noticed when it is read. */
static void check_collateral_damage(const struct dcap_fixture *fixture, const struct bytes *root)
{
	struct bytes text = {0};
	size_t accepted = 0, from, to;

	dcap_fixture_collateral(fixture, &(struct dcap_fixture_options){0}, &text);
	from = (size_t)((uint8_t *)strstr((char *)text.data, "\"tcb_info\"") - text.data) + 14;
	to = (size_t)((uint8_t *)strstr((char *)text.data, "\"tcb_info_signature\"") - text.data) -
	     4;
	for (size_t i = from; i < to; i += 7) {
		struct attest_bytes item = given(&text), roots = given(root);
		struct attest_collateral *collateral = NULL;
		struct attest_error error;

		text.data[i] ^= 1;
		accepted += attest_collateral_new(&item, 1, &roots, 1, &collateral, &error) == 0;
		attest_collateral_free(collateral);
		text.data[i] ^= 1;
	}
	CHECK_EQ(accepted, 0);
	bytes_done(&text);
}

int main(void)
{
	static const struct dcap_fixture_options sgx = {0}, tdx = {TDX_15};
	struct attest_result *result = malloc(sizeof(*result));
	struct dcap_fixture fixture;
	struct bytes root = {0};

	dcap_fixture_init(&fixture);
	dcap_fixture_root(&fixture, &root);
	for (size_t i = 0; i < ARRAY_SIZE(expectations); i++)
		check_expectation(&fixture, &root, &expectations[i], result);
	check_times(&fixture, &root, &sgx, result);
	check_times(&fixture, &root, &tdx, result);
	check_edges_of_time(&fixture, &root, result);
	check_damage(&fixture, &root, &sgx, result);
	check_damage(&fixture, &root, &tdx, result);
	check_collateral_damage(&fixture, &root);
	bytes_done(&root);
	dcap_fixture_done(&fixture);
	free(result);
	return test_done();
}
