/* The strings that execve(2) is given. */
#include "libos/processes/exec.h"

#include <asm/errno.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/core/user.h"

#define ARGUMENT_SIZE_MAX (128UL * 1024) /* MAX_ARG_STRLEN */
/* Most vectors are small, and a large buffer costs more than its use. */
#define VECTOR_SIZE_FIRST (8UL * 1024)

void exec_vector_free(struct exec_vector *vector)
{
	heap_free(vector->strings);
	vector->strings = NULL;
}

int exec_vector_replace_first(
	struct exec_vector *vector, const char *strings, size_t size, uint32_t count)
{
	size_t first = vector->count ? strlen(vector->strings) + 1 : 0;
	size_t new_size = vector->size - first + size;
	char *joined;

	if (new_size > ARGUMENTS_SIZE_MAX)
		return -E2BIG;
	joined = heap_alloc(new_size + 1);
	if (!joined)
		return -ENOMEM;
	memcpy(joined, strings, size);
	memcpy(joined + size, vector->strings + first, vector->size - first);
	heap_free(vector->strings);
	vector->strings = joined;
	vector->size = new_size;
	vector->count = vector->count - (vector->count ? 1 : 0) + count;
	return 0;
}

/* Make room for twice as much. -E2BIG: there is as much as may be. */
static int vector_grow(struct exec_vector *vector, size_t *capacity)
{
	char *longer;

	if (*capacity >= ARGUMENTS_SIZE_MAX)
		return -E2BIG;
	longer = heap_alloc(*capacity * 2);
	if (!longer)
		return -ENOMEM;
	memcpy(longer, vector->strings, vector->size);
	heap_free(vector->strings);
	vector->strings = longer;
	*capacity *= 2;
	return 0;
}

static int vector_add(struct exec_vector *vector, size_t *capacity, uint64_t string)
{
	size_t room;
	long length;
	int r;

	for (;;) {
		room = MIN(*capacity - vector->size, ARGUMENT_SIZE_MAX);
		length = user_read_string(vector->strings + vector->size, string, room);
		if (length >= 0)
			break;
		if (length != -ENAMETOOLONG || room == ARGUMENT_SIZE_MAX)
			return length == -ENAMETOOLONG ? -E2BIG : (int)length;
		r = vector_grow(vector, capacity);
		if (r)
			return r;
	}
	vector->size += (size_t)length + 1;
	vector->count++;
	return 0;
}

int exec_vector_read(uint64_t address, struct exec_vector *ret_vector)
{
	struct exec_vector vector = {.strings = heap_alloc(VECTOR_SIZE_FIRST)};
	size_t capacity = VECTOR_SIZE_FIRST;
	uint64_t string;
	int r = vector.strings ? 0 : -ENOMEM;

	for (; address && !r; address += 8) {
		if (USER_GET(&string, address))
			r = -EFAULT;
		else if (!string)
			break;
		else
			r = vector_add(&vector, &capacity, string);
	}
	if (r)
		exec_vector_free(&vector);
	else
		*ret_vector = vector;
	return r;
}
