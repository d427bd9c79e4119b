/* What leads out of /proc to files: /proc/PID/fd, fdinfo, exe, cwd, root. */
#include "base/format.h"
#include "libos/files/descriptors.h"
#include "libos/files/eventfd.h"
#include "libos/files/fanotify.h"
#include "libos/files/inotify.h"
#include "libos/files/signalfd.h"
#include "libos/files/fs_context.h"
#include "libos/files/mount.h"
#include "libos/files/open.h"
#include "libos/files/proc.h"
#include "libos/processes/pidfd.h"
#include "libos/processes/process.h"
#include "libos/processes/program.h"

#define ANONYMOUS_MOUNT_ID 15 /* of files that no mounted file system holds */

/* ---- Descriptors ---- */

/* The descriptor table of the process that @entry is about, the process table locked: NULL if the
 * process is gone or a zombie. */
static struct fd_table *table_of(const struct computed_entry *entry, struct thread **ret_thread)
{
	*ret_thread = proc_thread(entry);
	return *ret_thread ? (*ret_thread)->process->files : NULL;
}

/* The lowest descriptor >= @from: it, or -ENOENT. *ret_file is referenced. */
static int descriptor_from(const struct computed_entry *entry, uint32_t from,
	struct file **ret_file, bool *ret_cloexec)
{
	struct fd_table *table;
	struct thread *thread;
	int fd;

	if (from >= FD_COUNT_MAX)
		return -ENOENT;
	LOCK_SCOPE(&process_table_lock);
	table = table_of(entry, &thread);
	if (!table)
		return -ENOENT;
	if (!proc_may_inspect(thread))
		return -EACCES;
	fd = fd_table_next(table, (int)from, ret_file, ret_cloexec);
	return fd < 0 ? -ENOENT : fd;
}

static int descriptor(const struct computed_entry *entry, struct file **ret_file, bool *ret_cloexec)
{
	int fd = descriptor_from(entry, entry->key.number, ret_file, ret_cloexec);

	if (fd < 0)
		return fd;
	if ((uint32_t)fd == entry->key.number)
		return 0;
	file_unref(*ret_file);
	return -ENOENT;
}

static long descriptor_read(const struct computed_entry *entry, char *to, size_t size)
{
	struct file *file;
	bool cloexec;
	long r = descriptor(entry, &file, &cloexec);

	if (r)
		return r;
	r = file_path(file, to, size);
	file_unref(file);
	return r;
}

/* Another way to the same inode; an anonymous one has no name to come with. */
static int descriptor_follow(const struct computed_entry *entry, struct dentry **ret_entry)
{
	struct file *file;
	bool cloexec;
	int r = descriptor(entry, &file, &cloexec);

	if (r)
		return r;
	*ret_entry = file->dentry ? dentry_ref(file->dentry) : dentry_new(NULL, "", 0, file->inode);
	file_unref(file);
	return *ret_entry ? 0 : -ENOMEM;
}

static int show_descriptor(const struct computed_entry *entry, struct text *text)
{
	struct file *file;
	uint64_t count;
	signal_set mask;
	bool cloexec;
	int r = descriptor(entry, &file, &cloexec);

	if (r)
		return r;
	text_put(text, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t%d\nino:\t%lu\n", file->position,
		file->flags | (cloexec ? (uint32_t)O_CLOEXEC : 0),
		file_mount(file) ? file_mount(file)->id : ANONYMOUS_MOUNT_ID, file->inode->number);
	if (eventfd_count(file, &count))
		text_put(text, "eventfd-count: %16lx\n", count);
	if (signalfd_mask(file, &mask))
		text_put(text, "sigmask:\t%016lx\n", mask);
	pidfd_show(file, text);
	inotify_show(file, text);
	fanotify_show(file, text);
	file_unref(file);
	return 0;
}

static const struct computed_node link_node = {
	.name = "fd",
	.mode = S_IFLNK | 0700,
	.readlink = descriptor_read,
	.follow = descriptor_follow,
	.is_own = true,
};

static const struct computed_node info_node = {
	.name = "fdinfo",
	.mode = S_IFREG | 0444,
	.show = show_descriptor,
	.is_own = true,
};

/* The link's mode says what the descriptor was opened for. */
static uint32_t link_mode(const struct file *file)
{
	uint32_t mode = S_IFLNK;

	if (file->flags & O_PATH)
		return mode;
	return mode | (file_can_read(file) ? 0500 : 0) | (file_can_write(file) ? 0300 : 0);
}

static int find_descriptor(const struct computed_entry *dir, const char *name, uint32_t length,
	struct computed_entry *ret_entry)
{
	struct file *file;
	bool cloexec;
	int r;

	if (!computed_number(name, length, &ret_entry->key.number))
		return -ENOENT;
	ret_entry->node = &link_node;
	r = descriptor(ret_entry, &file, &cloexec);
	if (r)
		return r == -EACCES ? -ENOENT : r;
	ret_entry->mode = link_mode(file);
	file_unref(file);
	(void)dir;
	return 0;
}

static int next_descriptor(const struct computed_entry *dir, uint64_t *at,
	char name[COMPUTED_NAME_SIZE], struct computed_entry *ret_entry)
{
	struct file *file;
	bool cloexec;
	int fd = descriptor_from(dir, (uint32_t)MIN(*at, (uint64_t)FD_COUNT_MAX), &file, &cloexec);

	if (fd < 0)
		return -ENOENT;
	*at = ret_entry->key.number = (uint32_t)fd;
	ret_entry->node = &link_node;
	ret_entry->mode = link_mode(file);
	format_string(name, COMPUTED_NAME_SIZE, "%d", fd);
	file_unref(file);
	return 0;
}

static int find_info(const struct computed_entry *dir, const char *name, uint32_t length,
	struct computed_entry *ret_entry)
{
	int r = find_descriptor(dir, name, length, ret_entry);

	ret_entry->node = &info_node;
	ret_entry->mode = 0;
	return r;
}

static int next_info(const struct computed_entry *dir, uint64_t *at, char name[COMPUTED_NAME_SIZE],
	struct computed_entry *ret_entry)
{
	int r = next_descriptor(dir, at, name, ret_entry);

	ret_entry->node = &info_node;
	ret_entry->mode = 0;
	return r;
}

const struct computed_dynamic proc_descriptors = {find_descriptor, next_descriptor};
const struct computed_dynamic proc_descriptor_infos = {find_info, next_info};

/* ---- exe, cwd, root ---- */

static struct dentry *fs_entry(struct fs_context *fs, bool is_root)
{
	if (!fs)
		return NULL;
	LOCK_SCOPE(&fs->lock);
	return dentry_ref(is_root ? fs->root : fs->directory);
}

int proc_link_follow(const struct computed_entry *entry, struct dentry **ret_entry)
{
	struct process *process;
	struct thread *thread;

	LOCK_SCOPE(&process_table_lock);
	thread = proc_thread(entry);
	if (!thread)
		return -ENOENT;
	if (!proc_may_inspect(thread))
		return -EACCES;
	process = thread->process;
	if (entry->node->number == PROC_LINK_EXECUTABLE)
		*ret_entry = process->mm && process->program && process->program->file->dentry
				     ? dentry_ref(process->program->file->dentry)
				     : NULL;
	else
		*ret_entry = fs_entry(process->fs, entry->node->number == PROC_LINK_ROOT);
	return *ret_entry ? 0 : -ENOENT;
}

long proc_link_read(const struct computed_entry *entry, char *to, size_t size)
{
	struct dentry *root, *dentry;
	long r = proc_link_follow(entry, &dentry);

	if (r)
		return r;
	root = fs_context_root();
	r = dentry_path(dentry, root, to, size);
	dentry_unref(root);
	dentry_unref(dentry);
	return r;
}
