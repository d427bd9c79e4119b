/* The enclave's network interfaces, as netlink, ioctls, /proc and /sys show them: lo and eth0. */
#ifndef LIBOS_SOCKETS_INTERFACES_H
#define LIBOS_SOCKETS_INTERFACES_H

#include "libos/sockets/inet_address.h"

#define INTERFACE_COUNT 2U
#define INTERFACE_LOOPBACK 1U /* its number */

/* netdevice(7); <linux/if.h> wants a libc. */
enum {
	IFF_UP = 0x1,
	IFF_BROADCAST = 0x2,
	IFF_LOOPBACK = 0x8,
	IFF_RUNNING = 0x40,
	IFF_MULTICAST = 0x1000,
	IFF_LOWER_UP = 0x10000,
	ARPHRD_ETHER = 1,
	ARPHRD_LOOPBACK = 772,
	INTERFACE_NAME_SIZE = 16,
};

/* struct ifreq, struct ifconf */
struct user_interface {
	char name[INTERFACE_NAME_SIZE];
	union {
		struct sockaddr_in address;
		struct {
			uint16_t type;
			uint8_t bytes[6];
		} hardware;
		int16_t flags;
		int32_t number;
		uint8_t bytes[24];
	};
};
_Static_assert(sizeof(struct user_interface) == 40, "ABI");
struct user_interface_list {
	int32_t size, padding;
	uint64_t buffer;
};

struct interface {
	const char *name;
	uint32_t index, flags; /* IFF_* */
	uint32_t mtu;
	uint16_t type; /* ARPHRD_* */
	uint8_t hardware[6];
	uint32_t ip, netmask, broadcast; /* broadcast 0: none */
	uint32_t prefix;
};

extern const struct interface interfaces[INTERFACE_COUNT];

/* ioctl(2): -ENOTTY it is not about interfaces, -ENODEV, -EPERM nobody may change them. */
MUST_CHECK long interfaces_ioctl(uint32_t request, uint64_t argument);
/* NULL: none. */
const struct interface *interface_by_index(uint32_t index);
const struct interface *interface_by_name(const char *name);
/* The number of the one that has @address, the enclave's own. */
uint32_t interface_of(const struct inet_address *address);

#endif
