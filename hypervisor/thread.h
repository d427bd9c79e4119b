/* A thread of an enclave: what a TCS becomes. Whatever runs it, it is alone in it (busy), its
 * registers and vector state are nobody else's, and whoever entered it gets his own back on every
 * way out.
 *
 * Three frames: this struct, the control block, the vector state. */
#ifndef HYPERVISOR_THREAD_H
#define HYPERVISOR_THREAD_H

#include "abi/hypervisor.h"
#include "base/compiler.h"

struct cpu;
struct enclave;
struct thread;

/* Can an enclave have this XFRM here? -EINVAL, or -ENODEV: the processor runs without XSAVE. */
MUST_CHECK int thread_check_xfrm(uint64_t xfrm);
uint32_t thread_table_levels(void);

/* -EINVAL: the TCS; -ENOMEM. */
MUST_CHECK int thread_create(
	struct enclave *enclave, const struct hypervisor_tcs *tcs, uint32_t *ret_frame);
bool thread_is_busy(const struct thread *thread);
/* Not busy. Its frames are wiped. */
void thread_destroy(uint32_t frame);

/* HC_ENCLAVE_ENTER, under hypervisor_lock: from success on, the thread is what @cpu runs next. */
MUST_CHECK int64_t thread_enter(struct cpu *cpu, uint64_t enclave, uint64_t offset);
/* The thread that @cpu ran had an exit. */
void thread_handle_exit(struct cpu *cpu);

#endif
