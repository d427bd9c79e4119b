/* Sets of processors as /proc and /sys write them: without a newline. */
#ifndef LIBOS_FILES_PROCESSORS_H
#define LIBOS_FILES_PROCESSORS_H

#include "libos/files/text.h"

#define PROCESSORS_ALL UINT32_MAX

void processors_put_list(struct text *text, uint32_t which); /* "0-3" */
void processors_put_mask(struct text *text, uint32_t which); /* "f" */

#endif
