/* What is known about the machine code of one x86-64 ELF file: where instructions begin and where
 * something may jump to.
 *
 * Two grades of knowledge. Confirmed: an instruction reached from a function's start, or decoded
 * with its whole function. Suspected: a jump target seen in bytes that may be code. A target that
 * does not exist only costs a site its patch, so targets are collected generously. */
#ifndef IMAGE_CODE_MAP_H
#define IMAGE_CODE_MAP_H

#include <Zydis/Zydis.h>

#include "base/span.h"

#define CODE_SEGMENTS_MAX 16

enum code_flag {
	CODE_START = 1,  /* a confirmed instruction begins at this byte */
	CODE_INSIDE = 2, /* a further byte of a confirmed instruction */
	CODE_TARGET = 4, /* something may jump to this byte */
	CODE_ADDED = 8,  /* a function was added that begins here */
};

/* One PT_LOAD as far as it is backed by the file. */
struct code_segment {
	uint64_t vaddr;
	uint64_t offset; /* in the file */
	struct span bytes;
	uint8_t *flags; /* enum code_flag for each byte; NULL: not executable */
};

struct code_map {
	struct span elf; /* must outlive the map */
	struct code_segment segments[CODE_SEGMENTS_MAX];
	size_t segment_count;
	bool fixed_address; /* ET_EXEC: immediates may be addresses */
	ZydisDecoder decoder;
	uint64_t *pending; /* addresses of instructions not yet traced */
	size_t pending_count, pending_room;
};

/* Read the program headers. A file that is no x86-64 executable or library, or whose headers make
 * no sense, gives a map without segments. -ENOMEM is the only error. */
int code_map_init(struct code_map *map, struct span elf) MUST_CHECK;
void code_map_done(struct code_map *map);

/* The executable segment that holds @vaddr, or NULL. */
struct code_segment *code_map_find(const struct code_map *map, uint64_t vaddr);

/* Up to @size bytes of the file at @vaddr; fewer where the segment ends, none outside. */
struct span code_map_read(const struct code_map *map, uint64_t vaddr, uint64_t size);

void code_map_mark_target(struct code_map *map, uint64_t vaddr);

/* Confirm the instructions reached from @vaddr by falling through, jumping and calling. */
int code_map_trace(struct code_map *map, uint64_t vaddr) MUST_CHECK;

/* A function's bounds: its start is traced, and the rest confirmed if the whole of it decodes. */
int code_map_add_function(struct code_map *map, uint64_t vaddr, uint64_t size) MUST_CHECK;

/* Last: suspect targets in the bytes not confirmed and in every stored pointer. */
void code_map_suspect_rest(struct code_map *map);

bool code_map_decode(const struct code_map *map, const struct code_segment *segment, uint64_t at,
	ZydisDecodedInstruction *ret);

#endif
