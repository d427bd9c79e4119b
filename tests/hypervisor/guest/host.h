/* What the programs of the guest share: points as lib.sh prints them, and an enclave's host side.
 */
#ifndef TESTS_HYPERVISOR_GUEST_HOST_H
#define TESTS_HYPERVISOR_GUEST_HOST_H

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/driver.h"
#include "abi/hypervisor.h"
#include "abi/sgx.h"
#include "tests/hypervisor/enclave/enclave.h"

struct header {
	uint64_t size, base, count;
	struct sgx_sigstruct sigstruct;
};

struct record {
	uint64_t offset, flags;
	uint8_t page[4096];
};

struct image {
	struct header header;
	struct record *records;
	uint64_t tcs;
};

static inline void point(bool ok, const char *name)
{
	printf("@@ %sok - %s\n", ok ? "" : "not ", name);
	if (!ok)
		printf("@@ # errno: %s\n", strerror(errno));
	fflush(stdout);
}

static inline struct image load(const char *path)
{
	struct image image;
	FILE *file = fopen(path, "re");

	if (!file || fread(&image.header, sizeof(image.header), 1, file) != 1)
		exit(1);
	image.records = calloc(image.header.count, sizeof(struct record));
	if (!image.records || fread(image.records, sizeof(struct record), image.header.count,
				      file) != image.header.count)
		exit(1);
	image.tcs = image.records[image.header.count - 1].offset;
	fclose(file);
	return image;
}

static uint64_t wanted_xfrm = SGX_XFRM_LEGACY; /* of what is created */

static inline int create(const struct image *image)
{
	static struct sgx_secs secs;
	int fd = open(CASEMATE_DEVICE, O_RDWR | O_CLOEXEC);

	secs.size = image->header.size;
	secs.base = image->header.base;
	secs.ssa_frame_size = 1;
	secs.attributes.flags = SGX_ATTRIBUTE_MODE64BIT;
	secs.attributes.xfrm = wanted_xfrm;
	if (fd < 0 || ioctl(fd, CASEMATE_IOC_CREATE, &secs) < 0)
		return -1;
	return fd;
}

static inline int add(int fd, const struct record *record)
{
	static uint8_t page[4096] __attribute__((aligned(4096)));
	struct casemate_add add = {.source = (uint64_t)page,
		.offset = record->offset,
		.size = sizeof(page),
		.secinfo_flags = record->flags};

	memcpy(page, record->page, sizeof(page));
	return ioctl(fd, CASEMATE_IOC_ADD, &add);
}

static inline int build(const struct image *image)
{
	int fd = create(image);

	for (uint64_t i = 0; fd >= 0 && i < image->header.count; i++)
		if (add(fd, &image->records[i]) < 0)
			return -1;
	return fd;
}

static inline int start(const char *path, struct image *ret_image)
{
	int fd;

	*ret_image = load(path);
	fd = build(ret_image);
	if (fd >= 0 && ioctl(fd, CASEMATE_IOC_INIT, &ret_image->header.sigstruct) < 0)
		return -1;
	return fd;
}

/* The answer; or -1 with errno, or -2: it crashed, or -3: it misses a page. */
static inline int64_t enter(
	int fd, uint64_t tcs, uint64_t command, uint64_t b, uint64_t c, uint64_t d)
{
	struct casemate_enter enter = {.tcs = tcs, .words = {command, b, c, d}};

	if (ioctl(fd, CASEMATE_IOC_ENTER, &enter) < 0)
		return -1;
	if (enter.reason == HC_EXIT_CALL)
		return (int64_t)enter.words[0];
	return enter.reason == HC_EXIT_CRASHED ? -2 : -3;
}

static inline int on_range(int fd, unsigned long request, uint64_t offset, uint64_t size)
{
	struct casemate_range range = {.offset = offset, .size = size};

	return ioctl(fd, request, &range);
}

static inline int augment(int fd, uint64_t offset)
{
	return on_range(fd, CASEMATE_IOC_AUGMENT, offset, 4096);
}

static inline int trim(int fd, uint64_t offset)
{
	return on_range(fd, CASEMATE_IOC_TRIM, offset, 4096);
}

/* "remove" is the C library's. */
static inline int take(int fd, uint64_t offset)
{
	return on_range(fd, CASEMATE_IOC_REMOVE, offset, 4096);
}

static inline int share(int fd, const void *memory, uint64_t offset, uint64_t size)
{
	struct casemate_share share = {.source = (uint64_t)memory, .offset = offset, .size = size};

	return ioctl(fd, CASEMATE_IOC_SHARE, &share);
}

static inline int unshare_window(int fd, uint64_t offset, uint64_t size)
{
	return on_range(fd, CASEMATE_IOC_UNSHARE, offset, size);
}

/* Of the threads that an image has, by number from 0. */
static inline uint64_t thread_tcs(const struct image *image, unsigned int thread)
{
	return image->tcs - 4096UL * thread;
}

static inline unsigned int processors(void)
{
	return (unsigned int)sysconf(_SC_NPROCESSORS_ONLN);
}

static inline void run_on(unsigned int processor)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(processor % processors(), &set);
	sched_setaffinity(0, sizeof(set), &set);
}

#endif
