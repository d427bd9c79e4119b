#include "hypervisor/validate.h"

#include "abi/hypervisor.h"
#include "hypervisor/enclave.h"
#include "hypervisor/frames.h"
#include "hypervisor/memory.h"
#include "hypervisor/nested.h"
#include "hypervisor/page.h"
#include "hypervisor/stop.h"
#include "hypervisor/thread.h"
#include "hypervisor/x86/apic.h"

#define ENTRY_COUNT 512
#define TABLE_ACCESSED 0x20UL /* the processor's own notes */
#define TABLE_DIRTY 0x40UL
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

/* @enclave: NULL: Linux's. At most five deep. */
static void check_table(
	const struct enclave *enclave, uint64_t frame, uint32_t level, uint64_t address)
{
	const uint64_t *entries = memory_at(frame);
	struct frame owner = frame_owner((uint32_t)frame);

	expect(owner.kind == FRAME_HYPERVISOR && owner.enclave == (enclave ? enclave->number : 0));
	for (uint64_t i = 0; i < ENTRY_COUNT; i++) {
		uint64_t at = address | i << (PAGE_SHIFT + 9 * (level - 1));

		if (!entries[i] || stop_is_wiped())
			continue;
		if (level > 1 && !(entries[i] & TABLE_LARGE))
			check_table(enclave, frame_in(entries[i]), level - 1, at);
		else if (enclave)
			check_of_enclave(enclave, at, entries[i]);
		else
			check_of_linux(at, entries[i]);
	}
}

void validate(void)
{
	for (uint32_t i = 0; i < frames_count(); i++)
		check_frame(i);
	for (uint64_t i = 1; i <= HYPERVISOR_ENCLAVE_COUNT_MAX; i++) {
		const struct enclave *enclave = enclave_find(i);

		if (enclave)
			check_table(enclave, enclave->table.root, enclave->table.levels, 0);
	}
	check_table(NULL, nested_root() >> PAGE_SHIFT, thread_table_levels(), 0);
}
