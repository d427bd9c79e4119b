/* An enclave's pages, which come and go while it runs only if it agrees (SPEC.md, "Pages while it
 * runs"). What each page allows stands in the owner array (frames.h); the enclave's table is
 *derived from that, here alone. All under hypervisor_lock.
 *
 *	none -- AUGMENT --> PENDING -- ACCEPT --> (an ordinary page)
 *	  ^                    |                          | TRIM
 *	  +----- REMOVE -------+      TRIMMED <-----------+
 *	  +----- REMOVE ----- GIVEN <---+ ACCEPT
 */
#ifndef HYPERVISOR_PAGE_H
#define HYPERVISOR_PAGE_H

#include "base/compiler.h"

struct enclave;

/* A zeroed frame at @offset, where there is none, with @access (frames.h). -ENOMEM. */
MUST_CHECK int page_new(
	struct enclave *enclave, uint64_t offset, uint8_t access, uint32_t *ret_frame);
/* May a page allow this? Readable, and not written and executed. */
bool page_access_is_valid(uint64_t access);
/* What a page with @access (frames.h) has in the enclave's table (table.h). */
uint64_t page_flags(uint8_t access);
/* Is there a page at @offset that waits for EC_ACCEPT? */
bool page_is_pending(const struct enclave *enclave, uint64_t offset);
/* A thread did not find the page at @offset: can it be there one day? Not one that was taken from
 * the enclave, nor where a TCS or nothing of the enclave's is. */
bool page_may_come(const struct enclave *enclave, uint64_t offset);

/* HC_ENCLAVE_AUGMENT, TRIM and REMOVE. */
int64_t page_augment(uint64_t number, uint64_t offset);
int64_t page_trim(uint64_t number, uint64_t offset);
int64_t page_remove(uint64_t number, uint64_t offset);

/* EC_ACCEPT and EC_PROTECT. */
int64_t page_accept(struct enclave *enclave, uint64_t offset, uint64_t what);
int64_t page_protect(struct enclave *enclave, uint64_t offset, uint64_t access);

#endif
