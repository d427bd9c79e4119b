/* Opening files, and what all kinds of files share in their reads, writes and seeks. */
#ifndef LIBOS_FILES_OPEN_H
#define LIBOS_FILES_OPEN_H

#include <linux/fs.h>

#include "libos/files/file.h"
#include "libos/files/inode.h"

#define FILE_SIZE_MAX ((uint64_t)INT64_MAX)
/* As the offset of a write: at the end, wherever that is then (files with a map op). */
#define FILE_OFFSET_END UINT64_MAX

/* Flags of open(2) that fcntl(F_SETFL) changes, and those that a file keeps. */
#define FILE_FLAGS_SETTABLE (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME | FASYNC)

static inline bool file_can_read(const struct file *file)
{
	return !(file->flags & (O_WRONLY | O_PATH)); /* O_RDWR | O_WRONLY: for ioctl only */
}
static inline bool file_can_write(const struct file *file)
{
	return (file->flags & O_ACCMODE) == O_WRONLY || (file->flags & O_ACCMODE) == O_RDWR;
}

/* openat2(2): @resolve is RESOLVE_*. */
MUST_CHECK int file_open_at(int dir_fd, const char *path, uint32_t flags, uint32_t mode,
	uint64_t resolve, struct file **ret_file);
/* Open what has been found, with open(2)'s checks: -EACCES and the like, -ELOOP: a symbolic link.
 */
MUST_CHECK int file_open_entry(struct dentry *dentry, uint32_t flags, struct file **ret_file);
/* The same where permissions have been checked. */
MUST_CHECK int file_open_inode(
	struct inode *inode, struct dentry *dentry, uint32_t flags, struct file **ret_file);

/* RLIMIT_FSIZE and the largest size of all: cut *size, or -EFBIG (and SIGXFSZ). */
MUST_CHECK int file_limit_write(uint64_t offset, uint64_t *size);
/* Writing takes the set-id bits away from all but the privileged. */
void file_drop_privileges(struct inode *inode);
/* One more file writes to the inode: 0, or -ETXTBSY if a program runs from it. */
MUST_CHECK int file_count_writer(struct inode *inode);
/* SEEK_SET, SEEK_CUR, SEEK_END of a file with @end bytes. */
MUST_CHECK long file_seek_within(struct file *file, int64_t offset, int whence, uint64_t end);
/* truncate(2), ftruncate(2), O_TRUNC: -EISDIR, -EINVAL, -EFBIG. */
MUST_CHECK int inode_truncate(struct inode *inode, uint64_t size);

/* A new inode for @dir as the calling thread makes it: umask, fsuid, fsgid or the directory's. */
void inode_template_init(
	struct inode_template *template, const struct inode *dir, uint32_t mode, bool use_umask);

/* libos/files/devices.c: character devices by number: -ENXIO. */
MUST_CHECK int device_open(struct inode *inode, struct file *file);
/* Is it /dev/zero: a mapping of it is anonymous memory. */
bool device_is_zero(const struct file *file);
/* A driver for all minors from @minor on, @count of them. Before programs run. */
void device_register(uint32_t major, uint32_t minor, uint32_t count,
	int (*open)(struct inode *inode, struct file *file));

#endif
