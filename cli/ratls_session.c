#include "cli/ratls_session.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/pem.h>

#include "image/file.h"

#define PROTOCOL                                                                                   \
	"\x10"                                                                                     \
	"casemate-ratls/1" /* as ALPN has it: its size first */
#define PROTOCOL_SIZE (sizeof(PROTOCOL) - 1)
#define CLOCK_SKEW_S 300

/* Hashed before the connection's exporter, so that no other use of evidence passes for ours. */
#define BINDING_LABEL "casemate ratls evidence v1"

/* RFC 9266: the binding "tls-exporter". */
#define EXPORTER_LABEL "EXPORTER-Channel-Binding"
#define EXPORTER_SIZE 32

struct session {
	const struct ratls_config *config;
	SSL *tls;
	char *reason;
};

static void PRINTF_LIKE(2, 3) say(char *reason, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reason, RATLS_REASON_SIZE, format, args);
	va_end(args);
}

static void say_tls(char *reason, const char *what)
{
	unsigned long code = ERR_peek_last_error();
	const char *why = code ? ERR_reason_error_string(code) : NULL;

	say(reason, "%s: %s", what, why ? why : "the peer broke off");
	ERR_clear_error();
}

/* The context */

static int pem_of_key(EVP_PKEY *key, BIO **ret_bio, struct attest_bytes *ret)
{
	char *text;

	*ret_bio = BIO_new(BIO_s_mem());
	if (!*ret_bio || PEM_write_bio_PrivateKey(*ret_bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return -1;
	ret->size = (size_t)BIO_get_mem_data(*ret_bio, &text);
	ret->data = text;
	return 0;
}

static X509 *make_certificate(
	const struct ratls_config *config, EVP_PKEY *key, char reason[RATLS_REASON_SIZE])
{
	struct attest_error error = {.reason = "out of memory"};
	int64_t now = time(NULL);
	struct attest_bytes private_key;
	X509 *certificate = NULL;
	char *pem = NULL;
	BIO *bio;

	if (pem_of_key(key, &bio, &private_key) == 0 &&
		attest_ratls_certificate_make(config->platform, private_key, now - CLOCK_SKEW_S,
			now + RATLS_CERTIFICATE_S, &pem, &error) == 0) {
		BIO *text = BIO_new_mem_buf(pem, -1);

		certificate = text ? PEM_read_bio_X509(text, NULL, NULL, NULL) : NULL;
		BIO_free(text);
	}
	if (!certificate)
		say(reason, "evidence: %s", error.reason);
	BIO_free(bio); /* what it held is wiped */
	free(pem);
	return certificate;
}

static int use_certificate(
	SSL_CTX *context, const struct ratls_config *config, char reason[RATLS_REASON_SIZE])
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = key ? make_certificate(config, key, reason) : NULL;
	int r = -1;

	if (!key)
		say_tls(reason, "a new key");
	else if (certificate && SSL_CTX_use_certificate(context, certificate) == 1 &&
		 SSL_CTX_use_PrivateKey(context, key) == 1)
		r = 0;
	else if (certificate)
		say_tls(reason, "our certificate");
	X509_free(certificate);
	EVP_PKEY_free(key);
	return r;
}

/* A peer that does not know our protocol is refused later, if at all. */
static int choose_protocol(SSL *tls, const unsigned char **ret, unsigned char *ret_size,
	const unsigned char *offered, unsigned int offered_size, void *data)
{
	unsigned char *chosen;

	(void)tls;
	(void)data;
	if (SSL_select_next_proto(&chosen, ret_size, (const unsigned char *)PROTOCOL, PROTOCOL_SIZE,
		    offered, offered_size) != OPENSSL_NPN_NEGOTIATED)
		return SSL_TLSEXT_ERR_NOACK;
	*ret = chosen;
	return SSL_TLSEXT_ERR_OK;
}

static int set_up(
	SSL_CTX *context, const struct ratls_config *config, char reason[RATLS_REASON_SIZE])
{
	/* Who resumes a session is not judged anew. */
	SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	if (SSL_CTX_set_num_tickets(context, 0) != 1 ||
		SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) != 1 ||
		SSL_CTX_set_alpn_protos(context, (const unsigned char *)PROTOCOL, PROTOCOL_SIZE) !=
			0) {
		say_tls(reason, "TLS");
		return -1;
	}
	/* An event log in it makes a certificate larger than others. */
	SSL_CTX_set_max_cert_list(context, 2 * RATLS_EVIDENCE_SIZE_MAX);
	SSL_CTX_set_alpn_select_cb(context, choose_protocol, NULL);
	if (config->demands_evidence)
		SSL_CTX_set_verify(
			context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return config->platform ? use_certificate(context, config, reason) : 0;
}

SSL_CTX *ratls_context_new(const struct ratls_config *config, char reason[RATLS_REASON_SIZE])
{
	SSL_CTX *context =
		SSL_CTX_new(config->is_listener ? TLS_server_method() : TLS_client_method());

	if (!context) {
		say_tls(reason, "TLS");
		return NULL;
	}
	if (set_up(context, config, reason) < 0) {
		SSL_CTX_free(context);
		return NULL;
	}
	return context;
}

/* Evidence for this connection */

static int read_all(SSL *tls, void *to, size_t size)
{
	uint8_t *at = to;

	while (size) {
		size_t done;

		if (SSL_read_ex(tls, at, size, &done) != 1)
			return -1;
		at += done;
		size -= done;
	}
	return 0;
}

static int write_all(SSL *tls, const void *from, size_t size)
{
	size_t done;

	return !size || SSL_write_ex(tls, from, size, &done) == 1 ? 0 : -1;
}

/* What the evidence of one end of this connection has to carry. */
static int binding_of(SSL *tls, bool of_listener, uint8_t digest[32])
{
	uint8_t text[sizeof(BINDING_LABEL) + 1 + EXPORTER_SIZE] = BINDING_LABEL;
	uint8_t *role = text + sizeof(BINDING_LABEL);

	*role = of_listener ? 1 : 2;
	if (SSL_export_keying_material(tls, role + 1, EXPORTER_SIZE, EXPORTER_LABEL,
		    sizeof(EXPORTER_LABEL) - 1, NULL, 0, 0) != 1)
		return -1;
	return EVP_Digest(text, sizeof(text), digest, NULL, EVP_sha256(), NULL) == 1 ? 0 : -1;
}

static int send_message(struct session *session, const uint8_t *bytes, size_t size)
{
	const uint8_t head[4] = {
		(uint8_t)(size >> 24), (uint8_t)(size >> 16), (uint8_t)(size >> 8), (uint8_t)size};

	if (write_all(session->tls, head, sizeof(head)) == 0 &&
		write_all(session->tls, bytes, size) == 0)
		return 0;
	say_tls(session->reason, "while evidence was sent");
	return -1;
}

static int send_evidence(struct session *session)
{
	struct attest_error error = {0};
	CLEANUP(freep) uint8_t *evidence = NULL;
	uint8_t digest[32];
	size_t size;

	if (!session->config->platform)
		return send_message(session, NULL, 0);
	if (binding_of(session->tls, session->config->is_listener, digest) < 0) {
		say_tls(session->reason, "the connection's exporter");
		return -1;
	}
	if (attest_evidence_new(session->config->platform,
		    (struct attest_bytes){digest, sizeof(digest)}, &evidence, &size, &error) < 0) {
		say(session->reason, "evidence: %s", error.reason);
		return -1;
	}
	if (size > RATLS_EVIDENCE_SIZE_MAX) {
		say(session->reason, "evidence of %zu bytes is too large", size);
		return -1;
	}
	return send_message(session, evidence, size);
}

static int judge(struct session *session, struct attest_bytes evidence)
{
	CLEANUP(freep) struct attest_result *result = malloc(sizeof(*result));
	uint8_t digest[32];

	if (!result || binding_of(session->tls, !session->config->is_listener, digest) < 0) {
		say(session->reason, "out of memory");
		return -1;
	}
	attest_verify(
		evidence, session->config->collateral, session->config->policy, time(NULL), result);
	if (result->verdict != ATTEST_ACCEPTED)
		say(session->reason, "fresh evidence: %s: %s", attest_verdict_name(result->verdict),
			result->reason);
	else if (!attest_result_binds(result, (struct attest_bytes){digest, sizeof(digest)}))
		say(session->reason, "fresh evidence: not made for this connection");
	else
		return 0;
	return -1;
}

static int take_evidence(struct session *session)
{
	CLEANUP(freep) uint8_t *bytes = NULL;
	uint8_t head[4];
	size_t size;

	if (read_all(session->tls, head, sizeof(head)) < 0) {
		say_tls(session->reason, "waiting for evidence");
		return -1;
	}
	size = (size_t)head[0] << 24 | (size_t)head[1] << 16 | (size_t)head[2] << 8 | head[3];
	bytes = size <= RATLS_EVIDENCE_SIZE_MAX ? malloc(size + !size) : NULL;
	if (!bytes) {
		say(session->reason, "evidence of %zu bytes is too large", size);
		return -1;
	}
	if (read_all(session->tls, bytes, size) < 0) {
		say_tls(session->reason, "waiting for evidence");
		return -1;
	}
	if (!session->config->demands_evidence)
		return 0;
	return judge(session, (struct attest_bytes){bytes, size});
}

/* The listener speaks first, so that two large messages can't wait for each other; and who connects
 * tells nothing about himself before he knows to whom. */
static int exchange(struct session *session)
{
	bool listener = session->config->is_listener;
	const unsigned char *protocol;
	unsigned int size;

	SSL_get0_alpn_selected(session->tls, &protocol, &size);
	if (size == PROTOCOL_SIZE - 1 && !memcmp(protocol, &PROTOCOL[1], size)) {
		int r = listener ? send_evidence(session) : take_evidence(session);

		if (r == 0)
			r = listener ? take_evidence(session) : send_evidence(session);
		return r;
	}
	if (session->config->takes_certificate_only)
		return 0;
	say(session->reason, "the peer has no fresh evidence (--certificate-only would take it)");
	return -1;
}

/* The handshake */

static int64_t now_of_system(void *data)
{
	(void)data;
	return time(NULL);
}

static void note_verdict(void *data, const struct attest_result *result)
{
	struct session *session = data;

	if (result->verdict != ATTEST_ACCEPTED)
		say(session->reason, "its certificate: %s: %s",
			attest_verdict_name(result->verdict), result->reason);
}

static int shake_hands(struct session *session, SSL_CTX *context, int fd)
{
	struct attest_ratls_peer peer = {.collateral = session->config->collateral,
		.policy = session->config->policy,
		.now = now_of_system,
		.judged = note_verdict,
		.data = session};
	int r;

	SSL_CTX_set_cert_verify_callback(context, attest_ratls_verify, &peer);
	ERR_clear_error();
	*session->reason = '\0';
	if (SSL_set_fd(session->tls, fd) != 1)
		return -1;
	r = session->config->is_listener ? SSL_accept(session->tls) : SSL_connect(session->tls);
	SSL_CTX_set_cert_verify_callback(context, NULL, NULL);
	if (r == 1)
		return 0;
	if (!*session->reason)
		say_tls(session->reason, "TLS handshake");
	ERR_clear_error();
	return -1;
}

SSL *ratls_session_new(
	const struct ratls_config *config, SSL_CTX *context, int fd, char reason[RATLS_REASON_SIZE])
{
	struct session session = {.config = config, .tls = SSL_new(context), .reason = reason};

	if (!session.tls) {
		say(reason, "out of memory");
		return NULL;
	}
	if (shake_hands(&session, context, fd) < 0 || exchange(&session) < 0) {
		SSL_free(session.tls);
		return NULL;
	}
	return session.tls;
}
