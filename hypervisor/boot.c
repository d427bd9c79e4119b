#include <asm/errno.h>

#include "abi/hypervisor.h"
#include "base/memory.h"
#include "hypervisor/frames.h"
#include "hypervisor/key.h"
#include "hypervisor/lock.h"
#include "hypervisor/memory.h"
#include "hypervisor/nested.h"
#include "hypervisor/table.h"
#include "hypervisor/x86/amd/cpu.h"
#include "hypervisor/x86/amd/iommu.h"
#include "hypervisor/x86/amd/msr.h"
#include "hypervisor/x86/apic.h"
#include "hypervisor/x86/ports.h"

hypervisor_init_fn hypervisor_init;

struct lock hypervisor_lock;
uint64_t memory_direct_map;

/* hypervisor.lds; only their addresses mean something. */
extern const uint8_t image_start[], image_text_end[], image_rodata_end[], image_end[];

#define MAP_FRAMES_LINUX_MSR 0
#define MAP_FRAMES_ENCLAVE_MSR 2
#define MAP_FRAMES_LINUX_PORTS 4
#define MAP_FRAMES_ENCLAVE_PORTS 7
#define MAP_FRAMES_IOMMU 10
_Static_assert(MAP_FRAMES_IOMMU + IOMMU_MAP_FRAMES <= HYPERVISOR_MAP_FRAMES, "room");

static struct table own;

static uint64_t image_frames(void)
{
	return (uint64_t)(image_end - image_start) / PAGE_SIZE;
}

static uint64_t owner_frames(const struct hypervisor_boot *boot)
{
	return (boot->frame_count * HYPERVISOR_OWNER_SIZE + PAGE_SIZE - 1) / PAGE_SIZE;
}

static uint64_t cpu_frames(const struct hypervisor_boot *boot)
{
	return boot->cpu_count * (sizeof(struct cpu) / PAGE_SIZE);
}

static int check(const struct hypervisor_boot *boot)
{
	if (boot->region != (uint64_t)image_start || !IS_ALIGNED(boot->region, PAGE_SIZE))
		return -EINVAL;
	if (!boot->cpu_count || boot->cpu_count > HYPERVISOR_CPU_COUNT_MAX)
		return -EINVAL;
	if (boot->ram_count > HYPERVISOR_RAM_COUNT_MAX || boot->frame_count >= FRAME_NONE)
		return -EINVAL;
	if (boot->iommu_count > HYPERVISOR_IOMMU_COUNT_MAX)
		return -EINVAL;
	if (boot->region_count != image_frames() + cpu_frames(boot) + owner_frames(boot))
		return -EINVAL;
	return apic_is_supported() ? 0 : -ENODEV;
}

static int claim(const uint64_t *frames, uint64_t count, enum frame_kind kind)
{
	for (uint64_t i = 0; i < count; i++) {
		int r = frame_claim(frames[i], kind);

		if (r < 0)
			return r;
	}
	return 0;
}

static int claim_all(const struct hypervisor_boot *boot)
{
	int r = claim(boot->region_frames, boot->region_count, FRAME_HYPERVISOR);

	if (r == 0)
		r = claim(boot->pool_frames, boot->pool_count, FRAME_RESERVED);
	for (uint64_t i = 0; r == 0 && i < HYPERVISOR_MAP_FRAMES; i++)
		r = frame_claim(boot->map_frame + i, FRAME_HYPERVISOR);
	for (uint64_t i = 0; r == 0 && boot->iommu_count && i < HYPERVISOR_DEVICE_TABLE_FRAMES; i++)
		r = frame_claim(boot->device_table + i, FRAME_HYPERVISOR);
	return r;
}

/* W^X: code is executed and read, the rest never executed. */
static uint64_t region_flags(uint64_t offset)
{
	if (offset < (uint64_t)(image_text_end - image_start))
		return 0;
	if (offset < (uint64_t)(image_rodata_end - image_start))
		return TABLE_NO_EXECUTE;
	return TABLE_WRITE | TABLE_NO_EXECUTE;
}

static bool is_guard(uint64_t offset)
{
	uint64_t in_cpus = offset - (uint64_t)(image_end - image_start);

	return in_cpus < (uint64_t)cpu_count() * sizeof(struct cpu) &&
	       in_cpus % sizeof(struct cpu) == offsetof(struct cpu, guard);
}

static int map_region(const struct hypervisor_boot *boot)
{
	for (uint64_t i = 0; i < boot->region_count; i++) {
		uint64_t offset = i * PAGE_SIZE;
		int r = 0;

		if (!is_guard(offset))
			r = table_map(&own, boot->region + offset,
				boot->region_frames[i] << PAGE_SHIFT, region_flags(offset));
		if (r < 0)
			return r;
	}
	return 0;
}

static int map_registers(uint64_t frame, uint64_t count)
{
	int r = 0;

	for (uint64_t at = frame << PAGE_SHIFT; r == 0 && count; at += PAGE_SIZE, count--)
		r = table_map(&own, memory_direct_map + at, at,
			TABLE_WRITE | TABLE_NO_EXECUTE | TABLE_NO_CACHE | TABLE_WRITE_THROUGH);
	return r;
}

/* All memory, in large pages, the APIC and the IOMMUs. */
static int map_memory(const struct hypervisor_boot *boot)
{
	int result;

	for (uint32_t i = 0; i < boot->ram_count; i++) {
		uint64_t from = ALIGN_DOWN(boot->ram[i].first << PAGE_SHIFT, TABLE_LARGE_SIZE);
		uint64_t end = (boot->ram[i].first + boot->ram[i].count) << PAGE_SHIFT;

		for (uint64_t at = from; at < end; at += TABLE_LARGE_SIZE) {
			int r = table_map(&own, memory_direct_map + at, at,
				TABLE_LARGE | TABLE_WRITE | TABLE_NO_EXECUTE);

			if (r < 0)
				return r;
		}
	}
	result = map_registers(APIC_FRAME, 1);
	for (uint32_t i = 0; result == 0 && i < boot->iommu_count; i++)
		result = map_registers(boot->iommus[i].frame, HYPERVISOR_IOMMU_FRAMES);
	return result;
}

static void init_maps(const struct hypervisor_boot *boot)
{
	uint8_t *maps = memory_at(boot->map_frame);

	msr_init(maps + MAP_FRAMES_LINUX_MSR * PAGE_SIZE,
		(boot->map_frame + MAP_FRAMES_LINUX_MSR) << PAGE_SHIFT,
		maps + MAP_FRAMES_ENCLAVE_MSR * PAGE_SIZE,
		(boot->map_frame + MAP_FRAMES_ENCLAVE_MSR) << PAGE_SHIFT);
	ports_init(&boot->ports, maps + MAP_FRAMES_LINUX_PORTS * PAGE_SIZE,
		(boot->map_frame + MAP_FRAMES_LINUX_PORTS) << PAGE_SHIFT,
		maps + MAP_FRAMES_ENCLAVE_PORTS * PAGE_SIZE,
		(boot->map_frame + MAP_FRAMES_ENCLAVE_PORTS) << PAGE_SHIFT);
}

int hypervisor_init(const struct hypervisor_boot *boot)
{
	uint32_t levels = x86_read_cr4() & CR4_LA57 ? 5 : 4;
	uint8_t *cpus = (uint8_t *)boot->region + (image_end - image_start);
	int r = check(boot);

	if (r < 0)
		return r;
	memory_direct_map = boot->direct_map;
	frames_init((struct frame *)(cpus + cpu_frames(boot) * PAGE_SIZE), boot->frame_count);
	for (uint32_t i = 0; i < boot->ram_count; i++)
		frames_add_ram(boot->ram[i].first, boot->ram[i].count);
	r = claim_all(boot);
	if (r == 0)
		r = table_init(&own, levels, 0);
	if (r < 0)
		return r;
	cpu_init(
		boot, cpus, boot->region_frames + image_frames(), (uint64_t)own.root << PAGE_SHIFT);
	init_maps(boot);
	r = map_region(boot);
	if (r == 0)
		r = map_memory(boot);
	if (r == 0)
		r = nested_init(levels);
	if (r == 0)
		r = iommu_init(boot, boot->map_frame + MAP_FRAMES_IOMMU);
	if (r == 0)
		r = key_init(boot->has_root_key ? boot->root_key : NULL);
	return r;
}
