/* What Linux hands over by its physical address: checked to be its own memory, and copied once. */
#ifndef HYPERVISOR_LINUX_MEMORY_H
#define HYPERVISOR_LINUX_MEMORY_H

#include <asm/errno.h>

#include "base/memory.h"
#include "hypervisor/defence.h"
#include "hypervisor/frames.h"
#include "hypervisor/memory.h"

/* Within one frame. -EFAULT: it is not, or it is not Linux's. @size <= PAGE_SIZE. */
static inline MUST_CHECK int linux_memory_read(uint64_t address, void *to, size_t size)
{
	uint64_t frame = address >> PAGE_SHIFT, offset = address % PAGE_SIZE;

	if (offset > PAGE_SIZE - size || !frames_is_memory(frame))
		return -EFAULT;
	memcpy(to, (const uint8_t *)memory_at(frame) + offset, size);
	return 0;
}

static inline MUST_CHECK int linux_memory_write(uint64_t address, const void *from, size_t size)
{
	uint64_t frame = address >> PAGE_SHIFT, offset = address % PAGE_SIZE;

	if (offset > PAGE_SIZE - size || DEFENCE(!frames_is_memory(frame)))
		return -EFAULT;
	memcpy((uint8_t *)memory_at(frame) + offset, from, size);
	return 0;
}

#endif
