/* SHA-256, by OpenSSL. */
#ifndef IMAGE_DIGEST_H
#define IMAGE_DIGEST_H

#include "base/compiler.h"
#include "abi/image.h"

struct digest; /* one running computation */

struct digest *digest_new(void); /* NULL: no memory, or OpenSSL has no SHA-256 */
void digest_free(struct digest *digest);
void digest_freep(struct digest **digest);

/* These can't fail once digest_new has not. digest_final starts the next computation. */
void digest_update(struct digest *digest, const void *data, size_t size);
void digest_final(struct digest *digest, uint8_t ret_value[IMAGE_DIGEST_SIZE]);

/* All at once: -ENOMEM. */
MUST_CHECK int digest_of(const void *data, size_t size, uint8_t ret_value[IMAGE_DIGEST_SIZE]);

#endif
