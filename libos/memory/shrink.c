/* A file became shorter while it is mapped: pages beyond its end must be gone (SIGBUS), in every
 * address space. Each can change only its own: the others are told, and do it on their way back to
 * the program. */
#include "libos/files/file.h"
#include "libos/files/inode.h"
#include "libos/memory/mm.h"
#include "libos/processes/process.h"
#include "platform/platform.h"

static bool maps_inode(struct mm *mm, struct inode *inode)
{
	struct vma *vma;

	LOCK_SCOPE(&mm->lock);
	LIST_FOR_EACH (vma, &mm->vmas, link)
		if (vma->file && vma->file->inode == inode)
			return true;
	return false;
}

static void shrink_vma(struct vma *vma)
{
	uint64_t end =
		ALIGN_UP(__atomic_load_n(&vma->file->inode->size, __ATOMIC_ACQUIRE), PAGE_SIZE);
	uint64_t keep = end > vma->offset ? end - vma->offset : 0;

	if (vma->patched || vma->mapped <= keep)
		return;
	if (platform_map_nothing(vma->start + keep, vma->mapped - keep))
		platform_panic("pages of a file that is gone can't be taken back");
	vma->mapped = keep;
}

void mm_shrink(struct mm *mm)
{
	struct vma *vma;

	if (!__atomic_exchange_n(&mm->shrink_pending, false, __ATOMIC_ACQ_REL))
		return;
	LOCK_SCOPE(&mm->lock);
	LIST_FOR_EACH (vma, &mm->vmas, link)
		if (vma->file && vma->file->inode && inode_is(vma->file->inode, S_IFREG))
			shrink_vma(vma);
}

void mm_file_shrunk(struct inode *inode)
{
	struct mm *own = thread_current()->process->mm;
	struct process *process;

	LOCK_SCOPE(&process_table_lock);
	LIST_FOR_EACH (process, &process_table, link) {
		struct mm *mm = process->state == PROCESS_ALIVE ? process->mm : NULL;

		if (!mm || !maps_inode(mm, inode))
			continue;
		__atomic_store_n(&mm->shrink_pending, true, __ATOMIC_RELEASE);
		if (mm == own)
			mm_shrink(mm);
		else if (!list_is_empty(&process->threads))
			thread_interrupt(LIST_FIRST(&process->threads, struct thread, in_process));
	}
}
