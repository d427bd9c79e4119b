#include "cli/quoting_server.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "abi/quoting.h"
#include "attestation/attestation.h"
#include "cli/cli.h"
#include "image/file.h"

#define ARGUMENT_COUNT 7 /* its name included */

static bool read_claims(char **argv, struct attest_claims *claims)
{
	claims->measurement.size = claims->signer.size = 32;
	claims->product = (uint32_t)strtoul(argv[4], NULL, 10);
	claims->svn = (uint32_t)strtoul(argv[5], NULL, 10);
	claims->is_debug = !strcmp(argv[6], "debug");
	return hex_decode(argv[1], claims->measurement.bytes, 32) &&
	       hex_decode(argv[2], claims->signer.bytes, 32) &&
	       hex_decode(argv[3], claims->casemate.image_digest, 32);
}

static void answer(const struct attest_claims *claims, const struct quoting_request *request)
{
	uint8_t message[sizeof(struct quoting_answer) + QUOTING_EVIDENCE_SIZE_MAX];
	struct quoting_answer head = {.sequence = request->sequence};
	struct attest_bytes data = {request->report_data, sizeof(request->report_data)};
	CLEANUP(freep) uint8_t *evidence = NULL;
	size_t size = 0;
	int r = attest_simulation_evidence_new(claims, data, &evidence, &size);

	if (r == 0 && size > QUOTING_EVIDENCE_SIZE_MAX)
		r = -EFBIG;
	head.error = -r;
	head.size = r == 0 ? (uint32_t)size : 0;
	memcpy(message, &head, sizeof(head));
	if (head.size)
		memcpy(message + sizeof(head), evidence, head.size);
	send(STDIN_FILENO, message, sizeof(head) + head.size, MSG_NOSIGNAL);
}

int quoting_server(int argc, char **argv)
{
	CLEANUP(freep) struct attest_claims *claims = calloc(1, sizeof(*claims));
	struct quoting_request request;

	if (!claims || argc != ARGUMENT_COUNT || !read_claims(argv, claims))
		return CLI_USAGE;
	for (;;) {
		ssize_t size = recv(STDIN_FILENO, &request, sizeof(request), 0);

		if (size == (ssize_t)sizeof(request))
			answer(claims, &request);
		else if (size == 0 || (size < 0 && errno != EINTR))
			return CLI_OK;
	}
}
