#include "host/state.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>

#include "image/file.h"

#define INFO_SIZE_MAX 4096
#define LOCK_NAME ".lock"
#define NAME_TRIES 100

static const char *const entry_files[] = {"control", "log", "log.1", "info"};

bool state_is_name(const char *name)
{
	size_t size = strlen(name);

	if (!size || size >= STATE_NAME_SIZE || !isalnum((unsigned char)name[0]))
		return false;
	for (; *name; name++)
		if (!isalnum((unsigned char)*name) && !strchr("._-", *name))
			return false;
	return true;
}

void state_entry_done(struct state_entry *entry)
{
	close_fdp(&entry->directory);
	close_fdp(&entry->info);
	entry->directory = entry->info = -1;
}

/* ---- The directory of all ----------------------------------------------------------------------
 */

static void choose_place(char *to, size_t size)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR"), *temporary = getenv("TMPDIR");

	if (runtime && *runtime == '/')
		snprintf(to, size, "%s/casemate", runtime);
	else if (geteuid() == 0 && access("/run", W_OK) == 0)
		snprintf(to, size, "/run/casemate");
	else
		snprintf(to, size, "%s/casemate-%u",
			temporary && *temporary == '/' ? temporary : "/tmp", geteuid());
}

int state_open(int *ret_state, struct image_error *error)
{
	CLEANUP(close_fdp) int fd = -1;
	char path[4096];
	struct stat st;

	choose_place(path, sizeof(path));
	if (mkdir(path, 0700) < 0 && errno != EEXIST)
		return image_fail_errno(error, -errno, "%s", path);
	fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fstat(fd, &st) < 0)
		return image_fail_errno(error, -errno, "%s", path);
	/* Somebody may have put it where anybody may write. */
	if (st.st_uid != geteuid() || (st.st_mode & 077))
		return image_fail(
			error, -EPERM, "%s: must be yours, and closed to others (mode 0700)", path);
	*ret_state = fd;
	fd = -1;
	return 0;
}

/* Held while entries come and go, and while it is judged which live. */
static int lock_all(int state, int operation)
{
	int fd = openat(state, LOCK_NAME, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return -errno;
	while (flock(fd, operation) < 0)
		if (errno != EINTR) {
			close(fd);
			return -errno;
		}
	return fd;
}

/* ---- Reading -----------------------------------------------------------------------------------
 */

static void take_text(char *to, size_t size, const char *value)
{
	snprintf(to, size, "%s", value);
}

static void take_line(struct state_info *info, const char *key, const char *value)
{
	if (!strcmp(key, "launcher"))
		info->launcher = (pid_t)strtol(value, NULL, 10);
	else if (!strcmp(key, "created"))
		info->created = strtoll(value, NULL, 10);
	else if (!strcmp(key, "finished"))
		info->finished = strtoll(value, NULL, 10);
	else if (!strcmp(key, "status"))
		info->status = (int)strtol(value, NULL, 10);
	else if (!strcmp(key, "image"))
		take_text(info->image, sizeof(info->image), value);
	else if (!strcmp(key, "digest"))
		take_text(info->digest, sizeof(info->digest), value);
	else if (!strcmp(key, "command"))
		take_text(info->command, sizeof(info->command), value);
	else if (!strcmp(key, "removes"))
		info->removes = *value == '1';
	else if (!strcmp(key, "log"))
		info->has_log = *value == '1';
}

/* What stands there; the end is unknown unless it does too. */
static void read_info(int fd, struct state_info *info)
{
	char text[INFO_SIZE_MAX + 1], *line = text, *next, *equals;
	ssize_t size = pread(fd, text, INFO_SIZE_MAX, 0);

	info->status = STATE_STATUS_KILLED;
	text[size > 0 ? size : 0] = '\0';
	for (; (next = strchr(line, '\n')); line = next + 1) {
		*next = '\0';
		equals = strchr(line, '=');
		if (!equals)
			continue;
		*equals = '\0';
		take_line(info, line, equals + 1);
	}
}

int state_read(int state, const char *name, struct state_entry *ret, struct state_info *ret_info)
{
	CLEANUP(state_entry_done) struct state_entry entry = {.directory = -1, .info = -1};

	if (!state_is_name(name))
		return -ENOENT;
	entry.directory = openat(state, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (entry.directory < 0)
		return -errno;
	memset(ret_info, 0, sizeof(*ret_info));
	take_text(ret_info->name, sizeof(ret_info->name), name);
	ret_info->status = STATE_STATUS_KILLED;
	entry.info = openat(entry.directory, "info", O_RDWR | O_NOFOLLOW | O_CLOEXEC);
	/* Its maker may have been killed before there was one. */
	if (entry.info >= 0) {
		ret_info->runs = flock(entry.info, LOCK_SH | LOCK_NB) < 0;
		read_info(entry.info, ret_info);
		if (!ret_info->runs)
			flock(entry.info, LOCK_UN);
	}
	if (ret) {
		*ret = entry;
		entry.directory = entry.info = -1;
	}
	return 0;
}

int state_wait(const struct state_entry *entry, struct state_info *ret_info)
{
	while (entry->info >= 0 && flock(entry->info, LOCK_SH) < 0)
		if (errno != EINTR)
			return -errno;
	if (entry->info >= 0) {
		read_info(entry->info, ret_info);
		flock(entry->info, LOCK_UN);
	}
	ret_info->runs = false;
	return 0;
}

/* ---- Coming and going --------------------------------------------------------------------------
 */

static int remove_files(int state, const char *name)
{
	CLEANUP(close_fdp)
	int directory = openat(state, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (directory < 0)
		return -errno;
	for (size_t i = 0; i < ARRAY_SIZE(entry_files); i++)
		if (unlinkat(directory, entry_files[i], 0) < 0 && errno != ENOENT)
			return -errno;
	return unlinkat(state, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

int state_remove(int state, const char *name)
{
	CLEANUP(close_fdp) int all = lock_all(state, LOCK_EX);
	struct state_info info;
	int r = all < 0 ? all : state_read(state, name, NULL, &info);

	if (r < 0)
		return r;
	return info.runs ? -EBUSY : remove_files(state, name);
}

static void choose_name(char to[STATE_NAME_SIZE])
{
	uint8_t bytes[6];

	if (getrandom(bytes, sizeof(bytes), 0) != sizeof(bytes))
		memset(bytes, 0, sizeof(bytes));
	hex_encode(bytes, sizeof(bytes), to);
}

/* A line must stay one. */
static void put_line(FILE *file, const char *key, const char *value)
{
	fprintf(file, "%s=", key);
	for (; *value; value++)
		fputc(iscntrl((unsigned char)*value) ? ' ' : *value, file);
	fputc('\n', file);
}

static int write_info(int fd, const struct state_info *info)
{
	char text[INFO_SIZE_MAX];
	FILE *file = fmemopen(text, sizeof(text), "w");
	long size;

	if (!file)
		return -errno;
	fprintf(file, "launcher=%d\ncreated=%lld\nremoves=%d\nlog=%d\n", (int)info->launcher,
		(long long)info->created, info->removes, info->has_log);
	put_line(file, "image", info->image);
	put_line(file, "digest", info->digest);
	put_line(file, "command", info->command);
	size = ftell(file);
	fclose(file);
	return size < 0 ? -EIO : file_write_at(fd, text, (size_t)size, 0);
}

/* Its directory, and the lock. */
static int fill_entry(int state, const struct state_info *info, struct state_entry *entry)
{
	entry->directory =
		openat(state, info->name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (entry->directory < 0)
		return -errno;
	entry->info = openat(
		entry->directory, "info", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (entry->info < 0 || flock(entry->info, LOCK_EX | LOCK_NB) < 0)
		return -errno;
	return write_info(entry->info, info);
}

/* A directory by its name, or a name that is free. */
static int make_directory(int state, struct state_info *info)
{
	bool is_given = info->name[0];

	for (int i = 0; i < (is_given ? 1 : NAME_TRIES); i++) {
		if (!is_given)
			choose_name(info->name);
		if (mkdirat(state, info->name, 0700) == 0)
			return 0;
		if (errno != EEXIST)
			return -errno;
	}
	return -EEXIST;
}

int state_create(
	int state, struct state_info *info, struct state_entry *ret, struct image_error *error)
{
	CLEANUP(state_entry_done) struct state_entry entry = {.directory = -1, .info = -1};
	CLEANUP(close_fdp) int all = lock_all(state, LOCK_EX);
	struct state_info old;
	int r = all < 0 ? all : 0;

	info->created = time(NULL);
	if (!r && info->name[0] && state_read(state, info->name, NULL, &old) == 0 && !old.runs &&
		old.removes)
		r = remove_files(state, info->name);
	if (!r)
		r = make_directory(state, info);
	if (r == -EEXIST)
		return image_fail(error, r,
			"the name \"%s\" is in use; `casemate rm %s` frees it once the enclave has "
			"ended",
			info->name, info->name);
	if (!r) {
		r = fill_entry(state, info, &entry);
		if (r)
			(void)!remove_files(state, info->name);
	}
	if (r)
		return image_fail_errno(error, r, "the state of enclave %s", info->name);
	*ret = entry;
	entry.directory = entry.info = -1;
	return 0;
}

void state_finish(const struct state_entry *entry, int status)
{
	char text[80];
	struct stat st;
	int size = snprintf(
		text, sizeof(text), "status=%d\nfinished=%lld\n", status, (long long)time(NULL));

	if (fstat(entry->info, &st) == 0)
		(void)!file_write_at(entry->info, text, (size_t)size, (uint64_t)st.st_size);
}

/* ---- All of them -------------------------------------------------------------------------------
 */

static int by_age(const void *a, const void *b)
{
	const struct state_info *x = a, *y = b;

	if (x->created != y->created)
		return x->created < y->created ? -1 : 1;
	return strcmp(x->name, y->name);
}

static int add_info(int state, const char *name, struct state_info **infos, size_t *count)
{
	struct state_info *longer = realloc(*infos, (*count + 1) * sizeof(*longer));

	if (!longer)
		return -ENOMEM;
	*infos = longer;
	if (state_read(state, name, NULL, &longer[*count]))
		return 0; /* gone meanwhile */
	if (!longer[*count].runs && longer[*count].removes)
		(void)!remove_files(state, name);
	else
		++*count;
	return 0;
}

static void closedirp(DIR **directory)
{
	if (*directory)
		closedir(*directory);
}

int state_list(int state, struct state_info **ret_infos, size_t *ret_count)
{
	CLEANUP(close_fdp) int all = lock_all(state, LOCK_EX);
	CLEANUP(closedirp) DIR *directory = NULL;
	CLEANUP(freep) struct state_info *infos = NULL;
	struct dirent *found;
	size_t count = 0;
	int fd = all < 0 ? all : openat(state, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC), r = 0;

	directory = fd < 0 ? NULL : fdopendir(fd);
	if (!directory)
		return all < 0 ? all : -errno;
	while (!r && (found = readdir(directory)))
		if (state_is_name(found->d_name))
			r = add_info(state, found->d_name, &infos, &count);
	if (r)
		return r;
	if (count)
		qsort(infos, count, sizeof(*infos), by_age);
	*ret_infos = TAKE(infos);
	*ret_count = count;
	return 0;
}
