/* Any bytes as a list of system-call sites: what is accepted finds every file's sites in the list.
 */
#include "libos/image/sites.h"

#include "tests/fuzz/fuzz.h"

static void check(const struct image_sites *sites)
{
	for (uint32_t i = 0; i < sites->file_count; i++) {
		uint32_t count, last = 0;
		const struct site *run = image_sites_find(sites, sites->files[i].nid, &count);

		FUZZ_ASSERT(run && count == sites->files[i].site_count);
		for (uint32_t j = 0; j < count; j++) {
			FUZZ_ASSERT(j == 0 || run[j].offset > last);
			last = run[j].offset;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *copy = malloc(size + 1); /* aligned, and of its size */
	const char *what = NULL;
	struct image_sites sites;

	memcpy(copy, data, size);
	if (image_sites_open(&sites, (struct span){copy, size}, &what) == 0)
		check(&sites);
	else
		FUZZ_ASSERT(what && sites.file_count == 0);
	free(copy);
	return 0;
}
