/* covers: clone3 wait4 waitid pidfd_send_signal */
/* clone3(2): the structure's size is checked, and each field does what clone(2)'s argument did. */
#include "tests/conformance/processes/process_test.h"

#include <linux/sched.h>

static volatile int variable;

static long clone3(struct clone_args *args, size_t size)
{
	return syscall(SYS_clone3, args, size);
}

/* Makes a child that exits with @code at once. */
static pid_t clone3_exit(struct clone_args *args, int code)
{
	long pid = clone3(args, sizeof(*args));

	if (pid == 0)
		_exit(code);
	return (pid_t)pid;
}

static void plain_fork(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	pid_t pid = clone3_exit(&args, 12);

	CHECK(pid > 0);
	CHECK_EQ(child_wait(pid), EXITED(12));
}

static void every_known_size_works(void)
{
	static const size_t sizes[] = {
		CLONE_ARGS_SIZE_VER0, CLONE_ARGS_SIZE_VER1, CLONE_ARGS_SIZE_VER2};

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		struct clone_args args = {.exit_signal = SIGCHLD};
		long pid = clone3(&args, sizes[i]);

		if (pid == 0)
			_exit(1);
		CHECK_EQ(child_wait((pid_t)pid), EXITED(1));
	}
}

static void a_longer_structure_must_end_in_zeros(void)
{
	struct {
		struct clone_args args;
		uint64_t more[2];
	} longer = {.args = {.exit_signal = SIGCHLD}};
	long pid = clone3(&longer.args, sizeof(longer));

	if (pid == 0)
		_exit(2);
	CHECK_EQ(child_wait((pid_t)pid), EXITED(2));
	longer.more[1] = 1;
	CHECK_ERRNO(clone3(&longer.args, sizeof(longer)), E2BIG);
}

/* One byte more than is known lies at the end of what can be read: nothing beyond it is looked at.
 */
static void just_as_much_is_read_as_was_said(void)
{
	char *memory = memory_new(2 * PAGE, PROT_READ | PROT_WRITE);
	struct clone_args *args = (void *)(memory + PAGE - sizeof(*args) - 1);
	long pid;

	munmap(memory + PAGE, PAGE);
	memset(args, 0, sizeof(*args) + 1);
	memcpy(args, &(struct clone_args){.exit_signal = SIGCHLD}, sizeof(*args));
	pid = clone3(args, sizeof(*args) + 1);
	if (pid == 0)
		_exit(3);
	CHECK_EQ(child_wait((pid_t)pid), EXITED(3));
	munmap(memory, PAGE);
}

static void errors(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	char *guarded = memory_new(2 * PAGE, PROT_READ | PROT_WRITE);

	CHECK_ERRNO(clone3(&args, CLONE_ARGS_SIZE_VER0 - 8), EINVAL);
	CHECK_ERRNO(clone3(&args, 0), EINVAL);
	CHECK_ERRNO(clone3(&args, PAGE + 8), E2BIG);
	CHECK_ERRNO(clone3(NULL, sizeof(args)), EFAULT);
	munmap(guarded + PAGE, PAGE);
	CHECK_ERRNO(clone3((void *)(guarded + PAGE - 32), sizeof(args)), EFAULT);
	munmap(guarded, PAGE);
	args.exit_signal = 65;
	CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL);
	args.exit_signal = 0x100 | SIGCHLD;
	CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL);
	args = (struct clone_args){.exit_signal = SIGCHLD, .stack = 4096};
	CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL); /* a stack without a size */
	args = (struct clone_args){.exit_signal = SIGCHLD, .stack_size = 4096};
	CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL); /* a size without a stack */
	args = (struct clone_args){.flags = CLONE_DETACHED, .exit_signal = SIGCHLD};
	CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL);
	args = (struct clone_args){.flags = SIGCHLD};
	CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL); /* a signal among the flags */
	args = (struct clone_args){.flags = 1ULL << 62, .exit_signal = SIGCHLD};
	CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL);
	args = (struct clone_args){.flags = CLONE_SIGHAND, .exit_signal = SIGCHLD};
	CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL);
	args = (struct clone_args){.flags = CLONE_SIGHAND | CLONE_CLEAR_SIGHAND | CLONE_VM};
	CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL);
	args = (struct clone_args){
		.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, .exit_signal = SIGCHLD};
	CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL); /* a thread with an exit signal */
	args = (struct clone_args){.exit_signal = SIGCHLD, .set_tid_size = 33};
	CHECK_ERRNO(clone3(&args, sizeof(args)), EINVAL);
	CHECK_ERRNO(waitpid(-1, NULL, __WALL), ECHILD);
}

static void pidfd_and_tid_have_words_of_their_own(void)
{
	int pidfd = -1;
	pid_t tid = -1, child_tid = 0, pid;
	siginfo_t info = {0};
	struct clone_args args = {
		.flags = CLONE_PIDFD | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID,
		.pidfd = (uintptr_t)&pidfd,
		.parent_tid = (uintptr_t)&tid,
		.child_tid = (uintptr_t)&child_tid,
		.exit_signal = SIGCHLD,
	};

	pid = (pid_t)clone3(&args, sizeof(args));
	if (pid == 0) {
		pause();
		_exit(child_tid == getpid() ? 0 : 1);
	}
	CHECK(pid > 0 && pidfd >= 0);
	CHECK_EQ(tid, pid);
	CHECK_EQ(child_tid, 0);
	CHECK_OK(syscall(SYS_pidfd_send_signal, pidfd, SIGTERM, NULL, 0));
	CHECK_OK(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED));
	CHECK_EQ(info.si_pid, pid);
	CHECK_EQ(info.si_status, SIGTERM);
	close(pidfd);
}

static void handler(int sig)
{
	(void)sig;
}

static void clear_sighand(void)
{
	struct clone_args args = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
	pid_t pid;

	signal(SIGUSR1, handler);
	signal(SIGUSR2, SIG_IGN);
	pid = (pid_t)clone3(&args, sizeof(args));
	if (pid == 0) {
		struct sigaction sa;

		sigaction(SIGUSR1, NULL, &sa);
		REQUIRE(sa.sa_handler == SIG_DFL);
		sigaction(SIGUSR2, NULL, &sa);
		REQUIRE(sa.sa_handler == SIG_IGN);
		_exit(0);
	}
	CHECK_EQ(child_wait(pid), EXITED(0));
	struct sigaction sa;
	sigaction(SIGUSR1, NULL, &sa);
	CHECK(sa.sa_handler == handler);
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
}

static void vfork_and_vm(void)
{
	struct clone_args args = {.flags = CLONE_VM | CLONE_VFORK, .exit_signal = SIGCHLD};
	char *stack = memory_new(16 * PAGE, PROT_READ | PROT_WRITE);
	long pid;

	/* The child runs on its own stack from the instruction after the call, so that nothing of
	 * this function's frame is needed there: it stores, and leaves. */
	args.stack = (uintptr_t)stack;
	args.stack_size = 16 * PAGE;
	variable = 0;
	__asm__ volatile("syscall\n\t"
			 "test %%rax, %%rax\n\t"
			 "jnz 1f\n\t"
			 "mov %%rsp, %%rax\n\t"
			 "sub %[top], %%rax\n\t"
			 "mov %%rax, -8(%%rsp)\n\t"
			 "movl $5, (%[variable])\n\t"
			 "mov $7, %%edi\n\t"
			 "mov %[exit], %%eax\n\t"
			 "syscall\n"
			 "1:"
			 : "=a"(pid)
			 : "0"((long)SYS_clone3), "D"(&args),
			 "S"(sizeof(args)), [variable] "r"(&variable), [top] "r"(stack + 16 * PAGE),
			 [exit] "i"(SYS_exit_group)
			 : "rcx", "r11", "memory");
	CHECK(pid > 0);
	CHECK_EQ(variable, 5);
	CHECK_EQ(*(long *)(stack + 16 * PAGE - 8), 0); /* the stack began at its very top */
	CHECK_EQ(child_wait((pid_t)pid), EXITED(7));
	munmap(stack, 16 * PAGE);
}

int main(void)
{
	struct clone_args none = {0};

	test_start();
	if (clone3(&none, 0) == -1 && errno == ENOSYS) {
		test_skip("clone3", "this kernel has none");
		return test_done();
	}
	plain_fork();
	every_known_size_works();
	a_longer_structure_must_end_in_zeros();
	just_as_much_is_read_as_was_said();
	errors();
	pidfd_and_tid_have_words_of_their_own();
	clear_sighand();
	vfork_and_vm();
	return test_done();
}
