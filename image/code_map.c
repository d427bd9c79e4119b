#include "image/code_map.h"

#include <elf.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* gcc's largest switch tables have a few hundred entries. */
#define TABLE_ENTRIES_MAX 4096

static bool overlaps_earlier(const struct code_map *map, const Elf64_Phdr *header)
{
	for (size_t i = 0; i < map->segment_count; i++) {
		const struct code_segment *other = &map->segments[i];

		if (header->p_vaddr - other->vaddr < other->bytes.size ||
			other->vaddr - header->p_vaddr < header->p_filesz)
			return true;
		if (header->p_offset - other->offset < other->bytes.size ||
			other->offset - header->p_offset < header->p_filesz)
			return true;
	}
	return false;
}

static int add_segment(struct code_map *map, const Elf64_Phdr *header)
{
	struct code_segment segment = {.vaddr = header->p_vaddr, .offset = header->p_offset};

	if (header->p_type != PT_LOAD || header->p_filesz == 0 ||
		map->segment_count == CODE_SEGMENTS_MAX)
		return 0;
	if (!span_slice(map->elf, header->p_offset, header->p_filesz, &segment.bytes))
		return 0;
	if (overlaps_earlier(map, header))
		return 0;
	if (header->p_flags & PF_X) {
		segment.flags = calloc(segment.bytes.size, 1);
		if (!segment.flags)
			return -ENOMEM;
	}
	map->segments[map->segment_count++] = segment;
	return 0;
}

static bool read_header(struct span elf, Elf64_Ehdr *ret)
{
	if (elf.size < sizeof(*ret))
		return false;
	memcpy(ret, elf.data, sizeof(*ret));
	return memcmp(ret->e_ident, ELFMAG, SELFMAG) == 0 && ret->e_ident[EI_CLASS] == ELFCLASS64 &&
	       ret->e_ident[EI_DATA] == ELFDATA2LSB && ret->e_machine == EM_X86_64 &&
	       (ret->e_type == ET_EXEC || ret->e_type == ET_DYN) &&
	       ret->e_phentsize == sizeof(Elf64_Phdr);
}

int code_map_init(struct code_map *map, struct span elf)
{
	Elf64_Ehdr header;
	int r = 0;

	memset(map, 0, sizeof(*map));
	map->elf = elf;
	ZydisDecoderInit(&map->decoder, ZYDIS_MACHINE_MODE_LONG_64, ZYDIS_STACK_WIDTH_64);
	if (!read_header(elf, &header))
		return 0;
	map->fixed_address = header.e_type == ET_EXEC;
	for (size_t i = 0; i < header.e_phnum && r == 0; i++) {
		struct span from;
		Elf64_Phdr program_header;

		if (header.e_phoff > elf.size ||
			!span_slice(elf, header.e_phoff + i * sizeof(Elf64_Phdr),
				sizeof(Elf64_Phdr), &from))
			break;
		memcpy(&program_header, from.data, sizeof(program_header));
		r = add_segment(map, &program_header);
	}
	if (r < 0)
		code_map_done(map);
	return r;
}

void code_map_done(struct code_map *map)
{
	for (size_t i = 0; i < map->segment_count; i++)
		free(map->segments[i].flags);
	free(map->pending);
	memset(map, 0, sizeof(*map));
}

static const struct code_segment *find_segment(const struct code_map *map, uint64_t vaddr)
{
	for (size_t i = 0; i < map->segment_count; i++)
		if (vaddr - map->segments[i].vaddr < map->segments[i].bytes.size)
			return &map->segments[i];
	return NULL;
}

struct code_segment *code_map_find(const struct code_map *map, uint64_t vaddr)
{
	const struct code_segment *segment = find_segment(map, vaddr);

	return segment && segment->flags ? (struct code_segment *)segment : NULL;
}

struct span code_map_read(const struct code_map *map, uint64_t vaddr, uint64_t size)
{
	const struct code_segment *segment = find_segment(map, vaddr);
	struct span span = {0};
	uint64_t at;

	if (!segment)
		return span;
	at = vaddr - segment->vaddr;
	span.data = segment->bytes.data + at;
	span.size = MIN(size, segment->bytes.size - at);
	return span;
}

void code_map_mark_target(struct code_map *map, uint64_t vaddr)
{
	struct code_segment *segment = code_map_find(map, vaddr);

	if (segment)
		segment->flags[vaddr - segment->vaddr] |= CODE_TARGET;
}

bool code_map_decode(const struct code_map *map, const struct code_segment *segment, uint64_t at,
	ZydisDecodedInstruction *ret)
{
	return ZYAN_SUCCESS(ZydisDecoderDecodeInstruction(
		&map->decoder, NULL, segment->bytes.data + at, segment->bytes.size - at, ret));
}

static int push_pending(struct code_map *map, uint64_t vaddr)
{
	if (map->pending_count == map->pending_room) {
		size_t room = map->pending_room ? map->pending_room * 2 : 1024;
		uint64_t *grown = realloc(map->pending, room * sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		map->pending = grown;
		map->pending_room = room;
	}
	map->pending[map->pending_count++] = vaddr;
	return 0;
}

/* Switch tables as gcc and clang make them hold 4-byte distances from the table itself. Whether
 * there is a table at @table can't be known: go on while what stands there leads to code. */
static void suspect_table(struct code_map *map, uint64_t table)
{
	for (uint64_t i = 0; i < TABLE_ENTRIES_MAX; i++) {
		struct span entry = code_map_read(map, table + 4 * i, 4);
		uint64_t target;
		int32_t distance;

		if (entry.size < 4)
			return;
		memcpy(&distance, entry.data, 4);
		target = table + (uint64_t)(int64_t)distance;
		if (!code_map_find(map, target))
			return;
		code_map_mark_target(map, target);
	}
}

static void suspect_address(struct code_map *map, uint64_t vaddr)
{
	code_map_mark_target(map, vaddr);
	suspect_table(map, vaddr);
}

static bool has_rip_operand(const ZydisDecodedInstruction *insn)
{
	return (insn->attributes & ZYDIS_ATTRIB_HAS_MODRM) && insn->raw.modrm.mod == 0 &&
	       insn->raw.modrm.rm == 5;
}

static void suspect_immediates(struct code_map *map, const ZydisDecodedInstruction *insn)
{
	for (size_t i = 0; i < ARRAY_SIZE(insn->raw.imm); i++)
		if (insn->raw.imm[i].size == 64 ||
			(map->fixed_address && insn->raw.imm[i].size == 32))
			suspect_address(map, insn->raw.imm[i].value.u);
	if (map->fixed_address && insn->raw.disp.size == 32)
		suspect_address(map, (uint64_t)insn->raw.disp.value);
}

/* Every address that @insn, which ends at @next, names. A direct branch is @ret_branch. */
static bool note_references(struct code_map *map, const ZydisDecodedInstruction *insn,
	uint64_t next, uint64_t *ret_branch)
{
	if (insn->raw.imm[0].is_relative) {
		*ret_branch = next + insn->raw.imm[0].value.u;
		code_map_mark_target(map, *ret_branch);
		return true;
	}
	if (has_rip_operand(insn))
		suspect_address(map, next + (uint64_t)insn->raw.disp.value);
	else
		suspect_immediates(map, insn);
	return false;
}

/* Confirm one instruction; where it branches to is traced later. */
static int confirm(struct code_map *map, struct code_segment *segment, uint64_t at,
	const ZydisDecodedInstruction *insn)
{
	uint64_t branch;

	segment->flags[at] |= CODE_START;
	for (uint64_t i = 1; i < insn->length; i++)
		segment->flags[at + i] |= CODE_INSIDE;
	if (note_references(map, insn, segment->vaddr + at + insn->length, &branch))
		return push_pending(map, branch);
	return 0;
}

static bool ends_flow(const ZydisDecodedInstruction *insn)
{
	switch (insn->meta.category) {
	case ZYDIS_CATEGORY_UNCOND_BR:
	case ZYDIS_CATEGORY_RET:
	case ZYDIS_CATEGORY_SYSRET:
		return true;
	default:
		return insn->mnemonic == ZYDIS_MNEMONIC_HLT ||
		       insn->mnemonic == ZYDIS_MNEMONIC_UD2 ||
		       insn->mnemonic == ZYDIS_MNEMONIC_INT3;
	}
}

static int trace_run(struct code_map *map, uint64_t vaddr)
{
	struct code_segment *segment = code_map_find(map, vaddr);
	ZydisDecodedInstruction insn;

	if (!segment)
		return 0;
	for (uint64_t at = vaddr - segment->vaddr; at < segment->bytes.size; at += insn.length) {
		int r;

		if ((segment->flags[at] & CODE_START) || !code_map_decode(map, segment, at, &insn))
			return 0;
		r = confirm(map, segment, at, &insn);
		if (r < 0 || ends_flow(&insn))
			return r;
	}
	return 0;
}

static int trace_pending(struct code_map *map)
{
	int r = 0;

	while (map->pending_count > 0 && r == 0)
		r = trace_run(map, map->pending[--map->pending_count]);
	return r;
}

int code_map_trace(struct code_map *map, uint64_t vaddr)
{
	int r;

	code_map_mark_target(map, vaddr);
	r = push_pending(map, vaddr);
	return r < 0 ? r : trace_pending(map);
}

static bool decodes_whole(
	const struct code_map *map, const struct code_segment *segment, uint64_t at, uint64_t end)
{
	ZydisDecodedInstruction insn;

	while (at < end) {
		if (!code_map_decode(map, segment, at, &insn))
			return false;
		at += insn.length;
	}
	return at == end;
}

static int confirm_range(
	struct code_map *map, struct code_segment *segment, uint64_t at, uint64_t end)
{
	ZydisDecodedInstruction insn;
	int r = 0;

	for (; at < end && r == 0; at += insn.length) {
		if (!code_map_decode(map, segment, at, &insn))
			break;
		r = confirm(map, segment, at, &insn);
	}
	return r;
}

int code_map_add_function(struct code_map *map, uint64_t vaddr, uint64_t size)
{
	struct code_segment *segment = code_map_find(map, vaddr);
	uint64_t at;
	int r = 0;

	if (!segment)
		return 0;
	at = vaddr - segment->vaddr;
	if (!range_fits(at, size, segment->bytes.size))
		return 0;
	code_map_mark_target(map, vaddr + size);
	if (size == 0 || (segment->flags[at] & CODE_ADDED))
		return code_map_trace(map, vaddr);
	segment->flags[at] |= CODE_ADDED;
	if (decodes_whole(map, segment, at, at + size))
		r = confirm_range(map, segment, at, at + size);
	return r < 0 ? r : code_map_trace(map, vaddr);
}

static void suspect_unconfirmed(struct code_map *map, struct code_segment *segment)
{
	ZydisDecodedInstruction insn;
	uint64_t at = 0, branch;

	while (at < segment->bytes.size) {
		if ((segment->flags[at] & (CODE_START | CODE_INSIDE)) ||
			!code_map_decode(map, segment, at, &insn)) {
			at++;
			continue;
		}
		at += insn.length;
		note_references(map, &insn, segment->vaddr + at, &branch);
	}
}

/* Tables of pointers, in data or as the addends of relocations, are aligned words. */
static void suspect_pointers(struct code_map *map, const struct code_segment *segment)
{
	uint64_t at = (0 - segment->vaddr) % 8;

	for (; range_fits(at, 8, segment->bytes.size); at += 8) {
		uint64_t word;

		memcpy(&word, segment->bytes.data + at, 8);
		code_map_mark_target(map, word);
	}
}

void code_map_suspect_rest(struct code_map *map)
{
	for (size_t i = 0; i < map->segment_count; i++) {
		if (map->segments[i].flags)
			suspect_unconfirmed(map, &map->segments[i]);
		suspect_pointers(map, &map->segments[i]);
	}
}
