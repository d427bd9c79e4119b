/* The signer's key: RSA-3072 with exponent 3, as SGX wants it, in a PEM file. */
#ifndef IMAGE_SIGN_KEY_H
#define IMAGE_SIGN_KEY_H

#include <openssl/evp.h>

#include "abi/image.h"
#include "abi/sgx.h"
#include "image/error.h"

void sign_key_freep(EVP_PKEY **key);

/* -EINVAL: not such a key; the error says what it is. */
MUST_CHECK int sign_key_load(const char *path, EVP_PKEY **ret, struct image_error *error);
/* The same, but the file may also hold the public half alone. */
MUST_CHECK int sign_key_load_public(const char *path, EVP_PKEY **ret, struct image_error *error);

/* The development key of this user: under $XDG_CONFIG_HOME/casemate or ~/.config/casemate,
 * generated (mode 0600) if there is none.
 * @ret_path  owned by the caller
 * @ret_made  whether it was generated just now */
MUST_CHECK int sign_key_load_development(
	EVP_PKEY **ret, char **ret_path, bool *ret_made, struct image_error *error);

/* The modulus, little-endian, and MRSIGNER: its SHA-256. */
MUST_CHECK int sign_key_modulus(EVP_PKEY *key, uint8_t ret_modulus[SGX_KEY_SIZE]);
MUST_CHECK int sign_key_signer(EVP_PKEY *key, uint8_t ret_signer[IMAGE_DIGEST_SIZE]);

#endif
