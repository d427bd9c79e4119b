/* How the LibOS asks for evidence on the simulation platform: datagrams on a socket
 * (SOCK_SEQPACKET) whose other end is the launcher's. What the enclave is, the host says: there, it
 * is the one that measures. Answers come in order, but one can be of a request that was given up.
 */
#ifndef ABI_QUOTING_H
#define ABI_QUOTING_H

#include <stdint.h>

#define QUOTING_EVIDENCE_SIZE_MAX (32u << 10)

struct quoting_request {
	uint64_t sequence;
	uint8_t report_data[64];
};

_Static_assert(sizeof(struct quoting_request) == 72, "format");

/* @size bytes of evidence follow. */
struct quoting_answer {
	uint64_t sequence; /* of the request */
	int32_t error;     /* 0, or an errno: then there is no evidence */
	uint32_t size;
};

_Static_assert(sizeof(struct quoting_answer) == 16, "format");

#endif
