/* The text of programs with its system calls patched to jump to the LibOS (patch.h does the bytes):
 * one patched copy per file, shared by all processes, and its trampolines mapped at the same
 * distance: right after the file's last segment. */
#ifndef LIBOS_LOADER_TEXT_H
#define LIBOS_LOADER_TEXT_H

#include "base/span.h"

struct mm;
struct vma;
struct file;
struct patched_text;

/* The image's list (abi/sites.h), verified; must stay. -EBADMSG: it makes no sense. */
MUST_CHECK int text_use_sites(struct span sites);

struct patched_text *patched_text_ref(struct patched_text *text); /* NULL is fine */
void patched_text_unref(struct patched_text *text);

/* The copy is read and patched where it is touched; @offset of the file. Is the text there? As
 * file_ops.is_loaded and .load have it, the latter for an offset that is covered. */
bool text_covers(const struct patched_text *text, uint64_t offset); /* NULL: no */
bool text_is_loaded(const struct patched_text *text, uint64_t offset, uint64_t *ret_run);
MUST_CHECK int text_load(
	struct patched_text *text, struct file *file, uint64_t offset, uint64_t size);

/* Bytes to leave free above a mapping of @file that the kernel places, for trampolines. */
uint64_t text_slack(struct file *file, uint64_t offset);
/* An executable mapping of a file has just been made (mm's lock held): let its pages be the patched
 * copy, if there is one or can be. Best effort: what is not patched traps. */
void text_patch(struct mm *mm, struct vma *vma);
/* A patched mapping is going (mm's lock held): so do its trampolines. */
void text_unpatch(struct mm *mm, struct vma *vma);
/* A program's segments end at @end: where its trampolines do, from which the heap may begin. */
uint64_t text_area_end(struct mm *mm, uint64_t end);

/* Of a program counter in a trampoline or in a patched window; any other comes back unchanged. */
uint64_t text_pc_to_native(struct mm *mm, uint64_t pc);
uint64_t text_pc_from_native(struct mm *mm, uint64_t pc);

#endif
