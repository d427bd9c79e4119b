#include "image/program_source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "image/file.h"
#include "image/host_path.h"
#include "image/host_source.h"
#include "image/library_search.h"

#define SCRIPT_DEPTH_MAX 5 /* as in Linux: interpreters that are scripts themselves */
#define LIBRARY_COUNT_MAX 4096
#define SHEBANG_SIZE_MAX 256 /* Linux's BINPRM_BUF_SIZE */

/* What glibc opens by itself: name services, and unwinding when a thread is cancelled. */
static const char *const glibc_extras[] = {"libnss_files.so.2", "libnss_dns.so.2", "libgcc_s.so.1"};

/* A program whose libraries are being found, breadth first as ld.so does. */
struct loading {
	struct tree *tree;
	struct library_search search;
	struct library_object **objects;
	size_t count;
	struct strings names; /* seen so far */
	bool optional;        /* what is not found is left out */
	struct image_error *error;
};

static void object_free(struct library_object *object)
{
	free(object->path);
	free(object->rpath);
	free(object->runpath);
	free(object);
}

static void loading_done(struct loading *loading)
{
	for (size_t i = 0; i < loading->count; i++)
		object_free(loading->objects[i]);
	free(loading->objects);
	strings_done(&loading->names);
	library_search_done(&loading->search);
}

/* A host file in memory, read only. */
struct mapped_file {
	struct span bytes;
};

static void mapped_file_done(struct mapped_file *file)
{
	if (file->bytes.size)
		munmap((void *)file->bytes.data, file->bytes.size);
}

static int mapped_file_open(const char *path, struct mapped_file *ret, struct image_error *error)
{
	CLEANUP(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *map;

	if (fd < 0 || fstat(fd, &st) < 0)
		return image_fail_errno(error, -errno, "%s", path);
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return 0;
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return image_fail_errno(error, -errno, "%s", path);
	ret->bytes = (struct span){map, (size_t)st.st_size};
	return 0;
}

static int object_add(
	struct loading *loading, const char *path, const struct library_object *loader)
{
	struct library_object **objects =
		realloc(loading->objects, (loading->count + 1) * sizeof(struct library_object *));
	struct library_object *object;

	if (!objects)
		return -ENOMEM;
	loading->objects = objects;
	object = calloc(1, sizeof(*object));
	if (!object)
		return -ENOMEM;
	objects[loading->count++] = object;
	object->loader = loader;
	object->path = strdup(path);
	return object->path ? 0 : -ENOMEM;
}

static int object_set_paths(struct library_object *object, const struct elf_dynamic *dynamic)
{
	if (dynamic->rpath)
		object->rpath = strdup(dynamic->rpath);
	if (dynamic->runpath)
		object->runpath = strdup(dynamic->runpath);
	return (dynamic->rpath && !object->rpath) || (dynamic->runpath && !object->runpath)
		       ? -ENOMEM
		       : 0;
}

/* Found through ld.so.cache in a directory that ld.so knows from there only: a link in one that it
 * always searches replaces the cache. */
static int link_from_default(struct loading *loading, const char *name, const char *path)
{
	struct tree_inode *inode = tree_inode_new(loading->tree, S_IFLNK | 0777);
	char link[TREE_PATH_MAX];
	int r;

	snprintf(link, sizeof(link), "/usr/lib/x86_64-linux-gnu/%s", name);
	r = inode ? tree_inode_set_bytes(inode, path, strlen(path)) : -ENOMEM;
	if (r < 0) {
		tree_inode_free(loading->tree, inode);
		return r;
	}
	return tree_put_at(loading->tree, link, inode);
}

static int missing_library(
	struct loading *loading, const char *name, const struct library_object *needed_by)
{
	if (loading->optional)
		return 0;
	return image_fail(loading->error, -ENOENT, "%s needs the library %s, which is not found",
		needed_by->path, name);
}

static int load_library(
	struct loading *loading, const char *name, const struct library_object *needed_by)
{
	CLEANUP(freep) char *path = NULL;
	bool is_default;
	int r;

	if (strings_contain(&loading->names, name))
		return 0;
	if (loading->names.count == LIBRARY_COUNT_MAX)
		return image_fail(
			loading->error, -ELIBMAX, "%s: too many libraries", needed_by->path);
	r = strings_add(&loading->names, name);
	if (r == 0)
		r = library_find(&loading->search, name, needed_by, &path, &is_default);
	if (r == -ENOENT)
		return missing_library(loading, name, needed_by);
	if (r == 0 && !is_default)
		r = link_from_default(loading, name, path);
	if (r < 0)
		return image_fail_errno(loading->error, r, "%s", name);
	r = host_path_add(loading->tree, path, true, NULL, loading->error);
	if (r == 0 && object_add(loading, path, needed_by) < 0)
		return image_fail_errno(loading->error, -ENOMEM, "%s", path);
	return r;
}

/* Read what @object needs, and queue it. */
static int load_object(struct loading *loading, struct library_object *object)
{
	CLEANUP(mapped_file_done) struct mapped_file file = {0};
	struct elf_dynamic dynamic;
	struct elf_file elf;
	int r = mapped_file_open(object->path, &file, loading->error);

	if (r < 0)
		return r;
	if (elf_open(file.bytes, &elf) < 0 || elf_read_dynamic(&elf, &dynamic) < 0)
		return loading->optional ? 0
					 : image_fail(loading->error, -ENOEXEC,
						   "%s: a damaged ELF file", object->path);
	if (object_set_paths(object, &dynamic) < 0)
		return image_fail_errno(loading->error, -ENOMEM, "%s", object->path);
	for (size_t i = 0; r == 0 && i < dynamic.needed_count; i++)
		r = load_library(loading, dynamic.needed[i], object);
	return r;
}

/* Everything queued from @first on, and what that queues. */
static int load_all(struct loading *loading, size_t first)
{
	int r = 0;

	for (size_t i = first; r == 0 && i < loading->count; i++)
		r = load_object(loading, loading->objects[i]);
	return r;
}

static int load_extras(struct loading *loading)
{
	struct library_object *program = loading->objects[0];
	size_t first = loading->count;
	int r = 0;

	if (loading->search.musl) {
		const char *path_file = loading->search.musl_path_file;

		return path_file
			       ? host_path_add(loading->tree, path_file, true, NULL, loading->error)
			       : 0;
	}
	if (!strings_contain(&loading->names, "libc.so.6"))
		return 0;
	loading->optional = true;
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(glibc_extras); i++)
		r = load_library(loading, glibc_extras[i], program);
	return r < 0 ? r : load_all(loading, first);
}

static int add_interpreter(struct tree *tree, const char *interpreter, struct image_error *error)
{
	int r = host_path_add(tree, interpreter, true, NULL, error);

	return r < 0 ? image_fail_in(error, r, "the program's interpreter") : 0;
}

/* The libraries of an ELF file of the host at @path. */
static int add_elf(struct tree *tree, const char *path, const struct elf_file *elf, bool optional,
	struct image_error *error)
{
	CLEANUP(loading_done)
	struct loading loading = {.tree = tree, .optional = optional, .error = error};
	const char *interpreter = elf_interpreter(elf);
	int r = 0;

	if (interpreter && optional && access(interpreter, F_OK) < 0)
		return 0;
	if (interpreter)
		r = add_interpreter(tree, interpreter, error);
	if (r == 0)
		r = library_search_init(&loading.search, interpreter, error);
	if (r == 0 && object_add(&loading, path, NULL) < 0)
		r = image_fail_errno(error, -ENOMEM, "%s", path);
	if (r == 0)
		r = load_all(&loading, 0);
	if (r == 0 && interpreter)
		r = load_extras(&loading);
	return r;
}

static int add_dependencies(
	struct tree *tree, const char *path, unsigned int depth, struct image_error *error);

static int find_program(const char *name, char **ret, struct image_error *error);

static int add_script_program(
	struct tree *tree, const char *program, unsigned int depth, struct image_error *error)
{
	CLEANUP(freep) char *path = NULL, *real = NULL;
	int r = find_program(program, &path, error);

	if (r == 0)
		r = host_path_add(tree, path, true, &real, error);
	return r < 0 ? r : add_dependencies(tree, real, depth + 1, error);
}

/* `#!/usr/bin/env -S NAME=value program` runs the program, found in PATH. */
static const char *env_program(char *argument)
{
	char *save = NULL, *word = argument ? strtok_r(argument, " \t", &save) : NULL;

	while (word && (*word == '-' || strchr(word, '=')))
		word = strtok_r(NULL, " \t", &save);
	return word;
}

static int add_script(struct tree *tree, const char *path, struct span bytes, unsigned int depth,
	struct image_error *error)
{
	char line[SHEBANG_SIZE_MAX], *save = NULL, *interpreter, *slash;
	size_t size = MIN(bytes.size - 2, sizeof(line) - 1);
	const char *program;
	int r;

	memcpy(line, bytes.data + 2, size);
	line[size] = '\0';
	line[strcspn(line, "\n")] = '\0';
	interpreter = strtok_r(line, " \t", &save);
	if (!interpreter)
		return 0;
	if (depth == SCRIPT_DEPTH_MAX)
		return image_fail_errno(error, -ELOOP, "%s", path);
	r = add_script_program(tree, interpreter, depth, error);
	slash = strrchr(interpreter, '/');
	program = slash && !strcmp(slash, "/env") ? env_program(save) : NULL;
	if (r == 0 && program)
		r = add_script_program(tree, program, depth, error);
	return r < 0 ? image_fail_in(error, r, "%s: its interpreter", path) : 0;
}

static int add_dependencies(
	struct tree *tree, const char *path, unsigned int depth, struct image_error *error)
{
	CLEANUP(mapped_file_done) struct mapped_file file = {0};
	struct elf_file elf;
	int r = mapped_file_open(path, &file, error);

	if (r < 0)
		return r;
	if (file.bytes.size > 2 && file.bytes.data[0] == '#' && file.bytes.data[1] == '!')
		return add_script(tree, path, file.bytes, depth, error);
	if (!elf_has_magic(file.bytes))
		return 0;
	if (elf_open(file.bytes, &elf) < 0)
		return image_fail(error, -ENOEXEC, "%s: not a program for x86-64", path);
	return add_elf(tree, path, &elf, false, error);
}

static bool is_program(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

static int find_in_path(const char *name, char **ret, struct image_error *error)
{
	const char *dir = getenv("PATH");

	while (dir && *dir) {
		size_t size = strcspn(dir, ":");
		CLEANUP(freep) char *path = NULL;

		if (asprintf(&path, "%.*s/%s", (int)size, dir, name) < 0)
			return image_fail_errno(error, -ENOMEM, "%s", name);
		/* A relative directory means another program in another place. */
		if (*dir == '/' && is_program(path)) {
			*ret = TAKE(path);
			return 0;
		}
		dir += size + (dir[size] == ':');
	}
	return image_fail(error, -ENOENT, "not found in PATH");
}

/* An absolute path on the host. */
static int find_program(const char *name, char **ret, struct image_error *error)
{
	CLEANUP(freep) char *directory = NULL;

	if (!strchr(name, '/'))
		return find_in_path(name, ret, error);
	if (access(name, F_OK) < 0)
		return image_fail_errno(error, -errno, "%s", name);
	if (!is_program(name))
		return image_fail(error, -EACCES, "%s: not an executable file", name);
	if (name[0] == '/') {
		*ret = strdup(name);
	} else {
		directory = getcwd(NULL, 0);
		if (!directory || asprintf(ret, "%s/%s", directory, name) < 0)
			*ret = NULL;
	}
	return *ret ? 0 : image_fail_errno(error, -ENOMEM, "%s", name);
}

/* The file itself, without the links that lead to it, at a path of its own. */
static int add_at(struct tree *tree, const char *path, const char *to, char **ret_real,
	struct image_error *error)
{
	CLEANUP(freep) char *real = realpath(path, NULL);
	int r;

	if (!real)
		return image_fail_errno(error, -errno, "%s", path);
	r = host_add(tree, real, to, NULL, error);
	if (r == 0)
		*ret_real = TAKE(real);
	return r;
}

int program_add(struct tree *tree, const char *program, const char *to, struct image_error *error)
{
	CLEANUP(freep) char *path = NULL, *real = NULL;
	int r = find_program(program, &path, error);

	if (r == 0)
		r = host_path_add_merged_usr(tree, error);
	if (r < 0)
		return r;
	r = to ? add_at(tree, path, to, &real, error)
	       : host_path_add(tree, path, false, &real, error);
	return r < 0 ? r : add_dependencies(tree, real, 0, error);
}

static int collect_visit(void *context, const char *path, struct tree_inode *inode)
{
	(void)path;
	if (!S_ISREG(inode->mode) || !inode->content.path)
		return 0;
	return strings_add(context, inode->content.path);
}

static int add_module(struct tree *tree, const char *path, struct image_error *error)
{
	CLEANUP(mapped_file_done) struct mapped_file file = {0};
	struct elf_file elf;
	int r = mapped_file_open(path, &file, error);

	if (r < 0)
		return r;
	/* Object files and those of other machines need nothing from us. */
	if (!elf_has_magic(file.bytes) || elf_open(file.bytes, &elf) < 0)
		return 0;
	return add_elf(tree, path, &elf, true, error);
}

int program_add_libraries_of_tree(struct tree *tree, struct image_error *error)
{
	CLEANUP(strings_done) struct strings paths = {0};
	int r = tree_walk(tree, collect_visit, &paths);

	if (r < 0)
		return image_fail_errno(error, r, "libraries");
	for (size_t i = 0; r == 0 && i < paths.count; i++)
		r = add_module(tree, paths.items[i], error);
	return r;
}
