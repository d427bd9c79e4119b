#include "image/go_functions.h"

#include <string.h>

#define MAGIC_GO_1_18 0xfffffff0
#define MAGIC_GO_1_20 0xfffffff1

struct header {
	uint32_t magic;
	uint8_t zero[2];
	uint8_t instruction_unit; /* 1 on x86 */
	uint8_t pointer_size;
	uint64_t function_count;
	uint64_t file_count;
	uint64_t text;         /* address that the functions' offsets count from */
	uint64_t unused[4];    /* other tables */
	uint64_t functions_at; /* from the header: struct function [count + 1] */
};
_Static_assert(sizeof(struct header) == 72, "ABI");

struct function {
	uint32_t offset; /* of its code, from text; the last entry's is the end */
	uint32_t description;
};

static bool read_header(const struct code_map *map, uint64_t vaddr, struct header *ret)
{
	struct span from = code_map_read(map, vaddr, sizeof(*ret));

	if (from.size < sizeof(*ret))
		return false;
	memcpy(ret, from.data, sizeof(*ret));
	return (ret->magic == MAGIC_GO_1_18 || ret->magic == MAGIC_GO_1_20) &&
	       ret->pointer_size == 8;
}

int go_functions_add(struct code_map *map, uint64_t vaddr)
{
	struct header header;
	struct span table;
	int r = 0;

	if (!read_header(map, vaddr, &header))
		return 0;
	table = code_map_read(map, vaddr + header.functions_at, UINT64_MAX);
	for (uint64_t i = 0; i < header.function_count && r == 0; i++) {
		uint32_t start, end;

		if (!range_fits((i + 1) * sizeof(struct function), sizeof(end), table.size))
			break;
		memcpy(&start, table.data + i * sizeof(struct function), sizeof(start));
		memcpy(&end, table.data + (i + 1) * sizeof(struct function), sizeof(end));
		if (end > start)
			r = code_map_add_function(map, header.text + start, end - start);
	}
	return r;
}
