#include "hypervisor/frames.h"

#include <asm/errno.h>

#include "hypervisor/defence.h"
#include "hypervisor/memory.h"

static struct frame *owners;
static uint64_t owner_count;
/* INCOMING, FREE and RESERVED frames are lists, by @page: the first of each, or FRAME_NONE. */
static uint32_t first_of[FRAME_RESERVED + 1];
static struct frame_counts counts;

/* Frames that are no memory, and mostly above what the array tells of. */
static struct {
	uint64_t first, count;
} hidden[FRAMES_HIDDEN_MAX];
static uint32_t hidden_count;

/* GOOD holds between any two calls: each function may rely on it and must leave it. A list is
 * good if whatever it names is a frame of its kind, and named once: then no frame is handed out
 * twice, nor one that is in use.
 */
#define GOOD(clause)                                                                               \
	clause has_array;                                                                          \
	clause has_heads;                                                                          \
	clause has_links;                                                                          \
	clause names_heads_once;                                                                   \
	clause names_once;                                                                         \
	clause is_scrubbed;
/*@ predicate is_frame{L}(integer f) = 0 <= f < \at(owner_count, L);
  @ predicate is_of{L}(integer f, integer k) = is_frame{L}(f) && \at(owners[f].kind, L) == k;
  @ predicate is_listed{L}(integer f) =
  @   is_frame{L}(f) && FRAME_INCOMING <= \at(owners[f].kind, L) <= FRAME_RESERVED;
  @ predicate is_link{L}(integer f, integer k) = f == FRAME_NONE || is_of{L}(f, k);
  @
  @ predicate has_array{L} =
  @   \at(owner_count, L) <= FRAME_NONE &&
  @   \valid{L}(\at(owners, L) + (0 .. \at(owner_count, L) - 1));
  @ predicate has_heads{L} = \forall integer k;
  @   FRAME_INCOMING <= k <= FRAME_RESERVED ==> is_link{L}(\at(first_of[k], L), k);
  @ predicate has_links{L} = \forall integer f;
  @   is_listed{L}(f) ==> is_link{L}(\at(owners[f].page, L), \at(owners[f].kind, L));
  @ predicate names_heads_once{L} = \forall integer f;
  @   is_listed{L}(f) && \at(owners[f].page, L) != FRAME_NONE ==>
  @   \at(owners[f].page, L) != \at(first_of[\at(owners[f].kind, L)], L);
  @ predicate names_once{L} = \forall integer f, g;
  @   is_listed{L}(f) && is_listed{L}(g) && f != g && \at(owners[f].page, L) != FRAME_NONE ==>
  @   \at(owners[f].page, L) != \at(owners[g].page, L);
  @ predicate is_scrubbed{L} = \forall integer f;
  @   is_of{L}(f, FRAME_FREE) || is_of{L}(f, FRAME_RESERVED) ==> is_zero{L}(f);
  @
  @ predicate is_owner{L}(struct frame o, integer f) =
  @   \at(owners[f].kind, L) == o.kind && \at(owners[f].access, L) == o.access &&
  @   \at(owners[f].enclave, L) == o.enclave && \at(owners[f].page, L) == o.page;
  @
  @ predicate is_same{L1,L2}(integer f) =
  @   \at(owners[f].kind, L1) == \at(owners[f].kind, L2) &&
  @   \at(owners[f].access, L1) == \at(owners[f].access, L2) &&
  @   \at(owners[f].enclave, L1) == \at(owners[f].enclave, L2) &&
  @   \at(owners[f].page, L1) == \at(owners[f].page, L2);
  @
  @ predicate same_but{L1,L2}(integer f) =
  @   \forall integer g; is_frame{L1}(g) && g != f ==> is_same{L1,L2}(g); */

/* Field by field: so the proof's tools follow it. To the compiler it is one store. */
/*@ requires frame < owner_count && \valid(owners + frame);
  @ assigns owners[frame].kind, owners[frame].access, owners[frame].enclave, owners[frame].page;
  @ ensures is_owner(owner, frame); */
static void set(uint64_t frame, struct frame owner)
{
	owners[frame].kind = owner.kind;
	owners[frame].access = owner.access;
	owners[frame].enclave = owner.enclave;
	owners[frame].page = owner.page;
}

/*@ requires \valid(frames + (0 .. count - 1));
  @ assigns owners, owner_count, first_of[0 .. ], counts, hidden_count, frames[0 .. count - 1];
  @ GOOD(ensures)
  @ ensures owners == frames && owner_count <= count;
  @ ensures \forall integer f; is_frame(f) ==> is_of(f, FRAME_DEVICE); */
void frames_init(struct frame *frames, uint64_t count)
{
	owners = frames;
	owner_count = MIN(count, (uint64_t)FRAME_NONE);
	/*@ loop invariant 0 <= i <= owner_count;
	  @ loop invariant \forall integer f; 0 <= f < i ==> owners[f].kind == FRAME_DEVICE;
	  @ loop assigns i, frames[0 .. count - 1];
	  @ loop variant owner_count - i; */
	for (uint64_t i = 0; i < owner_count; i++)
		set(i, (struct frame){.kind = FRAME_DEVICE});
	first_of[FRAME_INCOMING] = first_of[FRAME_FREE] = first_of[FRAME_RESERVED] = FRAME_NONE;
	counts = (struct frame_counts){0};
	hidden_count = 0;
}

/*@ GOOD(requires)
  @ assigns owners[0 .. owner_count - 1];
  @ GOOD(ensures)
  @ ensures \forall integer f; is_frame(f) ==> is_same{Pre,Here}(f) ||
  @   (is_of{Pre}(f, FRAME_DEVICE) && is_of(f, FRAME_LINUX) && first <= f < first + count); */
void frames_add_ram(uint64_t first, uint64_t count)
{
	/*@ loop invariant first <= i;
	  @ GOOD(loop invariant)
	  @ loop invariant \forall integer f; is_frame(f) ==> is_same{Pre,Here}(f) ||
	  @   (is_of{Pre}(f, FRAME_DEVICE) && is_of(f, FRAME_LINUX) &&
	  @     first <= f < first + count && f < i);
	  @ loop assigns i, owners[0 .. owner_count - 1];
	  @ loop variant owner_count - i; */
	for (uint64_t i = first; i < owner_count && i - first < count; i++)
		if (owners[i].kind == FRAME_DEVICE)
			owners[i].kind = FRAME_LINUX;
}

/*@ assigns \nothing;
  @ ensures \result == owner_count; */
uint64_t frames_count(void)
{
	return owner_count;
}

/*@ assigns \nothing;
  @ ensures \result == counts; */
struct frame_counts frames_counts(void)
{
	return counts;
}

/*@ predicate is_hidden{L}(integer f) = \exists integer i; 0 <= i < \at(hidden_count, L) &&
  @   \at(hidden[i].first, L) <= f < \at(hidden[i].first, L) + \at(hidden[i].count, L); */

/*@ GOOD(requires)
  @ requires hidden_count <= FRAMES_HIDDEN_MAX;
  @ assigns hidden[0 .. ], hidden_count;
  @ GOOD(ensures)
  @ ensures hidden_count <= FRAMES_HIDDEN_MAX;
  @ ensures \result == 0 || (\result == -ENOSPC && hidden_count == \old(hidden_count));
  @ ensures \result == 0 ==> \forall integer f;
  @   is_hidden(f) <==> is_hidden{Pre}(f) || first <= f < first + count; */
int frames_hide(uint64_t first, uint64_t count)
{
	if (hidden_count == FRAMES_HIDDEN_MAX)
		return -ENOSPC;
	hidden[hidden_count].first = first;
	hidden[hidden_count++].count = count;
	return 0;
}

/*@ requires hidden_count <= FRAMES_HIDDEN_MAX;
  @ assigns \nothing;
  @ ensures \result <==> is_hidden(frame); */
static bool is_hidden(uint64_t frame)
{
	/*@ loop invariant 0 <= i <= hidden_count;
	  @ loop invariant \forall integer j; 0 <= j < i ==>
	  @   !(hidden[j].first <= frame < hidden[j].first + hidden[j].count);
	  @ loop assigns i;
	  @ loop variant hidden_count - i; */
	for (uint32_t i = 0; i < hidden_count; i++)
		if (frame >= hidden[i].first && frame - hidden[i].first < hidden[i].count)
			return true;
	return false;
}

/*@ GOOD(requires)
  @ requires hidden_count <= FRAMES_HIDDEN_MAX;
  @ assigns \nothing;
  @ ensures \result <==> !is_hidden(frame) && (!is_frame(frame) || is_of(frame, FRAME_DEVICE) ||
  @   is_of(frame, FRAME_LINUX) || is_of(frame, FRAME_WINDOW)); */
bool frames_is_linux(uint64_t frame)
{
	if (is_hidden(frame))
		return false;
	return frame >= owner_count || owners[frame].kind == FRAME_DEVICE ||
	       owners[frame].kind == FRAME_LINUX || owners[frame].kind == FRAME_WINDOW;
}

/*@ GOOD(requires)
  @ assigns \nothing;
  @ ensures \result <==> is_of(frame, FRAME_LINUX) || is_of(frame, FRAME_WINDOW); */
bool frames_is_memory(uint64_t frame)
{
	return frame < owner_count &&
	       (owners[frame].kind == FRAME_LINUX || owners[frame].kind == FRAME_WINDOW);
}

/*@ GOOD(requires)
  @ assigns \nothing;
  @ ensures \result <==> is_of(frame, FRAME_LINUX); */
bool frames_is_only(uint64_t frame)
{
	return frame < owner_count && owners[frame].kind == FRAME_LINUX;
}

/*@ GOOD(requires)
  @ requires is_frame(frame);
  @ assigns \nothing;
  @ ensures is_owner(\result, frame); */
struct frame frame_owner(uint32_t frame)
{
	return owners[frame];
}

/*@ GOOD(requires)
  @ requires FRAME_INCOMING <= kind <= FRAME_RESERVED;
  @ requires is_frame(frame) && owners[frame].kind != FRAME_INCOMING &&
  @   owners[frame].kind != FRAME_FREE && owners[frame].kind != FRAME_RESERVED;
  @ requires kind != FRAME_INCOMING ==> is_zero(frame);
  @ assigns owners[frame], first_of[kind];
  @ GOOD(ensures)
  @ ensures is_of(frame, kind) && owners[frame].enclave == 0 && first_of[kind] == frame;
  @ ensures same_but{Pre,Post}(frame); */
static void push(enum frame_kind kind, uint32_t frame)
{
	set(frame, (struct frame){.kind = (uint8_t)kind, .page = first_of[kind]});
	first_of[kind] = frame;
}

/* The caller gives it an owner at once: until then it is of its list's kind, and not in the list.
 */
/*@ GOOD(requires)
  @ requires FRAME_INCOMING <= kind <= FRAME_RESERVED && first_of[kind] != FRAME_NONE;
  @ requires owner.kind != FRAME_INCOMING && owner.kind != FRAME_FREE &&
  @   owner.kind != FRAME_RESERVED;
  @ assigns first_of[kind], owners[first_of[kind]];
  @ GOOD(ensures)
  @ ensures is_of{Pre}(\result, kind) && is_owner(owner, \result);
  @ ensures same_but{Pre,Post}(\result); */
static uint32_t pop(enum frame_kind kind, struct frame owner)
{
	uint32_t frame = first_of[kind];

	first_of[kind] = owners[frame].page;
	set(frame, owner);
	return frame;
}

/*@ GOOD(requires)
  @ requires (kind == FRAME_HYPERVISOR || kind == FRAME_RESERVED);
  @ assigns owners[frame], first_of[FRAME_RESERVED], counts;
  @ assigns memory_frames[frame];
  @ GOOD(ensures)
  @ ensures same_but{Pre,Post}(frame);
  @ behavior good:
  @   assumes is_of(frame, FRAME_LINUX);
  @   ensures \result == 0 && is_of(frame, kind) && owners[frame].enclave == 0;
  @ behavior refused:
  @   assumes !is_of(frame, FRAME_LINUX);
  @   assigns \nothing;
  @   ensures \result == -EINVAL;
  @ complete behaviors;
  @ disjoint behaviors; */
int frame_claim(uint64_t frame, enum frame_kind kind)
{
	if (!frames_is_only(frame))
		return -EINVAL;
	if (kind == FRAME_RESERVED) {
		memory_zero(frame);
		push(kind, (uint32_t)frame);
		counts.reserved++;
	} else {
		set(frame, (struct frame){.kind = (uint8_t)kind});
	}
	return 0;
}

/*@ GOOD(requires)
  @ assigns owners[frame], first_of[FRAME_INCOMING], counts;
  @ GOOD(ensures)
  @ ensures same_but{Pre,Post}(frame);
  @ behavior good:
  @   assumes is_of(frame, FRAME_LINUX);
  @   ensures \result == 0 && is_of(frame, FRAME_INCOMING);
  @ behavior refused:
  @   assumes !is_of(frame, FRAME_LINUX);
  @   assigns \nothing;
  @   ensures \result == -EINVAL;
  @ complete behaviors;
  @ disjoint behaviors; */
int frame_donate(uint64_t frame)
{
	if (DEFENCE(!frames_is_only(frame)))
		return -EINVAL;
	push(FRAME_INCOMING, (uint32_t)frame);
	counts.incoming++;
	return 0;
}

/* INCOMING frames become FREE, nothing else changes. */
/*@ predicate settles{L1,L2} = \forall integer f; is_frame{L1}(f) ==>
  @   is_same{L1,L2}(f) ||
  @   (is_of{L1}(f, FRAME_INCOMING) && is_of{L2}(f, FRAME_FREE)); */

/*@ GOOD(requires)
  @ assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts;
  @ assigns memory_frames[0 .. owner_count - 1];
  @ GOOD(ensures)
  @ ensures settles{Pre,Post} && first_of[FRAME_INCOMING] == FRAME_NONE;
  @ ensures \forall integer f; is_frame(f) && !is_of{Pre}(f, FRAME_INCOMING) ==>
  @   \forall integer w; 0 <= w < FRAME_WORDS ==>
  @     \at(memory_frames[f].words[w], Pre) == memory_frames[f].words[w]; */
void frames_settle(void)
{
	/*@ GOOD(loop invariant)
	  @ loop invariant settles{Pre,Here};
	  @ loop invariant \forall integer f; is_frame(f) && !is_of{Pre}(f, FRAME_INCOMING) ==>
	  @   \forall integer w; 0 <= w < FRAME_WORDS ==>
	  @     \at(memory_frames[f].words[w], Pre) == memory_frames[f].words[w];
	  @ loop assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts,
	  @   memory_frames[0 .. owner_count - 1]; */
	while (first_of[FRAME_INCOMING] != FRAME_NONE) {
		/*@ assert is_frame(first_of[FRAME_INCOMING]); */
		uint32_t frame = pop(FRAME_INCOMING, (struct frame){.kind = FRAME_HYPERVISOR});

		memory_zero(frame);
		push(FRAME_FREE, frame);
		counts.free++;
	}
	counts.incoming = 0;
}

/*@ GOOD(requires)
  @ requires \valid(ret_frame) && \separated(ret_frame, owners + (0 .. owner_count - 1));
  @ requires owner.kind == FRAME_HYPERVISOR || owner.kind == FRAME_ENCLAVE;
  @ assigns owners[0 .. owner_count - 1], first_of[0 .. ], counts, *ret_frame;
  @ GOOD(ensures)
  @ ensures \result == 0 || \result == -ENOMEM;
  @ ensures \result == 0 ==> is_zero(*ret_frame) &&
  @   (is_of{Pre}(*ret_frame, FRAME_FREE) || is_of{Pre}(*ret_frame, FRAME_RESERVED));
  @ ensures \result == 0 ==> same_but{Pre,Post}(*ret_frame) && is_owner(owner, *ret_frame);
  @ ensures \result != 0 ==> same_but{Pre,Post}(-1) && *ret_frame == \old(*ret_frame); */
int frame_take(struct frame owner, uint32_t *ret_frame)
{
	enum frame_kind kind = FRAME_FREE;

	if (owner.kind == FRAME_HYPERVISOR && !owner.enclave &&
		first_of[FRAME_RESERVED] != FRAME_NONE)
		kind = FRAME_RESERVED;
	if (first_of[kind] == FRAME_NONE)
		return -ENOMEM;
	*ret_frame = pop(kind, owner);
	counts.free -= kind == FRAME_FREE;
	counts.reserved -= kind == FRAME_RESERVED;
	counts.enclave += owner.kind == FRAME_ENCLAVE;
	return 0;
}

/*@ GOOD(requires)
  @ requires (is_of(frame, FRAME_ENCLAVE) || is_of(frame, FRAME_HYPERVISOR));
  @ assigns owners[frame], first_of[FRAME_FREE], counts;
  @ assigns memory_frames[frame];
  @ GOOD(ensures)
  @ ensures is_of(frame, FRAME_FREE) && is_zero(frame) && same_but{Pre,Post}(frame); */
void frame_release(uint32_t frame)
{
	counts.enclave -= owners[frame].kind == FRAME_ENCLAVE;
	memory_zero(frame);
	push(FRAME_FREE, frame);
	counts.free++;
}

/*@ GOOD(requires)
  @ requires \valid(ret_frame) && \separated(ret_frame, owners + (0 .. owner_count - 1));
  @ assigns owners[0 .. owner_count - 1], first_of[FRAME_FREE], counts, *ret_frame;
  @ GOOD(ensures)
  @ ensures \result == 0 || \result == -ENOMEM;
  @ ensures \result == 0 ==> is_zero(*ret_frame) && is_of{Pre}(*ret_frame, FRAME_FREE);
  @ ensures \result == 0 ==> same_but{Pre,Post}(*ret_frame) && is_of(*ret_frame, FRAME_LINUX);
  @ ensures \result != 0 ==> same_but{Pre,Post}(-1) && *ret_frame == \old(*ret_frame); */
int frame_return(uint32_t *ret_frame)
{
	if (first_of[FRAME_FREE] == FRAME_NONE)
		return -ENOMEM;
	*ret_frame = pop(FRAME_FREE, (struct frame){.kind = FRAME_LINUX});
	counts.free--;
	return 0;
}

/*@ GOOD(requires)
  @ requires is_of(frame, FRAME_ENCLAVE);
  @ assigns owners[frame].access;
  @ GOOD(ensures)
  @ ensures same_but{Pre,Post}(frame) && is_of(frame, FRAME_ENCLAVE);
  @ ensures owners[frame].access == access && owners[frame].page == \old(owners[frame].page) &&
  @   owners[frame].enclave == \old(owners[frame].enclave); */
void frame_set_access(uint32_t frame, uint8_t access)
{
	owners[frame].access = access;
}

/*@ GOOD(requires)
  @ assigns owners[frame];
  @ GOOD(ensures)
  @ ensures same_but{Pre,Post}(frame);
  @ behavior good:
  @   assumes is_of(frame, FRAME_LINUX);
  @   ensures \result == 0 && is_of(frame, FRAME_WINDOW) && owners[frame].enclave == enclave &&
  @     owners[frame].page == page;
  @ behavior refused:
  @   assumes !is_of(frame, FRAME_LINUX);
  @   assigns \nothing;
  @   ensures \result == -EFAULT;
  @ complete behaviors;
  @ disjoint behaviors; */
int frame_share(uint64_t frame, uint16_t enclave, uint32_t page)
{
	if (!frames_is_only(frame))
		return -EFAULT;
	set(frame, (struct frame){.kind = FRAME_WINDOW, .enclave = enclave, .page = page});
	return 0;
}

/*@ GOOD(requires)
  @ requires is_of(frame, FRAME_WINDOW);
  @ assigns owners[frame];
  @ GOOD(ensures)
  @ ensures same_but{Pre,Post}(frame) && is_of(frame, FRAME_LINUX); */
void frame_unshare(uint32_t frame)
{
	set(frame, (struct frame){.kind = FRAME_LINUX});
}

/*@ predicate is_had{L}(integer f, integer e) = \at(owners[f].enclave, L) == e &&
  @   (is_of{L}(f, FRAME_ENCLAVE) || is_of{L}(f, FRAME_WINDOW)); */

/*@ GOOD(requires)
  @ assigns \nothing;
  @ ensures \result != FRAME_NONE ==> from <= \result && is_had(\result, enclave);
  @ ensures \forall integer f; from <= f && is_had(f, enclave) ==> \result <= f; */
uint32_t frames_next_of(uint16_t enclave, uint32_t from)
{
	/*@ loop invariant from <= i;
	  @ loop invariant \forall integer f; from <= f < i ==> !is_had(f, enclave);
	  @ loop assigns i;
	  @ loop variant owner_count - i; */
	for (uint64_t i = from; i < owner_count; i++)
		if ((owners[i].kind == FRAME_ENCLAVE || owners[i].kind == FRAME_WINDOW) &&
			owners[i].enclave == enclave)
			return (uint32_t)i;
	return FRAME_NONE;
}

/*@ predicate is_kept{L}(integer f) = \at(owners[f].enclave, L) != 0 && !is_of{L}(f, FRAME_WINDOW);
 */

/*@ GOOD(requires)
  @ assigns memory_frames[0 .. owner_count - 1];
  @ GOOD(ensures)
  @ ensures \forall integer f; is_frame(f) && is_kept(f) ==> is_zero(f);
  @ ensures \forall integer f; is_frame(f) && !is_kept(f) ==>
  @   \forall integer w; 0 <= w < FRAME_WORDS ==>
  @     \at(memory_frames[f].words[w], Pre) == memory_frames[f].words[w]; */
void frames_wipe(void)
{
	/*@ loop invariant 0 <= i <= owner_count;
	  @ GOOD(loop invariant)
	  @ loop invariant \forall integer f; 0 <= f < i && is_kept(f) ==> is_zero(f);
	  @ loop invariant \forall integer f; is_frame(f) && !is_kept(f) ==>
	  @   \forall integer w; 0 <= w < FRAME_WORDS ==>
	  @     \at(memory_frames[f].words[w], Pre) == memory_frames[f].words[w];
	  @ loop assigns i, memory_frames[0 .. owner_count - 1];
	  @ loop variant owner_count - i; */
	for (uint64_t i = 0; i < owner_count; i++)
		if (owners[i].enclave && owners[i].kind != FRAME_WINDOW)
			memory_zero(i);
}
