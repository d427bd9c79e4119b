/* Beside eva.h, for eva_calls.c: one enclave of so many. And what a question about a frame says of
 * its number, where it is asked: Eva knows no more of an address when it comes back from a function
 * that was told the frame of it. */
#ifndef HYPERVISOR_PROOFS_EVA_CALLS_H
#define HYPERVISOR_PROOFS_EVA_CALLS_H

#include "abi/hypervisor.h"
#include "base/memory.h"
#include "hypervisor/frames.h"
#include "hypervisor/x86/x86.h"

#undef HYPERVISOR_ENCLAVE_COUNT_MAX
#define HYPERVISOR_ENCLAVE_COUNT_MAX 1

uint64_t any_word(void);

/* Without the assembly that keeps compilers from dropping it. */
#define memory_wipe(secret, size) ((void)memset(secret, 0, size))

#endif
