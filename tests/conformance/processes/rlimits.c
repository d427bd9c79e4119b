/* covers: getrlimit setrlimit prlimit64 mmap brk open dup fcntl write rt_sigaction execve */
/* getrlimit(2): limits are read, lowered, inherited, and mean what they say. */
#include "tests/conformance/processes/process_test.h"

#include <sys/resource.h>

static void limit_set(int resource, rlim_t soft, rlim_t hard)
{
	struct rlimit limit = {soft, hard};

	REQUIRE(setrlimit((__rlimit_resource_t)resource, &limit) == 0);
}

static void every_limit_can_be_read(void)
{
	int wrong = 0;

	for (int i = 0; i < RLIM_NLIMITS; i++) {
		struct rlimit a, b, c;

		wrong += syscall(SYS_getrlimit, i, &a) != 0;
		wrong += syscall(SYS_prlimit64, 0, i, NULL, &b) != 0;
		wrong += syscall(SYS_prlimit64, getpid(), i, NULL, &c) != 0;
		wrong += memcmp(&a, &b, sizeof(a)) || memcmp(&a, &c, sizeof(a));
		wrong += a.rlim_cur > a.rlim_max;
	}
	CHECK_EQ(wrong, 0);
}

static void errors(void)
{
	struct rlimit limit = {20, 10};

	CHECK_ERRNO(syscall(SYS_getrlimit, 16, &limit), EINVAL);
	CHECK_ERRNO(syscall(SYS_setrlimit, -1, &limit), EINVAL);
	CHECK_ERRNO(syscall(SYS_setrlimit, RLIMIT_CPU, &limit), EINVAL);
	CHECK_ERRNO(syscall(SYS_getrlimit, RLIMIT_CPU, bad_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_setrlimit, RLIMIT_CPU, bad_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_prlimit64, 0x3fffffff, RLIMIT_CPU, NULL, NULL), ESRCH);
}

static void child_lowers_for_ever(void)
{
	struct rlimit limit, old;

	limit_set(RLIMIT_NOFILE, 100, 200);
	REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 100);
	REQUIRE(limit.rlim_max == 200);
	limit.rlim_cur = 150;
	REQUIRE(prlimit(0, RLIMIT_NOFILE, &limit, &old) == 0 && old.rlim_cur == 100);
	if (geteuid() == 0)
		return;
	limit.rlim_max = 300;
	REQUIRE(setrlimit(RLIMIT_NOFILE, &limit) == -1 && errno == EPERM);
}

static void child_has_few_files(void)
{
	int fds[2];

	limit_set(RLIMIT_NOFILE, 10, 20);
	for (int i = 3; i < 30; i++)
		close(i);
	for (int i = 3; i < 10; i++)
		REQUIRE(open("/dev/null", O_RDONLY) == i);
	REQUIRE(open("/dev/null", O_RDONLY) == -1 && errno == EMFILE);
	REQUIRE(dup(0) == -1 && errno == EMFILE);
	REQUIRE(dup2(0, 10) == -1 && errno == EBADF);
	REQUIRE(fcntl(0, F_DUPFD, 10) == -1 && errno == EINVAL);
	REQUIRE(fcntl(0, F_DUPFD, 3) == -1 && errno == EMFILE);
	REQUIRE(pipe(fds) == -1 && errno == EMFILE);
	REQUIRE(sysconf(_SC_OPEN_MAX) == 10);
	limit_set(RLIMIT_NOFILE, 5, 20);
	REQUIRE(fcntl(8, F_GETFD) == 0); /* what is open stays open */
	REQUIRE(dup2(8, 4) == 4);
}

static volatile sig_atomic_t xfsz;

static void on_xfsz(int sig, siginfo_t *info, void *context)
{
	(void)info;
	(void)context;
	xfsz += sig == SIGXFSZ;
}

static void child_writes_too_much(void)
{
	char data[1000] = {0};
	int fd = open("limited", O_RDWR | O_CREAT | O_TRUNC, 0600);

	limit_set(RLIMIT_FSIZE, 1500, 1500);
	handler_set(SIGXFSZ, on_xfsz, 0);
	REQUIRE(write(fd, data, 1000) == 1000);
	REQUIRE(write(fd, data, 1000) == 500 && xfsz == 0);
	REQUIRE(write(fd, data, 1000) == -1 && errno == EFBIG && xfsz == 1);
	REQUIRE(pwrite(fd, data, 1, 1499) == 1);
	REQUIRE(pwrite(fd, data, 1, 1500) == -1 && errno == EFBIG && xfsz == 2);
	REQUIRE(ftruncate(fd, 1501) == -1 && errno == EFBIG && xfsz == 3);
	REQUIRE(lseek(fd, 0, SEEK_END) == 1500);
}

static void child_dies_of_file_size(void)
{
	limit_set(RLIMIT_CORE, 0, 0);
	limit_set(RLIMIT_FSIZE, 0, 0);
	write(open("limited2", O_RDWR | O_CREAT, 0600), "x", 1);
}

static void child_has_small_address_space(void)
{
	enum { SIZE = 1 << 30 };
	void *p;

	limit_set(RLIMIT_AS, SIZE, SIZE);
	p = mmap(NULL, SIZE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	REQUIRE(p == MAP_FAILED && errno == ENOMEM);
	p = mmap(NULL, SIZE / 4, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	REQUIRE(p != MAP_FAILED);
	REQUIRE(mremap(p, SIZE / 4, SIZE, MREMAP_MAYMOVE) == MAP_FAILED && errno == ENOMEM);
	REQUIRE(sbrk(SIZE) == (void *)-1 && errno == ENOMEM);
	REQUIRE(munmap(p, SIZE / 4) == 0);
	void *volatile heap = malloc(SIZE);
	REQUIRE(!heap);
}

static void child_has_small_data(void)
{
	limit_set(RLIMIT_DATA, 16 << 20, 16 << 20);
	REQUIRE(sbrk(64 << 20) == (void *)-1 && errno == ENOMEM);
}

static void child_execs_with_stack(void)
{
	char *argv[] = {"x", "stack", NULL};

	limit_set(RLIMIT_CORE, 0, 0);
	limit_set(RLIMIT_STACK, 1 << 20, 16 << 20);
	limit_set(RLIMIT_NOFILE, 77, 88);
	execv("/proc/self/exe", argv);
}

/* After execve: the limits are the same, half a MiB of stack is there, four are not. */
static int mode_stack(void)
{
	struct rlimit limit;

	alarm(DEADLINE_SECONDS);
	REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 77);
	REQUIRE(limit.rlim_max == 88);
	stack_use(512 << 10);
	signal(SIGSEGV, SIG_DFL);
	stack_use(4 << 20);
	return 0;
}

static void child_uses_cpu(void)
{
	limit_set(RLIMIT_CORE, 0, 0);
	limit_set(RLIMIT_CPU, 1, 3);
	for (;;)
		;
}

/* prlimit(2) reaches another process of the same user. */
static int gate[2];

static void child_is_limited(void)
{
	struct rlimit limit;

	pipe_hear(gate[0]);
	REQUIRE(getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur == 33);
	REQUIRE(limit.rlim_max == 44);
}

static void another_process(void)
{
	struct rlimit limit = {33, 44}, old = {0};
	pid_t pid;

	pipe_new(gate);
	pid = child_start(child_is_limited);
	CHECK_OK(prlimit(pid, RLIMIT_NOFILE, &limit, &old));
	CHECK(old.rlim_cur != 0);
	CHECK_OK(prlimit(pid, RLIMIT_NOFILE, NULL, &old));
	CHECK_EQ(old.rlim_cur, 33);
	pipe_say(gate[1]);
	CHECK_EQ(child_wait(pid), EXITED(0));
	if (geteuid() != 0)
		CHECK_ERRNO(prlimit(1, RLIMIT_NOFILE, NULL, &old), EPERM);
}

static void *lowers_in_thread(void *arg)
{
	limit_set(RLIMIT_CORE, 0, 0);
	return arg;
}

static void child_limits_are_the_processs(void)
{
	struct rlimit limit;

	pthread_join(thread_start(lowers_in_thread, NULL), NULL);
	REQUIRE(getrlimit(RLIMIT_CORE, &limit) == 0 && limit.rlim_max == 0);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return strcmp(argv[1], "stack") ? 1 : mode_stack();
	test_start();
	every_limit_can_be_read();
	errors();
	CHECK_CHILD(child_lowers_for_ever);
	CHECK_CHILD(child_has_few_files);
	CHECK_CHILD(child_writes_too_much);
	CHECK_EQ(child_run(child_dies_of_file_size) & 0x7f, SIGXFSZ);
	CHECK_CHILD(child_has_small_address_space);
	CHECK_CHILD(child_has_small_data);
	CHECK_EQ(child_run(child_execs_with_stack) & 0x7f, SIGSEGV);
	CHECK_EQ(child_run(child_uses_cpu) & 0x7f, SIGXCPU);
	another_process();
	CHECK_CHILD(child_limits_are_the_processs);
	return test_done();
}
