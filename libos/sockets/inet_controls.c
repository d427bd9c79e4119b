/* Control messages of datagrams: ip(7), ipv6(7). They say what a header would; nothing inside has
 * one, so a datagram carries its marks along. What comes from outside has those of any. */
#include <asm/errno.h>
#include <linux/ipv6.h>

#include "base/memory.h"
#include "libos/sockets/inet.h"
#include "libos/sockets/interfaces.h"

/* ---- Sending ---- */

/* IP_PKTINFO says from which address. */
static int take_source(const struct message_control *control, struct inet_address *source)
{
	struct in_pktinfo info;
	struct inet_address wanted;

	if (control->size != sizeof(info))
		return -EINVAL;
	memcpy(&info, control->data, sizeof(info));
	wanted = inet_address_v4(__builtin_bswap32(info.ipi_spec_dst.s_addr), source->port);
	if (inet_address_is_own(&wanted) && !inet_address_is_any(&wanted))
		*source = wanted;
	return 0;
}

/* A number from @least on that fits a byte. */
static int take_mark(const struct message_control *control, int32_t least, uint8_t *mark)
{
	int32_t value;

	if (control->size != sizeof(value))
		return -EINVAL;
	memcpy(&value, control->data, sizeof(value));
	if (value < least || value > (int32_t)UINT8_MAX)
		return -EINVAL;
	if (value >= 0) /* -1: as if it had not been said */
		*mark = (uint8_t)value;
	return 0;
}

static int take_v4(const struct message_control *control, struct inet_address *source,
	struct inet_marks *marks)
{
	switch (control->type) {
	case IP_PKTINFO:
		return take_source(control, source);
	case IP_TTL:
		return take_mark(control, 1, &marks->hops);
	case IP_TOS:
		if (control->size != 1)
			return take_mark(control, 0, &marks->class);
		marks->class = control->data[0];
		return 0;
	default:
		return -EINVAL;
	}
}

/* There is one address of version 6 to choose from. */
static int take_v6(const struct message_control *control, struct inet_marks *marks)
{
	switch (control->type) {
	case IPV6_PKTINFO:
		return control->size < sizeof(struct in6_pktinfo) ? -EINVAL : 0;
	case IPV6_HOPLIMIT:
		return take_mark(control, -1, &marks->hops);
	case IPV6_TCLASS:
		return take_mark(control, -1, &marks->class);
	default:
		return -EINVAL;
	}
}

static struct inet_marks marks_for(const struct inet_socket *socket, const struct inet_address *to)
{
	bool is_v4 = inet_address_is_v4(to), is_group = inet_address_is_group(to);
	uint32_t v4 = is_group ? NUMBER_MULTICAST_TTL : NUMBER_TTL;
	uint32_t v6 = is_group ? NUMBER_V6_MULTICAST_HOPS : NUMBER_V6_HOPS;

	return (struct inet_marks){
		(uint8_t)socket->numbers[is_v4 ? v4 : v6],
		(uint8_t)socket->numbers[is_v4 ? NUMBER_TOS : NUMBER_V6_TRAFFIC_CLASS],
	};
}

int inet_controls_take(struct inet_socket *socket, const struct message *message,
	const struct inet_address *to, struct inet_address *source, struct inet_marks *ret_marks)
{
	bool is_v4 = inet_address_is_v4(to);
	int r = 0;

	*ret_marks = marks_for(socket, to);
	for (uint32_t i = 0; !r && i < message->control_count; i++) {
		const struct message_control *control = &message->controls[i];

		if (is_v4 && control->level == IPPROTO_IP)
			r = take_v4(control, source, ret_marks);
		else if (!is_v4 && control->level == IPPROTO_IPV6)
			r = take_v6(control, ret_marks);
	}
	return r;
}

/* ---- Receiving ---- */

/* Where it came in. */
static int interface_for(const struct inet_packet *packet)
{
	return (int)interface_of(inet_address_is_group(&packet->to) ? &packet->from : &packet->to);
}

static void give_number(struct message *message, int level, int type, int32_t number)
{
	message_add_control(message, level, type, &number, sizeof(number));
}

static void give_v4(
	struct inet_socket *socket, const struct inet_packet *packet, struct message *message)
{
	struct in_pktinfo info = {.ipi_ifindex = interface_for(packet)};

	info.ipi_addr.s_addr = __builtin_bswap32(inet_address_ip(&packet->to));
	info.ipi_spec_dst = info.ipi_addr;
	if (socket->numbers[NUMBER_PACKET_INFO])
		message_add_control(message, IPPROTO_IP, IP_PKTINFO, &info, sizeof(info));
	if (socket->numbers[NUMBER_RECEIVE_TTL])
		give_number(message, IPPROTO_IP, IP_TTL, packet->marks.hops);
	if (socket->numbers[NUMBER_RECEIVE_TOS])
		message_add_control(message, IPPROTO_IP, IP_TOS, &packet->marks.class, 1);
}

static void give_v6(
	struct inet_socket *socket, const struct inet_packet *packet, struct message *message)
{
	if (socket->numbers[NUMBER_V6_RECEIVE_HOPS])
		give_number(message, IPPROTO_IPV6, IPV6_HOPLIMIT, packet->marks.hops);
	if (socket->numbers[NUMBER_V6_RECEIVE_TRAFFIC_CLASS])
		give_number(message, IPPROTO_IPV6, IPV6_TCLASS, packet->marks.class);
}

void inet_controls_give(
	struct inet_socket *socket, const struct inet_packet *packet, struct message *message)
{
	if (socket->numbers[NUMBER_V6_PACKET_INFO]) {
		struct in6_pktinfo info = {.ipi6_ifindex = interface_for(packet)};

		memcpy(&info.ipi6_addr, packet->to.bytes, sizeof(packet->to.bytes));
		message_add_control(message, IPPROTO_IPV6, IPV6_PKTINFO, &info, sizeof(info));
	}
	if (inet_address_is_v4(&packet->to))
		give_v4(socket, packet, message);
	else
		give_v6(socket, packet, message);
}
