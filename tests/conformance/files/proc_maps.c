/* covers: openat read readlink mmap munmap mprotect ioctl */
/* /proc/self/maps and smaps: proc(5). */
#include <sys/ioctl.h>
#include <sys/mman.h>

#include "tests/conformance/files/conformance.h"

static char text[1 << 18];

static const char *slurp(const char *path)
{
	CHECK(get_file(path, text, sizeof(text)) >= 0);
	return text;
}

static const char *link_of(const char *path)
{
	ssize_t n = readlink(path, text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = 0;
	return text;
}

/* The number after "Key:" at a line's start, or -1. */
static long field(const char *all, const char *key)
{
	size_t n = strlen(key);

	for (const char *at = all; at; at = strchr(at, '\n'), at += at != NULL)
		if (!strncmp(at, key, n))
			return strtol(at + n, NULL, 10);
	return -1;
}

struct mapping {
	unsigned long start, end, offset, ino;
	char perms[5], name[PATH_MAX];
	unsigned major, minor;
};

static bool find_mapping(const void *inside, struct mapping *ret)
{
	FILE *f = fopen("/proc/self/maps", "re");
	char line[PATH_MAX + 100];
	bool found = false;

	while (f && !found && fgets(line, sizeof(line), f)) {
		ret->name[0] = 0;
		if (sscanf(line, "%lx-%lx %4s %lx %x:%x %lu %[^\n]", &ret->start, &ret->end,
			    ret->perms, &ret->offset, &ret->major, &ret->minor, &ret->ino,
			    ret->name) < 7)
			break;
		found = ret->start <= (unsigned long)inside && (unsigned long)inside < ret->end;
	}
	if (f)
		fclose(f);
	return found;
}

static void test_maps(void)
{
	struct mapping m = {0};
	struct stat st;
	char *heap = malloc(100), exe[PATH_MAX], name[PATH_MAX + 2];
	int fd = open("mapped", O_RDWR | O_CREAT, 0600);
	char *p;

	snprintf(exe, sizeof(exe), "%.4000s", link_of("/proc/self/exe"));
	CHECK(find_mapping((void *)(uintptr_t)test_maps, &m));
	CHECK_STR(m.perms, "r-xp");
	CHECK_STR(m.name, exe);
	CHECK(find_mapping(text, &m));
	CHECK_STR(m.perms, "rw-p");
	CHECK(find_mapping(&m, &m));
	CHECK_STR(m.name, "[stack]");
	CHECK(find_mapping(heap, &m));
	CHECK_STR(m.name, "[heap]");
	free(heap);
	CHECK_OK(ftruncate(fd, 8192));
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 4096);
	CHECK_OK(fstat(fd, &st));
	CHECK(find_mapping(p, &m));
	CHECK_STR(m.perms, "r--s");
	CHECK_EQ(m.offset, 4096);
	CHECK_EQ(m.ino, st.st_ino);
	CHECK_EQ(m.end - m.start, 4096);
	REQUIRE(getcwd(name, PATH_MAX - 10));
	strcat(name, "/mapped");
	CHECK_STR(m.name, name);
	CHECK_OK(unlink("mapped"));
	CHECK(find_mapping(p, &m));
	strcat(name, " (deleted)");
	CHECK_STR(m.name, name);
	CHECK_OK(munmap(p, 4096));
	CHECK(!find_mapping(p, &m));
	close(fd);
}

static void test_smaps(void)
{
	char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	const char *at;
	char head[64];

	CHECK(mprotect(p, 1 << 20, PROT_READ | PROT_WRITE | PROT_EXEC) == 0);
	memset(p, 1, 40960);
	snprintf(head, sizeof(head), "%lx-%lx rwxp", (long)p, (long)p + (1 << 20));
	at = strstr(slurp("/proc/self/smaps"), head);
	CHECK(at != NULL);
	if (at) {
		CHECK_EQ(field(at, "Size:"), 1024);
		CHECK(field(at, "Rss:") >= 40);
		CHECK(field(at, "Pss:") >= 0);
		CHECK(field(at, "Private_Dirty:") >= 0);
		CHECK(strstr(at, "VmFlags: rd wr"));
	}
	CHECK_OK(munmap(p, 1 << 20));
}

/* linux/fs.h, since Linux 6.11. */
struct query {
	uint64_t size, flags, address, start, end, vma_flags, page_size, offset, inode;
	uint32_t device_major, device_minor, name_size, build_id_size;
	uint64_t name, build_id;
};
#define QUERY _IOWR('f', 17, struct query)
#define QUERY_WRITABLE 2
#define QUERY_OR_NEXT 16
#define QUERY_OF_FILE 32

static void test_query_errors(int fd)
{
	struct query q = {.size = sizeof(q), .address = 0};
	uint64_t large[32] = {sizeof(large), 0, (uintptr_t)test_maps};
	char c;

	CHECK_ERRNO(ioctl(fd, QUERY, &q), ENOENT);
	q = (struct query){.size = 16, .address = (uintptr_t)test_maps};
	CHECK_ERRNO(ioctl(fd, QUERY, &q), EINVAL);
	q.size = 1 << 20;
	CHECK_ERRNO(ioctl(fd, QUERY, &q), E2BIG);
	q.size = sizeof(q);
	q.flags = 1 << 20;
	CHECK_ERRNO(ioctl(fd, QUERY, &q), EINVAL);
	q.flags = 0;
	q.name_size = 1;
	CHECK_ERRNO(ioctl(fd, QUERY, &q), EINVAL);
	q.name = (uintptr_t)&c;
	CHECK_ERRNO(ioctl(fd, QUERY, &q), ENAMETOOLONG);
	CHECK_OK(ioctl(fd, QUERY, large));
	large[31] = 1;
	CHECK_ERRNO(ioctl(fd, QUERY, large), E2BIG);
	CHECK_ERRNO(ioctl(fd, QUERY, BAD_POINTER), EFAULT);
}

static void test_query(void)
{
	char *p = mmap(NULL, 8192, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int fd = open("/proc/self/maps", O_RDONLY), other = open("/proc/self/stat", O_RDONLY);
	struct query q = {.size = sizeof(q), .address = (uintptr_t)test_maps};
	struct mapping m = {0};
	char name[PATH_MAX];

	if (ioctl(fd, QUERY, &q) < 0 && errno == ENOTTY) {
		test_skip("PROCMAP_QUERY", "not here");
		return;
	}
	REQUIRE(find_mapping((void *)(uintptr_t)test_maps, &m));
	CHECK_EQ(q.start, m.start);
	CHECK_EQ(q.end, m.end);
	CHECK_EQ(q.vma_flags, 5);
	CHECK_EQ(q.offset, m.offset);
	CHECK_EQ(q.inode, m.ino);
	CHECK_EQ(q.device_minor, m.minor);
	CHECK_EQ(q.page_size, 4096);
	q.name = (uintptr_t)name;
	q.name_size = sizeof(name);
	CHECK_OK(ioctl(fd, QUERY, &q));
	CHECK_STR(name, m.name);
	CHECK_EQ(q.name_size, strlen(m.name) + 1);
	q = (struct query){.size = sizeof(q), .address = (uintptr_t)p + 4096};
	CHECK_OK(ioctl(fd, QUERY, &q));
	CHECK(q.start <= (uintptr_t)p && q.end >= (uintptr_t)p + 8192);
	CHECK_EQ(q.inode, 0);
	q.flags = QUERY_WRITABLE;
	CHECK_ERRNO(ioctl(fd, QUERY, &q), ENOENT);
	q = (struct query){.size = sizeof(q), .flags = QUERY_OR_NEXT | QUERY_OF_FILE};
	CHECK_OK(ioctl(fd, QUERY, &q));
	CHECK(q.inode && q.start);
	test_query_errors(fd);
	CHECK_ERRNO(ioctl(other, QUERY, &q), ENOTTY);
	munmap(p, 8192);
	close(other);
	close(fd);
}

int main(void)
{
	test_begin();
	test_maps();
	test_query();
	test_smaps();
	return test_done();
}
