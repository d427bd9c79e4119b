#include "libos/files/lease.h"

#include <linux/capability.h>
#include <linux/fcntl.h>

#include "libos/core/heap.h"
#include "libos/files/open.h"
#include "libos/processes/process.h"
#include "platform/platform.h"

struct lease {
	struct list link; /* of all leases; their lock guards all that follows */
	struct file *file;
	struct async_note note;
	uint32_t type;        /* F_RDLCK, F_WRLCK; F_UNLCK: not granted yet */
	uint32_t wanted;      /* what it is to become: type if nobody is against it */
	uint64_t deadline_ns; /* by when, if it is another */
};

int32_t lease_break_seconds = 45;
uint32_t lease_count;

static struct lock leases_lock; /* before wait queues and async notes */
static struct list leases = LIST_INIT(leases);
static struct wait_queue changes; /* a lease went or became a lesser one */
static bool changes_ready;

/* ---- Holding one (leases locked) ---- */

static void lease_remove(struct lease *lease)
{
	async_note_forget(&lease->note);
	list_remove(&lease->link);
	lease->file->lease = NULL;
	__atomic_sub_fetch(&lease_count, 1, __ATOMIC_SEQ_CST);
	heap_free(lease);
	wait_wake(&changes, 0);
}

static void lease_become(struct lease *lease, uint32_t type)
{
	if (type == F_UNLCK) {
		lease_remove(lease);
		return;
	}
	lease->type = lease->wanted = type;
	wait_wake(&changes, 0);
}

/* Is it open, or leased, in a way that does not go with a lease of @type on @file? */
static bool is_against(const struct file *file, uint32_t type)
{
	const struct inode *inode = file->inode;
	int32_t writers = __atomic_load_n(&inode->writers, __ATOMIC_SEQ_CST);
	const struct lease *lease;

	if (type == F_RDLCK && writers > 0)
		return true;
	if (type == F_WRLCK && __atomic_load_n(&inode->openers, __ATOMIC_SEQ_CST) > 1)
		return true;
	LIST_FOR_EACH (lease, &leases, link)
		if (lease->file->inode == inode && lease->file != file &&
			(type == F_WRLCK || lease->type == F_WRLCK || lease->wanted == F_UNLCK))
			return true;
	return false;
}

static struct lease *lease_new(struct file *file, int fd)
{
	struct lease *lease;

	lease = heap_alloc(sizeof(*lease));
	if (!lease)
		return NULL;
	if (!changes_ready)
		wait_queue_init(&changes);
	changes_ready = true;
	lease->file = file;
	lease->type = lease->wanted = F_UNLCK; /* until it is granted */
	async_note_init(&lease->note, file, fd);
	list_add_tail(&leases, &lease->link);
	/* Before is_against looks who has the file open: who opens it counts first and looks here.
	 */
	__atomic_add_fetch(&lease_count, 1, __ATOMIC_SEQ_CST);
	file->lease = lease;
	return lease;
}

static long lease_grant(struct file *file, int fd, uint32_t type)
{
	struct lease *lease;

	LOCK_SCOPE(&leases_lock);
	lease = file->lease;
	if (type == F_UNLCK) {
		if (!lease)
			return -EAGAIN;
		lease_remove(lease);
		return 0;
	}
	if (!lease) {
		if (lease_count >= LEASES_MAX)
			return -ENOLCK;
		lease = lease_new(file, fd);
		if (!lease)
			return -ENOMEM;
	}
	if (is_against(file, type)) {
		if (lease->type == F_UNLCK)
			lease_remove(lease);
		return -EAGAIN;
	}
	if (lease->type != F_UNLCK && lease->wanted == F_UNLCK)
		lease->type = type; /* it is still to let go */
	else
		lease_become(lease, type);
	return 0;
}

long lease_set(struct file *file, int fd, uint64_t type)
{
	const struct credentials *credentials = &thread_current()->credentials;
	long r;

	if (type != F_RDLCK && type != F_WRLCK && type != F_UNLCK)
		return -EINVAL;
	if (credentials->fsuid != file->inode->uid && !credentials_can(credentials, CAP_LEASE))
		return -EACCES;
	if (!inode_is(file->inode, S_IFREG))
		return -EINVAL;
	r = lease_grant(file, fd, (uint32_t)type);
	if (!r && type != F_UNLCK && !file->owner.pid)
		async_own(file, thread_current()->process->pid, false);
	return r;
}

long lease_get(struct file *file)
{
	LOCK_SCOPE(&leases_lock);
	return file->lease ? file->lease->wanted : F_UNLCK;
}

void lease_release(struct file *file)
{
	LOCK_SCOPE(&leases_lock);
	if (file->lease)
		lease_remove(file->lease);
}

/* ---- Breaking it ---- */

/* Tell the holder, once for each step down. */
static void ask(struct lease *lease, uint32_t wanted)
{
	if (lease->wanted == F_UNLCK || lease->wanted == wanted)
		return;
	if (lease->wanted == lease->type)
		lease->deadline_ns =
			platform_monotonic_ns() + (uint64_t)lease_break_seconds * 1000000000U;
	lease->wanted = wanted;
	async_note(&lease->note, ASYNC_MESSAGE);
}

/* Ask all holders that are in the way, and take from those whose time is over. The earliest of
 * their deadlines, or 0: nobody is in the way. */
static uint64_t ask_all(struct inode *inode, bool wants_write)
{
	uint64_t earliest_ns = 0, now_ns = platform_monotonic_ns();
	struct lease *lease, *next;

	LOCK_SCOPE(&leases_lock);
	LIST_FOR_EACH_SAFE (lease, next, &leases, link) {
		if (lease->file->inode != inode || (!wants_write && lease->type != F_WRLCK))
			continue;
		ask(lease, wants_write ? F_UNLCK : F_RDLCK);
		if (now_ns >= lease->deadline_ns)
			lease_become(lease, lease->wanted);
		else if (!earliest_ns || lease->deadline_ns < earliest_ns)
			earliest_ns = lease->deadline_ns;
	}
	return earliest_ns;
}

int lease_break_slow(struct inode *inode, bool wants_write, bool may_wait)
{
	uint64_t deadline_ns = ask_all(inode, wants_write);
	struct waiter waiter;
	int r = 0;

	if (!deadline_ns || !may_wait)
		return deadline_ns ? -EAGAIN : 0;
	waiter_init(&waiter);
	wait_add(&changes, &waiter);
	while (r != -EINTR && (deadline_ns = ask_all(inode, wants_write)))
		r = wait_sleep(deadline_ns);
	wait_remove(&waiter);
	return r == -EINTR ? -ERESTARTSYS : 0;
}
