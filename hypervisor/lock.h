/* One lock guards owners, tables and enclaves. It is taken on entry to a hypercall or a nested
 * fault and given back before Linux or an enclave goes on; nothing else is ever waited for while it
 * is held. */
#ifndef HYPERVISOR_LOCK_H
#define HYPERVISOR_LOCK_H

#include "base/compiler.h"

struct lock {
	uint32_t next, serving; /* a ticket lock: who came first is served first */
};

extern struct lock hypervisor_lock;

static inline void lock_take(struct lock *lock)
{
	uint32_t ticket = __atomic_fetch_add(&lock->next, 1, __ATOMIC_RELAXED);

	while (__atomic_load_n(&lock->serving, __ATOMIC_ACQUIRE) != ticket)
		__builtin_ia32_pause();
}

static inline void lock_drop(struct lock *lock)
{
	__atomic_store_n(&lock->serving, lock->serving + 1, __ATOMIC_RELEASE);
}

#endif
