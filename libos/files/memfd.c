#include "libos/files/memfd.h"

#include <linux/memfd.h>

#include "base/memory.h"
#include "libos/files/memory_inode.h"
#include "libos/files/open.h"
#include "libos/processes/process.h"

#define PREFIX "memfd:"
#define SEALS_ALL                                                                                  \
	(F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE | SEAL_EXEC)
#define SEAL_EXEC 0x0020 /* F_SEAL_EXEC of newer headers */
#define NOEXEC_SEAL 0x0008U
#define EXEC 0x0010U

bool memfd_wants_huge_pages(uint32_t flags)
{
	return flags & MFD_HUGETLB;
}

bool memfd_flags_are_valid(uint32_t flags)
{
	if ((flags & (NOEXEC_SEAL | EXEC)) == (NOEXEC_SEAL | EXEC))
		return false;
	if (memfd_wants_huge_pages(flags))
		flags &= ~(MFD_HUGETLB | (uint32_t)MFD_HUGE_MASK << MFD_HUGE_SHIFT);
	return !(flags & ~(MFD_CLOEXEC | MFD_ALLOW_SEALING | NOEXEC_SEAL | EXEC));
}

bool memfd_is_close_on_exec(uint32_t flags)
{
	return flags & MFD_CLOEXEC;
}

static struct lock mount_lock;
static struct mount *memfd_mount;

/* The file system of memfds: nobody sees it but as their device number. */
static struct mount *get_mount(void)
{
	LOCK_SCOPE(&mount_lock);
	if (!memfd_mount)
		memfd_mount = mount_new("tmpfs", "tmpfs", TMPFS_MAGIC, 0);
	return memfd_mount;
}

static struct inode *memfd_inode(uint32_t flags)
{
	const struct credentials *credentials = &thread_current()->credentials;
	struct inode_template template = {
		.mode = S_IFREG | (flags & NOEXEC_SEAL ? 0666 : 0777),
		.uid = credentials->fsuid,
		.gid = credentials->fsgid,
	};
	struct mount *mount = get_mount();
	struct inode *inode = mount ? memory_inode_new(mount, &template) : NULL;

	if (!inode)
		return NULL;
	inode->link_count = 0;
	inode->flags |= INODE_SEALABLE;
	inode->seals = flags & (MFD_ALLOW_SEALING | NOEXEC_SEAL) ? 0 : F_SEAL_SEAL;
	if (flags & NOEXEC_SEAL)
		inode->seals |= SEAL_EXEC;
	return inode;
}

/* @name as /proc/PID/maps shows it, after a slash. */
static int open_named(const char *name, uint32_t flags, struct file **ret_file)
{
	CLEANUP(inode_unrefp) struct inode *inode = memfd_inode(flags);
	CLEANUP(dentry_unrefp) struct dentry *dentry = NULL;

	if (!inode)
		return -ENOMEM;
	dentry = dentry_new(NULL, name, (uint32_t)strlen(name), inode);
	if (!dentry)
		return -ENOMEM;
	dentry->flags |= DENTRY_UNLINKED;
	return file_open_inode(inode, dentry, O_RDWR | O_LARGEFILE, ret_file);
}

int memfd_new(const char *name, uint32_t flags, struct file **ret_file)
{
	char full[sizeof(PREFIX) + MEMFD_NAME_LENGTH_MAX] = PREFIX;

	string_copy(full + sizeof(PREFIX) - 1, name, sizeof(full) - sizeof(PREFIX) + 1);
	return open_named(full, flags, ret_file);
}

int file_shared_memory(uint64_t size, struct file **ret_file)
{
	return file_shared_memory_named("dev/zero", size, ret_file);
}

int file_shared_memory_named(const char *name, uint64_t size, struct file **ret_file)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	int r = open_named(name, 0, &file);

	if (r)
		return r;
	/* A limit on files is none on memory. */
	file->inode->size = ALIGN_UP(size, PAGE_SIZE);
	*ret_file = TAKE(file);
	return 0;
}

long memfd_seals(struct file *file)
{
	return file->inode->flags & INODE_SEALABLE ? (long)file->inode->seals : -EINVAL;
}

int memfd_add_seals(struct file *file, uint32_t seals)
{
	struct inode *inode = file->inode;

	if (!file_can_write(file))
		return -EPERM;
	if (seals & ~(uint32_t)SEALS_ALL || !(inode->flags & INODE_SEALABLE))
		return -EINVAL;
	LOCK_SCOPE(&inode->write_lock);
	if (inode->seals & F_SEAL_SEAL)
		return -EPERM;
	if (seals & F_SEAL_WRITE && !(inode->seals & F_SEAL_WRITE) &&
		__atomic_load_n(&inode->shared_writable_maps, __ATOMIC_ACQUIRE))
		return -EBUSY;
	if (seals & SEAL_EXEC && inode->mode & 0111)
		seals |= F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_FUTURE_WRITE;
	inode->seals |= seals;
	return 0;
}
