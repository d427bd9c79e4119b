/* poll(2), ppoll(2). */
#include "libos/files/poll.h"

#include <asm/errno.h>
#include <asm/resource.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/processes/process.h"
#include "libos/syscalls/timeout.h"
#include "libos/syscalls/mask.h"
#include "libos/syscalls/syscall.h"

/* So many need no heap memory. */
#define POLL_FEW 16

/* struct pollfd */
struct poll_request {
	int32_t fd;
	uint16_t events, ready;
};

/* One call's working memory. */
struct poll_call {
	struct poll_request few_requests[POLL_FEW];
	struct poll_entry few_entries[POLL_FEW];
	struct poll_request *requests;
	struct poll_entry *entries;
	size_t count;
};

static int poll_call_init(struct poll_call *call, uint64_t address, uint64_t count)
{
	if (count > thread_current()->process->limits[RLIMIT_NOFILE].soft)
		return -EINVAL;
	call->count = count;
	call->requests = call->few_requests;
	call->entries = call->few_entries;
	if (count > POLL_FEW) {
		call->requests = heap_alloc(count * sizeof(*call->requests));
		call->entries = heap_alloc(count * sizeof(*call->entries));
		if (!call->requests || !call->entries)
			return -ENOMEM;
	}
	return user_read(call->requests, address, count * sizeof(*call->requests));
}

static void poll_call_done(struct poll_call *call)
{
	if (call->requests != call->few_requests)
		heap_free(call->requests);
	if (call->entries != call->few_entries)
		heap_free(call->entries);
}

/* The files of the descriptors; returns how many of those are none. */
static long poll_files_get(struct poll_call *call)
{
	long invalid = 0;

	for (size_t i = 0; i < call->count; i++) {
		struct poll_request *request = &call->requests[i];
		struct poll_entry *entry = &call->entries[i];

		*entry = (struct poll_entry){.events = request->events | POLLERR | POLLHUP};
		if (request->fd < 0)
			continue;
		entry->file = fd_get(request->fd);
		if (entry->file)
			continue;
		entry->ready = POLLNVAL;
		invalid++;
	}
	return invalid;
}

static void poll_files_put(struct poll_call *call)
{
	for (size_t i = 0; i < call->count; i++)
		file_unref(call->entries[i].file);
}

/* Only the answers are written back. */
static int poll_answer(struct poll_call *call, uint64_t address)
{
	for (size_t i = 0; i < call->count; i++) {
		uint64_t at = address + i * sizeof(struct poll_request) +
			      offsetof(struct poll_request, ready);

		if (USER_PUT(at, (uint16_t)call->entries[i].ready))
			return -EFAULT;
	}
	return 0;
}

static long poll_call_run(struct poll_call *call, uint64_t address, uint64_t deadline_ns)
{
	long ready = poll_files_get(call);

	ready = poll_entries(call->entries, call->count, ready, deadline_ns);
	poll_files_put(call);
	if (ready >= 0 && poll_answer(call, address))
		return -EFAULT;
	return ready;
}

static long do_poll(uint64_t address, uint64_t count, uint64_t deadline_ns)
{
	struct poll_call call;
	long r = -EINVAL;

	call.requests = call.few_requests;
	call.entries = call.few_entries;
	r = poll_call_init(&call, address, count);
	if (!r)
		r = poll_call_run(&call, address, deadline_ns);
	poll_call_done(&call);
	return r;
}

/* restart_syscall(2): the time that is left, not the whole again. */
static long poll_resume(struct thread *thread)
{
	struct restart *restart = &thread->restart;
	long r = do_poll(restart->arguments[0], restart->arguments[1], restart->deadline_ns);

	return r == -EINTR ? -ERESTART_RESTARTBLOCK : r;
}

long sys_poll(struct thread *thread, const struct syscall_args *args)
{
	uint64_t deadline_ns = timeout_from_ms((int32_t)args->c);
	uint32_t count = (uint32_t)args->b;
	long r = do_poll(args->a, count, deadline_ns);

	if (r != -EINTR)
		return r;
	thread->restart.resume = poll_resume;
	thread->restart.deadline_ns = deadline_ns;
	thread->restart.arguments[0] = args->a;
	thread->restart.arguments[1] = count;
	return -ERESTART_RESTARTBLOCK;
}

long sys_ppoll(struct thread *thread, const struct syscall_args *args)
{
	uint64_t deadline_ns;
	long r;

	r = timeout_from_timespec(args->c, &deadline_ns);
	if (!r)
		r = mask_begin(thread, args->d, args->e);
	if (r)
		return r;
	r = do_poll(args->a, (uint32_t)args->b, deadline_ns);
	if (r == -EINTR)
		r = -ERESTARTNOHAND;
	/* A restart needs the time that is left, where it can be written. */
	if (timeout_left_timespec(args->c, deadline_ns) && r == -ERESTARTNOHAND)
		r = -EINTR;
	return mask_end(thread, r);
}
