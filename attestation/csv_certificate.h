/* Certificates of Hygon's secure processor, which are not X.509: HRK -> HSK -> CEK -> PEK.
 * Sizes and offsets as Hygon's published tools (hag) and kernel interface have them. */
#ifndef ATTESTATION_CSV_CERTIFICATE_H
#define ATTESTATION_CSV_CERTIFICATE_H

#include <openssl/evp.h>

#include "attestation/collateral.h"
#include "attestation/reader.h"

#define CSV_ROOT_CERTIFICATE_SIZE 832  /* HRK, HSK */
#define CSV_CHIP_CERTIFICATE_SIZE 2084 /* CEK, PEK */

enum csv_usage {
	CSV_USAGE_HRK = 0x0000,
	CSV_USAGE_HSK = 0x0013,
	CSV_USAGE_CEK = 0x1004,
	CSV_USAGE_PEK = 0x1002,
	CSV_USAGE_OCA = 0x1001,
};

/* A public key of SM2, with the identity that its owner signs under. */
struct csv_key {
	EVP_PKEY *key;
	struct span id;
};

void csv_key_done(struct csv_key *key);

/* Of a chip certificate; the id lies in it. -EINVAL: not such, or of another usage. */
int csv_chip_key(struct span certificate, uint32_t usage, struct csv_key *ret_key) MUST_CHECK;

/* Does it begin as a root's certificate does? */
bool csv_root_is(struct span certificate);

/* The key of an HRK, which it must have signed itself. -EINVAL. */
int csv_root_read(struct span certificate, EVP_PKEY **ret_key) MUST_CHECK;

/* Is @message signed by @key? @signature: r and s, each little-endian in 72 bytes. */
bool csv_is_signed_by(
	const struct csv_key *key, struct span message, struct span signature) MUST_CHECK;

/* Follow the PEK to Hygon's root by the certificates of the collateral. Findings go to @result. */
int csv_chain_verify(struct span pek, const struct attest_collateral *collateral,
	struct attest_result *result) MUST_CHECK;

#endif
