// SPDX-License-Identifier: GPL-2.0
/* AMD's IOMMUs: the ACPI table IVRS tells of them (48882, chapter 5). */
#include <linux/acpi.h>
#include <linux/io.h>
#include <linux/mm.h>

#include "driver/driver.h"

#define CONTROL 0x18
#define CONTROL_ENABLE 1

/* IVHD flags, and where the control register has the same. */
static u64 firmware_control(u8 flags)
{
	return (flags & ACPI_IVHD_TT_ENABLE ? 1 << 1 : 0) |
	       (flags & ACPI_IVHD_PASS_PW ? 1 << 8 : 0) |
	       (flags & ACPI_IVHD_RES_PASS_PW ? 1 << 9 : 0) |
	       (flags & ACPI_IVHD_ISOC ? 1 << 11 : 0) | (flags & BIT(5) ? 1 << 10 : 0);
}

static bool is_in_use(u64 address)
{
	void __iomem *registers = ioremap(address, PAGE_SIZE);
	bool in_use = true;

	if (registers) {
		in_use = readq(registers + CONTROL) & CONTROL_ENABLE;
		iounmap(registers);
	}
	return in_use;
}

/* A block of each kind may tell of the same one. */
static bool is_known(const struct hypervisor_boot *boot, u64 frame)
{
	u32 i;

	for (i = 0; i < boot->iommu_count; i++)
		if (boot->iommus[i].frame == frame)
			return true;
	return false;
}

static int add(struct hypervisor_boot *boot, const struct acpi_ivrs_hardware_10 *block)
{
	struct hypervisor_iommu *iommu = &boot->iommus[boot->iommu_count];

	if (is_known(boot, PHYS_PFN(block->base_address)))
		return 0;
	if (boot->iommu_count == HYPERVISOR_IOMMU_COUNT_MAX)
		return -E2BIG;
	if (!PAGE_ALIGNED(block->base_address) || is_in_use(block->base_address))
		return -EBUSY;
	iommu->frame = PHYS_PFN(block->base_address);
	iommu->control = firmware_control(block->header.flags);
	boot->iommu_count++;
	return 0;
}

static int walk(struct hypervisor_boot *boot, const struct acpi_table_header *table)
{
	const u8 *at = (const u8 *)table + sizeof(struct acpi_table_ivrs);
	const u8 *end = (const u8 *)table + table->length;
	int r = 0;

	while (r == 0 && end - at >= sizeof(struct acpi_ivrs_hardware_10)) {
		const struct acpi_ivrs_hardware_10 *block = (const void *)at;

		if (block->header.length < sizeof(block->header))
			return -EINVAL;
		if (block->header.type == ACPI_IVRS_TYPE_HARDWARE1 ||
			block->header.type == ACPI_IVRS_TYPE_HARDWARE2 ||
			block->header.type == ACPI_IVRS_TYPE_HARDWARE3)
			r = add(boot, block);
		at += block->header.length;
	}
	return r;
}

int iommu_describe(struct hypervisor_boot *boot)
{
	struct acpi_table_header *table;
	int r;

	if (ACPI_FAILURE(acpi_get_table(ACPI_SIG_IVRS, 0, &table)))
		return 0;
	r = walk(boot, table);
	acpi_put_table(table);
	if (r < 0) {
		pr_warn("casemate: the IOMMU is not used (%d): DMA is not contained\n", r);
		boot->iommu_count = 0;
	}
	return 0;
}
