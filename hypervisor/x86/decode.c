#include "hypervisor/x86/decode.h"

#define PREFIX_REX 0x40
#define REX_W 8
#define REX_R 4

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

static bool skip(struct cursor *c, unsigned int count)
{
	if ((size_t)(c->end - c->at) < count)
		return false;
	c->at += count;
	return true;
}

static bool is_segment_prefix(uint8_t byte)
{
	return byte == 0x2e || byte == 0x36 || byte == 0x3e || byte == 0x26 || byte == 0x64 ||
	       byte == 0x65;
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

/* SIB and displacement (APM volume 3, 1.4), of which only the length matters: the fault tells
 * where. */
static bool skip_address(struct cursor *c, uint8_t modrm)
{
	unsigned int mode = modrm >> 6, base = modrm & 7;
	uint8_t sib;

	if (mode == 3)
		return false;
	if (base == 4) {
		if (!take(c, &sib))
			return false;
		base = sib & 7;
	}
	if (mode == 0)
		return base != 5 || skip(c, 4);
	return skip(c, mode == 1 ? 1 : 4);
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
	if (!take(&c, &modrm) || !skip_address(&c, modrm))
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
