#include "attestation/tcb_info.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attestation/json_fields.h"

static struct json_fields inner(
	const struct json_fields *fields, const json_t *object, const char *where)
{
	return (struct json_fields){.object = object,
		.where = where,
		.verdict = fields->verdict,
		.error = fields->error};
}

static void read_advisories(struct json_fields *fields, struct tcb_judgement *to)
{
	const json_t *ids, *id;
	size_t i;

	if (!json_fields_has(fields, "advisoryIDs"))
		return;
	ids = json_fields_array(fields, "advisoryIDs");
	if (!ids)
		return;
	if (json_array_size(ids) > ATTEST_ADVISORIES_MAX) {
		json_fields_fail(fields, "advisoryIDs", "has too many members");
		return;
	}
	json_array_foreach(ids, i, id)
	{
		if (!json_is_string(id) || json_string_length(id) >= ATTEST_ADVISORY_SIZE) {
			json_fields_fail(fields, "advisoryIDs", "must be short strings");
			return;
		}
		strcpy(to->advisories[to->advisory_count++], json_string_value(id));
	}
}

/* "tcbStatus"; version 1 called it "status", and had no date. */
static void read_judgement(struct json_fields *fields, uint32_t version, struct tcb_judgement *to)
{
	const char *name = version == 1 ? "status" : "tcbStatus";

	to->status = tcb_status_from_name(json_fields_string(fields, name));
	if (!fields->failed && to->status == ATTEST_TCB_NONE)
		json_fields_fail(fields, name, "is not a status that Intel has named");
	if (version > 1)
		to->date = json_fields_time(fields, "tcbDate");
	read_advisories(fields, to);
}

/* Versions 1 and 2: sgxtcbcomp01svn to sgxtcbcomp16svn. */
static void read_named_components(struct json_fields *fields, uint16_t to[TCB_COMPONENT_COUNT])
{
	for (unsigned int i = 0; i < TCB_COMPONENT_COUNT; i++) {
		char name[24];

		snprintf(name, sizeof(name), "sgxtcbcomp%02usvn", i + 1);
		to[i] = (uint16_t)json_fields_unsigned(fields, name, UINT8_MAX);
	}
}

/* Version 3: an array of {svn, ...}. Numbers that no processor can reach are seen there. */
static void read_component_array(
	struct json_fields *fields, const char *name, uint16_t to[TCB_COMPONENT_COUNT])
{
	const json_t *array = json_fields_array(fields, name), *item;
	size_t i;

	if (!array)
		return;
	if (json_array_size(array) != TCB_COMPONENT_COUNT) {
		json_fields_fail(fields, name, "must have 16 members");
		return;
	}
	json_array_foreach(array, i, item)
	{
		struct json_fields component = inner(fields, item, name);

		to[i] = (uint16_t)json_fields_unsigned(&component, "svn", UINT16_MAX);
		fields->failed |= component.failed;
	}
}

static void read_level(
	struct json_fields *fields, const struct tcb_info *info, struct tcb_level *to)
{
	struct json_fields tcb = inner(fields, json_fields_object(fields, "tcb"), "tcb");

	if (fields->failed)
		return;
	if (info->version < 3)
		read_named_components(&tcb, to->sgx);
	else
		read_component_array(&tcb, "sgxtcbcomponents", to->sgx);
	if (info->is_tdx)
		read_component_array(&tcb, "tdxtcbcomponents", to->tdx);
	to->pce_svn = (uint16_t)json_fields_unsigned(&tcb, "pcesvn", UINT16_MAX);
	fields->failed |= tcb.failed;
	read_judgement(fields, info->version, &to->judgement);
}

static const json_t *level_array(struct json_fields *fields)
{
	const json_t *array = json_fields_array(fields, "tcbLevels");
	size_t count = array ? json_array_size(array) : 0;

	if (array && (count == 0 || count > TCB_LEVELS_MAX))
		json_fields_fail(fields, "tcbLevels", "must have from 1 to 256 members");
	return fields->failed ? NULL : array;
}

static void read_levels(struct json_fields *fields, struct tcb_info *info)
{
	const json_t *array = level_array(fields), *item;
	size_t i;

	if (!array)
		return;
	info->levels = calloc(json_array_size(array), sizeof(info->levels[0]));
	if (!info->levels) {
		json_fields_fail(fields, "tcbLevels", "does not fit into memory");
		return;
	}
	info->level_count = json_array_size(array);
	json_array_foreach(array, i, item)
	{
		struct json_fields level = inner(fields, item, "tcbLevels");

		read_level(&level, info, &info->levels[i]);
		fields->failed |= level.failed;
	}
}

static void read_svn_level(struct json_fields *fields, struct svn_level *to)
{
	struct json_fields tcb = inner(fields, json_fields_object(fields, "tcb"), "tcb");

	if (fields->failed)
		return;
	to->svn = (uint16_t)json_fields_unsigned(&tcb, "isvsvn", UINT16_MAX);
	fields->failed |= tcb.failed;
	read_judgement(fields, 2, &to->judgement);
}

static void read_svn_levels(struct json_fields *fields, struct svn_levels *to)
{
	const json_t *array = level_array(fields), *item;
	size_t i;

	if (!array)
		return;
	to->levels = calloc(json_array_size(array), sizeof(to->levels[0]));
	if (!to->levels) {
		json_fields_fail(fields, "tcbLevels", "does not fit into memory");
		return;
	}
	to->count = json_array_size(array);
	json_array_foreach(array, i, item)
	{
		struct json_fields level = inner(fields, item, "tcbLevels");

		read_svn_level(&level, &to->levels[i]);
		fields->failed |= level.failed;
	}
}

static void read_module(struct json_fields *fields, struct tdx_module *to)
{
	json_fields_hex(fields, "mrsigner", to->mr_signer, sizeof(to->mr_signer));
	json_fields_hex(fields, "attributes", to->attributes, sizeof(to->attributes));
	json_fields_hex(fields, "attributesMask", to->mask, sizeof(to->mask));
}

/* {"id":"TDX_03", ...}: a module of major version 3. */
static void read_module_identity(struct json_fields *fields, struct tdx_module *to)
{
	const char *id = json_fields_string(fields, "id");

	if (!fields->failed && (strlen(id) != 6 || strncmp(id, "TDX_", 4) ||
				       !text_from_hex(id + 4, 2, &to->version, 1)))
		json_fields_fail(fields, "id", "must be TDX_ and two hexadecimal digits");
	read_module(fields, to);
	read_svn_levels(fields, &to->levels);
}

static void read_modules(struct json_fields *fields, struct tcb_info *info)
{
	struct json_fields first =
		inner(fields, json_fields_object(fields, "tdxModule"), "tdxModule");
	const json_t *array, *item;
	size_t i;

	if (fields->failed)
		return;
	read_module(&first, &info->modules[info->module_count++]);
	fields->failed |= first.failed;
	if (!json_fields_has(fields, "tdxModuleIdentities"))
		return;
	array = json_fields_array(fields, "tdxModuleIdentities");
	if (array && json_array_size(array) >= TCB_MODULES_MAX)
		json_fields_fail(fields, "tdxModuleIdentities", "has too many members");
	if (!array || fields->failed)
		return;
	json_array_foreach(array, i, item)
	{
		struct json_fields module = inner(fields, item, "tdxModuleIdentities");

		read_module_identity(&module, &info->modules[info->module_count++]);
		fields->failed |= module.failed;
	}
}

static void read_kind(struct json_fields *fields, struct tcb_info *info)
{
	const char *id;

	info->version = json_fields_unsigned(fields, "version", 3);
	if (!fields->failed && info->version == 0)
		json_fields_fail(fields, "version", "must be 1, 2 or 3");
	if (info->version < 3)
		return;
	id = json_fields_string(fields, "id");
	info->is_tdx = !strcmp(id, "TDX");
	if (!fields->failed && !info->is_tdx && strcmp(id, "SGX"))
		json_fields_fail(fields, "id", "must be SGX or TDX");
}

static void read_info(struct json_fields *fields, struct tcb_info *info)
{
	read_kind(fields, info);
	info->issue_date = json_fields_time(fields, "issueDate");
	info->next_update = json_fields_time(fields, "nextUpdate");
	json_fields_hex(fields, "fmspc", info->fmspc, sizeof(info->fmspc));
	/* What older versions leave out is PCE 0, the only one there was. */
	if (info->version > 2 || json_fields_has(fields, "pceId"))
		json_fields_hex(fields, "pceId", info->pce_id, sizeof(info->pce_id));
	if (info->version > 1) {
		json_fields_unsigned(fields, "tcbType", 0);
		json_fields_unsigned(fields, "tcbEvaluationDataNumber", INT32_MAX);
	}
	if (info->is_tdx && !fields->failed)
		read_modules(fields, info);
	if (!fields->failed)
		read_levels(fields, info);
}

static void info_freep(struct tcb_info **info)
{
	tcb_info_free(*info);
}

int tcb_info_parse(struct span text, struct tcb_info **ret_info, struct attest_error *error)
{
	CLEANUP(json_freep)
	json_t *json = json_fields_parse(text, ATTEST_TCB_INFO_MALFORMED, error);
	struct json_fields fields = {.object = json,
		.where = "TCB info",
		.verdict = ATTEST_TCB_INFO_MALFORMED,
		.error = error};
	CLEANUP(info_freep) struct tcb_info *info = NULL;

	if (!json)
		return -EINVAL;
	info = calloc(1, sizeof(*info));
	if (!info)
		return verdict_fail(error, ATTEST_INTERNAL_ERROR, "out of memory");
	read_info(&fields, info);
	if (fields.failed)
		return -EINVAL;
	*ret_info = TAKE(info);
	return 0;
}

void tcb_info_free(struct tcb_info *info)
{
	if (!info)
		return;
	for (size_t i = 0; i < info->module_count; i++)
		free(info->modules[i].levels.levels);
	X509_free(info->signer);
	free(info->levels);
	free(info);
}

static void read_identity_id(struct json_fields *fields, struct enclave_identity *to)
{
	static const char *const names[] = {"QE", "TD_QE", "QVE"};
	const char *id = json_fields_string(fields, "id");

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(id, names[i])) {
			to->id = (enum enclave_identity_id)i;
			return;
		}
	}
	json_fields_fail(fields, "id", "must be QE, TD_QE or QVE");
}

/* Version 1 had one level only: below it, all was out of date. */
static void read_first_level(struct json_fields *fields, struct svn_levels *to)
{
	to->levels = calloc(2, sizeof(to->levels[0]));
	if (!to->levels) {
		json_fields_fail(fields, "isvsvn", "does not fit into memory");
		return;
	}
	to->count = 2;
	to->levels[0].svn = (uint16_t)json_fields_unsigned(fields, "isvsvn", UINT16_MAX);
	to->levels[0].judgement.status = ATTEST_TCB_STATUS_UP_TO_DATE;
	to->levels[1].judgement.status = ATTEST_TCB_STATUS_OUT_OF_DATE;
}

static void read_identity(struct json_fields *fields, struct enclave_identity *to)
{
	to->version = json_fields_unsigned(fields, "version", 2);
	if (!fields->failed && to->version == 0)
		json_fields_fail(fields, "version", "must be 1 or 2");
	to->issue_date = json_fields_time(fields, "issueDate");
	to->next_update = json_fields_time(fields, "nextUpdate");
	json_fields_hex(fields, "miscselect", to->misc_select, 4);
	json_fields_hex(fields, "miscselectMask", to->misc_select_mask, 4);
	json_fields_hex(fields, "attributes", to->attributes, 16);
	json_fields_hex(fields, "attributesMask", to->attributes_mask, 16);
	json_fields_hex(fields, "mrsigner", to->mr_signer, 32);
	to->product = (uint16_t)json_fields_unsigned(fields, "isvprodid", UINT16_MAX);
	if (fields->failed)
		return;
	if (to->version == 1) {
		read_first_level(fields, &to->levels);
		return;
	}
	read_identity_id(fields, to);
	json_fields_unsigned(fields, "tcbEvaluationDataNumber", INT32_MAX);
	if (!fields->failed)
		read_svn_levels(fields, &to->levels);
}

static void identity_freep(struct enclave_identity **identity)
{
	enclave_identity_free(*identity);
}

int enclave_identity_parse(
	struct span text, struct enclave_identity **ret_identity, struct attest_error *error)
{
	CLEANUP(json_freep)
	json_t *json = json_fields_parse(text, ATTEST_QE_IDENTITY_MALFORMED, error);
	struct json_fields fields = {.object = json,
		.where = "enclave identity",
		.verdict = ATTEST_QE_IDENTITY_MALFORMED,
		.error = error};
	CLEANUP(identity_freep) struct enclave_identity *identity = NULL;

	if (!json)
		return -EINVAL;
	identity = calloc(1, sizeof(*identity));
	if (!identity)
		return verdict_fail(error, ATTEST_INTERNAL_ERROR, "out of memory");
	read_identity(&fields, identity);
	if (fields.failed)
		return -EINVAL;
	*ret_identity = TAKE(identity);
	return 0;
}

void enclave_identity_free(struct enclave_identity *identity)
{
	if (!identity)
		return;
	X509_free(identity->signer);
	free(identity->levels.levels);
	free(identity);
}

static bool reaches(const uint8_t *have, const uint16_t *need, size_t first)
{
	for (size_t i = first; i < TCB_COMPONENT_COUNT; i++)
		if (have[i] < need[i])
			return false;
	return true;
}

const struct tcb_level *tcb_info_find(const struct tcb_info *info, const uint8_t sgx[16],
	uint16_t pce_svn, const uint8_t *tdx, size_t first_tdx)
{
	for (size_t i = 0; i < info->level_count; i++) {
		const struct tcb_level *level = &info->levels[i];

		if (reaches(sgx, level->sgx, 0) && pce_svn >= level->pce_svn &&
			(!tdx || reaches(tdx, level->tdx, first_tdx)))
			return level;
	}
	return NULL;
}

const struct svn_level *svn_levels_find(const struct svn_levels *levels, uint32_t svn)
{
	for (size_t i = 0; i < levels->count; i++)
		if (svn >= levels->levels[i].svn)
			return &levels->levels[i];
	return NULL;
}
