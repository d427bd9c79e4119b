/* Quotes by aesmd, whose part a thread plays by its message format. */
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "attestation/aesm.h"
#include "attestation/dcap_fixture.h"
#include "attestation/evidence_fixture.h"
#include "base/test.h"

#define PATH "aesm.socket"
#define KEY_ID_SIZE 256
#define TARGET_SIZE 512
#define TIMEOUT_MS (5 * 60 * 1000)

static const char asked[] = "what the enclave says";

/* What goes wrong, with the answer of one kind. */
enum fault {
	FAULT_NONE,
	FAULT_ERROR,       /* an error code */
	FAULT_UNSUPPORTED, /* it does not know the request */
	FAULT_OTHER,       /* it answers another question */
	FAULT_NO_CODE,
	FAULT_GARBAGE,
	FAULT_EMPTY,
	FAULT_HUGE,    /* a size that nobody can want */
	FAULT_CUT,     /* it ends within the answer */
	FAULT_DEAF,    /* it ends without reading */
	FAULT_SILENT,  /* it never answers */
	FAULT_DRIBBLE, /* a byte at a time */
	FAULT_SHORT,   /* what it answers is a byte shorter */
	FAULT_LONG,    /* ... or longer */
	FAULT_MANY,    /* a number that makes no sense */
	FAULT_NUMBER,  /* a number where bytes belong, and bytes where a number does */
	FAULT_SWAPPED, /* a quote of another report */
};

struct daemon {
	const struct dcap_fixture *dcap;
	int listener;
	enum aesm_kind kind;
	enum fault fault;
	size_t padding; /* behind the quote */
	uint64_t quote_size;
	bool has_epid_only;
};

/* What the enclave makes: its quote's body, the key and the MAC of which only the quoting enclave
 * could say anything. */
static void make_quote(const struct daemon *daemon, const char *report_data, struct bytes *to)
{
	struct dcap_fixture_options options = {.report_data = report_data};

	dcap_fixture_quote(daemon->dcap, &options, to);
}

struct enclave {
	const struct daemon *daemon;
	const char *says; /* instead of what it is asked to */
	int fails;
	uint8_t target[TARGET_SIZE];
};

static int make_report(void *data, const uint8_t target_info[512], const uint8_t report_data[64],
	uint8_t ret_report[432])
{
	struct enclave *enclave = data;
	struct bytes quote = {0};

	memcpy(enclave->target, target_info, TARGET_SIZE);
	if (enclave->fails)
		return enclave->fails;
	make_quote(
		enclave->daemon, enclave->says ? enclave->says : (const char *)report_data, &quote);
	memcpy(ret_report, quote.data + 48, 384);
	memset(ret_report + 384, 0x77, 48);
	bytes_done(&quote);
	return 0;
}

/* aesmd */

static void put_key_ids(const struct daemon *daemon, struct bytes *to)
{
	uint8_t ids[2 * KEY_ID_SIZE] = {0};

	ids[KEY_ID_SIZE] = 0xec;
	if (!daemon->has_epid_only)
		ids[KEY_ID_SIZE + 154] = 2; /* ECDSA-P256 */
	bytes_put(to, ids, sizeof(ids));
}

/* The field that counts, of an answer to @body. */
static void put_content(
	struct daemon *daemon, enum aesm_kind kind, struct span body, struct bytes *to)
{
	struct reader reader = reader_of(body);
	struct protobuf_field field;
	struct bytes report = {0};

	while (protobuf_next(&reader, &field))
		if (kind == AESM_GET_QUOTE_EX && field.number == 1)
			bytes_put(&report, field.bytes.data, field.bytes.size);
	switch (kind) {
	case AESM_GET_KEY_IDS:
		put_key_ids(daemon, to);
		break;
	case AESM_INIT_QUOTE_EX:
		bytes_put_zero(to, TARGET_SIZE);
		memset(to->data, 0xe1, TARGET_SIZE);
		break;
	case AESM_GET_QUOTE_EX:
		make_quote(daemon,
			daemon->fault == FAULT_SWAPPED ? "other" : (char *)report.data + 320, to);
		bytes_put_zero(to, daemon->padding);
		break;
	default:
		break;
	}
	bytes_done(&report);
}

static uint64_t number_of(const struct daemon *daemon, enum aesm_kind kind)
{
	if (kind == AESM_GET_KEY_ID_NUM)
		return 2;
	return kind == AESM_GET_QUOTE_SIZE_EX ? daemon->quote_size : 0;
}

static void answer(struct daemon *daemon, enum aesm_kind kind, struct span body, enum fault fault,
	struct protobuf_writer *to)
{
	static const uint8_t bytes[32] = {1};
	struct bytes content = {0};
	uint64_t number = number_of(daemon, kind);
	struct span span;

	put_content(daemon, kind, body, &content);
	if (fault == FAULT_LONG)
		bytes_put_zero(&content, 1);
	span = bytes_span(&content);
	if (fault == FAULT_SHORT)
		span.size--;
	if (fault != FAULT_NO_CODE)
		protobuf_put_number(to, 1, fault == FAULT_ERROR ? 24 : 0);
	if (fault == FAULT_MANY)
		number = UINT64_MAX;
	if ((content.size != 0) == (fault != FAULT_NUMBER))
		protobuf_put_bytes(to, 2, content.size ? span : (struct span){bytes, 32});
	else
		protobuf_put_number(to, 2, number);
	if (kind == AESM_INIT_QUOTE_EX && fault == FAULT_MANY)
		protobuf_put_number(to, 3, UINT64_MAX);
	else if (kind == AESM_INIT_QUOTE_EX)
		protobuf_put_number(to, 3, 32);
	protobuf_put_bytes(to, 7, (struct span){bytes, 32}); /* of a later version */
	bytes_done(&content);
}

static void send_slowly(int fd, const uint8_t *data, size_t size, size_t step)
{
	for (size_t at = 0; at < size; at += step)
		if (send(fd, data + at, MIN(step, size - at), MSG_NOSIGNAL) < 0)
			return;
}

static void reply(struct daemon *daemon, int fd, enum aesm_kind kind, struct span body)
{
	static uint8_t message[1 << 16], whole[(1 << 16) + 4];
	enum fault fault = kind == daemon->kind ? daemon->fault : FAULT_NONE;
	struct protobuf_writer outer = {.data = whole + 4, .room = sizeof(whole) - 4};
	struct protobuf_writer inner = {.data = message, .room = sizeof(message)};
	enum aesm_kind as = kind;
	uint32_t size;

	answer(daemon, kind, body, fault, &inner);
	if (fault == FAULT_UNSUPPORTED)
		as = AESM_UNSUPPORTED;
	else if (fault == FAULT_OTHER)
		as = kind == AESM_GET_QUOTE_EX ? AESM_INIT_QUOTE_EX : AESM_GET_QUOTE_EX;
	protobuf_put_bytes(&outer, (uint32_t)as, (struct span){message, inner.size});
	if (inner.failed || outer.failed)
		abort();
	if (fault == FAULT_GARBAGE)
		memset(whole + 4, 0xff, outer.size);
	if (fault == FAULT_EMPTY)
		outer.size = 0;
	size = fault == FAULT_HUGE ? UINT32_MAX : (uint32_t)outer.size;
	memcpy(whole, &size, 4);
	if (fault == FAULT_SILENT) {
		recv(fd, message, 1, 0); /* until the other side gives up */
		return;
	}
	send_slowly(fd, whole, fault == FAULT_CUT ? outer.size : outer.size + 4,
		fault == FAULT_DRIBBLE ? 1 : sizeof(whole));
}

static bool receive(int fd, void *to, size_t size)
{
	return recv(fd, to, size, MSG_WAITALL) == (ssize_t)size;
}

static void serve(struct daemon *daemon, int fd)
{
	static uint8_t request[AESM_REQUEST_SIZE_MAX];
	struct protobuf_field field = {0};
	struct reader reader;
	uint32_t size;

	if (daemon->fault == FAULT_DEAF)
		return;
	if (!receive(fd, &size, 4) || size > sizeof(request) || !receive(fd, request, size))
		return;
	reader = reader_of((struct span){request, size});
	if (protobuf_next(&reader, &field))
		reply(daemon, fd, (enum aesm_kind)field.number, field.bytes);
}

static void *run(void *data)
{
	struct daemon *daemon = data;
	int fd;

	while ((fd = accept(daemon->listener, NULL, NULL)) >= 0) {
		serve(daemon, fd);
		close(fd);
	}
	return NULL;
}

/* The tests */

static int make(struct daemon *daemon, struct enclave *enclave, unsigned int timeout_ms,
	struct bytes *ret, struct attest_error *error)
{
	struct attest_platform *platform;
	uint8_t *evidence = NULL;
	size_t size = 0;
	int r;

	(void)daemon;
	memset(error, 0, sizeof(*error));
	if (attest_platform_sgx_new(PATH, timeout_ms, make_report, enclave, &platform) < 0)
		abort();
	r = attest_evidence_new(
		platform, (struct attest_bytes){asked, strlen(asked)}, &evidence, &size, error);
	attest_platform_free(platform);
	bytes_done(ret);
	*ret = (struct bytes){evidence, r == 0 ? size : 0};
	return r;
}

static void test_good(struct daemon *daemon)
{
	struct attest_result *result = malloc(sizeof(*result));
	struct bytes bundle = {0}, root = {0}, evidence = {0};
	struct dcap_fixture_options options = {0};
	struct enclave enclave = {.daemon = daemon};
	struct attest_collateral *collateral;
	struct attest_error error;

	dcap_fixture_collateral(daemon->dcap, &options, &bundle);
	dcap_fixture_root(daemon->dcap, &root);
	collateral = fixture_collateral(&bundle, &root);
	for (size_t padding = 0; padding < 100; padding += 99) {
		daemon->padding = padding;
		CHECK_EQ(make(daemon, &enclave, TIMEOUT_MS, &evidence, &error), 0);
		attest_verify(given(&evidence), collateral, NULL, PKI_FIXTURE_NOW, result);
		CHECK(result->is_authentic);
		CHECK_EQ(result->claims[0].type, ATTEST_TYPE_SGX);
		CHECK(attest_result_binds(result, (struct attest_bytes){asked, strlen(asked)}));
		CHECK(evidence.size && evidence.data[evidence.size - 1] != 0);
		CHECK_EQ(enclave.target[TARGET_SIZE - 1], 0xe1);
	}
	daemon->padding = 0;
	attest_collateral_free(collateral);
	bytes_done(&bundle);
	bytes_done(&root);
	bytes_done(&evidence);
	free(result);
}

static void test_faults(struct daemon *daemon)
{
	static const struct {
		enum aesm_kind kind;
		enum fault fault;
		int r;
	} faults[] = {
		{AESM_GET_KEY_ID_NUM, FAULT_ERROR, -EREMOTEIO},
		{AESM_GET_KEY_ID_NUM, FAULT_UNSUPPORTED, -EREMOTEIO},
		{AESM_GET_KEY_ID_NUM, FAULT_MANY, -EPROTO},
		{AESM_GET_KEY_ID_NUM, FAULT_NUMBER, -EPROTO},
		{AESM_GET_KEY_ID_NUM, FAULT_DEAF, -ECONNRESET},
		{AESM_GET_KEY_IDS, FAULT_SHORT, -EPROTO},
		{AESM_GET_KEY_IDS, FAULT_LONG, -EPROTO},
		{AESM_GET_KEY_IDS, FAULT_NUMBER, -EOPNOTSUPP},
		{AESM_INIT_QUOTE_EX, FAULT_SHORT, -EPROTO},
		{AESM_INIT_QUOTE_EX, FAULT_LONG, -EPROTO},
		{AESM_INIT_QUOTE_EX, FAULT_MANY, -EPROTO},
		{AESM_INIT_QUOTE_EX, FAULT_NUMBER, -EPROTO},
		{AESM_INIT_QUOTE_EX, FAULT_ERROR, -EREMOTEIO},
		{AESM_GET_QUOTE_SIZE_EX, FAULT_MANY, -EPROTO},
		{AESM_GET_QUOTE_SIZE_EX, FAULT_NUMBER, -EPROTO},
		{AESM_GET_QUOTE_EX, FAULT_ERROR, -EREMOTEIO},
		{AESM_GET_QUOTE_EX, FAULT_OTHER, -EPROTO},
		{AESM_GET_QUOTE_EX, FAULT_NO_CODE, -EPROTO},
		{AESM_GET_QUOTE_EX, FAULT_GARBAGE, -EPROTO},
		{AESM_GET_QUOTE_EX, FAULT_EMPTY, -EPROTO},
		{AESM_GET_QUOTE_EX, FAULT_HUGE, -EPROTO},
		{AESM_GET_QUOTE_EX, FAULT_CUT, -ECONNRESET},
		{AESM_GET_QUOTE_EX, FAULT_DRIBBLE, 0},
		{AESM_GET_QUOTE_EX, FAULT_SHORT, -EPROTO},
		{AESM_GET_QUOTE_EX, FAULT_LONG, 0},
		{AESM_GET_QUOTE_EX, FAULT_NUMBER, -EPROTO},
		{AESM_GET_QUOTE_EX, FAULT_SWAPPED, -EPROTO},
	};
	struct enclave enclave = {.daemon = daemon};
	struct attest_error error;
	struct bytes evidence = {0};

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++) {
		daemon->kind = faults[i].kind;
		daemon->fault = faults[i].fault;
		CHECK_EQ(make(daemon, &enclave, TIMEOUT_MS, &evidence, &error), faults[i].r);
		printf("# %d, %d: %s\n", faults[i].kind, faults[i].fault, error.reason);
		CHECK((faults[i].r == 0) == !*error.reason);
	}
	daemon->kind = AESM_GET_QUOTE_EX;
	daemon->fault = FAULT_SILENT;
	CHECK_EQ(make(daemon, &enclave, 300, &evidence, &error), -ETIMEDOUT);
	daemon->fault = FAULT_NONE;
	daemon->quote_size = 437;
	CHECK_EQ(make(daemon, &enclave, TIMEOUT_MS, &evidence, &error), -EPROTO);
	daemon->quote_size = 60000;
	daemon->has_epid_only = true;
	CHECK_EQ(make(daemon, &enclave, TIMEOUT_MS, &evidence, &error), -EOPNOTSUPP);
	daemon->has_epid_only = false;
	bytes_done(&evidence);
}

static void test_enclave(struct daemon *daemon)
{
	struct enclave refuses = {.daemon = daemon, .fails = -EPERM};
	struct enclave lies = {.daemon = daemon, .says = "something else"};
	struct attest_error error;
	struct bytes evidence = {0};

	CHECK_EQ(make(daemon, &refuses, TIMEOUT_MS, &evidence, &error), -EPERM);
	CHECK_EQ(make(daemon, &lies, TIMEOUT_MS, &evidence, &error), -EINVAL);
	bytes_done(&evidence);
}

/* By the encoding's definition, byte by byte. */
static void test_encoding(void)
{
	static const uint8_t wanted[] = {0x08, 0x96, 0x01, 0x12, 0x03, 'a', 'b', 'c', 0x48, 0x80,
		0x87, 0xa7, 0x0e, 0x18, 0x00};
	static const uint8_t unknown[] = {
		0x7a, 0x0d, 0x08, 0x00, 0x25, 1, 2, 3, 4, 0x29, 1, 2, 3, 4, 5, 6};
	static const uint8_t good[] = {0xa2, 0x06, 0x01, 0x00, 0x7a, 0x04, 0x08, 0x00, 0x12, 0x00};
	struct protobuf_field fields[AESM_FIELDS_MAX];
	uint8_t bytes[sizeof(wanted)];
	struct protobuf_writer writer = {.data = bytes, .room = sizeof(bytes)};
	struct attest_error error;

	protobuf_put_number(&writer, 1, 150);
	protobuf_put_bytes(&writer, 2, (struct span){(const uint8_t *)"abc", 3});
	protobuf_put_number(&writer, 9, 30000000);
	protobuf_put_number(&writer, 3, 0);
	CHECK(!writer.failed && writer.size == sizeof(wanted) &&
		!memcmp(bytes, wanted, sizeof(wanted)));
	protobuf_put_number(&writer, 3, 0);
	CHECK(writer.failed && writer.size == sizeof(wanted));
	CHECK_EQ(aesm_answer_read(
			 (struct span){good, sizeof(good)}, AESM_INIT_QUOTE_EX, fields, &error),
		0);
	CHECK_EQ(aesm_answer_read((struct span){unknown, sizeof(unknown)}, AESM_INIT_QUOTE_EX,
			 fields, &error),
		-EPROTO);
	for (size_t size = 0; size < sizeof(good); size++)
		CHECK_EQ(aesm_answer_read(
				 (struct span){good, size}, AESM_INIT_QUOTE_EX, fields, &error),
			-EPROTO);
}

int main(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = PATH};
	struct dcap_fixture dcap;
	struct daemon daemon = {.dcap = &dcap, .quote_size = 60000};
	struct enclave enclave = {.daemon = &daemon};
	struct attest_error error;
	struct bytes evidence = {0};
	pthread_t thread;

	dcap_fixture_init(&dcap);
	unlink(PATH);
	CHECK_EQ(make(&daemon, &enclave, TIMEOUT_MS, &evidence, &error), -ENOENT);
	CHECK(strstr(error.reason, PATH));
	daemon.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(daemon.listener, (struct sockaddr *)&address, sizeof(address)) < 0)
		abort();
	CHECK_EQ(make(&daemon, &enclave, TIMEOUT_MS, &evidence, &error), -ECONNREFUSED);
	if (listen(daemon.listener, 8) < 0 || pthread_create(&thread, NULL, run, &daemon) != 0)
		abort();
	test_encoding();
	test_good(&daemon);
	test_faults(&daemon);
	test_enclave(&daemon);
	shutdown(daemon.listener, SHUT_RDWR);
	pthread_join(thread, NULL);
	close(daemon.listener);
	unlink(PATH);
	dcap_fixture_done(&dcap);
	return test_done();
}
