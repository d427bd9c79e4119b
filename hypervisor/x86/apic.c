#include "hypervisor/x86/apic.h"

#include "hypervisor/memory.h"
#include "hypervisor/x86/x86.h"

#define APIC_ICR_LOW 0x300
#define APIC_LVT_FIRST 0x320 /* timer, thermal, counters, LINT0, LINT1, error */
#define APIC_LVT_LAST 0x370
#define APIC_LVT_EXTENDED_FIRST 0x500
#define APIC_LVT_EXTENDED_LAST 0x530

#define APIC_BASE_ADDRESS 0x000ffffffffff000UL

enum delivery { DELIVERY_SMI = 2, DELIVERY_INIT = 5, DELIVERY_STARTUP = 6 };

bool apic_is_supported(void)
{
	uint64_t base = x86_rdmsr(MSR_APIC_BASE);

	return (base & APIC_BASE_ENABLE) && (base & APIC_BASE_ADDRESS) == APIC_FRAME << PAGE_SHIFT;
}

bool apic_may_write(uint32_t offset, uint32_t value)
{
	uint32_t delivery = value >> 8 & 7;

	offset = ALIGN_DOWN(offset, 16);
	if (offset != APIC_ICR_LOW && !(offset >= APIC_LVT_FIRST && offset <= APIC_LVT_LAST) &&
		!(offset >= APIC_LVT_EXTENDED_FIRST && offset <= APIC_LVT_EXTENDED_LAST))
		return true;
	return delivery != DELIVERY_SMI && delivery != DELIVERY_INIT &&
	       delivery != DELIVERY_STARTUP;
}

static volatile uint32_t *apic_register(uint32_t offset)
{
	return (volatile uint32_t *)((uint8_t *)memory_at(APIC_FRAME) +
				     ALIGN_DOWN(offset, 4) % PAGE_SIZE);
}

void apic_write(uint32_t offset, uint32_t value)
{
	*apic_register(offset) = value;
}

uint32_t apic_read(uint32_t offset)
{
	return *apic_register(offset);
}
