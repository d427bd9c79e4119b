#include "libos/files/computed.h"

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/directory.h"
#include "libos/files/mount.h"
#include "libos/files/open.h"
#include "libos/files/poll.h"
#include "libos/processes/process.h"

#define POSITION_FIRST 2 /* after "." and ".." */
#define STORE_SIZE_MAX PAGE_SIZE

struct computed_inode {
	struct inode inode; /* first */
	struct computed_entry entry;
};

/* A file that is open for reading: its content as it was when it was last read from the start. */
struct content {
	struct lock lock;
	bool is_present;
	uint32_t seen; /* of node->changes, when it was last polled or opened */
	struct text text;
};

static const struct computed_entry *entry_of(const struct inode *inode)
{
	return &((const struct computed_inode *)(const void *)inode)->entry;
}

bool computed_number(const char *name, uint32_t length, uint32_t *ret_number)
{
	uint64_t number = 0;

	if (!length || length > 10 || (*name == '0' && length > 1))
		return false;
	for (uint32_t i = 0; i < length; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
		number = number * 10 + (uint64_t)(name[i] - '0');
	}
	*ret_number = (uint32_t)number;
	return number <= INT32_MAX;
}

int computed_show_number(const struct computed_entry *entry, struct text *text)
{
	text_put(text, "%lu\n", entry->node->number);
	return 0;
}

int computed_show_text(const struct computed_entry *entry, struct text *text)
{
	text_put(text, "%s\n", entry->node->text);
	return 0;
}

/* ---- Inodes ---- */

static uint32_t mode_of(const struct computed_entry *entry)
{
	return entry->mode ? entry->mode : entry->node->mode;
}

/* The same for each look at the same thing: another process is another thing. */
static uint64_t number_of(const struct computed_entry *entry)
{
	const uint64_t parts[] = {(uintptr_t)entry->node, (uint32_t)entry->key.tid,
		entry->key.number, entry->key.is_task, entry->key.start_ns};
	uint64_t hash = 0xcbf29ce484222325UL;

	for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
		hash = (hash ^ parts[i]) * 0x9e3779b97f4a7c15UL, hash ^= hash >> 29;
	return (hash >> 16 & 0x7fffffff) | 0x80000000UL;
}

/* Numbers of processes are used again. */
static bool is_same(const struct inode *inode, const struct inode *other)
{
	const struct computed_entry *a = entry_of(inode), *b = entry_of(other);

	return a->node == b->node && a->key.tid == b->key.tid && a->key.is_task == b->key.is_task &&
	       a->key.start_ns == b->key.start_ns && a->key.number == b->key.number;
}

static const struct inode_ops directory_ops, file_inode_ops, link_ops, magic_link_ops;
static const struct file_ops directory_file_ops, computed_file_ops, watched_file_ops;

static const struct inode_ops *ops_of(const struct computed_node *node)
{
	switch (node->mode & S_IFMT) {
	case S_IFDIR:
		return &directory_ops;
	case S_IFLNK:
		return node->follow ? &magic_link_ops : &link_ops;
	default:
		return &file_inode_ops;
	}
}

static const struct file_ops *file_ops_of(const struct computed_node *node)
{
	switch (node->mode & S_IFMT) {
	case S_IFDIR:
		return &directory_file_ops;
	case S_IFREG:
		return node->changes ? &watched_file_ops : &computed_file_ops;
	default:
		return NULL;
	}
}

static struct inode *inode_of(struct mount *mount, const struct computed_entry *entry)
{
	const struct computed_node *node = entry->node;
	struct computed_inode *computed = heap_alloc(sizeof(*computed));
	struct thread *thread = thread_current();

	if (!computed)
		return NULL;
	inode_init(&computed->inode, mount, ops_of(node), file_ops_of(node), mode_of(entry),
		number_of(entry));
	computed->entry = *entry;
	computed->inode.uid = entry->key.uid;
	computed->inode.gid = entry->key.gid;
	if (node->is_own && entry->key.pid == thread->process->pid)
		computed->inode.uid = thread->credentials.fsuid;
	if (inode_is(&computed->inode, S_IFDIR))
		computed->inode.link_count = 2;
	return &computed->inode;
}

static int find_child(const struct computed_entry *dir, const char *name, uint32_t length,
	struct computed_entry *ret_entry)
{
	const struct computed_node *node = dir->node;

	for (size_t i = 0; i < node->child_count; i++) {
		const struct computed_node *child = &node->children[i];

		if (strlen(child->name) == length && !memcmp(child->name, name, length)) {
			*ret_entry = (struct computed_entry){.node = child, .key = dir->key};
			return 0;
		}
	}
	if (!node->dynamic)
		return -ENOENT;
	*ret_entry = (struct computed_entry){.key = dir->key};
	return node->dynamic->find(dir, name, length, ret_entry);
}

static int directory_lookup(
	struct dentry *dir, const char *name, uint32_t length, struct dentry **ret_entry)
{
	CLEANUP(inode_unrefp) struct inode *inode = NULL;
	struct computed_entry entry;
	int r;

	r = find_child(entry_of(dir->inode), name, length, &entry);
	if (r)
		return r;
	inode = inode_of(dir->inode->mount, &entry);
	*ret_entry = inode ? dentry_new(dir, name, length, inode) : NULL;
	return *ret_entry ? 0 : -ENOMEM;
}

/* Nobody makes anything here: as if the directory were gone. */
static int directory_make(struct dentry *dir, const char *name, uint32_t length,
	const struct inode_template *template, struct dentry **ret_entry)
{
	(void)dir;
	(void)name;
	(void)length;
	(void)template;
	(void)ret_entry;
	return -ENOENT;
}

/* O_TRUNC is of no consequence. */
static int computed_setattr(struct inode *inode, const struct inode_change *change)
{
	(void)inode;
	return change->valid & ~(uint32_t)CHANGE_SIZE ? -EPERM : 0;
}

static int file_permission(struct inode *inode, uint32_t want)
{
	return want & MAY_WRITE && !entry_of(inode)->node->store ? -EACCES : 0;
}

static long link_readlink(struct inode *inode, char *to, size_t size)
{
	const struct computed_entry *entry = entry_of(inode);
	size_t length;

	if (entry->node->readlink)
		return entry->node->readlink(entry, to, size);
	length = string_copy(to, entry->node->target, size);
	return (long)MIN(length, size - 1);
}

static int link_follow(struct inode *inode, struct dentry **ret_entry)
{
	const struct computed_entry *entry = entry_of(inode);

	return entry->node->follow(entry, ret_entry);
}

/* ---- Files ---- */

static int file_opened(struct inode *inode, struct file *file)
{
	const struct computed_entry *entry = entry_of(inode);
	int r = entry->node->permit ? entry->node->permit(entry) : 0;
	struct content *content;

	if (r)
		return r;
	content = file->private_data = heap_alloc(sizeof(*content));
	if (content && entry->node->changes)
		content->seen = __atomic_load_n(&entry->node->changes->count, __ATOMIC_ACQUIRE);
	return content ? 0 : -ENOMEM;
}

static void file_release(struct file *file)
{
	struct content *content = file->private_data;

	text_free(&content->text);
	heap_free(content);
}

/* Locked. */
static int content_make(struct content *content, const struct computed_entry *entry)
{
	int r;

	content->text.size = 0;
	content->text.failed = content->is_present = false;
	r = entry->node->show(entry, &content->text);
	if (!r && content->text.failed)
		r = -ENOMEM;
	content->is_present = !r;
	return r;
}

static long file_read(struct file *file, struct io *io, uint64_t *offset)
{
	const struct computed_entry *entry = entry_of(file->inode);
	struct content *content = file->private_data;
	long n;
	int r;

	if (!entry->node->show)
		return -EINVAL;
	LOCK_SCOPE(&content->lock);
	if (!*offset || !content->is_present) {
		r = content_make(content, entry);
		if (r)
			return r;
	}
	if (*offset >= content->text.size || !io->left)
		return 0;
	n = io_put(io, content->text.bytes + *offset, MIN(io->left, content->text.size - *offset));
	if (n > 0)
		*offset += (uint64_t)n;
	return n;
}

static long file_write(struct file *file, struct io *io, uint64_t *offset)
{
	const struct computed_entry *entry = entry_of(file->inode);
	CLEANUP(heap_freep) char *text = NULL;
	size_t whole = io->left;
	long n;
	int r;

	if (!entry->node->store)
		return -EIO;
	text = heap_alloc(STORE_SIZE_MAX);
	if (!text)
		return -ENOMEM;
	n = io_take(io, text, MIN(io->left, STORE_SIZE_MAX - 1));
	if (n < 0)
		return n;
	r = entry->node->store(entry, text, (size_t)n);
	if (r)
		return r;
	*offset += whole;
	return (long)whole;
}

static long file_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	const struct computed_entry *entry = entry_of(file->inode);

	return entry->node->ioctl ? entry->node->ioctl(entry, request, argument) : -ENOTTY;
}

/* Each change is told once: proc(5), /proc/PID/mounts. */
static uint32_t file_poll_changes(struct file *file, struct poll_table *table)
{
	struct changes *changes = entry_of(file->inode)->node->changes;
	struct content *content = file->private_data;
	uint32_t count;

	poll_wait(table, &changes->queue);
	count = __atomic_load_n(&changes->count, __ATOMIC_ACQUIRE);
	if (__atomic_exchange_n(&content->seen, count, __ATOMIC_RELAXED) == count)
		return POLLIN | POLLRDNORM;
	return POLLIN | POLLRDNORM | POLLPRI | POLLERR;
}

static long file_seek(struct file *file, int64_t offset, int whence)
{
	return whence == SEEK_END ? -EINVAL : file_seek_within(file, offset, whence, 0);
}

/* ---- Listings ---- */

static bool emit_entry(
	void *context, const char *name, const struct computed_entry *entry, uint64_t next_position)
{
	return directory_emit(context, name, (uint32_t)strlen(name), number_of(entry),
		directory_type(mode_of(entry)), next_position);
}

static bool emit_children(struct file *file, void *context, const struct computed_entry *dir)
{
	for (size_t i = 0; i < dir->node->child_count; i++) {
		struct computed_entry entry = {.node = &dir->node->children[i], .key = dir->key};

		if (file->position > POSITION_FIRST + i)
			continue;
		if (!emit_entry(context, entry.node->name, &entry, POSITION_FIRST + i + 1))
			return false;
	}
	return true;
}

static int directory_iterate(struct file *file, void *context)
{
	const struct computed_entry *dir = entry_of(file->inode);
	uint64_t first = POSITION_FIRST + dir->node->child_count, at;
	char name[COMPUTED_NAME_SIZE];
	struct computed_entry entry;
	int r;

	if (!directory_emit_dots(context, file) || !emit_children(file, context, dir) ||
		!dir->node->dynamic)
		return 0;
	for (at = MAX(file->position, first) - first;; at++) {
		entry = (struct computed_entry){.key = dir->key};
		r = dir->node->dynamic->next(dir, &at, name, &entry);
		if (r || !emit_entry(context, name, &entry, first + at + 1))
			return r == -ENOENT ? 0 : r;
	}
}

static int directory_opened(struct inode *inode, struct file *file)
{
	const struct computed_entry *entry = entry_of(inode);

	(void)file;
	return entry->node->permit ? entry->node->permit(entry) : 0;
}

static const struct inode_ops directory_ops = {
	.is_same = is_same,
	.lookup = directory_lookup,
	.make = directory_make,
	.setattr = computed_setattr,
	.open = directory_opened,
};

static const struct inode_ops file_inode_ops = {
	.is_same = is_same,
	.setattr = computed_setattr,
	.open = file_opened,
	.permission = file_permission,
};

static const struct inode_ops link_ops = {
	.is_same = is_same,
	.readlink = link_readlink,
	.setattr = computed_setattr,
};

static const struct inode_ops magic_link_ops = {
	.is_same = is_same,
	.readlink = link_readlink,
	.follow = link_follow,
	.setattr = computed_setattr,
};

static long directory_read(struct file *file, struct io *io, uint64_t *offset)
{
	(void)file;
	(void)io;
	(void)offset;
	return -EISDIR;
}

static const struct file_ops directory_file_ops = {
	.read = directory_read,
	.seek = file_seek,
	.iterate = directory_iterate,
};

static const struct file_ops computed_file_ops = {
	.read = file_read,
	.write = file_write,
	.seek = file_seek,
	.ioctl = file_ioctl,
	.release = file_release,
};

static const struct file_ops watched_file_ops = {
	.read = file_read,
	.write = file_write,
	.seek = file_seek,
	.poll = file_poll_changes,
	.release = file_release,
};

/* ---- Mounts ---- */

static void no_statistics(struct mount *mount, uint64_t *ret_total, uint64_t *ret_free,
	uint64_t *ret_inodes, uint64_t *ret_inodes_free)
{
	(void)mount;
	*ret_total = *ret_free = *ret_inodes = *ret_inodes_free = 0;
}

struct mount *computed_mount_new(const char *type, const char *source, uint64_t magic,
	uint32_t flags, const struct computed_node *root)
{
	struct mount *mount = mount_new(type, source, magic, flags);
	struct computed_entry entry = {.node = root};
	struct inode *inode;

	if (!mount)
		return NULL;
	inode = inode_of(mount, &entry);
	mount->root = inode ? dentry_new(NULL, "", 0, inode) : NULL;
	inode_unref(inode);
	if (mount->root) {
		mount->root->inode->number = 1;
		mount->statistics = no_statistics;
		return mount;
	}
	mount_discard(mount);
	return NULL;
}

const struct computed_entry *computed_entry_of(const struct file *file)
{
	const struct inode_ops *ops = file->inode->ops;

	return ops == &directory_ops || ops == &file_inode_ops ? entry_of(file->inode) : NULL;
}
