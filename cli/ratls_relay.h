/* Carries bytes between an attested connection and a plain one until both directions have ended. */
#ifndef CLI_RATLS_RELAY_H
#define CLI_RATLS_RELAY_H

#include <openssl/ssl.h>

#include "base/compiler.h"

/* What ended a relay. */
enum relay_end {
	RELAY_DONE, /* both sides have said that they have no more */
	RELAY_CUT,  /* one broke off: the other is told so by a reset, never by a plain end */
	RELAY_IDLE, /* nothing came for @idle_ms */
};

/* @tls: the handshake is done; its socket and @plain become non-blocking. @idle_ms: -1: no limit.
 */
enum relay_end relay_run(SSL *tls, int plain, int idle_ms);

#endif
