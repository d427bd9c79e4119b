/* Quotes of a TPM by each scheme, and of a virtual one below hardware of each kind. */
#include "attestation/dcap_fixture.h"
#include "attestation/evidence_fixture.h"
#include "attestation/signature.h"
#include "attestation/snp_fixture.h"
#include "attestation/tpm_fixture.h"
#include "attestation/tpm_quote.h"
#include "base/compiler.h"
#include "base/test.h"

struct keys {
	EVP_PKEY *rsa, *p256, *p384;
	struct snp_fixture snp;
	struct dcap_fixture dcap;
};

static void report_verdict(
	const struct attest_result *result, enum attest_verdict expected, const char *what)
{
	test_report(result->verdict == expected, what, __FILE__, __LINE__);
	if (result->verdict != expected)
		printf("# got %s: %s\n", attest_verdict_name(result->verdict), result->reason);
}

/* A TPM's own quote, its key pinned. */

enum key_kind { RSA_2048, P_256, P_384 };

static const struct {
	const char *what;
	enum key_kind key;
	struct tpm_fixture_options options;
	enum attest_verdict verdict;
} schemes[] = {
	{"RSASSA, SHA-256", RSA_2048, {0}, ATTEST_NO_POLICY},
	{"RSAPSS, SHA-256", RSA_2048, {.scheme = TPM_ALG_RSAPSS}, ATTEST_NO_POLICY},
	{"RSASSA, SHA-384", RSA_2048, {.hash = TPM_ALG_SHA384}, ATTEST_NO_POLICY},
	{"RSAPSS, SHA-384 over PCRs of SHA-384", RSA_2048,
		{.scheme = TPM_ALG_RSAPSS, .hash = TPM_ALG_SHA384, .bank = TPM_ALG_SHA384},
		ATTEST_NO_POLICY},
	{"ECDSA on P-256", P_256, {.scheme = TPM_ALG_ECDSA}, ATTEST_NO_POLICY},
	{"ECDSA on P-384, SHA-384", P_384, {.scheme = TPM_ALG_ECDSA, .hash = TPM_ALG_SHA384},
		ATTEST_NO_POLICY},
	{"all PCRs", RSA_2048, {.quoted = 0xffffff}, ATTEST_NO_POLICY},
	{"no nonce", RSA_2048, {.is_nonce_absent = true}, ATTEST_NO_POLICY},
	{"signed over SHA-1", RSA_2048, {.hash = TPM_ALG_SHA1}, ATTEST_HASH_WEAK},
	{"PCRs of SHA-1", RSA_2048, {.bank = TPM_ALG_SHA1}, ATTEST_HASH_WEAK},
	{"a digest of other PCRs", RSA_2048, {.is_digest_wrong = true}, ATTEST_PCR_DIGEST_MISMATCH},
};

static EVP_PKEY *key_of(const struct keys *keys, enum key_kind kind)
{
	return kind == RSA_2048 ? keys->rsa : kind == P_256 ? keys->p256 : keys->p384;
}

static void put_evidence(EVP_PKEY *key, const struct tpm_fixture_options *options, struct bytes *to)
{
	struct tpm_fixture_quote quote = {0};
	uint8_t *der = NULL;
	int size = i2d_PUBKEY(key, &der);

	if (size <= 0)
		abort();
	tpm_fixture_make(key, options, &quote);
	bytes_put_text(to, "{\"tpm_quote\":");
	tpm_fixture_put_json(&quote, options, to);
	bytes_put_text(to, ",\"ak_public\":\"");
	bytes_put_base64(to, (struct span){der, (size_t)size});
	bytes_put_text(to, "\"}");
	OPENSSL_free(der);
	tpm_fixture_quote_done(&quote);
}

static void check_schemes(const struct keys *keys, struct attest_result *result)
{
	for (size_t i = 0; i < ARRAY_SIZE(schemes); i++) {
		EVP_PKEY *key = key_of(keys, schemes[i].key);
		struct bytes evidence = {0}, root = {0};
		struct attest_collateral *collateral;

		put_evidence(key, &schemes[i].options, &evidence);
		bytes_put_public_pem(&root, key);
		collateral = fixture_collateral(NULL, &root);
		attest_verify(given(&evidence), collateral, NULL, PKI_FIXTURE_NOW, result);
		report_verdict(result, schemes[i].verdict, schemes[i].what);
		attest_collateral_free(collateral);
		bytes_done(&evidence);
		bytes_done(&root);
	}
}

/* Message and signature alone: every bit of both counts, and nothing may follow but zeros. */
static void check_bare(EVP_PKEY *key, const struct tpm_fixture_options *options, size_t step,
	struct attest_result *result)
{
	struct tpm_fixture_quote quote = {0};
	struct attest_collateral *collateral;
	struct bytes root = {0};
	size_t size;

	tpm_fixture_make(key, options, &quote);
	bytes_put_public_pem(&root, key);
	collateral = fixture_collateral(NULL, &root);
	bytes_put(&quote.message, quote.signature.data, quote.signature.size);
	CHECK_EQ(attest_verify(given(&quote.message), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_NO_POLICY);
	CHECK_EQ(fixture_flips_that_verify(
			 &quote.message, quote.message.size, step, collateral, result),
		0);
	CHECK_EQ(fixture_beginnings_that_verify(&quote.message, collateral, result), 0);
	size = quote.message.size;
	bytes_put_zero(&quote.message, 1);
	CHECK_EQ(attest_verify(given(&quote.message), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_EVIDENCE_MALFORMED);
	quote.message.data[size] = 1;
	CHECK_EQ(attest_verify(given(&quote.message), collateral, NULL, PKI_FIXTURE_NOW, result),
		ATTEST_EVIDENCE_MALFORMED);
	attest_collateral_free(collateral);
	tpm_fixture_quote_done(&quote);
	bytes_done(&root);
}

/* A virtual TPM. */

enum hardware { SNP, SNP_HCL, TDX };

struct vtpm_options {
	enum hardware hardware;
	bool is_runtime_changed, is_key_absent, is_key_named_otherwise, is_quote_of_another;
	bool is_hcl_short, is_hcl_hash_unknown, is_runtime_no_json;
	struct snp_fixture_options snp;
	struct tpm_fixture_options tpm;
	struct dcap_fixture_options dcap;
};

static void put_runtime(
	const struct keys *keys, const struct vtpm_options *options, struct bytes *to)
{
	if (options->is_runtime_no_json) {
		bytes_put_text(to, "keys");
		return;
	}
	bytes_put_text(to, "{\"keys\":[{\"kid\":\"HCLEkPub\",\"kty\":\"RSA\"}");
	if (!options->is_key_absent) {
		bytes_put_text(to, options->is_key_named_otherwise ? ",{\"kid\":\"HCLAkPub2\","
								   : ",{\"kid\":\"HCLAkPub\",");
		bytes_put_text(to, "\"kty\":\"RSA\",\"n\":\"");
		tpm_fixture_put_modulus(keys->rsa, to);
		bytes_put_text(to, "\",\"e\":\"AQAB\"}");
	}
	bytes_put_text(to, "]}");
}

/* A paravisor's report: a header, the chip's report, what follows it. */
static void put_hcl(struct bytes *to, const struct vtpm_options *options,
	const struct bytes *report, const struct bytes *runtime)
{
	bytes_put_text(to, "HCLA");
	bytes_put_zero(to, 28);
	bytes_put(to, report->data, report->size);
	bytes_put_zero(to, 12);
	bytes_put_le(to, options->is_hcl_hash_unknown ? 2 : 1, 4);
	bytes_put_le(to, runtime->size + options->is_hcl_short, 4);
	bytes_put(to, runtime->data, runtime->size);
}

static void put_member(struct bytes *to, const char *name, const struct bytes *value)
{
	bytes_put_text(to, name);
	bytes_put_base64(to, bytes_span(value));
	bytes_put_text(to, "\",");
}

struct vtpm_evidence {
	struct bytes json, root, collateral, chip, list;
};

static void vtpm_evidence_done(struct vtpm_evidence *evidence)
{
	bytes_done(&evidence->json);
	bytes_done(&evidence->root);
	bytes_done(&evidence->collateral);
	bytes_done(&evidence->chip);
	bytes_done(&evidence->list);
}

static struct bytes take(struct bytes *from)
{
	struct bytes taken = *from;

	*from = (struct bytes){0};
	return taken;
}

static void put_snp(const struct keys *keys, struct vtpm_options *options,
	const struct bytes *runtime, struct vtpm_evidence *to)
{
	struct snp_evidence evidence = {0};
	struct bytes hcl = {0};

	snp_fixture_make(&keys->snp, &options->snp, &evidence);
	if (options->hardware == SNP_HCL) {
		put_hcl(&hcl, options, &evidence.report, runtime);
		put_member(&to->json, "\"report\":\"", &hcl);
		bytes_done(&hcl);
	} else {
		put_member(&to->json, "\"report\":\"", &evidence.report);
	}
	to->root = take(&evidence.root);
	to->collateral = take(&evidence.issuer);
	to->chip = take(&evidence.chip);
	to->list = take(&evidence.list);
	snp_evidence_done(&evidence);
}

static void put_tdx(const struct keys *keys, struct vtpm_options *options, struct vtpm_evidence *to)
{
	struct bytes quote = {0};

	options->dcap.version = 4;
	options->dcap.is_tdx = true;
	dcap_fixture_quote(&keys->dcap, &options->dcap, &quote);
	dcap_fixture_collateral(&keys->dcap, &options->dcap, &to->collateral);
	dcap_fixture_root(&keys->dcap, &to->root);
	put_member(&to->json, "\"quote\":\"", &quote);
	bytes_done(&quote);
}

static void make_vtpm(
	const struct keys *keys, const struct vtpm_options *given_options, struct vtpm_evidence *to)
{
	struct vtpm_options options = *given_options;
	struct tpm_fixture_quote quote = {0};
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct bytes runtime = {0};
	struct span part;

	put_runtime(keys, &options, &runtime);
	part = bytes_span(&runtime);
	if (signature_digest("SHA256", &part, 1, digest) != 32)
		abort();
	options.snp.report_digest = options.dcap.report_digest = digest;
	if (options.is_runtime_changed)
		runtime.data[1] = ' ';
	bytes_put_text(&to->json, "{");
	if (options.hardware != SNP_HCL)
		put_member(&to->json, "\"runtime_data\":\"", &runtime);
	if (options.hardware == TDX)
		put_tdx(keys, &options, to);
	else
		put_snp(keys, &options, &runtime, to);
	tpm_fixture_make(
		options.is_quote_of_another ? keys->snp.root_key : keys->rsa, &options.tpm, &quote);
	bytes_put_text(&to->json, "\"tpm_quote\":");
	tpm_fixture_put_json(&quote, &options.tpm, &to->json);
	bytes_put_text(&to->json, "}");
	tpm_fixture_quote_done(&quote);
	bytes_done(&runtime);
}

static const struct {
	const char *what;
	struct vtpm_options options;
	enum attest_verdict verdict;
} composed[] = {
	{"SNP", {0}, ATTEST_NO_POLICY},
	{"SNP behind a paravisor", {.hardware = SNP_HCL}, ATTEST_NO_POLICY},
	{"SNP by a VLEK", {.snp = {.is_vlek = true, .version = 3}}, ATTEST_NO_POLICY},
	{"Genoa", {.snp = {.product = "Genoa-B1", .family = "Genoa"}}, ATTEST_NO_POLICY},
	{"TDX", {.hardware = TDX}, ATTEST_NO_POLICY},
	{"RSAPSS", {.tpm = {.scheme = TPM_ALG_RSAPSS}}, ATTEST_NO_POLICY},
	{"other runtime data", {.is_runtime_changed = true}, ATTEST_RUNTIME_DATA_NOT_BOUND},
	{"other runtime data behind a paravisor", {.hardware = SNP_HCL, .is_runtime_changed = true},
		ATTEST_RUNTIME_DATA_NOT_BOUND},
	{"other runtime data of TDX", {.hardware = TDX, .is_runtime_changed = true},
		ATTEST_RUNTIME_DATA_NOT_BOUND},
	{"runtime data without the key", {.is_key_absent = true}, ATTEST_EVIDENCE_MALFORMED},
	{"runtime data with a key of another name", {.is_key_named_otherwise = true},
		ATTEST_EVIDENCE_MALFORMED},
	{"runtime data that is no JSON", {.is_runtime_no_json = true}, ATTEST_EVIDENCE_MALFORMED},
	{"a quote of another TPM", {.is_quote_of_another = true}, ATTEST_QUOTE_SIGNATURE_INVALID},
	{"a paravisor's report that is cut off", {.hardware = SNP_HCL, .is_hcl_short = true},
		ATTEST_EVIDENCE_MALFORMED},
	{"a paravisor's report of another hash", {.hardware = SNP_HCL, .is_hcl_hash_unknown = true},
		ATTEST_EVIDENCE_MALFORMED},
	{"other PCRs", {.tpm = {.is_digest_wrong = true}}, ATTEST_PCR_DIGEST_MISMATCH},
	{"SHA-1", {.tpm = {.hash = TPM_ALG_SHA1}}, ATTEST_HASH_WEAK},
	{"hardware that may be debugged", {.snp = {.policy = 1 << 19}}, ATTEST_DEBUG_ENABLED},
	{"a debug TD", {.hardware = TDX, .dcap = {.is_debug = true}}, ATTEST_DEBUG_ENABLED},
	{"hardware out of date", {.hardware = TDX, .dcap = {.status = "OutOfDate"}},
		ATTEST_TCB_OUT_OF_DATE},
	{"a report of another key", {.snp = {.is_another_key = true}},
		ATTEST_REPORT_SIGNATURE_INVALID},
	{"a revoked ASK", {.snp = {.list = SNP_FIXTURE_LIST_REVOKES}}, ATTEST_CERTIFICATE_REVOKED},
};

static struct attest_collateral *collateral_of(const struct vtpm_evidence *evidence)
{
	const struct bytes *items[] = {&evidence->collateral, &evidence->chip, &evidence->list};

	return fixture_collateral_of(items, ARRAY_SIZE(items), &evidence->root, NULL);
}

static void check_composed(const struct keys *keys, struct attest_result *result)
{
	for (size_t i = 0; i < ARRAY_SIZE(composed); i++) {
		struct vtpm_evidence evidence = {0};
		struct attest_collateral *collateral;

		make_vtpm(keys, &composed[i].options, &evidence);
		collateral = collateral_of(&evidence);
		attest_verify(given(&evidence.json), collateral, NULL, PKI_FIXTURE_NOW, result);
		report_verdict(result, composed[i].verdict, composed[i].what);
		if (result->verdict == ATTEST_NO_POLICY)
			CHECK(result->claims_count == 2 && result->is_authentic &&
				attest_result_binds(result, (struct attest_bytes){"nonce", 5}));
		attest_collateral_free(collateral);
		vtpm_evidence_done(&evidence);
	}
}

/* A policy has to name the hardware and the TPM below it. */
static void check_policies(const struct keys *keys, struct attest_result *result)
{
	static const struct {
		const char *text;
		enum attest_verdict verdict;
	} policies[] = {
		{"{\"rules\":[{\"type\":\"snp\",\"claims\":{\"product_name\":\"Milan\"},\"nested\":"
		 "[{\"type\":\"tpm\",\"nonce\":\"6e6f6e6365\",\"claims\":{\"hash\":11}}]}]}",
			ATTEST_ACCEPTED},
		{"{\"rules\":[{\"type\":\"snp\",\"claims\":{\"product_name\":\"Milan\"},\"nested\":"
		 "[{\"type\":\"tpm\",\"nonce\":\"00\",\"claims\":{\"hash\":11}}]}]}",
			ATTEST_POLICY_NOT_MATCHED},
		{"{\"rules\":[{\"type\":\"snp\",\"claims\":{\"product_name\":\"Milan\"}}]}",
			ATTEST_POLICY_NOT_MATCHED},
		{"{\"rules\":[{\"type\":\"tpm\",\"claims\":{\"hash\":11}}]}",
			ATTEST_POLICY_NOT_MATCHED},
	};
	struct vtpm_evidence evidence = {0};
	struct attest_collateral *collateral;

	make_vtpm(keys, &(struct vtpm_options){0}, &evidence);
	collateral = collateral_of(&evidence);
	for (size_t i = 0; i < ARRAY_SIZE(policies); i++) {
		struct attest_policy *policy = fixture_policy(policies[i].text);

		attest_verify(given(&evidence.json), collateral, policy, PKI_FIXTURE_NOW, result);
		report_verdict(result, policies[i].verdict, policies[i].text);
		attest_policy_free(policy);
	}
	attest_collateral_free(collateral);
	vtpm_evidence_done(&evidence);
}

/* What is missing of the hardware is told, and not that the TPM was not come to. */
static void check_missing(const struct keys *keys, struct attest_result *result)
{
	struct vtpm_options options = {.snp = {.policy = 1 << 19}};
	struct attest_policy *policy = fixture_policy(
		"{\"rules\":[{\"type\":\"snp\",\"debug\":true,\"claims\":{\"type\":\"snp\"},"
		"\"tolerate\":\"COLLATERAL_MISSING\","
		"\"nested\":[{\"type\":\"tpm\",\"claims\":{\"hash\":11}}]}]}");
	struct vtpm_evidence evidence = {0};

	make_vtpm(keys, &options, &evidence);
	CHECK_EQ(attest_verify(given(&evidence.json), NULL, policy, PKI_FIXTURE_NOW, result),
		ATTEST_COLLATERAL_MISSING);
	CHECK(!result->is_authentic && result->claims_count == 1);
	attest_policy_free(policy);
	vtpm_evidence_done(&evidence);
}

#define FLIPPED_STEP 41

/* A member of the JSON that is called otherwise is as if it were not there: PCRs, or the TPM. */
static bool says_no_more(const struct attest_result *result, const struct attest_result *first)
{
	struct attest_claims claims[ATTEST_CLAIMS_MAX];

	memcpy(claims, result->claims, sizeof(claims));
	if (result->claims_count == 2 && !claims[1].tpm.valued) {
		claims[1].tpm.valued = first->claims[1].tpm.valued;
		memcpy(claims[1].tpm.pcrs, first->claims[1].tpm.pcrs, sizeof(claims[1].tpm.pcrs));
	}
	return result->claims_count && result->claims_count <= first->claims_count &&
	       !memcmp(claims, first->claims, result->claims_count * sizeof(claims[0]));
}

/* How many of the texts with one bit changed are authentic, and say something else? */
static size_t count_changes(const struct bytes *json, const struct attest_collateral *collateral,
	struct attest_result *result)
{
	struct attest_result *first = malloc(sizeof(*first));
	size_t changed = 0;

	attest_verify(given(json), collateral, NULL, PKI_FIXTURE_NOW, first);
	CHECK(first->is_authentic);
	for (size_t bit = 0; bit < 8 * json->size; bit += FLIPPED_STEP) {
		json->data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		attest_verify(given(json), collateral, NULL, PKI_FIXTURE_NOW, result);
		changed += result->is_authentic && !says_no_more(result, first);
		json->data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	free(first);
	return changed;
}

/* A changed bit of the text breaks it, changes what is signed, or means the same in base64. */
static void check_damage(
	const struct keys *keys, enum hardware hardware, struct attest_result *result)
{
	struct vtpm_options options = {.hardware = hardware};
	struct vtpm_evidence evidence = {0};
	struct attest_collateral *collateral;
	size_t verified = 0;

	make_vtpm(keys, &options, &evidence);
	collateral = collateral_of(&evidence);
	for (size_t size = 0; size < evidence.json.size; size += FLIPPED_STEP) {
		struct attest_bytes part = {malloc(size + !size), size};

		memcpy((void *)part.data, evidence.json.data, size);
		attest_verify(part, collateral, NULL, PKI_FIXTURE_NOW, result);
		verified += result->is_authentic;
		free((void *)part.data);
	}
	CHECK_EQ(verified, 0);
	CHECK_EQ(count_changes(&evidence.json, collateral, result), 0);
	attest_collateral_free(collateral);
	vtpm_evidence_done(&evidence);
}

int main(void)
{
	struct attest_result *result = malloc(sizeof(*result));
	struct keys keys = {
		.rsa = pki_key("RSA"), .p256 = pki_key("P-256"), .p384 = pki_key("P-384")};
	static const struct tpm_fixture_options ecdsa = {.scheme = TPM_ALG_ECDSA}, rsassa = {0};

	snp_fixture_init(&keys.snp);
	dcap_fixture_init(&keys.dcap);
	check_schemes(&keys, result);
	check_bare(keys.p256, &ecdsa, 1, result);
	check_bare(keys.rsa, &rsassa, FIXTURE_STEP_SMALL, result);
	check_composed(&keys, result);
	check_policies(&keys, result);
	check_missing(&keys, result);
	check_damage(&keys, SNP_HCL, result);
	check_damage(&keys, TDX, result);
	snp_fixture_done(&keys.snp);
	dcap_fixture_done(&keys.dcap);
	EVP_PKEY_free(keys.rsa);
	EVP_PKEY_free(keys.p256);
	EVP_PKEY_free(keys.p384);
	free(result);
	return test_done();
}
