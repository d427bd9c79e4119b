/* covers: ioctl */
/* Loop devices, loop(4): a block device that a file is behind. */
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <time.h>

#include "tests/conformance/files/conformance.h"

#define IMAGE_SIZE (1 << 20)
#define TRIES_MAX 50

/* Others of the machine may take one meanwhile: try again. */
static int attach(int file, char path[32])
{
	for (int i = 0; i < TRIES_MAX; i++) {
		int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC), fd, number;

		if (control < 0)
			return -1;
		number = ioctl(control, LOOP_CTL_GET_FREE);
		close(control);
		if (number < 0)
			return -1;
		snprintf(path, 32, "/dev/loop%d", number);
		fd = open(path, O_RDWR | O_CLOEXEC);
		if (fd >= 0 && ioctl(fd, LOOP_SET_FD, file) == 0)
			return fd;
		if (fd >= 0)
			close(fd);
	}
	return -1;
}

static void test_content(int fd, int file)
{
	char buf[8] = "";

	CHECK_EQ(pwrite(fd, "casemate", 8, 4096), 8);
	CHECK_OK(fsync(fd));
	CHECK_EQ(pread(file, buf, 8, 4096), 8);
	CHECK(!memcmp(buf, "casemate", 8));
	CHECK_EQ(lseek(fd, 0, SEEK_END), IMAGE_SIZE);
	CHECK_EQ(read(fd, buf, 8), 0);
	CHECK_ERRNO(pwrite(fd, "x", 1, IMAGE_SIZE), ENOSPC);
	CHECK_EQ(pread(fd, buf, 8, IMAGE_SIZE - 4), 4);
}

static void test_questions(int fd)
{
	uint64_t bytes = 0;
	unsigned long sectors = 0;
	int number = 0;

	CHECK_OK(ioctl(fd, BLKGETSIZE64, &bytes));
	CHECK_EQ(bytes, IMAGE_SIZE);
	CHECK_OK(ioctl(fd, BLKGETSIZE, &sectors));
	CHECK_EQ(sectors, IMAGE_SIZE / 512);
	CHECK_OK(ioctl(fd, BLKSSZGET, &number));
	CHECK_EQ(number, 512);
	CHECK_OK(ioctl(fd, BLKROGET, &number));
	CHECK_EQ(number, 0);
	CHECK_OK(ioctl(fd, BLKRASET, 512));
	CHECK_OK(ioctl(fd, BLKRAGET, &sectors));
	CHECK_EQ(sectors, 512);
	CHECK_ERRNO(ioctl(fd, 0x12345678, &number), EINVAL);
}

/* What /sys says of a loop device, without the newline. */
static const char *said(const char *device, const char *name)
{
	static char text[PATH_MAX];
	char path[128];

	snprintf(path, sizeof(path), "/sys/block/%s/%s", device + strlen("/dev/"), name);
	if (get_file(path, text, sizeof(text)) <= 0)
		return "";
	text[strcspn(text, "\n")] = '\0';
	return text;
}

static void test_sysfs(const char *device)
{
	char image[PATH_MAX];

	REQUIRE(realpath("image", image));
	CHECK_EQ(atol(said(device, "size")), IMAGE_SIZE / 512);
	CHECK_STR(said(device, "ro"), "0");
	CHECK_STR(said(device, "loop/backing_file"), image);
	CHECK_STR(said(device, "loop/offset"), "0");
	CHECK_STR(said(device, "loop/autoclear"), "0");
	CHECK_STR(said(device, "queue/logical_block_size"), "512");
}

/* statx(2): where a direct transfer may begin, in memory and on the device. */
static void test_alignment(const char *device)
{
	struct statx stx = {.stx_mask = 0};

	CHECK_OK(statx(AT_FDCWD, device, 0, STATX_DIOALIGN, &stx));
	if (!(stx.stx_mask & STATX_DIOALIGN)) {
		test_skip("STATX_DIOALIGN", "not here");
		return;
	}
	CHECK_EQ(stx.stx_dio_offset_align, 512);
	CHECK_EQ(stx.stx_dio_mem_align, atol(said(device, "queue/dma_alignment")) + 1);
}

static void test_status(int fd, const char *path)
{
	struct loop_info64 info = {.lo_offset = 4096, .lo_sizelimit = 8192};
	uint64_t bytes = 0;
	char buf[8];
	struct stat st;

	strcpy((char *)info.lo_file_name, "named");
	CHECK_OK(ioctl(fd, LOOP_SET_STATUS64, &info));
	memset(&info, 0, sizeof(info));
	CHECK_OK(ioctl(fd, LOOP_GET_STATUS64, &info));
	CHECK_STR((char *)info.lo_file_name, "named");
	CHECK(info.lo_offset == 4096 && info.lo_sizelimit == 8192);
	CHECK_OK(ioctl(fd, BLKGETSIZE64, &bytes));
	CHECK_EQ(bytes, 8192);
	CHECK_EQ(pread(fd, buf, 8, 0), 8);
	CHECK(!memcmp(buf, "casemate", 8));
	CHECK_OK(stat(path, &st));
	CHECK(S_ISBLK(st.st_mode));
	CHECK_EQ(info.lo_number, minor(st.st_rdev));
}

static void test_detach(int fd, int file)
{
	const struct timespec pause = {0, 10000000};
	struct loop_info64 info;
	int r = 0;

	CHECK_ERRNO(ioctl(fd, LOOP_SET_FD, file), EBUSY);
	CHECK_OK(ioctl(fd, LOOP_CLR_FD, 0));
	/* udev(7) and its kin may look at the device for a moment. */
	for (int i = 0; i < 500 && !r; i++) {
		r = ioctl(fd, LOOP_GET_STATUS64, &info);
		if (!r)
			nanosleep(&pause, NULL);
	}
	CHECK(r == -1 && errno == ENXIO);
	CHECK_ERRNO(ioctl(fd, LOOP_SET_FD, -1), EBADF);
}

int main(void)
{
	char path[32];
	int file, fd;

	test_begin();
	file = open("image", O_RDWR | O_CREAT, 0644);
	REQUIRE(file >= 0 && ftruncate(file, IMAGE_SIZE) == 0);
	fd = attach(file, path);
	if (fd < 0) {
		test_skip("loop devices", "needs them, and CAP_SYS_ADMIN");
		return test_done();
	}
	test_content(fd, file);
	test_questions(fd);
	test_alignment(path);
	test_sysfs(path);
	test_status(fd, path);
	test_detach(fd, file);
	return test_done();
}
