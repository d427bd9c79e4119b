#include "crypto/sha256.h"

#include <openssl/sha.h>
#include <stdlib.h>

#include "base/test.h"

static uint8_t data[20000];

static bool digest_is(const uint8_t digest[SHA256_SIZE], const char *hex)
{
	char text[2 * SHA256_SIZE + 1];

	for (int i = 0; i < SHA256_SIZE; i++)
		sprintf(text + 2 * i, "%02x", digest[i]);
	return !strcmp(text, hex);
}

/* NIST's examples: FIPS 180-2 appendix B and the empty message of the CAVP set. */
static void test_vectors(void)
{
	uint8_t digest[SHA256_SIZE];
	struct sha256 sha;

	sha256("", 0, digest);
	CHECK(digest_is(
		digest, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"));
	sha256("abc", 3, digest);
	CHECK(digest_is(
		digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"));
	sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56, digest);
	CHECK(digest_is(
		digest, "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"));
	sha256_start(&sha);
	for (int i = 0; i < 1000000; i += 1000) {
		memset(data, 'a', 1000);
		sha256_update(&sha, data, 1000);
	}
	sha256_finish(&sha, digest);
	CHECK(digest_is(
		digest, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"));
}

static void test_against_openssl(void)
{
	uint8_t ours[SHA256_SIZE], theirs[SHA256_SIZE];
	unsigned int wrong = 0;

	for (size_t size = 0; size < 4200; size += size < 300 ? 1 : 97) {
		sha256(data + size % 13, size, ours);
		SHA256(data + size % 13, size, theirs);
		wrong += memcmp(ours, theirs, SHA256_SIZE) != 0;
	}
	CHECK_EQ(wrong, 0);
}

static void test_pieces(void)
{
	uint8_t whole[SHA256_SIZE], pieces[SHA256_SIZE];
	unsigned int wrong = 0;

	sha256(data, sizeof(data), whole);
	for (size_t step = 1; step < 200; step++) {
		struct sha256 sha;

		sha256_start(&sha);
		for (size_t at = 0; at < sizeof(data); at += step)
			sha256_update(&sha, data + at, MIN(step, sizeof(data) - at));
		sha256_finish(&sha, pieces);
		wrong += memcmp(whole, pieces, SHA256_SIZE) != 0;
	}
	CHECK_EQ(wrong, 0);
}

static void test_implementations_agree(void)
{
	uint32_t a[8], b[8];

	for (int i = 0; i < 8; i++)
		a[i] = b[i] = (uint32_t)random();
	sha256_blocks_portable(a, data, 100);
	sha256_blocks_ni(b, data, 100);
	CHECK(!memcmp(a, b, sizeof(a)));
}

/* Every xmm register is given a value, the function called, and every register stored. */
static void test_registers_survive(void)
{
	struct {
		uint8_t before[256], after[256];
	} registers;
	uint32_t state[8] = {0}, *to = state;
	const uint8_t *from = data;
	size_t count = 20;

	for (size_t i = 0; i < sizeof(registers.before); i++)
		registers.before[i] = (uint8_t)random();
#define LOAD(n) "movdqu 16*" #n "(%3), %%xmm" #n ";"
#define STORE(n) "movdqu %%xmm" #n ", 256+16*" #n "(%3);"
#define EACH(x)                                                                                    \
	x(0) x(1) x(2) x(3) x(4) x(5) x(6) x(7) x(8) x(9) x(10) x(11) x(12) x(13) x(14) x(15)
	__asm__ volatile(EACH(LOAD) "mov %%rsp, %%r14; sub $128, %%rsp; and $-16, %%rsp;"
				    "call sha256_blocks_ni; mov %%r14, %%rsp;" EACH(STORE)
			 : "+D"(to), "+S"(from), "+d"(count)
			 : "b"(&registers)
			 : "memory", "rax", "rcx", "r8", "r9", "r10", "r11", "r14", "xmm0", "xmm1",
			 "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10",
			 "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
	CHECK(!memcmp(registers.before, registers.after, sizeof(registers.before)));
	CHECK(state[0] != 0);
}

static void test_all(void)
{
	test_vectors();
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (uint8_t)random();
	test_against_openssl();
	test_pieces();
}

int main(void)
{
	CHECK(!sha256_uses_ni());
	test_all();
	sha256_choose();
	if (sha256_uses_ni()) {
		test_all();
		test_implementations_agree();
		test_registers_survive();
		sha256_use_ni(false);
		CHECK(!sha256_uses_ni());
	} else {
		test_skip("SHA-NI", "this processor has no SHA instructions");
	}
	return test_done();
}
