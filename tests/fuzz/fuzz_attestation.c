/* Any bytes as evidence, as collateral and as a policy: each is judged, with a reason, and nothing
 * that nobody vouches for is accepted. The first byte chooses. */
#include "attestation/attestation.h"

#include "tests/fuzz/fuzz.h"

#define NOW 1750000000

static void fuzz_evidence(struct attest_bytes input)
{
	struct attest_result *result = malloc(sizeof(*result));
	enum attest_verdict verdict = attest_verify(input, NULL, NULL, NOW, result);
	char *json = attest_result_to_json(result);

	FUZZ_ASSERT(verdict == result->verdict && verdict != ATTEST_ACCEPTED && *result->reason &&
		    json);
	FUZZ_ASSERT(result->claims_count <= ATTEST_CLAIMS_MAX &&
		    result->finding_count <= ATTEST_FINDINGS_MAX);
	free(json);
	free(result);
}

static void fuzz_collateral(struct attest_bytes input)
{
	struct attest_collateral *collateral = NULL;
	struct attest_error error = {0};

	if (attest_collateral_new(&input, 1, NULL, 0, &collateral, &error) < 0)
		FUZZ_ASSERT(*error.reason && error.verdict != ATTEST_ACCEPTED && !collateral);
	attest_collateral_free(collateral);
}

static void fuzz_policy(struct attest_bytes input)
{
	struct attest_policy *policy = NULL;
	struct attest_error error = {0};

	if (attest_policy_new(input, &policy, &error) < 0)
		FUZZ_ASSERT(error.verdict == ATTEST_POLICY_MALFORMED && *error.reason && !policy);
	attest_policy_free(policy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct attest_bytes input = {data + 1, size - 1};

	if (size < 1)
		return 0;
	if (data[0] % 3 == 0)
		fuzz_evidence(input);
	else if (data[0] % 3 == 1)
		fuzz_collateral(input);
	else
		fuzz_policy(input);
	return 0;
}
