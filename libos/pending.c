#include <asm/errno.h>
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/processes/futex.h"
#include "libos/processes/pidfd.h"
#include "libos/processes/process.h"
#include "libos/processes/uname.h"
#include "libos/time/timers.h"
#include "libos/time/vdso.h"
#include "libos/files/file.h"
#include "platform/platform.h"
void futex_wake_address(struct thread *thread, uint64_t address){(void)thread;(void)address;}
void futex_exit_robust(struct thread *thread){(void)thread;}
int pidfd_install(struct process *process, uint32_t flags){(void)process;(void)flags;return -ENOSYS;}
struct process *pidfd_process(struct file *file){(void)file;return NULL;}
static char pending_name[65];
void uname_set_hostname(const char *name){string_copy(pending_name,name,65);}
const char *uname_hostname(void){return pending_name;}
void timers_exit(struct process *process){(void)process;}
void timers_exec(struct process *process){(void)process;}
int timers_init(void){return 0;}
uint64_t vdso_map(struct mm *mm){(void)mm;return 0;}
#include "libos/core/user.h"
#include "libos/syscalls/syscall.h"
#include "libos/time/timespec.h"
syscall_fn sys_arch_prctl, sys_getuid, sys_geteuid, sys_getgid, sys_getegid, sys_getrandom, sys_uname, sys_clock_gettime, sys_set_robust_list, sys_prlimit64,sys_nanosleep,sys_clock_nanosleep,sys_sched_getaffinity,sys_futex;
long sys_arch_prctl(struct thread *t, const struct syscall_args *a){(void)t; if(a->a==0x1002){platform_fs_base_set(a->b);return 0;} if(a->a==0x1003) return USER_PUT(a->b, platform_fs_base()); return -EINVAL;}
long sys_getuid(struct thread *t, const struct syscall_args *a){(void)a;return t->credentials.uid;}
long sys_geteuid(struct thread *t, const struct syscall_args *a){(void)a;return t->credentials.euid;}
long sys_getgid(struct thread *t, const struct syscall_args *a){(void)a;return t->credentials.gid;}
long sys_getegid(struct thread *t, const struct syscall_args *a){(void)a;return t->credentials.egid;}
long sys_getrandom(struct thread *t, const struct syscall_args *a){(void)t;uint8_t b[256];size_t n=MIN(a->b,256UL);platform_random(b,n);return user_write(a->a,b,n)?-EFAULT:(long)n;}
long sys_uname(struct thread *t, const struct syscall_args *a){(void)t;char u[6][65]={"Linux","casemate","6.1.0-casemate","#1","x86_64","(none)"};return user_write(a->a,u,sizeof(u));}
long sys_clock_gettime(struct thread *t, const struct syscall_args *a){(void)t;return timespec_write(a->b,a->a==0?platform_realtime_ns():platform_monotonic_ns());}
long sys_set_robust_list(struct thread *t, const struct syscall_args *a){t->robust_list=a->a;return 0;}
long sys_prlimit64(struct thread *t, const struct syscall_args *a){ if(a->b>=16)return -EINVAL; if(a->d&&USER_PUT(a->d,t->process->limits[a->b]))return -EFAULT; if(a->c&&USER_GET(&t->process->limits[a->b],a->c))return -EFAULT; return 0;}
long sys_nanosleep(struct thread *t, const struct syscall_args *a){(void)t;uint64_t d;int r=timespec_read_deadline(a->a,&d);if(r)return r;do r=wait_sleep(d);while(!r);return r==-ETIMEDOUT?0:r;}
long sys_clock_nanosleep(struct thread *t, const struct syscall_args *a){(void)t;uint64_t d;int r=timespec_read_deadline(a->c,&d);if(r)return r;do r=wait_sleep(d);while(!r);return r==-ETIMEDOUT?0:r;}
long sys_sched_getaffinity(struct thread *t, const struct syscall_args *a){(void)t;uint64_t m=3;return user_write(a->c,&m,8)?-EFAULT:8;}
