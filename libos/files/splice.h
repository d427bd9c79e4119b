/* splice(2), tee(2), vmsplice(2): bytes from and to pipes without a detour through a program.
 *
 * All return the bytes moved, 0 at the end of the input, -EAGAIN if @nonblock and nothing can be
 * moved, -EPIPE (with SIGPIPE), -ERESTARTSYS, or what reading or writing the other file gave. */
#ifndef LIBOS_FILES_SPLICE_H
#define LIBOS_FILES_SPLICE_H

#include "libos/files/pipe.h"

/* @offset: where to read or write; moved on. */
MUST_CHECK long splice_to_file(
	struct fifo *from, struct file *to, uint64_t *offset, size_t size, bool nonblock);
MUST_CHECK long splice_from_file(
	struct file *from, uint64_t *offset, struct fifo *to, size_t size, bool nonblock);
/* Two different pipes. @keep: the bytes stay in @from as well. */
MUST_CHECK long splice_pipes(
	struct fifo *from, struct fifo *to, size_t size, bool nonblock, bool keep);
/* Between a pipe and the program's memory. */
MUST_CHECK long splice_from_memory(struct io *io, struct fifo *to, bool nonblock);
MUST_CHECK long splice_to_memory(struct fifo *from, struct io *io, bool nonblock);

#endif
