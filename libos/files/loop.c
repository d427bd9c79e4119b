#include "libos/files/loop.h"

#include <linux/falloc.h>
#include <linux/loop.h>
#include <linux/major.h>

#include "base/memory.h"
#include "libos/files/descriptors.h"
#include "libos/files/mount.h"
#include "libos/files/open.h"
#include "libos/processes/process.h"

#define SECTOR_SIZE 512U
#define SECTOR_SHIFT 9
#define CAP_SYS_ADMIN 21
#define READ_AHEAD_SECTORS 256 /* to begin with, as on Linux */
#define LOOP_FLAGS_CONFIGURABLE                                                                    \
	(LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN | LO_FLAGS_DIRECT_IO)
#define LOOP_FLAGS_CLEARABLE LO_FLAGS_AUTOCLEAR
#define LOOP_FLAGS_SETTABLE (LO_FLAGS_AUTOCLEAR | LO_FLAGS_PARTSCAN)
/* linux/fs.h does not name them all for programs. */
#define BLKROTATIONAL_REQUEST 0x127e

struct loop {
	struct lock lock;
	struct file *backing; /* referenced; NULL: nothing is attached */
	uint64_t size;        /* bytes; as of attaching, or LOOP_SET_CAPACITY */
	uint64_t offset, size_limit;
	uint32_t flags, block_size; /* LO_FLAGS_* */
	uint32_t openers;
	uint64_t read_ahead; /* sectors */
	char name[LO_NAME_SIZE];
};

static struct loop loops[LOOP_DEVICES_MAX];

static struct loop *loop_of(const struct file *file)
{
	return file->private_data;
}

static uint32_t number_of(const struct loop *loop)
{
	return (uint32_t)(loop - loops);
}

static uint32_t block_size_of(const struct loop *loop)
{
	return loop->block_size ? loop->block_size : SECTOR_SIZE;
}

uint32_t loop_block_size(const struct inode *inode)
{
	uint32_t minor = device_minor(inode->rdev);

	if (!inode_is(inode, S_IFBLK) || device_major(inode->rdev) != LOOP_MAJOR ||
		minor >= LOOP_DEVICES_MAX)
		return 0;
	return block_size_of(&loops[minor]);
}

void loop_state_get(uint32_t number, struct loop_state *ret_state)
{
	struct loop *loop = &loops[number];

	LOCK_SCOPE(&loop->lock);
	*ret_state = (struct loop_state){
		.backing = loop->backing ? file_ref(loop->backing) : NULL,
		.size = loop->size,
		.offset = loop->offset,
		.size_limit = loop->size_limit,
		.flags = loop->flags,
		.block_size = block_size_of(loop),
		.read_ahead = loop->read_ahead,
	};
}

/* ---- Reading and writing ---- */

/* What is attached: referenced, and the device's place in it. */
static struct file *backing_get(struct loop *loop, uint64_t *ret_offset, uint64_t *ret_size)
{
	LOCK_SCOPE(&loop->lock);
	*ret_offset = loop->offset;
	*ret_size = loop->size;
	return loop->backing ? file_ref(loop->backing) : NULL;
}

/* Hand at most what is left of the device on to the file behind it. */
static long transfer(struct file *file, struct io *io, uint64_t *offset, bool is_write)
{
	uint64_t start, size, at, whole = io->left, room;
	CLEANUP(file_unrefp) struct file *backing = backing_get(loop_of(file), &start, &size);
	long (*op)(struct file * file, struct io * io, uint64_t * offset);
	long n;

	if (!backing || *offset >= size)
		return is_write && io->left ? -ENOSPC : 0;
	op = is_write ? backing->ops->write : backing->ops->read;
	if (!op)
		return -EIO;
	room = MIN(whole, size - *offset);
	at = start + *offset;
	io->left = room;
	n = op(backing, io, &at);
	io->left += whole - room;
	if (n > 0)
		*offset += (uint64_t)n;
	return n;
}

static long loop_read(struct file *file, struct io *io, uint64_t *offset)
{
	return transfer(file, io, offset, false);
}

static long loop_write(struct file *file, struct io *io, uint64_t *offset)
{
	return loop_of(file)->flags & LO_FLAGS_READ_ONLY ? -EPERM
							 : transfer(file, io, offset, true);
}

static long loop_seek(struct file *file, int64_t offset, int whence)
{
	return file_seek_within(file, offset, whence, loop_of(file)->size);
}

static int loop_sync(struct file *file, bool data_only)
{
	uint64_t start, size;
	CLEANUP(file_unrefp) struct file *backing = backing_get(loop_of(file), &start, &size);

	return backing && backing->ops->sync ? backing->ops->sync(backing, data_only) : 0;
}

/* ---- Attaching. The lock is held by the callers of these ---- */

static void size_update(struct loop *loop)
{
	struct file_status status;
	uint64_t size;

	file_status(loop->backing, &status);
	size = status.size > loop->offset ? status.size - loop->offset : 0;
	if (loop->size_limit)
		size = MIN(size, loop->size_limit);
	loop->size = ALIGN_DOWN(size, (uint64_t)SECTOR_SIZE);
}

/* *ret_backing: to be let go without the lock. */
static void loop_clear(struct loop *loop, struct file **ret_backing)
{
	*ret_backing = loop->backing;
	loop->backing = NULL;
	loop->size = loop->offset = loop->size_limit = 0;
	loop->flags = loop->block_size = 0;
	memset(loop->name, 0, sizeof(loop->name));
}

static bool is_block_size(uint32_t size)
{
	return size >= SECTOR_SIZE && size <= PAGE_SIZE && !(size & (size - 1));
}

/* A device on itself, or on one that is on it, would read for ever: files of file systems only. */
static int backing_open(int fd, struct file **ret_file)
{
	CLEANUP(file_unrefp) struct file *file = fd_get(fd);

	if (!file)
		return -EBADF;
	if (!inode_is(file->inode, S_IFREG) || !file->ops || !file->ops->read)
		return -EINVAL;
	*ret_file = TAKE(file);
	return 0;
}

static int configure_locked(
	struct file *file, struct file *backing, const struct loop_config *config)
{
	struct loop *loop = loop_of(file);
	const struct loop_info64 *info = &config->info;

	if (loop->backing)
		return -EBUSY;
	loop->backing = file_ref(backing);
	loop->flags = info->lo_flags;
	if (!file_can_write(file) || !file_can_write(backing) || !backing->ops->write)
		loop->flags |= LO_FLAGS_READ_ONLY;
	loop->block_size = config->block_size ? config->block_size : SECTOR_SIZE;
	loop->offset = info->lo_offset;
	loop->size_limit = info->lo_sizelimit;
	memcpy(loop->name, info->lo_file_name, sizeof(loop->name));
	loop->name[sizeof(loop->name) - 1] = '\0';
	size_update(loop);
	return 0;
}

static int configure(struct file *file, const struct loop_config *config)
{
	CLEANUP(file_unrefp) struct file *backing = NULL;
	int r = backing_open((int)config->fd, &backing);

	if (r)
		return r;
	if (config->block_size && !is_block_size(config->block_size))
		return -EINVAL;
	if (config->info.lo_flags & ~(uint32_t)LOOP_FLAGS_CONFIGURABLE ||
		config->info.lo_encrypt_type || config->info.lo_offset > (uint64_t)INT64_MAX)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(config->__reserved); i++)
		if (config->__reserved[i])
			return -EINVAL;
	LOCK_SCOPE(&loop_of(file)->lock);
	return configure_locked(file, backing, config);
}

/* With others still looking at it, it goes when the last of them closes. */
static int detach(struct loop *loop)
{
	CLEANUP(file_unrefp) struct file *backing = NULL;

	LOCK_SCOPE(&loop->lock);
	if (!loop->backing)
		return -ENXIO;
	if (loop->openers > 1)
		loop->flags |= LO_FLAGS_AUTOCLEAR;
	else
		loop_clear(loop, &backing);
	return 0;
}

static int change_backing(struct loop *loop, int fd)
{
	CLEANUP(file_unrefp) struct file *file = NULL;
	struct file *old;
	struct file_status new_status, old_status;
	int r = backing_open(fd, &file);

	LOCK_SCOPE(&loop->lock);
	if (!loop->backing)
		return -ENXIO;
	if (!(loop->flags & LO_FLAGS_READ_ONLY))
		return -EINVAL;
	if (r)
		return r;
	file_status(file, &new_status);
	file_status(loop->backing, &old_status);
	if (new_status.size != old_status.size)
		return -EINVAL;
	old = loop->backing;
	loop->backing = TAKE(file);
	file = old;
	return 0;
}

/* ---- What losetup(8) asks and sets ---- */

static int info_get(struct loop *loop, struct loop_info64 *ret_info)
{
	struct file_status status;

	LOCK_SCOPE(&loop->lock);
	if (!loop->backing)
		return -ENXIO;
	file_status(loop->backing, &status);
	*ret_info = (struct loop_info64){
		.lo_device = status.device,
		.lo_inode = status.inode_number,
		.lo_rdevice = status.rdev,
		.lo_offset = loop->offset,
		.lo_sizelimit = loop->size_limit,
		.lo_number = number_of(loop),
		.lo_flags = loop->flags,
	};
	memcpy(ret_info->lo_file_name, loop->name, sizeof(loop->name));
	return 0;
}

static int info_set(struct loop *loop, const struct loop_info64 *info)
{
	LOCK_SCOPE(&loop->lock);
	if (!loop->backing)
		return -ENXIO;
	if (info->lo_encrypt_type || info->lo_offset > (uint64_t)INT64_MAX)
		return -EINVAL;
	loop->offset = info->lo_offset;
	loop->size_limit = info->lo_sizelimit;
	memcpy(loop->name, info->lo_file_name, sizeof(loop->name));
	loop->name[sizeof(loop->name) - 1] = '\0';
	loop->flags &= ~(info->lo_flags & LOOP_FLAGS_SETTABLE ? 0U : LOOP_FLAGS_CLEARABLE);
	loop->flags |= info->lo_flags & LOOP_FLAGS_SETTABLE;
	size_update(loop);
	return 0;
}

static int info_get_old(struct loop *loop, struct loop_info *ret_info)
{
	struct loop_info64 info;
	int r = info_get(loop, &info);

	if (r)
		return r;
	*ret_info = (struct loop_info){
		.lo_number = (int)info.lo_number,
		.lo_device = (__kernel_old_dev_t)info.lo_device,
		.lo_inode = info.lo_inode,
		.lo_rdevice = (__kernel_old_dev_t)info.lo_rdevice,
		.lo_offset = (int)info.lo_offset,
		.lo_flags = (int)info.lo_flags,
	};
	memcpy(ret_info->lo_name, info.lo_file_name, LO_NAME_SIZE);
	return (uint64_t)ret_info->lo_offset == info.lo_offset ? 0 : -EOVERFLOW;
}

static int info_set_old(struct loop *loop, const struct loop_info *old)
{
	struct loop_info64 info = {
		.lo_offset = (uint64_t)old->lo_offset,
		.lo_encrypt_type = (uint32_t)old->lo_encrypt_type,
		.lo_flags = (uint32_t)old->lo_flags,
	};

	memcpy(info.lo_file_name, old->lo_name, LO_NAME_SIZE);
	return info_set(loop, &info);
}

static int capacity_set(struct loop *loop)
{
	LOCK_SCOPE(&loop->lock);
	if (!loop->backing)
		return -ENXIO;
	size_update(loop);
	return 0;
}

static int block_size_set(struct loop *loop, uint64_t size)
{
	LOCK_SCOPE(&loop->lock);
	if (!loop->backing)
		return -ENXIO;
	if (size > PAGE_SIZE || !is_block_size((uint32_t)size))
		return -EINVAL;
	loop->block_size = (uint32_t)size;
	return 0;
}

/* There is no cache to go past: kept and shown. */
static int direct_io_set(struct loop *loop, uint64_t on)
{
	LOCK_SCOPE(&loop->lock);
	if (!loop->backing)
		return -ENXIO;
	loop->flags =
		on ? loop->flags | LO_FLAGS_DIRECT_IO : loop->flags & ~(uint32_t)LO_FLAGS_DIRECT_IO;
	return 0;
}

static long set_up(struct file *file, uint32_t request, uint64_t argument)
{
	struct loop_config config = {0};
	int r = 0;

	if (request == LOOP_SET_FD)
		config.fd = (uint32_t)argument;
	else
		r = USER_GET(&config, argument);
	return r ? r : configure(file, &config);
}

static long loop_request(struct file *file, uint32_t request, uint64_t argument)
{
	struct loop *loop = loop_of(file);
	struct loop_info64 info;
	struct loop_info old;
	long r;

	switch (request) {
	case LOOP_SET_FD:
	case LOOP_CONFIGURE:
		return set_up(file, request, argument);
	case LOOP_CLR_FD:
		return detach(loop);
	case LOOP_CHANGE_FD:
		return change_backing(loop, (int)argument);
	case LOOP_GET_STATUS64:
		r = info_get(loop, &info);
		return r ? r : USER_PUT(argument, info);
	case LOOP_SET_STATUS64:
		r = USER_GET(&info, argument);
		return r ? r : info_set(loop, &info);
	case LOOP_GET_STATUS:
		r = info_get_old(loop, &old);
		return r ? r : USER_PUT(argument, old);
	case LOOP_SET_STATUS:
		r = USER_GET(&old, argument);
		return r ? r : info_set_old(loop, &old);
	case LOOP_SET_CAPACITY:
		return capacity_set(loop);
	case LOOP_SET_BLOCK_SIZE:
		return block_size_set(loop, argument);
	case LOOP_SET_DIRECT_IO:
		return direct_io_set(loop, argument);
	default:
		return -EINVAL;
	}
}

/* ---- What every block device answers ---- */

/* BLKDISCARD, BLKZEROOUT: a hole in the file. */
static long discard(struct file *file, uint64_t argument)
{
	uint64_t range[2], start, size;
	CLEANUP(file_unrefp) struct file *backing = backing_get(loop_of(file), &start, &size);
	struct inode *inode;

	if (!file_can_write(file))
		return -EBADF;
	if (user_read(range, argument, sizeof(range)))
		return -EFAULT;
	if ((range[0] | range[1]) % SECTOR_SIZE || range[0] + range[1] < range[0] ||
		range[0] + range[1] > size)
		return -EINVAL;
	inode = backing ? backing->inode : NULL;
	if (!inode || !inode->ops->allocate)
		return -EOPNOTSUPP;
	return inode->ops->allocate(
		inode, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, start + range[0], range[1]);
}

/* Kept and told: what is behind the device is in memory already. */
static int read_ahead_set(struct loop *loop, uint64_t sectors)
{
	if (!credentials_can(&thread_current()->credentials, CAP_SYS_ADMIN))
		return -EACCES;
	__atomic_store_n(&loop->read_ahead, sectors, __ATOMIC_RELAXED);
	return 0;
}

static long block_request(struct file *file, uint32_t request, uint64_t argument)
{
	struct loop *loop = loop_of(file);

	switch (request) {
	case BLKGETSIZE64:
		return USER_PUT(argument, loop->size);
	case BLKGETSIZE:
		return USER_PUT(argument, loop->size >> SECTOR_SHIFT);
	case BLKSSZGET:
	case BLKPBSZGET:
	case BLKIOMIN:
		return USER_PUT(argument, block_size_of(loop));
	case BLKBSZGET:
		return USER_PUT(argument, (uint32_t)PAGE_SIZE);
	case BLKIOOPT:
	case BLKALIGNOFF:
	case BLKDISCARDZEROES:
		return USER_PUT(argument, 0U);
	case BLKROGET:
		return USER_PUT(argument, (uint32_t) !!(loop->flags & LO_FLAGS_READ_ONLY));
	case BLKROTATIONAL_REQUEST:
		return USER_PUT(argument, (uint16_t)0);
	case BLKRAGET:
		return USER_PUT(argument, loop->read_ahead);
	case BLKRASET:
		return read_ahead_set(loop, argument);
	case BLKFLSBUF:
		return 0;
	case BLKDISCARD:
	case BLKZEROOUT:
		return discard(file, argument);
	default:
		return loop_request(file, request, argument);
	}
}

static void loop_release(struct file *file)
{
	struct loop *loop = loop_of(file);
	CLEANUP(file_unrefp) struct file *backing = NULL;

	LOCK_SCOPE(&loop->lock);
	if (!--loop->openers && loop->flags & LO_FLAGS_AUTOCLEAR)
		loop_clear(loop, &backing);
}

static const struct file_ops loop_ops = {
	.read = loop_read,
	.write = loop_write,
	.seek = loop_seek,
	.ioctl = block_request,
	.sync = loop_sync,
	.release = loop_release,
};

int block_device_open(struct inode *inode, struct file *file)
{
	uint32_t minor = device_minor(inode->rdev);
	struct loop *loop;

	if (device_major(inode->rdev) != LOOP_MAJOR || minor >= LOOP_DEVICES_MAX)
		return -ENXIO;
	loop = &loops[minor];
	LOCK_SCOPE(&loop->lock);
	loop->openers++;
	file->private_data = loop;
	file->ops = &loop_ops;
	return 0;
}

/* ---- /dev/loop-control ---- */

static bool is_free(struct loop *loop)
{
	LOCK_SCOPE(&loop->lock);
	return !loop->backing;
}

static long find_free(void)
{
	for (uint32_t i = 0; i < LOOP_DEVICES_MAX; i++)
		if (is_free(&loops[i]))
			return i;
	return -ENOSPC;
}

/* There are always the same devices: none is added, none goes. */
static long control_request(struct file *file, uint32_t request, uint64_t argument)
{
	(void)file;
	if (!credentials_can(&thread_current()->credentials, CAP_SYS_ADMIN))
		return -EPERM;
	switch (request) {
	case LOOP_CTL_GET_FREE:
		return find_free();
	case LOOP_CTL_ADD:
		return argument < LOOP_DEVICES_MAX ? -EEXIST : -ENOSPC;
	case LOOP_CTL_REMOVE:
		return argument < LOOP_DEVICES_MAX ? -EBUSY : -ENODEV;
	default:
		return -ENOSYS;
	}
}

static const struct file_ops control_ops = {.ioctl = control_request};

static int control_open(struct inode *inode, struct file *file)
{
	(void)inode;
	file->ops = &control_ops;
	return 0;
}

void loop_init(void)
{
	for (uint32_t i = 0; i < LOOP_DEVICES_MAX; i++)
		loops[i].read_ahead = READ_AHEAD_SECTORS;
	device_register(MISC_MAJOR, LOOP_CONTROL_MINOR, 1, control_open);
}
