/* For Frama-C's Eva (tests/checks/eva.sh): Linux makes any hypercall, an enclave any call, in any
 * order, from the start on: so what a call finds is what others can have left. Any number of calls
 * is followed.
 *
 * What is proved answers as its contract says (frames.c, table.c), and has asserted here what it
 * requires of numbers; threads answer anything. Linux's memory and an enclave's hold anything at
 * each read. */
#include <__fc_builtin.h>

#include <asm/errno.h>

#include "base/memory.h"
#include "hypervisor/enclave.c"
#include "hypervisor/enclave_call.h"
#include "hypervisor/flush.h"
#include "hypervisor/frames.h"
#include "hypervisor/hypercall.h"
#include "hypervisor/key.h"
#include "hypervisor/lock.h"
#include "hypervisor/memory.h"
#include "hypervisor/nested.h"
#include "hypervisor/signature.h"
#include "hypervisor/stop.h"
#include "hypervisor/thread.h"
#include "hypervisor/x86/amd/cpu.h"
#include "hypervisor/x86/amd/iommu.h"

#define ANY(object) Frama_C_make_unknown((char *)&(object), sizeof(object))
#define ANY_U64(from, to) Frama_C_unsigned_long_interval(from, to)
#define ANY_U32(from, to) Frama_C_unsigned_int_interval(from, to)
#define ANY_BOOL() Frama_C_interval(0, 1)

#define CPU_COUNT 2

/* Frames whose numbers are known here; others are Linux's or an enclave's. */
enum { MAPS = 64, DEVICE_TABLE = 128, OTHERS = 640 };

struct lock hypervisor_lock;

static struct cpu cpus[CPU_COUNT];

/* ---- frames.c ---- */

#define LINUX (1UL << 31)

/* Of an enclave, or free. */
static uint32_t any_frame(void)
{
	return ANY_U32(OTHERS, LINUX - 1);
}

static bool is_linux(uint64_t frame)
{
	return frame >= LINUX && frame < FRAME_NONE && ANY_BOOL();
}

uint64_t any_word(void)
{
	return ANY_U64(0, UINT64_MAX);
}

uint64_t frames_count(void)
{
	return FRAME_NONE;
}

bool frames_is_memory(uint64_t frame)
{
	return is_linux(frame);
}

bool frames_is_only(uint64_t frame)
{
	return is_linux(frame);
}

bool frames_is_linux(uint64_t frame)
{
	return frame >= FRAME_NONE || ANY_BOOL();
}

int frame_donate(uint64_t frame)
{
	return is_linux(frame) ? 0 : -EINVAL;
}

int frame_share(uint64_t frame, uint16_t enclave, uint32_t page)
{
	(void)enclave;
	(void)page;
	return is_linux(frame) ? 0 : -EFAULT;
}

struct frame_counts frames_counts(void)
{
	struct frame_counts counts;

	ANY(counts);
	return counts;
}

int frames_hide(uint64_t first, uint64_t count)
{
	(void)first;
	(void)count;
	return ANY_BOOL() ? 0 : -ENOSPC;
}

/*@ requires frame < FRAME_NONE; */
struct frame frame_owner(uint32_t frame)
{
	struct frame owner;

	(void)frame;
	ANY(owner);
	return owner;
}

void frames_settle(void)
{
}

/*@ requires owner.kind == FRAME_HYPERVISOR || owner.kind == FRAME_ENCLAVE; */
int frame_take(struct frame owner, uint32_t *ret_frame)
{
	if (ANY_BOOL())
		return -ENOMEM;
	*ret_frame = any_frame();
	return 0;
}

/*@ requires frame < FRAME_NONE; */
void frame_release(uint32_t frame)
{
	(void)frame;
}

int frame_return(uint32_t *ret_frame)
{
	if (ANY_BOOL())
		return -ENOMEM;
	*ret_frame = any_frame();
	return 0;
}

/*@ requires frame < FRAME_NONE; */
void frame_set_access(uint32_t frame, uint8_t access)
{
	(void)frame;
	(void)access;
}

/*@ requires frame < FRAME_NONE; */
void frame_unshare(uint32_t frame)
{
	(void)frame;
}

uint32_t frames_next_of(uint16_t enclave, uint32_t from)
{
	(void)enclave;
	return ANY_U32(from, FRAME_NONE);
}

/* ---- table.c ---- */

/* Any of an enclave's pages. */
static uint64_t mapped;

int table_init(struct table *table, uint32_t levels, uint16_t enclave)
{
	*table = (struct table){ANY_U32(OTHERS, FRAME_NONE - 1), (uint16_t)levels, enclave};
	return ANY_BOOL() ? 0 : -ENOMEM;
}

/*@ requires physical < 1UL << 52 && physical % PAGE_SIZE == 0;
  @ requires flags % 0x1000 + flags / 0x10000000000000 * 0x10000000000000 == flags; */
int table_map(struct table *table, uint64_t address, uint64_t physical, uint64_t flags)
{
	(void)address;
	(void)flags;
	if (ANY_BOOL())
		return -ENOMEM;
	if (table->enclave)
		mapped = physical;
	return 0;
}

/*@ requires flags % 0x1000 + flags / 0x10000000000000 * 0x10000000000000 == flags; */
void table_change(struct table *table, uint64_t address, uint64_t flags)
{
	(void)table;
	(void)address;
	(void)flags;
}

void table_unmap(struct table *table, uint64_t address)
{
	(void)table;
	(void)address;
}

uint64_t table_look_up(const struct table *table, uint64_t address)
{
	(void)table;
	(void)address;
	return ANY_BOOL() ? mapped + ANY_U64(0, PAGE_SIZE - 1) : 0;
}

void table_done(struct table *table)
{
	(void)table;
}

/* ---- What else is proved, or followed from elsewhere (eva.c, eva_exits.c) ---- */

/*@ requires \valid(sha);
  @ assigns *sha \from \nothing;
  @ ensures \initialized(sha); */
void sha256_start(struct sha256 *sha);
/*@ requires \valid(sha) && \valid_read((const char *)data + (0 .. size - 1));
  @ requires \initialized((const char *)data + (0 .. size - 1));
  @ assigns *sha \from *sha; */
void sha256_update(struct sha256 *sha, const void *data, size_t size);
/*@ requires \valid(sha) && \valid(ret_hash + (0 .. SHA256_SIZE - 1));
  @ assigns *sha, ret_hash[0 .. SHA256_SIZE - 1] \from *sha;
  @ ensures \initialized(ret_hash + (0 .. SHA256_SIZE - 1)); */
void sha256_finish(struct sha256 *sha, uint8_t ret_hash[SHA256_SIZE]);
/*@ requires \valid_read((const char *)data + (0 .. size - 1));
  @ requires \valid(ret_hash + (0 .. SHA256_SIZE - 1));
  @ assigns ret_hash[0 .. SHA256_SIZE - 1] \from ((const char *)data)[0 .. size - 1];
  @ ensures \initialized(ret_hash + (0 .. SHA256_SIZE - 1)); */
void sha256(const void *data, size_t size, uint8_t ret_hash[SHA256_SIZE]);

/*@ requires \valid_read(sigstruct) && \initialized(sigstruct);
  @ assigns \result \from *sigstruct;
  @ ensures \result == 0 || \result == -EKEYREJECTED; */
int signature_verify(const struct sgx_sigstruct *sigstruct);

bool key_is_given(void)
{
	return ANY_BOOL();
}

/*@ requires \valid_read(enclave) && \valid_read(request) && \initialized(request);
  @ requires \valid(ret_key + (0 .. KEY_SIZE - 1)); */
int key_derive(const struct enclave *enclave, const struct enclave_key_request *request,
	uint8_t ret_key[KEY_SIZE])
{
	(void)enclave;
	(void)request;
	if (ANY_BOOL())
		return ANY_BOOL() ? -EINVAL : -EPERM;
	Frama_C_make_unknown((char *)ret_key, KEY_SIZE);
	return 0;
}

/*@ requires \valid_read(target + (0 .. 31));
  @ requires \valid_read((const char *)message + (0 .. size - 1));
  @ requires \initialized((const char *)message + (0 .. size - 1));
  @ requires \valid(ret_mac + (0 .. KEY_SIZE - 1)); */
void key_authenticate(
	const uint8_t target[32], const void *message, size_t size, uint8_t ret_mac[KEY_SIZE])
{
	(void)target;
	(void)message;
	(void)size;
	Frama_C_make_unknown((char *)ret_mac, KEY_SIZE);
}

void stop_wipe(void)
{
}

/* Another processor may have begun at any time. */
bool stop_is_wiped(void)
{
	return ANY_BOOL();
}

void stop(enum stop_reason reason)
{
	(void)reason;
	for (;;)
		;
}

void cpu_leave(struct cpu *cpu)
{
	(void)cpu;
	for (;;)
		;
}

uint32_t cpu_count(void)
{
	return CPU_COUNT;
}

/*@ requires number < CPU_COUNT; */
struct cpu *cpu_at(uint32_t number)
{
	return &cpus[number];
}

/* ---- thread.c ---- */

int thread_check_xfrm(uint64_t xfrm)
{
	(void)xfrm;
	return ANY_BOOL() ? 0 : ANY_BOOL() ? -EINVAL : -ENODEV;
}

uint32_t thread_table_levels(void)
{
	return ANY_BOOL() ? 4 : 5;
}

/*@ requires \valid(enclave) && \valid_read(tcs) && \initialized(tcs) && \valid(ret_frame); */
int thread_create(struct enclave *enclave, const struct hypervisor_tcs *tcs, uint32_t *ret_frame)
{
	(void)enclave;
	(void)tcs;
	if (ANY_BOOL())
		return ANY_BOOL() ? -EINVAL : -ENOMEM;
	*ret_frame = any_frame();
	return 0;
}

/*@ requires \valid_read((const char *)thread + (0 .. PAGE_SIZE - 1)); */
bool thread_is_busy(const struct thread *thread)
{
	(void)thread;
	return ANY_BOOL();
}

/*@ requires frame < FRAME_NONE; */
void thread_destroy(uint32_t frame)
{
	(void)frame;
}

int64_t thread_enter(struct cpu *cpu, uint64_t enclave, uint64_t offset)
{
	(void)cpu;
	(void)enclave_find(enclave);
	(void)offset;
	return ANY_BOOL() ? 0 : -EBUSY;
}

/* ---- From the start on ---- */

static void init_iommus(struct hypervisor_boot *boot)
{
	boot->iommu_count = HYPERVISOR_IOMMU_COUNT_MAX;
	for (size_t i = 0; i < HYPERVISOR_IOMMU_COUNT_MAX; i++)
		boot->iommus[i].frame = ANY_U64(OTHERS, FRAME_NONE - HYPERVISOR_IOMMU_FRAMES);
	boot->device_table = DEVICE_TABLE;
	if (iommu_init(boot, MAPS) < 0)
		stop(STOP_EXIT);
}

static void call(struct cpu *cpu)
{
	hypervisor_lock = (struct lock){0};
	ANY(*cpu);
	cpu->thread = NULL;
	cpu->way_back.enclave = NULL;
	cpu->is_demoted = ANY_BOOL();
	hypercall(cpu);
}

/* What a thread asks for, and what its exits look up. */
static void call_from_enclave(struct enclave *enclave)
{
	struct enclave_cpuid answer;

	hypervisor_lock = (struct lock){0};
	if (ANY_BOOL())
		(void)enclave_call(enclave, any_word(), any_word(), any_word());
	else if (ANY_BOOL())
		(void)enclave_cpuid(enclave, any_word(), ANY_U32(0, UINT32_MAX),
			ANY_U32(0, UINT32_MAX), &answer);
	else if (ANY_BOOL())
		(void)page_may_come(enclave, any_word());
	else
		(void)enclave_find_thread(enclave, any_word());
}

static void step(void)
{
	struct enclave *enclave = enclave_find(1);

	if (ANY_BOOL())
		call(&cpus[0]);
	else if (ANY_BOOL() && enclave)
		call_from_enclave(enclave);
	else if (ANY_BOOL())
		(void)nested_fill(ANY_U64(0, (1UL << 52) - 1));
	else if (ANY_BOOL())
		(void)flush_notice(&cpus[1]);
	else
		iommu_stop(); /* another processor has left */
}

int main(void)
{
	static struct hypervisor_boot boot;

	ANY(boot);
	init_iommus(&boot);
	if (nested_init(thread_table_levels()) < 0)
		return 0;
	while (ANY_BOOL()) {
		/* Taken to be so before a call, and found to be so after it. */
		if (enclaves[0].thread_count > HYPERVISOR_THREAD_COUNT_MAX)
			return 0;
		step();
		/*@ assert enclaves[0].thread_count <= HYPERVISOR_THREAD_COUNT_MAX; */
	}
	return 0;
}
