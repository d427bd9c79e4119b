#include "cli/ratls_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <openssl/err.h>

#define CHUNK_SIZE 16384 /* of a TLS record */

/* One way: what was read and is not written yet. */
struct direction {
	uint8_t bytes[CHUNK_SIZE];
	size_t from, to;
	bool read_ended, done; /* no more will come; and all that came, the end too, is passed on */
};

struct relay {
	SSL *tls;
	int plain;
	struct direction out, in; /* plain to TLS; TLS to plain */
	short plain_events, tls_events;
};

/* An outcome of one step. */
enum step {
	STEP_WAIT,
	STEP_MOVED,
	STEP_CUT,
};

/* What SSL_get_error(3) says of a call that gave @r; the events to wait for are noted. */
static enum step tls_outcome(struct relay *relay, int r, bool *ret_ended)
{
	switch (SSL_get_error(relay->tls, r)) {
	case SSL_ERROR_WANT_READ:
		relay->tls_events |= POLLIN;
		return STEP_WAIT;
	case SSL_ERROR_WANT_WRITE:
		relay->tls_events |= POLLOUT;
		return STEP_WAIT;
	case SSL_ERROR_ZERO_RETURN:
		*ret_ended = true;
		return STEP_MOVED;
	default:
		return STEP_CUT;
	}
}

static enum step plain_outcome(struct relay *relay, short event)
{
	if (errno != EAGAIN && errno != EINTR)
		return STEP_CUT;
	relay->plain_events |= event;
	return STEP_WAIT;
}

static enum step read_plain(struct relay *relay)
{
	struct direction *out = &relay->out;
	ssize_t size = recv(relay->plain, out->bytes, sizeof(out->bytes), 0);

	if (size < 0)
		return plain_outcome(relay, POLLIN);
	out->read_ended = size == 0;
	out->from = 0;
	out->to = (size_t)size;
	return STEP_MOVED;
}

static enum step write_tls(struct relay *relay)
{
	struct direction *out = &relay->out;
	bool ended = false;
	size_t size;
	int r;

	ERR_clear_error();
	r = SSL_write_ex(relay->tls, out->bytes + out->from, out->to - out->from, &size);
	if (r != 1)
		return tls_outcome(relay, r, &ended) == STEP_WAIT ? STEP_WAIT : STEP_CUT;
	out->from += size;
	return STEP_MOVED;
}

/* Our close_notify, which leaves the other direction open (RFC 8446, 6.1). */
static enum step end_tls(struct relay *relay)
{
	bool ended = false;
	int r;

	ERR_clear_error();
	r = SSL_shutdown(relay->tls);
	if (r < 0 && tls_outcome(relay, r, &ended) != STEP_MOVED)
		return relay->tls_events & POLLOUT ? STEP_WAIT : STEP_CUT;
	relay->out.done = true;
	return STEP_MOVED;
}

static enum step step_out(struct relay *relay)
{
	struct direction *out = &relay->out;

	if (out->done)
		return STEP_WAIT;
	if (out->from < out->to)
		return write_tls(relay);
	return out->read_ended ? end_tls(relay) : read_plain(relay);
}

static enum step read_tls(struct relay *relay)
{
	struct direction *in = &relay->in;
	size_t size;
	int r;

	ERR_clear_error();
	r = SSL_read_ex(relay->tls, in->bytes, sizeof(in->bytes), &size);
	if (r != 1)
		return tls_outcome(relay, r, &in->read_ended);
	in->from = 0;
	in->to = size;
	return STEP_MOVED;
}

static enum step write_plain(struct relay *relay)
{
	struct direction *in = &relay->in;
	ssize_t size = send(relay->plain, in->bytes + in->from, in->to - in->from, MSG_NOSIGNAL);

	if (size < 0)
		return plain_outcome(relay, POLLOUT);
	in->from += (size_t)size;
	return STEP_MOVED;
}

static enum step step_in(struct relay *relay)
{
	struct direction *in = &relay->in;

	if (in->done)
		return STEP_WAIT;
	if (in->from < in->to)
		return write_plain(relay);
	if (!in->read_ended)
		return read_tls(relay);
	in->done = true;
	shutdown(relay->plain, SHUT_WR);
	return STEP_MOVED;
}

/* As long as a program does not read, nothing is read for it; but that a connection broke is seen
 * by poll(2), whatever is waited for. */
static int wait_for_events(struct relay *relay, int idle_ms)
{
	struct pollfd fds[] = {
		{.fd = relay->plain, .events = relay->plain_events},
		{.fd = SSL_get_fd(relay->tls), .events = relay->tls_events},
	};
	int count;

	/* A side that nothing is waited for would report its end again and again. */
	for (int i = 0; i < 2; i++)
		if (!fds[i].events)
			fds[i].fd = -1;
	do
		count = poll(fds, 2, idle_ms);
	while (count < 0 && errno == EINTR);
	return count;
}

static void set_nonblocking(int fd)
{
	int flags = fcntl(fd, F_GETFL);

	(void)fcntl(fd, F_SETFL, flags | O_NONBLOCK);
}

static enum relay_end run(struct relay *relay, int idle_ms)
{
	while (!relay->out.done || !relay->in.done) {
		enum step out, in;

		relay->plain_events = relay->tls_events = 0;
		out = step_out(relay);
		in = step_in(relay);
		if (out == STEP_CUT || in == STEP_CUT)
			return RELAY_CUT;
		if (out == STEP_MOVED || in == STEP_MOVED)
			continue;
		if (wait_for_events(relay, idle_ms) == 0)
			return RELAY_IDLE;
	}
	return RELAY_DONE;
}

/* What breaks off must not look like an end to a program that can't tell. */
static void reset_at_close(int plain)
{
	const struct linger now = {.l_onoff = 1};

	(void)setsockopt(plain, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
}

enum relay_end relay_run(SSL *tls, int plain, int idle_ms)
{
	struct relay relay = {.tls = tls, .plain = plain};
	enum relay_end end;

	set_nonblocking(plain);
	set_nonblocking(SSL_get_fd(tls));
	SSL_set_mode(tls, SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_ENABLE_PARTIAL_WRITE);
	end = run(&relay, idle_ms);
	if (end != RELAY_DONE)
		reset_at_close(plain);
	return end;
}
