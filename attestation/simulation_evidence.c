/* Making evidence on the simulation platform. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/ecdsa.h>
#include <openssl/err.h>

#include "abi/evidence.h"
#include "attestation/attestation.h"
#include "attestation/platform.h"
#include "attestation/signature.h"
#include "attestation/simulation_key.h"

#define PART_COUNT 3
#define EVIDENCE_SIZE                                                                              \
	(sizeof(struct evidence_header) + PART_COUNT * sizeof(struct evidence_part) +              \
		sizeof(struct evidence_report) + 64 + 64)

static uint8_t *put(uint8_t *to, const void *bytes, size_t size)
{
	memcpy(to, bytes, size);
	return to + size;
}

static uint8_t *put_part(uint8_t *to, uint16_t kind, const void *bytes, uint32_t size)
{
	struct evidence_part part = {.kind = kind, .size = size};

	return put(put(to, &part, sizeof(part)), bytes, size);
}

static int fill_report(const struct attest_claims *claims, struct attest_bytes report_data,
	struct evidence_report *to)
{
	*to = (struct evidence_report){.version = EVIDENCE_VERSION,
		.platform = EVIDENCE_PLATFORM_SIMULATION,
		.flags = claims->is_debug ? EVIDENCE_FLAG_DEBUG : 0,
		.product = (uint16_t)claims->product,
		.svn = (uint16_t)claims->svn};
	if (report_data.size > sizeof(to->report_data) || claims->measurement.size != 32 ||
		claims->signer.size != 32 || claims->product > UINT16_MAX ||
		claims->svn > UINT16_MAX)
		return -EINVAL;
	memcpy(to->magic, EVIDENCE_REPORT_MAGIC, sizeof(to->magic));
	memcpy(to->measurement, claims->measurement.bytes, 32);
	memcpy(to->signer, claims->signer.bytes, 32);
	memcpy(to->image_digest, claims->casemate.image_digest, 32);
	if (report_data.size)
		memcpy(to->report_data, report_data.data, report_data.size);
	memcpy(to->host_data, claims->host_data.bytes, MIN(claims->host_data.size, (size_t)64));
	return 0;
}

int attest_simulation_evidence_new(const struct attest_claims *claims,
	struct attest_bytes report_data, uint8_t **ret_evidence, size_t *ret_size)
{
	struct evidence_header header = {.version = EVIDENCE_VERSION, .part_count = PART_COUNT};
	CLEANUP(signature_key_freep) EVP_PKEY *key = NULL;
	uint8_t signature[64], point[64], *evidence, *at;
	struct evidence_report report;
	int r = fill_report(claims, report_data, &report);

	if (r < 0)
		return r;
	key = simulation_key_new();
	if (!key || signature_make_p256(
			    key, (struct span){(uint8_t *)&report, sizeof(report)}, signature) < 0)
		return -ENOMEM;
	evidence = malloc(EVIDENCE_SIZE);
	if (!evidence)
		return -ENOMEM;
	memcpy(header.magic, EVIDENCE_MAGIC, sizeof(header.magic));
	simulation_key_point(point);
	at = put(evidence, &header, sizeof(header));
	at = put_part(at, EVIDENCE_PART_REPORT, &report, sizeof(report));
	at = put_part(at, EVIDENCE_PART_SIGNATURE, signature, sizeof(signature));
	at = put_part(at, EVIDENCE_PART_KEY, point, sizeof(point));
	*ret_evidence = evidence;
	*ret_size = (size_t)(at - evidence);
	return 0;
}

struct simulation_platform {
	struct attest_platform platform;
	struct attest_claims claims;
};

static int simulation_make(struct attest_platform *platform, const uint8_t report_data[64],
	size_t size, uint8_t **ret_evidence, size_t *ret_size, struct attest_error *error)
{
	struct simulation_platform *simulation =
		CONTAINER_OF(platform, struct simulation_platform, platform);
	int r = attest_simulation_evidence_new(&simulation->claims,
		(struct attest_bytes){report_data, size}, ret_evidence, ret_size);

	return r < 0 ? platform_fail(error, r, "simulation's evidence") : 0;
}

static void simulation_free(struct attest_platform *platform)
{
	free(CONTAINER_OF(platform, struct simulation_platform, platform));
}

static const struct platform_ops simulation_ops = {simulation_make, simulation_free};

int attest_platform_simulation_new(
	const struct attest_claims *claims, struct attest_platform **ret_platform)
{
	struct simulation_platform *simulation = malloc(sizeof(*simulation));

	if (!simulation)
		return -ENOMEM;
	simulation->platform.ops = &simulation_ops;
	simulation->claims = *claims;
	*ret_platform = &simulation->platform;
	return 0;
}
