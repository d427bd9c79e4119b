/* For Frama-C's Eva (tests/checks/frama_c.sh): what reads foreign bytes, with any bytes. It follows
 * all that is called, to the hash, and finds each access and conversion that might be undefined. */
#include <__fc_builtin.h>

#include "hypervisor/enclave.h"
#include "hypervisor/hmac.h"
#include "hypervisor/key.h"
#include "hypervisor/x86/decode.h"
#include "hypervisor/x86/ports.h"

#define ANY(object) Frama_C_make_unknown((char *)&(object), sizeof(object))

static struct enclave enclave;
static struct enclave_key_request request;
static uint8_t bytes[256], key[KEY_SIZE];

static void decode(void)
{
	struct store store;
	size_t size = Frama_C_unsigned_long_interval(0, DECODE_SIZE_MAX);

	ANY(bytes);
	(void)decode_store(bytes, size, &store);
}

static void derive_keys(void)
{
	ANY(bytes);
	ANY(request);
	ANY(enclave);
	if (key_init(Frama_C_interval(0, 1) ? bytes : NULL) == 0) {
		(void)key_derive(&enclave, &request, key);
		key_authenticate(
			bytes, bytes, Frama_C_unsigned_long_interval(0, sizeof(bytes)), key);
	}
	key_wipe();
}

static void judge_ports(void)
{
	static uint8_t maps[2][3 * PAGE_SIZE];
	struct hypervisor_ports ports;
	static const unsigned int sizes[] = {1, 2, 4};

	ANY(ports);
	ports_init(&ports, maps[0], 0, maps[1], 0);
	(void)ports_judge_write((uint16_t)Frama_C_interval(0, UINT16_MAX),
		Frama_C_unsigned_int_interval(0, UINT32_MAX), sizes[Frama_C_interval(0, 2)]);
}

int main(void)
{
	decode();
	derive_keys();
	judge_ports();
	return 0;
}
