#include "libos/processes/service.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/processes/process.h"
#include "platform/platform.h"

struct service {
	struct thread *thread;
	void (*serve)(struct service *service);
	void *context;
	uint32_t is_released; /* nobody interrupts the thread any more, */
	uint32_t has_ended;   /* and it does not touch this any more */
};

static void wait_until_set(uint32_t *word)
{
	while (!__atomic_load_n(word, __ATOMIC_ACQUIRE)) {
		thread_current()->block.pending = 0;
		platform_wait(word, 0, UINT64_MAX);
	}
}

static void set(uint32_t *word)
{
	__atomic_store_n(word, 1, __ATOMIC_RELEASE);
	platform_wake(word, 1);
}

static NORETURN void run(struct thread *thread)
{
	struct service *service = thread->service;
	struct process *process = thread->process;

	service->serve(service);
	wait_until_set(&service->is_released);
	set(&service->has_ended);
	lock_acquire(&process_table_lock);
	thread_bury(thread);
	lock_release(&process_table_lock);
	process_unref(process);
	platform_thread_exit(true, &thread->stack_free);
}

static struct thread *thread_make(const char *name)
{
	struct process *process = process_new(signal_actions_new(NULL));
	struct thread *thread = process ? thread_new(process) : NULL;

	if (!thread) {
		process_unref(process);
		return NULL;
	}
	process->leader = thread;
	string_copy(thread->name, name, sizeof(thread->name));
	return thread;
}

int service_start(const char *name, void (*serve)(struct service *service), void *context,
	struct service **ret_service)
{
	struct service *service = heap_alloc(sizeof(*service));
	struct thread *thread = service ? thread_make(name) : NULL;
	int r = -ENOMEM;

	if (thread) {
		*service = (struct service){.thread = thread, .serve = serve, .context = context};
		thread->service = service;
		thread->start = run;
		r = platform_thread_start(thread, PLATFORM_SPACE_NEW);
	}
	if (r) {
		if (thread) {
			process_unref(thread->process);
			thread_free(thread);
		}
		heap_free(service);
		return r;
	}
	if (ret_service)
		*ret_service = service;
	return 0;
}

void *service_context(const struct service *service)
{
	return service->context;
}

void service_stop(struct service *service)
{
	uint32_t was_pending;

	if (!service)
		return;
	was_pending = thread_current()->block.pending;
	thread_interrupt(service->thread);
	set(&service->is_released);
	wait_until_set(&service->has_ended);
	heap_free(service);
	if (was_pending)
		thread_current()->block.pending = 1;
}
