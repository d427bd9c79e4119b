/* How many quotes are verified in a second, against bare ECDSA on P-256, in turns:
 *
 *	build/attestation/bench_attestation [SECONDS]
 *
 * The quote, and the authorities above it, are made here. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "attestation/attestation.h"
#include "attestation/dcap_fixture.h"
#include "attestation/signature.h"

#define BATCH 50

struct work {
	struct bytes quote;
	struct attest_collateral *collateral;
	struct attest_result *result;
	EVP_PKEY *key;
	uint8_t signature[64];
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void prepare(struct work *work)
{
	static const struct dcap_fixture_options options = {0};
	struct bytes text = {0}, root = {0};
	struct dcap_fixture fixture;
	struct attest_bytes item, anchor;
	struct attest_error error;

	dcap_fixture_init(&fixture);
	dcap_fixture_quote(&fixture, &options, &work->quote);
	dcap_fixture_collateral(&fixture, &options, &text);
	dcap_fixture_root(&fixture, &root);
	item = (struct attest_bytes){text.data, text.size};
	anchor = (struct attest_bytes){root.data, root.size};
	if (attest_collateral_new(&item, 1, &anchor, 1, &work->collateral, &error) < 0)
		abort();
	work->result = malloc(sizeof(*work->result));
	work->key = pki_key("P-256");
	pki_sign(work->key, "SHA256", bytes_span(&work->quote), 32, work->signature);
	bytes_done(&text);
	bytes_done(&root);
	dcap_fixture_done(&fixture);
}

static void verify_quotes(const struct work *work)
{
	struct attest_bytes quote = {work->quote.data, work->quote.size};

	for (int i = 0; i < BATCH; i++)
		if (attest_verify(quote, work->collateral, NULL, PKI_FIXTURE_NOW, work->result) !=
			ATTEST_NO_POLICY)
			abort();
}

static void verify_signatures(const struct work *work)
{
	struct span signature = {work->signature, sizeof(work->signature)};

	for (int i = 0; i < BATCH; i++)
		if (!signature_is_p256(work->key, bytes_span(&work->quote), signature))
			abort();
}

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 2, spent[2] = {0};
	struct work work = {0};
	unsigned int rounds = 0;

	prepare(&work);
	for (; spent[0] + spent[1] < seconds; rounds++) {
		double start = now(), middle;

		verify_quotes(&work);
		middle = now();
		verify_signatures(&work);
		spent[0] += middle - start;
		spent[1] += now() - middle;
	}
	printf("SGX quotes verified: %.0f/s of processor time\n", rounds * BATCH / spent[0]);
	printf("ECDSA P-256 verified: %.0f/s\n", rounds * BATCH / spent[1]);
	printf("a quote takes as long as %.1f signatures; five are in it\n", spent[0] / spent[1]);
	attest_collateral_free(work.collateral);
	EVP_PKEY_free(work.key);
	bytes_done(&work.quote);
	free(work.result);
	return 0;
}
