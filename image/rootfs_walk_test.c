#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "base/test.h"
#include "image/erofs.h"
#include "abi/erofs.h"
#include "image/rootfs_walk.h"

static struct image_error error;
static struct buffer fs;
static struct tree tree;

static int sink(void *context, const uint8_t *blocks, size_t count, struct image_error *unused)
{
	(void)unused;
	return buffer_append(context, blocks, count * 4096);
}

static struct tree_inode *add(const char *path, uint32_t mode)
{
	struct tree_inode *inode = tree_inode_new(&tree, mode), *found = NULL;

	if (!S_ISDIR(mode))
		CHECK_EQ(tree_inode_set_bytes(inode, "contents", 8), 0);
	CHECK_EQ(tree_put_at(&tree, path, inode), 0);
	CHECK_EQ(tree_find(&tree, path, false, &found), 0);
	return found;
}

static int count_visit(void *context, const struct rootfs_file *file, struct image_error *unused)
{
	(void)unused;
	++*(unsigned int *)context;
	if (S_ISREG(file->mode))
		CHECK_EQ(file->data.size, 8);
	return 0;
}

/* Inodes lie in the first block, too: with a good checksum, only what is spoiled is wrong. */
static void reseal(void)
{
	struct erofs_super_disk *super =
		(struct erofs_super_disk *)(void *)(fs.data + EROFS_SUPER_OFFSET);

	super->checksum = erofs_checksum((const uint8_t *)super, 4096 - EROFS_SUPER_OFFSET);
}

static int walk(unsigned int *count)
{
	*count = 0;
	error.text[0] = '\0';
	return rootfs_walk((struct span){fs.data, fs.size}, count_visit, count, &error);
}

/* The inode as it lies in the file system: to be spoiled, and put right again. */
static struct erofs_inode_extended *disk(const struct tree_inode *inode)
{
	return (struct erofs_inode_extended *)(void *)(fs.data + inode->nid * EROFS_SLOT_SIZE);
}

static void check_bad(const char *words)
{
	unsigned int count;

	CHECK_EQ(walk(&count), -EBADMSG);
	CHECK(strstr(error.text, words));
	if (!strstr(error.text, words))
		printf("# \"%s\" has not \"%s\"\n", error.text, words);
}

#define CHECK_SPOILED(place, value, words)                                                         \
	do {                                                                                       \
		__typeof__(place) good = (place);                                                  \
		(place) = (__typeof__(place))(value);                                              \
		reseal();                                                                          \
		check_bad(words);                                                                  \
		(place) = good;                                                                    \
		reseal();                                                                          \
	} while (0)

static void test_inodes(struct tree_inode *file, struct tree_inode *dir)
{
	CHECK_SPOILED(disk(file)->format, 0, "/dir/file: an unknown form");
	CHECK_SPOILED(disk(file)->format, 7, "/dir/file: an unknown layout");
	CHECK_SPOILED(disk(file)->reserved, 1, "/dir/file: an unknown form");
	CHECK_SPOILED(disk(file)->size, 1ULL << 50, "/dir/file: it is too large");
	CHECK_SPOILED(disk(file)->size, 5000, "/dir/file: its contents cross");
	CHECK_SPOILED(disk(file)->mode, S_IFIFO, "/dir/file: a special file with contents");
	CHECK_SPOILED(disk(file)->mode, S_IFLNK, "/dir/file: it is not of the type");
	CHECK_SPOILED(disk(file)->nlink, 3, "wrong number of links");
	CHECK_SPOILED(disk(file)->xattr_count, 0xffff, "/dir/file: ");
	CHECK_SPOILED(disk(dir)->format, 1, "/dir: its blocks lie outside");
	CHECK_SPOILED(disk(dir)->size, 12, "/dir: a block of the directory");
}

static void test_directory(struct tree_inode *dir)
{
	struct erofs_dirent *entries = (struct erofs_dirent *)(void *)(fs.data + dir->data_offset);
	char *names = (char *)entries + entries[0].name_offset;

	/* ".", "..", "file", "same", "sub" */
	CHECK_SPOILED(entries[0].nid, 99, "/dir: its \".\"");
	CHECK_SPOILED(entries[1].nid, dir->nid, "/dir: its \".\"");
	CHECK_SPOILED(entries[0].name_offset, 13, "/dir: a block of the directory");
	CHECK_SPOILED(entries[2].name_offset, 4000, "/dir: an entry");
	CHECK_SPOILED(entries[2].nid, 1ULL << 60, "/dir/file: its inode lies outside");
	CHECK_SPOILED(entries[2].type, EROFS_TYPE_FIFO, "/dir/file: it is not of the type");
	CHECK_SPOILED(entries[2].reserved, 1, "/dir: an entry");
	CHECK_SPOILED(names[3], '/', "/dir: an entry");
	CHECK_SPOILED(names[3], 0, "/dir: an entry");
	CHECK_SPOILED(names[3], 't', "/dir: its names are not in order");
	/* A cycle, and a directory with two names. */
	CHECK_SPOILED(entries[4].nid, tree.root->nid, "/dir/sub: a directory with two names");
}

static void test_superblock(void)
{
	struct erofs_super_disk *super =
		(struct erofs_super_disk *)(void *)(fs.data + EROFS_SUPER_OFFSET);

	CHECK_SPOILED(super->magic, 1, "superblock: not an EROFS");
	CHECK_SPOILED(super->inode_count, 1, "superblock: wrong number of inodes");
	CHECK_SPOILED(super->block_count, 2, "superblock: wrong number of blocks");
	CHECK_SPOILED(super->feature_incompat, 1, "superblock: unknown features");
	CHECK_SPOILED(super->block_bits, 9, "superblock: an unknown layout");
	super->volume_name[0] = 'x';
	check_bad("superblock: wrong checksum");
	super->volume_name[0] = 0;
}

int main(void)
{
	struct tree_inode *file, *dir;
	unsigned int count;

	CHECK_EQ(tree_init(&tree), 0);
	dir = add("dir", S_IFDIR | 0755);
	file = add("dir/file", S_IFREG | 0644);
	CHECK_EQ(tree_link(&tree, dir, "same", file), 0);
	add("dir/sub", S_IFDIR | 0755);
	CHECK_EQ(erofs_write(&tree, 0, sink, &fs, &error), 0);
	CHECK_EQ(walk(&count), 0);
	CHECK_EQ(count, 4);
	test_inodes(file, dir);
	test_directory(dir);
	test_superblock();
	CHECK_EQ(walk(&count), 0);
	tree_done(&tree);
	buffer_done(&fs);
	return test_done();
}
