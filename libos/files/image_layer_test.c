/* The root file system as it comes from the image and as programs then change it: a tree is made on
 * the host, stored by mkfs.erofs, and used through the system calls. */
#include <asm/stat.h>
#include <linux/falloc.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/test.h"
#include "libos/files/erofs.h"
#include "libos/files/files_fixture.h"

#define BIG_SIZE (300 * 1024 + 77)

static uint8_t *image;
static size_t image_size;
static uint64_t bad_block = UINT64_MAX;
static unsigned int blocks_read;

static int read_blocks(void *context, uint64_t first, size_t count, void *to)
{
	(void)context;
	if (first + count > image_size / EROFS_BLOCK_SIZE)
		return -EIO;
	if (bad_block >= first && bad_block < first + count)
		return -EIO;
	blocks_read += (unsigned int)count;
	memcpy(to, image + first * EROFS_BLOCK_SIZE, count * EROFS_BLOCK_SIZE);
	return 0;
}

static uint8_t big_byte(size_t i)
{
	return (uint8_t)(i * 13 + (i >> 12) * 7);
}

/* The commands that make the tree; `big` is made by this program. */
static const char *const tree_script =
	"cd \"$1\" && mkdir -p t/dir/sub t/many t/gone && echo -n hello > t/dir/file && "
	"ln -s dir/file t/link && ln t/dir/file t/hard && echo -n x > t/gone/x && "
	"for i in $(seq 500); do echo -n $i > t/many/$i; done && mv big t/ && "
	"mkfs.erofs -T0 image t >/dev/null 2>&1";

static void write_big(const char *dir)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof(path), "%s/big", dir);
	file = fopen(path, "w");
	for (size_t i = 0; i < BIG_SIZE; i++)
		fputc(big_byte(i), file);
	fclose(file);
}

static bool make_image(char *dir)
{
	char path[128];
	FILE *file;
	pid_t pid;
	int status;

	write_big(dir);
	pid = fork();
	if (!pid) {
		execlp("sh", "sh", "-c", tree_script, "sh", dir, (char *)NULL);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || status)
		return false;
	snprintf(path, sizeof(path), "%s/image", dir);
	file = fopen(path, "r");
	if (!file)
		return false;
	image = malloc(16 << 20);
	image_size = fread(image, 1, 16 << 20, file);
	fclose(file);
	return image_size;
}

static int open_(const char *path, uint32_t flags)
{
	return (int)CALL(openat, AT_FDCWD, path, flags, 0644);
}

static const char *content(const char *path)
{
	static char text[64];
	int fd = open_(path, O_RDONLY);
	long n;

	if (fd < 0)
		return "(cannot open)";
	n = CALL(read, fd, text, sizeof(text) - 1);
	text[n < 0 ? 0 : n] = '\0';
	CALL(close, fd);
	return text;
}

static uint64_t number_of(const char *path)
{
	struct stat st = {0};

	CHECK_EQ(CALL(newfstatat, AT_FDCWD, path, &st, AT_SYMLINK_NOFOLLOW), 0);
	return st.st_ino;
}

static void test_read(void)
{
	struct stat st;

	CHECK_STR(content("/dir/file"), "hello");
	CHECK_STR(content("/link"), "hello");
	CHECK_STR(content("/dir/../hard"), "hello");
	CHECK_EQ(open_("/dir/none", O_RDONLY), -ENOENT);
	CHECK_EQ(open_("/dir/none", O_RDONLY), -ENOENT);
	CHECK_EQ(CALL(stat, "/hard", &st), 0);
	CHECK_EQ(st.st_nlink, 2);
	CHECK_EQ(number_of("/hard"), number_of("/dir/file"));
	CHECK_EQ(CALL(stat, "/big", &st), 0);
	CHECK_EQ(st.st_size, BIG_SIZE);
	CHECK(st.st_blocks >= BIG_SIZE / 512);
}

static bool big_matches(int fd, size_t from, size_t size)
{
	uint8_t *data = malloc(size);
	bool same = CALL(pread64, fd, data, size, from) == (long)size;

	for (size_t i = 0; i < size && same; i++)
		same = data[i] == big_byte(from + i);
	free(data);
	return same;
}

/* Only what is asked for is read from the image, a chunk at a time. */
static void test_fill(void)
{
	int fd = open_("/big", O_RDONLY);
	unsigned int before = blocks_read;

	CHECK(big_matches(fd, 100000, 10));
	CHECK(blocks_read - before <= 20);
	before = blocks_read;
	CHECK(big_matches(fd, 100010, 10));
	CHECK_EQ(blocks_read, before);
	CHECK(big_matches(fd, 0, BIG_SIZE));
	before = blocks_read;
	CHECK(big_matches(fd, 0, BIG_SIZE));
	CHECK_EQ(blocks_read, before);
	CHECK_EQ(CALL(close, fd), 0);
}

static void test_write_in_place(void)
{
	uint64_t number = number_of("/big"), nid;
	int fd = open_("/big", O_RDWR), reader = open_("/big", O_RDONLY);
	struct file *file = fd_get(reader);
	uint64_t run;
	void *memory;
	char tail[8];

	CHECK(file_image_nid(file, &nid));
	CHECK_EQ(file->ops->map(file, 0, 4096, false, &memory, &run), 0);
	CHECK_EQ(CALL(pwrite64, fd, "new", 3, 0), 3);
	CHECK(!memcmp(memory, "new", 3));
	CHECK(!file_image_nid(file, &nid));
	CHECK_EQ(number_of("/big"), number);
	CHECK(big_matches(reader, 3, BIG_SIZE - 3));
	/* What is cut off does not come back from the image. */
	CHECK_EQ(CALL(ftruncate, fd, 100003), 0);
	CHECK_EQ(CALL(ftruncate, fd, 200000), 0);
	CHECK_EQ(CALL(pread64, fd, tail, 8, 100000), 8);
	CHECK_EQ((uint8_t)tail[2], big_byte(100002));
	CHECK(!memcmp(tail + 3, "\0\0\0\0\0", 5));
	CHECK_EQ(CALL(pread64, fd, tail, 8, 199000), 8);
	CHECK(!memcmp(tail, "\0\0\0\0\0\0\0\0", 8));
	CHECK_EQ(CALL(fallocate, fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 4096, 8192), 0);
	CHECK_EQ(CALL(pread64, fd, tail, 8, 8192), 8);
	CHECK(!memcmp(tail, "\0\0\0\0\0\0\0\0", 8));
	CHECK(big_matches(fd, 12288, 1000));
	file_unref(file);
	CHECK_EQ(CALL(close, fd), 0);
	CHECK_EQ(CALL(close, reader), 0);
}

static void test_names(void)
{
	int fd;

	CHECK_EQ(CALL(unlink, "/hard"), 0);
	CHECK_EQ(open_("/hard", O_RDONLY), -ENOENT);
	CHECK_STR(content("/dir/file"), "hello");
	fd = open_("/hard", O_CREAT | O_EXCL | O_RDWR);
	CHECK_EQ(CALL(write, fd, "mine", 4), 4);
	CHECK_EQ(CALL(close, fd), 0);
	CHECK_STR(content("/hard"), "mine");
	CHECK_EQ(CALL(rename, "/hard", "/dir/file"), 0);
	CHECK_STR(content("/link"), "mine");
	CHECK_EQ(open_("/hard", O_RDONLY), -ENOENT);
	CHECK_EQ(CALL(rename, "/dir", "/moved"), 0);
	CHECK_STR(content("/moved/file"), "mine");
	CHECK_EQ(open_("/dir/file", O_RDONLY), -ENOENT);
	CHECK_EQ(CALL(rmdir, "/gone"), -ENOTEMPTY);
	CHECK_EQ(CALL(unlink, "/gone/x"), 0);
	CHECK_EQ(CALL(rmdir, "/gone"), 0);
	CHECK_EQ(CALL(mkdir, "/gone", 0700), 0);
	CHECK_EQ(open_("/gone/x", O_RDONLY), -ENOENT);
}

static int count(const char *path)
{
	int fd = open_(path, O_DIRECTORY), entries = 0;
	char buffer[512];
	long n;

	while ((n = CALL(getdents64, fd, buffer, sizeof(buffer))) > 0)
		for (long at = 0; at < n; at += *(uint16_t *)(buffer + at + 16))
			entries++;
	CHECK_EQ(CALL(close, fd), 0);
	return entries;
}

static void test_listing(void)
{
	CHECK_EQ(open_("/many/none", O_RDONLY), -ENOENT);
	CHECK_STR(content("/many/77"), "77");
	CHECK_EQ(CALL(unlink, "/many/78"), 0);
	CHECK_EQ(CALL(close, open_("/many/fresh", O_CREAT | O_WRONLY)), 0);
	CHECK_EQ(count("/many"), 502);
	CHECK_EQ(open_("/many/78", O_RDONLY), -ENOENT);
	CHECK_EQ(open_("/many/none", O_RDONLY), -ENOENT);
	CHECK_STR(content("/many/500"), "500");
	CHECK_EQ(CALL(unlink, "/many/500"), 0);
	CHECK_EQ(count("/many"), 501);
}

/* A block that does not verify: EIO each time it is met, and only there. */
static void test_damage(struct erofs *fs)
{
	struct erofs_inode inode;
	struct erofs_extent extent;
	uint64_t nid;
	uint8_t type;
	char byte;
	int fd = open_("/big", O_RDONLY);

	CHECK_EQ(erofs_inode_read(fs, fs->root_nid, &inode), 0);
	CHECK_EQ(erofs_lookup(&inode, "big", 3, &nid, &type), 0);
	CHECK_EQ(erofs_inode_read(fs, nid, &inode), 0);
	CHECK_EQ(erofs_data_extent(&inode, 0, &extent), 0);
	bad_block = extent.position / EROFS_BLOCK_SIZE;
	CHECK_EQ(CALL(pread64, fd, &byte, 1, 0), -EIO);
	CHECK_EQ(CALL(pread64, fd, &byte, 1, 0), -EIO);
	CHECK_EQ(CALL(pread64, fd, &byte, 1, 200000), 1);
	bad_block = UINT64_MAX;
	CHECK_EQ(CALL(pread64, fd, &byte, 1, 0), 1);
	CHECK_EQ((uint8_t)byte, big_byte(0));
	CHECK_EQ(CALL(close, fd), 0);
}

static void run(void)
{
	struct erofs_blocks blocks = {read_blocks, NULL, image_size / EROFS_BLOCK_SIZE};
	static struct erofs fs;

	CHECK_EQ(erofs_open(&fs, &blocks, NULL), 0);
	fixture_init(&fs);
	test_damage(&fs);
	test_read();
	test_fill();
	test_write_in_place();
	test_names();
	test_listing();
}

int main(void)
{
	char dir[] = "/tmp/image_layer_XXXXXX", command[64];

	if (!mkdtemp(dir))
		return 1;
	if (make_image(dir))
		run();
	else
		test_skip("image layer", "mkfs.erofs (erofs-utils) is not installed");
	snprintf(command, sizeof(command), "rm -rf %s", dir);
	if (system(command))
		return 1;
	free(image);
	return test_done();
}
