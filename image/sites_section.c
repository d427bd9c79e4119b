#include "image/sites_section.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "image/elf_file.h"
#include "image/file.h"
#include "image/rootfs_walk.h"
#include "image/sites.h"

struct collector {
	struct buffer files; /* of struct sites_file */
	struct buffer sites; /* of struct site */
};

static void collector_done(struct collector *collector)
{
	buffer_done(&collector->files);
	buffer_done(&collector->sites);
}

static int collect_file(struct collector *collector, struct span elf, uint64_t nid)
{
	CLEANUP(freep) struct site *sites = NULL;
	struct sites_file file = {
		.nid = nid,
		.first_site = (uint32_t)(collector->sites.size / sizeof(struct site)),
	};
	int r = image_sites_find(elf.data, elf.size, &sites, &file.site_count);

	/* What can't be decoded can't be patched ahead; it may still be a fine data file. */
	if (r == -ENOEXEC || r == -EINVAL || (r == 0 && !file.site_count))
		return 0;
	if (r == 0)
		r = buffer_append(&collector->files, &file, sizeof(file));
	if (r == 0)
		r = buffer_append(&collector->sites, sites, file.site_count * sizeof(*sites));
	return r;
}

static int collect_visit(void *context, const struct rootfs_file *file, struct image_error *error)
{
	struct elf_file elf;
	int r;

	if (!S_ISREG(file->mode) || !elf_has_magic(file->data) || elf_open(file->data, &elf) < 0)
		return 0;
	r = collect_file(context, file->data, file->nid);
	if (r < 0)
		return image_fail_errno(error, r, "/%s: system-call sites", file->path);
	return 0;
}

static int compare_files(const void *a, const void *b)
{
	uint64_t x = ((const struct sites_file *)a)->nid, y = ((const struct sites_file *)b)->nid;

	return x < y ? -1 : x > y;
}

/* The runs of sites follow the order of the files. */
static int assemble(struct collector *collector, struct buffer *to)
{
	struct sites_file *files = (struct sites_file *)collector->files.data;
	const struct site *sites = (const struct site *)collector->sites.data;
	struct sites_header header = {
		.magic = SITES_MAGIC,
		.version = SITES_VERSION,
		.file_count = (uint32_t)(collector->files.size / sizeof(*files)),
		.site_count = (uint32_t)(collector->sites.size / sizeof(*sites)),
	};
	CLEANUP(buffer_done) struct buffer sorted = {0};
	int r = buffer_append(to, &header, sizeof(header));

	if (header.file_count)
		qsort(files, header.file_count, sizeof(*files), compare_files);
	for (uint32_t i = 0; r == 0 && i < header.file_count; i++) {
		const struct site *run = sites + files[i].first_site;

		files[i].first_site = (uint32_t)(sorted.size / sizeof(*run));
		r = buffer_append(&sorted, run, files[i].site_count * sizeof(*run));
	}
	if (r == 0)
		r = buffer_append(to, files, collector->files.size);
	if (r == 0)
		r = buffer_append(to, sorted.data, sorted.size);
	return r;
}

int image_sites_section(struct span rootfs, struct buffer *ret, struct image_error *error)
{
	CLEANUP(collector_done) struct collector collector = {0};
	CLEANUP(buffer_done) struct buffer section = {0};
	int r = rootfs_walk(rootfs, collect_visit, &collector, error);

	if (r < 0)
		return r;
	if (collector.sites.size / sizeof(struct site) > UINT32_MAX)
		return image_fail(error, -EFBIG, "too many system-call sites");
	r = assemble(&collector, &section);
	if (r < 0)
		return image_fail_errno(error, r, "system-call sites");
	*ret = section;
	section = (struct buffer){0};
	return 0;
}
