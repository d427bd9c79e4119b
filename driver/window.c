// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "driver/driver.h"

/* Marks a page that the enclave does not see any more, but a processor may. */
#define MARK_UNMAPPED XA_MARK_1

void window_init(struct window *window)
{
	xa_init(&window->pages);
}

static void unpin(struct window *window, unsigned long at, struct page *page)
{
	xa_erase(&window->pages, at);
	unpin_user_pages_dirty_lock(&page, 1, true);
}

void window_release(struct window *window)
{
	struct page *page;
	unsigned long at;

	xa_for_each(&window->pages, at, page) unpin(window, at, page);
	xa_destroy(&window->pages);
}

/* The page stays where it is, and is nobody else's, as long as the enclave may write to it. */
static long share_page(struct window *window, unsigned long enclave, u64 at, u64 source)
{
	struct page *page;
	long r = pin_user_pages_fast(source, 1, FOLL_WRITE | FOLL_LONGTERM, &page);

	if (r != 1)
		return r < 0 ? r : -EFAULT;
	r = xa_insert(&window->pages, at, page, GFP_KERNEL);
	if (r < 0) {
		unpin_user_page(page);
		return r == -EBUSY ? -EEXIST : r;
	}
	r = call_with_frames(HC_WINDOW_MAP, enclave, at, page_to_pfn(page));
	if (r < 0)
		unpin(window, at, page);
	return r;
}

long window_share(struct window *window, unsigned long enclave, void __user *from)
{
	struct casemate_share share;
	long r = 0;
	u64 at;

	if (copy_from_user(&share, from, sizeof(share)))
		return -EFAULT;
	if (!PAGE_ALIGNED(share.source | share.offset | share.size))
		return -EINVAL;
	for (at = 0; r == 0 && at < share.size; at += PAGE_SIZE) {
		r = share_page(
			window, enclave, (share.offset + at) >> PAGE_SHIFT, share.source + at);
		cond_resched();
	}
	return r;
}

long window_unshare(struct window *window, unsigned long enclave, void __user *from)
{
	struct casemate_range range;
	struct page *page;
	unsigned long at;
	u64 end;
	long r = 0;

	if (copy_from_user(&range, from, sizeof(range)))
		return -EFAULT;
	if (!PAGE_ALIGNED(range.offset | range.size) ||
		check_add_overflow(range.offset, range.size, &end) || !range.size)
		return -EINVAL;
	xa_for_each_range(
		&window->pages, at, page, range.offset >> PAGE_SHIFT, (end >> PAGE_SHIFT) - 1)
	{
		r = hypercall(HC_WINDOW_UNMAP, enclave, at);
		if (r < 0)
			break;
		xa_set_mark(&window->pages, at, MARK_UNMAPPED);
	}
	flush_all();
	xa_for_each_marked(&window->pages, at, page, MARK_UNMAPPED) unpin(window, at, page);
	return r;
}
