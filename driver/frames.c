// SPDX-License-Identifier: GPL-2.0
#include <linux/io.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/io.h>
#include <linux/mm.h>
#include <linux/slab.h>

#include "driver/driver.h"

static LIST_HEAD(donated); /* by page->lru; under life_lock */

static unsigned int alloc_batch(u64 *list, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++) {
		struct page *page = alloc_page(GFP_KERNEL);

		if (!page)
			break;
		list[i] = page_to_pfn(page);
	}
	return i;
}

int frames_donate(unsigned int count)
{
	u64 *list = (u64 *)get_zeroed_page(GFP_KERNEL);
	long given;
	unsigned int i;

	if (!list)
		return -ENOMEM;
	count = alloc_batch(list, min_t(unsigned int, count, HC_LIST_COUNT_MAX));
	given = hypercall(HC_DONATE, virt_to_phys(list), count);
	for (i = 0; i < count; i++) {
		struct page *page = pfn_to_page(list[i]);

		if (i < given)
			list_add(&page->lru, &donated);
		else
			__free_page(page);
	}
	flush_all();
	free_page((unsigned long)list);
	return given > 0 ? 0 : -ENOMEM;
}

void frames_reclaim(void)
{
	u64 *list = (u64 *)get_zeroed_page(GFP_KERNEL);
	long count, i;

	if (!list)
		return; /* they are still there the next time */
	do {
		flush_all();
		count = hypercall(HC_RECLAIM, virt_to_phys(list), HC_LIST_COUNT_MAX);
		/* Until then a processor may take one for hidden. */
		flush_all();
		for (i = 0; i < count; i++) {
			list_del(&pfn_to_page(list[i])->lru);
			__free_page(pfn_to_page(list[i]));
		}
	} while (count == HC_LIST_COUNT_MAX);
	free_page((unsigned long)list);
}

void frames_free_all(void)
{
	struct page *page, *next;

	list_for_each_entry_safe(page, next, &donated, lru)
	{
		list_del(&page->lru);
		clear_page(page_address(page));
		__free_page(page);
	}
}
