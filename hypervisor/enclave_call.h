/* What an enclave asks of the hypervisor about itself, and agrees to (abi/hypervisor.h, EC_...). */
#ifndef HYPERVISOR_ENCLAVE_CALL_H
#define HYPERVISOR_ENCLAVE_CALL_H

#include "abi/hypervisor.h"
#include "base/compiler.h"

struct enclave;

/* Takes hypervisor_lock. Returns what goes to rax. */
int64_t enclave_call(struct enclave *enclave, uint64_t number, uint64_t a, uint64_t b);

/* What CPUID is by the table at offset @table. False: that page is not there. Takes
 * hypervisor_lock. */
bool enclave_cpuid(const struct enclave *enclave, uint64_t table, uint32_t leaf, uint32_t subleaf,
	struct enclave_cpuid *ret);

#endif
