/* A sleeping mutual-exclusion lock in the LibOS region. 0-initialised = unlocked.
 * Lock order (outer first), for the whole LibOS:
 *
 *	process table
 *	  mm
 *	    fd table
 *	      rename (whole file system)
 *	        directory inode -> other inode
 *	          file position, pipe, eventfd, epoll, socket
 *	            signal state of a process
 *	              wait queue
 *	                heap, log
 */
#ifndef LIBOS_CORE_LOCK_H
#define LIBOS_CORE_LOCK_H

#include "base/compiler.h"

struct lock {
	uint32_t state; /* 0 free, 1 held, 2 held and somebody sleeps */
};

void lock_acquire_slow(struct lock *lock);
void lock_release_slow(struct lock *lock);

static inline bool lock_try(struct lock *lock)
{
	uint32_t free = 0;

	return __atomic_compare_exchange_n(
		&lock->state, &free, 1, false, __ATOMIC_ACQUIRE, __ATOMIC_RELAXED);
}

static inline void lock_acquire(struct lock *lock)
{
	if (UNLIKELY(!lock_try(lock)))
		lock_acquire_slow(lock);
}

static inline void lock_release(struct lock *lock)
{
	/* Release: what the holder wrote is seen by the next holder's acquire. */
	if (UNLIKELY(__atomic_exchange_n(&lock->state, 0, __ATOMIC_RELEASE) == 2))
		lock_release_slow(lock);
}

static inline void lock_releasep(struct lock **lock)
{
	if (*lock)
		lock_release(*lock);
}

/* Hold @ptr until the end of the enclosing block. */
#define LOCK_SCOPE_NAME2(line) lock_scope_##line
#define LOCK_SCOPE_NAME(line) LOCK_SCOPE_NAME2(line)
#define LOCK_SCOPE(ptr)                                                                            \
	CLEANUP(lock_releasep)                                                                     \
	struct lock *LOCK_SCOPE_NAME(__LINE__) UNUSED = (lock_acquire(ptr), (ptr))

#endif
