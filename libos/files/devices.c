/* Character devices: the memory devices of mem(4) and random(4), and where others register. */
#include <linux/major.h>
#include <linux/random.h>

#include "base/memory.h"
#include "libos/core/log.h"
#include "libos/core/user.h"
#include "libos/files/open.h"
#include "platform/platform.h"

#define DRIVERS_MAX 32
#define RANDOM_CHUNK 256
#define ENTROPY_BITS 256

enum memory_minor {
	MINOR_NULL = 3,
	MINOR_ZERO = 5,
	MINOR_FULL = 7,
	MINOR_RANDOM = 8,
	MINOR_URANDOM = 9,
};

struct driver {
	uint32_t major, minor, count;
	int (*open)(struct inode *inode, struct file *file);
};

static struct driver drivers[DRIVERS_MAX];
static size_t driver_count;

void device_register(uint32_t major, uint32_t minor, uint32_t count,
	int (*open)(struct inode *inode, struct file *file))
{
	ASSERT(driver_count < DRIVERS_MAX);
	drivers[driver_count++] = (struct driver){major, minor, count, open};
}

static long null_read(struct file *file, struct io *io, uint64_t *offset)
{
	(void)file;
	(void)io;
	(void)offset;
	return 0;
}

static long null_write(struct file *file, struct io *io, uint64_t *offset)
{
	(void)file;
	(void)offset;
	return (long)io->left;
}

static long zero_read(struct file *file, struct io *io, uint64_t *offset)
{
	(void)file;
	(void)offset;
	return io_put_zeros(io, io->left);
}

static long full_write(struct file *file, struct io *io, uint64_t *offset)
{
	(void)file;
	(void)io;
	(void)offset;
	return -ENOSPC;
}

static long random_read(struct file *file, struct io *io, uint64_t *offset)
{
	uint8_t chunk[RANDOM_CHUNK];
	long done = 0, n = 0;

	(void)file;
	(void)offset;
	while (io->left) {
		size_t size = MIN(io->left, sizeof(chunk));

		platform_random(chunk, size);
		n = io_put(io, chunk, size);
		if (n <= 0)
			break;
		done += n;
	}
	memory_wipe(chunk, sizeof(chunk));
	return done ? done : n;
}

/* Stays at 0, as on Linux. */
static long memory_device_seek(struct file *file, int64_t offset, int whence)
{
	(void)offset;
	(void)whence;
	file->position = 0;
	return 0;
}

/* As /proc/sys/kernel/random has it: there is always enough. */
static long random_ioctl(struct file *file, uint32_t request, uint64_t argument)
{
	int32_t bits = ENTROPY_BITS;

	(void)file;
	if (request == RNDGETENTCNT)
		return USER_PUT(argument, bits);
	return -EINVAL;
}

static const struct file_ops null_ops = {.read = null_read,
	.write = null_write,
	.seek = memory_device_seek,
	.has_no_position = true};
static const struct file_ops zero_ops = {.read = zero_read,
	.write = null_write,
	.seek = memory_device_seek,
	.has_no_position = true};
static const struct file_ops full_ops = {.read = zero_read,
	.write = full_write,
	.seek = memory_device_seek,
	.has_no_position = true};
static const struct file_ops random_ops = {.read = random_read,
	.write = null_write,
	.seek = memory_device_seek,
	.has_no_position = true,
	.ioctl = random_ioctl};

static const struct file_ops *memory_device(uint32_t minor)
{
	switch (minor) {
	case MINOR_NULL:
		return &null_ops;
	case MINOR_ZERO:
		return &zero_ops;
	case MINOR_FULL:
		return &full_ops;
	case MINOR_RANDOM:
	case MINOR_URANDOM:
		return &random_ops;
	default:
		return NULL;
	}
}

bool device_is_zero(const struct file *file)
{
	return file->ops == &zero_ops;
}

int device_open(struct inode *inode, struct file *file)
{
	uint32_t major = device_major(inode->rdev), minor = device_minor(inode->rdev);

	if (major == MEM_MAJOR) {
		file->ops = memory_device(minor);
		return file->ops ? 0 : -ENXIO;
	}
	for (size_t i = 0; i < driver_count; i++)
		if (drivers[i].major == major && minor - drivers[i].minor < drivers[i].count)
			return drivers[i].open(inode, file);
	return -ENXIO;
}
