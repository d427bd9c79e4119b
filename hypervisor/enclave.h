/* Enclaves, from the first page to the last (SPEC.md, "Enclaves"). An enclave's memory is a nested
 * table of its own, whose addresses are offsets from its base. All here is done under
 * hypervisor_lock. */
#ifndef HYPERVISOR_ENCLAVE_H
#define HYPERVISOR_ENCLAVE_H

#include "abi/hypervisor.h"
#include "abi/sgx.h"
#include "crypto/sha256.h"
#include "hypervisor/table.h"

enum enclave_state {
	ENCLAVE_NONE,
	ENCLAVE_BUILDING, /* pages are added */
	ENCLAVE_READY,    /* measured, signed, entered */
};

struct thread;

struct enclave_thread {
	uint32_t page;  /* of its TCS */
	uint32_t frame; /* which holds struct thread */
};

struct enclave {
	enum enclave_state state;
	uint16_t number;
	uint64_t size, base;
	struct sgx_attributes attributes;
	struct sha256 measure; /* while BUILDING */
	uint8_t mrenclave[32], mrsigner[32];
	uint16_t prod_id, svn;
	struct table table;
	uint32_t thread_count;
	struct enclave_thread threads[HYPERVISOR_THREAD_COUNT_MAX];
};

/* The hypercalls of abi/hypervisor.h; addresses are Linux's and are checked. */
int64_t enclave_create(uint64_t secs);
int64_t enclave_add(uint64_t request);
int64_t enclave_init(uint64_t number, uint64_t sigstruct);
int64_t enclave_destroy(uint64_t number);

uint32_t enclave_count(void);
/* NULL: there is none of that number. */
struct enclave *enclave_find(uint64_t number);
struct thread *enclave_find_thread(const struct enclave *enclave, uint64_t offset);
/* Ordinary or a TCS. */
bool enclave_has_page(const struct enclave *enclave, uint64_t offset);

/* The page at @offset, which the enclave reaches now; NULL: there is none. */
const void *enclave_page(const struct enclave *enclave, uint64_t offset);
/* @size bytes of an enclave's own memory at @offset, within one page that it may write; NULL
 * otherwise. */
void *enclave_memory(const struct enclave *enclave, uint64_t offset, uint64_t size);

#endif
