/* The devices that lead to terminals: /dev/tty, /dev/console, /dev/ptmx, and those of /dev/pts
 * wherever mknod(2) puts them. */
#ifndef LIBOS_TERMINALS_DEVICES_H
#define LIBOS_TERMINALS_DEVICES_H

#include "base/compiler.h"

/* Minor numbers of TTYAUX_MAJOR. */
enum devices_minor { DEVICES_TTY, DEVICES_CONSOLE, DEVICES_PTMX };

/* libos/terminals/devpts.c */
MUST_CHECK int devpts_mount(void);

#endif
