/* setsockopt(2) and getsockopt(2): socket(7). */
#include <asm/socket.h>
#include <linux/capability.h>
#include <linux/errno.h>

#include "base/memory.h"
#include "libos/core/user.h"
#include "libos/processes/process.h"
#include "libos/sockets/interfaces.h"
#include "libos/sockets/socket.h"
#include "libos/time/timespec.h"
#include "platform/platform.h"

#define RECEIVE_SIZE_MIN 2304U
#define US_PER_S 1000000L

/* Switches that are kept and told; some mean something to a family. */
static const int switches[] = {SO_DEBUG, SO_REUSEADDR, SO_DONTROUTE, SO_BROADCAST, SO_KEEPALIVE,
	SO_OOBINLINE, SO_TIMESTAMP_OLD, SO_REUSEPORT, SO_TIMESTAMPNS_OLD, SO_NO_CHECK, SO_ZEROCOPY,
	SO_RXQ_OVFL, SO_LOCK_FILTER};

/* The bit of a switch in socket->flags, or 0. */
static uint32_t switch_bit(int option)
{
	for (uint32_t i = 0; i < ARRAY_SIZE(switches); i++)
		if (switches[i] == option)
			return 1U << i;
	return 0;
}

bool socket_flag(const struct socket *socket, int option)
{
	return socket->flags & switch_bit(option);
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

/* struct linger */
struct user_linger {
	int32_t is_on, seconds;
};

static int set_linger(struct socket *socket, uint64_t from, uint32_t size)
{
	struct user_linger linger;

	if (size < sizeof(linger))
		return -EINVAL;
	if (USER_GET(&linger, from))
		return -EFAULT;
	socket->linger_seconds = linger.is_on ? linger.seconds : SOCKET_LINGER_OFF;
	return 0;
}

/* ---- SO_BINDTODEVICE, SO_BINDTOIFINDEX: kept and told; nothing is kept out by it ---- */

static int bind_to_interface(struct socket *socket, uint32_t index)
{
	if (socket->interface && !credentials_can(&thread_current()->credentials, CAP_NET_RAW))
		return -EPERM;
	socket->interface = index;
	return 0;
}

static int bind_to_device(struct socket *socket, uint64_t from, uint32_t size)
{
	char name[INTERFACE_NAME_SIZE] = "";
	const struct interface *interface;

	if (user_read(name, from, MIN(size, INTERFACE_NAME_SIZE - 1)))
		return -EFAULT;
	if (!name[0])
		return bind_to_interface(socket, 0);
	interface = interface_by_name(name);
	return interface ? bind_to_interface(socket, interface->index) : -ENODEV;
}

static int put_device(const struct socket *socket, uint64_t to, uint32_t *size)
{
	const struct interface *interface =
		socket->interface ? interface_by_index(socket->interface) : NULL;

	if (!socket->interface) {
		*size = 0;
		return 0;
	}
	if (*size < INTERFACE_NAME_SIZE)
		return -EINVAL;
	return interface ? option_write(to, size, interface->name, strlen(interface->name) + 1)
			 : -ENODEV;
}

/* ---- Setting ---- */

static int set_number(struct socket *socket, int option, int32_t value)
{
	uint32_t bit = switch_bit(option);

	if ((option == SO_SNDBUFFORCE || option == SO_RCVBUFFORCE) &&
		!credentials_can(&thread_current()->credentials, CAP_NET_ADMIN))
		return -EPERM;
	switch (option) {
	case SO_SNDBUFFORCE:
	case SO_SNDBUF:
		socket->send_size = buffer_size(value, SOCKET_SEND_SIZE_MIN);
		return 0;
	case SO_RCVBUFFORCE:
	case SO_RCVBUF:
		socket->receive_size = buffer_size(value, RECEIVE_SIZE_MIN);
		return 0;
	case SO_INCOMING_CPU:
	case SO_PRIORITY:
	case SO_RCVLOWAT:
	case SO_BUSY_POLL:
	case SO_MAX_PACING_RATE:
		return value < 0 ? -EINVAL : 0;
	case SO_MARK:
		return -EPERM;
	case SO_BINDTOIFINDEX:
		return value < 0 ? -EINVAL : bind_to_interface(socket, (uint32_t)value);
	default:
		break;
	}
	if (!bit)
		return -ENOPROTOOPT;
	socket->flags = value ? socket->flags | bit : socket->flags & ~bit;
	return 0;
}

int socket_set_option(struct socket *socket, int option, uint64_t from, uint32_t size)
{
	int32_t value;
	int r;

	if (option == SO_BINDTODEVICE)
		return bind_to_device(socket, from, size);
	if (size < sizeof(value))
		return -EINVAL;
	if (USER_GET(&value, from))
		return -EFAULT;
	switch (option) {
	case SO_LINGER:
		return set_linger(socket, from, size);
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

int option_read_number(uint64_t from, uint32_t size, int32_t *ret_value)
{
	if (size < sizeof(*ret_value))
		return -EINVAL;
	return USER_GET(ret_value, from);
}

int option_write(uint64_t to, uint32_t *size, const void *value, size_t value_size)
{
	*size = (uint32_t)MIN((size_t)*size, value_size);
	return user_write(to, value, *size);
}

static int put_timeout(uint64_t to, uint32_t *size, uint64_t ns)
{
	struct user_timeval time = {(int64_t)(ns / NS_PER_S), (int64_t)(ns % NS_PER_S / 1000)};

	return option_write(to, size, &time, sizeof(time));
}

static int put_linger(const struct socket *socket, uint64_t to, uint32_t *size)
{
	int32_t seconds = socket->linger_seconds;
	struct user_linger linger = {seconds != SOCKET_LINGER_OFF, MAX(seconds, 0)};

	return option_write(to, size, &linger, sizeof(linger));
}

static int get_number(struct socket *socket, int option, int32_t *ret_value)
{
	uint32_t bit = switch_bit(option);

	switch (option) {
	case SO_TYPE:
		*ret_value = (int32_t)socket->type;
		return 0;
	case SO_DOMAIN:
		*ret_value = (int32_t)socket->family;
		return 0;
	case SO_PROTOCOL:
		*ret_value = (int32_t)socket->protocol;
		return 0;
	case SO_ERROR:
		*ret_value = -socket_take_error(socket);
		return 0;
	case SO_ACCEPTCONN:
		*ret_value = 0;
		return 0;
	case SO_SNDBUF:
		*ret_value = (int32_t)socket->send_size;
		return 0;
	case SO_RCVBUF:
		*ret_value = (int32_t)socket->receive_size;
		return 0;
	case SO_PRIORITY:
	case SO_MARK:
	case SO_BUSY_POLL:
		*ret_value = 0;
		return 0;
	case SO_INCOMING_CPU:
		*ret_value = (int32_t)platform_cpu_current();
		return 0;
	case SO_RCVLOWAT:
	case SO_SNDLOWAT:
		*ret_value = 1;
		return 0;
	case SO_BINDTOIFINDEX:
		*ret_value = (int32_t)socket->interface;
		return 0;
	default:
		*ret_value = bit ? !!(socket->flags & bit) : 0;
		return bit ? 0 : -ENOPROTOOPT;
	}
}

int socket_get_option(struct socket *socket, int option, uint64_t to, uint32_t *size)
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
	case SO_LINGER:
		return put_linger(socket, to, size);
	case SO_BINDTODEVICE:
		return put_device(socket, to, size);
	default:
		break;
	}
	r = get_number(socket, option, &value);
	return r ? r : option_write(to, size, &value, sizeof(value));
}
