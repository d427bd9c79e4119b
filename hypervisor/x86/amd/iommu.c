#include "hypervisor/x86/amd/iommu.h"

#include <asm/errno.h>

#include "hypervisor/frames.h"
#include "hypervisor/memory.h"
#include "hypervisor/table.h"

/* Registers (3.4) */
#define DEVICE_TABLE_BASE 0x0
#define COMMAND_BASE 0x8
#define CONTROL 0x18
#define FEATURES 0x30
#define COMMAND_HEAD 0x2000
#define COMMAND_TAIL 0x2008

#define DEVICE_TABLE_SIZE (HYPERVISOR_DEVICE_TABLE_FRAMES - 1UL)
#define COMMAND_SIZE (8UL << 56) /* 2^8 commands: a frame */
#define CONTROL_ENABLE (1UL << 0)
#define CONTROL_COMMANDS (1UL << 12)
#define CONTROL_OF_FIRMWARE 0xf02UL /* HtTunEn, PassPW, ResPassPW, Coherent, Isoc */
#define FEATURE_INVALIDATE_ALL (1UL << 6)

/* A device's entry (2.2.2) */
#define DEVICE_VALID (1UL << 0)
#define DEVICE_TRANSLATED (1UL << 1)
#define DEVICE_DOMAIN 1UL
#define DEVICE_COUNT (HYPERVISOR_DEVICE_TABLE_FRAMES * PAGE_SIZE / sizeof(struct device_entry))

/* Commands (2.4) */
#define COMMAND_WAIT (1UL << 60)
#define COMMAND_WAIT_STORE 1UL
#define COMMAND_INVALIDATE_PAGES (3UL << 60)
#define COMMAND_DOMAIN (DEVICE_DOMAIN << 32)
#define COMMAND_ALL_PAGES 0x7ffffffffffff003UL /* the size is in the address; tables, too */
#define COMMAND_INVALIDATE_ALL (8UL << 60)
#define COMMAND_COUNT (PAGE_SIZE / sizeof(struct command))

#define WAIT_ROUNDS 100000000U

struct device_entry {
	uint64_t words[4];
};

struct command {
	uint64_t words[2];
};

struct iommu {
	uint64_t registers; /* frame */
	uint64_t control;
	struct command *commands;
	uint64_t commands_address;
	uint32_t tail;
	volatile uint64_t *done; /* the number of the last wait that came to its end */
	uint64_t done_address;
	bool is_on;
};

static struct iommu iommus[HYPERVISOR_IOMMU_COUNT_MAX];
static uint32_t count;
static uint64_t device_table; /* address */
static struct table table;
static uint64_t waits;
static bool is_started;

static volatile uint64_t *at(const struct iommu *iommu, uint32_t offset)
{
	return (volatile uint64_t *)((uint8_t *)memory_at(iommu->registers) + offset);
}

/* ---- Before demotion ---- */

static int map_linux(uint64_t frame)
{
	uint64_t address = frame << PAGE_SHIFT;

	return table_map(&table, address, address, TABLE_IO_READ | TABLE_IO_WRITE);
}

static int fill_table(void)
{
	int r = table_init(&table, IOMMU_LEVELS, 0);

	for (uint64_t frame = 0; r == 0 && frame < frames_count(); frame++)
		if (frames_is_memory(frame))
			r = map_linux(frame);
	return r;
}

/* Whatever number a device has. */
static void fill_devices(struct device_entry *entries)
{
	uint64_t root = (uint64_t)table.root << PAGE_SHIFT;

	for (size_t i = 0; i < DEVICE_COUNT; i++) {
		entries[i].words[0] = DEVICE_VALID | DEVICE_TRANSLATED |
				      TABLE_IO_LEVEL(IOMMU_LEVELS) | TABLE_IO_READ |
				      TABLE_IO_WRITE | root;
		entries[i].words[1] = DEVICE_DOMAIN;
	}
}

static int add(const struct hypervisor_iommu *from, uint64_t ring_frame, uint64_t done)
{
	iommus[count] = (struct iommu){
		.registers = from->frame,
		.control = from->control & CONTROL_OF_FIRMWARE,
		.commands = memory_at(ring_frame),
		.commands_address = ring_frame << PAGE_SHIFT,
		.done = (uint64_t *)memory_at(done >> PAGE_SHIFT) + count,
		.done_address = done + count * sizeof(uint64_t),
	};
	count++;
	return frames_hide(from->frame, HYPERVISOR_IOMMU_FRAMES);
}

int iommu_init(const struct hypervisor_boot *boot, uint64_t frames)
{
	int r = 0;

	for (uint32_t i = 0; r == 0 && i < boot->iommu_count; i++)
		r = add(&boot->iommus[i], frames + 1 + i, frames << PAGE_SHIFT);
	if (r < 0 || !count)
		return r;
	r = fill_table();
	if (r == 0)
		fill_devices(memory_at(boot->device_table));
	device_table = boot->device_table << PAGE_SHIFT;
	return r;
}

/* ---- Commands ---- */

static void put(struct iommu *iommu, uint64_t first, uint64_t second)
{
	iommu->commands[iommu->tail] = (struct command){{first, second}};
	iommu->tail = (iommu->tail + 1) % COMMAND_COUNT;
}

static void run(struct iommu *iommu)
{
	put(iommu, COMMAND_WAIT | COMMAND_WAIT_STORE | iommu->done_address, waits);
	__atomic_thread_fence(__ATOMIC_SEQ_CST); /* the IOMMU reads them when it sees the tail */
	*at(iommu, COMMAND_TAIL) = iommu->tail * sizeof(struct command);
}

static bool wait(const struct iommu *iommu)
{
	for (uint32_t i = 0; i < WAIT_ROUNDS; i++) {
		if (*iommu->done == waits)
			return true;
		__builtin_ia32_pause();
	}
	return false;
}

/* All work while the others do. The ring never fills: each time it is run dry. */
static bool run_all(uint64_t first, uint64_t second)
{
	waits++;
	for (uint32_t i = 0; i < count; i++) {
		put(&iommus[i], first, second);
		run(&iommus[i]);
	}
	for (uint32_t i = 0; i < count; i++)
		if (!wait(&iommus[i]))
			return false;
	return true;
}

bool iommu_flush(void)
{
	return !iommu_is_on() ||
	       run_all(COMMAND_INVALIDATE_PAGES | COMMAND_DOMAIN, COMMAND_ALL_PAGES);
}

/* ---- On and off ---- */

/* Neither in use, nor so old that each device would have to be forgotten by itself. */
static bool is_usable(const struct iommu *iommu)
{
	return !(*at(iommu, CONTROL) & CONTROL_ENABLE) &&
	       (*at(iommu, FEATURES) & FEATURE_INVALIDATE_ALL);
}

static void start(struct iommu *iommu)
{
	*at(iommu, DEVICE_TABLE_BASE) = device_table | DEVICE_TABLE_SIZE;
	*at(iommu, COMMAND_BASE) = iommu->commands_address | COMMAND_SIZE;
	*at(iommu, COMMAND_HEAD) = 0;
	*at(iommu, COMMAND_TAIL) = 0;
	*at(iommu, CONTROL) = iommu->control | CONTROL_COMMANDS | CONTROL_ENABLE;
	iommu->is_on = true;
}

int iommu_start(void)
{
	if (is_started)
		return -EBUSY;
	for (uint32_t i = 0; i < count; i++)
		if (!is_usable(&iommus[i]))
			return -EIO;
	for (uint32_t i = 0; i < count; i++)
		start(&iommus[i]);
	if (count && !run_all(COMMAND_INVALIDATE_ALL, 0))
		return -EIO;
	is_started = true;
	return 0;
}

void iommu_stop(void)
{
	for (uint32_t i = 0; i < count; i++) {
		if (iommus[i].is_on)
			*at(&iommus[i], CONTROL) = iommus[i].control;
		iommus[i].is_on = false;
	}
	is_started = false;
}

bool iommu_is_started(void)
{
	return is_started;
}

bool iommu_is_on(void)
{
	return is_started && count;
}

/* ---- Owners ---- */

uint32_t iommu_table(void)
{
	return count ? table.root : 0;
}

void iommu_forget(uint64_t frame)
{
	if (count)
		table_unmap(&table, frame << PAGE_SHIFT);
}

void iommu_allow(uint64_t frame)
{
	/* Its tables are there, so nothing fails; if it did, devices would do without the frame. */
	if (count && map_linux(frame) < 0)
		return;
}
