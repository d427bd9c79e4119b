/* What Frama-C does not know of the compiler's: here one processor is looked
 * at, so an atomic access is an access. */
#ifndef HYPERVISOR_PROOFS_EVA_H
#define HYPERVISOR_PROOFS_EVA_H

#define __atomic_load_n(from, order) (*(from))
#define __atomic_store_n(to, value, order) ((void)(*(to) = (value)))
#define __atomic_fetch_add(to, value, order) ((*(to) += (value)) - (value))
#define __atomic_thread_fence(order) ((void)0)
#define __builtin_ia32_pause() ((void)0)

#endif
