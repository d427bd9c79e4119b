/* covers: fanotify_init fanotify_mark */
/* fanotify(7), "Dealing with permission events": who accesses a file waits for the listener's word.
 */
#include <poll.h>
#include <signal.h>

#include "tests/conformance/ipc/fanotify.h"

/* A child that opens and reads a file: exits with the first errno, or 0. */
static pid_t access_in_child(const char *path)
{
	pid_t pid = test_fork();
	char c;
	int f;

	if (pid)
		return pid;
	close(fd); /* the listener is its parent alone */
	f = open(path, O_RDONLY);
	if (f < 0)
		_exit(errno);
	_exit(read(f, &c, 1) == 1 ? 0 : errno);
}

static int result_of(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static int await_event(uint64_t mask, pid_t pid)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	const struct fanotify_event_metadata *event;

	if (used >= filled && poll(&p, 1, -1) != 1)
		return -1;
	event = next_event();
	if (event && event->mask == mask && event->pid == pid)
		return event->fd;
	dprintf(1, "# got %llx of %d, wanted %llx of %d\n", event ? event->mask : 0,
		event ? event->pid : 0, (long long)mask, pid);
	return -1;
}

static ssize_t answer(int file, unsigned int response)
{
	struct fanotify_response r = {.fd = file, .response = response};

	return write(fd, &r, sizeof(r));
}

static void start(uint64_t mask, const char *path)
{
	group(FAN_CLASS_CONTENT, O_RDONLY);
	REQUIRE(mark(FAN_MARK_ADD, mask, path) == 0);
}

static void test_answers(void)
{
	pid_t pid;
	int file;

	start(FAN_OPEN_PERM | FAN_ACCESS_PERM, "f");
	pid = access_in_child("f");
	file = await_event(FAN_OPEN_PERM, pid);
	CHECK_EQ(answer(file, FAN_ALLOW), sizeof(struct fanotify_response));
	CHECK_ERRNO(answer(file, FAN_ALLOW), ENOENT);
	close(file);
	file = await_event(FAN_ACCESS_PERM, pid);
	CHECK_EQ(answer(file, FAN_ALLOW), sizeof(struct fanotify_response));
	close(file);
	CHECK_EQ(result_of(pid), 0);
	pid = access_in_child("f");
	file = await_event(FAN_OPEN_PERM, pid);
	CHECK_EQ(answer(file, FAN_DENY), sizeof(struct fanotify_response));
	close(file);
	CHECK_EQ(result_of(pid), EPERM);
	pid = access_in_child("f");
	file = await_event(FAN_OPEN_PERM, pid);
	answer(file, FAN_ALLOW);
	close(file);
	file = await_event(FAN_ACCESS_PERM, pid);
	answer(file, FAN_DENY);
	close(file);
	CHECK_EQ(result_of(pid), EPERM);
}

static void test_wrong_answers(void)
{
	struct fanotify_response r = {.fd = 0, .response = FAN_ALLOW};
	pid_t pid;
	int file;

	start(FAN_OPEN_PERM, "f");
	pid = access_in_child("f");
	file = await_event(FAN_OPEN_PERM, pid);
	CHECK_ERRNO(answer(file, 0), EINVAL);
	CHECK_ERRNO(answer(file, FAN_ALLOW | FAN_DENY), EINVAL);
	CHECK_ERRNO(answer(file, 0x8000), EINVAL);
	CHECK_ERRNO(answer(file, FAN_ALLOW | FAN_AUDIT), EINVAL);
	CHECK_ERRNO(answer(-1, FAN_ALLOW), EINVAL);
	CHECK_ERRNO(answer(file + 1, FAN_ALLOW), ENOENT);
	CHECK_ERRNO(write(fd, &r, sizeof(r) - 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_write, fd, BAD_POINTER, sizeof(r)), EFAULT);
	CHECK_EQ(answer(file, FAN_ALLOW), sizeof(r));
	close(file);
	CHECK_EQ(result_of(pid), 0);
}

/* A listener that goes allows all that it was asked, reported or not. */
static void test_close(void)
{
	pid_t first, second;

	start(FAN_OPEN_PERM, "f");
	first = access_in_child("f");
	close(await_event(FAN_OPEN_PERM, first));
	second = access_in_child("f");
	let_others_run();
	close(fd);
	fd = -1;
	CHECK_EQ(result_of(first), 0);
	CHECK_EQ(result_of(second), 0);
}

/* Who waits can be killed, whether it was reported or not, and what it asked is gone. */
static void test_kill(void)
{
	pid_t pid;
	int file;

	start(FAN_OPEN_PERM, "f");
	pid = access_in_child("f");
	file = await_event(FAN_OPEN_PERM, pid);
	kill(pid, SIGKILL);
	CHECK_EQ(result_of(pid), -SIGKILL);
	CHECK_EQ(answer(file, FAN_ALLOW), sizeof(struct fanotify_response));
	close(file);
	pid = access_in_child("f");
	while (poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, -1) != 1)
		;
	kill(pid, SIGKILL);
	CHECK_EQ(result_of(pid), -SIGKILL);
	QUIET();
}

/* The descriptor of an event asks nobody; other signals do not end the waiting. */
static void test_silence(void)
{
	char c, link[64];
	pid_t pid;
	int file, again;

	start(FAN_OPEN_PERM | FAN_ACCESS_PERM, "f");
	pid = access_in_child("f");
	file = await_event(FAN_OPEN_PERM, pid);
	CHECK_EQ(read(file, &c, 1), 1);
	kill(pid, SIGCONT);
	let_others_run();
	CHECK_EQ(waitpid(pid, NULL, WNOHANG), 0);
	snprintf(link, sizeof(link), "/proc/self/fd/%d", file);
	again = open(link, O_PATH);
	CHECK(again >= 0);
	close(again);
	answer(file, FAN_ALLOW);
	close(file);
	file = await_event(FAN_ACCESS_PERM, pid);
	answer(file, FAN_ALLOW);
	close(file);
	CHECK_EQ(result_of(pid), 0);
}

static void test_exec(void)
{
	pid_t pid;
	int file;

	start(FAN_OPEN_EXEC_PERM, "program");
	touch("program", O_RDONLY);
	QUIET();
	pid = test_fork();
	if (!pid) {
		execl("program", "program", "ends", NULL);
		_exit(errno);
	}
	file = await_event(FAN_OPEN_EXEC_PERM, pid);
	answer(file, FAN_DENY);
	close(file);
	CHECK_EQ(result_of(pid), EPERM);
}

/* What is created is opened, and asked for. */
static void test_create(void)
{
	pid_t pid;
	int file;

	start(FAN_OPEN_PERM | FAN_EVENT_ON_CHILD, "d");
	pid = test_fork();
	if (!pid) {
		int f = open("d/new", O_WRONLY | O_CREAT | O_EXCL, 0644);

		_exit(f < 0 ? errno : 0);
	}
	file = await_event(FAN_OPEN_PERM, pid);
	answer(file, FAN_DENY);
	close(file);
	CHECK_EQ(result_of(pid), EPERM);
	CHECK(exists("d/new"));
}

/* Two are asked one after the other, the higher class first. */
static void test_classes(void)
{
	int high = fanotify_init(FAN_CLASS_PRE_CONTENT | FAN_NONBLOCK, O_RDONLY), low, file;
	pid_t pid;

	start(FAN_OPEN_PERM, "f");
	CHECK_OK(fanotify_mark(high, FAN_MARK_ADD, FAN_OPEN_PERM, AT_FDCWD, "f"));
	low = fd;
	pid = access_in_child("f");
	fd = high;
	file = await_event(FAN_OPEN_PERM, pid);
	fd = low;
	QUIET();
	fd = high;
	answer(file, FAN_ALLOW);
	close(file);
	fd = low;
	file = await_event(FAN_OPEN_PERM, pid);
	answer(file, FAN_DENY);
	close(file);
	CHECK_EQ(result_of(pid), EPERM);
	close(high);
}

int main(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return 0;
	test_begin();
	if (!is_root()) {
		test_skip("fanotify with permissions", "it is root's");
		return test_done();
	}
	put_file("f", "file");
	REQUIRE(put_program("program"));
	mkdir("d", 0755);
	test_answers();
	test_wrong_answers();
	test_close();
	test_kill();
	test_silence();
	test_exec();
	test_create();
	test_classes();
	return test_done();
}
