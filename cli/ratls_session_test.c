/* Peers that keep to the protocol, and peers that do not. */
#include "cli/ratls_session.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#include "base/test.h"

static struct attest_platform *platform_of(uint8_t measurement)
{
	struct attest_claims claims = {.measurement.size = 32, .signer.size = 32};
	struct attest_platform *platform;

	claims.measurement.bytes[0] = measurement;
	if (attest_platform_simulation_new(&claims, &platform) < 0)
		abort();
	return platform;
}

/* Simulation, measured as 5a000...: nobody else. */
static struct attest_policy *policy_new(void)
{
	static const char text[] =
		"{\"rules\":[{\"type\":\"simulation\",\"tolerate\":[\"NO_PROTECTION\"],"
		"\"measurement\":\"5a000000000000000000000000000000"
		"00000000000000000000000000000000\"}]}";
	struct attest_policy *policy;
	struct attest_error error;

	if (attest_policy_new((struct attest_bytes){text, sizeof(text) - 1}, &policy, &error) < 0)
		abort();
	return policy;
}

/* What a peer does that speaks TLS, with a good certificate, and then sends these bytes. */
struct raw {
	const struct ratls_config *config;
	bool has_protocol;
	const void *bytes;
	size_t size;
};

/* One end: ours, or raw. */
struct end {
	const struct ratls_config *config; /* NULL: raw */
	const struct raw *raw;
	int fd;
	bool is_accepted;
	char reason[RATLS_REASON_SIZE];
};

static void run_raw(struct end *end)
{
	SSL_CTX *context = ratls_context_new(end->raw->config, end->reason);
	SSL *tls = SSL_new(context);
	char byte;

	if (!end->raw->has_protocol)
		SSL_CTX_set_alpn_select_cb(context, NULL, NULL);
	SSL_set_fd(tls, end->fd);
	if (SSL_accept(tls) == 1 && end->raw->size &&
		SSL_write(tls, end->raw->bytes, (int)end->raw->size) > 0 && SSL_shutdown(tls) >= 0)
		SSL_read(tls, &byte, 1);
	SSL_free(tls);
	SSL_CTX_free(context);
	close(end->fd);
}

static void *run_end(void *data)
{
	struct end *end = data;
	SSL_CTX *context;
	SSL *tls;

	if (!end->config) {
		run_raw(end);
		return NULL;
	}
	context = ratls_context_new(end->config, end->reason);
	tls = context ? ratls_session_new(end->config, context, end->fd, end->reason) : NULL;
	end->is_accepted = tls != NULL;
	SSL_free(tls);
	SSL_CTX_free(context);
	close(end->fd);
	return NULL;
}

static void run_pair(struct end *a, struct end *b)
{
	pthread_t thread;
	int fds[2];

	if (socketpair(AF_UNIX, SOCK_STREAM, 0, fds) < 0)
		abort();
	a->fd = fds[0];
	b->fd = fds[1];
	if (pthread_create(&thread, NULL, run_end, a) != 0)
		abort();
	run_end(b);
	pthread_join(thread, NULL);
	ERR_clear_error();
}

/* Is a raw peer accepted? Prints why not. */
static bool takes_raw(const struct ratls_config *connector, const struct raw *raw)
{
	struct end server = {.raw = raw}, client = {.config = connector};

	run_pair(&server, &client);
	printf("# %s\n", client.reason);
	return client.is_accepted;
}

static bool pair_is_accepted(
	const struct ratls_config *listener, const struct ratls_config *connector)
{
	struct end server = {.config = listener}, client = {.config = connector};

	run_pair(&server, &client);
	printf("# listener: %s; connector: %s\n", server.reason, client.reason);
	return server.is_accepted && client.is_accepted;
}

static void check_pairs(struct ratls_config listener, struct ratls_config connector,
	struct attest_platform *good, struct attest_platform *other)
{
	CHECK(pair_is_accepted(&listener, &connector));
	listener.platform = other;
	CHECK(!pair_is_accepted(&listener, &connector));
	listener.platform = good;
	listener.demands_evidence = true;
	CHECK(!pair_is_accepted(&listener, &connector));
	connector.platform = other;
	CHECK(!pair_is_accepted(&listener, &connector));
	connector.platform = good;
	CHECK(pair_is_accepted(&listener, &connector));
}

/* Genuine, of the enclave that is wanted, and made for something else. */
static size_t stale_message(struct attest_platform *platform, uint8_t **ret)
{
	struct attest_error error;
	uint8_t *evidence;
	size_t size;

	if (attest_evidence_new(platform, (struct attest_bytes){"of yesterday", 12}, &evidence,
		    &size, &error) < 0)
		abort();
	*ret = malloc(4 + size);
	memcpy(*ret, (const uint8_t[]){0, 0, (uint8_t)(size >> 8), (uint8_t)size}, 4);
	memcpy(*ret + 4, evidence, size);
	free(evidence);
	return 4 + size;
}

static void check_raw(const struct ratls_config *listener, struct ratls_config connector)
{
	uint8_t *stale;
	size_t size = stale_message(listener->platform, &stale);

	CHECK(!takes_raw(&connector, &(struct raw){listener, true, stale, size}));
	CHECK(!takes_raw(&connector, &(struct raw){listener, true, stale, size / 2}));
	CHECK(!takes_raw(&connector, &(struct raw){listener, true, "\0\0\0\0", 4}));
	CHECK(!takes_raw(&connector, &(struct raw){listener, true, "\xff\xff\xff\xff", 4}));
	CHECK(!takes_raw(&connector, &(struct raw){listener, true, "", 0}));
	CHECK(!takes_raw(&connector, &(struct raw){listener, false, "", 0}));
	connector.takes_certificate_only = true;
	CHECK(takes_raw(&connector, &(struct raw){listener, false, "", 0}));
	CHECK(!takes_raw(&connector, &(struct raw){listener, true, stale, size}));
	free(stale);
}

int main(void)
{
	struct attest_platform *good = platform_of(0x5a), *other = platform_of(1);
	struct attest_policy *policy = policy_new();
	struct ratls_config listener = {.is_listener = true, .platform = good, .policy = policy};
	struct ratls_config connector = {.demands_evidence = true, .policy = policy};

	signal(SIGPIPE, SIG_IGN);
	check_pairs(listener, connector, good, other);
	check_raw(&listener, connector);
	attest_policy_free(policy);
	attest_platform_free(good);
	attest_platform_free(other);
	return test_done();
}
