#include "libos/files/dnotify.h"

#include <linux/fcntl.h>

#include "libos/core/heap.h"
#include "libos/files/file.h"
#include "libos/files/inode.h"
#include "libos/files/notify.h"
#include "libos/processes/process.h"

struct dnotify {
	struct notify_watch watch;
	struct async_note note;
	uint32_t events;         /* DN_* */
	struct process *process; /* who asked; compared only */
};

int32_t dnotify_enabled = 1;

static uint32_t total; /* under notify_lock, as all of them */

static const struct {
	uint32_t asked, happens;
} meanings[] = {
	{DN_ACCESS, NOTIFY_ACCESS},
	{DN_MODIFY, NOTIFY_MODIFY},
	{DN_CREATE, NOTIFY_CREATE | NOTIFY_MOVED_TO},
	{DN_DELETE, NOTIFY_DELETE | NOTIFY_MOVED_FROM},
	{DN_RENAME, NOTIFY_RENAME},
	{DN_ATTRIB, NOTIFY_ATTRIB},
};

static uint32_t mask_of(uint32_t events)
{
	uint32_t mask = 0;

	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (events & meanings[i].asked)
			mask |= meanings[i].happens;
	return mask;
}

/* ---- With notify_lock held ---- */

static void happened(struct notify_watch *watch, const struct notify_event *event)
{
	struct dnotify *dnotify = CONTAINER_OF(watch, struct dnotify, watch);

	(void)event;
	async_note(&dnotify->note, ASYNC_MESSAGE);
	if (dnotify->events & DN_MULTISHOT)
		return;
	dnotify->events = 0; /* once: it waits to be asked again */
	watch->mask = 0;
}

static void ask(struct dnotify *dnotify, uint32_t events)
{
	dnotify->events |= events;
	dnotify->watch.mask = mask_of(dnotify->events);
	dnotify->process = thread_current()->process;
}

static bool try_add(struct file *file, struct dnotify *dnotify, int fd)
{
	if (total >= DNOTIFY_MAX || file->dnotify)
		return false;
	async_note_init(&dnotify->note, file, fd);
	dnotify->watch.inode = inode_ref(file->inode);
	dnotify->watch.happened = happened;
	notify_watch_add(&dnotify->watch, &file->inode->watches);
	file->dnotify = dnotify;
	total++;
	return true;
}

/* ---- Without ---- */

long dnotify_set(struct file *file, int fd, uint32_t events)
{
	CLEANUP(heap_freep) struct dnotify *made = NULL;

	if (!__atomic_load_n(&dnotify_enabled, __ATOMIC_RELAXED))
		return -EINVAL;
	if (!(events & ~(uint32_t)DN_MULTISHOT)) {
		dnotify_release(file);
		return 0;
	}
	if (!inode_is(file->inode, S_IFDIR))
		return -ENOTDIR;
	made = heap_alloc(sizeof(*made));
	if (!made)
		return -ENOMEM;
	LOCK_SCOPE(&notify_lock);
	if (try_add(file, made, fd))
		made = NULL;
	if (!file->dnotify)
		return -ENOSPC;
	if (!file->owner.pid)
		async_own(file, thread_current()->process->pid, false);
	ask(file->dnotify, events);
	return 0;
}

void dnotify_release(struct file *file)
{
	struct dnotify *dnotify;

	lock_acquire(&notify_lock);
	dnotify = file->dnotify;
	file->dnotify = NULL;
	if (dnotify) {
		notify_watch_remove(&dnotify->watch);
		async_note_forget(&dnotify->note);
		total--;
	}
	lock_release(&notify_lock);
	if (!dnotify)
		return;
	inode_unref(dnotify->watch.inode);
	heap_free(dnotify);
}

void dnotify_close(struct file *file)
{
	bool is_ours;

	lock_acquire(&notify_lock);
	is_ours = file->dnotify && file->dnotify->process == thread_current()->process;
	lock_release(&notify_lock);
	if (is_ours)
		dnotify_release(file);
}
