/* The root file system while it is put together: a tree of inodes in memory, file contents left
 * where they are. Nothing of it exists on the host, so owners, modes and device nodes need no
 * privilege, and no symbolic link in it leads anywhere but to itself. */
#ifndef IMAGE_TREE_H
#define IMAGE_TREE_H

#include <sys/stat.h>

#include "image/buffer.h"
#include "image/error.h"

#define TREE_NAME_MAX 255
#define TREE_PATH_MAX 4096  /* bytes, with the NUL */
#define TREE_SYMLINK_MAX 40 /* followed in one look-up, as Linux does */
#define TREE_INODE_COUNT_MAX (1u << 24)
#define TREE_FILE_SIZE_MAX (1ULL << 40)
#define TREE_XATTR_SIZE_MAX 65535
#define TREE_DEPTH_MAX 1024 /* directories below each other: bounds our recursion */

struct tree_xattr {
	char *name; /* with its prefix: "user.x" */
	uint8_t *value;
	size_t size;
};

/* Where the bytes of a regular file or symbolic link are. */
struct tree_content {
	uint64_t size;
	uint8_t *bytes; /* owned; or NULL: in a file */
	char *path;     /* owned, a host file, for errors too; or NULL: in @fd at @offset */
	int fd;         /* not owned: must outlive the tree */
	uint64_t offset;
};

struct tree_entry {
	char *name;
	struct tree_inode *inode;
	unsigned int layer; /* the last one that made or touched it */
};

struct tree_inode {
	uint32_t mode; /* as st_mode */
	uint32_t uid, gid;
	uint32_t rdev; /* Linux's new encoding: see tree_device */
	int64_t mtime;
	uint32_t mtime_ns;
	uint32_t link_count; /* names in the tree; directories as Linux counts */

	struct tree_xattr *xattrs; /* sorted by name */
	size_t xattr_count;

	struct tree_content content; /* regular files and symbolic links */

	struct tree_inode *parent;  /* directories; the root's is itself */
	struct tree_entry *entries; /* sorted by name, as strcmp does */
	size_t entry_count, entry_capacity;
	unsigned int depth; /* directories: 0 is the root */
	bool implied;       /* a directory that no source named: made for what is in it */

	uint64_t nid;         /* set by the writer */
	uint64_t data_offset; /* bytes from the start of the file system; set by the writer */
	bool placed;          /* a hard link met again by the writer */
};

struct tree {
	struct tree_inode *root;
	unsigned int layer; /* what is added belongs to this layer */
	size_t inode_count;
};

MUST_CHECK int tree_init(struct tree *tree);
void tree_done(struct tree *tree);

/* A new inode with no name yet, of mode @mode, owner 0:0, mtime 0. NULL: no memory, or too many. */
struct tree_inode *tree_inode_new(struct tree *tree, uint32_t mode);
/* For an inode that has no name. */
void tree_inode_free(struct tree *tree, struct tree_inode *inode);

MUST_CHECK int tree_inode_set_bytes(struct tree_inode *inode, const void *bytes, size_t size);
MUST_CHECK int tree_inode_add_xattr(
	struct tree_inode *inode, const char *name, const void *value, size_t size);

/* The device number of Linux's file systems: 12 bits of major, 20 of minor. */
uint32_t tree_device(unsigned int major, unsigned int minor);

struct tree_entry *tree_child(const struct tree_inode *dir, const char *name);

/* Look @path up. Symbolic links are followed within the tree, the last component's only if
 * @follow. -ENOENT, -ENOTDIR, -ELOOP, -ENAMETOOLONG. */
MUST_CHECK int tree_find(
	const struct tree *tree, const char *path, bool follow, struct tree_inode **ret);

/* The same from a directory on, links followed. */
MUST_CHECK int tree_find_from(struct tree_inode *dir, const char *path, struct tree_inode **ret);

/* The directory that holds @path's last component, and that component's name. Directories that
 * are missing are made (0755 0:0). A link on the way is followed within the tree.
 * @name  [out] TREE_NAME_MAX + 1 bytes; "" if @path is the root
 * -EINVAL: a component is "..". -ENOTDIR: one is no directory. */
MUST_CHECK int tree_make_parent(
	struct tree *tree, const char *path, struct tree_inode **ret_dir, char *name);

/* Put @inode at @name: a directory over a directory keeps the entries and takes the metadata (the
 * given inode is freed), anything else replaces what was there. Takes @inode, also on failure.
 * @ret the inode that is there now; may be NULL. */
MUST_CHECK int tree_put(struct tree *tree, struct tree_inode *dir, const char *name,
	struct tree_inode *inode, struct tree_inode **ret);
/* The same at a path: tree_make_parent, then tree_put. */
MUST_CHECK int tree_put_at(struct tree *tree, const char *path, struct tree_inode *inode);

/* One more name for a file that is no directory. */
MUST_CHECK int tree_link(
	struct tree *tree, struct tree_inode *dir, const char *name, struct tree_inode *inode);

/* Keep an inode that may lose its last name, as if it had one more; and drop that again. */
void tree_hold(struct tree_inode *inode);
void tree_release(struct tree *tree, struct tree_inode *inode);

/* Remove what earlier layers put at @name, or under @dir: what this layer put there stays. */
void tree_whiteout(struct tree *tree, struct tree_inode *dir, const char *name);
void tree_make_opaque(struct tree *tree, struct tree_inode *dir);

/* Call @visit for every name in the tree, parents first, in sorted order. A negative answer ends
 * the walk and is returned. @path has no leading slash. */
typedef int tree_visit_fn(void *context, const char *path, struct tree_inode *inode);
MUST_CHECK int tree_walk(const struct tree *tree, tree_visit_fn *visit, void *context);

/* Read part of a content; @to holds @size bytes; the range must lie inside. */
MUST_CHECK int tree_content_read(const struct tree_content *content, uint64_t offset, void *to,
	size_t size, struct image_error *error);

#endif
