/* Evidence for enclaves that run on simulation. */
#ifndef CLI_QUOTING_H
#define CLI_QUOTING_H

#include "host/quoting.h"

/* For struct enclave_options: starts `casemate-tool quoting`. */
int quoting_start(const struct image *image, int fd);

#endif
