#include "libos/core/lock.h"

#include "platform/platform.h"

/* Holders keep a lock for less than a microsecond, mostly; sleeping and waking costs several. */
#define SPIN_COUNT 100

void lock_acquire_slow(struct lock *lock)
{
	for (int i = 0; i < SPIN_COUNT; i++) {
		if (__atomic_load_n(&lock->state, __ATOMIC_RELAXED) == 0 && lock_try(lock))
			return;
		__builtin_ia32_pause();
	}
	/* From here on the lock is marked 2: whoever releases it wakes one sleeper. */
	while (__atomic_exchange_n(&lock->state, 2, __ATOMIC_ACQUIRE) != 0)
		platform_wait(&lock->state, 2, UINT64_MAX);
}

void lock_release_slow(struct lock *lock)
{
	platform_wake(&lock->state, 1);
}
