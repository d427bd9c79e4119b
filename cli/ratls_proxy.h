/* Accepts connections and carries each to another address, one end of the two being attested: a
 * process a connection, so that what one peer does is nothing to the others. */
#ifndef CLI_RATLS_PROXY_H
#define CLI_RATLS_PROXY_H

#include "cli/ratls_session.h"

struct ratls_proxy {
	struct ratls_config tls;
	const char *from, *to; /* addresses: a connection at @from is carried on to @to */
	unsigned int connections_max;
	unsigned int handshake_s; /* until a connection must have been attested, and stand */
	unsigned int idle_s;      /* 0: no limit */
};

/* Serve until killed. Returns CLI_FAILED, having said why. */
int ratls_proxy_run(const struct ratls_proxy *proxy);

#endif
