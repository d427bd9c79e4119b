/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The Linux side: it allocates and donates frames, launches the hypervisor and gives programs a way
 * to ask for enclaves. From demotion on it is as untrusted as all of Linux.
 *
 * life_lock is held around everything that changes whether the hypervisor is on. It is taken before
 * cpus_read_lock().
 */
#ifndef DRIVER_DRIVER_H
#define DRIVER_DRIVER_H

#include <linux/mm_types.h>
#include <linux/mutex.h>
#include <linux/xarray.h>

#include "abi/driver.h"
#include "abi/hypervisor.h"

/* What the hypervisor was launched in (memory.c). */
struct donation {
	struct page **region_pages; /* image, processors, owner array */
	u64 *region_frames;
	u64 region_count;
	void *region; /* mapped there, executable; hidden while demoted */
	u64 *pool_frames;
	u64 pool_count;
	struct page *maps;         /* HYPERVISOR_MAP_FRAMES */
	struct page *device_table; /* HYPERVISOR_DEVICE_TABLE_FRAMES, if there are IOMMUs */
};

struct hypervisor_boot;

/* @image: all of its file, checked. */
int donation_alloc(struct donation *donation, const struct hypervisor_image *image,
	const struct hypervisor_boot *boot);
/* All of it must be Linux's again. It is zeroed. */
void donation_free(struct donation *donation);
/* Ordinary memory, as the firmware's map has it. */
int memory_describe(struct hypervisor_boot *boot);
/* iommu.c: AMD's IOMMUs that nobody uses, as firmware's tables have them; none, if Linux uses one.
 */
int iommu_describe(struct hypervisor_boot *boot);

/* main.c */
struct device *casemate_device(void);

/* life.c */
extern struct mutex life_lock;
extern unsigned long life_generation; /* raised by each disable */
int life_enable(void);
int life_disable(bool force);
void life_status(struct casemate_status *status);
bool life_is_enabled(void);

/* processors.c: what Linux does to processors and power while the hypervisor is on. */
int processors_init(void);
void processors_exit(void);

/* enclave.c: an open file's enclave. */
struct enclave;
int enclave_open(struct enclave **ret_enclave);
void enclave_release(struct enclave *enclave);
long enclave_ioctl(struct enclave *enclave, unsigned int command, void __user *argument);

/* The same, with more memory if that is what is missing; under life_lock. */
long call_with_frames(unsigned long number, unsigned long a, unsigned long b, unsigned long c);

/* window.c: the pages of programs that an enclave sees; under life_lock. */
struct window {
	struct xarray pages; /* struct shared, by their number in the window */
};
void window_init(struct window *window);
/* The enclave is gone, and no processor remembers it. */
void window_release(struct window *window);
/* @from: struct casemate_share, struct casemate_range. */
long window_share(struct window *window, unsigned long enclave, void __user *from);
long window_unshare(struct window *window, unsigned long enclave, void __user *from);

/* frames.c: frames that enclaves are made of; under life_lock. */
int frames_donate(unsigned int count);
void frames_reclaim(void);
/* The hypervisor is off: all donated frames are Linux's. */
void frames_free_all(void);

/* These need the hypervisor on: under life_lock, or with interrupts off. */
static inline long hypercall3(
	unsigned long number, unsigned long a, unsigned long b, unsigned long c)
{
	asm volatile("vmmcall" : "+a"(number) : "D"(a), "S"(b), "d"(c) : "memory");
	return number;
}

static inline long hypercall(unsigned long number, unsigned long a, unsigned long b)
{
	return hypercall3(number, a, b, 0);
}

static inline long hypercall_enter(unsigned long enclave, unsigned long tcs, u64 words[4])
{
	register u64 r8 asm("r8") = words[1];
	register u64 r9 asm("r9") = words[2];
	register u64 r10 asm("r10") = words[3];
	long r = HC_ENCLAVE_ENTER;

	asm volatile("vmmcall"
		     : "+a"(r), "+d"(words[0]), "+r"(r8), "+r"(r9), "+r"(r10)
		     : "D"(enclave), "S"(tcs)
		     : "memory");
	words[1] = r8;
	words[2] = r9;
	words[3] = r10;
	return r;
}

void flush_all(void);

#endif
