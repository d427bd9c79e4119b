/* covers: name_to_handle_at open_by_handle_at */
/* Files opened by what name_to_handle_at(2) made of them: whatever they are called by then. */
#include "tests/conformance/files/conformance.h"

struct handle {
	struct file_handle head;
	unsigned char bytes[MAX_HANDLE_SZ];
};

static int handle_of(const char *path, struct handle *handle)
{
	int mount_id;

	handle->head.handle_bytes = MAX_HANDLE_SZ;
	return name_to_handle_at(AT_FDCWD, path, &handle->head, &mount_id, 0);
}

static int open_handle(int anchor, struct handle *handle, int flags)
{
	return open_by_handle_at(anchor, &handle->head, flags);
}

static ino_t number_of(int fd)
{
	struct stat st;

	return fstat(fd, &st) ? 0 : st.st_ino;
}

static void test_names(void)
{
	int here = open(".", O_RDONLY | O_DIRECTORY), fd;
	struct handle handle, dir;
	char text[8] = "";
	struct stat st;

	REQUIRE(mkdir("d", 0755) == 0 && mkdir("d/e", 0755) == 0 && put_file("d/e/f", "text"));
	CHECK_OK(handle_of("d/e/f", &handle));
	CHECK_OK(handle_of("d/e", &dir));
	CHECK_OK(rename("d/e", "moved"));
	CHECK_OK(rename("moved/f", "d/g"));
	fd = open_handle(AT_FDCWD, &handle, O_RDONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(fcntl(fd, F_GETFD), FD_CLOEXEC);
	CHECK_EQ(read(fd, text, sizeof(text)), 4);
	CHECK_STR(text, "text");
	CHECK_OK(stat("d/g", &st));
	CHECK_EQ(number_of(fd), st.st_ino);
	CHECK_ERRNO(write(fd, "x", 1), EBADF);
	close(fd);
	fd = open_handle(here, &handle, O_RDWR);
	CHECK_EQ(write(fd, "more", 4), 4);
	close(fd);
	fd = open_handle(here, &dir, O_RDONLY | O_DIRECTORY);
	CHECK_OK(stat("moved", &st));
	CHECK_EQ(number_of(fd), st.st_ino);
	close(fd);
	CHECK_ERRNO(open_handle(here, &dir, O_RDWR), EISDIR);
	CHECK_ERRNO(open_handle(here, &handle, O_RDONLY | O_DIRECTORY), ENOTDIR);
	CHECK_OK(unlink("d/g"));
	CHECK_ERRNO(open_handle(here, &handle, O_RDONLY), ESTALE);
	CHECK_OK(rmdir("moved"));
	CHECK_OK(rmdir("d"));
	close(here);
}

static void test_errors(void)
{
	struct handle handle, link, small;
	int proc = open("/proc", O_RDONLY | O_DIRECTORY);

	REQUIRE(put_file("f", "text") && symlink("f", "l") == 0);
	CHECK_OK(handle_of("f", &handle));
	CHECK_OK(handle_of("l", &link));
	CHECK_ERRNO(open_handle(AT_FDCWD, &link, O_RDONLY), ELOOP);
	CHECK_ERRNO(open_handle(-1, &handle, O_RDONLY), EBADF);
	CHECK_ERRNO(open_handle(proc, &handle, O_RDONLY), ESTALE);
	CHECK_ERRNO(open_by_handle_at(AT_FDCWD, BAD_POINTER, O_RDONLY), EFAULT);
	small = handle;
	small.head.handle_bytes = 0;
	CHECK_ERRNO(open_handle(AT_FDCWD, &small, O_RDONLY), EINVAL);
	small.head.handle_bytes = MAX_HANDLE_SZ + 1;
	CHECK_ERRNO(open_handle(AT_FDCWD, &small, O_RDONLY), EINVAL);
	close(proc);
	FORKED("it is for the privileged")
	{
		become_nobody();
		CHECK_ERRNO(open_handle(AT_FDCWD, &handle, O_RDONLY), EPERM);
	}
}

int main(void)
{
	struct handle handle;
	int fd;

	test_begin();
	REQUIRE(put_file("try", ""));
	fd = handle_of("try", &handle) ? -1 : open_handle(AT_FDCWD, &handle, O_RDONLY);
	if (fd < 0) {
		test_skip("handles", "needs CAP_DAC_READ_SEARCH and a file system that has them");
		return test_done();
	}
	close(fd);
	test_names();
	test_errors();
	return test_done();
}
