/* For Frama-C's Eva (tests/checks/frama_c.sh): what reads foreign bytes, with
 * any bytes. It follows all that is called, to the hash, and finds each access
 * and conversion that might be undefined. */
#include <__fc_builtin.h>

#include "hypervisor/enclave.h"
#include "hypervisor/frames.h"
#include "hypervisor/hmac.h"
#include "hypervisor/key.h"
#include "hypervisor/signature.h"
#include "hypervisor/x86/decode.h"
#include "hypervisor/x86/ports.h"
#include "hypervisor/x86/walk.h"

#define FRAMES 1024
#define ANY_U64() Frama_C_unsigned_long_interval(0, UINT64_MAX)
#define ANY(object) Frama_C_make_unknown((char *)&(object), sizeof(object))

static struct enclave enclave;
static struct enclave_key_request request;
static uint8_t bytes[256], key[KEY_SIZE];

/* Nothing behind it may be read. */
static void decode(void)
{
	static uint8_t code[DECODE_SIZE_MAX];
	struct store store;

	ANY(code);
	for (size_t size = 0; size <= DECODE_SIZE_MAX; size++)
		(void)decode_store(code + (DECODE_SIZE_MAX - size), size, &store);
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

/* As it is proved (frames.c). */
bool frames_is_memory(uint64_t frame)
{
	return frame < FRAMES && Frama_C_interval(0, 1);
}

static void walk_at(uint64_t address)
{
	static uint8_t code[DECODE_SIZE_MAX];
	uint64_t cr3 = ANY_U64(), cr4 = ANY_U64();

	(void)walk_read(cr3, cr4, address, code, sizeof(code));
}

/* Each offset from which a page's end is reached, in any page; and all before,
 * in one. */
static void walk(void)
{
	for (uint64_t end = 0; end < DECODE_SIZE_MAX; end++)
		walk_at((Frama_C_unsigned_long_interval(1, UINT64_MAX >> PAGE_SHIFT)
				<< PAGE_SHIFT) -
			end);
	walk_at(5 * PAGE_SIZE + Frama_C_unsigned_long_interval(0, PAGE_SIZE - DECODE_SIZE_MAX));
}

/* By itself: it is another kind of work. */
void verify_signature(void);
void verify_signature(void)
{
	static struct sgx_sigstruct sigstruct;

	ANY(sigstruct);
	(void)signature_verify(&sigstruct);
}

int main(void)
{
	decode();
	derive_keys();
	judge_ports();
	walk();
	return 0;
}
