/* The enclave of the tests: freestanding, CPL 0. */
#include "tests/hypervisor/enclave/enclave.h"

#include "abi/hypervisor.h"
#include "base/memory.h"
#include "hypervisor/hmac.h"

#define BASE 0x100000000000UL
#define CODE_SELECTOR 8
#define GATE_INTERRUPT 0x8e00UL
#define MEET_ROUNDS 2000000000UL

uint64_t enclave_serve(uint64_t command, uint64_t b, uint64_t c, uint64_t d);
void enclave_setup(void);
void enclave_raise_on(uint64_t stack);
uint64_t enclave_spin(uint64_t rounds), enclave_spin_wide(uint64_t rounds);
extern void gate6(void), gate13(void), gate_missing(void);
extern volatile uint64_t last_vector, skip_length, accepts_pages, accepted_pages;

static struct gate {
	uint64_t low, high;
} idt[32];
static uint64_t secret[TEST_SECRET_WORDS] ALIGNED(PAGE_SIZE);
static uint64_t seed;
static struct enclave_target target ALIGNED(4096);
static struct enclave_report report ALIGNED(4096);
static struct enclave_key_request request ALIGNED(4096);

static void set_gate(unsigned int vector, void (*handler)(void))
{
	uint64_t address = (uint64_t)handler;

	idt[vector].low = (address & 0xffff) | CODE_SELECTOR << 16 | GATE_INTERRUPT << 32 |
			  (address >> 16 & 0xffff) << 48;
	idt[vector].high = address >> 32;
}

void enclave_setup(void)
{
	struct {
		uint16_t limit;
		uint64_t base;
	} __attribute__((packed)) table = {sizeof(idt) - 1, (uint64_t)idt};

	set_gate(6, gate6);
	set_gate(13, gate13);
	set_gate(14, gate_missing);
	__asm__ volatile("lidt %0" : : "m"(table));
}

static int64_t call_with(uint64_t number, uint64_t a, uint64_t b)
{
	int64_t r;

	__asm__ volatile("vmmcall" : "=a"(r) : "a"(number), "D"(a), "S"(b) : "memory");
	return r;
}

static int64_t call(uint64_t number, const void *a, const void *b)
{
	return call_with(number, (uint64_t)a - BASE, (uint64_t)b - BASE);
}

static uint64_t fill_secret(uint64_t from)
{
	uint64_t state = seed = from;

	for (unsigned int i = 0; i < TEST_SECRET_WORDS; i++)
		secret[i] = secret_next(&state);
	return 1;
}

static uint64_t check_secret(void)
{
	uint64_t state = seed;

	for (unsigned int i = 0; i < TEST_SECRET_WORDS; i++)
		if (secret[i] != secret_next(&state))
			return 0;
	return 1;
}

#define RAISE(length, instruction, ...)                                                            \
	do {                                                                                       \
		skip_length = (length);                                                            \
		__asm__ volatile(instruction : : __VA_ARGS__ : "memory");                          \
	} while (0)

static uint64_t raise(enum test_exception what)
{
	last_vector = 0;
	switch (what) {
	case TEST_UD2:
		RAISE(2, "ud2", "a"(0));
		break;
	case TEST_OUT:
		RAISE(1, "outb %%al, %%dx", "a"(0x41), "d"(0x3f8));
		break;
	case TEST_WRMSR:
		RAISE(2, "wrmsr", "a"(0), "d"(0), "c"(0xc0010117));
		break;
	case TEST_DEBUG_REGISTER:
		RAISE(3, "mov %%rax, %%dr7", "a"(0x400));
		break;
	case TEST_VMRUN:
		RAISE(3, "vmrun %%rax", "a"(0));
		break;
	case TEST_PAGE_FAULT: /* its own page tables have nothing there */
		RAISE(2, "mov (%%rax), %%ecx", "a"(BASE + (1UL << 30)));
		break;
	}
	return last_vector;
}

/* Never chosen here, but sha256.c names it. */
void sha256_blocks_ni(uint32_t state[8], const uint8_t *from, size_t count)
{
	sha256_blocks_portable(state, from, count);
}

static bool key(uint32_t name, uint16_t svn)
{
	memset(&request, 0, sizeof(request));
	request.name = name;
	request.svn = svn;
	return call(EC_KEY, &request, 0) == 0;
}

static bool report_holds(const uint8_t mrenclave[32])
{
	uint8_t mac[32];

	memcpy(target.mrenclave, mrenclave, 32);
	memset(target.data, 0x5a, sizeof(target.data));
	if (call(EC_REPORT, &report, &target) != 0 || !key(ENCLAVE_KEY_REPORT, 0))
		return false;
	hmac_sha256(request.key, &report, offsetof(struct enclave_report, mac), mac);
	return memory_equal_ct(mac, report.mac, sizeof(mac)) && report.data[63] == 0x5a;
}

static uint64_t check_report(void)
{
	uint8_t own[32] = {0}, other[32] = {0};

	if (report_holds(other))
		return 0; /* it was for another enclave: that it holds here would be wrong */
	memcpy(own, report.mrenclave, sizeof(own));
	return report_holds(own);
}

static uint64_t first_of_key(uint32_t name, uint16_t svn)
{
	uint64_t word = 0;

	if (key(name, svn))
		memcpy(&word, request.key, sizeof(word));
	return word;
}

static uint64_t offers_svm(void)
{
	uint32_t a = 0x80000001, b, c = 0, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return c >> 2 & 1;
}

static uint64_t cpuid(uint32_t leaf, uint32_t subleaf, bool second)
{
	uint32_t a = leaf, b, c = subleaf, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
	return second ? c | (uint64_t)d << 32 : a | (uint64_t)b << 32;
}

/* Whoever is first waits for the others; the rounds are for when they never come. */
static uint64_t meet(uint32_t count)
{
	static uint32_t here;
	uint32_t a = 1, b, c = 0, d;

	__atomic_fetch_add(&here, 1, __ATOMIC_SEQ_CST);
	for (uint64_t i = 0; i < MEET_ROUNDS; i++) {
		if (__atomic_load_n(&here, __ATOMIC_SEQ_CST) >= count) {
			__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "+c"(c), "=d"(d));
			return 1 + (b >> 24);
		}
		__builtin_ia32_pause();
	}
	return 0;
}

static volatile uint64_t *word_at(uint64_t offset)
{
	return (volatile uint64_t *)(BASE + offset);
}

static uint64_t store(uint64_t offset, uint64_t value)
{
	*word_at(offset) = value;
	return 1;
}

static uint64_t count_up(uint64_t offset, uint64_t to)
{
	for (uint64_t i = 0; i <= to; i++)
		*word_at(offset) = i;
	return 1;
}

/* Its own handler accepts what it misses. */
static uint64_t demand(uint64_t offset, uint64_t value)
{
	accepts_pages = 1;
	*word_at(offset) = value;
	accepts_pages = 0;
	return *word_at(offset) == value ? accepted_pages : 0;
}

/* What the calls write to, or take away, is a page that nothing else uses. */
static uint64_t fuzz(uint64_t state, uint64_t rounds)
{
	static uint8_t prey[PAGE_SIZE] ALIGNED(PAGE_SIZE);
	uint64_t page = (uint64_t)prey - BASE;

	for (uint64_t i = 0; i < rounds; i++) {
		uint64_t r = secret_next(&state), word = secret_next(&state);
		const uint64_t some[] = {page, page + word % PAGE_SIZE, word,
			(word % PAGE_SIZE) | 1, word % 8, TEST_WINDOW, HYPERVISOR_WINDOW,
			UINT64_MAX - word % PAGE_SIZE};
		uint64_t number = EC_EXIT + 1 + r % 8, a = some[r >> 8 & 7];

		if (a < 8) /* where its code is */
			a = page;
		call_with(number, a, some[r >> 16 & 7]);
	}
	return 1;
}

uint64_t enclave_serve(uint64_t command, uint64_t b, uint64_t c, uint64_t d)
{
	switch (command) {
	case TEST_ADD:
		return b + c + d;
	case TEST_SECRET:
		return fill_secret(b);
	case TEST_CHECK:
		return check_secret();
	case TEST_SPIN:
		return enclave_spin(b);
	case TEST_SPIN_WIDE:
		return enclave_spin_wide(b);
	case TEST_EXCEPTION:
		return raise((enum test_exception)b);
	case TEST_CRASH:
		if (b)
			*(volatile uint64_t *)BASE = 0;
		return *word_at(TEST_WINDOW); /* translated, but to no page */
	case TEST_REPORT:
		return check_report();
	case TEST_SEAL_ENCLAVE:
		return first_of_key(ENCLAVE_KEY_SEAL_ENCLAVE, 0);
	case TEST_SEAL_SIGNER:
		return first_of_key(ENCLAVE_KEY_SEAL_SIGNER, (uint16_t)b);
	case TEST_SVM:
		return offers_svm();
	case TEST_CPUID:
		return cpuid((uint32_t)b, (uint32_t)c, d);
	case TEST_STEPPED:
		return enclave_spin(1000) == 1 && !(__builtin_ia32_readeflags_u64() & 0x100);
	case TEST_MEET:
		return meet((uint32_t)b);
	case TEST_LOAD:
		return *word_at(b);
	case TEST_STORE:
		return store(b, c);
	case TEST_COUNT:
		return count_up(b, c);
	case TEST_DEMAND:
		return demand(b, c);
	case TEST_RAISE_ON:
		enclave_raise_on(BASE + b);
		return last_vector;
	case TEST_RUN:
		return ((uint64_t(*)(void))(BASE + b))();
	case TEST_ACCEPT:
		return (uint64_t)-call_with(EC_ACCEPT, b, c);
	case TEST_PROTECT:
		return (uint64_t)-call_with(EC_PROTECT, b, c);
	case TEST_TIME:
		return __builtin_ia32_rdtsc();
	case TEST_FUZZ:
		return fuzz(b, c);
	}
	return 0;
}
