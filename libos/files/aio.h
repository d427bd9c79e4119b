/* Asynchronous input and output of the kernel: io_submit(2). Each request is done when it is
 * submitted, which the interface allows; io_getevents(2) then has it at once. */
#ifndef LIBOS_FILES_AIO_H
#define LIBOS_FILES_AIO_H

#include "base/compiler.h"

#define AIO_EVENTS_MAX 65536U /* aio-max-nr: of all contexts */

struct aio_context;
/* The address space ends: free its contexts (NULL is fine). */
void aio_contexts_free(struct aio_context *first);

#endif
