#include "libos/sockets/interfaces.h"

#include "base/memory.h"

const struct interface interfaces[INTERFACE_COUNT] = {
	{
		.name = "lo",
		.index = 1,
		.flags = IFF_UP | IFF_LOOPBACK | IFF_RUNNING | IFF_LOWER_UP,
		.mtu = 65536,
		.type = ARPHRD_LOOPBACK,
		.ip = INET_LOOPBACK,
		.netmask = 0xff000000,
		.prefix = 8,
	},
	{
		.name = "eth0",
		.index = 2,
		.flags = IFF_UP | IFF_BROADCAST | IFF_RUNNING | IFF_MULTICAST | IFF_LOWER_UP,
		.mtu = 1500,
		.type = ARPHRD_ETHER,
		.hardware = {0x02, 0x00, 0x0a, 0x00, 0x02, 0x64},
		.ip = INET_OWN,
		.netmask = INET_NETMASK,
		.broadcast = INET_OWN | ~INET_NETMASK,
		.prefix = 24,
	},
};

const struct interface *interface_by_index(uint32_t index)
{
	return index >= 1 && index <= INTERFACE_COUNT ? &interfaces[index - 1] : NULL;
}

const struct interface *interface_by_name(const char *name)
{
	for (uint32_t i = 0; i < INTERFACE_COUNT; i++)
		if (!strcmp(interfaces[i].name, name))
			return &interfaces[i];
	return NULL;
}

uint32_t interface_of(const struct inet_address *address)
{
	bool is_own = inet_address_is_v4(address) && inet_address_ip(address) == INET_OWN;

	return is_own ? 2 : 1;
}
