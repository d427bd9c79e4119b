#include "attestation/evidence_fixture.h"

#include "abi/evidence.h"
#include "attestation/signature.h"
#include "attestation/tpm_fixture.h"
#include "base/test.h"

#define PCRS_QUOTED 0x11 /* 0 and 4 */

struct machine {
	EVP_PKEY *tpm_key, *quoting_key;
	struct bytes log, pcrs, quote, tpm_signature, tpm_public, tpm_pem, report;
	bool is_weak; /* SHA-1 in the TPM's signature */
};

/* TPMS_ATTEST, with the digest of the quoting key as the nonce. */
static void make_quote(struct machine *machine)
{
	uint8_t key[64], digest[EVP_MAX_MD_SIZE];
	struct span label = {(const uint8_t *)EVIDENCE_KEY_LABEL, strlen(EVIDENCE_KEY_LABEL)};
	struct span parts[2] = {label, {key, 64}}, pcrs = bytes_span(&machine->pcrs);
	struct bytes *quote = &machine->quote;
	size_t size;

	pki_point(machine->quoting_key, 32, key);
	bytes_put_be(quote, 0xff544347, 4);
	bytes_put_be(quote, 0x8018, 2);
	bytes_put_be(quote, 0, 2);
	if (signature_digest("SHA256", parts, 2, digest) != 32)
		abort();
	bytes_put_be(quote, 32, 2);
	bytes_put(quote, digest, 32);
	bytes_put_zero(quote, 8 + 4 + 4 + 1 + 8);
	bytes_put_be(quote, 1, 4);
	bytes_put_be(quote, 0x000b, 2);
	bytes_put_be(quote, 3, 1);
	bytes_put_be(quote, (uint64_t)PCRS_QUOTED << 16, 3);
	size = signature_digest(machine->is_weak ? "SHA1" : "SHA256", &pcrs, 1, digest);
	bytes_put_be(quote, size, 2);
	bytes_put(quote, digest, size);
}

static void sign_quote(struct machine *machine)
{
	struct bytes *to = &machine->tpm_signature;
	uint8_t signature[64];

	pki_sign(machine->tpm_key, machine->is_weak ? "SHA1" : "SHA256",
		bytes_span(&machine->quote), 32, signature);
	bytes_put_be(to, 0x0018, 2);
	bytes_put_be(to, machine->is_weak ? 0x0004 : 0x000b, 2);
	bytes_put_be(to, 32, 2);
	bytes_put(to, signature, 32);
	bytes_put_be(to, 32, 2);
	bytes_put(to, signature + 32, 32);
}

static void put_public(struct machine *machine)
{
	uint8_t *der = NULL;
	int size = i2d_PUBKEY(machine->tpm_key, &der);

	if (size <= 0)
		abort();
	bytes_put(&machine->tpm_public, der, (size_t)size);
	bytes_put_public_pem(&machine->tpm_pem, machine->tpm_key);
	OPENSSL_free(der);
}

static void machine_init(struct machine *machine, bool is_weak)
{
	struct evidence_report report = {.version = EVIDENCE_VERSION,
		.platform = EVIDENCE_PLATFORM_HYPERVISOR,
		.product = 7,
		.svn = 2};
	uint8_t pcrs[2][32];

	*machine = (struct machine){.is_weak = is_weak};
	machine->tpm_key = pki_key("P-256");
	machine->quoting_key = pki_key("P-256");
	memcpy(report.magic, EVIDENCE_REPORT_MAGIC, 8);
	memset(report.measurement, 0xaa, 32);
	memcpy(report.report_data, "nonce", 5);
	bytes_put(&machine->report, &report, sizeof(report));
	tpm_fixture_put_log(&machine->log, pcrs);
	bytes_put(&machine->pcrs, pcrs, sizeof(pcrs));
	make_quote(machine);
	sign_quote(machine);
	put_public(machine);
}

static void machine_done(struct machine *machine)
{
	EVP_PKEY_free(machine->tpm_key);
	EVP_PKEY_free(machine->quoting_key);
	bytes_done(&machine->log);
	bytes_done(&machine->pcrs);
	bytes_done(&machine->quote);
	bytes_done(&machine->tpm_signature);
	bytes_done(&machine->tpm_public);
	bytes_done(&machine->tpm_pem);
	bytes_done(&machine->report);
}

static void put_part(struct bytes *to, uint16_t kind, const void *bytes, size_t size)
{
	struct evidence_part part = {.kind = kind, .size = (uint32_t)size};

	bytes_put(to, &part, sizeof(part));
	bytes_put(to, bytes, size);
}

static void make_hypervisor(const struct machine *machine, struct bytes *to)
{
	struct evidence_header header = {.version = EVIDENCE_VERSION, .part_count = 8};
	uint8_t signature[64], key[64];

	memcpy(header.magic, EVIDENCE_MAGIC, 8);
	pki_sign(machine->quoting_key, "SHA256", bytes_span(&machine->report), 32, signature);
	pki_point(machine->quoting_key, 32, key);
	bytes_put(to, &header, sizeof(header));
	put_part(to, EVIDENCE_PART_REPORT, machine->report.data, machine->report.size);
	put_part(to, EVIDENCE_PART_SIGNATURE, signature, 64);
	put_part(to, EVIDENCE_PART_KEY, key, 64);
	put_part(to, EVIDENCE_PART_TPM_QUOTE, machine->quote.data, machine->quote.size);
	put_part(to, EVIDENCE_PART_TPM_SIGNATURE, machine->tpm_signature.data,
		machine->tpm_signature.size);
	put_part(to, EVIDENCE_PART_TPM_KEY, machine->tpm_public.data, machine->tpm_public.size);
	put_part(to, EVIDENCE_PART_PCRS, machine->pcrs.data, machine->pcrs.size);
	put_part(to, EVIDENCE_PART_EVENT_LOG, machine->log.data, machine->log.size);
}

static enum attest_verdict verdict_of(const struct bytes *evidence, const struct bytes *root,
	const char *policy_text, struct attest_result *result)
{
	struct attest_collateral *collateral = fixture_collateral(NULL, root);
	struct attest_policy *policy = policy_text ? fixture_policy(policy_text) : NULL;
	enum attest_verdict verdict =
		attest_verify(given(evidence), collateral, policy, PKI_FIXTURE_NOW, result);

	attest_policy_free(policy);
	attest_collateral_free(collateral);
	return verdict;
}

static void check_hypervisor(struct attest_result *result)
{
	struct attest_collateral *collateral;
	struct bytes evidence = {0}, policy = {0};
	struct machine machine;

	machine_init(&machine, false);
	make_hypervisor(&machine, &evidence);
	CHECK_EQ(verdict_of(&evidence, NULL, NULL, result), ATTEST_KEY_NOT_CERTIFIED);
	CHECK_EQ(verdict_of(&evidence, &machine.tpm_pem, NULL, result), ATTEST_NO_POLICY);
	CHECK(result->claims_count == 2 && result->claims[0].tpm.event_count == 2);
	CHECK(attest_result_binds(result, (struct attest_bytes){"nonce", 5}));
	bytes_put_text(&policy, "{\"rules\":[{\"type\":\"tpm\",\"pcrs\":{\"4\":\"");
	bytes_put_hex(&policy, machine.pcrs.data + 32, 32);
	bytes_put_text(&policy, "\"},\"nested\":[{\"type\":\"hypervisor\",\"product\":7,"
				"\"measurement\":\"");
	bytes_put_hex(&policy, machine.report.data + 16, 32);
	bytes_put_text(&policy, "\"}]}]}");
	CHECK_EQ(verdict_of(&evidence, &machine.tpm_pem, (char *)policy.data, result),
		ATTEST_ACCEPTED);
	CHECK_EQ(verdict_of(&evidence, &machine.tpm_pem,
			 "{\"rules\":[{\"type\":\"tpm\",\"claims\":{\"hash\":11}}]}", result),
		ATTEST_POLICY_NOT_MATCHED);
	collateral = fixture_collateral(NULL, &machine.tpm_pem);
	CHECK_EQ(fixture_flips_that_verify(&evidence, evidence.size - machine.log.size - 8,
			 FIXTURE_STEP, collateral, result),
		0);
	CHECK_EQ(fixture_beginnings_that_verify(&evidence, collateral, result), 0);
	attest_collateral_free(collateral);
	/* A changed event, and one that nobody had. */
	evidence.data[evidence.size - machine.log.size + 65 + 20] ^= 1;
	CHECK_EQ(verdict_of(&evidence, &machine.tpm_pem, NULL, result), ATTEST_EVENT_LOG_MISMATCH);
	bytes_done(&evidence);
	bytes_done(&policy);
	machine_done(&machine);
}

/* Without a signature there is nothing to look at. */
static void check_unsigned(struct attest_result *result)
{
	struct evidence_header header = {.version = EVIDENCE_VERSION, .part_count = 2};
	struct evidence_report report = {
		.version = EVIDENCE_VERSION, .platform = EVIDENCE_PLATFORM_SIMULATION};
	EVP_PKEY *key = pki_key("P-256");
	struct bytes evidence = {0};
	uint8_t point[64];

	memcpy(header.magic, EVIDENCE_MAGIC, 8);
	memcpy(report.magic, EVIDENCE_REPORT_MAGIC, 8);
	pki_point(key, 32, point);
	bytes_put(&evidence, &header, sizeof(header));
	put_part(&evidence, EVIDENCE_PART_REPORT, &report, sizeof(report));
	put_part(&evidence, EVIDENCE_PART_KEY, point, sizeof(point));
	verdict_of(&evidence, NULL, NULL, result);
	CHECK(!result->is_authentic);
	bytes_done(&evidence);
	EVP_PKEY_free(key);
}

static void put_member(struct bytes *to, const char *name, const struct bytes *value)
{
	bytes_put_text(to, name);
	bytes_put_base64(to, bytes_span(value));
}

/* The same quote as JSON, without the hypervisor's part. */
static void make_tpm_json(const struct machine *machine, struct bytes *to)
{
	put_member(to, "{\"tpm_quote\":{\"message\":\"", &machine->quote);
	put_member(to, "\",\"signature\":\"", &machine->tpm_signature);
	bytes_put_text(to, "\",\"pcrs\":{\"0\":\"");
	bytes_put_hex(to, machine->pcrs.data, 32);
	bytes_put_text(to, "\",\"4\":\"");
	bytes_put_hex(to, machine->pcrs.data + 32, 32);
	put_member(to, "\"}},\"ak_public\":\"", &machine->tpm_public);
	put_member(to, "\",\"event_log\":\"", &machine->log);
	bytes_put_text(to, "\"}");
}

static void check_tpm(struct attest_result *result)
{
	struct bytes json = {0}, bare = {0};
	struct machine machine;
	uint8_t *pcr;

	machine_init(&machine, false);
	make_tpm_json(&machine, &json);
	CHECK_EQ(verdict_of(&json, &machine.tpm_pem, NULL, result), ATTEST_NO_POLICY);
	CHECK(result->claims[0].tpm.valued == PCRS_QUOTED && result->claims[0].tpm.has_event_log);
	CHECK_EQ(verdict_of(&json, NULL, NULL, result), ATTEST_KEY_NOT_CERTIFIED);
	pcr = (uint8_t *)strstr((char *)json.data, "\"4\":\"") + 5;
	*pcr = *pcr == '0' ? '1' : '0';
	CHECK_EQ(verdict_of(&json, &machine.tpm_pem, NULL, result), ATTEST_PCR_DIGEST_MISMATCH);
	bytes_put(&bare, machine.quote.data, machine.quote.size);
	bytes_put(&bare, machine.tpm_signature.data, machine.tpm_signature.size);
	CHECK_EQ(verdict_of(&bare, &machine.tpm_pem, NULL, result), ATTEST_NO_POLICY);
	CHECK_EQ(verdict_of(&bare, NULL, NULL, result), ATTEST_QUOTE_SIGNATURE_INVALID);
	bytes_done(&json);
	bytes_done(&bare);
	machine_done(&machine);
	machine_init(&machine, true);
	make_tpm_json(&machine, &json);
	CHECK_EQ(verdict_of(&json, &machine.tpm_pem, NULL, result), ATTEST_HASH_WEAK);
	bytes_done(&json);
	machine_done(&machine);
}

static void check_simulation(struct attest_result *result)
{
	struct attest_claims claims = {
		.product = 7, .svn = 2, .measurement.size = 32, .signer.size = 32};
	struct attest_bytes nonce = {"nonce", 5};
	struct attest_collateral *collateral;
	struct bytes evidence = {0};

	memset(claims.measurement.bytes, 0xaa, 32);
	CHECK_EQ(attest_simulation_evidence_new(&claims, nonce, &evidence.data, &evidence.size), 0);
	CHECK_EQ(verdict_of(&evidence, NULL, NULL, result), ATTEST_NO_PROTECTION);
	CHECK(result->is_authentic && attest_result_binds(result, nonce));
#define RULE "{\"rules\":[{\"type\":\"simulation\",\"claims\":{\"product\":7}"
	CHECK_EQ(verdict_of(&evidence, NULL, RULE "}]}", result), ATTEST_NO_PROTECTION);
	CHECK_EQ(verdict_of(&evidence, NULL, RULE ",\"tolerate\":\"NO_PROTECTION\"}]}", result),
		ATTEST_ACCEPTED);
	collateral = fixture_collateral(NULL, NULL);
	CHECK_EQ(fixture_flips_that_verify(&evidence, evidence.size, 1, collateral, result), 0);
	CHECK_EQ(fixture_beginnings_that_verify(&evidence, collateral, result), 0);
	attest_collateral_free(collateral);
	bytes_done(&evidence);
}

int main(void)
{
	struct attest_result *result = malloc(sizeof(*result));

	check_simulation(result);
	check_unsigned(result);
	check_hypervisor(result);
	check_tpm(result);
	free(result);
	return test_done();
}
