/* Processors and memory of the simulation: the host's, as far as the launcher may use them.
 * Processor i of the enclave is the i-th that the launcher may run on. */
#include <asm/errno.h>

#include "libos/core/lock.h"
#include "platform/simulation/host_call.h"
#include "platform/simulation/simulation.h"

#define HOST_CPU_COUNT_MAX 8192
#define HOST_MASK_WORDS (HOST_CPU_COUNT_MAX / 64)

static struct lock host_cpus_lock;
static uint16_t host_cpus[HOST_CPU_COUNT_MAX];
static unsigned int host_cpus_known; /* 0: not asked yet */

static void ask_host_cpus(void)
{
	uint64_t mask[HOST_MASK_WORDS] = {0};
	unsigned int count = 0;
	long size = host_check_size(HOST_CALL(sched_getaffinity, simulation_launch.launcher_pid,
					    sizeof(mask), mask, 0, 0, 0),
		sizeof(mask));

	for (unsigned int i = 0; size > 0 && i < (unsigned int)size * 8; i++)
		if (mask[i / 64] & (1UL << (i % 64)))
			host_cpus[count++] = (uint16_t)i;
	/* A host that does not say: as if it had said the usual. */
	for (; count < simulation_launch.cpu_count; count++)
		host_cpus[count] = (uint16_t)count;
	__atomic_store_n(&host_cpus_known, count, __ATOMIC_RELEASE);
}

static void know_host_cpus(void)
{
	if (__atomic_load_n(&host_cpus_known, __ATOMIC_ACQUIRE))
		return;
	LOCK_SCOPE(&host_cpus_lock);
	if (!host_cpus_known)
		ask_host_cpus();
}

unsigned int platform_cpu_count(void)
{
	return simulation_launch.cpu_count;
}

bool platform_cpus_are_host_cpus(void)
{
	know_host_cpus();
	for (unsigned int i = 0; i < simulation_launch.cpu_count; i++)
		if (host_cpus[i] != i)
			return false;
	return true;
}

unsigned int platform_cpu_current(void)
{
	uint32_t cpu = 0;

	know_host_cpus();
	if (HOST_CALL(getcpu, &cpu, NULL, NULL, 0, 0, 0))
		return 0;
	for (unsigned int i = 0; i < simulation_launch.cpu_count; i++)
		if (host_cpus[i] == cpu)
			return i;
	return 0;
}

/* Linux keeps the number in the limit of a segment, for its vDSO. */
uint32_t platform_cpu_hint(void)
{
	uint32_t limit = 0;

	__asm__ volatile("lsll %1, %0" : "+r"(limit) : "r"(0x7b) : "cc");
	return limit & 0xfff;
}

void platform_thread_affinity(struct thread *thread, const uint64_t *mask, size_t words)
{
	uint64_t host_mask[HOST_MASK_WORDS] = {0};
	unsigned int count = (unsigned int)MIN(words * 64, (size_t)simulation_launch.cpu_count);

	know_host_cpus();
	for (unsigned int i = 0; i < count; i++)
		if (mask[i / 64] & (1UL << (i % 64)))
			host_mask[host_cpus[i] / 64] |= 1UL << (host_cpus[i] % 64);
	(void)HOST_CALL(sched_setaffinity, thread->platform->host_tid, sizeof(host_mask), host_mask,
		0, 0, 0);
}

int platform_rseq(uint64_t area, uint32_t size, uint32_t flags, uint32_t signature)
{
	/* The host writes its own processor numbers. */
	if (!platform_cpus_are_host_cpus())
		return -ENOSYS;
	return host_check_status(HOST_CALL(rseq, area, size, flags, signature, 0, 0));
}

long platform_membarrier(uint32_t command, uint32_t flags, uint32_t cpu)
{
	return host_check_size(HOST_CALL(membarrier, command, flags, cpu, 0, 0, 0), UINT32_MAX);
}
