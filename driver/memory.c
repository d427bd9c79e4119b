// SPDX-License-Identifier: GPL-2.0
#include <linux/gfp.h>
#include <linux/highmem.h>
#include <linux/ioport.h>
#include <linux/mm.h>
#include <linux/slab.h>
#include <linux/vmalloc.h>

#include "driver/driver.h"

#define MAP_ORDER 5
#define DEVICE_TABLE_ORDER 9
static_assert(1 << MAP_ORDER == HYPERVISOR_MAP_FRAMES);
static_assert(1 << DEVICE_TABLE_ORDER == HYPERVISOR_DEVICE_TABLE_FRAMES);

static u64 region_size(const struct hypervisor_image *image, const struct hypervisor_boot *boot)
{
	return image->image_end + (u64)boot->cpu_count * image->cpu_size +
	       ALIGN(boot->frame_count * HYPERVISOR_OWNER_SIZE, PAGE_SIZE);
}

/* Enough for every frame of Linux's to be translated alone, for processors and for DMA, and then
 * some for devices. */
static u64 pool_size(const struct hypervisor_boot *boot, u64 region_count)
{
	u64 tables = boot->frame_count / 512 + 3 * (boot->frame_count >> 18);

	return tables + (boot->iommu_count ? tables + 8 : 0) + region_count / 512 + 128;
}

static void free_frames(u64 *frames, u64 count)
{
	u64 i;

	for (i = 0; frames && i < count && frames[i]; i++) {
		clear_highpage(pfn_to_page(frames[i]));
		__free_page(pfn_to_page(frames[i]));
	}
	kvfree(frames);
}

static u64 *alloc_frames(u64 count)
{
	u64 *frames = kvcalloc(count, sizeof(*frames), GFP_KERNEL);
	u64 i;

	for (i = 0; frames && i < count; i++) {
		struct page *page = alloc_page(GFP_KERNEL | __GFP_ZERO);

		if (!page) {
			free_frames(frames, count);
			return NULL;
		}
		frames[i] = page_to_pfn(page);
	}
	return frames;
}

/* Linux maps nothing executable for a module that asks. This is done before anything was read
 * through the mapping, so no processor remembers it otherwise. W^X holds here too. */
static int protect_region(struct donation *donation, const struct hypervisor_image *image)
{
	u64 offset;

	for (offset = 0; offset < image->rodata_end; offset += PAGE_SIZE) {
		unsigned int level;
		pte_t *pte = lookup_address((unsigned long)donation->region + offset, &level);

		if (!pte || level != PG_LEVEL_4K)
			return -EFAULT;
		set_pte(pte, pte_wrprotect(offset < image->text_end ? pte_mkexec(*pte) : *pte));
	}
	return 0;
}

/* @file: the image, which fills the first frames. */
static int map_region(struct donation *donation, const struct hypervisor_image *file)
{
	u64 i;

	donation->region_pages =
		kvcalloc(donation->region_count, sizeof(struct page *), GFP_KERNEL);
	if (!donation->region_pages)
		return -ENOMEM;
	for (i = 0; i < donation->region_count; i++) {
		donation->region_pages[i] = pfn_to_page(donation->region_frames[i]);
		if (i < file->file_end >> PAGE_SHIFT)
			memcpy(page_address(donation->region_pages[i]),
				(const u8 *)file + (i << PAGE_SHIFT), PAGE_SIZE);
	}
	donation->region =
		vmap(donation->region_pages, donation->region_count, VM_MAP, PAGE_KERNEL);
	return donation->region ? protect_region(donation, file) : -ENOMEM;
}

int donation_alloc(struct donation *donation, const struct hypervisor_image *image,
	const struct hypervisor_boot *boot)
{
	int r = -ENOMEM;

	donation->region_count = region_size(image, boot) >> PAGE_SHIFT;
	donation->pool_count = pool_size(boot, donation->region_count);
	donation->region_frames = alloc_frames(donation->region_count);
	donation->pool_frames = alloc_frames(donation->pool_count);
	donation->maps = alloc_pages(GFP_KERNEL | __GFP_ZERO, MAP_ORDER);
	if (boot->iommu_count)
		donation->device_table = alloc_pages(GFP_KERNEL | __GFP_ZERO, DEVICE_TABLE_ORDER);
	if (donation->region_frames && donation->pool_frames && donation->maps &&
		!boot->iommu_count == !donation->device_table)
		r = map_region(donation, image);
	if (r < 0)
		donation_free(donation);
	return r;
}

static void free_run(struct page *pages, unsigned int order)
{
	if (!pages)
		return;
	memset(page_address(pages), 0, PAGE_SIZE << order);
	__free_pages(pages, order);
}

void donation_free(struct donation *donation)
{
	if (donation->region)
		vunmap(donation->region);
	kvfree(donation->region_pages);
	free_frames(donation->region_frames, donation->region_count);
	free_frames(donation->pool_frames, donation->pool_count);
	free_run(donation->maps, MAP_ORDER);
	free_run(donation->device_table, DEVICE_TABLE_ORDER);
	memset(donation, 0, sizeof(*donation));
}

static int describe_range(struct resource *resource, void *argument)
{
	struct hypervisor_boot *boot = argument;
	u64 first = PFN_UP(resource->start), end = PFN_DOWN(resource->end + 1);

	if (end <= first)
		return 0;
	if (boot->ram_count == HYPERVISOR_RAM_COUNT_MAX)
		return -E2BIG;
	boot->ram[boot->ram_count].first = first;
	boot->ram[boot->ram_count++].count = end - first;
	boot->frame_count = max(boot->frame_count, end);
	return 0;
}

int memory_describe(struct hypervisor_boot *boot)
{
	return walk_iomem_res_desc(IORES_DESC_NONE, IORESOURCE_SYSTEM_RAM | IORESOURCE_BUSY, 0, -1,
		boot, describe_range);
}
