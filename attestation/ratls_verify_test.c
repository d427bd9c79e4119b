/* The callback for OpenSSL, in a client and a server that talk through memory. */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "attestation/dcap_fixture.h"
#include "attestation/evidence_fixture.h"
#include "base/compiler.h"
#include "base/test.h"

enum kind { SIMULATION, SGX, SGX_4, TDX, TDX_15 };

struct end {
	SSL_CTX *context;
	struct attest_ratls_peer peer;
	enum attest_verdict judged; /* of the last certificate */
	unsigned int judged_count;
	int64_t now;
};

static int64_t now(void *data)
{
	return ((struct end *)data)->now;
}

static void judged(void *data, const struct attest_result *result)
{
	struct end *end = data;

	end->judged = result->verdict;
	end->judged_count++;
}

static void make_evidence(const struct dcap_fixture *fixture, enum kind kind,
	const uint8_t report_data[32], struct bytes *to)
{
	struct attest_claims claims = {.measurement.size = 32, .signer.size = 32};
	struct dcap_fixture_options options = {.version = kind == SGX      ? 3
							  : kind == TDX_15 ? 5
									   : 4,
		.is_tdx = kind == TDX || kind == TDX_15,
		.is_1_5 = kind == TDX_15,
		.report_digest = report_data};

	if (kind != SIMULATION)
		dcap_fixture_quote(fixture, &options, to);
	else if (attest_simulation_evidence_new(
			 &claims, (struct attest_bytes){report_data, 32}, &to->data, &to->size) < 0)
		abort();
}

/* @claimed: whose key the evidence vouches for. */
static X509 *make_certificate(
	const struct dcap_fixture *fixture, enum kind kind, EVP_PKEY *key, EVP_PKEY *claimed)
{
	struct bytes private = {0}, claimed_private = {0}, evidence = {0}, claims = {0};
	uint8_t report_data[32];
	char *pem = NULL;
	X509 *certificate;
	BIO *bio;

	bytes_put_private_pem(&private, key);
	bytes_put_private_pem(&claimed_private, claimed);
	if (attest_ratls_claims_new(given(&claimed_private), (struct attest_bytes){0}, &claims.data,
		    &claims.size, report_data) < 0)
		abort();
	make_evidence(fixture, kind, report_data, &evidence);
	if (attest_ratls_certificate_new(given(&private), given(&evidence), given(&claims),
		    PKI_FIXTURE_FROM, PKI_FIXTURE_TO, &pem) < 0)
		abort();
	bio = BIO_new_mem_buf(pem, -1);
	certificate = PEM_read_bio_X509(bio, NULL, NULL, NULL);
	BIO_free(bio);
	free(pem);
	bytes_done(&private);
	bytes_done(&claimed_private);
	bytes_done(&evidence);
	bytes_done(&claims);
	return certificate;
}

/* No resumption; the clock of TLS is not asked. @certificate: NULL: none. */
static void end_init(struct end *end, const SSL_METHOD *method, X509 *certificate, EVP_PKEY *key)
{
	*end = (struct end){.context = SSL_CTX_new(method), .now = PKI_FIXTURE_NOW};
	if (!end->context)
		abort();
	SSL_CTX_set_session_cache_mode(end->context, SSL_SESS_CACHE_OFF);
	if (certificate && (SSL_CTX_use_certificate(end->context, certificate) != 1 ||
				   SSL_CTX_use_PrivateKey(end->context, key) != 1))
		abort();
}

static void demand(struct end *end, const struct attest_collateral *collateral,
	const struct attest_policy *policy)
{
	end->peer = (struct attest_ratls_peer){.collateral = collateral,
		.policy = policy,
		.now = now,
		.judged = judged,
		.data = end};
	SSL_CTX_set_verify(end->context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_cert_verify_callback(end->context, attest_ratls_verify, &end->peer);
}

#define STEPS_MAX 32

/* Let both go on in turns; true: both are done, and a byte came over each way. */
static bool shake(const struct end *client, const struct end *server)
{
	SSL *ends[2] = {SSL_new(client->context), SSL_new(server->context)};
	BIO *bios[2];
	char byte = 'x';
	int done = 0;

	if (BIO_new_bio_pair(&bios[0], 1 << 16, &bios[1], 1 << 16) != 1)
		abort();
	for (int i = 0; i < 2; i++)
		SSL_set_bio(ends[i], bios[i], bios[i]);
	SSL_set_connect_state(ends[0]);
	SSL_set_accept_state(ends[1]);
	for (int step = 0; step < STEPS_MAX && done != 3; step++)
		for (int i = 0; i < 2; i++)
			done |= (SSL_do_handshake(ends[i]) == 1) << i;
	for (int i = 0; i < 2 && done == 3; i++)
		if (SSL_write(ends[i], &byte, 1) != 1 || SSL_read(ends[!i], &byte, 1) != 1)
			done = 0;
	for (int i = 0; i < 2; i++)
		SSL_free(ends[i]);
	ERR_clear_error();
	return done == 3;
}

#define AA_16 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BB_16 "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"
#define RULES(rule) "{\"rules\":[{" rule "}]}"
#define SGX_POLICY RULES("\"type\":\"sgx\",\"measurement\":\"" AA_16 AA_16 "\"")
#define TDX_POLICY RULES("\"type\":\"tdx\",\"measurement\":\"" BB_16 BB_16 BB_16 "\"")
#define SIMULATION_POLICY                                                                          \
	RULES("\"type\":\"simulation\",\"claims\":{\"product\":0},\"tolerate\":\"NO_PROTECTION\"")

static const struct expectation {
	const char *what;
	enum kind kind;
	const char *policy;
	enum attest_verdict verdict;
	int64_t now; /* 0: PKI_FIXTURE_NOW */
	bool is_another_key;
} expectations[] = {
	{"simulation", SIMULATION, SIMULATION_POLICY, ATTEST_ACCEPTED, 0, false},
	{"simulation, not tolerated", SIMULATION,
		RULES("\"type\":\"simulation\",\"claims\":{\"product\":0}"), ATTEST_NO_PROTECTION,
		0, false},
	{"SGX, version 3", SGX, SGX_POLICY, ATTEST_ACCEPTED, 0, false},
	{"SGX, version 4", SGX_4, SGX_POLICY, ATTEST_ACCEPTED, 0, false},
	{"SGX where TDX is wanted", SGX, TDX_POLICY, ATTEST_POLICY_NOT_MATCHED, 0, false},
	{"TDX, version 4", TDX, TDX_POLICY, ATTEST_ACCEPTED, 0, false},
	{"TDX 1.5, version 5", TDX_15, TDX_POLICY, ATTEST_ACCEPTED, 0, false},
	{"TDX where SGX is wanted", TDX, SGX_POLICY, ATTEST_POLICY_NOT_MATCHED, 0, false},
	{"no policy", SGX, NULL, ATTEST_NO_POLICY, 0, false},
	{"evidence for another key", SGX, SGX_POLICY, ATTEST_CERTIFICATE_NOT_BOUND, 0, true},
	{"TDX's for another key", TDX, TDX_POLICY, ATTEST_CERTIFICATE_NOT_BOUND, 0, true},
	{"too late", SGX, SGX_POLICY, ATTEST_CERTIFICATE_EXPIRED, PKI_FIXTURE_TO + 1, false},
	{"too early", SGX, SGX_POLICY, ATTEST_CERTIFICATE_NOT_YET_VALID, PKI_FIXTURE_FROM - 1,
		false},
};

struct world {
	struct dcap_fixture dcap;
	EVP_PKEY *keys[2];
	struct attest_collateral *sgx, *tdx;
};

static const struct attest_collateral *collateral_for(const struct world *world, enum kind kind)
{
	return kind == TDX || kind == TDX_15 ? world->tdx : world->sgx;
}

static void check_expectation(const struct world *world, const struct expectation *expected)
{
	struct attest_policy *policy = expected->policy ? fixture_policy(expected->policy) : NULL;
	X509 *certificate = make_certificate(&world->dcap, expected->kind, world->keys[0],
		world->keys[expected->is_another_key]);
	struct end client, server;
	bool is_connected;

	end_init(&client, TLS_client_method(), NULL, NULL);
	end_init(&server, TLS_server_method(), certificate, world->keys[0]);
	demand(&client, collateral_for(world, expected->kind), policy);
	if (expected->now)
		client.now = expected->now;
	is_connected = shake(&client, &server);
	test_report(client.judged == expected->verdict && client.judged_count == 1 &&
			    is_connected == (expected->verdict == ATTEST_ACCEPTED),
		expected->what, __FILE__, __LINE__);
	if (client.judged != expected->verdict)
		printf("# got %s\n", attest_verdict_name(client.judged));
	SSL_CTX_free(client.context);
	SSL_CTX_free(server.context);
	X509_free(certificate);
	attest_policy_free(policy);
}

/* A certificate without evidence, however good it is otherwise. */
static void check_plain(const struct world *world)
{
	struct attest_policy *policy = fixture_policy(SGX_POLICY);
	X509 *certificate = pki_certificate(&(struct pki_request){.name = "server",
		.key = world->keys[0],
		.issuer_key = world->keys[0],
		.serial = 1});
	struct end client, server;

	end_init(&client, TLS_client_method(), NULL, NULL);
	end_init(&server, TLS_server_method(), certificate, world->keys[0]);
	demand(&client, world->sgx, policy);
	CHECK(!shake(&client, &server));
	CHECK(client.judged != ATTEST_ACCEPTED && client.judged_count == 1);
	SSL_CTX_free(client.context);
	SSL_CTX_free(server.context);
	X509_free(certificate);
	attest_policy_free(policy);
}

/* TDX at the one end and SGX at the other; then the client has nothing to show. */
static void check_mutual(const struct world *world)
{
	struct attest_policy *policies[] = {fixture_policy(TDX_POLICY), fixture_policy(SGX_POLICY)};
	X509 *certificates[] = {make_certificate(&world->dcap, SGX, world->keys[0], world->keys[0]),
		make_certificate(&world->dcap, TDX, world->keys[1], world->keys[1])};
	struct end client, server;

	for (int shows = 1; shows >= 0; shows--) {
		end_init(&client, TLS_client_method(), shows ? certificates[0] : NULL,
			world->keys[0]);
		end_init(&server, TLS_server_method(), certificates[1], world->keys[1]);
		demand(&client, world->tdx, policies[0]);
		demand(&server, world->sgx, policies[1]);
		CHECK_EQ(shake(&client, &server), shows);
		CHECK_EQ(client.judged, ATTEST_ACCEPTED);
		CHECK_EQ(server.judged_count, shows);
		SSL_CTX_free(client.context);
		SSL_CTX_free(server.context);
	}
	for (int i = 0; i < 2; i++) {
		X509_free(certificates[i]);
		attest_policy_free(policies[i]);
	}
}

int main(void)
{
	struct dcap_fixture_options tdx = {.is_tdx = true};
	struct world world = {.keys = {pki_key("P-256"), pki_key("RSA")}};
	struct bytes root = {0}, texts[2] = {{0}};

	dcap_fixture_init(&world.dcap);
	dcap_fixture_root(&world.dcap, &root);
	dcap_fixture_collateral(&world.dcap, &(struct dcap_fixture_options){0}, &texts[0]);
	dcap_fixture_collateral(&world.dcap, &tdx, &texts[1]);
	world.sgx = fixture_collateral(&texts[0], &root);
	world.tdx = fixture_collateral(&texts[1], &root);
	for (size_t i = 0; i < ARRAY_SIZE(expectations); i++)
		check_expectation(&world, &expectations[i]);
	check_plain(&world);
	check_mutual(&world);
	attest_collateral_free(world.sgx);
	attest_collateral_free(world.tdx);
	for (int i = 0; i < 2; i++) {
		EVP_PKEY_free(world.keys[i]);
		bytes_done(&texts[i]);
	}
	bytes_done(&root);
	dcap_fixture_done(&world.dcap);
	return test_done();
}
