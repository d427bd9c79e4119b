#include "libos/files/aio.h"

#include <linux/aio_abi.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/fs.h>

#include "libos/core/heap.h"
#include "libos/core/wait.h"
#include "libos/files/descriptors.h"
#include "libos/files/eventfd.h"
#include "libos/files/open.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "libos/syscalls/mask.h"
#include "libos/syscalls/syscall.h"
#include "libos/syscalls/timeout.h"

#define EVENTS_LEAST 64U

/* The number of a context is the address of a page that the C library may look at for events in a
 * ring; as the page is zero it finds no ring there and asks us. */
struct aio_context {
	struct aio_context *next; /* of the address space */
	int32_t reference_count;  /* the list's, and one of each call that uses it */
	uint64_t id;
	struct lock lock; /* guards what follows; before wait queues */
	bool is_destroyed;
	uint32_t capacity, first, count; /* of events, a ring */
	struct io_event *events;         /* heap */
	struct wait_queue arrivals;
};

static struct lock contexts_lock; /* the lists of all address spaces, and the total */
static uint32_t events_total;

static void context_unref(struct aio_context *context)
{
	if (!context || __atomic_sub_fetch(&context->reference_count, 1, __ATOMIC_ACQ_REL))
		return;
	__atomic_sub_fetch(&events_total, context->capacity, __ATOMIC_RELAXED);
	heap_free(context->events);
	heap_free(context);
}

static void context_unrefp(struct aio_context **context)
{
	context_unref(*context);
}

void aio_contexts_free(struct aio_context *first)
{
	struct aio_context *context;

	while ((context = first)) {
		first = context->next;
		context_unref(context);
	}
}

static struct aio_context *context_get(struct mm *mm, uint64_t id)
{
	struct aio_context *context;

	LOCK_SCOPE(&contexts_lock);
	for (context = mm->aio_contexts; context; context = context->next)
		if (context->id == id) {
			__atomic_add_fetch(&context->reference_count, 1, __ATOMIC_RELAXED);
			return context;
		}
	return NULL;
}

static struct aio_context *context_new(uint32_t capacity)
{
	struct aio_context *context = heap_alloc(sizeof(*context));

	if (!context)
		return NULL;
	context->events = heap_alloc(capacity * sizeof(*context->events));
	if (!context->events) {
		heap_free(context);
		return NULL;
	}
	context->reference_count = 1;
	context->capacity = capacity;
	wait_queue_init(&context->arrivals);
	__atomic_add_fetch(&events_total, capacity, __ATOMIC_RELAXED);
	return context;
}

long sys_io_setup(struct thread *thread, const struct syscall_args *args)
{
	const uint32_t flags = VMA_READ | VMA_WRITE | VMA_MAYWRITE;
	CLEANUP(context_unrefp) struct aio_context *context = NULL;
	struct mm *mm = thread->process->mm;
	uint32_t wanted = (uint32_t)args->a;
	uint64_t id;
	long at;

	if (USER_GET(&id, args->b))
		return -EFAULT;
	if (id || !wanted || wanted > 0x10000000 / sizeof(struct io_event))
		return -EINVAL;
	if (wanted > AIO_EVENTS_MAX ||
		__atomic_load_n(&events_total, __ATOMIC_RELAXED) > 2 * AIO_EVENTS_MAX - wanted)
		return -EAGAIN;
	context = context_new(MAX(wanted, EVENTS_LEAST));
	if (!context)
		return -ENOMEM;
	at = mm_map(mm, 0, PAGE_SIZE, flags, false, NULL, 0);
	if (at < 0)
		return at;
	context->id = (uint64_t)at;
	if (USER_PUT(args->b, context->id)) {
		(void)!mm_unmap(mm, context->id, PAGE_SIZE);
		return -EFAULT;
	}
	LOCK_SCOPE(&contexts_lock);
	context->next = mm->aio_contexts;
	mm->aio_contexts = TAKE(context);
	return 0;
}

/* Out of the list: its reference is the caller's. */
static struct aio_context *context_take(struct mm *mm, uint64_t id)
{
	struct aio_context **at = &mm->aio_contexts, *context;

	LOCK_SCOPE(&contexts_lock);
	while (*at && (*at)->id != id)
		at = &(*at)->next;
	context = *at;
	if (context)
		*at = context->next;
	return context;
}

long sys_io_destroy(struct thread *thread, const struct syscall_args *args)
{
	struct mm *mm = thread->process->mm;
	CLEANUP(context_unrefp) struct aio_context *context = context_take(mm, args->a);

	if (!context)
		return -EINVAL;
	lock_acquire(&context->lock);
	context->is_destroyed = true;
	lock_release(&context->lock);
	wait_wake(&context->arrivals, 0);
	(void)!mm_unmap(mm, context->id, PAGE_SIZE);
	return 0;
}

/* ---- io_submit ---- */

static bool has_room(struct aio_context *context)
{
	LOCK_SCOPE(&context->lock);
	return context->count < context->capacity;
}

static void complete(struct aio_context *context, const struct io_event *event)
{
	lock_acquire(&context->lock);
	if (context->count < context->capacity) {
		context->events[(context->first + context->count) % context->capacity] = *event;
		context->count++;
	}
	lock_release(&context->lock);
	wait_wake(&context->arrivals, 0);
}

/* What the caller is told by io_submit(2) itself, and not by an event. */
static int check_request(const struct iocb *request, struct file *file)
{
	switch (request->aio_lio_opcode) {
	case IOCB_CMD_PREAD:
	case IOCB_CMD_PREADV:
		if (!file_can_read(file))
			return -EBADF;
		return file->ops && file->ops->read ? 0 : -EINVAL;
	case IOCB_CMD_PWRITE:
	case IOCB_CMD_PWRITEV:
		if (!file_can_write(file))
			return -EBADF;
		return file->ops && file->ops->write ? 0 : -EINVAL;
	case IOCB_CMD_FSYNC:
	case IOCB_CMD_FDSYNC:
		return file->ops && file->ops->sync ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

/* -EAGAIN: it would have to wait and may not, which is its event; else for the caller. */
static int check_flags(const struct iocb *request)
{
	bool is_write = request->aio_lio_opcode == IOCB_CMD_PWRITE ||
			request->aio_lio_opcode == IOCB_CMD_PWRITEV;
	uint32_t flags = (uint32_t)request->aio_rw_flags;

	if (flags & RWF_APPEND)
		return -EOPNOTSUPP;
	return flags ? io_flags_check(request->aio_fildes, flags, is_write) : 0;
}

/* The call that does the same at once. Streams have no offset. */
static syscall_fn *call_of(const struct iocb *request, const struct file *file)
{
	bool is_stream = !file->ops->seek;

	switch (request->aio_lio_opcode) {
	case IOCB_CMD_PREAD:
		return is_stream ? sys_read : sys_pread64;
	case IOCB_CMD_PREADV:
		return is_stream ? sys_readv : sys_preadv;
	case IOCB_CMD_PWRITE:
		return is_stream ? sys_write : sys_pwrite64;
	case IOCB_CMD_PWRITEV:
		return is_stream ? sys_writev : sys_pwritev;
	default:
		return request->aio_lio_opcode == IOCB_CMD_FSYNC ? sys_fsync : sys_fdatasync;
	}
}

static long perform(struct thread *thread, const struct iocb *request, const struct file *file)
{
	struct syscall_args args = {.a = request->aio_fildes,
		.b = request->aio_buf,
		.c = request->aio_nbytes,
		.d = (uint64_t)request->aio_offset};
	long r = call_of(request, file)(thread, &args);

	return r <= -ERESTARTSYS ? -EINTR : r;
}

/* *ret_event_file: what IOCB_FLAG_RESFD names, referenced, or NULL. */
static int event_file_get(const struct iocb *request, struct file **ret_event_file)
{
	uint64_t count;

	*ret_event_file = NULL;
	if (!(request->aio_flags & IOCB_FLAG_RESFD))
		return 0;
	*ret_event_file = fd_get((int)request->aio_resfd);
	if (!*ret_event_file)
		return -EBADF;
	return eventfd_count(*ret_event_file, &count) ? 0 : -EINVAL;
}

static int submit_one(struct thread *thread, struct aio_context *context, uint64_t at)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	CLEANUP(file_unrefp) struct file *event_file = NULL;
	struct io_event event = {.obj = at};
	struct iocb request;
	int r;

	if (USER_GET(&request, at))
		return -EFAULT;
	if (request.aio_reserved2 || (int64_t)request.aio_nbytes < 0)
		return -EINVAL;
	if (!has_room(context))
		return -EAGAIN;
	file = fd_get((int)request.aio_fildes);
	if (!file)
		return -EBADF;
	r = event_file_get(&request, &event_file);
	r = r ? r : check_request(&request, file);
	if (r)
		return r;
	r = check_flags(&request);
	if (r && r != -EAGAIN)
		return r;
	if (USER_PUT(at + offsetof(struct iocb, aio_key), (uint32_t)0))
		return -EFAULT;
	event.data = request.aio_data;
	event.res = r ? r : perform(thread, &request, file);
	complete(context, &event);
	if (event_file)
		eventfd_signal(event_file);
	return 0;
}

long sys_io_submit(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(context_unrefp)
	struct aio_context *context = context_get(thread->process->mm, args->a);
	int64_t count = (int64_t)args->b, done = 0;
	uint64_t at;
	int r = 0;

	if (!context || count < 0)
		return -EINVAL;
	for (count = MIN(count, (int64_t)context->capacity); done < count; done++) {
		r = USER_GET(&at, args->c + (uint64_t)done * sizeof(at));
		r = r ? r : submit_one(thread, context, at);
		if (r)
			break;
	}
	return done ? done : r;
}

/* Nothing is ever under way. */
long sys_io_cancel(struct thread *thread, const struct syscall_args *args)
{
	uint32_t key;

	(void)thread;
	return USER_GET(&key, args->b + offsetof(struct iocb, aio_key)) ? -EFAULT : -EINVAL;
}

/* ---- io_getevents ---- */

/* How many of at most @count were written to @to. -EFAULT: one could not be, and is lost. */
static long take_events(struct aio_context *context, uint64_t to, int64_t count)
{
	struct io_event event;
	int64_t done = 0;

	for (; done < count; done++) {
		lock_acquire(&context->lock);
		if (!context->count) {
			lock_release(&context->lock);
			break;
		}
		event = context->events[context->first];
		context->first = (context->first + 1) % context->capacity;
		context->count--;
		lock_release(&context->lock);
		if (USER_PUT(to + (uint64_t)done * sizeof(event), event))
			return done ? done : -EFAULT;
	}
	return done;
}

struct collection {
	uint64_t to, deadline_ns;
	int64_t least, most, done;
};

/* 0: there is enough; -EAGAIN: not yet. */
static long collect(struct aio_context *context, struct collection *collection)
{
	long n = take_events(context, collection->to, collection->most - collection->done);

	if (n < 0)
		return n;
	collection->done += n;
	collection->to += (uint64_t)n * sizeof(struct io_event);
	if (collection->done >= collection->least)
		return 0;
	return __atomic_load_n(&context->is_destroyed, __ATOMIC_ACQUIRE) ? -EINVAL : -EAGAIN;
}

static long collect_all(struct aio_context *context, struct collection *collection)
{
	struct waiter waiter;
	long r = collect(context, collection);

	if (r == -EAGAIN && collection->deadline_ns) {
		waiter_init(&waiter);
		wait_add(&context->arrivals, &waiter);
		do {
			r = collect(context, collection);
			if (r == -EAGAIN) {
				r = wait_sleep(collection->deadline_ns);
				r = r ? r : -EAGAIN;
			}
		} while (r == -EAGAIN);
		wait_remove(&waiter);
	}
	return collection->done || r == -EAGAIN || r == -ETIMEDOUT ? collection->done : r;
}

static long getevents(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(context_unrefp)
	struct aio_context *context = context_get(thread->process->mm, args->a);
	struct collection collection = {
		.least = (int64_t)args->b, .most = (int64_t)args->c, .to = args->d};
	int r = timeout_from_timespec(args->e, &collection.deadline_ns);

	if (r)
		return r;
	if (!context || collection.least < 0 || collection.least > collection.most)
		return -EINVAL;
	return collect_all(context, &collection);
}

long sys_io_getevents(struct thread *thread, const struct syscall_args *args)
{
	return getevents(thread, args);
}

long sys_io_pgetevents(struct thread *thread, const struct syscall_args *args)
{
	struct {
		uint64_t mask, size;
	} signals = {0};
	int r = 0;

	if (args->f && USER_GET(&signals, args->f))
		return -EFAULT;
	r = mask_begin(thread, signals.mask, signals.size);
	return r ? r : mask_end(thread, getevents(thread, args));
}
