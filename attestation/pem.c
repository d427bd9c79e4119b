#include "attestation/pem.h"

#include <errno.h>
#include <string.h>

#include "attestation/reader.h"

static const char begin[] = "-----BEGIN ", end[] = "-----END ", dashes[] = "-----";

/* What stands before @mark; @text then begins behind it. */
static bool take_until(struct span *text, const char *mark, struct span *ret_before)
{
	const uint8_t *at = text->size ? memmem(text->data, text->size, mark, strlen(mark)) : NULL;
	size_t before = at ? (size_t)(at - text->data) : 0;

	if (!at)
		return false;
	*ret_before = (struct span){text->data, before};
	text->data += before + strlen(mark);
	text->size -= before + strlen(mark);
	return true;
}

int pem_next(struct span *text, struct span *ret_label, struct text_buffer *ret_content)
{
	struct span before, body, label;

	if (!take_until(text, begin, &before))
		return -ENOENT;
	if (!take_until(text, dashes, ret_label) || !take_until(text, end, &body) ||
		!take_until(text, dashes, &label) || !span_equals(label, *ret_label))
		return -EINVAL;
	return text_from_base64((const char *)body.data, body.size, ret_content);
}

bool pem_label_is(struct span label, const char *name)
{
	return label.size == strlen(name) && !memcmp(label.data, name, label.size);
}
