/* Where things are in the address spaces of a simulated enclave; the host's loader knows it too. */
#ifndef PLATFORM_LAYOUT_H
#define PLATFORM_LAYOUT_H

/* The LibOS region is mapped at the same place in every address space: high enough for any
 * program's fixed mappings, below all that the host kernel places at random. */
#define PLATFORM_REGION_START 0x680000000000UL
#define PLATFORM_REGION_SIZE 0x040000000000UL /* 4 TiB of addresses; memory is committed by use */
#define PLATFORM_REGION_END (PLATFORM_REGION_START + PLATFORM_REGION_SIZE)

#endif
