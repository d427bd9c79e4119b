/* proc_sys(5): numbers under /proc/sys that an administrator may set, and that are heeded. Each is
 * put back as it was. */
#include <stdio.h>
#include <sys/inotify.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "tests/conformance/files/conformance.h"

static long setting_get(const char *path)
{
	FILE *file = fopen(path, "re");
	long value = -2;

	if (!file)
		return -2;
	if (fscanf(file, "%ld", &value) != 1)
		value = -2;
	fclose(file);
	return value;
}

/* 0, or -1 and errno. */
static int text_set(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), err;
	ssize_t written;

	if (fd < 0)
		return -1;
	written = write(fd, text, strlen(text));
	err = errno;
	close(fd);
	errno = err;
	return written == (ssize_t)strlen(text) ? 0 : -1;
}

static int setting_set(const char *path, long value)
{
	char text[24];

	snprintf(text, sizeof(text), "%ld\n", value);
	return text_set(path, text);
}

static void test_texts(void)
{
	static const char path[] = "/proc/sys/fs/lease-break-time";
	long before = setting_get(path);

	CHECK_OK(text_set(path, "  17 \n"));
	CHECK_EQ(setting_get(path), 17);
	CHECK_OK(text_set(path, "18"));
	CHECK_EQ(setting_get(path), 18);
	CHECK_ERRNO(text_set(path, "x"), EINVAL);
	CHECK_ERRNO(text_set(path, "1x"), EINVAL);
	CHECK_EQ(setting_get(path), 18);
	CHECK_OK(setting_set(path, before));
	FORKED("an ordinary user may not")
	{
		become_nobody();
		CHECK_ERRNO(text_set(path, "1"), EACCES);
	}
}

static void test_pipe_size(void)
{
	static const char path[] = "/proc/sys/fs/pipe-max-size";
	long before = setting_get(path);

	CHECK(before >= 65536);
	FORKED("a pipe of an ordinary user's is not larger")
	{
		int ends[2];

		CHECK_OK(setting_set(path, 131072));
		CHECK_EQ(setting_get(path), 131072);
		become_nobody();
		CHECK_OK(pipe(ends));
		CHECK_OK(fcntl(ends[0], F_SETPIPE_SZ, 131072));
		CHECK_ERRNO(fcntl(ends[0], F_SETPIPE_SZ, 262144), EPERM);
	}
	CHECK_OK(setting_set(path, before));
}

static void test_descriptors(void)
{
	static const char path[] = "/proc/sys/fs/nr_open";
	long before = setting_get(path);

	FORKED("the hard limit of descriptors is at most nr_open")
	{
		struct rlimit limit;

		CHECK_OK(setting_set(path, 65536));
		CHECK_OK(getrlimit(RLIMIT_NOFILE, &limit));
		limit.rlim_max = 65537;
		limit.rlim_cur = 16;
		CHECK_ERRNO(setrlimit(RLIMIT_NOFILE, &limit), EPERM);
	}
	CHECK_ERRNO(setting_set(path, 1), EINVAL);
	CHECK_OK(setting_set(path, before));
}

static void test_inotify(void)
{
	static const char path[] = "/proc/sys/fs/inotify/max_queued_events";
	long before = setting_get(path);
	struct inotify_event event;
	int fd;

	CHECK_OK(setting_set(path, 1));
	fd = inotify_init1(IN_NONBLOCK);
	CHECK_OK(inotify_add_watch(fd, ".", IN_CREATE));
	CHECK_OK(mkdir("x", 0755));
	CHECK_OK(mkdir("y", 0755));
	CHECK_OK(setting_set(path, before));
	{
		char events[256];
		ssize_t size = read(fd, events, sizeof(events));

		REQUIRE(size >= (ssize_t)(2 * sizeof(event)));
		memcpy(&event, events, sizeof(event));
		CHECK_EQ(event.mask, IN_CREATE | IN_ISDIR);
		memcpy(&event, events + sizeof(event) + event.len, sizeof(event));
		CHECK_EQ(event.mask, IN_Q_OVERFLOW);
	}
	close(fd);
}

static void test_dnotify(void)
{
	static const char path[] = "/proc/sys/fs/dir-notify-enable";
	long before = setting_get(path);
	int dir = open(".", O_RDONLY | O_DIRECTORY);

	CHECK_OK(setting_set(path, 0));
	CHECK_ERRNO(fcntl(dir, F_NOTIFY, DN_CREATE), EINVAL);
	CHECK_OK(setting_set(path, 1));
	CHECK_OK(fcntl(dir, F_NOTIFY, DN_CREATE));
	CHECK_OK(fcntl(dir, F_NOTIFY, 0));
	CHECK_OK(setting_set(path, before));
	close(dir);
}

static void test_last_pid(void)
{
	static const char path[] = "/proc/sys/kernel/ns_last_pid";
	pid_t first, second;

	CHECK_OK(setting_set(path, 4000));
	first = fork();
	if (!first)
		_exit(0);
	CHECK(first > 4000);
	CHECK_EQ(waitpid(first, NULL, 0), first);
	/* A number is free again, and may be had again. */
	CHECK_OK(setting_set(path, first - 1));
	second = fork();
	if (!second)
		_exit(0);
	CHECK(second >= first);
	CHECK_EQ(waitpid(second, NULL, 0), second);
	CHECK_ERRNO(setting_set(path, -1), EINVAL);
}

static void test_domainname(void)
{
	static const char path[] = "/proc/sys/kernel/domainname";
	struct utsname before, after;
	char text[65];

	CHECK_OK(uname(&before));
	CHECK_OK(text_set(path, "example.org\n"));
	CHECK_OK(uname(&after));
	CHECK_STR(after.domainname, "example.org");
	CHECK_OK(get_file(path, text, sizeof(text)));
	CHECK_STR(text, "example.org\n");
	CHECK_OK(setdomainname(before.domainname, strlen(before.domainname)));
}

/* Hints about memory, and a wish that is not kept. */
static void test_caches(void)
{
	static const char path[] = "/proc/sys/vm/drop_caches";
	long before = setting_get("/proc/sys/vm/vfs_cache_pressure");
	struct stat st;

	CHECK_OK(stat(path, &st));
	CHECK_EQ(st.st_mode & 07777, 0200);
	CHECK_OK(text_set(path, "3"));
	CHECK_ERRNO(text_set(path, "0"), EINVAL);
	CHECK_OK(setting_set("/proc/sys/vm/vfs_cache_pressure", 150));
	CHECK_EQ(setting_get("/proc/sys/vm/vfs_cache_pressure"), 150);
	CHECK_OK(setting_set("/proc/sys/vm/vfs_cache_pressure", before));
	CHECK_ERRNO(setting_set("/proc/sys/vm/swappiness", 201), EINVAL);
}

int main(void)
{
	test_begin();
	if (access("/proc/sys/fs/lease-break-time", W_OK)) {
		test_skip("settings", "/proc/sys cannot be written");
		return test_done();
	}
	test_texts();
	test_pipe_size();
	test_descriptors();
	test_inotify();
	test_dnotify();
	test_last_pid();
	test_domainname();
	test_caches();
	return test_done();
}
