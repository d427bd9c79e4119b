/* Directories of the host: openat(2) and its relatives, each on one name, and never through a
 * symbolic link. */
#include <asm/errno.h>
#include <asm/stat.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/stat.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "platform/simulation/host_call.h"
#include "platform/simulation/simulation.h"

#define NAME_LENGTH_MAX 255
#define NS_PER_S 1000000000L
#define SECONDS_MAX (INT64_MAX / NS_PER_S - 1)
#define LIST_SIZE 16384UL
#define PATH_OF_FD_SIZE 32
#define IO_SIZE_MAX 0x7ffff000UL
#define RWF_APPEND_FLAG 0x10
#define UTIME_LEFT ((1L << 30) - 2L) /* UTIME_OMIT */

/* struct linux_dirent64, without the name. */
struct host_record {
	uint64_t number;
	int64_t next;
	uint16_t size;
	uint8_t type;
} __attribute__((packed));
_Static_assert(sizeof(struct host_record) == 19, "ABI");

struct host_time {
	int64_t seconds, nanoseconds;
};

/* The host's name of one of our descriptors: what it leads to, even without a name of its own. */
static void path_of_fd(char path[PATH_OF_FD_SIZE], int host_fd)
{
	format_string(path, PATH_OF_FD_SIZE, "/proc/self/fd/%d", host_fd);
}

static int check_fd(long answer)
{
	return (int)host_check_size(answer, INT32_MAX);
}

static bool is_name(const char *name, size_t length)
{
	if (!length || length > NAME_LENGTH_MAX || memchr(name, '/', length) ||
		memchr(name, '\0', length))
		return false;
	return !(name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')));
}

static int64_t time_ns(unsigned long seconds, unsigned long nanoseconds)
{
	int64_t s = (int64_t)seconds;

	if (s > SECONDS_MAX || s < -SECONDS_MAX || nanoseconds >= NS_PER_S)
		return 0;
	return s * NS_PER_S + (int64_t)nanoseconds;
}

static bool is_type(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
	case S_IFDIR:
	case S_IFLNK:
	case S_IFIFO:
	case S_IFSOCK:
	case S_IFCHR:
	case S_IFBLK:
		return true;
	default:
		return false;
	}
}

int platform_host_stat(int host_fd, struct platform_host_file *ret_file)
{
	struct stat st = {0};
	int r = host_check_status(HOST_CALL(fstat, host_fd, &st, 0, 0, 0, 0));

	if (r)
		return r;
	if (!is_type(st.st_mode) || st.st_size < 0 || st.st_blocks < 0)
		return -EIO;
	*ret_file = (struct platform_host_file){
		.device = st.st_dev,
		.number = st.st_ino,
		.rdev = st.st_rdev,
		.mode = st.st_mode & (S_IFMT | 07777),
		.link_count = (uint32_t)st.st_nlink,
		.uid = st.st_uid,
		.gid = st.st_gid,
		.size = (uint64_t)st.st_size,
		.blocks = (uint64_t)st.st_blocks,
		.atime_ns = time_ns(st.st_atime, st.st_atime_nsec),
		.mtime_ns = time_ns(st.st_mtime, st.st_mtime_nsec),
		.ctime_ns = time_ns(st.st_ctime, st.st_ctime_nsec),
	};
	return 0;
}

int platform_host_lookup(int dir_fd, const char *name)
{
	if (!is_name(name, strlen(name)))
		return -EINVAL;
	return check_fd(HOST_CALL(openat, dir_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, 0, 0));
}

/* The host may lead us elsewhere, but not to another file without our seeing it. */
static int check_same(int path_fd, int host_fd)
{
	struct platform_host_file a, b;
	int r = platform_host_stat(path_fd, &a);

	r = r ? r : platform_host_stat(host_fd, &b);
	if (!r && (a.device != b.device || a.number != b.number ||
			  (a.mode & S_IFMT) != (b.mode & S_IFMT)))
		r = -EIO;
	return r;
}

int platform_host_reopen(int path_fd, uint32_t access, bool is_directory)
{
	const uint32_t flags = O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
	char path[PATH_OF_FD_SIZE];
	int fd, r;

	path_of_fd(path, path_fd);
	if (is_directory)
		fd = check_fd(HOST_CALL(
			openat, path_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC, 0, 0, 0));
	else
		fd = check_fd(
			HOST_CALL(openat, AT_FDCWD, path, (access & O_ACCMODE) | flags, 0, 0, 0));
	if (fd < 0)
		return fd;
	r = check_same(path_fd, fd);
	if (r)
		platform_host_close(fd);
	return r ? r : fd;
}

void platform_host_close(int host_fd)
{
	(void)HOST_CALL(close, host_fd, 0, 0, 0, 0, 0);
}

static int make_regular(int dir_fd, const char *name, uint32_t mode)
{
	int fd = check_fd(HOST_CALL(openat, dir_fd, name,
		O_CREAT | O_EXCL | O_WRONLY | O_NOFOLLOW | O_CLOEXEC, mode & 07777, 0, 0));

	if (fd >= 0)
		platform_host_close(fd);
	return fd < 0 ? fd : 0;
}

int platform_host_make(int dir_fd, const char *name, uint32_t mode, const char *target)
{
	if (!is_name(name, strlen(name)))
		return -EINVAL;
	switch (mode & S_IFMT) {
	case S_IFREG:
		return make_regular(dir_fd, name, mode);
	case S_IFDIR:
		return host_check_status(HOST_CALL(mkdirat, dir_fd, name, mode & 07777, 0, 0, 0));
	case S_IFLNK:
		return host_check_status(HOST_CALL(symlinkat, target, dir_fd, name, 0, 0, 0));
	case S_IFIFO:
		return host_check_status(HOST_CALL(mknodat, dir_fd, name, mode, 0, 0, 0));
	default:
		return -EPERM;
	}
}

int platform_host_link(int path_fd, int dir_fd, const char *name)
{
	char path[PATH_OF_FD_SIZE];

	if (!is_name(name, strlen(name)))
		return -EINVAL;
	path_of_fd(path, path_fd);
	return host_check_status(
		HOST_CALL(linkat, AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW, 0));
}

int platform_host_remove(int dir_fd, const char *name, bool is_directory)
{
	if (!is_name(name, strlen(name)))
		return -EINVAL;
	return host_check_status(
		HOST_CALL(unlinkat, dir_fd, name, is_directory ? AT_REMOVEDIR : 0, 0, 0, 0));
}

int platform_host_rename(
	int old_dir_fd, const char *old_name, int new_dir_fd, const char *new_name, uint32_t flags)
{
	if (!is_name(old_name, strlen(old_name)) || !is_name(new_name, strlen(new_name)))
		return -EINVAL;
	return host_check_status(
		HOST_CALL(renameat2, old_dir_fd, old_name, new_dir_fd, new_name, flags, 0));
}

long platform_host_readlink(int path_fd, char *to, size_t size)
{
	long n = host_check_size(HOST_CALL(readlinkat, path_fd, "", to, size - 1, 0, 0), size - 1);

	if (n < 0)
		return n;
	to[n] = '\0';
	return strlen(to) == (size_t)n ? n : -EIO;
}

int platform_host_set_mode(int path_fd, uint32_t mode)
{
	char path[PATH_OF_FD_SIZE];

	path_of_fd(path, path_fd);
	return host_check_status(HOST_CALL(fchmodat, AT_FDCWD, path, mode & 07777, 0, 0, 0));
}

int platform_host_set_owner(int path_fd, uint32_t uid, uint32_t gid)
{
	return host_check_status(HOST_CALL(fchownat, path_fd, "", uid, gid, AT_EMPTY_PATH, 0));
}

int platform_host_set_size(int path_fd, uint64_t size)
{
	char path[PATH_OF_FD_SIZE];

	if (size > INT64_MAX)
		return -EFBIG;
	path_of_fd(path, path_fd);
	return host_check_status(HOST_CALL(truncate, path, size, 0, 0, 0, 0));
}

static struct host_time host_time_of(const int64_t *ns)
{
	if (!ns)
		return (struct host_time){0, UTIME_LEFT};
	/* Nanoseconds count upwards from the second before. */
	if (*ns % NS_PER_S < 0)
		return (struct host_time){*ns / NS_PER_S - 1, *ns % NS_PER_S + NS_PER_S};
	return (struct host_time){*ns / NS_PER_S, *ns % NS_PER_S};
}

int platform_host_set_times(int path_fd, const int64_t *atime_ns, const int64_t *mtime_ns)
{
	const struct host_time times[2] = {host_time_of(atime_ns), host_time_of(mtime_ns)};
	char path[PATH_OF_FD_SIZE];

	path_of_fd(path, path_fd);
	return host_check_status(HOST_CALL(utimensat, AT_FDCWD, path, times, 0, 0, 0));
}

int platform_host_allocate(int host_fd, uint32_t mode, uint64_t offset, uint64_t size)
{
	return host_check_status(HOST_CALL(fallocate, host_fd, mode, offset, size, 0, 0));
}

long platform_host_pwrite(int host_fd, const void *from, size_t size, uint64_t offset, bool append)
{
	struct {
		const void *base;
		size_t size;
	} vector = {from, MIN(size, IO_SIZE_MAX)};

	if (offset > INT64_MAX)
		return -EFBIG;
	if (append)
		return host_check_size(
			HOST_CALL(pwritev2, host_fd, &vector, 1, 0, 0, RWF_APPEND_FLAG),
			vector.size);
	return host_check_size(
		HOST_CALL(pwrite64, host_fd, from, vector.size, offset, 0, 0), vector.size);
}

int platform_host_sync(int host_fd, bool data_only)
{
	return host_check_status(data_only ? HOST_CALL(fdatasync, host_fd, 0, 0, 0, 0, 0)
					   : HOST_CALL(fsync, host_fd, 0, 0, 0, 0, 0));
}

/* The record at @bytes, if it makes sense: its size, else 0. *ret_entry.length 0: "." or "..". */
static size_t take_record(const uint8_t *bytes, size_t left, struct platform_host_entry *ret_entry)
{
	struct host_record record;
	const char *name;
	size_t length;

	if (left < sizeof(record) + 1)
		return 0;
	memcpy(&record, bytes, sizeof(record));
	if (record.size < sizeof(record) + 1 || record.size > left)
		return 0;
	name = (const char *)bytes + sizeof(record);
	length = strnlen(name, record.size - sizeof(record));
	if (!length || length == record.size - sizeof(record) || length > NAME_LENGTH_MAX)
		return 0;
	*ret_entry = (struct platform_host_entry){
		.number = record.number, .next = (uint64_t)record.next, .type = record.type & 15};
	if (name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.')))
		return record.size;
	if (!is_name(name, length) || !record.next)
		return 0;
	memcpy(ret_entry->name, name, length);
	ret_entry->length = (uint32_t)length;
	return record.size;
}

static long take_records(
	const uint8_t *bytes, size_t size, struct platform_host_entry *entries, size_t count)
{
	size_t taken = 0, at = 0, record;

	while (at < size && taken < count) {
		record = take_record(bytes + at, size - at, &entries[taken]);
		if (!record)
			return -EIO;
		taken += entries[taken].length != 0;
		at += record;
	}
	return (long)taken;
}

long platform_host_list(
	int dir_fd, uint64_t position, struct platform_host_entry *entries, size_t count)
{
	CLEANUP(heap_freep) uint8_t *bytes = heap_alloc(LIST_SIZE);
	long n, taken = 0;

	if (!bytes)
		return -ENOMEM;
	n = host_check_size(HOST_CALL(lseek, dir_fd, position, 0, 0, 0, 0), INT64_MAX);
	/* Only "." and ".." may be in a batch. */
	while (n >= 0 && !taken) {
		n = host_check_size(
			HOST_CALL(getdents64, dir_fd, bytes, LIST_SIZE, 0, 0, 0), LIST_SIZE);
		if (n <= 0)
			return n;
		taken = take_records(bytes, (size_t)n, entries, count);
	}
	return n < 0 ? n : taken;
}

void platform_host_user(uint32_t *ret_uid, uint32_t *ret_gid)
{
	*ret_uid = (uint32_t)HOST_CALL(geteuid, 0, 0, 0, 0, 0, 0);
	*ret_gid = (uint32_t)HOST_CALL(getegid, 0, 0, 0, 0, 0, 0);
}
