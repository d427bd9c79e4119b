/* Address spaces of the simulation: those of host processes. */
#include <asm/errno.h>
#include <linux/falloc.h>
#include <linux/mman.h>

#include "platform/simulation/host_call.h"
#include "platform/simulation/simulation.h"

#define MAP_ANONYMOUS_PRIVATE (MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED)

void platform_memory_range(uintptr_t *ret_start, size_t *ret_size)
{
	*ret_start = simulation_launch.region_free;
	*ret_size = PLATFORM_REGION_END - simulation_launch.region_free;
}

void platform_memory_discard(void *start, size_t size)
{
	uint64_t offset = (uintptr_t)start - PLATFORM_REGION_START;

	if (HOST_CALL(fallocate, simulation_launch.region_fd,
		    FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset, size, 0, 0))
		platform_panic("the host refused to take memory back");
}

static int check_map(long answer, uintptr_t addr)
{
	if ((uintptr_t)answer == addr)
		return 0;
	return answer < 0 && answer >= -4095 ? (int)answer : -EIO;
}

static int map(
	uintptr_t addr, size_t size, unsigned int prot, unsigned int flags, int fd, uint64_t offset)
{
	if (!platform_is_user(addr, size))
		return -ENOMEM;
	return check_map(HOST_CALL(mmap, addr, size, prot, flags, fd, offset), addr);
}

int platform_map_anonymous(uintptr_t addr, size_t size, unsigned int prot)
{
	return map(addr, size, prot, MAP_ANONYMOUS_PRIVATE, -1, 0);
}

int platform_map_nothing(uintptr_t addr, size_t size)
{
	return map(addr, size, PROT_NONE, MAP_ANONYMOUS_PRIVATE, -1, 0);
}

int platform_map_region(
	uintptr_t addr, size_t size, unsigned int prot, const void *memory, bool copy_on_write)
{
	unsigned int sharing = copy_on_write ? MAP_PRIVATE | MAP_NORESERVE : MAP_SHARED;

	return map(addr, size, prot, sharing | MAP_FIXED, simulation_launch.region_fd,
		(uintptr_t)memory - PLATFORM_REGION_START);
}

int platform_unmap(uintptr_t addr, size_t size)
{
	if (!platform_is_user(addr, size))
		return -EINVAL;
	return host_check_status(HOST_CALL(munmap, addr, size, 0, 0, 0, 0));
}

int platform_protect(uintptr_t addr, size_t size, unsigned int prot)
{
	if (!platform_is_user(addr, size))
		return -ENOMEM;
	return host_check_status(HOST_CALL(mprotect, addr, size, prot, 0, 0, 0));
}

int platform_move(uintptr_t addr, size_t size, uintptr_t new_addr)
{
	if (!platform_is_user(addr, size) || !platform_is_user(new_addr, size))
		return -EFAULT;
	return check_map(
		HOST_CALL(mremap, addr, size, size, MREMAP_MAYMOVE | MREMAP_FIXED, new_addr, 0),
		new_addr);
}

int platform_discard(uintptr_t addr, size_t size)
{
	if (!platform_is_user(addr, size))
		return -ENOMEM;
	return host_check_status(HOST_CALL(madvise, addr, size, MADV_DONTNEED, 0, 0, 0));
}

void platform_advise(uintptr_t addr, size_t size, int advice)
{
	if (platform_is_user(addr, size))
		(void)HOST_CALL(madvise, addr, size, advice, 0, 0, 0);
}

int platform_resident(uintptr_t addr, size_t size, uint8_t *ret_vector)
{
	if (!platform_is_user(addr, size))
		return -ENOMEM;
	return host_check_status(HOST_CALL(mincore, addr, size, ret_vector, 0, 0, 0));
}

void platform_space_clear(void)
{
	if (HOST_CALL(munmap, 0, PLATFORM_REGION_START, 0, 0, 0, 0) ||
		HOST_CALL(munmap, PLATFORM_REGION_END, PLATFORM_USER_END - PLATFORM_REGION_END, 0,
			0, 0, 0))
		platform_panic("the host refused to empty an address space");
}

/* ---- Other spaces ---- */

struct host_vector {
	uintptr_t base;
	size_t size;
};

static int32_t host_pid_of(const struct thread *thread)
{
	return thread->platform->host_pid ? thread->platform->host_pid : thread->platform->host_tid;
}

long platform_space_read(struct thread *target, void *to, uintptr_t from, size_t size)
{
	struct host_vector here = {(uintptr_t)to, size}, there = {from, size};

	if (!platform_is_user(from, size))
		return -EFAULT;
	return host_check_size(
		HOST_CALL(process_vm_readv, host_pid_of(target), &here, 1, &there, 1, 0), size);
}

long platform_space_write(struct thread *target, uintptr_t to, const void *from, size_t size)
{
	struct host_vector here = {(uintptr_t)from, size}, there = {to, size};

	if (!platform_is_user(to, size))
		return -EFAULT;
	return host_check_size(
		HOST_CALL(process_vm_writev, host_pid_of(target), &here, 1, &there, 1, 0), size);
}
