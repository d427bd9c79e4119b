#include "hypervisor/x86/amd/msr.h"

#include "base/memory.h"
#include "hypervisor/x86/amd/cpu.h"
#include "hypervisor/x86/apic.h"

#define MSR_X2APIC_FIRST 0x800
#define MSR_X2APIC_ICR 0x830
#define MSR_X2APIC_LAST 0x8ff
#define MSR_AMD_FIRST 0xc0010000
#define MSR_AMD_LAST 0xc0011fff
#define MSR_LENGTH 2 /* of RDMSR and WRMSR */

#define MAP_READ 1U
#define MAP_WRITE 2U

#define EFER_CHANGEABLE (EFER_SCE | 1UL << 14 | 1UL << 15 | 1UL << 21) /* FFXSR, TCE, AIBRSE */

struct range {
	uint32_t first, last;
};

/* Written by Linux only with what is there: where memory and the APIC are, and how memory is
 * cached. */
static const struct range pinned[] = {
	{MSR_APIC_BASE, MSR_APIC_BASE},
	{0x200, 0x26f}, /* MTRRs, but for PAT, which a guest has its own of */
	{0x2ff, 0x2ff},
};

/* Of AMD's own range, all is pinned but for what Linux needs to write as it runs: performance
 * counters, power states, machine checks, IBS. */
static const struct range amd_free[] = {
	{0xc0010000, 0xc0010007}, /* PERF_CTL, PERF_CTR */
	{0xc0010062, 0xc0010063}, /* P-state */
	{0xc0010140, 0xc0010141}, /* OSVW */
	{0xc0010200, 0xc001020b}, /* PERF_CTL, PERF_CTR, extended */
	{0xc0010230, 0xc001023b}, /* L2I, L3 counters */
	{0xc00102b0, 0xc00102b4}, /* CPPC */
	{0xc0010300, 0xc0010302}, /* global performance counter status */
	{0xc0011030, 0xc001103b}, /* IBS, but for its physical address and control */
};

static uint64_t maps[2];

static uint32_t map_offset(uint32_t msr)
{
	if (msr < 0x2000)
		return 0;
	return msr >= MSR_AMD_FIRST ? 0x1000 : 0x800;
}

static void intercept(uint8_t *map, uint32_t msr, unsigned int how)
{
	uint8_t *byte = map + map_offset(msr) + (msr & 0x1fff) / 4;

	*byte = (uint8_t)(*byte | how << msr % 4 * 2);
}

static bool is_in(const struct range *ranges, size_t count, uint32_t msr)
{
	for (size_t i = 0; i < count; i++)
		if (msr >= ranges[i].first && msr <= ranges[i].last)
			return true;
	return false;
}

void msr_init(
	uint8_t *linux_map, uint64_t linux_address, uint8_t *enclave_map, uint64_t enclave_address)
{
	/* An enclave has its own of these, in its control block. */
	static const uint32_t of_enclave[] = {
		0xc0000081, 0xc0000082, 0xc0000083, 0xc0000084, 0xc0000100, 0xc0000101, 0xc0000102};

	maps[0] = linux_address;
	maps[1] = enclave_address;
	for (size_t i = 0; i < ARRAY_SIZE(pinned); i++)
		for (uint32_t msr = pinned[i].first; msr <= pinned[i].last; msr++)
			intercept(linux_map, msr, MAP_WRITE);
	for (uint32_t msr = MSR_AMD_FIRST; msr <= MSR_AMD_LAST; msr++)
		if (!is_in(amd_free, ARRAY_SIZE(amd_free), msr))
			intercept(linux_map, msr, MAP_WRITE);
	for (uint32_t msr = MSR_X2APIC_FIRST; msr <= MSR_X2APIC_LAST; msr++)
		if (!apic_may_write((msr - MSR_X2APIC_FIRST) * 16, UINT32_MAX & ~0x200U))
			intercept(linux_map, msr, MAP_WRITE);
	intercept(linux_map, MSR_EFER, MAP_READ | MAP_WRITE);
	intercept(linux_map, MSR_VM_CR, MAP_READ | MAP_WRITE);
	intercept(linux_map, MSR_VM_HSAVE_PA, MAP_READ | MAP_WRITE);
	memset(enclave_map, 0xff, 2 * PAGE_SIZE);
	for (size_t i = 0; i < ARRAY_SIZE(of_enclave); i++) {
		uint8_t *byte =
			enclave_map + map_offset(of_enclave[i]) + (of_enclave[i] & 0x1fff) / 4;

		*byte = (uint8_t)(*byte & ~(3U << of_enclave[i] % 4 * 2));
	}
}

uint64_t msr_linux_map(void)
{
	return maps[0];
}

uint64_t msr_enclave_map(void)
{
	return maps[1];
}

/* False: #GP. */
static bool read_msr(const struct vmcb *vmcb, uint32_t msr, uint64_t *ret_value)
{
	switch (msr) {
	case MSR_EFER:
		*ret_value = vmcb->efer & ~EFER_SVME;
		return true;
	case MSR_VM_CR:
		*ret_value = VM_CR_SVMDIS;
		return true;
	case MSR_VM_HSAVE_PA:
		*ret_value = 0;
		return true;
	}
	return false; /* outside of the ranges that the map covers: nothing Linux needs is there */
}

static bool write_efer(struct vmcb *vmcb, uint64_t value)
{
	if ((value ^ (vmcb->efer & ~EFER_SVME)) & ~EFER_CHANGEABLE)
		return false;
	vmcb->efer = value | EFER_SVME;
	return true;
}

static bool is_pinned(uint32_t msr)
{
	return is_in(pinned, ARRAY_SIZE(pinned), msr) ||
	       (msr >= MSR_AMD_FIRST && msr <= MSR_AMD_LAST);
}

/* Are there registers with holes between them, whose reading would fault here? Then writing does
 * too. */
static bool msr_exists(uint32_t msr)
{
	return (msr >= 0x200 && msr < 0x210) || msr == 0x250 || msr == 0x258 || msr == 0x259 ||
	       (msr >= 0x268 && msr <= 0x26f) || msr == 0x2ff || msr == MSR_APIC_BASE ||
	       msr == 0xc0010010 || msr == 0xc0010015 || msr == 0xc001001a || msr == 0xc001001d ||
	       (msr >= 0xc0010016 && msr <= 0xc0010019);
}

static bool write_msr(struct vmcb *vmcb, uint32_t msr, uint64_t value)
{
	if (msr == MSR_EFER)
		return write_efer(vmcb, value);
	if (msr == MSR_VM_CR)
		return value == VM_CR_SVMDIS;
	if (msr == MSR_VM_HSAVE_PA)
		return value == 0;
	if (msr >= MSR_X2APIC_FIRST && msr <= MSR_X2APIC_LAST) {
		if (!apic_may_write((msr - MSR_X2APIC_FIRST) * 16, (uint32_t)value))
			return false;
		x86_wrmsr(msr, value);
		return true;
	}
	return is_pinned(msr) && msr_exists(msr) && x86_rdmsr(msr) == value;
}

void msr_handle_exit(struct cpu *cpu)
{
	struct vmcb *vmcb = &cpu->linux_vmcb;
	uint32_t msr = (uint32_t)cpu->registers.rcx;
	uint64_t value = (uint32_t)vmcb->rax | cpu->registers.rdx << 32;
	bool is_write = vmcb->exit_info1 & 1, ok;

	ok = is_write ? write_msr(vmcb, msr, value) : read_msr(vmcb, msr, &value);
	if (!ok) {
		cpu->denied++;
		vmcb_raise(vmcb, EXCEPTION_GP);
		return;
	}
	if (!is_write) {
		vmcb->rax = (uint32_t)value;
		cpu->registers.rdx = value >> 32;
	}
	vmcb_skip(vmcb, MSR_LENGTH);
}
