/* /dev/pts: an entry for each terminal that lives, and ptmx. */
#include <linux/major.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/computed.h"
#include "libos/files/directory.h"
#include "libos/files/mount.h"
#include "libos/files/open.h"
#include "libos/processes/process.h"
#include "libos/terminals/devices.h"
#include "libos/terminals/terminal.h"

#define DEVPTS_MAGIC 0x1cd1
#define GROUP_TTY 5 /* Debian's, and every distribution's */
#define NODE_ROOT 1U
#define NODE_PTMX 2U
#define NODE_FIRST 3U   /* of terminal 0, as on Linux */
#define POSITION_PTMX 2 /* after "." and ".." */
#define NAME_SIZE 16

static struct mount *mount;
static struct inode *ptmx;

/* ---- Entries ---- */

static int near_open(struct inode *inode, struct file *file)
{
	return terminal_open_near(inode->private, file, false);
}

static void near_inode_release(struct inode *inode)
{
	terminal_unref(inode->private);
}

static const struct inode_ops near_inode_ops = {.open = near_open, .release = near_inode_release};
static const struct inode_ops ptmx_inode_ops = {.open = NULL};

struct inode *devpts_inode_new(struct terminal *terminal)
{
	struct thread *thread = thread_current();
	struct inode *inode = inode_new(
		mount, &near_inode_ops, NULL, S_IFCHR | 0620, NODE_FIRST + terminal->number);

	if (!inode)
		return NULL;
	inode->rdev = device_number(TERMINAL_MAJOR, terminal->number);
	inode->uid = thread->credentials.fsuid;
	inode->gid = GROUP_TTY;
	inode->private = terminal_ref(terminal);
	return inode;
}

/* Referenced, or NULL: it is hung up. */
static struct inode *inode_of(struct terminal *terminal)
{
	LOCK_SCOPE(&terminal->lock);
	return terminal->inode ? inode_ref(terminal->inode) : NULL;
}

struct dentry *devpts_entry(struct terminal *terminal)
{
	CLEANUP(inode_unrefp) struct inode *inode = inode_of(terminal);
	char name[NAME_SIZE];
	size_t length = format_string(name, sizeof(name), "%u", terminal->number);

	return inode ? dentry_new(mount->root, name, (uint32_t)length, inode) : NULL;
}

/* ---- The directory ---- */

static int directory_lookup(
	struct dentry *dir, const char *name, uint32_t length, struct dentry **ret_entry)
{
	CLEANUP(terminal_unrefp) struct terminal *terminal = NULL;
	uint32_t number;

	if (length == 4 && !memcmp(name, "ptmx", 4)) {
		*ret_entry = dentry_new(dir, name, length, ptmx);
		return *ret_entry ? 0 : -ENOMEM;
	}
	if (!computed_number(name, length, &number))
		return -ENOENT;
	terminal = terminal_find(number);
	*ret_entry = terminal ? devpts_entry(terminal) : NULL;
	return *ret_entry ? 0 : -ENOENT;
}

static int emit_terminals(struct file *file, void *context)
{
	const uint64_t first = POSITION_PTMX + 1;

	for (;;) {
		CLEANUP(terminal_unrefp)
		struct terminal *terminal = terminal_next((uint32_t)(file->position - first));
		char name[NAME_SIZE];
		size_t length;

		if (!terminal)
			return 0;
		length = format_string(name, sizeof(name), "%u", terminal->number);
		if (!directory_emit(context, name, (uint32_t)length, NODE_FIRST + terminal->number,
			    directory_type(S_IFCHR), first + terminal->number + 1))
			return 0;
	}
}

static int directory_iterate(struct file *file, void *context)
{
	if (!directory_emit_dots(context, file))
		return 0;
	if (file->position == POSITION_PTMX && !directory_emit(context, "ptmx", 4, NODE_PTMX,
						       directory_type(S_IFCHR), POSITION_PTMX + 1))
		return 0;
	return emit_terminals(file, context);
}

static long directory_read(struct file *file, struct io *io, uint64_t *offset)
{
	(void)file;
	(void)io;
	(void)offset;
	return -EISDIR;
}

static long directory_seek(struct file *file, int64_t offset, int whence)
{
	return whence == SEEK_END ? -EINVAL : file_seek_within(file, offset, whence, 0);
}

static const struct inode_ops directory_ops = {.lookup = directory_lookup};
static const struct file_ops directory_file_ops = {
	.read = directory_read, .seek = directory_seek, .iterate = directory_iterate};

int devpts_mount(void)
{
	struct inode *root;

	mount = mount_new("devpts", "devpts", DEVPTS_MAGIC, MOUNT_NOSUID | MOUNT_NOEXEC);
	if (!mount)
		return -ENOMEM;
	root = inode_new(mount, &directory_ops, &directory_file_ops, S_IFDIR | 0755, NODE_ROOT);
	ptmx = inode_new(mount, &ptmx_inode_ops, NULL, S_IFCHR | 0666, NODE_PTMX);
	mount->root = root ? dentry_new(NULL, "", 0, root) : NULL;
	inode_unref(root);
	if (!mount->root || !ptmx)
		return -ENOMEM; /* the enclave does not start */
	root->link_count = 2;
	ptmx->rdev = device_number(TTYAUX_MAJOR, DEVICES_PTMX);
	return mount_attach(mount, "/dev/pts");
}
