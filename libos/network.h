/* What the host and the image's configuration make of the network, at boot. */
#ifndef LIBOS_NETWORK_H
#define LIBOS_NETWORK_H

#include "abi/launch.h"
#include "libos/image/config.h"

struct network_error {
	char text[256];
};

/* Published ports, what may be connected to, and the files of /etc that programs look into.
 * The files must be there already. -EPERM: the configuration forbids it; *error says what. */
MUST_CHECK int network_start(
	const struct launch *launch, const struct config *config, struct network_error *error);

#endif
