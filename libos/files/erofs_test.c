/* Makes a directory tree, makes EROFS images of it with mkfs.erofs in several ways, and compares
 * what erofs.c reads with what the kernel says of the tree. */
#include "libos/files/erofs.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/test.h"

#define LARGE_DIRECTORY 5000

static char place[] = "/tmp/erofs_test_XXXXXX";
static uint8_t *image;
static size_t image_size;

/* -- the tree -------------------------------------------------------------------------------- */

static void make_file(const char *path, size_t size, off_t hole_at, off_t hole_size)
{
	int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0640);
	uint8_t *data = malloc(size + 1);

	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)random();
	if (fd < 0 || !data || pwrite(fd, data, size, 0) != (ssize_t)size)
		abort();
	if (hole_size &&
		fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, hole_at, hole_size) < 0)
		abort();
	free(data);
	close(fd);
}

static void make_files(void)
{
	static const size_t sizes[] = {0, 1, 4000, 4064, 4095, 4096, 4097, 8191, 8192, 12289,
		100000, 1 << 20, (3 << 20) + 77};
	char path[64];

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		sprintf(path, "file-%zu", sizes[i]);
		make_file(path, sizes[i], 0, 0);
	}
	make_file("sparse", 1 << 20, 16384, 3 * 65536);
	make_file("sparse-end", 65536, 32768, 32768);
	CHECK_EQ(chmod("file-1", 06755), 0);
	CHECK_EQ(link("file-4097", "hard-link"), 0);
	CHECK_EQ(link("file-4097", "file-4097-too"), 0);
	CHECK_EQ(mkfifo("fifo", 0600), 0);
	CHECK_EQ(mknod("socket", S_IFSOCK | 0700, 0), 0);
}

static void make_links(void)
{
	char target[4001];

	CHECK_EQ(symlink("x", "link-short"), 0);
	memset(target, 'l', sizeof(target));
	target[60] = 0;
	CHECK_EQ(symlink(target, "link-60"), 0);
	target[60] = 'l';
	target[4000] = 0;
	CHECK_EQ(symlink(target, "link-4000"), 0);
}

static void make_directories(void)
{
	char path[300];

	mkdir("empty", 01777);
	chmod("empty", 01777);
	mkdir("large", 0755);
	for (int i = 0; i < LARGE_DIRECTORY; i++) {
		sprintf(path, "large/%d-%.*s", i * 7919 % LARGE_DIRECTORY, i % 60,
			"abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyzabcdefgh");
		make_file(path, (size_t)i % 5, 0, 0);
	}
	mkdir("deep", 0700);
	mkdir("deep/er", 0700);
	make_file("deep/er/\xc3\xa9t\xc3\xa9 \xff\x01", 5, 0, 0);
	memset(path, 'n', sizeof(path));
	memcpy(path, "deep/", 5);
	path[5 + EROFS_NAME_MAX - 1] = '\0'; /* mkfs.erofs 1.5 can't store the longest name */
	make_file(path, 5, 0, 0);
}

static void make_xattrs(void)
{
	char value[600], name[300] = "user.";

	memset(value, 'v', sizeof(value));
	if (setxattr("file-4096", "user.one", "1", 1, 0) < 0) {
		test_skip("extended attributes", "this file system has none");
		return;
	}
	setxattr("file-4096", "user.empty", "", 0, 0);
	setxattr("file-4096", "user.long", value, sizeof(value), 0);
	setxattr("file-0", "user.long", value, sizeof(value), 0);
	memset(name + 5, 'x', 250);
	CHECK_EQ(setxattr("file-1", name, "long name", 9, 0), 0);
	setxattr("large", "user.directory", "d", 1, 0);
	for (int i = 0; i < 40; i++) {
		sprintf(name, "user.%d", i);
		setxattr("file-100000", name, value, (size_t)i, 0);
	}
	/* The same on several files: mkfs shares it. */
	for (int i = 0; i < 8; i++) {
		sprintf(name, "file-shared-%d", i);
		make_file(name, 10, 0, 0);
		setxattr(name, "user.shared", value, 500, 0);
		setxattr(name, "user.own", name, strlen(name), 0);
	}
	/* u::rw-, u:1:r--, g::r--, m::r--, o::--- as acl(5) stores it. */
	static const uint8_t acl[] = {2, 0, 0, 0, 1, 0, 6, 0, 255, 255, 255, 255, 2, 0, 4, 0, 1, 0,
		0, 0, 4, 0, 4, 0, 255, 255, 255, 255, 16, 0, 4, 0, 255, 255, 255, 255, 32, 0, 0, 0,
		255, 255, 255, 255};

	if (setxattr("file-4095", "system.posix_acl_access", acl, sizeof(acl), 0) < 0)
		test_skip("access control lists", "this file system has none");
}

/* What root alone can make. */
static void make_privileged(void)
{
	if (geteuid() != 0) {
		test_skip("devices, owners and trusted attributes", "needs root");
		return;
	}
	if (mknod("null", S_IFCHR | 0666, makedev(1, 3)) < 0 ||
		mknod("block", S_IFBLK | 0660, makedev(259, 0x12345)) < 0)
		test_skip("devices", "not allowed here");
	CHECK_EQ(lchown("file-4097", 100000, 70000), 0);
	CHECK_EQ(lchown("file-4096", 1000, 1001), 0);
	if (setxattr("file-8192", "trusted.t", "t", 1, 0) < 0)
		test_skip("trusted attributes", "not allowed here");
	setxattr("file-8192", "security.s", "s", 1, 0);
}

static void make_tree(void)
{
	if (mkdir("tree", 0755) < 0 || chdir("tree") < 0)
		abort();
	make_files();
	make_links();
	make_directories();
	make_xattrs();
	make_privileged();
	if (chdir("..") < 0)
		abort();
}

/* -- the image ------------------------------------------------------------------------------- */

static int image_read(void *context, uint64_t first_block, size_t count, void *to)
{
	(void)context;
	if (first_block > image_size / EROFS_BLOCK_SIZE ||
		count > image_size / EROFS_BLOCK_SIZE - first_block)
		abort(); /* erofs.c must not ask for what is not there */
	memcpy(to, image + first_block * EROFS_BLOCK_SIZE, count * EROFS_BLOCK_SIZE);
	return 0;
}

static int run(char **argv)
{
	pid_t child;
	int status;

	fflush(stdout);
	child = fork();
	if (child == 0) {
		freopen("/dev/null", "w", stdout);
		freopen("/dev/null", "w", stderr);
		execvp(argv[0], argv);
		_exit(127);
	}
	return waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static int mkfs(char *const options[])
{
	char *argv[16] = {"mkfs.erofs"};
	int count = 1;

	for (; *options; options++)
		argv[count++] = *options;
	argv[count++] = "image";
	argv[count] = "tree";
	return run(argv);
}

static void image_map(void)
{
	int fd = open("image", O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		abort();
	image_size = (size_t)st.st_size;
	/* A copy of our own, that tests may damage. */
	image = mmap(NULL, image_size, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	if (image == MAP_FAILED)
		abort();
	close(fd);
}

static struct erofs_blocks image_blocks(void)
{
	return (struct erofs_blocks){image_read, NULL, image_size / EROFS_BLOCK_SIZE};
}

/* -- comparing: each returns the number of differences, and says the first ones ------------------
 */

static struct erofs fs;
static int mtime_checked; /* 0 no, 1 as the tree's */
static unsigned int shown;

static unsigned int differs(const char *path, const char *what)
{
	if (shown++ < 20)
		printf("# %s: %s\n", path, what);
	return 1;
}

#define SAME(cond, what) ((cond) ? 0 : differs(path, what))

static unsigned int compare_stat(
	const char *path, const struct stat *st, const struct erofs_inode *inode)
{
	unsigned int wrong = 0;

	wrong += SAME(inode->mode == st->st_mode, "mode");
	wrong += SAME(inode->uid == st->st_uid && inode->gid == st->st_gid, "owner");
	wrong += SAME(S_ISDIR(st->st_mode) || inode->nlink == st->st_nlink, "links");
	if (S_ISREG(st->st_mode) || S_ISLNK(st->st_mode))
		wrong += SAME(inode->size == (uint64_t)st->st_size, "size");
	if (S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode))
		wrong += SAME(inode->rdev_major == major(st->st_rdev) &&
				      inode->rdev_minor == minor(st->st_rdev),
			"device number");
	if (mtime_checked)
		wrong += SAME(inode->mtime == st->st_mtim.tv_sec &&
				      inode->mtime_nsec == st->st_mtim.tv_nsec,
			"mtime");
	else
		wrong += SAME(inode->mtime == 12345 && inode->mtime_nsec == 0, "mtime");
	return wrong;
}

static unsigned int compare_extents(
	const char *path, const uint8_t *expected, const struct erofs_inode *inode)
{
	static const uint8_t zero[1 << 22];
	unsigned int wrong = 0;

	for (uint64_t at = 0; at < inode->size;) {
		struct erofs_extent extent;
		const uint8_t *from = zero;

		if (erofs_data_extent(inode, at, &extent) != 0 || extent.size == 0 ||
			extent.size > inode->size - at)
			return differs(path, "extent");
		if (extent.kind != EROFS_EXTENT_HOLE)
			from = image + extent.position;
		wrong += SAME(
			extent.kind != EROFS_EXTENT_BLOCKS || extent.position % 4096 == at % 4096,
			"extent's position");
		wrong += SAME(!memcmp(expected + at, from, extent.size), "extent's content");
		at += extent.size;
	}
	return wrong;
}

static unsigned int compare_data(const char *path, size_t size, const struct erofs_inode *inode)
{
	uint8_t *expected = malloc(size + 1), *got = malloc(size + 1);
	int fd = open(path, O_RDONLY);
	unsigned int wrong = 0;
	size_t part;

	wrong += SAME(fd >= 0 && read(fd, expected, size) == (ssize_t)size, "can't be read");
	wrong += SAME(erofs_read(inode, 0, got, size + 1, &part) == 0 && part == size, "short");
	wrong += SAME(!memcmp(got, expected, size), "content");
	for (int i = 0; size > 0 && i < 20; i++) {
		size_t offset = (size_t)random() % size, want = (size_t)random() % (size + 1);

		if (erofs_read(inode, offset, got, want, &part) != 0)
			wrong += differs(path, "a part can't be read");
		wrong += SAME(part == (want < size - offset ? want : size - offset), "part's size");
		wrong += SAME(!memcmp(got, expected + offset, part), "part's content");
	}
	wrong += SAME(erofs_read(inode, size, got, 1, &part) == 0 && part == 0, "beyond the end");
	wrong += compare_extents(path, expected, inode);
	free(expected);
	free(got);
	close(fd);
	return wrong;
}

static unsigned int compare_link(const char *path, const struct erofs_inode *inode)
{
	char expected[5000], got[5000];
	ssize_t size = readlink(path, expected, sizeof(expected));
	size_t got_size;

	if (erofs_readlink(inode, got, sizeof(got), &got_size) != 0)
		return differs(path, "readlink");
	return SAME(got_size == (size_t)size && !memcmp(expected, got, got_size), "target");
}

static unsigned int compare_xattrs(const char *path, const struct erofs_inode *inode)
{
	char names[20000], got_names[20000], value[2000], got[2000];
	ssize_t size = llistxattr(path, names, sizeof(names));
	size_t got_size, query, count = 0, got_count = 0;
	unsigned int wrong = 0;

	if (size < 0)
		size = 0;
	if (erofs_xattr_list(inode, got_names, sizeof(got_names), &got_size) != 0)
		return differs(path, "xattr list");
	wrong += SAME(erofs_xattr_list(inode, NULL, 0, &query) == 0 && query == got_size,
		"xattr list's size");
	if (got_size > 0)
		wrong += SAME(erofs_xattr_list(inode, got_names, got_size - 1, &query) == -ERANGE,
			"xattr list cut");
	for (char *name = got_names; name < got_names + got_size; name += strlen(name) + 1)
		got_count++;
	for (char *name = names; name < names + size; name += strlen(name) + 1, count++) {
		ssize_t value_size = lgetxattr(path, name, value, sizeof(value));

		if (erofs_xattr_get(inode, name, got, sizeof(got), &got_size) != 0)
			return differs(path, name);
		wrong += SAME(got_size == (size_t)value_size && !memcmp(value, got, got_size),
			"xattr value");
		wrong += SAME(erofs_xattr_get(inode, name, NULL, 0, &got_size) == 0 &&
				      got_size == (size_t)value_size,
			"xattr size");
		if (value_size > 1)
			wrong += SAME(erofs_xattr_get(inode, name, got, 1, &got_size) == -ERANGE,
				"xattr range");
	}
	wrong += SAME(erofs_xattr_get(inode, "user.none", got, 1, &got_size) == -ENODATA,
		"xattr that is not there");
	return wrong + SAME(got_count == count, "number of xattrs");
}

/* -- walking --------------------------------------------------------------------------------- */

static int walk_inode(const char *path, struct erofs_inode *ret)
{
	char copy[5000], *rest = copy, *name;
	uint64_t nid = fs.root_nid;
	int r = erofs_inode_read(&fs, nid, ret);

	snprintf(copy, sizeof(copy), "%s", path);
	strsep(&rest, "/"); /* "tree" */
	while (r == 0 && (name = strsep(&rest, "/"))) {
		uint8_t type;

		r = erofs_lookup(ret, name, strlen(name), &nid, &type);
		if (r == 0)
			r = erofs_inode_read(&fs, nid, ret);
		if (r == 0 && (type == EROFS_TYPE_DIRECTORY) != !!S_ISDIR(ret->mode))
			r = -EINVAL;
	}
	return r;
}

static unsigned int wrong_total, seen;

static int compare(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	struct erofs_inode inode;

	(void)flag;
	(void)ftw;
	seen++;
	if (walk_inode(path, &inode) != 0) {
		wrong_total += differs(path, "can't be found");
		return 0;
	}
	wrong_total += compare_stat(path, st, &inode);
	if (S_ISREG(st->st_mode))
		wrong_total += compare_data(path, (size_t)st->st_size, &inode);
	if (S_ISLNK(st->st_mode))
		wrong_total += compare_link(path, &inode);
	wrong_total += compare_xattrs(path, &inode);
	return 0;
}

struct listing {
	unsigned int count, limit;
	uint64_t next;
	char last[EROFS_NAME_MAX + 1];
	unsigned int disorder;
};

static int list_entry(void *context, const struct erofs_entry *entry)
{
	struct listing *listing = context;
	char name[EROFS_NAME_MAX + 1];

	memcpy(name, entry->name, entry->name_size);
	name[entry->name_size] = '\0';
	listing->disorder += listing->count > 0 && strcmp(name, listing->last) <= 0;
	strcpy(listing->last, name);
	listing->count++;
	listing->next = entry->next;
	return listing->limit && listing->count % listing->limit == 0;
}

static void test_readdir(void)
{
	struct erofs_inode dir;
	struct listing all = {0}, parts = {.limit = 3};
	uint64_t nid;
	int r;

	CHECK_EQ(walk_inode("tree/large", &dir), 0);
	CHECK_EQ(erofs_readdir(&dir, 0, list_entry, &all), 0);
	CHECK_EQ(all.count, LARGE_DIRECTORY + 2);
	CHECK_EQ(all.disorder, 0);
	do
		r = erofs_readdir(&dir, parts.next, list_entry, &parts);
	while (r == 1);
	CHECK_EQ(r, 0);
	CHECK_EQ(parts.count, LARGE_DIRECTORY + 2);
	CHECK_EQ(parts.disorder, 0);
	CHECK_EQ(erofs_readdir(&dir, 5, list_entry, &all), -EINVAL);
	CHECK_EQ(erofs_readdir(&dir, 4092, list_entry, &all), -EINVAL);
	CHECK_EQ(erofs_readdir(&dir, dir.size + 4096, list_entry, &all), 0);
	CHECK_EQ(erofs_lookup(&dir, "4999-zzzz", 9, &nid, NULL), -ENOENT);
	CHECK_EQ(erofs_lookup(&dir, "", 0, &nid, NULL), -ENOENT);
	CHECK_EQ(erofs_lookup(&dir, "~", 1, &nid, NULL), -ENOENT);
	CHECK_EQ(erofs_lookup(&dir, ".", 1, &nid, NULL), 0);
	CHECK_EQ(nid, dir.nid);
	CHECK_EQ(erofs_lookup(&dir, "..", 2, &nid, NULL), 0);
	CHECK_EQ(nid, fs.root_nid);
	CHECK_EQ(walk_inode("tree/empty", &dir), 0);
	memset(&all, 0, sizeof(all));
	CHECK_EQ(erofs_readdir(&dir, 0, list_entry, &all), 0);
	CHECK_EQ(all.count, 2);
	CHECK_EQ(walk_inode("tree/file-1", &dir), 0);
	CHECK_EQ(erofs_readdir(&dir, 0, list_entry, &all), -ENOTDIR);
	CHECK_EQ(erofs_lookup(&dir, "a", 1, &nid, NULL), -ENOTDIR);
}

static void test_identity(void)
{
	struct erofs_inode a, b;
	char c;
	size_t size;

	CHECK_EQ(walk_inode("tree/file-4097", &a), 0);
	CHECK_EQ(walk_inode("tree/hard-link", &b), 0);
	CHECK_EQ(a.nid, b.nid);
	CHECK_EQ(a.nlink, 3);
	CHECK_EQ(erofs_readlink(&a, &c, 1, &size), -EINVAL);
	CHECK_EQ(walk_inode("tree/fifo", &a), 0);
	CHECK_EQ(erofs_read(&a, 0, &c, 1, &size), -EINVAL);
	CHECK_EQ(erofs_inode_read(&fs, UINT64_MAX, &a), -EUCLEAN);
	CHECK_EQ(erofs_inode_read(&fs, UINT64_MAX >> 5, &a), -EUCLEAN);
}

/* The superblock at hand, for damaging. */
static struct erofs_super_disk *super(void)
{
	return (struct erofs_super_disk *)(void *)(image + EROFS_SUPER_OFFSET);
}

#define OPEN_FAILS(change, number, text)                                                           \
	do {                                                                                       \
		struct erofs_blocks blocks = image_blocks();                                       \
		struct erofs_super_disk before = *super();                                         \
		const char *what = "";                                                             \
		change;                                                                            \
		CHECK_EQ(erofs_open(&fs, &blocks, &what), number);                                 \
		CHECK_STR(what, text);                                                             \
		*super() = before;                                                                 \
	} while (0)

static void test_open_errors(void)
{
	OPEN_FAILS(super()->magic++, -EUCLEAN, "not an EROFS file system");
	OPEN_FAILS(super()->block_bits = 9, -EOPNOTSUPP, "blocks of another size than 4096 bytes");
	OPEN_FAILS(super()->feature_incompat |= 2, -EOPNOTSUPP, "compressed files");
	OPEN_FAILS(super()->feature_incompat |= 8, -EOPNOTSUPP, "data on other devices");
	OPEN_FAILS(super()->feature_incompat |= 0x40, -EOPNOTSUPP, "an unknown feature");
	OPEN_FAILS(super()->block_count = 0, -EUCLEAN, "the file system is larger than its place");
	OPEN_FAILS(super()->block_count++, -EUCLEAN, "the file system is larger than its place");
	OPEN_FAILS((super()->root_nid = 65535, super()->meta_block = super()->block_count - 1),
		-EUCLEAN, "the root directory can't be read");
	OPEN_FAILS(super()->meta_block = 0xffffffff, -EUCLEAN, "the root directory can't be read");
	OPEN_FAILS(blocks.block_count = 0, -EUCLEAN, "the superblock can't be read");
}

static void test_variant(char *const options[], int mtime, bool thorough)
{
	struct erofs_blocks blocks;
	const char *what = "";
	int r;

	printf("# mkfs.erofs");
	for (int i = 0; options[i]; i++)
		printf(" %s", options[i]);
	printf("\n");
	r = mkfs(options);
	CHECK_EQ(r, 0);
	if (r != 0)
		return;
	image_map();
	blocks = image_blocks();
	CHECK_EQ(erofs_open(&fs, &blocks, &what), 0);
	wrong_total = seen = 0;
	mtime_checked = mtime;
	nftw("tree", compare, 16, FTW_PHYS);
	CHECK(seen > LARGE_DIRECTORY);
	CHECK_EQ(wrong_total, 0);
	if (thorough) {
		test_readdir();
		test_identity();
		test_open_errors();
	}
	munmap(image, image_size);
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

int main(void)
{
	static char *const standard[] = {"-T12345", NULL};
	static char *const extended[] = {"-Eforce-inode-extended", "--preserve-mtime", NULL};
	static char *const plain[] = {"-Enoinline_data", "-T12345", NULL};
	static char *const shared[] = {"-x1", "-T12345", NULL};
	static char *const map[] = {"--chunksize=4096", "-Eforce-inode-blockmap", "-T12345", NULL};
	static char *const indexes[] = {
		"--chunksize=16384", "-Eforce-chunk-indexes", "-T12345", NULL};

	if (run((char *[]){"mkfs.erofs", "--help", NULL}) == 127) {
		test_skip("erofs", "mkfs.erofs (erofs-utils) is not installed");
		return test_done();
	}
	if (!mkdtemp(place) || chdir(place) < 0)
		abort();
	umask(022);
	make_tree();
	test_variant(standard, 0, true);
	test_variant(extended, 1, true);
	test_variant(plain, 0, false);
	test_variant(shared, 0, false);
	test_variant(map, 0, false);
	test_variant(indexes, 0, false);
	nftw(place, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	return test_done();
}
