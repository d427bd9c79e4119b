#include "libos/files/path.h"

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/descriptors.h"
#include "libos/files/fs_context.h"
#include "libos/files/mount.h"

/* What is left to walk of a text, once a link in its middle has been followed. */
struct text {
	const char *rest;
	struct inode *holder; /* referenced: the link whose text it is, or NULL */
	char *copy;           /* heap: the text, when the link's own does not stay put, or NULL */
};

struct walk {
	struct dentry *current; /* referenced */
	struct dentry *root;    /* referenced: "/" and the highest ".." */
	uint32_t flags;
	uint64_t resolve;
	bool to_parent;
	bool must_be_directory; /* a slash came after the last component */
	uint32_t links;
	uint32_t depth; /* texts that wait below the present one */
	struct text text;
	struct text waiting[PATH_LINKS_MAX];
	struct path_last last;
};

#define RESOLVE_SCOPED (RESOLVE_BENEATH | RESOLVE_IN_ROOT)

long path_read(char to[PATH_SIZE], uint64_t user)
{
	return user_read_string(to, user, PATH_SIZE);
}

static void text_done(struct text *text)
{
	inode_unref(text->holder);
	heap_free(text->copy);
	*text = (struct text){0};
}

void path_last_done(struct path_last *last)
{
	inode_unref(last->holder);
	heap_free(last->text);
	*last = (struct path_last){0};
}

static void walk_done(struct walk *walk)
{
	dentry_unref(walk->current);
	dentry_unref(walk->root);
	text_done(&walk->text);
	while (walk->depth)
		text_done(&walk->waiting[--walk->depth]);
}

/* @dentry's reference is taken over. */
static void walk_move(struct walk *walk, struct dentry *dentry)
{
	dentry_unref(walk->current);
	walk->current = dentry;
}

/* What the directory itself says: mounts are not crossed. */
static int lookup_real(
	struct dentry *dir, const char *name, uint32_t length, struct dentry **ret_dentry)
{
	struct inode *inode = dir->inode;
	struct dentry *entry = NULL;
	int r = 0;

	if (inode->flags & INODE_CACHED) {
		/* Before the table: if all are in it now, a miss is no entry. */
		bool is_complete =
			__atomic_load_n(&inode->flags, __ATOMIC_ACQUIRE) & INODE_COMPLETE;

		entry = dentry_find(dir, name, length);
		if (!entry && is_complete)
			return -ENOENT;
		if (entry && entry->flags & DENTRY_UNLOADED) {
			dentry_unref(entry);
			entry = NULL;
		}
	}
	if (!entry) {
		if (!inode->ops->lookup)
			return -ENOENT;
		r = inode->ops->lookup(dir, name, length, &entry);
		if (r)
			return r;
	}
	if (!__atomic_load_n(&entry->inode, __ATOMIC_ACQUIRE)) {
		dentry_unref(entry);
		return -ENOENT;
	}
	*ret_dentry = entry;
	return 0;
}

int path_lookup(struct dentry *dir, const char *name, uint32_t length, struct dentry **ret_dentry)
{
	struct dentry *entry;
	int r = lookup_real(dentry_real(dir), name, length, &entry);

	if (r)
		return r;
	if (UNLIKELY(dir->bind))
		entry = dentry_alias(dir->bind, entry);
	if (!entry)
		return -ENOMEM;
	*ret_dentry = UNLIKELY(entry->mounted || entry->real) ? mount_cross(entry) : entry;
	return 0;
}

static int walk_up(struct walk *walk)
{
	struct dentry *parent;

	if (dentry_is_same(walk->current, walk->root))
		return walk->resolve & RESOLVE_BENEATH ? -EXDEV : 0;
	parent = dentry_parent(walk->current);
	if (!parent)
		return -ENOMEM;
	if (walk->resolve & RESOLVE_NO_XDEV &&
		dentry_mount(parent) != dentry_mount(walk->current)) {
		dentry_unref(parent);
		return -EXDEV;
	}
	walk_move(walk, parent);
	return 0;
}

/* ".." of a scoped walk must not have left the scope by a rename meanwhile. */
static int walk_check_scope(struct walk *walk)
{
	bool is_inside;

	if (!(walk->resolve & RESOLVE_SCOPED))
		return 0;
	lock_acquire(&rename_lock);
	is_inside = dentry_is_below(walk->current, walk->root);
	lock_release(&rename_lock);
	return is_inside ? 0 : -EAGAIN;
}

/* Begin with a text that follows from the present one's last component (@rest is what comes after
 * it). */
static void walk_push(struct walk *walk, const char *rest, struct text *next)
{
	if (*rest) {
		walk->text.rest = rest;
		walk->waiting[walk->depth++] = walk->text;
	} else {
		text_done(&walk->text);
	}
	walk->text = *next;
}

static int link_text(struct inode *link, struct text *ret_text)
{
	char *copy;
	long length;

	if (link->ops->target) {
		*ret_text =
			(struct text){.rest = link->ops->target(link), .holder = inode_ref(link)};
		return 0;
	}
	if (!link->ops->readlink)
		return -EINVAL;
	copy = heap_alloc(PATH_SIZE);
	if (!copy)
		return -ENOMEM;
	length = link->ops->readlink(link, copy, PATH_SIZE);
	if (length < 0) {
		heap_free(copy);
		return (int)length;
	}
	*ret_text = (struct text){.rest = copy, .copy = copy};
	return 0;
}

/* To where absolute texts start. */
static int walk_to_root(struct walk *walk)
{
	if (walk->resolve & RESOLVE_BENEATH)
		return -EXDEV;
	if (walk->resolve & RESOLVE_NO_XDEV &&
		dentry_mount(walk->root) != dentry_mount(walk->current))
		return -EXDEV;
	walk_move(walk, dentry_ref(walk->root));
	return 0;
}

static int follow_magic(struct walk *walk, struct dentry *link)
{
	struct dentry *target;
	int r;

	if (walk->resolve & RESOLVE_NO_MAGICLINKS)
		return -ELOOP;
	if (walk->resolve & RESOLVE_SCOPED)
		return -EXDEV;
	r = link->inode->ops->follow(link->inode, &target);
	if (r)
		return r;
	if (walk->resolve & RESOLVE_NO_XDEV &&
		dentry_mount(target) != dentry_mount(walk->current)) {
		dentry_unref(target);
		return -EXDEV;
	}
	walk_move(walk, target);
	return 0;
}

/* @rest: the text after the link, blank (slashes only) reads as "". The link's reference is taken
 * over. */
static int follow(struct walk *walk, struct dentry *link, const char *rest)
{
	CLEANUP(dentry_unrefp) struct dentry *held = link;
	struct inode *inode = link->inode;
	struct text next;
	int r;

	if (walk->resolve & RESOLVE_NO_SYMLINKS || ++walk->links > PATH_LINKS_MAX)
		return -ELOOP;
	if (inode->mount && dentry_mount(link)->flags & MOUNT_NOSYMFOLLOW)
		return -ELOOP;
	inode_touch_read(inode);
	if (inode->ops->follow) {
		r = follow_magic(walk, held);
		walk->text.rest = rest;
		return r;
	}
	r = link_text(inode, &next);
	if (r)
		return r;
	if (!*next.rest)
		r = -ENOENT;
	else if (*next.rest == '/')
		r = walk_to_root(walk);
	if (r) {
		text_done(&next);
		return r;
	}
	walk_push(walk, rest, &next);
	return 0;
}

static const char *skip_slashes(const char *text)
{
	while (*text == '/')
		text++;
	return text;
}

static uint32_t component_length(const char *text)
{
	const char *end = text;

	while (*end && *end != '/')
		end++;
	return (uint32_t)MIN((size_t)(end - text), (size_t)NAME_LENGTH_MAX + 1);
}

static bool is_dots(const char *name, uint32_t length)
{
	return name[0] == '.' && (length == 1 || (length == 2 && name[1] == '.'));
}

/* The walk ends before @name: it, and the text it is in, goes to walk->last. */
static void walk_stop(struct walk *walk, const char *name, uint32_t length, bool is_special)
{
	walk->last = (struct path_last){.name = name,
		.length = length,
		.trailing_slash = walk->must_be_directory,
		.is_special = is_special,
		.holder = walk->text.holder,
		.text = walk->text.copy};
	walk->text = (struct text){0};
}

enum step { STEP_ON, STEP_END };

/* One component; @rest comes after it. Returns enum step or -errno. */
static int walk_component(struct walk *walk, const char *name, uint32_t length, const char *rest)
{
	bool is_last = !*rest && !walk->depth, is_link;
	struct dentry *entry;
	int r;

	if (is_dots(name, length)) {
		r = length == 2 ? walk_up(walk) : 0;
		r = r || length == 1 ? r : walk_check_scope(walk);
		walk->text.rest = rest;
		if (r || !is_last)
			return r;
		if (walk->to_parent)
			walk_stop(walk, name, length, true);
		return STEP_END;
	}
	if (is_last && walk->to_parent && !(walk->flags & PATH_FOLLOW)) {
		walk_stop(walk, name, length, false);
		return STEP_END;
	}
	r = path_lookup(walk->current, name, length, &entry);
	if (r == -ENOENT && is_last && walk->to_parent) {
		walk_stop(walk, name, length, false);
		return STEP_END;
	}
	if (r)
		return r;
	if (walk->resolve & RESOLVE_NO_XDEV && entry->flags & DENTRY_ROOT) {
		dentry_unref(entry);
		return -EXDEV;
	}
	is_link = inode_is(entry->inode, S_IFLNK);
	if (is_link && (!is_last || walk->flags & PATH_FOLLOW || walk->must_be_directory)) {
		bool is_magic = entry->inode->ops->follow;

		r = follow(walk, entry, rest);
		if (r || !is_magic || !is_last)
			return r;
		if (walk->to_parent)
			walk_stop(walk, name, length, true);
		return STEP_END;
	}
	if (is_last && walk->to_parent) {
		dentry_unref(entry);
		walk_stop(walk, name, length, false);
		return STEP_END;
	}
	walk_move(walk, entry);
	walk->text.rest = rest;
	return is_last ? STEP_END : STEP_ON;
}

/* The next component of the present text, or of the one that waits. */
static int walk_step(struct walk *walk)
{
	const char *name = skip_slashes(walk->text.rest), *rest;
	uint32_t length;
	int r;

	if (!*name) {
		if (!walk->depth) {
			if (walk->to_parent)
				walk_stop(walk, name, 0, true);
			return STEP_END;
		}
		text_done(&walk->text);
		walk->text = walk->waiting[--walk->depth];
		return STEP_ON;
	}
	if (!inode_is(walk->current->inode, S_IFDIR))
		return -ENOTDIR;
	r = inode_permission(walk->current->inode, MAY_EXEC);
	if (r)
		return r;
	length = component_length(name);
	if (length > NAME_LENGTH_MAX)
		return -ENAMETOOLONG;
	rest = skip_slashes(name + length);
	if (!*rest && name[length] == '/' && !walk->depth)
		walk->must_be_directory = true;
	return walk_component(walk, name, length, rest);
}

static int start_at_descriptor(struct walk *walk, int dir_fd, const char *path)
{
	CLEANUP(file_unrefp) struct file *file = fd_get_any(dir_fd);

	if (!file)
		return -EBADF;
	/* Pipes and the like have no place in the tree: an anonymous dentry holds them. */
	walk->current =
		file->dentry ? dentry_ref(file->dentry) : dentry_new(NULL, "", 0, file->inode);
	if (!walk->current)
		return -ENOMEM;
	return *path && !inode_is(walk->current->inode, S_IFDIR) ? -ENOTDIR : 0;
}

static int walk_start(struct walk *walk, int dir_fd, const char *path)
{
	bool is_absolute = *path == '/';
	int r = 0;

	if (walk->resolve & ~(uint64_t)PATH_RESOLVE_ALL || !(~walk->resolve & RESOLVE_SCOPED))
		return -EINVAL;
	if (walk->flags & PATH_FROM_ROOT) {
		walk->root = dentry_ref(mount_root());
		walk->current = dentry_ref(walk->root);
		return 0;
	}
	if (is_absolute && walk->resolve & RESOLVE_BENEATH)
		return -EXDEV;
	if (is_absolute && !(walk->resolve & RESOLVE_IN_ROOT)) {
		walk->root = fs_context_root();
		walk->current = dentry_ref(walk->root);
		return 0;
	}
	if (dir_fd == AT_FDCWD)
		walk->current = fs_context_directory();
	else
		r = start_at_descriptor(walk, dir_fd, path);
	if (r)
		return r;
	walk->root = walk->resolve & RESOLVE_SCOPED ? dentry_ref(walk->current) : fs_context_root();
	return 0;
}

static int walk_run(struct walk *walk, int dir_fd, const char *path)
{
	int r;

	if (!*path && !(walk->flags & PATH_EMPTY))
		return -ENOENT;
	r = walk_start(walk, dir_fd, path);
	if (r)
		return r;
	walk->text.rest = path;
	do
		r = walk_step(walk);
	while (r == STEP_ON);
	if (r < 0)
		return r;
	if ((walk->must_be_directory || walk->flags & PATH_DIRECTORY) && !walk->to_parent &&
		!inode_is(walk->current->inode, S_IFDIR))
		return -ENOTDIR;
	return 0;
}

/* Only what is read before it is written: the array of waiting texts is large. */
static void walk_init(struct walk *walk, uint32_t flags, uint64_t resolve, bool to_parent)
{
	walk->current = walk->root = NULL;
	walk->flags = flags;
	walk->resolve = resolve;
	walk->to_parent = to_parent;
	walk->must_be_directory = false;
	walk->links = walk->depth = 0;
	walk->text = (struct text){0};
	walk->last = (struct path_last){0};
}

int path_walk(
	int dir_fd, const char *path, uint32_t flags, uint64_t resolve, struct dentry **ret_dentry)
{
	struct walk walk;
	int r;

	walk_init(&walk, flags, resolve, false);
	r = walk_run(&walk, dir_fd, path);
	if (!r)
		*ret_dentry = TAKE(walk.current);
	walk_done(&walk);
	return r;
}

int path_walk_parent(int dir_fd, const char *path, uint32_t flags, uint64_t resolve,
	struct dentry **ret_dir, struct path_last *ret_last)
{
	struct walk walk;
	int r;

	walk_init(&walk, flags, resolve, true);
	r = walk_run(&walk, dir_fd, path);
	if (!r) {
		*ret_dir = TAKE(walk.current);
		*ret_last = walk.last;
	}
	walk_done(&walk);
	return r;
}

static int make_directory(struct dentry *dir, const char *name, uint32_t length)
{
	struct inode_template template = {.mode = S_IFDIR | 0755};
	struct dentry *entry;
	int r;

	if (!dir->inode->ops->make)
		return -EPERM;
	r = dir->inode->ops->make(dir, name, length, &template, &entry);
	if (!r)
		dentry_unref(entry);
	return r;
}

int path_make_directories(const char *path, struct dentry **ret_dentry)
{
	struct dentry *current = dentry_ref(mount_root()), *entry;
	int r;

	for (path = skip_slashes(path); *path; path = skip_slashes(path)) {
		uint32_t length = component_length(path);

		r = path_lookup(current, path, length, &entry);
		if (r == -ENOENT) {
			r = make_directory(current, path, length);
			r = r ? r : path_lookup(current, path, length, &entry);
		}
		dentry_unref(current);
		if (r)
			return r;
		current = entry;
		path += length;
	}
	*ret_dentry = current;
	return 0;
}
