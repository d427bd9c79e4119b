#include "hypervisor/flush.h"

#include "hypervisor/x86/amd/cpu.h"

static uint64_t wanted = 1;

void flush_request(void)
{
	__atomic_fetch_add(&wanted, 1, __ATOMIC_SEQ_CST);
}

bool flush_is_complete(void)
{
	for (uint32_t i = 0; i < cpu_count(); i++) {
		const struct cpu *cpu = cpu_at(i);

		if (__atomic_load_n(&cpu->is_demoted, __ATOMIC_ACQUIRE) &&
			__atomic_load_n(&cpu->flushed, __ATOMIC_ACQUIRE) < wanted)
			return false;
	}
	return true;
}

bool flush_notice(struct cpu *cpu)
{
	uint64_t now = __atomic_load_n(&wanted, __ATOMIC_ACQUIRE);

	if (cpu->flushed == now)
		return false;
	__atomic_store_n(&cpu->flushed, now, __ATOMIC_RELEASE);
	return true;
}
