/* The far end of the enclave's requests for evidence (abi/quoting.h). Who makes it is a program of
 * its own, for what it is linked with, and only started when the first request comes. */
#ifndef HOST_QUOTING_H
#define HOST_QUOTING_H

#include "image/image.h"

/* Start what answers the requests that come on @fd, as a child; it ends when the other end is
 * closed. 0 or -errno. */
typedef int quoting_start_fn(const struct image *image, int fd);

struct quoting;

/* @start (NULL: nobody makes evidence) and @image must outlive it. *ret_fd: the enclave's end; -1:
 * none. */
MUST_CHECK int quoting_new(const struct image *image, quoting_start_fn *start,
	struct quoting **ret_quoting, int *ret_fd, struct image_error *error);
void quoting_free(struct quoting *quoting);

#endif
