/* In-place patching of a program's `syscall` instructions, so that they reach the LibOS by a jump.
 *
 * Each site gets a slot in the file's trampoline area, which lies at one fixed distance from the
 * file's text in every address space, so that patched pages can be shared. Slot i belongs to site
 * i; what a slot does not use is int3.
 *
 *	SITE_MOV     mov $nr,%eax      lea site_syscall+2(%rip),%rcx   jmp *%gs:ENTRY
 *	SITE_BEFORE  moved bytes       lea site_syscall+2(%rip),%rcx   jmp *%gs:ENTRY
 *	SITE_AFTER   lea 1f(%rip),%rcx   jmp *%gs:ENTRY   1: moved bytes   jmp site_syscall+2+moved
 *
 * As after a `syscall`, rcx is where execution goes on. The program must not notice: an address in
 * a slot never shows in a signal frame or a core, and one given back is taken to the same place.
 *
 * A list of sites is a hint. Each site is checked against the bytes before it is patched, and
 * nothing outside the given text and area is ever written, whatever the list says. */
#ifndef LIBOS_LOADER_PATCH_H
#define LIBOS_LOADER_PATCH_H

#include "abi/sites.h"
#include "base/compiler.h"

/* Where the entry's address is found, from the GS base of every thread. */
#define PATCH_ENTRY_GS_OFFSET 0x8

#define PATCH_SLOT_SIZE 48

/* The kind of a site that was refused; it keeps its slot, all int3. */
#define PATCH_SITE_REFUSED 0

struct patch_target {
	uint8_t *text;        /* a writable copy of the file's bytes from @file_offset on */
	size_t size;          /* bytes of text */
	uint64_t file_offset; /* of text[0] */
	uint8_t *area;        /* at least patch_area_size(count) bytes */
	size_t area_size;
	int64_t area_distance; /* in the address space: from text[0] to area[0] */
	struct site *sites;    /* sorted by offset; refused ones are marked in place */
	uint32_t count;
};

/* A file's patched text in an address space. */
struct patch_view {
	uint64_t text; /* address of the first byte of text */
	uint64_t file_offset;
	uint64_t area;
	const struct site *sites; /* as patch_apply() left them */
	uint32_t count;
};

size_t patch_area_size(uint32_t count);

/* Patch every site that is what the list says, fill the whole area, and mark the other sites
 * PATCH_SITE_REFUSED: bytes that differ, windows that overlap or leave the text, rt_sigreturn's
 * restorer, offsets out of order. All are refused when the area is too small or too far (2 GiB).
 * Returns how many were patched. */
uint32_t patch_apply(const struct patch_target *target);

/* The same in parts, for text that comes in piece by piece. patch_prepare() first: it fills the
 * area and refuses what no bytes could save. Then patch_range() for each piece, [start, end) of the
 * text, once. A piece must not begin or end where patch_is_cut(): a site there needs bytes of both
 * sides.
 */
void patch_prepare(const struct patch_target *target);
bool patch_is_cut(const struct patch_target *target, size_t at);
uint32_t patch_range(const struct patch_target *target, size_t start, size_t end);

/* The address that the program would be at on Linux when it is at @pc: before the entry is
 * reached, that of the `syscall`, which has not run. Anything outside slots is returned as it is.
 */
uint64_t patch_pc_to_native(const struct patch_view *view, uint64_t pc);

/* Where to resume a program that asks to go on at @pc: inside a patched window, the matching place
 * in the slot. A `syscall` that SITE_MOV left in place has one too, which spares the trap. */
uint64_t patch_pc_from_native(const struct patch_view *view, uint64_t pc);

/* Is @pc, in either form, where a site's `syscall` returns to? */
bool patch_is_syscall_return(const struct patch_view *view, uint64_t pc);

/* Find sites in text of which nothing is known: only SITE_MOV, by its bytes, for which the
 * preceding byte must not be able to turn the mov into something else.
 * Returns how many were written to @ret_sites, at most @max, sorted. */
uint32_t patch_scan_mov(const uint8_t *text, size_t size, uint64_t file_offset,
	struct site *ret_sites, uint32_t max);

#endif
