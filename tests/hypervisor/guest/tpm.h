/* A TPM 2.0 as root talks to it, by its device file: what an attacker asks of it, and what tells
 * whether an event log is true. Written from the specification alone (TCG, Trusted Platform Module
 * Library, parts 2 and 3), not from the driver. */
#ifndef TESTS_HYPERVISOR_GUEST_TPM_H
#define TESTS_HYPERVISOR_GUEST_TPM_H

#include <endian.h>

#include "crypto/sha256.h"
#include "tests/hypervisor/guest/host.h"

#define TPM_RC_POLICY_FAIL_SESSION 0x99d
#define TPM_ANSWER_MAX 4096

struct tpm_message {
	uint8_t bytes[TPM_ANSWER_MAX];
	size_t size;
};

/* Bytes in hexadecimal, words apart as one likes; then perhaps a digest. */
static inline void tpm_put(struct tpm_message *m, const char *hex, const uint8_t *digest)
{
	unsigned int byte;
	int length;

	while (sscanf(hex, " %2x%n", &byte, &length) == 1) {
		m->bytes[m->size++] = (uint8_t)byte;
		hex += length;
	}
	if (digest)
		memcpy(m->bytes + m->size, digest, 32);
	m->size += digest ? 32 : 0;
}

static inline void tpm_put_u32(struct tpm_message *m, uint32_t value)
{
	value = htobe32(value);
	memcpy(m->bytes + m->size, &value, 4);
	m->size += 4;
}

static inline uint32_t tpm_u32(const struct tpm_message *m, size_t at)
{
	uint32_t value;

	memcpy(&value, m->bytes + at, 4);
	return be32toh(value);
}

/* Returns the TPM's code; the answer takes the command's place. */
static inline uint32_t tpm_say(struct tpm_message *m)
{
	uint32_t size = htobe32((uint32_t)m->size);
	int fd = open("/dev/tpm0", O_RDWR | O_CLOEXEC);
	ssize_t got = -1;

	memcpy(m->bytes + 2, &size, 4);
	if (fd >= 0 && write(fd, m->bytes, m->size) == (ssize_t)m->size)
		got = read(fd, m->bytes, sizeof(m->bytes));
	close(fd);
	m->size = 0;
	return got < 10 ? UINT32_MAX : tpm_u32(m, 6);
}

static inline struct tpm_message tpm_command(uint16_t tag, uint32_t code)
{
	struct tpm_message m = {.bytes = {(uint8_t)(tag >> 8), (uint8_t)tag}, .size = 6};

	tpm_put_u32(&m, code);
	return m;
}

static inline bool tpm_pcr_extend(uint32_t pcr, const uint8_t digest[32])
{
	struct tpm_message m = tpm_command(0x8002, 0x182);

	tpm_put_u32(&m, pcr);
	tpm_put(&m, "00000009 40000009 0000 00 0000 00000001 000b", digest);
	return tpm_say(&m) == 0;
}

/* SHA-256 bank. */
static inline bool tpm_pcr_read(uint32_t pcr, uint8_t ret_value[32])
{
	struct tpm_message m = tpm_command(0x8001, 0x17e);

	tpm_put(&m, "00000001 000b 03", NULL);
	for (uint32_t i = 0; i < 3; i++)
		m.bytes[m.size++] = pcr / 8 == i ? (uint8_t)(1 << pcr % 8) : 0;
	if (tpm_say(&m) != 0)
		return false;
	memcpy(ret_value, m.bytes + 30, 32);
	return true;
}

/* The driver's root key, whose policy is @policy, if the TPM gives it: returns the TPM's code. */
static inline uint32_t tpm_ask_for_key(const uint8_t policy[32], uint8_t ret_key[32])
{
	struct tpm_message m = tpm_command(0x8001, 0x176);
	uint32_t session, object, r;

	tpm_put(&m, "40000007 40000007 0010 00000000000000000000000000000000 0000 01 0010 000b",
		NULL);
	if (tpm_say(&m) != 0)
		return UINT32_MAX;
	session = tpm_u32(&m, 10);
	m = tpm_command(0x8001, 0x17f);
	tpm_put_u32(&m, session);
	tpm_put(&m, "0000 00000001 000b 03 953300", NULL); /* 0 2 4 7, 8 9 12 13 */
	if (tpm_say(&m) != 0)
		return UINT32_MAX;
	m = tpm_command(0x8002, 0x131);
	tpm_put(&m, "40000001 00000009 40000009 0000 00 0000 0004 0000 0000", NULL);
	tpm_put(&m, "0030 0008 000b 000404b2 0020", policy);
	tpm_put(&m, "0005 000b 0000 0000 00000000", NULL);
	if (tpm_say(&m) != 0)
		return UINT32_MAX;
	object = tpm_u32(&m, 10);
	m = tpm_command(0x8002, 0x155);
	tpm_put_u32(&m, object);
	tpm_put(&m, "00000009", NULL);
	tpm_put_u32(&m, session);
	tpm_put(&m, "0000 00 0000 0011 63617365 6d617465 20726f6f 74206b65 79 000b", NULL);
	r = tpm_say(&m);
	if (r == 0)
		memcpy(ret_key, m.bytes + 16, 32);
	for (unsigned int i = 0; i < 2; i++) {
		m = tpm_command(0x8001, 0x165);
		tpm_put_u32(&m, i ? object : session);
		tpm_say(&m); /* the session is gone already, if it was good for the key */
	}
	return r;
}

static inline void tpm_extend_value(uint8_t value[32], const uint8_t digest[32])
{
	struct sha256 sha;

	sha256_start(&sha);
	sha256_update(&sha, value, 32);
	sha256_update(&sha, digest, 32);
	sha256_finish(&sha, value);
}

/* Of a session that has seen PolicyPCR with these values (part 3, 23.7). */
static inline void tpm_policy_pcr(const uint8_t (*pcrs)[32], size_t count, uint8_t ret_policy[32])
{
	struct tpm_message m = {.size = 0};
	uint8_t values[32];

	sha256(pcrs, count * 32, values);
	memset(m.bytes, 0, 32);
	m.size = 32;
	tpm_put(&m, "0000017f 00000001 000b 03 953300", values);
	sha256(m.bytes, m.size, ret_policy);
}

#endif
