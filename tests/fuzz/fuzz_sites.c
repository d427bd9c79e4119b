/* Any file: no read outside it, and every site found is one that the LibOS accepts. */
#include <stdlib.h>

#include "image/sites.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct site *sites = NULL;
	uint32_t count = 0;
	uint64_t end = 0;

	if (image_sites_find(data, size, &sites, &count) < 0)
		return 0;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t syscall = sites[i].offset;

		if (sites[i].kind != SITE_AFTER)
			syscall += sites[i].kind == SITE_MOV ? 5 : sites[i].displaced;
		if (sites[i].offset < end || syscall + 2 > size || data[syscall] != 0x0f ||
			data[syscall + 1] != 0x05)
			abort();
		end = syscall + 2 + (sites[i].kind == SITE_AFTER ? sites[i].displaced : 0);
	}
	free(sites);
	return 0;
}
