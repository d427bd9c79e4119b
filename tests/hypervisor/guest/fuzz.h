/* Hypercalls at random, from ring 0, by the attacker's module. */
#ifndef TESTS_HYPERVISOR_GUEST_FUZZ_H
#define TESTS_HYPERVISOR_GUEST_FUZZ_H

#include "tests/hypervisor/guest/attacker.h"

#define FUZZ_LOW                                                                                   \
	(2UL << 20) /* what stands for offsets of pages would be Linux's memory as addresses */
#define FUZZ_FIRST_ENCLAVE 2 /* those from here on are its own: enclave 1 is what is attacked */

struct fuzz {
	uint64_t state;
	uint64_t page, frame; /* addresses: of the attacker's, and of the hypervisor's memory */
	uint64_t calls, successes;
};

static inline struct fuzz fuzz_start(uint64_t region, uint64_t seed)
{
	return (struct fuzz){.state = seed,
		.page = attack(ATTACK_PAGE, 0, 0, 0).a,
		.frame = region_frame(region, 3)};
}

static inline uint64_t fuzz_word(struct fuzz *fuzz)
{
	uint64_t r = secret_next(&fuzz->state), low = secret_next(&fuzz->state);
	const uint64_t some[] = {fuzz->page, fuzz->page + low % 4096, fuzz->frame,
		fuzz->frame + low % 4096, low % 32, UINT64_MAX - low % 8192, fuzz->page >> 12,
		fuzz->frame >> 12, low % 512 << 12, FUZZ_FIRST_ENCLAVE + low % 16, r | 1UL << 60};

	return some[(r >> 8) % (sizeof(some) / sizeof(some[0]))];
}

static inline void fuzz_put(const struct fuzz *fuzz, uint64_t offset, uint64_t word)
{
	attack(ATTACK_WRITE, fuzz->page + offset, word, 0);
}

/* What CREATE and ADD take, but for what is changed of it. */
static inline void fuzz_put_valid(struct fuzz *fuzz, uint64_t number)
{
	static const uint64_t flags[] = {0x203, 0x205, 0x100, 0x201};
	uint64_t r = secret_next(&fuzz->state);

	for (uint64_t i = 0; i < 64; i += 8)
		fuzz_put(fuzz, i, 0);
	if (number == HC_ENCLAVE_CREATE) {
		fuzz_put(fuzz, offsetof(struct sgx_secs, size), 2UL << 20);
		fuzz_put(fuzz, 16, 1);
		fuzz_put(fuzz, offsetof(struct sgx_secs, attributes), SGX_ATTRIBUTE_MODE64BIT);
		fuzz_put(fuzz, offsetof(struct sgx_secs, attributes) + 8, SGX_XFRM_LEGACY);
	} else {
		fuzz_put(fuzz, 0, FUZZ_FIRST_ENCLAVE + (r >> 8) % 4);
		fuzz_put(fuzz, 8, (r >> 12) % 16 << 12);
		fuzz_put(fuzz, 16, flags[(r >> 20) % 4]);
		fuzz_put(fuzz, 24, fuzz->page);
	}
	if (!(r >> 24 & 1))
		fuzz_put(fuzz, (r >> 25) % 8 * 8, fuzz_word(fuzz));
}

/* Nor may it leave, wipe, enter, or get back what the driver has given: those are allowed, and the
 * end of the test. Nor may what is answered be written where this Linux has something: pages are
 * the attacker's or nobody's. */
static inline bool fuzz_is_allowed(uint64_t number, uint64_t a)
{
	return number != HC_LEAVE && number != HC_WIPE && number != HC_RECLAIM &&
	       number != HC_ENCLAVE_ENTER && (number < HC_ENCLAVE_DESTROY || a != 1) &&
	       ((number != HC_STATUS && number != HC_DONATE) || a >= FUZZ_LOW);
}

static inline void fuzz_once(struct fuzz *fuzz)
{
	uint64_t number = secret_next(&fuzz->state) % 20, a = fuzz_word(fuzz);
	uint64_t b = fuzz_word(fuzz), c = fuzz_word(fuzz);

	if (!fuzz_is_allowed(number, a))
		return;
	if ((number == HC_ENCLAVE_CREATE || number == HC_ENCLAVE_ADD) && b & 1) {
		a = fuzz->page;
		fuzz_put_valid(fuzz, number);
	} else if (number == HC_DONATE) { /* not of Linux's own memory, which is in use */
		attack(ATTACK_PAGE, 0, fuzz->frame >> 12, UINT64_MAX);
	} else {
		attack(ATTACK_PAGE, 0, fuzz_word(fuzz), fuzz_word(fuzz));
	}
	fuzz->calls++;
	fuzz->successes += hypercall3(number, a, b, c) >= 0;
}

/* Enclaves that came of it. */
static inline void fuzz_stop(void)
{
	for (uint64_t i = FUZZ_FIRST_ENCLAVE; i <= HYPERVISOR_ENCLAVE_COUNT_MAX; i++)
		hypercall(HC_ENCLAVE_DESTROY, i, 0);
}

#endif
