/* The way back to the program: deliver signals, restart calls, build and undo signal frames. */
#include <asm/errno.h>
#include <asm/signal.h>
#include <asm-generic/siginfo.h>

#include "base/memory.h"
#include "libos/core/user.h"
#include "libos/processes/process.h"
#include "libos/processes/tree.h"
#include "abi/signal_context.h"
#include "libos/syscalls/syscall.h"
#include "libos/syscalls/trace.h"
#include "platform/platform.h"

#define RED_ZONE_SIZE 128
#define NR_RESTART_SYSCALL 219
#define RFLAGS_USER 0x50cd5UL /* AC OF DF SF ZF AF PF CF RF: what a program may choose */
#define RFLAGS_ALWAYS 0x202UL
#define USER_CS 0x33
#define USER_SS 0x2b
#define VECTOR_SIZE_MAX 4096
#define XSTATE_MAGIC1 0x46505853U
#define XSTATE_MAGIC2 0x46505845U
#define XSTATE_SOFTWARE_OFFSET 464
#define SA_KERNEL_RESTORER 0x04000000UL
#define ALTSTACK_AUTODISARM (1U << 31)
#define WAIT_STATUS_CORE 0x80

#define SET_CORE                                                                                   \
	(SIGNAL_BIT(SIGQUIT) | SIGNAL_BIT(SIGILL) | SIGNAL_BIT(SIGTRAP) | SIGNAL_BIT(SIGABRT) |    \
		SIGNAL_BIT(SIGBUS) | SIGNAL_BIT(SIGFPE) | SIGNAL_BIT(SIGSEGV) |                    \
		SIGNAL_BIT(SIGXCPU) | SIGNAL_BIT(SIGXFSZ) | SIGNAL_BIT(SIGSYS))
#define SET_STOP                                                                                   \
	(SIGNAL_BIT(SIGSTOP) | SIGNAL_BIT(SIGTSTP) | SIGNAL_BIT(SIGTTIN) | SIGNAL_BIT(SIGTTOU))

/* What lies on the program's stack (arch/x86 struct rt_sigframe). */
struct signal_frame {
	uint64_t return_address;
	struct signal_ucontext uc;
	struct signal_info info;
};

/* In the software-reserved bytes of the XSAVE area: struct _fpx_sw_bytes. */
struct xstate_software {
	uint32_t magic1, extended_size;
	uint64_t features;
	uint32_t size, padding[7];
};

static void context_save(struct signal_context *c, const struct thread *thread)
{
	const struct frame *f = &thread->block.frame;

	c->r8 = f->r8, c->r9 = f->r9, c->r10 = f->r10, c->r11 = f->r11;
	c->r12 = f->r12, c->r13 = f->r13, c->r14 = f->r14, c->r15 = f->r15;
	c->rdi = f->rdi, c->rsi = f->rsi, c->rbp = f->rbp, c->rbx = f->rbx;
	c->rdx = f->rdx, c->rax = f->rax, c->rcx = f->rcx, c->rsp = f->rsp;
	c->rip = f->rip, c->rflags = f->rflags;
	c->cs = USER_CS, c->ss = USER_SS;
	c->error = thread->fault.error, c->trap = thread->fault.trap, c->cr2 = thread->fault.cr2;
}

static void context_restore(struct thread *thread, const struct signal_context *c)
{
	struct frame *f = &thread->block.frame;

	f->r8 = c->r8, f->r9 = c->r9, f->r10 = c->r10, f->r11 = c->r11;
	f->r12 = c->r12, f->r13 = c->r13, f->r14 = c->r14, f->r15 = c->r15;
	f->rdi = c->rdi, f->rsi = c->rsi, f->rbp = c->rbp, f->rbx = c->rbx;
	f->rdx = c->rdx, f->rax = c->rax, f->rcx = c->rcx, f->rsp = c->rsp;
	f->rip = c->rip;
	f->rflags = (c->rflags & RFLAGS_USER) | RFLAGS_ALWAYS;
	f->orig_rax = UINT64_MAX;
}

static bool is_in_altstack(const struct thread *thread, uint64_t sp)
{
	const struct signal_thread *s = &thread->signals;

	return sp > s->altstack_base && sp - s->altstack_base <= s->altstack_size;
}

static bool is_on_altstack(const struct thread *thread, uint64_t sp)
{
	return !(thread->signals.altstack_flags & ALTSTACK_AUTODISARM) &&
	       is_in_altstack(thread, sp);
}

static bool goes_to_altstack(const struct thread *thread, const struct signal_action *action)
{
	return (action->flags & SA_ONSTACK) && thread->signals.altstack_size &&
	       !is_on_altstack(thread, thread->block.frame.rsp);
}

static uint64_t vector_room(void)
{
	return platform_vector_size() + sizeof(uint32_t); /* XSTATE_MAGIC2 */
}

static int vector_put(uint64_t to)
{
	uint8_t area[VECTOR_SIZE_MAX] ALIGNED(64);
	size_t size = platform_vector_size();
	struct xstate_software software = {
		XSTATE_MAGIC1, (uint32_t)size + 4, platform_vector_mask(), (uint32_t)size, {0}};
	uint32_t magic2 = XSTATE_MAGIC2;

	memset(area, 0, size);
	platform_vector_save(area);
	memcpy(area + XSTATE_SOFTWARE_OFFSET, &software, sizeof(software));
	return user_write(to, area, size) || user_write(to + size, &magic2, sizeof(magic2))
		       ? -EFAULT
		       : 0;
}

static int vector_take(uint64_t from)
{
	uint8_t area[VECTOR_SIZE_MAX] ALIGNED(64);
	struct xstate_software software;
	size_t size = platform_vector_size();
	uint64_t legacy = 3;

	if (!from) {
		platform_vector_reset();
		return 0;
	}
	memset(area, 0, size);
	if (user_read(area, from, 512))
		return -EFAULT;
	memcpy(&software, area + XSTATE_SOFTWARE_OFFSET, sizeof(software));
	if (software.magic1 == XSTATE_MAGIC1 && software.size == size) {
		if (user_read(area, from, size))
			return -EFAULT;
	} else {
		memcpy(area + 512, &legacy, sizeof(legacy));
	}
	return platform_vector_restore(area);
}

static int frame_build(struct thread *thread, int signo, const struct signal_action *action,
	const struct signal_info *info)
{
	struct signal_thread *s = &thread->signals;
	struct signal_frame frame = {0};
	struct frame *f = &thread->block.frame;
	bool enters = goes_to_altstack(thread, action);
	uint64_t sp = enters ? s->altstack_base + s->altstack_size : f->rsp - RED_ZONE_SIZE;
	uint64_t vector = sp - vector_room();

	if (!(action->flags & SA_KERNEL_RESTORER))
		return -EFAULT;
	vector = ALIGN_DOWN(vector, 64UL);
	sp = ALIGN_DOWN(vector - sizeof(frame), 16UL) - 8;
	/* Nothing may be written beyond the alternate stack. */
	if ((enters || is_on_altstack(thread, f->rsp)) && !is_in_altstack(thread, sp))
		return -EFAULT;
	if (vector_put(vector))
		return -EFAULT;
	frame.return_address = action->restorer;
	frame.uc.flags =
		SIGNAL_UC_FP_XSTATE | SIGNAL_UC_SIGCONTEXT_SS | SIGNAL_UC_STRICT_RESTORE_SS;
	frame.uc.stack_base = s->altstack_base;
	frame.uc.stack_size = s->altstack_size;
	frame.uc.stack_flags = (int32_t)s->altstack_flags;
	if (!s->altstack_size)
		frame.uc.stack_flags = SIGNAL_STACK_DISABLE;
	else if (is_on_altstack(thread, f->rsp))
		frame.uc.stack_flags |= SIGNAL_STACK_ONSTACK;
	context_save(&frame.uc.context, thread);
	frame.uc.context.vector_state = vector;
	frame.uc.mask = s->has_saved ? s->saved_blocked : s->blocked;
	frame.uc.context.old_mask = frame.uc.mask;
	frame.info = *info;
	if (user_write(sp, &frame, sizeof(frame)))
		return -EFAULT;
	f->rdi = (uint64_t)signo;
	f->rsi = sp + offsetof(struct signal_frame, info);
	f->rdx = sp + offsetof(struct signal_frame, uc);
	f->rax = 0;
	f->rsp = sp;
	f->rip = action->handler;
	f->rflags &= ~0x10500UL; /* DF TF RF */
	f->orig_rax = UINT64_MAX;
	if (s->altstack_flags & ALTSTACK_AUTODISARM)
		s->altstack_base = s->altstack_size = s->altstack_flags = 0;
	return 0;
}

static void call_restart(struct thread *thread)
{
	struct frame *f = &thread->block.frame;

	f->rax = f->orig_rax;
	f->rip -= 2; /* the syscall instruction */
	f->orig_rax = UINT64_MAX;
}

/* The interrupted call is about to see a handler (@action) or none (NULL). */
static void call_finish(struct thread *thread, const struct signal_action *action)
{
	struct frame *f = &thread->block.frame;

	if (f->orig_rax == UINT64_MAX)
		return;
	switch (-(int64_t)f->rax) {
	case ERESTARTSYS:
		if (action && !(action->flags & SA_RESTART))
			f->rax = (uint64_t)-EINTR;
		else
			call_restart(thread);
		break;
	case ERESTARTNOINTR:
		call_restart(thread);
		break;
	case ERESTARTNOHAND:
		if (action)
			f->rax = (uint64_t)-EINTR;
		else
			call_restart(thread);
		break;
	case ERESTART_RESTARTBLOCK:
		if (action) {
			f->rax = (uint64_t)-EINTR;
		} else {
			f->orig_rax = NR_RESTART_SYSCALL;
			call_restart(thread);
		}
		break;
	default:
		break;
	}
}

static void handler_run(struct thread *thread, int signo, const struct signal_action *action,
	const struct signal_info *info)
{
	struct signal_process *signals = &thread->process->signals;
	signal_set blocked = thread->signals.blocked | action->mask;

	call_finish(thread, action);
	if (!(action->flags & SA_NODEFER))
		blocked |= SIGNAL_BIT(signo);
	if (frame_build(thread, signo, action, info)) {
		struct signal_info lost = {.code = SI_KERNEL};

		if (signo == SIGSEGV)
			signals->actions->of[SIGSEGV - 1].handler = (uintptr_t)SIG_DFL;
		signal_force(SIGSEGV, &lost);
		return;
	}
	thread->signals.has_saved = false;
	signal_mask_set(thread, blocked);
}

/* Sleep while the process is stopped; SIGCONT and SIGKILL wake. */
static void stopped_wait(struct thread *thread)
{
	struct signal_process *signals = &thread->process->signals;

	lock_acquire(&process_table_lock);
	signals->stopped_count++;
	signal_stop_check(thread->process);
	lock_release(&process_table_lock);
	while (__atomic_load_n(&signals->stopped, __ATOMIC_ACQUIRE) && !signals->group_exiting)
		if (wait_sleep_killable(WAIT_FOREVER))
			break;
	lock_acquire(&process_table_lock);
	signals->stopped_count--;
	lock_release(&process_table_lock);
}

static void default_action(struct thread *thread, int signo)
{
	bool core = (SIGNAL_BIT(signo) & SET_CORE) &&
		    thread->process->limits[4 /* RLIMIT_CORE */].soft && thread->process->dumpable;

	if (SIGNAL_BIT(signo) & SET_STOP) {
		/* Nobody could continue an orphaned group: the terminal's stops are ignored. */
		if (signo == SIGSTOP || !process_group_is_orphaned(thread->process))
			signal_stop(thread->process, signo);
		return;
	}
	/* The status says what Linux would say; no core file is written: it would carry the
	 * program's memory to where its owner may not expect it. */
	signal_group_exit(thread->process, signo | (core ? WAIT_STATUS_CORE : 0));
}

static bool is_ignored_now(const struct signal_action *action, int signo)
{
	return action->handler == (uintptr_t)SIG_IGN ||
	       (action->handler == (uintptr_t)SIG_DFL &&
		       (signo == SIGCHLD || signo == SIGCONT || signo == SIGWINCH ||
			       signo == SIGURG));
}

void signal_deliver(struct thread *thread)
{
	struct signal_process *signals = &thread->process->signals;
	struct signal_action action;
	struct signal_info info;
	int signo;

	for (;;) {
		if (signals->group_exiting)
			process_thread_exit(thread, signals->group_exit_status);
		if (thread->exiting)
			process_thread_exit(thread, 0);
		if (signals->stopped) {
			stopped_wait(thread);
			continue;
		}
		signo = signal_dequeue(thread,
			~(thread->signals.blocked & ~(SIGNAL_BIT(SIGKILL) | SIGNAL_BIT(SIGSTOP))),
			&info);
		if (!signo)
			break;
		action = signal_action_take(thread->process, signo);
		if (is_ignored_now(&action, signo))
			continue;
		if (UNLIKELY(trace_enabled))
			trace_signal(thread, signo, &info);
		if (action.handler == (uintptr_t)SIG_DFL)
			default_action(thread, signo);
		else
			handler_run(thread, signo, &action, &info);
	}
	call_finish(thread, NULL);
	signal_mask_restore(thread);
}

static void altstack_restore(struct signal_thread *s, const struct signal_ucontext *uc)
{
	bool disabled = uc->stack_flags & SIGNAL_STACK_DISABLE;

	s->altstack_base = disabled ? 0 : uc->stack_base;
	s->altstack_size = disabled ? 0 : uc->stack_size;
	s->altstack_flags = disabled ? 0 : (uint32_t)uc->stack_flags & ALTSTACK_AUTODISARM;
}

long sys_rt_sigreturn(struct thread *thread, const struct syscall_args *args)
{
	uint64_t sp = thread->block.frame.rsp - 8;
	struct signal_frame frame;
	struct signal_info bad = {.code = SI_KERNEL};

	(void)args;
	if (user_read(&frame.uc, sp + offsetof(struct signal_frame, uc), sizeof(frame.uc)) ||
		vector_take(frame.uc.context.vector_state)) {
		thread->block.frame.orig_rax = UINT64_MAX;
		signal_force(SIGSEGV, &bad);
		return 0;
	}
	context_restore(thread, &frame.uc.context);
	signal_mask_set(thread, frame.uc.mask);
	altstack_restore(&thread->signals, &frame.uc);
	/* The program counter may lie in a patched window: let the exit path see to it. */
	thread->block.pending = 1;
	return 0;
}
