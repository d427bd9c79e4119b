/* The processor's instructions and registers, by their names in the manuals (APM volumes 2 and 3).
 */
#ifndef HYPERVISOR_X86_X86_H
#define HYPERVISOR_X86_X86_H

#include "base/compiler.h"

#define CR0_PG (1UL << 31)
#define CR4_PAE (1UL << 5)
#define CR4_MCE (1UL << 6)
#define CR4_OSFXSR (1UL << 9)
#define CR4_OSXMMEXCPT (1UL << 10)
#define CR4_LA57 (1UL << 12)
#define CR4_PCIDE (1UL << 17)
#define CR4_OSXSAVE (1UL << 18)
#define CR4_PKE (1UL << 22)

#define EFER_SCE (1UL << 0)
#define EFER_LME (1UL << 8)
#define EFER_LMA (1UL << 10)
#define EFER_NXE (1UL << 11)
#define EFER_SVME (1UL << 12)

#define RFLAGS_FIXED 0x2UL
#define RFLAGS_IF (1UL << 9)

#define MSR_APIC_BASE 0x1b
#define MSR_DEBUG_CONTROL 0x1d9
#define MSR_PAT 0x277
#define MSR_EFER 0xc0000080
#define MSR_VM_CR 0xc0010114
#define MSR_VM_HSAVE_PA 0xc0010117

#define VM_CR_SVMDIS (1UL << 4)
#define APIC_BASE_ENABLE (1UL << 11)
#define APIC_BASE_X2APIC (1UL << 10)

#define NMI_VECTOR 2

enum exception {
	EXCEPTION_DB = 1,
	EXCEPTION_UD = 6,
	EXCEPTION_GP = 13,
	EXCEPTION_PF = 14,
	EXCEPTION_AC = 17,
	EXCEPTION_COUNT = 32,
};

/* What LGDT and LIDT take. */
struct descriptor_table {
	uint16_t limit;
	uint64_t base;
} __attribute__((packed));

struct cpuid {
	uint32_t a, b, c, d;
};

/* The contracts here say to proofs, which can't read assembly, what it does. */
/*@ assigns \result \from leaf, subleaf; */
static inline struct cpuid x86_cpuid(uint32_t leaf, uint32_t subleaf)
{
	struct cpuid r;

	__asm__ volatile("cpuid"
			 : "=a"(r.a), "=b"(r.b), "=c"(r.c), "=d"(r.d)
			 : "a"(leaf), "c"(subleaf));
	return r;
}

/*@ assigns \result \from msr; */
static inline uint64_t x86_rdmsr(uint32_t msr)
{
	uint32_t low, high;

	__asm__ volatile("rdmsr" : "=a"(low), "=d"(high) : "c"(msr));
	return low | (uint64_t)high << 32;
}

/*@ assigns \nothing; */
static inline void x86_wrmsr(uint32_t msr, uint64_t value)
{
	__asm__ volatile("wrmsr"
			 :
			 : "c"(msr), "a"((uint32_t)value), "d"((uint32_t)(value >> 32))
			 : "memory");
}

#define X86_READ(reg)                                                                              \
	static inline uint64_t x86_read_##reg(void)                                                \
	{                                                                                          \
		uint64_t value;                                                                    \
                                                                                                   \
		__asm__ volatile("mov %%" #reg ", %0" : "=r"(value));                              \
		return value;                                                                      \
	}
X86_READ(cr0)
X86_READ(cr2)
X86_READ(cr3)
X86_READ(cr4)
X86_READ(dr6)
X86_READ(dr7)
X86_READ(es)
X86_READ(cs)
X86_READ(ss)
X86_READ(ds)
#undef X86_READ

static inline void x86_write_cr4(uint64_t value)
{
	__asm__ volatile("mov %0, %%cr4" : : "r"(value) : "memory");
}

static inline struct descriptor_table x86_sgdt(void)
{
	struct descriptor_table table;

	__asm__ volatile("sgdt %0" : "=m"(table));
	return table;
}

static inline struct descriptor_table x86_sidt(void)
{
	struct descriptor_table table;

	__asm__ volatile("sidt %0" : "=m"(table));
	return table;
}

static inline void x86_out(uint16_t port, uint32_t value, unsigned int size)
{
	if (size == 1)
		__asm__ volatile("outb %b0, %1" : : "a"(value), "Nd"(port));
	else if (size == 2)
		__asm__ volatile("outw %w0, %1" : : "a"(value), "Nd"(port));
	else
		__asm__ volatile("outl %0, %1" : : "a"(value), "Nd"(port));
}

/* A processor's extended state (x87, SSE, AVX...): @area is aligned to 64 bytes. */
/*@ assigns \result \from \nothing; */
static inline uint64_t x86_xgetbv(void)
{
	uint32_t low, high;

	__asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
	return low | (uint64_t)high << 32;
}

/*@ assigns \nothing; */
static inline void x86_xsetbv(uint64_t value)
{
	__asm__ volatile("xsetbv" : : "a"((uint32_t)value), "d"((uint32_t)(value >> 32)), "c"(0));
}

/*@ assigns ((char *)area)[0 .. PAGE_SIZE - 1] \from \nothing; */
static inline void x86_xsave(void *area)
{
	__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
}

/*@ assigns \nothing; */
static inline void x86_xrstor(const void *area)
{
	__asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(-1), "d"(-1) : "memory");
}

/* False: the processor had no number to give. */
/*@ requires \valid(ret_value);
  @ assigns \result, *ret_value \from \nothing;
  @ ensures \initialized(ret_value) && (\result == 0 || \result == 1); */
static inline bool x86_rdrand(uint64_t *ret_value)
{
	bool ok;

	__asm__ volatile("rdrand %0" : "=r"(*ret_value), "=@ccc"(ok));
	return ok;
}

static inline bool x86_has_rdrand(void)
{
	return x86_cpuid(1, 0).c & (1U << 30);
}

NORETURN static inline void x86_halt(void)
{
	for (;;)
		__asm__ volatile("cli; hlt");
}

#endif
