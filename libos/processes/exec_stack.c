/* What a new program finds on its stack: System V ABI, AMD64 supplement, "Process Initialization".
 */
#include "libos/processes/exec.h"

#include <asm/errno.h>
#include <linux/auxvec.h>

#include "base/memory.h"
#include "libos/core/user.h"
#include "libos/loader/elf.h"
#include "libos/memory/mm.h"
#include "platform/platform.h"

#define AUXV_COUNT_MAX 24

struct stack {
	uint64_t at;
	int error;
};

static void push(struct stack *stack, const void *data, size_t size)
{
	stack->at -= size;
	if (!stack->error)
		stack->error = user_write(stack->at, data, size);
}

int exec_stack_map(struct exec *exec)
{
	uint32_t flags = VMA_READ | VMA_WRITE | VMA_MAYWRITE | VMA_GROWSDOWN | VMA_STACK;
	const struct exec_vector *a = &exec->arguments, *e = &exec->environment;
	size_t size = a->size + e->size + (a->count + e->count) * 8UL;
	struct mm *mm = exec->mm;
	long r;

	if (exec->elf->executable_stack)
		flags |= VMA_EXEC;
	size = ALIGN_UP(size + 32 * PAGE_SIZE, PAGE_SIZE);
	r = mm_map(mm, mm->stack_top - size, size, flags, true, NULL, 0);
	return r < 0 ? (int)r : 0;
}

static uint64_t push_vector(struct stack *stack, const struct exec_vector *vector)
{
	push(stack, vector->strings, vector->size);
	return stack->at;
}

/* The addresses of the strings of @vector, which lie at @at, and a final NULL. */
static void push_pointers(struct stack *stack, const struct exec_vector *vector, uint64_t at)
{
	uint64_t place = stack->at - (vector->count + 1UL) * 8, slot = place, null = 0;
	const char *s = vector->strings;

	stack->at = place;
	for (uint32_t i = 0; i < vector->count && !stack->error; i++, slot += 8) {
		size_t size = strlen(s) + 1;

		stack->error = USER_PUT(slot, at);
		at += size;
		s += size;
	}
	if (!stack->error)
		stack->error = USER_PUT(slot, null);
}

static uint32_t cpu_features(void)
{
	uint32_t a = 1, b, c, d;

	__asm__ volatile("cpuid" : "+a"(a), "=b"(b), "=c"(c), "=d"(d));
	return d;
}

struct auxv {
	uint64_t key, value;
};

static uint32_t fill_auxv(struct auxv *v, const struct exec *exec, const struct exec_placement *p,
	const struct credentials *c)
{
	const struct elf *elf = exec->elf;
	const struct auxv all[] = {
		{AT_SYSINFO_EHDR, p->vdso},
		{AT_HWCAP, cpu_features()},
		{AT_PAGESZ, PAGE_SIZE},
		{AT_CLKTCK, 100},
		{AT_PHDR, elf->phdr_vaddr + p->bias},
		{AT_PHENT, 56},
		{AT_PHNUM, elf->phdr_count},
		{AT_BASE, p->interpreter_bias},
		{AT_FLAGS, 0},
		{AT_ENTRY, elf->entry + p->bias},
		{AT_UID, c->uid},
		{AT_EUID, c->euid},
		{AT_GID, c->gid},
		{AT_EGID, c->egid},
		{AT_SECURE, exec->secure},
		{AT_RANDOM, p->random},
		{AT_HWCAP2, 0},
		{AT_EXECFN, p->path},
		{AT_PLATFORM, p->platform},
		{51 /* AT_MINSIGSTKSZ */, platform_vector_size() + 1024},
	};
	uint32_t n = 0;

	_Static_assert(ARRAY_SIZE(all) < AUXV_COUNT_MAX, "room for the final AT_NULL");
	for (size_t i = 0; i < ARRAY_SIZE(all); i++)
		if (all[i].value || all[i].key != AT_SYSINFO_EHDR)
			v[n++] = all[i];
	v[n++] = (struct auxv){0};
	return n;
}

int exec_stack_fill(struct thread *thread, struct exec *exec, struct exec_placement *p)
{
	struct process *process = thread->process;
	struct stack stack = {.at = exec->mm->stack_top - 16};
	struct auxv auxv[AUXV_COUNT_MAX];
	uint64_t arguments, environment, count = exec->arguments.count;
	uint8_t random[16];
	uint32_t auxv_count;
	size_t pointers;

	platform_random(random, sizeof(random));
	push(&stack, exec->path, strlen(exec->path) + 1);
	p->path = stack.at;
	environment = push_vector(&stack, &exec->environment);
	arguments = push_vector(&stack, &exec->arguments);
	process->environment_start = environment;
	process->environment_end = environment + exec->environment.size;
	process->arguments_start = arguments;
	process->arguments_end = arguments + exec->arguments.size;
	push(&stack, "x86_64", 7);
	p->platform = stack.at;
	push(&stack, random, sizeof(random));
	p->random = stack.at;
	auxv_count = fill_auxv(auxv, exec, p, &thread->credentials);
	pointers = (exec->arguments.count + exec->environment.count + 3UL) * 8;
	stack.at = ALIGN_DOWN(stack.at - auxv_count * sizeof(auxv[0]) - pointers, 16UL) +
		   auxv_count * sizeof(auxv[0]) + pointers;
	push(&stack, auxv, auxv_count * sizeof(auxv[0]));
	process->auxv_start = stack.at;
	process->auxv_size = (uint32_t)(auxv_count * sizeof(auxv[0]));
	push_pointers(&stack, &exec->environment, environment);
	push_pointers(&stack, &exec->arguments, arguments);
	push(&stack, &count, sizeof(count));
	thread->block.frame.rsp = stack.at;
	return stack.error;
}
