#include "hypervisor/validate.h"

#include "abi/hypervisor.h"
#include "hypervisor/enclave.h"
#include "hypervisor/frames.h"
#include "hypervisor/memory.h"
#include "hypervisor/nested.h"
#include "hypervisor/page.h"
#include "hypervisor/stop.h"
#include "hypervisor/thread.h"
#include "hypervisor/x86/amd/iommu.h"
#include "hypervisor/x86/apic.h"

#define ENTRY_COUNT 512
#define TABLE_ACCESSED 0x20UL /* the processor's own notes */
#define TABLE_DIRTY 0x40UL
#define TABLE_FLAGS (TABLE_PRESENT | TABLE_WRITE | TABLE_USER | TABLE_IO_READ | TABLE_IO_WRITE)
#define WINDOW_FLAGS (TABLE_USER | TABLE_WRITE | TABLE_NO_EXECUTE)

/* A wipe waits for nobody, and leaves zeros where tables were. */
static void expect(bool holds)
{
	if (!holds && !stop_is_wiped())
		stop(STOP_INVARIANT);
}

static uint64_t frame_in(uint64_t entry)
{
	return (entry & TABLE_FRAME_MASK) >> PAGE_SHIFT;
}

static bool is_entry(uint64_t entry, uint64_t frame, uint64_t flags)
{
	uint64_t present = flags & TABLE_HELD ? 0 : TABLE_PRESENT;

	return (entry & ~(TABLE_ACCESSED | TABLE_DIRTY)) == (frame << PAGE_SHIFT | flags | present);
}

/* ---- From each frame to where it must be seen ---- */

static bool is_seen(uint64_t frame, struct frame owner, uint64_t address, uint64_t flags)
{
	const struct enclave *enclave = enclave_find(owner.enclave);

	return enclave && is_entry(table_look_up(&enclave->table, address), frame, flags);
}

static bool is_zero(uint64_t frame)
{
	const uint64_t *words = memory_at(frame);

	for (size_t i = 0; i < PAGE_SIZE / sizeof(*words); i++)
		if (words[i])
			return false;
	return true;
}

static void check_frame(uint32_t frame)
{
	struct frame owner = frame_owner(frame);
	uint64_t address = (uint64_t)owner.page << PAGE_SHIFT;

	switch (owner.kind) {
	case FRAME_ENCLAVE:
		expect(is_seen(frame, owner, address, page_flags(owner.access)));
		break;
	case FRAME_WINDOW:
		expect(is_seen(frame, owner, HYPERVISOR_WINDOW + address, WINDOW_FLAGS));
		break;
	case FRAME_FREE:
	case FRAME_RESERVED:
		expect(is_zero(frame));
		break;
	}
}

/* ---- From each translation to whose the frame must be ---- */

/* Whose table it is. */
struct reader {
	enum { OF_ENCLAVE, OF_LINUX, OF_DEVICES } kind;
	const struct enclave *enclave; /* OF_ENCLAVE */
	uint64_t seen;                 /* OF_DEVICES: frames so far */
};

static void check_of_enclave(const struct enclave *enclave, uint64_t address, uint64_t entry)
{
	struct frame owner = frame_owner((uint32_t)frame_in(entry));
	uint64_t page = (uint64_t)owner.page << PAGE_SHIFT;

	expect(frame_in(entry) < frames_count() && owner.enclave == enclave->number);
	expect((owner.kind == FRAME_ENCLAVE && address == page && page < enclave->size) ||
		(owner.kind == FRAME_WINDOW && address == HYPERVISOR_WINDOW + page));
}

static void check_of_linux(uint64_t address, uint64_t entry)
{
	uint64_t frame = address >> PAGE_SHIFT, frames = entry & TABLE_LARGE ? ENTRY_COUNT : 1;

	if (frame_in(entry) == nested_ones() || frame == APIC_FRAME) {
		expect(!(entry & TABLE_WRITE) && (entry & TABLE_NO_EXECUTE));
		return;
	}
	expect(frame_in(entry) == frame);
	for (uint64_t i = 0; i < frames; i++)
		expect(frames_is_linux(frame + i));
}

/* Linux's memory, each frame alone at its own address. */
static void check_of_devices(struct reader *reader, uint64_t address, uint64_t entry)
{
	expect(entry == (address | TABLE_PRESENT | TABLE_IO_READ | TABLE_IO_WRITE));
	expect(frames_is_memory(address >> PAGE_SHIFT));
	reader->seen++;
}

static void check_leaf(struct reader *reader, uint64_t address, uint64_t entry)
{
	switch (reader->kind) {
	case OF_ENCLAVE:
		check_of_enclave(reader->enclave, address, entry);
		break;
	case OF_LINUX:
		check_of_linux(address, entry);
		break;
	case OF_DEVICES:
		check_of_devices(reader, address, entry);
		break;
	}
}

/* At most five deep. */
static void check_table(struct reader *reader, uint64_t frame, uint32_t level, uint64_t address)
{
	const uint64_t *entries = memory_at(frame);
	struct frame owner;

	expect(frame < frames_count());
	owner = frame_owner((uint32_t)frame);
	expect(owner.kind == FRAME_HYPERVISOR &&
		owner.enclave == (reader->enclave ? reader->enclave->number : 0));
	for (uint64_t i = 0; i < ENTRY_COUNT; i++) {
		uint64_t at = address | i << (PAGE_SHIFT + 9 * (level - 1));

		if (!entries[i] || stop_is_wiped())
			continue;
		if (level == 1 || entries[i] & TABLE_LARGE) {
			check_leaf(reader, at, entries[i]);
			continue;
		}
		expect(is_entry(
			entries[i], frame_in(entries[i]), TABLE_FLAGS | TABLE_IO_LEVEL(level - 1)));
		check_table(reader, frame_in(entries[i]), level - 1, at);
	}
}

static void check_enclaves(void)
{
	for (uint64_t i = 1; i <= HYPERVISOR_ENCLAVE_COUNT_MAX; i++) {
		struct reader reader = {.kind = OF_ENCLAVE, .enclave = enclave_find(i)};

		if (reader.enclave)
			check_table(&reader, reader.enclave->table.root,
				reader.enclave->table.levels, 0);
	}
}

/* Devices reach all of Linux's memory: so they do after a frame has come back. */
static void check_devices(void)
{
	struct reader reader = {.kind = OF_DEVICES};
	uint64_t memory = 0;

	if (!iommu_table())
		return;
	for (uint64_t i = 0; i < frames_count(); i++)
		memory += frames_is_memory(i);
	check_table(&reader, iommu_table(), IOMMU_LEVELS, 0);
	expect(reader.seen == memory);
}

void validate(void)
{
	struct reader linux_reader = {.kind = OF_LINUX};

	for (uint32_t i = 0; i < frames_count(); i++)
		check_frame(i);
	check_enclaves();
	check_table(&linux_reader, nested_root() >> PAGE_SHIFT, thread_table_levels(), 0);
	check_devices();
}
