#include "attestation/policy_match.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attestation/claims.h"
#include "attestation/json_fields.h"
#include "attestation/reader.h"

/* What a rule and those nested in it that match let pass. */
struct allowance {
	uint64_t tolerated;
	uint32_t statuses;
	int64_t collateral_grace_s, tcb_grace_s;
	bool debug;
};

static bool PRINTF_LIKE(4, 5) refuse(struct policy_outcome *outcome, enum policy_stage stage,
	enum attest_verdict verdict, const char *format, ...)
{
	va_list args;

	outcome->stage = stage;
	outcome->verdict = verdict;
	va_start(args, format);
	vsnprintf(outcome->reason, sizeof(outcome->reason), format, args);
	va_end(args);
	return false;
}

static bool differs(struct policy_outcome *outcome, const char *what)
{
	return refuse(outcome, POLICY_STAGE_IDENTITY, ATTEST_POLICY_NOT_MATCHED,
		"%s is not one that the policy accepts", what);
}

/* @is_padded: what follows in @value must be 0. */
static bool is_hex_of(const char *text, const struct attest_value *value, bool is_padded)
{
	uint8_t bytes[64];
	size_t size = strlen(text) / 2;
	struct span rest;

	if (size > value->size || (!is_padded && size != value->size) ||
		!text_from_hex(text, strlen(text), bytes, size))
		return false;
	rest = (struct span){value->bytes + size, value->size - size};
	return !memcmp(bytes, value->bytes, size) && span_is_zero(rest);
}

/* One string, or one of an array of them, is @value; so is a member that is not there. */
static bool accepts(const json_t *wanted, const struct attest_value *value, bool is_padded)
{
	const json_t *item;
	size_t i;

	if (!wanted)
		return true;
	if (json_is_string(wanted))
		return is_hex_of(json_string_value(wanted), value, is_padded);
	json_array_foreach(wanted, i,
		item) if (is_hex_of(json_string_value(item), value, is_padded)) return true;
	return false;
}

static bool match_pcrs(const struct policy_rule *rule, const struct attest_claims *claims,
	struct policy_outcome *outcome)
{
	json_t *pcrs = json_object_get(rule->object, "pcrs"), *wanted;
	const char *name;

	json_object_foreach(pcrs, name, wanted)
	{
		unsigned long number = strtoul(name, NULL, 10);

		if (claims->type != ATTEST_TYPE_TPM || !(claims->tpm.valued & 1u << number))
			return refuse(outcome, POLICY_STAGE_IDENTITY, ATTEST_POLICY_NOT_MATCHED,
				"the value of PCR %lu is not known", number);
		if (!accepts(wanted, &claims->tpm.pcrs[number], false))
			return refuse(outcome, POLICY_STAGE_IDENTITY, ATTEST_POLICY_NOT_MATCHED,
				"PCR %lu has a value that the policy does not accept", number);
	}
	return true;
}

static bool equals_json(const json_t *wanted, const json_t *is)
{
	const json_t *item;
	size_t i;

	if (json_is_string(wanted) && json_is_string(is))
		return !strcasecmp(json_string_value(wanted), json_string_value(is));
	if (!json_is_array(wanted) || json_is_array(is))
		return json_equal(wanted, is);
	json_array_foreach(wanted, i, item) if (equals_json(item, is)) return true;
	return false;
}

static bool match_claims(
	const struct policy_rule *rule, const json_t *claims, struct policy_outcome *outcome)
{
	json_t *wanted = json_object_get(rule->object, "claims"), *value;
	const char *name;

	json_object_foreach(wanted, name, value)
	{
		const json_t *is = json_object_get(claims, name);

		if (!is || !equals_json(value, is))
			return refuse(outcome, POLICY_STAGE_IDENTITY, ATTEST_POLICY_NOT_MATCHED,
				"claim \"%s\" is not what the policy accepts", name);
	}
	return true;
}

static bool match_expressions(const struct policy_rule *rule, const struct attest_claims *claims,
	struct policy_outcome *outcome)
{
	json_t *json;
	char *text = NULL;
	bool good;

	if (!rule->jq && !json_object_get(rule->object, "claims"))
		return true;
	json = claims_to_json(claims);
	good = json && match_claims(rule, json, outcome);
	if (good && rule->jq) {
		text = json_dumps(json, JSON_COMPACT);
		good = text && policy_jq_holds(rule->jq, text);
		if (!good)
			refuse(outcome, POLICY_STAGE_IDENTITY, ATTEST_POLICY_NOT_MATCHED,
				"the policy's expression does not hold");
	}
	free(text);
	json_decref(json);
	return good;
}

static bool match_advisories(const struct policy_rule *rule, const struct attest_claims *claims,
	struct policy_outcome *outcome)
{
	json_t *accepted = json_object_get(rule->object, "advisories"), *item;

	if (!accepted)
		return true;
	for (size_t i = 0; i < claims->advisory_count; i++) {
		bool found = json_is_string(accepted) &&
			     !strcmp(json_string_value(accepted), claims->advisories[i]);
		size_t j;

		json_array_foreach(accepted, j, item) found |=
			!strcmp(json_string_value(item), claims->advisories[i]);
		if (!found)
			return refuse(outcome, POLICY_STAGE_IDENTITY, ATTEST_POLICY_NOT_MATCHED,
				"advisory %s is not accepted", claims->advisories[i]);
	}
	return true;
}

static bool match_values(const struct policy_rule *rule, const struct attest_claims *claims,
	struct policy_outcome *outcome)
{
	if (!accepts(json_object_get(rule->object, "measurement"), &claims->measurement, false))
		return differs(outcome, "the measurement");
	if (!accepts(json_object_get(rule->object, "signer"), &claims->signer, false))
		return differs(outcome, "the signer");
	if (rule->has_product && claims->product != rule->product)
		return differs(outcome, "the product");
	if (rule->has_min_svn && claims->svn < rule->min_svn)
		return differs(outcome, "the security version");
	if (!accepts(json_object_get(rule->object, "report_data"), &claims->report_data, true))
		return differs(outcome, "the report data");
	if (!accepts(json_object_get(rule->object, "nonce"), &claims->report_data, true))
		return differs(outcome, "the nonce");
	if (!accepts(json_object_get(rule->object, "host_data"), &claims->host_data, true))
		return differs(outcome, "the host data");
	return match_pcrs(rule, claims, outcome) && match_advisories(rule, claims, outcome);
}

static void allow(struct allowance *allowance, const struct policy_rule *rule)
{
	allowance->tolerated |= rule->tolerated;
	allowance->statuses |= rule->statuses;
	allowance->debug |= rule->allows_debug;
	allowance->collateral_grace_s =
		MAX(allowance->collateral_grace_s, rule->collateral_grace_s);
	allowance->tcb_grace_s = MAX(allowance->tcb_grace_s, rule->tcb_grace_s);
}

static bool match_at(const struct policy_rule *rule, const struct attest_result *result,
	size_t index, struct allowance *allowance, struct policy_outcome *outcome);

/* What the evidence carries inside must be meant, too; whoever did not think of it must not accept
 * it. */
static bool match_nested(const struct policy_rule *rule, const struct attest_result *result,
	size_t index, struct allowance *allowance, struct policy_outcome *outcome)
{
	bool has_inner = index + 1 < result->claims_count;

	/* It was not come to: what was missing is told, and nothing is accepted. */
	if (!has_inner && (!rule->nested_count || !result->is_authentic))
		return true;
	if (has_inner != (rule->nested_count > 0))
		return refuse(outcome, POLICY_STAGE_IDENTITY, ATTEST_POLICY_NOT_MATCHED,
			has_inner ? "the evidence has other evidence inside that the rule does not "
				    "name"
				  : "the evidence has none inside that the rule names");
	for (size_t i = 0; i < rule->nested_count; i++)
		if (match_at(&rule->nested[i], result, index + 1, allowance, outcome))
			return true;
	return false;
}

static bool match_at(const struct policy_rule *rule, const struct attest_result *result,
	size_t index, struct allowance *allowance, struct policy_outcome *outcome)
{
	const struct attest_claims *claims = &result->claims[index];

	if (claims->type != rule->type)
		return refuse(outcome, index ? POLICY_STAGE_IDENTITY : POLICY_STAGE_TYPE,
			ATTEST_POLICY_NOT_MATCHED, "no rule is about evidence of type %s",
			attest_type_name(claims->type));
	if (!match_values(rule, claims, outcome) || !match_expressions(rule, claims, outcome) ||
		!match_nested(rule, result, index, allowance, outcome))
		return false;
	allow(allowance, rule);
	return true;
}

static bool is_allowed(const struct allowance *allowance, const struct attest_finding *finding,
	const struct attest_result *result)
{
	const struct attest_claims *claims = &result->claims[0];

	if (finding->verdict == ATTEST_DEBUG_ENABLED)
		return allowance->debug;
	if (verdict_kind(finding->verdict) == VERDICT_TCB)
		return (allowance->statuses & 1u << claims->tcb_status) ||
		       (finding->verdict == ATTEST_TCB_OUT_OF_DATE && claims->tcb_date &&
			       result->now - claims->tcb_date <= allowance->tcb_grace_s);
	if (finding->verdict == ATTEST_COLLATERAL_EXPIRED && allowance->collateral_grace_s &&
		result->now - result->expires <= allowance->collateral_grace_s)
		return true;
	return verdict_kind(finding->verdict) == VERDICT_OPEN &&
	       (allowance->tolerated >> finding->verdict & 1);
}

/* A rule can also demand more than is the default: a status UpToDate that it does not list. */
static bool is_status_wanted(const struct allowance *allowance, const struct attest_claims *claims)
{
	return claims->tcb_status != ATTEST_TCB_STATUS_UP_TO_DATE ||
	       (allowance->statuses & 1u << ATTEST_TCB_STATUS_UP_TO_DATE);
}

void policy_match(const struct policy_rule *rule, const struct attest_result *result,
	struct policy_outcome *ret_outcome)
{
	struct allowance allowance = {0};

	refuse(ret_outcome, POLICY_STAGE_TYPE, ATTEST_POLICY_NOT_MATCHED, "there are no claims");
	if (!result->claims_count || !match_at(rule, result, 0, &allowance, ret_outcome))
		return;
	/* What was not verified to its end, for something that is missing, can't be tolerated. The
	 * last finding is what ended it. */
	if (!result->is_authentic) {
		struct attest_finding last = {
			ATTEST_INTERNAL_ERROR, "the evidence was not verified to its end"};

		if (result->finding_count)
			last = result->findings[result->finding_count - 1];
		refuse(ret_outcome, POLICY_STAGE_FINDINGS, last.verdict, "%s", last.reason);
		return;
	}
	for (size_t i = 0; i < result->finding_count; i++) {
		const struct attest_finding *finding = &result->findings[i];

		if (!is_allowed(&allowance, finding, result)) {
			refuse(ret_outcome, POLICY_STAGE_FINDINGS, finding->verdict, "%s",
				finding->reason);
			return;
		}
	}
	if (!is_status_wanted(&allowance, &result->claims[0])) {
		refuse(ret_outcome, POLICY_STAGE_FINDINGS, ATTEST_POLICY_NOT_MATCHED,
			"TCB status UpToDate is not among those that the rule accepts");
		return;
	}
	refuse(ret_outcome, POLICY_STAGE_ACCEPTED, ATTEST_ACCEPTED, "the policy is satisfied");
}
