/* Directories, links and special files of the host. */
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/directory.h"
#include "libos/files/host_inode.h"
#include "libos/files/open.h"
#include "platform/platform.h"

#define BATCH 32
/* Positions: 0 ".", 1 "..", then the host's plus 2. */
#define POSITION_FIRST 2
#define POSITION_END ((uint64_t)INT64_MAX)

static int fd_of(const struct dentry *dir)
{
	return host_inode_of(dir->inode)->path_fd;
}

/* Terminated, as the host wants it. */
struct name {
	char text[NAME_LENGTH_MAX + 1];
};

static int name_take(struct name *to, const char *name, uint32_t length)
{
	if (length > NAME_LENGTH_MAX)
		return -ENAMETOOLONG;
	memcpy(to->text, name, length);
	to->text[length] = '\0';
	return 0;
}

static int lookup(struct dentry *dir, const struct name *name, struct dentry **ret_entry)
{
	CLEANUP(inode_unrefp) struct inode *inode = NULL;
	int fd = platform_host_lookup(fd_of(dir), name->text), r;

	if (fd < 0)
		return fd;
	r = host_inode_get(dir->inode->mount, fd, &inode);
	if (r)
		return r;
	*ret_entry = dentry_new(dir, name->text, (uint32_t)strlen(name->text), inode);
	return *ret_entry ? 0 : -ENOMEM;
}

static int directory_lookup(
	struct dentry *dir, const char *name, uint32_t length, struct dentry **ret_entry)
{
	struct name taken;
	int r = name_take(&taken, name, length);

	return r ? r : lookup(dir, &taken, ret_entry);
}

/* The host's umask and the user it takes us for are not what the enclave has in mind. */
static int give_attributes(struct inode *inode, const struct inode_template *template)
{
	struct inode_change change = {
		.mode = template->mode & 07777, .uid = template->uid, .gid = template->gid};

	if (inode_is(inode, S_IFLNK))
		return 0;
	change.valid = (inode->uid != change.uid ? CHANGE_UID : 0) |
		       (inode->gid != change.gid ? CHANGE_GID : 0);
	/* Without the privilege it belongs to whom the host takes us for. */
	if (change.valid && host_inode_setattr(inode, &change) == -EPERM)
		change.valid = 0;
	if ((inode->mode & 07777) == change.mode)
		return 0;
	change.valid = CHANGE_MODE;
	return host_inode_setattr(inode, &change);
}

static int directory_make(struct dentry *dir, const char *name, uint32_t length,
	const struct inode_template *template, struct dentry **ret_entry)
{
	struct name taken;
	int r = name_take(&taken, name, length);

	r = r ? r : platform_host_make(fd_of(dir), taken.text, template->mode, template->target);
	r = r ? r : lookup(dir, &taken, ret_entry);
	if (r)
		return r;
	r = give_attributes((*ret_entry)->inode, template);
	if (r)
		dentry_unref(TAKE(*ret_entry));
	return r;
}

static int directory_link(
	struct dentry *dir, const char *name, uint32_t length, struct inode *target)
{
	struct name taken;
	int r = name_take(&taken, name, length);

	return r ? r : platform_host_link(host_inode_of(target)->path_fd, fd_of(dir), taken.text);
}

static int remove(struct dentry *dir, struct dentry *entry, bool is_directory)
{
	int r = platform_host_remove(fd_of(dir), entry->name, is_directory);

	if (r)
		return r;
	entry->flags |= DENTRY_UNLINKED;
	if (is_directory)
		entry->inode->flags |= INODE_DEAD;
	return 0;
}

static int directory_unlink(struct dentry *dir, struct dentry *entry)
{
	return remove(dir, entry, false);
}

static int directory_rmdir(struct dentry *dir, struct dentry *entry)
{
	return remove(dir, entry, true);
}

static int directory_rename(struct dentry *old_dir, struct dentry *entry, struct dentry *new_dir,
	const char *name, uint32_t length, struct dentry *target, uint32_t flags)
{
	struct name taken;
	int r = name_take(&taken, name, length);

	(void)target;
	return r ? r
		 : platform_host_rename(
			   fd_of(old_dir), entry->name, fd_of(new_dir), taken.text, flags);
}

static long link_readlink(struct inode *inode, char *to, size_t size)
{
	return platform_host_readlink(host_inode_of(inode)->path_fd, to, size);
}

/* ---- Listing ---- */

static int directory_opened(struct inode *inode, struct file *file)
{
	int fd = platform_host_reopen(host_inode_of(inode)->path_fd, O_RDONLY, true);

	if (fd < 0)
		return fd;
	file->private_data = (void *)(intptr_t)fd;
	return 0;
}

static void directory_release(struct file *file)
{
	platform_host_close((int)(intptr_t)file->private_data);
}

static uint64_t position_after(const struct platform_host_entry *entry)
{
	return entry->next >= POSITION_END - POSITION_FIRST ? POSITION_END
							    : entry->next + POSITION_FIRST;
}

static int directory_iterate(struct file *file, void *context)
{
	CLEANUP(heap_freep) struct platform_host_entry *entries = NULL;
	long n;

	if (!directory_emit_dots(context, file))
		return 0;
	entries = heap_alloc(BATCH * sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	file->position = MAX(file->position, (uint64_t)POSITION_FIRST);
	while (file->position < POSITION_END) {
		n = platform_host_list((int)(intptr_t)file->private_data,
			file->position - POSITION_FIRST, entries, BATCH);
		if (n <= 0)
			return (int)n;
		for (long i = 0; i < n; i++)
			if (!directory_emit(context, entries[i].name, entries[i].length,
				    entries[i].number, entries[i].type,
				    position_after(&entries[i])))
				return 0;
	}
	return 0;
}

static long directory_seek(struct file *file, int64_t offset, int whence)
{
	return whence == SEEK_END ? -EINVAL : file_seek_within(file, offset, whence, 0);
}

static long directory_read(struct file *file, struct io *io, uint64_t *offset)
{
	(void)file;
	(void)io;
	(void)offset;
	return -EISDIR;
}

static int directory_sync(struct file *file, bool data_only)
{
	return platform_host_sync((int)(intptr_t)file->private_data, data_only);
}

const struct inode_ops host_directory_ops = {
	.lookup = directory_lookup,
	.make = directory_make,
	.link = directory_link,
	.unlink = directory_unlink,
	.rmdir = directory_rmdir,
	.rename = directory_rename,
	.getattr = host_inode_getattr,
	.setattr = host_inode_setattr,
	.open = directory_opened,
	.release = host_inode_release,
};

const struct inode_ops host_link_ops = {
	.readlink = link_readlink,
	.getattr = host_inode_getattr,
	.setattr = host_inode_setattr,
	.release = host_inode_release,
};

/* FIFOs work among the processes of the enclave, and lead no further. */
const struct inode_ops host_special_ops = {
	.getattr = host_inode_getattr,
	.setattr = host_inode_setattr,
	.release = host_inode_release,
};

const struct file_ops host_directory_file_ops = {
	.read = directory_read,
	.seek = directory_seek,
	.iterate = directory_iterate,
	.release = directory_release,
	.sync = directory_sync,
};
