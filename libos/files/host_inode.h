/* Files of a mounted directory of the host. Everything in them is the host's word: sizes, times,
 * owners and bytes may change between two looks, and only what a program reads depends on them.
 *
 * An inode holds a host descriptor that leads to its file and is found by device and number, so
 * that a file is one inode as long as somebody uses it; locks and renames need that. Entries are
 * not cached. */
#ifndef LIBOS_FILES_HOST_INODE_H
#define LIBOS_FILES_HOST_INODE_H

#include "libos/files/dentry.h"
#include "libos/files/mount.h"

struct platform_host_file;

struct host_inode {
	struct inode inode; /* first */
	int path_fd;        /* of the host, for this inode alone */
	uint64_t device, number;
	struct list in_bucket;
	uint32_t generation; /* counts what the enclave changed of the data; atomic */
};

static inline struct host_inode *host_inode_of(struct inode *inode)
{
	return CONTAINER_OF(inode, struct host_inode, inode);
}

/* The inode that @path_fd (taken over whatever comes of it) leads to. */
MUST_CHECK int host_inode_get(struct mount *mount, int path_fd, struct inode **ret_inode);
/* Look again: size, mode, times. */
MUST_CHECK int host_inode_refresh(struct inode *inode, struct platform_host_file *ret_file);
int host_inode_setattr(struct inode *inode, const struct inode_change *change);
int host_inode_getattr(struct inode *inode, struct file_status *status);
void host_inode_release(struct inode *inode);
/* Owners, as the enclave has them: whom the host takes the enclave for is root inside. */
uint32_t host_owner_inside(uint32_t id, uint32_t self);
uint32_t host_owner_outside(uint32_t id, uint32_t self);

extern const struct inode_ops host_directory_ops, host_file_inode_ops, host_link_ops,
	host_special_ops;
extern const struct file_ops host_directory_file_ops, host_file_ops;

#endif
