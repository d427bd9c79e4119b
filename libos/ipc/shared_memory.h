/* System V shared memory: shmget(2), shmop(2), shmctl(2). */
#ifndef LIBOS_IPC_SHARED_MEMORY_H
#define LIBOS_IPC_SHARED_MEMORY_H

#include "libos/ipc/object.h"

#define SHM_COUNT_MAX 4096                      /* shmmni */
#define SHM_SIZE_MAX (UINT64_MAX - (1UL << 24)) /* shmmax, bytes; shmall, pages */

extern struct ipc_table shared_memory_table;

struct text;
struct computed_entry;
int shared_memory_show(const struct computed_entry *entry, struct text *text);

#endif
