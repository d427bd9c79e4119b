/* The SHA-256 Merkle tree over the blocks of the root file system (abi/image.h). */
#ifndef IMAGE_HASH_TREE_H
#define IMAGE_HASH_TREE_H

#include "image/buffer.h"
#include "image/digest.h"

/* The first level as it grows, block by block. */
struct hash_tree {
	struct digest *digest; /* borrowed */
	struct buffer leaves;
};

MUST_CHECK int hash_tree_add(struct hash_tree *tree, const uint8_t *blocks, size_t block_count);
void hash_tree_done(struct hash_tree *tree);

/* The whole tree, top level first, and its root.
 * -EINVAL: no block was added. */
MUST_CHECK int hash_tree_finish(
	struct hash_tree *tree, struct buffer *ret, uint8_t ret_root[IMAGE_DIGEST_SIZE]);

/* Bytes of the tree over @block_count blocks; 0 for none. */
uint64_t hash_tree_size(uint64_t block_count);

#endif
