/* The places of a program's file where it enters the kernel, and how each can be patched. */
#ifndef IMAGE_SITES_H
#define IMAGE_SITES_H

#include "abi/sites.h"
#include "base/compiler.h"

/* Decode the executable segments of the ELF file @elf.
 * @ret_sites  array sorted by offset, windows never overlapping; free() it. NULL when there are
 * none
 * @ret_count  0 also for a file that is no x86-64 ELF program or library
 * Only sites that are safe to patch are listed; what is left out traps when it runs.
 * Errors: -ENOMEM. */
int image_sites_find(
	const uint8_t *elf, size_t size, struct site **ret_sites, uint32_t *ret_count) MUST_CHECK;

#endif
