/* Policies: whom to accept. casemate-policy(5) describes the JSON. */
#ifndef ATTESTATION_POLICY_H
#define ATTESTATION_POLICY_H

#include <jansson.h>

#include "attestation/policy_jq.h"
#include "attestation/verdict.h"

#define POLICY_RULES_MAX 64
#define POLICY_VALUES_MAX 64 /* of one member that is an array */
#define POLICY_DEPTH_MAX ATTEST_CLAIMS_MAX

struct policy_rule {
	enum attest_type type;
	json_t *object; /* the rule as written, for what is compared as JSON */
	bool allows_debug;
	bool has_min_svn, has_product;
	uint32_t min_svn, product;
	uint32_t statuses;  /* a bit for each enum attest_tcb_status accepted */
	uint64_t tolerated; /* a bit for each enum attest_verdict */
	int64_t collateral_grace_s, tcb_grace_s;
	struct policy_jq *jq; /* NULL: none */
	struct policy_rule *nested;
	size_t nested_count;
};

struct attest_policy {
	json_t *json;
	struct policy_rule *rules;
	size_t count;
};

/* Set result->verdict and ->reason from its findings and @policy (NULL: accepts nothing). */
void policy_appraise(const struct attest_policy *policy, struct attest_result *result);

#endif
