/* covers: vfork execve exit exit_group wait4 */
/* vfork(2): the child borrows its parent's memory until it execs or exits. */
#include "tests/conformance/processes/process_test.h"

static char *const self_exits[] = {"/proc/self/exe", "exit", NULL};
static char *const no_environment[] = {NULL};
static volatile int shared;

static void child_writes_into_its_parent(void)
{
	pid_t pid;

	shared = 1;
	pid = vfork();
	if (pid == 0) {
		shared = 2;
		_exit(3);
	}
	CHECK(pid > 0);
	CHECK_EQ(shared, 2);
	CHECK_EQ(child_wait(pid), EXITED(3));
}

static void parent_waits_for_exit(void)
{
	pid_t pid;
	struct timespec t = {.tv_nsec = 50000000};

	shared = 0;
	pid = vfork();
	if (pid == 0) {
		syscall(SYS_nanosleep, &t, NULL);
		shared = 1;
		syscall(SYS_exit, 0);
	}
	CHECK_EQ(shared, 1);
	CHECK_EQ(child_wait(pid), EXITED(0));
}

static void parent_waits_for_exec(void)
{
	pid_t pid;

	shared = 0;
	pid = vfork();
	if (pid == 0) {
		shared = 1;
		execve(self_exits[0], self_exits, no_environment);
		_exit(127);
	}
	CHECK_EQ(shared, 1);
	CHECK_EQ(child_wait(pid), EXITED(42));
	CHECK_EQ(shared, 1);
}

static void failed_exec_leaves_the_child_running(void)
{
	volatile int error = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		execve("/nonexistent/program", self_exits, no_environment);
		error = errno;
		_exit(127);
	}
	CHECK_EQ(child_wait(pid), EXITED(127));
	CHECK_EQ(error, ENOENT);
}

static void files_are_the_childs_own(void)
{
	int fd = open("/dev/null", O_RDONLY);
	pid_t pid = vfork();

	if (pid == 0) {
		close(fd);
		_exit(0);
	}
	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK_OK(fcntl(fd, F_GETFD));
	close(fd);
}

static void handler(int sig)
{
	(void)sig;
}

static void handlers_are_the_childs_own(void)
{
	struct sigaction sa;
	pid_t pid;

	signal(SIGUSR1, handler);
	pid = vfork();
	if (pid == 0) {
		signal(SIGUSR1, SIG_DFL);
		_exit(0);
	}
	CHECK_EQ(child_wait(pid), EXITED(0));
	sigaction(SIGUSR1, NULL, &sa);
	CHECK(sa.sa_handler == handler);
	signal(SIGUSR1, SIG_DFL);
}

static void ids(void)
{
	volatile pid_t child = 0, parent = 0;
	pid_t pid = vfork();

	if (pid == 0) {
		child = (pid_t)syscall(SYS_getpid);
		parent = (pid_t)syscall(SYS_getppid);
		_exit(0);
	}
	CHECK_EQ(child_wait(pid), EXITED(0));
	CHECK_EQ(child, pid);
	CHECK_EQ(parent, getpid());
}

static void child_killed_by_a_signal(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		syscall(SYS_kill, syscall(SYS_getpid), SIGKILL);
		_exit(0);
	}
	CHECK_EQ(child_wait(pid), SIGKILL);
}

static atomic_int progress, stop;

static void *counts(void *arg)
{
	(void)arg;
	while (!atomic_load(&stop)) {
		atomic_fetch_add(&progress, 1);
		sched_yield();
	}
	return NULL;
}

/* Only the calling thread waits for the child. */
static void other_threads_run_on(void)
{
	pthread_t t = thread_start(counts, NULL);
	int before = atomic_load(&progress);
	pid_t pid = vfork();

	if (pid == 0) {
		while (atomic_load(&progress) < before + 10)
			;
		_exit(5);
	}
	CHECK_EQ(child_wait(pid), EXITED(5));
	atomic_store(&stop, 1);
	pthread_join(t, NULL);
}

static void *vforks(void *arg)
{
	int *wrong = arg;

	for (int i = 0; i < 20; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			execve(self_exits[0], self_exits, no_environment);
			_exit(127);
		}
		*wrong += child_wait(pid) != EXITED(42);
	}
	return NULL;
}

static void threads_vfork_at_once(void)
{
	int wrong[3] = {0};
	pthread_t threads[3];

	for (int i = 0; i < 3; i++)
		threads[i] = thread_start(vforks, &wrong[i]);
	for (int i = 0; i < 3; i++)
		pthread_join(threads[i], NULL);
	CHECK_EQ(wrong[0] + wrong[1] + wrong[2], 0);
}

static void big_memory_stays(void)
{
	enum { SIZE = 64 << 20 };
	unsigned char *p = memory_new(SIZE, PROT_READ | PROT_WRITE);
	int wrong = 0;

	memset(p, 7, SIZE);
	for (int i = 0; i < 20; i++) {
		pid_t pid = vfork();

		if (pid == 0) {
			p[i * PAGE] = 8;
			execve(self_exits[0], self_exits, no_environment);
			_exit(127);
		}
		wrong += child_wait(pid) != EXITED(42);
		wrong += p[i * PAGE] != 8;
	}
	CHECK_EQ(wrong, 0);
	munmap(p, SIZE);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "exit") ? 1 : 42;
	test_start();
	child_writes_into_its_parent();
	parent_waits_for_exit();
	parent_waits_for_exec();
	failed_exec_leaves_the_child_running();
	files_are_the_childs_own();
	handlers_are_the_childs_own();
	ids();
	child_killed_by_a_signal();
	other_threads_run_on();
	threads_vfork_at_once();
	big_memory_stays();
	return test_done();
}
