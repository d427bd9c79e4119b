#include "attestation/simulation_key.h"

#include <string.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>

/* SHA-256 of "casemate simulation development key v1", as a scalar of P-256; and its point. It is
 * no secret: whoever has it can make evidence of a platform that promises nothing. */
static const uint8_t private_key[32] = {0xa9, 0x78, 0x31, 0x7e, 0x98, 0x70, 0x24, 0x5c, 0x23, 0x30,
	0xfe, 0xfb, 0xa5, 0xbb, 0x0e, 0xf3, 0xce, 0xf5, 0xf7, 0x8e, 0x05, 0x30, 0xa9, 0x23, 0xd5,
	0x01, 0x75, 0xc3, 0x73, 0x52, 0x14, 0x9c};
static const uint8_t public_key[64] = {0x70, 0x4c, 0x0d, 0x1d, 0xe0, 0xb4, 0x5d, 0x2e, 0xb5, 0xce,
	0x37, 0x60, 0xba, 0x79, 0xdc, 0x9d, 0x2b, 0x5d, 0x49, 0x78, 0x5a, 0x34, 0x8b, 0x27, 0x58,
	0xe4, 0xe7, 0x1c, 0x08, 0x84, 0xa2, 0x88, 0xf4, 0xf3, 0x58, 0x83, 0x4e, 0x0c, 0x5b, 0x72,
	0xe6, 0xb7, 0xd4, 0x54, 0xf9, 0x1e, 0x75, 0xf4, 0xb3, 0xc8, 0x14, 0xf9, 0x17, 0x64, 0x11,
	0xa0, 0xcc, 0x90, 0x90, 0xc5, 0xde, 0xba, 0x5d, 0xd8};

bool simulation_key_is(struct span point)
{
	return point.size == sizeof(public_key) &&
	       !memcmp(point.data, public_key, sizeof(public_key));
}

void simulation_key_point(uint8_t to[64])
{
	memcpy(to, public_key, sizeof(public_key));
}

EVP_PKEY *simulation_key_new(void)
{
	EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	BIGNUM *scalar = BN_bin2bn(private_key, sizeof(private_key), NULL);
	OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();
	uint8_t encoded[65] = {4}; /* uncompressed */
	OSSL_PARAM *params = NULL;
	EVP_PKEY *key = NULL;

	memcpy(encoded + 1, public_key, sizeof(public_key));
	if (context && scalar && builder &&
		OSSL_PARAM_BLD_push_utf8_string(builder, OSSL_PKEY_PARAM_GROUP_NAME, "P-256", 0) &&
		OSSL_PARAM_BLD_push_octet_string(
			builder, OSSL_PKEY_PARAM_PUB_KEY, encoded, sizeof(encoded)) &&
		OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_PRIV_KEY, scalar))
		params = OSSL_PARAM_BLD_to_param(builder);
	if (params && EVP_PKEY_fromdata_init(context) == 1 &&
		EVP_PKEY_fromdata(context, &key, EVP_PKEY_KEYPAIR, params) != 1)
		key = NULL;
	ERR_clear_error();
	OSSL_PARAM_free(params);
	OSSL_PARAM_BLD_free(builder);
	BN_free(scalar);
	EVP_PKEY_CTX_free(context);
	return key;
}
