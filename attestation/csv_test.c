#include "attestation/csv_fixture.h"

#include "attestation/evidence_fixture.h"
#include "base/compiler.h"
#include "base/test.h"

static const struct {
	const char *what;
	struct csv_fixture_options options;
	enum attest_verdict verdict;
} expectations[] = {
	{"a report", {0}, ATTEST_NO_POLICY},
	{"certificates with the signature in second place", {.is_countersigned = true},
		ATTEST_NO_POLICY},
	{"a guest that may be debugged", {.is_debug = true}, ATTEST_DEBUG_ENABLED},
	{"no certificates of the chip", {.is_chain_missing = true}, ATTEST_KEY_NOT_CERTIFIED},
	{"a report of another key", {.is_report_forged = true}, ATTEST_REPORT_SIGNATURE_INVALID},
	{"a PEK of another CEK", {.is_pek_forged = true}, ATTEST_CHAIN_INVALID},
	{"a CEK of another HSK", {.is_cek_forged = true}, ATTEST_CHAIN_INVALID},
	{"an HSK of another root", {.is_hsk_forged = true}, ATTEST_ROOT_NOT_TRUSTED},
	{"a PEK that is something else", {.is_pek_of_another_usage = true},
		ATTEST_CERTIFICATE_MALFORMED},
	{"a CEK on another curve", {.is_cek_of_another_curve = true}, ATTEST_CERTIFICATE_MALFORMED},
	{"a serial number that is no text", {.is_serial_binary = true}, ATTEST_EVIDENCE_MALFORMED},
};

static void check_expectations(const struct csv_fixture *fixture, struct attest_result *result)
{
	for (size_t i = 0; i < ARRAY_SIZE(expectations); i++) {
		struct csv_evidence evidence = {0};
		struct attest_collateral *collateral;

		csv_fixture_make(fixture, &expectations[i].options, &evidence);
		collateral = fixture_collateral(&evidence.chain, &evidence.root);
		attest_verify(given(&evidence.evidence), collateral, NULL, PKI_FIXTURE_NOW, result);
		test_report(result->verdict == expectations[i].verdict, expectations[i].what,
			__FILE__, __LINE__);
		if (result->verdict != expectations[i].verdict)
			printf("# got %s: %s\n", attest_verdict_name(result->verdict),
				result->reason);
		attest_collateral_free(collateral);
		csv_evidence_done(&evidence);
	}
}

static void check_roots(const struct csv_fixture *fixture, struct attest_result *result)
{
	struct csv_evidence evidence = {0};
	struct attest_collateral *collateral;

	csv_fixture_make(fixture, &(struct csv_fixture_options){0}, &evidence);
	collateral = fixture_collateral(&evidence.chain, NULL);
	CHECK_EQ(
		attest_verify(given(&evidence.evidence), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_ROOT_NOT_TRUSTED);
	attest_collateral_free(collateral);
	collateral = fixture_collateral(&evidence.chain, &evidence.root_certificate);
	CHECK_EQ(
		attest_verify(given(&evidence.evidence), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_NO_POLICY);
	attest_collateral_free(collateral);
	evidence.root_certificate.data[0x50] ^= 1; /* of its key */
	collateral = fixture_collateral(&evidence.chain, &evidence.root_certificate);
	CHECK(!collateral);
	csv_evidence_done(&evidence);
}

static void check_policy(const struct csv_fixture *fixture, struct attest_result *result)
{
	static const char accepts[] =
		"{\"rules\":[{\"type\":\"csv\",\"report_data\":\"6e6f6e6365\",\"claims\":"
		"{\"serial_number\":\"A0123\",\"policy\":\"0000000000000001\"}}]}";
	static const char refuses[] =
		"{\"rules\":[{\"type\":\"csv\",\"claims\":{\"serial_number\":\"A0124\"}}]}";
	struct csv_evidence evidence = {0};
	struct attest_collateral *collateral;
	struct attest_policy *policies[] = {fixture_policy(accepts), fixture_policy(refuses)};

	csv_fixture_make(fixture, &(struct csv_fixture_options){0}, &evidence);
	collateral = fixture_collateral(&evidence.chain, &evidence.root);
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		CHECK_EQ(attest_verify(given(&evidence.evidence), collateral, policies[i],
				 PKI_FIXTURE_NOW, result),
			i ? ATTEST_POLICY_NOT_MATCHED : ATTEST_ACCEPTED);
		attest_policy_free(policies[i]);
	}
	attest_collateral_free(collateral);
	csv_evidence_done(&evidence);
}

/* Bit @bit of the report, or of the certificates above it, changed. */
static bool is_authentic_with_flip(struct csv_evidence *evidence, struct bytes *where, size_t bit,
	struct attest_result *result)
{
	struct bytes json = {0};
	struct attest_collateral *collateral;

	where->data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	csv_fixture_put_json(&evidence->report, &json);
	collateral = fixture_collateral(&evidence->chain, &evidence->root);
	attest_verify(given(&json), collateral, NULL, PKI_FIXTURE_NOW, result);
	attest_collateral_free(collateral);
	bytes_done(&json);
	where->data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	return result->is_authentic && result->verdict == ATTEST_NO_POLICY;
}

#define FLIPPED_STEP 37

static void check_damage(const struct csv_fixture *fixture, struct attest_result *result)
{
	/* What is signed, and the signatures; all else of the files is filling. */
	static const struct {
		bool is_report;
		size_t from, to;
	} regions[] = {{true, 0, 180}, {true, 188, 192 + 144}, {true, 0x150, 0x150 + 0x414 + 152},
		{false, 0, 0x240 + 144}, {false, 832, 832 + 0x414 + 152}};
	struct csv_evidence evidence = {0};
	size_t verified = 0;

	csv_fixture_make(fixture, &(struct csv_fixture_options){0}, &evidence);
	for (size_t i = 0; i < ARRAY_SIZE(regions); i++)
		for (size_t bit = 8 * regions[i].from; bit < 8 * regions[i].to; bit += FLIPPED_STEP)
			verified += is_authentic_with_flip(&evidence,
				regions[i].is_report ? &evidence.report : &evidence.chain, bit,
				result);
	CHECK_EQ(verified, 0);
	verified = 0;
	for (size_t size = 0; size < evidence.evidence.size; size += FLIPPED_STEP) {
		struct attest_bytes part = {malloc(size + !size), size};

		memcpy((void *)part.data, evidence.evidence.data, size);
		attest_verify(part, NULL, NULL, PKI_FIXTURE_NOW, result);
		verified += result->verdict != ATTEST_EVIDENCE_MALFORMED &&
			    result->verdict != ATTEST_EVIDENCE_UNSUPPORTED;
		free((void *)part.data);
	}
	CHECK_EQ(verified, 0);
	csv_evidence_done(&evidence);
}

int main(void)
{
	struct attest_result *result = malloc(sizeof(*result));
	struct csv_fixture fixture;

	csv_fixture_init(&fixture);
	check_expectations(&fixture, result);
	check_roots(&fixture, result);
	check_policy(&fixture, result);
	check_damage(&fixture, result);
	csv_fixture_done(&fixture);
	free(result);
	return test_done();
}
