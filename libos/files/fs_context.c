#include "libos/files/fs_context.h"

#include "libos/core/heap.h"
#include "libos/files/file.h"
#include "libos/files/mount.h"
#include "libos/files/path.h"
#include "libos/processes/process.h"

/* A root or a working directory keeps its file system busy. */
static struct dentry *hold(struct dentry *dentry)
{
	mount_use(dentry_mount(dentry));
	return dentry_ref(dentry);
}

static void let_go(struct dentry *dentry)
{
	if (dentry)
		mount_unuse(dentry_mount(dentry));
	dentry_unref(dentry);
}

static struct fs_context *context_new(struct dentry *root, struct dentry *directory, uint32_t umask)
{
	struct fs_context *context = heap_alloc(sizeof(*context));

	if (!context)
		return NULL;
	context->reference_count = 1;
	/* NULL: made before there are file systems; nobody asks it then. */
	context->root = root ? hold(root) : NULL;
	context->directory = directory ? hold(directory) : NULL;
	context->umask = umask;
	return context;
}

struct fs_context *fs_context_new(void)
{
	return context_new(mount_root(), mount_root(), 022);
}

struct fs_context *fs_context_copy(struct fs_context *context)
{
	LOCK_SCOPE(&context->lock);
	return context_new(context->root, context->directory, context->umask);
}

struct fs_context *fs_context_ref(struct fs_context *context)
{
	__atomic_add_fetch(&context->reference_count, 1, __ATOMIC_RELAXED);
	return context;
}

void fs_context_unref(struct fs_context *context)
{
	if (!context || __atomic_sub_fetch(&context->reference_count, 1, __ATOMIC_ACQ_REL) != 0)
		return;
	let_go(context->root);
	let_go(context->directory);
	heap_free(context);
}

struct dentry *fs_context_root(void)
{
	struct fs_context *context = thread_current()->process->fs;

	LOCK_SCOPE(&context->lock);
	return dentry_ref(context->root);
}

struct dentry *fs_context_directory(void)
{
	struct fs_context *context = thread_current()->process->fs;

	LOCK_SCOPE(&context->lock);
	return dentry_ref(context->directory);
}

static void replace(struct lock *lock, struct dentry **place, struct dentry *dentry)
{
	struct dentry *old;

	hold(dentry);
	lock_acquire(lock);
	old = *place;
	*place = dentry;
	lock_release(lock);
	let_go(old);
}

void fs_context_set_root(struct dentry *dentry)
{
	struct fs_context *context = thread_current()->process->fs;

	replace(&context->lock, &context->root, dentry);
}

void fs_context_set_directory(struct dentry *dentry)
{
	struct fs_context *context = thread_current()->process->fs;

	replace(&context->lock, &context->directory, dentry);
}

int fs_context_check_directory(const struct dentry *dentry)
{
	if (!inode_is(dentry->inode, S_IFDIR))
		return -ENOTDIR;
	return inode_permission(dentry->inode, MAY_EXEC);
}

int fs_context_enter(const char *path)
{
	struct dentry *dentry;
	int r = path_walk(AT_FDCWD, path, PATH_FOLLOW | PATH_DIRECTORY, 0, &dentry);

	if (r)
		return r;
	r = fs_context_check_directory(dentry);
	if (!r)
		fs_context_set_directory(dentry);
	dentry_unref(dentry);
	return r;
}
