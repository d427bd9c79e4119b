/* futex(2): waiting, waking and requeueing, and what is left of a thread's locks at its end. The
 * priority-inheritance operations are in futex_pi.c. */
#include "libos/processes/futex.h"

#include <asm/errno.h>
#include <linux/futex.h>

#include "libos/core/user.h"
#include "libos/core/user_copy.h"
#include "libos/processes/futex_bucket.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "libos/time/clock.h"
#include "libos/time/timespec.h"
#include "platform/platform.h"

#define ROBUST_LIST_LIMIT 2048
#define ROBUST_HEAD_SIZE 24
#define WORD(address) ((uint32_t *)(uintptr_t)(address))

/* ---- Waiting -----------------------------------------------------------------------------------
 */

/* Queue @waiter if the word still has @expected: 0, -EAGAIN, -EFAULT. */
static int queue_if_equal(struct futex_waiter *waiter, uint64_t address, uint32_t expected)
{
	struct futex_bucket *bucket = futex_bucket_of(&waiter->key);
	uint32_t value;
	int r;

	for (;;) {
		futex_bucket_enter(bucket);
		lock_acquire(&bucket->lock);
		r = user_word_load(WORD(address), &value);
		if (!r && value == expected) {
			futex_enqueue(waiter, bucket);
			lock_release(&bucket->lock);
			return 0;
		}
		lock_release(&bucket->lock);
		futex_bucket_leave(bucket);
		if (!r)
			return -EAGAIN;
		if (futex_fault_in(waiter->thread, address, false))
			return -EFAULT;
	}
}

static int sleep_on(struct futex_waiter *waiter, uint64_t deadline_ns)
{
	int r = 0;

	while (!__atomic_load_n(&waiter->woken, __ATOMIC_ACQUIRE) && !r)
		r = wait_sleep(deadline_ns);
	return futex_dequeue(waiter) ? 0 : r;
}

static long wait_resume(struct thread *thread);

static long wait_on(struct thread *thread, uint64_t address, bool is_private, uint32_t expected,
	uint32_t bitset, uint64_t deadline_ns)
{
	struct futex_waiter waiter;
	long r;

	if (!bitset)
		return -EINVAL;
	futex_waiter_init(&waiter, thread, bitset);
	r = futex_key_of(thread, address, is_private, &waiter.key);
	if (!r)
		r = queue_if_equal(&waiter, address, expected);
	if (!r)
		r = sleep_on(&waiter, deadline_ns);
	if (r != -EINTR)
		return r;
	if (deadline_ns == WAIT_FOREVER)
		return -ERESTARTSYS;
	thread->restart.resume = wait_resume;
	thread->restart.deadline_ns = deadline_ns;
	thread->restart.arguments[0] = address;
	thread->restart.arguments[1] = is_private;
	thread->restart.arguments[2] = expected;
	thread->restart.arguments[3] = bitset;
	return -ERESTART_RESTARTBLOCK;
}

static long wait_resume(struct thread *thread)
{
	const struct restart *q = &thread->restart;

	return wait_on(thread, q->arguments[0], q->arguments[1], (uint32_t)q->arguments[2],
		(uint32_t)q->arguments[3], q->deadline_ns);
}

/* ---- Waking ------------------------------------------------------------------------------------
 */

/* Wake up to @max waiters of @key; the bucket is locked. -EINVAL: one waits for a PI futex. */
static long wake_locked(struct futex_bucket *bucket, const struct futex_key *key, int32_t max,
	uint32_t bitset, struct futex_wakes *wakes)
{
	struct futex_waiter *waiter, *next;
	long woken = 0;

	if (!bucket->waiters.next)
		return 0;
	LIST_FOR_EACH_SAFE (waiter, next, &bucket->waiters, link) {
		if (!futex_key_is(&waiter->key, key))
			continue;
		if (waiter->is_pi || waiter->requeue)
			return -EINVAL;
		if (!(waiter->bitset & bitset))
			continue;
		futex_wake_waiter(waiter, wakes);
		if (++woken >= max)
			break;
	}
	return woken;
}

static long wake_key(const struct futex_key *key, int32_t max, uint32_t bitset)
{
	struct futex_bucket *bucket = futex_bucket_of(key);
	struct futex_wakes wakes = {.count = 0};
	long r;

	if (futex_bucket_is_idle(bucket))
		return 0;
	lock_acquire(&bucket->lock);
	r = wake_locked(bucket, key, max, bitset, &wakes);
	lock_release(&bucket->lock);
	futex_wakes_send(&wakes);
	return r;
}

static long wake_up(
	struct thread *thread, uint64_t address, bool is_private, int32_t max, uint32_t bitset)
{
	struct futex_key key;
	int r;

	if (!bitset)
		return -EINVAL;
	r = futex_key_of(thread, address, is_private, &key);
	return r ? r : wake_key(&key, max, bitset);
}

void futex_wake_address(struct thread *thread, uint64_t address)
{
	(void)!wake_up(thread, address, false, 1, FUTEX_BITSET_MATCH_ANY);
}

/* FUTEX_WAKE_OP's operation on the word: the old value in *ret_old; -EFAULT, -ENOSYS. */
static int word_operate(uint64_t address, uint32_t op, uint32_t *ret_old)
{
	uint32_t operand = (uint32_t)((int32_t)(op << 8) >> 20), old, seen;
	uint32_t code = (op >> 28) & 7;
	int r;

	if ((op >> 28) & FUTEX_OP_OPARG_SHIFT)
		operand = 1U << (operand & 31);
	switch (code) {
	case FUTEX_OP_SET:
		return user_word_exchange(WORD(address), operand, ret_old);
	case FUTEX_OP_ADD:
		return user_word_add(WORD(address), operand, ret_old);
	case FUTEX_OP_OR:
	case FUTEX_OP_ANDN:
	case FUTEX_OP_XOR:
		break;
	default:
		return -ENOSYS;
	}
	r = user_word_load(WORD(address), &old);
	while (!r) {
		uint32_t desired = code == FUTEX_OP_OR     ? old | operand
				   : code == FUTEX_OP_ANDN ? old & ~operand
							   : old ^ operand;

		r = user_word_compare_exchange(WORD(address), old, desired, &seen);
		if (!r && seen == old)
			break;
		old = seen;
	}
	*ret_old = old;
	return r;
}

static int word_compare(uint32_t op, uint32_t old, bool *ret_result)
{
	int32_t value = (int32_t)old, operand = (int32_t)(op << 20) >> 20;

	switch ((op >> 24) & 15) {
	case FUTEX_OP_CMP_EQ:
		*ret_result = value == operand;
		return 0;
	case FUTEX_OP_CMP_NE:
		*ret_result = value != operand;
		return 0;
	case FUTEX_OP_CMP_LT:
		*ret_result = value < operand;
		return 0;
	case FUTEX_OP_CMP_GE:
		*ret_result = value >= operand;
		return 0;
	case FUTEX_OP_CMP_LE:
		*ret_result = value <= operand;
		return 0;
	case FUTEX_OP_CMP_GT:
		*ret_result = value > operand;
		return 0;
	default:
		return -ENOSYS;
	}
}

static long wake_op(struct thread *thread, const struct futex_requeue *q, uint32_t op)
{
	struct futex_wakes wakes = {.count = 0};
	struct futex_key first, second;
	struct futex_bucket *a, *b;
	uint32_t old = 0;
	bool also = false;
	long r, more;

	r = futex_key_of(thread, q->from, q->is_private, &first);
	if (!r)
		r = futex_key_of(thread, q->to, q->is_private, &second);
	if (r)
		return r;
	a = futex_bucket_of(&first);
	b = futex_bucket_of(&second);
	for (;;) {
		futex_lock_two(a, b);
		r = word_operate(q->to, op, &old);
		if (r != -EFAULT)
			break;
		futex_unlock_two(a, b);
		if (futex_fault_in(thread, q->to, true))
			return -EFAULT;
	}
	if (!r) {
		r = wake_locked(a, &first, q->wake_max, FUTEX_BITSET_MATCH_ANY, &wakes);
		more = word_compare(op, old, &also);
		if (r >= 0 && more)
			r = more;
		if (r >= 0 && also) {
			more = wake_locked(
				b, &second, q->requeue_max, FUTEX_BITSET_MATCH_ANY, &wakes);
			r = more < 0 ? more : r + more;
		}
	}
	futex_unlock_two(a, b);
	futex_wakes_send(&wakes);
	return r;
}

/* ---- Requeueing --------------------------------------------------------------------------------
 */

static long requeue_locked(struct futex_bucket *a, const struct futex_key *from,
	struct futex_bucket *b, const struct futex_key *to, const struct futex_requeue *q,
	struct futex_wakes *wakes)
{
	struct futex_waiter *waiter, *next;
	long woken = 0, moved = 0;

	if (!a->waiters.next)
		return 0;
	LIST_FOR_EACH_SAFE (waiter, next, &a->waiters, link) {
		if (woken >= q->wake_max && moved >= q->requeue_max)
			break;
		if (!futex_key_is(&waiter->key, from))
			continue;
		if (waiter->is_pi || waiter->requeue)
			return -EINVAL;
		if (woken < q->wake_max) {
			futex_wake_waiter(waiter, wakes);
			woken++;
		} else if (futex_key_is(from, to)) {
			moved++;
		} else {
			futex_move(waiter, b, to);
			moved++;
		}
	}
	return woken + moved;
}

static long requeue(struct thread *thread, const struct futex_requeue *q)
{
	struct futex_wakes wakes = {.count = 0};
	struct futex_key from, to;
	struct futex_bucket *a, *b;
	uint32_t value = q->expected;
	long r;

	if (q->wake_max < 0 || q->requeue_max < 0)
		return -EINVAL;
	r = futex_key_of(thread, q->from, q->is_private, &from);
	if (!r)
		r = futex_key_of(thread, q->to, q->is_private, &to);
	if (r)
		return r;
	a = futex_bucket_of(&from);
	b = futex_bucket_of(&to);
	for (;;) {
		futex_lock_two(a, b);
		r = q->compare ? user_word_load(WORD(q->from), &value) : 0;
		if (!r)
			break;
		futex_unlock_two(a, b);
		if (futex_fault_in(thread, q->from, false))
			return -EFAULT;
	}
	r = value == q->expected ? requeue_locked(a, &from, b, &to, q, &wakes) : -EAGAIN;
	futex_unlock_two(a, b);
	futex_wakes_send(&wakes);
	return r;
}

/* ---- The call ----------------------------------------------------------------------------------
 */

static bool takes_timeout(uint32_t command)
{
	return command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || command == FUTEX_LOCK_PI ||
	       command == FUTEX_LOCK_PI2 || command == FUTEX_WAIT_REQUEUE_PI;
}

/* The timeout in argument 4 as a monotonic deadline. */
static int deadline_of(uint32_t command, bool realtime, uint64_t address, uint64_t *ret_deadline_ns)
{
	uint64_t ns;
	int r;

	*ret_deadline_ns = WAIT_FOREVER;
	if (!takes_timeout(command) || !address)
		return 0;
	r = timespec_read(address, &ns);
	if (r)
		return r;
	if (command == FUTEX_WAIT)
		*ret_deadline_ns = deadline_after(clock_monotonic_ns(), ns);
	else if (realtime)
		*ret_deadline_ns = clock_realtime_deadline(ns);
	else
		*ret_deadline_ns = ns;
	return 0;
}

static long run(struct thread *thread, uint32_t command, const struct futex_requeue *q,
	uint64_t deadline_ns, uint32_t value3)
{
	uint64_t address = q->from;

	switch (command) {
	case FUTEX_WAIT:
		value3 = FUTEX_BITSET_MATCH_ANY;
		/* fall through */
	case FUTEX_WAIT_BITSET:
		return wait_on(thread, address, q->is_private, q->expected, value3, deadline_ns);
	case FUTEX_WAKE:
		value3 = FUTEX_BITSET_MATCH_ANY;
		/* fall through */
	case FUTEX_WAKE_BITSET:
		return wake_up(thread, address, q->is_private, q->wake_max, value3);
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		return requeue(thread, q);
	case FUTEX_WAKE_OP:
		return wake_op(thread, q, value3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(thread, address, q->is_private, deadline_ns, false);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(thread, address, q->is_private, 0, true);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(thread, address, q->is_private);
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_wait_requeue_pi(thread, q, deadline_ns, FUTEX_BITSET_MATCH_ANY);
	case FUTEX_CMP_REQUEUE_PI:
		return futex_cmp_requeue_pi(thread, q);
	default:
		return -ENOSYS;
	}
}

long sys_futex(struct thread *thread, const struct syscall_args *args)
{
	uint32_t op = (uint32_t)args->b, command = op & (uint32_t)FUTEX_CMD_MASK;
	uint32_t value3 = (uint32_t)args->f;
	bool realtime = op & FUTEX_CLOCK_REALTIME;
	bool compares = command == FUTEX_CMP_REQUEUE || command == FUTEX_CMP_REQUEUE_PI;
	struct futex_requeue q = {
		.from = args->a,
		.to = args->e,
		.is_private = op & FUTEX_PRIVATE_FLAG,
		.compare = compares,
		.expected = compares ? value3 : (uint32_t)args->c,
		.wake_max = (int32_t)args->c,
		.requeue_max = (int32_t)args->d,
	};
	uint64_t deadline_ns;
	int r;

	if (realtime && command != FUTEX_WAIT_BITSET && command != FUTEX_WAIT_REQUEUE_PI &&
		command != FUTEX_LOCK_PI2)
		return -ENOSYS;
	if (command == FUTEX_LOCK_PI)
		realtime = true;
	r = deadline_of(command, realtime, args->d, &deadline_ns);
	return r ? r : run(thread, command, &q, deadline_ns, value3);
}

/* ---- Robust lists ------------------------------------------------------------------------------
 */

long sys_set_robust_list(struct thread *thread, const struct syscall_args *args)
{
	if (args->b != ROBUST_HEAD_SIZE)
		return -EINVAL;
	thread->robust_list = args->a;
	return 0;
}

long sys_get_robust_list(struct thread *thread, const struct syscall_args *args)
{
	uint64_t head = thread->robust_list, size = ROBUST_HEAD_SIZE;
	struct thread *other;

	if ((int32_t)args->a) {
		LOCK_SCOPE(&process_table_lock);
		other = thread_find((int32_t)args->a);
		if (!other)
			return -ESRCH;
		if (!process_may_inspect(thread, other->process))
			return -EPERM;
		head = other->robust_list;
	}
	if (USER_PUT(args->c, size))
		return -EFAULT;
	return USER_PUT(args->b, head);
}

/* The thread died with the lock at @address, or (@pending) may have been about to get or give it.
 */
static void robust_lock_died(struct thread *thread, uint64_t address, bool is_pi, bool pending)
{
	uint32_t value, seen, dead;

	if (!IS_ALIGNED(address, sizeof(value)) || !platform_is_user(address, sizeof(value)))
		return;
	if (user_read(&value, address, sizeof(value)))
		return;
	for (;;) {
		/* Released, and the waiter not yet woken: somebody has to. */
		if (pending && !is_pi && !value)
			futex_wake_address(thread, address);
		if ((value & FUTEX_TID_MASK) != (uint32_t)thread->tid)
			return;
		dead = (value & FUTEX_WAITERS) | FUTEX_OWNER_DIED;
		if (user_word_compare_exchange(WORD(address), value, dead, &seen)) {
			if (futex_fault_in(thread, address, true))
				return;
			continue;
		}
		if (seen == value)
			break;
		value = seen;
	}
	if (!is_pi && (value & FUTEX_WAITERS))
		futex_wake_address(thread, address);
}

static void robust_walk(struct thread *thread, uint64_t head)
{
	struct {
		uint64_t next;
		int64_t offset;
		uint64_t pending;
	} list;
	uint64_t entry, next;

	if (USER_GET(&list, head))
		return;
	entry = list.next;
	for (int i = 0; i < ROBUST_LIST_LIMIT && (entry & ~1UL) != head; i++) {
		/* Read before the lock is given up: its owner may free it then. */
		int r = USER_GET(&next, entry & ~1UL);

		if ((entry & ~1UL) != (list.pending & ~1UL))
			robust_lock_died(
				thread, (entry & ~1UL) + (uint64_t)list.offset, entry & 1, false);
		if (r)
			return;
		entry = next;
	}
	if (list.pending & ~1UL)
		robust_lock_died(thread, (list.pending & ~1UL) + (uint64_t)list.offset,
			list.pending & 1, true);
}

void futex_exit_robust(struct thread *thread)
{
	uint64_t head = thread->robust_list;

	thread->robust_list = 0;
	if (head)
		robust_walk(thread, head);
	futex_exit_pi(thread);
}
