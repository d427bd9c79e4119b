#include "hypervisor/hmac.h"

#include "base/memory.h"

struct hmac {
	struct sha256 inner;
	uint8_t outer_pad[SHA256_BLOCK_SIZE];
};

static void start(struct hmac *hmac, const uint8_t key[SHA256_SIZE])
{
	uint8_t inner_pad[SHA256_BLOCK_SIZE];

	for (size_t i = 0; i < SHA256_BLOCK_SIZE; i++) {
		uint8_t byte = i < SHA256_SIZE ? key[i] : 0;

		inner_pad[i] = byte ^ 0x36;
		hmac->outer_pad[i] = byte ^ 0x5c;
	}
	sha256_start(&hmac->inner);
	sha256_update(&hmac->inner, inner_pad, sizeof(inner_pad));
	memory_wipe(inner_pad, sizeof(inner_pad));
}

static void finish(struct hmac *hmac, uint8_t ret_mac[SHA256_SIZE])
{
	struct sha256 outer;
	uint8_t hash[SHA256_SIZE];

	sha256_finish(&hmac->inner, hash);
	sha256_start(&outer);
	sha256_update(&outer, hmac->outer_pad, sizeof(hmac->outer_pad));
	sha256_update(&outer, hash, sizeof(hash));
	sha256_finish(&outer, ret_mac);
	memory_wipe(hash, sizeof(hash));
	memory_wipe(hmac, sizeof(*hmac));
}

void hmac_sha256(const uint8_t key[SHA256_SIZE], const void *message, size_t size,
	uint8_t ret_mac[SHA256_SIZE])
{
	struct hmac hmac;

	start(&hmac, key);
	sha256_update(&hmac.inner, message, size);
	finish(&hmac, ret_mac);
}

void kdf_sha256(const uint8_t key[SHA256_SIZE], const char *label, const void *context, size_t size,
	uint8_t ret_key[SHA256_SIZE])
{
	static const uint8_t counter[4] = {0, 0, 0, 1}, length[4] = {0, 0, 1, 0};
	struct hmac hmac;

	start(&hmac, key);
	sha256_update(&hmac.inner, counter, sizeof(counter));
	sha256_update(&hmac.inner, label, strlen(label) + 1); /* and its 0 */
	sha256_update(&hmac.inner, context, size);
	sha256_update(&hmac.inner, length, sizeof(length));
	finish(&hmac, ret_key);
}
