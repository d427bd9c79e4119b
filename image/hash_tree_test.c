#include <errno.h>
#include <string.h>

#include "base/test.h"
#include "image/hash_tree.h"

#define BLOCKS (IMAGE_HASHES_PER_BLOCK + 2) /* two blocks of leaves: two levels */

static void test_one_block(struct digest *digest)
{
	CLEANUP(hash_tree_done) struct hash_tree tree = {.digest = digest};
	CLEANUP(buffer_done) struct buffer whole = {0};
	uint8_t block[4096] = "block", expected[4096] = {0}, root[32], expected_root[32];

	CHECK_EQ(hash_tree_finish(&tree, &whole, root), -EINVAL);
	CHECK_EQ(hash_tree_add(&tree, block, 1), 0);
	CHECK_EQ(hash_tree_finish(&tree, &whole, root), 0);
	CHECK_EQ(whole.size, 4096);
	CHECK_EQ(digest_of(block, sizeof(block), expected), 0);
	CHECK(!memcmp(whole.data, expected, sizeof(expected)));
	CHECK_EQ(digest_of(expected, sizeof(expected), expected_root), 0);
	CHECK(!memcmp(root, expected_root, 32));
}

static void test_two_levels(struct digest *digest)
{
	CLEANUP(hash_tree_done) struct hash_tree tree = {.digest = digest};
	CLEANUP(buffer_done) struct buffer whole = {0};
	uint8_t block[4096] = {0}, root[32], value[32];

	for (int i = 0; i < BLOCKS; i++) {
		block[0] = (uint8_t)i;
		CHECK_EQ(hash_tree_add(&tree, block, 1), 0);
	}
	CHECK_EQ(hash_tree_finish(&tree, &whole, root), 0);
	CHECK_EQ(whole.size, 3 * 4096);
	/* The top comes first; its first hash is that of the first block of leaves. */
	CHECK_EQ(digest_of(whole.data, 4096, value), 0);
	CHECK(!memcmp(root, value, 32));
	CHECK_EQ(digest_of(whole.data + 2 * 4096, 4096, value), 0);
	CHECK(!memcmp(whole.data + 32, value, 32));
	CHECK_EQ(digest_of(block, 4096, value), 0);
	CHECK(!memcmp(whole.data + 2 * 4096 + 32, value, 32));
}

static void test_sizes(void)
{
	CHECK_EQ(hash_tree_size(0), 0);
	CHECK_EQ(hash_tree_size(1), 4096);
	CHECK_EQ(hash_tree_size(128), 4096);
	CHECK_EQ(hash_tree_size(129), 3 * 4096);
	CHECK_EQ(hash_tree_size(128 * 128), 129 * 4096);
	CHECK_EQ(hash_tree_size(128 * 128 + 1), (129 + 2 + 1) * 4096);
}

int main(void)
{
	CLEANUP(digest_freep) struct digest *digest = digest_new();

	test_one_block(digest);
	test_two_levels(digest);
	test_sizes();
	return test_done();
}
