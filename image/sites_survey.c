/* Print how many system-call sites each given file has and how they can be patched; with -v each
 * of them. For people who change the search; not installed. */
#include "image/sites.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const kind_names[] = {"?", "mov", "after", "before"};

static void print_sites(const struct site *sites, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		printf("%#x %s %u\n", sites[i].offset, kind_names[sites[i].kind],
			sites[i].displaced);
}

static int survey(const char *path, const uint8_t *elf, size_t size, int verbose)
{
	unsigned int kinds[ARRAY_SIZE(kind_names)] = {0};
	struct site *sites;
	uint32_t count;
	int r = image_sites_find(elf, size, &sites, &count);

	if (r < 0)
		return r;
	for (uint32_t i = 0; i < count; i++)
		kinds[sites[i].kind]++;
	printf("%-48s %6u %6u %6u %6u\n", path, count, kinds[SITE_MOV], kinds[SITE_AFTER],
		kinds[SITE_BEFORE]);
	if (verbose)
		print_sites(sites, count);
	free(sites);
	return 0;
}

static int survey_file(const char *path, int verbose)
{
	int r = 0, fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat status;
	void *elf;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &status) < 0) {
		r = -errno;
	} else if (status.st_size > 0) {
		elf = mmap(NULL, (size_t)status.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
		if (elf == MAP_FAILED) {
			r = -errno;
		} else {
			r = survey(path, elf, (size_t)status.st_size, verbose);
			munmap(elf, (size_t)status.st_size);
		}
	}
	close(fd);
	return r;
}

int main(int argc, char **argv)
{
	int verbose = argc > 1 && !strcmp(argv[1], "-v"), failed = 0;

	printf("%-48s %6s %6s %6s %6s\n", "file", "sites", "mov", "after", "before");
	for (int i = 1 + verbose; i < argc; i++) {
		int r = survey_file(argv[i], verbose);

		if (r < 0) {
			fprintf(stderr, "%s: %s\n", argv[i], strerror(-r));
			failed = 1;
		}
	}
	return failed;
}
