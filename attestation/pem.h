/* PEM (RFC 7468) as it is in use: lines of any length, which OpenSSL's reader refuses. */
#ifndef ATTESTATION_PEM_H
#define ATTESTATION_PEM_H

#include "attestation/text.h"

/* The next block of @text, which then begins behind it. @ret_label: what stands after BEGIN, within
 * the text;
 * @ret_content: to be freed. 0; -ENOENT: there is none; -EINVAL: damaged; -ENOMEM. */
int pem_next(struct span *text, struct span *ret_label, struct text_buffer *ret_content) MUST_CHECK;

bool pem_label_is(struct span label, const char *name);

#endif
