#include "attestation/verdict.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *text;
	enum verdict_kind kind;
} verdicts[] = {
#define ENTRY(name, kind, text) {#name, text, VERDICT_##kind},
	ATTEST_VERDICTS(ENTRY)
#undef ENTRY
};

static const struct {
	const char *name;
	enum attest_verdict verdict;
} statuses[ATTEST_TCB_STATUS_COUNT] = {
	[ATTEST_TCB_NONE] = {"", ATTEST_COLLATERAL_MISSING},
	[ATTEST_TCB_STATUS_UP_TO_DATE] = {"UpToDate", ATTEST_ACCEPTED},
	[ATTEST_TCB_STATUS_SW_HARDENING_NEEDED] = {"SWHardeningNeeded",
		ATTEST_TCB_SW_HARDENING_NEEDED},
	[ATTEST_TCB_STATUS_CONFIGURATION_NEEDED] = {"ConfigurationNeeded",
		ATTEST_TCB_CONFIGURATION_NEEDED},
	[ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED] =
		{"ConfigurationAndSWHardeningNeeded",
			ATTEST_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	[ATTEST_TCB_STATUS_OUT_OF_DATE] = {"OutOfDate", ATTEST_TCB_OUT_OF_DATE},
	[ATTEST_TCB_STATUS_OUT_OF_DATE_CONFIGURATION_NEEDED] = {"OutOfDateConfigurationNeeded",
		ATTEST_TCB_OUT_OF_DATE_CONFIGURATION_NEEDED},
	[ATTEST_TCB_STATUS_RELAUNCH_ADVISED] = {"TDRelaunchAdvised", ATTEST_TCB_RELAUNCH_ADVISED},
	[ATTEST_TCB_STATUS_RELAUNCH_ADVISED_CONFIGURATION_NEEDED] =
		{"TDRelaunchAdvisedConfigurationNeeded",
			ATTEST_TCB_RELAUNCH_ADVISED_CONFIGURATION_NEEDED},
	[ATTEST_TCB_STATUS_REVOKED] = {"Revoked", ATTEST_TCB_REVOKED},
};

static const char *const types[ATTEST_TYPE_COUNT] = {
	"none", "sgx", "tdx", "snp", "tpm", "csv", "simulation", "hypervisor"};

const char *attest_verdict_name(enum attest_verdict verdict)
{
	return (size_t)verdict < ARRAY_SIZE(verdicts) ? verdicts[verdict].name : "";
}

const char *attest_verdict_text(enum attest_verdict verdict)
{
	return (size_t)verdict < ARRAY_SIZE(verdicts) ? verdicts[verdict].text : "";
}

const char *attest_tcb_status_name(enum attest_tcb_status status)
{
	return (size_t)status < ARRAY_SIZE(statuses) ? statuses[status].name : "";
}

const char *attest_type_name(enum attest_type type)
{
	return (size_t)type < ARRAY_SIZE(types) ? types[type] : "";
}

enum verdict_kind verdict_kind(enum attest_verdict verdict)
{
	return verdicts[verdict].kind;
}

enum attest_verdict verdict_from_name(const char *name)
{
	size_t i = 0;

	while (i < ARRAY_SIZE(verdicts) && strcmp(verdicts[i].name, name))
		i++;
	return (enum attest_verdict)i;
}

enum attest_verdict verdict_of_status(enum attest_tcb_status status)
{
	return statuses[status].verdict;
}

enum attest_tcb_status tcb_status_from_name(const char *name)
{
	for (size_t i = ATTEST_TCB_NONE + 1; i < ARRAY_SIZE(statuses); i++)
		if (!strcmp(statuses[i].name, name))
			return (enum attest_tcb_status)i;
	return ATTEST_TCB_NONE;
}

/* Names in reasons come from foreign input: they must not command a terminal. */
static void make_printable(char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < 0x20 || (unsigned char)*text > 0x7e)
			*text = '?';
}

int verdict_fail(struct attest_error *error, enum attest_verdict verdict, const char *format, ...)
{
	va_list args;

	error->verdict = verdict;
	va_start(args, format);
	vsnprintf(error->reason, sizeof(error->reason), format, args);
	va_end(args);
	make_printable(error->reason);
	return -EINVAL;
}

void verdict_name_item(struct attest_error *error, const char *what, size_t number)
{
	char reason[ATTEST_REASON_SIZE];

	memcpy(reason, error->reason, sizeof(reason));
	verdict_fail(error, error->verdict, "%s %zu: %s", what, number, reason);
}

int verdict_find(struct attest_result *result, enum attest_verdict verdict, const char *format, ...)
{
	int r = verdict_kind(verdict) == VERDICT_FINAL ? -EINVAL : 0;
	struct attest_finding *finding = &result->findings[result->finding_count];
	va_list args;

	for (size_t i = 0; i < result->finding_count; i++)
		if (result->findings[i].verdict == verdict)
			return r;
	/* Full: the last place is for what is worst. */
	if (result->finding_count == ATTEST_FINDINGS_MAX)
		finding--;
	else
		result->finding_count++;
	finding->verdict = verdict;
	va_start(args, format);
	vsnprintf(finding->reason, sizeof(finding->reason), format, args);
	va_end(args);
	make_printable(finding->reason);
	return r;
}

const struct attest_finding *verdict_final(const struct attest_result *result)
{
	for (size_t i = 0; i < result->finding_count; i++)
		if (verdict_kind(result->findings[i].verdict) == VERDICT_FINAL)
			return &result->findings[i];
	return NULL;
}
