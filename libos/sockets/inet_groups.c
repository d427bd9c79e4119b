/* Multicast, ip(7), ipv6(7): groups that sockets join. What is sent to one goes to the enclave's
 * own sockets that joined it on the interface it is sent from; outside of the enclave nobody is
 * asked, as in a network without another member. */
#include <asm/errno.h>
#include <linux/in6.h>

#include "base/memory.h"
#include "libos/core/heap.h"
#include "libos/sockets/inet.h"
#include "libos/sockets/interfaces.h"

#define GROUP_COUNT_MAX 20U /* net.ipv4.igmp_max_memberships */
#define INTERFACE_DEFAULT 2U

/* As programs lay them out; linux/in.h's want a libc. */
struct user_group_v4 {
	uint32_t group, address, interface;
};
struct user_group_v6 {
	uint8_t group[16];
	uint32_t interface;
};
struct user_group_any {
	uint32_t interface, padding;
	uint8_t group[128];
};
_Static_assert(sizeof(struct user_group_any) == 136, "struct group_req");
#define GROUP_V4_SIZE_MIN 8U /* struct ip_mreq */

bool inet_groups_is_option(int level, int option)
{
	if (level == IPPROTO_IP)
		return option == IP_ADD_MEMBERSHIP || option == IP_DROP_MEMBERSHIP ||
		       option == MCAST_JOIN_GROUP || option == MCAST_LEAVE_GROUP ||
		       option == IP_MULTICAST_IF;
	return level == IPPROTO_IPV6 &&
	       (option == IPV6_ADD_MEMBERSHIP || option == IPV6_DROP_MEMBERSHIP ||
		       option == MCAST_JOIN_GROUP || option == MCAST_LEAVE_GROUP ||
		       option == IPV6_MULTICAST_IF);
}

/* ---- What the program names ---- */

static int interface_check(uint32_t index, uint32_t *ret_index)
{
	*ret_index = index ? index : INTERFACE_DEFAULT;
	return interface_by_index(*ret_index) ? 0 : -ENODEV;
}

/* By number, or by an address of its own. */
static int interface_find(uint32_t index, uint32_t address, uint32_t *ret_index)
{
	struct inet_address own = inet_address_v4(__builtin_bswap32(address), 0);

	if (index || !address)
		return interface_check(index, ret_index);
	*ret_index = interface_of(&own);
	return inet_address_is_own(&own) ? 0 : -ENODEV;
}

static int read_v4(uint64_t from, uint32_t size, struct inet_group *ret_group)
{
	struct user_group_v4 user = {0};

	if (size < GROUP_V4_SIZE_MIN)
		return -EINVAL;
	if (user_read(&user, from, size < sizeof(user) ? GROUP_V4_SIZE_MIN : sizeof(user)))
		return -EFAULT;
	ret_group->address = inet_address_v4(__builtin_bswap32(user.group), 0);
	if (!inet_address_is_group(&ret_group->address))
		return -EINVAL;
	return interface_find(user.interface, user.address, &ret_group->interface);
}

static int read_v6(uint64_t from, uint32_t size, struct inet_group *ret_group)
{
	struct user_group_v6 user;

	if (size < sizeof(user))
		return -EINVAL;
	if (USER_GET(&user, from))
		return -EFAULT;
	ret_group->address = (struct inet_address){.port = 0};
	memcpy(ret_group->address.bytes, user.group, sizeof(user.group));
	if (inet_address_is_v4(&ret_group->address) || !inet_address_is_group(&ret_group->address))
		return -EINVAL;
	return interface_check(user.interface, &ret_group->interface);
}

static int read_any(uint32_t family, uint64_t from, uint32_t size, struct inet_group *ret_group)
{
	struct socket_address address = {.length = sizeof(address.in6)};
	struct user_group_any user;
	int r;

	if (size < sizeof(user))
		return -EINVAL;
	if (USER_GET(&user, from))
		return -EFAULT;
	memcpy(&address.in6, user.group, sizeof(address.in6));
	if (address.family != family)
		return -EINVAL;
	r = inet_address_read(family, &address, &ret_group->address);
	ret_group->address.port = 0;
	if (r || !inet_address_is_group(&ret_group->address))
		return -EINVAL;
	return interface_check(user.interface, &ret_group->interface);
}

/* ---- Joining and leaving. Locked ---- */

static struct inet_group *find(struct inet_socket *socket, const struct inet_group *group)
{
	for (uint32_t i = 0; i < socket->group_count; i++)
		if (socket->groups[i].interface == group->interface &&
			inet_address_same(&socket->groups[i].address, &group->address))
			return &socket->groups[i];
	return NULL;
}

static int join(struct inet_socket *socket, const struct inet_group *group)
{
	if (find(socket, group))
		return -EADDRINUSE;
	if (socket->group_count == GROUP_COUNT_MAX)
		return -ENOBUFS;
	if (!socket->groups)
		socket->groups = heap_alloc(GROUP_COUNT_MAX * sizeof(*group));
	if (!socket->groups)
		return -ENOMEM;
	socket->groups[socket->group_count++] = *group;
	return 0;
}

static int leave(struct inet_socket *socket, const struct inet_group *group)
{
	struct inet_group *found = find(socket, group);

	if (!found)
		return -EADDRNOTAVAIL;
	*found = socket->groups[--socket->group_count];
	return 0;
}

/* ---- The interface to send from ---- */

static int set_interface_v4(struct inet_socket *socket, uint64_t from, uint32_t size)
{
	struct user_group_v4 user = {0};
	uint32_t index = 0;
	int r;

	if (size < sizeof(user.address))
		return -EINVAL;
	if (size >= GROUP_V4_SIZE_MIN)
		r = user_read(&user, from, size < sizeof(user) ? GROUP_V4_SIZE_MIN : sizeof(user));
	else
		r = USER_GET(&user.address, from);
	if (r)
		return -EFAULT;
	if (user.interface || user.address)
		r = interface_find(user.interface, user.address, &index);
	if (r)
		return -EADDRNOTAVAIL;
	socket->group_interface = index;
	socket->group_interface_address = user.address;
	return 0;
}

static int set_interface_v6(struct inet_socket *socket, uint64_t from, uint32_t size)
{
	uint32_t index;

	if (size < sizeof(index))
		return -EINVAL;
	if (USER_GET(&index, from))
		return -EFAULT;
	if (index && !interface_by_index(index))
		return -ENODEV;
	socket->group_interface = index;
	return 0;
}

int inet_groups_set(struct inet_socket *socket, int level, int option, uint64_t from, uint32_t size)
{
	bool is_v4 = level == IPPROTO_IP, is_leaving;
	struct inet_group group;
	int r;

	if (option == (is_v4 ? IP_MULTICAST_IF : IPV6_MULTICAST_IF))
		return is_v4 ? set_interface_v4(socket, from, size)
			     : set_interface_v6(socket, from, size);
	is_leaving = option == MCAST_LEAVE_GROUP ||
		     option == (is_v4 ? IP_DROP_MEMBERSHIP : IPV6_DROP_MEMBERSHIP);
	if (option == MCAST_JOIN_GROUP || option == MCAST_LEAVE_GROUP)
		r = read_any(is_v4 ? AF_INET : AF_INET6, from, size, &group);
	else if (inet_is_stream(socket))
		return -EPROTO;
	else
		r = is_v4 ? read_v4(from, size, &group) : read_v6(from, size, &group);
	if (r)
		return r;
	LOCK_SCOPE(&socket->base.lock);
	return is_leaving ? leave(socket, &group) : join(socket, &group);
}

int inet_groups_get_interface(
	const struct inet_socket *socket, int level, uint64_t to, uint32_t *size)
{
	const uint32_t *value =
		level == IPPROTO_IP ? &socket->group_interface_address : &socket->group_interface;

	return option_write(to, size, value, sizeof(*value));
}

/* ---- Sending ---- */

struct inet_address inet_groups_source(
	const struct inet_socket *socket, const struct inet_address *to)
{
	uint32_t index = socket->group_interface ? socket->group_interface : INTERFACE_DEFAULT;
	struct inet_address any = {{0}, 0};

	return inet_address_is_v4(to) ? inet_address_v4(interface_by_index(index)->ip, 0)
				      : inet_source_for(&any);
}

struct sending {
	const struct inet_group *group;
	uint16_t port;
	bool is_joined; /* by somebody */
	void (*take)(struct inet_socket *member, void *context);
	void *context;
};

static bool is_member(struct inet_socket *socket, const struct inet_group *group)
{
	LOCK_SCOPE(&socket->base.lock);
	return find(socket, group);
}

static bool look_for_members(struct inet_socket *socket, void *context)
{
	struct sending *sending = context;

	sending->is_joined = is_member(socket, sending->group);
	return !sending->is_joined;
}

/* Bound to the port, and to any address or to the group itself. */
static bool is_bound(
	const struct inet_socket *socket, const struct inet_group *group, uint16_t port)
{
	bool is_v4 = inet_address_is_v4(&group->address);

	if (socket->local.port != port)
		return false;
	if (!inet_address_is_any(&socket->local))
		return inet_address_same(&socket->local, &group->address);
	return inet_address_is_v4(&socket->local) ? is_v4
						  : !is_v4 || !socket->numbers[NUMBER_V6_ONLY];
}

/* IP_MULTICAST_ALL: who has not joined gets it, too, if anybody here has. */
static bool give(struct inet_socket *socket, void *context)
{
	const struct sending *sending = context;
	bool is_v4 = inet_address_is_v4(&sending->group->address);

	if (!is_bound(socket, sending->group, sending->port))
		return true;
	if (socket->numbers[is_v4 ? NUMBER_MULTICAST_ALL : NUMBER_V6_MULTICAST_ALL] ||
		is_member(socket, sending->group))
		sending->take(socket, sending->context);
	return true;
}

void inet_groups_each(const struct inet_socket *from, const struct inet_address *to,
	void (*take)(struct inet_socket *member, void *context), void *context)
{
	struct inet_group group = {.address = *to,
		.interface = from->group_interface ? from->group_interface : INTERFACE_DEFAULT};
	struct sending sending = {&group, to->port, false, take, context};

	group.address.port = 0;
	inet_each(SOCK_DGRAM, look_for_members, &sending);
	if (!sending.is_joined)
		inet_each(SOCK_STREAM, look_for_members, &sending);
	if (sending.is_joined)
		inet_each(SOCK_DGRAM, give, &sending);
}
