/* SIGSTRUCT: who vouches for a measurement (abi/sgx.h). */
#ifndef IMAGE_SIGSTRUCT_H
#define IMAGE_SIGSTRUCT_H

#include "image/sign_key.h"

/* What a signer says of an enclave. */
struct sigstruct_claims {
	uint8_t measurement[IMAGE_DIGEST_SIZE];
	uint32_t date; /* yyyymmdd in BCD */
	uint16_t product;
	uint16_t svn;
	bool debug;
};

/* BCD date, in UTC, of a time in seconds since 1970. */
uint32_t sigstruct_date(int64_t time);

/* Deterministic: the same claims and key give the same bytes. -EIO: OpenSSL failed. */
MUST_CHECK int sigstruct_sign(
	const struct sigstruct_claims *claims, EVP_PKEY *key, struct sgx_sigstruct *ret);

/* Check everything that EINIT checks of a SIGSTRUCT by itself: constants, reserved bytes,
 * exponent, q1, q2, signature; and that the attributes are those of claims.
 * -EBADMSG: the error names the field. */
MUST_CHECK int sigstruct_verify(const struct sgx_sigstruct *sigstruct,
	struct sigstruct_claims *ret_claims, struct image_error *error);

#endif
