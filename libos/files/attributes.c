#include "libos/files/attributes.h"

#include "libos/files/marks.h"
#include "libos/files/mount.h"
#include "libos/processes/process.h"

#define CAP_CHOWN 0
#define CAP_FSETID 4

static int change(struct inode *inode, const struct inode_change *change)
{
	if (inode->ops->setattr)
		return inode->ops->setattr(inode, change);
	LOCK_SCOPE(&inode->lock);
	inode_change_apply(inode, change);
	return 0;
}

static int check_writable(const struct inode *inode)
{
	return inode->mount && inode->mount->flags & MOUNT_READ_ONLY ? -EROFS : 0;
}

static int check_changeable(const struct inode *inode)
{
	int r = check_writable(inode);

	return !r && inode_is_fixed(inode) ? -EPERM : r;
}

int attributes_set_mode(struct inode *inode, uint32_t mode)
{
	const struct credentials *credentials = &thread_current()->credentials;
	struct inode_change to = {.valid = CHANGE_MODE, .mode = mode & 07777};
	int r = check_changeable(inode);

	if (r)
		return r;
	if (inode_is(inode, S_IFLNK))
		return -EOPNOTSUPP;
	if (!inode_is_owned(inode))
		return -EPERM;
	if (!credentials_in_group(credentials, inode->gid) &&
		!credentials_can(credentials, CAP_FSETID))
		to.mode &= ~(uint32_t)S_ISGID;
	return change(inode, &to);
}

static bool may_set_owner(const struct inode *inode, uint32_t uid, uint32_t gid)
{
	const struct credentials *credentials = &thread_current()->credentials;
	bool is_owner = credentials->fsuid == inode->uid;

	if (credentials_can(credentials, CAP_CHOWN))
		return true;
	if (uid != UINT32_MAX && !(is_owner && uid == inode->uid))
		return false;
	return gid == UINT32_MAX ||
	       (is_owner && (gid == inode->gid || credentials_in_group(credentials, gid)));
}

/* Whoever changes the owner of a program takes its set-id bits away: chown(2). */
static uint32_t mode_after_chown(const struct inode *inode)
{
	uint32_t mode = inode->mode & 07777;

	if (inode_is(inode, S_IFDIR))
		return mode;
	mode &= ~(uint32_t)S_ISUID;
	return mode & S_IXGRP ? mode & ~(uint32_t)S_ISGID : mode;
}

int attributes_set_owner(struct inode *inode, uint32_t uid, uint32_t gid)
{
	struct inode_change to = {.uid = uid, .gid = gid};
	int r = check_changeable(inode);

	if (r)
		return r;
	if (!may_set_owner(inode, uid, gid))
		return -EPERM;
	to.mode = mode_after_chown(inode);
	to.valid = (uid != UINT32_MAX ? CHANGE_UID : 0) | (gid != UINT32_MAX ? CHANGE_GID : 0) |
		   (to.mode != (inode->mode & 07777) ? CHANGE_MODE : 0);
	return change(inode, &to);
}

static int check_times(struct inode *inode, struct new_time atime, struct new_time mtime)
{
	bool is_touch = atime.kind == TIME_NOW && mtime.kind == TIME_NOW;
	int r = check_writable(inode);

	if (!r && (is_touch ? inode_is_immutable(inode) : inode_is_fixed(inode)))
		r = -EPERM;
	if (r || inode_is_owned(inode))
		return r;
	if (!is_touch)
		return -EPERM;
	return inode_permission(inode, MAY_WRITE);
}

int attributes_set_times(struct inode *inode, struct new_time atime, struct new_time mtime)
{
	struct inode_change to = {0};
	int64_t now = inode_now();
	int r;

	if (atime.kind == TIME_LEFT && mtime.kind == TIME_LEFT)
		return 0;
	r = check_times(inode, atime, mtime);
	if (r)
		return r;
	to.valid = (atime.kind == TIME_LEFT ? 0 : CHANGE_ATIME) |
		   (mtime.kind == TIME_LEFT ? 0 : CHANGE_MTIME);
	to.atime_ns = atime.kind == TIME_NOW ? now : atime.ns;
	to.mtime_ns = mtime.kind == TIME_NOW ? now : mtime.ns;
	return change(inode, &to);
}
