#include "libos/files/locks.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#include "libos/core/heap.h"
#include "libos/files/inode.h"
#include "libos/processes/process.h"

#define LOCKS_MAX 262144 /* in the whole enclave */
#define DEADLOCK_STEPS_MAX 64

/* struct flock */
struct lock_request {
	int16_t type, whence;
	int32_t pad;
	int64_t start, length;
	int32_t pid, pad2;
};
_Static_assert(sizeof(struct lock_request) == 32, "ABI");

/* A thread in F_SETLKW and what it wants. */
struct blocked {
	struct list link;
	struct inode *inode;
	const struct file_lock *wanted;
};

static struct lock locks_lock;
static struct list blocked_list = LIST_INIT(blocked_list);
static uint32_t lock_count;

/* ---- Ranges ---- */

static bool overlaps(const struct file_lock *a, const struct file_lock *b)
{
	return a->start <= b->end && b->start <= a->end;
}

/* Or one ends where the other begins. */
static bool touches(const struct file_lock *a, const struct file_lock *b)
{
	return a->start <= b->end + 1 && b->start <= a->end + 1;
}

static struct file_lock *conflict_find(const struct list *locks, const struct file_lock *wanted)
{
	struct file_lock *lock;

	LIST_FOR_EACH (lock, locks, link)
		if (lock->owner != wanted->owner && overlaps(lock, wanted) &&
			(lock->type == F_WRLCK || wanted->type == F_WRLCK))
			return lock;
	return NULL;
}

static struct file_lock *lock_new(const struct file_lock *like)
{
	struct file_lock *lock;

	if (lock_count >= LOCKS_MAX)
		return NULL;
	lock = heap_alloc(sizeof(*lock));
	if (!lock)
		return NULL;
	*lock = *like;
	list_init(&lock->link);
	lock_count++;
	return lock;
}

static void lock_free(struct file_lock *lock)
{
	if (!lock)
		return;
	list_remove(&lock->link);
	heap_free(lock);
	lock_count--;
}

static void lock_insert(struct list *locks, struct file_lock *lock)
{
	struct file_lock *after;

	LIST_FOR_EACH (after, locks, link)
		if (after->start > lock->start)
			break;
	list_add_tail(&after->link, &lock->link);
}

/* Take @cut out of @lock, which it overlaps; *spare is used if two pieces are left. */
static void lock_cut(struct list *locks, struct file_lock *lock, const struct file_lock *cut,
	struct file_lock **spare)
{
	bool left = lock->start<cut->start, right = lock->end> cut->end;
	struct file_lock *rest;

	if (!left && !right) {
		lock_free(lock);
		return;
	}
	if (left && right) {
		rest = TAKE(*spare);
		*rest = *lock;
		rest->start = cut->end + 1;
		lock_insert(locks, rest);
	}
	if (left) {
		lock->end = cut->start - 1;
		return;
	}
	/* Its start moves: so may its place. */
	list_remove(&lock->link);
	lock->start = cut->end + 1;
	lock_insert(locks, lock);
}

/* Make the owner's locks what @wanted says, with its neighbours of the same type joined. Nothing of
 * others is in the way. */
static int locks_apply(struct list *locks, const struct file_lock *wanted)
{
	struct file_lock *spare = lock_new(wanted), *fresh = lock_new(wanted);
	struct file_lock *lock, *next;

	if (!spare || !fresh) {
		lock_free(spare);
		lock_free(fresh);
		return -ENOLCK;
	}
	LIST_FOR_EACH_SAFE (lock, next, locks, link) {
		if (lock->owner != wanted->owner)
			continue;
		if (lock->type == fresh->type && touches(lock, fresh)) {
			fresh->start = MIN(fresh->start, lock->start);
			fresh->end = MAX(fresh->end, lock->end);
			lock_free(lock);
		} else if (overlaps(lock, wanted)) {
			lock_cut(locks, lock, wanted, &spare);
		}
	}
	if (wanted->type == F_UNLCK)
		lock_free(fresh);
	else
		lock_insert(locks, fresh);
	lock_free(spare);
	return 0;
}

/* ---- Waiting ---- */

static void wake_waiters(struct inode *inode)
{
	if (inode->lock_waiters)
		wait_wake(inode->lock_waiters, 0);
}

static int waiters_prepare(struct inode *inode)
{
	if (inode->lock_waiters)
		return 0;
	inode->lock_waiters = heap_alloc(sizeof(*inode->lock_waiters));
	if (!inode->lock_waiters)
		return -ENOMEM;
	wait_queue_init(inode->lock_waiters);
	return 0;
}

/* Whom does @owner wait for, if it does? */
static const void *waits_for(const void *owner)
{
	struct blocked *blocked;
	struct file_lock *conflict;

	LIST_FOR_EACH (blocked, &blocked_list, link) {
		if (blocked->wanted->owner != owner)
			continue;
		conflict = conflict_find(&blocked->inode->posix_locks, blocked->wanted);
		if (conflict)
			return conflict->owner;
	}
	return NULL;
}

/* Would the owner of @wanted wait for itself, if it waited for @owner? */
static bool is_deadlock(const struct file_lock *wanted, const void *owner)
{
	for (int i = 0; owner && i < DEADLOCK_STEPS_MAX; i++) {
		if (owner == wanted->owner)
			return true;
		owner = waits_for(owner);
	}
	return false;
}

/* Try to set the lock, with locks_lock held. -EAGAIN: somebody else's is in the way. */
typedef int lock_step(struct inode *inode, const struct file_lock *wanted);

/* Call @step until it does not say -EAGAIN. */
static int lock_sleep(struct inode *inode, const struct file_lock *wanted, lock_step *step)
{
	struct blocked blocked = {.inode = inode, .wanted = wanted};
	struct waiter waiter;
	int r;

	waiter_init(&waiter);
	lock_acquire(&locks_lock);
	list_add(&blocked_list, &blocked.link);
	r = waiters_prepare(inode);
	if (!r)
		wait_add(inode->lock_waiters, &waiter);
	while (!r && (r = step(inode, wanted)) == -EAGAIN) {
		lock_release(&locks_lock);
		r = wait_sleep(WAIT_FOREVER) ? -ERESTARTSYS : 0;
		lock_acquire(&locks_lock);
	}
	list_remove(&blocked.link);
	lock_release(&locks_lock);
	wait_remove(&waiter);
	return r;
}

static int lock_now(struct inode *inode, const struct file_lock *wanted, lock_step *step)
{
	LOCK_SCOPE(&locks_lock);
	return step(inode, wanted);
}

/* ---- fcntl ---- */

static int posix_set(struct inode *inode, const struct file_lock *wanted)
{
	int r;

	if (wanted->type != F_UNLCK && conflict_find(&inode->posix_locks, wanted))
		return -EAGAIN;
	r = locks_apply(&inode->posix_locks, wanted);
	/* A write lock may have become a read lock. */
	if (!r)
		wake_waiters(inode);
	return r;
}

/* The same, for one who will sleep on -EAGAIN. */
static int posix_set_waiting(struct inode *inode, const struct file_lock *wanted)
{
	struct file_lock *conflict = NULL;

	if (wanted->type != F_UNLCK)
		conflict = conflict_find(&inode->posix_locks, wanted);
	if (conflict && is_deadlock(wanted, conflict->owner))
		return -EDEADLK;
	return posix_set(inode, wanted);
}

static int base_of(struct file *file, int whence, int64_t *ret_base)
{
	switch (whence) {
	case SEEK_SET:
		*ret_base = 0;
		return 0;
	case SEEK_CUR:
		*ret_base = (int64_t)file->position;
		return 0;
	case SEEK_END:
		*ret_base = (int64_t)file->inode->size;
		return 0;
	default:
		return -EINVAL;
	}
}

/* The bytes that @request means: a negative length reaches back from the start. */
static int range_of(struct file *file, const struct lock_request *request, struct file_lock *lock)
{
	int64_t start, last;
	int r = base_of(file, request->whence, &start);

	if (r)
		return r;
	if (__builtin_add_overflow(start, request->start, &start))
		return -EOVERFLOW;
	if (start < 0)
		return -EINVAL;
	last = INT64_MAX;
	if (request->length > 0 && __builtin_add_overflow(start, request->length - 1, &last))
		return -EOVERFLOW;
	if (request->length < 0) {
		last = start - 1;
		if (__builtin_add_overflow(start, request->length, &start) || start < 0)
			return -EINVAL;
	}
	lock->start = (uint64_t)start;
	lock->end = (uint64_t)last;
	return 0;
}

static bool is_ofd(uint32_t command)
{
	return command >= F_OFD_GETLK;
}

static int request_to_lock(struct file *file, uint32_t command, const struct lock_request *request,
	struct file_lock *lock)
{
	struct process *process = thread_current()->process;

	if (request->type != F_RDLCK && request->type != F_WRLCK && request->type != F_UNLCK)
		return -EINVAL;
	if (is_ofd(command) && request->pid)
		return -EINVAL;
	*lock = (struct file_lock){
		.owner = is_ofd(command) ? (const void *)file : process,
		.file = file,
		.pid = is_ofd(command) ? -1 : process->pid,
		.type = (uint16_t)request->type,
	};
	return range_of(file, request, lock);
}

static int lock_get(struct file *file, struct lock_request *request, const struct file_lock *wanted)
{
	struct file_lock *conflict;

	if (wanted->type == F_UNLCK)
		return -EINVAL;
	LOCK_SCOPE(&locks_lock);
	conflict = conflict_find(&file->inode->posix_locks, wanted);
	if (!conflict) {
		request->type = F_UNLCK;
		return 0;
	}
	request->type = (int16_t)conflict->type;
	request->whence = SEEK_SET;
	request->start = (int64_t)conflict->start;
	request->length =
		conflict->end == LOCK_END ? 0 : (int64_t)(conflict->end - conflict->start + 1);
	request->pid = conflict->pid;
	return 0;
}

/* A read lock needs a file open for reading, a write lock one open for writing. */
static bool mode_allows(const struct file *file, uint32_t type)
{
	uint32_t mode = file->flags & O_ACCMODE;

	return type == F_UNLCK || mode == O_RDWR || mode == (type == F_RDLCK ? O_RDONLY : O_WRONLY);
}

static long lock_set(struct file *file, uint32_t command, const struct file_lock *wanted)
{
	if (!mode_allows(file, wanted->type))
		return -EBADF;
	if (command == F_SETLKW)
		return lock_sleep(file->inode, wanted, posix_set_waiting);
	if (command == F_OFD_SETLKW)
		return lock_sleep(file->inode, wanted, posix_set);
	return lock_now(file->inode, wanted, posix_set);
}

/* As with fs.leases-enable = 0: nobody has one, nobody gets one. */
static long lease_fcntl(uint32_t command)
{
	return command == F_GETLEASE ? F_UNLCK : -EINVAL;
}

long locks_fcntl(struct file *file, uint32_t command, uint64_t address)
{
	struct lock_request request;
	struct file_lock wanted;
	int r;

	if (command == F_GETLEASE || command == F_SETLEASE)
		return lease_fcntl(command);
	if (USER_GET(&request, address))
		return -EFAULT;
	r = request_to_lock(file, command, &request, &wanted);
	if (r)
		return r;
	if (command != F_GETLK && command != F_OFD_GETLK)
		return lock_set(file, command, &wanted);
	r = lock_get(file, &request, &wanted);
	return r ? r : USER_PUT(address, request);
}

/* ---- flock ---- */

static struct file_lock *flock_find(struct inode *inode, const void *owner)
{
	struct file_lock *lock;

	LIST_FOR_EACH (lock, &inode->flocks, link)
		if (lock->owner == owner)
			return lock;
	return NULL;
}

/* A conversion gives the old lock up first, and does not get it back. */
static int flock_set(struct inode *inode, const struct file_lock *wanted)
{
	struct file_lock *lock = flock_find(inode, wanted->owner);

	if (lock && lock->type == wanted->type)
		return 0;
	if (lock) {
		lock_free(lock);
		wake_waiters(inode);
	}
	if (wanted->type == F_UNLCK)
		return 0;
	if (conflict_find(&inode->flocks, wanted))
		return -EAGAIN;
	lock = lock_new(wanted);
	if (!lock)
		return -ENOLCK;
	lock_insert(&inode->flocks, lock);
	return 0;
}

long locks_flock(struct file *file, uint32_t operation)
{
	static const uint16_t types[] = {
		[LOCK_SH] = F_RDLCK, [LOCK_EX] = F_WRLCK, [LOCK_UN] = F_UNLCK};
	uint32_t kind = operation & ~(uint32_t)LOCK_NB;
	struct file_lock wanted = {
		.owner = file,
		.file = file,
		.end = LOCK_END,
		.pid = thread_current()->process->pid,
	};

	if (kind != LOCK_SH && kind != LOCK_EX && kind != LOCK_UN)
		return -EINVAL;
	wanted.type = types[kind];
	if (operation & LOCK_NB)
		return lock_now(file->inode, &wanted, flock_set);
	return lock_sleep(file->inode, &wanted, flock_set);
}

/* ---- Closing ---- */

static void locks_drop(
	struct inode *inode, struct list *locks, const void *owner, struct file *file)
{
	struct file_lock *lock, *next;

	LIST_FOR_EACH_SAFE (lock, next, locks, link)
		if (lock->owner == owner || lock->file == file)
			lock_free(lock);
	wake_waiters(inode);
}

/* Whichever descriptor of the file it is, all of the process's locks go: fcntl(2). */
void locks_close(struct file *file)
{
	LOCK_SCOPE(&locks_lock);
	locks_drop(file->inode, &file->inode->posix_locks, thread_current()->process, NULL);
}

/* @file may also have made locks of a process while that closed its descriptor. */
void locks_release(struct file *file)
{
	LOCK_SCOPE(&locks_lock);
	locks_drop(file->inode, &file->inode->posix_locks, file, file);
	locks_drop(file->inode, &file->inode->flocks, file, file);
}
