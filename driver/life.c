// SPDX-License-Identifier: GPL-2.0
#include <linux/acpi.h>
#include <linux/cc_platform.h>
#include <linux/cpu.h>
#include <linux/firmware.h>
#include <linux/ktime.h>
#include <linux/mm.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/smp.h>

#include "driver/driver.h"
#include "driver/trust.h"

DEFINE_MUTEX(life_lock);

unsigned long life_generation;

static bool enabled;
static u64 demotion_ns;
static struct donation donation;

#ifdef CASEMATE_TEST
static int fail_on = -1; /* this processor refuses, so that the roll-back can be seen */
module_param(fail_on, int, 0600);
#else
static const int fail_on = -1;
#endif

bool life_is_enabled(void)
{
	return READ_ONCE(enabled);
}

/* ---- Before ---- */

static int check_image(const struct firmware *file)
{
	const struct hypervisor_image *image = (const void *)file->data;

	if (file->size < sizeof(*image) || image->magic != HYPERVISOR_MAGIC ||
		image->abi != HYPERVISOR_ABI || image->file_end != file->size ||
		!IS_ALIGNED(image->file_end, PAGE_SIZE))
		return -ENOEXEC;
	if (image->text_end > image->rodata_end || image->rodata_end > image->file_end ||
		image->file_end > image->image_end || !PAGE_ALIGNED(image->image_end) ||
		!PAGE_ALIGNED(image->cpu_size))
		return -ENOEXEC;
	if (image->init >= image->text_end || image->enter >= image->text_end)
		return -ENOEXEC;
	return 0;
}

static void describe_ports(struct hypervisor_ports *ports)
{
	u8 a = 0, b = 0;

	ports->sleep[0] = acpi_gbl_FADT.xpm1a_control_block.address;
	ports->sleep[1] = acpi_gbl_FADT.xpm1b_control_block.address;
	if (ACPI_SUCCESS(acpi_get_sleep_type_data(ACPI_STATE_S5, &a, &b))) {
		ports->sleep_off[0] = a;
		ports->sleep_off[1] = b;
	}
	if (acpi_gbl_FADT.reset_register.space_id == ACPI_ADR_SPACE_SYSTEM_IO) {
		ports->reset = acpi_gbl_FADT.reset_register.address;
		ports->reset_value = acpi_gbl_FADT.reset_value;
	}
}

static int check_machine(void)
{
	if (cc_platform_has(CC_ATTR_MEM_ENCRYPT))
		return -EOPNOTSUPP;
	/* An offline processor waits on bare metal, where an NMI would wake it. */
	if (num_online_cpus() != num_present_cpus() || nr_cpu_ids > HYPERVISOR_CPU_COUNT_MAX)
		return -EBUSY;
	return 0;
}

static int prepare(const struct firmware *file)
{
	const struct hypervisor_image *image = (const void *)file->data;
	struct hypervisor_boot *boot = kzalloc(sizeof(*boot), GFP_KERNEL);
	int r;

	if (!boot)
		return -ENOMEM;
	boot->cpu_count = nr_cpu_ids;
	r = memory_describe(boot);
	if (r == 0)
		r = iommu_describe(boot);
	if (r == 0)
		r = donation_alloc(&donation, image, boot);
	if (r < 0)
		goto out;
	describe_ports(&boot->ports);
	boot->region = (u64)donation.region;
	boot->direct_map = PAGE_OFFSET;
	boot->region_frames = donation.region_frames;
	boot->region_count = donation.region_count;
	boot->pool_frames = donation.pool_frames;
	boot->pool_count = donation.pool_count;
	boot->map_frame = page_to_pfn(donation.maps);
	if (donation.device_table)
		boot->device_table = page_to_pfn(donation.device_table);
	trust_establish(boot, file);
	r = ((hypervisor_init_fn *)(donation.region + image->init))(boot);
	if (r < 0)
		donation_free(&donation);
out:
	kfree_sensitive(boot); /* the root key */
	return r;
}

/* ---- On each processor, interrupts off ---- */

struct demotion {
	hypervisor_enter_fn *enter;
	struct cpumask demoted;
	int error;
};

static void enter_one(void *argument)
{
	struct demotion *demotion = argument;
	int cpu = smp_processor_id();
	int r = cpu == fail_on ? -EIO : demotion->enter(cpu);

	if (r < 0)
		WRITE_ONCE(demotion->error, r);
	else
		cpumask_set_cpu(cpu, &demotion->demoted);
}

static void leave_one(void *argument)
{
	hypercall(HC_LEAVE, 0, 0);
}

static void flush_one(void *argument)
{
	hypercall(HC_FLUSH, 0, 0);
}

/* Each processor notices what Linux has given away or got back. */
void flush_all(void)
{
	on_each_cpu(flush_one, NULL, 1);
}

static int enter_all(const struct hypervisor_image *image)
{
	struct demotion *demotion = kzalloc(sizeof(*demotion), GFP_KERNEL);
	u64 start;
	int r;

	if (!demotion)
		return -ENOMEM;
	demotion->enter = donation.region + image->enter;
	start = ktime_get_ns();
	on_each_cpu(enter_one, demotion, 1);
	demotion_ns = ktime_get_ns() - start;
	r = demotion->error;
	if (r == 0)
		r = hypercall(HC_START, 0, 0);
	if (r < 0)
		on_each_cpu_mask(&demotion->demoted, leave_one, NULL, 1);
	kfree(demotion);
	return r;
}

/* ---- All of it ---- */

static int launch(const struct firmware *file)
{
	int r = check_image(file);

	if (r < 0)
		return r;
	cpus_read_lock();
	r = check_machine();
	if (r == 0)
		r = prepare(file);
	if (r == 0) {
		r = enter_all((const void *)file->data);
		if (r < 0)
			donation_free(&donation);
		else
			WRITE_ONCE(enabled, true);
	}
	cpus_read_unlock();
	return r;
}

int life_enable(void)
{
	const struct firmware *file;
	int r;

	if (enabled)
		return -EBUSY;
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	r = firmware_request_nowarn(&file, CASEMATE_FIRMWARE, casemate_device());
	if (r == 0) {
		r = launch(file);
		release_firmware(file);
	}
	if (r < 0)
		module_put(THIS_MODULE);
	return r;
}

static int count_enclaves(void)
{
	struct hypervisor_status *s = (void *)get_zeroed_page(GFP_KERNEL);
	int count = -ENOMEM;

	if (s) {
		count = hypercall(HC_STATUS, virt_to_phys(s), 0) < 0 ? -EIO : s->enclave_count;
		free_page((unsigned long)s);
	}
	return count;
}

/* A thread that is in an enclave on another processor comes out for the interrupt, and finds that
 * the hypervisor is off. */
int life_disable(bool force)
{
	if (!enabled)
		return -ENODEV;
	if (!force && count_enclaves())
		return -EBUSY;
	cpus_read_lock();
	WRITE_ONCE(enabled, false);
	hypercall(HC_WIPE, 0, 0);
	on_each_cpu(leave_one, NULL, 1);
	cpus_read_unlock();
	life_generation++;
	frames_free_all();
	donation_free(&donation);
	module_put(THIS_MODULE);
	return 0;
}

/* ---- Status ---- */

static void status_one(void *argument)
{
	static DEFINE_PER_CPU_ALIGNED(struct hypervisor_status, of_cpu);
	struct hypervisor_status *s = this_cpu_ptr(&of_cpu);
	struct casemate_status *sum = argument;
	unsigned int i;

	if (hypercall(HC_STATUS, slow_virt_to_phys(s), 0) < 0)
		return;
	sum->cpu_count = s->cpu_count;
	sum->enclave_count = s->enclave_count;
	sum->flags = s->flags;
	sum->frames_free = s->frames_free;
	sum->frames_incoming = s->frames_incoming;
	sum->frames_enclave = s->frames_enclave;
	for (i = 0; i < HYPERVISOR_EXIT_COUNT; i++)
		sum->exits += s->exits[i];
	sum->denied += s->denied;
}

void life_status(struct casemate_status *status)
{
	int cpu;

	status->is_enabled = enabled;
	if (!enabled)
		return;
	cpus_read_lock();
	flush_all();
	for_each_online_cpu(cpu) smp_call_function_single(cpu, status_one, status, 1);
	cpus_read_unlock();
	status->frames_hypervisor = donation.region_count + donation.pool_count +
				    HYPERVISOR_MAP_FRAMES +
				    (donation.device_table ? HYPERVISOR_DEVICE_TABLE_FRAMES : 0);
	status->demotion_ns = demotion_ns;
	status->trust = trust_state();
}
