/* Just enough of the instruction set to see what is stored: MOV and XCHG of 32 bits to memory (APM
 * volume 3, 1.2 "Instruction Overview"). */
#ifndef HYPERVISOR_X86_DECODE_H
#define HYPERVISOR_X86_DECODE_H

#include "base/compiler.h"

#define DECODE_SIZE_MAX 15

struct store {
	unsigned int length; /* of the instruction, bytes */
	bool is_immediate;
	uint32_t immediate;
	unsigned int reg; /* otherwise: which register holds the value, 0..15 */
	bool is_exchange; /* the register gets the old value */
};

/* False: it is something else, or does not end within @size. */
bool decode_store(const uint8_t *code, size_t size, struct store *ret_store);

#endif
