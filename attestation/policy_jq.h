/* An expression of a policy: a jq program over the claims (as JSON) that must say true, once.
 *
 * It sees nothing but its input, and ends: what could run or grow without bound (definitions,
 * recursion, ranges, the environment, other inputs, regular expressions) is refused when the policy
 * is read, and what is left is held to a number of steps by counting how often each part can
 * multiply the work. */
#ifndef ATTESTATION_POLICY_JQ_H
#define ATTESTATION_POLICY_JQ_H

#include "attestation/verdict.h"

#define POLICY_JQ_SIZE_MAX 2048

struct policy_jq;

/* -EINVAL with @error: not jq, or not of the part that is allowed. */
int policy_jq_new(
	const char *program, struct policy_jq **ret_jq, struct attest_error *error) MUST_CHECK;
void policy_jq_free(struct policy_jq *jq);

/* Does it say true, and nothing else, of this JSON text? Can be called by several threads. */
bool policy_jq_holds(struct policy_jq *jq, const char *claims) MUST_CHECK;

#endif
