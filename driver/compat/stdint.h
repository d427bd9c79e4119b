/* SPDX-License-Identifier: GPL-2.0 */
/* The kernel has the types of stdint.h, and not the file; abi/ includes it. */
#ifndef DRIVER_COMPAT_STDINT_H
#define DRIVER_COMPAT_STDINT_H

#include <linux/types.h>

#endif
