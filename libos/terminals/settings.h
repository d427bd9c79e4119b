/* tcgetattr(3), tcsetattr(3): the ioctls that get and set a terminal's termios. */
#ifndef LIBOS_TERMINALS_SETTINGS_H
#define LIBOS_TERMINALS_SETTINGS_H

#include "base/compiler.h"

struct terminal;

/* TCGETS, TCSETS and their kin; -ENOTTY for other requests. */
MUST_CHECK long settings_ioctl(struct terminal *terminal, uint32_t request, uint64_t argument);

#endif
