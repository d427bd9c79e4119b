/* Threads of the simulation: host threads, one each; a new address space is a new host process,
 * always a child of the launcher, so that it dies with it. */
#include <asm/errno.h>
#include <asm/prctl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <asm/signal.h>

#include "libos/core/heap.h"
#include "platform/simulation/host_call.h"
#include "platform/simulation/offsets.h"
#include "platform/simulation/simulation.h"

#define CHECK_OFFSET(member, offset)                                                               \
	_Static_assert(offsetof(struct thread_block, member) == (offset), #member)
CHECK_OFFSET(thread, BLOCK_THREAD);
CHECK_OFFSET(stack_top, BLOCK_STACK_TOP);
CHECK_OFFSET(pending, BLOCK_PENDING);
CHECK_OFFSET(frame.r15, FRAME_R15);
CHECK_OFFSET(frame.rbx, FRAME_RBX);
CHECK_OFFSET(frame.r8, FRAME_R8);
CHECK_OFFSET(frame.rax, FRAME_RAX);
CHECK_OFFSET(frame.rdi, FRAME_RDI);
CHECK_OFFSET(frame.orig_rax, FRAME_ORIG_RAX);
CHECK_OFFSET(frame.rip, FRAME_RIP);
CHECK_OFFSET(frame.rflags, FRAME_RFLAGS);
CHECK_OFFSET(frame.rsp, FRAME_RSP);

static struct platform_thread *platform_thread_new(void)
{
	struct platform_thread *p = heap_alloc(sizeof(*p));

	if (!p)
		return NULL;
	p->stack = pool_alloc(SIMULATION_STACK_SIZE);
	if (p->stack)
		return p;
	heap_free(p);
	return NULL;
}

static void platform_thread_use(struct thread *thread, struct platform_thread *p)
{
	struct stack_head *head = (void *)p->stack;

	head->thread = thread;
	thread->platform = p;
	thread->block.thread = thread;
	thread->block.syscall_entry = (uintptr_t)simulation_syscall_entry;
	thread->block.stack_top = (uintptr_t)p->stack + SIMULATION_STACK_SIZE;
}

int platform_thread_prepare(struct thread *thread)
{
	struct platform_thread *p = platform_thread_new();

	if (!p)
		return -ENOMEM;
	platform_thread_use(thread, p);
	return 0;
}

void platform_thread_dispose(struct thread *thread)
{
	struct platform_thread *p = thread->platform, *previous;

	for (; p; p = previous) {
		previous = p->previous;
		/* It was about to leave when its successor began, which is long gone too. */
		while (previous && !__atomic_load_n(&previous->left, __ATOMIC_ACQUIRE))
			platform_yield();
		pool_free(p->stack, SIMULATION_STACK_SIZE);
		heap_free(p);
	}
	thread->platform = NULL;
}

int simulation_signals_block(uint64_t *ret_old)
{
	uint64_t all = UINT64_MAX;

	return host_check_status(HOST_CALL(rt_sigprocmask, SIG_SETMASK, &all, ret_old, 8, 0, 0));
}

void simulation_signals_restore(uint64_t old)
{
	(void)HOST_CALL(rt_sigprocmask, SIG_SETMASK, &old, 0, 8, 0, 0);
}

bool simulation_segment_restore(struct thread *thread)
{
	struct thread_block *base = NULL;

	if (!HOST_CALL(arch_prctl, ARCH_GET_GS, &base, 0, 0, 0, 0) && base == &thread->block)
		return false;
	if (HOST_CALL(arch_prctl, ARCH_SET_GS, &thread->block, 0, 0, 0, 0))
		platform_panic("the host refused a segment base");
	return true;
}

void simulation_thread_adopt(struct thread *thread)
{
	struct stack_head *head = (void *)thread->platform->stack;
	stack_t stack = {.ss_sp = head->signal_stack,
		.ss_size = SIMULATION_SIGNAL_STACK_END - sizeof(*head)};

	(void)simulation_segment_restore(thread);
	if (HOST_CALL(sigaltstack, &stack, 0, 0, 0, 0, 0))
		platform_panic("the host refused a thread's signal stack");
}

static void die_with_launcher(void)
{
	(void)HOST_CALL(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0, 0);
	/* It may have died before that took effect. */
	if (HOST_CALL(getppid, 0, 0, 0, 0, 0, 0) != simulation_launch.launcher_pid)
		(void)HOST_CALL(exit_group, 0, 0, 0, 0, 0, 0);
}

void simulation_thread_main(struct thread *thread)
{
	struct platform_thread *p = thread->platform;

	simulation_thread_adopt(thread);
	if (p->new_process) {
		p->host_pid = p->host_tid;
		die_with_launcher();
	}
	if (p->clear_space)
		platform_space_clear();
	simulation_signals_restore(0);
	if (thread->start)
		thread->start(thread);
}

int platform_thread_start(struct thread *child, enum platform_space_kind space)
{
	const uint64_t same = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			      CLONE_SYSVSEM | CLONE_PARENT_SETTID;
	const uint64_t other = CLONE_FILES | CLONE_PARENT | CLONE_PARENT_SETTID;
	struct platform_thread *p = child->platform;
	uint64_t old_mask;
	long r;

	p->new_process = space != PLATFORM_SPACE_SAME;
	p->clear_space = space == PLATFORM_SPACE_NEW;
	p->host_pid = p->new_process ? 0 : thread_current()->platform->host_pid;
	/* A signal that hit the child before it has a signal stack of its own would run on ours. */
	r = simulation_signals_block(&old_mask);
	if (r)
		return (int)r;
	r = host_clone(p->new_process ? other : same, (void *)child->block.stack_top, &p->host_tid,
		NULL, child);
	simulation_signals_restore(old_mask);
	/* The child may have come and gone: nothing of it is ours to touch. */
	if (r < 0)
		return r == -ENOMEM ? -ENOMEM : -EAGAIN;
	return 0;
}

int platform_thread_move(struct thread *thread)
{
	struct platform_thread *old = thread->platform, *p = platform_thread_new();
	uint64_t old_mask;
	long r;

	if (!p)
		return -ENOMEM;
	p->new_process = p->clear_space = true;
	p->previous = old;
	r = simulation_signals_block(&old_mask);
	if (!r) {
		platform_thread_use(thread, p);
		r = host_clone(CLONE_FILES | CLONE_PARENT | CLONE_PARENT_SETTID,
			(void *)thread->block.stack_top, &p->host_tid, NULL, thread);
		if (r > 0)
			host_thread_exit(&old->left, 0);
		platform_thread_use(thread, old);
		simulation_signals_restore(old_mask);
	}
	pool_free(p->stack, SIMULATION_STACK_SIZE);
	heap_free(p);
	return (int)r;
}

void platform_thread_exit(bool last, uint32_t *done)
{
	uint64_t old;

	(void)last;
	/* No handler may run on the signal stack once *done is set. */
	if (simulation_signals_block(&old))
		platform_panic("the host refused to block signals");
	host_thread_exit(done, 0);
}

void platform_thread_interrupt(struct thread *target)
{
	struct platform_thread *p = target->platform;

	__atomic_store_n(&target->block.pending, 1, __ATOMIC_SEQ_CST);
	if (target == thread_current())
		return;
	/* Gone already is fine. host_pid is not yet known for a process just cloned. */
	(void)HOST_CALL(
		tgkill, p->host_pid ? p->host_pid : p->host_tid, p->host_tid, SIGURG, 0, 0, 0);
}

void platform_fs_base_set(uint64_t base)
{
	(void)HOST_CALL(arch_prctl, ARCH_SET_FS, base, 0, 0, 0, 0);
}

uint64_t platform_fs_base(void)
{
	uint64_t base = 0;

	(void)HOST_CALL(arch_prctl, ARCH_GET_FS, &base, 0, 0, 0, 0);
	return base;
}

void platform_yield(void)
{
	(void)HOST_CALL(sched_yield, 0, 0, 0, 0, 0, 0);
}
