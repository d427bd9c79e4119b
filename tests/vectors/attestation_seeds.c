/* Writes what the fuzzers of attestation begin with, and what the manual pages' examples verify:
 *
 *	attestation_seeds DIRECTORY [VECTORS]
 *
 * Genuine evidence under authorities that are made here, and of VECTORS (real evidence, if it is
 * there) the names. fuzz_attestation.c says what the files are called. */
#include <unistd.h>

#include "attestation/csv_fixture.h"
#include "attestation/dcap_fixture.h"
#include "attestation/evidence_fixture.h"
#include "attestation/signature.h"
#include "attestation/snp_fixture.h"
#include "attestation/tpm_fixture.h"
#include "attestation/tpm_quote.h"
#include "base/compiler.h"

#define PATH_SIZE 600

static const char *directory, *vectors;

static void write_file(const char *name, struct span bytes)
{
	char path[PATH_SIZE];
	FILE *file;

	snprintf(path, sizeof(path), "%s/%s", directory, name);
	file = fopen(path, "wb");
	if (!file || fwrite(bytes.data, 1, bytes.size, file) != bytes.size || fclose(file)) {
		perror(path);
		exit(1);
	}
}

static void append_name(const char *parser, const char *path)
{
	char list[PATH_SIZE];
	FILE *file;
	long size;

	snprintf(list, sizeof(list), "%s/%s.list", directory, parser);
	file = fopen(list, "ab");
	if (!file || fseek(file, 0, SEEK_END) || (size = ftell(file)) < 0 ||
		fprintf(file, "%s%s", size ? "," : "", path) < 0 || fclose(file)) {
		perror(list);
		exit(1);
	}
}

static void put(const char *parser, const char *name, struct span bytes)
{
	char file[PATH_SIZE], path[PATH_SIZE];

	snprintf(file, sizeof(file), "%s-%s", parser, name);
	write_file(file, bytes);
	snprintf(path, sizeof(path), "%.400s/%.100s", directory, file);
	append_name(parser, path);
}

static void put_text(const char *parser, const char *name, const char *text)
{
	put(parser, name, (struct span){(const uint8_t *)text, strlen(text)});
}

static void put_bytes(const char *parser, const char *name, struct bytes *bytes)
{
	put(parser, name, bytes_span(bytes));
	bytes_done(bytes);
}

static void put_trust(const char *parser, const char *suffix, const struct bytes *bytes)
{
	char file[PATH_SIZE];

	snprintf(file, sizeof(file), "%s.%s", parser, suffix);
	write_file(file, bytes_span(bytes));
}

/* Intel's */

static void put_quotes(const struct dcap_fixture *fixture, const char *parser,
	const struct dcap_fixture_options *options, size_t count)
{
	struct bytes collateral = {0}, root = {0};

	dcap_fixture_collateral(fixture, &options[0], &collateral);
	dcap_fixture_root(fixture, &root);
	put_trust(parser, "collateral", &collateral);
	put_trust(parser, "root", &root);
	put_trust("collateral", "root", &root);
	put("collateral", parser, bytes_span(&collateral));
	for (size_t i = 0; i < count; i++) {
		char name[8];
		struct bytes quote = {0};

		snprintf(name, sizeof(name), "%zu", i);
		dcap_fixture_quote(fixture, &options[i], &quote);
		put_bytes(parser, name, &quote);
	}
	bytes_done(&collateral);
	bytes_done(&root);
}

static void put_tcb_info(const char *name, const struct dcap_fixture_options *options)
{
	struct bytes info = {0}, identity = {0};

	dcap_fixture_tcb_info(options, &info);
	dcap_fixture_identity(options, &identity);
	put_bytes("tcb_info", name, &info);
	put_bytes("qe_identity", name, &identity);
}

static void put_intel(void)
{
	static const struct dcap_fixture_options sgx[] = {{.report_data = "nonce"}, {.version = 4},
		{.version = 5}, {.certification = 4}, {.is_der = true},
		{.version = 4, .certification = 2}};
	static const struct dcap_fixture_options tdx[] = {
		{.version = 4, .is_tdx = true, .advisory = "INTEL-SA-00001"},
		{.version = 5, .is_tdx = true}, {.version = 5, .is_tdx = true, .is_1_5 = true}};
	struct bytes pem = {0}, der = {0}, list = {0};
	struct dcap_fixture fixture;

	dcap_fixture_init(&fixture);
	put_quotes(&fixture, "dcap_quote", sgx, ARRAY_SIZE(sgx));
	put_quotes(&fixture, "td_quote", tdx, ARRAY_SIZE(tdx));
	put_tcb_info("sgx", &sgx[0]);
	put_tcb_info("tdx", &tdx[0]);
	put_tcb_info("second", &(struct dcap_fixture_options){.tcb_version = 2});
	put_tcb_info(
		"first", &(struct dcap_fixture_options){.tcb_version = 1, .identity_version = 1});
	pki_crl(&(struct pki_list){.issuer = fixture.ca, .key = fixture.ca_key, .revoked = 5},
		&list);
	put_bytes("crl", "0", &list);
	pki_put_der(&der, fixture.pck);
	put_bytes("certificate", "pck", &der);
	pki_put_pem(&pem, fixture.pck);
	pki_put_pem(&pem, fixture.ca);
	put("certificate", "pem", bytes_span(&pem));
	put_bytes("pem", "0", &pem);
	dcap_fixture_done(&fixture);
}

/* AMD's */

static void put_reports(const struct snp_fixture *fixture)
{
	static const struct snp_fixture_options options[] = {
		{0}, {.product = "Turin-C1", .family = "Milan", .version = 5}};
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		struct snp_evidence evidence = {0};
		struct bytes table = {0};
		char name[8];

		snprintf(name, sizeof(name), "%zu", i);
		snp_fixture_make(fixture, &options[i], &evidence);
		snp_fixture_put_table(&evidence, &table);
		bytes_put(&evidence.report, table.data, table.size);
		put("snp_report", name, bytes_span(&evidence.report));
		put("snp_table", name, bytes_span(&table));
		put("certificate", name, bytes_span(&evidence.chip));
		put("crl", i ? "snp" : "amd", bytes_span(&evidence.list));
		if (i == 0) {
			put_trust("snp_report", "root", &evidence.root);
			put_trust("snp_report", "collateral", &evidence.list);
		}
		bytes_done(&table);
		snp_evidence_done(&evidence);
	}
}

static void put_amd(void)
{
	struct snp_fixture fixture;

	snp_fixture_init(&fixture);
	put_reports(&fixture);
	snp_fixture_done(&fixture);
}

/* Hygon's */

static void put_hygon(void)
{
	struct csv_evidence evidence = {0};
	struct csv_fixture fixture;
	struct span cek;

	csv_fixture_init(&fixture);
	csv_fixture_make(&fixture, &(struct csv_fixture_options){0}, &evidence);
	put("csv_report", "0", bytes_span(&evidence.evidence));
	put_trust("csv_report", "collateral", &evidence.chain);
	put_trust("csv_report", "root", &evidence.root);
	put("collateral", "csv", bytes_span(&evidence.chain));
	if (span_slice(bytes_span(&evidence.chain), 832, 2084, &cek))
		put("csv_certificate", "0", cek);
	csv_evidence_done(&evidence);
	csv_fixture_done(&fixture);
}

/* TPMs' */

static void put_tpm_public(EVP_PKEY *key)
{
	struct bytes public = {0};
	uint8_t point[64];

	pki_point(key, 32, point);
	bytes_put_be(&public, TPM_ALG_ECC, 2);
	bytes_put_be(&public, TPM_ALG_SHA256, 2);
	bytes_put_zero(&public, 4 + 2);
	bytes_put_be(&public, 0x0010, 2); /* no symmetric cipher */
	bytes_put_be(&public, 0x0010, 2); /* no scheme */
	bytes_put_be(&public, 0x0003, 2); /* P-256 */
	bytes_put_be(&public, 0x0010, 2); /* no key derivation */
	bytes_put_be(&public, 32, 2);
	bytes_put(&public, point, 32);
	bytes_put_be(&public, 32, 2);
	bytes_put(&public, point + 32, 32);
	put_bytes("tpm_public", "0", &public);
}

static void put_tpm_json(EVP_PKEY *key, const struct tpm_fixture_quote *quote,
	const struct tpm_fixture_options *options)
{
	struct bytes json = {0}, log = {0};
	uint8_t *der = NULL, pcrs[2][32];
	int size = i2d_PUBKEY(key, &der);

	tpm_fixture_put_log(&log, pcrs);
	bytes_put_text(&json, "{\"tpm_quote\":");
	tpm_fixture_put_json(quote, options, &json);
	bytes_put_text(&json, ",\"ak_public\":\"");
	bytes_put_base64(&json, (struct span){der, (size_t)size});
	bytes_put_text(&json, "\"}");
	put_bytes("tpm_quote", "json", &json);
	put_bytes("event_log", "0", &log);
	OPENSSL_free(der);
}

static void put_tpm(void)
{
	static const struct tpm_fixture_options options = {.scheme = TPM_ALG_ECDSA};
	struct tpm_fixture_quote quote = {0};
	EVP_PKEY *key = pki_key("P-256");
	struct bytes root = {0};

	tpm_fixture_make(key, &options, &quote);
	put_tpm_json(key, &quote, &options);
	bytes_put(&quote.message, quote.signature.data, quote.signature.size);
	put("tpm_quote", "0", bytes_span(&quote.message));
	bytes_put_public_pem(&root, key);
	put_trust("tpm_quote", "root", &root);
	put_tpm_public(key);
	tpm_fixture_quote_done(&quote);
	bytes_done(&root);
	EVP_PKEY_free(key);
}

/* A virtual TPM below TDX. */
static void put_vtpm(void)
{
	static const char runtime[] = "{\"keys\":[{\"kid\":\"HCLAkPub\",\"kty\":\"RSA\",\"n\":\"";
	struct dcap_fixture_options options = {.version = 4, .is_tdx = true};
	static const struct tpm_fixture_options tpm_options = {0};
	struct bytes json = {0}, data = {0}, quote = {0}, root = {0}, collateral = {0};
	struct tpm_fixture_quote tpm = {0};
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_PKEY *key = pki_key("RSA");
	struct dcap_fixture fixture;
	struct span part;

	bytes_put_text(&data, runtime);
	tpm_fixture_put_modulus(key, &data);
	bytes_put_text(&data, "\",\"e\":\"AQAB\"}]}");
	part = bytes_span(&data);
	if (signature_digest("SHA256", &part, 1, digest) != 32)
		abort();
	options.report_digest = digest;
	dcap_fixture_init(&fixture);
	dcap_fixture_quote(&fixture, &options, &quote);
	dcap_fixture_collateral(&fixture, &options, &collateral);
	dcap_fixture_root(&fixture, &root);
	tpm_fixture_make(key, &tpm_options, &tpm);
	bytes_put_text(&json, "{\"quote\":\"");
	bytes_put_base64(&json, bytes_span(&quote));
	bytes_put_text(&json, "\",\"runtime_data\":\"");
	bytes_put_base64(&json, bytes_span(&data));
	bytes_put_text(&json, "\",\"tpm_quote\":");
	tpm_fixture_put_json(&tpm, &tpm_options, &json);
	bytes_put_text(&json, "}");
	put_bytes("vtpm", "0", &json);
	put_trust("vtpm", "collateral", &collateral);
	put_trust("vtpm", "root", &root);
	bytes_done(&data);
	bytes_done(&quote);
	bytes_done(&root);
	bytes_done(&collateral);
	tpm_fixture_quote_done(&tpm);
	dcap_fixture_done(&fixture);
	EVP_PKEY_free(key);
}

/* Casemate's, alone and in a certificate. */
static void put_simulation(void)
{
	struct attest_claims claims = {.product = 7, .measurement.size = 32, .signer.size = 32};
	struct attest_platform *platform = NULL;
	EVP_PKEY *key = pki_key("P-256");
	struct attest_error error;
	struct bytes private = {0}, evidence = {0};
	char *pem = NULL;

	bytes_put_private_pem(&private, key);
	if (attest_platform_simulation_new(&claims, &platform) < 0 ||
		attest_evidence_new(platform, (struct attest_bytes){"nonce", 5}, &evidence.data,
			&evidence.size, &error) < 0 ||
		attest_ratls_certificate_make(platform, given(&private), PKI_FIXTURE_FROM,
			PKI_FIXTURE_TO, &pem, &error) < 0)
		abort();
	put_bytes("casemate", "0", &evidence);
	put_text("ratls", "0", pem);
	put_text("pem", "ratls", pem);
	put("cbor", "0",
		(struct span){(const uint8_t *)"\xd9\xea\x60\x82\x41\x00\xa1\x61\x61\x01", 10});
	free(pem);
	bytes_done(&private);
	EVP_PKEY_free(key);
	attest_platform_free(platform);
}

static void put_policies(void)
{
	put_text("policy", "0",
		"{\"rules\":[{\"name\":\"a\",\"type\":\"sgx\",\"signer\":[\"aa\",\"bb\"],"
		"\"product\":1,"
		"\"min_svn\":2,\"debug\":true,\"tcb_status\":[\"UpToDate\"],\"advisories\":[\"A\"],"
		"\"tcb_grace_s\":5,\"tolerate\":\"HASH_WEAK\",\"claims\":{\"misc_select\":0},"
		"\"jq\":"
		"\".svn >= 3\"},{\"type\":\"tpm\",\"nonce\":\"00\",\"pcrs\":{\"4\":[\"aa\"]},"
		"\"nested\":[{\"type\":\"hypervisor\",\"measurement\":\"aa\",\"host_data\":\"bb\"}]"
		"}]}");
	put_text("policy_jq", "0", ".svn >= 3 and (.pcrs[\"4\"] == \"aa\" or .debug != true)");
	put_text(
		"policy_jq", "1", ".advisories | map(select(startswith(\"INTEL\"))) | length == 0");
}

static const struct {
	const char *parser, *path;
} real[] = {
	{"dcap_quote", "sgx/phala/sgx_quote.bin"},
	{"dcap_quote", "sgx/intel-qvl-sample/quote.dat"},
	{"dcap_quote", "sgx/openenclave/sgx_report_bad.bin"},
	{"td_quote", "tdx/phala/tdx_quote.bin"},
	{"td_quote", "tdx/phala/tdx_quote_outdated.bin"},
	{"td_quote", "tdx/intel-qvl-sample/quote.dat"},
	{"snp_report", "snp/trustee/test-report.bin"},
	{"snp_report", "snp/trustee/test-vlek-report.bin"},
	{"certificate", "snp/trustee/test-vcek.der"},
	{"certificate", "snp/trustee/test-vlek.der"},
	{"csv_report", "csv/trustee/csv_evidence.json"},
	{"csv_certificate", "csv/trustee/hrk.cert"},
	{"tpm_quote", "tpm/trustee/tpm_evidence.json"},
	{"ratls", "ratls-certs/rats-tls-cert.pem"},
	{"collateral", "sgx/phala/sgx_quote_collateral.json"},
	{"collateral", "tdx/phala/tdx_quote_collateral.json"},
	{"crl", "sgx/intel-qvl-sample/rootCaCrl.der"},
	{"crl", "sgx/intel-qvl-sample/intermediateCaCrl.der"},
};

static void put_real(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(real); i++) {
		char path[PATH_SIZE];

		snprintf(path, sizeof(path), "%s/attestation/%s", vectors, real[i].path);
		if (access(path, R_OK) == 0)
			append_name(real[i].parser, path);
	}
}

int main(int argc, char **argv)
{
	if (argc < 2)
		return 2;
	directory = argv[1];
	vectors = argc > 2 ? argv[2] : "";
	put_intel();
	put_amd();
	put_hygon();
	put_tpm();
	put_vtpm();
	put_simulation();
	put_policies();
	put_real();
	return 0;
}
