/* Each piece of real evidence gives the verdict that it must. */
#include "tests/vectors/vectors.h"

#include <dirent.h>

#include <jansson.h>
#include <openssl/pem.h>

#include "attestation/pki_fixture.h"
#include "base/test.h"

struct expectation {
	const char *what;
	const char *evidence;
	struct vector_files collateral, roots;
	const char *at;
	const char *policy; /* NULL: none */
	enum attest_verdict verdict;
	enum attest_tcb_status status;
};

#define QVL_SGX                                                                                    \
	"sgx/intel-qvl-sample/rootCaCrl.der", "sgx/intel-qvl-sample/intermediateCaCrl.der",        \
		"sgx/intel-qvl-sample/pckCert.pem", "sgx/intel-qvl-sample/pckSignChain.pem",       \
		"sgx/intel-qvl-sample/tcbInfo.json", "sgx/intel-qvl-sample/qeIdentity.json",       \
		"sgx/intel-qvl-sample/tcbSignChain.pem"
#define QVL_TDX                                                                                    \
	"tdx/intel-qvl-sample/rootCaCrl.der", "tdx/intel-qvl-sample/intermediateCaCrl.der",        \
		"tdx/intel-qvl-sample/pckCert.pem", "tdx/intel-qvl-sample/pckSignChain.pem",       \
		"tdx/intel-qvl-sample/tcbInfo.json", "tdx/intel-qvl-sample/qeIdentity.json",       \
		"tdx/intel-qvl-sample/tcbSignChain.pem"

#define PHALA_SGX_SIGNER "815f42f11cf64430c30bab7816ba596a1da0130c3b028b673133a66cf9a3e0e6"

static const struct expectation expectations[] = {
	{"SGX", "sgx/phala/sgx_quote.bin", {{"sgx/phala/sgx_quote_collateral.json"}}, {{0}},
		"2025-06-19T10:56:11Z", NULL, ATTEST_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
		ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX at its last second", "sgx/phala/sgx_quote.bin",
		{{"sgx/phala/sgx_quote_collateral.json"}}, {{0}}, "2025-07-19T10:01:18Z", NULL,
		ATTEST_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
		ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX a second later", "sgx/phala/sgx_quote.bin", {{"sgx/phala/sgx_quote_collateral.json"}},
		{{0}}, "2025-07-19T10:01:19Z", NULL, ATTEST_COLLATERAL_EXPIRED,
		ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX long after", "sgx/phala/sgx_quote.bin", {{"sgx/phala/sgx_quote_collateral.json"}},
		{{0}}, "2026-11-24T00:00:00Z", NULL, ATTEST_COLLATERAL_EXPIRED,
		ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX before", "sgx/phala/sgx_quote.bin", {{"sgx/phala/sgx_quote_collateral.json"}}, {{0}},
		"2025-06-19T10:56:10Z", NULL, ATTEST_COLLATERAL_NOT_YET_VALID,
		ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX without collateral", "sgx/phala/sgx_quote.bin", {{0}}, {{0}}, "2025-06-20T00:00:00Z",
		NULL, ATTEST_COLLATERAL_MISSING, ATTEST_TCB_NONE},
	{"SGX with another's collateral", "sgx/phala/sgx_quote.bin",
		{{"tdx/phala/tdx_quote_collateral.json"}}, {{0}}, "2025-06-20T00:00:00Z", NULL,
		ATTEST_COLLATERAL_MISSING, ATTEST_TCB_NONE},
	{"SGX by a policy that accepts its status", "sgx/phala/sgx_quote.bin",
		{{"sgx/phala/sgx_quote_collateral.json"}}, {{0}}, "2025-06-20T00:00:00Z",
		"{\"rules\": [{\"type\": \"sgx\", \"signer\": \"" PHALA_SGX_SIGNER "\","
		" \"tcb_status\": \"ConfigurationAndSWHardeningNeeded\"}]}",
		ATTEST_ACCEPTED, ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX by a policy that does not", "sgx/phala/sgx_quote.bin",
		{{"sgx/phala/sgx_quote_collateral.json"}}, {{0}}, "2025-06-20T00:00:00Z",
		"{\"rules\": [{\"type\": \"sgx\", \"signer\": \"" PHALA_SGX_SIGNER "\"}]}",
		ATTEST_TCB_CONFIGURATION_AND_SW_HARDENING_NEEDED,
		ATTEST_TCB_STATUS_CONFIGURATION_AND_SW_HARDENING_NEEDED},
	{"SGX whose chain is broken", "sgx/openenclave/sgx_report_bad.bin",
		{{"sgx/phala/sgx_quote_collateral.json"}}, {{0}}, "2025-06-20T00:00:00Z", NULL,
		ATTEST_ROOT_NOT_TRUSTED, ATTEST_TCB_NONE},
	{"SGX of a root given", "sgx/intel-qvl-sample/quote.dat", {{QVL_SGX}},
		{{"sgx/intel-qvl-sample/trustedRootCaCert.pem"}}, "2025-01-01T00:00:00Z", NULL,
		ATTEST_NO_POLICY, ATTEST_TCB_STATUS_UP_TO_DATE},
	{"SGX of a root given, its certificate expired", "sgx/intel-qvl-sample/quote.dat",
		{{QVL_SGX}}, {{"sgx/intel-qvl-sample/trustedRootCaCert.pem"}},
		"2026-11-24T00:00:00Z", NULL, ATTEST_CERTIFICATE_EXPIRED,
		ATTEST_TCB_STATUS_UP_TO_DATE},
	{"SGX of a root that is not pinned", "sgx/intel-qvl-sample/quote.dat", {{QVL_SGX}}, {{0}},
		"2025-01-01T00:00:00Z", NULL, ATTEST_ROOT_NOT_TRUSTED, ATTEST_TCB_NONE},
	{"TDX 1.0", "tdx/phala/tdx_quote.bin", {{"tdx/phala/tdx_quote_collateral.json"}}, {{0}},
		"2025-06-19T10:32:27Z", NULL, ATTEST_NO_POLICY, ATTEST_TCB_STATUS_UP_TO_DATE},
	{"TDX 1.0 expired", "tdx/phala/tdx_quote.bin", {{"tdx/phala/tdx_quote_collateral.json"}},
		{{0}}, "2025-07-19T10:00:36Z", NULL, ATTEST_COLLATERAL_EXPIRED,
		ATTEST_TCB_STATUS_UP_TO_DATE},
	{"TDX 1.0 in hexadecimal", "tdx/phala/near_quote.hex",
		{{"tdx/phala/near_quote_collateral.json"}}, {{0}}, "2025-09-02T07:41:59Z", NULL,
		ATTEST_NO_POLICY, ATTEST_TCB_STATUS_UP_TO_DATE},
	{"TDX 1.0 in hexadecimal, expired", "tdx/phala/near_quote.hex",
		{{"tdx/phala/near_quote_collateral.json"}}, {{0}}, "2025-10-02T07:03:52Z", NULL,
		ATTEST_COLLATERAL_EXPIRED, ATTEST_TCB_STATUS_UP_TO_DATE},
	{"TDX 1.0 in hexadecimal that says so", "tdx/phala/tdx-quote.hex", {{0}}, {{0}},
		"2025-06-20T00:00:00Z", NULL, ATTEST_COLLATERAL_MISSING, ATTEST_TCB_NONE},
	{"another TDX 1.0 in hexadecimal", "tdx/phala/quote-from-tappd.hex", {{0}}, {{0}},
		"2025-06-20T00:00:00Z", NULL, ATTEST_COLLATERAL_MISSING, ATTEST_TCB_NONE},
	{"TDX 1.5 below all levels", "tdx/phala/tdx_quote_outdated.bin",
		{{"tdx/phala/tdx_quote_outdated_collateral.json"}}, {{0}}, "2026-02-20T00:00:00Z",
		NULL, ATTEST_TCB_NOT_SUPPORTED, ATTEST_TCB_NONE},
	{"TDX of a root given, another quoting enclave", "tdx/intel-qvl-sample/quote.dat",
		{{QVL_TDX}}, {{"tdx/intel-qvl-sample/trustedRootCaCert.pem"}},
		"2025-01-01T00:00:00Z", NULL, ATTEST_QE_IDENTITY_MISMATCH, ATTEST_TCB_NONE},
	{"TDX of a root that is not pinned", "tdx/intel-qvl-sample/quote.dat", {{QVL_TDX}}, {{0}},
		"2025-01-01T00:00:00Z", NULL, ATTEST_ROOT_NOT_TRUSTED, ATTEST_TCB_NONE},
	{"SNP in debug mode", "snp/go-sev-guest/attestation.bin",
		{{"snp/go-sev-guest/vcek.der", "snp/go-sev-guest/milan_ask_ark.pem"}}, {{0}},
		"2025-01-01T00:00:00Z", NULL, ATTEST_DEBUG_ENABLED, ATTEST_TCB_NONE},
	{"SNP, AMD's keys compiled in", "snp/trustee/test-report.bin",
		{{"snp/trustee/test-vcek.der"}}, {{0}}, "2025-01-01T00:00:00Z", NULL,
		ATTEST_REVOCATION_UNKNOWN, ATTEST_TCB_NONE},
	{"SNP by a policy that does without AMD's list", "snp/trustee/test-report.bin",
		{{"snp/trustee/test-vcek.der"}}, {{0}}, "2025-01-01T00:00:00Z",
		"{\"rules\": [{\"type\": \"snp\", \"claims\": {\"product_name\": \"Milan\","
		" \"policy\": \"000000000003001f\"}, \"tolerate\": \"REVOCATION_UNKNOWN\"}]}",
		ATTEST_ACCEPTED, ATTEST_TCB_NONE},
	{"SNP, the root given", "snp/trustee/test-report.bin", {{"snp/trustee/test-vcek.der"}},
		{{"snp/amd-roots/ask_ark_milan.pem"}}, "2025-01-01T00:00:00Z", NULL,
		ATTEST_REVOCATION_UNKNOWN, ATTEST_TCB_NONE},
	{"SNP, another root given", "snp/trustee/test-report.bin", {{"snp/trustee/test-vcek.der"}},
		{{"snp/amd-roots/ask_ark_genoa.pem"}}, "2025-01-01T00:00:00Z", NULL,
		ATTEST_ROOT_NOT_TRUSTED, ATTEST_TCB_NONE},
	{"SNP with a VCEK of nobody", "snp/trustee/test-report.bin",
		{{"snp/trustee/test-vcek-invalid-legacy.der"}}, {{0}}, "2025-01-01T00:00:00Z", NULL,
		ATTEST_REPORT_SIGNATURE_INVALID, ATTEST_TCB_NONE},
	{"SNP with another VCEK of nobody", "snp/trustee/test-report.bin",
		{{"snp/trustee/test-vcek-invalid-new.der"}}, {{0}}, "2025-01-01T00:00:00Z", NULL,
		ATTEST_REPORT_SIGNATURE_INVALID, ATTEST_TCB_NONE},
	{"SNP without a VCEK", "snp/trustee/test-report.bin", {{0}}, {{0}}, "2025-01-01T00:00:00Z",
		NULL, ATTEST_COLLATERAL_MISSING, ATTEST_TCB_NONE},
	{"SNP with a VLEK", "snp/trustee/test-vlek-report.bin", {{"snp/trustee/test-vlek.der"}},
		{{0}}, "2025-06-01T00:00:00Z", NULL, ATTEST_REVOCATION_UNKNOWN, ATTEST_TCB_NONE},
	{"SNP with a VLEK that has expired", "snp/trustee/test-vlek-report.bin",
		{{"snp/trustee/test-vlek.der"}}, {{0}}, "2026-01-01T00:00:00Z", NULL,
		ATTEST_CERTIFICATE_EXPIRED, ATTEST_TCB_NONE},
	{"TPM quote, its key not known", "tpm/trustee/tpm_evidence.json", {{0}}, {{0}},
		"2025-01-01T00:00:00Z", NULL, ATTEST_KEY_NOT_CERTIFIED, ATTEST_TCB_NONE},
	{"CSV without the certificates of its chip", "csv/trustee/csv_evidence.json", {{0}}, {{0}},
		"2025-01-01T00:00:00Z", NULL, ATTEST_KEY_NOT_CERTIFIED, ATTEST_TCB_NONE},
	{"CSV, Hygon's root given", "csv/trustee/csv_evidence.json", {{0}},
		{{"csv/trustee/hrk.cert"}}, "2025-01-01T00:00:00Z", NULL, ATTEST_KEY_NOT_CERTIFIED,
		ATTEST_TCB_NONE},
	{"a certificate of Rats-TLS", "ratls-certs/rats-tls-cert.pem", {{0}}, {{0}},
		"2023-02-22T17:00:00Z", NULL, ATTEST_DEBUG_ENABLED, ATTEST_TCB_NONE},
	{"a certificate of Rats-TLS, expired", "ratls-certs/rats-tls-cert.pem", {{0}}, {{0}},
		"2024-03-01T00:00:00Z", NULL, ATTEST_CERTIFICATE_EXPIRED, ATTEST_TCB_NONE},
	{"a certificate of Rats-TLS by a policy", "ratls-certs/rats-tls-cert.pem", {{0}}, {{0}},
		"2023-02-22T17:00:00Z",
		"{\"rules\": [{\"type\": \"sgx\", \"claims\": {\"mr_enclave\": "
		"\"563ef734a147af6c602391fdcb4761cdc4d7fe2cc1aee6e361c533\"}}]}",
		ATTEST_POLICY_NOT_MATCHED, ATTEST_TCB_NONE},
	{"an older certificate, bound otherwise", "ratls-certs/old-rats-tls-cert-sample.pem", {{0}},
		{{0}}, "2023-02-22T17:00:00Z", NULL, ATTEST_CERTIFICATE_NOT_BOUND, ATTEST_TCB_NONE},
	{"another older certificate, bound otherwise",
		"ratls-certs/old-rats-tls-cert-openssl-sample.pem", {{0}}, {{0}},
		"2023-02-22T17:00:00Z", NULL, ATTEST_CERTIFICATE_NOT_BOUND, ATTEST_TCB_NONE},
};

static void check_expectation(const struct expectation *expected, struct attest_result *result)
{
	struct attest_bytes evidence = vectors_read(expected->evidence);
	struct attest_collateral *collateral = NULL;
	struct attest_policy *policy = NULL;
	struct attest_error error;
	bool good;

	memset(result, 0, sizeof(*result));
	if (expected->policy &&
		attest_policy_new((struct attest_bytes){expected->policy, strlen(expected->policy)},
			&policy, &error) < 0) {
		result->verdict = error.verdict;
		memcpy(result->reason, error.reason, sizeof(result->reason));
	} else if (vectors_collateral(
			   &expected->collateral, &expected->roots, &collateral, &error) < 0) {
		result->verdict = error.verdict;
		memcpy(result->reason, error.reason, sizeof(result->reason));
	} else {
		attest_verify(evidence, collateral, policy, vectors_time(expected->at), result);
	}
	good = result->verdict == expected->verdict &&
	       result->claims[0].tcb_status == expected->status;
	test_report(good, expected->what, __FILE__, __LINE__);
	if (!good)
		printf("# got %s (%s), TCB status %s\n", attest_verdict_name(result->verdict),
			result->reason, attest_tcb_status_name(result->claims[0].tcb_status));
	attest_policy_free(policy);
	attest_collateral_free(collateral);
	free((void *)evidence.data);
}

/* Open Enclave's samples, good and bad by their names. Their signatures are of no key: what parses
 * is then found to lack its signer. */
static void check_json(const char *directory, const char *name, enum attest_verdict refused)
{
	bool is_good = strstr(name, "_ok") || strstr(name, "with_") ||
		       !strcmp(name, "tcbInfo.json") || !strcmp(name, "tcbInfoAdvisoryIds.json");
	struct attest_collateral *collateral = NULL;
	struct attest_error error = {0};
	struct attest_bytes item;
	char path[VECTORS_PATH_MAX];
	bool good;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	item = vectors_read(path);
	attest_collateral_new(&item, 1, NULL, 0, &collateral, &error) < 0 ? 0 : abort();
	good = is_good ? error.verdict == ATTEST_COLLATERAL_MISSING
		       : (error.verdict == refused ||
				 error.verdict == ATTEST_COLLATERAL_MALFORMED) &&
				 *error.reason;
	test_report(good, path, __FILE__, __LINE__);
	if (!good)
		printf("# got %s: %s\n", attest_verdict_name(error.verdict), error.reason);
	free((void *)item.data);
}

static void check_json_directory(const char *directory, enum attest_verdict refused)
{
	char path[2 * VECTORS_PATH_MAX];
	struct dirent *entry;
	DIR *dir;

	snprintf(path, sizeof(path), "%s/attestation/%s", vectors_directory(), directory);
	dir = opendir(path);
	CHECK(dir != NULL);
	while (dir && (entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			check_json(directory, entry->d_name, refused);
	if (dir)
		closedir(dir);
}

/* A TPM's message and signature, one after the other. */
static void check_bare_tpm(struct attest_result *result)
{
	struct attest_bytes message = vectors_read("tpm/keylime/quote.out");
	struct attest_bytes signature = vectors_read("tpm/keylime/quotesig.out");
	struct vector_files none = {{0}}, key = {{"tpm/keylime/akpub.pem"}},
			    other = {{"tpm/keylime/ekpub.pem"}};
	struct attest_collateral *collateral = NULL;
	struct attest_bytes evidence = {.size = message.size + signature.size};
	uint8_t *both = malloc(evidence.size + 1);
	struct attest_error error;

	memcpy(both, message.data, message.size);
	memcpy(both + message.size, signature.data, signature.size);
	evidence.data = both;
	CHECK_EQ(vectors_collateral(&none, &key, &collateral, &error), 0);
	CHECK_EQ(attest_verify(evidence, collateral, NULL, 0, result), ATTEST_NO_POLICY);
	CHECK(result->is_authentic && result->claims[0].tpm.quoted == 0x418000);
	CHECK(!memcmp(result->claims[0].report_data.bytes, "\xdb\x1d\xb2\x98", 4));
	attest_collateral_free(collateral);
	CHECK_EQ(vectors_collateral(&none, &other, &collateral, &error), 0);
	CHECK_EQ(attest_verify(evidence, collateral, NULL, 0, result),
		ATTEST_QUOTE_SIGNATURE_INVALID);
	attest_collateral_free(collateral);
	free(both);
	free((void *)message.data);
	free((void *)signature.data);
}

/* Real evidence with a bit changed, or cut off, must not be authentic. What does not bear on that
 * (TCB info) is left out, where it would have a say of its own. */
struct damage {
	const char *evidence;
	struct vector_files collateral, roots;
	const char *at;
	struct bytes (*decode)(const char *name); /* to what a signature covers, and it */
	void (*encode)(const struct bytes *bytes, struct bytes *to); /* NULL: as it is */
	size_t from, to;                                             /* bytes that all matter */
	unsigned int step; /* 1: every bit; otherwise this many are passed over */
};

static struct bytes decode_file(const char *name)
{
	struct attest_bytes read = vectors_read(name);
	struct bytes bytes = {0};

	bytes_put(&bytes, read.data, read.size);
	free((void *)read.data);
	return bytes;
}

static struct bytes decode_hex(const char *name)
{
	struct bytes text = decode_file(name), bytes = {0};

	for (size_t i = text.size > 1 && text.data[1] == 'x' ? 2 : 0; i + 1 < text.size; i += 2) {
		char digits[3] = {(char)text.data[i], (char)text.data[i + 1]};

		bytes_put_le(&bytes, strtoul(digits, NULL, 16), 1);
	}
	bytes_done(&text);
	return bytes;
}

static struct bytes decode_pem(const char *name)
{
	struct bytes text = decode_file(name), bytes = {0};
	BIO *bio = BIO_new_mem_buf(text.data, (int)text.size);
	X509 *certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	pki_put_der(&bytes, certificate);
	X509_free(certificate);
	BIO_free(bio);
	bytes_done(&text);
	return bytes;
}

static struct bytes decode_json(const char *name, json_t **ret_json)
{
	struct bytes text = decode_file(name);

	*ret_json = json_loadb((char *)text.data, text.size, 0, NULL);
	bytes_done(&text);
	return (struct bytes){0};
}

#define TPM_JSON "tpm/trustee/tpm_evidence.json"
#define TPM_MESSAGE_SIZE 177
#define CSV_JSON "csv/trustee/csv_evidence.json"

static void put_base64_member(json_t *object, const char *name, const void *bytes, size_t size)
{
	struct bytes text = {0};

	bytes_put_base64(&text, (struct span){bytes, size});
	json_object_set_new(object, name, json_stringn((char *)text.data, text.size));
	bytes_done(&text);
}

static void put_json(json_t *json, struct bytes *to)
{
	char *text = json_dumps(json, JSON_COMPACT);

	bytes_put_text(to, text);
	free(text);
	json_decref(json);
}

static void put_from_base64(struct bytes *to, const json_t *text)
{
	size_t size = json_string_length(text);
	uint8_t *bytes = malloc(size + 4);
	int count = EVP_DecodeBlock(bytes, (const uint8_t *)json_string_value(text), (int)size);

	for (size_t i = size; i && json_string_value(text)[i - 1] == '='; i--)
		count--;
	bytes_put(to, bytes, count > 0 ? (size_t)count : 0);
	free(bytes);
}

/* The message of a TPM, its signature, and the values of the PCRs, one after another. */
static struct bytes decode_tpm(const char *name)
{
	json_t *json, *quote, *value;
	struct bytes bytes = decode_json(name, &json);
	size_t i;

	quote = json_object_get(json, "tpm_quote");
	put_from_base64(&bytes, json_object_get(quote, "message"));
	put_from_base64(&bytes, json_object_get(quote, "signature"));
	json_array_foreach(json_object_get(quote, "pcrs"), i, value)
	{
		for (size_t j = 0; j + 1 < json_string_length(value); j += 2) {
			char digits[3] = {
				json_string_value(value)[j], json_string_value(value)[j + 1]};

			bytes_put_le(&bytes, strtoul(digits, NULL, 16), 1);
		}
	}
	json_decref(json);
	return bytes;
}

static void encode_tpm(const struct bytes *bytes, struct bytes *to)
{
	json_t *json, *quote, *pcrs = json_array();
	size_t pcrs_at = bytes->size - 24 * 32;

	decode_json(TPM_JSON, &json);
	quote = json_object_get(json, "tpm_quote");
	put_base64_member(quote, "message", bytes->data, TPM_MESSAGE_SIZE);
	put_base64_member(
		quote, "signature", bytes->data + TPM_MESSAGE_SIZE, pcrs_at - TPM_MESSAGE_SIZE);
	for (size_t i = 0; i < 24; i++) {
		struct bytes hex = {0};

		bytes_put_hex(&hex, bytes->data + pcrs_at + 32 * i, 32);
		json_array_append_new(pcrs, json_stringn((char *)hex.data, hex.size));
		bytes_done(&hex);
	}
	json_object_set_new(quote, "pcrs", pcrs);
	put_json(json, to);
}

static struct bytes decode_csv(const char *name)
{
	json_t *json, *value;
	struct bytes bytes = decode_json(name, &json);
	size_t i;

	json_array_foreach(json_object_get(json_object_get(json, "attestation_report"), "data"), i,
		value) bytes_put_le(&bytes, (uint64_t)json_integer_value(value), 1);
	json_decref(json);
	return bytes;
}

static void encode_csv(const struct bytes *bytes, struct bytes *to)
{
	json_t *data = json_array();

	for (size_t i = 0; i < bytes->size; i++)
		json_array_append_new(data, json_integer(bytes->data[i]));
	put_json(json_pack("{s:{s:o}}", "attestation_report", "data", data), to);
}

static struct bytes decode_keylime(const char *name)
{
	struct bytes bytes = decode_file(name), signature = decode_file("tpm/keylime/quotesig.out");

	bytes_put(&bytes, signature.data, signature.size);
	bytes_done(&signature);
	return bytes;
}

static const struct damage damages[] = {
	{"sgx/phala/sgx_quote.bin", {{"sgx/phala/sgx_quote_collateral.json"}}, {{0}},
		"2025-06-20T00:00:00Z", decode_file, NULL, 0, 1046, 11},
	{"sgx/intel-qvl-sample/quote.dat", {{QVL_SGX}},
		{{"sgx/intel-qvl-sample/trustedRootCaCert.pem"}}, "2025-01-01T00:00:00Z",
		decode_file, NULL, 0, 1034, 11},
	{"tdx/phala/tdx_quote.bin", {{"tdx/phala/tdx_quote_collateral.json"}}, {{0}},
		"2025-06-20T00:00:00Z", decode_file, NULL, 0, 1250, 11},
	{"tdx/phala/near_quote.hex", {{"tdx/phala/near_quote_collateral.json"}}, {{0}},
		"2025-09-20T00:00:00Z", decode_hex, NULL, 0, 1250, 29},
	{"tdx/phala/tdx-quote.hex", {{0}}, {{0}}, "2025-06-20T00:00:00Z", decode_hex, NULL, 0, 1250,
		29},
	{"tdx/phala/quote-from-tappd.hex", {{0}}, {{0}}, "2025-06-20T00:00:00Z", decode_hex, NULL,
		0, 1250, 29},
	{"tdx/phala/tdx_quote_outdated.bin", {{0}}, {{0}}, "2026-02-20T00:00:00Z", decode_file,
		NULL, 0, 1320, 11},
	{"tdx/intel-qvl-sample/quote.dat", {{0}}, {{"tdx/intel-qvl-sample/trustedRootCaCert.pem"}},
		"2025-01-01T00:00:00Z", decode_file, NULL, 0, 1234, 11},
	{"snp/trustee/test-report.bin", {{"snp/trustee/test-vcek.der"}}, {{0}},
		"2025-01-01T00:00:00Z", decode_file, NULL, 0, 0x330, 1},
	{"snp/trustee/test-vlek-report.bin", {{"snp/trustee/test-vlek.der"}}, {{0}},
		"2025-06-01T00:00:00Z", decode_file, NULL, 0, 0x330, 1},
	{"snp/go-sev-guest/attestation.bin", {{"snp/go-sev-guest/vcek.der"}}, {{0}},
		"2025-01-01T00:00:00Z", decode_file, NULL, 0, 0x330, 1},
	{"tpm/keylime/quote.out", {{0}}, {{"tpm/keylime/akpub.pem"}}, "2025-01-01T00:00:00Z",
		decode_keylime, NULL, 0, 133 + 262, 1},
	{TPM_JSON, {{0}}, {{0}}, "2025-01-01T00:00:00Z", decode_tpm, encode_tpm, 0,
		TPM_MESSAGE_SIZE + 262 + 24 * 32, 1},
	/* What is signed, and the signature's two numbers. */
	{CSV_JSON, {{0}}, {{0}}, "2025-01-01T00:00:00Z", decode_csv, encode_csv, 0, 180, 1},
	{CSV_JSON, {{0}}, {{0}}, "2025-01-01T00:00:00Z", decode_csv, encode_csv, 192, 336, 1},
	{"ratls-certs/rats-tls-cert.pem", {{0}}, {{0}}, "2023-02-22T17:00:00Z", decode_pem, NULL, 0,
		SIZE_MAX, 61},
};

/* A prime that no step has in common. */
#ifdef __SANITIZE_ADDRESS__
#define DAMAGE_TIMES 37
#else
#define DAMAGE_TIMES 1
#endif

static bool is_authentic(const struct damage *damage, const struct bytes *bytes,
	const struct attest_collateral *collateral, struct attest_result *result)
{
	/* In memory of just that size. */
	struct attest_bytes evidence = {malloc(bytes->size + !bytes->size), bytes->size};
	struct bytes encoded = {0};

	if (bytes->size)
		memcpy((void *)evidence.data, bytes->data, bytes->size);
	if (damage->encode) {
		damage->encode(bytes, &encoded);
		attest_verify((struct attest_bytes){encoded.data, encoded.size}, collateral, NULL,
			vectors_time(damage->at), result);
	} else {
		attest_verify(evidence, collateral, NULL, vectors_time(damage->at), result);
	}
	bytes_done(&encoded);
	free((void *)evidence.data);
	return result->is_authentic;
}

static size_t count_flips(const struct damage *damage, struct bytes *bytes,
	const struct attest_collateral *collateral, struct attest_result *result)
{
	size_t verified = 0, to = MIN(damage->to, bytes->size);

	for (size_t bit = 8 * damage->from; bit < 8 * to; bit += damage->step * DAMAGE_TIMES) {
		bytes->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (is_authentic(damage, bytes, collateral, result)) {
			printf("# byte %zu, bit %zu does not matter\n", bit / 8, bit % 8);
			verified++;
		}
		bytes->data[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	return verified;
}

/* What it ends in may be zeros that nobody needs: only up to @to is it too short. */
static size_t count_beginnings(const struct damage *damage, const struct bytes *bytes,
	const struct attest_collateral *collateral, struct attest_result *result)
{
	size_t verified = 0, to = MIN(damage->to, bytes->size);

	for (size_t size = 0; size < bytes->size && !damage->encode; size++) {
		struct bytes part = {bytes->data, size};

		verified += is_authentic(damage, &part, collateral, result) && size < to;
	}
	return verified;
}

static void check_damage(const struct damage *damage, struct attest_result *result)
{
	struct bytes bytes = damage->decode(damage->evidence);
	struct attest_collateral *collateral = NULL;
	struct attest_error error;

	CHECK_EQ(vectors_collateral(&damage->collateral, &damage->roots, &collateral, &error), 0);
	CHECK(is_authentic(damage, &bytes, collateral, result));
	test_report(count_flips(damage, &bytes, collateral, result) == 0, damage->evidence,
		__FILE__, __LINE__);
	CHECK_EQ(count_beginnings(damage, &bytes, collateral, result), 0);
	attest_collateral_free(collateral);
	bytes_done(&bytes);
}

int main(void)
{
	struct attest_result *result;

	if (!*vectors_directory()) {
		test_skip(
			"real evidence", "there is none here; CASEMATE_VECTORS names where it is");
		return test_done();
	}
	result = malloc(sizeof(*result));
	for (size_t i = 0; i < ARRAY_SIZE(expectations); i++)
		check_expectation(&expectations[i], result);
	for (size_t i = 0; i < ARRAY_SIZE(damages); i++)
		check_damage(&damages[i], result);
	check_bare_tpm(result);
	check_json_directory(
		"sgx/openenclave/json-negatives/tcbinfo/data", ATTEST_TCB_INFO_MALFORMED);
	check_json_directory(
		"sgx/openenclave/json-negatives/tcbinfo/data_v2", ATTEST_TCB_INFO_MALFORMED);
	check_json_directory(
		"sgx/openenclave/json-negatives/qeidentity/data", ATTEST_QE_IDENTITY_MALFORMED);
	check_json_directory(
		"sgx/openenclave/json-negatives/qeidentity/data_v2", ATTEST_QE_IDENTITY_MALFORMED);
	free(result);
	return test_done();
}
