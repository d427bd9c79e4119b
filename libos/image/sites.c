#include "libos/image/sites.h"

#include <asm/errno.h>

#define DISPLACED_MIN 3
#define DISPLACED_MAX 16

static bool site_is_good(const struct site *site)
{
	if (site->reserved != 0)
		return false;
	switch (site->kind) {
	case SITE_MOV:
		return site->displaced == 0;
	case SITE_AFTER:
	case SITE_BEFORE:
		return site->displaced >= DISPLACED_MIN && site->displaced <= DISPLACED_MAX;
	default:
		return false;
	}
}

static const char *file_check(const struct image_sites *sites, const struct sites_file *file)
{
	const struct site *run;

	if (!range_fits(file->first_site, file->site_count, sites->site_count))
		return "a file's sites outside the section";
	run = sites->sites + file->first_site;
	for (uint32_t i = 0; i < file->site_count; i++) {
		if (!site_is_good(&run[i]))
			return "a site of no known form";
		if (i > 0 && run[i - 1].offset >= run[i].offset)
			return "sites that are not sorted";
	}
	return NULL;
}

static const char *check(struct image_sites *ret, struct span section)
{
	const struct sites_header *header = (const void *)section.data;
	uint64_t size = sizeof(*header);

	if (section.size < size || header->magic != SITES_MAGIC)
		return "no list of sites";
	if (header->version != SITES_VERSION)
		return "an unknown version of the list of sites";
	size += header->file_count * sizeof(struct sites_file);
	ret->sites = (const void *)(section.data + MIN(size, section.size));
	size += header->site_count * sizeof(struct site);
	if (size != section.size)
		return "a list of sites of the wrong size";
	ret->files = (const void *)(header + 1);
	ret->file_count = header->file_count;
	ret->site_count = header->site_count;
	for (uint32_t i = 0; i < ret->file_count; i++) {
		const char *what = file_check(ret, &ret->files[i]);

		if (what)
			return what;
		if (i > 0 && ret->files[i - 1].nid >= ret->files[i].nid)
			return "files that are not sorted";
	}
	return NULL;
}

int image_sites_open(struct image_sites *ret, struct span section, const char **ret_what)
{
	const char *what = check(ret, section);

	if (!what)
		return 0;
	if (ret_what)
		*ret_what = what;
	*ret = (struct image_sites){0};
	return -EBADMSG;
}

const struct site *image_sites_find(
	const struct image_sites *sites, uint64_t nid, uint32_t *ret_count)
{
	uint32_t low = 0, high = sites->file_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		const struct sites_file *file = &sites->files[middle];

		if (file->nid == nid) {
			*ret_count = file->site_count;
			return sites->sites + file->first_site;
		}
		if (file->nid < nid)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_count = 0;
	return NULL;
}
