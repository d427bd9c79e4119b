#include "attestation/aesm.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "attestation/platform.h"
#include "attestation/platform_file.h"

/* aesm_error.h of Intel's, those that a user can do something about. */
static const char *error_name(uint64_t code)
{
	switch (code) {
	case 2:
	case 24:
		return " (there is no SGX device)";
	case 12:
	case 13:
		return " (its network)";
	case 18:
	case 19:
		return " (busy)";
	case 29:
		return " (out of EPC)";
	case 31:
		return " (a platform that Intel does not recognize)";
	default:
		return "";
	}
}

static int fail_answer(struct attest_error *error, const char *what)
{
	return platform_fail(error, -EPROTO, "aesmd's answer %s", what);
}

/* The message within that is of @kind. */
static int find_answer(
	struct span message, enum aesm_kind kind, struct span *ret, struct attest_error *error)
{
	struct reader reader = reader_of(message);
	struct protobuf_field field;
	bool is_found = false, is_unsupported = false;

	while (protobuf_next(&reader, &field)) {
		if (field.is_bytes && field.number == (uint32_t)kind) {
			*ret = field.bytes;
			is_found = true;
		}
		is_unsupported |= field.number == AESM_UNSUPPORTED;
	}
	if (reader.failed)
		return fail_answer(error, "is no message");
	if (is_found)
		return 0;
	if (is_unsupported)
		return platform_fail(error, -EREMOTEIO,
			"aesmd does not know the request: it is too old, or lacks the plugin that "
			"makes DCAP quotes (quote-ex)");
	return fail_answer(error, "is to another question");
}

int aesm_answer_read(struct span message, enum aesm_kind kind,
	struct protobuf_field ret_fields[AESM_FIELDS_MAX], struct attest_error *error)
{
	struct protobuf_field fields[AESM_FIELDS_MAX] = {0}, field;
	struct span answer = {0};
	struct reader reader;
	int r = find_answer(message, kind, &answer, error);

	if (r < 0)
		return r;
	reader = reader_of(answer);
	while (protobuf_next(&reader, &field))
		if (field.number <= AESM_FIELDS_MAX)
			fields[field.number - 1] = field;
	if (reader.failed || fields[0].number != 1 || fields[0].is_bytes)
		return fail_answer(error, "has no error code");
	if (fields[0].value)
		return platform_fail(error, -EREMOTEIO, "aesmd says error %llu%s",
			(unsigned long long)fields[0].value, error_name(fields[0].value));
	memcpy(ret_fields, fields, sizeof(fields));
	return 0;
}

/* The connection */

static int64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* Until @fd can be written to or read from: 0, or -ETIMEDOUT at @deadline. */
static int wait_for(int fd, short events, int64_t deadline)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};
	int64_t left;
	int r;

	do {
		left = MAX(deadline - now_ms(), 0);
		r = poll(&poll_fd, 1, (int)MIN(left, INT32_MAX));
	} while (r < 0 && errno == EINTR);
	if (r < 0)
		return -errno;
	return r ? 0 : -ETIMEDOUT;
}

static bool is_transient(int error)
{
	return error == EINTR || error == EAGAIN;
}

static int send_all(int fd, const uint8_t *data, size_t size, int64_t deadline)
{
	while (size) {
		ssize_t sent = send(fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);

		if (sent < 0 && !is_transient(errno))
			return -errno;
		if (sent < 0) {
			int r = wait_for(fd, POLLOUT, deadline);

			if (r < 0)
				return r;
			continue;
		}
		data += sent;
		size -= (size_t)sent;
	}
	return 0;
}

/* -ECONNRESET: it ended before. */
static int receive_all(int fd, void *to, size_t size, int64_t deadline)
{
	uint8_t *at = to;

	while (size) {
		ssize_t got = recv(fd, at, size, MSG_DONTWAIT);

		if (got == 0)
			return -ECONNRESET;
		if (got < 0 && !is_transient(errno))
			return -errno;
		if (got < 0) {
			int r = wait_for(fd, POLLIN, deadline);

			if (r < 0)
				return r;
			continue;
		}
		at += got;
		size -= (size_t)got;
	}
	return 0;
}

/* While too many others wait for aesmd, connect(2) waits, and no longer than this socket's time. */
static int open_connection(const struct aesm *aesm, int *ret_fd)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	struct timeval limit = {aesm->timeout_ms / 1000, aesm->timeout_ms % 1000 * 1000};
	size_t size = strlen(aesm->socket);
	CLEANUP(platform_closep) int fd = -1;

	if (size >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, aesm->socket, size);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) < 0)
		return -errno;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return is_transient(errno) ? -ETIMEDOUT : -errno;
	*ret_fd = fd;
	fd = -1;
	return 0;
}

static int receive_answer(
	int fd, int64_t deadline, struct text_buffer *ret, struct attest_error *error)
{
	uint32_t size;
	int r = receive_all(fd, &size, sizeof(size), deadline);
	uint8_t *data;

	if (r < 0)
		return platform_fail(error, r, "aesmd's answer");
	if (size > AESM_ANSWER_SIZE_MAX)
		return platform_fail(error, -EPROTO, "aesmd's answer is of %u bytes", size);
	data = malloc(size + !size);
	if (!data)
		return platform_fail(error, -ENOMEM, "aesmd's answer");
	r = receive_all(fd, data, size, deadline);
	if (r < 0) {
		free(data);
		return platform_fail(error, r, "aesmd's answer");
	}
	*ret = (struct text_buffer){data, size};
	return 0;
}

static int exchange(const struct aesm *aesm, const uint8_t *request, size_t size,
	struct text_buffer *ret, struct attest_error *error)
{
	int64_t deadline = now_ms() + aesm->timeout_ms;
	CLEANUP(platform_closep) int fd = -1;
	int r = open_connection(aesm, &fd);

	if (r < 0)
		return platform_fail(error, r, "aesmd at %.100s", aesm->socket);
	r = send_all(fd, request, size, deadline);
	if (r < 0) /* ended before or while it was read: all the same */
		return platform_fail(error, r == -EPIPE ? -ECONNRESET : r, "a request to aesmd");
	return receive_answer(fd, deadline, ret, error);
}

int aesm_ask(const struct aesm *aesm, enum aesm_kind kind, struct span body,
	struct aesm_answer *ret, struct attest_error *error)
{
	uint8_t request[4 + AESM_REQUEST_SIZE_MAX];
	struct protobuf_writer writer = {.data = request + 4, .room = AESM_REQUEST_SIZE_MAX};
	struct aesm_answer answer = {0};
	uint32_t size;
	int r;

	protobuf_put_bytes(&writer, (uint32_t)kind, body);
	if (writer.failed)
		return platform_fail(error, -EMSGSIZE, "a request to aesmd");
	size = (uint32_t)writer.size;
	memcpy(request, &size, sizeof(size));
	r = exchange(aesm, request, 4 + writer.size, &answer.message, error);
	if (r == 0)
		r = aesm_answer_read(text_buffer_span(&answer.message), kind, answer.fields, error);
	if (r < 0) {
		aesm_answer_done(&answer);
		return r;
	}
	*ret = answer;
	return 0;
}
