/* Who owns each frame of memory: the one array that every translation is derived from.
 *
 * A frame has one owner, always. Only the functions here change it, under hypervisor_lock, and only
 *so:
 *
 *	LINUX -> INCOMING -> FREE -> ENCLAVE, HYPERVISOR
 *	                      |  <-  (wiped)
 *	                      v
 *	                    LINUX
 *
 * INCOMING frames are no longer Linux's, but a processor may still remember that they were: they
 *become FREE, and are zeroed, when each demoted processor has flushed (flush.h). FREE frames hold
 *zeros. */
#ifndef HYPERVISOR_FRAMES_H
#define HYPERVISOR_FRAMES_H

#include "base/compiler.h"

enum frame_kind {
	FRAME_DEVICE,     /* no memory, or none that may be given away; Linux uses it */
	FRAME_LINUX,      /* Linux's memory */
	FRAME_INCOMING,   /* donated */
	FRAME_FREE,       /* donated, zero, unused */
	FRAME_HYPERVISOR, /* the hypervisor's own, page tables included */
	FRAME_ENCLAVE,    /* a page of an enclave: @enclave, @page, @access */
};

struct frame {
	uint8_t kind;
	uint8_t access;   /* FRAME_ENCLAVE: SGX_SECINFO_R, W, X */
	uint16_t enclave; /* FRAME_ENCLAVE, and HYPERVISOR frames that serve one: its number; else 0
			   */
	uint32_t page; /* FRAME_ENCLAVE: its page number there; INCOMING, FREE: the next of the list
			*/
};
_Static_assert(sizeof(struct frame) == 8, "HYPERVISOR_OWNER_SIZE");

#define FRAME_NONE UINT32_MAX /* ends a list; no frame has this number */

/* @reserved frames are FREE too, and apart: they came with demotion, are kept for the nested tables
 * of Linux, which must not starve, and are not returned while it lasts. */
struct frame_counts {
	uint64_t free, incoming, enclave, reserved;
};

/* @frames must outlive all that follows; every frame is DEVICE at first. */
void frames_init(struct frame *frames, uint64_t count);
void frames_add_ram(uint64_t first, uint64_t count);

/* Before demotion: registers of a device that is the hypervisor's alone. -ENOSPC: too many. */
#define FRAMES_HIDDEN_MAX 16
MUST_CHECK int frames_hide(uint64_t first, uint64_t count);

/* Before demotion: @frame is LINUX, and the hypervisor's from now on: in use (HYPERVISOR), or FREE
 * and reserved. -EINVAL: it is not LINUX. */
MUST_CHECK int frame_claim(uint64_t frame, enum frame_kind kind);

/* Does Linux own it? frames_is_memory: and is it memory, so that we may read it? */
bool frames_is_linux(uint64_t frame);
bool frames_is_memory(uint64_t frame);
uint64_t frames_count(void);
struct frame_counts frames_counts(void);

/* LINUX -> INCOMING. -EINVAL: not LINUX. The caller takes it out of Linux's translations. */
MUST_CHECK int frame_donate(uint64_t frame);
/* Each processor has flushed since the last donation: INCOMING -> FREE, zeroed. */
void frames_settle(void);
/* FREE -> HYPERVISOR or ENCLAVE, as @owner says. -ENOMEM: none is FREE. */
MUST_CHECK int frame_take(struct frame owner, uint32_t *ret_frame);
/* ENCLAVE or HYPERVISOR -> FREE, wiped. No processor may be able to reach it any more. */
void frame_release(uint32_t frame);
/* FREE -> LINUX. -ENOMEM: none is FREE. */
MUST_CHECK int frame_return(uint32_t *ret_frame);
/* Zero every frame of an enclave, where it is. */
void frames_wipe(void);

/* Frames that belong to an enclave are found by going through the array: the first at or after
 * @from, or FRAME_NONE. */
uint32_t frames_next_of(uint16_t enclave, uint32_t from);

#endif
