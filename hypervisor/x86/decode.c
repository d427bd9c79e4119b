#include "hypervisor/x86/decode.h"

#define PREFIX_REX 0x40
#define REX_W 8
#define REX_R 4
#define REX_X 2
#define REX_B 1

#define OPCODE_MOV_REGISTER 0x89
#define OPCODE_MOV_IMMEDIATE 0xc7
#define OPCODE_XCHG 0x87

struct cursor {
	const uint8_t *at, *end;
};

static bool take(struct cursor *c, uint8_t *ret_byte)
{
	if (c->at == c->end)
		return false;
	*ret_byte = *c->at++;
	return true;
}

/* CS, SS, DS and ES, whose bases are 0 in 64-bit mode. */
static bool is_segment_prefix(uint8_t byte)
{
	return byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0x26;
}

static bool take_immediate(struct cursor *c, uint32_t *ret_value)
{
	uint32_t value = 0;

	for (unsigned int i = 0; i < 4; i++) {
		uint8_t byte;

		if (!take(c, &byte))
			return false;
		value |= (uint32_t)byte << 8 * i;
	}
	*ret_value = value;
	return true;
}

static bool take_displacement(struct cursor *c, unsigned int size, struct store *store)
{
	uint8_t byte;
	uint32_t word;

	if (size == 1 && take(c, &byte))
		store->displacement = (int8_t)byte;
	else if (size == 4 && take_immediate(c, &word))
		store->displacement = (int32_t)word;
	else
		return size == 0;
	return true;
}

/* APM volume 3, 1.4: ModRM, SIB and displacement. */
static bool take_address(struct cursor *c, uint8_t rex, uint8_t modrm, struct store *store)
{
	unsigned int mode = modrm >> 6, base = modrm & 7;
	uint8_t sib = 0x20; /* no index */

	if (mode == 3 || (base == 4 && !take(c, &sib)))
		return false;
	store->index = (sib >> 3 & 7) | (rex & REX_X ? 8 : 0);
	store->shift = sib >> 6;
	if (store->index == 4)
		store->index = DECODE_NO_REGISTER;
	if (mode == 0 && base == 5) {
		store->base = DECODE_RIP;
		return take_displacement(c, 4, store);
	}
	if (base == 4)
		base = sib & 7;
	store->base = base | (rex & REX_B ? 8 : 0);
	if (mode == 0 && base == 5) {
		store->base = DECODE_NO_REGISTER;
		return take_displacement(c, 4, store);
	}
	return take_displacement(c, mode == 0 ? 0 : mode == 1 ? 1 : 4, store);
}

bool decode_store(const uint8_t *code, size_t size, struct store *ret_store)
{
	struct cursor c = {code, code + (size < DECODE_SIZE_MAX ? size : DECODE_SIZE_MAX)};
	struct store store = {0};
	uint8_t byte, modrm, rex = 0;

	if (!take(&c, &byte))
		return false;
	while (is_segment_prefix(byte))
		if (!take(&c, &byte))
			return false;
	if ((byte & 0xf0) == PREFIX_REX) {
		rex = byte;
		if ((rex & REX_W) || !take(&c, &byte))
			return false;
	}
	if (byte != OPCODE_MOV_REGISTER && byte != OPCODE_MOV_IMMEDIATE && byte != OPCODE_XCHG)
		return false;
	if (!take(&c, &modrm) || !take_address(&c, rex, modrm, &store))
		return false;
	store.reg = (modrm >> 3 & 7) | (rex & REX_R ? 8 : 0);
	store.is_exchange = byte == OPCODE_XCHG;
	store.is_immediate = byte == OPCODE_MOV_IMMEDIATE;
	if (store.is_immediate && (store.reg & 7 || !take_immediate(&c, &store.immediate)))
		return false;
	store.length = (unsigned int)(c.at - code);
	*ret_store = store;
	return true;
}
