#include <errno.h>
#include <string.h>

#include "base/test.h"
#include "image/tree.h"

static int put(struct tree *tree, const char *path, uint32_t mode, const char *bytes)
{
	struct tree_inode *inode = tree_inode_new(tree, mode);
	int r;

	if (!inode)
		return -ENOMEM;
	r = bytes ? tree_inode_set_bytes(inode, bytes, strlen(bytes)) : 0;
	return r < 0 ? r : tree_put_at(tree, path, inode);
}

static bool there(const struct tree *tree, const char *path)
{
	struct tree_inode *inode;

	return tree_find(tree, path, true, &inode) == 0;
}

static void test_links_stay_inside(void)
{
	CLEANUP(tree_done) struct tree tree;
	struct tree_inode *a, *b;

	CHECK_EQ(tree_init(&tree), 0);
	CHECK_EQ(put(&tree, "up", S_IFLNK | 0777, "../../../etc"), 0);
	CHECK_EQ(put(&tree, "up/passwd", S_IFREG | 0644, "x"), 0);
	CHECK(there(&tree, "/etc/passwd"));
	CHECK_EQ(put(&tree, "abs", S_IFLNK | 0777, "/etc"), 0);
	CHECK_EQ(tree_find(&tree, "abs/passwd", true, &a), 0);
	CHECK_EQ(tree_find(&tree, "/etc/./passwd", true, &b), 0);
	CHECK(a == b);
	CHECK_EQ(put(&tree, "loop", S_IFLNK | 0777, "loop"), 0);
	CHECK_EQ(put(&tree, "loop/x", S_IFREG | 0644, "x"), -ELOOP);
	CHECK_EQ(put(&tree, "etc/../x", S_IFREG | 0644, "x"), -EINVAL);
	CHECK_EQ(put(&tree, "etc/passwd/x", S_IFREG | 0644, "x"), -ENOTDIR);
	CHECK_EQ(put(&tree, "/", S_IFREG | 0644, "x"), -EISDIR);
}

static void test_replace(void)
{
	CLEANUP(tree_done) struct tree tree;
	struct tree_inode *inode;

	CHECK_EQ(tree_init(&tree), 0);
	CHECK_EQ(put(&tree, "d/file", S_IFREG | 0644, "x"), 0);
	CHECK_EQ(put(&tree, "d", S_IFDIR | 0700, NULL), 0);
	CHECK(there(&tree, "d/file"));
	CHECK_EQ(tree_find(&tree, "d", true, &inode), 0);
	CHECK_EQ(inode->mode, S_IFDIR | 0700);
	CHECK_EQ(inode->link_count, 2);
	CHECK_EQ(put(&tree, "d", S_IFREG | 0600, "y"), 0);
	CHECK(!there(&tree, "d/file"));
	CHECK_EQ(tree.root->link_count, 2);
	CHECK_EQ(tree.inode_count, 2);
}

static void test_hard_links(void)
{
	CLEANUP(tree_done) struct tree tree;
	struct tree_inode *inode;

	CHECK_EQ(tree_init(&tree), 0);
	CHECK_EQ(put(&tree, "a", S_IFREG | 0644, "x"), 0);
	CHECK_EQ(tree_find(&tree, "a", true, &inode), 0);
	CHECK_EQ(tree_link(&tree, tree.root, "b", inode), 0);
	CHECK_EQ(tree_link(&tree, tree.root, "a", inode), 0);
	CHECK_EQ(inode->link_count, 2);
	CHECK_EQ(put(&tree, "a", S_IFREG | 0644, "other"), 0);
	CHECK_EQ(inode->link_count, 1);
	CHECK_EQ(tree_link(&tree, tree.root, "c", tree.root), -EPERM);
}

static void test_layers(void)
{
	CLEANUP(tree_done) struct tree tree;
	struct tree_inode *dir;

	CHECK_EQ(tree_init(&tree), 0);
	CHECK_EQ(put(&tree, "d/low", S_IFREG | 0644, "x"), 0);
	CHECK_EQ(put(&tree, "d/sub/low", S_IFREG | 0644, "x"), 0);
	CHECK_EQ(put(&tree, "gone", S_IFREG | 0644, "x"), 0);
	tree.layer++;
	CHECK_EQ(put(&tree, "d/high", S_IFREG | 0644, "x"), 0);
	CHECK_EQ(put(&tree, "d/sub", S_IFDIR | 0755, NULL), 0);
	CHECK_EQ(put(&tree, "d/sub/high", S_IFREG | 0644, "x"), 0);
	CHECK_EQ(tree_find(&tree, "d", true, &dir), 0);
	tree_make_opaque(&tree, dir);
	tree_whiteout(&tree, tree.root, "gone");
	tree_whiteout(&tree, tree.root, "never was");
	CHECK(there(&tree, "d/high"));
	CHECK(!there(&tree, "d/low"));
	CHECK(there(&tree, "d/sub/high"));
	CHECK(!there(&tree, "d/sub/low"));
	CHECK(!there(&tree, "gone"));
}

static void test_depth(void)
{
	CLEANUP(tree_done) struct tree tree;
	char path[TREE_PATH_MAX] = "";

	CHECK_EQ(tree_init(&tree), 0);
	for (int i = 0; i < TREE_DEPTH_MAX; i++)
		strcat(path, "d/");
	CHECK_EQ(put(&tree, path, S_IFDIR | 0755, NULL), 0);
	strcat(path, "d/");
	CHECK_EQ(put(&tree, path, S_IFDIR | 0755, NULL), -ENAMETOOLONG);
}

int main(void)
{
	test_links_stay_inside();
	test_replace();
	test_hard_links();
	test_layers();
	test_depth();
	return test_done();
}
