#include "libos/files/waiting_doubles.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "libos/core/heap.h"
#include "libos/core/log.h"
#include "libos/files/descriptors.h"
#include "libos/files/open.h"
#include "libos/files/pipe.h"
#include "libos/files/poll.h"
#include "platform/platform.h"

#define FD_COUNT 64

struct process double_process, double_other_process;
struct thread double_thread, double_other_thread;
struct thread *thread_current_hosted;
struct process *process_init = &double_process;
struct lock process_table_lock;
struct list process_table = LIST_INIT(process_table);

void (*double_on_sleep)(void);
unsigned int double_sleeps, double_wakes;
bool double_signal_pending;
int double_last_signal;
uint64_t double_now_ns = 1000;
uint32_t double_host_ready;
const char *double_host_input = "";
char double_host_output[256];
unsigned int double_host_polls;
static struct file *descriptors[FD_COUNT];

static void thread_init(struct thread *thread, struct process *process, int32_t pid)
{
	memset(process, 0, sizeof(*process));
	memset(thread, 0, sizeof(*thread));
	process->pid = process->pgid = pid;
	process->reference_count = 1;
	wait_queue_init(&process->signals.arrivals);
	process->limits[7].soft = FD_COUNT; /* RLIMIT_NOFILE */
	thread->process = process;
	thread->tid = pid;
	list_add_tail(&process_table, &process->link);
}

void double_init(void)
{
	list_init(&process_table);
	thread_init(&double_thread, &double_process, 100);
	thread_init(&double_other_thread, &double_other_process, 200);
	double_become(&double_thread);
}

void double_become(struct thread *thread)
{
	thread_current_hosted = thread;
}

/* ---- Heap and log ---- */

static void *zeroed(size_t size, size_t alignment)
{
	void *memory = aligned_alloc(alignment, ALIGN_UP(size, alignment));

	return memory ? memset(memory, 0, size) : NULL;
}

void *heap_alloc(size_t size)
{
	return zeroed(size, 64);
}

void *heap_alloc_uncleared(size_t size)
{
	return malloc(size);
}

void heap_free(void *object)
{
	free(object);
}

bool heap_has_room(void)
{
	return true;
}

void *pool_alloc(size_t size)
{
	return zeroed(size, PAGE_SIZE);
}

void pool_free(void *run, size_t size)
{
	(void)size;
	free(run);
}

void bug(const char *file, int line, const char *what)
{
	printf("Bail out! %s:%d: %s\n", file, line, what);
	abort();
}

/* ---- Program memory: the test's own ---- */

int user_read(void *to, uint64_t from, size_t size)
{
	if (!from && size)
		return -EFAULT;
	memcpy(to, (void *)from, size);
	return 0;
}

int user_write(uint64_t to, const void *from, size_t size)
{
	if (!to && size)
		return -EFAULT;
	memcpy((void *)to, from, size);
	return 0;
}

void io_init_kernel(struct io *io, void *base, size_t size)
{
	*io = (struct io){.first = {(uintptr_t)base, size}, .left = size, .kernel = true};
}

static long io_step(struct io *io, void *memory, size_t size, bool put)
{
	size = MIN(size, io->left);
	if (!io->first.base)
		return -EFAULT;
	memcpy(put ? (void *)io->first.base : memory, put ? memory : (void *)io->first.base, size);
	io->first.base += size;
	io->left -= size;
	return (long)size;
}

long io_put(struct io *io, const void *from, size_t size)
{
	return io_step(io, (void *)(uintptr_t)from, size, true);
}

long io_take(struct io *io, void *to, size_t size)
{
	return io_step(io, to, size, false);
}

/* ---- Signals ---- */

bool signal_is_pending(struct thread *thread)
{
	(void)thread;
	return double_signal_pending;
}

int signal_send_thread(struct thread *thread, int signo, const struct signal_info *info)
{
	(void)thread;
	(void)info;
	double_last_signal = signo;
	return 0;
}

static struct signal_info arrived;

void double_signal_arrives(const struct signal_info *info)
{
	arrived = *info;
	double_process.signals.queue.pending = SIGNAL_BIT(info->signo);
	wait_wake(&double_process.signals.arrivals, 0);
}

int signal_dequeue(struct thread *thread, signal_set set, struct signal_info *ret_info)
{
	if (!(thread->process->signals.queue.pending & set))
		return 0;
	thread->process->signals.queue.pending = 0;
	*ret_info = arrived;
	return arrived.signo;
}

struct process *process_ref(struct process *process)
{
	process->reference_count++;
	return process;
}

void process_unref(struct process *process)
{
	process->reference_count--;
}

void signal_mask_temporary(struct thread *thread, signal_set mask)
{
	thread->signals.saved_blocked = thread->signals.blocked;
	thread->signals.blocked = mask;
	thread->signals.has_saved = true;
}

void signal_mask_restore(struct thread *thread)
{
	thread->signals.blocked = thread->signals.saved_blocked;
	thread->signals.has_saved = false;
}

/* ---- Platform ---- */

static void sleep_step(uint64_t deadline_ns)
{
	void (*step)(void) = double_on_sleep;

	double_sleeps++;
	if (step) {
		double_on_sleep = NULL;
		step();
	} else if (deadline_ns != UINT64_MAX) {
		double_now_ns = deadline_ns;
	} else {
		double_signal_pending = true;
	}
}

void platform_wait(uint32_t *word, uint32_t value, uint64_t deadline_ns)
{
	(void)word;
	(void)value;
	sleep_step(deadline_ns);
}

uint32_t platform_cpu_hint(void)
{
	return 0;
}

void platform_yield(void)
{
}

void platform_wake(uint32_t *word, unsigned int count)
{
	(void)word;
	(void)count;
	double_wakes++;
}

void platform_thread_interrupt(struct thread *thread)
{
	thread->block.pending = 1;
	double_wakes++;
}

uint64_t platform_monotonic_ns(void)
{
	return double_now_ns;
}

static long host_look(struct platform_host_poll *polls, size_t count)
{
	long ready = 0;

	for (size_t i = 0; i < count; i++) {
		polls[i].ready = double_host_ready >> polls[i].host_fd & 1 ? polls[i].events : 0;
		ready += polls[i].ready != 0;
	}
	return ready;
}

long platform_host_poll(struct platform_host_poll *polls, size_t count, uint64_t deadline_ns)
{
	long ready = host_look(polls, count);

	double_host_polls++;
	if (ready || !deadline_ns)
		return ready;
	if (thread_current()->block.pending)
		return -EINTR;
	sleep_step(deadline_ns);
	return thread_current()->block.pending ? -EINTR : host_look(polls, count);
}

/* No epoll on this host: what would be in it is polled. */
int platform_host_epoll_new(void)
{
	return -ENOSYS;
}

int platform_host_epoll_control(int epoll_fd, int op, int host_fd, uint32_t events, uint64_t token)
{
	(void)epoll_fd, (void)op, (void)host_fd, (void)events, (void)token;
	return -EBADF;
}

long platform_host_epoll_wait(
	int epoll_fd, struct platform_host_event *events, size_t count, uint64_t deadline_ns)
{
	(void)epoll_fd, (void)events, (void)count, (void)deadline_ns;
	return -EBADF;
}

long platform_host_read(int host_fd, void *to, size_t size)
{
	size_t length = MIN(strlen(double_host_input), size);

	(void)host_fd;
	if (double_signal_pending)
		return -EINTR;
	memcpy(to, double_host_input, length);
	double_host_input += length;
	return (long)length;
}

long platform_host_pread(int host_fd, void *to, size_t size, uint64_t offset)
{
	(void)host_fd;
	memset(to, (int)offset, size);
	return (long)size;
}

long platform_host_write(int host_fd, const void *from, size_t size)
{
	size_t have = strlen(double_host_output);

	(void)host_fd;
	size = MIN(size, sizeof(double_host_output) - 1 - have);
	memcpy(double_host_output + have, from, size);
	return (long)size;
}

long platform_host_seek(int host_fd, int64_t offset, int whence)
{
	(void)host_fd;
	(void)whence;
	return offset;
}

/* 0: a pipe, 1: a regular file, 2: a terminal. */
void platform_host_close(int host_fd)
{
	(void)host_fd;
}

int platform_host_status(int host_fd, struct platform_host_status *ret_status)
{
	static const enum platform_host_kind kinds[] = {
		PLATFORM_HOST_PIPE, PLATFORM_HOST_REGULAR, PLATFORM_HOST_TERMINAL};

	if (host_fd > 2)
		return -EBADF;
	*ret_status =
		(struct platform_host_status){kinds[host_fd], host_fd == 1 ? O_WRONLY : O_RDWR, 42};
	return 0;
}

int platform_host_terminal_get(int host_fd, struct platform_terminal *ret_terminal)
{
	(void)host_fd;
	memset(ret_terminal, 7, sizeof(*ret_terminal));
	return 0;
}

int platform_host_terminal_set(
	int host_fd, unsigned int when, const struct platform_terminal *terminal)
{
	(void)host_fd;
	(void)when;
	(void)terminal;
	return 0;
}

int platform_host_terminal_window(int host_fd, struct platform_window *ret_window)
{
	(void)host_fd;
	*ret_window = (struct platform_window){24, 80, 0, 0};
	return 0;
}

/* ---- Files ---- */

struct inode *inode_new_anonymous(const char *name, uint32_t mode)
{
	struct inode *inode = heap_alloc(sizeof(*inode));

	inode->reference_count = 1;
	inode->flags = INODE_ANONYMOUS;
	inode->anonymous_name = name;
	inode->mode = mode;
	list_init(&inode->posix_locks);
	list_init(&inode->flocks);
	return inode;
}

struct inode *inode_ref(struct inode *inode)
{
	inode->reference_count++;
	return inode;
}

void inode_unref(struct inode *inode)
{
	if (!inode || --inode->reference_count)
		return;
	if (inode->ops && inode->ops->release)
		inode->ops->release(inode);
	fifo_free(inode->fifo);
	heap_free(inode->lock_waiters);
	heap_free(inode);
}

struct file *file_new(
	struct inode *inode, struct dentry *dentry, const struct file_ops *ops, uint32_t flags)
{
	struct file *file = heap_alloc(sizeof(*file));

	(void)dentry;
	file->reference_count = 1;
	file->flags = flags;
	file->ops = ops;
	file->inode = inode_ref(inode);
	list_init(&file->epoll_items);
	return file;
}

/* Only where epoll.c is linked. */
__attribute__((weak)) void epoll_file_gone(struct file *file)
{
	(void)file;
}

struct file *file_ref(struct file *file)
{
	file->reference_count++;
	return file;
}

void file_unref(struct file *file)
{
	if (!file || --file->reference_count)
		return;
	if (!list_is_empty(&file->epoll_items))
		epoll_file_gone(file);
	if (file->ops && file->ops->release)
		file->ops->release(file);
	inode_unref(file->inode);
	heap_free(file);
}

struct file *double_regular_file(void)
{
	static const struct file_ops regular_ops;
	struct inode *inode = inode_new_anonymous("regular", S_IFREG | 0600);
	struct file *file = file_new(inode, NULL, &regular_ops, O_RDWR);

	inode_unref(inode);
	return file;
}

void double_fd_set(int fd, struct file *file)
{
	file_unref(descriptors[fd]);
	descriptors[fd] = file;
}

struct file *fd_get(int fd)
{
	return fd >= 0 && fd < FD_COUNT && descriptors[fd] ? file_ref(descriptors[fd]) : NULL;
}

int fd_install(struct file *file, int least, bool close_on_exec)
{
	(void)close_on_exec;
	for (int fd = least; fd < FD_COUNT; fd++) {
		if (descriptors[fd])
			continue;
		descriptors[fd] = file;
		return fd;
	}
	return -EMFILE;
}

int fd_table_place(struct fd_table *table, struct file *file, int fd)
{
	(void)table;
	double_fd_set(fd, file);
	return 0;
}

int fd_close(int fd)
{
	if (fd < 0 || fd >= FD_COUNT || !descriptors[fd])
		return -EBADF;
	double_fd_set(fd, NULL);
	return 0;
}

/* Nobody opens devices by number here. */
void device_register(uint32_t major, uint32_t minor, uint32_t count,
	int (*open)(struct inode *inode, struct file *file))
{
	(void)major;
	(void)minor;
	(void)count;
	(void)open;
}

long double_read(struct file *file, void *to, size_t size)
{
	struct io io;

	io_init_kernel(&io, to, size);
	return file->ops->read(file, &io, &file->position);
}

long double_write(struct file *file, const void *from, size_t size)
{
	struct io io;

	io_init_kernel(&io, (void *)(uintptr_t)from, size);
	return file->ops->write(file, &io, &file->position);
}

bool credentials_can(const struct credentials *credentials, unsigned int capability)
{
	(void)credentials;
	(void)capability;
	return false;
}
