#include "libos/files/processors.h"

#include "platform/platform.h"

void processors_put_list(struct text *text, uint32_t which)
{
	unsigned int count = platform_cpu_count();

	if (which != PROCESSORS_ALL)
		text_put(text, "%u", which);
	else if (count == 1)
		text_put(text, "0");
	else
		text_put(text, "0-%u", count - 1);
}

static uint32_t mask_word(uint32_t which, unsigned int word, unsigned int bits)
{
	if (which != PROCESSORS_ALL)
		return which / 32 == word ? 1U << (which % 32) : 0;
	return bits == 32 ? UINT32_MAX : (1U << bits) - 1;
}

/* Groups of 32, the highest first and only as wide as there are processors. */
void processors_put_mask(struct text *text, uint32_t which)
{
	unsigned int count = platform_cpu_count(), words = (count + 31) / 32;

	for (unsigned int word = words; word-- > 0;) {
		unsigned int bits = MIN(count - word * 32, 32U);

		text_put(text, "%0*x%s", (int)(bits + 3) / 4, mask_word(which, word, bits),
			word ? "," : "");
	}
}
