#include "image/digest.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>

struct digest {
	EVP_MD *algorithm;
	EVP_MD_CTX *context;
};

struct digest *digest_new(void)
{
	CLEANUP(digest_freep) struct digest *digest = calloc(1, sizeof(*digest));

	if (!digest)
		return NULL;
	/* Neither its tables of names nor a configuration file: `run` is to start fast. */
	OPENSSL_init_crypto(OPENSSL_INIT_NO_LOAD_CONFIG | OPENSSL_INIT_NO_ADD_ALL_CIPHERS |
				    OPENSSL_INIT_NO_ADD_ALL_DIGESTS |
				    OPENSSL_INIT_NO_LOAD_CRYPTO_STRINGS,
		NULL);
	/* Fetched once: looking the algorithm up costs as much as hashing a block. */
	digest->algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	digest->context = EVP_MD_CTX_new();
	if (!digest->algorithm || !digest->context)
		return NULL;
	if (!EVP_DigestInit_ex2(digest->context, digest->algorithm, NULL))
		return NULL;
	return TAKE(digest);
}

void digest_free(struct digest *digest)
{
	if (!digest)
		return;
	EVP_MD_CTX_free(digest->context);
	EVP_MD_free(digest->algorithm);
	free(digest);
}

void digest_freep(struct digest **digest)
{
	digest_free(*digest);
}

void digest_update(struct digest *digest, const void *data, size_t size)
{
	int ok = EVP_DigestUpdate(digest->context, data, size);

	/* A wrong digest must not go on unseen, whatever NDEBUG says. */
	if (!ok)
		abort();
}

void digest_final(struct digest *digest, uint8_t ret_value[IMAGE_DIGEST_SIZE])
{
	if (!EVP_DigestFinal_ex(digest->context, ret_value, NULL) ||
		!EVP_DigestInit_ex2(digest->context, digest->algorithm, NULL))
		abort();
}

int digest_of(const void *data, size_t size, uint8_t ret_value[IMAGE_DIGEST_SIZE])
{
	CLEANUP(digest_freep) struct digest *digest = digest_new();

	if (!digest)
		return -ENOMEM;
	digest_update(digest, data, size);
	digest_final(digest, ret_value);
	return 0;
}
