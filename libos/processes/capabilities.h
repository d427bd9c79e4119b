/* capabilities(7): the rules by which a thread's sets change. */
#ifndef LIBOS_PROCESSES_CAPABILITIES_H
#define LIBOS_PROCESSES_CAPABILITIES_H

#include "libos/syscalls/syscall.h"

struct credentials;

/* The prctl(2) options about capabilities and securebits; -EINVAL: none of them. */
long capability_option(struct thread *thread, const struct syscall_args *args);
/* User ids have changed from @old's to @next's: adjust the sets. */
void capabilities_follow_uids(const struct credentials *old, struct credentials *next);
void capabilities_follow_fsuid(uint32_t old_fsuid, struct credentials *next);

#endif
