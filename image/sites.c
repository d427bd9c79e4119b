#include "image/sites.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "image/code_map.h"
#include "image/code_roots.h"

#define SYSCALL_SIZE 2
#define JUMP_SIZE 5 /* e9 rel32 */
#define MOV_SIZE 5  /* b8 imm32 */
#define DISPLACED_MIN (JUMP_SIZE - SYSCALL_SIZE)
#define DISPLACED_MAX 16
#define INSTRUCTION_MAX 15

/* A growing array of sites, and where the last one ends. */
struct site_list {
	struct site *sites;
	size_t count, room;
	uint64_t previous_end; /* in the segment being searched */
};

static bool is_syscall(struct span bytes, uint64_t at)
{
	return range_fits(at, SYSCALL_SIZE, bytes.size) && bytes.data[at] == 0x0f &&
	       bytes.data[at + 1] == 0x05;
}

static bool ends_with(struct span bytes, uint64_t at, const uint8_t *tail, size_t size)
{
	return at >= size && memcmp(bytes.data + at - size, tail, size) == 0;
}

/* rt_sigreturn: unwinders and debuggers know a signal frame by these bytes. */
static bool is_restorer(struct span bytes, uint64_t syscall)
{
	static const uint8_t mov_rax[] = {0x48, 0xc7, 0xc0, 15, 0, 0, 0};
	static const uint8_t mov_eax[] = {0xb8, 15, 0, 0, 0};

	return ends_with(bytes, syscall, mov_rax, sizeof(mov_rax)) ||
	       ends_with(bytes, syscall, mov_eax, sizeof(mov_eax));
}

/* Bytes [at, end) are one instruction of known position, seen from every way of decoding. */
static bool is_confirmed(const struct code_segment *segment, uint64_t at, uint64_t end)
{
	if ((segment->flags[at] & (CODE_START | CODE_INSIDE)) != CODE_START)
		return false;
	for (uint64_t i = at + 1; i < end; i++)
		if (segment->flags[i] & CODE_START)
			return false;
	return true;
}

static bool has_target(const struct code_segment *segment, uint64_t at, uint64_t end)
{
	for (uint64_t i = at; i < end; i++)
		if (segment->flags[i] & CODE_TARGET)
			return true;
	return false;
}

/* Does the instruction do the same from another address, and is the next one always run after it?
 * A `ret` is the exception that may come last. */
static bool is_movable(
	const struct code_segment *segment, uint64_t at, const ZydisDecodedInstruction *insn)
{
	if (!is_confirmed(segment, at, at + insn->length) ||
		(insn->attributes & ZYDIS_ATTRIB_IS_RELATIVE))
		return false;
	switch (insn->meta.category) {
	case ZYDIS_CATEGORY_CALL:
	case ZYDIS_CATEGORY_COND_BR:
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_INTERRUPT:
	case ZYDIS_CATEGORY_SYSCALL:
	case ZYDIS_CATEGORY_SYSRET:
	case ZYDIS_CATEGORY_SYSTEM:
	case ZYDIS_CATEGORY_CET:
		return false;
	default:
		return insn->mnemonic != ZYDIS_MNEMONIC_UD2 && insn->mnemonic != ZYDIS_MNEMONIC_HLT;
	}
}

/* With a prefix before it, b8 loads another register or is longer than five bytes. */
static bool may_be_prefix(uint8_t byte)
{
	return (byte & 0xf0) == 0x40 || byte == 0x66;
}

/* `mov $nr,%eax; syscall` in bytes that no known function covers: seven bytes that nothing else
 * is seen to be made of. */
static bool looks_like_mov(const struct code_segment *segment, uint64_t at)
{
	const uint8_t *mov = segment->bytes.data + at;

	for (uint64_t i = 0; i < MOV_SIZE; i++)
		if (segment->flags[at + i] & (CODE_START | CODE_INSIDE))
			return false;
	return mov[2] <= 1 && mov[3] == 0 && mov[4] == 0 && at > 0 && !may_be_prefix(mov[-1]);
}

static bool find_mov(const struct code_segment *segment, uint64_t syscall, uint64_t previous_end,
	struct site *ret)
{
	uint64_t at = syscall - MOV_SIZE;

	if (syscall < MOV_SIZE || at < previous_end || segment->bytes.data[at] != 0xb8 ||
		(segment->flags[syscall + 1] & CODE_START))
		return false;
	if (!is_confirmed(segment, at, syscall) && !looks_like_mov(segment, at))
		return false;
	*ret = (struct site){.offset = (uint32_t)(segment->offset + at), .kind = SITE_MOV};
	return true;
}

static bool find_after(const struct code_map *map, const struct code_segment *segment,
	uint64_t syscall, struct site *ret)
{
	uint64_t start = syscall + SYSCALL_SIZE, at = start;
	ZydisDecodedInstruction insn;

	while (at - start < DISPLACED_MIN) {
		if (at >= segment->bytes.size || !code_map_decode(map, segment, at, &insn) ||
			!is_movable(segment, at, &insn))
			return false;
		at += insn.length;
		if (insn.meta.category == ZYDIS_CATEGORY_RET)
			break;
	}
	if (at - start < DISPLACED_MIN || at - start > DISPLACED_MAX ||
		has_target(segment, start, at))
		return false;
	*ret = (struct site){.offset = (uint32_t)(segment->offset + syscall),
		.kind = SITE_AFTER,
		.displaced = (uint8_t)(at - start)};
	return true;
}

/* The confirmed instruction that ends right at @end, if exactly one does. */
static bool find_previous(const struct code_map *map, const struct code_segment *segment,
	uint64_t end, uint64_t *ret_at, ZydisDecodedInstruction *ret)
{
	for (uint64_t size = 1; size <= INSTRUCTION_MAX && size <= end; size++) {
		if (!(segment->flags[end - size] & CODE_START))
			continue;
		*ret_at = end - size;
		return code_map_decode(map, segment, end - size, ret) && ret->length == size;
	}
	return false;
}

static bool find_before(const struct code_map *map, const struct code_segment *segment,
	uint64_t syscall, uint64_t previous_end, struct site *ret)
{
	uint64_t at = syscall;
	ZydisDecodedInstruction insn;

	while (syscall - at < DISPLACED_MIN) {
		if (!find_previous(map, segment, at, &at, &insn) ||
			!is_movable(segment, at, &insn) || insn.meta.category == ZYDIS_CATEGORY_RET)
			return false;
	}
	if (at < previous_end || syscall - at > DISPLACED_MAX ||
		has_target(segment, at + 1, syscall + SYSCALL_SIZE))
		return false;
	*ret = (struct site){.offset = (uint32_t)(segment->offset + at),
		.kind = SITE_BEFORE,
		.displaced = (uint8_t)(syscall - at)};
	return true;
}

/* The best way to patch the bytes 0f 05 at @syscall, if there is one that is safe. */
static bool classify(const struct code_map *map, const struct code_segment *segment,
	uint64_t syscall, uint64_t previous_end, struct site *ret)
{
	if (syscall < previous_end || is_restorer(segment->bytes, syscall) ||
		segment->offset + syscall + SYSCALL_SIZE > UINT32_MAX)
		return false;
	if (find_mov(segment, syscall, previous_end, ret))
		return true;
	if (!is_confirmed(segment, syscall, syscall + SYSCALL_SIZE))
		return false;
	return find_after(map, segment, syscall, ret) ||
	       find_before(map, segment, syscall, previous_end, ret);
}

/* All bytes of a site, from its offset on. */
static uint32_t site_size(const struct site *site)
{
	return SYSCALL_SIZE + (site->kind == SITE_MOV ? MOV_SIZE : site->displaced);
}

static int append(struct site_list *list, const struct site *site)
{
	if (list->count == list->room) {
		size_t room = list->room ? list->room * 2 : 64;
		struct site *grown = realloc(list->sites, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		list->sites = grown;
		list->room = room;
	}
	list->sites[list->count++] = *site;
	return 0;
}

static int find_in_segment(
	const struct code_map *map, const struct code_segment *segment, struct site_list *list)
{
	struct site site;
	int r = 0;

	list->previous_end = 0;
	for (uint64_t at = 0; at < segment->bytes.size && r == 0; at++) {
		if (!is_syscall(segment->bytes, at) ||
			!classify(map, segment, at, list->previous_end, &site))
			continue;
		list->previous_end = site.offset - segment->offset + site_size(&site);
		r = append(list, &site);
	}
	return r;
}

static bool has_syscall_bytes(const struct code_map *map)
{
	for (size_t i = 0; i < map->segment_count; i++) {
		struct span bytes = map->segments[i].bytes;

		if (!map->segments[i].flags)
			continue;
		for (uint64_t at = 0; at < bytes.size; at++)
			if (is_syscall(bytes, at))
				return true;
	}
	return false;
}

static int find_in_map(struct code_map *map, struct site_list *list)
{
	int r = 0;

	if (!has_syscall_bytes(map))
		return 0;
	r = code_roots_add(map);
	if (r < 0)
		return r;
	code_map_suspect_rest(map);
	for (size_t i = 0; i < map->segment_count && r == 0; i++)
		if (map->segments[i].flags)
			r = find_in_segment(map, &map->segments[i], list);
	return r;
}

static int compare_offsets(const void *a, const void *b)
{
	const struct site *x = a, *y = b;

	return (x->offset > y->offset) - (x->offset < y->offset);
}

int image_sites_find(const uint8_t *elf, size_t size, struct site **ret_sites, uint32_t *ret_count)
{
	struct site_list list = {0};
	struct code_map map;
	int r = code_map_init(&map, (struct span){elf, size});

	if (r < 0)
		return r;
	r = find_in_map(&map, &list);
	code_map_done(&map);
	if (r < 0) {
		free(list.sites);
		return r;
	}
	if (list.count > 1)
		qsort(list.sites, list.count, sizeof(*list.sites), compare_offsets);
	*ret_sites = list.sites;
	*ret_count = (uint32_t)list.count;
	return 0;
}
