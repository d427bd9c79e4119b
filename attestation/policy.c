#include "attestation/policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attestation/json_fields.h"
#include "attestation/policy_match.h"

_Static_assert(ATTEST_VERDICT_COUNT <= 64, "a bit for each in policy_rule");

enum key_kind {
	KEY_TYPE,
	KEY_IDENTITY_BYTES, /* says who it is */
	KEY_BYTES,          /* says what it carries */
	KEY_PCRS,
	KEY_CLAIMS,
	KEY_JQ,
	KEY_NESTED,
	KEY_DEBUG,
	KEY_PRODUCT,
	KEY_MIN_SVN,
	KEY_STATUS,
	KEY_ADVISORIES,
	KEY_TOLERATE,
	KEY_COLLATERAL_GRACE,
	KEY_TCB_GRACE,
	KEY_NAME,
};

static const struct {
	const char *name;
	enum key_kind kind;
} keys[] = {
	{"name", KEY_NAME},
	{"type", KEY_TYPE},
	{"measurement", KEY_IDENTITY_BYTES},
	{"signer", KEY_IDENTITY_BYTES},
	{"product", KEY_PRODUCT},
	{"min_svn", KEY_MIN_SVN},
	{"debug", KEY_DEBUG},
	{"tcb_status", KEY_STATUS},
	{"advisories", KEY_ADVISORIES},
	{"tolerate", KEY_TOLERATE},
	{"collateral_grace_s", KEY_COLLATERAL_GRACE},
	{"tcb_grace_s", KEY_TCB_GRACE},
	{"report_data", KEY_BYTES},
	{"host_data", KEY_BYTES},
	{"nonce", KEY_BYTES},
	{"pcrs", KEY_PCRS},
	{"claims", KEY_CLAIMS},
	{"jq", KEY_JQ},
	{"nested", KEY_NESTED},
};

struct rule_reader {
	struct policy_rule *rule;
	struct json_fields fields;
	unsigned int depth;
};

static int read_rule(const json_t *object, unsigned int depth, struct policy_rule *to,
	struct attest_error *error);

static void rule_done(struct policy_rule *rule)
{
	for (size_t i = 0; i < rule->nested_count; i++)
		rule_done(&rule->nested[i]);
	free(rule->nested);
	policy_jq_free(rule->jq);
}

/* Call @check on the member's string, or on each of its array. */
static void for_each_string(struct json_fields *fields, const char *name,
	bool (*check)(struct rule_reader *, const char *), struct rule_reader *reader,
	const char *what)
{
	const json_t *value = json_object_get(fields->object, name), *item;
	size_t i;

	if (json_is_string(value)) {
		if (!check(reader, json_string_value(value)))
			json_fields_fail(fields, name, what);
		return;
	}
	if (!json_is_array(value) || !json_array_size(value) ||
		json_array_size(value) > POLICY_VALUES_MAX) {
		json_fields_fail(fields, name, "must be a string, or an array of 1 to 64");
		return;
	}
	json_array_foreach(value, i,
		item) if (!json_is_string(item) || !check(reader, json_string_value(item)))
		json_fields_fail(fields, name, what);
}

static bool is_hex_value(struct rule_reader *reader, const char *text)
{
	uint8_t bytes[64];
	size_t size = strlen(text) / 2;

	(void)reader;
	return size >= 1 && size <= sizeof(bytes) && text_from_hex(text, strlen(text), bytes, size);
}

static bool take_status(struct rule_reader *reader, const char *text)
{
	enum attest_tcb_status status = tcb_status_from_name(text);

	reader->rule->statuses |= 1u << status;
	return status != ATTEST_TCB_NONE;
}

static bool take_tolerated(struct rule_reader *reader, const char *text)
{
	enum attest_verdict verdict = verdict_from_name(text);

	if (verdict == ATTEST_VERDICT_COUNT || verdict_kind(verdict) != VERDICT_OPEN)
		return false;
	reader->rule->tolerated |= 1ULL << verdict;
	return true;
}

static bool is_any(struct rule_reader *reader, const char *text)
{
	(void)reader;
	return *text != '\0';
}

static void read_type(struct rule_reader *reader)
{
	const char *name = json_fields_string(&reader->fields, "type");

	for (size_t i = ATTEST_TYPE_NONE + 1; i < ATTEST_TYPE_COUNT; i++)
		if (!strcmp(name, attest_type_name((enum attest_type)i)))
			reader->rule->type = (enum attest_type)i;
	if (!reader->rule->type)
		json_fields_fail(&reader->fields, "type",
			"must be sgx, tdx, snp, tpm, csv, simulation or hypervisor");
}

static void read_pcrs(struct rule_reader *reader)
{
	const json_t *pcrs = json_fields_object(&reader->fields, "pcrs"), *value;
	const char *name;

	if (!pcrs)
		return;
	if (!json_object_size(pcrs))
		json_fields_fail(&reader->fields, "pcrs", "names none");
	json_object_foreach((json_t *)pcrs, name, value)
	{
		struct json_fields inner = reader->fields;
		char *end;
		unsigned long number = strtoul(name, &end, 10);

		if (!*name || *end || number >= ATTEST_PCR_COUNT || strlen(name) > 2)
			json_fields_fail(&reader->fields, "pcrs", "names one that is not 0 to 23");
		inner.object = pcrs;
		for_each_string(&inner, name, is_hex_value, reader, "must be hexadecimal");
		reader->fields.failed |= inner.failed;
	}
}

static void read_claims(struct rule_reader *reader)
{
	const json_t *claims = json_fields_object(&reader->fields, "claims"), *value;
	const char *name;

	if (!claims)
		return;
	if (!json_object_size(claims))
		json_fields_fail(&reader->fields, "claims", "names none");
	json_object_foreach((json_t *)claims, name,
		value) if (json_is_null(value) || json_is_real(value) || json_is_object(value))
		json_fields_fail(&reader->fields, name,
			"must be a string, a whole number, true or false, or an array of such");
}

static void read_jq(struct rule_reader *reader)
{
	const char *program = json_fields_string(&reader->fields, "jq");

	if (!reader->fields.failed &&
		policy_jq_new(program, &reader->rule->jq, reader->fields.error) < 0)
		reader->fields.failed = true;
}

static void read_nested(struct rule_reader *reader)
{
	const json_t *array = json_fields_array(&reader->fields, "nested"), *item;
	size_t i;

	if (!array)
		return;
	if (reader->depth + 1 >= POLICY_DEPTH_MAX || !json_array_size(array) ||
		json_array_size(array) > POLICY_RULES_MAX) {
		json_fields_fail(
			&reader->fields, "nested", "has no rules, too many, or is too deep");
		return;
	}
	reader->rule->nested = calloc(json_array_size(array), sizeof(struct policy_rule));
	if (!reader->rule->nested) {
		json_fields_fail(&reader->fields, "nested", "does not fit into memory");
		return;
	}
	json_array_foreach(array, i, item)
	{
		reader->rule->nested_count++;
		if (read_rule(item, reader->depth + 1, &reader->rule->nested[i],
			    reader->fields.error) < 0) {
			reader->fields.failed = true;
			return;
		}
	}
}

static void read_debug(struct rule_reader *reader)
{
	const json_t *value = json_object_get(reader->fields.object, "debug");

	if (!json_is_boolean(value))
		json_fields_fail(&reader->fields, "debug", "must be true or false");
	reader->rule->allows_debug = json_is_true(value);
}

static void read_key(struct rule_reader *reader, const char *name, enum key_kind kind)
{
	struct json_fields *fields = &reader->fields;
	struct policy_rule *rule = reader->rule;

	switch (kind) {
	case KEY_NAME:
		json_fields_string(fields, name);
		return;
	case KEY_TYPE:
		read_type(reader);
		return;
	case KEY_IDENTITY_BYTES:
	case KEY_BYTES:
		for_each_string(
			fields, name, is_hex_value, reader, "must be 1 to 64 bytes in hexadecimal");
		return;
	case KEY_PCRS:
		read_pcrs(reader);
		return;
	case KEY_CLAIMS:
		read_claims(reader);
		return;
	case KEY_JQ:
		read_jq(reader);
		return;
	case KEY_NESTED:
		read_nested(reader);
		return;
	case KEY_DEBUG:
		read_debug(reader);
		return;
	case KEY_PRODUCT:
		rule->has_product = true;
		rule->product = json_fields_unsigned(fields, name, UINT16_MAX);
		return;
	case KEY_MIN_SVN:
		rule->has_min_svn = true;
		rule->min_svn = json_fields_unsigned(fields, name, UINT32_MAX);
		return;
	case KEY_STATUS:
		rule->statuses = 0;
		for_each_string(fields, name, take_status, reader,
			"must be a TCB status as Intel names it");
		return;
	case KEY_ADVISORIES:
		if (!json_is_array(json_object_get(fields->object, name)) ||
			json_array_size(json_object_get(fields->object, name)))
			for_each_string(fields, name, is_any, reader, "must be strings");
		return;
	case KEY_TOLERATE:
		for_each_string(fields, name, take_tolerated, reader,
			"must be a verdict that can be tolerated, such as COLLATERAL_EXPIRED");
		return;
	case KEY_COLLATERAL_GRACE:
		rule->collateral_grace_s = json_fields_unsigned(fields, name, INT32_MAX);
		return;
	case KEY_TCB_GRACE:
		rule->tcb_grace_s = json_fields_unsigned(fields, name, INT32_MAX);
		return;
	}
}

static bool is_identity(enum key_kind kind)
{
	return kind == KEY_IDENTITY_BYTES || kind == KEY_PCRS || kind == KEY_CLAIMS ||
	       kind == KEY_JQ;
}

/* A rule that says of nobody who it is would accept anybody. */
static bool names_somebody(const json_t *object)
{
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (is_identity(keys[i].kind) && json_object_get(object, keys[i].name))
			return true;
	return false;
}

static int check_keys(const json_t *object, struct attest_error *error)
{
	const json_t *value;
	const char *name;

	json_object_foreach((json_t *)object, name, value)
	{
		size_t i = 0;

		while (i < ARRAY_SIZE(keys) && strcmp(keys[i].name, name))
			i++;
		if (i == ARRAY_SIZE(keys))
			return verdict_fail(error, ATTEST_POLICY_MALFORMED,
				"rule: \"%s\" is not known; casemate-policy(5) lists what is",
				name);
	}
	return 0;
}

static int read_rule(const json_t *object, unsigned int depth, struct policy_rule *to,
	struct attest_error *error)
{
	struct rule_reader reader = {.rule = to,
		.fields = {.object = object,
			.where = "rule",
			.verdict = ATTEST_POLICY_MALFORMED,
			.error = error},
		.depth = depth};
	int r;

	if (!json_is_object(object))
		return verdict_fail(error, ATTEST_POLICY_MALFORMED, "a rule must be an object");
	r = check_keys(object, error);
	if (r < 0)
		return r;
	to->object = (json_t *)object;
	to->statuses = 1u << ATTEST_TCB_STATUS_UP_TO_DATE;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
		if (keys[i].kind == KEY_TYPE || json_object_get(object, keys[i].name))
			read_key(&reader, keys[i].name, keys[i].kind);
	if (reader.fields.failed)
		return -EINVAL;
	if (!names_somebody(object))
		return verdict_fail(error, ATTEST_POLICY_MALFORMED,
			"a rule must say who is meant: measurement, signer, pcrs, claims or jq");
	return 0;
}

static int read_policy(struct attest_policy *policy, struct attest_error *error)
{
	struct json_fields fields = {.object = policy->json,
		.where = "policy",
		.verdict = ATTEST_POLICY_MALFORMED,
		.error = error};
	const json_t *rules = json_fields_array(&fields, "rules"), *rule;
	size_t i;

	if (!rules)
		return -EINVAL;
	if (json_object_size(policy->json) != 1)
		return verdict_fail(
			error, ATTEST_POLICY_MALFORMED, "policy: only \"rules\" is known here");
	if (json_array_size(rules) > POLICY_RULES_MAX)
		return verdict_fail(
			error, ATTEST_POLICY_MALFORMED, "more than %d rules", POLICY_RULES_MAX);
	policy->rules = calloc(json_array_size(rules) + 1, sizeof(policy->rules[0]));
	if (!policy->rules)
		return verdict_fail(error, ATTEST_INTERNAL_ERROR, "out of memory");
	json_array_foreach(rules, i, rule)
	{
		int r;

		policy->count++;
		r = read_rule(rule, 0, &policy->rules[i], error);
		if (r < 0)
			return r;
	}
	return 0;
}

static void policy_freep(struct attest_policy **policy)
{
	attest_policy_free(*policy);
}

int attest_policy_new(
	struct attest_bytes text, struct attest_policy **ret_policy, struct attest_error *error)
{
	CLEANUP(policy_freep) struct attest_policy *policy = calloc(1, sizeof(*policy));
	int r;

	if (!policy) {
		verdict_fail(error, ATTEST_INTERNAL_ERROR, "out of memory");
		return -ENOMEM;
	}
	policy->json = json_fields_parse(
		(struct span){text.data, text.size}, ATTEST_POLICY_MALFORMED, error);
	if (!policy->json)
		return -EINVAL;
	r = read_policy(policy, error);
	if (r < 0)
		return r;
	*ret_policy = TAKE(policy);
	return 0;
}

void attest_policy_free(struct attest_policy *policy)
{
	if (!policy)
		return;
	for (size_t i = 0; i < policy->count; i++)
		rule_done(&policy->rules[i]);
	free(policy->rules);
	json_decref(policy->json);
	free(policy);
}

static void set_verdict(
	struct attest_result *result, enum attest_verdict verdict, const char *reason)
{
	result->verdict = verdict;
	snprintf(result->reason, sizeof(result->reason), "%s", reason);
}

/* The rule that came nearest tells why not. */
static void appraise_rules(const struct attest_policy *policy, struct attest_result *result)
{
	struct policy_outcome best = {
		.stage = POLICY_STAGE_TYPE, .verdict = ATTEST_POLICY_NOT_MATCHED};

	snprintf(best.reason, sizeof(best.reason), "no rule is about evidence of type %s",
		attest_type_name(result->claims_count ? result->claims[0].type : ATTEST_TYPE_NONE));
	for (size_t i = 0; i < policy->count; i++) {
		struct policy_outcome outcome;

		policy_match(&policy->rules[i], result, &outcome);
		if (outcome.stage > best.stage)
			best = outcome;
	}
	set_verdict(result, best.verdict, best.reason);
}

void policy_appraise(const struct attest_policy *policy, struct attest_result *result)
{
	const struct attest_finding *final = verdict_final(result);

	if (final)
		set_verdict(result, final->verdict, final->reason);
	else if (policy)
		appraise_rules(policy, result);
	else if (result->finding_count)
		set_verdict(result, result->findings[0].verdict, result->findings[0].reason);
	else
		set_verdict(result, ATTEST_NO_POLICY,
			"the evidence is good; no policy says whom to accept");
}
