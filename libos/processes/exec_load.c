/* The new program's address space. */
#include "libos/processes/exec.h"

#include "libos/files/file.h"
#include "libos/loader/elf.h"
#include "libos/loader/text.h"
#include "libos/memory/mm.h"
#include "libos/time/vdso.h"
#include "platform/platform.h"

#define RLIMIT_DATA 2
#define RLIMIT_STACK 3
#define RLIMIT_AS 9
#define STACK_ROOM_MIN (128UL << 20)
#define STACK_ROOM_MAX (16UL << 30)

uint64_t exec_random_pages(uint64_t count)
{
	uint64_t value;

	platform_random(&value, sizeof(value));
	return value % count * PAGE_SIZE;
}

void exec_choose_layout(struct process *process, struct mm *mm)
{
	uint64_t limit = process->limits[RLIMIT_STACK].soft, room;

	mm->stack_top = PLATFORM_USER_END - exec_random_pages(1UL << 22);
	mm->stack_limit = MIN(limit, STACK_ROOM_MAX);
	room = MIN(MAX(mm->stack_limit, STACK_ROOM_MIN), STACK_ROOM_MAX) + (1UL << 20);
	mm->mmap_top = mm->stack_top - room - exec_random_pages(1UL << 24);
	mm->address_space_limit = process->limits[RLIMIT_AS].soft;
	mm->data_limit = process->limits[RLIMIT_DATA].soft;
}

static void note_segments(struct mm *mm, const struct elf *elf, uint64_t bias)
{
	for (uint32_t i = 0; i < elf->segment_count; i++) {
		const struct elf_segment *s = &elf->segments[i];

		if (s->protection & VMA_EXEC) {
			mm->code_start = s->vaddr + bias;
			mm->code_end = s->vaddr + s->file_size + bias;
		} else if (s->protection & VMA_WRITE) {
			mm->data_start = s->vaddr + bias;
			mm->data_end = s->vaddr + s->file_size + bias;
		}
	}
}

int exec_load(struct thread *thread, struct exec *exec)
{
	const struct elf *elf = exec->elf;
	struct exec_placement p = {0};
	struct mm *mm = exec->mm;
	int r;

	/* A program stands low, apart from what mmap gives out; one that is its own interpreter
	 * (ld.so run by hand) goes where libraries go, so that it leaves the low part free. */
	if (elf->is_dynamic && exec->interpreter)
		p.bias = ALIGN_UP(0x555555554000UL + exec_random_pages(1UL << 28),
				 MAX(elf->align, PAGE_SIZE)) -
			 elf->low;
	r = exec_stack_map(exec);
	if (!r)
		r = elf_map(mm, exec->program, elf, &p.bias);
	if (!r && exec->interpreter)
		r = elf_map(mm, exec->interpreter, exec->interpreter_elf, &p.interpreter_bias);
	if (r)
		return r;
	mm->is_translator = !exec->interpreter && !elf->is_dynamic;
	mm->brk_start = mm->brk = text_area_end(mm, elf->high + p.bias);
	note_segments(mm, elf, p.bias);
	p.entry = exec->interpreter ? exec->interpreter_elf->entry + p.interpreter_bias
				    : elf->entry + p.bias;
	p.vdso = vdso_map(mm);
	r = exec_stack_fill(thread, exec, &p);
	thread->block.frame.rip = p.entry;
	return r;
}
