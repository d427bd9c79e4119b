#include "libos/image/sites.h"

#include <errno.h>

#include "base/test.h"

struct section {
	struct sites_header header;
	struct sites_file files[3];
	struct site sites[4];
};

static const struct section good = {
	.header = {SITES_MAGIC, SITES_VERSION, 3, 4},
	.files = {{7, 0, 2}, {9, 2, 0}, {1UL << 40, 2, 2}},
	.sites = {{5, SITE_MOV, 0, 0}, {9, SITE_AFTER, 3, 0}, {1, SITE_BEFORE, 16, 0},
		{2, SITE_MOV, 0, 0}},
};

static struct section section;
static struct image_sites sites;
static const char *what;

static int open_size(size_t size)
{
	return image_sites_open(&sites, (struct span){(const uint8_t *)&section, size}, &what);
}

#define REFUSED(change, text)                                                                      \
	do {                                                                                       \
		section = good;                                                                    \
		change;                                                                            \
		CHECK_EQ(open_size(sizeof(section)), -EBADMSG);                                    \
		CHECK_STR(what, text);                                                             \
		CHECK_EQ(sites.file_count, 0);                                                     \
	} while (0)

static void test_find(void)
{
	uint32_t count;

	section = good;
	CHECK_EQ(open_size(sizeof(section)), 0);
	CHECK(image_sites_find(&sites, 7, &count) == &section.sites[0]);
	CHECK_EQ(count, 2);
	CHECK(image_sites_find(&sites, 9, &count));
	CHECK_EQ(count, 0);
	CHECK(image_sites_find(&sites, 1UL << 40, &count) == &section.sites[2]);
	CHECK_EQ(count, 2);
	CHECK(!image_sites_find(&sites, 8, &count));
	CHECK_EQ(count, 0);
	CHECK(!image_sites_find(&sites, UINT64_MAX, &count));
}

static void test_errors(void)
{
	REFUSED(section.header.magic = 0, "no list of sites");
	REFUSED(section.header.version = 2, "an unknown version of the list of sites");
	REFUSED(section.header.file_count = 4, "a list of sites of the wrong size");
	REFUSED(section.header.file_count = UINT32_MAX, "a list of sites of the wrong size");
	REFUSED(section.header.site_count = UINT32_MAX, "a list of sites of the wrong size");
	REFUSED(section.header.site_count = 3, "a list of sites of the wrong size");
	REFUSED(section.files[2].site_count = 3, "a file's sites outside the section");
	REFUSED(section.files[1].first_site = UINT32_MAX, "a file's sites outside the section");
	REFUSED(section.files[1].nid = 7, "files that are not sorted");
	REFUSED(section.sites[1].offset = 5, "sites that are not sorted");
	REFUSED(section.sites[0].kind = 0, "a site of no known form");
	REFUSED(section.sites[0].displaced = 1, "a site of no known form");
	REFUSED(section.sites[1].displaced = 2, "a site of no known form");
	REFUSED(section.sites[2].displaced = 17, "a site of no known form");
	REFUSED(section.sites[3].reserved = 1, "a site of no known form");
	section = good;
	CHECK_EQ(open_size(15), -EBADMSG);
	CHECK_EQ(open_size(16), -EBADMSG);
	CHECK_EQ(open_size(sizeof(section) - 1), -EBADMSG);
	section.header.file_count = section.header.site_count = 0;
	CHECK_EQ(open_size(16), 0);
}

int main(void)
{
	test_find();
	test_errors();
	return test_done();
}
