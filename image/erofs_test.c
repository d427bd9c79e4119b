#include <string.h>

#include "base/test.h"
#include "image/erofs.h"
#include "abi/erofs.h"

static int sink(void *context, const uint8_t *blocks, size_t count, struct image_error *error)
{
	(void)error;
	return buffer_append(context, blocks, count * 4096);
}

static struct tree_inode *add(struct tree *tree, const char *path, uint32_t mode, size_t size)
{
	struct tree_inode *inode = tree_inode_new(tree, mode), *found;
	CLEANUP(buffer_done) struct buffer bytes = {0};

	CHECK_EQ(buffer_resize(&bytes, size), 0);
	memset(bytes.data, 'x', size);
	if (S_ISREG(mode))
		CHECK_EQ(tree_inode_set_bytes(inode, bytes.data, size), 0);
	CHECK_EQ(tree_put_at(tree, path, inode), 0);
	CHECK_EQ(tree_find(tree, path, false, &found), 0);
	return found;
}

static void check_inode(const struct buffer *fs, const struct tree_inode *inode, int layout)
{
	struct erofs_inode_extended disk;

	memcpy(&disk, fs->data + inode->nid * EROFS_SLOT_SIZE, sizeof(disk));
	CHECK_EQ(disk.mode, inode->mode);
	CHECK_EQ(disk.size, inode->content.size);
	CHECK_EQ(disk.uid, inode->uid);
	CHECK_EQ(disk.format >> EROFS_FORMAT_LAYOUT_SHIFT, layout);
	CHECK(inode->nid * EROFS_SLOT_SIZE % 4096 + sizeof(disk) <= 4096);
}

static void test_layout(void)
{
	CLEANUP(tree_done) struct tree tree;
	CLEANUP(buffer_done) struct buffer fs = {0}, again = {0};
	struct tree_inode *small, *large, *device;
	struct image_error error;

	CHECK_EQ(tree_init(&tree), 0);
	small = add(&tree, "/a/small", S_IFREG | 04755, 2048);
	large = add(&tree, "/a/large", S_IFREG | 0644, 2049);
	device = add(&tree, "/dev/null", S_IFCHR | 0666, 0);
	device->rdev = tree_device(1, 3);
	small->uid = 70000;
	CHECK_EQ(tree_inode_add_xattr(small, "user.note", "v", 1), 0);
	CHECK_EQ(erofs_write(&tree, 7, sink, &fs, &error), 0);
	CHECK_EQ(fs.size % 4096, 0);
	check_inode(&fs, small, EROFS_LAYOUT_FLAT_INLINE);
	check_inode(&fs, large, EROFS_LAYOUT_FLAT_PLAIN);
	check_inode(&fs, device, EROFS_LAYOUT_FLAT_PLAIN);
	CHECK_EQ(large->data_offset % 4096, 0);
	CHECK_EQ(fs.data[large->data_offset + 2048], 'x');
	CHECK_EQ(fs.data[large->data_offset + 2049], 0);
	CHECK_EQ(fs.data[small->data_offset + 2047], 'x');
	CHECK_EQ(erofs_write(&tree, 7, sink, &again, &error), 0);
	CHECK_EQ(again.size, fs.size);
	CHECK(!memcmp(again.data, fs.data, fs.size));
}

static void test_checksum(void)
{
	/* CRC-32C of "123456789" is e3069283 inverted at the end; ours is not, and its bytes 4..7
	 * count as 0. */
	CHECK_EQ(erofs_checksum((const uint8_t *)"1234\0\0\0\0"
						 "9",
			 9),
		erofs_checksum((const uint8_t *)"1234abcd9", 9));
	CHECK_EQ(erofs_checksum((const uint8_t *)"\0\0\0\0", 4), ~0x48674bc7u);
}

int main(void)
{
	test_layout();
	test_checksum();
	return test_done();
}
