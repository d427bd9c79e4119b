#include "image/layer_entry.h"

#include <errno.h>
#include <string.h>

#include "base/checked.h"
#include "image/file.h"

#define WHITEOUT ".wh."
#define WHITEOUT_META ".wh..wh."
#define WHITEOUT_OPAQUE ".wh..wh..opq"

/* Where an entry goes. */
struct place {
	struct tree_inode *dir;
	char name[TREE_NAME_MAX + 1];
};

static int bad_entry(struct image_error *error, const char *path, int r)
{
	if (r == -ENOMEM)
		return image_fail_errno(error, r, "%s", path);
	return image_fail(error, -EBADMSG, "entry \"%.300s\": %s", path,
		r == -EINVAL ? "\"..\" in its name" : strerror(-r));
}

static int whiteout(
	struct tree *tree, const struct place *place, const char *path, struct image_error *error)
{
	const char *name = place->name + strlen(WHITEOUT);

	if (!strcmp(place->name, WHITEOUT_OPAQUE)) {
		tree_make_opaque(tree, place->dir);
		return 0;
	}
	/* Other names of this shape are notes of AUFS to itself. */
	if (!strncmp(place->name, WHITEOUT_META, strlen(WHITEOUT_META)))
		return 0;
	if (!*name || !strcmp(name, ".") || !strcmp(name, ".."))
		return image_fail(error, -EBADMSG, "entry \"%.300s\": a whiteout of nothing", path);
	tree_whiteout(tree, place->dir, name);
	return 0;
}

static int hard_link(struct tree *tree, const struct place *place, const char *path,
	const char *target, struct image_error *error)
{
	char name[TREE_NAME_MAX + 1];
	struct tree_inode *inode, *dir;
	int r = tree_make_parent(tree, target, &dir, name);

	if (r == -EINVAL)
		return image_fail(
			error, -EBADMSG, "entry \"%.300s\": hard link to \"%.300s\"", path, target);
	if (r == 0)
		r = tree_find(tree, target, false, &inode);
	if (r == 0)
		r = tree_link(tree, place->dir, place->name, inode);
	if (r < 0)
		return image_fail(error, -EBADMSG, "entry \"%.300s\": hard link to \"%.300s\": %s",
			path, target, strerror(-r));
	return 0;
}

static int spool_block(struct container_spool *spool, const void *bytes, size_t size,
	uint64_t offset, uint64_t limit)
{
	if (!range_fits(offset, size, limit))
		return -EBADMSG;
	return file_write_at(spool->fd, bytes, size, spool->size + offset);
}

/* Holes of sparse files stay holes. */
static int spool_content(struct archive *archive, struct tree_inode *inode,
	struct container_spool *spool, struct image_error *error)
{
	uint64_t limit = inode->content.size;
	const void *bytes;
	la_int64_t offset;
	size_t size;
	int r;

	if (spool->fd < 0)
		spool->fd = file_open_unnamed(error);
	if (spool->fd < 0)
		return spool->fd;
	while ((r = archive_read_data_block(archive, &bytes, &size, &offset)) == ARCHIVE_OK) {
		r = spool_block(spool, bytes, size, (uint64_t)offset, limit);
		if (r < 0)
			return image_fail_errno(error, r, "temporary file");
	}
	if (r != ARCHIVE_EOF)
		return image_fail(error, -EBADMSG, "%s", archive_error_string(archive));
	inode->content.fd = spool->fd;
	inode->content.offset = spool->size;
	spool->size += limit;
	if (ftruncate(spool->fd, (off_t)spool->size) < 0)
		return image_fail_errno(error, -errno, "temporary file");
	return 0;
}

static int fill_regular(struct archive *archive, struct archive_entry *entry,
	struct tree_inode *inode, struct container_spool *spool, struct image_error *error)
{
	la_int64_t size = archive_entry_size(entry);

	if (size < 0 || (uint64_t)size > TREE_FILE_SIZE_MAX)
		return image_fail_errno(error, -EFBIG, "its size");
	if (!size)
		return tree_inode_set_bytes(inode, "", 0);
	inode->content.size = (uint64_t)size;
	return spool_content(archive, inode, spool, error);
}

static int fill_symlink(
	struct archive_entry *entry, struct tree_inode *inode, struct image_error *error)
{
	const char *target = archive_entry_symlink(entry);

	if (!target)
		target = archive_entry_symlink_utf8(entry);
	if (!target || !*target || strlen(target) >= TREE_PATH_MAX)
		return image_fail(error, -EBADMSG, "a symbolic link without a good target");
	return tree_inode_set_bytes(inode, target, strlen(target));
}

static int fill_xattrs(struct archive_entry *entry, struct tree_inode *inode)
{
	const char *name;
	const void *value;
	size_t size;

	archive_entry_xattr_reset(entry);
	while (archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
		int r = tree_inode_add_xattr(inode, name, value, size);

		/* An archive may say the same twice, in two dialects. */
		if (r < 0 && r != -EEXIST)
			return r;
	}
	return 0;
}

static int fill_owner(
	struct archive_entry *entry, struct tree_inode *inode, struct image_error *error)
{
	la_int64_t uid = archive_entry_uid(entry), gid = archive_entry_gid(entry);

	/* 2^32 - 1 means "no change" to chown(2) and can't own anything. */
	if (uid < 0 || uid >= UINT32_MAX || gid < 0 || gid >= UINT32_MAX)
		return image_fail(error, -EBADMSG, "owner %ld:%ld", (long)uid, (long)gid);
	inode->uid = (uint32_t)uid;
	inode->gid = (uint32_t)gid;
	inode->mtime = archive_entry_mtime(entry);
	inode->mtime_ns = (uint32_t)archive_entry_mtime_nsec(entry);
	if (inode->mtime_ns >= 1000000000)
		return image_fail(error, -EBADMSG, "its time");
	return 0;
}

static int fill(struct archive *archive, struct archive_entry *entry, struct tree_inode *inode,
	struct container_spool *spool, struct image_error *error)
{
	int r = fill_owner(entry, inode, error);

	if (r == 0)
		r = fill_xattrs(entry, inode);
	if (r == 0 && S_ISREG(inode->mode))
		r = fill_regular(archive, entry, inode, spool, error);
	if (r == 0 && S_ISLNK(inode->mode))
		r = fill_symlink(entry, inode, error);
	if (S_ISCHR(inode->mode) || S_ISBLK(inode->mode))
		inode->rdev = tree_device((unsigned int)archive_entry_rdevmajor(entry),
			(unsigned int)archive_entry_rdevminor(entry));
	return r;
}

static int put_entry(struct tree *tree, struct archive *archive, struct archive_entry *entry,
	const struct place *place, const char *path, struct container_spool *spool,
	struct image_error *error)
{
	uint32_t type = archive_entry_filetype(entry);
	uint32_t mode = type | (archive_entry_perm(entry) & 07777);
	struct tree_inode *inode;
	int r;

	if (type == AE_IFSOCK)
		return 0;
	if (type != AE_IFREG && type != AE_IFDIR && type != AE_IFLNK && type != AE_IFCHR &&
		type != AE_IFBLK && type != AE_IFIFO)
		return image_fail(error, -EBADMSG, "entry \"%.300s\": unknown type", path);
	inode = tree_inode_new(tree, type == AE_IFLNK ? S_IFLNK | 0777 : mode);
	if (!inode)
		return image_fail_errno(error, -ENOMEM, "entry \"%.300s\"", path);
	if (error)
		error->text[0] = '\0';
	r = fill(archive, entry, inode, spool, error);
	if (r < 0) {
		tree_inode_free(tree, inode);
		if (error && !error->text[0])
			return image_fail_errno(error, r, "entry \"%.300s\"", path);
		return image_fail_in(error, r, "entry \"%.300s\"", path);
	}
	r = tree_put(tree, place->dir, place->name, inode, NULL);
	return r < 0 ? bad_entry(error, path, r) : 0;
}

int layer_entry_apply(struct tree *tree, struct archive *archive, struct archive_entry *entry,
	bool whiteouts, struct container_spool *spool, struct image_error *error)
{
	const char *path = archive_entry_pathname(entry), *target;
	struct place place;
	int r;

	if (!path)
		path = archive_entry_pathname_utf8(entry);
	if (!path)
		return image_fail(error, -EBADMSG, "an entry without a name");
	r = tree_make_parent(tree, path, &place.dir, place.name);
	if (r < 0)
		return bad_entry(error, path, r);
	if (whiteouts && !strncmp(place.name, WHITEOUT, strlen(WHITEOUT)))
		return whiteout(tree, &place, path, error);
	target = archive_entry_hardlink(entry);
	if (!target)
		target = archive_entry_hardlink_utf8(entry);
	if (target)
		return hard_link(tree, &place, path, target, error);
	return put_entry(tree, archive, entry, &place, path, spool, error);
}
