/* What the test enclave does for its host: the first word of an entry says what. */
#ifndef TESTS_HYPERVISOR_ENCLAVE_ENCLAVE_H
#define TESTS_HYPERVISOR_ENCLAVE_ENCLAVE_H

#include <stdint.h>

enum test_command {
	TEST_ADD = 1,      /* b + c + d */
	TEST_SECRET,       /* fill a page from seed b (secret_next) */
	TEST_CHECK,        /* is it still so? 1 */
	TEST_SPIN,         /* b rounds with registers and vectors full; 1: all kept */
	TEST_SPIN_WIDE,    /* the same with AVX's registers, which are full when it leaves */
	TEST_EXCEPTION,    /* raise one, by enum test_exception b; the vector its own handler saw */
	TEST_CRASH,        /* b 0: read the window where it is empty; 1: write to code */
	TEST_REPORT,       /* 1: a report for itself holds, and one for another does not */
	TEST_SEAL_ENCLAVE, /* 8 bytes of that key (no enclave in earnest would tell) */
	TEST_SEAL_SIGNER,  /* b: svn */
	TEST_SVM,          /* does CPUID offer SVM inside? */
	TEST_CPUID,        /* leaf b, subleaf c: EAX and EBX above it; d 1: ECX and EDX */
	TEST_MEET,    /* wait inside until b threads are; 1 + the processor's APIC number; 0: they
			 did not come */
	TEST_STEPPED, /* 1: no single steps inside, after some work */
	/* Where b is an offset from its base, with the window from TEST_WINDOW on: */
	TEST_LOAD,     /* the word at b */
	TEST_STORE,    /* the word c to b; 1 */
	TEST_COUNT,    /* count at b up to c; 1 */
	TEST_DEMAND,   /* the word c to b, accepting the pages that it misses: how many by now */
	TEST_RAISE_ON, /* #UD with the stack at b; the vector its own handler saw */
	TEST_RUN,      /* call what is at b: what it returns */
	TEST_ACCEPT,   /* b, enum enclave_accept c; 0 or errno, positive */
	TEST_PROTECT,  /* b, access c; the same */
	TEST_TIME,     /* the time stamp counter */
	TEST_FUZZ,     /* b: seed, c: how many calls with arguments at random; 1 */
};

enum test_exception {
	TEST_UD2,
	TEST_OUT,
	TEST_WRMSR,
	TEST_DEBUG_REGISTER,
	TEST_VMRUN,
	TEST_PAGE_FAULT,
};

#define TEST_WINDOW (2UL << 20)
#define TEST_CODE 0x0000c300000007b8UL /* mov $7, %eax; ret */
#define TEST_SECRET_WORDS 512
#define TEST_THREADS 4 /* TCS pages in a row, the last one of which is the image's last page */

/* Nothing that holds it stands anywhere but where it is put. */
static inline uint64_t secret_next(uint64_t *state)
{
	*state = *state * 6364136223846793005UL + 1442695040888963407UL;
	return *state ^ *state >> 29;
}

#endif
