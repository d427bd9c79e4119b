#include "attestation/dcap_fixture.h"

#include "attestation/evidence_fixture.h"
#include "base/compiler.h"
#include "base/test.h"

#define TWICE(x) x x
#define SIXTEEN(x) TWICE(TWICE(TWICE(TWICE(x))))
#define MEASUREMENT SIXTEEN("aaaa")
#define SIGNER SIXTEEN("cccc")
#define SGX "\"type\":\"sgx\",\"signer\":\"" SIGNER "\""

struct expectation {
	const char *rule; /* without its braces */
	enum attest_verdict verdict;
};

/* For an enclave of product 7, SVN 3, in debug mode, on a platform out of date with one advisory.
 */
static const struct expectation expectations[] = {
	{SGX ",\"debug\":true,\"tcb_status\":\"OutOfDate\"", ATTEST_ACCEPTED},
	{SGX ",\"debug\":true,\"tcb_status\":[\"UpToDate\",\"OutOfDate\"]", ATTEST_ACCEPTED},
	{SGX ",\"debug\":true", ATTEST_TCB_OUT_OF_DATE},
	{SGX ",\"tcb_status\":\"OutOfDate\"", ATTEST_DEBUG_ENABLED},
	{SGX ",\"debug\":false,\"tcb_status\":\"OutOfDate\"", ATTEST_DEBUG_ENABLED},
	{SGX ",\"debug\":true,\"tcb_grace_s\":20000000", ATTEST_ACCEPTED},
	{SGX ",\"debug\":true,\"tcb_grace_s\":1000", ATTEST_TCB_OUT_OF_DATE},
#define LENIENT SGX ",\"debug\":true,\"tcb_status\":\"OutOfDate\","
	{LENIENT "\"product\":7,\"min_svn\":3", ATTEST_ACCEPTED},
	{LENIENT "\"product\":8", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"min_svn\":4", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"measurement\":\"" MEASUREMENT "\"", ATTEST_ACCEPTED},
	{LENIENT "\"measurement\":[\"00\",\"" MEASUREMENT "\"]", ATTEST_ACCEPTED},
	{LENIENT "\"measurement\":\"aaaa\"", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"report_data\":\"6e6f6e6365\"", ATTEST_ACCEPTED},
	{LENIENT "\"nonce\":\"6e6f6e6365\"", ATTEST_ACCEPTED},
	{LENIENT "\"nonce\":\"6e6f6e63\"", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"host_data\":\"00\"", ATTEST_ACCEPTED},
	{LENIENT "\"host_data\":\"01\"", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"advisories\":[\"INTEL-SA-1\"]", ATTEST_ACCEPTED},
	{LENIENT "\"advisories\":[\"INTEL-SA-2\"]", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"advisories\":[]", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"claims\":{\"misc_select\":0,\"fmspc\":[\"x\",\"00906EA10000\"]}",
		ATTEST_ACCEPTED},
	{LENIENT "\"claims\":{\"misc_select\":1}", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"claims\":{\"no_such\":1}", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"pcrs\":{\"0\":\"00\"}", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"jq\":\".isv_prod_id == 7 and (.advisories | length) < 2\"", ATTEST_ACCEPTED},
	{LENIENT "\"jq\":\".advisories | all(. == \\\"INTEL-SA-1\\\")\"", ATTEST_ACCEPTED},
	{LENIENT "\"jq\":\".isv_prod_id == 8\"", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"jq\":\"true, true\"", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"jq\":\"empty\"", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"jq\":\"1\"", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"jq\":\".svn | .[0]\"", ATTEST_POLICY_NOT_MATCHED},
	{LENIENT "\"nested\":[{\"type\":\"tpm\",\"pcrs\":{\"0\":\"00\"}}]",
		ATTEST_POLICY_NOT_MATCHED},
	{"\"type\":\"tdx\",\"signer\":\"" SIGNER "\"", ATTEST_POLICY_NOT_MATCHED},
};

/* Each is refused, with a reason. */
static const char *const malformed[] = {
	"",
	"[]",
	"{}",
	"{\"rules\":{}}",
	"{\"rules\":[],\"other\":1}",
	"{\"rules\":[{}]}",
	"{\"rules\":[1]}",
	"{\"rules\":[{\"type\":\"sgx\"}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"product\":1,\"min_svn\":2,\"debug\":true}]}",
	"{\"rules\":[{\"signer\":\"aa\"}]}",
	"{\"rules\":[{\"type\":\"sgx2\",\"signer\":\"aa\"}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"signer\":\"a\"}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"signer\":\"\"}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"signer\":[]}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"signer\":[1]}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"signer\":\"aa\",\"signer\":\"bb\"}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"signer\":\"aa\",\"mrenclave\":\"bb\"}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"signer\":\"aa\",\"debug\":1}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"signer\":\"aa\",\"product\":-1}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"signer\":\"aa\",\"product\":1.5}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"signer\":\"aa\",\"tcb_status\":\"Fine\"}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"signer\":\"aa\",\"tolerate\":\"ROOT_NOT_TRUSTED\"}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"signer\":\"aa\",\"tolerate\":\"TCB_REVOKED\"}]}",
	"{\"rules\":[{\"type\":\"tpm\",\"pcrs\":{}}]}",
	"{\"rules\":[{\"type\":\"tpm\",\"pcrs\":{\"24\":\"00\"}}]}",
	"{\"rules\":[{\"type\":\"tpm\",\"pcrs\":{\"x\":\"00\"}}]}",
	"{\"rules\":[{\"type\":\"tpm\",\"pcrs\":{\"0\":0}}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"claims\":{}}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"claims\":{\"a\":null}}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"nested\":[]}]}",
	"{\"rules\":[{\"type\":\"sgx\",\"signer\":\"aa\",\"nested\":[{\"type\":\"tpm\"}]}]}",
};

/* What a policy's expression may not do. */
static const char *const refused_jq[] = {"def f: f; f", "[range(1000000000)]", "env", "$ENV.PATH",
	"input", "inputs", "repeat(1)", "recurse", "..", "\\\"a\\\" * 1000000000", "[limit(9;1)]",
	"test(\\\"a\\\")", "\\\"\\\\(.)\\\"", "@json", "import \\\"a\\\" as a; 1", "while(true;.)",
	"until(false;.)", "debug", "stderr", "now", "halt", "error", "$__prog_args", "tojson",
	"[.[]|.[]|.[]|.[]]",
	("[1,1]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]"
	 "|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]|[.,.]"),
	"getpath([])", "walk(.)", "input_line_number", "# comment", "(", ""};

static void check_rules(const struct bytes *quote, const struct attest_collateral *collateral,
	struct attest_result *result)
{
	for (size_t i = 0; i < ARRAY_SIZE(expectations); i++) {
		char text[1024];
		struct attest_policy *policy;
		enum attest_verdict verdict;

		snprintf(text, sizeof(text), "{\"rules\":[{%s}]}", expectations[i].rule);
		policy = fixture_policy(text);
		verdict = attest_verify(given(quote), collateral, policy, PKI_FIXTURE_NOW, result);
		test_report(policy && verdict == expectations[i].verdict, text, __FILE__, __LINE__);
		if (verdict != expectations[i].verdict)
			printf("# got %s: %s\n", attest_verdict_name(verdict), result->reason);
		attest_policy_free(policy);
	}
}

static void check_refused(const char *text)
{
	struct attest_policy *policy = NULL;
	struct attest_error error = {0};
	int r = attest_policy_new((struct attest_bytes){text, strlen(text)}, &policy, &error);

	test_report(r < 0 && error.verdict == ATTEST_POLICY_MALFORMED && *error.reason, text,
		__FILE__, __LINE__);
}

/* Any of several rules; and the reason is that of the rule that came nearest. */
static void check_any_of(const struct bytes *quote, const struct attest_collateral *collateral,
	struct attest_result *result)
{
	struct attest_policy *policy =
		fixture_policy("{\"rules\":[{\"type\":\"tdx\",\"signer\":\"aa\"},"
			       "{" SGX ",\"debug\":true},{" SGX "}]}");

	CHECK_EQ(attest_verify(given(quote), collateral, policy, PKI_FIXTURE_NOW, result),
		ATTEST_TCB_OUT_OF_DATE);
	attest_policy_free(policy);
	policy = fixture_policy("{\"rules\":[]}");
	CHECK_EQ(attest_verify(given(quote), collateral, policy, PKI_FIXTURE_NOW, result),
		ATTEST_POLICY_NOT_MATCHED);
	attest_policy_free(policy);
}

int main(void)
{
	static const struct dcap_fixture_options options = {.is_debug = true,
		.status = "OutOfDate",
		.advisory = "INTEL-SA-1",
		.report_data = "nonce"};
	struct attest_result *result = malloc(sizeof(*result));
	struct bytes quote = {0}, text = {0}, root = {0};
	struct attest_collateral *collateral;
	struct dcap_fixture fixture;

	dcap_fixture_init(&fixture);
	dcap_fixture_root(&fixture, &root);
	dcap_fixture_quote(&fixture, &options, &quote);
	dcap_fixture_collateral(&fixture, &options, &text);
	collateral = fixture_collateral(&text, &root);
	check_rules(&quote, collateral, result);
	check_any_of(&quote, collateral, result);
	CHECK(attest_result_binds(result, (struct attest_bytes){"nonce", 5}));
	CHECK(!attest_result_binds(result, (struct attest_bytes){"nonc", 4}));
	for (size_t i = 0; i < ARRAY_SIZE(malformed); i++)
		check_refused(malformed[i]);
	for (size_t i = 0; i < ARRAY_SIZE(refused_jq); i++) {
		char policy[512];

		snprintf(policy, sizeof(policy), "{\"rules\":[{\"type\":\"sgx\",\"jq\":\"%s\"}]}",
			refused_jq[i]);
		check_refused(policy);
	}
	attest_collateral_free(collateral);
	dcap_fixture_done(&fixture);
	bytes_done(&quote);
	bytes_done(&text);
	bytes_done(&root);
	free(result);
	return test_done();
}
