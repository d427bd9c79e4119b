/* covers: fcntl */
/* fcntl(2): leases, directory notification, and who created a file. */
#include <signal.h>
#include <time.h>

#include "tests/conformance/files/conformance.h"

#define F_CREATED_QUERY_ (1024 + 4)

static volatile sig_atomic_t told;
static siginfo_t told_info;

static void on_signal(int signo, siginfo_t *info, void *context)
{
	(void)signo;
	(void)context;
	told_info = *info;
	told++;
}

static void listen_for(int signo)
{
	struct sigaction sa = {.sa_sigaction = on_signal, .sa_flags = SA_SIGINFO};

	sigaction(signo, &sa, NULL);
	told = 0;
}

static void test_grant(void)
{
	int fd = open("f", O_RDWR | O_CREAT, 0644), other;

	CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
	CHECK_ERRNO(fcntl(fd, F_SETLEASE, F_UNLCK), EAGAIN);
	CHECK_ERRNO(fcntl(fd, F_SETLEASE, 99), EINVAL);
	CHECK_ERRNO(fcntl(fd, F_SETLEASE, F_RDLCK), EAGAIN); /* it is open for writing */
	CHECK_OK(fcntl(fd, F_SETLEASE, F_WRLCK));
	CHECK_EQ(fcntl(fd, F_GETLEASE), F_WRLCK);
	CHECK_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
	close(fd);
	fd = open("f", O_RDONLY);
	other = open("f", O_RDONLY);
	CHECK_ERRNO(fcntl(fd, F_SETLEASE, F_WRLCK), EAGAIN); /* it is open twice */
	CHECK_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
	CHECK_OK(fcntl(other, F_SETLEASE, F_RDLCK));
	CHECK_EQ(fcntl(other, F_GETLEASE), F_RDLCK);
	close(other);
	close(fd);
	fd = open("f", O_RDONLY); /* a closed file has none */
	CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
	close(fd);
	fd = open(".", O_RDONLY);
	CHECK_ERRNO(fcntl(fd, F_SETLEASE, F_RDLCK), EINVAL);
	close(fd);
}

static void test_break(void)
{
	int fd = open("f", O_RDONLY);

	listen_for(SIGIO);
	CHECK_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
	close(open("f", O_RDONLY | O_NONBLOCK)); /* goes with it */
	CHECK_EQ(told, 0);
	CHECK_ERRNO(open("f", O_WRONLY | O_NONBLOCK), EWOULDBLOCK);
	CHECK_EQ(told, 1);
	CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK); /* what it is to become */
	CHECK_OK(fcntl(fd, F_SETLEASE, F_RDLCK));
	CHECK_EQ(fcntl(fd, F_GETLEASE), F_UNLCK);
	CHECK_OK(fcntl(fd, F_SETLEASE, F_UNLCK));
	close(fd);
}

static void test_break_by_another_process(int type, int flags, int then)
{
	struct timespec patience = {60, 0};
	int fd = open("f", O_RDONLY);
	sigset_t set;
	pid_t pid;

	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	CHECK_OK(fcntl(fd, F_SETSIG, SIGRTMIN));
	CHECK_OK(fcntl(fd, F_SETLEASE, type));
	pid = test_fork();
	if (!pid) {
		if (flags == O_TRUNC)
			CHECK_OK(truncate("f", 0));
		else
			CHECK(open("f", flags) >= 0);
		test_child_exit();
	}
	CHECK_EQ(sigtimedwait(&set, &told_info, &patience), SIGRTMIN);
	CHECK_EQ(told_info.si_fd, fd);
	CHECK_EQ(told_info.si_code, POLL_MSG);
	CHECK_EQ(fcntl(fd, F_GETLEASE), then);
	CHECK_OK(fcntl(fd, F_SETLEASE, then));
	JOIN(pid);
	close(fd);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void test_permission(void)
{
	if (!is_root()) {
		test_skip("leases of others", "needs root");
		return;
	}
	chmod("f", 0644);
	FORKED("a lease on a file of another's")
	{
		become_nobody();
		CHECK_ERRNO(fcntl(open("f", O_RDONLY), F_SETLEASE, F_RDLCK), EACCES);
	}
}

static void test_notify(void)
{
	int fd, dir;

	mkdir("d", 0755);
	dir = open("d", O_RDONLY);
	listen_for(SIGRTMIN + 1);
	CHECK_OK(fcntl(dir, F_SETSIG, SIGRTMIN + 1));
	CHECK_OK(fcntl(dir, F_NOTIFY, DN_CREATE));
	fd = open("d/a", O_RDWR | O_CREAT, 0644);
	CHECK_EQ(told, 1);
	CHECK_EQ(told_info.si_fd, dir);
	CHECK_EQ(told_info.si_code, POLL_MSG);
	close(open("d/b", O_RDWR | O_CREAT, 0644)); /* once */
	CHECK_EQ(told, 1);
	CHECK_OK(fcntl(dir, F_NOTIFY, DN_MODIFY | DN_ATTRIB | DN_DELETE | DN_MULTISHOT));
	CHECK_EQ(write(fd, "x", 1), 1);
	CHECK_EQ(told, 2);
	CHECK_OK(chmod("d/a", 0600));
	CHECK_EQ(told, 3);
	CHECK_OK(unlink("d/b"));
	CHECK_EQ(told, 4);
	CHECK_OK(fcntl(dir, F_NOTIFY, 0));
	CHECK_OK(chmod("d/a", 0644));
	CHECK_EQ(told, 4);
	CHECK_OK(fcntl(dir, F_NOTIFY, DN_ATTRIB | DN_MULTISHOT));
	close(dir);
	CHECK_OK(chmod("d/a", 0600));
	CHECK_EQ(told, 4);
	CHECK_ERRNO(fcntl(fd, F_NOTIFY, DN_ATTRIB), ENOTDIR);
	close(fd);
}

/* Renames within a directory are news to it, those out of it and into it are deletions and
 * creations. */
static void test_notify_rename(void)
{
	int dir;

	mkdir("here", 0755);
	mkdir("there", 0755);
	close(open("here/a", O_RDWR | O_CREAT, 0644));
	dir = open("here", O_RDONLY);
	listen_for(SIGIO);
	CHECK_OK(fcntl(dir, F_NOTIFY, DN_RENAME | DN_MULTISHOT));
	CHECK_OK(rename("here/a", "there/a"));
	CHECK_OK(rename("there/a", "here/a"));
	CHECK_EQ(told, 0);
	CHECK_OK(rename("here/a", "here/b"));
	CHECK_EQ(told, 1);
	CHECK_OK(fcntl(dir, F_NOTIFY, 0));
	CHECK_OK(fcntl(dir, F_NOTIFY, DN_DELETE));
	CHECK_OK(rename("here/b", "there/a"));
	CHECK_EQ(told, 2);
	CHECK_OK(fcntl(dir, F_NOTIFY, DN_CREATE));
	CHECK_OK(rename("there/a", "here/b"));
	CHECK_EQ(told, 3);
	close(dir);
}

static void test_created(void)
{
	int fd = open("new", O_RDWR | O_CREAT, 0600);

	if (fcntl(fd, F_CREATED_QUERY_, 0) == -1 && errno == EINVAL) {
		test_skip("F_CREATED_QUERY", "a newer kernel has it");
		return;
	}
	CHECK_EQ(fcntl(fd, F_CREATED_QUERY_, 0), 1);
	close(fd);
	fd = open("new", O_RDWR | O_CREAT, 0600);
	CHECK_EQ(fcntl(fd, F_CREATED_QUERY_, 0), 0);
	close(fd);
}

int main(void)
{
	test_begin();
	test_grant();
	test_break();
	test_break_by_another_process(F_WRLCK, O_RDONLY, F_RDLCK);
	test_break_by_another_process(F_WRLCK, O_RDWR, F_UNLCK);
	test_break_by_another_process(F_RDLCK, O_WRONLY, F_UNLCK);
	test_break_by_another_process(F_RDLCK, O_TRUNC, F_UNLCK);
	test_permission();
	test_notify();
	test_notify_rename();
	test_created();
	return test_done();
}
