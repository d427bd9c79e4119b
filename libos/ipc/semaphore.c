/* semget(2), semop(2), semtimedop(2): sets, and waiting for their values. */
#include "libos/ipc/semaphore.h"

#include <asm/errno.h>

#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/core/wait.h"
#include "libos/files/computed.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "libos/time/timespec.h"
#include "platform/platform.h"

#define OPERATIONS_INLINE 8U

struct ipc_table semaphore_sets = {.limit = SEMAPHORE_SETS_MAX, .next_id = -1};
static uint32_t semaphores_total; /* under its lock */

static struct semaphore_set *set_of(struct ipc_object *object)
{
	return CONTAINER_OF(object, struct semaphore_set, object);
}

/* ---- Operations ---- */

/* One operation: SEMAPHORE_WAITING if it cannot be done now. */
static int operate(struct semaphore_set *set, struct semaphore_undo *undo,
	const struct semaphore_operation *operation)
{
	struct semaphore *semaphore = &set->of[operation->number];
	int32_t value = semaphore->value + operation->change, adjustment;

	if (!operation->change)
		return semaphore->value ? SEMAPHORE_WAITING : 0;
	if (value < 0)
		return SEMAPHORE_WAITING;
	if (value > SEMAPHORE_VALUE_MAX)
		return -ERANGE;
	if (operation->flags & SEM_UNDO) {
		adjustment = undo->adjustments[operation->number] - operation->change;
		if (adjustment < -SEMAPHORE_VALUE_MAX - 1 || adjustment > SEMAPHORE_VALUE_MAX)
			return -ERANGE;
		undo->adjustments[operation->number] = adjustment;
	}
	semaphore->value = value;
	return 0;
}

static void operate_back(struct semaphore_set *set, struct semaphore_undo *undo,
	const struct semaphore_operation *operation)
{
	set->of[operation->number].value -= operation->change;
	if (operation->flags & SEM_UNDO)
		undo->adjustments[operation->number] += operation->change;
}

int semaphore_try(struct semaphore_set *set, struct semaphore_waiter *waiter)
{
	const struct semaphore_operation *operations = waiter->operations;
	uint32_t done = 0;
	int r = 0;

	while (!r && done < waiter->count) {
		r = operate(set, waiter->undo, &operations[done]);
		if (!r)
			done++;
	}
	if (!r) {
		for (uint32_t i = 0; i < done; i++)
			set->of[operations[i].number].last_pid = waiter->pid;
		set->operated_s = ipc_now();
		return 0;
	}
	waiter->blocking = done;
	if (r == SEMAPHORE_WAITING && operations[done].flags & IPC_NOWAIT)
		r = -EAGAIN;
	while (done--)
		operate_back(set, waiter->undo, &operations[done]);
	return r;
}

static void waiter_finish(struct semaphore_waiter *waiter, int result)
{
	list_remove(&waiter->link);
	waiter->result = result;
	thread_wake(waiter->thread);
}

/* One of those that wait; false: none can go on. Each that changes something may let others go on
 * that came before it. */
static bool serve_one(struct semaphore_set *set)
{
	struct semaphore_waiter *waiter, *next;

	LIST_FOR_EACH_SAFE (waiter, next, &set->waiters, link) {
		int r = semaphore_try(set, waiter);

		if (r == SEMAPHORE_WAITING)
			continue;
		waiter_finish(waiter, r);
		if (!r && waiter->alters)
			return true;
	}
	return false;
}

void semaphore_serve(struct semaphore_set *set)
{
	while (serve_one(set))
		;
}

/* ---- semget ---- */

/* (locked) */
static long set_add(int32_t key, uint32_t count, uint32_t flags)
{
	struct semaphore_set *set;
	int r;

	if (!count)
		return -EINVAL;
	if (semaphores_total > SEMAPHORES_TOTAL - count)
		return -ENOSPC;
	set = heap_alloc(sizeof(*set) + count * sizeof(set->of[0]));
	if (!set)
		return -ENOMEM;
	r = ipc_add(&semaphore_sets, &set->object, key, flags);
	if (r) {
		heap_free(set);
		return r;
	}
	set->count = count;
	set->changed_s = ipc_now();
	list_init(&set->waiters);
	semaphores_total += count;
	return set->object.id;
}

long sys_semget(struct thread *thread, const struct syscall_args *args)
{
	uint32_t count = (uint32_t)args->b, flags = (uint32_t)args->c;
	struct ipc_object *object;
	int r;

	(void)thread;
	if (count > SEMAPHORES_MAX)
		return -EINVAL;
	LOCK_SCOPE(&semaphore_sets.lock);
	r = ipc_find_key(&semaphore_sets, (int32_t)args->a, flags, &object);
	if (r > 0)
		return set_add((int32_t)args->a, count, flags);
	if (!r && count > set_of(object)->count)
		r = -EINVAL;
	if (!r)
		r = ipc_object_permit(object, flags & IPC_PERMISSIONS);
	return r ? r : object->id;
}

/* ---- semop ---- */

/* What a call asks for, copied. */
struct request {
	struct semaphore_operation few[OPERATIONS_INLINE], *operations; /* few, or heap */
	uint32_t count, highest;
	bool alters, undoes;
};

static void request_done(struct request *request)
{
	if (request->operations != request->few)
		heap_free(request->operations);
}

static int request_read(struct request *request, uint64_t from, uint64_t count)
{
	if (!count)
		return -EINVAL;
	if (count > SEMAPHORE_OPERATIONS_MAX)
		return -E2BIG;
	*request = (struct request){.count = (uint32_t)count};
	request->operations = request->few;
	if (count > OPERATIONS_INLINE)
		request->operations = heap_alloc(count * sizeof(*request->operations));
	if (!request->operations)
		return -ENOMEM;
	if (user_read(request->operations, from, count * sizeof(*request->operations)))
		return -EFAULT;
	for (uint32_t i = 0; i < count; i++) {
		const struct semaphore_operation *operation = &request->operations[i];

		request->highest = MAX(request->highest, (uint32_t)operation->number);
		request->alters |= operation->change;
		request->undoes |= operation->flags & SEM_UNDO && operation->change;
	}
	return 0;
}

/* Sleep until somebody has finished the waiter; interrupted calls are never begun again
 * (signal(7)). */
static int waiter_sleep(struct semaphore_waiter *waiter, uint64_t deadline_ns)
{
	int r, result;

	do {
		r = wait_sleep(deadline_ns);
		lock_acquire(&semaphore_sets.lock);
		if (r && waiter->result == SEMAPHORE_WAITING) {
			list_remove(&waiter->link);
			waiter->result = r == -ETIMEDOUT ? -EAGAIN : -EINTR;
		}
		result = waiter->result;
		lock_release(&semaphore_sets.lock);
	} while (result == SEMAPHORE_WAITING);
	return result;
}

/* (locked) 0 done, SEMAPHORE_WAITING: queued. */
static int start(int32_t id, const struct request *request, struct semaphore_waiter *waiter,
	struct semaphore_undo **spare)
{
	struct ipc_object *object;
	struct semaphore_set *set;
	int r = ipc_find(&semaphore_sets, id, &object);

	if (r)
		return r;
	set = set_of(object);
	if (request->highest >= set->count)
		return -EFBIG;
	r = ipc_object_permit(object, request->alters ? IPC_WRITE : IPC_READ);
	if (r)
		return r;
	if (request->undoes) {
		waiter->undo = semaphore_undo_find(set, spare);
		if (!waiter->undo)
			return -EIDRM;
	}
	r = semaphore_try(set, waiter);
	if (!r && waiter->alters)
		semaphore_serve(set);
	if (r == SEMAPHORE_WAITING) {
		waiter->result = r;
		list_add_tail(&set->waiters, &waiter->link);
	}
	return r;
}

/* Memory for an undo of the set, in case it is the first. By the time it is used the set may be
 * another: semaphore_undo_find looks. */
static int spare_new(int32_t id, struct semaphore_undo **ret_spare)
{
	struct ipc_object *object;
	uint32_t count = 0;

	lock_acquire(&semaphore_sets.lock);
	if (!ipc_find(&semaphore_sets, id, &object))
		count = set_of(object)->count;
	lock_release(&semaphore_sets.lock);
	*ret_spare = heap_alloc(sizeof(**ret_spare) + count * sizeof((*ret_spare)->adjustments[0]));
	if (!*ret_spare)
		return -ENOMEM;
	(*ret_spare)->count = count;
	return semaphore_undo_prepare();
}

static long operate_all(int32_t id, const struct request *request, uint64_t deadline_ns)
{
	CLEANUP(heap_freep) struct semaphore_undo *spare = NULL;
	struct thread *thread = thread_current();
	struct semaphore_waiter waiter = {
		.thread = thread,
		.operations = request->operations,
		.count = request->count,
		.pid = thread->process->pid,
		.alters = request->alters,
	};
	int r = request->undoes ? spare_new(id, &spare) : 0;

	if (r)
		return r;
	lock_acquire(&semaphore_sets.lock);
	r = start(id, request, &waiter, &spare);
	lock_release(&semaphore_sets.lock);
	return r == SEMAPHORE_WAITING ? waiter_sleep(&waiter, deadline_ns) : r;
}

static long semaphore_operate(int32_t id, uint64_t operations, uint64_t count, uint64_t deadline_ns)
{
	struct request request = {.operations = request.few};
	long r;

	if (id < 0)
		return -EINVAL;
	r = request_read(&request, operations, count);
	if (!r)
		r = operate_all(id, &request, deadline_ns);
	request_done(&request);
	return r;
}

long sys_semop(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return semaphore_operate((int32_t)args->a, args->b, (uint32_t)args->c, WAIT_FOREVER);
}

long sys_semtimedop(struct thread *thread, const struct syscall_args *args)
{
	uint64_t deadline_ns = WAIT_FOREVER;
	int r = 0;

	(void)thread;
	if (args->d)
		r = timespec_read_deadline(args->d, &deadline_ns);
	return r ? r : semaphore_operate((int32_t)args->a, args->b, (uint32_t)args->c, deadline_ns);
}

/* ---- semctl ---- */

/* <linux/sem.h> */
#define GETPID 11
#define GETVAL 12
#define GETALL 13
#define GETNCNT 14
#define GETZCNT 15
#define SETVAL 16
#define SETALL 17
#define SEM_STAT 18
#define SEM_INFO 19
#define SEM_STAT_ANY 20

struct seminfo {
	int32_t semmap, semmni, semmns, semmnu, semmsl, semopm, semume, semusz, semvmx, semaem;
};

static long info_show(bool usage, uint64_t to)
{
	struct seminfo info = {
		.semmap = SEMAPHORES_TOTAL,
		.semmni = SEMAPHORE_SETS_MAX,
		.semmns = SEMAPHORES_TOTAL,
		.semmnu = SEMAPHORES_TOTAL,
		.semmsl = SEMAPHORES_MAX,
		.semopm = SEMAPHORE_OPERATIONS_MAX,
		.semume = SEMAPHORE_OPERATIONS_MAX,
		.semusz = 20,
		.semvmx = SEMAPHORE_VALUE_MAX,
		.semaem = SEMAPHORE_VALUE_MAX,
	};
	int32_t highest;

	lock_acquire(&semaphore_sets.lock);
	if (usage) {
		info.semusz = (int32_t)semaphore_sets.count;
		info.semaem = (int32_t)semaphores_total;
	}
	highest = ipc_highest_index(&semaphore_sets);
	lock_release(&semaphore_sets.lock);
	return user_write(to, &info, sizeof(info)) ? -EFAULT : highest;
}

static long set_stat(int32_t id, enum ipc_by by, uint64_t to)
{
	struct semid64_ds status = {0};
	struct ipc_object *object;
	int r;

	lock_acquire(&semaphore_sets.lock);
	r = ipc_find_readable(&semaphore_sets, id, by, &object);
	if (!r) {
		ipc_object_show(object, &status.sem_perm);
		status.sem_otime = set_of(object)->operated_s;
		status.sem_ctime = set_of(object)->changed_s;
		status.sem_nsems = set_of(object)->count;
		r = by == IPC_BY_ID ? 0 : object->id;
	}
	lock_release(&semaphore_sets.lock);
	return r < 0 || !user_write(to, &status, sizeof(status)) ? r : -EFAULT;
}

static long set_change(int32_t id, uint64_t from)
{
	struct ipc_object *object;
	struct semid64_ds status;
	int r;

	if (USER_GET(&status, from))
		return -EFAULT;
	LOCK_SCOPE(&semaphore_sets.lock);
	r = ipc_find(&semaphore_sets, id, &object);
	if (!r)
		r = ipc_object_own(object);
	if (r)
		return r;
	ipc_object_set(object, &status.sem_perm);
	set_of(object)->changed_s = ipc_now();
	return 0;
}

static long set_remove(int32_t id)
{
	struct semaphore_waiter *waiter, *next;
	struct ipc_object *object;
	struct semaphore_set *set;
	int r;

	LOCK_SCOPE(&semaphore_sets.lock);
	r = ipc_find(&semaphore_sets, id, &object);
	if (!r)
		r = ipc_object_own(object);
	if (r)
		return r;
	set = set_of(object);
	LIST_FOR_EACH_SAFE (waiter, next, &set->waiters, link)
		waiter_finish(waiter, -EIDRM);
	semaphore_undo_orphan(set);
	ipc_remove(&semaphore_sets, object);
	semaphores_total -= set->count;
	heap_free(set);
	return 0;
}

/* Calls whose first operation that cannot be done is on that semaphore. */
static int32_t count_waiters(const struct semaphore_set *set, uint32_t number, bool for_zero)
{
	const struct semaphore_waiter *waiter;
	int32_t count = 0;

	LIST_FOR_EACH (waiter, &set->waiters, link) {
		const struct semaphore_operation *blocking = &waiter->operations[waiter->blocking];

		count += blocking->number == number && !blocking->change == for_zero;
	}
	return count;
}

static long semaphore_get(int32_t id, uint32_t number, int32_t command)
{
	struct ipc_object *object;
	const struct semaphore_set *set;
	int r;

	LOCK_SCOPE(&semaphore_sets.lock);
	r = ipc_find_readable(&semaphore_sets, id, IPC_BY_ID, &object);
	if (r)
		return r;
	set = set_of(object);
	if (number >= set->count)
		return -EINVAL;
	switch (command) {
	case GETVAL:
		return set->of[number].value;
	case GETPID:
		return set->of[number].last_pid;
	default:
		return count_waiters(set, number, command == GETZCNT);
	}
}

static void semaphore_put(struct semaphore_set *set, uint32_t number, int32_t value)
{
	set->of[number].value = value;
	set->of[number].last_pid = thread_current()->process->pid;
}

static long semaphore_set_value(int32_t id, uint32_t number, int32_t value)
{
	struct ipc_object *object;
	int r;

	if (value < 0 || value > SEMAPHORE_VALUE_MAX)
		return -ERANGE;
	LOCK_SCOPE(&semaphore_sets.lock);
	r = ipc_find(&semaphore_sets, id, &object);
	if (r)
		return r;
	if (number >= set_of(object)->count)
		return -EINVAL;
	r = ipc_object_permit(object, IPC_WRITE);
	if (r)
		return r;
	semaphore_undo_forget(set_of(object), number);
	semaphore_put(set_of(object), number, value);
	set_of(object)->changed_s = ipc_now();
	semaphore_serve(set_of(object));
	return 0;
}

/* How many semaphores the set has, if the caller may do @wanted. */
static int count_permitted(int32_t id, uint32_t wanted, uint32_t *ret_count)
{
	struct ipc_object *object;
	int r;

	LOCK_SCOPE(&semaphore_sets.lock);
	r = ipc_find(&semaphore_sets, id, &object);
	if (!r)
		r = ipc_object_permit(object, wanted);
	if (!r)
		*ret_count = set_of(object)->count;
	return r;
}

static long get_all_locked(int32_t id, uint32_t count, uint16_t *values)
{
	struct ipc_object *object;
	int r = ipc_find(&semaphore_sets, id, &object);

	if (r || set_of(object)->count != count)
		return -EIDRM; /* another by now */
	for (uint32_t i = 0; i < count; i++)
		values[i] = (uint16_t)set_of(object)->of[i].value;
	return 0;
}

static long set_all_locked(int32_t id, uint32_t count, const uint16_t *values)
{
	struct ipc_object *object;
	int r = ipc_find(&semaphore_sets, id, &object);

	if (r || set_of(object)->count != count)
		return -EIDRM;
	semaphore_undo_forget(set_of(object), UINT32_MAX);
	for (uint32_t i = 0; i < count; i++)
		semaphore_put(set_of(object), i, values[i]);
	set_of(object)->changed_s = ipc_now();
	semaphore_serve(set_of(object));
	return 0;
}

static long semaphores_get_all(int32_t id, uint64_t to)
{
	CLEANUP(heap_freep) uint16_t *values = NULL;
	uint32_t count;
	long r = count_permitted(id, IPC_READ, &count);

	if (r)
		return r;
	values = heap_alloc(count * sizeof(*values));
	if (!values)
		return -ENOMEM;
	lock_acquire(&semaphore_sets.lock);
	r = get_all_locked(id, count, values);
	lock_release(&semaphore_sets.lock);
	return r ? r : user_write(to, values, count * sizeof(*values));
}

static long semaphores_set_all(int32_t id, uint64_t from)
{
	CLEANUP(heap_freep) uint16_t *values = NULL;
	uint32_t count;
	long r = count_permitted(id, IPC_WRITE, &count);

	if (r)
		return r;
	values = heap_alloc(count * sizeof(*values));
	if (!values)
		return -ENOMEM;
	if (user_read(values, from, count * sizeof(*values)))
		return -EFAULT;
	for (uint32_t i = 0; i < count; i++)
		if (values[i] > SEMAPHORE_VALUE_MAX)
			return -ERANGE;
	LOCK_SCOPE(&semaphore_sets.lock);
	return set_all_locked(id, count, values);
}

long sys_semctl(struct thread *thread, const struct syscall_args *args)
{
	int32_t id = (int32_t)args->a, command = (int32_t)args->c;
	uint32_t number = (uint32_t)args->b;

	(void)thread;
	if (id < 0)
		return -EINVAL;
	switch (command) {
	case IPC_INFO:
	case SEM_INFO:
		return info_show(command == SEM_INFO, args->d);
	case IPC_STAT:
		return set_stat(id, IPC_BY_ID, args->d);
	case SEM_STAT:
		return set_stat(id, IPC_BY_INDEX, args->d);
	case SEM_STAT_ANY:
		return set_stat(id, IPC_BY_INDEX_ANY, args->d);
	case IPC_SET:
		return set_change(id, args->d);
	case IPC_RMID:
		return set_remove(id);
	case GETALL:
		return semaphores_get_all(id, args->d);
	case SETALL:
		return semaphores_set_all(id, args->d);
	case GETVAL:
	case GETPID:
	case GETNCNT:
	case GETZCNT:
		return semaphore_get(id, number, command);
	case SETVAL:
		return semaphore_set_value(id, number, (int32_t)args->d);
	default:
		return -EINVAL;
	}
}

/* ---- /proc/sysvipc/sem ---- */

int semaphores_show(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	text_put(text, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime"
		       "      ctime\n");
	LOCK_SCOPE(&semaphore_sets.lock);
	for (uint32_t i = 0; i < semaphore_sets.capacity; i++) {
		struct ipc_object *o = semaphore_sets.objects[i];

		if (!o)
			continue;
		text_put(text, "%10d %10d  %4o %10u %5u %5u %5u %5u %10lu %10lu\n", o->key, o->id,
			o->mode, set_of(o)->count, o->uid, o->gid, o->cuid, o->cgid,
			(uint64_t)set_of(o)->operated_s, (uint64_t)set_of(o)->changed_s);
	}
	return 0;
}
