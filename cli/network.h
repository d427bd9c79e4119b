/* Options of `casemate run` that are about the network. */
#ifndef CLI_NETWORK_H
#define CLI_NETWORK_H

#include "host/enclave.h"

#define NETWORK_PORT_COUNT_MAX 64
#define NETWORK_NAME_COUNT_MAX 64

struct network_options {
	struct enclave_port ports[NETWORK_PORT_COUNT_MAX];
	const char *names[NETWORK_NAME_COUNT_MAX];
};

/* -p, --add-host: add to @options what is kept in @network. A status: 0, or said why not. */
MUST_CHECK int network_add_port(struct network_options *network, struct enclave_options *options,
	const char *command, const char *text);
MUST_CHECK int network_add_name(struct network_options *network, struct enclave_options *options,
	const char *command, const char *text);

#endif
