/* HMAC-SHA-256 (RFC 2104, FIPS 198-1) and one block of SP 800-108's KDF over it. */
#ifndef HYPERVISOR_HMAC_H
#define HYPERVISOR_HMAC_H

#include "base/compiler.h"
#include "crypto/sha256.h"

void hmac_sha256(const uint8_t key[SHA256_SIZE], const void *message, size_t size,
	uint8_t ret_mac[SHA256_SIZE]);
/* SP 800-108r1, 4.1, with r = L = 32 bits: HMAC(key, 1 || label || 0 || context || 256). */
void kdf_sha256(const uint8_t key[SHA256_SIZE], const char *label, const void *context, size_t size,
	uint8_t ret_key[SHA256_SIZE]);

#endif
