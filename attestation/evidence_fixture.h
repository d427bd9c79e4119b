/* For tests: verifying in one line, and flipping bits. */
#ifndef ATTESTATION_EVIDENCE_FIXTURE_H
#define ATTESTATION_EVIDENCE_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "attestation/attestation.h"
#include "attestation/pki_fixture.h"

static inline struct attest_bytes given(const struct bytes *bytes)
{
	return (struct attest_bytes){bytes->data, bytes->size};
}

/* Items that are empty are left out. @error: NULL, and the reason is printed. @root may be NULL. */
static inline struct attest_collateral *fixture_collateral_of(const struct bytes *const *items,
	size_t count, const struct bytes *root, struct attest_error *error)
{
	struct attest_bytes given_items[8], roots[1] = {{0}};
	struct attest_collateral *collateral = NULL;
	struct attest_error own;
	size_t given_count = 0;

	for (size_t i = 0; i < count; i++)
		if (items[i] && items[i]->size)
			given_items[given_count++] = given(items[i]);
	if (root)
		roots[0] = given(root);
	if (attest_collateral_new(given_items, given_count, roots, root ? 1 : 0, &collateral,
		    error ? error : &own) < 0 &&
		!error)
		printf("# %s: %s\n", attest_verdict_name(own.verdict), own.reason);
	return collateral;
}

/* NULL with the reason printed. @root may be NULL. */
static inline struct attest_collateral *fixture_collateral(
	const struct bytes *item, const struct bytes *root)
{
	return fixture_collateral_of(&item, 1, root, NULL);
}

static inline struct attest_policy *fixture_policy(const char *text)
{
	struct attest_policy *policy = NULL;
	struct attest_error error;

	if (attest_policy_new((struct attest_bytes){text, strlen(text)}, &policy, &error) < 0)
		printf("# %s: %s\n", attest_verdict_name(error.verdict), error.reason);
	return policy;
}

/* Of each of the first @count bytes flip every @step-th bit, in turn: how many of these verify
 * still? */
static inline size_t fixture_flips_that_verify(const struct bytes *evidence, size_t count,
	size_t step, const struct attest_collateral *collateral, struct attest_result *result)
{
	size_t verified = 0;

	for (size_t bit = 0; bit < 8 * count; bit += step) {
		evidence->data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
		attest_verify(given(evidence), collateral, NULL, PKI_FIXTURE_NOW, result);
		if (result->is_authentic) {
			printf("# bit %zu of byte %zu does not matter\n", bit % 8, bit / 8);
			verified++;
		}
		evidence->data[bit / 8] ^= (uint8_t)(1u << (bit % 8));
	}
	return verified;
}

/* Every beginning of it, in memory of just that size. */
static inline size_t fixture_beginnings_that_verify(const struct bytes *evidence,
	const struct attest_collateral *collateral, struct attest_result *result)
{
	size_t verified = 0;

	for (size_t size = 0; size < evidence->size; size++) {
		struct attest_bytes part = {malloc(size + !size), size};

		memcpy((void *)part.data, evidence->data, size);
		attest_verify(part, collateral, NULL, PKI_FIXTURE_NOW, result);
		verified += result->is_authentic;
		free((void *)part.data);
	}
	return verified;
}

#ifdef __SANITIZE_ADDRESS__
#define FIXTURE_STEP 13 /* the sanitizers take ten times as long */
#define FIXTURE_STEP_SMALL 5
#else
#define FIXTURE_STEP 3
#define FIXTURE_STEP_SMALL 1 /* of small evidence: every bit */
#endif

#endif
