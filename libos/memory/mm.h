/* The memory map of an address space: what is where, as mmap(2) and /proc/PID/maps have it. The
 * platform holds the pages. */
#ifndef LIBOS_MEMORY_MM_H
#define LIBOS_MEMORY_MM_H

#include "base/list.h"
#include "libos/core/lock.h"

struct file;
struct patched_text;

enum vma_flags {
	VMA_READ = 1,
	VMA_WRITE = 2,
	VMA_EXEC = 4, /* = PROT_* */
	VMA_SHARED = 8,
	VMA_GROWSDOWN = 16,
	VMA_LOCKED = 32,
	VMA_NORESERVE = 64,
	VMA_DONTFORK = 128,
	VMA_WIPEONFORK = 256,
	VMA_DONTDUMP = 512,
	VMA_STACK = 1024, /* [stack] */
	VMA_HEAP = 2048,  /* [heap] */
	VMA_VDSO = 4096,
	VMA_VVAR = 8192,
	VMA_TRAMPOLINES = 16384, /* ours */
	VMA_MAYWRITE = 32768,    /* a shared mapping of a file opened for writing, or private */
};

/* [start, end): page aligned; sorted, never overlapping. */
struct vma {
	struct list link;
	uint64_t start, end;
	uint32_t flags;
	struct file *file; /* referenced; NULL = anonymous */
	uint64_t offset;   /* of start in the file, bytes */
	uint64_t mapped;   /* bytes from start on that the platform has mapped (file mappings) */
	struct patched_text *patched;
};

struct mm {
	int32_t reference_count;
	struct lock lock;
	struct list vmas;
	uint64_t brk_start, brk;
	uint64_t stack_top;
	uint64_t mmap_top; /* search for free space goes down from here */
	uint64_t vdso;
	uint64_t total_pages, locked_pages;
	bool lock_future;
	struct vma *last_hit;
	uint64_t code_start, code_end, data_start, data_end; /* /proc/PID/stat */
};

struct mm *mm_new(void);
struct mm *mm_ref(struct mm *mm);
void mm_unref(struct mm *mm);

/* The vma that contains @addr, or the next one above it (lock held); NULL if none. */
struct vma *mm_find(struct mm *mm, uint64_t addr);

/* The kernel-internal mmap: @addr 0 = anywhere. Returns the address or -errno. Takes the lock.
 * @prot_flags: VMA_* ; @fixed: replace what is there. @file's reference is taken, not stolen. */
MUST_CHECK long mm_map(struct mm *mm, uint64_t addr, uint64_t size, uint32_t flags, bool fixed,
	struct file *file, uint64_t offset);
MUST_CHECK int mm_unmap(struct mm *mm, uint64_t addr, uint64_t size);

/* The program touched @addr (in the current thread's space): 0 = made present, try again; else the
 * signal it gets: *ret_signo, *ret_code. */
MUST_CHECK int mm_fault(
	struct mm *mm, uint64_t addr, uint32_t access, int *ret_signo, int *ret_code);

#endif
