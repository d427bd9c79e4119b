/* What every socket tells of the interfaces: netdevice(7). */
#include <asm/errno.h>
#include <linux/sockios.h>

#include "base/memory.h"
#include "libos/core/user.h"
#include "libos/sockets/interfaces.h"

#define QUEUE_LENGTH 1000

static void put_ip(struct user_interface *request, uint32_t ip)
{
	request->address = (struct sockaddr_in){.sin_family = AF_INET};
	request->address.sin_addr.s_addr = __builtin_bswap32(ip);
}

static void put_hardware(struct user_interface *request, const struct interface *interface)
{
	memset(request->bytes, 0, sizeof(request->bytes));
	request->hardware.type = interface->type;
	memcpy(request->hardware.bytes, interface->hardware, sizeof(interface->hardware));
}

static long answer(
	uint32_t command, const struct interface *interface, struct user_interface *request)
{
	switch (command) {
	case SIOCGIFINDEX:
		request->number = (int32_t)interface->index;
		return 0;
	case SIOCGIFFLAGS:
		request->flags = (int16_t)interface->flags;
		return 0;
	case SIOCGIFADDR:
	case SIOCGIFDSTADDR:
		put_ip(request, interface->ip);
		return 0;
	case SIOCGIFNETMASK:
		put_ip(request, interface->netmask);
		return 0;
	case SIOCGIFBRDADDR:
		put_ip(request, interface->broadcast);
		return 0;
	case SIOCGIFMTU:
		request->number = (int32_t)interface->mtu;
		return 0;
	case SIOCGIFMETRIC:
		request->number = 0;
		return 0;
	case SIOCGIFTXQLEN:
		request->number = QUEUE_LENGTH;
		return 0;
	case SIOCGIFHWADDR:
		put_hardware(request, interface);
		return 0;
	default:
		return -ENOTTY;
	}
}

static bool is_known(uint32_t command)
{
	struct user_interface request;

	return answer(command, &interfaces[0], &request) == 0;
}

static long interface_get(uint32_t command, uint64_t argument)
{
	const struct interface *interface;
	struct user_interface request;
	long r;

	if (!is_known(command))
		return -ENOTTY;
	if (USER_GET(&request, argument))
		return -EFAULT;
	request.name[INTERFACE_NAME_SIZE - 1] = '\0';
	interface = interface_by_name(request.name);
	if (!interface)
		return -ENODEV;
	r = answer(command, interface, &request);
	return r ? r : USER_PUT(argument, request);
}

static long interface_name(uint64_t argument)
{
	const struct interface *interface;
	struct user_interface request;

	if (USER_GET(&request, argument))
		return -EFAULT;
	interface = interface_by_index((uint32_t)request.number);
	if (!interface)
		return -ENODEV;
	memset(request.name, 0, sizeof(request.name));
	string_copy(request.name, interface->name, sizeof(request.name));
	return USER_PUT(argument, request);
}

/* SIOCGIFCONF: those with an IPv4 address, as many as there is room for. */
static long interface_list(uint64_t argument)
{
	struct user_interface_list list;
	uint32_t done = 0, room;

	if (USER_GET(&list, argument))
		return -EFAULT;
	room = list.buffer ? (uint32_t)MAX(list.size, 0) : UINT32_MAX;
	for (uint32_t i = 0; i < INTERFACE_COUNT; i++) {
		struct user_interface request;

		if (room - done < sizeof(request))
			break;
		memset(&request, 0, sizeof(request));
		string_copy(request.name, interfaces[i].name, sizeof(request.name));
		put_ip(&request, interfaces[i].ip);
		if (list.buffer && USER_PUT(list.buffer + done, request))
			return -EFAULT;
		done += (uint32_t)sizeof(request);
	}
	list.size = (int32_t)done;
	return USER_PUT(argument, list);
}

long interfaces_ioctl(uint32_t request, uint64_t argument)
{
	struct user_interface asked;

	switch (request) {
	case SIOCGIFCONF:
		return interface_list(argument);
	case SIOCGIFNAME:
		return interface_name(argument);
	case SIOCSIFFLAGS:
	case SIOCSIFADDR:
	case SIOCSIFNETMASK:
	case SIOCSIFMTU:
		return USER_GET(&asked, argument) ? -EFAULT : -EPERM;
	default:
		return interface_get(request, argument);
	}
}
