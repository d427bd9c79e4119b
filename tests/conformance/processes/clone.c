/* covers: clone futex wait4 umask chdir getcwd exit set_tid_address */
/* clone(2): what each flag shares, where thread ids are written, which combinations are refused. */
#include "tests/conformance/processes/process_test.h"

#include <linux/futex.h>
#include <sys/stat.h>

enum { STACK_SIZE = 256 << 10 };
static char *stack;
static volatile int variable;
static int file;

static pid_t clone_run(int (*run)(void *), int flags, void *arg)
{
	return clone(run, stack + STACK_SIZE, flags, arg);
}

static int child_sets_variable(void *arg)
{
	variable = *(int *)arg;
	return 6;
}

static void vm_shares_memory(void)
{
	int value = 9;
	pid_t pid;

	variable = 0;
	pid = clone_run(child_sets_variable, SIGCHLD, &value);
	CHECK_EQ(child_wait(pid), EXITED(6));
	CHECK_EQ(variable, 0);
	pid = clone_run(child_sets_variable, CLONE_VM | SIGCHLD, &value);
	CHECK_EQ(child_wait(pid), EXITED(6));
	CHECK_EQ(variable, 9);
}

static int child_closes_file(void *arg)
{
	(void)arg;
	return close(file) != 0;
}

static void files_shares_the_table(void)
{
	file = open("/dev/null", O_RDONLY);
	CHECK_EQ(child_wait(clone_run(child_closes_file, SIGCHLD, NULL)), EXITED(0));
	CHECK_OK(fcntl(file, F_GETFD));
	CHECK_EQ(child_wait(clone_run(child_closes_file, CLONE_FILES | SIGCHLD, NULL)), EXITED(0));
	CHECK_ERRNO(fcntl(file, F_GETFD), EBADF);
}

static int child_changes_fs(void *arg)
{
	(void)arg;
	umask(0123);
	return chdir("/") != 0;
}

static void fs_shares_directory_and_umask(void)
{
	char before[512], after[512];
	int dir = open(".", O_RDONLY | O_DIRECTORY);

	umask(022);
	REQUIRE(getcwd(before, sizeof(before)));
	CHECK_EQ(child_wait(clone_run(child_changes_fs, SIGCHLD, NULL)), EXITED(0));
	REQUIRE(getcwd(after, sizeof(after)));
	CHECK_STR(after, before);
	CHECK_EQ(umask(022), 022);
	CHECK_EQ(child_wait(clone_run(child_changes_fs, CLONE_FS | SIGCHLD, NULL)), EXITED(0));
	REQUIRE(getcwd(after, sizeof(after)));
	CHECK_STR(after, "/");
	CHECK_EQ(umask(022), 0123);
	CHECK_OK(fchdir(dir));
	close(dir);
}

static void handler(int sig)
{
	(void)sig;
}

static int child_sets_handler(void *arg)
{
	(void)arg;
	return signal(SIGUSR1, handler) == SIG_ERR;
}

static void sighand_shares_handlers(void)
{
	struct sigaction sa;
	int flags = CLONE_VM | CLONE_SIGHAND | SIGCHLD;

	CHECK_EQ(child_wait(clone_run(child_sets_handler, CLONE_VM | SIGCHLD, NULL)), EXITED(0));
	sigaction(SIGUSR1, NULL, &sa);
	CHECK(sa.sa_handler == SIG_DFL);
	CHECK_EQ(child_wait(clone_run(child_sets_handler, flags, NULL)), EXITED(0));
	sigaction(SIGUSR1, NULL, &sa);
	CHECK(sa.sa_handler == handler);
	signal(SIGUSR1, SIG_DFL);
}

static int child_resets(void *arg)
{
	struct sigaction sa;

	(void)arg;
	sigaction(SIGUSR1, NULL, &sa);
	if (sa.sa_handler != SIG_DFL)
		return 1;
	sigaction(SIGUSR2, NULL, &sa);
	return sa.sa_handler != SIG_IGN;
}

static pid_t seen_parent;

static int child_notes_parent(void *arg)
{
	(void)arg;
	return getppid() == seen_parent ? 0 : 1;
}

/* CLONE_PARENT: the new process is a sibling, and so its parent's to reap. */
static void child_makes_sibling(void)
{
	pid_t pid;

	seen_parent = getppid();
	pid = clone_run(child_notes_parent, CLONE_PARENT | SIGCHLD, NULL);
	REQUIRE(pid > 0);
	REQUIRE(waitpid(pid, NULL, 0) == -1 && errno == ECHILD);
	_exit(11);
}

static void parent_makes_siblings(void)
{
	int status, exited_0 = 0, exited_11 = 0;

	child_start(child_makes_sibling);
	for (int i = 0; i < 2; i++) {
		if (wait(&status) < 0)
			break;
		exited_0 += status == EXITED(0);
		exited_11 += status == EXITED(11);
	}
	CHECK_EQ(exited_0, 1);
	CHECK_EQ(exited_11, 1);
}

static volatile pid_t child_tid_word;

static int child_reads_tid_word(void *arg)
{
	(void)arg;
	return child_tid_word == thread_id() ? 0 : 1;
}

static void tids_are_written(void)
{
	int flags = CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD;
	pid_t parent_word = 0, pid;

	child_tid_word = 0;
	pid = clone(child_reads_tid_word, stack + STACK_SIZE, flags, NULL, &parent_word, NULL,
		&child_tid_word);
	CHECK_EQ(parent_word, pid);
	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK_EQ(child_tid_word, 0); /* written in the child's copy */
}

static int child_exits(void *arg)
{
	return (int)(intptr_t)arg;
}

/* CLONE_CHILD_CLEARTID zeroes the word and wakes a futex when memory outlives the child. */
static void word_is_cleared_at_exit(void)
{
	int flags = CLONE_VM | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID | SIGCHLD;
	pid_t pid, seen;

	child_tid_word = -1;
	pid = clone(child_exits, stack + STACK_SIZE, flags, NULL, NULL, NULL, &child_tid_word);
	CHECK(pid > 0);
	while ((seen = child_tid_word) != 0)
		syscall(SYS_futex, &child_tid_word, FUTEX_WAIT, seen, NULL, NULL, 0);
	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK_EQ(child_tid_word, 0);
}

static void child_signal_may_be_another(void)
{
	pid_t pid = clone_run(child_exits, 0, (void *)4);
	int status;

	CHECK_ERRNO(waitpid(pid, &status, 0), ECHILD);
	CHECK_EQ(waitpid(pid, &status, __WCLONE), pid);
	CHECK_EQ(status, EXITED(4));
	signal_block(SIG_BLOCK, SIGUSR2);
	pid = clone_run(child_exits, SIGUSR2, (void *)5);
	CHECK_EQ(waitpid(pid, &status, __WALL), pid);
	CHECK_EQ(status, EXITED(5));
	sigset_t pending;
	sigpending(&pending);
	CHECK(sigismember(&pending, SIGUSR2));
	signal(SIGUSR2, SIG_IGN);
	signal_block(SIG_UNBLOCK, SIGUSR2);
}

static void ignored_signals_stay_ignored(void)
{
	signal(SIGUSR2, SIG_IGN);
	CHECK_EQ(child_wait(clone_run(child_resets, SIGCHLD, NULL)), EXITED(0));
}

static void pidfd_is_written(void)
{
	int pidfd = -1;
	pid_t pid = clone(child_exits, stack + STACK_SIZE, CLONE_PIDFD | SIGCHLD, NULL, &pidfd);

	if (pid < 0) {
		test_skip("CLONE_PIDFD", "this kernel does not know it");
		return;
	}
	CHECK(pidfd >= 0);
	CHECK_EQ(fcntl(pidfd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK_ERRNO(syscall(SYS_pidfd_send_signal, pidfd, 0, NULL, 0), ESRCH);
	close(pidfd);
}

static void bad_combinations_are_refused(void)
{
	CHECK_ERRNO(clone_run(child_exits, CLONE_SIGHAND | SIGCHLD, NULL), EINVAL);
	CHECK_ERRNO(clone_run(child_exits, CLONE_THREAD | SIGCHLD, NULL), EINVAL);
	CHECK_ERRNO(clone_run(child_exits, CLONE_THREAD | CLONE_VM, NULL), EINVAL);
	CHECK_ERRNO(clone_run(child_exits, CLONE_NEWNS | CLONE_FS | SIGCHLD, NULL), EINVAL);
	CHECK_ERRNO(clone_run(child_exits, CLONE_NEWUSER | CLONE_FS | SIGCHLD, NULL), EINVAL);
	int flags = CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD;
	pid_t word;

	CHECK_ERRNO(clone(child_exits, stack + STACK_SIZE, flags, NULL, &word), EINVAL);
	CHECK_ERRNO(waitpid(-1, NULL, __WALL), ECHILD);
}

/* A bare thread: no libc behind it, and so only system calls. */
static int bare_thread(void *arg)
{
	*(volatile pid_t *)arg = (pid_t)syscall(SYS_getpid);
	syscall(SYS_exit, 1); /* the thread alone ends */
	return 0;
}

static void thread_has_our_pid(void)
{
	int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
		    CLONE_SYSVSEM | CLONE_CHILD_CLEARTID | CLONE_CHILD_SETTID;
	volatile pid_t pid_inside = 0;
	pid_t tid, seen;

	child_tid_word = -1;
	tid = clone(bare_thread, stack + STACK_SIZE, flags, (void *)&pid_inside, NULL, NULL,
		&child_tid_word);
	CHECK(tid > 0 && tid != getpid());
	while ((seen = child_tid_word) != 0)
		syscall(SYS_futex, &child_tid_word, FUTEX_WAIT, seen, NULL, NULL, 0);
	CHECK_EQ(pid_inside, getpid());
	CHECK_ERRNO(waitpid(tid, NULL, __WALL), ECHILD);
}

int main(void)
{
	test_start();
	stack = memory_new(STACK_SIZE, PROT_READ | PROT_WRITE);
	vm_shares_memory();
	files_shares_the_table();
	fs_shares_directory_and_umask();
	sighand_shares_handlers();
	parent_makes_siblings();
	tids_are_written();
	word_is_cleared_at_exit();
	child_signal_may_be_another();
	ignored_signals_stay_ignored();
	pidfd_is_written();
	bad_combinations_are_refused();
	thread_has_our_pid();
	return test_done();
}
