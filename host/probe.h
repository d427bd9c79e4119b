/* Which platforms this machine offers. */
#ifndef HOST_PROBE_H
#define HOST_PROBE_H

#include "image/error.h"

/* 0 if an enclave of that platform can run here; else a negative errno, and @error says why not.
 * Nothing is changed, and no privilege needed. */
MUST_CHECK int host_probe_simulation(struct image_error *error);
MUST_CHECK int host_probe_hypervisor(struct image_error *error);
MUST_CHECK int host_probe_sgx(struct image_error *error);

/* Is memory that programs reserve without using it counted against the machine's (overcommit mode
 * 2)? Then programs with huge reservations (Java, Go) may fail. */
bool host_probe_counts_reservations(void);

#endif
