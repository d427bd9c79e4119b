#include "attestation/snp_fixture.h"

#include "attestation/evidence_fixture.h"
#include "base/compiler.h"
#include "base/test.h"

struct expectation {
	const char *what;
	struct snp_fixture_options options;
	enum attest_verdict verdict;
};

#define GENOA .product = "Genoa-B1", .family = "Genoa", .version = 3
#define TURIN .product = "Turin-C1", .family = "Turin", .version = 5
#define LIST(name) .list = SNP_FIXTURE_LIST_##name

static const struct expectation expectations[] = {
	{"Milan, version 2, VCEK", {0}, ATTEST_NO_POLICY},
	{"Milan, version 3, VCEK", {.version = 3}, ATTEST_NO_POLICY},
	{"Milan, version 3, VLEK", {.version = 3, .is_vlek = true}, ATTEST_NO_POLICY},
	{"Genoa, version 3, VCEK", {GENOA}, ATTEST_NO_POLICY},
	{"Genoa, version 3, VLEK", {GENOA, .is_vlek = true}, ATTEST_NO_POLICY},
	{"Siena has Genoa's authorities", {.product = "Siena-A0", .family = "Genoa"},
		ATTEST_NO_POLICY},
	{"Turin, version 5, VCEK", {TURIN}, ATTEST_NO_POLICY},
	{"Turin, version 5, VLEK", {TURIN, .is_vlek = true}, ATTEST_NO_POLICY},
	{"a product without a stepping", {.product = "Milan"}, ATTEST_NO_POLICY},
	{"a chip's identity in an OCTET STRING", {.is_chip_wrapped = true}, ATTEST_NO_POLICY},
	{"a chip's identity that looks like one", {.is_chip_like_der = true}, ATTEST_NO_POLICY},
	{"a Turin's, wrapped", {TURIN, .is_chip_wrapped = true}, ATTEST_NO_POLICY},
	{"a Turin's that looks like one", {TURIN, .is_chip_like_der = true}, ATTEST_NO_POLICY},
	{"a chip's identity that the host hides", {.is_chip_hidden = true}, ATTEST_NO_POLICY},
	{"a later version", {.version = 6}, ATTEST_NO_POLICY},
	{"a version of a far future", {.version = 1000}, ATTEST_EVIDENCE_UNSUPPORTED},
	{"a guest that may be debugged", {.policy = 1 << 19}, ATTEST_DEBUG_ENABLED},
	{"another chip", {.is_another_chip = true}, ATTEST_REPORT_CHIP_MISMATCH},
	{"another Turin", {TURIN, .is_another_chip = true}, ATTEST_REPORT_CHIP_MISMATCH},
	{"older firmware than is certified", {.is_older = true}, ATTEST_REPORT_TCB_MISMATCH},
	{"older firmware of a Turin", {TURIN, .is_older = true}, ATTEST_REPORT_TCB_MISMATCH},
	{"another key", {.is_another_key = true}, ATTEST_REPORT_SIGNATURE_INVALID},
	{"a VCEK where a VLEK is named", {.is_vlek_claimed = true}, ATTEST_COLLATERAL_MISSING},
	{"no key has signed", {.is_unsigned = true}, ATTEST_EVIDENCE_UNSUPPORTED},
	{"a certificate without a product", {.is_product_missing = true},
		ATTEST_COLLATERAL_MISSING},
	{"a Genoa's key from Milan's authority", {.product = "Genoa-B1"}, ATTEST_CHAIN_INVALID},
	{"a Milan's key from Turin's authority", {.family = "Turin"}, ATTEST_CHAIN_INVALID},
	{"an expired certificate", {.is_expired = true}, ATTEST_CERTIFICATE_EXPIRED},
	{"an expired VLEK", {.is_vlek = true, .is_expired = true}, ATTEST_CERTIFICATE_EXPIRED},
	{"a certificate of the future", {.is_of_the_future = true},
		ATTEST_CERTIFICATE_NOT_YET_VALID},
	{"no list", {LIST(NONE)}, ATTEST_REVOCATION_UNKNOWN},
	{"a revoked ASK", {LIST(REVOKES)}, ATTEST_CERTIFICATE_REVOKED},
	{"a revoked ASVK", {.is_vlek = true, LIST(REVOKES)}, ATTEST_CERTIFICATE_REVOKED},
	{"an expired list", {LIST(EXPIRED)}, ATTEST_COLLATERAL_EXPIRED},
	{"a list of the future", {LIST(OF_THE_FUTURE)}, ATTEST_COLLATERAL_NOT_YET_VALID},
	{"a forged list", {LIST(FORGED)}, ATTEST_CRL_INVALID},
};

static struct attest_collateral *collateral_of(
	const struct snp_evidence *evidence, struct attest_error *error)
{
	const struct bytes *items[] = {&evidence->chip, &evidence->issuer, &evidence->list};

	return fixture_collateral_of(items, ARRAY_SIZE(items), &evidence->root, error);
}

static void check_expectation(const struct snp_fixture *fixture, const struct expectation *expected,
	struct attest_result *result)
{
	struct snp_evidence evidence = {0};
	struct attest_collateral *collateral;
	struct attest_error error = {0};

	snp_fixture_make(fixture, &expected->options, &evidence);
	collateral = collateral_of(&evidence, &error);
	if (collateral)
		error.verdict = attest_verify(
			given(&evidence.report), collateral, NULL, PKI_FIXTURE_NOW, result);
	test_report(error.verdict == expected->verdict, expected->what, __FILE__, __LINE__);
	if (error.verdict != expected->verdict)
		printf("# got %s: %s\n", attest_verdict_name(error.verdict),
			collateral ? result->reason : error.reason);
	if (error.verdict == ATTEST_NO_POLICY)
		CHECK(attest_result_binds(result, (struct attest_bytes){"nonce", 5}));
	attest_collateral_free(collateral);
	snp_evidence_done(&evidence);
}

#define AA_16 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define RULE(more)                                                                                 \
	"{\"rules\":[{\"type\":\"snp\",\"min_svn\":5,\"measurement\":\"" AA_16 AA_16 AA_16         \
	"\"" more "}]}"
#define CLAIM(more) RULE(",\"claims\":{" more "}")
#define JQ(program) RULE(",\"jq\":\"" program "\"")

static const struct {
	struct snp_fixture_options options;
	const char *policy;
	enum attest_verdict verdict;
} appraisals[] = {
	{{0}, CLAIM("\"product_name\":\"Milan\",\"signing_key\":\"vcek\""), ATTEST_ACCEPTED},
	{{TURIN}, CLAIM("\"product_name\":\"Milan\""), ATTEST_POLICY_NOT_MATCHED},
	{{0}, CLAIM("\"policy\":\"0000000000020000\""), ATTEST_ACCEPTED},
	{{.policy = 1 << 18}, CLAIM("\"policy\":\"0000000000020000\""), ATTEST_POLICY_NOT_MATCHED},
	{{.policy = 1 << 18}, CLAIM("\"policy_migrate_ma\":false"), ATTEST_POLICY_NOT_MATCHED},
	{{.policy = 1 << 16}, CLAIM("\"policy_smt_allowed\":false"), ATTEST_POLICY_NOT_MATCHED},
	{{0}, CLAIM("\"policy_smt_allowed\":false"), ATTEST_ACCEPTED},
	{{0}, CLAIM("\"policy_single_socket\":true"), ATTEST_POLICY_NOT_MATCHED},
	{{.policy = 1 << 20}, CLAIM("\"policy_single_socket\":true"), ATTEST_ACCEPTED},
	{{0}, JQ(".reported_tcb_levels.snp >= 20 and .committed_tcb_levels.microcode >= 209"),
		ATTEST_ACCEPTED},
	{{0}, JQ(".reported_tcb_levels.snp >= 21"), ATTEST_POLICY_NOT_MATCHED},
	{{TURIN}, JQ(".reported_tcb_levels.snp >= 20 and .launch_tcb_levels.fmc >= 4"),
		ATTEST_ACCEPTED},
	{{TURIN}, JQ(".current_tcb_levels.fmc >= 5"), ATTEST_POLICY_NOT_MATCHED},
	{{.policy = 1 << 19}, CLAIM("\"vmpl\":1"), ATTEST_POLICY_NOT_MATCHED},
	{{.policy = 1 << 19}, RULE(",\"debug\":true"), ATTEST_ACCEPTED},
	{{.policy = 1 << 19}, RULE(""), ATTEST_DEBUG_ENABLED},
	{{LIST(NONE)}, RULE(",\"tolerate\":\"REVOCATION_UNKNOWN\""), ATTEST_ACCEPTED},
	{{LIST(NONE)}, RULE(""), ATTEST_REVOCATION_UNKNOWN},
	{{LIST(EXPIRED)}, RULE(",\"tolerate\":\"REVOCATION_UNKNOWN\""), ATTEST_COLLATERAL_EXPIRED},
	{{LIST(EXPIRED)}, RULE(",\"collateral_grace_s\":60"), ATTEST_ACCEPTED},
	{{LIST(REVOKES)}, RULE(",\"tolerate\":[\"REVOCATION_UNKNOWN\",\"COLLATERAL_EXPIRED\"]"),
		ATTEST_CERTIFICATE_REVOKED},
	{{LIST(REVOKES)}, RULE(",\"tolerate\":\"CERTIFICATE_REVOKED\""), ATTEST_ACCEPTED},
	{{.is_another_chip = true}, RULE(",\"tolerate\":[\"CERTIFICATE_REVOKED\"]"),
		ATTEST_REPORT_CHIP_MISMATCH},
};

static void check_appraisals(const struct snp_fixture *fixture, struct attest_result *result)
{
	for (size_t i = 0; i < ARRAY_SIZE(appraisals); i++) {
		struct attest_policy *policy = fixture_policy(appraisals[i].policy);
		struct snp_evidence evidence = {0};
		struct attest_collateral *collateral;

		snp_fixture_make(fixture, &appraisals[i].options, &evidence);
		collateral = collateral_of(&evidence, NULL);
		attest_verify(given(&evidence.report), collateral, policy, PKI_FIXTURE_NOW, result);
		test_report(result->verdict == appraisals[i].verdict,
			strstr(appraisals[i].policy, AA_16) + sizeof(AA_16) + 64, __FILE__,
			__LINE__);
		if (result->verdict != appraisals[i].verdict)
			printf("# got %s: %s\n", attest_verdict_name(result->verdict),
				result->reason);
		attest_policy_free(policy);
		attest_collateral_free(collateral);
		snp_evidence_done(&evidence);
	}
}

/* With nothing but the root and its list: the host's table has the rest. */
static void check_table(const struct snp_fixture *fixture, struct attest_result *result)
{
	struct snp_evidence evidence = {0};
	struct attest_collateral *collateral;
	struct bytes table = {0}, both = {0};

	snp_fixture_make(fixture, &(struct snp_fixture_options){0}, &evidence);
	snp_fixture_put_table(&evidence, &table);
	bytes_put(&both, evidence.report.data, evidence.report.size);
	bytes_put(&both, table.data, table.size);
	collateral = fixture_collateral(&evidence.list, &evidence.root);
	CHECK_EQ(attest_verify(given(&evidence.report), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_COLLATERAL_MISSING);
	CHECK_EQ(attest_verify(given(&both), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_NO_POLICY);
	for (size_t size = evidence.report.size + 1; size < both.size; size += 7) {
		struct attest_bytes part = {malloc(size), size};

		memcpy((void *)part.data, both.data, size);
		if (attest_verify(part, collateral, NULL, PKI_FIXTURE_NOW, result) !=
			ATTEST_EVIDENCE_MALFORMED)
			CHECK_EQ(size, 0);
		free((void *)part.data);
	}
	attest_collateral_free(collateral);
	collateral = fixture_collateral(&table, &evidence.root);
	CHECK_EQ(attest_verify(given(&evidence.report), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_REVOCATION_UNKNOWN);
	attest_collateral_free(collateral);
	bytes_done(&table);
	bytes_done(&both);
	snp_evidence_done(&evidence);
}

/* In one object, as hexadecimal. */
static void check_bundle(const struct snp_fixture *fixture, struct attest_result *result)
{
	struct snp_evidence evidence = {0};
	struct attest_collateral *collateral;
	struct bytes bundle = {0};

	snp_fixture_make(fixture, &(struct snp_fixture_options){0}, &evidence);
	bytes_put(&evidence.root, evidence.issuer.data, evidence.issuer.size);
	bytes_put_text(&bundle, "{\"certificates\":\"");
	bytes_put_hex(&bundle, evidence.chip.data, evidence.chip.size);
	bytes_put_text(&bundle, "\",\"crl\":\"");
	bytes_put_hex(&bundle, evidence.list.data, evidence.list.size);
	bytes_put_text(&bundle, "\"}");
	collateral = fixture_collateral(&bundle, &evidence.root);
	CHECK_EQ(attest_verify(given(&evidence.report), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_NO_POLICY);
	attest_collateral_free(collateral);
	bytes_done(&bundle);
	snp_evidence_done(&evidence);
}

static void check_roots(const struct snp_fixture *fixture, struct attest_result *result)
{
	struct snp_evidence evidence = {0};
	const struct bytes *items[] = {&evidence.chip, &evidence.issuer};
	struct attest_collateral *collateral;

	snp_fixture_make(fixture, &(struct snp_fixture_options){0}, &evidence);
	collateral = fixture_collateral_of(items, ARRAY_SIZE(items), NULL, NULL);
	CHECK_EQ(attest_verify(given(&evidence.report), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_ROOT_NOT_TRUSTED);
	CHECK(!result->is_authentic);
	attest_collateral_free(collateral);
	collateral = fixture_collateral(&evidence.chip, &evidence.root);
	CHECK_EQ(attest_verify(given(&evidence.report), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_ROOT_NOT_TRUSTED);
	attest_collateral_free(collateral);
	snp_evidence_done(&evidence);
}

/* Every bit that is signed, and of the signature, counts; and no beginning of a report is one. */
static void check_damage(const struct snp_fixture *fixture, struct attest_result *result)
{
	struct snp_evidence evidence = {0};
	struct attest_collateral *collateral;

	snp_fixture_make(fixture, &(struct snp_fixture_options){TURIN}, &evidence);
	collateral = collateral_of(&evidence, NULL);
	CHECK_EQ(fixture_flips_that_verify(
			 &evidence.report, 0x2a0 + 2 * 72, FIXTURE_STEP_SMALL, collateral, result),
		0);
	CHECK_EQ(fixture_beginnings_that_verify(&evidence.report, collateral, result), 0);
	attest_collateral_free(collateral);
	snp_evidence_done(&evidence);
}

int main(void)
{
	struct attest_result *result = malloc(sizeof(*result));
	struct snp_fixture fixture;

	snp_fixture_init(&fixture);
	for (size_t i = 0; i < ARRAY_SIZE(expectations); i++)
		check_expectation(&fixture, &expectations[i], result);
	check_appraisals(&fixture, result);
	check_table(&fixture, result);
	check_bundle(&fixture, result);
	check_roots(&fixture, result);
	check_damage(&fixture, result);
	snp_fixture_done(&fixture);
	free(result);
	return test_done();
}
