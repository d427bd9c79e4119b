/* /proc/net: the tables of the network's state. */
#include "libos/files/proc.h"

#include "base/memory.h"
#include "libos/sockets/inet.h"
#include "libos/sockets/interfaces.h"
#include "libos/sockets/unix.h"

#define SOCKET_HEADER                                                                              \
	"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "      \
	"timeout inode"
#define SOCKET6_HEADER                                                                             \
	"  sl  local_address                         remote_address                        st "    \
	"tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode"
#define DATAGRAM_HEADER " ref pointer drops\n"
#define TCP_LINE_SIZE 149
#define UDP_LINE_SIZE 127
#define UDP_STATE_CONNECTED 1U
#define UDP_STATE_OPEN 7U

/* ---- TCP and UDP ---- */

struct table {
	struct text *text;
	uint32_t family, line, line_size;
};

/* Four bytes at a time, as this processor reads them. */
static void put_address(struct text *text, uint32_t family, const struct inet_address *address)
{
	uint32_t words[4];

	memcpy(words, address->bytes, sizeof(words));
	if (family == AF_INET)
		text_put(text, "%08X:%04X", words[3], address->port);
	else
		text_put(text, "%08X%08X%08X%08X:%04X", words[0], words[1], words[2], words[3],
			address->port);
}

static uint32_t state_of(const struct inet_socket *socket)
{
	if (inet_is_stream(socket))
		return inet_tcp_state(socket);
	return socket->remote.port ? UDP_STATE_CONNECTED : UDP_STATE_OPEN;
}

static bool put_socket(struct inet_socket *socket, void *context)
{
	struct table *table = context;
	struct text *text = table->text;
	size_t start = text->size;
	uint32_t received =
		socket->state == INET_LISTENING ? socket->pending_count : socket->weight;

	if (socket->base.family != table->family)
		return true;
	text_put(text, "%4u: ", table->line++);
	put_address(text, table->family, &socket->local);
	text_put(text, " ");
	put_address(text, table->family, &socket->remote);
	text_put(text, " %02X 00000000:%08X 00:00000000 00000000 %5u        0 %lu ",
		state_of(socket), received, socket->owner_uid, socket->base.number);
	text_put(text, inet_is_stream(socket) ? "1 0000000000000000 20 4 30 10 -1"
					      : "2 0000000000000000 0");
	while (!text->failed && text->size - start < table->line_size)
		text_put(text, " ");
	text_put(text, "\n");
	return !text->failed;
}

/* @entry's number: the family; its text: what stands above. */
static int show_sockets(const struct computed_entry *entry, struct text *text)
{
	bool is_stream = entry->node->name[0] == 't';
	struct table table = {text, (uint32_t)entry->node->number, 0, 0};

	if (table.family == AF_INET)
		table.line_size = is_stream ? TCP_LINE_SIZE : UDP_LINE_SIZE;
	text_put(text, "%s%s", entry->node->text, is_stream ? "\n" : DATAGRAM_HEADER);
	inet_each(is_stream ? SOCK_STREAM : SOCK_DGRAM, put_socket, &table);
	return 0;
}

static bool count_socket(struct inet_socket *socket, void *context)
{
	uint32_t *count = context;

	(void)socket;
	(*count)++;
	return true;
}

static int show_sockstat(const struct computed_entry *entry, struct text *text)
{
	uint32_t tcp = 0, udp = 0;

	(void)entry;
	inet_each(SOCK_STREAM, count_socket, &tcp);
	inet_each(SOCK_DGRAM, count_socket, &udp);
	text_put(text,
		"sockets: used %u\nTCP: inuse %u orphan 0 tw 0 alloc %u mem 0\n"
		"UDP: inuse %u mem 0\nUDPLITE: inuse 0\nRAW: inuse 0\nFRAG: inuse 0 memory 0\n",
		tcp + udp, tcp, tcp, udp);
	return 0;
}

/* ---- AF_UNIX: those that are bound ---- */

static void put_unix(struct unix_socket *socket, void *context)
{
	bool is_listening = socket->state == UNIX_LISTENING;
	const struct unix_name *name = socket->name;
	struct text *text = context;

	text_put(text, "0000000000000000: %08X 00000000 %08X %04X %02X %5lu ",
		socket->base.reference_count + 1, is_listening ? 0x10000U : 0U, socket->base.type,
		socket->state == UNIX_CONNECTED ? 3U : 1U, socket->base.number);
	for (uint32_t i = 0; i + sizeof(name->family) < name->length; i++)
		if (name->path[i])
			text_put_bytes(text, &name->path[i], 1);
		else if (!i || i + sizeof(name->family) + 1 < name->length)
			text_put(text, "@");
	text_put(text, "\n");
}

static int show_unix(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	text_put(text, "Num       RefCount Protocol Flags    Type St Inode Path\n");
	unix_each_bound(put_unix, text);
	return 0;
}

/* ---- Interfaces and routes ---- */

static int show_devices(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	text_put(text,
		"Inter-|   Receive                                                |  Transmit\n"
		" face |bytes    packets errs drop fifo frame compressed multicast|bytes    "
		"packets errs drop fifo colls carrier compressed\n");
	for (uint32_t i = 0; i < INTERFACE_COUNT; i++)
		text_put(text,
			"%6s:       0       0    0    0    0     0          0         0        0   "
			"    0    0    0    0     0       0          0\n",
			interfaces[i].name);
	return 0;
}

static void put_route(struct text *text, uint32_t to, uint32_t gateway, uint32_t mask)
{
	enum { UP = 1, BY_GATEWAY = 2 };

	text_put(text, "%s\t%08X\t%08X\t%04X\t0\t0\t0\t%08X\t0\t0\t0\n", interfaces[1].name,
		__builtin_bswap32(to), __builtin_bswap32(gateway), gateway ? UP | BY_GATEWAY : UP,
		__builtin_bswap32(mask));
}

static int show_routes(const struct computed_entry *entry, struct text *text)
{
	(void)entry;
	text_put(text, "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU"
		       "\tWindow\tIRTT\n");
	put_route(text, 0, INET_GATEWAY, 0);
	put_route(text, INET_OWN & INET_NETMASK, 0, INET_NETMASK);
	return 0;
}

#define NODE_SOCKETS(file_name, family, header)                                                    \
	{                                                                                          \
		.name = (file_name), .mode = S_IFREG | 0444, .show = show_sockets,                 \
		.number = (family), .text = (header)                                               \
	}

const struct computed_node proc_net_nodes[] = {
	NODE_SOCKETS("tcp", AF_INET, SOCKET_HEADER),
	NODE_SOCKETS("tcp6", AF_INET6, SOCKET6_HEADER),
	NODE_SOCKETS("udp", AF_INET, SOCKET_HEADER),
	NODE_SOCKETS("udp6", AF_INET6, SOCKET6_HEADER),
	NODE_TEXT("raw", SOCKET_HEADER " ref pointer drops"),
	NODE_FILE("unix", show_unix),
	NODE_TEXT("packet", "sk       RefCnt Type Proto  Iface R Rmem   User   Inode"),
	NODE_TEXT("netlink", "sk               Eth Pid        Groups   Rmem     Wmem     Dump  "
			     "Locks    Drops    Inode"),
	NODE_FILE("dev", show_devices),
	NODE_TEXT("if_inet6", "00000000000000000000000000000001 01 80 10 80       lo"),
	NODE_FILE("route", show_routes),
	NODE_TEXT("arp", "IP address       HW type     Flags       HW address            Mask     "
			 "Device"),
	NODE_FILE("sockstat", show_sockstat),
	NODE_TEXT("protocols", "protocol  size sockets  memory press maxhdr  slab module"),
};
_Static_assert(ARRAY_SIZE(proc_net_nodes) == PROC_NET_COUNT, "as its users count");
