/* covers: sigaltstack rt_sigaction rt_sigreturn tgkill */
/* sigaltstack(2): handlers on a stack of their own. */
#include "tests/conformance/processes/process_test.h"

#include <setjmp.h>
#include <sys/resource.h>

enum { SIZE = 64 << 10 };
static char *stack;
static volatile uintptr_t frame;
static volatile int flags_inside, change_error, depth;

#define ON_STACK(where) ((where) >= (uintptr_t)stack && (where) < (uintptr_t)stack + SIZE)

static void handler(int sig, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;
	stack_t now, none = {.ss_flags = SS_DISABLE};

	(void)info;
	frame = (uintptr_t)&now;
	REQUIRE(sigaltstack(NULL, &now) == 0);
	flags_inside = now.ss_flags;
	change_error = sigaltstack(&none, NULL) ? errno : 0;
	REQUIRE(uc->uc_stack.ss_sp == now.ss_sp || change_error == 0);
	if (sig == SIGUSR2 && depth++ < 3)
		raise(SIGUSR2);
}

static void stack_set(int flags)
{
	stack_t s = {.ss_sp = stack, .ss_size = SIZE, .ss_flags = flags};

	REQUIRE(sigaltstack(&s, NULL) == 0);
}

static void setting(void)
{
	stack_t s = {.ss_sp = stack, .ss_size = SIZE}, old;

	CHECK_OK(sigaltstack(NULL, &old));
	CHECK_EQ(old.ss_flags, SS_DISABLE);
	CHECK_OK(sigaltstack(&s, &old));
	CHECK_OK(sigaltstack(NULL, &old));
	CHECK(old.ss_sp == stack && old.ss_size == SIZE && old.ss_flags == 0);
	s.ss_size = 1024;
	CHECK_ERRNO(sigaltstack(&s, NULL), ENOMEM);
	s.ss_size = SIZE;
	s.ss_flags = 0x40;
	CHECK_ERRNO(sigaltstack(&s, NULL), EINVAL);
	s.ss_flags = SS_ONSTACK; /* accepted, as 0 */
	CHECK_OK(sigaltstack(&s, NULL));
	CHECK_ERRNO(sigaltstack(bad_address(), NULL), EFAULT);
	CHECK_ERRNO(sigaltstack(NULL, bad_address()), EFAULT);
}

static void used_only_if_asked_for(void)
{
	stack_set(0);
	handler_set(SIGUSR1, handler, SA_ONSTACK);
	raise(SIGUSR1);
	CHECK(ON_STACK(frame));
	CHECK_EQ(flags_inside, SS_ONSTACK);
	CHECK_EQ(change_error, EPERM);
	handler_set(SIGUSR1, handler, 0);
	raise(SIGUSR1);
	CHECK(!ON_STACK(frame));
	CHECK_EQ(change_error, 0);
	stack_t old, none = {.ss_flags = SS_DISABLE};
	sigaltstack(NULL, &old); /* the handler's change went when it returned */
	CHECK(old.ss_sp == stack && old.ss_flags == 0);
	REQUIRE(sigaltstack(&none, NULL) == 0);
	handler_set(SIGUSR1, handler, SA_ONSTACK);
	raise(SIGUSR1);
	CHECK(!ON_STACK(frame)); /* no stack: the normal one */
}

static void nested(void)
{
	stack_set(0);
	depth = 0;
	handler_set(SIGUSR2, handler, SA_ONSTACK | SA_NODEFER);
	raise(SIGUSR2);
	CHECK_EQ(depth, 4);
	CHECK(ON_STACK(frame));
}

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1U << 31)
#endif

static void autodisarm_handler(int sig, siginfo_t *info, void *context)
{
	stack_t now;

	(void)sig;
	(void)info;
	(void)context;
	frame = (uintptr_t)&now;
	REQUIRE(sigaltstack(NULL, &now) == 0);
	flags_inside = now.ss_flags;
}

static void autodisarm(void)
{
	stack_t old;

	stack_set((int)SS_AUTODISARM);
	handler_set(SIGUSR1, autodisarm_handler, SA_ONSTACK);
	raise(SIGUSR1);
	CHECK(ON_STACK(frame));
	CHECK_EQ(flags_inside, SS_DISABLE);
	sigaltstack(NULL, &old);
	CHECK(old.ss_sp == stack && (unsigned int)old.ss_flags == SS_AUTODISARM);
	stack_set(0);
}

static void *thread_has_none(void *arg)
{
	stack_t old;

	REQUIRE(sigaltstack(NULL, &old) == 0 && old.ss_flags == SS_DISABLE);
	return arg;
}

static void child_has_ours(void)
{
	stack_t old;

	REQUIRE(sigaltstack(NULL, &old) == 0 && old.ss_sp == stack && old.ss_flags == 0);
}

static sigjmp_buf out;
static char *guard;

static void on_overflow(int sig, siginfo_t *info, void *context)
{
	(void)sig;
	(void)context;
	REQUIRE(ON_STACK((uintptr_t)&sig));
	guard = info->si_addr;
	siglongjmp(out, 1);
}

static void *overflows_in_thread(void *arg)
{
	stack_t s = {.ss_sp = stack, .ss_size = SIZE};

	REQUIRE(sigaltstack(&s, NULL) == 0);
	if (!sigsetjmp(out, 1))
		stack_use(1L << 40);
	return arg;
}

/* Overflowing a stack is caught, over and over, on the main stack and on threads'. */
static void child_overflows(void)
{
	struct rlimit limit = {1 << 20, 8 << 20};

	handler_set(SIGSEGV, on_overflow, SA_ONSTACK);
	setrlimit(RLIMIT_STACK, &limit);
	stack_set(0);
	for (int i = 0; i < 3; i++) {
		guard = NULL;
		if (!sigsetjmp(out, 1))
			stack_use(1L << 40);
		REQUIRE(guard);
	}
	for (int i = 0; i < 3; i++) {
		guard = NULL;
		pthread_join(thread_start(overflows_in_thread, NULL), NULL);
		REQUIRE(guard);
	}
}

/* A handler without its own stack can't run on one that is used up: the process dies. */
static void child_has_no_stack_left(void)
{
	struct rlimit none = {0, 0}, limit = {1 << 20, 8 << 20};
	stack_t s = {.ss_flags = SS_DISABLE};

	setrlimit(RLIMIT_CORE, &none);
	setrlimit(RLIMIT_STACK, &limit);
	sigaltstack(&s, NULL);
	handler_set(SIGSEGV, on_overflow, SA_ONSTACK);
	stack_use(1L << 40);
}

static void child_has_too_small_a_stack(void)
{
	struct rlimit none = {0, 0};
	char *small = memory_new(2 * PAGE, PROT_NONE);
	stack_t s = {.ss_sp = small, .ss_size = 2 * PAGE};

	setrlimit(RLIMIT_CORE, &none);
	REQUIRE(sigaltstack(&s, NULL) == 0);
	handler_set(SIGUSR1, handler, SA_ONSTACK);
	raise(SIGUSR1); /* the frame can't be written: SIGSEGV */
}

int main(void)
{
	test_start();
	stack = memory_new(SIZE, PROT_READ | PROT_WRITE);
	setting();
	used_only_if_asked_for();
	nested();
	autodisarm();
	pthread_join(thread_start(thread_has_none, NULL), NULL);
	CHECK_CHILD(child_has_ours);
	CHECK_CHILD(child_overflows);
	CHECK_EQ(child_run(child_has_no_stack_left) & 0x7f, SIGSEGV);
	CHECK_EQ(child_run(child_has_too_small_a_stack) & 0x7f, SIGSEGV);
	return test_done();
}
