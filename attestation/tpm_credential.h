/* MakeCredential: a secret that only the TPM can read which holds both the endorsement key and the
 * attestation key. Source: TCG, Trusted Platform Module Library, Part 1: Architecture, 24
 * "Credential Protection", 11.4.10 (KDFa, KDFe) and annexes B.10 and C.6; Part 3, 12.6. */
#ifndef ATTESTATION_TPM_CREDENTIAL_H
#define ATTESTATION_TPM_CREDENTIAL_H

#include <openssl/evp.h>

#include "attestation/verdict.h"
#include "base/span.h"

/* TPMT_PUBLIC, as far as it counts here. */
struct tpm_public {
	struct span whole; /* TPMT_PUBLIC, what its name is the digest of */
	uint16_t type, name_hash;
	uint32_t attributes;
	uint16_t symmetric, symmetric_bits, symmetric_mode; /* of a parent */
};

/* From TPM2B_PUBLIC or TPMT_PUBLIC; the spans point into it. -EINVAL. */
int tpm_public_read(struct span bytes, struct tpm_public *ret) MUST_CHECK;

#define TPM_NAME_SIZE_MAX 66

/* The object's name: the digest's algorithm and the digest. Returns its size; 0: failed. */
size_t tpm_public_name(const struct tpm_public *public, uint8_t to[TPM_NAME_SIZE_MAX]) MUST_CHECK;

#endif
