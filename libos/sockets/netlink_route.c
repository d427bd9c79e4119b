/* Answers of rtnetlink(7): links, addresses, routes. */
#include <linux/capability.h>
#include <asm/errno.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "base/memory.h"
#include "libos/processes/process.h"
#include "libos/sockets/interfaces.h"
#include "libos/sockets/netlink.h"

#define QUEUE_LENGTH 1000U
#define OPERATIONAL_UP 6
#define OPERATIONAL_UNKNOWN 0

/* ---- Building: what does not fit is left out, and there is more room than anything needs ---- */

static uint8_t *put(struct netlink_reply *reply, const void *bytes, uint32_t size)
{
	uint32_t aligned = ALIGN_UP(size, 4U);
	uint8_t *at = reply->bytes + reply->size;

	if (aligned > NETLINK_REPLY_SIZE - reply->size)
		return NULL;
	memset(at, 0, aligned);
	memcpy(at, bytes, size);
	reply->size += aligned;
	return at;
}

static struct nlmsghdr *begin(
	struct netlink_reply *reply, uint16_t type, const void *body, uint32_t size)
{
	const struct nlmsghdr header = {
		.nlmsg_type = type,
		.nlmsg_flags = reply->is_dump ? NLM_F_MULTI : 0,
		.nlmsg_seq = reply->sequence,
		.nlmsg_pid = reply->port_id,
	};
	struct nlmsghdr *at = (struct nlmsghdr *)(void *)put(reply, &header, sizeof(header));

	(void)put(reply, body, size);
	return at;
}

static void end(struct netlink_reply *reply, struct nlmsghdr *header)
{
	if (header)
		header->nlmsg_len =
			(uint32_t)(reply->bytes + reply->size - (uint8_t *)(void *)header);
}

static void put_attribute(
	struct netlink_reply *reply, uint16_t type, const void *value, uint32_t size)
{
	const struct rtattr attribute = {(uint16_t)(sizeof(attribute) + size), type};

	if (put(reply, &attribute, sizeof(attribute)))
		(void)put(reply, value, size);
}

static void put_text(struct netlink_reply *reply, uint16_t type, const char *text)
{
	put_attribute(reply, type, text, (uint32_t)strlen(text) + 1);
}

static void put_number(struct netlink_reply *reply, uint16_t type, uint32_t number)
{
	put_attribute(reply, type, &number, sizeof(number));
}

static void put_ip(struct netlink_reply *reply, uint16_t type, uint32_t ip)
{
	put_number(reply, type, __builtin_bswap32(ip));
}

static void put_error(struct netlink_reply *reply, const struct nlmsghdr *request, int error)
{
	const struct nlmsgerr body = {error, *request};

	end(reply, begin(reply, NLMSG_ERROR, &body, sizeof(body)));
}

/* ---- Contents ---- */

static void put_link(struct netlink_reply *reply, const struct interface *interface)
{
	static const struct rtnl_link_stats statistics;
	static const uint8_t nobody[6], everybody[6] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff};
	bool is_loopback = interface->type == ARPHRD_LOOPBACK;
	const struct ifinfomsg body = {
		.ifi_type = interface->type,
		.ifi_index = (int)interface->index,
		.ifi_flags = interface->flags,
	};
	const uint8_t state = is_loopback ? OPERATIONAL_UNKNOWN : OPERATIONAL_UP;
	struct nlmsghdr *header = begin(reply, RTM_NEWLINK, &body, sizeof(body));

	put_text(reply, IFLA_IFNAME, interface->name);
	put_number(reply, IFLA_TXQLEN, QUEUE_LENGTH);
	put_attribute(reply, IFLA_OPERSTATE, &state, sizeof(state));
	put_number(reply, IFLA_MTU, interface->mtu);
	put_text(reply, IFLA_QDISC, "noqueue");
	put_attribute(reply, IFLA_ADDRESS, interface->hardware, sizeof(interface->hardware));
	put_attribute(reply, IFLA_BROADCAST, is_loopback ? nobody : everybody, sizeof(nobody));
	put_attribute(reply, IFLA_STATS, &statistics, sizeof(statistics));
	end(reply, header);
}

static void put_v4(struct netlink_reply *reply, const struct interface *interface)
{
	const struct ifaddrmsg body = {
		.ifa_family = AF_INET,
		.ifa_prefixlen = (uint8_t)interface->prefix,
		.ifa_flags = IFA_F_PERMANENT,
		.ifa_scope = interface->broadcast ? RT_SCOPE_UNIVERSE : RT_SCOPE_HOST,
		.ifa_index = interface->index,
	};
	struct nlmsghdr *header = begin(reply, RTM_NEWADDR, &body, sizeof(body));

	put_ip(reply, IFA_ADDRESS, interface->ip);
	put_ip(reply, IFA_LOCAL, interface->ip);
	if (interface->broadcast)
		put_ip(reply, IFA_BROADCAST, interface->broadcast);
	put_text(reply, IFA_LABEL, interface->name);
	end(reply, header);
}

/* ::1, the only one. */
static void put_v6(struct netlink_reply *reply)
{
	static const uint8_t loopback[16] = {[15] = 1};
	const struct ifaddrmsg body = {
		.ifa_family = AF_INET6,
		.ifa_prefixlen = 128,
		.ifa_flags = IFA_F_PERMANENT,
		.ifa_scope = RT_SCOPE_HOST,
		.ifa_index = interfaces[0].index,
	};
	struct nlmsghdr *header = begin(reply, RTM_NEWADDR, &body, sizeof(body));

	put_attribute(reply, IFA_ADDRESS, loopback, sizeof(loopback));
	end(reply, header);
}

/* To eth0's network, or by the gateway to everywhere. */
static void put_route(struct netlink_reply *reply, bool is_default)
{
	const struct interface *interface = &interfaces[1];
	const struct rtmsg body = {
		.rtm_family = AF_INET,
		.rtm_dst_len = (uint8_t)(is_default ? 0 : interface->prefix),
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = is_default ? RTPROT_BOOT : RTPROT_KERNEL,
		.rtm_scope = is_default ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK,
		.rtm_type = RTN_UNICAST,
	};
	struct nlmsghdr *header = begin(reply, RTM_NEWROUTE, &body, sizeof(body));

	put_number(reply, RTA_TABLE, RT_TABLE_MAIN);
	if (is_default) {
		put_ip(reply, RTA_GATEWAY, INET_GATEWAY);
	} else {
		put_ip(reply, RTA_DST, interface->ip & interface->netmask);
		put_ip(reply, RTA_PREFSRC, interface->ip);
	}
	put_number(reply, RTA_OIF, interface->index);
	end(reply, header);
}

/* ---- Requests ---- */

static void dump(struct netlink_reply *reply, uint16_t type, uint8_t family)
{
	const int32_t status = 0;

	for (uint32_t i = 0; i < INTERFACE_COUNT; i++) {
		if (type == RTM_GETLINK)
			put_link(reply, &interfaces[i]);
		if (type == RTM_GETADDR && family != AF_INET6)
			put_v4(reply, &interfaces[i]);
	}
	if (type == RTM_GETADDR && family != AF_INET)
		put_v6(reply);
	if (type == RTM_GETROUTE && family != AF_INET6) {
		put_route(reply, true);
		put_route(reply, false);
	}
	end(reply, begin(reply, NLMSG_DONE, &status, sizeof(status)));
}

/* By IFLA_IFNAME, where no number is given. */
static const struct interface *find_named(const uint8_t *at, uint32_t size)
{
	struct rtattr attribute;
	char name[INTERFACE_NAME_SIZE];

	while (size >= sizeof(attribute)) {
		uint32_t length;

		memcpy(&attribute, at, sizeof(attribute));
		length = attribute.rta_len;
		if (length < sizeof(attribute) || length > size)
			return NULL;
		if (attribute.rta_type == IFLA_IFNAME && length > sizeof(attribute)) {
			memset(name, 0, sizeof(name));
			memcpy(name, at + sizeof(attribute),
				MIN(length - sizeof(attribute), sizeof(name) - 1));
			return interface_by_name(name);
		}
		length = MIN(ALIGN_UP(length, 4U), size);
		at += length;
		size -= length;
	}
	return NULL;
}

/* The one that a request is about: -EINVAL, -ENODEV. */
static int find_link(const uint8_t *payload, uint32_t size, struct ifinfomsg *ret_body,
	const struct interface **ret_interface)
{
	if (size < sizeof(*ret_body))
		return -EINVAL;
	memcpy(ret_body, payload, sizeof(*ret_body));
	if (ret_body->ifi_index)
		*ret_interface = interface_by_index((uint32_t)ret_body->ifi_index);
	else
		*ret_interface =
			find_named(payload + sizeof(*ret_body), size - (uint32_t)sizeof(*ret_body));
	return *ret_interface ? 0 : -ENODEV;
}

static int get_link(struct netlink_reply *reply, const uint8_t *payload, uint32_t size)
{
	const struct interface *interface;
	struct ifinfomsg body;
	int r = find_link(payload, size, &body, &interface);

	if (!r)
		put_link(reply, interface);
	return r;
}

/* "ip link set lo up": nobody changes an interface, but to ask for what is so already is fine. */
static int set_link(const uint8_t *payload, uint32_t size)
{
	const struct interface *interface;
	struct ifinfomsg body;
	int r;

	if (!credentials_can(&thread_current()->credentials, CAP_NET_ADMIN))
		return -EPERM;
	r = find_link(payload, size, &body, &interface);
	if (r)
		return r;
	/* With attributes it would be more than flags. */
	if (size > sizeof(body) || (body.ifi_flags ^ interface->flags) & body.ifi_change)
		return -EPERM;
	return 0;
}

void netlink_route_answer(struct netlink_reply *reply, const struct nlmsghdr *header,
	const uint8_t *payload, uint32_t size)
{
	uint16_t type = header->nlmsg_type;
	bool is_known = type == RTM_GETLINK || type == RTM_GETADDR || type == RTM_GETROUTE;
	int r = -EOPNOTSUPP;

	reply->is_dump = (header->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	if (is_known && reply->is_dump) {
		/* All requests begin with the family. */
		dump(reply, type, size ? payload[0] : 0);
		return;
	}
	reply->is_dump = false;
	/* Numbers come in fours: new, delete, get, set. */
	if (type == RTM_NEWLINK && !(header->nlmsg_flags & (NLM_F_CREATE | NLM_F_EXCL)))
		r = set_link(payload, size);
	else if (type >= RTM_BASE && (type & 3) != 2)
		r = -EPERM;
	else if (type == RTM_GETLINK)
		r = get_link(reply, payload, size);
	if (r || header->nlmsg_flags & NLM_F_ACK)
		put_error(reply, header, r);
}
