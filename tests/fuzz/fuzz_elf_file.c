/* Any bytes as an ELF file: what building reads of it lies inside. */
#include "image/elf_file.h"

#include <string.h>

#include "tests/fuzz/fuzz.h"

static size_t touch(const char *string)
{
	return string ? strlen(string) : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span bytes = {data, size};
	struct elf_dynamic dynamic;
	volatile size_t sum = 0;
	struct elf_file elf;

	if (elf_open(bytes, &elf) < 0)
		return 0;
	sum += touch(elf_interpreter(&elf));
	if (elf_read_dynamic(&elf, &dynamic) == 0) {
		sum += touch(dynamic.rpath) + touch(dynamic.runpath);
		for (size_t i = 0; i < dynamic.needed_count; i++)
			sum += touch(dynamic.needed[i]);
	}
	(void)sum;
	return 0;
}
