/* Apart from the finding of sites, so that who only opens images needs no decoder. */
#include <errno.h>
#include <string.h>

#include "image/sites_section.h"

static bool site_is_sane(const struct site *site)
{
	if (site->reserved)
		return false;
	if (site->kind == SITE_MOV)
		return site->displaced == 0;
	return (site->kind == SITE_AFTER || site->kind == SITE_BEFORE) && site->displaced >= 3 &&
	       site->displaced <= 16;
}

static bool run_is_sane(const struct site *sites, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		if (!site_is_sane(&sites[i]))
			return false;
		if (i && sites[i].offset <= sites[i - 1].offset)
			return false;
	}
	return true;
}

/* Files sorted, runs one after the other without a gap, and nothing left over. */
static bool files_are_sane(
	const struct sites_header *header, const struct sites_file *files, const struct site *sites)
{
	uint32_t next = 0;

	for (uint32_t i = 0; i < header->file_count; i++) {
		if (i && files[i].nid <= files[i - 1].nid)
			return false;
		if (files[i].first_site != next || !files[i].site_count ||
			files[i].site_count > header->site_count - next)
			return false;
		if (!run_is_sane(sites + next, files[i].site_count))
			return false;
		next += files[i].site_count;
	}
	return next == header->site_count;
}

int sites_section_check(struct span section, struct image_error *error)
{
	struct sites_header header;
	const uint8_t *files = section.data + sizeof(header);

	if (section.size < sizeof(header))
		return image_fail(error, -EBADMSG, "shorter than its header");
	memcpy(&header, section.data, sizeof(header));
	if (header.magic != SITES_MAGIC)
		return image_fail(error, -EBADMSG, "wrong magic %#x", header.magic);
	if (header.version != SITES_VERSION)
		return image_fail(error, -EPROTONOSUPPORT, "unknown version %u", header.version);
	if (section.size != sizeof(header) + header.file_count * sizeof(struct sites_file) +
				    header.site_count * sizeof(struct site))
		return image_fail(error, -EBADMSG, "%zu bytes do not hold %u files and %u sites",
			section.size, header.file_count, header.site_count);
	if (!files_are_sane(&header, (const struct sites_file *)(const void *)files,
		    (const struct site *)(const void *)(files + header.file_count *
									sizeof(struct sites_file))))
		return image_fail(error, -EBADMSG, "files or sites out of order or unknown");
	return 0;
}
