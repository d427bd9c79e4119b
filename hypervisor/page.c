#include "hypervisor/page.h"

#include <asm/errno.h>

#include "hypervisor/defence.h"
#include "hypervisor/enclave.h"
#include "hypervisor/flush.h"
#include "hypervisor/frames.h"

#define ACCESS (SGX_SECINFO_R | SGX_SECINFO_W | SGX_SECINFO_X)

bool page_access_is_valid(uint64_t access)
{
	return !(access & ~(uint64_t)ACCESS) && (access & SGX_SECINFO_R) &&
	       !((access & SGX_SECINFO_W) && (access & SGX_SECINFO_X));
}

/* What is not there can't have been remembered: a page that becomes one needs no flush. */
uint64_t page_flags(uint8_t access)
{
	if (access & (FRAME_PENDING | FRAME_TRIMMED))
		return TABLE_HELD;
	return TABLE_USER | (access & SGX_SECINFO_W ? TABLE_WRITE : 0) |
	       (access & SGX_SECINFO_X ? 0 : TABLE_NO_EXECUTE);
}

int page_new(struct enclave *enclave, uint64_t offset, uint8_t access, uint32_t *ret_frame)
{
	struct frame owner = {.kind = FRAME_ENCLAVE,
		.access = access,
		.enclave = enclave->number,
		.page = (uint32_t)(offset >> PAGE_SHIFT)};
	uint32_t frame;
	int r = frame_take(owner, &frame);

	if (r < 0)
		return r;
	r = table_map(&enclave->table, offset, (uint64_t)frame << PAGE_SHIFT, page_flags(access));
	if (r < 0)
		frame_release(frame);
	else
		*ret_frame = frame;
	return r;
}

static uint8_t access_of(uint64_t entry)
{
	return frame_owner((uint32_t)((entry & TABLE_FRAME_MASK) >> PAGE_SHIFT)).access;
}

bool page_is_pending(const struct enclave *enclave, uint64_t offset)
{
	uint64_t entry = table_look_up(&enclave->table, offset);

	return entry && access_of(entry) & FRAME_PENDING;
}

bool page_may_come(const struct enclave *enclave, uint64_t offset)
{
	uint64_t entry;

	if (offset >= enclave->size)
		return false;
	entry = table_look_up(&enclave->table, offset);
	return entry ? !(access_of(entry) & FRAME_TRIMMED) : !enclave_has_page(enclave, offset);
}

static void change(struct enclave *enclave, uint64_t offset, uint32_t frame, uint8_t access)
{
	frame_set_access(frame, access);
	table_change(&enclave->table, offset, page_flags(access));
}

static int check_offset(const struct enclave *enclave, uint64_t offset)
{
	if (!enclave || enclave->state != ENCLAVE_READY)
		return -EINVAL;
	return IS_ALIGNED(offset, PAGE_SIZE) && offset < enclave->size ? 0 : -EINVAL;
}

static int find(const struct enclave *enclave, uint64_t offset, uint32_t *ret_frame)
{
	int r = check_offset(enclave, offset);
	uint64_t entry = r == 0 ? table_look_up(&enclave->table, offset) : 0;

	if (r == 0 && !entry)
		r = -ENOENT;
	*ret_frame = (uint32_t)((entry & TABLE_FRAME_MASK) >> PAGE_SHIFT);
	return r;
}

/* ---- Linux's part ---- */

int64_t page_augment(uint64_t number, uint64_t offset)
{
	struct enclave *enclave = enclave_find(number);
	int r = check_offset(enclave, offset);
	uint32_t frame;

	if (r < 0)
		return r;
	if (enclave_has_page(enclave, offset))
		return -EEXIST;
	return page_new(
		enclave, offset, SGX_SECINFO_R | SGX_SECINFO_W | DEFENCE(FRAME_PENDING), &frame);
}

int64_t page_trim(uint64_t number, uint64_t offset)
{
	struct enclave *enclave = enclave_find(number);
	uint32_t frame;
	int r = find(enclave, offset, &frame);
	uint8_t access;

	if (r < 0)
		return r;
	access = frame_owner(frame).access;
	if (access & (FRAME_PENDING | FRAME_TRIMMED))
		return -EBUSY;
	change(enclave, offset, frame, access | FRAME_TRIMMED);
	flush_request();
	return 0;
}

/* No processor remembers it: it was never there, or that was seen to when it was given. */
int64_t page_remove(uint64_t number, uint64_t offset)
{
	struct enclave *enclave = enclave_find(number);
	uint32_t frame;
	int r = find(enclave, offset, &frame);

	if (r < 0)
		return r;
	if (DEFENCE(!(frame_owner(frame).access & (FRAME_PENDING | FRAME_GIVEN))))
		return -EPERM;
	table_unmap(&enclave->table, offset);
	frame_release(frame);
	return 0;
}

/* ---- The enclave's ---- */

static int64_t accept_new(struct enclave *enclave, uint64_t offset, uint32_t frame, uint8_t access)
{
	if (!(access & FRAME_PENDING))
		return -EINVAL;
	change(enclave, offset, frame, access & ACCESS);
	return 0;
}

/* From its success on no thread of the enclave can reach the page. */
static int64_t accept_trim(uint32_t frame, uint8_t access)
{
	if (!(access & FRAME_TRIMMED) || (access & FRAME_GIVEN))
		return -EINVAL;
	if (!flush_is_complete())
		return -EAGAIN;
	frame_set_access(frame, access | FRAME_GIVEN);
	return 0;
}

int64_t page_accept(struct enclave *enclave, uint64_t offset, uint64_t what)
{
	uint32_t frame;
	int r = find(enclave, offset, &frame);

	if (r < 0)
		return r;
	switch (what) {
	case ENCLAVE_ACCEPT_NEW:
		return accept_new(enclave, offset, frame, frame_owner(frame).access);
	case ENCLAVE_ACCEPT_TRIM:
		return accept_trim(frame, frame_owner(frame).access);
	}
	return -EINVAL;
}

int64_t page_protect(struct enclave *enclave, uint64_t offset, uint64_t access)
{
	uint32_t frame;
	int r = find(enclave, offset, &frame);

	if (r < 0)
		return r;
	if (!page_access_is_valid(access) ||
		frame_owner(frame).access & (FRAME_PENDING | FRAME_TRIMMED))
		return -EINVAL;
	if (frame_owner(frame).access != access) {
		change(enclave, offset, frame, (uint8_t)access);
		flush_request();
	}
	return flush_is_complete() ? 0 : -EAGAIN;
}
