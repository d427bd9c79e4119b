/* A segment is a nameless file; an attachment a mapping of it through a struct file of its own, by
 * which shmdt(2) tells one attachment from another. The memory map counts mappings for us. */
#include "libos/ipc/shared_memory.h"

#include <asm/errno.h>
#include <asm/shmbuf.h>
#include <linux/fcntl.h>

#include "base/format.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"
#include "libos/files/computed.h"
#include "libos/files/memfd.h"
#include "libos/files/open.h"
#include "libos/ipc/object.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "libos/syscalls/syscall.h"

#define CAP_IPC_LOCK 14
#define RLIMIT_MEMLOCK 8

/* <linux/shm.h> */
#define SHM_HUGETLB 04000U
#define SHM_RDONLY 010000U
#define SHM_RND 020000U
#define SHM_REMAP 040000U
#define SHM_EXEC 0100000U
#define SHM_DEST 01000U /* of a mode: removed, and goes with its last attachment */
#define SHM_LOCKED 02000U
#define SHM_LOCK 11
#define SHM_UNLOCK 12
#define SHM_STAT 13
#define SHM_INFO 14
#define SHM_STAT_ANY 15

struct segment {
	struct ipc_object object; /* first */
	int32_t reference_count;  /* one of the table's, one of each file's */
	struct file *file;        /* the memory; referenced */
	uint64_t size;
	int64_t attached_s, detached_s, changed_s;
	int32_t creator_pid, last_pid;
	uint64_t attach_count;
};

struct shm_info {
	int32_t used_ids;
	uint64_t total_pages, resident_pages, swapped_pages, swap_attempts, swap_successes;
};
_Static_assert(sizeof(struct shm_info) == 48, "ABI");

struct ipc_table shared_memory_table = {.limit = SHM_COUNT_MAX, .next_id = -1};
static uint64_t pages_total; /* under its lock */

static uint64_t pages_of(const struct segment *segment)
{
	return ALIGN_UP(segment->size, PAGE_SIZE) / PAGE_SIZE;
}

static void segment_unref(struct segment *segment)
{
	if (__atomic_sub_fetch(&segment->reference_count, 1, __ATOMIC_ACQ_REL))
		return;
	file_unref(segment->file);
	heap_free(segment);
}

/* ---- The files that attachments map ---- */

/* Take it out of the table if it is to go and nobody has it attached: then true, and the table's
 * reference is the caller's. (locked) */
static bool segment_retire(struct segment *segment)
{
	if (segment->attach_count || !(segment->object.mode & SHM_DEST))
		return false;
	ipc_remove(&shared_memory_table, &segment->object);
	pages_total -= pages_of(segment);
	return true;
}

static void segment_count(struct segment *segment, int change)
{
	bool retired;

	lock_acquire(&shared_memory_table.lock);
	segment->attach_count += (uint64_t)(int64_t)change;
	segment->last_pid = thread_current()->process->pid;
	if (change > 0)
		segment->attached_s = ipc_now();
	else
		segment->detached_s = ipc_now();
	retired = segment_retire(segment);
	lock_release(&shared_memory_table.lock);
	if (retired)
		segment_unref(segment);
}

static void attachment_mapped(struct file *file, int change)
{
	segment_count(file->private_data, change);
}

static int attachment_map(struct file *file, uint64_t offset, uint64_t size, bool write,
	void **ret_memory, uint64_t *ret_run)
{
	struct segment *segment = file->private_data;

	return segment->file->ops->map(segment->file, offset, size, write, ret_memory, ret_run);
}

static void attachment_release(struct file *file)
{
	segment_unref(file->private_data);
}

static const struct file_ops attachment_ops = {
	.map = attachment_map,
	.mapped = attachment_mapped,
	.release = attachment_release,
};

/* ---- shmget ---- */

static int segment_new(int32_t key, uint64_t size, struct segment **ret_segment)
{
	struct segment *segment = heap_alloc(sizeof(*segment));
	char name[16];
	int r;

	if (!segment)
		return -ENOMEM;
	format_string(name, sizeof(name), "SYSV%08x", (uint32_t)key);
	r = file_shared_memory_named(name, size, &segment->file);
	if (r) {
		heap_free(segment);
		return r;
	}
	segment->reference_count = 1;
	segment->size = size;
	segment->changed_s = ipc_now();
	segment->creator_pid = thread_current()->process->pid;
	*ret_segment = segment;
	return 0;
}

/* (locked) */
static long segment_add(int32_t key, uint64_t size, uint32_t flags)
{
	uint64_t pages = ALIGN_UP(size, PAGE_SIZE) / PAGE_SIZE;
	struct segment *segment;
	int r;

	if (!size || size > SHM_SIZE_MAX)
		return -EINVAL;
	if (pages_total > SHM_SIZE_MAX - pages)
		return -ENOSPC;
	if (size > INT64_MAX || flags & SHM_HUGETLB)
		return -ENOMEM; /* there is no pool of huge pages */
	r = segment_new(key, size, &segment);
	if (r)
		return r;
	r = ipc_add(&shared_memory_table, &segment->object, key, flags);
	if (r) {
		segment_unref(segment);
		return r;
	}
	segment->file->inode->number = (uint32_t)segment->object.id;
	pages_total += pages;
	return segment->object.id;
}

long sys_shmget(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->c;
	struct ipc_object *object;
	int r;

	(void)thread;
	LOCK_SCOPE(&shared_memory_table.lock);
	r = ipc_find_key(&shared_memory_table, (int32_t)args->a, flags, &object);
	if (r > 0)
		return segment_add((int32_t)args->a, args->b, flags);
	if (!r && args->b > CONTAINER_OF(object, struct segment, object)->size)
		r = -EINVAL;
	if (!r)
		r = ipc_object_permit(object, flags & IPC_PERMISSIONS);
	return r ? r : object->id;
}

/* ---- shmat, shmdt ---- */

static int attach_place(uint64_t *addr, uint32_t flags)
{
	if (!*addr)
		return flags & SHM_REMAP ? -EINVAL : 0;
	if (IS_ALIGNED(*addr, PAGE_SIZE))
		return 0;
	if (!(flags & SHM_RND))
		return -EINVAL;
	*addr = ALIGN_DOWN(*addr, PAGE_SIZE);
	return !*addr && flags & SHM_REMAP ? -EINVAL : 0;
}

/* The segment with one attachment more, which keeps it while it is being mapped. */
static int segment_hold(int32_t id, uint32_t flags, struct segment **ret_segment)
{
	uint32_t wanted = flags & SHM_RDONLY ? IPC_READ : IPC_READ | IPC_WRITE;
	struct ipc_object *object;
	int r;

	LOCK_SCOPE(&shared_memory_table.lock);
	r = ipc_find(&shared_memory_table, id, &object);
	if (!r)
		r = ipc_object_permit(object, wanted | (flags & SHM_EXEC ? 0111 : 0));
	if (r)
		return r;
	*ret_segment = CONTAINER_OF(object, struct segment, object);
	(*ret_segment)->attach_count++;
	return 0;
}

static void segment_let_go(struct segment *segment)
{
	bool retired;

	lock_acquire(&shared_memory_table.lock);
	segment->attach_count--;
	retired = segment_retire(segment);
	lock_release(&shared_memory_table.lock);
	if (retired)
		segment_unref(segment);
}

static struct file *attachment_new(struct segment *segment, uint32_t flags)
{
	struct file *file = file_new(segment->file->inode, segment->file->dentry, &attachment_ops,
		flags & SHM_RDONLY ? O_RDONLY : O_RDWR);

	if (!file)
		return NULL;
	__atomic_add_fetch(&segment->reference_count, 1, __ATOMIC_RELAXED);
	file->private_data = segment;
	return file;
}

static long attach(struct mm *mm, struct segment *segment, uint64_t addr, uint32_t flags)
{
	CLEANUP(file_unrefp) struct file *file = attachment_new(segment, flags);
	uint32_t vma_flags = VMA_SHARED | VMA_READ;
	bool is_free;

	if (!file)
		return -ENOMEM;
	if (!(flags & SHM_RDONLY))
		vma_flags |= VMA_WRITE | VMA_MAYWRITE;
	if (flags & SHM_EXEC)
		vma_flags |= VMA_EXEC;
	if (addr && !(flags & SHM_REMAP)) {
		lock_acquire(&mm->lock);
		is_free = mm_is_free(mm, addr, ALIGN_UP(segment->size, PAGE_SIZE));
		lock_release(&mm->lock);
		if (!is_free)
			return -EINVAL;
	}
	return mm_map(mm, addr, segment->size, vma_flags, addr, file, 0);
}

long sys_shmat(struct thread *thread, const struct syscall_args *args)
{
	uint32_t flags = (uint32_t)args->c;
	uint64_t addr = args->b;
	struct segment *segment;
	long r;

	r = (int32_t)args->a < 0 ? -EINVAL : attach_place(&addr, flags);
	if (!r)
		r = segment_hold((int32_t)args->a, flags, &segment);
	if (r)
		return r;
	r = attach(thread->process->mm, segment, addr, flags);
	segment_let_go(segment);
	return r;
}

/* The first mapping of an attachment that was made at @addr, or what is left of it above. */
static struct vma *find_attachment(struct mm *mm, uint64_t addr)
{
	struct vma *vma = mm_find(mm, addr);

	while (vma) {
		if (vma->file && vma->file->ops == &attachment_ops &&
			vma->start - addr == vma->offset && vma->start >= addr)
			return vma;
		vma = mm_next(mm, vma);
	}
	return NULL;
}

static int detach(struct mm *mm, uint64_t addr, struct vma *vma)
{
	CLEANUP(file_unrefp) struct file *file = file_ref(vma->file);
	uint64_t end = addr + ALIGN_UP(((struct segment *)file->private_data)->size, PAGE_SIZE);
	int r = 0;

	while (!r && vma && vma->start < end) {
		struct vma *next = mm_next(mm, vma);

		if (vma->file == file && vma->start - addr == vma->offset)
			r = mm_unmap_locked(mm, vma->start, vma->end - vma->start);
		vma = next;
	}
	return r;
}

long sys_shmdt(struct thread *thread, const struct syscall_args *args)
{
	struct mm *mm = thread->process->mm;
	struct vma *vma;

	if (!IS_ALIGNED(args->a, PAGE_SIZE))
		return -EINVAL;
	LOCK_SCOPE(&mm->lock);
	vma = find_attachment(mm, args->a);
	return vma ? detach(mm, args->a, vma) : -EINVAL;
}

/* ---- shmctl ---- */

static uint64_t resident_pages(const struct segment *segment)
{
	struct file_status status;

	file_status(segment->file, &status);
	return MIN(status.blocks * 512 / PAGE_SIZE, pages_of(segment));
}

static long limits_show(uint64_t to)
{
	struct shminfo64 info = {
		.shmmax = SHM_SIZE_MAX,
		.shmmin = 1,
		.shmmni = (uint64_t)shared_memory_table.limit,
		.shmseg = SHM_COUNT_MAX,
		.shmall = SHM_SIZE_MAX,
	};
	int32_t highest;

	lock_acquire(&shared_memory_table.lock);
	highest = ipc_highest_index(&shared_memory_table);
	lock_release(&shared_memory_table.lock);
	return user_write(to, &info, sizeof(info)) ? -EFAULT : highest;
}

static long usage_show(uint64_t to)
{
	struct shm_info info = {0};
	int32_t highest;

	lock_acquire(&shared_memory_table.lock);
	info.used_ids = (int32_t)shared_memory_table.count;
	info.total_pages = pages_total;
	for (uint32_t i = 0; i < shared_memory_table.capacity; i++)
		if (shared_memory_table.objects[i])
			info.resident_pages += resident_pages(CONTAINER_OF(
				shared_memory_table.objects[i], struct segment, object));
	highest = ipc_highest_index(&shared_memory_table);
	lock_release(&shared_memory_table.lock);
	return user_write(to, &info, sizeof(info)) ? -EFAULT : highest;
}

static long segment_stat(int32_t id, enum ipc_by by, uint64_t to)
{
	struct shmid64_ds status = {0};
	struct ipc_object *object;
	struct segment *segment;
	int r;

	lock_acquire(&shared_memory_table.lock);
	r = ipc_find_readable(&shared_memory_table, id, by, &object);
	if (!r) {
		segment = CONTAINER_OF(object, struct segment, object);
		ipc_object_show(object, &status.shm_perm);
		status.shm_segsz = segment->size;
		status.shm_atime = segment->attached_s;
		status.shm_dtime = segment->detached_s;
		status.shm_ctime = segment->changed_s;
		status.shm_cpid = segment->creator_pid;
		status.shm_lpid = segment->last_pid;
		status.shm_nattch = segment->attach_count;
		r = by == IPC_BY_ID ? 0 : object->id;
	}
	lock_release(&shared_memory_table.lock);
	return r < 0 || !user_write(to, &status, sizeof(status)) ? r : -EFAULT;
}

static long segment_set(int32_t id, uint64_t from)
{
	struct ipc_object *object;
	struct shmid64_ds status;
	int r;

	if (USER_GET(&status, from))
		return -EFAULT;
	LOCK_SCOPE(&shared_memory_table.lock);
	r = ipc_find(&shared_memory_table, id, &object);
	if (!r)
		r = ipc_object_own(object);
	if (r)
		return r;
	ipc_object_set(object, &status.shm_perm);
	CONTAINER_OF(object, struct segment, object)->changed_s = ipc_now();
	return 0;
}

/* With attachments it stays until the last is gone, without its key. */
static long segment_remove(int32_t id)
{
	struct ipc_object *object;
	bool retired = false;
	int r;

	lock_acquire(&shared_memory_table.lock);
	r = ipc_find(&shared_memory_table, id, &object);
	if (!r)
		r = ipc_object_own(object);
	if (!r) {
		object->mode |= SHM_DEST;
		object->key = 0;
		retired = segment_retire(CONTAINER_OF(object, struct segment, object));
	}
	lock_release(&shared_memory_table.lock);
	if (retired)
		segment_unref(CONTAINER_OF(object, struct segment, object));
	return r;
}

/* Memory is never swapped by us: the flag is kept and shown. */
static long segment_lock(struct thread *thread, int32_t id, bool lock)
{
	bool is_privileged = credentials_can(&thread->credentials, CAP_IPC_LOCK);
	struct ipc_object *object;
	int r;

	LOCK_SCOPE(&shared_memory_table.lock);
	r = ipc_find(&shared_memory_table, id, &object);
	if (r)
		return r;
	if (!is_privileged) {
		if (thread->credentials.euid != object->uid &&
			thread->credentials.euid != object->cuid)
			return -EPERM;
		if (lock && !thread->process->limits[RLIMIT_MEMLOCK].soft)
			return -EPERM;
	}
	object->mode = lock ? object->mode | SHM_LOCKED : object->mode & ~SHM_LOCKED;
	return 0;
}

long sys_shmctl(struct thread *thread, const struct syscall_args *args)
{
	int32_t id = (int32_t)args->a, command = (int32_t)args->b;

	if (id < 0 || command < 0)
		return -EINVAL;
	switch (command) {
	case IPC_INFO:
		return limits_show(args->c);
	case SHM_INFO:
		return usage_show(args->c);
	case IPC_STAT:
		return segment_stat(id, IPC_BY_ID, args->c);
	case SHM_STAT:
		return segment_stat(id, IPC_BY_INDEX, args->c);
	case SHM_STAT_ANY:
		return segment_stat(id, IPC_BY_INDEX_ANY, args->c);
	case IPC_SET:
		return segment_set(id, args->c);
	case IPC_RMID:
		return segment_remove(id);
	case SHM_LOCK:
	case SHM_UNLOCK:
		return segment_lock(thread, id, command == SHM_LOCK);
	default:
		return -EINVAL;
	}
}

/* ---- /proc/sysvipc/shm ---- */

int shared_memory_show(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	text_put(text,
		"       key      shmid perms                  size  cpid  lpid nattch   uid   "
		"gid  cuid  cgid      atime      dtime      ctime                   rss"
		"                  swap\n");
	LOCK_SCOPE(&shared_memory_table.lock);
	for (uint32_t i = 0; i < shared_memory_table.capacity; i++) {
		const struct ipc_object *o = shared_memory_table.objects[i];
		const struct segment *s;

		if (!o)
			continue;
		s = CONTAINER_OF(o, struct segment, object);
		text_put(text,
			"%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu "
			"%21lu %21lu\n",
			o->key, o->id, o->mode, s->size, (uint32_t)s->creator_pid,
			(uint32_t)s->last_pid, s->attach_count, o->uid, o->gid, o->cuid, o->cgid,
			(uint64_t)s->attached_s, (uint64_t)s->detached_s, (uint64_t)s->changed_s,
			resident_pages(s) * PAGE_SIZE, 0UL);
	}
	return 0;
}
