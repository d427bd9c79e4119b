/* Does what debug images check after each call find what is wrong? Memory is an arena here, in
 * which the files that are linked build Linux's, the devices' and an enclave's tables; then one
 * thing at a time is put out of order. */
#include "hypervisor/validate.h"

#include <setjmp.h>
#include <stdlib.h>

#include "base/test.h"
#include "hypervisor/enclave.h"
#include "hypervisor/flush.h"
#include "hypervisor/frames.h"
#include "hypervisor/memory.h"
#include "hypervisor/nested.h"
#include "hypervisor/page.h"
#include "hypervisor/stop.h"
#include "hypervisor/thread.h"
#include "hypervisor/window.h"
#include "hypervisor/x86/amd/iommu.h"

#define FRAMES 2048
#define RAM_END 2000
#define LEVELS 4
#define POOL 100 /* frames, by number */
#define POOL_COUNT 100
#define MAPS 200
#define DEVICE_TABLE 512
#define GIVEN 1100
#define GIVEN_COUNT 40
#define SHARED 1200
#define LINUX 1300
#define REGISTERS 2010
#define PAGE_OFFSET 0x5000

uint64_t memory_direct_map;

static struct frame owners[FRAMES];
static struct enclave enclave = {.number = 3, .size = 1UL << 20};
static jmp_buf stopped;
static bool wiped;

/* ---- What is not linked ---- */

struct enclave *enclave_find(uint64_t number)
{
	return number == enclave.number && enclave.state ? &enclave : NULL;
}

bool enclave_has_page(const struct enclave *of, uint64_t offset)
{
	return table_look_up(&of->table, offset);
}

uint32_t thread_table_levels(void)
{
	return LEVELS;
}

void flush_request(void)
{
}

bool flush_is_complete(void)
{
	return true;
}

bool stop_is_wiped(void)
{
	return wiped;
}

void stop(enum stop_reason reason)
{
	longjmp(stopped, 1 + (int)reason);
}

/* ---- A machine ---- */

static bool bites(void)
{
	int why = setjmp(stopped);

	if (why == 0)
		validate();
	return why == 1 + STOP_INVARIANT;
}

static bool claim(uint64_t first, uint64_t count, enum frame_kind kind)
{
	int r = 0;

	for (uint64_t i = first; r == 0 && i < first + count; i++)
		r = frame_claim(i, kind);
	return r == 0;
}

static bool start_machine(void)
{
	struct hypervisor_boot boot = {.device_table = DEVICE_TABLE, .iommu_count = 1};

	boot.iommus[0].frame = REGISTERS;
	frames_init(owners, FRAMES);
	frames_add_ram(1, RAM_END - 1);
	return claim(POOL, POOL_COUNT, FRAME_RESERVED) &&
	       claim(MAPS, HYPERVISOR_MAP_FRAMES, FRAME_HYPERVISOR) &&
	       claim(DEVICE_TABLE, HYPERVISOR_DEVICE_TABLE_FRAMES, FRAME_HYPERVISOR) &&
	       nested_init(LEVELS) == 0 && iommu_init(&boot, MAPS) == 0;
}

static bool give_frames(void)
{
	int r = 0;

	for (uint64_t i = GIVEN; r == 0 && i < GIVEN + GIVEN_COUNT; i++) {
		nested_forget(i);
		iommu_forget(i);
		r = frame_donate(i);
	}
	frames_settle();
	return r == 0;
}

/* @ret_frame: of its first page. */
static bool start_enclave(uint32_t *ret_frame)
{
	uint32_t code;

	if (table_init(&enclave.table, LEVELS, enclave.number) < 0)
		return false;
	enclave.state = ENCLAVE_READY;
	return page_new(&enclave, 0, SGX_SECINFO_R | SGX_SECINFO_W, ret_frame) == 0 &&
	       page_new(&enclave, PAGE_OFFSET, SGX_SECINFO_R | SGX_SECINFO_X, &code) == 0 &&
	       page_augment(enclave.number, 2 * PAGE_OFFSET) == 0 &&
	       window_map(enclave.number, 7, SHARED) == 0;
}

static bool touch_memory(void)
{
	int r = 0;

	for (uint64_t i = 0; r == 0 && i < FRAMES; i++)
		r = nested_fill(i << PAGE_SHIFT);
	return r == 0;
}

/* ---- What is put out of order ---- */

static uint64_t *entry_at(uint32_t root, uint64_t address, uint32_t leaf)
{
	uint64_t *entries = memory_at(root);

	for (uint32_t level = LEVELS;; level--) {
		uint64_t *entry = &entries[address >> (PAGE_SHIFT + 9 * (level - 1)) & 511];

		if (level == leaf)
			return entry;
		entries = memory_at((*entry & TABLE_FRAME_MASK) >> PAGE_SHIFT);
	}
}

static bool bites_with(uint64_t *word, uint64_t value)
{
	uint64_t before = *word;
	bool found;

	*word = value;
	found = bites();
	*word = before;
	return found;
}

static bool bites_with_owner(uint32_t frame, struct frame owner)
{
	struct frame before = owners[frame];
	bool found;

	owners[frame] = owner;
	found = bites();
	owners[frame] = before;
	return found;
}

static void test_devices(uint32_t of_enclave)
{
	uint64_t *entry = entry_at(iommu_table(), LINUX << PAGE_SHIFT, 1);
	uint64_t *table = entry_at(iommu_table(), LINUX << PAGE_SHIFT, 2);
	static const uint32_t foreign[] = {GIVEN, POOL, MAPS, DEVICE_TABLE, REGISTERS, FRAMES - 1};

	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++) {
		iommu_allow(foreign[i]);
		CHECK(bites());
		iommu_forget(foreign[i]);
	}
	iommu_allow(of_enclave);
	CHECK(bites());
	iommu_forget(of_enclave);
	CHECK(!bites());
	iommu_forget(LINUX);
	CHECK(bites());
	iommu_allow(LINUX);
	CHECK(!bites());
	CHECK(bites_with(entry, *entry + PAGE_SIZE));
	CHECK(bites_with(entry, *entry & ~TABLE_IO_WRITE));
	CHECK(bites_with(entry, *entry | TABLE_LARGE));
	CHECK(bites_with(table, *table & ~TABLE_IO_LEVEL(7)));
	CHECK(bites_with(table, (uint64_t)LINUX << PAGE_SHIFT | (*table & ~TABLE_FRAME_MASK)));
	CHECK(bites_with(table, *table | 1UL << 40));
	CHECK(bites_with(table, (*table & TABLE_FRAME_MASK) | TABLE_LARGE | TABLE_PRESENT));
}

static void test_linux(uint32_t of_enclave)
{
	uint32_t root = (uint32_t)(nested_root() >> PAGE_SHIFT);
	uint64_t *entry = entry_at(root, LINUX << PAGE_SHIFT, 1);
	uint64_t *foreign = entry_at(root, (uint64_t)of_enclave << PAGE_SHIFT, 1);

	CHECK(bites_with(entry, *entry + PAGE_SIZE));
	CHECK(bites_with(foreign, *foreign | TABLE_WRITE));
	CHECK(bites_with(foreign, (uint64_t)of_enclave << PAGE_SHIFT | TABLE_PRESENT));
}

static void test_enclave(uint32_t of_enclave)
{
	uint64_t *data = entry_at(enclave.table.root, 0, 1);
	uint64_t *code = entry_at(enclave.table.root, PAGE_OFFSET, 1);
	uint64_t *pending = entry_at(enclave.table.root, 2 * PAGE_OFFSET, 1);
	uint64_t *window = entry_at(enclave.table.root, HYPERVISOR_WINDOW + (7UL << PAGE_SHIFT), 1);

	CHECK(bites_with(data, 0));
	CHECK(bites_with(data, *data & ~TABLE_NO_EXECUTE));
	CHECK(bites_with(code, *code | TABLE_WRITE));
	CHECK(bites_with(data, *code));
	CHECK(bites_with(pending, *pending | TABLE_PRESENT));
	CHECK(bites_with(window, *window & ~TABLE_NO_EXECUTE));
	CHECK(bites_with(entry_at(enclave.table.root, 3 * PAGE_OFFSET, 1),
		(uint64_t)LINUX << PAGE_SHIFT | TABLE_PRESENT));
	CHECK(bites_with_owner(of_enclave, (struct frame){.kind = FRAME_LINUX}));
	CHECK(bites_with_owner(SHARED, (struct frame){.kind = FRAME_LINUX}));
	CHECK(bites_with_owner(
		enclave.table.root, (struct frame){.kind = FRAME_HYPERVISOR, .enclave = 4}));
}

int main(void)
{
	uint32_t of_enclave = 0, unused;
	void *arena = aligned_alloc(PAGE_SIZE, FRAMES * PAGE_SIZE);

	if (!arena)
		return 1;
	memset(arena, 0x5a, FRAMES * PAGE_SIZE);
	memory_direct_map = (uint64_t)arena;
	CHECK(start_machine() && !bites());
	CHECK(give_frames() && start_enclave(&of_enclave) && touch_memory());
	CHECK(!bites());
	test_devices(of_enclave);
	test_linux(of_enclave);
	test_enclave(of_enclave);
	for (unused = GIVEN; owners[unused].kind != FRAME_FREE;)
		unused++;
	CHECK(bites_with((uint64_t *)memory_at(unused) + 511, 1));
	CHECK(!bites());
	wiped = true; /* which may come in the midst of it */
	CHECK(!bites_with(entry_at(enclave.table.root, 0, 1), 0));
	free(arena);
	return test_done();
}
