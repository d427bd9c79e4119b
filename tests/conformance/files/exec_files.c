/* covers: execve fcntl flock */
/* What of files survives execve(2): the program runs itself again and looks around. */
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>

#include "tests/conformance/files/conformance.h"

/* Runs "self STEP NUMBER" in a child; true if it ends with 0. */
static bool again(const char *step, int number)
{
	char text[16], self[] = "/proc/self/exe";
	char *argv[] = {self, (char *)(uintptr_t)step, text, NULL}, *envp[] = {NULL};
	int status = -1;
	pid_t pid;

	snprintf(text, sizeof(text), "%d", number);
	pid = test_fork();
	if (pid == 0) {
		execve(self, argv, envp);
		_exit(99);
	}
	waitpid(pid, &status, 0);
	return status == 0;
}

static bool lock_is_held(int fd)
{
	struct flock l = {.l_type = F_WRLCK};

	return fcntl(fd, F_GETLK, &l) == 0 && l.l_type == F_WRLCK;
}

/* The steps: each returns true if the new program finds what it should. */
static bool step(const char *name, int fd)
{
	char c = 0;

	if (!strcmp(name, "open"))
		return fd_open(fd) && lseek(fd, 0, SEEK_CUR) == 3 && read(fd, &c, 1) == 1 &&
		       c == '3';
	if (!strcmp(name, "closed"))
		return !fd_open(fd) && errno == EBADF;
	if (!strcmp(name, "flags"))
		return (fcntl(fd, F_GETFL) & (O_APPEND | O_NONBLOCK)) == (O_APPEND | O_NONBLOCK);
	if (!strcmp(name, "umask"))
		return umask(0) == 027;
	if (!strcmp(name, "cwd"))
		return exists("marker") && !exists("f");
	if (!strcmp(name, "unlinked"))
		return size_of(fd) == 10 && pread(fd, &c, 1, 9) == 1 && c == '9';
	if (!strcmp(name, "flock"))
		return flock(open("f", O_RDWR), LOCK_EX | LOCK_NB) == -1 && errno == EWOULDBLOCK;
	if (!strcmp(name, "epoll"))
		return epoll_wait(fd, &(struct epoll_event){0}, 1, 0) == 1;
	return false;
}

static void test_descriptors(void)
{
	int fd = open("f", O_RDWR);

	CHECK_EQ(lseek(fd, 3, SEEK_SET), 3);
	CHECK(again("open", fd));
	CHECK_EQ(lseek(fd, 0, SEEK_CUR), 4);
	CHECK_OK(fcntl(fd, F_SETFD, FD_CLOEXEC));
	CHECK(again("closed", fd));
	CHECK(fd_open(fd));
	CHECK_OK(fcntl(fd, F_SETFD, 0));
	CHECK_OK(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK));
	CHECK(again("flags", fd));
	close(fd);
	fd = open("f", O_RDWR | O_CLOEXEC);
	CHECK(again("closed", fd));
	CHECK_EQ(dup3(fd, 300, O_CLOEXEC), 300);
	CHECK(again("closed", 300));
	close(300);
	close(fd);
}

static void test_surroundings(void)
{
	FORKED("umask and working directory stay")
	{
		umask(027);
		CHECK(again("umask", 0));
		CHECK_OK(mkdir("sub", 0755));
		CHECK(put_file("sub/marker", ""));
		CHECK_OK(chdir("sub"));
		CHECK(again("cwd", 0));
	}
}

static void test_unlinked(void)
{
	int fd;

	put_file("gone", "0123456789");
	fd = open("gone", O_RDONLY);
	CHECK_OK(unlink("gone"));
	CHECK(again("unlinked", fd));
	close(fd);
}

/* fcntl(2): record locks stay with the process through execve. */
static void record_lock(bool kept)
{
	struct flock l = {.l_type = F_WRLCK};
	char self[] = "/proc/self/exe", text[] = "0", wait[] = "wait";
	char *argv[] = {self, wait, text, NULL}, *envp[] = {NULL};
	int fd = open("f", O_RDWR), p[2], q[2], extra;
	pid_t pid;
	char c;

	CHECK_OK(pipe(p) | pipe(q));
	pid = test_fork();
	if (pid == 0) {
		extra = kept ? -1 : open("f", O_RDONLY | O_CLOEXEC);
		if (fcntl(fd, F_SETLK, &l) || (extra < 0) != kept)
			_exit(97);
		dup2(p[0], 0);
		dup2(q[1], 400);
		close(p[1]);
		execve(self, argv, envp);
		_exit(99);
	}
	CHECK_EQ(read(q[0], &c, 1), 1);
	CHECK_EQ(lock_is_held(fd), kept);
	CHECK_EQ(write(p[1], "x", 1), 1);
	JOIN(pid);
	CHECK(!lock_is_held(fd));
	close(fd);
	for (int i = 0; i < 2; i++) {
		close(p[i]);
		close(q[i]);
	}
}

static void test_record_locks(void)
{
	record_lock(true);
	/* Unless execve closes another descriptor of the file: any close releases them. */
	record_lock(false);
}

static void test_flock(void)
{
	int fd = open("f", O_RDWR);

	CHECK_OK(flock(fd, LOCK_EX));
	CHECK(again("flock", fd));
	close(fd);
	fd = open("f", O_RDWR | O_CLOEXEC);
	CHECK_OK(flock(fd, LOCK_EX));
	/* The parent still holds it, so the lock outlives the child's descriptor. */
	CHECK(again("flock", fd));
	close(fd);
	CHECK(!again("flock", fd));
}

static void test_epoll(void)
{
	int ep = epoll_create1(0), fd = eventfd(1, 0);
	struct epoll_event e = {.events = EPOLLIN};

	CHECK_OK(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e));
	CHECK(again("epoll", ep));
	close(fd);
	CHECK(!again("epoll", ep));
	close(ep);
}

/* The other end of a close-on-exec pipe learns of a successful execve by end of file. */
static void test_pipe_tells(void)
{
	char self[] = "/proc/self/exe", text[] = "0", wait[] = "quiet", c;
	char *argv[] = {self, wait, text, NULL}, *envp[] = {NULL};
	int told[2], hold[2], status;
	pid_t pid;

	CHECK_OK(pipe2(told, O_CLOEXEC) | pipe(hold));
	pid = test_fork();
	if (pid == 0) {
		dup2(hold[0], 0);
		close(hold[1]);
		execve(self, argv, envp);
		_exit(99);
	}
	close(told[1]);
	CHECK_EQ(read(told[0], &c, 1), 0);
	CHECK_EQ(waitpid(pid, &status, WNOHANG), 0);
	CHECK_EQ(write(hold[1], "x", 1), 1);
	JOIN(pid);
	close(told[0]);
	close(hold[0]);
	close(hold[1]);
}

/* A program may be run by who may not read it. */
static void test_execute_only(void)
{
	char self[PATH_MAX];
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);
	static char bytes[1 << 20];

	REQUIRE(n > 0);
	self[n] = 0;
	int from = open(self, O_RDONLY), to = open("secret", O_WRONLY | O_CREAT, 0700);
	while ((n = read(from, bytes, sizeof(bytes))) > 0)
		REQUIRE(write(to, bytes, (size_t)n) == n);
	close(from);
	close(to);
	CHECK_OK(chmod("secret", 0111));
	CHECK_OK(chmod(".", 0755));
	int dir = open(".", O_PATH | O_DIRECTORY);
	pid_t pid = test_fork();
	if (pid == 0) {
		become_nobody();
		CHECK_ERRNO(open("secret", O_RDONLY), EACCES);
		syscall(SYS_execveat, dir, "secret", (char *[]){"secret", "ends", NULL}, NULL, 0);
		_exit(1);
	}
	int status;
	waitpid(pid, &status, 0);
	CHECK_EQ(WEXITSTATUS(status), 42);
	close(dir);
}

int main(int argc, char **argv)
{
	char c;

	if (argc == 2 && !strcmp(argv[1], "ends"))
		return 42;
	if (argc == 3 && !strcmp(argv[1], "wait"))
		return write(400, "r", 1) != 1 || read(0, &c, 1) != 1;
	if (argc == 3 && !strcmp(argv[1], "quiet"))
		return read(0, &c, 1) != 1;
	if (argc == 3)
		return !step(argv[1], atoi(argv[2]));
	test_begin();
	put_file("f", "0123456789");
	test_descriptors();
	test_surroundings();
	test_unlinked();
	test_record_locks();
	test_flock();
	test_epoll();
	test_pipe_tells();
	test_execute_only();
	return test_done();
}
