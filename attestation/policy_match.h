/* Does evidence match a rule? */
#ifndef ATTESTATION_POLICY_MATCH_H
#define ATTESTATION_POLICY_MATCH_H

#include "attestation/policy.h"

/* How far a rule went; the verdict of the one that went furthest is the policy's. */
enum policy_stage {
	POLICY_STAGE_TYPE,     /* it is about another kind of evidence */
	POLICY_STAGE_IDENTITY, /* it means somebody else */
	POLICY_STAGE_FINDINGS, /* it means this one, but does not tolerate what was found */
	POLICY_STAGE_ACCEPTED,
};

struct policy_outcome {
	enum policy_stage stage;
	enum attest_verdict verdict;
	char reason[ATTEST_REASON_SIZE];
};

void policy_match(const struct policy_rule *rule, const struct attest_result *result,
	struct policy_outcome *ret_outcome);

#endif
