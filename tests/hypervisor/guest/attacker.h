/* What an attacker's programs share: his kernel module, and the secret that he looks for. */
#ifndef TESTS_HYPERVISOR_GUEST_ATTACKER_H
#define TESTS_HYPERVISOR_GUEST_ATTACKER_H

#include <signal.h>

#include "tests/hypervisor/guest/host.h"
#include "tests/hypervisor/module/attack.h"

#define SECRET_SEED 0x5eed0fca5e3a7eUL

static int attacker;

static inline bool attacker_open(void)
{
	attacker = open("/dev/attack", O_RDWR | O_CLOEXEC);
	return attacker >= 0;
}

static inline struct attack attack(unsigned long command, uint64_t a, uint64_t b, uint64_t c)
{
	struct attack attack = {.a = a, .b = b, .c = c};

	if (ioctl(attacker, command, &attack) < 0)
		exit(1);
	return attack;
}

static inline int64_t hypercall3(uint64_t number, uint64_t a, uint64_t b, uint64_t c)
{
	struct attack call = {.a = number, .b = a, .c = b, .result = (int64_t)c};

	if (ioctl(attacker, ATTACK_HYPERCALL, &call) < 0)
		exit(1);
	return call.result;
}

static inline int64_t hypercall(uint64_t number, uint64_t a, uint64_t b)
{
	return hypercall3(number, a, b, 0);
}

/* Where a page of this program's is, which is there. 0: it can't be told. */
static inline uint64_t frame_of(const void *page)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (fd < 0 || pread(fd, &entry, sizeof(entry), (off_t)((uintptr_t)page / 4096 * 8)) !=
			      sizeof(entry))
		entry = 0;
	close(fd);
	return entry >> 63 ? entry & ((1UL << 55) - 1) : 0;
}

static inline uint64_t scan_for_secret(void)
{
	uint64_t state = SECRET_SEED, first = secret_next(&state), second = secret_next(&state);

	return (uint64_t)attack(ATTACK_SCAN, first, ~second, 0).result;
}

static inline void plant_secret(void)
{
	uint64_t state = SECRET_SEED, first = secret_next(&state), second = secret_next(&state);

	attack(ATTACK_PLANT, first, ~second, 0);
}

/* Where Linux had mapped the hypervisor before it was demoted. */
static inline uint64_t find_region(void)
{
	char line[512];
	unsigned long address = 0, at;
	FILE *file = fopen("/proc/vmallocinfo", "re");

	while (file && fgets(line, sizeof(line), file))
		if (strstr(line, "[casemate]") && strstr(line, "vmap") &&
			sscanf(line, "0x%lx", &at) == 1)
			address = at;
	if (file)
		fclose(file);
	return address;
}

static inline uint64_t region_frame(uint64_t region, uint64_t number)
{
	return (uint64_t)attack(ATTACK_LOOK_UP, number, region, 0).result;
}

static inline bool has_iommu(void)
{
	return access("/sys/firmware/acpi/tables/IVRS", F_OK) == 0;
}

#endif
