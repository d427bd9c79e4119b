#include <asm/errno.h>
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/processes/pidfd.h"
#include "libos/processes/process.h"
#include "libos/time/vdso.h"
#include "libos/files/file.h"
#include "platform/platform.h"
int pidfd_install(struct process *process, uint32_t flags){(void)process;(void)flags;return -ENOSYS;}
struct process *pidfd_process(struct file *file){(void)file;return NULL;}
uint64_t vdso_map(struct mm *mm){(void)mm;return 0;}
