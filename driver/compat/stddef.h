/* SPDX-License-Identifier: GPL-2.0 */
#ifndef DRIVER_COMPAT_STDDEF_H
#define DRIVER_COMPAT_STDDEF_H

#include <linux/stddef.h>

#endif
