/* open(2), close(2), dup(2) and their kin. */
#include "libos/core/user.h"
#include "libos/files/memfd.h"
#include "libos/files/open.h"
#include "libos/processes/process.h"
#include "libos/syscalls/files_at.h"

#define OPEN_FLAGS                                                                                 \
	(O_ACCMODE | O_CREAT | O_EXCL | O_NOCTTY | O_TRUNC | O_APPEND | O_NONBLOCK | O_SYNC |      \
		FASYNC | O_DIRECT | O_LARGEFILE | O_DIRECTORY | O_NOFOLLOW | O_NOATIME |           \
		O_CLOEXEC | O_PATH | O_TMPFILE)

/* The reference of @file is taken over. */
static long install(struct file *file, bool close_on_exec)
{
	int fd = fd_install(file, 0, close_on_exec);

	if (fd < 0)
		file_unref(file);
	return fd;
}

static long open_at(int dir_fd, uint64_t path, uint32_t flags, uint32_t mode, uint64_t resolve)
{
	char name[PATH_SIZE];
	struct file *file;
	long r = path_read(name, path);
	int fd;

	if (r < 0)
		return r;
	fd = fd_reserve(flags & O_CLOEXEC);
	if (fd < 0)
		return fd;
	r = file_open_at(dir_fd, name, flags, mode, resolve, &file);
	if (r) {
		fd_release(fd);
		return r;
	}
	fd_fill(fd, file);
	return fd;
}

/* What open(2) and openat(2) ignore and openat2(2) refuses. */
static uint32_t lenient_flags(uint64_t flags)
{
	return ((uint32_t)flags & OPEN_FLAGS) | O_LARGEFILE;
}

long sys_open(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return open_at(AT_FDCWD, args->a, lenient_flags(args->b), (uint32_t)args->c, 0);
}

long sys_creat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return open_at(AT_FDCWD, args->a, lenient_flags(O_CREAT | O_WRONLY | O_TRUNC),
		(uint32_t)args->b, 0);
}

long sys_openat(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return open_at((int)args->a, args->b, lenient_flags(args->c), (uint32_t)args->d, 0);
}

/* Of any size not below the first version's. */
static int open_how_read(struct open_how *how, uint64_t from, uint64_t size)
{
	if (size < sizeof(*how))
		return -EINVAL;
	if (size > PAGE_SIZE)
		return -E2BIG;
	return user_read_versioned(how, sizeof(*how), from, size);
}

static int open_how_check(const struct open_how *how)
{
	bool creates = how->flags & O_CREAT || (how->flags & O_TMPFILE) == O_TMPFILE;

	if (how->flags & ~(uint64_t)OPEN_FLAGS || how->mode & ~07777UL || (how->mode && !creates))
		return -EINVAL;
	if (how->flags & O_PATH &&
		how->flags & ~(uint64_t)(O_DIRECTORY | O_NOFOLLOW | O_PATH | O_CLOEXEC))
		return -EINVAL;
	if (how->resolve & ~(uint64_t)PATH_RESOLVE_ALL)
		return -EINVAL;
	if (how->resolve & RESOLVE_CACHED &&
		(how->flags & (O_TRUNC | O_CREAT) || (how->flags & O_TMPFILE) == O_TMPFILE))
		return -EAGAIN;
	return 0;
}

long sys_openat2(struct thread *thread, const struct syscall_args *args)
{
	struct open_how how;
	int r = open_how_read(&how, args->c, args->d);

	(void)thread;
	r = r ? r : open_how_check(&how);
	if (r)
		return r;
	return open_at((int)args->a, args->b, (uint32_t)how.flags | O_LARGEFILE, (uint32_t)how.mode,
		how.resolve);
}

long sys_close(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return fd_close((int)args->a);
}

long sys_close_range(struct thread *thread, const struct syscall_args *args)
{
	(void)thread;
	return fd_close_range((uint32_t)args->a, (uint32_t)args->b, (uint32_t)args->c);
}

long sys_dup(struct thread *thread, const struct syscall_args *args)
{
	struct file *file = fd_get_any((int)args->a);

	(void)thread;
	return file ? install(file, false) : -EBADF;
}

static long duplicate_to(int from, int to, bool close_on_exec)
{
	CLEANUP(file_unrefp) struct file *file = fd_get_any(from);

	return file ? fd_replace(file, to, close_on_exec) : -EBADF;
}

long sys_dup2(struct thread *thread, const struct syscall_args *args)
{
	int from = (int)args->a, to = (int)args->b;

	(void)thread;
	if (from != to)
		return duplicate_to(from, to, false);
	return fd_get_cloexec(from) < 0 ? -EBADF : from;
}

long sys_dup3(struct thread *thread, const struct syscall_args *args)
{
	int from = (int)args->a, to = (int)args->b;

	(void)thread;
	if (args->c & ~(uint64_t)O_CLOEXEC || from == to)
		return -EINVAL;
	return duplicate_to(from, to, args->c & O_CLOEXEC);
}

long sys_memfd_create(struct thread *thread, const struct syscall_args *args)
{
	char name[MEMFD_NAME_LENGTH_MAX + 1];
	uint32_t flags = (uint32_t)args->b;
	struct file *file;
	long r;

	(void)thread;
	if (!memfd_flags_are_valid(flags))
		return -EINVAL;
	r = user_read_string(name, args->a, sizeof(name));
	if (r < 0)
		return r == -ENAMETOOLONG ? -EINVAL : r;
	if (memfd_wants_huge_pages(flags))
		return -ENODEV; /* of no size */
	r = memfd_new(name, flags, &file);
	return r ? r : install(file, memfd_is_close_on_exec(flags));
}
