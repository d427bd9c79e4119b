/* mkdir(2), mknod(2), symlink(2), link(2), unlink(2), rmdir(2), rename(2). */
#include "libos/files/names.h"
#include "libos/files/open.h"
#include "libos/syscalls/files_at.h"

static long make_at(int dir_fd, uint64_t path, uint32_t mode, uint64_t rdev)
{
	char name[PATH_SIZE];
	long r = path_read(name, path);

	return r < 0 ? r : names_make(dir_fd, name, mode, rdev, NULL);
}

static long mkdir_at(int dir_fd, uint64_t path, uint64_t mode)
{
	return make_at(dir_fd, path, S_IFDIR | ((uint32_t)mode & 01777), 0);
}

long sys_mkdir(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return mkdir_at(AT_FDCWD, args->a, args->b);
}

long sys_mkdirat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return mkdir_at((int)args->a, args->b, args->c);
}

static long mknod_at(int dir_fd, uint64_t path, uint64_t mode, uint64_t device)
{
	uint32_t type = (uint32_t)mode & S_IFMT;
	bool is_device = type == S_IFCHR || type == S_IFBLK;

	if (!type)
		type = S_IFREG;
	if (type == S_IFDIR)
		return -EPERM;
	if (!is_device && type != S_IFREG && type != S_IFIFO && type != S_IFSOCK)
		return -EINVAL;
	return make_at(
		dir_fd, path, type | ((uint32_t)mode & 07777), is_device ? (uint32_t)device : 0);
}

long sys_mknod(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return mknod_at(AT_FDCWD, args->a, args->b, args->c);
}

long sys_mknodat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return mknod_at((int)args->a, args->b, args->c, args->d);
}

static long symlink_at(uint64_t target, int dir_fd, uint64_t path)
{
	char text[PATH_SIZE], name[PATH_SIZE];
	long r = path_read(text, target);

	if (!r)
		return -ENOENT;
	if (r > 0)
		r = path_read(name, path);
	return r < 0 ? r : names_make(dir_fd, name, S_IFLNK | 0777, 0, text);
}

long sys_symlink(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return symlink_at(args->a, AT_FDCWD, args->b);
}

long sys_symlinkat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return symlink_at(args->a, (int)args->b, args->c);
}

static long link_at(
	int old_dir_fd, uint64_t old_path, int new_dir_fd, uint64_t new_path, uint64_t flags)
{
	char old[PATH_SIZE], new[PATH_SIZE];
	uint32_t walk_flags = (flags & AT_SYMLINK_FOLLOW ? PATH_FOLLOW : 0) |
			      (flags & AT_EMPTY_PATH ? PATH_EMPTY : 0);
	long r;

	if (flags & ~(uint64_t)(AT_SYMLINK_FOLLOW | AT_EMPTY_PATH))
		return -EINVAL;
	r = path_read(old, old_path);
	if (r >= 0)
		r = path_read(new, new_path);
	return r < 0 ? r : names_link(old_dir_fd, old, walk_flags, new_dir_fd, new);
}

long sys_link(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return link_at(AT_FDCWD, args->a, AT_FDCWD, args->b, 0);
}

long sys_linkat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return link_at((int)args->a, args->b, (int)args->c, args->d, (uint32_t)args->e);
}

static long remove_at(int dir_fd, uint64_t path, bool is_directory)
{
	char name[PATH_SIZE];
	long r = path_read(name, path);

	if (r < 0)
		return r;
	return is_directory ? names_rmdir(dir_fd, name) : names_unlink(dir_fd, name);
}

long sys_unlink(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return remove_at(AT_FDCWD, args->a, false);
}

long sys_rmdir(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return remove_at(AT_FDCWD, args->a, true);
}

long sys_unlinkat(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->c;

	(void)thread;
	if (flags & ~(uint32_t)AT_REMOVEDIR)
		return -EINVAL;
	return remove_at((int)args->a, args->b, flags & AT_REMOVEDIR);
}

static long rename_at(
	int old_dir_fd, uint64_t old_path, int new_dir_fd, uint64_t new_path, uint32_t flags)
{
	char old[PATH_SIZE], new[PATH_SIZE];
	long r = path_read(old, old_path);

	if (r >= 0)
		r = path_read(new, new_path);
	return r < 0 ? r : names_rename(old_dir_fd, old, new_dir_fd, new, flags);
}

long sys_rename(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return rename_at(AT_FDCWD, args->a, AT_FDCWD, args->b, 0);
}

long sys_renameat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return rename_at((int)args->a, args->b, (int)args->c, args->d, 0);
}

long sys_renameat2(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return rename_at((int)args->a, args->b, (int)args->c, args->d, (uint32_t)args->e);
}
