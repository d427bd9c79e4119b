#include "attestation/tsm_fixture.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

int __real_openat64(int directory, const char *name, int flags, ...);
int __wrap_openat64(int directory, const char *name, int flags, ...);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_mkdirat(int directory, const char *name, mode_t mode);
int __wrap_mkdirat(int directory, const char *name, mode_t mode);
int __real_unlinkat(int directory, const char *name, int flags);
int __wrap_unlinkat(int directory, const char *name, int flags);

static const char *const attributes[] = {
	"auxblob", "generation", "inblob", "outblob", "privlevel", "provider"};

static struct tsm_fixture *kernel;
static int written = -1; /* an attribute that is open for writing */
static struct bytes *written_to;

void tsm_fixture_use(struct tsm_fixture *fixture)
{
	kernel = fixture;
}

void tsm_fixture_done(struct tsm_fixture *fixture)
{
	bytes_done(&fixture->aux);
	bytes_done(&fixture->inblob);
	bytes_done(&fixture->privlevel);
}

static bool is_there(const char *name)
{
	return !(kernel->has_no_aux && !strcmp(name, "auxblob")) &&
	       !(kernel->has_no_privlevel && !strcmp(name, "privlevel"));
}

static void put(int directory, const char *name, const void *content, size_t size)
{
	int fd = __real_openat64(directory, name, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || write(fd, content, size) != (ssize_t)size)
		abort();
	__real_close(fd);
}

int __wrap_mkdirat(int directory, const char *name, mode_t mode)
{
	int fd;

	if (!kernel)
		return __real_mkdirat(directory, name, mode);
	if (!kernel->provider) {
		errno = ENXIO;
		return -1;
	}
	if (__real_mkdirat(directory, name, mode) < 0)
		return -1;
	fd = __real_openat64(directory, name, O_RDONLY | O_DIRECTORY);
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
		if (is_there(attributes[i]))
			put(fd, attributes[i], "", 0);
	__real_close(fd);
	kernel->made++;
	return 0;
}

int __wrap_unlinkat(int directory, const char *name, int flags)
{
	if (kernel && flags & AT_REMOVEDIR) {
		int fd = __real_openat64(directory, name, O_RDONLY | O_DIRECTORY);

		for (size_t i = 0; i < ARRAY_SIZE(attributes); i++)
			__real_unlinkat(fd, attributes[i], 0);
		__real_close(fd);
		kernel->removed++;
	}
	return __real_unlinkat(directory, name, flags);
}

/* What is read is made when it is asked for. */
static int fill(int directory, const char *name)
{
	char text[64];
	struct bytes report = {0};

	if (!strcmp(name, "provider")) {
		put(directory, name, text,
			(size_t)snprintf(text, sizeof(text), "%s\n", kernel->provider));
	} else if (!strcmp(name, "generation")) {
		snprintf(text, sizeof(text), "%lu\n", kernel->writes);
		if (kernel->generation)
			snprintf(text, sizeof(text), "%s", kernel->generation);
		put(directory, name, text, strlen(text));
	} else if (!strcmp(name, "auxblob")) {
		put(directory, name, kernel->aux.data, kernel->aux.size);
	} else if (!strcmp(name, "outblob")) {
		if (!kernel->inblob.size)
			return -EINVAL;
		kernel->make(kernel->data, &kernel->inblob, &report);
		put(directory, name, report.data, report.size);
		bytes_done(&report);
	}
	return 0;
}

int __wrap_openat64(int directory, const char *name, int flags, ...)
{
	bool is_attribute = false;
	va_list args;
	mode_t mode;
	int fd, r;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	for (size_t i = 0; kernel && i < ARRAY_SIZE(attributes); i++)
		is_attribute |= !strcmp(name, attributes[i]) && is_there(name);
	if (!is_attribute)
		return __real_openat64(directory, name, flags, mode);
	r = (flags & O_ACCMODE) == O_RDONLY ? fill(directory, name) : 0;
	if (r < 0) {
		errno = -r;
		return -1;
	}
	if ((flags & O_ACCMODE) == O_RDONLY)
		return __real_openat64(directory, name, flags);
	/* The file is read back when it is closed. */
	fd = __real_openat64(directory, name, O_RDWR | O_TRUNC | O_CLOEXEC);
	written = fd;
	written_to = !strcmp(name, "inblob") ? &kernel->inblob : &kernel->privlevel;
	return fd;
}

int __wrap_close(int fd)
{
	uint8_t value[4096];
	ssize_t size;

	if (!kernel || fd < 0 || fd != written)
		return __real_close(fd);
	written = -1;
	size = pread(fd, value, sizeof(value), 0);
	if (size < 0)
		abort();
	if (!kernel->drops_writes) {
		bytes_done(written_to);
		*written_to = (struct bytes){0};
		bytes_put(written_to, value, (size_t)size);
		kernel->writes++;
	}
	if (kernel->others) {
		kernel->others--;
		kernel->writes++;
	}
	return __real_close(fd);
}
