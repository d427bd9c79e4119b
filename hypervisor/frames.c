#include "hypervisor/frames.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "hypervisor/memory.h"

static struct frame *owners;
static uint64_t owner_count;
static uint32_t free_list = FRAME_NONE, incoming_list = FRAME_NONE, reserve_list = FRAME_NONE;
static struct frame_counts counts;

/* Frames that are no memory, and mostly above what the array tells of. */
static struct {
	uint64_t first, count;
} hidden[FRAMES_HIDDEN_MAX];
static uint32_t hidden_count;

void frames_init(struct frame *frames, uint64_t count)
{
	owners = frames;
	owner_count = MIN(count, (uint64_t)FRAME_NONE);
	memset(owners, 0, owner_count * sizeof(*owners));
	free_list = incoming_list = reserve_list = FRAME_NONE;
	counts = (struct frame_counts){0};
	hidden_count = 0;
}

void frames_add_ram(uint64_t first, uint64_t count)
{
	for (uint64_t i = first; i < owner_count && i - first < count; i++)
		owners[i].kind = FRAME_LINUX;
}

uint64_t frames_count(void)
{
	return owner_count;
}

struct frame_counts frames_counts(void)
{
	return counts;
}

int frames_hide(uint64_t first, uint64_t count)
{
	if (hidden_count == FRAMES_HIDDEN_MAX)
		return -ENOSPC;
	hidden[hidden_count].first = first;
	hidden[hidden_count++].count = count;
	return 0;
}

static bool is_hidden(uint64_t frame)
{
	for (uint32_t i = 0; i < hidden_count; i++)
		if (frame >= hidden[i].first && frame - hidden[i].first < hidden[i].count)
			return true;
	return false;
}

bool frames_is_linux(uint64_t frame)
{
	if (is_hidden(frame))
		return false;
	return frame >= owner_count || owners[frame].kind == FRAME_DEVICE ||
	       owners[frame].kind == FRAME_LINUX || owners[frame].kind == FRAME_WINDOW;
}

bool frames_is_memory(uint64_t frame)
{
	return frame < owner_count &&
	       (owners[frame].kind == FRAME_LINUX || owners[frame].kind == FRAME_WINDOW);
}

bool frames_is_only(uint64_t frame)
{
	return frame < owner_count && owners[frame].kind == FRAME_LINUX;
}

struct frame frame_owner(uint32_t frame)
{
	return owners[frame];
}

static void push(uint32_t *list, uint32_t frame)
{
	owners[frame] = (struct frame){.kind = FRAME_FREE, .page = *list};
	*list = frame;
}

static uint32_t pop(uint32_t *list)
{
	uint32_t frame = *list;

	*list = owners[frame].page;
	return frame;
}

static void push_free(uint32_t frame)
{
	push(&free_list, frame);
	counts.free++;
}

static uint32_t pop_free(void)
{
	counts.free--;
	return pop(&free_list);
}

int frame_claim(uint64_t frame, enum frame_kind kind)
{
	if (!frames_is_only(frame))
		return -EINVAL;
	if (kind == FRAME_FREE) {
		push(&reserve_list, (uint32_t)frame);
		counts.reserved++;
	} else {
		owners[frame] = (struct frame){.kind = (uint8_t)kind};
	}
	return 0;
}

int frame_donate(uint64_t frame)
{
	if (!frames_is_only(frame))
		return -EINVAL;
	owners[frame] = (struct frame){.kind = FRAME_INCOMING, .page = incoming_list};
	incoming_list = (uint32_t)frame;
	counts.incoming++;
	return 0;
}

void frames_settle(void)
{
	while (incoming_list != FRAME_NONE) {
		uint32_t frame = incoming_list;

		incoming_list = owners[frame].page;
		memset(memory_at(frame), 0, PAGE_SIZE);
		push_free(frame);
	}
	counts.incoming = 0;
}

int frame_take(struct frame owner, uint32_t *ret_frame)
{
	bool is_reserved = owner.kind == FRAME_HYPERVISOR && !owner.enclave && counts.reserved;
	uint32_t frame;

	if (!is_reserved && !counts.free)
		return -ENOMEM;
	frame = is_reserved ? pop(&reserve_list) : pop_free();
	counts.reserved -= is_reserved;
	owners[frame] = owner;
	counts.enclave += owner.kind == FRAME_ENCLAVE;
	*ret_frame = frame;
	return 0;
}

void frame_release(uint32_t frame)
{
	counts.enclave -= owners[frame].kind == FRAME_ENCLAVE;
	memory_wipe(memory_at(frame), PAGE_SIZE);
	push_free(frame);
}

int frame_return(uint32_t *ret_frame)
{
	uint32_t frame;

	if (!counts.free)
		return -ENOMEM;
	frame = pop_free();
	owners[frame] = (struct frame){.kind = FRAME_LINUX};
	*ret_frame = frame;
	return 0;
}

void frame_set_access(uint32_t frame, uint8_t access)
{
	owners[frame].access = access;
}

int frame_share(uint64_t frame, uint16_t enclave, uint32_t page)
{
	if (!frames_is_only(frame))
		return -EFAULT;
	owners[frame] = (struct frame){.kind = FRAME_WINDOW, .enclave = enclave, .page = page};
	return 0;
}

void frame_unshare(uint32_t frame)
{
	owners[frame] = (struct frame){.kind = FRAME_LINUX};
}

uint32_t frames_next_of(uint16_t enclave, uint32_t from)
{
	for (uint64_t i = from; i < owner_count; i++)
		if ((owners[i].kind == FRAME_ENCLAVE || owners[i].kind == FRAME_WINDOW) &&
			owners[i].enclave == enclave)
			return (uint32_t)i;
	return FRAME_NONE;
}

void frames_wipe(void)
{
	for (uint64_t i = 0; i < owner_count; i++)
		if (owners[i].enclave && owners[i].kind != FRAME_WINDOW)
			memory_wipe(memory_at(i), PAGE_SIZE);
}
