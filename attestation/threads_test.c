/* Many threads verify with the same collateral and policy, of each kind, and agree. */
#include <pthread.h>

#include "attestation/csv_fixture.h"
#include "attestation/dcap_fixture.h"
#include "attestation/evidence_fixture.h"
#include "attestation/snp_fixture.h"
#include "base/compiler.h"
#include "base/test.h"

#define THREADS 8
#define ROUNDS 20

struct work {
	struct bytes evidence;
	struct attest_collateral *collateral;
	struct attest_policy *policy;
};

struct crew {
	struct work works[4];
	size_t count;
	pthread_barrier_t start;
};

static bool agrees(const struct work *work, struct attest_result *result)
{
	char *json;

	if (attest_verify(given(&work->evidence), work->collateral, work->policy, PKI_FIXTURE_NOW,
		    result) != ATTEST_ACCEPTED)
		return false;
	json = attest_result_to_json(result);
	free(json);
	return json != NULL;
}

static void *verify(void *data)
{
	struct attest_result *result = malloc(sizeof(*result));
	struct crew *crew = data;
	uintptr_t failed = 0;

	pthread_barrier_wait(&crew->start);
	for (size_t i = 0; i < ROUNDS * crew->count; i++)
		failed += !agrees(&crew->works[i % crew->count], result);
	free(result);
	return (void *)failed;
}

static void add(struct crew *crew, struct bytes *evidence, struct attest_collateral *collateral,
	const char *policy)
{
	crew->works[crew->count++] = (struct work){
		.evidence = *evidence, .collateral = collateral, .policy = fixture_policy(policy)};
}

static void add_quote(struct crew *crew, bool is_tdx)
{
	struct dcap_fixture_options options = {.version = is_tdx ? 4 : 3, .is_tdx = is_tdx};
	struct bytes quote = {0}, text = {0}, root = {0};
	struct dcap_fixture fixture;

	dcap_fixture_init(&fixture);
	dcap_fixture_quote(&fixture, &options, &quote);
	dcap_fixture_collateral(&fixture, &options, &text);
	dcap_fixture_root(&fixture, &root);
	add(crew, &quote, fixture_collateral(&text, &root),
		is_tdx ? "{\"rules\":[{\"type\":\"tdx\",\"jq\":\".svn == 0\"}]}"
		       : "{\"rules\":[{\"type\":\"sgx\",\"jq\":\".isv_svn >= 3\"}]}");
	dcap_fixture_done(&fixture);
	bytes_done(&text);
	bytes_done(&root);
}

static void add_snp(struct crew *crew)
{
	struct snp_evidence evidence = {0};
	const struct bytes *items[] = {&evidence.chip, &evidence.issuer, &evidence.list};
	struct snp_fixture fixture;

	snp_fixture_init(&fixture);
	snp_fixture_make(&fixture, &(struct snp_fixture_options){0}, &evidence);
	add(crew, &evidence.report,
		fixture_collateral_of(items, ARRAY_SIZE(items), &evidence.root, NULL),
		"{\"rules\":[{\"type\":\"snp\",\"claims\":{\"product_name\":\"Milan\"}}]}");
	evidence.report = (struct bytes){0};
	snp_evidence_done(&evidence);
	snp_fixture_done(&fixture);
}

static void add_csv(struct crew *crew)
{
	struct csv_evidence evidence = {0};
	struct csv_fixture fixture;

	csv_fixture_init(&fixture);
	csv_fixture_make(&fixture, &(struct csv_fixture_options){0}, &evidence);
	add(crew, &evidence.evidence, fixture_collateral(&evidence.chain, &evidence.root),
		"{\"rules\":[{\"type\":\"csv\",\"claims\":{\"serial_number\":\"A0123\"}}]}");
	evidence.evidence = (struct bytes){0};
	csv_evidence_done(&evidence);
	csv_fixture_done(&fixture);
}

int main(void)
{
	struct crew crew = {.count = 0};
	pthread_t threads[THREADS];
	uintptr_t failed = 0;

	add_quote(&crew, false);
	add_quote(&crew, true);
	add_snp(&crew);
	add_csv(&crew);
	pthread_barrier_init(&crew.start, NULL, THREADS);
	for (size_t i = 0; i < THREADS; i++)
		if (pthread_create(&threads[i], NULL, verify, &crew))
			abort();
	for (size_t i = 0; i < THREADS; i++) {
		void *status;

		pthread_join(threads[i], &status);
		failed += (uintptr_t)status;
	}
	CHECK_EQ(failed, 0);
	pthread_barrier_destroy(&crew.start);
	for (size_t i = 0; i < crew.count; i++) {
		attest_policy_free(crew.works[i].policy);
		attest_collateral_free(crew.works[i].collateral);
		bytes_done(&crew.works[i].evidence);
	}
	return test_done();
}
