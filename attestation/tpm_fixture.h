/* For tests: quotes as a TPM 2.0 makes them, by a key of any kind. */
#ifndef ATTESTATION_TPM_FIXTURE_H
#define ATTESTATION_TPM_FIXTURE_H

#include "attestation/pki_fixture.h"

/* All 0: PCRs 0 and 4 of SHA-256, signed with RSASSA over SHA-256. */
struct tpm_fixture_options {
	uint16_t scheme, hash, bank; /* TPM_ALG_ID; scheme: RSASSA, RSAPSS or ECDSA */
	uint32_t quoted;             /* PCRs; 0: 0 and 4 */
	const char *nonce;           /* NULL: "nonce" */
	bool is_nonce_absent, is_digest_wrong;
};

/* @pcrs: the values of those quoted, one after another. */
struct tpm_fixture_quote {
	struct bytes message, signature, pcrs;
};

void tpm_fixture_make(
	EVP_PKEY *key, const struct tpm_fixture_options *options, struct tpm_fixture_quote *to);
void tpm_fixture_quote_done(struct tpm_fixture_quote *quote);

/* {"message": ..., "signature": ..., "pcrs": ...}, the value of "tpm_quote". */
void tpm_fixture_put_json(const struct tpm_fixture_quote *quote,
	const struct tpm_fixture_options *options, struct bytes *to);

/* An event log: a header that names the bank of SHA-256, and an event each for PCR 0 and PCR 4.
 * @ret_pcrs: the values that they lead to. */
void tpm_fixture_put_log(struct bytes *log, uint8_t ret_pcrs[2][32]);

/* An RSA key's modulus, in base64; its exponent is "AQAB". */
void tpm_fixture_put_modulus(EVP_PKEY *key, struct bytes *to);

#endif
