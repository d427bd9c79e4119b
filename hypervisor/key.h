/* Keys, all derived from one root that never leaves: SP 800-108 in counter mode over HMAC-SHA-256
 * (one block, for all are 256 bits). Label: what the key is for. Context: whose it is. */
#ifndef HYPERVISOR_KEY_H
#define HYPERVISOR_KEY_H

#include "abi/hypervisor.h"
#include "base/compiler.h"

#define KEY_SIZE 32

struct enclave;

/* @given: the root; NULL: one is made of the processor's random numbers. -ENODEV: it has none. */
MUST_CHECK int key_init(const uint8_t given[KEY_SIZE]);
bool key_is_given(void);
void key_wipe(void);

/* -EINVAL: the request; -EPERM: a higher svn than the enclave's own. */
MUST_CHECK int key_derive(const struct enclave *enclave, const struct enclave_key_request *request,
	uint8_t ret_key[KEY_SIZE]);
/* The MAC that an enclave of measurement @target can check. */
void key_authenticate(
	const uint8_t target[32], const void *message, size_t size, uint8_t ret_mac[KEY_SIZE]);

#endif
