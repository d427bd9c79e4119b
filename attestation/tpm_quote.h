/* Quotes of a TPM 2.0: TPMS_ATTEST and TPMT_SIGNATURE.
 * Source: TCG, Trusted Platform Module Library, Part 2: Structures, 10.12 and 11.3. */
#ifndef ATTESTATION_TPM_QUOTE_H
#define ATTESTATION_TPM_QUOTE_H

#include <openssl/evp.h>

#include "attestation/reader.h"
#include "attestation/verdict.h"

#define TPM_ALG_RSA 0x0001
#define TPM_ALG_SHA1 0x0004
#define TPM_ALG_SHA256 0x000b
#define TPM_ALG_SHA384 0x000c
#define TPM_ALG_SHA512 0x000d
#define TPM_ALG_RSASSA 0x0014
#define TPM_ALG_RSAPSS 0x0016
#define TPM_ALG_ECDSA 0x0018
#define TPM_ALG_ECC 0x0023

/* "SHA256", and its size; NULL: not known. */
const char *tpm_hash_name(uint16_t algorithm, size_t *ret_size);

/* Does it begin as a TPMS_ATTEST does? */
bool tpm_quote_is(struct span evidence);

/* A key as OpenSSL's: from TPM2B_PUBLIC or TPMT_PUBLIC. -EINVAL: not such, or of a kind not known.
 */
int tpm_key_from_public(struct span public, EVP_PKEY **ret_key) MUST_CHECK;

/* A quote, read: its claims, and where its signature's parts are. */
struct tpm_quote {
	struct span message, signature; /* TPMS_ATTEST, TPMT_SIGNATURE */
	uint16_t scheme, hash;          /* TPM_ALG_ID of the signature */
	struct span rsa, r, s;
};

/* @message: TPMS_ATTEST; @signature: TPMT_SIGNATURE; empty: it follows the message. */
int tpm_quote_read(struct span message, struct span signature, struct tpm_quote *ret_quote,
	struct attest_claims *claims, struct attest_result *result) MUST_CHECK;

bool tpm_quote_is_signed_by(const struct tpm_quote *quote, EVP_PKEY *key) MUST_CHECK;

/* Take @values for those of the PCRs quoted, if their digest is the quote's. values[i].size 0: not
 * given. FINAL: another digest. */
int tpm_quote_set_pcrs(const struct tpm_quote *quote,
	const struct attest_value values[ATTEST_PCR_COUNT], struct attest_claims *claims,
	struct attest_result *result) MUST_CHECK;

#endif
