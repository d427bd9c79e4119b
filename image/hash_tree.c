#include "image/hash_tree.h"

#include <errno.h>
#include <string.h>

#define LEVELS_MAX 16 /* 128^10 blocks are more than 2^64 bytes */

int hash_tree_add(struct hash_tree *tree, const uint8_t *blocks, size_t block_count)
{
	for (size_t i = 0; i < block_count; i++) {
		uint8_t value[IMAGE_DIGEST_SIZE];
		int r;

		digest_update(tree->digest, blocks + i * IMAGE_BLOCK_SIZE, IMAGE_BLOCK_SIZE);
		digest_final(tree->digest, value);
		r = buffer_append(&tree->leaves, value, sizeof(value));
		if (r < 0)
			return r;
	}
	return 0;
}

void hash_tree_done(struct hash_tree *tree)
{
	buffer_done(&tree->leaves);
}

/* Pad the last level and add the one above it. */
static int add_level(struct hash_tree *tree, struct buffer *level, struct buffer *ret_above)
{
	struct hash_tree above = {.digest = tree->digest};
	int r = hash_tree_add(&above, level->data, level->size / IMAGE_BLOCK_SIZE);

	if (r == 0)
		r = buffer_align(&above.leaves, IMAGE_BLOCK_SIZE);
	*ret_above = above.leaves;
	return r;
}

static int build_levels(struct hash_tree *tree, struct buffer *levels, size_t *ret_count)
{
	size_t count = 1;
	int r = buffer_append(&levels[0], tree->leaves.data, tree->leaves.size);

	if (r == 0)
		r = buffer_align(&levels[0], IMAGE_BLOCK_SIZE);
	for (; r == 0 && levels[count - 1].size > IMAGE_BLOCK_SIZE; count++)
		r = add_level(tree, &levels[count - 1], &levels[count]);
	*ret_count = count;
	return r;
}

int hash_tree_finish(
	struct hash_tree *tree, struct buffer *ret, uint8_t ret_root[IMAGE_DIGEST_SIZE])
{
	CLEANUP(buffer_done) struct buffer whole = {0};
	struct buffer levels[LEVELS_MAX] = {0};
	size_t count = 0;
	int r;

	if (!tree->leaves.size)
		return -EINVAL;
	r = build_levels(tree, levels, &count);
	for (size_t i = count; r == 0 && i-- > 0;)
		r = buffer_append(&whole, levels[i].data, levels[i].size);
	for (size_t i = 0; i < LEVELS_MAX; i++)
		buffer_done(&levels[i]);
	if (r < 0)
		return r;
	digest_update(tree->digest, whole.data, IMAGE_BLOCK_SIZE);
	digest_final(tree->digest, ret_root);
	*ret = whole;
	whole = (struct buffer){0};
	return 0;
}

uint64_t hash_tree_size(uint64_t block_count)
{
	uint64_t size = 0;

	while (block_count) {
		block_count = (block_count + IMAGE_HASHES_PER_BLOCK - 1) / IMAGE_HASHES_PER_BLOCK;
		size += block_count * IMAGE_BLOCK_SIZE;
		if (block_count == 1)
			break;
	}
	return size;
}
