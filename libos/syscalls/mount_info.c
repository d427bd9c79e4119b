/* statmount(2) and listmount(2): what is mounted where, by numbers that are never used again. */
#include <linux/capability.h>
#include <linux/mount.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/fs_context.h"
#include "libos/files/mount.h"
#include "libos/files/path.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"
#include "platform/platform.h"

#define MS_PRIVATE_ (1U << 18)
#define LIST_COUNT_MAX 1000000U
#define LISTMOUNT_REVERSE 1U
#define LISTMOUNT_ROOT UINT64_MAX
#define REQUEST_SIZE_MAX 4096U
#define MOUNTS_LISTED_MAX 8192UL
#define TEXT_SIZE (2 * PATH_SIZE)

enum {
	STATMOUNT_SB_BASIC = 1,
	STATMOUNT_MNT_BASIC = 2,
	STATMOUNT_PROPAGATE_FROM = 4,
	STATMOUNT_MNT_ROOT = 8,
	STATMOUNT_MNT_POINT = 16,
	STATMOUNT_FS_TYPE = 32,
	STATMOUNT_STRINGS = STATMOUNT_MNT_ROOT | STATMOUNT_MNT_POINT | STATMOUNT_FS_TYPE,
	STATMOUNT_OFFERED = 63,
};

struct request {
	uint32_t size, spare;
	uint64_t id, parameter;
};
_Static_assert(sizeof(struct request) == 24, "ABI: MNT_ID_REQ_SIZE_VER0");

struct status {
	uint32_t size, spare1;
	uint64_t mask;
	uint32_t sb_dev_major, sb_dev_minor;
	uint64_t sb_magic;
	uint32_t sb_flags, fs_type; /* strings: from the end of the structure on */
	uint64_t mnt_id, mnt_parent_id;
	uint32_t mnt_id_old, mnt_parent_id_old;
	uint64_t mnt_attr, mnt_propagation, mnt_peer_group, mnt_master, propagate_from;
	uint32_t mnt_root, mnt_point;
	uint64_t spare2[50];
};
_Static_assert(sizeof(struct status) == 512, "ABI");

/* ---- The request ---- */

static int request_read(struct request *request, uint64_t from)
{
	uint32_t size;
	int r;

	if (USER_GET(&size, from))
		return -EFAULT;
	if (size < sizeof(*request))
		return -EINVAL;
	if (size > REQUEST_SIZE_MAX)
		return -E2BIG;
	r = user_read_versioned(request, sizeof(*request), from, size);
	if (r)
		return r;
	return request->spare ? -EINVAL : 0;
}

/* With mounts_lock held. */
static struct mount *mount_find(uint64_t id)
{
	struct mount *mount;

	LIST_FOR_EACH (mount, &mounts, link)
		if (mount_unique_id(mount) == id)
			return mount;
	return NULL;
}

/* Where it is for the caller: *@path is '/', or it is out of reach. */
static void place_of(const struct mount *mount, struct dentry *root, char path[PATH_SIZE])
{
	if (dentry_path(mount->root, root, path, PATH_SIZE) <= 0)
		*path = '\0';
}

static bool may_see(const char *path)
{
	return *path == '/' || credentials_can(&thread_current()->credentials, CAP_SYS_ADMIN);
}

/* ---- statmount ---- */

struct answer {
	struct status status;
	char strings[TEXT_SIZE];
	uint32_t used; /* bytes of strings */
	char path[PATH_SIZE], root[PATH_SIZE];
};

static uint64_t attributes_of(uint32_t flags)
{
	uint64_t attributes = flags & (MOUNT_READ_ONLY | MOUNT_NOSUID | MOUNT_NODEV | MOUNT_NOEXEC);

	if (flags & MOUNT_NOATIME)
		attributes |= MOUNT_ATTR_NOATIME;
	else if (flags & MOUNT_STRICTATIME)
		attributes |= MOUNT_ATTR_STRICTATIME;
	if (flags & MOUNT_NODIRATIME)
		attributes |= MOUNT_ATTR_NODIRATIME;
	return flags & MOUNT_NOSYMFOLLOW ? attributes | MOUNT_ATTR_NOSYMFOLLOW : attributes;
}

static uint32_t string_add(struct answer *answer, const char *string)
{
	uint32_t at = answer->used, size = (uint32_t)strlen(string) + 1;

	if (size > sizeof(answer->strings) - at)
		return 0; /* never: there is room for two paths and a name */
	memcpy(answer->strings + at, string, size);
	answer->used += size;
	return at;
}

static void fill(struct answer *answer, struct mount *mount, uint64_t mask)
{
	char *root = answer->root;
	struct status *status = &answer->status;
	int32_t parent = mount->parent_id ? mount->parent_id : mount->id; /* the first one's */

	status->mask = mask & STATMOUNT_OFFERED;
	if (mask & STATMOUNT_SB_BASIC) {
		status->sb_dev_major = device_major(mount->device);
		status->sb_dev_minor = device_minor(mount->device);
		status->sb_magic = mount->magic;
		status->sb_flags =
			mount_file_system(mount)->flags & (MOUNT_READ_ONLY | MOUNT_SYNCHRONOUS);
	}
	if (mask & STATMOUNT_MNT_BASIC) {
		status->mnt_id = mount_unique_id(mount);
		status->mnt_parent_id = mount_unique_id_of(parent);
		status->mnt_id_old = (uint32_t)mount->id;
		status->mnt_parent_id_old = (uint32_t)parent;
		status->mnt_attr = attributes_of(mount->flags);
		status->mnt_propagation = MS_PRIVATE_;
	}
	if (mask & STATMOUNT_FS_TYPE)
		status->fs_type = string_add(answer, mount->type);
	if (mask & STATMOUNT_MNT_ROOT)
		status->mnt_root = string_add(answer,
			mount_root_path(mount, root, sizeof(answer->root)) > 0 ? root : "/");
	if (mask & STATMOUNT_MNT_POINT)
		status->mnt_point = string_add(answer, answer->path);
	status->size = (uint32_t)sizeof(*status) + answer->used;
}

static int look_up(struct answer *answer, uint64_t id, uint64_t mask)
{
	CLEANUP(dentry_unrefp) struct dentry *root = fs_context_root();
	struct mount *mount;

	LOCK_SCOPE(&mounts_lock);
	mount = mount_find(id);
	if (!mount)
		return -ENOENT;
	place_of(mount, root, answer->path);
	if (!may_see(answer->path))
		return -EPERM;
	fill(answer, mount, mask);
	return 0;
}

static int answer_write(const struct answer *answer, uint64_t to, uint64_t room)
{
	uint64_t head = MIN(room, sizeof(answer->status));

	if (answer->used > room - head)
		return -EOVERFLOW;
	if (user_write(to, &answer->status, head))
		return -EFAULT;
	return answer->used ? user_write(to + head, answer->strings, answer->used) : 0;
}

long sys_statmount(struct thread *thread, const struct syscall_args *args)
{
	CLEANUP(heap_freep) struct answer *answer = NULL;
	struct request request;
	int r;

	(void)thread;
	if ((uint32_t)args->d)
		return -EINVAL;
	r = request_read(&request, args->a);
	if (r)
		return r;
	if (request.id <= MOUNT_UNIQUE_ID_BASE)
		return -EINVAL;
	answer = heap_alloc(sizeof(*answer));
	if (!answer)
		return -ENOMEM;
	r = look_up(answer, request.id, request.parameter);
	return r ? r : answer_write(answer, args->b, args->c);
}

/* ---- listmount ---- */

struct list_request {
	uint64_t id, last;
	bool is_reverse;
};

static const struct mount *next_in_order(
	const struct list_request *q, uint64_t last, struct dentry *top, char path[PATH_SIZE])
{
	const struct mount *best = NULL;
	struct mount *mount;

	LIST_FOR_EACH (mount, &mounts, link) {
		uint64_t id = mount_unique_id(mount);

		if (id == q->id || (last && (q->is_reverse ? id >= last : id <= last)) ||
			(best && (q->is_reverse ? id < mount_unique_id(best)
						: id > mount_unique_id(best))))
			continue;
		place_of(mount, top, path);
		if (*path == '/')
			best = mount;
	}
	return best;
}

/* What the list is of: *ret_top referenced. */
static int top_of(uint64_t id, struct dentry *root, char path[PATH_SIZE], struct dentry **ret_top)
{
	struct mount *mount;

	if (id == LISTMOUNT_ROOT) {
		*ret_top = dentry_ref(root);
		return 0;
	}
	mount = mount_find(id);
	if (!mount)
		return -ENOENT;
	place_of(mount, root, path);
	if (!may_see(path))
		return -EPERM;
	*ret_top = dentry_ref(mount->root);
	return 0;
}

/* The number of those put into @ids. */
static long list_locked(const struct list_request *q, uint64_t *ids, uint32_t count,
	struct dentry *root, char path[PATH_SIZE])
{
	CLEANUP(dentry_unrefp) struct dentry *top = NULL;
	uint64_t last = q->last;
	const struct mount *mount;
	uint32_t n = 0;
	int r = top_of(q->id, root, path, &top);

	while (!r && n < count && (mount = next_in_order(q, last, top, path)))
		last = ids[n++] = mount_unique_id(mount);
	return r ? r : (long)n;
}

static long list_all(const struct list_request *q, uint64_t to, uint32_t count)
{
	CLEANUP(heap_freep) char *path = heap_alloc(PATH_SIZE);
	CLEANUP(heap_freep) uint64_t *ids = heap_alloc((count + 1) * sizeof(*ids));
	CLEANUP(dentry_unrefp) struct dentry *root = fs_context_root();
	long n;

	if (!path || !ids)
		return -ENOMEM;
	lock_acquire(&mounts_lock);
	n = list_locked(q, ids, count, root, path);
	lock_release(&mounts_lock);
	if (n > 0 && user_write(to, ids, (size_t)n * sizeof(*ids)))
		return -EFAULT;
	return n;
}

long sys_listmount(struct thread *thread, const struct syscall_args *args)
{
	struct list_request q = {.is_reverse = args->d & LISTMOUNT_REVERSE};
	struct request request;
	int r;

	(void)thread;
	if ((uint32_t)args->d & ~LISTMOUNT_REVERSE)
		return -EINVAL;
	if (args->c > LIST_COUNT_MAX)
		return -EOVERFLOW;
	if (!args->b || !platform_is_user(args->b, args->c * sizeof(uint64_t)))
		return -EFAULT;
	r = request_read(&request, args->a);
	if (r)
		return r;
	if (request.parameter && request.parameter <= MOUNT_UNIQUE_ID_BASE)
		return -EINVAL;
	if (request.id <= MOUNT_UNIQUE_ID_BASE)
		return -EINVAL;
	q.id = request.id;
	q.last = request.parameter;
	/* There are never more than that. */
	return list_all(&q, args->b, (uint32_t)MIN(args->c, MOUNTS_LISTED_MAX));
}
