/* Any text with any list of sites: only windows may change, and what was changed can be told from
 * the list afterwards. */
#include <stdlib.h>
#include <string.h>

#include "libos/loader/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	uint64_t file_offset;
	int64_t area_distance;
	uint8_t site_count;
	uint8_t area_slots;
	uint8_t unsorted; /* 0: sort and place the offsets near the text */
	uint8_t zero[5];
};

static void require(bool holds)
{
	if (!holds)
		abort();
}

static void *copy_exactly(const void *from, size_t size)
{
	void *copy = malloc(size ? size : 1);

	require(copy != NULL);
	if (size > 0)
		memcpy(copy, from, size);
	return copy;
}

static int compare_offsets(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

static void make_plausible(const struct patch_target *target)
{
	for (uint32_t i = 0; i < target->count; i++)
		target->sites[i].offset =
			(uint32_t)(target->file_offset + target->sites[i].offset % 256);
	qsort(target->sites, target->count, sizeof(struct site), compare_offsets);
}

static size_t window_size(const struct site *site)
{
	return site->kind == SITE_MOV ? 5 : 2 + site->displaced;
}

/* Put back the windows of the sites that were taken: nothing else may differ. */
static void check_text(const struct patch_target *target, const uint8_t *original)
{
	size_t end = 0;

	for (uint32_t i = 0; i < target->count; i++) {
		const struct site *site = &target->sites[i];
		size_t at = site->offset - target->file_offset;

		require(i == 0 || site->offset >= target->sites[i - 1].offset);
		if (site->kind == PATCH_SITE_REFUSED)
			continue;
		require(at >= end && at + window_size(site) <= target->size);
		require(target->text[at] == 0xe9);
		end = at + window_size(site);
		memcpy(target->text + at, original + at, end - at);
	}
	require(target->size == 0 || memcmp(target->text, original, target->size) == 0);
}

static void check_addresses(const struct patch_target *target)
{
	struct patch_view view = {.text = 1ULL << 40,
		.file_offset = target->file_offset,
		.area = (1ULL << 40) + (uint64_t)target->area_distance,
		.sites = target->sites,
		.count = target->count};

	for (uint64_t i = 0; i < target->area_size + 2; i++) {
		uint64_t pc = view.area - 1 + i;
		uint64_t native = patch_pc_to_native(&view, pc);

		if (native == pc)
			continue;
		require(native - view.text < target->size + 1);
		require(patch_pc_to_native(&view, patch_pc_from_native(&view, native)) == native);
	}
	for (uint64_t i = 0; i < target->size + 2; i++)
		patch_is_syscall_return(&view, view.text - 1 + i);
}

static void check_scan(const struct patch_target *target)
{
	struct site found[4];
	uint32_t count = patch_scan_mov(target->text, target->size, target->file_offset, found, 4);

	require(count <= 4);
	for (uint32_t i = 0; i < count; i++)
		require(found[i].offset - target->file_offset + 7 <= target->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input input;
	struct patch_target target = {0};
	uint32_t patched, taken = 0;
	uint8_t *original;

	if (size < sizeof(input))
		return 0;
	memcpy(&input, data, sizeof(input));
	data += sizeof(input);
	size -= sizeof(input);
	if (size < input.site_count * sizeof(struct site))
		return 0;

	target.count = input.site_count;
	target.sites = copy_exactly(data, input.site_count * sizeof(struct site));
	target.size = size - input.site_count * sizeof(struct site);
	target.text = copy_exactly(data + input.site_count * sizeof(struct site), target.size);
	original = copy_exactly(target.text, target.size);
	target.file_offset = input.file_offset;
	target.area_distance = input.area_distance;
	target.area_size = input.area_slots * PATCH_SLOT_SIZE;
	target.area = malloc(target.area_size + 1);
	require(target.area != NULL);
	if (!input.unsorted) {
		target.file_offset %= 1 << 20;
		target.area_distance %= 1 << 30;
		make_plausible(&target);
	}

	check_scan(&target);
	patched = patch_apply(&target);
	for (uint32_t i = 0; i < target.count; i++)
		taken += target.sites[i].kind != PATCH_SITE_REFUSED;
	require(taken == patched);
	if (patched > 0 && llabs(target.area_distance) >= 1 << 20)
		check_addresses(&target);
	check_text(&target, original);

	free(target.sites);
	free(target.text);
	free(target.area);
	free(original);
	return 0;
}
