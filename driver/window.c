// SPDX-License-Identifier: GPL-2.0
#include <linux/mm.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/uaccess.h>
#include <linux/xarray.h>

#include "driver/driver.h"

/* Marks a page that the enclave does not see any more, but a processor may. */
#define MARK_UNMAPPED XA_MARK_1

/* A page of a program's, pinned, that counts as locked memory of its (RLIMIT_MEMLOCK): whoever lets
 * it go may be another program, or come when that one is gone. */
struct shared {
	struct page *page;
	struct mm_struct *mm;
};

void window_init(struct window *window)
{
	xa_init(&window->pages);
}

/* -ENOMEM: RLIMIT_MEMLOCK, too. */
static int pin(u64 source, struct shared **ret_shared)
{
	struct shared *shared = kzalloc(sizeof(*shared), GFP_KERNEL_ACCOUNT);
	long r;

	if (!shared)
		return -ENOMEM;
	r = account_locked_vm(current->mm, 1, true);
	if (r < 0)
		goto free;
	r = pin_user_pages_fast(source, 1, FOLL_WRITE | FOLL_LONGTERM, &shared->page);
	if (r != 1)
		goto give_back;
	shared->mm = current->mm;
	mmgrab(shared->mm);
	*ret_shared = shared;
	return 0;
give_back:
	r = r < 0 ? r : -EFAULT;
	account_locked_vm(current->mm, 1, false);
free:
	kfree(shared);
	return r;
}

static void unpin(struct shared *shared)
{
	unpin_user_pages_dirty_lock(&shared->page, 1, true);
	account_locked_vm(shared->mm, 1, false);
	mmdrop(shared->mm);
	kfree(shared);
}

static void remove(struct window *window, unsigned long at, struct shared *shared)
{
	xa_erase(&window->pages, at);
	unpin(shared);
}

void window_release(struct window *window)
{
	struct shared *shared;
	unsigned long at;

	xa_for_each(&window->pages, at, shared) remove(window, at, shared);
	xa_destroy(&window->pages);
}

/* The page stays where it is, and is nobody else's, as long as the enclave may write to it. */
static long share_page(struct window *window, unsigned long enclave, u64 at, u64 source)
{
	struct shared *shared;
	long r = pin(source, &shared);

	if (r < 0)
		return r;
	r = xa_insert(&window->pages, at, shared, GFP_KERNEL);
	if (r < 0) {
		unpin(shared);
		return r == -EBUSY ? -EEXIST : r;
	}
	r = call_with_frames(HC_WINDOW_MAP, enclave, at, page_to_pfn(shared->page));
	if (r < 0)
		remove(window, at, shared);
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
	struct shared *shared;
	unsigned long at;
	u64 end;
	long r = 0;

	if (copy_from_user(&range, from, sizeof(range)))
		return -EFAULT;
	if (!PAGE_ALIGNED(range.offset | range.size) ||
		check_add_overflow(range.offset, range.size, &end) || !range.size)
		return -EINVAL;
	xa_for_each_range(
		&window->pages, at, shared, range.offset >> PAGE_SHIFT, (end >> PAGE_SHIFT) - 1)
	{
		r = hypercall(HC_WINDOW_UNMAP, enclave, at);
		if (r < 0)
			break;
		xa_set_mark(&window->pages, at, MARK_UNMAPPED);
	}
	flush_all();
	xa_for_each_marked(&window->pages, at, shared, MARK_UNMAPPED) remove(window, at, shared);
	return r;
}
