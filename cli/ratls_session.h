/* One attested connection: the TLS handshake, and evidence made for just this connection, as
 * abi/evidence.md, "Attested TLS", has it. Blocks: who calls sets himself a time limit. */
#ifndef CLI_RATLS_SESSION_H
#define CLI_RATLS_SESSION_H

#include <openssl/ssl.h>

#include "attestation/attestation.h"
#include "base/compiler.h"

#define RATLS_EVIDENCE_SIZE_MAX (1u << 20)
#define RATLS_REASON_SIZE (ATTEST_REASON_SIZE + 80)

/* How both kinds of ends are made. It must outlive contexts and sessions. */
struct ratls_config {
	bool is_listener;
	bool takes_certificate_only;      /* of peers that know nothing of fresh evidence */
	struct attest_platform *platform; /* NULL: we have no evidence to give */
	bool demands_evidence;            /* of the peer, by: */
	const struct attest_collateral *collateral;
	const struct attest_policy *policy;
};

/* A context with a new key and its certificate. NULL with @reason. SSL_CTX_free() it. */
SSL_CTX *ratls_context_new(const struct ratls_config *config, char reason[RATLS_REASON_SIZE]);

/* For how long a certificate is good, and after how long to make another. */
#define RATLS_CERTIFICATE_S (24 * 60 * 60)
#define RATLS_RENEWAL_S (60 * 60)

/* Make the connection @fd an attested one, and judge the peer. NULL with @reason; SSL_free() it;
 * @fd stays the caller's. */
SSL *ratls_session_new(const struct ratls_config *config, SSL_CTX *context, int fd,
	char reason[RATLS_REASON_SIZE]);

#endif
