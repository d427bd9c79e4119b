/* The IOMMUs: what devices reach by DMA is Linux's memory, at its own addresses, and nothing else:
 * neither other devices' registers nor what they translate for themselves (ATS). All devices share
 * one page table, which is derived from the owner array (frames.h) and kept in step with it. The
 * IOMMUs' registers are hidden from Linux. Interrupts pass as they are.
 *
 * Source: AMD I/O Virtualization Technology specification, 48882. All but init is done under
 * hypervisor_lock. */
#ifndef HYPERVISOR_X86_AMD_IOMMU_H
#define HYPERVISOR_X86_AMD_IOMMU_H

#include "abi/hypervisor.h"
#include "base/compiler.h"

/* A ring of commands for each, and a frame that they report to. */
#define IOMMU_MAP_FRAMES (HYPERVISOR_IOMMU_COUNT_MAX + 1)

/* Before demotion. @frames: the first of IOMMU_MAP_FRAMES, zeroed. -ENOMEM. */
MUST_CHECK int iommu_init(const struct hypervisor_boot *boot, uint64_t frames);
/* HC_START: once, from then on devices are contained. -EIO: one does not answer. */
MUST_CHECK int iommu_start(void);
/* No device is contained any more: the machine is given back. */
void iommu_stop(void);
bool iommu_is_started(void);
/* Is there one, and is it on? */
bool iommu_is_on(void);

/* The frame of the root of the devices' table; 0: there is no IOMMU. */
#define IOMMU_LEVELS 4
uint32_t iommu_table(void);

/* @frame was Linux's, and is its own again. A device may remember the former until iommu_flush is
 * true: false: an IOMMU does not answer. */
void iommu_forget(uint64_t frame);
void iommu_allow(uint64_t frame);
MUST_CHECK bool iommu_flush(void);

#endif
