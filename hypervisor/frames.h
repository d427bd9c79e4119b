/* Who owns each frame of memory: the one array that every translation is derived from.
 *
 * A frame has one owner, always. Only the functions here change it, under hypervisor_lock, and only
 * so:
 *
 *	WINDOW <-> LINUX -> INCOMING -> FREE -> ENCLAVE, HYPERVISOR
 *	                                 |  <-  (wiped)
 *	                                 v
 *	                               LINUX
 *
 * INCOMING frames are no longer Linux's, but a processor may still remember that they were: they
 * become FREE, and are zeroed, when each demoted processor has flushed (flush.h). FREE frames hold
 * zeros. WINDOW frames stay Linux's memory, and can't be given away while one enclave sees them.
 * That it is so is proved (DESIGN.md, "What is known, and how"). */
#ifndef HYPERVISOR_FRAMES_H
#define HYPERVISOR_FRAMES_H

#include "base/compiler.h"

enum frame_kind {
	FRAME_DEVICE,     /* no memory, or none that may be given away; Linux uses it */
	FRAME_LINUX,      /* Linux's memory */
	FRAME_INCOMING,   /* donated */
	FRAME_FREE,       /* donated, zero, unused */
	FRAME_RESERVED,   /* the same, and came with demotion: for the nested tables of Linux */
	FRAME_HYPERVISOR, /* the hypervisor's own, page tables included */
	FRAME_ENCLAVE,    /* a page of an enclave: @enclave, @page, @access */
	FRAME_WINDOW, /* Linux's memory, in an enclave's window: @enclave, @page of the window */
};

/* A page of an enclave, beside its access: who has not agreed yet (page.h). It can't be reached. */
#define FRAME_PENDING 0x08 /* Linux has added it, the enclave has not accepted it */
#define FRAME_TRIMMED 0x10 /* Linux wants it back */
#define FRAME_GIVEN 0x20   /* and the enclave has agreed to that */

struct frame {
	uint8_t kind;
	uint8_t access;   /* FRAME_ENCLAVE: SGX_SECINFO_R, W, X, and the above */
	uint16_t enclave; /* ENCLAVE, WINDOW, and HYPERVISOR frames that serve one: its number;
			     else 0 */
	uint32_t page;    /* ENCLAVE, WINDOW: its page number there; INCOMING, FREE, RESERVED: the
			     next of the list */
};
_Static_assert(sizeof(struct frame) == 8, "HYPERVISOR_OWNER_SIZE");

#define FRAME_NONE UINT32_MAX /* ends a list; no frame has this number */

/* RESERVED frames are kept for the nested tables of Linux, which must not starve, and are not
 * returned while demotion lasts. */
struct frame_counts {
	uint64_t free, incoming, enclave, reserved;
};

/* @frames must outlive all that follows; every frame is DEVICE at first. */
void frames_init(struct frame *frames, uint64_t count);
void frames_add_ram(uint64_t first, uint64_t count);

/* Before demotion: registers of a device that is the hypervisor's alone. -ENOSPC: too many. */
#define FRAMES_HIDDEN_MAX 16
MUST_CHECK int frames_hide(uint64_t first, uint64_t count);

/* Before demotion: @frame is LINUX, and the hypervisor's from now on: in use (HYPERVISOR), or
 * RESERVED and zeroed. -EINVAL: it is not LINUX. */
MUST_CHECK int frame_claim(uint64_t frame, enum frame_kind kind);

/* Does Linux own it? frames_is_memory: and is it memory, so that we may read it? frames_is_only:
 * and does no enclave see it, so that it may be given away? */
bool frames_is_linux(uint64_t frame);
bool frames_is_memory(uint64_t frame);
bool frames_is_only(uint64_t frame);
uint64_t frames_count(void);
struct frame_counts frames_counts(void);

struct frame frame_owner(uint32_t frame);

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
/* An ENCLAVE frame's @access is another one. The caller changes the enclave's translation. */
void frame_set_access(uint32_t frame, uint8_t access);
/* LINUX -> WINDOW, page @page of @enclave's. -EFAULT: not LINUX. */
MUST_CHECK int frame_share(uint64_t frame, uint16_t enclave, uint32_t page);
/* WINDOW -> LINUX. The caller takes it out of the enclave's translations. */
void frame_unshare(uint32_t frame);
/* Zero every frame of an enclave, where it is. */
void frames_wipe(void);

/* Frames that an enclave has, ENCLAVE or WINDOW, are found by going through the array: the first at
 * or after @from, or FRAME_NONE. */
uint32_t frames_next_of(uint16_t enclave, uint32_t from);

#endif
