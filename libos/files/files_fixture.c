#include "libos/files/files_fixture.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/attestation.h"
#include "libos/files/dnotify.h"
#include "libos/files/lease.h"
#include "libos/files/locks.h"
#include "libos/files/mount_types.h"
#include "libos/files/pipe.h"
#include "libos/files/proc.h"
#include "libos/files/sysfs.h"
#include "libos/ipc/posix_queue.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "libos/loader/text.h"
#include "libos/memory/mm.h"
#include "platform/platform.h"

#define RLIMIT_NOFILE 7
#define MALLOC_MAX (16UL << 20)

struct process fixture_process;
struct thread fixture_thread;
struct thread *thread_current_hosted;
int fixture_last_signal;

void fixture_init(struct erofs *image)
{
	fixture_process.reference_count = 1;
	fixture_process.thread_count = 1;
	for (int i = 0; i < RLIMIT_COUNT; i++)
		fixture_process.limits[i] = (struct rlimit_pair){UINT64_MAX, UINT64_MAX};
	fixture_process.limits[RLIMIT_NOFILE] = (struct rlimit_pair){1024, 4096};
	fixture_thread.process = &fixture_process;
	fixture_thread.tid = fixture_process.pid = 1;
	thread_current_hosted = &fixture_thread;
	fixture_become(0);
	if (files_init(image))
		abort();
	fixture_process.files = fd_table_new();
	fixture_process.fs = fs_context_new();
	CALL(umask, 022);
}

void fixture_become(uint32_t uid)
{
	struct credentials *c = &thread_current()->credentials;

	c->uid = c->euid = c->suid = c->fsuid = uid;
	c->gid = c->egid = c->sgid = c->fsgid = uid;
	c->effective = c->permitted = uid ? 0 : CAPABILITIES_ALL;
}

bool credentials_can(const struct credentials *credentials, unsigned int capability)
{
	return credentials->effective >> capability & 1;
}

bool credentials_in_group(const struct credentials *credentials, uint32_t gid)
{
	for (uint32_t i = 0; i < credentials->group_count; i++)
		if (credentials->groups[i] == gid)
			return true;
	return credentials->fsgid == gid;
}

/* ---- Memory ---- */

static void *zeroed(size_t size, size_t alignment)
{
	void *memory = aligned_alloc(alignment, ALIGN_UP(size, alignment));

	return memory ? memset(memory, 0, size) : NULL;
}

void *heap_alloc(size_t size)
{
	return zeroed(size, 16);
}

void *heap_alloc_uncleared(size_t size)
{
	return malloc(size);
}

void heap_free(void *object)
{
	free(object);
}

uint64_t heap_used(void)
{
	return 0;
}

bool heap_has_room(void)
{
	return true;
}

void *pool_alloc(size_t size)
{
	void *memory;

	if (size <= MALLOC_MAX)
		return zeroed(size, PAGE_SIZE);
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
		MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	return memory == MAP_FAILED ? NULL : memory;
}

void pool_free(void *run, size_t size)
{
	if (size <= MALLOC_MAX)
		free(run);
	else
		munmap(run, size);
}

void pool_discard(void *start, size_t size)
{
	platform_memory_discard(start, size);
}

/* ---- Other parts of the LibOS ---- */

int mm_fault(struct mm *mm, uint64_t addr, uint32_t access, int *ret_signo, int *ret_code)
{
	(void)mm;
	(void)addr;
	(void)access;
	*ret_signo = 11;
	*ret_code = 1;
	return -EFAULT;
}

int signal_send_thread(struct thread *thread, int signo, const struct signal_info *info)
{
	(void)thread;
	(void)info;
	fixture_last_signal = signo;
	return 0;
}

void patched_text_unref(struct patched_text *text)
{
	free(text);
}

int fifo_open(struct inode *inode, struct file *file)
{
	(void)inode;
	(void)file;
	return -ENXIO;
}

void fifo_free(struct fifo *fifo)
{
	(void)fifo;
}

long pipe_size(struct file *file)
{
	(void)file;
	return -EBADF;
}

long pipe_set_size(struct file *file, uint64_t size)
{
	(void)file;
	(void)size;
	return -EBADF;
}

long locks_fcntl(struct file *file, uint32_t command, uint64_t address)
{
	(void)file;
	(void)command;
	(void)address;
	return -EINVAL;
}

void locks_close(struct file *file)
{
	(void)file;
}

void locks_release(struct file *file)
{
	(void)file;
}

uint32_t lease_count;

long lease_set(struct file *file, int fd, uint64_t type)
{
	(void)file, (void)fd, (void)type;
	return -EINVAL;
}

long lease_get(struct file *file)
{
	(void)file;
	return -EINVAL;
}

void lease_release(struct file *file)
{
	(void)file;
}

int lease_break_slow(struct inode *inode, bool wants_write, bool may_wait)
{
	(void)inode, (void)wants_write, (void)may_wait;
	return 0;
}

void async_own(struct file *file, int32_t pid, bool is_thread)
{
	(void)file;
	(void)pid;
	(void)is_thread;
}

long dnotify_set(struct file *file, int fd, uint32_t events)
{
	(void)file, (void)fd, (void)events;
	return -EINVAL;
}

void dnotify_close(struct file *file)
{
	(void)file;
}

void dnotify_release(struct file *file)
{
	(void)file;
}

void epoll_file_gone(struct file *file)
{
	(void)file;
}

/* What computes its files needs processes: it has tests of its own. */
struct lock process_table_lock;

int attestation_mount(void)
{
	return 0;
}

int proc_mount(void)
{
	return 0;
}

int sysfs_mount(void)
{
	return 0;
}

void mm_file_shrunk(struct inode *inode)
{
	(void)inode;
}

/* Message queues are tested inside. */
uint64_t mount_tmpfs_pages(void)
{
	return UINT64_MAX;
}

int posix_queues_mount(void)
{
	return 0;
}

/* Signals are tested inside. */
bool async_owner_exists(int32_t pid)
{
	return pid;
}

int async_start(struct file *file, int fd)
{
	(void)file;
	(void)fd;
	return 0;
}

void async_stop(struct file *file)
{
	(void)file;
}

/* Nobody waits. */
void wait_wake(struct wait_queue *queue, uint32_t events)
{
	(void)queue;
	(void)events;
}
