/* setsockopt(2) and getsockopt(2): socket(7). */
#include <asm/socket.h>
#include <linux/errno.h>

#include "libos/core/user.h"
#include "libos/sockets/constants.h"
#include "libos/sockets/unix.h"
#include "libos/time/timespec.h"

#define SEND_SIZE_MIN 4608U
#define RECEIVE_SIZE_MIN 2304U
#define US_PER_S 1000000L

/* Switches that are kept and told, and change nothing on AF_UNIX. */
static const int switches[] = {SO_DEBUG, SO_REUSEADDR, SO_DONTROUTE, SO_BROADCAST, SO_KEEPALIVE,
	SO_OOBINLINE, SO_TIMESTAMP_OLD};

/* The bit of a switch in socket->flags, or 0. */
static uint32_t switch_bit(int option)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (switches[i] == option)
			return 1U << i;
	return 0;
}

struct user_timeval {
	int64_t seconds, microseconds;
};

static int set_timeout(uint64_t *ret_ns, uint64_t from, uint32_t size)
{
	struct user_timeval time;

	if (size < sizeof(time))
		return -EINVAL;
	if (USER_GET(&time, from))
		return -EFAULT;
	if (time.microseconds < 0 || time.microseconds >= US_PER_S)
		return -EDOM;
	if (time.seconds < 0)
		*ret_ns = 1; /* as Linux: over before it begins */
	else if ((uint64_t)time.seconds >= UINT64_MAX / NS_PER_S - 1)
		*ret_ns = 0;
	else
		*ret_ns = (uint64_t)time.seconds * NS_PER_S + (uint64_t)time.microseconds * 1000;
	return 0;
}

static uint32_t buffer_size(int32_t value, uint32_t least)
{
	uint32_t size = MIN((uint32_t)value, SOCKET_BUFFER_DEFAULT);

	return MAX(2 * size, least);
}

static int set_number(struct unix_socket *socket, int option, int32_t value)
{
	uint32_t bit = switch_bit(option);

	switch (option) {
	case SO_SNDBUF:
		socket->send_size = buffer_size(value, SEND_SIZE_MIN);
		return 0;
	case SO_RCVBUF:
		socket->receive_size = buffer_size(value, RECEIVE_SIZE_MIN);
		return 0;
	case SO_PASSCRED:
		socket->pass_credentials = value;
		return 0;
	default:
		break;
	}
	if (!bit)
		return -ENOPROTOOPT;
	socket->flags = value ? socket->flags | bit : socket->flags & ~bit;
	return 0;
}

int unix_set_option(struct unix_socket *socket, int option, uint64_t from, uint32_t size)
{
	int32_t value;
	int r;

	LOCK_SCOPE(&socket->receive_lock); /* outside of mm->lock */
	if (size < sizeof(value))
		return -EINVAL;
	if (USER_GET(&value, from))
		return -EFAULT;
	switch (option) {
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		r = set_timeout(&socket->receive_timeout_ns, from, size);
		break;
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		r = set_timeout(&socket->send_timeout_ns, from, size);
		break;
	default:
		r = set_number(socket, option, value);
		break;
	}
	return r;
}

static int put(uint64_t to, uint32_t *size, const void *value, size_t value_size)
{
	*size = (uint32_t)MIN((size_t)*size, value_size);
	return user_write(to, value, *size);
}

static int put_timeout(uint64_t to, uint32_t *size, uint64_t ns)
{
	struct user_timeval time = {(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S / 1000)};

	return put(to, size, &time, sizeof(time));
}

static int get_number(struct unix_socket *socket, int option, int32_t *ret_value)
{
	uint32_t bit = switch_bit(option);

	switch (option) {
	case SO_TYPE:
		*ret_value = (int32_t)socket->type;
		return 0;
	case SO_DOMAIN:
		*ret_value = AF_UNIX;
		return 0;
	case SO_PROTOCOL:
		*ret_value = 0;
		return 0;
	case SO_ERROR:
		*ret_value = __atomic_exchange_n(&socket->error, 0, __ATOMIC_ACQ_REL);
		return 0;
	case SO_ACCEPTCONN:
		*ret_value = socket->state == UNIX_LISTENING;
		return 0;
	case SO_SNDBUF:
		*ret_value = (int32_t)socket->send_size;
		return 0;
	case SO_RCVBUF:
		*ret_value = (int32_t)socket->receive_size;
		return 0;
	case SO_PASSCRED:
		*ret_value = socket->pass_credentials;
		return 0;
	case SO_RCVLOWAT:
	case SO_SNDLOWAT:
		*ret_value = 1;
		return 0;
	default:
		*ret_value = bit ? !!(socket->flags & bit) : 0;
		return bit ? 0 : -ENOPROTOOPT;
	}
}

int unix_get_option(struct unix_socket *socket, int option, uint64_t to, uint32_t *size)
{
	int32_t value;
	int r;

	switch (option) {
	case SO_RCVTIMEO_OLD:
	case SO_RCVTIMEO_NEW:
		return put_timeout(to, size, socket->receive_timeout_ns);
	case SO_SNDTIMEO_OLD:
	case SO_SNDTIMEO_NEW:
		return put_timeout(to, size, socket->send_timeout_ns);
	case SO_PEERCRED:
		return put(to, size, &socket->peer_credentials, sizeof(socket->peer_credentials));
	default:
		break;
	}
	r = get_number(socket, option, &value);
	return r ? r : put(to, size, &value, sizeof(value));
}
