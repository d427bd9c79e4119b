/* The parsers of attestation, one at a time, chosen by --parser=NAME:
 *
 *	fuzz-attestation --parser=tcb_info --seeds=DIRECTORY [libFuzzer's options]
 *
 * DIRECTORY is what attestation_seeds has written: NAME.list names the files to begin with, and
 * NAME.collateral and NAME.root are what evidence of the kind is verified with. So what is mutated
 *is genuine evidence, and most of the way is gone; what then still is authentic must say what it
 *said before. */
#include <stdio.h>

#include <openssl/err.h>

#include "attestation/cbor.h"
#include "attestation/certificate.h"
#include "attestation/crl.h"
#include "attestation/csv_certificate.h"
#include "attestation/event_log.h"
#include "attestation/pck_certificate.h"
#include "attestation/pem.h"
#include "attestation/policy.h"
#include "attestation/snp_certificate.h"
#include "attestation/tcb_info.h"
#include "attestation/tpm_quote.h"

#include "tests/fuzz/fuzz.h"

#define NOW 1750000000
#define FILE_SIZE_MAX (1 << 20)
#define SEEDS_MAX 64
#define PATH_SIZE 512

typedef void fuzz_parser(struct span input);

static struct {
	fuzz_parser *parse;
	char directory[PATH_SIZE], name[32];
	struct attest_collateral *collateral;
	struct attest_bytes root;             /* that it was made with */
	struct attest_claims said[SEEDS_MAX]; /* by the evidence to begin with */
	size_t said_count;
} fuzz;

/* Evidence */

static bool is_equal(const struct attest_value *a, const struct attest_value *b)
{
	return a->size == b->size && !memcmp(a->bytes, b->bytes, a->size);
}

static bool was_said(const struct attest_claims *claims)
{
	for (size_t i = 0; i < fuzz.said_count; i++)
		if (fuzz.said[i].type == claims->type &&
			is_equal(&fuzz.said[i].measurement, &claims->measurement) &&
			is_equal(&fuzz.said[i].report_data, &claims->report_data))
			return true;
	return false;
}

static void parse_evidence(struct span input)
{
	struct attest_result *result = malloc(sizeof(*result));
	struct attest_bytes evidence = {input.data, input.size};
	enum attest_verdict verdict = attest_verify(evidence, fuzz.collateral, NULL, NOW, result);
	char *json = attest_result_to_json(result);

	FUZZ_ASSERT(verdict == result->verdict && verdict != ATTEST_ACCEPTED && *result->reason);
	FUZZ_ASSERT(result->claims_count <= ATTEST_CLAIMS_MAX &&
		    result->finding_count <= ATTEST_FINDINGS_MAX && json);
	FUZZ_ASSERT(!result->is_authentic || result->claims_count);
	for (size_t i = 0; result->is_authentic && i < result->claims_count; i++)
		FUZZ_ASSERT(was_said(&result->claims[i]));
	free(json);
	free(result);
}

static void parse_event_log(struct span input)
{
	struct attest_result *result = calloc(1, sizeof(*result));
	struct event_log_replay replay;

	if (event_log_replay(input, TPM_ALG_SHA256, &replay, result) < 0)
		FUZZ_ASSERT(verdict_final(result));
	FUZZ_ASSERT(replay.event_count <= EVENT_LOG_EVENTS_MAX);
	free(result);
}

static void parse_tpm_public(struct span input)
{
	EVP_PKEY *key = NULL;

	if (tpm_key_from_public(input, &key) == 0)
		FUZZ_ASSERT(key);
	EVP_PKEY_free(key);
}

static void parse_cbor(struct span input)
{
	struct reader reader = reader_of(input);

	while (!reader_failed(&reader) && reader_left(&reader))
		FUZZ_ASSERT(cbor_skip(&reader).size <= input.size);
}

/* Collateral */

static void check_refused(int r, const struct attest_error *error, const void *made)
{
	FUZZ_ASSERT(r == 0 ? made != NULL
			   : *error->reason && error->verdict != ATTEST_ACCEPTED && !made);
}

static void parse_collateral(struct span input)
{
	struct attest_bytes item = {input.data, input.size};
	struct attest_collateral *collateral = NULL;
	struct attest_error error = {0};

	/* With a root of its own: setting up the vendors' takes longer than all else. */
	check_refused(attest_collateral_new(
			      &item, 1, &fuzz.root, fuzz.root.size ? 1 : 0, &collateral, &error),
		&error, collateral);
	attest_collateral_free(collateral);
}

static void parse_tcb_info(struct span input)
{
	static const uint8_t components[16] = {5};
	struct attest_error error = {0};
	struct tcb_info *info = NULL;

	check_refused(tcb_info_parse(input, &info, &error), &error, info);
	if (info)
		(void)!tcb_info_find(info, components, 13, info->is_tdx ? components : NULL, 0);
	tcb_info_free(info);
}

static void parse_qe_identity(struct span input)
{
	struct enclave_identity *identity = NULL;
	struct attest_error error = {0};

	check_refused(enclave_identity_parse(input, &identity, &error), &error, identity);
	if (identity)
		(void)!svn_levels_find(&identity->levels, 8);
	enclave_identity_free(identity);
}

/* With what vendors write into their extensions. */
static void parse_certificate(struct span input)
{
	STACK_OF(X509) *certificates = sk_X509_new_null();
	struct snp_certificate snp;
	struct pck_certificate pck;
	struct attest_error error = {0};

	if (certificates_add(certificates, input, &error) < 0)
		FUZZ_ASSERT(*error.reason);
	for (int i = 0; i < sk_X509_num(certificates); i++) {
		X509 *certificate = sk_X509_value(certificates, i);

		if (pck_certificate_is(certificate))
			(void)!pck_certificate_read(certificate, &pck);
		if (snp_certificate_read(certificate, &snp) == 0)
			(void)!snp_certificate_has_tcb(&snp, 0);
	}
	sk_X509_pop_free(certificates, X509_free);
}

static void parse_snp_table(struct span input)
{
	STACK_OF(X509) *certificates = sk_X509_new_null();
	struct attest_error error = {0};

	if (snp_certificate_table_read(input, certificates, &error) < 0)
		FUZZ_ASSERT(*error.reason);
	FUZZ_ASSERT(sk_X509_num(certificates) <= CERTIFICATES_MAX);
	sk_X509_pop_free(certificates, X509_free);
}

static void parse_csv_certificate(struct span input)
{
	static const uint32_t usages[] = {CSV_USAGE_PEK, CSV_USAGE_CEK};

	for (size_t i = 0; i < ARRAY_SIZE(usages); i++) {
		struct csv_key key = {0};

		if (csv_chip_key(input, usages[i], &key) == 0)
			FUZZ_ASSERT(key.key && key.id.size <= input.size);
		csv_key_done(&key);
	}
}

static void parse_crl(struct span input)
{
	const uint8_t *at = input.data;
	X509_CRL *list = d2i_X509_CRL(NULL, &at, (long)input.size);
	struct attest_error error = {0};
	struct crl crl = {0};

	ERR_clear_error();
	if (list && crl_init(&crl, list, &error) < 0)
		FUZZ_ASSERT(*error.reason);
	crl_done(&crl);
}

static void parse_pem(struct span input)
{
	struct text_buffer content = {0};
	struct span label;

	while (pem_next(&input, &label, &content) == 0)
		text_buffer_done(&content);
	text_buffer_done(&content);
}

/* Policies: those that can be read are used at once. */

static void parse_policy(struct span input)
{
	struct attest_result *result = calloc(1, sizeof(*result));
	struct attest_bytes text = {input.data, input.size};
	struct attest_policy *policy = NULL;
	struct attest_error error = {0};

	check_refused(attest_policy_new(text, &policy, &error), &error, policy);
	result->claims_count = 1;
	result->claims[0] = (struct attest_claims){.type = ATTEST_TYPE_SGX, .svn = 3};
	result->is_authentic = true;
	policy_appraise(policy, result);
	FUZZ_ASSERT(*result->reason);
	attest_policy_free(policy);
	free(result);
}

static void parse_policy_jq(struct span input)
{
	char *program = strndup((const char *)input.data, input.size);
	struct attest_error error = {0};
	struct policy_jq *jq = NULL;

	check_refused(policy_jq_new(program, &jq, &error), &error, jq);
	if (jq)
		(void)!policy_jq_holds(jq, "{\"svn\":3,\"pcrs\":{\"4\":\"aa\"},\"advisories\":[]}");
	policy_jq_free(jq);
	free(program);
}

static const struct {
	const char *name;
	fuzz_parser *parse;
} parsers[] = {
	{"dcap_quote", parse_evidence},
	{"td_quote", parse_evidence},
	{"snp_report", parse_evidence},
	{"csv_report", parse_evidence},
	{"tpm_quote", parse_evidence},
	{"vtpm", parse_evidence},
	{"casemate", parse_evidence},
	{"ratls", parse_evidence},
	{"event_log", parse_event_log},
	{"tpm_public", parse_tpm_public},
	{"cbor", parse_cbor},
	{"collateral", parse_collateral},
	{"tcb_info", parse_tcb_info},
	{"qe_identity", parse_qe_identity},
	{"certificate", parse_certificate},
	{"snp_table", parse_snp_table},
	{"csv_certificate", parse_csv_certificate},
	{"crl", parse_crl},
	{"pem", parse_pem},
	{"policy", parse_policy},
	{"policy_jq", parse_policy_jq},
};

/* NULL: there is no such file. free(3) .data. */
static struct attest_bytes read_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = file ? malloc(FILE_SIZE_MAX) : NULL;
	struct attest_bytes bytes = {data, data ? fread(data, 1, FILE_SIZE_MAX, file) : 0};

	if (file)
		fclose(file);
	return bytes;
}

static struct attest_bytes read_seed(const char *suffix)
{
	char path[2 * PATH_SIZE];

	snprintf(path, sizeof(path), "%s/%s.%s", fuzz.directory, fuzz.name, suffix);
	return read_file(path);
}

static void load_collateral(void)
{
	struct attest_bytes item = read_seed("collateral"), root = read_seed("root");
	struct attest_error error;

	if (attest_collateral_new(
		    &item, item.size > 0, &root, root.size > 0, &fuzz.collateral, &error) < 0) {
		fprintf(stderr, "%s\n", error.reason);
		abort();
	}
	free((void *)item.data);
	fuzz.root = root;
}

static void load_claims(const char *path)
{
	struct attest_result *result = malloc(sizeof(*result));
	struct attest_bytes evidence = read_file(path);

	attest_verify(evidence, fuzz.collateral, NULL, NOW, result);
	for (size_t i = 0; result->is_authentic && i < result->claims_count; i++)
		if (fuzz.said_count < SEEDS_MAX)
			fuzz.said[fuzz.said_count++] = result->claims[i];
	free((void *)evidence.data);
	free(result);
}

/* NAME.list: paths with commas between them. */
static void load_seeds(void)
{
	struct attest_bytes list = read_seed("list");
	char *text = strndup(list.data, list.size), *next = text, *path;

	while ((path = strsep(&next, ",\n")))
		if (*path)
			load_claims(path);
	free(text);
	free((void *)list.data);
}

int LLVMFuzzerInitialize(int *argc, char ***argv);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	for (int i = 1; i < *argc; i++) {
		sscanf((*argv)[i], "--parser=%31s", fuzz.name);
		sscanf((*argv)[i], "--seeds=%511s", fuzz.directory);
	}
	for (size_t i = 0; i < ARRAY_SIZE(parsers); i++)
		if (!strcmp(parsers[i].name, fuzz.name))
			fuzz.parse = parsers[i].parse;
	if (!fuzz.parse) {
		fprintf(stderr, "--parser=NAME must name a parser\n");
		exit(1);
	}
	load_collateral();
	load_seeds();
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	fuzz.parse((struct span){data, size});
	return 0;
}
