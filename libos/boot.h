/* How the LibOS comes to life. */
#ifndef LIBOS_BOOT_H
#define LIBOS_BOOT_H

#include "abi/launch.h"

/* Called by the platform on its boot stack: makes process 1, opens the image, applies the
 * configuration and loads the first program; the caller then returns to the program. @launch is the
 * platform's checked copy; its strings are still to be checked. Does not return on failure. */
void libos_boot(const struct launch *launch);

#endif
