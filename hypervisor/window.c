#include "hypervisor/window.h"

#include <asm/errno.h>

#include "hypervisor/defence.h"
#include "hypervisor/enclave.h"
#include "hypervisor/flush.h"
#include "hypervisor/frames.h"

_Static_assert(HYPERVISOR_WINDOW >= HYPERVISOR_ENCLAVE_SIZE_MAX, "no page of an enclave's own");

static uint64_t address_of(uint64_t page)
{
	return HYPERVISOR_WINDOW + (page << PAGE_SHIFT);
}

int64_t window_map(uint64_t number, uint64_t page, uint64_t frame)
{
	struct enclave *enclave = enclave_find(number);
	int r;

	if (!enclave || page >= HYPERVISOR_WINDOW_COUNT_MAX)
		return -EINVAL;
	if (table_look_up(&enclave->table, address_of(page)))
		return -EEXIST;
	r = frame_share(frame, enclave->number, (uint32_t)page);
	if (DEFENCE(r < 0))
		return r;
	r = table_map(&enclave->table, address_of(page), frame << PAGE_SHIFT,
		TABLE_USER | TABLE_WRITE | DEFENCE(TABLE_NO_EXECUTE));
	if (r < 0)
		frame_unshare((uint32_t)frame);
	return r;
}

/* A processor may remember it for a while. So the frame is nobody's but Linux's until it has
 * flushed, for that is asked of what Linux gives away (HC_DONATE). */
int64_t window_unmap(uint64_t number, uint64_t page)
{
	struct enclave *enclave = enclave_find(number);
	uint64_t entry;

	if (!enclave || page >= HYPERVISOR_WINDOW_COUNT_MAX)
		return -EINVAL;
	entry = table_look_up(&enclave->table, address_of(page));
	if (!entry)
		return -ENOENT;
	table_unmap(&enclave->table, address_of(page));
	frame_unshare((uint32_t)((entry & TABLE_FRAME_MASK) >> PAGE_SHIFT));
	flush_request();
	return 0;
}
