#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "cli/appraisal.h"

#define NAME "verify-evidence"

enum option_value {
	OPTION_AT = 256,
	OPTION_JSON,
};

static const struct option long_options[] = {
	APPRAISAL_LONG_OPTIONS,
	{"at", required_argument, NULL, OPTION_AT},
	{"json", no_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static const char help[] =
	"usage: casemate verify-evidence [--collateral FILE]... [--root FILE]... [--policy FILE]\n"
	"                                [--at TIME] [--json] EVIDENCE\n\n"
	"  --collateral FILE  certificates, revocation lists, TCB info, QE identity\n"
	"  --root FILE        trust this certificate or key, instead of the vendors'\n"
	"  --policy FILE      whom to accept: casemate-policy(5)\n"
	"  --at TIME          judge as of then: 2025-06-19T12:00:00Z, or seconds since 1970\n"
	"  --json             print claims and verdict as JSON\n";

struct request {
	struct appraisal appraisal;
	struct buffer evidence;
	bool is_json;
	int64_t at;
};

#define TIME_MAX 253402300799 /* 9999-12-31T23:59:59Z */

/* -1: not a date, or one that no calendar has. */
static int64_t read_date(const char *text)
{
	struct tm tm = {0}, again;
	const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
	int day = tm.tm_mday;
	time_t time = timegm(&tm);

	if (!end || *end || !gmtime_r(&time, &again) || again.tm_mday != day)
		return -1;
	return time;
}

static int take_time(const char *text, int64_t *ret)
{
	bool is_number = *text && !text[strspn(text, "0123456789")] && strlen(text) <= 12;

	*ret = is_number ? strtoll(text, NULL, 10) : read_date(text);
	if (*ret < 0 || *ret > TIME_MAX)
		return cli_error(CLI_USAGE, NAME,
			"--at %s: must be a date and time such as 2025-06-19T12:00:00Z, "
			"or seconds since 1970",
			text);
	return CLI_OK;
}

/* What can be done about it from the command line; NULL: nothing. */
static const char *hint(enum attest_verdict verdict)
{
	switch (verdict) {
	case ATTEST_NO_POLICY:
		return "say whom to accept with --policy FILE: casemate-policy(5)";
	case ATTEST_EVIDENCE_UNSUPPORTED:
		return "casemate-verify-evidence(1) lists the kinds that are known";
	case ATTEST_COLLATERAL_MISSING:
	case ATTEST_REVOCATION_UNKNOWN:
		return "give what the vendor publishes with --collateral FILE: "
		       "casemate-verify-evidence(1) lists it";
	case ATTEST_COLLATERAL_EXPIRED:
		return "fetch the collateral anew; --at TIME judges as of another moment";
	case ATTEST_COLLATERAL_NOT_YET_VALID:
	case ATTEST_CERTIFICATE_EXPIRED:
	case ATTEST_CERTIFICATE_NOT_YET_VALID:
		return "--at TIME judges as of another moment";
	case ATTEST_KEY_NOT_CERTIFIED:
		return "if you know whose key it is, pin it with --root FILE; or give the "
		       "certificates above it with --collateral FILE";
	case ATTEST_ROOT_NOT_TRUSTED:
		return "if you trust where its certificates end, pin that with --root FILE";
	default:
		return NULL;
	}
}

static void print_text(const struct attest_result *result)
{
	printf("verdict %s: %s\n", attest_verdict_name(result->verdict), result->reason);
	if (hint(result->verdict))
		printf("  (%s)\n", hint(result->verdict));
	for (size_t i = 0; i < result->claims_count; i++) {
		const struct attest_claims *claims = &result->claims[i];

		printf("\nevidence %s%s\n", attest_type_name(claims->type),
			result->is_authentic ? "" : " (nobody vouches for these)");
		cli_print_hex("  measurement", claims->measurement.bytes, claims->measurement.size);
		if (claims->signer.size)
			cli_print_hex("  signer", claims->signer.bytes, claims->signer.size);
		printf("%-17s %u\n%-17s %u\n%-17s %s\n", "  product", claims->product,
			"  version (svn)", claims->svn, "  debug",
			claims->is_debug ? "yes: its memory is open" : "no");
		cli_print_hex("  report data", claims->report_data.bytes, claims->report_data.size);
		if (claims->tcb_status)
			printf("%-17s %s\n", "  TCB status",
				attest_tcb_status_name(claims->tcb_status));
		for (size_t j = 0; j < claims->advisory_count; j++)
			printf("%-17s %s\n", j ? "" : "  advisories", claims->advisories[j]);
	}
	for (size_t i = 0; i < result->finding_count; i++)
		printf("%s%s: %s\n", i ? "" : "\n",
			attest_verdict_name(result->findings[i].verdict),
			result->findings[i].reason);
}

static int print_result(const struct request *request, const struct attest_result *result)
{
	char *json;

	if (!request->is_json) {
		print_text(result);
		return CLI_OK;
	}
	json = attest_result_to_json(result);
	if (!json)
		return cli_error(CLI_FAILED, NAME, "out of memory");
	puts(json);
	free(json);
	return CLI_OK;
}

/* What could not even be begun is a verdict, too. */
static int print_error(const struct request *request, const struct attest_error *error)
{
	CLEANUP(freep) struct attest_result *result = calloc(1, sizeof(*result));

	if (!result)
		return cli_error(CLI_FAILED, NAME, "out of memory");
	result->verdict = error->verdict;
	result->now = request->at;
	memcpy(result->reason, error->reason, sizeof(result->reason));
	print_result(request, result);
	return CLI_FAILED;
}

static int verify(struct request *request)
{
	struct attest_bytes evidence = {request->evidence.data, request->evidence.size};
	CLEANUP(freep) struct attest_result *result = malloc(sizeof(*result));
	struct appraisal *appraisal = &request->appraisal;
	struct attest_error error;
	int status;

	if (!result)
		return cli_error(CLI_FAILED, NAME, "out of memory");
	status = appraisal_load(appraisal, NAME, &error);
	if (status == CLI_FAILED)
		return print_error(request, &error);
	if (status != CLI_OK)
		return status;
	attest_verify(evidence, appraisal->collateral, appraisal->policy, request->at, result);
	if (print_result(request, result) != CLI_OK)
		return CLI_FAILED;
	return result->verdict == ATTEST_ACCEPTED ? CLI_OK : CLI_FAILED;
}

static int take_option(struct request *request, int option, char **argv)
{
	int status;

	if (appraisal_take_option(&request->appraisal, NAME, option, optarg, &status))
		return status;
	switch (option) {
	case OPTION_AT:
		return take_time(optarg, &request->at);
	case OPTION_JSON:
		request->is_json = true;
		return CLI_OK;
	default:
		return cli_bad_option(NAME, option, argv);
	}
}

static int run(struct request *request, int argc, char **argv)
{
	int option, status;

	while ((option = getopt_long(argc, argv, ":h", long_options, NULL)) != -1) {
		if (option == 'h') {
			fputs(help, stdout);
			return CLI_OK;
		}
		status = take_option(request, option, argv);
		if (status != CLI_OK)
			return status;
	}
	if (argc - optind != 1)
		return cli_error(CLI_USAGE, NAME,
			"give one file of evidence; see casemate-verify-evidence(1)");
	status = appraisal_read_file(NAME, argv[optind], &request->evidence);
	return status == CLI_OK ? verify(request) : status;
}

int cli_verify_evidence(int argc, char **argv)
{
	CLEANUP(freep) struct request *request = calloc(1, sizeof(*request));
	int status;

	if (!request)
		return cli_error(CLI_FAILED, NAME, "out of memory");
	request->at = time(NULL);
	status = run(request, argc, argv);
	appraisal_done(&request->appraisal);
	buffer_done(&request->evidence);
	return cli_finish(NAME, status);
}
