/* Intel's aesmd, which has quotes made by the quoting enclave: requests and answers on its socket.
 * A connection is for one request: its size (4 bytes, of this machine's order), then a message in
 * the format of Protocol Buffers; the answer has the same form.
 * Source: Intel SGX PSW, psw/ae/common/proto/messages.proto. The five messages used here are flat
 * and small: they are written and read by hand, which spares the library a generator and a
 * dependency. */
#ifndef ATTESTATION_AESM_H
#define ATTESTATION_AESM_H

#include "attestation/protobuf.h"
#include "attestation/text.h"
#include "attestation/verdict.h"

#define AESM_SOCKET_DEFAULT "/var/run/aesmd/aesm.socket"
#define AESM_ANSWER_SIZE_MAX (1u << 20)
#define AESM_REQUEST_SIZE_MAX 4096
#define AESM_FIELDS_MAX 4

/* Their numbers in Request, and of the answers in Response. */
enum aesm_kind {
	AESM_INIT_QUOTE_EX = 15,
	AESM_GET_QUOTE_SIZE_EX = 16,
	AESM_GET_QUOTE_EX = 17,
	AESM_UNSUPPORTED = 20, /* an answer only */
	AESM_GET_KEY_ID_NUM = 21,
	AESM_GET_KEY_IDS = 22,
};

/* @fields: by number - 1; the first is the error code. */
struct aesm_answer {
	struct text_buffer message; /* what .bytes point into */
	struct protobuf_field fields[AESM_FIELDS_MAX];
};

static inline void aesm_answer_done(struct aesm_answer *answer)
{
	text_buffer_done(&answer->message);
}

/* The answer of @kind in @message. -EPROTO: it is none; -EREMOTEIO: aesmd refuses. Both with
 * error->reason. */
int aesm_answer_read(struct span message, enum aesm_kind kind,
	struct protobuf_field ret_fields[AESM_FIELDS_MAX], struct attest_error *error) MUST_CHECK;

struct aesm {
	const char *socket;
	unsigned int timeout_ms; /* for a request and its answer */
};

/* Send the request @body and read the answer. As above; -ETIMEDOUT; any errno of connect(2),
 * send(2) and recv(2). */
int aesm_ask(const struct aesm *aesm, enum aesm_kind kind, struct span body,
	struct aesm_answer *ret, struct attest_error *error) MUST_CHECK;

#endif
