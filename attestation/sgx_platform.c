/* SGX quotes, by aesmd. What makes the report is inside the enclave: the caller's.
 * Source: Intel SGX PSW, sgx_uae_quote_ex.h, for what is asked in which order; Intel, "SGX ECDSA
 * QuoteGenReference API", for sgx_att_key_id_ext_t. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "attestation/aesm.h"
#include "attestation/platform.h"

#define TIMEOUT_MS_DEFAULT (60 * 1000)
#define FIELD_TIMEOUT 9 /* of each request; microseconds */

#define KEY_ID_SIZE 256 /* sgx_att_key_id_ext_t */
#define KEY_ID_ALGORITHM 154
#define ALGORITHM_ECDSA_P256 2 /* SGX_QL_ALG_ECDSA_P256 */
#define KEY_IDS_MAX 64

#define TARGET_INFO_SIZE 512
#define REPORT_SIZE 432
#define REPORT_BODY_SIZE 384 /* what the quote repeats */
#define REPORT_DATA 320
#define QUOTE_BODY 48
#define QUOTE_HEAD_SIZE 436
#define QUOTE_SIZE_MAX (64u << 10)

struct sgx_platform {
	struct attest_platform platform;
	struct aesm aesm;
	attest_sgx_report_fn *report;
	void *data;
};

/* A request being written: its fields, then the time that aesmd may take. */
struct request {
	uint8_t bytes[AESM_REQUEST_SIZE_MAX - 16];
	struct protobuf_writer writer;
};

static void request_init(struct request *request)
{
	request->writer =
		(struct protobuf_writer){.data = request->bytes, .room = sizeof(request->bytes)};
}

static int ask(const struct sgx_platform *sgx, enum aesm_kind kind, struct request *request,
	struct aesm_answer *ret, struct attest_error *error)
{
	uint64_t timeout_us = MIN((uint64_t)sgx->aesm.timeout_ms * 1000, (uint64_t)UINT32_MAX);

	protobuf_put_number(&request->writer, FIELD_TIMEOUT, timeout_us);
	if (request->writer.failed)
		return platform_fail(error, -EMSGSIZE, "a request to aesmd");
	return aesm_ask(
		&sgx->aesm, kind, (struct span){request->bytes, request->writer.size}, ret, error);
}

static int bad_answer(struct attest_error *error, const char *what)
{
	return platform_fail(error, -EPROTO, "aesmd: %s", what);
}

/* How many attestation keys there are: the next question wants a buffer's size. */
static int count_keys(
	const struct sgx_platform *sgx, uint64_t *ret_count, struct attest_error *error)
{
	CLEANUP(aesm_answer_done) struct aesm_answer answer = {0};
	struct request request;
	int r;

	request_init(&request);
	r = ask(sgx, AESM_GET_KEY_ID_NUM, &request, &answer, error);
	if (r < 0)
		return r;
	if (answer.fields[1].is_bytes || answer.fields[1].value > KEY_IDS_MAX)
		return bad_answer(error, "the number of attestation keys makes no sense");
	*ret_count = answer.fields[1].value;
	return 0;
}

static bool is_ecdsa_p256(const uint8_t *key_id)
{
	struct reader reader = reader_of((struct span){key_id, KEY_ID_SIZE});

	reader_skip(&reader, KEY_ID_ALGORITHM);
	return reader_le32(&reader) == ALGORITHM_ECDSA_P256;
}

static int choose_key(
	const struct sgx_platform *sgx, uint8_t ret_key_id[KEY_ID_SIZE], struct attest_error *error)
{
	CLEANUP(aesm_answer_done) struct aesm_answer answer = {0};
	struct request request;
	struct span ids;
	uint64_t count = 0;
	int r = count_keys(sgx, &count, error);

	if (r < 0)
		return r;
	request_init(&request);
	protobuf_put_number(&request.writer, 1, count * KEY_ID_SIZE);
	r = ask(sgx, AESM_GET_KEY_IDS, &request, &answer, error);
	if (r < 0)
		return r;
	ids = answer.fields[1].bytes;
	if (ids.size % KEY_ID_SIZE || ids.size > count * KEY_ID_SIZE)
		return bad_answer(error, "the attestation keys have another size");
	for (size_t at = 0; at < ids.size; at += KEY_ID_SIZE)
		if (is_ecdsa_p256(ids.data + at)) {
			memcpy(ret_key_id, ids.data + at, KEY_ID_SIZE);
			return 0;
		}
	return platform_fail(error, -EOPNOTSUPP, "aesmd: no attestation key for ECDSA (DCAP)");
}

/* Asked twice: first for the size of the key's name, then, with room for it, for the target. */
static int init_quote(const struct sgx_platform *sgx, struct span key_id, uint64_t *name_size,
	struct aesm_answer *ret, struct attest_error *error)
{
	struct request request;

	request_init(&request);
	protobuf_put_bytes(&request.writer, 1, key_id);
	protobuf_put_number(&request.writer, 3, *name_size ? 1 : 0);
	if (*name_size)
		protobuf_put_number(&request.writer, 4, *name_size);
	return ask(sgx, AESM_INIT_QUOTE_EX, &request, ret, error);
}

static int get_target(const struct sgx_platform *sgx, struct span key_id,
	uint8_t ret_target[TARGET_INFO_SIZE], struct attest_error *error)
{
	CLEANUP(aesm_answer_done) struct aesm_answer sized = {0};
	CLEANUP(aesm_answer_done) struct aesm_answer answer = {0};
	uint64_t name_size = 0;
	int r = init_quote(sgx, key_id, &name_size, &sized, error);

	if (r < 0)
		return r;
	name_size = sized.fields[2].value;
	if (sized.fields[2].is_bytes || name_size == 0 || name_size > AESM_ANSWER_SIZE_MAX)
		return bad_answer(error, "the size of the attestation key's name makes no sense");
	r = init_quote(sgx, key_id, &name_size, &answer, error);
	if (r < 0)
		return r;
	if (answer.fields[1].bytes.size != TARGET_INFO_SIZE)
		return bad_answer(error, "the quoting enclave's target info has another size");
	memcpy(ret_target, answer.fields[1].bytes.data, TARGET_INFO_SIZE);
	return 0;
}

static int get_quote_size(const struct sgx_platform *sgx, struct span key_id, uint64_t *ret_size,
	struct attest_error *error)
{
	CLEANUP(aesm_answer_done) struct aesm_answer answer = {0};
	struct request request;
	int r;

	request_init(&request);
	protobuf_put_bytes(&request.writer, 1, key_id);
	r = ask(sgx, AESM_GET_QUOTE_SIZE_EX, &request, &answer, error);
	if (r < 0)
		return r;
	*ret_size = answer.fields[1].value;
	if (answer.fields[1].is_bytes || *ret_size < QUOTE_HEAD_SIZE || *ret_size > QUOTE_SIZE_MAX)
		return bad_answer(error, "the quote's size makes no sense");
	return 0;
}

/* A quote of version 3 or 4. aesmd returns its whole buffer: what is behind the quote is cut off.
 */
static int take_quote(struct span bytes, const uint8_t report[REPORT_SIZE], uint8_t **ret_evidence,
	size_t *ret_size, struct attest_error *error)
{
	struct reader reader = reader_of(bytes);
	struct span body, quote;

	reader_skip(&reader, QUOTE_BODY);
	body = reader_take(&reader, REPORT_BODY_SIZE);
	reader_take(&reader, reader_le32(&reader));
	if (reader.failed)
		return bad_answer(error, "the quote ends elsewhere than it says");
	if (!span_equals(body, (struct span){report, REPORT_BODY_SIZE}))
		return bad_answer(error, "the quote is of another report");
	quote = (struct span){bytes.data, reader.at};
	*ret_evidence = malloc(quote.size);
	if (!*ret_evidence)
		return platform_fail(error, -ENOMEM, "the quote");
	memcpy(*ret_evidence, quote.data, quote.size);
	*ret_size = quote.size;
	return 0;
}

static int get_quote(const struct sgx_platform *sgx, struct span key_id,
	const uint8_t report[REPORT_SIZE], uint8_t **ret_evidence, size_t *ret_size,
	struct attest_error *error)
{
	CLEANUP(aesm_answer_done) struct aesm_answer answer = {0};
	struct request request;
	uint64_t size = 0;
	int r = get_quote_size(sgx, key_id, &size, error);

	if (r < 0)
		return r;
	request_init(&request);
	protobuf_put_bytes(&request.writer, 1, (struct span){report, REPORT_SIZE});
	protobuf_put_bytes(&request.writer, 2, key_id);
	protobuf_put_number(&request.writer, 4, size);
	r = ask(sgx, AESM_GET_QUOTE_EX, &request, &answer, error);
	if (r < 0)
		return r;
	if (answer.fields[1].bytes.size > size)
		return bad_answer(error, "the quote is larger than announced");
	return take_quote(answer.fields[1].bytes, report, ret_evidence, ret_size, error);
}

static int sgx_make(struct attest_platform *platform, const uint8_t report_data[64], size_t size,
	uint8_t **ret_evidence, size_t *ret_size, struct attest_error *error)
{
	struct sgx_platform *sgx = CONTAINER_OF(platform, struct sgx_platform, platform);
	uint8_t key_id[KEY_ID_SIZE], target[TARGET_INFO_SIZE], report[REPORT_SIZE];
	struct span key = {key_id, sizeof(key_id)};
	int r = choose_key(sgx, key_id, error);

	(void)size;
	if (r == 0)
		r = get_target(sgx, key, target, error);
	if (r < 0)
		return r;
	r = sgx->report(sgx->data, target, report_data, report);
	if (r < 0)
		return platform_fail(error, r, "the enclave's report");
	if (memcmp(report + REPORT_DATA, report_data, 64) != 0)
		return platform_fail(error, -EINVAL, "the enclave's report has other report data");
	return get_quote(sgx, key, report, ret_evidence, ret_size, error);
}

static void sgx_free(struct attest_platform *platform)
{
	struct sgx_platform *sgx = CONTAINER_OF(platform, struct sgx_platform, platform);

	free((char *)sgx->aesm.socket);
	free(sgx);
}

static const struct platform_ops sgx_ops = {sgx_make, sgx_free};

int attest_platform_sgx_new(const char *socket, unsigned int timeout_ms,
	attest_sgx_report_fn *report, void *data, struct attest_platform **ret_platform)
{
	struct sgx_platform *sgx = malloc(sizeof(*sgx));

	if (!sgx)
		return -ENOMEM;
	*sgx = (struct sgx_platform){.platform.ops = &sgx_ops,
		.aesm = {strdup(socket ? socket : AESM_SOCKET_DEFAULT),
			timeout_ms ? timeout_ms : TIMEOUT_MS_DEFAULT},
		.report = report,
		.data = data};
	if (!sgx->aesm.socket) {
		free(sgx);
		return -ENOMEM;
	}
	*ret_platform = &sgx->platform;
	return 0;
}
