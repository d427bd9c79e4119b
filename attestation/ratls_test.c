#include "attestation/evidence_fixture.h"

#include "base/test.h"

/* A certificate with simulation's evidence for @claims_key's claims, signed by @key. */
static char *make(const struct bytes *claims_key, const struct bytes *key, const char *nonce)
{
	struct attest_claims who = {.measurement.size = 32, .signer.size = 32};
	uint8_t *claims, *evidence, report_data[32];
	size_t claims_size, evidence_size;
	char *pem = NULL;

	if (attest_ratls_claims_new(given(claims_key), (struct attest_bytes){nonce, strlen(nonce)},
		    &claims, &claims_size, report_data) < 0 ||
		attest_simulation_evidence_new(&who, (struct attest_bytes){report_data, 32},
			&evidence, &evidence_size) < 0 ||
		attest_ratls_certificate_new(given(key),
			(struct attest_bytes){evidence, evidence_size},
			(struct attest_bytes){claims, claims_size}, PKI_FIXTURE_FROM,
			PKI_FIXTURE_TO, &pem) < 0)
		abort();
	free(claims);
	free(evidence);
	return pem;
}

static enum attest_verdict verdict_of(char *pem, int64_t now, struct attest_result *result)
{
	struct attest_bytes evidence = {pem, strlen(pem)};

	return attest_verify(evidence, NULL, NULL, now, result);
}

int main(void)
{
	struct attest_result *result = malloc(sizeof(*result));
	EVP_PKEY *keys[2] = {pki_key("P-256"), pki_key("RSA")};
	struct bytes pems[2] = {{0}};
	char *pem;

	for (int i = 0; i < 2; i++) {
		bytes_put_private_pem(&pems[i], keys[i]);
		pem = make(&pems[i], &pems[i], i ? "nonce" : "");
		CHECK_EQ(verdict_of(pem, PKI_FIXTURE_NOW, result), ATTEST_NO_PROTECTION);
		CHECK(result->is_authentic);
		CHECK_EQ(verdict_of(pem, PKI_FIXTURE_TO + 1, result), ATTEST_CERTIFICATE_EXPIRED);
		free(pem);
	}
	pem = make(&pems[0], &pems[1], "");
	CHECK_EQ(verdict_of(pem, PKI_FIXTURE_NOW, result), ATTEST_CERTIFICATE_NOT_BOUND);
	CHECK(!result->is_authentic);
	free(pem);
	for (int i = 0; i < 2; i++) {
		EVP_PKEY_free(keys[i]);
		bytes_done(&pems[i]);
	}
	free(result);
	return test_done();
}
