#include "image/library_search.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>

#include "image/file.h"

#define CACHE_MAGIC "glibc-ld.so.cache1.1"
#define CACHE_SIZE_MAX (64u << 20)
#define CACHE_FLAGS_X86_64 0x0303 /* FLAG_X8664_LIB64 | FLAG_ELF_LIBC6 */
#define MUSL_PATH_SIZE_MAX 65536

/* /etc/ld.so.cache as glibc's sysdeps/generic/dl-cache.h has it: offsets from the magic on. */
struct cache_header {
	char magic[20];
	uint32_t count;
	uint32_t strings_size;
	uint8_t flags;
	uint8_t padding[3];
	uint32_t extension;
	uint32_t unused[3];
};
_Static_assert(sizeof(struct cache_header) == 48, "ld.so.cache");

struct cache_entry {
	int32_t flags;
	uint32_t name;
	uint32_t path;
	uint32_t os_version;
	uint64_t hwcap;
};
_Static_assert(sizeof(struct cache_entry) == 24, "ld.so.cache");

/* Debian's and the other distributions' x86-64 directories, in the order they are tried. */
static const char *const default_directories[] = {"/lib/x86_64-linux-gnu",
	"/usr/lib/x86_64-linux-gnu", "/lib64", "/usr/lib64", "/lib", "/usr/lib"};

static bool is_musl(const char *interpreter)
{
	const char *slash = interpreter ? strrchr(interpreter, '/') : NULL;

	return slash && !strncmp(slash, "/ld-musl-", 9);
}

static int add_directories(struct strings *to, char *list)
{
	char *save = NULL;

	for (char *dir = strtok_r(list, ":\n", &save); dir; dir = strtok_r(NULL, ":\n", &save)) {
		int r = strings_add(to, dir);

		if (r < 0)
			return r;
	}
	return 0;
}

/* musl's path file stands in etc/ beside the directory of the interpreter. */
static int init_musl(
	struct library_search *search, const char *interpreter, struct image_error *error)
{
	char defaults[] = "/lib:/usr/local/lib:/usr/lib", arch[64];
	CLEANUP(buffer_done) struct buffer text = {0};

	if (sscanf(strrchr(interpreter, '/'), "/ld-musl-%63[^.]", arch) != 1 ||
		asprintf(&search->musl_path_file, "/etc/ld-musl-%s.path", arch) < 0)
		return image_fail_errno(error, -ENOMEM, "%s", interpreter);
	if (file_read(search->musl_path_file, MUSL_PATH_SIZE_MAX, &text, NULL) < 0) {
		free(TAKE(search->musl_path_file));
		return add_directories(&search->musl_path, defaults);
	}
	if (buffer_append(&text, "", 1) < 0)
		return image_fail_errno(error, -ENOMEM, "%s", interpreter);
	return add_directories(&search->musl_path, (char *)text.data);
}

int library_search_init(
	struct library_search *search, const char *interpreter, struct image_error *error)
{
	int r;

	*search = (struct library_search){.musl = is_musl(interpreter)};
	if (search->musl)
		return init_musl(search, interpreter, error);
	/* No cache: ld.so does without, and so do we. */
	r = file_read("/etc/ld.so.cache", CACHE_SIZE_MAX, &search->cache, NULL);
	return r == -ENOMEM ? image_fail_errno(error, r, "/etc/ld.so.cache") : 0;
}

void library_search_done(struct library_search *search)
{
	buffer_done(&search->cache);
	strings_done(&search->musl_path);
	free(search->musl_path_file);
}

/* A file of another class or machine is passed over, as ld.so does. */
static bool is_library(const char *path)
{
	CLEANUP(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC);
	Elf64_Ehdr header;

	return fd >= 0 && file_read_at(fd, &header, sizeof(header), 0) == 0 &&
	       !memcmp(header.e_ident, ELFMAG, SELFMAG) && header.e_ident[EI_CLASS] == ELFCLASS64 &&
	       header.e_machine == EM_X86_64;
}

/* 1: found; 0: not there. */
static int try_directory(const char *dir, size_t dir_size, const char *name, char **ret)
{
	CLEANUP(freep) char *path = NULL;

	if (asprintf(&path, "%.*s/%s", (int)dir_size, dir, name) < 0)
		return -ENOMEM;
	if (!is_library(path))
		return 0;
	*ret = TAKE(path);
	return 1;
}

/* What a dynamic string token stands for; NULL: not one. @ret_size: its length. */
static const char *token_value(const char *at, const char *origin, size_t *ret_size)
{
	const struct {
		const char *token, *value;
	} tokens[] = {
		{"$ORIGIN", origin},
		{"${ORIGIN}", origin},
		{"$LIB", "lib/x86_64-linux-gnu"},
		{"${LIB}", "lib/x86_64-linux-gnu"},
		{"$PLATFORM", "x86_64"},
		{"${PLATFORM}", "x86_64"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(tokens); i++) {
		*ret_size = strlen(tokens[i].token);
		if (!strncmp(at, tokens[i].token, *ret_size))
			return tokens[i].value;
	}
	return NULL;
}

static int expand(const char *list, const char *origin, struct buffer *ret)
{
	int r = 0;

	while (r == 0 && *list) {
		size_t size;
		const char *value = *list == '$' ? token_value(list, origin, &size) : NULL;

		if (value) {
			r = buffer_append(ret, value, strlen(value));
			list += size;
		} else {
			r = buffer_append(ret, list++, 1);
		}
	}
	return r == 0 ? buffer_append(ret, "", 1) : r;
}

/* Look through the colon-separated directories of @object's RPATH or RUNPATH. */
static int try_list(
	const char *list, const struct library_object *object, const char *name, char **ret)
{
	CLEANUP(buffer_done) struct buffer expanded = {0};
	CLEANUP(freep) char *copy = strdup(object->path);
	int r = copy ? expand(list, dirname(copy), &expanded) : -ENOMEM;

	for (char *dir = (char *)expanded.data; r == 0 && dir;) {
		size_t size = strcspn(dir, ":");

		if (size)
			r = try_directory(dir, size, name, ret);
		dir = dir[size] ? dir + size + 1 : NULL;
	}
	return r;
}

static const char *cache_string(const struct library_search *search, size_t base, uint32_t offset)
{
	size_t at = base + offset;

	if (at >= search->cache.size ||
		!memchr(search->cache.data + at, 0, search->cache.size - at))
		return "";
	return (const char *)search->cache.data + at;
}

static int try_cache(const struct library_search *search, const char *name, char **ret)
{
	const uint8_t *data = search->cache.data;
	const uint8_t *magic =
		!data ? NULL : memmem(data, search->cache.size, CACHE_MAGIC, strlen(CACHE_MAGIC));
	struct cache_header header;
	size_t base;

	if (!magic || search->cache.size - (size_t)(magic - data) < sizeof(header))
		return 0;
	base = (size_t)(magic - data);
	memcpy(&header, magic, sizeof(header));
	if (header.count >
		(search->cache.size - base - sizeof(header)) / sizeof(struct cache_entry))
		return 0;
	for (uint32_t i = 0; i < header.count; i++) {
		struct cache_entry entry;
		const char *path;

		memcpy(&entry, magic + sizeof(header) + i * sizeof(entry), sizeof(entry));
		/* Variants for some processors only would make an image depend on this one. */
		if (entry.flags != CACHE_FLAGS_X86_64 || entry.hwcap ||
			strcmp(cache_string(search, base, entry.name), name))
			continue;
		path = cache_string(search, base, entry.path);
		if (!is_library(path))
			continue;
		*ret = strdup(path);
		return *ret ? 1 : -ENOMEM;
	}
	return 0;
}

static bool is_default_directory(const char *path)
{
	size_t size = (size_t)(strrchr(path, '/') - path);

	for (size_t i = 0; i < ARRAY_SIZE(default_directories); i++)
		if (strlen(default_directories[i]) == size &&
			!memcmp(default_directories[i], path, size))
			return true;
	return false;
}

/* RPATH is inherited from whoever loaded the object; RUNPATH switches it off and isn't. */
static int try_object_paths(const char *name, const struct library_object *object, char **ret)
{
	int r = 0;

	if (object && object->runpath)
		return try_list(object->runpath, object, name, ret);
	for (; r == 0 && object; object = object->loader)
		if (object->rpath && !object->runpath)
			r = try_list(object->rpath, object, name, ret);
	return r;
}

static int find_glibc(const struct library_search *search, const char *name,
	const struct library_object *object, char **ret, bool *ret_default)
{
	int r = try_object_paths(name, object, ret);

	*ret_default = true;
	if (r != 0)
		return r;
	r = try_cache(search, name, ret);
	if (r > 0)
		*ret_default = is_default_directory(*ret);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(default_directories); i++)
		r = try_directory(
			default_directories[i], strlen(default_directories[i]), name, ret);
	return r;
}

/* musl makes no difference between RPATH and RUNPATH, and inherits both. */
static int find_musl(const struct library_search *search, const char *name,
	const struct library_object *object, char **ret)
{
	int r = 0;

	for (; r == 0 && object; object = object->loader) {
		const char *list = object->runpath ? object->runpath : object->rpath;

		if (list)
			r = try_list(list, object, name, ret);
	}
	for (size_t i = 0; r == 0 && i < search->musl_path.count; i++)
		r = try_directory(
			search->musl_path.items[i], strlen(search->musl_path.items[i]), name, ret);
	return r;
}

int library_find(const struct library_search *search, const char *name,
	const struct library_object *object, char **ret_path, bool *ret_default)
{
	int r;

	*ret_default = true;
	if (strchr(name, '/')) {
		if (!is_library(name))
			return -ENOENT;
		*ret_path = realpath(name, NULL);
		return *ret_path ? 0 : -errno;
	}
	r = search->musl ? find_musl(search, name, object, ret_path)
			 : find_glibc(search, name, object, ret_path, ret_default);
	if (r < 0)
		return r;
	return r ? 0 : -ENOENT;
}
