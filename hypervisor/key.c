#include "hypervisor/key.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "hypervisor/defence.h"
#include "hypervisor/enclave.h"
#include "hypervisor/hmac.h"
#include "hypervisor/x86/x86.h"

/* AMD and Intel both reseed at least every 512 draws of 128 bits: enough draws to be sure that
 * several seeds went in. */
#define DRAW_COUNT 4096
#define RETRY_COUNT 100

static uint8_t root[KEY_SIZE];
static bool is_given;

/* Whose a key is. What a key does not depend on is zero. */
struct key_context {
	uint8_t mrenclave[32];
	uint8_t mrsigner[32];
	uint64_t attributes[2];
	uint16_t prod_id, svn;
	uint8_t key_id[32];
} __attribute__((packed));

static bool draw(uint64_t *ret_value)
{
	for (unsigned int i = 0; i < RETRY_COUNT; i++)
		if (x86_rdrand(ret_value))
			return true;
	return false;
}

static int draw_root(void)
{
	struct sha256 sha;

	sha256_start(&sha);
	for (unsigned int i = 0; i < DRAW_COUNT; i++) {
		uint64_t value;

		if (!draw(&value))
			return -ENODEV;
		sha256_update(&sha, &value, sizeof(value));
	}
	sha256_finish(&sha, root);
	return 0;
}

int key_init(const uint8_t given[KEY_SIZE])
{
	if (!x86_has_rdrand())
		return -ENODEV;
	is_given = given;
	if (!given)
		return draw_root();
	memcpy(root, given, sizeof(root));
	return 0;
}

bool key_is_given(void)
{
	return is_given;
}

void key_wipe(void)
{
	memory_wipe(root, sizeof(root));
}

int key_derive(const struct enclave *enclave, const struct enclave_key_request *request,
	uint8_t ret_key[KEY_SIZE])
{
	struct key_context context = {
		.attributes = {enclave->attributes.flags, enclave->attributes.xfrm}};

	if (request->reserved || (request->svn && request->name != ENCLAVE_KEY_SEAL_SIGNER))
		return -EINVAL;
	memcpy(context.key_id, request->key_id, sizeof(context.key_id));
	switch (request->name) {
	case ENCLAVE_KEY_REPORT:
		/* What a reporter knows of its target: its measurement. */
		context = (struct key_context){0};
		memcpy(context.mrenclave, enclave->mrenclave, sizeof(context.mrenclave));
		kdf_sha256(root, "casemate report", &context, sizeof(context), ret_key);
		return 0;
	case ENCLAVE_KEY_SEAL_ENCLAVE:
		memcpy(context.mrenclave, enclave->mrenclave, sizeof(context.mrenclave));
		kdf_sha256(root, "casemate seal enclave", &context, sizeof(context), ret_key);
		return 0;
	case ENCLAVE_KEY_SEAL_SIGNER:
		if (DEFENCE(request->svn > enclave->svn))
			return -EPERM;
		memcpy(context.mrsigner, enclave->mrsigner, sizeof(context.mrsigner));
		context.prod_id = enclave->prod_id;
		context.svn = request->svn;
		kdf_sha256(root, "casemate seal signer", &context, sizeof(context), ret_key);
		return 0;
	}
	return -EINVAL;
}

void key_authenticate(
	const uint8_t target[32], const void *message, size_t size, uint8_t ret_mac[KEY_SIZE])
{
	struct key_context context = {0};
	uint8_t key[KEY_SIZE];

	memcpy(context.mrenclave, target, sizeof(context.mrenclave));
	kdf_sha256(root, "casemate report", &context, sizeof(context), key);
	hmac_sha256(key, message, size, ret_mac);
	memory_wipe(key, sizeof(key));
}
