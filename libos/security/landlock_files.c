/* Which names a domain grants: landlock(7), "Filesystem actions". A right is granted to a file by a
 * rule for it or for any directory above it, in each layer. */
#include <asm/ioctls.h>
#include <linux/fcntl.h>
#include <linux/fiemap.h>
#include <linux/fs.h>

#include "libos/files/dentry.h"
#include "libos/files/file.h"
#include "libos/security/landlock_domain.h"

#ifndef FS_IOC_GETFSUUID /* of Linux 6.9 */
#define FS_IOC_GETFSUUID _IOR(0x15, 0, uint8_t[17])
#define FS_IOC_GETFSSYSFSPATH _IOR(0x15, 1, uint8_t[129])
#endif

/* What no layer has granted yet: by layer. */
struct denied {
	const struct landlock_domain *domain;
	uint32_t of[LANDLOCK_LAYERS_MAX]; /* enum landlock_file_right */
};

static void denied_begin(struct denied *denied, uint32_t want)
{
	denied->domain = thread_current()->landlock;
	LANDLOCK_FOR_EACH_LAYER(at, denied->domain)
	denied->of[at->layer] = want & at->rules.files;
}

/* The rules for @inode grant what they do. Is nothing left? */
static bool denied_less(void *context, const struct inode *inode)
{
	struct denied *denied = context;
	uint32_t left = 0;

	LANDLOCK_FOR_EACH_LAYER(at, denied->domain)
	{
		uint32_t *of = &denied->of[at->layer];

		if (*of)
			*of &= ~landlock_rules_of_file(&at->rules, inode);
		left |= *of;
	}
	return !left;
}

static uint32_t denied_all(const struct denied *denied)
{
	uint32_t all = 0;

	LANDLOCK_FOR_EACH_LAYER(at, denied->domain)
	all |= denied->of[at->layer];
	return all;
}

/* Pipes, sockets, memfds and what else no directory holds are everybody's who has them. */
static bool has_no_place(const struct dentry *dentry)
{
	const struct dentry *real = dentry->real ? dentry->real : dentry;

	return real->flags & DENTRY_ANONYMOUS || !real->inode->mount;
}

/* What of @want is denied at @dentry. rename_lock held. */
static void denied_at(struct dentry *dentry, uint32_t want, struct denied *ret_denied)
{
	denied_begin(ret_denied, want);
	if (denied_all(ret_denied))
		dentry_climb(dentry, denied_less, ret_denied);
}

static uint32_t denied_of(struct dentry *dentry, uint32_t want)
{
	struct denied denied;

	if (has_no_place(dentry))
		return 0;
	LOCK_SCOPE(&rename_lock);
	denied_at(dentry, want, &denied);
	return denied_all(&denied);
}

int landlock_check_slowly(struct dentry *dentry, uint32_t want)
{
	return denied_of(dentry, want) ? -EACCES : 0;
}

/* ---- Opening ---- */

static bool is_device(const struct inode *inode)
{
	return inode_is(inode, S_IFCHR) || inode_is(inode, S_IFBLK);
}

static uint32_t rights_to_open(const struct inode *inode, uint32_t flags)
{
	if (inode_is(inode, S_IFDIR))
		return LANDLOCK_READ_DIRECTORY;
	switch (flags & O_ACCMODE) {
	case O_RDONLY:
		return LANDLOCK_FILE_READ;
	case O_WRONLY:
		return LANDLOCK_FILE_WRITE;
	case O_RDWR:
		return LANDLOCK_FILE_READ | LANDLOCK_FILE_WRITE;
	default: /* for ioctl(2) alone */
		return 0;
	}
}

int landlock_check_open_slowly(struct dentry *dentry, uint32_t flags, uint32_t *ret_denied)
{
	uint32_t later = LANDLOCK_FILE_TRUNCATE, now, denied;

	if (flags & O_PATH)
		return 0;
	if (is_device(dentry->inode))
		later |= LANDLOCK_DEVICE_IOCTL;
	now = rights_to_open(dentry->inode, flags);
	denied = denied_of(dentry, now | later);
	*ret_denied = denied & later;
	return denied & now ? -EACCES : 0;
}

int landlock_check_truncate(const struct file *file)
{
	return file->denied & LANDLOCK_FILE_TRUNCATE ? -EACCES : 0;
}

/* About the descriptor or the file as any other, not about the device. */
static bool is_about_any_file(uint32_t request)
{
	switch (request) {
	case FIOCLEX:
	case FIONCLEX:
	case FIONBIO:
	case FIOASYNC:
	case FIOQSIZE:
	case FIFREEZE:
	case FITHAW:
	case FIGETBSZ:
	case FS_IOC_FIEMAP:
	case FICLONE:
	case FICLONERANGE:
	case FIDEDUPERANGE:
	case FS_IOC_GETFSUUID:
	case FS_IOC_GETFSSYSFSPATH:
		return true;
	default:
		return false;
	}
}

int landlock_check_ioctl(const struct file *file, uint32_t request)
{
	return file->denied & LANDLOCK_DEVICE_IOCTL && !is_about_any_file(request) ? -EACCES : 0;
}

int landlock_check_mount(void)
{
	LANDLOCK_FOR_EACH_LAYER(at, thread_current()->landlock)
	if (at->rules.files)
		return -EPERM;
	return 0;
}

/* ---- Names that move ---- */

uint32_t landlock_right_to_make(uint32_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFLNK:
		return LANDLOCK_MAKE_LINK;
	case S_IFDIR:
		return LANDLOCK_MAKE_DIRECTORY;
	case S_IFCHR:
		return LANDLOCK_MAKE_CHARACTER;
	case S_IFBLK:
		return LANDLOCK_MAKE_BLOCK;
	case S_IFIFO:
		return LANDLOCK_MAKE_FIFO;
	case S_IFSOCK:
		return LANDLOCK_MAKE_SOCKET;
	default:
		return LANDLOCK_MAKE_REGULAR;
	}
}

uint32_t landlock_right_to_remove(uint32_t mode)
{
	return (mode & S_IFMT) == S_IFDIR ? LANDLOCK_REMOVE_DIRECTORY : LANDLOCK_REMOVE_FILE;
}

/* Would what is denied to @moved where it is (@old), by its own rules and those above, all be
 * denied where it goes (@new)? */
static bool gains_nothing(
	const struct denied *old, const struct inode *moved, const struct denied *new)
{
	uint32_t kinds = inode_is(moved, S_IFDIR) ? LANDLOCK_FILES_ALL : LANDLOCK_FILES_OF_FILE;

	LANDLOCK_FOR_EACH_LAYER(at, old->domain)
	{
		uint32_t here = old->of[at->layer] & ~landlock_rules_of_file(&at->rules, moved);

		if (here & kinds & ~new->of[at->layer])
			return false;
	}
	return true;
}

/* What each of the two directories must grant. */
static void move_wants(const struct landlock_move *move, uint32_t *ret_old, uint32_t *ret_new)
{
	const struct inode *entry = move->entry->inode;
	const struct inode *target = move->target ? move->target->inode : NULL;

	*ret_old = move->is_exchange ? landlock_right_to_make(target->mode) : 0;
	*ret_new = landlock_right_to_make(entry->mode);
	if (!move->is_rename)
		return;
	*ret_old |= landlock_right_to_remove(entry->mode);
	*ret_new |= target ? landlock_right_to_remove(target->mode) : 0;
}

int landlock_check_move_slowly(const struct landlock_move *move)
{
	struct denied old, new;
	uint32_t want_old, want_new, missing;

	move_wants(move, &want_old, &want_new);
	denied_at(move->new_dir, LANDLOCK_FILES_ALL, &new);
	if (dentry_real(move->old_dir) == dentry_real(move->new_dir))
		return denied_all(&new) & (want_old | want_new) ? -EACCES : 0;
	denied_at(move->old_dir, LANDLOCK_FILES_ALL, &old);
	missing = (denied_all(&old) & want_old) | (denied_all(&new) & want_new);
	if (missing)
		return -EACCES;
	if ((denied_all(&old) | denied_all(&new)) & LANDLOCK_REFER ||
		!gains_nothing(&old, move->entry->inode, &new) ||
		(move->is_exchange && !gains_nothing(&new, move->target->inode, &old)))
		return -EXDEV;
	return 0;
}
