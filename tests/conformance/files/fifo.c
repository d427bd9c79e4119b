/* covers: mknod mknodat openat read write poll */
/* fifo(7): named pipes and the rules of opening them. */
#include <poll.h>

#include "tests/conformance/files/conformance.h"

static void test_make(void)
{
	struct stat st;

	CHECK_OK(mkfifo("fifo", 0666));
	CHECK_OK(stat("fifo", &st));
	CHECK(S_ISFIFO(st.st_mode));
	CHECK_EQ(st.st_mode & 07777, 0644);
	CHECK_ERRNO(mkfifo("fifo", 0666), EEXIST);
	CHECK_ERRNO(mkfifo("none/fifo", 0666), ENOENT);
	CHECK_EQ(syscall(SYS_mknod, "node", S_IFIFO | 0600, 0), 0);
	CHECK_OK(stat("node", &st));
	CHECK(S_ISFIFO(st.st_mode));
	CHECK_OK(mknodat(AT_FDCWD, "file", S_IFREG | 0600, 0));
	CHECK_OK(mknod("file2", 0600, 0));
	CHECK_OK(stat("file2", &st));
	CHECK(S_ISREG(st.st_mode));
	CHECK_ERRNO(mknod("d", S_IFDIR | 0700, 0), EPERM);
	CHECK_ERRNO(mknod("x", S_IFMT | 0600, 0), EINVAL);
	CHECK_OK(mkdir("open", 0777));
	CHECK_OK(chmod("open", 0777));
	FORKED("devices are root's to make")
	{
		become_nobody();
		CHECK_ERRNO(mknod("open/dev", S_IFCHR | 0600, 0x103), EPERM);
	}
}

static void test_nonblocking_open(void)
{
	char c;
	int r, w;

	CHECK_ERRNO(open("fifo", O_WRONLY | O_NONBLOCK), ENXIO);
	r = open("fifo", O_RDONLY | O_NONBLOCK);
	CHECK(r >= 0);
	CHECK_EQ(read(r, &c, 1), 0);
	w = open("fifo", O_WRONLY | O_NONBLOCK);
	CHECK(w >= 0);
	CHECK_ERRNO(read(r, &c, 1), EAGAIN);
	CHECK_EQ(write(w, "x", 1), 1);
	CHECK_EQ(read(r, &c, 1), 1);
	close(w);
	CHECK_EQ(read(r, &c, 1), 0);
	w = open("fifo", O_WRONLY);
	CHECK_EQ(write(w, "again", 5), 5);
	CHECK_EQ(read(r, &c, 1), 1);
	close(r);
	close(w);
}

/* What nobody read is gone once both ends are closed. */
static void test_data_does_not_persist(void)
{
	char c;
	int rw = open("fifo", O_RDWR);

	CHECK(rw >= 0);
	CHECK_EQ(write(rw, "lost", 4), 4);
	CHECK_EQ(size_of(rw), 0);
	close(rw);
	rw = open("fifo", O_RDWR | O_NONBLOCK);
	CHECK_ERRNO(read(rw, &c, 1), EAGAIN);
	close(rw);
}

static void test_open_waits_for_peer(void)
{
	char buf[8];
	pid_t pid = test_fork();
	int fd;

	if (pid == 0) {
		let_others_run();
		fd = open("fifo", O_WRONLY);
		CHECK(fd >= 0);
		CHECK_EQ(write(fd, "hello", 5), 5);
		test_child_exit();
	}
	fd = open("fifo", O_RDONLY);
	CHECK(fd >= 0);
	CHECK_EQ(read(fd, buf, sizeof(buf)), 5);
	CHECK_EQ(read(fd, buf, sizeof(buf)), 0);
	JOIN(pid);
	close(fd);
	pid = test_fork();
	if (pid == 0) {
		let_others_run();
		fd = open("fifo", O_RDONLY);
		CHECK_EQ(read(fd, buf, sizeof(buf)), 2);
		test_child_exit();
	}
	fd = open("fifo", O_WRONLY);
	CHECK(fd >= 0);
	CHECK_EQ(write(fd, "hi", 2), 2);
	close(fd);
	JOIN(pid);
}

static void test_open_interrupted(void)
{
	FORKED("a waiting open ends with EINTR")
	{
		interrupt_from_now_on();
		CHECK_ERRNO(open("fifo", O_RDONLY), EINTR);
		CHECK_ERRNO(open("fifo", O_WRONLY), EINTR);
	}
}

static void test_broken(void)
{
	int r = open("fifo", O_RDONLY | O_NONBLOCK), w = open("fifo", O_WRONLY);

	signal(SIGPIPE, SIG_IGN);
	close(r);
	CHECK_ERRNO(write(w, "x", 1), EPIPE);
	close(w);
	signal(SIGPIPE, SIG_DFL);
}

static void test_names_share_one_pipe(void)
{
	char c = 0;
	int r, w;

	CHECK_OK(link("fifo", "fifo2"));
	r = open("fifo", O_RDONLY | O_NONBLOCK);
	w = open("fifo2", O_WRONLY);
	CHECK_EQ(write(w, "y", 1), 1);
	CHECK_OK(unlink("fifo"));
	CHECK_EQ(read(r, &c, 1), 1);
	CHECK_EQ(c, 'y');
	close(r);
	close(w);
	CHECK_OK(rename("fifo2", "fifo"));
}

/* A reader that no writer ever met isn't hung up; one that lost its writers is. */
static void test_poll(void)
{
	struct pollfd p = {.fd = open("fifo", O_RDONLY | O_NONBLOCK), .events = POLLIN};
	int w;

	CHECK_EQ(poll(&p, 1, 0), 0);
	w = open("fifo", O_WRONLY);
	CHECK_EQ(poll(&p, 1, 0), 0);
	CHECK_EQ(write(w, "x", 1), 1);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN);
	close(w);
	CHECK_EQ(poll(&p, 1, 0), 1);
	CHECK_EQ(p.revents, POLLIN | POLLHUP);
	close(p.fd);
}

int main(void)
{
	test_begin();
	test_make();
	test_nonblocking_open();
	test_data_does_not_persist();
	test_open_waits_for_peer();
	test_open_interrupted();
	test_broken();
	test_names_share_one_pipe();
	test_poll();
	return test_done();
}
