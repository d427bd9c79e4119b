#include "libos/sockets/packet.h"

#include <linux/errno.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/files/descriptors.h"
#include "libos/processes/process.h"

#define RLIMIT_NOFILE 7
#define CAP_SYS_RESOURCE 24

struct unix_name *unix_name_ref(struct unix_name *name)
{
	if (name)
		__atomic_add_fetch(&name->reference_count, 1, __ATOMIC_RELAXED);
	return name;
}

void unix_name_unref(struct unix_name *name)
{
	if (name && __atomic_sub_fetch(&name->reference_count, 1, __ATOMIC_ACQ_REL) == 0)
		heap_free(name);
}

struct socket_credentials socket_credentials_now(void)
{
	const struct thread *thread = thread_current();

	return (struct socket_credentials){
		thread->process->pid, thread->credentials.euid, thread->credentials.egid};
}

/* ---- Files ---- */

static uint32_t files_on_their_way;

/* Lists of files to be dropped, and whether somebody is at it. */
static struct dying {
	struct lock lock;
	struct passed_files *first; /* linked through files[0] */
	bool is_drained;
} dying;

static int count_files(uint32_t count)
{
	struct thread *thread = thread_current();
	uint32_t now = __atomic_add_fetch(&files_on_their_way, count, __ATOMIC_RELAXED);

	if (now <= thread->process->limits[RLIMIT_NOFILE].soft ||
		credentials_can(&thread->credentials, CAP_SYS_RESOURCE))
		return 0;
	__atomic_sub_fetch(&files_on_their_way, count, __ATOMIC_RELAXED);
	return -ETOOMANYREFS;
}

static struct passed_files *passed_files_new(uint32_t count)
{
	/* Room for one more: the link of the dying. */
	struct passed_files *files =
		heap_alloc(sizeof(*files) + (count + 1) * sizeof(files->files[0]));

	if (files)
		files->count = count;
	return files;
}

int passed_files_add(struct passed_files **files, const int32_t *fds, uint32_t count)
{
	uint32_t earlier = *files ? (*files)->count : 0;
	struct passed_files *all;
	int r;

	if (count > PACKET_FILES_MAX - earlier)
		return -EINVAL;
	r = count_files(count);
	if (r)
		return r;
	all = passed_files_new(earlier + count);
	if (!all) {
		__atomic_sub_fetch(&files_on_their_way, count, __ATOMIC_RELAXED);
		return -ENOMEM;
	}
	if (earlier)
		memcpy(all->files, (*files)->files, earlier * sizeof(all->files[0]));
	heap_free(*files);
	*files = all;
	for (uint32_t i = 0; i < count; i++) {
		all->files[earlier + i] = fd_get_any(fds[i]);
		if (!all->files[earlier + i])
			r = -EBADF;
	}
	return r;
}

struct passed_files *passed_files_copy(const struct passed_files *files)
{
	struct passed_files *copy = passed_files_new(files->count);

	if (!copy)
		return NULL;
	__atomic_add_fetch(&files_on_their_way, files->count, __ATOMIC_RELAXED);
	for (uint32_t i = 0; i < files->count; i++)
		copy->files[i] = file_ref(files->files[i]);
	return copy;
}

static struct passed_files **dying_link(struct passed_files *files)
{
	return (struct passed_files **)&files->files[files->count];
}

static struct passed_files *dying_next(void)
{
	struct passed_files *files;

	LOCK_SCOPE(&dying.lock);
	files = dying.first;
	if (files)
		dying.first = *dying_link(files);
	else
		dying.is_drained = false;
	return files;
}

void passed_files_free(struct passed_files *files)
{
	bool is_drained;

	if (!files)
		return;
	lock_acquire(&dying.lock);
	*dying_link(files) = dying.first;
	dying.first = files;
	is_drained = dying.is_drained;
	dying.is_drained = true;
	lock_release(&dying.lock);
	if (is_drained)
		return;
	while ((files = dying_next())) {
		__atomic_sub_fetch(&files_on_their_way, files->count, __ATOMIC_RELAXED);
		for (uint32_t i = 0; i < files->count; i++)
			file_unref(files->files[i]);
		heap_free(files);
	}
}

/* ---- Packets ---- */

int packet_new(struct io *io, uint32_t size, struct packet **ret_packet)
{
	struct packet *packet = heap_alloc_uncleared(sizeof(*packet) + size);
	long n;

	if (!packet)
		return -ENOMEM;
	*packet = (struct packet){0};
	n = io_take(io, packet->bytes, size);
	if (n != (long)size) {
		heap_free(packet);
		return -EFAULT;
	}
	list_init(&packet->link);
	packet->size = size;
	packet->credentials = socket_credentials_now();
	*ret_packet = packet;
	return 0;
}

void packet_free(struct packet *packet)
{
	passed_files_free(packet->files);
	unix_name_unref(packet->name);
	heap_free(packet);
}
