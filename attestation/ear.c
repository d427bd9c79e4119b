/* The result as an EAR: draft-ietf-rats-ear-00, with the trust vector of draft-ietf-rats-ar4si-08.
 */
#include <stdlib.h>

#include "attestation/claims.h"
#include "attestation/text.h"
#include "attestation/verdict.h"

/* AR4SI, section 2.3: 2 to 31 affirm, 32 to 95 warn, 96 to 127 speak against it; 0 makes no claim.
 */
enum trust {
	TRUST_NONE = 0,
	TRUST_AFFIRMING = 2,
	TRUST_WARNING = 32,
	TRUST_UNRECOGNIZED_EXECUTABLES = 33,
	TRUST_CONTRAINDICATED = 96,
	TRUST_UNRECOGNIZED = 97,
	TRUST_CRYPTO_FAILED = 99,
};

struct vector {
	int instance, hardware, configuration, executables, runtime, storage, sourced, files;
};

static bool has(const struct attest_result *result, enum attest_verdict verdict)
{
	for (size_t i = 0; i < result->finding_count; i++)
		if (result->findings[i].verdict == verdict)
			return true;
	return false;
}

static int trust_of_status(enum attest_tcb_status status)
{
	switch (status) {
	case ATTEST_TCB_NONE:
	case ATTEST_TCB_STATUS_UP_TO_DATE:
		return TRUST_AFFIRMING;
	case ATTEST_TCB_STATUS_REVOKED:
		return TRUST_CONTRAINDICATED;
	default:
		return TRUST_WARNING;
	}
}

static struct vector vector_of(
	const struct attest_result *result, const struct attest_claims *claims)
{
	bool accepted = result->verdict == ATTEST_ACCEPTED;
	bool visible = claims->is_debug || claims->type == ATTEST_TYPE_SIMULATION;
	struct vector vector = {0};

	if (!result->is_authentic) {
		vector.instance = vector.hardware = vector.executables = TRUST_CRYPTO_FAILED;
		return vector;
	}
	vector.instance = has(result, ATTEST_KEY_NOT_CERTIFIED)     ? TRUST_UNRECOGNIZED
			  : has(result, ATTEST_CERTIFICATE_REVOKED) ? TRUST_CONTRAINDICATED
								    : TRUST_AFFIRMING;
	vector.hardware = claims->type == ATTEST_TYPE_SIMULATION
				  ? TRUST_UNRECOGNIZED
				  : trust_of_status(claims->tcb_status);
	vector.configuration = visible    ? TRUST_CONTRAINDICATED
			       : accepted ? TRUST_AFFIRMING
					  : TRUST_NONE;
	vector.executables = accepted ? TRUST_AFFIRMING : TRUST_UNRECOGNIZED_EXECUTABLES;
	vector.runtime = visible                           ? TRUST_CONTRAINDICATED
			 : claims->type == ATTEST_TYPE_TPM ? TRUST_NONE
							   : TRUST_AFFIRMING;
	return vector;
}

static json_t *vector_json(const struct vector *vector)
{
	return json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "instance-identity",
		vector->instance, "configuration", vector->configuration, "executables",
		vector->executables, "file-system", vector->files, "hardware", vector->hardware,
		"runtime-opaque", vector->runtime, "storage-opaque", vector->storage,
		"sourced-data", vector->sourced);
}

/* The worst of the vector speaks for the whole, unless the policy has refused. */
static const char *status_of(const struct attest_result *result, const struct vector *vector)
{
	int all[] = {vector->instance, vector->configuration, vector->executables, vector->hardware,
		vector->runtime};
	int worst = result->verdict == ATTEST_ACCEPTED ? TRUST_AFFIRMING : TRUST_CONTRAINDICATED;

	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		worst = MAX(worst, all[i]);
	return worst >= TRUST_CONTRAINDICATED ? "contraindicated"
	       : worst >= TRUST_WARNING       ? "warning"
					      : "affirming";
}

static json_t *submodule_json(
	const struct attest_result *result, const struct attest_claims *claims)
{
	struct vector vector = vector_of(result, claims);

	return json_pack("{s:s, s:o, s:o}", "ear.status", status_of(result, &vector),
		"ear.trustworthiness-vector", vector_json(&vector),
		"ear.veraison.annotated-evidence", claims_to_json(claims));
}

static json_t *ear_json(const struct attest_result *result)
{
	json_t *submodules = json_object();

	for (size_t i = 0; i < result->claims_count; i++)
		json_object_set_new(submodules, attest_type_name(result->claims[i].type),
			submodule_json(result, &result->claims[i]));
	return json_pack("{s:s, s:I, s:{s:s, s:s}, s:o}", "eat_profile",
		"tag:github.com,2023:veraison/ear", "iat", (json_int_t)result->now,
		"ear.verifier-id", "developer", "Casemate", "build", "casemate-attestation",
		"submods", submodules);
}

static json_t *findings_json(const struct attest_result *result)
{
	json_t *array = json_array();

	for (size_t i = 0; i < result->finding_count; i++)
		json_array_append_new(
			array, json_pack("{s:s, s:s}", "verdict",
				       attest_verdict_name(result->findings[i].verdict), "reason",
				       result->findings[i].reason));
	return array;
}

char *attest_result_to_json(const struct attest_result *result)
{
	json_t *json = json_pack("{s:s, s:s, s:b, s:o, s:o}", "verdict",
		attest_verdict_name(result->verdict), "reason", result->reason, "authentic",
		result->is_authentic, "findings", findings_json(result), "ear", ear_json(result));
	char expires[TEXT_TIME_SIZE], *text;

	if (!json)
		return NULL;
	if (result->expires) {
		text_time(result->expires, expires);
		json_object_set_new(json, "expires", json_string(expires));
	}
	if (result->claims_count && result->claims[0].tcb_status)
		json_object_set_new(json, "tcb_status",
			json_string(attest_tcb_status_name(result->claims[0].tcb_status)));
	text = json_dumps(json, JSON_INDENT(2));
	json_decref(json);
	return text;
}
