#include "libos/files/async.h"

#include <asm/errno.h>
#include <asm/signal.h>
#include <asm-generic/siginfo.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/inode.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"
#include "libos/security/landlock.h"

#define CAP_KILL 5
#define QUEUES_MAX 4 /* of one file */
#define BAND_IN (POLLIN | POLLRDNORM)
#define BAND_OUT (POLLOUT | POLLWRNORM | POLLWRBAND)
#define BAND_HANGUP (POLLHUP | POLLERR)

struct async_waiter {
	struct waiter waiter; /* first */
	struct file_async *async;
};

struct file_async {
	struct async_note note;
	struct poll_table table;
	struct async_waiter waiters[QUEUES_MAX];
	size_t waiter_count;
};

/* After all wait queues' locks; guards the list and its notes' events. */
static struct lock async_lock;
static struct list noted = LIST_INIT(noted);
uint32_t async_pending;

/* What restricts a thread as to signals says nothing of its own process. */
static struct landlock_domain *domain_against(int32_t pid)
{
	struct thread *self = thread_current(), *target;

	if (LIKELY(!self->landlock) || pid == self->process->pid)
		return NULL;
	LOCK_SCOPE(&process_table_lock);
	target = pid > 0 ? thread_find(pid) : NULL;
	if (target && target->process == self->process)
		return NULL;
	return landlock_domain_ref(self->landlock);
}

void async_own(struct file *file, int32_t pid, bool is_thread)
{
	const struct credentials *credentials = &thread_current()->credentials;
	struct landlock_domain *domain = domain_against(pid), *old;

	lock_acquire(&async_lock);
	old = file->owner.landlock;
	file->owner.landlock = domain;
	file->owner.pid = pid;
	file->owner.is_thread = is_thread;
	file->owner.uid = credentials->uid;
	file->owner.euid = credentials->euid;
	lock_release(&async_lock);
	landlock_domain_unref(old);
}

/* ---- Noting ---- */

void async_note_init(struct async_note *note, struct file *file, int fd)
{
	*note = (struct async_note){.file = file, .fd = fd};
	list_init(&note->link);
	__atomic_store_n(&wait_before_sleep, async_flush, __ATOMIC_RELEASE);
}

void async_note(struct async_note *note, uint32_t events)
{
	LOCK_SCOPE(&async_lock);
	if (!note->events) {
		list_add_tail(&noted, &note->link);
		__atomic_add_fetch(&async_pending, 1, __ATOMIC_RELEASE);
	}
	note->events |= events;
}

void async_note_forget(struct async_note *note)
{
	LOCK_SCOPE(&async_lock);
	if (!note->events)
		return;
	list_remove(&note->link);
	note->events = 0;
	__atomic_sub_fetch(&async_pending, 1, __ATOMIC_RELEASE);
}

/* A wake that names no event tells somebody to look again, and is no news. */
static bool queue_woken(struct waiter *waiter, uint32_t events)
{
	struct file_async *async = CONTAINER_OF(waiter, struct async_waiter, waiter)->async;

	if (events)
		async_note(&async->note, events);
	return false;
}

static void join_queue(struct poll_table *table, struct wait_queue *queue)
{
	struct file_async *async = CONTAINER_OF(table, struct file_async, table);
	struct async_waiter *waiter;

	if (async->waiter_count == QUEUES_MAX)
		return;
	waiter = &async->waiters[async->waiter_count++];
	waiter_init(&waiter->waiter);
	waiter->waiter.callback = queue_woken;
	waiter->async = async;
	wait_add(queue, &waiter->waiter);
}

/* What is ready in the host has no queue here. */
static void join_host(struct poll_table *table, int host_fd, uint32_t events)
{
	(void)table;
	(void)host_fd;
	(void)events;
}

/* Pipes, sockets, terminals and inotify do on Linux; eventfds and their like do not. */
static bool sends_signals(const struct file *file)
{
	const struct inode *inode = file->inode;

	if (!file->ops || !file->ops->poll)
		return false;
	if (inode->flags & INODE_ANONYMOUS && !(inode->mode & S_IFMT))
		return !strcmp(inode->anonymous_name, "inotify");
	return inode_is(inode, S_IFIFO) || inode_is(inode, S_IFSOCK) || inode_is(inode, S_IFCHR);
}

int async_start(struct file *file, int fd)
{
	struct file_async *async;

	if (!sends_signals(file) || file->async)
		return 0;
	async = heap_alloc(sizeof(*async));
	if (!async)
		return -ENOMEM;
	async_note_init(&async->note, file, fd);
	async->table =
		(struct poll_table){.events = UINT32_MAX, .add = join_queue, .add_host = join_host};
	/* Another thread may have been quicker. */
	if (__sync_bool_compare_and_swap(&file->async, NULL, async))
		(void)file->ops->poll(file, &async->table);
	else
		heap_free(async);
	return 0;
}

void async_stop(struct file *file)
{
	struct file_async *async = __atomic_exchange_n(&file->async, NULL, __ATOMIC_ACQ_REL);

	if (!async)
		return;
	for (size_t i = 0; i < async->waiter_count; i++)
		wait_remove(&async->waiters[i].waiter);
	async_note_forget(&async->note);
	heap_free(async);
}

/* ---- Sending ---- */

/* What is to be sent, copied: the file may be gone by then. */
struct notice {
	struct file_owner owner;
	int32_t fd;
	uint32_t events;
};

static bool take_notice(struct notice *ret_notice)
{
	struct async_note *note;

	LOCK_SCOPE(&async_lock);
	if (list_is_empty(&noted))
		return false;
	note = LIST_FIRST(&noted, struct async_note, link);
	list_remove(&note->link);
	__atomic_sub_fetch(&async_pending, 1, __ATOMIC_RELEASE);
	*ret_notice =
		(struct notice){.owner = note->file->owner, .fd = note->fd, .events = note->events};
	landlock_domain_ref(ret_notice->owner.landlock);
	note->events = 0;
	return true;
}

static void notice_info(const struct notice *notice, struct signal_info *ret_info)
{
	uint32_t events = notice->events;

	*ret_info = (struct signal_info){.signo = (int32_t)notice->owner.signal};
	if (events & ASYNC_MESSAGE) {
		ret_info->code = POLL_MSG;
		ret_info->poll.band = BAND_IN | ASYNC_MESSAGE;
	} else if (events & BAND_HANGUP) {
		ret_info->code = POLL_HUP;
		ret_info->poll.band = BAND_HANGUP;
	} else if (events & BAND_IN) {
		ret_info->code = POLL_IN;
		ret_info->poll.band = BAND_IN;
	} else {
		ret_info->code = POLL_OUT;
		ret_info->poll.band = BAND_OUT;
	}
	ret_info->poll.fd = notice->fd;
}

static bool may_send(
	const struct file_owner *owner, const struct process *target, const struct thread *thread)
{
	const struct credentials *to = &target->leader->credentials;

	if (owner->landlock &&
		!landlock_reaches(owner->landlock, (thread ? thread : target->leader)->landlock,
			LANDLOCK_SCOPE_SIGNAL))
		return false;
	return !owner->euid || owner->euid == to->suid || owner->euid == to->uid ||
	       owner->uid == to->suid || owner->uid == to->uid;
}

/* (process table locked) @thread NULL: anyone of the process. */
static void send_to(const struct notice *notice, struct process *process, struct thread *thread)
{
	struct signal_info info;

	if (!may_send(&notice->owner, process, thread))
		return;
	if (notice->owner.signal) {
		notice_info(notice, &info);
		if (!(thread ? signal_send_thread_locked(thread, info.signo, &info)
			     : signal_send_process_locked(process, info.signo, &info)))
			return;
		/* The queue is full: the plain one says that something is lost. */
	}
	(void)!(thread ? signal_send_thread_locked(thread, SIGIO, NULL)
		       : signal_send_process_locked(process, SIGIO, NULL));
}

bool async_owner_exists(int32_t pid)
{
	struct process *process;

	LOCK_SCOPE(&process_table_lock);
	if (pid > 0)
		return thread_find(pid);
	LIST_FOR_EACH (process, &process_table, link)
		if (process->pgid == -pid)
			return true;
	return false;
}

static void send_notice(const struct notice *notice)
{
	const struct file_owner *owner = &notice->owner;
	struct process *process;
	struct thread *thread;

	if (!owner->pid)
		return;
	LOCK_SCOPE(&process_table_lock);
	if (owner->pid > 0) {
		thread = thread_find(owner->pid);
		if (thread)
			send_to(notice, thread->process, owner->is_thread ? thread : NULL);
		return;
	}
	LIST_FOR_EACH (process, &process_table, link)
		if (process->pgid == -owner->pid && process->state == PROCESS_ALIVE)
			send_to(notice, process, NULL);
}

void async_send_pending(void)
{
	struct notice notice;

	while (take_notice(&notice)) {
		send_notice(&notice);
		landlock_domain_unref(notice.owner.landlock);
	}
}
