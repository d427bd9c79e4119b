/* The memory map of an address space: what is where, as mmap(2) and /proc/PID/maps have it. The
 * platform holds the pages. Functions that change the map work on the caller's own address space.
 */
#ifndef LIBOS_MEMORY_MM_H
#define LIBOS_MEMORY_MM_H

#include "base/list.h"
#include "libos/core/lock.h"

struct file;
struct patched_text;
struct thread;

enum vma_flags {
	VMA_READ = 1,
	VMA_WRITE = 2,
	VMA_EXEC = 4, /* = PROT_* and PLATFORM_* */
	VMA_PROTECTION = 7,
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
	VMA_MAYWRITE = 32768,    /* private, or of a file opened for writing */
	VMA_SEALED = 65536,      /* mseal(2) */
	VMA_POLICY = 0x7f << 17, /* mbind(2), as policy.c packs it; 0: the default */
};

/* [start, end): page aligned; sorted, never overlapping. */
struct vma {
	struct list link;
	uint64_t start, end;
	uint32_t flags;
	struct file *file; /* referenced; NULL = anonymous */
	uint64_t offset;   /* of start in the file, bytes */
	/* Bytes from start on that the platform has mapped (file mappings): shown to the program
	 * where they are loaded, else without access. */
	uint64_t mapped;
	uint32_t loads; /* how often a touch had to load something */
	const void
		*memory; /* region memory behind it without a file (vDSO, trampolines); not owned */
	struct patched_text
		*patched; /* referenced; its pages are this patched copy of the file's */
};

#define MM_VMA_COUNT_MAX 65530 /* vm.max_map_count */

struct mm {
	int32_t reference_count;
	struct lock lock;
	struct list vmas;
	uint32_t vma_count;
	uint64_t brk_start, brk;
	uint64_t stack_top, stack_limit; /* the main stack may grow by stack_limit bytes */
	uint64_t mmap_top;               /* search for free space goes down from here */
	uint64_t vdso;
	uint64_t mapped_bytes, locked_bytes;
	uint64_t peak_bytes;          /* mapped before something was removed */
	uint64_t resident_peak_bytes; /* as mm_usage saw it */
	uint64_t address_space_limit; /* RLIMIT_AS, bytes */
	uint64_t data_limit;          /* RLIMIT_DATA, bytes */
	uint32_t future_flags;        /* mlockall(MCL_FUTURE): VMA_LOCKED */
	struct vma *last_hit;
	struct aio_context *aio_contexts; /* libos/files/aio.h */
	bool is_translator;               /* text mapped from now on stays as its file has it */
	bool shrink_pending;              /* a mapped file became shorter: see mm_shrink */
	uint64_t code_start, code_end, data_start, data_end; /* /proc/PID/stat */
};

MUST_CHECK struct mm *mm_new(void);
struct mm *mm_ref(struct mm *mm);
void mm_unref(struct mm *mm); /* frees the description; the pages go with the address space */
/* fork: the description of a copy of the caller's address space (lock held until the copy exists).
 * NULL: no memory. */
MUST_CHECK struct mm *mm_copy(struct mm *mm);
/* In the child of a fork: apply MADV_DONTFORK and MADV_WIPEONFORK. */
void mm_after_fork(struct mm *mm);

/* The vma that contains @addr, or the next one above it (lock held); NULL if none. */
struct vma *mm_find(struct mm *mm, uint64_t addr);
/* The one above, or NULL. (lock held) */
struct vma *mm_next(struct mm *mm, struct vma *vma);
/* Is [addr, addr + size) free? (lock held) */
bool mm_is_free(struct mm *mm, uint64_t addr, uint64_t size);
/* Free room for @size bytes, at or near @hint if not 0, else from the top down (lock held): the
 * address, or 0. @slack more bytes above are free too. */
uint64_t mm_find_room(struct mm *mm, uint64_t hint, uint64_t size, uint64_t slack);
/* The same below 2 GiB (MAP_32BIT). */
uint64_t mm_find_low_room(struct mm *mm, uint64_t hint, uint64_t size);
/* May @size more bytes of a mapping with these flags be had within the limits? (lock held) */
bool mm_within_limits(struct mm *mm, uint64_t size, uint32_t flags);
/* Is a part of [addr, addr + size) sealed against changes? (lock held) */
bool mm_is_sealed(struct mm *mm, uint64_t addr, uint64_t size);
/* Seal all of it: mseal(2). -ENOMEM: not all of it is mapped. */
MUST_CHECK int mm_seal(struct mm *mm, uint64_t addr, uint64_t size);
/* Make vmas begin and end at @addr (lock held). 0 or -ENOMEM. */
MUST_CHECK int mm_split_at(struct mm *mm, uint64_t addr);
/* The same at both ends, for a change of [addr, addr + size): -ENOMEM also when that would make
 * more than MM_VMA_COUNT_MAX. */
MUST_CHECK int mm_split_range(struct mm *mm, uint64_t addr, uint64_t size);
/* Add [start, end) where nothing is (lock held). NULL: no memory. @file's reference is taken. */
MUST_CHECK struct vma *mm_add(struct mm *mm, uint64_t start, uint64_t end, uint32_t flags,
	struct file *file, uint64_t offset);
void mm_remove(struct mm *mm, struct vma *vma);
/* Let the platform map what @vma says (lock held). */
MUST_CHECK int mm_populate(struct vma *vma);

/* Bring a vma's pages in now: mlock(2), MAP_POPULATE. -EIO: the file is damaged. */
MUST_CHECK int mm_make_present(struct vma *vma);

/* Pages of files (load.c), all with the lock held. @at: bytes from the start of @vma on, page
 * aligned. Map @size bytes of the file, which lie at @memory. */
MUST_CHECK int mm_map_loaded(struct vma *vma, uint64_t at, uint64_t size, const void *memory);
/* The protection in @vma's flags is new. */
MUST_CHECK int mm_protect_loaded(const struct vma *vma);
/* Load and show all of what is mapped; the part around @at, which was touched. -EIO: damaged. */
MUST_CHECK int mm_load(struct vma *vma);
MUST_CHECK int mm_load_touched(struct vma *vma, uint64_t at);
bool mm_is_loaded(const struct vma *vma, uint64_t at, uint64_t size);
uint64_t mm_loaded_bytes(const struct vma *vma);

/* The LibOS's own mmap: @addr 0 = anywhere; @fixed: replace what is there. Returns the address or
 * -errno. Takes the lock. */
MUST_CHECK long mm_map(struct mm *mm, uint64_t addr, uint64_t size, uint32_t flags, bool fixed,
	struct file *file, uint64_t offset);
MUST_CHECK int mm_unmap(struct mm *mm, uint64_t addr, uint64_t size);
MUST_CHECK int mm_unmap_locked(struct mm *mm, uint64_t addr, uint64_t size);
MUST_CHECK int mm_protect(struct mm *mm, uint64_t addr, uint64_t size, uint32_t protection);
MUST_CHECK long mm_remap(struct mm *mm, uint64_t addr, uint64_t old_size, uint64_t new_size,
	uint32_t flags, uint64_t new_addr);
MUST_CHECK int mm_advise(struct mm *mm, uint64_t addr, uint64_t size, int advice);
/* What an address space takes, in bytes, and where its parts are: /proc/PID/status and stat. */
struct memory_usage {
	uint64_t mapped, peak, locked;
	uint64_t resident, resident_peak;
	uint64_t resident_anonymous, resident_file, resident_shared;
	uint64_t data, stack, code, libraries;
	uint64_t code_start, code_end, stack_start, data_start, data_end, brk_start;
};
/* @thread: one that runs in it. Takes the lock. */
void mm_usage(struct mm *mm, struct thread *thread, struct memory_usage *ret_usage);

/* What all of the enclave has and uses, in bytes; free and cached at most total. */
struct memory_system {
	uint64_t total, free, cached;
};
void memory_system(struct memory_system *ret_system);

/* The new break; the old one if it cannot be had. */
uint64_t mm_set_brk(struct mm *mm, uint64_t brk);

/* The program touched @addr: 0 = made present, try again; else the signal it gets. Takes the lock.
 */
MUST_CHECK int mm_fault(
	struct mm *mm, uint64_t addr, uint32_t access, int *ret_signo, int *ret_code);

/* @inode became shorter: no address space keeps pages beyond its end. Holds no lock of the inode's.
 */
struct inode;
void mm_file_shrunk(struct inode *inode);
/* The calling thread's part of it, on its way back to the program. */
void mm_shrink(struct mm *mm);

/* Where user address @addr is backed: for futexes shared between processes. Private or anonymous
 * memory: *ret_object NULL. Takes the lock. 0 or -EFAULT. */
MUST_CHECK int mm_shared_key(
	struct mm *mm, uint64_t addr, const void **ret_object, uint64_t *ret_offset);

#endif
