#include "hypervisor/enclave.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "hypervisor/defence.h"
#include "hypervisor/flush.h"
#include "hypervisor/frames.h"
#include "hypervisor/linux_memory.h"
#include "hypervisor/memory.h"
#include "hypervisor/page.h"
#include "hypervisor/signature.h"
#include "hypervisor/thread.h"

#define ENCLAVE_SIZE_MIN (2 * PAGE_SIZE)

static struct enclave enclaves[HYPERVISOR_ENCLAVE_COUNT_MAX];

uint32_t enclave_count(void)
{
	uint32_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(enclaves); i++)
		n += enclaves[i].state != ENCLAVE_NONE;
	return n;
}

struct enclave *enclave_find(uint64_t number)
{
	if (!number || number > ARRAY_SIZE(enclaves) || enclaves[number - 1].state == ENCLAVE_NONE)
		return NULL;
	return &enclaves[number - 1];
}

/* ---- Create ---- */

static int check_secs(const struct sgx_secs *secs)
{
	if (secs->size < ENCLAVE_SIZE_MIN || secs->size > HYPERVISOR_ENCLAVE_SIZE_MAX ||
		(secs->size & (secs->size - 1)))
		return -EINVAL;
	/* Whatever the base is, no address of the enclave may wrap. */
	if (!IS_ALIGNED(secs->base, PAGE_SIZE) || secs->base > UINT64_MAX - secs->size)
		return -EINVAL;
	if (secs->attributes.flags & ~(SGX_ATTRIBUTE_MODE64BIT | SGX_ATTRIBUTE_DEBUG) ||
		!(secs->attributes.flags & SGX_ATTRIBUTE_MODE64BIT) || secs->misc_select)
		return -EINVAL;
	return thread_check_xfrm(secs->attributes.xfrm);
}

static void measure_create(struct enclave *enclave, const struct sgx_secs *secs)
{
	struct sgx_measure_ecreate record = {
		.tag = "ECREATE", .ssa_frame_size = secs->ssa_frame_size, .size = secs->size};

	sha256_start(&enclave->measure);
	sha256_update(&enclave->measure, &record, sizeof(record));
}

static struct enclave *find_unused(void)
{
	for (uint16_t i = 0; i < ARRAY_SIZE(enclaves); i++) {
		if (enclaves[i].state == ENCLAVE_NONE) {
			memset(&enclaves[i], 0, sizeof(enclaves[i]));
			enclaves[i].number = (uint16_t)(i + 1);
			return &enclaves[i];
		}
	}
	return NULL;
}

int64_t enclave_create(uint64_t address)
{
	struct sgx_secs secs;
	struct enclave *enclave = find_unused();
	int r = linux_memory_read(address, &secs, sizeof(secs));

	if (r == 0)
		r = check_secs(&secs);
	if (r < 0)
		return r;
	if (!enclave)
		return -ENOSPC;
	enclave->size = secs.size;
	enclave->base = secs.base;
	enclave->attributes = secs.attributes;
	r = table_init(&enclave->table, thread_table_levels(), enclave->number);
	if (r < 0)
		return r;
	measure_create(enclave, &secs);
	enclave->state = ENCLAVE_BUILDING;
	return enclave->number;
}

/* ---- Add ---- */

static void measure_page(
	struct enclave *enclave, const struct hc_enclave_add *add, const uint8_t *page)
{
	struct sgx_measure_eadd record = {
		.tag = "EADD", .offset = add->offset, .secinfo_flags = add->secinfo_flags};

	sha256_update(&enclave->measure, &record, sizeof(record));
	for (unsigned int i = 0; i < SGX_PAGE_SIZE; i += SGX_EEXTEND_SIZE) {
		struct sgx_measure_eextend extend = {.tag = "EEXTEND", .offset = add->offset + i};

		sha256_update(&enclave->measure, &extend, sizeof(extend));
		sha256_update(&enclave->measure, page + i, SGX_EEXTEND_SIZE);
	}
}

static int check_add(
	const struct enclave *enclave, const struct hc_enclave_add *add, uint64_t source)
{
	uint64_t access = add->secinfo_flags & 7, type = add->secinfo_flags & ~7UL;

	if (!enclave || enclave->state != ENCLAVE_BUILDING)
		return -EINVAL;
	if (!IS_ALIGNED(add->offset, PAGE_SIZE) || add->offset >= enclave->size)
		return -EINVAL;
	if (DEFENCE(!IS_ALIGNED(add->source, PAGE_SIZE) || !frames_is_memory(source)))
		return -EFAULT;
	if (type == SGX_SECINFO_TCS && !access)
		return 0;
	return type == SGX_SECINFO_REG && page_access_is_valid(access) ? 0 : -EINVAL;
}

static int add_page(struct enclave *enclave, const struct hc_enclave_add *add, uint64_t source)
{
	uint32_t frame;
	int r = page_new(enclave, add->offset, add->secinfo_flags & 7, &frame);

	if (r < 0)
		return r;
	/* Linux may write to its page meanwhile: what is measured is our copy. */
	memcpy(memory_at(frame), memory_at(source), PAGE_SIZE);
	measure_page(enclave, add, memory_at(frame));
	return 0;
}

static int add_tcs(struct enclave *enclave, const struct hc_enclave_add *add, uint64_t source)
{
	struct hypervisor_tcs tcs;
	struct enclave_thread *slot;
	int r;

	if (enclave->thread_count >= HYPERVISOR_THREAD_COUNT_MAX)
		return -ENOSPC;
	slot = &enclave->threads[enclave->thread_count];
	memcpy(&tcs, memory_at(source), sizeof(tcs));
	r = thread_create(enclave, &tcs, &slot->frame);
	if (r < 0)
		return r;
	slot->page = (uint32_t)(add->offset >> PAGE_SHIFT);
	enclave->thread_count++;
	measure_page(enclave, add, (const uint8_t *)&tcs);
	return 0;
}

int64_t enclave_add(uint64_t address)
{
	struct hc_enclave_add add;
	struct enclave *enclave;
	uint64_t source; /* frame */
	int r = linux_memory_read(address, &add, sizeof(add));

	if (r < 0)
		return r;
	enclave = enclave_find(add.enclave);
	source = add.source >> PAGE_SHIFT;
	r = check_add(enclave, &add, source);
	if (r < 0)
		return r;
	if (enclave_has_page(enclave, add.offset))
		return -EEXIST;
	return (add.secinfo_flags & ~7UL) == SGX_SECINFO_TCS ? add_tcs(enclave, &add, source)
							     : add_page(enclave, &add, source);
}

/* ---- Init ---- */

/* Does the signature speak of this enclave? */
static int check_claims(const struct enclave *enclave, const struct sgx_sigstruct_body *body)
{
	struct sgx_attributes mask = body->attributes_mask, wanted = body->attributes;

	if (memcmp(body->enclave_hash, enclave->mrenclave, sizeof(enclave->mrenclave)) != 0)
		return -EKEYREJECTED;
	if ((enclave->attributes.flags ^ wanted.flags) & mask.flags & ~SGX_ATTRIBUTE_INIT)
		return -EKEYREJECTED;
	if ((enclave->attributes.xfrm ^ wanted.xfrm) & mask.xfrm)
		return -EKEYREJECTED;
	return body->misc_select & body->misc_mask ? -EKEYREJECTED : 0;
}

int64_t enclave_init(uint64_t number, uint64_t address)
{
	struct enclave *enclave = enclave_find(number);
	struct sgx_sigstruct sigstruct;
	struct sha256 measure;
	int r = linux_memory_read(address, &sigstruct, sizeof(sigstruct));

	if (r < 0)
		return r;
	if (!enclave || enclave->state != ENCLAVE_BUILDING)
		return -EINVAL;
	measure = enclave->measure; /* it may be tried again */
	sha256_finish(&measure, enclave->mrenclave);
	r = signature_verify(&sigstruct);
	if (r == 0)
		r = check_claims(enclave, &sigstruct.body);
	if (DEFENCE(r < 0))
		return r;
	sha256(sigstruct.modulus, sizeof(sigstruct.modulus), enclave->mrsigner);
	enclave->prod_id = sigstruct.body.isv_prod_id;
	enclave->svn = sigstruct.body.isv_svn;
	enclave->attributes.flags |= SGX_ATTRIBUTE_INIT;
	enclave->state = ENCLAVE_READY;
	return 0;
}

/* ---- Destroy ---- */

int64_t enclave_destroy(uint64_t number)
{
	struct enclave *enclave = enclave_find(number);

	if (!enclave)
		return -ENOENT;
	for (uint32_t i = 0; i < enclave->thread_count; i++)
		if (thread_is_busy(memory_at(enclave->threads[i].frame)))
			return -EBUSY;
	for (uint32_t i = 0; i < enclave->thread_count; i++)
		thread_destroy(enclave->threads[i].frame);
	/* First what maps them: no table names a frame that is not its enclave's. */
	table_done(&enclave->table);
	for (uint32_t f = 0; (f = frames_next_of(enclave->number, f)) != FRAME_NONE; f++) {
		if (frame_owner(f).kind == FRAME_WINDOW)
			frame_unshare(f);
		else
			frame_release(f);
	}
	memory_wipe(enclave, sizeof(*enclave));
	flush_request(); /* its number, and so its ASID, will be another's */
	return 0;
}

/* ---- Inside ---- */

struct thread *enclave_find_thread(const struct enclave *enclave, uint64_t offset)
{
	for (uint32_t i = 0; i < enclave->thread_count; i++)
		if ((uint64_t)enclave->threads[i].page << PAGE_SHIFT == offset)
			return memory_at(enclave->threads[i].frame);
	return NULL;
}

bool enclave_has_page(const struct enclave *enclave, uint64_t offset)
{
	return table_look_up(&enclave->table, offset) || enclave_find_thread(enclave, offset);
}

const void *enclave_page(const struct enclave *enclave, uint64_t offset)
{
	uint64_t entry = offset < enclave->size ? table_look_up(&enclave->table, offset) : 0;

	return entry & TABLE_PRESENT ? memory_at((entry & TABLE_FRAME_MASK) >> PAGE_SHIFT) : NULL;
}

void *enclave_memory(const struct enclave *enclave, uint64_t offset, uint64_t size)
{
	uint64_t entry, within = offset % PAGE_SIZE;

	if (offset >= enclave->size || within > PAGE_SIZE - size)
		return NULL;
	entry = table_look_up(&enclave->table, offset);
	if (!(entry & TABLE_WRITE))
		return NULL;
	return (uint8_t *)memory_at((entry & TABLE_FRAME_MASK) >> PAGE_SHIFT) + within;
}
