/* The program that execve(2) names: through scripts to an ELF file and its interpreter. */
#include "libos/processes/exec.h"

#include <asm/errno.h>
#include <linux/fcntl.h>
#include <linux/stat.h>

#include "base/format.h"
#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/descriptors.h"
#include "libos/files/file.h"
#include "libos/files/notify.h"
#include "libos/loader/elf.h"
#include "libos/security/landlock.h"

#define SHEBANG_DEPTH_MAX 5
#define SHEBANG_SIZE 256

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

/* "#! interpreter [one argument]": fills @ret_interpreter, and rewrites the arguments. */
static int shebang_apply(struct exec *exec, const char *script, char *line, char *ret_interpreter)
{
	char strings[SHEBANG_SIZE + EXEC_PATH_SIZE + 64];
	char *end = memchr(line, '\n', SHEBANG_SIZE - 1), *name = line + 2, *argument;
	size_t size;
	uint32_t count = 2;

	if (!end)
		end = line + strnlen(line, SHEBANG_SIZE - 1);
	while (end > name && is_blank(end[-1]))
		end--;
	*end = '\0';
	while (is_blank(*name))
		name++;
	if (!*name)
		return -ENOEXEC;
	for (argument = name; *argument && !is_blank(*argument);)
		argument++;
	while (is_blank(*argument))
		*argument++ = '\0';
	size = strlen(name) + 1;
	memcpy(strings, name, size);
	if (*argument) {
		size += string_copy(strings + size, argument, SHEBANG_SIZE) + 1;
		count++;
	}
	size += string_copy(strings + size, script, sizeof(exec->path)) + 1;
	string_copy(ret_interpreter, name, EXEC_PATH_SIZE); /* may be where @script is */
	return exec_vector_replace_first(&exec->arguments, strings, size, count);
}

/* A program may be run by who may not read it: it is found first, and then read all the same. */
static int find_file(int dir_fd, const char *path, uint32_t flags, struct file **ret_file)
{
	uint32_t open_flags = O_PATH | (flags & AT_SYMLINK_NOFOLLOW ? O_NOFOLLOW : 0);
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct file_status status;
	int r = 0;

	if (!*path && (flags & AT_EMPTY_PATH))
		file = fd_get_any(dir_fd);
	else
		r = file_open(dir_fd, path, open_flags, 0, &file);
	if (r || !file)
		return r ? r : -EBADF;
	file_status(file, &status);
	if ((status.mode & S_IFMT) == S_IFLNK)
		return -ELOOP;
	*ret_file = TAKE(file);
	return 0;
}

/* Who watches sees it opened for that, and read. */
static int open_to_execute(struct file *found, struct file **ret_file)
{
	int r = notify_ask(found->dentry, found->inode, NOTIFY_MAY_OPEN_EXEC);

	r = r ? r : notify_ask(found->dentry, found->inode, NOTIFY_MAY_OPEN);
	r = r ? r : file_reopen(found, ret_file);
	if (r)
		return r;
	notify_file(*ret_file, NOTIFY_OPEN | NOTIFY_OPEN_EXEC);
	r = notify_file_ask(*ret_file, NOTIFY_MAY_ACCESS);
	if (!r) {
		notify_file(*ret_file, NOTIFY_ACCESS);
		return 0;
	}
	file_unref(TAKE(*ret_file));
	return r;
}

static int open_program(int dir_fd, const char *path, uint32_t flags, struct file **ret_file)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	int r = find_file(dir_fd, path, flags, &file);

	r = r ? r : file_may_execute(file);
	if (!r && file->dentry)
		r = landlock_check(file->dentry, LANDLOCK_FILE_EXECUTE | LANDLOCK_FILE_READ);
	return r ? r : open_to_execute(file, ret_file);
}

/* Is the program named by an open descriptor, so that its path is /dev/fd/N? */
static bool is_by_descriptor(const struct exec *exec, int dir_fd)
{
	return dir_fd != AT_FDCWD && exec->named_path[0] != '/';
}

int exec_find_program(struct exec *exec, int dir_fd, uint32_t flags)
{
	char line[SHEBANG_SIZE], path[EXEC_PATH_SIZE];
	int r;

	string_copy(path, exec->named_path, sizeof(path));
	for (int depth = 0; depth <= SHEBANG_DEPTH_MAX; depth++) {
		file_unref(exec->program);
		exec->program = NULL;
		r = open_program(dir_fd, path, flags, &exec->program);
		if (r)
			return r;
		memset(line, 0, sizeof(line));
		r = (int)file_read_kernel(exec->program, line, sizeof(line) - 1, 0);
		if (r < 0)
			return r;
		if (line[0] != '#' || line[1] != '!')
			return 0;
		/* The interpreter could not open it: the descriptor closes before. */
		if (is_by_descriptor(exec, dir_fd) && fd_get_cloexec(dir_fd) > 0)
			return -ENOENT;
		r = shebang_apply(exec, depth ? path : exec->path, line, path);
		if (r)
			return r;
		dir_fd = AT_FDCWD;
		flags = 0;
	}
	return -ELOOP;
}

int exec_read_elf(struct exec *exec)
{
	int r;

	exec->elf = heap_alloc(sizeof(*exec->elf));
	exec->interpreter_elf = heap_alloc(sizeof(*exec->interpreter_elf));
	if (!exec->elf || !exec->interpreter_elf)
		return -ENOMEM;
	r = elf_read(exec->program, exec->elf);
	if (r || !exec->elf->interpreter_size)
		return r;
	r = open_program(AT_FDCWD, exec->elf->interpreter, 0, &exec->interpreter);
	if (r)
		return r;
	r = elf_read(exec->interpreter, exec->interpreter_elf);
	return r == -ENOEXEC ? -ELIBBAD : r;
}
