/* How many quotes are verified in a second, and what the time goes into, in turns:
 *
 *	build/attestation/bench_attestation [SECONDS]
 *
 * prints a line for each part: its name, and microseconds of processor time. bench/run.py sets it
 * beside `openssl speed`. The quote, and the authorities above it, are made here. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "attestation/attestation.h"
#include "attestation/certificate.h"
#include "attestation/dcap_fixture.h"
#include "attestation/signature.h"
#include "base/compiler.h"

#define BATCH 20

struct work {
	struct dcap_fixture fixture;
	struct bytes quote, pck;
	struct attest_collateral *collateral, *with_pck;
	struct attest_result *result;
	uint8_t signature[64];
};

static double now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static struct attest_collateral *read_collateral(
	const struct bytes *bundle, const struct bytes *pck, const struct bytes *root)
{
	struct attest_bytes items[] = {{bundle->data, bundle->size}, {pck->data, pck->size}};
	struct attest_bytes anchor = {root->data, root->size};
	struct attest_collateral *collateral;
	struct attest_error error;

	if (attest_collateral_new(items, pck->size ? 2 : 1, &anchor, 1, &collateral, &error) < 0)
		abort();
	return collateral;
}

static void prepare(struct work *work)
{
	static const struct dcap_fixture_options options = {0};
	struct bytes bundle = {0}, root = {0}, none = {0};

	dcap_fixture_init(&work->fixture);
	dcap_fixture_quote(&work->fixture, &options, &work->quote);
	dcap_fixture_collateral(&work->fixture, &options, &bundle);
	dcap_fixture_root(&work->fixture, &root);
	pki_put_der(&work->pck, work->fixture.pck);
	work->collateral = read_collateral(&bundle, &none, &root);
	work->with_pck = read_collateral(&bundle, &work->pck, &root);
	work->result = malloc(sizeof(*work->result));
	pki_sign(work->fixture.pck_key, "SHA256", bytes_span(&work->quote), 32, work->signature);
	bytes_done(&bundle);
	bytes_done(&root);
}

static void done(struct work *work)
{
	attest_collateral_free(work->collateral);
	attest_collateral_free(work->with_pck);
	bytes_done(&work->quote);
	bytes_done(&work->pck);
	free(work->result);
	dcap_fixture_done(&work->fixture);
}

static void verify(const struct work *work, const struct attest_collateral *collateral)
{
	struct attest_bytes quote = {work->quote.data, work->quote.size};

	if (attest_verify(quote, collateral, NULL, PKI_FIXTURE_NOW, work->result) !=
		ATTEST_NO_POLICY)
		abort();
}

static void quote(struct work *work)
{
	verify(work, work->collateral);
}

static void quote_of_known_pck(struct work *work)
{
	verify(work, work->with_pck);
}

static void signature(struct work *work)
{
	struct span signature = {work->signature, sizeof(work->signature)};

	if (!signature_is_p256(work->fixture.pck_key, bytes_span(&work->quote), signature))
		abort();
}

static void certificate(struct work *work)
{
	size_t size;

	X509_free(certificate_from_der(bytes_span(&work->pck), &size));
}

static const struct {
	const char *name;
	void (*run)(struct work *work);
} parts[] = {
	{"quote", quote},                           /* all of it; its collateral is parsed */
	{"quote_of_known_pck", quote_of_known_pck}, /* its PCK certificate, too */
	{"signature", signature},                   /* P-256, as this library checks one */
	{"certificate", certificate},               /* X.509, parsed with its key */
};

int main(int argc, char **argv)
{
	double seconds = argc > 1 ? atof(argv[1]) : 2, spent[ARRAY_SIZE(parts)] = {0},
	       begin = now();
	struct work work = {0};
	unsigned int rounds = 0;

	prepare(&work);
	for (; now() - begin < seconds || !rounds; rounds++) {
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
			double start = now();

			for (int j = 0; j < BATCH; j++)
				parts[i].run(&work);
			spent[i] += now() - start;
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		printf("%s %.2f us\n", parts[i].name, spent[i] * 1e6 / (rounds * BATCH));
	done(&work);
	return 0;
}
